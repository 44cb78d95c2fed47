"""Cells of tables: as text, as numbers, as times; the spellings of nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from utils.tables import text_of_cell

Mask = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# A mask without a pixel.
NO_PIXEL = frozenset({"", "-", "-1"})
# 28.1.2021, or 28/1/2021 and 28-1-2021 where a day is no month.
_DAY_FIRST = r"\s*(?:\d{1,2}\.\d{1,2}\.\d{4}|(?:1[3-9]|2\d|3[01])[/-]\d{1,2}[/-]\d{4})"


def text_of(column: pd.Series) -> pd.Series:
    """Cells as text, "" where empty; whole floats lose their point, as in the class names of a
    spec.
    """
    if pd.api.types.is_string_dtype(column) and not column.isna().any():
        return column.astype(object)
    return column.map(text_of_cell).astype(object)


def numbers(column: pd.Series) -> pd.Series:
    """Cells as floats; NaN where a cell is empty or no number."""
    return pd.to_numeric(column.where(column != ""), errors="coerce")


def is_numeric(column: pd.Series) -> bool:
    """True when every non-empty cell is a number, and one cell is."""
    filled = column[column != ""]
    return len(filled) > 0 and bool(numbers(filled).notna().all())


def parse_times(column: pd.Series) -> Floats:
    """Numbers as they are, dates in nanoseconds, anything else by its rank as text; missing cells
    minus infinity.
    """
    filled = (column != "").to_numpy()
    numbers = pd.to_numeric(column.where(filled), errors="coerce")
    if not bool((numbers.notna().to_numpy() == filled).all()):
        dates = pd.to_datetime(column.where(filled), errors="coerce", format="ISO8601", utc=True)
        if not bool((dates.notna().to_numpy() == filled).all()):
            first = bool(column.str.match(_DAY_FIRST).any())
            dates = pd.to_datetime(
                column.where(filled), errors="coerce", format="mixed", dayfirst=first, utc=True
            )
        if bool((dates.notna().to_numpy() == filled).all()):
            numbers = pd.Series(
                dates.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]").astype(np.int64)
            )
        else:
            numbers = column.rank(method="dense")
    return np.where(filled, numbers.to_numpy(dtype=np.float64, na_value=-np.inf), -np.inf)
