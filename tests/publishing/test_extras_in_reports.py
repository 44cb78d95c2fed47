"""What a run reports of programs that were no steps."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from rich.console import Console

from core.budget import Budget
from core.contract import Folders, LessonResources, StepRecord, step_of
from core.doubles import ManualClock, ProgramDict, entry
from core.events import ExtraDone
from core.execution.leases import LeasePool
from core.journal.history import History
from core.publishing.report import journal_report, run_report, team_report
from core.publishing.screen import status_block
from core.records import Entry


def history_of(programs: ProgramDict) -> History:
    """A step of the recipes, one of the model, one that failed; a value, and a seed that failed."""
    history = History(programs.get)
    steps = [
        dataclasses.replace(entry("s0000", 0.5), author="recipes"),
        dataclasses.replace(entry("s0001", 0.6), author="model"),
        dataclasses.replace(entry("s0002", None), author="model"),
    ]
    extras = [entry("x0000", 0.7, kind="tune"), entry("x0001", None, kind="seed")]
    for item in [*steps, *(dataclasses.replace(one, extra=True) for one in extras)]:
        history.entries.append(dataclasses.replace(item, program=programs.put(item.id)))
    return history


def test_steps_and_extras_are_counted_apart(tmp_path: Path) -> None:
    history = history_of(ProgramDict())
    folders = Folders(tmp_path, tmp_path, tmp_path, tmp_path)
    steps = run_report(history, folders, "ok", [], 1.0).steps
    assert (steps.done, steps.valid, steps.failed, steps.extra) == (3, 2, 1, 2)
    written = team_report(history, LessonResources()).valid_programs
    assert (written.model, written.recipes) == (1, 1)


def test_the_nodes_of_extras_say_so_and_have_their_code() -> None:
    programs = ProgramDict()
    nodes = journal_report(history_of(programs), programs).nodes
    assert [node.extra for node in nodes] == [False, False, False, True, True]
    assert [node.code for node in nodes] == ["s0000", "s0001", "s0002", "x0000", "x0001"]


def test_a_line_of_an_extra_is_read_like_that_of_a_step() -> None:
    done: Entry = dataclasses.replace(entry("x0000", 0.7, kind="folds"), extra=True)
    line = {"v": 1, "seq": 9, "t": 1.0, "type": "extra"} | ExtraDone(done).fields()
    found: StepRecord = step_of(line)
    assert (found.id, found.kind, found.extra) == ("x0000", "folds", True)


def test_the_screen_shows_extras_beside_steps() -> None:
    history, clock = history_of(ProgramDict()), ManualClock()
    budget = Budget.plan(9, clock(), clock() + 100)
    console = Console(width=120, record=True)
    console.print(status_block(history, budget, LeasePool([0], 1), clock))
    assert "steps 3/9 +2" in console.export_text()
