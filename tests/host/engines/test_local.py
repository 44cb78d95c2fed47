"""The engine of this machine: width, failures, and what it does with a unit that it has already."""

from __future__ import annotations

import threading

import pytest
from swarm_host.engines.local import LocalEngine


class Work:
    """Units that wait until a test lets them end."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.go = threading.Event()
        self.two = threading.Barrier(2, timeout=20)

    def __call__(self, unit_id: str) -> None:
        with self.lock:
            self.began.append(unit_id)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        if unit_id == "bad":
            raise KeyError(unit_id)
        self.two.wait()
        assert self.go.wait(20)
        with self.lock:
            self.at_once -= 1


def come_back(engine: LocalEngine) -> None:
    for _ in range(100):
        if not engine.pending():
            return
        engine.wait(1)
    raise AssertionError(engine.pending())


def test_units_run_side_by_side_as_wide_as_it_is() -> None:
    work = Work()
    engine = LocalEngine(work, 2)
    for number in range(6):
        engine.submit(f"u{number}")
    work.go.set()
    come_back(engine)
    assert sorted(work.began) == [f"u{number}" for number in range(6)]
    assert work.most_at_once == 2


def test_a_unit_that_is_pending_is_not_run_twice() -> None:
    work = Work()
    engine = LocalEngine(work, 2)
    for unit in ("a", "a", "b", "a"):
        engine.submit(unit)
    work.go.set()
    come_back(engine)
    assert sorted(work.began) == ["a", "b"]


def test_a_wait_ends_when_one_comes_back_and_not_before() -> None:
    go = threading.Event()
    engine = LocalEngine(lambda unit: go.wait(20), 1)
    engine.submit("a")
    engine.wait(0.01)
    assert engine.pending() == {"a"}
    go.set()
    engine.wait(20)
    assert engine.pending() == frozenset()


def test_an_exception_is_told_once() -> None:
    engine = LocalEngine(Work(), 1)
    engine.submit("bad")
    come_back(engine)
    assert isinstance(engine.failures()["bad"], KeyError)
    assert engine.failures() == {}


def test_a_closed_engine_takes_nothing() -> None:
    work = Work()
    engine = LocalEngine(work, 1)
    engine.shutdown()
    engine.submit("a")
    assert (engine.pending(), work.began) == (frozenset(), [])


def test_an_engine_of_no_width_is_refused() -> None:
    with pytest.raises(ValueError, match="0"):
        LocalEngine(Work(), 0)
