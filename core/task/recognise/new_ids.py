"""Ids that give an answer away, and new ones that look like the official test ids."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

_LOOKED_AT = 5_000
_WORD = re.compile(r"[A-Za-z]+|\d+(?:\.\d+)?")
_NUMBERED = r"^(?P<head>.*?)(?P<number>\d{1,15})(?P<tail>\D*)$"
_OWN_SHARE = 0.9
_EXPLAINED = 0.8


def carries_label(
    names: pd.Series, labels: pd.DataFrame, official: pd.Series, seed: int = 0
) -> bool:
    """True when a name (id or path) tells its row's label in a way that the official test names do
    not.

    names, labels: one row per train row, as text. Two signs: the label itself is a word of the
    name, far more often than a shuffled label would be; or names of the same shape have the same
    label, and test names have other shapes.
    """
    if len(names) < 2:
        return False
    picked = np.random.default_rng(seed).permutation(len(names))[:_LOOKED_AT]
    sample = names.iloc[picked].reset_index(drop=True)
    for name in labels.columns:
        column = labels[name].iloc[picked].reset_index(drop=True)
        if _is_word_of(column, sample) or _follows_shape(column, sample, official):
            return True
    return False


def fresh_ids(
    count: int, taken: pd.Series, official: pd.Series, rng: np.random.Generator
) -> list[str]:
    """`count` new ids, distinct and not among `taken`, of the shape that most official ids have, in
    random order.
    """
    head, tail, width = _shape(official)
    last = max(_last_number(taken, head, tail), _last_number(official, head, tail))
    numbers = (last + 1 + rng.permutation(count)).tolist()
    return [f"{head}{number:0{width}d}{tail}" for number in numbers]


def shapes(names: pd.Series) -> pd.Series:
    """Names with every number replaced by one sign."""
    return names.str.replace(r"\d+", "#", regex=True)


def _is_word_of(labels: pd.Series, names: pd.Series) -> bool:
    words, wanted = list(map(_words, names)), list(map(_words, labels))
    own = _share(words, wanted)
    # The rows were permuted, so turning the labels by half is a shuffle.
    half = len(wanted) // 2
    other = _share(words, wanted[half:] + wanted[:half])
    return own >= _OWN_SHARE and own - other > 0.5 * (1 - other)


def _words(text: str) -> frozenset[str]:
    return frozenset(map(str.lower, _WORD.findall(text)))


def _share(words: Sequence[frozenset[str]], wanted: Sequence[frozenset[str]]) -> float:
    """Of the names that hold all words of their labels."""
    count = 0
    for found, label in zip(words, wanted, strict=True):
        count += bool(label) and label <= found
    return count / len(words)


def _follows_shape(labels: pd.Series, names: pd.Series, official: pd.Series) -> bool:
    shape = shapes(names)
    distinct = shape.nunique()
    if distinct < 2 or distinct > len(names) / 5:
        return False
    explained = pd.crosstab(shape, labels).max(axis=1).sum() / len(names)
    usual = labels.value_counts(normalize=True).iloc[0]
    if explained < usual + _EXPLAINED * (1 - usual) or usual == 1:
        return False
    return bool(len(official) == 0 or shapes(official).isin(set(shape)).mean() < 0.5)


def _shape(official: pd.Series) -> tuple[str, str, int]:
    """Text before and after the number of the commonest official id, and the number's width (1: not
    padded).
    """
    parts = official.str.extract(_NUMBERED).dropna()
    counts = parts.groupby(["head", "tail"]).size()
    if counts.empty or counts.max() < len(official) / 2:
        return "row_", "", 1
    head, tail = counts.idxmax()
    numbers = parts.loc[(parts["head"] == head) & (parts["tail"] == tail), "number"]
    padded = numbers.str.startswith("0") & (numbers.str.len() > 1)
    return head, tail, int(numbers.str.len().max()) if padded.any() else 1


def _last_number(ids: pd.Series, head: str, tail: str) -> int:
    parts = ids.str.extract(_NUMBERED).dropna()
    numbers = parts.loc[(parts["head"] == head) & (parts["tail"] == tail), "number"]
    return int(numbers.astype("int64").max()) if len(numbers) else 0
