"""Another grade for a submission that is there: the outcome follows, the agent's end stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from swarm_host.errors import GradingFailed
from swarm_host.groups.regrading import regrade
from swarm_host.records import Ending, Grade, Secret, UnitRow
from swarm_host.store.sqlite import SqliteStore

from tests.host.fakes import FakeSource, one_source
from tests.host.made import Clock, a_group, a_result, a_run, a_unit

UNIT = "g1-u1"
WELL = Ending(0, "exit", 1.0, 2.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "runs", Clock())
    yield store
    store.close()


def ended(
    store: SqliteStore,
    submission: str | None,
    ending: Ending | None = WELL,
    stop: str | None = None,
    left_out: str | None = None,
    **result: Any,
) -> None:
    """A unit at its end, as its life leaves it; what it submitted."""
    unit = a_unit(store.runs, run=a_run(env={"KEY": Secret("KEY")}))
    store.add_group(a_group(store.runs), [unit])
    store.claim("me", 60, UNIT)
    store.move(UNIT, "me", "starting")
    store.move(UNIT, "me", "running")
    if stop:
        store.note(UNIT, "me", "stop", {"reason": stop})
    store.move(UNIT, "me", "collecting", {"ending": ending})
    if left_out:
        store.note(UNIT, "me", "left_out", {"what": [left_out]})
    store.move(UNIT, "me", "grading")
    store.finish(UNIT, "me", a_result(UNIT, ending=ending, **result))
    if submission is not None:
        path = Path(unit.folder) / "submission" / "submission.csv"
        path.parent.mkdir(parents=True)
        path.write_text(submission)


def again(store: SqliteStore) -> str:
    return regrade(store, one_source(FakeSource()), store.unit(UNIT), {"KEY": "s3cret-of-mine"})


def row(store: SqliteStore) -> UnitRow:
    return store.unit(UNIT)


@pytest.mark.parametrize(
    ("before", "submission", "said", "outcome"),
    [
        ({"outcome": "ok"}, "0.5", "ok 0.5", "ok"),
        ({"outcome": "ok"}, "0.25", "ok 0.5 -> ok 0.25", "ok"),
        ({"outcome": "ok"}, "x", "ok 0.5 -> invalid_submission", "invalid_submission"),
        (
            {"outcome": "invalid_submission", "grade": Grade(False, None, True, "no number")},
            "0.5",
            "invalid_submission -> ok 0.5",
            "ok",
        ),
        # The grader was broken, and is mended.
        (
            {"outcome": "grading_failed", "grade": None},
            "0.5",
            "grading_failed -> ok 0.5",
            "ok",
        ),
        # How the agent ended stays, with a score beside it.
        (
            {"outcome": "agent_error", "grade": None, "ending": Ending(1, "exit", 1.0, 2.0)},
            "0.5",
            "agent_error -> agent_error 0.5",
            "agent_error",
        ),
        (
            {"outcome": "oom", "grade": None, "ending": Ending(137, "oom", 1.0, 2.0)},
            "0.5",
            "oom -> oom 0.5",
            "oom",
        ),
        (
            {"outcome": "timeout", "ending": Ending(143, "stopped", 1.0, 2.0), "stop": "timeout"},
            "0.5",
            "timeout 0.5",
            "timeout",
        ),
        (
            {"outcome": "cancelled", "ending": Ending(143, "stopped", 1.0, 2.0), "stop": "cancel"},
            "0.25",
            "cancelled 0.5 -> cancelled 0.25",
            "cancelled",
        ),
    ],
)
def test_the_outcome_follows_from_the_new_grade_and_the_old_end(
    store: SqliteStore, before: dict[str, Any], submission: str, said: str, outcome: str
) -> None:
    ended(store, submission, **before)
    old = row(store)
    assert again(store) == said
    result = row(store).result
    assert result is not None
    assert old.result is not None
    assert result.outcome == outcome
    assert (result.ending, result.attempts, result.usage) == (
        old.result.ending,
        old.result.attempts,
        old.result.usage,
    )
    assert row(store).state == old.state
    # Once more changes nothing.
    assert "->" not in again(store)


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ({"outcome": "no_submission"}, "it left no submission (no_submission)"),
        ({"outcome": "build_failed", "ending": None}, "left no submission (build_failed)"),
    ],
)
def test_without_a_submission_nothing_changes(
    store: SqliteStore, result: dict[str, Any], says: str
) -> None:
    ended(store, None, **result)
    before = row(store)
    assert says in again(store)
    assert row(store) == before


def test_a_unit_that_is_tried_again_has_no_result_yet(store: SqliteStore) -> None:
    ended(store, "0.5")
    store.retry(UNIT)
    assert again(store) == "it has no result; it is queued"


def test_a_grader_that_breaks_leaves_the_old_grade(store: SqliteStore) -> None:
    ended(store, "break")
    before = row(store)
    with pytest.raises(GradingFailed, match="divided by zero"):
        again(store)
    assert row(store) == before


def test_what_was_not_brought_back_is_still_told(store: SqliteStore) -> None:
    ended(store, "0.25", left_out="code/huge: too large", message="code/huge: too large")
    again(store)
    result = row(store).result
    assert result is not None
    assert "code/huge: too large" in result.message


def test_the_last_words_of_the_agent_are_still_told_without_secrets(store: SqliteStore) -> None:
    ended(store, "0.25", outcome="agent_error", ending=Ending(1, "exit", 1.0, 2.0))
    logs = Path(row(store).spec.folder) / "logs"
    logs.mkdir()
    (logs / "stderr.log").write_text("MemoryError: at s3cret-of-mine\n")
    again(store)
    result = row(store).result
    assert result is not None
    assert result.message == "the agent ended with exit status 1: MemoryError: at [redacted]"
