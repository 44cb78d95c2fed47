"""Which unit starts next, and which never: decisions over rows, without any act."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from swarm_host.records import Group, UnitRow
from swarm_host.states import LIVE


def due(
    rows: Sequence[UnitRow], away: Collection[str], now: float, owner: str | None = None
) -> list[UnitRow]:
    """Units that can be handed out, in order: first live ones that nobody follows any more, then
    those that wait.

    away: units that are handed out already, or that must wait. owner: whose units of the store are
    followed only while they are away: a life that a full disk ended left them so.
    """
    free = [row for row in rows if row.spec.unit_id not in away]
    live = [row for row in free if row.state in LIVE]
    left = [row for row in live if (row.lease_until or 0.0) < now or row.owner == owner]
    return left + [row for row in free if row.state == "queued"]


def spent(group: Group, rows: Sequence[UnitRow]) -> str | None:
    """Which budget of the group is used up; None while there is room, or no budget.

    What nobody says costs nothing: a budget of tokens needs agents that tell them.
    """
    usages = [row.result.usage for row in rows if row.result is not None]
    seconds = sum(usage.seconds or 0.0 for usage in usages)
    usd = sum(usage.usd or 0.0 for usage in usages)
    tokens = sum(usage.tokens or 0 for usage in usages)
    for what, most, used in (
        ("hours", group.budget_hours, seconds / 3600),
        ("usd", group.budget_usd, usd),
        ("tokens", group.budget_tokens, float(tokens)),
    ):
        if most is not None and used >= most:
            return f"the budget of {most:g} {what} is used up ({used:g})"
    return None
