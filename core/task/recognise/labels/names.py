"""Rule P5: labels in folder or file names, where no table holds them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from core.task.folder.files_by_id import FileIndex
from core.task.folder.inventory import FoundFile
from core.task.metric.answers import Answers
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.label_columns import classes_among
from core.task.recognise.labels.masks import asks_for_masks
from core.task.recognise.labels.positive import positive_of

_MIN_FILES = 10
_SEPARATED = re.compile(r"[_\-. ,;+@#()\[\]]+")
_RUNS = re.compile(r"[A-Za-z]+|\d+")
_TRAIN = re.compile(r"(?<![a-z])train(?:ing)?(?![a-z])")
_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?:[-_T ]?(\d{6})(?!\d))?(?!\d)"
)
_MAX_PLACES = 6
_OFFICIAL_SHARE = 0.2
TIME_COLUMN = "recorded"


@dataclass(frozen=True, slots=True)
class _Place:
    """A part of a path that may be the label. values: one per train file."""

    what: str
    values: tuple[str, ...]
    score: float


def labels_in_names(evidence: Evidence) -> LabelTable | None:
    """Train files are those of the official files' kind that are not official; a part of their path
    is the label.
    """
    if evidence.sample is None or len(evidence.submission.ids) != 1 or asks_for_masks(evidence):
        return None
    official, train = _parts_of(evidence)
    if len(train) < _MIN_FILES or not official:
        return None
    places = list(_places(evidence, train, official))
    best = max(places, key=lambda place: place.score, default=None)
    if best is None:
        return None
    frame, meaning = _table(evidence, train, best.values)
    frame, time, split = _dated(frame, train, official)
    how = f"labels: P5, {best.what} of {len(train)} files ({', '.join(sorted(set(best.values))[:4])}){meaning}{split}"
    return LabelTable(how, frame, time=time)


def _parts_of(evidence: Evidence) -> tuple[list[FoundFile], list[FoundFile]]:
    """Files of the sample's ids, and the train files; [] and [] when the ids name no files."""
    assert evidence.sample is not None
    index = FileIndex(evidence.files)
    ids = list(evidence.sample[evidence.submission.ids[0]])
    matched = index.match(ids)
    if matched is None:
        return [], []
    official = {
        file.path: file for each in ids for file in index.files_of(each) if not _is_train(file)
    }
    suffixes = {file.suffix for file in official.values()}
    rest = [
        file
        for file in evidence.files
        if file.suffix in suffixes and file.path not in official and file.depth
    ]
    named = [file for file in rest if _is_train(file)]
    return list(official.values()), sorted(named or rest, key=lambda file: file.path)


def _is_train(file: FoundFile) -> bool:
    return bool(_TRAIN.search(file.folder.lower()))


def _places(
    evidence: Evidence, train: Sequence[FoundFile], official: Sequence[FoundFile]
) -> list[_Place]:
    ways: list[tuple[str, Callable[[FoundFile], list[str]]]] = [
        ("a folder", lambda file: file.folder.split("/")),
        ("a part of the name", lambda file: _SEPARATED.split(file.stem)),
        ("a part of the name", lambda file: _RUNS.findall(file.stem)),
    ]
    found, stems = [], len({file.stem for file in train})
    for what, cut in ways:
        ours, theirs = [cut(file) for file in train], [cut(file) for file in official]
        longer = min(map(len, ours)) > max(map(len, theirs))
        for spot in (*range(_MAX_PLACES), *range(-1, -_MAX_PLACES - 1, -1)):
            values = tuple(
                parts[spot] if -len(parts) <= spot < len(parts) else "" for parts in ours
            )
            known = set(values)
            if len(known) == stems > 2:
                continue  # One value per item, which an image shares with its mask or its copy.
            same = sum(parts[spot] in known for parts in theirs if -len(parts) <= spot < len(parts))
            if (
                same <= _OFFICIAL_SHARE * len(theirs)
                and (score := _score(evidence, values)) is not None
            ):
                found.append(_Place(what, values, score + longer))
    return found


