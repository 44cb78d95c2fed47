"""How groups and units ended, for other programs: JSON values."""

from __future__ import annotations

from typing import Any

from swarm_host.groups.manager import Finish
from swarm_host.life.outcomes import cancelled_in_queue, message_of_row, outcome_of_row
from swarm_host.records import UnitResult, UnitRow


def finish_facts(finish: Finish) -> dict[str, Any]:
    """How it ended, for other programs: JSON values."""
    return {
        "how": finish.how,
        "status": finish.status,
        "units": [unit_facts(row) for row in finish.rows],
    }


def unit_facts(row: UnitRow) -> dict[str, Any]:
    """One unit, for other programs. What is not known yet is null."""
    spec = row.spec
    known: dict[str, Any] = {
        "unit": spec.unit_id,
        "group": spec.group,
        "agent": spec.agent,
        "competition": spec.competition,
        "seed": spec.seed,
        "state": row.state,
        "outcome": outcome_of_row(row),
        "folder": spec.folder,
        "workspace": spec.run.workspace,
    }
    # Of a unit that was cancelled in the queue there is nothing but this.
    said = {"message": message_of_row(row)} if cancelled_in_queue(row) else {}
    return known | _end_of(row.result) | said


def _end_of(result: UnitResult | None) -> dict[str, Any]:
    if result is None:
        return dict.fromkeys(("message", "exit_code", "seconds", "score", "isolation"))
    return {
        "message": result.message,
        "exit_code": getattr(result.ending, "exit_code", None),
        "seconds": result.usage.seconds,
        "score": getattr(result.grade, "score", None),
        "isolation": result.isolation,
    }
