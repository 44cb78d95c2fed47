"""Rule P7: labels as lists in a ragged text file, a row of the sample for each item and class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.task.folder.inventory import FoundFile
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


def labels_in_lists(evidence: Evidence) -> LabelTable | None:
    """A line `item,class,class,...` per item; `?`, or no line at all, for items of the test."""
    if (
        evidence.sample is None
        or len(evidence.submission.ids) != 1
        or len(evidence.submission.targets) != 1
    ):
        return None
    codes = list(codes_of(evidence.sample[evidence.submission.ids[0]]))
    for file in evidence.files if codes else ():
        ragged = _read(evidence.root, file)
        for code in codes if ragged is not None else ():
            if ragged is not None and _fits(ragged, code):
                return _label_table(evidence, ragged, code)
    return None


def _read(root: Path, file: FoundFile) -> _Ragged | None:
    if file.suffix not in _SUFFIXES or not 0 < file.size <= _MAX_BYTES:
        return None
    try:
        lines = (root / file.path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    delimiter = max(_SPLITS, key=lambda each: sum(each in line for line in lines[:200]))
    rows = [[cell.strip() for cell in line.split(delimiter)] for line in lines if line.strip()]
    header = rows[0][0] if rows and re.search(r"[A-Za-z]", rows[0][0]) else ""
    rows = rows[1:] if header else rows
    keys = [row[0] for row in rows]
    if len(rows) < 2 or len(set(keys)) < len(keys) or len({len(row) for row in rows}) < 2:
        return None
    labels = {
        row[0]: None if _UNKNOWN in row else frozenset(cell for cell in row[1:] if cell)
        for row in rows
    }
    return _Ragged(file.path, header or ITEM_COLUMN, labels)


def _fits(ragged: _Ragged, code: Code) -> bool:
    """Its classes are those of the sample, and no item of the sample has labels in it; it may name
    those that lack them.
    """
    items = set(code.items)
    asked = {item for item, found in ragged.labels.items() if found is None}
    if asked and not items <= asked:
        return False
    known = {item for item, found in ragged.labels.items() if found is not None}
    used = frozenset().union(*(ragged.labels[item] or () for item in known))
    return len(known) > 1 and bool(used) and used <= set(code.classes) and not known & items


def _label_table(evidence: Evidence, ragged: _Ragged, code: Code) -> LabelTable:
    assert evidence.sample is not None
    key, target = evidence.submission.ids[0], evidence.submission.targets[0]
    classes = list(dict.fromkeys(code.classes))
    known = [item for item, found in ragged.labels.items() if found is not None]
    pairs = (
        pd.MultiIndex.from_product([known, classes])
        .to_frame(index=False)
        .set_axis(["item", "class"], axis=1)
    )
    hits = [
        str(int(name in (ragged.labels[item] or ())))
        for item, name in pairs.itertuples(index=False)
    ]
    taken = {key, target}
    named = ragged.key_name if ragged.key_name not in taken else ITEM_COLUMN

    def rows(items: pd.Series, names: pd.Series) -> dict[str, Sequence[str]]:
        more = {
            other: items.map(cells).fillna("")
            for other, cells in _more(evidence, ragged, named, taken).items()
        }
        return {key: code.ids(items, names), named: items, CLASS_COLUMN: names, **more}

    frame = pd.DataFrame({**rows(pairs["item"], pairs["class"]), target: hits}, dtype=object)
    test = pd.DataFrame(rows(code.items, code.classes), dtype=object)
    made = f"{named} * {code.factor} + class" if code.factor else f"{named}{code.joint}class"
    how = f"labels: P7, lists of {len(classes)} classes in {ragged.path}, one row per item and class; the id is {made}"
    return LabelTable(how, frame, (ragged.path,), test, group=named)


def _more(
    evidence: Evidence, ragged: _Ragged, named: str, taken: set[str]
) -> dict[str, dict[str, str]]:
    """Columns of other text tables with exactly one line per item, such as names of files; by item."""
    found: dict[str, dict[str, str]] = {}
    for file in evidence.files:
        if (
            file.suffix not in _SUFFIXES
            or file.path == ragged.path
            or not 0 < file.size <= _MAX_BYTES
        ):
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
        keys = table.iloc[:, 0] if table.shape[1] > 1 else pd.Series(dtype=str)
        if len(keys) and keys.is_unique and set(ragged.labels) <= set(keys):
            for name in table.columns[1:]:
                if name not in (*taken, named, CLASS_COLUMN, *found):
                    found[str(name)] = dict(zip(keys, table[name], strict=True))
    return found
