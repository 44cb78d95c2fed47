"""list and show: what is known of groups and units."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from swarm_host.cli.finding import find_groups, find_units, opened_to_read
from swarm_host.cli.statuses import OK
from swarm_host.cli.tables import moment, picked, print_json, print_pairs, print_table
from swarm_host.launch.facts import unit_facts
from swarm_host.life.outcomes import outcome_of_row
from swarm_host.records import AgentOutcome, Event, Grade, Group, UnitRow
from swarm_host.states import FINAL, InfraOutcome, State, group_status
from swarm_host.store.questions import Questions
from swarm_host.words import jsonio
from swarm_host.words.names import known_name

# What --state takes.
_WORDS = {*get_args(State), *get_args(AgentOutcome), *get_args(InfraOutcome)}


def list_all(options: Namespace, environ: Mapping[str, str]) -> int:
    if options.state is not None:
        known_name(options.state, _WORDS, "state or outcome")
    with opened_to_read(options, environ) as store:
        rows = find_units(store, options.names)
        groups = find_groups(store, options.names)
    if options.units or options.state:
        _list_units(_in_state(rows, options.state), options.json)
    else:
        _list_groups(groups, rows, options.json)
    return OK


def _in_state(rows: Sequence[UnitRow], word: str | None) -> list[UnitRow]:
    if word is None:
        return list(rows)
    return [row for row in rows if word in (row.state, outcome_of_row(row))]


def _list_units(rows: Sequence[UnitRow], as_json: bool) -> None:
    facts = [_listed(row) for row in rows]
    if as_json:
        print_json(facts)
        return
    titles = ("unit", "agent", "competition", "seed", "state", "outcome", "score", "min")
    print_table(titles, picked(facts, titles), right="seed score min")


def _listed(row: UnitRow) -> dict[str, Any]:
    """One unit in one line."""
    facts = unit_facts(row)
    seconds = facts["seconds"]
    return facts | {"min": None if seconds is None else round(seconds / 60, 1)}


def _list_groups(groups: Sequence[Group], rows: Sequence[UnitRow], as_json: bool) -> None:
    facts = [_group_facts(group, rows) for group in groups]
    if as_json:
        print_json(facts)
        return
    cells = []
    for fact in facts:
        shown = ", ".join(f"{name} {count}" for name, count in fact["outcomes"].items())
        done = f"{fact['ended']}/{fact['units']}"
        cells.append((fact["group"], fact["agent"], fact["status"], done, shown, fact["notes"]))
    print_table(("group", "agent", "status", "ended", "outcomes", "notes"), cells, right="ended")


def _group_facts(group: Group, rows: Sequence[UnitRow]) -> dict[str, Any]:
    mine = [row for row in rows if row.spec.group == group.group_id]
    outcomes = [outcome_of_row(row) for row in mine if row.state in FINAL]
    states = Counter(row.state for row in mine)
    return {
        "group": group.group_id,
        "agent": group.agent,
        "sweep": group.sweep,
        "created": group.created,
        "status": group_status([row.state for row in mine], outcomes),
        "units": len(mine),
        "ended": len(outcomes),
        "states": dict(states),
        "outcomes": dict(Counter(map(str, outcomes))),
        "notes": group.notes,
        "folder": group.folder,
    }


# ---------------------------------------------------------------- show


def show(options: Namespace, environ: Mapping[str, str]) -> int:
    with opened_to_read(options, environ) as store:
        rows = find_units(store, options.names)
        events = {row.spec.unit_id: _events(store, row, options.events) for row in rows}
    if options.json:
        shown = [_whole(row, events[row.spec.unit_id]) for row in rows]
        print_json(shown)
        return OK
    for place, row in enumerate(rows):
        if place:
            print()
        _print_unit(row)
        for event in events[row.spec.unit_id]:
            print(f"  {moment(event.at)}  {event.kind}  {jsonio.dumps(event.data)}")
    return OK


def _events(store: Questions, row: UnitRow, wanted: bool) -> list[Event]:
    return list(store.events(unit=row.spec.unit_id)) if wanted else []


def _whole(row: UnitRow, events: Sequence[Event]) -> dict[str, Any]:
    found: dict[str, Any] = jsonio.to_json(row)
    if events:
        found["events"] = jsonio.to_json(list(events))
    return found


def _passing(grade: Grade | None) -> str:
    """What a unit passes by. One that beats some references may not beat all."""
    has_medals = grade is not None and grade.report.get("any_medal") is not None
    return "any medal" if has_medals else "beats all references"


def _print_unit(row: UnitRow) -> None:
    facts, result = _listed(row), row.result
    grade = getattr(result, "grade", None)
    del facts["seconds"]
    report = getattr(grade, "report", None)
    facts |= {
        "state": f"{row.state} since {moment(row.updated)}",
        "owner": row.owner,
        "attempts": row.attempt,
        "backend": row.spec.run.backend,
        "image": row.spec.run.agent_image,
        "command": " ".join(row.spec.run.command),
        "time limit": f"{row.spec.run.timeout:g} s",
        "exit status": facts.pop("exit_code"),
        "valid": getattr(grade, "valid", None),
        _passing(grade): getattr(grade, "passed", None),
        "grader": getattr(grade, "message", ""),
        "report": report and jsonio.dumps(report),
    }
    print_pairs((name, value) for name, value in facts.items())
    for attempt in getattr(result, "attempts", ())[:-1]:
        print(f"  attempt {attempt.number}: {attempt.outcome}; {attempt.message}")
    logs = Path(row.spec.folder) / "logs"
    print_pairs([("logs", ", ".join(sorted(path.name for path in logs.glob("*.log"))))])
