"""Which unit starts next, and when a budget is used up: decisions over rows."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from swarm_host.groups.queueing import due, spent
from swarm_host.records import UnitRow, Usage
from swarm_host.states import FINAL, LIVE

from tests.host.made import a_group, a_result, a_unit


def a_row(number: int, state: str = "queued", **fields: Any) -> UnitRow:
    unit = a_unit(Path("/nowhere"), number)
    plain = UnitRow(unit, "queued", 0, None, None, False, None, None, 0.0)
    return dataclasses.replace(plain, state=state, **fields)


def seeds(rows: list[UnitRow]) -> list[int]:
    return [row.spec.seed for row in rows]


def test_units_that_nobody_follows_come_before_those_that_wait() -> None:
    rows = [
        a_row(1),
        a_row(2, "running", owner="a", lease_until=5.0),
        a_row(3, "running", owner="b", lease_until=15.0),
        a_row(4, "grading"),
        a_row(5, "done"),
        a_row(6),
    ]
    assert seeds(due(rows, {"g1-u6"}, 10.0)) == [2, 4, 1]


@pytest.mark.parametrize("state", sorted(LIVE))
def test_a_live_unit_is_free_when_its_lease_is_over(state: str) -> None:
    row = a_row(1, state, owner="a", lease_until=10.0)
    assert due([row], (), 10.0) == []
    assert due([row], (), 10.1) == [row]
    # Its owner is known to be dead: the store says so by no lease at all.
    assert due([dataclasses.replace(row, owner=None, lease_until=None)], (), 0.0) != []


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_unit_that_has_ended_is_never_handed_out(state: str) -> None:
    assert due([a_row(1, state, owner="me")], (), 1e9, owner="me") == []


def test_a_unit_of_ones_own_is_taken_up_again_at_once_unless_it_is_away() -> None:
    rows = [
        a_row(1, "running", owner="me", lease_until=99.0),
        a_row(2, "running", owner="you", lease_until=99.0),
    ]
    assert due(rows, (), 10.0) == []
    assert seeds(due(rows, (), 10.0, owner="me")) == [1]
    assert due(rows, {"g1-u1"}, 10.0, owner="me") == []


def test_those_that_wait_keep_their_order() -> None:
    rows = [a_row(3), a_row(1), a_row(2)]
    assert seeds(due(rows, (), 0.0)) == [3, 1, 2]


# ---------------------------------------------------------------- budgets


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        ({"budget_hours": 2.0}, "the budget of 2 hours is used up (2)"),
        ({"budget_usd": 3.0}, "the budget of 3 usd is used up (3)"),
        ({"budget_tokens": 50}, "the budget of 50 tokens is used up (100)"),
        ({"budget_hours": 2.1, "budget_usd": 3.1, "budget_tokens": 101}, None),
        # One of several is enough.
        ({"budget_hours": 9.0, "budget_tokens": 100}, "the budget of 100 tokens is used up (100)"),
        # Nothing may be spent.
        ({"budget_usd": 0.0}, "the budget of 0 usd is used up (3)"),
        ({}, None),
    ],
)
def test_budgets(budget: dict[str, Any], reason: str | None) -> None:
    one = a_result("u", usage=Usage(3600.0, 1.5, 50))
    silent = a_result("u", usage=Usage())
    rows = [a_row(n, result=result) for n, result in enumerate((one, silent, one, None))]
    assert spent(a_group(Path("/nowhere"), **budget), rows) == reason


def test_a_budget_of_nothing_is_used_up_before_the_first_unit() -> None:
    group = a_group(Path("/nowhere"), budget_hours=0.0)
    assert spent(group, [a_row(1)]) == "the budget of 0 hours is used up (0)"
