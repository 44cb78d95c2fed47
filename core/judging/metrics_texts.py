"""Metrics of free texts and of lists of words. Runs in a worker process.

Truth and predictions are texts [rows, columns]. A list's words are separated by spaces, or where a
cell has none by comma, semicolon or bar. Means over several columns count each cell once.
"""

from __future__ import annotations

import itertools
import math
import re
from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from scipy import sparse

from core.judging.metrics_labels import accuracy, macro_f1_of
from core.judging.statistic import Array, Statistic, averaged, divided, share

_SEPARATORS = re.compile(r"[,;|]")


def words(cell: str) -> list[str]:
    """The words of a list."""
    found = cell.split()
    if len(found) == 1:
        found = _SEPARATORS.split(found[0])
    return [stripped for word in found if (stripped := word.strip(",;|"))]


# ---------------------------------------------------------------- edit distances


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Levenshtein's: insertions, deletions and substitutions of items cost 1.

    Bit-parallel (Myers 1999 in the form of Hyyro 2003), one step per item of the longer sequence.
    """
    if len(a) > len(b):
        a, b = b, a
    if not a:
        return len(b)
    places: dict[str, int] = {}
    for i, item in enumerate(a):
        places[item] = places.get(item, 0) | 1 << i
    every, last, score = (1 << len(a)) - 1, 1 << len(a) - 1, len(a)
    up, down = every, 0
    for item in b:
        match = places.get(item, 0)
        diagonal = (((match & up) + up) ^ up) | match | down
        right, left = down | ~(diagonal | up) & every, up & diagonal
        score += bool(right & last) - bool(left & last)
        right, left = (right << 1 | 1) & every, left << 1 & every
        up, down = left | ~(diagonal | right) & every, right & diagonal
    return score


def _distances(truth: Array, pred: Array, items: Callable[[str], Sequence[str]]) -> Array:
    return _each(lambda a, b: 0 if a == b else edit_distance(items(a), items(b)), truth, pred)


def levenshtein(truth: Array, pred: Array, *, lists: bool) -> Statistic:
    """Mean edit distance per cell: over characters, or over words for lists."""
    return averaged(_distances(truth, pred, words if lists else str))


def word_error_rate(truth: Array, pred: Array) -> Statistic:
    """Edits of words over all cells, divided by the words of all true cells."""
    return share(
        _distances(truth, pred, words), _each(lambda a, _: len(words(a)), truth, truth), 0.0
    )


def character_error_rate(truth: Array, pred: Array) -> Statistic:
    """The same over characters."""
    return share(_distances(truth, pred, str), _each(lambda a, _: len(a), truth, truth), 0.0)


# ---------------------------------------------------------------- sets and rankings


def jaccard(truth: Array, pred: Array, *, lists: bool) -> Statistic:
    """Mean of common over all distinct words; of texts in lower case. Two empty cells agree."""

    def cell(a: str, b: str) -> float:
        if lists:
            first, second = set(words(a)), set(words(b))
        else:
            first, second = set(a.lower().split()), set(b.lower().split())
        if not first | second:
            return 1.0
        return len(first & second) / len(first | second)

    return averaged(_each(cell, truth, pred))


def f1_micro(truth: Array, pred: Array) -> Statistic:
    """F1 over all pairs of row and word."""
    hits = _each(lambda a, b: 2 * len(set(words(a)) & set(words(b))), truth, pred)
    return share(
        hits, _each(lambda a, b: len(set(words(a))) + len(set(words(b))), truth, pred), 0.0
    )


def f1_macro(truth: Array, pred: Array) -> Statistic:
    """Mean over the words that occur of each word's F1."""
    known, said = _row_words(truth), _row_words(pred)
    names = sorted(set().union(*known, *said))
    a, b = _membership(known, names), _membership(said, names)
    return macro_f1_of(a.multiply(b), b, a)


def _row_words(cells: Array) -> list[set[str]]:
    """The distinct words of each row."""
    return [set(words(" ".join(row))) for row in cells.tolist()]


def _membership(rows: Sequence[set[str]], names: Sequence[str]) -> sparse.csr_matrix:
    """Which row has which word: 0/1 [rows, names]."""
    places = dict(zip(names, range(len(names)), strict=True))
    columns = list(map(places.__getitem__, itertools.chain.from_iterable(rows)))
    row_numbers = np.repeat(np.arange(len(rows)), list(map(len, rows)))
    return sparse.csr_matrix(
        (np.ones(len(columns)), (row_numbers, np.array(columns, dtype=int))),
        shape=(len(rows), max(len(names), 1)),
    )


