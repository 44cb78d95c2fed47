"""Rule P5: images of masks, named for the images that they belong to, are the answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import pandas as pd

from core.metric_names import BY_NAME
from core.task.folder.files_by_id import IMAGES, NAMED_FOR_ANSWERS
from core.task.folder.inventory import FoundFile
from core.task.metric.text import recognise
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.labels.run_lengths import Order, pixel_order, pixels_of_mask, run_lengths

_RUNS = re.compile(r"(?:\d+ \d+(?: \d+ \d+)*)?|-1?")
_COLUMN = re.compile(r"rle|mask|encoded|pixel|segment", re.I)
_SPOKEN = re.compile(r"run[- ]?lengths?\b|\bRLE\b|encoded ?pixels", re.I)
_BREAK = re.compile(r"[_\-. ]")
_DIGITS = re.compile(r"\d+")
_MIN_IMAGES = 3
_SHARE = 0.9
_MAX_FOLDERS = 30
_LOOKED_AT = 1000
_THREADS = 4
_TRIED = 20
Images = Mapping[str, FoundFile]


@dataclass(frozen=True, slots=True)
class _Pair:
    """images: by stem. masks: of each image that has any. rank: larger is likelier."""

    images: Images
    masks: Mapping[str, Sequence[FoundFile]]
    rank: tuple[bool, bool, int]


def asks_for_masks(evidence: Evidence) -> str | None:
    """The one target whose cells in the sample are run lengths or nothing, where a metric, its name
    or the description speaks of masks.
    """
    if evidence.sample is None or len(evidence.submission.ids) != 1:
        return None
    found = [
        name
        for name in evidence.submission.targets
        if _are_runs(evidence.sample[name].head(_LOOKED_AT))
    ]
    if len(found) != 1:
        return None
    named = recognise(evidence.description).name
    scored = named is not None and BY_NAME[named].predicts == "mask"
    return (
        found[0]
        if scored or _COLUMN.search(found[0]) or _SPOKEN.search(evidence.description)
        else None
    )


def _are_runs(cells: pd.Series) -> bool:
    return all(_RUNS.fullmatch(cell.strip()) for cell in cells)


def labels_in_masks(evidence: Evidence) -> LabelTable | None:
    """One row per image: the run lengths of its mask, of all of them together where it has several."""
    target = asks_for_masks(evidence)
    if target is None:
        return None
    folders, (items, with_suffix) = _folders(evidence.files), _items(evidence)
    test = _test_of(folders, items)
    pair = (
        max(_pairs(folders, test), key=lambda pair: pair.rank, default=None)
        if test
        else _in_own_folders(evidence, items)
    )
    if pair is None:
        return None
    return _label_table(evidence, pair, target, with_suffix)


def _folders(files: Sequence[FoundFile]) -> dict[tuple[str, str], dict[str, FoundFile]]:
    """Image or array by stem, for each folder and suffix; the largest ones."""
    found: dict[tuple[str, str], dict[str, FoundFile]] = {}
    for file in files:
        if file.suffix in IMAGES or file.suffix == ".npy":
            found.setdefault((file.folder, file.suffix), {})[file.stem] = file
    return dict(sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:_MAX_FOLDERS])


def _items(evidence: Evidence) -> tuple[set[str], bool]:
    """The sample's ids without an extension, and whether they have one."""
    assert evidence.sample is not None
    ids = evidence.sample[evidence.submission.ids[0]]
    with_suffix = PurePosixPath(str(ids.iloc[0])).suffix.lower() in IMAGES
    return {PurePosixPath(each).stem if with_suffix else each for each in ids}, with_suffix


def _test_of(folders: Mapping[tuple[str, str], Images], items: set[str]) -> tuple[str, str] | None:
    having = [key for key, images in folders.items() if items <= images.keys()]
    return min(
        having, key=lambda key: ("test" not in key[0].lower(), len(folders[key]), key), default=None
    )


def _pairs(folders: Mapping[tuple[str, str], Images], test: tuple[str, str]) -> Iterator[_Pair]:
    """Images of the kind of the test's, each with files of another folder, or of another ending,
    named for them.
    """
    likely = re.sub("test", "train", test[0], flags=re.I).lower()
    for mine, images in folders.items():
        for other, answers in folders.items():
            if test in (mine, other) or mine[1] != test[1]:
                continue
            for ending, masks in _named_for(images, answers, mine == other).items():
                inputs = {
                    stem: file for stem, file in images.items() if mine != other or stem in masks
                }
                told = bool(NAMED_FOR_ANSWERS.search(ending)) or (
                    _speaks(other[0]) and not _speaks(mine[0])
                )
                rank = (told, mine[0].lower() == likely, len(masks))
                if told and len(masks) >= max(_MIN_IMAGES, _SHARE * len(inputs)):
                    yield _Pair(inputs, masks, rank)


def _speaks(folder: str) -> bool:
    return bool(NAMED_FOR_ANSWERS.search(folder))


