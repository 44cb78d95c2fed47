"""The life of a unit with real processes and files: every end, every fault, every adoption."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from swarm_host.errors import (
    BuildFailed,
    Capacity,
    DaemonLost,
    Lost,
    StoreFull,
    Transfer,
    UsageError,
)
from swarm_host.life import settling
from swarm_host.life.outcomes import Policy
from swarm_host.life.unit import run_unit
from swarm_host.life.world import World
from swarm_host.records import BuildConfig, RunConfig, Secret, UnitResult, UnitRow
from swarm_host.states import State
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words import jsonio

from tests.host.fakes import LEAVES, FakeBackend, FakeSource, one_backend, one_source
from tests.host.made import a_group, a_run, a_unit
from tests.host.waiting import until

UNIT = "g1-u1"
QUICK = Policy(poll_s=0.05, look_s=0.02, grace_s=0.5, drain_s=5.0, back_off_s=(0.0, 0.0))
TRAPS = "trap 'echo told; exit 0' TERM; touch ../ready; while :; do sleep 0.02; done"


def sh(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


class House:
    """A store, a backend and a grader, and lives in them."""

    def __init__(self, folder: Path) -> None:
        self.runs = folder / "runs"
        self.backend = FakeBackend(folder / "fake")
        self.source = FakeSource()
        self.store = SqliteStore(self.runs)
        self.halt = threading.Event()
        self.environment: dict[str, str] = {}
        self.policy = QUICK
        self.clock: Callable[[], float] = time.time

    def add(self, run: RunConfig | None = None, **fields: Any) -> None:
        unit = a_unit(self.runs, 1, run=run or a_run(str(self.folder), command=LEAVES), **fields)
        self.store.add_group(a_group(self.runs), [unit])

    @property
    def folder(self) -> Path:
        return Path(a_unit(self.runs).folder)

    @property
    def row(self) -> UnitRow:
        return self.store.unit(UNIT)

    @property
    def result(self) -> UnitResult:
        assert self.row.result is not None
        return self.row.result

    def world(self) -> World:
        return World(
            self.store,
            one_backend(self.backend),
            one_source(self.source),
            self.clock,
            self.halt,
            policy=self.policy,
            environment=self.environment,
        )

    def lead(self, owner: str = "me") -> bool:
        return run_unit(self.world(), owner, UNIT)

    def lead_beside(self) -> threading.Thread:
        thread = threading.Thread(target=self.lead, daemon=True)
        thread.start()
        return thread

    def leave_in(self, state: State) -> None:
        """As a process leaves the unit that dies in this state, before or after its act."""
        self.store.claim("dead", 60, UNIT)
        if state == "claimed":
            return
        if state == "building":
            self.store.move(UNIT, "dead", "building")
            return
        self.store.move(UNIT, "dead", "starting")
        if state == "starting":
            return
        handle = self.backend.start(self.row.spec, 1)
        self.store.move(UNIT, "dead", "running", handle=handle)
        if state == "running":
            return
        until(lambda: self.backend.poll(handle) is not None)
        self.store.move(UNIT, "dead", "collecting", {"ending": self.backend.poll(handle)})
        if state == "grading":
            into = self.folder / "submission"
            into.mkdir()
            (into / "submission.csv").write_text("0.5\n")
            self.store.move(UNIT, "dead", "grading")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.halt.set()
    for handle in house.backend.find():
        house.backend.remove(handle)
    house.store.close()


# ---------------------------------------------------------------- ends


def test_a_good_agent_is_graded_and_told(house: House) -> None:
    house.add()
    assert house.lead()
    result = house.result
    assert (result.outcome, result.grade and result.grade.score) == ("ok", 0.5)
    assert result.ending is not None
    assert (result.ending.exit_code, result.ending.cause) == (0, "exit")
    assert result.usage.seconds is not None
    assert "submission/submission.csv" in result.artefacts
    assert [attempt.outcome for attempt in result.attempts] == ["ok"]
    assert house.backend.starts() == [f"{UNIT}-1"]
    assert house.backend.find() == []
    assert jsonio.loads(UnitResult, (house.folder / "result.json").read_text()) == result


def test_the_states_are_those_of_the_table(house: House) -> None:
    house.add(a_run(str(house.folder), command=LEAVES, build=BuildConfig("/c", tag="t")))
    house.lead()
    states = [e.data["to"] for e in house.store.events(unit=UNIT) if e.kind == "state"]
    wanted = "queued claimed building starting running collecting grading done"
    assert states == wanted.split()
    assert (house.folder / "logs" / "build.log").read_text() == "building t\n"


@pytest.mark.parametrize(
    ("script", "outcome", "graded"),
    [
        ("true", "no_submission", False),
        ("mkdir submission; echo x > submission/submission.csv", "invalid_submission", True),
        ("mkdir submission; echo break > submission/submission.csv", "grading_failed", True),
        ("mkdir submission; echo 0.1 > submission/submission.csv; exit 3", "agent_error", True),
        ("exit 3", "agent_error", False),
        ("touch oom; exit 137", "oom", False),
    ],
)
def test_what_an_agent_leaves_decides(
    house: House, script: str, outcome: str, graded: bool
) -> None:
    house.add(a_run(str(house.folder), command=sh(script)))
    assert house.lead()
    assert house.result.outcome == outcome
    assert bool(house.source.graded) == graded
    assert house.backend.starts() == [f"{UNIT}-1"], "an agent's failure is never tried again"


def test_output_stands_apart_and_whole(house: House) -> None:
    script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done; printf end"
    house.add(a_run(str(house.folder), command=sh(script)))
    house.lead()
    logs = house.folder / "logs"
    assert (logs / "stdout.log").read_text() == "out 1\nout 2\nout 3\nend"
    assert (logs / "stderr.log").read_text() == "err 1\nerr 2\nerr 3\n"


def test_secrets_are_in_no_file_and_no_message(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.environment = {"API_KEY": "very-secret-value"}
    # The value stands nowhere but in the agent's hands.
    script = "v=$(printf value); echo very-secret-$v; echo very-secret-$v >&2"
    run = a_run(str(house.folder), command=sh(script), env={"KEY": Secret("API_KEY")})
    house.add(run)
    house.backend.fail("start", Capacity("no room for very-secret-value"))
    house.lead()
    assert house.result.outcome == "no_submission"
    for path in house.runs.rglob("*"):
        if path.is_file():
            assert b"very-secret-value" not in path.read_bytes(), path
    assert "[redacted]" in (house.folder / "logs" / "stdout.log").read_text()
    assert "no room for [redacted]" in caplog.text
    assert "very-secret-value" not in caplog.text


def test_an_agents_own_logs_lie_beside_ours(house: House) -> None:
    script = "mkdir logs; echo mine > logs/stdout.log; echo x > logs/agent.log; echo real"
    house.add(a_run(str(house.folder), command=sh(script)))
    house.lead()
    logs = house.folder / "logs"
    assert (logs / "stdout.log").read_text() == "real\n"
    assert (logs / "agent_stdout.log").read_text() == "mine\n"
    assert (logs / "agent.log").read_text() == "x\n"


def test_a_log_that_a_backend_brings_back_takes_the_place_of_an_empty_one(house: House) -> None:
    """That of the image's entrypoint, which docker has in a file."""
    house.add(
        a_run(str(house.folder), command=sh("mkdir logs; echo + server > logs/entrypoint.log"))
    )
    house.lead()
    logs = house.folder / "logs"
    assert (logs / "entrypoint.log").read_text() == "+ server\n"
    assert not (logs / "agent_entrypoint.log").exists()


