"""What lists, texts and masks must be to be accepted. Runs in a worker process.

Cells are objects (texts) [rows, columns].
"""

from __future__ import annotations

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
        empty = _where(values, lambda cell: not cell.strip())
        if empty.any() and not _sample_has_empty(sample, spec):
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
    empty = int(_where(values, lambda cell: not cell.strip()).sum())
    if empty:
        notes.append(f"{empty} lists are empty")
    longer = int(_where(values, lambda cell: most is not None and len(words(cell)) > most).sum())
    if longer:
        notes.append(f"{longer} lists are longer than the {most} words that count")
    return values, notes


def _broken_masks(values: Array) -> Iterator[tuple[Array, str]]:
    """The first message of any broken mask, and all the cells that have it."""
    said: dict[int, str] = {}
    for i, cell in enumerate(values.ravel().tolist()):
        try:
            runs(cell)
        except ValueError as error:
            said[i] = str(error)
    if said:
        message = next(iter(said.values()))
        flat = np.zeros(values.size, dtype=bool)
        flat[[i for i, text in said.items() if text == message]] = True
        yield flat.reshape(values.shape), f"masks are broken: {message}"


def _other_words(
    values: Array, sample: Sample, spec: CompetitionSpec
) -> Iterator[tuple[Array, str]]:
    """An order must hold the words that the sample's row holds, where the sample gives them."""
    given = _sample_cells(sample, spec)
    pairs = zip(values.ravel().tolist(), given.ravel().tolist(), strict=True)
    wrong = [
        len(words(there)) > 1 and Counter(words(here)) != Counter(words(there))
        for here, there in pairs
    ]
    flat = np.array(wrong, dtype=bool)
    if flat.any():
        yield flat.reshape(values.shape), "lists do not hold exactly the words of the sample's row"


def _marked(values: Array, sample: Sample, spec: CompetitionSpec) -> tuple[Array, list[str]]:
    """Graders read an empty cell as missing where the competition has a mark for "no pixel"."""
    empty = _where(values, lambda cell: cell.strip() in EMPTY)
    marks = Counter(
        cell for cell in _sample_cells(sample, spec).ravel().tolist() if cell.strip() in EMPTY
    )
    mark = marks.most_common(1)[0][0] if marks else ""
    other = empty & (values != mark)
    if not other.any() or not mark:
        return values, []
    return np.where(empty, mark, values).astype(object), [
        f"{int(other.sum())} empty masks written as {mark!r}"
    ]


def _sample_has_empty(sample: Sample, spec: CompetitionSpec) -> bool:
    return bool(_where(_sample_cells(sample, spec), lambda cell: not cell.strip()).any())


def _sample_cells(sample: Sample, spec: CompetitionSpec) -> Array:
    return np.asarray(sample.frame[list(spec.answers.targets)].to_numpy(dtype=object))


def _where(values: Array, holds: Callable[[str], bool]) -> Array:
    flat = [holds(cell) for cell in values.ravel().tolist()]
    return np.array(flat, dtype=bool).reshape(values.shape)
