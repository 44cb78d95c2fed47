"""Comparisons against numbers worked out by hand or by scipy."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from scipy import stats
from swarm_host.compare.pairing import (
    compare,
    interval,
    sample_of,
    select,
    sign_test,
    t_quantile,
)
from swarm_host.compare.records import Comparison, Difference, Measured, Sample
from swarm_host.records import Attempt, Grade, UnitRow, Usage
from swarm_host.words import jsonio

from tests.host.made import a_result, a_unit


def a_sample(who: str, competition: str, seed: int, score: float | None, **fields: Any) -> Sample:
    plain = Sample(
        unit=f"{who}-{competition}-{seed}",
        who=who,
        competition=competition,
        seed=seed,
        verdict="failed" if score is None else "valid",
        score=score,
        lower_is_better=False,
        passed=None,
        became="ok" if score is not None else "no_submission",
        isolation="docker",
        timeout=60.0,
        place="docker",
    )
    return dataclasses.replace(plain, **fields)


def series(who: str, competition: str, *scores: float | None, **fields: Any) -> list[Sample]:
    return [a_sample(who, competition, seed, one, **fields) for seed, one in enumerate(scores)]


def the_difference(found: Comparison, competition: str = "c") -> Difference:
    (one,) = [one for one in found.differences if one.competition == competition]
    return one


def test_means_have_their_spread_and_one_run_has_none() -> None:
    found = compare([*series("a", "c", 0.5, 0.7), *series("b", "c", 0.4)])
    first, second = found.cells
    assert (first.mean, first.valid) == (pytest.approx(0.6), 2)
    assert first.spread == pytest.approx(math.sqrt(0.02))
    assert (second.mean, second.spread) == (0.4, None)


def test_differences_are_paired_by_seed() -> None:
    # Seeds move both alike: unpaired, the spread would hide the difference.
    found = compare([*series("a", "c", 0.1, 0.5, 0.9, 0.3), *series("b", "c", 0.0, 0.41, 0.8)])
    one = the_difference(found)
    told = stats.t.interval(0.95, 2, loc=0.29 / 3, scale=stats.sem([0.1, 0.09, 0.1]))
    assert one.pairs == 3
    assert one.mean == pytest.approx(0.29 / 3)
    assert (one.low, one.high) == (pytest.approx(told[0], abs=1e-5), pytest.approx(told[1], abs=1e-5))  # fmt: skip
    assert one.won == 1.0


def test_a_bad_end_of_a_valid_run_is_told() -> None:
    late = a_sample("a", "c", 3, 0.7, became="timeout")
    (cell,) = compare([*series("a", "c", 0.5, None), late]).cells
    assert (cell.valid, cell.bad_ends, cell.failed) == (2, 1, 1)


def test_one_pair_has_no_interval() -> None:
    one = the_difference(compare([*series("a", "c", 0.5), *series("b", "c", 0.25)]))
    assert (one.mean, one.low, one.high, one.pairs) == (0.25, None, None, 1)


def test_positive_means_better_where_less_is_better() -> None:
    rows = [*series("a", "c", 1.0, 1.1), *series("b", "c", 2.0, 2.2)]
    found = compare([dataclasses.replace(row, lower_is_better=True) for row in rows])
    one = the_difference(found)
    assert one.mean == pytest.approx(1.05)
    assert [rank.rank for rank in found.ranks] == [1.0, 2.0]


def test_a_failed_run_loses_but_gives_no_difference() -> None:
    found = compare([*series("a", "c", 0.5, None, None), *series("b", "c", 0.6, 0.1, None)])
    one = the_difference(found)
    assert (one.pairs, one.decided, one.won) == (1, 3, pytest.approx(0.5 / 3))
    assert [rank.rank for rank in found.ranks] == [pytest.approx(5.5 / 3), pytest.approx(3.5 / 3)]
    assert (found.cells[0].failed, found.without_result) == (2, {})


def test_what_says_nothing_of_an_agent_is_left_out_and_told() -> None:
    lost = a_sample("a", "c", 1, None, verdict="no result", became="lost")
    found = compare([a_sample("a", "c", 0, 0.5), lost, *series("b", "c", 0.4, 0.9)])
    assert the_difference(found).decided == 1
    assert [rank.blocks for rank in found.ranks] == [1, 1]
    assert found.without_result == {"a-c-1": "lost"}
    assert found.cells[0].no_result == 1


def test_several_runs_of_one_seed_are_one_pair() -> None:
    twice = [a_sample("a", "c", 0, 0.5), a_sample("a", "c", 0, 0.7)]
    one = the_difference(compare([*twice, a_sample("b", "c", 0, 0.5)]))
    assert (one.pairs, one.mean) == (1, pytest.approx(0.1))


def test_competitions_are_counted_once_in_a_duel() -> None:
    rows = []
    for name, mine in (("c1", 0.9), ("c2", 0.8), ("c3", 0.1)):
        rows += [*series("a", name, *[mine] * 5), *series("b", name, *[0.5] * 5)]
    (duel,) = compare(rows).duels
    assert (duel.better, duel.equal, duel.worse, duel.p) == (2, 0, 1, 1.0)


@pytest.mark.parametrize(("better", "worse"), [(3, 0), (0, 5), (7, 2), (4, 4), (10, 1)])
def test_the_sign_test_is_that_of_scipy(better: int, worse: int) -> None:
    told = stats.binomtest(better, better + worse).pvalue
    assert sign_test(better, worse) == pytest.approx(told)
    assert sign_test(0, 0) is None


@pytest.mark.parametrize("freedom", [1, 2, 10, 30, 31, 60, 1000])
def test_the_quantile_is_that_of_scipy(freedom: int) -> None:
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=1e-4)


def test_no_value_has_no_mean() -> None:
    assert interval([]) == (None, None, None)


def test_ties_share_ranks() -> None:
    found = compare([*series("a", "c", 0.5), *series("b", "c", 0.5), *series("d", "c", 0.1)])
    assert [rank.rank for rank in found.ranks] == [1.5, 1.5, 3.0]
    assert all(rank.spread is None for rank in found.ranks)


def test_only_differences_from_one_are_asked_for() -> None:
    rows = [*series("a", "c", 0.5), *series("b", "c", 0.5), *series("d", "c", 0.1)]
    found = compare(rows, against="a")
    assert [(one.first, one.second) for one in found.differences] == [("b", "a"), ("d", "a")]


def test_costs_are_means_of_runs_that_say_them() -> None:
    def cost(seconds: float | None, tokens: int | None) -> Usage:
        return Usage(seconds=seconds, tokens=tokens)

    rows = [
        a_sample("a", "c", 0, 0.5, usage=cost(60.0, 10)),
        a_sample("a", "c", 1, None, usage=cost(120.0, None)),
        a_sample("a", "c", 2, None, verdict="no result", usage=cost(9000.0, 9000)),
    ]
    (found,) = compare(rows).costs
    assert found.minutes == Measured(1.5, pytest.approx(math.sqrt(0.5)), 2)
    assert found.tokens == Measured(10.0, None, 1)
    assert found.usd == Measured(None, None, 0)


def test_unfairness_is_told() -> None:
    rows = [*series("a", "c", 0.5, isolation="none"), *series("b", "c", 0.5, timeout=99.0)]
    told = compare(rows).warnings
    assert "c: time limits differ (60 s, 99 s)" in told
    assert any(text.startswith("a: isolation none") for text in told)
    assert not any(text.startswith("b: isolation") for text in told)


def test_places_that_differ_are_told() -> None:
    rows = [*series("a", "c", 0.5), *series("b", "c", 0.5, place="docker cpus=2.0")]
    assert "c: places differ (docker, docker cpus=2.0)" in compare(rows).warnings


def test_a_run_that_a_user_asked_for_again_is_told(tmp_path: Path) -> None:
    first = Attempt(1, "agent_error", None)
    told = []
    for outcome in ("agent_error", "daemon_lost"):
        attempts = (dataclasses.replace(first, outcome=outcome), Attempt(2, "ok", None))
        (found,) = select([a_row(tmp_path, attempts=attempts)], lambda row: "a")
        told.append(any("run again" in text for text in compare([found]).warnings))
    # What the infrastructure ended is tried again by itself, and favours nobody.
    assert told == [True, False]


@pytest.mark.parametrize("other", [None, True])
def test_without_a_direction_nothing_is_compared(other: bool | None) -> None:
    mine: bool | None = None if other is None else False
    rows = [*series("a", "c", 0.5, lower_is_better=mine), *series("b", "c", 0.4, lower_is_better=other)]  # fmt: skip
    found = compare(rows)
    assert (the_difference(found).mean, the_difference(found).won) == (None, None)
    assert [rank.rank for rank in found.ranks] == [None, None]
    assert found.duels[0].p is None
    assert any("which direction is better" in text for text in found.warnings)


# ---------------------------------------------------------------- from units


def a_row(runs: Path, outcome: str = "ok", state: Any = "done", **fields: Any) -> UnitRow:
    spec = a_unit(runs)
    result = a_result(spec.unit_id, outcome=outcome, **fields) if state == "done" else None
    return UnitRow(spec, state, 1, None, None, False, None, result, 0.0)


@pytest.mark.parametrize(
    ("outcome", "grade", "verdict"),
    [
        ("ok", Grade(True, 0.5, False), "valid"),
        # A submission counts, however its agent ended.
        ("timeout", Grade(True, 0.5, False), "valid"),
        ("agent_error", Grade(True, 0.5, False), "valid"),
        ("invalid_submission", Grade(False, None, False), "failed"),
        ("no_submission", None, "failed"),
        ("oom", None, "failed"),
        ("ok", Grade(True, float("nan"), False), "failed"),
        ("lost", None, "no result"),
        ("grading_failed", None, "no result"),
        # It had less time than the others.
        ("cancelled", Grade(True, 0.5, False), "no result"),
    ],
)
def test_outcomes_become_verdicts(tmp_path: Path, outcome: str, grade: Any, verdict: str) -> None:
    found = sample_of(a_row(tmp_path, outcome, grade=grade), "a")
    assert found is not None
    assert found.verdict == verdict
    assert (found.score is not None) == (verdict == "valid")


def test_a_unit_that_runs_has_no_result(tmp_path: Path) -> None:
    (found,) = select([a_row(tmp_path, state="running")], lambda row: row.spec.agent)
    assert (found.verdict, found.became, found.who) == ("no result", "running", "dummy")


def test_a_plain_run_is_not_compared(tmp_path: Path) -> None:
    row = a_row(tmp_path)
    plain = dataclasses.replace(row, spec=dataclasses.replace(row.spec, competition=None))
    assert select([plain], lambda row: "x") == []


def test_a_comparison_is_json() -> None:
    text = jsonio.dumps(compare([*series("a", "c", 0.5, None), *series("b", "c", 0.4)]))
    assert json.loads(text)["cells"][0]["mean"] == 0.5
    assert json.loads(text)["methods"]
