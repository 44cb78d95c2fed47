"""States of a unit, the moves between them, and what is said of a group. One table, no other rule.

A dead owner changes no state: the unit is adopted by its next owner where it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, get_args

from swarm_host.errors import IllegalMove

State = Literal[
    "queued",
    "claimed",
    "building",
    "starting",
    "running",
    "collecting",
    "grading",
    "done",
    "cancelled",
]
# Outcomes of the infrastructure, which say nothing about the agent. These alone are tried again.
InfraOutcome = Literal["daemon_lost", "lost", "capacity", "rate_limit", "transfer", "unhealthy"]
# How specification 003 calls a group.
GroupStatus = Literal["queued", "running", "completed", "failed", "cancelled"]

# None: no outcome at all.
INFRASTRUCTURE: frozenset[str | None] = frozenset({*get_args(InfraOutcome), None})
FINAL: frozenset[State] = frozenset({"done", "cancelled"})
LIVE: frozenset[State] = frozenset(
    {"claimed", "building", "starting", "running", "collecting", "grading"}
)

# Back to `queued`: the infrastructure failed and an attempt is left, or a user asked for another.
MOVES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        "queued": frozenset({"claimed", "cancelled"}),
        "claimed": frozenset({"building", "starting", "queued", "done", "cancelled"}),
        "building": frozenset({"starting", "queued", "done", "cancelled"}),
        "starting": frozenset({"running", "queued", "done", "cancelled"}),
        "running": frozenset({"collecting", "queued", "done", "cancelled"}),
        "collecting": frozenset({"grading", "queued", "done", "cancelled"}),
        "grading": frozenset({"queued", "done", "cancelled"}),
        "done": frozenset({"queued"}),
        "cancelled": frozenset({"queued"}),
    }
)


def check_move(old: State, new: State) -> None:
    """Raises IllegalMove unless the table has this move."""
    if new not in MOVES[old]:
        raise IllegalMove(f"a unit cannot go from {old} to {new}")


def group_status(states: Iterable[State], outcomes: Iterable[str | None]) -> GroupStatus:
    """Of all units of a group. One that ran to its end is `completed` even when agents failed in it;
    it is `failed` only when no unit has a result of its agent. A unit that was cancelled has none.
    """
    count = Counter(states)
    if not count or set(count) == {"queued"}:
        return "queued"
    if set(count) - FINAL:
        return "running"
    if set(count) == {"cancelled"}:
        return "cancelled"
    without_result = INFRASTRUCTURE | {"cancelled"}
    from_agents = [outcome for outcome in outcomes if outcome not in without_result]
    return "completed" if from_agents else "failed"
