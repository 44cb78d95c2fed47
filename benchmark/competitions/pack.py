"""Makes competition folders: cuts the data, hides the answers, scores dummy and reference models."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from benchmark.competitions.competition import IMAGE, Competition
from benchmark.competitions.grading import grade, reference_scores, score
from benchmark.competitions.references import predictions
from benchmark.errors import NotRunError
from utils.files import sha256_file, write_atomic

CHECKSUMS = "checksums.json"
# Raised when prepare writes other files than before: folders of an earlier one are made anew.
_EDITION = 2
# Beside the competitions: what was downloaded for them.
_CACHE = ".cache"


def prepare(competition: Competition, dest: Path) -> bool:
    """Writes <dest>/<name>/prepared/{public,private}; False when an intact folder was there
    already.

    The same tables on every machine with the same data package; reference scores also depend on
    scikit-learn. Raises NotRunError when the data are not to be had.
    """
    root = dest / competition.name
    if intact(root):
        return False
    frame = _loaded(competition, dest / _CACHE)
    with _alone(dest / _CACHE / f"{competition.name}.lock"):
        if intact(root):
            return False
        draft = dest / f".{competition.name}.made"
        for leftover in (draft, root):
            if leftover.exists():
                shutil.rmtree(leftover)
        _write_parts(competition, frame, draft / "prepared")
        write_atomic(draft / CHECKSUMS, json.dumps(_checksums(draft), indent=1))
        draft.replace(root)
    return True


@dataclass(frozen=True, slots=True)
class PreparedCompetition:
    """A competition with its folder in `dest`."""

    competition: Competition
    dest: Path

    @property
    def public(self) -> Path:
        """What a competitor gets."""
        return self.dest / self.competition.name / "prepared" / "public"

    @property
    def reference(self) -> dict[str, float]:
        """Private scores of the dummy and of the reference models, by name."""
        return reference_scores(self.competition, self.dest)

    def score(self, submission: Path) -> float:
        """Private score. Raises what grading.grade raises."""
        return grade(self.competition, submission, self.dest).score


def open_prepared(competition: Competition, dest: Path) -> PreparedCompetition:
    """Raises NotRunError when the data are not to be had."""
    prepare(competition, dest)
    return PreparedCompetition(competition, dest)


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Waits while another process makes the same competition."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def intact(root: Path) -> bool:
    """True when every file below is as this edition of `prepare` left it."""
    path = root / CHECKSUMS
    if not path.is_file():
        return False
    try:
        return json.loads(path.read_text(encoding="utf-8")) == _checksums(root)
    except ValueError:
        return False


def _loaded(competition: Competition, cache: Path) -> pd.DataFrame:
    try:
        return competition.load(cache)
    except ImportError as error:
        raise NotRunError(
            f"{competition.name} needs the package {error.name} (pip install {error.name})"
        ) from error
    except NotRunError as error:
        raise NotRunError(f"{competition.name}: {error}") from error


def _write_parts(competition: Competition, frame: pd.DataFrame, prepared: Path) -> None:
    public, private = prepared / "public", prepared / "private"
    train, test = cut(competition, frame)
    if IMAGE in frame:
        for part, name in ((train, "train"), (test, "test")):
            _write_images(public / name, part[competition.id_column], part[IMAGE])
        train, test = train.drop(columns=IMAGE), test.drop(columns=IMAGE)
    answers = test[[competition.id_column, competition.target]]
    known = test.drop(columns=competition.target)
    _write_table(public / "train.csv", train)
    if list(known) != [competition.id_column]:
        _write_table(public / "test.csv", known)
    _write_table(
        public / "sample_submission.csv", answers.assign(**{competition.target: competition.dummy})
    )
    _write_table(private / "test.csv", answers)
    write_atomic(public / "description.md", competition.description)
    write_atomic(
        private / "reference.json",
        json.dumps(_reference_scores(competition, public, answers), indent=1),
    )


def cut(competition: Competition, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train and test rows with new ids: numbers in the order of the rows."""
    if competition.time_column:
        frame = frame.sort_values(competition.time_column, kind="stable")
    else:
        frame = frame.iloc[np.random.default_rng(competition.seed).permutation(len(frame))]
    frame = frame[: competition.limit].reset_index(drop=True)
    frame.insert(0, competition.id_column, np.arange(1, len(frame) + 1))
    first = len(frame) - round(competition.test_share * len(frame))
    return frame[:first], frame[first:]


def _write_table(path: Path, table: pd.DataFrame) -> None:
    write_atomic(path, table.to_csv(index=False))


def _write_images(folder: Path, ids: pd.Series, images: pd.Series) -> None:
    folder.mkdir(parents=True)
    for row, pixels in zip(ids, images, strict=True):
        Image.fromarray(pixels).save(folder / f"{row}.png")


def _reference_scores(
    competition: Competition, public: Path, answers: pd.DataFrame
) -> dict[str, float]:
    """Scores of the dummy and of the reference models."""
    found = {"dummy": np.full(len(answers), competition.dummy), **predictions(competition, public)}
    scores = {}
    for name, values in found.items():
        scores[name] = round(score(competition, answers, values), 6)
    return scores


def _checksums(root: Path) -> dict[str, Any]:
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    return {
        "edition": _EDITION,
        "files": {path.relative_to(root).as_posix(): sha256_file(path) for path in files},
    }
