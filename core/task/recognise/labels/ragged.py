"""Rule P7: labels as lists in a ragged text file, a row of the sample for each item and class."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.task.folder.inventory import FoundFile
from core.task.folder.names import without
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.labels.item_codes import CLASS_COLUMN, ITEM_COLUMN, Code, codes_of

_SUFFIXES = (".txt", ".csv", ".tsv", ".dat", ".labels")
_MAX_BYTES = 64 << 20
_UNKNOWN = "?"
_SPLITS = (",", "\t", ";", " ")


@dataclass(frozen=True, slots=True)
class _Ragged:
    """labels: classes by item; None where the file marks the item as one of the test."""

    path: str
    key_name: str
    labels: Mapping[str, frozenset[str] | None]

    @property
    def known(self) -> dict[str, frozenset[str]]:
        """Classes of the items that have labels."""
        return {item: names for item, names in self.labels.items() if names is not None}


def labels_in_lists(evidence: Evidence) -> LabelTable | None:
    """A line `item,class,class,...` per item; `?`, or no line at all, for items of the test."""
    submission = evidence.submission
    if evidence.sample is None or len(submission.ids) != 1 or len(submission.targets) != 1:
        return None
    codes = list(codes_of(evidence.sample[submission.ids[0]]))
    if not codes:
        return None
    for file in filter(_may_be_lists, evidence.files):
        ragged = _read(evidence.root, file)
        if ragged is None:
            continue
        for code in codes:
            if _fits(ragged, code):
                return _label_table(evidence, ragged, code)
    return None


def _may_be_lists(file: FoundFile) -> bool:
    return file.suffix in _SUFFIXES and 0 < file.size <= _MAX_BYTES


def _read(root: Path, file: FoundFile) -> _Ragged | None:
    """None where the file is no text, or its lines are equally long or several of one item."""
    try:
        lines = (root / file.path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    delimiter = max(_SPLITS, key=lambda each: sum(each in line for line in lines[:200]))
    rows = [list(map(str.strip, line.split(delimiter))) for line in lines if line.strip()]
    key_name = ITEM_COLUMN
    if rows and re.search(r"[A-Za-z]", rows[0][0]):
        key_name = rows.pop(0)[0]
    labels: dict[str, frozenset[str] | None] = {}
    for item, *classes in rows:
        unknown = item == _UNKNOWN or _UNKNOWN in classes
        labels[item] = None if unknown else frozenset(classes) - {""}
    if len(rows) < 2 or len(labels) < len(rows) or len(set(map(len, rows))) < 2:
        return None
    return _Ragged(file.path, key_name, labels)


def _fits(ragged: _Ragged, code: Code) -> bool:
    """Its classes are those of the sample, and no item of the sample has labels in it; it may name
    those that lack them.
    """
    known = ragged.known
    lacking, items = ragged.labels.keys() - known.keys(), set(code.items)
    if lacking and not items <= lacking:
        return False
    used = frozenset().union(*known.values())
    return len(known) > 1 and bool(used) and used <= set(code.classes) and not known.keys() & items


def _label_table(evidence: Evidence, ragged: _Ragged, code: Code) -> LabelTable:
    assert evidence.sample is not None
    key, target = evidence.submission.ids[0], evidence.submission.targets[0]
    classes, known = list(dict.fromkeys(code.classes)), ragged.known
    pairs = pd.MultiIndex.from_product([list(known), classes]).to_frame(index=False)
    items, names = pairs.iloc[:, 0], pairs.iloc[:, 1]
    hits = [str(int(name in known[item])) for item, name in zip(items, names, strict=True)]
    named = ragged.key_name if ragged.key_name not in (key, target) else ITEM_COLUMN
    more = _more(evidence, ragged, {key, target, named, CLASS_COLUMN})

    def rows(items: pd.Series, names: pd.Series) -> pd.DataFrame:
        columns = {key: code.ids(items, names), named: items, CLASS_COLUMN: names}
        for name, cells in more.items():
            columns[name] = items.map(cells).fillna("")
        return pd.DataFrame(columns, dtype=object)

    frame = rows(items, names).assign(**{target: hits}).astype(object)
    form = f"{named} * {code.factor} + class" if code.factor else f"{named}{code.joint}class"
    how = f"labels: P7, lists of {len(classes)} classes in {ragged.path}, one row per item and class; the id is {form}"
    test = rows(code.items, code.classes)
    return LabelTable(how, frame, (ragged.path,), test, group=named)


def _more(evidence: Evidence, ragged: _Ragged, taken: set[str]) -> dict[str, dict[str, str]]:
    """Columns of other text tables with exactly one line per item, such as names of files; by item.
    taken: names of columns that there are.
    """
    found: dict[str, dict[str, str]] = {}
    for file in filter(_may_be_lists, evidence.files):
        if file.path == ragged.path:
            continue
        try:
            table = pd.read_csv(
                evidence.root / file.path,
                dtype=str,
                keep_default_na=False,
                sep=None,
                engine="python",
            )
        except (ValueError, OSError):
            continue
        if table.shape[1] < 2:
            continue
        keys = table.iloc[:, 0]
        if keys.is_unique and set(ragged.labels) <= set(keys):
            for name in without(table.columns[1:], {*taken, *found}):
                found[str(name)] = dict(zip(keys, table[name], strict=True))
    return found
