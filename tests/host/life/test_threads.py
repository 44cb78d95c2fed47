"""Threads beside a life: a lease is kept, long work is waited for or left alone, output is followed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from swarm_host.errors import StoreBusy, StoreFull
from swarm_host.life import threads
from swarm_host.life.threads import Follower, Keeper, Work
from swarm_host.protocols import Sink, Stop
from swarm_host.records import Handle
from swarm_host.store.sqlite import SqliteStore

from tests.host.made import Clock, a_group, a_unit
from tests.host.waiting import until

UNIT = "g1-u1"
HANDLE = Handle("fake", f"{UNIT}-1", "7")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "runs", clock)
    store.add_group(a_group(store.runs), [a_unit(store.runs)])
    store.claim("me", 60, UNIT)
    yield store
    store.close()


# ---------------------------------------------------------------- the lease


def lease(store: SqliteStore) -> float:
    found = store.unit(UNIT).lease_until
    assert found is not None
    return found


def test_a_lease_is_renewed_again_and_again(store: SqliteStore, clock: Clock) -> None:
    with Keeper(store, UNIT, "me", lease_s=60, renew_s=0.01) as keeper:
        for _ in range(3):
            clock.now += 50
            until(lambda: lease(store) == clock.now + 60)
        assert not keeper.lost.is_set()


def test_a_lease_that_another_has_is_lost_and_left_to_it(store: SqliteStore, clock: Clock) -> None:
    clock.now += 61
    assert store.adopt("you", 60, UNIT) is not None
    with Keeper(store, UNIT, "me", lease_s=600, renew_s=0.01) as keeper:
        assert keeper.lost.wait(60)
    row = store.unit(UNIT)
    assert (row.owner, row.lease_until) == ("you", clock.now + 60)


@pytest.mark.parametrize("error", [StoreBusy("locked"), StoreFull("no space left")])
def test_a_store_that_fails_once_costs_no_lease(
    store: SqliteStore, clock: Clock, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    renew, errors = store.renew, [error]

    def renewed(unit_id: str, owner: str, lease_s: float) -> None:
        if errors:
            raise errors.pop()
        renew(unit_id, owner, lease_s)

    monkeypatch.setattr(store, "renew", renewed)
    clock.now += 50
    with Keeper(store, UNIT, "me", lease_s=60, renew_s=0.01) as keeper:
        until(lambda: lease(store) == clock.now + 60)
        assert not keeper.lost.is_set()
    assert errors == []


def test_the_end_of_a_life_does_not_wait_for_the_next_renewal(store: SqliteStore) -> None:
    before = threading.active_count()
    with Keeper(store, UNIT, "me", lease_s=60, renew_s=3600):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


# ---------------------------------------------------------------- long work


def test_work_is_waited_for_in_pieces() -> None:
    go, done = threading.Event(), []
    work = Work(lambda: done.append(go.wait(60)))
    assert not work.is_over(0.01)
    assert done == []
    go.set()
    assert work.is_over(60)
    assert done == [True]


@pytest.mark.parametrize("error", [StoreBusy("locked"), KeyboardInterrupt()])
def test_what_work_raises_is_raised_where_it_is_waited_for(error: BaseException) -> None:
    def act() -> None:
        raise error

    work = Work(act)
    for _ in range(2):
        with pytest.raises(type(error)):
            work.is_over(60)


# ---------------------------------------------------------------- output


class Printed:
    """A backend of output alone: each call of `follow` does the next act, or waits for its stop."""

    def __init__(self, *acts: Callable[[Sink], None]) -> None:
        self.acts = list(acts)
        self.calls = 0
        self.waits = threading.Event()

    def follow(self, handle: Handle, sink: Sink, stop: Stop) -> None:
        assert handle == HANDLE
        self.calls += 1
        if self.acts:
            self.acts.pop(0)(sink)
            return
        self.waits.set()
        while not stop.wait(60):
            pass


class Kept:
    """A sink of lines and their marks."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.at: str | None = None

    def write(self, stream: str, data: bytes, mark: str | None = None) -> None:
        self.lines.append(data)
        self.at = mark

    def mark(self, stream: str) -> str | None:
        return self.at


def prints(text: bytes, mark: str, after: str | None = None) -> Callable[[Sink], None]:
    def act(sink: Sink) -> None:
        assert sink.mark("stdout") == after
        sink.write("stdout", text, mark)

    return act


def breaks(error: Exception) -> Callable[[Sink], None]:
    def act(sink: Sink) -> None:
        sink.write("stdout", b"half", "half")
        raise error

    return act


def follower(backend: Printed, sink: Kept) -> Follower:
    return Follower(backend, HANDLE, sink)  # type: ignore[arg-type]


def test_output_that_ends_by_itself_is_told() -> None:
    backend, sink = Printed(prints(b"all", "1")), Kept()
    with follower(backend, sink) as one:
        assert one.drain(60)
    assert (sink.lines, backend.calls) == ([b"all"], 1)


# A daemon, an SDK and a disk raise what they like.
@pytest.mark.parametrize("error", [OSError("broken pipe"), KeyError("field"), StoreBusy("x")])
def test_after_an_error_it_goes_on_at_the_mark(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(threads, "_AGAIN_S", 0.0)
    backend, sink = Printed(breaks(error), prints(b"rest", "2", after="half")), Kept()
    with follower(backend, sink) as one:
        assert one.drain(60)
    assert (sink.lines, backend.calls) == ([b"half", b"rest"], 2)


def test_output_that_ended_too_early_goes_on_when_it_is_asked_for() -> None:
    backend, sink = Printed(prints(b"one", "1"), prints(b"two", "2", after="1")), Kept()
    with follower(backend, sink) as one:
        assert one.drain(60)
        assert sink.lines == [b"one"]
        one.go_on()
        until(lambda: sink.lines == [b"one", b"two"])
        assert one.drain(60)
    assert backend.calls == 2


def test_output_that_does_not_end_is_left_at_the_end_of_the_block() -> None:
    backend = Printed()
    before = threading.active_count()
    with follower(backend, Kept()) as one:
        assert backend.waits.wait(60)
        assert not one.drain(0.01)
    assert threading.active_count() == before
    assert backend.calls == 1


def test_a_backend_that_does_not_answer_holds_nobody_up_at_the_end() -> None:
    """It is asked again after a pause, which the end of the block cuts short."""
    failed = threading.Event()

    def act(sink: Sink) -> None:
        failed.set()
        raise OSError("no answer")

    backend = Printed(act)
    with follower(backend, Kept()) as one:
        assert failed.wait(60)
        assert not one.ended.is_set()
    assert backend.calls == 1