def _score(evidence: Evidence, values: tuple[str, ...]) -> float | None:
    """How much such values look like the labels; None when they cannot be."""
    counts = pd.Series(values).value_counts()
    several = len(evidence.submission.targets) > 1
    if "" in counts.index or len(counts) < 2 or len(counts) > max(2, len(values) // 2):
        return None
    if several:
        return 5.0 if classes_among(evidence.submission.targets, list(counts.index)) else None
    if _wants_two(evidence) and len(counts) != 2:
        return None
    if counts.iloc[-1] < 2 and len(counts) == 2:
        return None
    words, zero_one = all(name.isalpha() for name in counts.index), set(counts.index) == {"0", "1"}
    told = sum(
        name.lower() in evidence.description.lower() for name in counts.index if len(name) > 1
    ) / len(counts)
    numbers = all(name.isdigit() and len(name) > 3 for name in counts.index)
    return 3.0 * zero_one + words + 2.0 * told - 3.0 * numbers - len(counts) / len(values)


def _wants_two(evidence: Evidence) -> bool:
    """The sample shows numbers that are no class names of many."""
    assert evidence.sample is not None
    cells = evidence.sample[list(evidence.submission.targets)]
    return (
        Answers(cells, cells, False).numeric
        and not evidence.sample[evidence.submission.targets[0]].nunique() > 2
    )


def _table(
    evidence: Evidence, train: Sequence[FoundFile], values: Sequence[str]
) -> tuple[pd.DataFrame, str]:
    """Ids and labels; what the labels 0 and 1 mean."""
    key, targets = evidence.submission.ids[0], evidence.submission.targets
    ids = _ids(evidence, train)
    if len(targets) > 1:
        column = next(
            name for name in ("label", "class", "category", "kind") if name not in (*targets, key)
        )
        return pd.DataFrame({key: ids, column: list(values)}, dtype=object), ""
    if _wants_two(evidence):
        positive, why = positive_of(set(values), evidence.description)
        cells = ["1" if value == positive else "0" for value in values]
        return pd.DataFrame(
            {key: ids, targets[0]: cells}, dtype=object
        ), f"; 1 is {positive!r}, {why}"
    return pd.DataFrame({key: ids, targets[0]: list(values)}, dtype=object), ""


def _ids(evidence: Evidence, train: Sequence[FoundFile]) -> list[str]:
    """Names of files as the sample writes them; paths below the common folder where names repeat."""
    assert evidence.sample is not None
    with_suffix = (
        PurePosixPath(str(evidence.sample[evidence.submission.ids[0]].iloc[0])).suffix.lower()
        == train[0].suffix
    )
    names = [file.name if with_suffix else file.stem for file in train]
    if len(set(names)) == len(names):
        return names
    folder = PurePosixPath(train[0].folder)
    while folder.parts and not all(file.path.startswith(f"{folder}/") for file in train):
        folder = folder.parent
    inside = [PurePosixPath(file.path).relative_to(folder) for file in train]
    return [str(path if with_suffix else path.with_suffix("")) for path in inside]


def _dated(
    frame: pd.DataFrame, train: Sequence[FoundFile], official: Sequence[FoundFile]
) -> tuple[pd.DataFrame, str | None, str]:
    """With a column of times where all names begin with one and the official files are later."""
    ours, theirs = ([_moment(file.stem) for file in files] for files in (train, official))
    if not all(ours) or not all(theirs) or min(theirs) <= max(ours) or len(set(ours)) < _MIN_FILES:
        return frame, None, ""
    told = f"; {TIME_COLUMN!r} is the date in the names, and test is later than train"
    return frame.assign(**{TIME_COLUMN: ours}), TIME_COLUMN, told


def _moment(name: str) -> str:
    """Year, month, day and the six digits behind them as one number, which orders by time."""
    found = _DATE.search(name)
    return "" if found is None else "".join(found.groups()[:3]) + "." + (found.group(4) or "0")
