"""Ids that are made of an item and a class, with a row of each class for every item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

CLASS_COLUMN, ITEM_COLUMN = "class", "item"
_MAX_CLASSES = 2000
_FACTORS = (100_000, 10_000, 1000, 100, 10)
JOINTS = ("_", "-", ":", "/", "|")


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """How ids are made of item and class. factor: 0 where they are joined by `joint`."""

    items: pd.Series
    classes: pd.Series
    factor: int = 0
    joint: str = ""

    def ids(self, items: pd.Series, classes: pd.Series) -> pd.Series:
        if self.factor:
            return (items.astype(int) * self.factor + classes.astype(int)).astype(str)
        return items + self.joint + classes


def codes_of(ids: pd.Series) -> Iterator[Code]:
    """Ways to read the ids, each with several classes for every item."""
    if bool(ids.str.fullmatch(r"\d{1,15}").all()):
        numbers = ids.astype(int)
        for factor in _FACTORS:
            code = Code((numbers // factor).astype(str), (numbers % factor).astype(str), factor)
            if is_full(code):
                yield code
    for joint in JOINTS:
        yield from (code for code in split_at(ids, joint) if is_full(code))


def split_at(ids: pd.Series, joint: str) -> Iterator[Code]:
    """The ids cut at their last and at their first joint: either part may have joints of its own."""
    if not len(ids) or joint not in ids.iloc[0]:
        return
    for pieces in (ids.str.rsplit(joint, n=1), ids.str.split(joint, n=1)):
        if bool((pieces.str.len() == 2).all()):
            yield Code(pieces.str[0], pieces.str[1], joint=joint)


def is_full(code: Code) -> bool:
    """Every item has a row for every class."""
    items, classes = code.items.nunique(), code.classes.nunique()
    return 1 < classes <= _MAX_CLASSES and items > 1 and items * classes == len(code.items)
