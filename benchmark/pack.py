"""Makes competition folders and grades submissions against their private answers."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.competition import Competition
from utils.errors import DataError, SwarmError, UsageError
from utils.files import sha256_file, write_atomic

_CHECKSUMS = "checksums.json"


class NotRunError(SwarmError):
    """Something that this machine lacks kept a command from running."""


class SubmissionError(SwarmError):
    """The submission cannot be graded."""


def prepare(competition: Competition, dest: Path) -> bool:
    """Writes <dest>/<name>/prepared/{public,private}; False when an intact folder was there already.

    The same tables on every machine with the same data package; reference scores also depend on scikit-learn.
    Raises NotRunError without the data package.
    """
    root = dest / competition.name
    if intact(root):
        return False
    try:
        frame = competition.load()
    except ImportError as error:
        raise NotRunError(f"{competition.name} needs the package {error.name} (pip install {error.name})") from error
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{competition.name}.") as folder:
        made = Path(folder) / "made"
        _write_parts(competition, frame, made / "prepared")
        write_atomic(made / _CHECKSUMS, json.dumps(_checksums(made), indent=1))
        if root.exists():
            shutil.rmtree(root)
        made.replace(root)
    return True


def intact(root: Path) -> bool:
    """True when every file below is as `prepare` left it."""
    path = root / _CHECKSUMS
    if not path.is_file():
        return False
    try:
        return json.loads(path.read_text(encoding="utf-8")) == _checksums(root)
    except ValueError:
        return False


def grade(competition: Competition, submission: Path, dest: Path) -> dict[str, Any]:
    """Score of a submission beside those of the dummy and the reference models.

    Raises DataError when the competition is not prepared or the file is missing, SubmissionError when its columns, ids
    or values are wrong.
    """
    private = dest / competition.name / "prepared" / "private"
    if not (private / "reference.json").is_file():
        raise DataError(f"{competition.name} is not prepared in {dest}: run `prepare {competition.name} --dest {dest}`")
    answers = pd.read_csv(private / "test.csv")
    prediction = _read_submission(competition, submission, answers)
    try:
        score = competition.metric_function(answers, prediction)
    except ValueError as error:
        raise SubmissionError(f"{submission}: {error}") from error
    reference = json.loads((private / "reference.json").read_text(encoding="utf-8"))
    return {
        "competition": competition.name,
        "metric": competition.metric,
        "direction": competition.direction,
        "score": score,
        "rows": len(answers),
        "reference": reference,
    }


def render(report: dict[str, Any]) -> str:
    """The report as a table, best first; the submission is marked."""
    rows = [("this submission", report["score"]), *report["reference"].items()]
    rows.sort(key=lambda row: row[1], reverse=report["direction"] == "maximize")
    lines = [f"{report['competition']}: {report['metric']} ({report['direction']}), {report['rows']} rows"]
    lines += [f"{'*' if name == 'this submission' else ' '} {name:<20} {score:.5f}" for name, score in rows]
    return "\n".join(lines)


def _write_parts(competition: Competition, frame: pd.DataFrame, prepared: Path) -> None:
    """Shuffles the rows, gives them new ids in that order and cuts off the test part."""
    public, private = prepared / "public", prepared / "private"
    generator = np.random.default_rng(competition.seed)
    frame = frame.iloc[generator.permutation(len(frame))].reset_index(drop=True)
    frame.insert(0, competition.id_column, np.arange(1, len(frame) + 1))
    cut = len(frame) - round(competition.test_share * len(frame))
    train, test = frame[:cut], frame[cut:]
    targets = list(competition.target_columns)
    features = test.drop(columns=targets)
    answers = test[[competition.id_column, *targets]]
    sample = answers.assign(**dict.fromkeys(targets, competition.dummy))
    for path, table in (
        (public / "train.csv", train),
        (public / "test.csv", features),
        (public / "sample_submission.csv", sample),
        (private / "test.csv", answers),
    ):
        write_atomic(path, table.to_csv(index=False))
    write_atomic(public / "description.md", competition.description)
    write_atomic(
        private / "reference.json", json.dumps(_reference_scores(competition, public, answers, sample), indent=1)
    )


def _reference_scores(
    competition: Competition, public: Path, answers: pd.DataFrame, sample: pd.DataFrame
) -> dict[str, float]:
    """Scores of the dummy and the reference models, which see what a competitor sees."""
    train = pd.read_csv(public / "train.csv").drop(columns=competition.id_column)
    test = pd.read_csv(public / "test.csv").drop(columns=competition.id_column)
    scores = {"dummy": competition.metric_function(answers, sample)}
    for name, predict in competition.references.items():
        values = predict(train, test, competition.seed % 2**31)
        prediction = pd.DataFrame(values, columns=list(competition.target_columns), index=answers.index)
        scores[name] = round(competition.metric_function(answers, prediction), 6)
    return scores


def _read_submission(competition: Competition, path: Path, answers: pd.DataFrame) -> pd.DataFrame:
    """The submission in the row order of the answers."""
    try:
        table = pd.read_csv(path)
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}") from error
    except ValueError as error:
        raise SubmissionError(f"{path} is no csv table: {error}") from error
    key, targets = competition.id_column, list(competition.target_columns)
    if not {key, *targets} <= set(table.columns):
        raise SubmissionError(f"{path} has the columns {list(table.columns)}, not {[key, *targets]}")
    if len(table) != len(answers) or set(table[key]) != set(answers[key]):
        raise SubmissionError(f"{path} does not hold every id of the sample submission once")
    if table[targets].isna().any(axis=None):
        raise SubmissionError(f"{path} has empty cells")
    return table.set_index(key).loc[answers[key]].reset_index()


def _checksums(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != _CHECKSUMS)
    return {path.relative_to(root).as_posix(): sha256_file(path) for path in files}
