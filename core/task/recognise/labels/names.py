"""Rule P5: labels in folder or file names, where no table holds them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath

import pandas as pd

from core.task.folder.files_by_id import FileIndex
from core.task.folder.inventory import FoundFile
from core.task.folder.names import without
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
_CLASS_COLUMNS = ("label", "class", "category", "kind")
# What a part is called, and the parts of a file's path.
_CUTS: tuple[tuple[str, Callable[[FoundFile], list[str]]], ...] = (
    ("a folder", lambda file: file.folder.split("/")),
    ("a part of the name", lambda file: _SEPARATED.split(file.stem)),
    ("a part of the name", lambda file: _RUNS.findall(file.stem)),
)


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
    official, train = _files_of_both(evidence)
    if len(train) < _MIN_FILES or not official:
        return None
    places = list(_places(evidence, train, official))
    best = max(places, key=lambda place: place.score, default=None)
    if best is None:
        return None
    frame, meaning = _table(evidence, train, best.values)
    frame, time, split = _dated(frame, train, official)
    examples = ", ".join(sorted(set(best.values))[:4])
    how = f"labels: P5, {best.what} of {len(train)} files ({examples}){meaning}{split}"
    return LabelTable(how, frame, time=time)


def _files_of_both(evidence: Evidence) -> tuple[list[FoundFile], list[FoundFile]]:
    """Files of the sample's ids, and the train files; [] and [] when the ids name no files."""
    assert evidence.sample is not None
    index = FileIndex(evidence.files)
    ids = list(evidence.sample[evidence.submission.ids[0]])
    if index.match(ids) is None:
        return [], []
    official: dict[str, FoundFile] = {}
    for file in chain.from_iterable(map(index.files_of, ids)):
        if not _is_train(file):
            official[file.path] = file
    suffixes = {file.suffix for file in official.values()}
    rest = []
    for file in evidence.files:
        if file.suffix in suffixes and file.path not in official and file.depth:
            rest.append(file)
    train = list(filter(_is_train, rest)) or rest
    return list(official.values()), sorted(train, key=lambda file: file.path)


def _is_train(file: FoundFile) -> bool:
    return bool(_TRAIN.search(file.folder.lower()))


def _places(
    evidence: Evidence, train: Sequence[FoundFile], official: Sequence[FoundFile]
) -> Iterator[_Place]:
    """Parts that may be the label: by their number from the front or the back, in each way to cut a
    path.
    """
    stems = len({file.stem for file in train})
    for what, cut in _CUTS:
        ours, theirs = list(map(cut, train)), list(map(cut, official))
        longer = min(map(len, ours)) > max(map(len, theirs))
        for spot in (*range(_MAX_PLACES), *range(-1, -_MAX_PLACES - 1, -1)):
            values = tuple(_part_at(parts, spot) or "" for parts in ours)
            known = set(values)
            if len(known) == stems > 2:
                continue  # One value per item, which an image shares with its mask or its copy.
            same = sum(_part_at(parts, spot) in known for parts in theirs)
            if same > _OFFICIAL_SHARE * len(theirs):
                continue
            score = _score(evidence, values)
            if score is not None:
                yield _Place(what, values, score + longer)


def _part_at(parts: Sequence[str], spot: int) -> str | None:
    """None where there are fewer; spot: from the back where it is negative."""
    if -len(parts) <= spot < len(parts):
        return parts[spot]
    return None


def _score(evidence: Evidence, values: tuple[str, ...]) -> float | None:
    """How much such values look like the labels; None when they cannot be."""
    counts = pd.Series(values).value_counts()
    names, targets = list(counts.index), evidence.submission.targets
    if "" in names or len(names) < 2 or len(names) > max(2, len(values) // 2):
        return None
    if len(targets) > 1:
        return 5.0 if classes_among(targets, names) else None
    if _wants_two(evidence) and len(names) != 2:
        return None
    if counts.iloc[-1] < 2 and len(names) == 2:
        return None
    words, zero_one = all(map(str.isalpha, names)), set(names) == {"0", "1"}
    numbers = all(name.isdigit() and len(name) > 3 for name in names)
    text = evidence.description.lower()
    mentioned = sum(len(name) > 1 and name.lower() in text for name in names) / len(names)
    return 3.0 * zero_one + words + 2.0 * mentioned - 3.0 * numbers - len(names) / len(values)


def _wants_two(evidence: Evidence) -> bool:
    """The sample shows numbers that are no class names of many."""
    assert evidence.sample is not None
    targets = evidence.submission.targets
    cells = evidence.sample[list(targets)]
    return Answers(cells, cells, False).numeric and cells[targets[0]].nunique() <= 2


def _table(
    evidence: Evidence, train: Sequence[FoundFile], values: Sequence[str]
) -> tuple[pd.DataFrame, str]:
    """Ids and labels; what the labels 0 and 1 mean."""
    key, targets = evidence.submission.ids[0], evidence.submission.targets
    column, cells, meaning = targets[0], list(values), ""
    if len(targets) > 1:
        column = without(_CLASS_COLUMNS, (*targets, key))[0]
    elif _wants_two(evidence):
        positive, why = positive_of(set(values), evidence.description)
        cells = [str(int(value == positive)) for value in values]
        meaning = f"; 1 is {positive!r}, {why}"
    return pd.DataFrame({key: _ids(evidence, train), column: cells}, dtype=object), meaning


def _ids(evidence: Evidence, train: Sequence[FoundFile]) -> list[str]:
    """Names of files as the sample writes them; paths below the common folder where names repeat."""
    assert evidence.sample is not None
    first = PurePosixPath(str(evidence.sample[evidence.submission.ids[0]].iloc[0]))
    paths = [PurePosixPath(file.path) for file in train]
    if first.suffix.lower() != train[0].suffix:
        paths = [path.with_suffix("") for path in paths]
    names = [path.name for path in paths]
    if len(set(names)) == len(names):
        return names
    folder = PurePosixPath(os.path.commonpath([path.parent for path in paths]))
    return [str(path.relative_to(folder)) for path in paths]


def _dated(
    frame: pd.DataFrame, train: Sequence[FoundFile], official: Sequence[FoundFile]
) -> tuple[pd.DataFrame, str | None, str]:
    """With a column of times where all names begin with one and the official files are later."""
    ours, theirs = list(map(_moment, train)), list(map(_moment, official))
    if not all(ours) or not all(theirs) or min(theirs) <= max(ours) or len(set(ours)) < _MIN_FILES:
        return frame, None, ""
    why = f"; {TIME_COLUMN!r} is the date in the names, and test is later than train"
    return frame.assign(**{TIME_COLUMN: ours}), TIME_COLUMN, why


def _moment(file: FoundFile) -> str:
    """Year, month, day and the six digits behind them as one number, which orders by time."""
    found = _DATE.search(file.stem)
    if found is None:
        return ""
    year, month, day, clock = found.groups()
    return f"{year}{month}{day}.{clock or '0'}"
