"""Which failure is mended next, and how: what met a limit is shrunk, not debugged. Pure."""

from __future__ import annotations

from core.evolution.briefs import mends
from core.evolution.situation import Situation
from core.records import BriefKind, Entry

# Types of errors that tell of a lack of memory when no limit of the box ended the program.
OUT_OF_MEMORY = frozenset({"MemoryError", "SIGKILL"})
# A repair that gets no program leaves no trace among the entries and would be asked for again and
# again. So a failure is left alone after this many finished steps, and none is mended after this
# many steps in a row that ended in nothing.
MEND_WITHIN = 8
MEND_UNLESS_LOST = 2


def to_mend(now: Situation) -> Entry | None:
    """The latest failure that nobody has tried to mend, unless its line of repairs is used up."""
    if _lost(now) >= MEND_UNLESS_LOST:
        return None
    tried = set[str]()
    for step in now.steps:
        tried.update(step.parents)
    for entry in reversed(now.finished[-MEND_WITHIN:]):
        mendable = not entry.verdict.valid and entry.id not in tried and not _hopeless(entry)
        if mendable and _repairs(entry, now) < now.search.debug_tries:
            return entry
    return None


def way_to_mend(failed: Entry) -> BriefKind:
    """Made right, a program that met its time or memory would meet the limit again."""
    outcome = failed.outcome
    if outcome.killed_for is not None:
        too_big = outcome.killed_for in ("deadline", "memory")
    else:
        too_big = outcome.error is not None and outcome.error.type in OUT_OF_MEMORY
    return "shrink" if too_big else "debug"


def _hopeless(entry: Entry) -> bool:
    """Ended by the box for something that a smaller program need not cure."""
    return entry.outcome.killed_for not in (None, "deadline", "memory")


def _lost(now: Situation) -> int:
    """How many of the latest steps ended without a program."""
    known = [step.step for step in now.steps if not step.extra]
    return now.step - 1 - max(known, default=-1)


def _repairs(entry: Entry, now: Situation) -> int:
    """How many repairs lie between this entry and the program that first
    failed.
    """
    count = 0
    while mends(entry.kind) and entry.parents[0] in now.by_id:
        count += 1
        entry = now.by_id[entry.parents[0]]
    return count