def _named_for(
    images: Images, answers: Images, same: bool
) -> dict[str, dict[str, list[FoundFile]]]:
    """Files by the stem of the image that their names hold, for each rest of a name; digits of a
    rest may differ.
    """
    found: dict[str, dict[str, list[FoundFile]]] = {}
    for stem, file in answers.items():
        fits = ((name, rest) for name, rest in _cuts(stem, same) if name in images)
        name, rest = next(fits, ("", ""))
        if name:
            found.setdefault(_DIGITS.sub("#", rest), {}).setdefault(name, []).append(file)
    return found


def _cuts(stem: str, same: bool) -> Iterator[tuple[str, str]]:
    """(name, rest): the whole stem, what stands before a break, and what stands behind one; the
    longest first.
    """
    if not same:
        yield stem, ""
    breaks = [match.start() for match in _BREAK.finditer(stem)]
    yield from ((stem[:spot], stem[spot:]) for spot in reversed(breaks))
    yield from ((stem[spot + 1 :], stem[: spot + 1]) for spot in breaks)


def _in_own_folders(evidence: Evidence, items: set[str]) -> _Pair | None:
    """Masks in a folder for each id: of the files that only those of train have, named for answers,
    the commonest kind that can be read.
    """
    units = _units(evidence.files, items)
    kinds: dict[str, dict[str, list[FoundFile]]] = {}
    theirs = {_kind(rest, name) for name, files in units.items() if name in items for rest in files}
    ours = {name: files for name, files in units.items() if name not in items}
    for name, files in ours.items():
        for rest, file in files.items():
            kind = _kind(rest, name)
            if kind not in theirs and _speaks(kind):
                kinds.setdefault(kind, {}).setdefault(name, []).append(file)
    enough = [
        masks for masks in kinds.values() if len(masks) >= max(_MIN_IMAGES, _SHARE * len(ours))
    ]
    read = [(_readable(evidence.root, masks), len(masks), masks) for masks in enough]
    share, _, best = max(read, key=lambda each: each[:2], default=(0.0, 0, {}))
    return _Pair({}, best, (True, True, len(best))) if share >= _SHARE else None


def _readable(root: Path, masks: Mapping[str, Sequence[FoundFile]]) -> float:
    """The share of masks that are planes, of some that lie apart."""
    looked = list(masks.values())[:: max(1, len(masks) // _TRIED)]
    return sum(
        pixels_of_mask([root / file.path for file in files]) is not None for files in looked
    ) / len(looked)


def _units(files: Sequence[FoundFile], items: set[str]) -> dict[str, dict[str, FoundFile]]:
    """Files by their path below the folder of an id, for each id: folders called like the sample's
    ids, and those that lie as deep. {} where not all of the ids have one.
    """
    paths = [(file.path.split("/"), file) for file in files]
    depths = Counter(
        spot for parts, _ in paths for spot, part in enumerate(parts[:-1]) if part in items
    )
    if not depths:
        return {}
    spot = depths.most_common(1)[0][0]
    units: dict[str, dict[str, FoundFile]] = {}
    for parts, file in paths:
        if len(parts) > spot + 1:
            units.setdefault(parts[spot], {})["/".join(parts[spot + 1 :])] = file
    return units if items <= units.keys() else {}


def _kind(rest: str, unit: str) -> str:
    """What files of several ids have in common: their folder, else their name, but for the id and
    digits.
    """
    rest = rest.replace(unit, "")
    path = PurePosixPath(rest)
    return f"{path.parent}/*{path.suffix}" if len(path.parts) > 1 else _DIGITS.sub("#", rest)


def _label_table(
    evidence: Evidence, pair: _Pair, target: str, with_suffix: bool
) -> LabelTable | None:
    assert evidence.sample is not None
    key = evidence.submission.ids[0]
    order, why = pixel_order(evidence.description)
    stems = sorted(pair.masks)
    with ThreadPoolExecutor(_THREADS) as threads:
        cells = list(
            threads.map(partial(_cell, evidence.root, order), [pair.masks[stem] for stem in stems])
        )
    known = [(stem, cell) for stem, cell in zip(stems, cells, strict=True) if cell is not None]
    ids = [pair.images[stem].name if with_suffix else stem for stem, _ in known]
    frame = pd.DataFrame(
        {key: ids, target: [cell or mark_of(evidence.sample[target]) for _, cell in known]},
        dtype=object,
    )
    if not frame[target].str.contains(" ").any():
        return None
    files = [file for masks in pair.masks.values() for file in masks]
    unread = f"; {len(stems) - len(known)} are no images" if len(known) < len(stems) else ""
    way = f"from 1 {'down the columns' if order == 'columns' else 'along the rows'}"
    how = (
        f"labels: P5, masks of {len(ids)} images in {files[0].folder} as run lengths, {way}, {why}"
    )
    return LabelTable(how + unread, frame, tuple(file.path for file in files))


def _cell(root: Path, order: Order, masks: Sequence[FoundFile]) -> str | None:
    mask = pixels_of_mask([root / file.path for file in masks])
    return None if mask is None else run_lengths(mask, order)


def mark_of(cells: pd.Series) -> str:
    """How the sample writes an empty mask."""
    return next((cell for cell in cells.str.strip().unique() if cell in ("-", "-1")), "")
