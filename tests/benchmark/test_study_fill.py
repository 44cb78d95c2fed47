"""A library is evaluated once: what is kept is not evaluated again, whatever happened in between."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmark.competitions import references, registry
from benchmark.errors import NotRunError
from benchmark.study.case import SEED, Case, locked, make_case, open_case
from benchmark.study.evaluations import EvaluationStore
from benchmark.study.fill import Bench, FillReport, Machine, Progress, fill, fill_case, job_of
from benchmark.study.fork_runner import ForkRunner, imported_modules
from benchmark.study.tables import fill_table
from core.execution.box import Box, BoxLimits
from core.execution.detection import detect
from core.execution.environment import inherited
from core.execution.leases import LeasePool
from core.execution.runner import BoxRunner
from core.execution.stop import StopSignal
from core.execution.weights import NOTHING
from core.records import Job
from tests.benchmark.filling import fill_all, small_case
from tests.benchmark.made_up import TINY
from utils.errors import DataError, Interrupted, UsageError
from utils.hardware import usable_cpus

pytestmark = pytest.mark.whole

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """Not filled; a pack of one made-up competition."""
    competitions, models = registry.COMPETITIONS, dict(references.REFERENCES)
    folder = tmp_path_factory.mktemp("study")
    yield small_case(folder / "cache", folder / "pack")
    registry.COMPETITIONS = competitions
    references.REFERENCES.update(models)


@contextlib.contextmanager
def forks(case: Case, stop: StopSignal) -> Iterator[ForkRunner]:
    modules = imported_modules(item.program for item in case.items)
    runner = ForkRunner(
        case.workspace,
        case.folder / "workers.log",
        usable_cpus()[:1],
        1,
        modules,
        SEED,
        stop,
        time.time,
    )
    try:
        yield runner
    finally:
        runner.close()
        stop.close()


def box(case: Case, stop: StopSignal) -> BoxRunner:
    found = detect(case.workspace, (case.workspace,), (case.workspace / "views",), inherited())
    leases, limits = LeasePool(usable_cpus()[:1], 1), BoxLimits()
    return BoxRunner(
        Box(case.workspace, (), inherited(), found, stop),
        case.folder / "logs",
        leases,
        limits,
        lambda: NOTHING,
        time.time,
        lambda: time.time() + 600,
    )


@pytest.mark.long
def test_a_kill_loses_nothing_that_was_done(case: Case) -> None:
    kept, cache = EvaluationStore(case), case.folder.parent.parent
    command = [
        sys.executable,
        "-m",
        "tests.benchmark.filling",
        str(cache),
        str(cache.parent / "pack"),
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 90
    while len(case.keys()) - len(kept.missing(case.keys())) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    done = [key for key in case.keys() if kept.load(key) is not None]
    assert 2 <= len(done) < len(case.keys())
    before = {key: kept.path(key).stat().st_mtime_ns for key in done}
    torn = kept.path(done[0])
    torn.write_bytes(torn.read_bytes()[:-40])
    said: list[str] = []
    fill_all(case, Progress(len(case.keys()), len(kept.missing(case.keys())), said.append))
    assert kept.missing(case.keys()) == []
    assert kept.path(done[0]).stat().st_mtime_ns != before.pop(done[0])
    assert {key: kept.path(key).stat().st_mtime_ns for key in before} == before


def test_a_fork_does_what_the_box_does(case: Case) -> None:
    """And what is kept is what the agent's judge would have said."""
    item, view = case.items[0], case.search[1]
    job = job_of(case, item, view, 0)
    stop = StopSignal()
    with forks(case, stop) as runner:
        first, second = Bench(case, runner).evaluate(job), Bench(case, runner).evaluate(job)
        boxed = Bench(case, box(case, stop)).evaluate(job)
    assert first.values is not None
    assert second.values is not None
    assert boxed.values is not None
    assert np.array_equal(first.values, boxed.values)
    assert np.array_equal(first.values, second.values)
    assert first.result.verdict == boxed.result.verdict
    assert (first.result.outcome.exit_code, first.result.outcome.error) == (0, None)
    assert 0.5 < (first.private or 0.0) < 1.0
    assert first.private == boxed.private
    assert first.result.outcome.duration_s > 0


