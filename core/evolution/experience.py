"""What finished steps say about who wrote them and what they changed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from core.evolution.briefs import BY_KIND, mends
from core.evolution.situation import Situation, is_first_draft
from core.genome import LOCI
from core.records import Entry, EntryKind

LEAST_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Experience:
    """One finished step."""

    # Id of its entry.
    entry: str
    # Index of the step.
    step: int
    # Label of who wrote it.
    persona: str
    # Of the step that a repair mends, else its own.
    kind: EntryKind
    # Improvement over the parent, over the leader of that moment for drafts and merges, in spreads
    # of the scores, -1 to 1; None where it has no score or nothing to be compared with.
    gain: float | None
    # Seconds, in usual steps.
    cost: float
    # Type of its error, else the verdict's first reason, "" when it is valid.
    failure: str
    # The one part that changed, None where there is no such part.
    locus: str | None
    # How it changed: in exact words where it was stated so, else its plan; "" for a repair, whose
    # gain is that of what it mends.
    change: str
    # (locus, digest before, digest after) of each gene that its first parent has otherwise.
    diff: tuple[tuple[str, str, str], ...]
    # Ids of those that its author was shown, or the author of what it mends.
    skills: tuple[str, ...]
    # It is one of the first drafts, or a repair of one.
    opening: bool
    # Steps that finished since.
    age: int

    @property
    def profit(self) -> float:
        """The gain where there is one, else 0: a loss costs nothing but the time."""
        return max(self.gain or 0.0, 0.0)


def experiences(now: Situation, most: int) -> list[Experience]:
    """Of the newest `most` steps, in order. A step whose origin is not known says nothing."""
    recent = now.finished[-most:]
    if not recent:
        return []
    drafts = [entry.id for entry in now.finished if is_first_draft(entry)]
    opening = set(drafts[: now.search.num_drafts])
    unit, spread = median(map(seconds_of, recent)), spread_of(now)
    found = []
    for age, entry in zip(reversed(range(len(recent))), recent, strict=True):
        origin = origin_of(entry, now)
        if origin is not None and origin.kind in BY_KIND:
            found.append(_experience(entry, origin, now, spread, unit, origin.id in opening, age))
    return found


def origin_of(entry: Entry, now: Situation) -> Entry | None:
    """The step that a repair mends, however many repairs ago; any other step itself. None when it
    is not known.
    """
    while mends(entry.kind):
        parent = now.by_id.get(entry.parents[0])
        if parent is None:
            return None
        entry = parent
    return entry


def spread_of(now: Situation) -> float:
    """From the median step to the best one, in units of the metric; 1 when there is no difference.
    Values that were tried around the best do not count: they would make every gain look large.
    """
    steps = [entry for entry in now.ranking if not entry.extra]
    if not steps:
        return 1.0
    middle = now.scores[steps[len(steps) // 2].id]
    return now.scores[steps[0].id].gain_over(middle) or 1.0


def seconds_of(entry: Entry) -> float:
    """Seconds of all executions; of the probe alone where it was the only one."""
    return max(entry.seconds, entry.outcome.duration_s, LEAST_SECONDS)


def _experience(
    entry: Entry, origin: Entry, now: Situation, spread: float, unit: float, opening: bool, age: int
) -> Experience:
    return Experience(
        entry=entry.id,
        step=entry.step,
        persona=entry.persona,
        kind=origin.kind,
        gain=_gain(entry, origin, now, spread),
        cost=seconds_of(entry) / unit,
        failure=_failure(entry),
        locus=entry.locus,
        change=told_change(entry) if entry.locus is not None and entry is origin else "",
        diff=_diff(entry, now),
        skills=origin.skills,
        opening=opening,
        age=age,
    )


def told_change(entry: Entry) -> str:
    """What a program changed, in exact words where it was stated so, else as its plan says it."""
    return entry.change or entry.plan


def _gain(entry: Entry, origin: Entry, now: Situation, spread: float) -> float | None:
    before = entry.incumbent
    if not BY_KIND[origin.kind].over_leader:
        before = origin.parents[0]
    if before is None:
        return None
    gain = now.gain(entry, before)
    if gain is None:
        return None
    return clipped(gain / spread)


def clipped(gain: float) -> float:
    """Within -1 to 1 spreads: one leap from a poor start must not outweigh all later steps."""
    return min(max(gain, -1.0), 1.0)


def _failure(entry: Entry) -> str:
    if entry.verdict.valid:
        return ""
    if entry.outcome.error is not None:
        return entry.outcome.error.type
    return next(iter(entry.verdict.reasons), "invalid")


def _diff(entry: Entry, now: Situation) -> tuple[tuple[str, str, str], ...]:
    if not entry.parents or entry.parents[0] not in now.by_id:
        return ()
    parent = now.by_id[entry.parents[0]]
    changed = []
    for locus in LOCI:
        before, after = parent.genes.get(locus, ""), entry.genes.get(locus, "")
        if before != after:
            changed.append((locus, before, after))
    return tuple(changed)