def average_precision_at(k: int | None, truth: Array, pred: Array) -> Statistic:
    """Mean over cells of the precision at each hit among the first k words, over min(k, true
    words).

    A word counts once; a cell without a true word counts 0. k: None for no limit.
    """

    def cell(a: str, b: str) -> float:
        wanted = set(words(a))
        hits = enumerate(_hits(wanted, words(b)[:k]), 1)
        most = len(range(len(wanted))[:k])
        return sum(count / place for count, place in hits) / max(most, 1)

    return averaged(_each(cell, truth, pred))


def ndcg_at(k: int | None, truth: Array, pred: Array) -> Statistic:
    """Mean over cells of the discounted gain of the first k words over the best that is possible
    (Jarvelin and Kekalainen 2002).

    The gain of a true word is 1, at place i divided by log2(i + 1). A word counts once; a cell
    without a true word counts 0. k: None for no limit.
    """

    def cell(a: str, b: str) -> float:
        wanted = set(words(a))
        if not wanted:
            return 0.0
        best = sum(map(_discount, range(1, len(wanted) + 1)[:k]))
        return sum(map(_discount, _hits(wanted, words(b)[:k]))) / best

    return averaged(_each(cell, truth, pred))


def reciprocal_rank_at(k: int | None, truth: Array, pred: Array) -> Statistic:
    """Mean over cells of 1 / place of the first true word among the first k; 0 without one. k: None
    for no limit.
    """

    def cell(a: str, b: str) -> float:
        place = next(_hits(set(words(a)), words(b)[:k]), math.inf)
        return 1 / place

    return averaged(_each(cell, truth, pred))


def _discount(place: int) -> float:
    return 1 / math.log2(place + 1)


def _hits(wanted: set[str], given: Sequence[str]) -> Iterator[int]:
    """Places, from 1, at which a wanted word stands for the first time."""
    left = set(wanted)
    for place, word in enumerate(given, 1):
        if word in left:
            left.remove(word)
            yield place


def kendall(truth: Array, pred: Array) -> Statistic:
    """1 - 4 x swaps / n (n - 1), both summed over all cells: the order of each list against its
    true order.

    A cell that does not hold exactly the true words counts as turned round.
    """

    def swaps(a: str, b: str) -> float:
        place = {word: i for i, word in enumerate(words(a))}
        order = [place.get(word, -1) for word in words(b)]
        if sorted(order) != list(range(len(place))):
            return len(place) * (len(place) - 1) / 2
        return _inversions(order)

    pairs = _each(lambda a, _: len(words(a)) * (len(words(a)) - 1), truth, truth)
    rows = np.stack([_each(swaps, truth, pred).sum(axis=1), pairs.sum(axis=1)], axis=1)
    return Statistic(rows, lambda means: 1 - divided(4 * means[..., 0], means[..., 1], 0.0))


def _inversions(order: Sequence[int]) -> int:
    before: list[int] = []
    count = 0
    for number in order:
        count += len(before) - bisect_right(before, number)
        insort(before, number)
    return count


def _each(function: Callable[[str, str], float], truth: Array, pred: Array) -> Array:
    """function of each pair of cells: floats [rows, columns]."""
    values = list(map(function, truth.ravel().tolist(), pred.ravel().tolist()))
    return np.array(values, dtype=float).reshape(truth.shape)


STATISTICS: dict[str, Callable[[Array, Array], Statistic]] = {
    "word_error_rate": word_error_rate,
    "character_error_rate": character_error_rate,
    "levenshtein": partial(levenshtein, lists=False),
    "jaccard": partial(jaccard, lists=False),
    "accuracy": accuracy,
}
LISTS: dict[str, Callable[[Array, Array], Statistic]] = {
    "word_error_rate": word_error_rate,
    "levenshtein": partial(levenshtein, lists=True),
    "jaccard": partial(jaccard, lists=True),
    "f1_micro": f1_micro,
    "f1_macro": f1_macro,
    "kendall": kendall,
}
# Of lists, by the number in the name.
FAMILIES: dict[str, Callable[[int | None, Array, Array], Statistic]] = {
    "map@k": average_precision_at,
    "ndcg@k": ndcg_at,
    "mrr@k": reciprocal_rank_at,
    "mrr": reciprocal_rank_at,
}
