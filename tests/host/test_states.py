"""The table of states by all its pairs, alone and through the store, and what is said of a group."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from swarm_host.errors import HostError, IllegalMove, LeaseLost
from swarm_host.records import UnitResult
from swarm_host.states import FINAL, LIVE, MOVES, GroupStatus, State, check_move, group_status
from swarm_host.store.sqlite import SqliteStore

from tests.host.made import Clock, a_group, a_result, a_unit

UNIT = "g1-u1"
STATES: tuple[State, ...] = get_args(State)
# Written a second time on purpose: x is a legal move, all others are illegal.
TABLE = """
to:         queued claimed building starting running collecting grading done cancelled
queued      .      x       .        .        .       .          .       .    x
claimed     x      .       x        x        .       .          .       x    x
building    x      .       .        x        .       .          .       x    x
starting    x      .       .        .        x       .          .       x    x
running     x      .       .        .        .       x          .       x    x
collecting  x      .       .        .        .       .          x       x    x
grading     x      .       .        .        .       .          .       x    x
done        x      .       .        .        .       .          .       .    .
cancelled   x      .       .        .        .       .          .       .    .
"""


def legal_moves() -> set[tuple[str, str]]:
    header, *rows = (line.split() for line in TABLE.strip().splitlines())
    found = set()
    for old, *signs in rows:
        assert len(signs) == len(STATES)
        found |= {(old, new) for new, sign in zip(header[1:], signs, strict=True) if sign == "x"}
    return found


LEGAL = legal_moves()
PAIRS = [(old, new) for old in STATES for new in STATES]
NAMES = [f"{old}-{new}" for old, new in PAIRS]


def test_the_table_above_names_every_state() -> None:
    header, *rows = (line.split() for line in TABLE.strip().splitlines())
    assert header[1:] == [row[0] for row in rows] == list(STATES)
    assert set(MOVES) == LIVE | FINAL | {"queued"} == set(STATES)


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=NAMES)
def test_every_pair_is_legal_or_refused(old: State, new: State) -> None:
    if (old, new) in LEGAL:
        check_move(old, new)
        return
    with pytest.raises(IllegalMove, match=f"from {old} to {new}"):
        check_move(old, new)


# ---------------------------------------------------------------- through the store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "runs", Clock())
    store.add_group(a_group(store.runs), [a_unit(store.runs)])
    yield store
    store.close()


def bring(store: SqliteStore, state: State) -> None:
    """The unit into this state, by moves that a life makes."""
    if state == "queued":
        return
    store.claim("me", 60, UNIT)
    if state in FINAL:
        store.finish(UNIT, "me", ended(state))
        return
    way = ("building", "starting", "running", "collecting", "grading")
    for step in way if state != "claimed" else ():
        store.move(UNIT, "me", step)  # type: ignore[arg-type]
        if step == state:
            return


def ended(state: State) -> UnitResult:
    return a_result(UNIT, outcome="cancelled" if state == "cancelled" else "ok")


def change(store: SqliteStore, old: State, new: State) -> None:
    """The store's own way to bring a unit from one state into another."""
    if new == "claimed":
        if store.claim("me", 60, UNIT) is None:
            raise IllegalMove("nothing to claim")
    elif old == "queued" and new == "cancelled":
        store.ask_cancel(UNIT)
    elif new in FINAL:
        store.finish(UNIT, "me", ended(new))
    elif old in FINAL and new == "queued":
        store.retry(UNIT)
    else:
        store.move(UNIT, "me", new)


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=NAMES)
def test_the_store_moves_a_unit_by_this_table_alone(
    store: SqliteStore, old: State, new: State
) -> None:
    bring(store, old)
    assert store.unit(UNIT).state == old
    before, events = store.unit(UNIT), store.events()
    if (old, new) in LEGAL:
        change(store, old, new)
        assert store.unit(UNIT).state == new
        told = store.events()[len(events) :]
        assert [(event.data["from"], event.data["to"]) for event in told] == [(old, new)]
        return
    # Nobody owns a unit that waits or has ended: the owner is asked for first.
    with pytest.raises((IllegalMove, LeaseLost)) as error:
        change(store, old, new)
    assert isinstance(error.value, HostError)
    assert (store.unit(UNIT), store.events()) == (before, events)


# ---------------------------------------------------------------- of a group


@pytest.mark.parametrize(
    ("status", "units"),
    [
        ("queued", []),
        ("queued", ["queued", "queued"]),
        ("running", ["queued", "claimed"]),
        ("running", ["running", "done ok"]),
        ("running", ["grading"]),
        # Some have ended, the others wait for a place.
        ("running", ["queued", "done ok"]),
        ("running", ["queued", "cancelled cancelled"]),
        ("completed", ["done ok"]),
        # An agent that fails is a result.
        ("completed", ["done agent_error", "done timeout", "done oom"]),
        ("completed", ["done lost", "done no_submission"]),
        ("completed", ["done ok", "cancelled cancelled"]),
        # What the infrastructure ended says nothing about an agent, and neither does a user's wish.
        ("failed", ["done lost", "done capacity"]),
        ("failed", ["done daemon_lost", "cancelled cancelled"]),
        ("cancelled", ["cancelled cancelled", "cancelled cancelled"]),
    ],
)
def test_the_status_of_a_group(status: GroupStatus, units: list[str]) -> None:
    words = [unit.split() for unit in units]
    outcomes = [word[1] for word in words if len(word) == 2]
    assert group_status([word[0] for word in words], outcomes) == status  # type: ignore[misc]


@pytest.mark.parametrize("state", sorted(LIVE))
def test_a_group_with_a_live_unit_is_running(state: State) -> None:
    assert group_status([state, "done", "cancelled", "queued"], ["ok", "cancelled"]) == "running"