@pytest.mark.parametrize(
    ("program", "limit", "error", "exit_code"),
    [
        ("import nothing_like_that\n", 30.0, "ModuleNotFoundError", 1),
        ("import sys\nsys.exit(3)\n", 30.0, "SystemExit", 3),
        ("import os\nos.kill(os.getpid(), 9)\n", 30.0, "SIGKILL", None),
        ("while True:\n    pass\n", 0.3, "TimeoutError", None),
        (
            "print('x' * 200_000)\nimport os\nassert os.environ['SWARM_SEED'] == '0'\n",
            30.0,
            None,
            0,
        ),
    ],
)
def test_a_program_that_fails_is_kept_as_a_failure(
    case: Case, program: str, limit: float, error: str | None, exit_code: int | None
) -> None:
    job = Job("0" * 16, "p9999", program, case.search[0], SEED, limit)
    with forks(case, StopSignal()) as runner:
        found = Bench(case, runner).evaluate(job)
    outcome = found.result.outcome
    assert (outcome.error.type if outcome.error else None, outcome.exit_code) == (error, exit_code)
    assert not found.result.verdict.valid
    assert (found.values, found.private) == (None, None)
    kept = EvaluationStore(case)
    kept.save(found)
    again = kept.load(job.key)
    assert again is not None
    assert again.result == found.result


def test_a_missing_or_damaged_entry_is_none(case: Case, tmp_path: Path) -> None:
    kept = EvaluationStore(dataclasses.replace(case, folder=tmp_path))
    key = "ab" * 8
    assert kept.load(key) is None
    for data in (b"", b"PK\x03\x04 half", b"no archive at all"):
        kept.path(key).parent.mkdir(exist_ok=True, parents=True)
        kept.path(key).write_bytes(data)
        assert kept.load(key) is None
    assert kept.missing([key]) == [key]


def test_a_bad_block_makes_an_entry_missing_and_never_another_one(
    case: Case, tmp_path: Path
) -> None:
    stop = StopSignal()
    with forks(case, stop) as runner:
        made = Bench(case, runner).evaluate(job_of(case, case.items[0], case.search[0], 0))
    kept = EvaluationStore(dataclasses.replace(case, folder=tmp_path))
    kept.save(made)
    path, key = kept.path(made.result.key), made.result.key
    data = path.read_bytes()
    for place in range(0, len(data), 61):
        for block in (bytes(64), bytes([data[place] ^ 16])):
            path.write_bytes(data[:place] + block[: len(data) - place] + data[place + len(block) :])
            found = kept.load(key)
            assert found is None or (found.result, found.private) == (made.result, made.private)
            assert found is None or np.array_equal(found.values, made.values)


def test_nothing_is_kept_of_a_run_on_a_damaged_view(case: Case) -> None:
    view, stop = case.search[2], StopSignal()
    table = Path(view.path) / "train.csv"
    table.chmod(0o644)
    table.parent.chmod(0o755)
    table.unlink()
    item, said = case.items[1], Progress(0, 0, print)
    EvaluationStore(case).path(case.key(item, view)).unlink(missing_ok=True)
    fill_case(case, [case.key(item, view)], Machine(usable_cpus(), 1, stop), said)
    found = EvaluationStore(case).load(case.key(item, view))
    assert found is not None
    assert found.result.verdict.valid
    assert table.is_file()


