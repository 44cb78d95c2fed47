"""Cells that order rows: dates or numbers, and how they are written for a reader."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.task.folder.cells import Floats, is_numeric, parse_times
from utils.text import exact
from utils.untrusted import one_line

_DAY_NS = 86_400 * 10**9
_MINUTE_NS = 60 * 10**9
# Ranks of text are no moments; a date before 1800 or after 2200 is none either.
_FIRST, _LAST = pd.Timestamp("1800-01-01").value, pd.Timestamp("2200-01-01").value


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """values: one per cell, nanoseconds since 1970 of dates, numbers as they are, ranks of other
    text; minus infinity for an empty cell. cells: as text.
    """

    values: Floats
    cells: pd.Series
    dates: bool
    numbers: bool

    @classmethod
    def of(cls, cells: pd.Series) -> Times:
        """cells: text, "" where empty."""
        cells = cells.reset_index(drop=True)
        # A look at some cells spares the dates of a long table.
        values, numeric = parse_times(cells), is_numeric(cells.head(100)) and is_numeric(cells)
        known = values[np.isfinite(values)]
        dated = not numeric and len(known) > 0
        dated = dated and bool((known >= _FIRST).all() and (known <= _LAST).all())
        # Ranks start at 1: no date of the last century is so near to 1970.
        dated = dated and bool(np.abs(known).max() > len(known))
        return cls(values, cells, dated, numeric)

    @property
    def first(self) -> str:
        """A cell as it is written, "" without any."""
        filled = self.cells[self.cells != ""]
        return str(filled.iloc[0]) if len(filled) else ""

    def span(self) -> str:
        """From the first to the last moment, "" without any."""
        places = np.flatnonzero(np.isfinite(self.values))
        if not len(places):
            return ""
        ordered = self.values[places]
        first, last = places[ordered.argmin()], places[ordered.argmax()]
        return f"{self.moment(int(first))} .. {self.moment(int(last))}"

    def length(self) -> str:
        """How long it is from the first date to the last, in words; "" for other cells."""
        known = self.values[np.isfinite(self.values)]
        if not self.dates or not len(known):
            return ""
        days = float(np.ptp(known)) / _DAY_NS
        return f"{days:.1f} days" if days >= 2 else f"{24 * days:.1f} hours"

    def moment(self, place: int) -> str:
        """The cell at this place: a day, with its time where any cell has one."""
        if self.dates:
            return moment_text(self.values[place], self._unit())
        if self.numbers:
            return exact(self.values[place])
        return one_line(str(self.cells.iloc[place]), 30)

    def _unit(self) -> str:
        known = self.values[np.isfinite(self.values)]
        if not (known % _DAY_NS).any():
            return "D"
        return "s" if (known % _MINUTE_NS).any() else "min"


def moment_text(nanoseconds: float, unit: str) -> str:
    """A moment in UTC. unit: D, min or s, the finest that is written."""
    forms = {"D": "%Y-%m-%d", "min": "%Y-%m-%d %H:%M", "s": "%Y-%m-%d %H:%M:%S"}
    return pd.Timestamp(int(nanoseconds)).strftime(forms[unit])
