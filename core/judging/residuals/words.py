"""Rows grouped by the words of a text on which a program errs one way. Arithmetic on columns only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import pandas as pd

from core.judging.residuals.groupings import NAME_LETTERS, Grouping
from core.judging.residuals.guards import LEAST_ROWS
from core.judging.residuals.telling import CHANCE, Halves, strength
from core.judging.statistic import Array
from utils.untrusted import one_line

MOST_WORDS = 6
# Of a text, from its beginning: what long ones are about stands there, and a report is to be quick.
_LETTERS = 1000
# Words of which both halves are looked at.
_CLOSER = 40
_WORD = re.compile(r"[^\W\d_][^\W\d_'-]{1,23}")


def by_words(name: str, cells: pd.Series, residuals: Array, halves: Halves) -> Grouping | None:
    """The words whose rows are biased most, the strongest first, each by the rows that hold none of
    the ones before: so no row stands in two groups, and no two groups differ by a few rows. A word
    counts where its shift shows in both halves and stands beyond chance over all words that are
    looked at. residuals: [rows]. None for no word.
    """
    rows_of = _rows_of_words(cells)
    codes, words = np.full(len(cells), -1), list[str]()
    while len(words) < MOST_WORDS:
        word = _strongest(rows_of, codes < 0, residuals, halves)
        if word is None:
            break
        rows = rows_of[word]
        codes[rows[codes[rows] < 0]] = len(words)
        words.append(word)
    if not words:
        return None
    title = f"by words of {one_line(name, NAME_LETTERS)}, a row by the first that it holds"
    return Grouping(title, tuple(words), codes)


def _rows_of_words(cells: pd.Series) -> Mapping[str, Array]:
    """Words that enough rows hold and enough do not, in lower case, with the numbers of their rows."""
    rows_of: dict[str, list[int]] = {}
    for row, text in enumerate(cells.fillna("").astype(str).tolist()):
        for word in set(_WORD.findall(text[:_LETTERS].lower())):
            rows_of.setdefault(word, []).append(row)
    most = len(cells) - LEAST_ROWS
    return {
        word: np.array(rows)
        for word, rows in sorted(rows_of.items())
        if LEAST_ROWS <= len(rows) <= most
    }


def _strongest(
    rows_of: Mapping[str, Array], free: Array, residuals: Array, halves: Halves
) -> str | None:
    """Of the words, over the rows that are free; None where no shift is sure."""
    shifts: dict[str, float] = {}
    centre, spread = residuals[free].mean(), max(float(residuals[free].std()), 1e-12)
    for word, rows in rows_of.items():
        own = rows[free[rows]]
        if LEAST_ROWS <= len(own) <= free.sum() - LEAST_ROWS:
            shift = residuals[own].mean() - centre
            shifts[word] = float(abs(shift) * np.sqrt(len(own)) / spread)
    # The spread of all rows: that of a few is too often too small by chance.
    least = NormalDist().inv_cdf(1 - 0.5 * CHANCE / max(1, len(rows_of)))
    far = [word for word in shifts if shifts[word] > least]
    far.sort(key=shifts.__getitem__, reverse=True)
    unit = halves.unit
    if unit is not None:
        unit = unit[free]
    part, strengths = Halves(halves.side[free], unit), dict[str, float]()
    for word in far[:_CLOSER]:
        holds = np.zeros(len(free), dtype=int)
        holds[rows_of[word]] = 1
        grouping = Grouping("", ("without", word), holds[free])
        strengths[word] = strength(grouping, [residuals[free]], part, len(rows_of))
    best = max(strengths, key=strengths.__getitem__, default=None)
    if best is None or not strengths[best] > 0:
        return None
    return best
