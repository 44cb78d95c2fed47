"""Units in hand and back."""

from __future__ import annotations

import time

from swarm_host.engines.ledger import Ledger


def test_a_unit_is_in_hand_once_and_comes_back_once() -> None:
    ledger = Ledger()
    assert ledger.take("u1", "north")
    assert not ledger.is_wanted("u1")
    assert not ledger.take("u1", "south")
    assert ledger.machines() == {"u1": "north"}
    failure = OSError("gone")
    ledger.came_back("u1", failure)
    ledger.came_back("u1", OSError("told twice"))
    ledger.came_back("never taken", OSError("of another"))
    assert ledger.machines() == {}
    assert ledger.failures() == {"u1": failure}
    assert ledger.failures() == {}


def test_a_wait_ends_at_once_where_something_is_to_be_told_or_nothing_is_in_hand() -> None:
    """The limits are never reached: a wait that reached one would hang the test for its time."""
    ledger = Ledger()
    ledger.wait(3600.0)
    for unit in ("u1", "u2"):
        ledger.take(unit)
    ledger.came_back("u1", None)
    ledger.wait(3600.0)
    # That was told: the next wait lasts its time.
    began = time.monotonic()
    ledger.wait(0.05)
    assert time.monotonic() - began >= 0.05
    assert set(ledger.machines()) == {"u2"}


def test_what_could_not_be_handed_out_may_be_taken_again_until_it_is_closed() -> None:
    ledger = Ledger()
    ledger.take("u1")
    ledger.give_up("u1")
    assert ledger.failures() == {}
    assert ledger.is_wanted("u1")
    ledger.close()
    assert not ledger.take("u1")
    assert ledger.closed
