"""Rule P7: the sample has a row per pixel, and the answers of train images are images."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from core.records import PixelRows
from core.task.folder.files_by_id import IMAGES
from core.task.folder.inventory import FoundFile
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.pixel_rows import pixels_of, size_of

_ID = re.compile(r"^(?P<item>.+)(?P<joint>[_\-:.])(?P<row>\d+)(?P=joint)(?P<column>\d+)$")
_TRUTH = re.compile(r"clean|mask|truth|gt|label|target|answer|ground|sharp|high", re.I)
_SAME_NAMES = 0.9
_SHOWN = 400
TRUTH_COLUMN = "truth"


def labels_in_pixels(evidence: Evidence) -> LabelTable | None:
    """ids `<image>_<row>_<column>`; a folder of inputs and one of answers have the same names."""
    if (
        evidence.sample is None
        or len(evidence.submission.ids) != 1
        or len(evidence.submission.targets) != 1
    ):
        return None
    ids = evidence.sample[evidence.submission.ids[0]]
    if not _ID.match(ids.iloc[0]) or not _ID.match(ids.iloc[-1]):
        return None
    parts = ids.str.extract(_ID.pattern)
    if bool(parts.isna().any(axis=None)) or parts["joint"].nunique() != 1:
        return None
    folders = _folders(evidence.files)
    test = _folder_of(folders, set(parts["item"]))
    if test is None:
        return None
    pair = _pair(folders, test)
    if pair is None or not _sizes_fit(evidence.root, folders[test], parts):
        return None
    return _label_table(evidence, folders, pair, parts)


def _folders(files: Sequence[FoundFile]) -> dict[str, dict[str, FoundFile]]:
    """Image by stem, for each folder."""
    found: dict[str, dict[str, FoundFile]] = {}
    for file in files:
        if file.suffix in IMAGES:
            found.setdefault(file.folder, {})[file.stem] = file
    return found


def _folder_of(folders: Mapping[str, Mapping[str, FoundFile]], items: set[str]) -> str | None:
    having = [folder for folder, images in folders.items() if items <= images.keys()]
    return min(
        having,
        key=lambda folder: ("test" not in folder.lower(), len(folders[folder])),
        default=None,
    )


def _pair(folders: Mapping[str, Mapping[str, FoundFile]], test: str) -> tuple[str, str] | None:
    """(folder of inputs, folder of answers) with the same names; None where no two fit."""
    likely = re.sub("test", "train", test, flags=re.I)
    best: tuple[tuple[bool, bool], str, str] | None = None
    for inputs, images in folders.items():
        for truth, answers in folders.items():
            same = len(images.keys() & answers.keys())
            if (
                inputs == truth
                or test in (inputs, truth)
                or same < _SAME_NAMES * max(len(images), len(answers), 1)
            ):
                continue
            rank = (
                inputs.lower() == likely.lower(),
                bool(_TRUTH.search(truth)) and not _TRUTH.search(inputs),
            )
            if any(rank) and (best is None or rank > best[0]):
                best = (rank, inputs, truth)
    return None if best is None else (best[1], best[2])


def _sizes_fit(root: Path, images: Mapping[str, FoundFile], parts: pd.DataFrame) -> bool:
    """The ids of an image are its rows and columns."""
    item = parts["item"].iloc[0]
    mine = parts[parts["item"] == item]
    rows, columns = (mine[name].astype(int).nunique() for name in ("row", "column"))
    return size_of(root / images[item].path) == (rows, columns)


def _label_table(
    evidence: Evidence,
    folders: Mapping[str, Mapping[str, FoundFile]],
    pair: tuple[str, str],
    parts: pd.DataFrame,
) -> LabelTable:
    assert evidence.sample is not None
    inputs, truth = pair
    names = sorted(folders[inputs].keys() & folders[truth].keys())
    given = pd.to_numeric(evidence.sample[evidence.submission.targets[0]], errors="coerce")
    scale = 1.0 if bool((given > 1).any()) else 255.0
    rows = PixelRows(parts["joint"].iloc[0], int(parts["row"].astype(int).min()), scale, truth)
    frame = pd.DataFrame(
        {
            evidence.submission.ids[0]: names,
            TRUTH_COLUMN: [folders[truth][name].path for name in names],
        },
        dtype=object,
    )
    values = pixels_of(evidence.root / frame[TRUTH_COLUMN].iloc[0], scale).ravel()[:_SHOWN]
    shown = pd.DataFrame(
        {evidence.submission.targets[0]: [f"{value:.9g}" for value in values]}, dtype=object
    )
    how = f"labels: P7, a row per pixel; the answers of {len(names)} images in {inputs} are those in {truth}"
    return LabelTable(how, frame, pixels=rows, answers=shown)
