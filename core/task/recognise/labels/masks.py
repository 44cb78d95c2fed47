"""Rule P5: images of masks, named for the images that they belong to, are the answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, product
from pathlib import Path, PurePosixPath

import pandas as pd

from core.metric_names import BY_NAME
from core.task.folder.files_by_id import IMAGES, NAMED_FOR_ANSWERS
from core.task.folder.inventory import FoundFile
from core.task.folder.names import among, without
from core.task.metric.text import recognise
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.labels.run_lengths import (
    Order,
    Pixels,
    pixel_order,
    pixels_of_mask,
    run_lengths,
)

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
# Folder and suffix of images.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Pair:
    """images: by stem. masks: of each image that has any. rank: larger is likelier."""

    images: Images
    masks: Mapping[str, Sequence[FoundFile]]
    rank: tuple[bool, int]


def asks_for_masks(evidence: Evidence) -> str | None:
    """The one target whose cells in the sample are run lengths or nothing, where a metric, its name
    or the description speaks of masks.
    """
    sample, description = evidence.sample, evidence.description
    if sample is None or len(evidence.submission.ids) != 1:
        return None
    targets = evidence.submission.targets
    found = [name for name in targets if _are_runs(sample[name].head(_LOOKED_AT))]
    if len(found) != 1:
        return None
    metric = recognise(description).name
    if metric is not None and BY_NAME[metric].predicts == "mask":
        return found[0]
    if _COLUMN.search(found[0]) or _SPOKEN.search(description):
        return found[0]
    return None


def _are_runs(cells: pd.Series) -> bool:
    return all(map(_RUNS.fullmatch, map(str.strip, cells)))


def labels_in_masks(evidence: Evidence) -> LabelTable | None:
    """One row per image: the run lengths of its mask, of all of them together where it has several."""
    target = asks_for_masks(evidence)
    if target is None:
        return None
    folders, (items, with_suffix) = _folders(evidence.files), _items(evidence)
    test = _test_of(folders, items)
    if test is None:
        pair = _in_own_folders(evidence, items)
    else:
        pair = max(_pairs(folders, test), key=lambda pair: pair.rank, default=None)
    if pair is None:
        return None
    return _label_table(evidence, pair, target, with_suffix)


def _folders(files: Sequence[FoundFile]) -> dict[Place, dict[str, FoundFile]]:
    """Image or array by stem, for each folder and suffix; the largest ones."""
    found: dict[Place, dict[str, FoundFile]] = {}
    for file in files:
        if file.suffix in IMAGES or file.suffix == ".npy":
            found.setdefault((file.folder, file.suffix), {})[file.stem] = file
    return dict(sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:_MAX_FOLDERS])


def _items(evidence: Evidence) -> tuple[set[str], bool]:
    """The sample's ids without an extension, and whether they have one."""
    assert evidence.sample is not None
    ids = evidence.sample[evidence.submission.ids[0]]
    if PurePosixPath(str(ids.iloc[0])).suffix.lower() not in IMAGES:
        return set(ids), False
    return {PurePosixPath(each).stem for each in ids}, True


def _test_of(folders: Mapping[Place, Images], items: set[str]) -> Place | None:
    """The folder that has all of the items; one that is named for test first, then the smallest."""
    having = [place for place, images in folders.items() if items <= images.keys()]
    having.sort(key=lambda place: ("test" not in place[0].lower(), len(folders[place]), place))
    return next(iter(having), None)


def _pairs(folders: Mapping[Place, Images], test: Place) -> Iterator[_Pair]:
    """Images of the kind of the test's, each with files of another folder, or of another ending,
    named for them.
    """
    likely = re.sub("test", "train", test[0], flags=re.I).lower()
    places = [place for place in folders if place != test]
    for mine, other in product(places, repeat=2):
        if mine[1] != test[1]:
            continue
        images = folders[mine]
        for ending, masks in _named_for(images, folders[other], mine == other).items():
            inputs = images
            if mine == other:
                inputs = {stem: file for stem, file in images.items() if stem in masks}
            by_folder = _speaks(other[0]) and not _speaks(mine[0])
            if not by_folder and not _speaks(ending):
                continue
            if len(masks) >= max(_MIN_IMAGES, _SHARE * len(inputs)):
                yield _Pair(inputs, masks, (mine[0].lower() == likely, len(masks)))


def _speaks(name: str) -> bool:
    """It is named for answers."""
    return bool(NAMED_FOR_ANSWERS.search(name))


def _named_for(
    images: Images, answers: Images, same: bool
) -> dict[str, dict[str, list[FoundFile]]]:
    """Files by the stem of the image that their names hold, for each rest of a name; digits of a
    rest may differ.
    """
    found: dict[str, dict[str, list[FoundFile]]] = {}
    for stem, file in answers.items():
        for name, rest in _cuts(stem, same):
            if name in images:
                ending = _DIGITS.sub("#", rest)
                found.setdefault(ending, {}).setdefault(name, []).append(file)
                break
    return found


