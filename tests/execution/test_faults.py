"""Lessons C with real programs: every way to go wrong gives the right outcome and leaves nothing
running.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.execution.box import BoxLimits
from core.records import BoxFacts, Outcome
from tests.execution.harness import LIMITS, PROGRAMS, SECRET, Bench, processes_with, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
LATE_S = 3.0


@dataclass(frozen=True)
class Fault:
    """A program, its limit and the fields of the outcome that it must have. quick: one of each
    class.
    """

    program: str
    expected: dict[str, Any]
    error: str | None = None
    limit_s: float = 20.0
    submission: bool = False
    quick: bool = False
    words: str = ""


DEADLINE = {"killed_for": "deadline", "timed_out": True, "signal": 9, "exit_code": None}
ENDED = {"killed_for": None, "timed_out": False, "signal": None, "exit_code": 0}
FAILED = {**ENDED, "exit_code": 1}
KILLED = {"timed_out": False, "signal": 9, "exit_code": None}

FAULTS = [
    Fault("infinite_loop", DEADLINE, "TimeoutError", 1.0, submission=True, quick=True),
    Fault("ignores_signals_silent", DEADLINE, "TimeoutError", 1.0, quick=True),
    Fault("ignores_signals_printing", DEADLINE, "TimeoutError", 1.0, words="still here"),
    Fault("forked_children", ENDED, quick=True, words="a child holds stdout"),
    Fault(
        "forked_children_setsid",
        DEADLINE,
        "TimeoutError",
        1.0,
        quick=True,
        words="a child holds stdout",
    ),
    Fault("daemonises", ENDED, submission=True, quick=True),
    Fault("flood_lines", ENDED, words="bytes left out", quick=True),
    Fault("flood_no_newline", ENDED, words="the end"),
    Fault("flood_invalid_utf8", ENDED, words="the end"),
    Fault("memory", {**KILLED, "killed_for": "memory"}, "MemoryError", quick=True),
    Fault("memory_in_children", {**KILLED, "killed_for": "memory"}, "MemoryError"),
    Fault("memory_shared", ENDED),
    Fault("sigkill_self", {**KILLED, "killed_for": None}, "SIGKILL", quick=True),
    Fault("sigsegv_self", {**KILLED, "signal": 11, "killed_for": None}, "SIGSEGV"),
    Fault("exit_0_at_once", ENDED, submission=True, quick=True),
    Fault("exit_1_at_once", FAILED, "SystemExit"),
    Fault("sys_exit_0", ENDED, submission=True),
    Fault("sys_exit_1", FAILED, "SystemExit"),
    Fault("bare_assert", FAILED, "AssertionError", quick=True),
    Fault("no_submission", ENDED),
    Fault("fork_bomb", {**KILLED, "killed_for": "processes"}, "ProcessLimit", quick=True),
    Fault("fills_disk", {**KILLED, "killed_for": "disk"}, "DiskLimit", quick=True),
    Fault("one_large_file", FAILED, "OSError", words="File too large"),
    Fault("submission_link", ENDED, quick=True),
    Fault("submission_fifo", ENDED),
    Fault("submission_folder_link", ENDED),
    Fault("handled_traceback", ENDED, submission=True),
]


def _case(fault: Fault) -> Any:
    return pytest.param(fault, id=fault.program, marks=() if fault.quick else pytest.mark.long)


@pytest.mark.parametrize("fault", [_case(fault) for fault in FAULTS])
def test_a_fault_becomes_an_outcome(fault: Fault, bench: Bench) -> None:
    begin = time.monotonic()
    outcome = bench.run(fault.program, fault.limit_s)
    assert time.monotonic() - begin < fault.limit_s + LATE_S
    assert {name: getattr(outcome, name) for name in fault.expected} == fault.expected
    assert (outcome.error.type if outcome.error else None) == fault.error
    assert (outcome.submission is not None) == fault.submission
    assert outcome.log is not None
    log = Path(outcome.log).read_bytes()
    assert len(log) <= 64_000
    assert len(outcome.tail.encode()) <= 4_000
    assert fault.words in log.decode()
    assert bench.left_over() == []


def test_lesson_14_a_limit_ends_the_whole_tree_in_time(bench: Bench) -> None:
    outcome = bench.run("forked_children_setsid", 1.0)
    assert 1.0 <= outcome.duration_s < 1.5
    assert bench.left_over() == []


def test_lesson_15_last_traceback_wins(bench: Bench) -> None:
    error = bench.run("two_tracebacks").error
    assert error is not None
    assert (error.type, error.message) == ("RuntimeError", "the second one\nof two lines")
    assert "KeyError" not in error.traceback
    assert "solution.py" in error.traceback


def test_lesson_12_a_directory_of_its_own(bench: Bench) -> None:
    first = bench.job("good")
    second = dataclasses.replace(first, proposal_id="p2")
    bench.runner.run(first)
    bench.runner.run(second)
    folders = [bench.base / "ws" / "working" / f"{name}-search0" for name in ("p1", "p2")]
    assert [(folder / "working" / "cwd").read_text() for folder in folders] == [
        str(folder) for folder in folders
    ]
    bench.runner.release(first)
    assert [folder.exists() for folder in folders] == [False, True]


def test_lesson_24_no_keys_in_the_childs_environment(bench: Bench) -> None:
    outcome = bench.run("reads_environment")
    assert "'SWARM_DEADLINE'" in outcome.tail
    assert "KEY" not in outcome.tail


def test_lesson_24_no_keys_in_any_environment_that_can_be_read(
    bench: Bench, landlock: BoxFacts
) -> None:
    """As root this needs more than Landlock: see supervisor.drop_capabilities."""
    holder = subprocess.Popen(["sleep", "60"], env={"KEY": SECRET})
    try:
        assert bench.run("reads_environment").tail.startswith("nothing")
        outside = subprocess.run(
            [sys.executable, PROGRAMS / "reads_environment.py"], capture_output=True, check=True
        )
        assert outside.stdout.startswith(b"found")
    finally:
        holder.kill()
        holder.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to lose")
def test_a_program_of_root_keeps_no_capability_but_reading(bench: Bench) -> None:
    tail = bench.run("from pathlib import Path\nprint(Path('/proc/self/status').read_text())").tail
    held = {
        line.split()[0]: int(line.split()[1], 16)
        for line in tail.splitlines()
        if line.startswith("Cap")
    }
    assert held["CapEff:"] == held["CapPrm:"] == held["CapBnd:"] == 1 << 2


def test_lesson_10_the_input_cannot_be_deleted(bench: Bench, landlock: BoxFacts) -> None:
    # Two files, four attempts each, and the folder.
    assert bench.run("deletes_input").tail.strip() == "failed 9"
    assert sorted(path.name for path in Path(bench.view.path).iterdir()) == [
        "sample.csv",
        "train.csv",
    ]


def test_lesson_41_protected_folders_are_closed(bench: Bench, landlock: BoxFacts) -> None:
    other = bench.base / "ws" / "other.txt"
    other.write_text("of another candidate")
    bench.add_paths(bench.secret, other)
    outcome = bench.run("reads_protected")
    assert outcome.exit_code == 0, outcome.tail
    assert "opened" not in outcome.tail
    assert outcome.tail.count("Error") == 6
    assert "opened" in bench.with_facts(BoxFacts(False, False)).run("reads_protected").tail


def test_nothing_is_written_outside_of_the_own_directory(
    bench: Bench, landlock: BoxFacts, tmp_path: Path
) -> None:
    view, own = Path(bench.view.path), bench.base / "ws" / "working" / "p1-search0"
    outside = [
        bench.secret,
        view / "train.csv",
        view / "new",
        tmp_path / "x",
        tmp_path.parent / "x",
        own.parent / "x",
    ]
    bench.add_paths(*outside, own / "working" / "x")
    outcome = bench.run("writes_outside")
    assert outcome.tail.split("\n") == ["PermissionError"] * 6 + [
        f"wrote {own / 'working' / 'x'}",
        "",
    ]


def test_what_programs_need_works_in_the_box(bench: Bench) -> None:
    outcome = bench.run("renames")
    cpus = len(os.sched_getaffinity(0))
    assert outcome.tail.splitlines() == ["working", "grandchild", f"-9 {cpus} {cpus} {cpus}"]
    assert outcome.submission is not None
    assert outcome.error is None
    assert outcome.peak_rss_mb > 5
    assert outcome.cpu_s > 0


def test_lesson_48_signals_are_at_their_default(bench: Bench) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        lines = bench.run("signals_are_default").tail.splitlines()
    finally:
        signal.signal(signal.SIGINT, before)
    # Python itself ignores SIGPIPE (13) and SIGXFSZ (25).
    assert lines == ["False", "False", "False", "[]", f"{1 << 12 | 1 << 24:016x}"]


def test_the_parent_cannot_be_killed(bench: Bench, landlock: BoxFacts) -> None:
    outcome = bench.run("kills_parent")
    assert outcome.exit_code == 0
    assert outcome.tail.strip() == "may not kill"


def test_a_killed_supervisor_is_noticed_and_its_orphans_end(bench: Bench) -> None:
    outcome = bench.with_facts(BoxFacts(False, False)).run("kills_parent_and_stays")
    assert outcome.killed_for == "supervisor_lost"
    assert outcome.error is not None
    assert outcome.error.type == "SupervisorLost"
    assert bench.left_over() == []


@pytest.mark.long
def test_a_stopped_supervisor_is_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.execution.supervised._GRACE_S", 1.0)
    outcome = bench.with_facts(BoxFacts(False, False)).run("stops_parent", 1.0)
    assert outcome.killed_for == "supervisor_lost"
    assert bench.left_over() == []


@pytest.mark.parametrize(("reason", "timed_out"), [("SIGTERM", False), ("deadline", True)])
def test_a_stop_ends_a_running_job_within_a_second(
    reason: str, timed_out: bool, bench: Bench
) -> None:
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(bench.run("infinite_loop", 60.0)))
    thread.start()
    early = bench.base / "ws" / "working" / "p1-search0" / "submission" / "submission.csv"
    assert wait_until(early.exists)
    begin = time.monotonic()
    bench.stop.set(reason)
    thread.join(10)
    assert time.monotonic() - begin < 1.0
    assert (outcomes[0].killed_for, outcomes[0].timed_out) == ("stop", timed_out)
    assert outcomes[0].submission == str(early)
    assert bench.run("good").killed_for == "stop"


def test_lesson_16_a_limit_never_reaches_beyond_the_runs_deadline(bench: Bench) -> None:
    bench.deadline = time.time() + 1.0
    outcome = bench.run("infinite_loop", 3600.0)
    assert outcome.timed_out
    assert outcome.duration_s < 1.5
    late = bench.run("good")
    assert (late.killed_for, late.timed_out, late.duration_s) == ("deadline", True, 0.0)


def test_when_the_agent_dies_its_candidates_end(tmp_path: Path) -> None:
    marker = f"agent-{os.getpid()}-{time.monotonic_ns()}"
    (tmp_path / "view").mkdir()
    script = PROGRAMS / "agent_that_dies.py"
    agent = subprocess.Popen(
        [
            sys.executable,
            str(script),
            str(tmp_path),
            str(PROGRAMS / "forked_children_setsid.py"),
            marker,
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        # The supervisor, the program and its three children.
        assert wait_until(lambda: len(processes_with(marker.encode())) == 5)
    finally:
        agent.kill()
        agent.wait()
    assert wait_until(lambda: processes_with(marker.encode()) == [], 3.0)


@pytest.mark.parametrize("program", ["closed_folders", "deep_folders"])
def test_release_removes_what_the_program_closed_or_nested(program: str, bench: Bench) -> None:
    job = bench.job(program)
    outcome = bench.runner.run(job)
    assert outcome.exit_code == 0, outcome.tail
    folder = bench.base / "ws" / "working" / "p1-search0"
    assert folder.exists()
    if program == "closed_folders":
        assert outcome.submission is not None
    bench.runner.release(job)
    assert not folder.exists()
    bench.runner.release(job)


def test_a_fork_bomb_at_its_own_cap_leaves_nothing(bench: Bench) -> None:
    bench.with_limits(BoxLimits(memory_mb=8000, processes=10_000, disk_mb=40, poll_s=0.05))
    outcome = bench.run("fork_bomb", 3.0)
    assert outcome.killed_for == "deadline"
    assert bench.left_over() == []


def test_limits_count_the_tree_and_shared_pages_once(bench: Bench) -> None:
    assert bench.run("memory_in_children").killed_for == "memory"
    shared = bench.run("memory_shared")
    assert shared.killed_for is None
    assert 90 < shared.peak_rss_mb < LIMITS.memory_mb