def test_what_was_left_out_is_told(house: House) -> None:
    house.add(a_run(str(house.folder), command=sh("touch huge")))
    house.lead()
    assert "code/huge: too large" in house.result.message


def test_a_plain_run_has_its_output_and_submission_in_the_workspace(
    house: House, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    script = "echo hello; mkdir submission; echo 1 > submission/submission.csv"
    house.add(a_run(str(workspace), command=sh(script)), competition=None)
    house.lead()
    assert (house.result.outcome, house.source.graded) == ("ok", [])
    assert (workspace / "stdout.log").read_text() == "hello\n"
    assert (workspace / "stderr.log").read_text() == ""
    assert (workspace / "submission" / "submission.csv").read_text() == "1\n"


def test_usage_is_what_the_agent_says(house: House) -> None:
    said = '{"usd": 1.5, "tokens": 1000, "requests": 7}'
    house.add(a_run(str(house.folder), command=sh(f"mkdir logs; echo '{said}' > logs/usage.json")))
    house.lead()
    usage = house.result.usage
    assert (usage.usd, usage.tokens, usage.requests) == (1.5, 1000, 7)


# ---------------------------------------------------------------- limit and cancel


def test_at_its_limit_an_agent_is_stopped_and_what_it_left_is_graded(house: House) -> None:
    script = f"mkdir submission; echo 0.5 > submission/submission.csv; {TRAPS}"
    house.add(a_run(str(house.folder), command=sh(script), timeout=0.3))
    assert house.lead()
    result = house.result
    assert (result.outcome, result.grade and result.grade.score) == ("timeout", 0.5)
    assert (house.folder / "logs" / "stdout.log").read_text() == "told\n"
    assert [e.data for e in house.store.events(unit=UNIT) if e.kind == "stop"] == [
        {"reason": "timeout"}
    ]


def test_an_agent_that_does_not_listen_is_killed(house: House) -> None:
    script = "trap '' TERM; while :; do sleep 0.02; done"
    house.add(a_run(str(house.folder), command=sh(script), timeout=0.1))
    assert house.lead()
    assert house.result.outcome == "timeout"
    assert house.backend.find() == []


def test_a_cancelled_agent_is_stopped_collected_and_graded(house: House) -> None:
    script = f"mkdir submission; echo 0.5 > submission/submission.csv; {TRAPS}"
    house.add(a_run(str(house.folder), command=sh(script)))
    thread = house.lead_beside()
    until(lambda: (house.backend.root / f"{UNIT}-1" / "ready").exists())
    house.store.ask_cancel(UNIT, "enough")
    thread.join(20)
    assert house.row.state == "cancelled"
    assert (house.result.outcome, house.result.grade and house.result.grade.score) == (
        "cancelled",
        0.5,
    )


def test_a_cancelled_agent_gets_no_grade_where_none_is_wanted(house: House) -> None:
    house.policy = dataclasses.replace(QUICK, grade_cancelled=False)
    house.add(a_run(str(house.folder), command=sh(f"mkdir submission; {TRAPS}")))
    thread = house.lead_beside()
    until(lambda: (house.backend.root / f"{UNIT}-1" / "ready").exists())
    house.store.ask_cancel(UNIT)
    thread.join(20)
    assert (house.result.outcome, house.source.graded) == ("cancelled", [])


@pytest.mark.parametrize("state", ["claimed", "building", "starting", "running"])
def test_cancelled_before_its_end_a_unit_is_cancelled(house: House, state: State) -> None:
    house.add(a_run(str(house.folder), command=sh(TRAPS)))
    house.leave_in(state)
    house.store.ask_cancel(UNIT)
    house.store.release("dead")
    assert house.lead()
    assert (house.row.state, house.result.outcome) == ("cancelled", "cancelled")
    assert house.backend.find() == []


@pytest.mark.parametrize("state", ["collecting", "grading"])
def test_cancelled_after_the_agents_end_its_result_stands(house: House, state: State) -> None:
    house.add()
    house.leave_in(state)
    house.store.ask_cancel(UNIT)
    house.store.release("dead")
    assert house.lead()
    assert (house.row.state, house.result.outcome) == ("done", "ok")


def test_cancelled_between_two_attempts_a_unit_is_not_started_again(house: House) -> None:
    house.add()
    house.backend.gate = lambda word: house.store.ask_cancel(UNIT)
    house.backend.fail("follow", *[None] * 3)
    house.backend.fail("poll", Lost("gone"))
    assert house.lead()
    assert house.row.state == "cancelled"
    assert house.backend.starts() == [f"{UNIT}-1"]


# ---------------------------------------------------------------- faults of the infrastructure


def test_a_start_that_failed_is_tried_again_and_told(house: House) -> None:
    house.add()
    house.backend.fail("start", Capacity("no room"), DaemonLost("gone"))
    assert house.lead()
    assert house.result.outcome == "ok"
    assert [(a.number, a.outcome) for a in house.result.attempts] == [
        (1, "capacity"),
        (2, "daemon_lost"),
        (3, "ok"),
    ]
    assert house.backend.starts() == [f"{UNIT}-3"]


def test_after_two_more_attempts_the_cause_is_the_outcome(house: House) -> None:
    house.add()
    house.backend.fail("start", *[Capacity("no room")] * 9)
    assert house.lead()
    assert (house.row.attempt, house.result.outcome, house.result.message) == (
        3,
        "capacity",
        "no room",
    )


def test_a_user_may_ask_for_all_attempts_again(house: House) -> None:
    house.add()
    house.backend.fail("start", *[Capacity("no room")] * 4)
    house.lead()
    house.store.retry(UNIT)
    house.lead()
    assert (house.row.attempt, house.result.outcome) == (5, "ok")
    assert [a.outcome for a in house.result.attempts] == ["capacity"] * 4 + ["ok"]
    old = house.folder / "attempts" / "3" / "result.json"
    assert jsonio.loads(UnitResult, old.read_text()).outcome == "capacity"


def test_between_attempts_it_waits_by_the_clock_that_is_handed_in(house: House) -> None:
    waits: list[float] = []

    class Waits(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return super().wait(0.005)

    house.halt = Waits()
    house.policy = dataclasses.replace(QUICK, back_off_s=(5.0, 30.0))
    house.add()
    house.backend.fail("start", Capacity("a"), Capacity("b"))
    assert house.lead()
    assert [seconds for seconds in waits if seconds >= 1.0] == [5.0, 30.0]


def test_an_earlier_attempts_files_are_kept_apart(house: House) -> None:
    script = "echo hello; mkdir -p submission logs; echo 1 > submission/submission.csv"
    house.add(a_run(str(house.folder), command=sh(script)))
    house.backend.fail("collect", *[Transfer("torn")] * 3)
    assert house.lead()
    assert [a.outcome for a in house.result.attempts] == ["transfer", "ok"]
    for logs in (house.folder / "attempts" / "1" / "logs", house.folder / "logs"):
        assert (logs / "stdout.log").read_text() == "hello\n"


def test_a_torn_collection_is_collected_again_not_run_again(house: House) -> None:
    house.add()
    house.backend.fail("collect", Transfer("torn"), Transfer("torn"))
    assert house.lead()
    assert (house.result.outcome, house.row.attempt) == ("ok", 1)


def test_a_vanished_agent_is_lost_and_run_again(house: House) -> None:
    house.add()
    house.backend.fail("poll", Lost("no such container"))
    assert house.lead()
    assert [a.outcome for a in house.result.attempts] == ["lost", "ok"]
    assert house.backend.alive() == []


def test_a_daemon_that_comes_back_in_time_costs_nothing(house: House) -> None:
    house.add()
    house.backend.fail("poll", DaemonLost("away"), DaemonLost("away"))
    house.backend.fail("follow", DaemonLost("away"))
    assert house.lead()
    assert (house.result.outcome, house.row.attempt) == ("ok", 1)


def test_a_daemon_that_stays_away_ends_the_attempt(house: House) -> None:
    house.policy = dataclasses.replace(QUICK, patience_s=0.0)
    house.add(a_run(str(house.folder), command=sh("sleep 0.3")))
    house.backend.fail("poll", *[DaemonLost("away")] * 2)
    assert house.lead()
    assert [a.outcome for a in house.result.attempts] == ["daemon_lost", "no_submission"]


def test_an_unexplained_kill_after_silence_is_the_daemons(house: House) -> None:
    house.add(a_run(str(house.folder), command=sh("sleep 30")))
    house.backend.fail("poll", DaemonLost("away"))
    thread = house.lead_beside()
    until(lambda: house.backend.calls.count("poll") >= 2)
    house.backend.fail("start", *[Capacity("stop here")] * 2)
    kill(house)
    thread.join(20)
    assert [a.outcome for a in house.result.attempts] == ["daemon_lost", "capacity", "capacity"]


def test_an_unexplained_kill_is_told_as_one(house: House) -> None:
    house.add(a_run(str(house.folder), command=sh("sleep 30")))
    thread = house.lead_beside()
    until(lambda: house.row.state == "running")
    kill(house)
    thread.join(20)
    assert house.result.outcome == "killed"


def kill(house: House) -> None:
    """By someone else, with its shell."""
    (handle,) = house.backend.find()
    os.killpg(int(handle.id), signal.SIGKILL)


def test_what_a_backend_has_no_word_for_is_tried_again_and_written_down(house: House) -> None:
    house.add()
    house.backend.fail("start", KeyError("status"))
    assert house.lead()
    assert [a.outcome for a in house.result.attempts] == ["unhealthy", "ok"]
    trace = house.folder / "attempts" / "1" / "logs" / "host.log"
    assert "KeyError: 'status'" in trace.read_text()


def test_a_refusal_is_told_at_once(house: House) -> None:
    house.add()
    house.backend.fail("start", UsageError("image x is not there; build it"))
    assert house.lead()
    assert (house.result.outcome, house.row.attempt) == ("unhealthy", 1)
    assert house.result.message == "image x is not there; build it"


def test_a_backend_that_does_not_exist_is_told_with_those_that_do(house: House) -> None:
    house.add(a_run(str(house.folder), backend="fog"))
    assert house.lead()
    assert house.result.message == "no backend is called 'fog'; there is fake"


def test_a_unit_is_cancelled_in_the_middle_of_its_build(house: House) -> None:
    house.add(a_run(str(house.folder), command=LEAVES, build=BuildConfig("/c", tag="t")))
    go_on = threading.Event()

    def gate(word: str) -> None:
        house.store.ask_cancel(UNIT)
        go_on.wait(20)

    house.backend.gate = gate
    try:
        assert house.lead()
    finally:
        go_on.set()
    assert (house.row.state, house.result.outcome) == ("cancelled", "cancelled")
    assert house.backend.starts() == []


def test_asked_to_end_in_the_middle_of_a_build_it_lets_go(house: House) -> None:
    house.add(a_run(str(house.folder), command=LEAVES, build=BuildConfig("/c", tag="t")))
    go_on = threading.Event()

    def gate(word: str) -> None:
        house.halt.set()
        go_on.wait(20)

    house.backend.gate = gate
    try:
        assert not house.lead()
    finally:
        go_on.set()
    assert house.row.state == "building"
    house.backend.gate = lambda word: None
    house.halt.clear()
    assert house.lead()
    assert house.result.outcome == "ok"


def test_output_that_ended_too_early_is_asked_for_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that was started again ends `logs -f` as if the agent had ended."""
    script = "while [ ! -e ../go ]; do sleep 0.02; done; echo late"
    house.add(a_run(str(house.folder), command=sh(script)))
    follow, times = house.backend.follow, []

    def ends_early(*arguments: Any) -> None:
        times.append(1)
        if len(times) > 2:
            (house.backend.root / f"{UNIT}-1" / "go").touch()
            follow(*arguments)

    monkeypatch.setattr(house.backend, "follow", ends_early)
    assert house.lead()
    assert (house.folder / "logs" / "stdout.log").read_text() == "late\n"


def test_a_stop_that_nobody_answers_is_told_again_but_not_all_the_time(house: House) -> None:
    house.policy = dataclasses.replace(QUICK, poll_s=0.3)
    house.add(a_run(str(house.folder), command=sh(TRAPS), timeout=0.0))
    house.backend.fail("stop", DaemonLost("away"), DaemonLost("away"))
    assert house.lead()
    assert house.result.outcome == "timeout"
    assert house.backend.calls.count("stop") == 3
    reasons = [e for e in house.store.events(unit=UNIT) if e.kind == "stop"]
    assert len(reasons) == 1


def test_a_failed_build_is_final(house: House) -> None:
    house.add(a_run(str(house.folder), build=BuildConfig("/c", tag="t")))
    house.backend.fail("build", BuildFailed("step 3 of 7 failed", 9))
    assert house.lead()
    assert (house.folder / "logs" / "build.log").exists()
    assert (house.result.outcome, house.result.message) == ("build_failed", "step 3 of 7 failed")
    assert house.backend.starts() == []


def test_a_full_disk_lets_go_and_loses_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.add()

    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(settling, "settle", full)
        with pytest.raises(StoreFull, match="No space left"):
            house.lead()
    assert (house.row.state, house.row.owner) == ("collecting", "me")
    assert house.lead()
    assert (house.result.outcome, house.row.attempt) == ("ok", 1)


def test_files_that_cannot_be_handled_end_the_attempt_not_the_manager(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.add()

    def too_long(folder: Path) -> None:
        raise OSError(36, "File name too long")

    monkeypatch.setattr(settling, "settle", too_long)
    assert house.lead()
    assert (house.row.attempt, house.result.outcome) == (3, "transfer")
    assert "File name too long" in house.result.message


def test_a_workspace_that_the_agent_broke_costs_the_copy_alone(
    house: House, tmp_path: Path
) -> None:
    workspace = tmp_path / "work"
    script = "mkdir submission; echo 1 > submission/submission.csv"
    house.add(a_run(str(workspace), command=sh(script)), competition=None)
    house.backend.gate = lambda word: word == "collecting" and breaks(workspace)
    assert house.lead()
    assert house.result.outcome == "ok"
    assert "the submission in the workspace" in house.result.message
    assert (house.folder / "submission" / "submission.csv").read_text() == "1\n"


def breaks(workspace: Path) -> None:
    shutil.rmtree(workspace)
    workspace.write_text("a file now")


def test_an_endless_error_is_a_line_of_the_journal_all_the_same(house: House) -> None:
    house.add()
    house.backend.fail("start", *[DaemonLost("x" * 500_000)] * 3)
    assert house.lead()
    assert len(house.result.message) < 5000
    events = (house.folder / "events.jsonl").read_text()
    assert len(events) < 50_000
    assert len(events.splitlines()) == len(house.store.events(unit=UNIT))


def test_output_that_does_not_end_is_told(house: House) -> None:
    house.policy = dataclasses.replace(QUICK, drain_s=0.05)
    house.add()
    house.backend.fail("follow", *[DaemonLost("away")] * 50)
    assert house.lead()
    assert "the end of the agent's output did not come" in house.result.message


# ---------------------------------------------------------------- another owner


@pytest.mark.parametrize(
    "state", ["claimed", "building", "starting", "running", "collecting", "grading"]
)
def test_a_unit_is_adopted_where_it_stands(house: House, state: State) -> None:
    build = BuildConfig("/c", tag="t") if state == "building" else None
    house.add(a_run(str(house.folder), command=LEAVES, build=build))
    house.leave_in(state)
    house.store.release("dead")
    assert house.lead()
    assert (house.result.outcome, house.result.grade and house.result.grade.score) == ("ok", 0.5)
    assert house.backend.starts() == [f"{UNIT}-1"]
    assert house.row.attempt == 1


def test_a_start_that_its_owner_did_not_live_to_tell_is_adopted(house: House) -> None:
    house.add()
    house.leave_in("starting")
    house.backend.start(house.row.spec, 1)
    house.store.release("dead")
    assert house.lead()
    assert house.backend.starts() == [f"{UNIT}-1"]


def test_output_goes_on_without_a_gap_or_a_double(house: House) -> None:
    script = "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.01; done"
    house.add(a_run(str(house.folder), command=sh(script)))
    thread = house.lead_beside()
    log = house.folder / "logs" / "stdout.log"
    until(lambda: log.exists() and log.stat().st_size > 50)
    house.halt.set()
    thread.join(20)
    assert house.row.state == "running"
    house.halt.clear()
    house.store.release("me")
    assert house.lead("you")
    assert log.read_text() == "".join(f"line {number}\n" for number in range(40))


def test_a_reason_that_was_told_before_a_crash_stays(house: House) -> None:
    house.add(a_run(str(house.folder), command=sh("sleep 0.2; exit 7")))
    house.leave_in("running")
    house.store.note(UNIT, "dead", "stop", {"reason": "timeout"})
    house.store.release("dead")
    assert house.lead()
    assert house.result.outcome == "timeout"


def test_the_limit_goes_on_counting_through_a_crash(house: House) -> None:
    house.add(a_run(str(house.folder), command=sh(TRAPS), timeout=0.5))
    house.leave_in("running")
    house.store.release("dead")
    assert house.lead()
    ending = house.result.ending
    assert house.result.outcome == "timeout"
    assert ending is not None
    assert ending.started is not None
    assert ending.finished is not None
    assert ending.finished - ending.started >= 0.4


def test_who_loses_the_lease_lets_go_at_once(house: House) -> None:
    house.add(a_run(str(house.folder), command=sh(TRAPS)))
    thread = house.lead_beside()
    until(lambda: house.row.state == "running")
    house.store.release("me")
    house.store.adopt("you", 60, UNIT)
    thread.join(20)
    assert not thread.is_alive()
    assert (house.row.state, house.row.owner) == ("running", "you")
    assert house.backend.alive() == [f"{UNIT}-1"]
    assert "stop" not in house.backend.calls


def test_a_lease_is_renewed_while_a_step_lasts(house: House) -> None:
    house.policy = dataclasses.replace(QUICK, lease_s=0.4, renew_s=0.05)
    renewed: list[float] = []
    renew = house.store.renew

    def counted(unit_id: str, owner: str, lease_s: float) -> None:
        renew(unit_id, owner, lease_s)
        renewed.append(lease_s)

    house.store.renew = counted  # type: ignore[method-assign]
    house.source.gate = lambda word: until(lambda: len(renewed) >= 10)
    house.add()
    assert house.lead()
    assert house.result.outcome == "ok"


def test_a_unit_of_another_owner_is_left_to_it(house: House) -> None:
    house.add()
    house.leave_in("running")
    assert not house.lead()
    assert house.row.owner == "dead"


def test_a_unit_that_an_engine_hands_out_twice_is_led_once(house: House) -> None:
    house.add(a_run(str(house.folder), command=sh(TRAPS)))
    world = house.world()
    threads = [threading.Thread(target=run_unit, args=(world, "me", UNIT)) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: (house.backend.root / f"{UNIT}-1" / "ready").exists())
    house.store.ask_cancel(UNIT)
    for thread in threads:
        thread.join(20)
    kinds = [event.kind for event in house.store.events(unit=UNIT)]
    assert "adopt" not in kinds
    assert house.backend.starts() == [f"{UNIT}-1"]


def test_a_unit_that_ended_is_not_led_again(house: House) -> None:
    house.add()
    house.lead()
    events = house.store.events()
    assert not house.lead()
    assert house.store.events() == events


def test_asked_to_end_it_leaves_the_agent_running(house: House) -> None:
    house.add(a_run(str(house.folder), command=sh(TRAPS)))
    thread = house.lead_beside()
    until(lambda: house.row.state == "running")
    house.halt.set()
    thread.join(20)
    assert not thread.is_alive()
    assert house.row.state == "running"
    assert house.backend.alive() == [f"{UNIT}-1"]


def test_an_image_of_many_units_is_built_once(house: House) -> None:
    run = a_run(str(house.folder), command=LEAVES, build=BuildConfig("/c", tag="t"))
    units = [a_unit(house.runs, number, run=run) for number in (1, 2, 3)]
    house.store.add_group(a_group(house.runs), units)
    world = house.world()
    threads = [
        threading.Thread(target=run_unit, args=(world, "me", unit.unit_id)) for unit in units
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    outcomes = [row.result and row.result.outcome for row in house.store.units()]
    assert outcomes == ["ok"] * 3
    assert (house.backend.root / "built").read_text() == "t\n"


def test_a_user_who_mended_the_context_gets_another_build(house: House) -> None:
    house.add(a_run(str(house.folder), command=LEAVES, build=BuildConfig("/c", tag="t")))
    house.backend.fail("build", BuildFailed("a typo", 1))
    world = house.world()
    run_unit(world, "me", UNIT)
    assert house.result.outcome == "build_failed"
    house.store.retry(UNIT)
    run_unit(world, "me", UNIT)
    assert house.result.outcome == "ok"


def test_an_image_that_cannot_be_built_is_tried_once(house: House) -> None:
    run = a_run(str(house.folder), build=BuildConfig("/c", tag="t"))
    house.store.add_group(
        a_group(house.runs), [a_unit(house.runs, number, run=run) for number in (1, 2)]
    )
    house.backend.fail("build", BuildFailed("no base", 1))
    world = house.world()
    for unit in (UNIT, "g1-u2"):
        run_unit(world, "me", unit)
    outcomes = [row.result and row.result.outcome for row in house.store.units()]
    assert outcomes == ["build_failed"] * 2
    assert house.backend.calls.count("build") == 1