def test_another_tier_than_before_is_one_clear_line(case: Case) -> None:
    cache = case.folder.parent.parent
    for other in (
        dataclasses.replace(case.tier, rows=77),
        dataclasses.replace(case.tier, limit_s=1.0),
    ):
        with pytest.raises(DataError, match="was made for another tiny tier"):
            open_case(cache, other, "churn")
    assert open_case(cache, case.tier, "churn") is not None


def test_two_fills_of_one_case_do_not_meet(case: Case) -> None:
    with locked(case.folder), pytest.raises(UsageError, match="another process fills"):
        fill_case(case, case.keys(), Machine(usable_cpus(), 1, StopSignal()), Progress(0, 0, print))


def test_two_fills_do_not_make_one_case(case: Case, tmp_path: Path) -> None:
    with (
        locked(tmp_path / "tiny" / "churn"),
        pytest.raises(UsageError, match="another process fills"),
    ):
        make_case(tmp_path, TINY, "churn", case.folder.parents[2] / "pack")
    assert not (tmp_path / "tiny" / "churn").exists()


def test_other_data_than_before_are_one_clear_line(case: Case) -> None:
    cache = case.folder.parent.parent
    made = json.loads((case.folder / "case.json").read_text())
    (case.folder / "case.json").write_text(json.dumps(made | {"source": "other"}))
    with pytest.raises(DataError, match="was made of other data"):
        make_case(cache, TINY, "churn", cache.parent / "pack")
    (case.folder / "case.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        open_case(cache, TINY, "churn")
    (case.folder / "case.json").write_text(json.dumps(made))


def test_a_moved_cache_still_opens(case: Case, tmp_path: Path) -> None:
    there = tmp_path / "cache" / "tiny" / "churn"
    there.parent.mkdir(parents=True)
    there.symlink_to(case.folder)
    moved = open_case(tmp_path / "cache", TINY, "churn")
    assert moved is not None
    assert Path(moved.spec.data_dir).is_dir()
    assert all(
        Path(view.path).is_dir() and Path(view.answers or "").is_file() for view in moved.views
    )
    assert open_case(tmp_path / "nowhere", TINY, "churn") is None


def test_a_stopped_fill_says_so_in_one_line(case: Case) -> None:
    stop = StopSignal()
    stop.set("SIGTERM")
    with pytest.raises(Interrupted, match="stopped by SIGTERM; the same command goes on"):
        fill_case(case, case.keys(), Machine(usable_cpus(), 2, stop), Progress(0, 0, print))
    stop.close()


def test_data_that_are_not_to_be_had_are_said_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(cache: Path) -> None:
        raise NotRunError("no registry")

    missing = dataclasses.replace(registry.find("churn"), load=load)
    monkeypatch.setattr(registry, "COMPETITIONS", (missing,))
    said: list[str] = []
    with pytest.raises(NotRunError, match="churn: no registry"):
        fill(
            TINY,
            ["churn"],
            tmp_path / "cache",
            tmp_path / "pack",
            Machine(usable_cpus(), 1, StopSignal()),
            said.append,
        )
    assert said[0].startswith("churn: left out")


def test_progress_says_how_many_are_done_and_how_long_the_rest_takes() -> None:
    times = iter([0.0, 10.0, 60.0, 60.0, 60.0, 60.0])
    said: list[str] = []
    progress = Progress(10, 4, said.append, lambda: next(times))
    progress.count()
    progress.count()
    assert said == ["8 of 10 done, about 1 minutes left"]
    assert progress.filled("quick", 4) == FillReport("quick", 4, 10, 2, 1.0)


@pytest.mark.parametrize(
    ("made", "minutes", "verdict"),
    [(10, 59.9, "met"), (10, 60.1, "missed"), (4, 1.0, "not measured: 4 by this call")],
)
def test_only_a_whole_fill_says_whether_the_hour_was_kept(
    made: int, minutes: float, verdict: str
) -> None:
    assert fill_table(dataclasses.asdict(FillReport("quick", 4, 10, made, minutes))).endswith(
        f"<= 60: {verdict} |"
    )