def _cuts(stem: str, same: bool) -> Iterator[tuple[str, str]]:
    """(name, rest): the whole stem, what stands before a break, and what stands behind one; the
    longest first.
    """
    if not same:
        yield stem, ""
    breaks = [match.start() for match in _BREAK.finditer(stem)]
    for spot in reversed(breaks):
        yield stem[:spot], stem[spot:]
    for spot in breaks:
        yield stem[spot + 1 :], stem[: spot + 1]


def _in_own_folders(evidence: Evidence, items: set[str]) -> _Pair | None:
    """Masks in a folder for each id: of the files that only those of train have, named for answers,
    the commonest kind that can be read.
    """
    units = _units(evidence.files, items)
    theirs = set[str]()
    for name in among(units, items):
        theirs.update(_kind(rest, name) for rest in units[name])
    ours = without(units, items)
    kinds: dict[str, dict[str, list[FoundFile]]] = {}
    for name in ours:
        for rest, file in units[name].items():
            kind = _kind(rest, name)
            if kind not in theirs and _speaks(kind):
                kinds.setdefault(kind, {}).setdefault(name, []).append(file)
    best: Mapping[str, Sequence[FoundFile]] = {}
    best_rank = (_SHARE, 0)
    for masks in kinds.values():
        if len(masks) >= max(_MIN_IMAGES, _SHARE * len(ours)):
            rank = (_readable(evidence.root, masks), len(masks))
            if rank > best_rank:
                best, best_rank = masks, rank
    if not best:
        return None
    return _Pair({}, best, (True, len(best)))


def _readable(root: Path, masks: Mapping[str, Sequence[FoundFile]]) -> float:
    """The share of masks that are planes, of some that lie apart."""
    tried = list(masks.values())[:: max(1, len(masks) // _TRIED)]
    planes = 0
    for files in tried:
        planes += _pixels(root, files) is not None
    return planes / len(tried)


def _units(files: Sequence[FoundFile], items: set[str]) -> dict[str, dict[str, FoundFile]]:
    """Files by their path below the folder of an id, for each id: folders called like the sample's
    ids, and those that lie as deep. {} where not all of the ids have one.
    """
    depths: Counter[int] = Counter()
    for file in files:
        folders = file.path.split("/")[:-1]
        depths.update(spot for spot, folder in enumerate(folders) if folder in items)
    if not depths:
        return {}
    depth = depths.most_common(1)[0][0]
    units: dict[str, dict[str, FoundFile]] = {}
    for file in files:
        parts = file.path.split("/", depth + 1)
        if len(parts) == depth + 2:
            units.setdefault(parts[depth], {})[parts[-1]] = file
    return units if items <= units.keys() else {}


def _kind(rest: str, unit: str) -> str:
    """What files of several ids have in common: their folder, else their name, but for the id and
    digits.
    """
    rest = rest.replace(unit, "")
    path = PurePosixPath(rest)
    if len(path.parts) > 1:
        return f"{path.parent}/*{path.suffix}"
    return _DIGITS.sub("#", rest)


def _label_table(
    evidence: Evidence, pair: _Pair, target: str, with_suffix: bool
) -> LabelTable | None:
    assert evidence.sample is not None
    order, why = pixel_order(evidence.description)
    stems = sorted(pair.masks)
    ids, cells = [], []
    with ThreadPoolExecutor(_THREADS) as threads:
        masks = map(pair.masks.__getitem__, stems)
        runs = threads.map(partial(_cell, evidence.root, order), masks)
        for stem, cell in zip(stems, runs, strict=True):
            if cell is not None:
                ids.append(pair.images[stem].name if with_suffix else stem)
                cells.append(cell or mark_of(evidence.sample[target]))
    frame = pd.DataFrame({evidence.submission.ids[0]: ids, target: cells}, dtype=object)
    if not frame[target].str.contains(" ").any():
        return None
    files = list(chain.from_iterable(pair.masks.values()))
    way = "down the columns" if order == "columns" else "along the rows"
    how = (
        f"labels: P5, masks of {len(ids)} images in {files[0].folder} as run lengths, "
        f"from 1 {way}, {why}"
    )
    if len(ids) < len(stems):
        how += f"; {len(stems) - len(ids)} are no images"
    return LabelTable(how, frame, tuple(file.path for file in files))


def _cell(root: Path, order: Order, masks: Sequence[FoundFile]) -> str | None:
    pixels = _pixels(root, masks)
    return None if pixels is None else run_lengths(pixels, order)


def _pixels(root: Path, masks: Sequence[FoundFile]) -> Pixels | None:
    return pixels_of_mask([root / file.path for file in masks])


def mark_of(cells: pd.Series) -> str:
    """How the sample writes an empty mask."""
    return next(iter(among(cells.str.strip().unique(), ("-", "-1"))), "")
