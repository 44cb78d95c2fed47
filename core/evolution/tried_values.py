"""What the values that were tried say: what was changed in all, and which constants change nothing.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from core.evolution.diversity import original_of
from core.evolution.selection import TWIN, fold_scores
from core.evolution.values import ValueChange, code_around, values_changed
from core.records import Entry, Proposal

# Scores that differ by less are the same.
SAME = 1e-9
# Folds whose scores say together that nothing differs: with few rows many programs share one score of
# accuracy.
LEAST_FOLDS = 2

Text = Callable[[str], str]
"""Digest of a program -> its text."""

Inert = frozenset[tuple[str, str]]
"""(constant, the code around it) of constants whose value made no difference."""


def by_value(item: Entry | Proposal) -> bool:
    """It is an earlier program with another value of one constant."""
    return item.extra and item.kind == "tune"


def change_of_values(before: str, after: str) -> str:
    """Every value in which a program differs from the one that was asked for and that it came of by
    values, in exact words. before, after: their texts.
    """
    by_part: dict[str, list[str]] = {}
    for change in values_changed(before, after):
        by_part.setdefault(change.locus or "preamble", []).append(_words(change))
    parts = [f"{part}: {', '.join(words)}" for part, words in by_part.items()]
    return "; ".join(parts)


def inert(entries: Sequence[Entry], text: Text) -> Mapping[str, Inert]:
    """Constants whose value was tried and changed nothing, by the id of the program that they were
    tried on, or of that of which it has other values.
    """
    known = {entry.id: entry for entry in entries}
    found: dict[str, Inert] = {}
    for child in filter(by_value, entries):
        parent = known.get(child.parents[0]) if child.parents else None
        if parent is None or not _does_the_same(child, parent):
            continue
        before = text(parent.program)
        around = code_around(before)
        changed = values_changed(before, text(child.program))
        tried = frozenset((change.name, around[change.name]) for change in changed)
        program = original_of(parent, known).id
        found[program] = found.get(program, frozenset()) | tried
    return found


def inert_in(entry: Entry, found: Mapping[str, Inert], known: Mapping[str, Entry]) -> Inert:
    """Those of a program and of all that it came of. found: see `inert`. known: all entries by id."""
    own: Inert = frozenset()
    seen: set[str] = set()
    left = [entry.id]
    while left:
        item = known.get(left.pop())
        if item is not None and item.id not in seen:
            seen.add(item.id)
            own |= found.get(item.id, frozenset())
            left += item.parents
    return own


def _words(change: ValueChange) -> str:
    return f"{change.name} {change.before} -> {change.after}"


def _does_the_same(child: Entry, parent: Entry) -> bool:
    """Every fold that both ran has one score, of two folds at least; of a single one the judge has
    found the same predictions.
    """
    after, before = fold_scores(child), fold_scores(parent)
    common = after.keys() & before.keys()
    same_predictions = child.incumbent == parent.id and child.p_better == TWIN
    if len(common) < LEAST_FOLDS and not (common and same_predictions):
        return False
    return all(abs(after[view] - before[view]) <= SAME for view in common)
