"""Leases, the stop signal and the environment of a candidate."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.execution.environment import allowed, candidate_environment
from core.execution.leases import Lease, LeasePool
from core.execution.stop import StopSignal
from core.records import Job, TableFile, View
from tests.execution.harness import wait_until


@pytest.fixture
def stop() -> Iterator[StopSignal]:
    signal = StopSignal()
    yield signal
    signal.close()


def test_shares_are_equal_and_disjoint(stop: StopSignal) -> None:
    pool = LeasePool([0, 1, 2, 3, 8], 2)
    leases = [pool.acquire(0, stop) for _ in range(2)]
    assert [lease.cpus for lease in leases if lease] == [(0, 1), (2, 3)]
    assert (pool.size, pool.cpus_each) == (2, 2)


def test_there_are_never_more_shares_than_cpus(stop: StopSignal) -> None:
    assert LeasePool([4, 5], 8).size == 2
    assert LeasePool([4], 0).size == 1
    lease = LeasePool([], 2).acquire(0, stop)
    assert lease is not None
    assert lease.cpus == ()


def test_devices_are_leased_at_most_once(stop: StopSignal) -> None:
    pool = LeasePool([0, 1, 2], 3, gpus=[0, 1])
    first, second = pool.acquire(1, stop), pool.acquire(5 - 4, stop)
    third = pool.acquire(0, stop)
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.gpus, second.gpus, third.gpus) == ((0,), (1,), ())
    pool.release(third)
    pool.release(second)
    fourth = pool.acquire(1, stop)
    assert fourth is not None
    assert fourth.gpus == (1,)


def test_a_waiting_candidate_gets_the_share_that_comes_back(stop: StopSignal) -> None:
    pool = LeasePool([0], 1)
    first = pool.acquire(0, stop)
    assert first is not None
    got: list[Lease | None] = []
    thread = threading.Thread(target=lambda: got.append(pool.acquire(0, stop)))
    thread.start()
    assert got == []
    pool.release(first)
    thread.join(5)
    assert got[0] is not None
    assert got[0].cpus == (0,)


def test_a_stop_ends_the_waiting(stop: StopSignal) -> None:
    pool = LeasePool([0], 1)
    pool.acquire(0, stop)
    got: list[Lease | None] = []
    thread = threading.Thread(target=lambda: got.append(pool.acquire(0, stop)))
    thread.start()
    stop.set("SIGTERM")
    thread.join(1)
    assert got == [None]
    assert LeasePool([0], 1).acquire(0, stop) is None


def test_usage_counts_wall_time_while_anything_runs(stop: StopSignal) -> None:
    now = [100.0]
    pool = LeasePool([0, 1], 2, clock=lambda: now[0])
    first, second = pool.acquire(0, stop), pool.acquire(0, stop)
    assert first is not None
    assert second is not None
    now[0] = 110.0
    assert pool.usage().running == 2
    pool.release(first, cpu_s=8.0)
    now[0] = 120.0
    pool.release(second, cpu_s=16.0)
    now[0] = 500.0
    usage = pool.usage()
    assert (usage.running, usage.wall_s, usage.cpu_s) == (0, 20.0, 24.0)
    assert usage.cores == pytest.approx(1.2)


def test_the_first_reason_wins_and_wakes_the_waiting(stop: StopSignal) -> None:
    assert stop.reason is None
    assert not stop.wait(0.0)
    stop.set("SIGTERM")
    stop.set("deadline")
    assert stop.is_set()
    assert stop.wait()
    assert stop.wait()
    assert stop.reason == "SIGTERM"


def test_setting_it_in_a_signal_handler_wakes_the_main_thread(stop: StopSignal) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: stop.set("SIGUSR1"))
    try:
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        begin = time.monotonic()
        assert stop.wait(10.0)
        assert time.monotonic() - begin < 5.0
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert wait_until(lambda: stop.reason == "SIGUSR1")


def _job(kind: str, seed: int = 5) -> Job:
    view = View("v", kind, 2, "/v", "", None, TableFile("s.csv"), 1, 1, 1)  # type: ignore[arg-type]
    return Job("k", "p", "", view, seed, 1.0)


def test_lesson_24_only_listed_variables_are_passed_on() -> None:
    environ = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "TZ": "UTC",
        "CUDA_HOME": "/cuda",
        "NVIDIA_DRIVER": "1",
        "OPENAI_API_KEY": "x",
        "LC_TOKEN": "x",
        "CUDA_API_KEY": "x",
        "HOME": "/root",
        "PYTHONPATH": "/x",
        "AWS_SECRET": "x",
    }
    assert set(allowed(environ)) == {"PATH", "LC_ALL", "TZ", "CUDA_HOME", "NVIDIA_DRIVER"}


def test_the_contracts_variables() -> None:
    lease = Lease(0, (2, 3), (1,), 0.0)
    environ = candidate_environment(
        {"CUDA_VISIBLE_DEVICES": "0,1"}, _job("final", -1), lease, Path("/job"), Path("/w"), 12.0
    )
    expected = {
        "SWARM_DEADLINE": "12.000",
        "SWARM_CPUS": "2",
        "SWARM_SEED": "-1",
        "SWARM_VIEW": "search",
        "SWARM_FOLD": "2",
        "SWARM_WEIGHTS": "/w",
        "CUDA_VISIBLE_DEVICES": "1",
        "OMP_NUM_THREADS": "2",
        "MKL_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
        "TMPDIR": "/job/working",
        "HOME": "/job/working",
        "XDG_CACHE_HOME": "/job/working",
        "MPLCONFIGDIR": "/job/working",
        "PYTHONHASHSEED": str(2**32 - 1),
    }
    assert {name: environ[name] for name in expected} == expected
    without = candidate_environment(
        {}, _job("probe"), Lease(0, (), (), 0.0), Path("/job"), None, 12.0
    )
    assert (without["SWARM_WEIGHTS"], without["CUDA_VISIBLE_DEVICES"], without["SWARM_VIEW"]) == (
        "",
        "",
        "probe",
    )
