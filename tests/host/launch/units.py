"""Groups of units for tests of what the commands share."""

from __future__ import annotations

import dataclasses
from typing import Any

from swarm_host.groups.sweep import Planned
from swarm_host.launch.bench import Bench
from swarm_host.records import UnitSpec
from swarm_host.store.sqlite import SqliteStore

from tests.host.fakes import LEAVES
from tests.host.made import a_group, a_run, a_unit


def planned(work: Bench, count: int = 1, **fields: Any) -> list[Planned]:
    """One group of units that submit, without a competition unless it is given."""
    fields = {"competition": None, "run": a_run(command=LEAVES)} | fields
    units = []
    for number in range(1, count + 1):
        unit = a_unit(work.runs, number, **fields)
        folder = str(work.runs.parent / "ws" / str(number))
        units.append(dataclasses.replace(unit, run=dataclasses.replace(unit.run, workspace=folder)))
    return [Planned(a_group(work.runs), tuple(units))]


def queued(work: Bench, store: SqliteStore, count: int) -> list[UnitSpec]:
    (group,) = planned(work, count, competition="toy")
    store.add_group(group.group, group.units)
    return list(group.units)
