"""What lists, texts and masks must be to be accepted. Runs in a worker process.

Cells are objects (texts) [rows, columns].
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from core.judging.metrics_masks import EMPTY, runs
from core.judging.metrics_texts import words
from core.judging.samples import Sample
from core.judging.statistic import Array
from core.judging.values import needs
from core.metric_names import BY_NAME, predicts
from core.records import CompetitionSpec


def word_problems(
    values: Array, sample: Sample, spec: CompetitionSpec
) -> Iterator[tuple[Array, str]]:
    """(which cells, what is wrong with them)."""
    kind = predicts(spec)
    if kind == "mask":
        yield from _broken_masks(values)
    elif kind == "text":
        empty = _where(values, _is_empty)
        if empty.any() and not _where(_sample_cells(sample, spec), _is_empty).any():
            yield empty, "texts are empty"
    elif needs(spec).lists == "orders":
        yield from _other_words(values, sample, spec)


def repaired_words(values: Array, sample: Sample, spec: CompetitionSpec) -> tuple[Array, list[str]]:
    """Empty masks as the sample writes them, and warnings about lists that cannot score in full."""
    kind = predicts(spec)
    if kind == "mask":
        return _marked(values, sample, spec)
    if kind != "list":
        return values, []
    notes, most = [], BY_NAME[spec.metric.name].at
    empty = int(_where(values, _is_empty).sum())
    if empty:
        notes.append(f"{empty} lists are empty")
    if most is not None:
        longer = int(_where(values, lambda cell: len(words(cell)) > most).sum())
        if longer:
            notes.append(f"{longer} lists are longer than the {most} words that count")
    return values, notes


def _broken_masks(values: Array) -> Iterator[tuple[Array, str]]:
    """The first message of any broken mask, and all the cells that have it."""
    faults = list(map(_fault, values.ravel().tolist()))
    first = next(filter(None, faults), "")
    if first:
        same = np.array(faults, dtype=object) == first
        yield same.reshape(values.shape), f"masks are broken: {first}"


def _fault(mask: str) -> str:
    """What is wrong with it, "" where nothing is."""
    try:
        runs(mask)
    except ValueError as error:
        return str(error)
    return ""


def _other_words(
    values: Array, sample: Sample, spec: CompetitionSpec
) -> Iterator[tuple[Array, str]]:
    """An order must hold the words that the sample's row holds, where the sample gives them."""
    given = _sample_cells(sample, spec)
    pairs = zip(values.ravel().tolist(), given.ravel().tolist(), strict=True)
    flat = np.array(list(itertools.starmap(_is_other, pairs)), dtype=bool)
    if flat.any():
        yield flat.reshape(values.shape), "lists do not hold exactly the words of the sample's row"


def _is_other(here: str, there: str) -> bool:
    """There are several words, and here are others."""
    given = words(there)
    return len(given) > 1 and Counter(words(here)) != Counter(given)


def _marked(values: Array, sample: Sample, spec: CompetitionSpec) -> tuple[Array, list[str]]:
    """Graders read an empty cell as missing where the competition has a mark for "no pixel"."""
    empty = _where(values, _is_no_pixel)
    marks = Counter(filter(_is_no_pixel, _sample_cells(sample, spec).ravel().tolist()))
    mark = max(marks, key=marks.__getitem__, default="")
    other = int((empty & (values != mark)).sum())
    if not other or not mark:
        return values, []
    marked = np.where(empty, mark, values).astype(object)
    return marked, [f"{other} empty masks written as {mark!r}"]


def _is_empty(cell: str) -> bool:
    return not cell.strip()


def _is_no_pixel(cell: str) -> bool:
    return cell.strip() in EMPTY


def _sample_cells(sample: Sample, spec: CompetitionSpec) -> Array:
    return np.asarray(sample.frame[list(spec.answers.targets)].to_numpy(dtype=object))


def _where(values: Array, holds: Callable[[str], bool]) -> Array:
    flat = list(map(holds, values.ravel().tolist()))
    return np.array(flat, dtype=bool).reshape(values.shape)
