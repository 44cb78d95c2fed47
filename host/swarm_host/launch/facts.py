"""How groups and units ended, for other programs: JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarm_host.life.outcomes import message_of_row, outcome_of_row
from swarm_host.records import UnitResult, UnitRow

if TYPE_CHECKING:
    from swarm_host.groups.manager import Finish


def finish_facts(finish: Finish) -> dict[str, Any]:
    """How it ended, for other programs: JSON values."""
    return {
        "how": finish.how,
        "status": finish.status,
        "units": [unit_facts(row) for row in finish.rows],
    }


def unit_facts(row: UnitRow) -> dict[str, Any]:
    """One unit, for other programs. What is not known yet is null, and the message is empty."""
    spec = row.spec
    return {
        "unit": spec.unit_id,
        "group": spec.group,
        "agent": spec.agent,
        "competition": spec.competition,
        "seed": spec.seed,
        "state": row.state,
        "outcome": outcome_of_row(row),
        **_end_of(row.result),
        "message": message_of_row(row),
        "folder": spec.folder,
        "workspace": spec.run.workspace,
    }


def _end_of(result: UnitResult | None) -> dict[str, Any]:
    if result is None:
        return dict.fromkeys(("score", "seconds", "exit_code", "isolation"))
    return {
        "score": getattr(result.grade, "score", None),
        "seconds": result.usage.seconds,
        "exit_code": getattr(result.ending, "exit_code", None),
        "isolation": result.isolation,
    }
