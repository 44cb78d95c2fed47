"""Which groupings say more than noise: a shift is found, noise columns are not, and what one grouping
says another does not say again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.judging.residuals.groupings import Grouping, bands, cycles, horizons, kinds, of_column
from core.judging.residuals.guards import LEAST_ROWS
from core.judging.residuals.telling import Halves, strength, telling

ROWS = 3000


def banded(values: np.ndarray, title: str = "x") -> Grouping:
    found = bands(title, values)
    assert found is not None
    return found


def test_noise_is_rarely_taken_for_something() -> None:
    halves, wrong = Halves.of(np.arange(ROWS)), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        residuals = rng.normal(size=ROWS)
        noise = [banded(rng.normal(size=ROWS), f"noise {number}") for number in range(30)]
        wrong += len(telling(noise, [residuals**2, residuals], halves, 5)) > 0
    # Six would be as many as are looked for without the two halves.
    assert wrong <= 4


def test_a_shift_is_found_among_noise() -> None:
    rng = np.random.default_rng(1)
    column = rng.normal(size=ROWS)
    values = rng.normal(size=ROWS) + 0.4 * (column > 1)
    every = [banded(rng.normal(size=ROWS), f"noise {number}") for number in range(30)]
    found = telling([*every, banded(column, "column")], [values], Halves.of(np.arange(ROWS)), 5)
    assert [grouping.title for grouping in found] == ["column"]


def test_a_copy_of_what_is_told_is_not_told_again() -> None:
    rng = np.random.default_rng(2)
    column, other = rng.normal(size=(2, ROWS))
    values = 0.5 * column + 0.3 * other + rng.normal(size=ROWS)
    copy = column + 0.01 * rng.normal(size=ROWS)
    groupings = [banded(column, "first"), banded(copy, "copy"), banded(other, "other")]
    found = telling(groupings, [values], Halves.of(np.arange(ROWS)), 5)
    assert [grouping.title for grouping in found] == ["first", "other"]


def test_rows_of_one_block_are_no_proof() -> None:
    """Errors that come in blocks of time look shifted by any column that goes with time."""
    rng = np.random.default_rng(3)
    block = np.repeat(np.arange(30), 100)
    values = np.repeat(rng.normal(size=30), 100) + 0.1 * rng.normal(size=3000)
    drift = banded(np.repeat(rng.normal(size=30), 100) + 0.01 * rng.normal(size=3000))
    assert strength(drift, [values], Halves.of(np.arange(3000)), 5) > 0
    assert strength(drift, [values], Halves.of(block), 5) == 0


def test_bands_have_enough_rows_whatever_the_numbers() -> None:
    rng = np.random.default_rng(4)
    for values in (
        rng.normal(size=ROWS),
        np.exp(3 * rng.normal(size=ROWS)),
        rng.poisson(0.7, ROWS).astype(float),
        np.where(rng.random(ROWS) < 0.004, 1e12, rng.random(ROWS)),
        1e9 + rng.random(ROWS),
        np.where(rng.random(ROWS) < 0.3, np.nan, rng.random(ROWS)),
    ):
        grouping = banded(values)
        assert (grouping.counts >= 0.05 * ROWS).all()
        assert len(grouping.counts) >= 2
    assert bands("x", np.zeros(ROWS)) is None
    # Twenty rows that stand apart get no band of their own.
    assert bands("x", np.r_[np.ones(LEAST_ROWS), np.zeros(ROWS - LEAST_ROWS)]) is None


def test_limits_of_bands_are_rounded() -> None:
    values = np.random.default_rng(5).normal(3.14159265, 1, ROWS)
    limits = " ".join(banded(values).names).replace("to", " ").split()
    shown = [word for word in limits if word.replace(".", "").replace("-", "").isdigit()]
    assert shown
    assert all(len(word.rpartition(".")[2]) <= 2 for word in shown)


def test_kinds_with_few_rows_are_thrown_together() -> None:
    cells = pd.Series(["a"] * 100 + ["b"] * 60 + [f"rare {number}" for number in range(40)])
    found = kinds("by kind", cells)
    assert found is not None
    assert found.names == ("a", "b", "all others")
    assert found.counts.tolist() == [100, 60, 40]
    assert kinds("by kind", pd.Series(["a"] * 100 + ["b"] * (LEAST_ROWS - 1))) is None


def test_a_column_is_grouped_as_what_it_holds() -> None:
    rng = np.random.default_rng(6)
    days = pd.Series(pd.date_range("2020-01-01", periods=900, freq="D").astype(str))
    titles = [grouping.title for grouping in of_column("day", days, text=False)]
    assert titles == ["by day, weekday", "by day, month"]
    ordered = [grouping.title for grouping in of_column("day", days[:700], False, ordered=True)]
    assert ordered == ["by day, weekday"]
    few = pd.Series(rng.integers(0, 3, 900).astype(float))
    assert next(of_column("few", few, text=False)).names == ("0", "1", "2")
    long = pd.Series([" ".join(["word"] * count) for count in rng.integers(5, 40, 900)])
    assert next(of_column("text", long, text=True)).title == "by text, number of words"
    codes = pd.Series(rng.choice(["1-2", "3-4"], 900))
    assert sum(1 for _ in of_column("codes", codes, text=False)) == 1
    assert list(of_column("all one", pd.Series(["x"] * 900), text=False)) == []


def titles(cells: pd.Series, *values: np.ndarray) -> list[str]:
    return [grouping.title for grouping in cycles("t", cells, values)]


def test_cycles_are_those_of_the_values_and_only_in_equal_steps() -> None:
    rng = np.random.default_rng(7)
    places, steps = np.arange(2000), pd.Series(10.0 * np.arange(2000))
    noise = rng.normal(size=2000)
    season = 3 * np.sin(2 * np.pi * places / 31) + noise
    assert titles(steps, noise) == []
    assert titles(steps, noise, season) == ["by t modulo 310"]
    kept = rng.random(2000) < 0.8
    assert titles(steps[kept], season[kept]) == ["by t modulo 310"]
    assert titles(pd.Series(rng.normal(size=2000)), season) == []
    # Less than three periods are there.
    assert titles(steps[:80], season[:80]) == []


def test_the_place_in_a_cycle_is_that_of_the_column() -> None:
    steps = pd.Series(np.arange(13, 2013))
    season = np.where(steps % 20 < 10, 5.0, 0.0) + 0.1 * np.random.default_rng(3).normal(size=2000)
    (cycle,) = cycles("t", steps, [season])
    assert cycle.title == "by t modulo 20"
    means = [float(season[cycle.codes == code].mean()) for code in range(len(cycle.names))]
    assert cycle.names[0].startswith("below")
    assert means[0] > 4.9
    assert means[-1] < 0.1


def test_dates_have_cycles_that_the_calendar_has_not() -> None:
    rng = np.random.default_rng(8)
    days = pd.Series(pd.date_range("2020-01-01", periods=1500, freq="D").astype(str))
    place = np.arange(1500)
    noise = 0.3 * rng.normal(size=1500)
    assert titles(days, np.sin(2 * np.pi * place / 10) + noise) == ["by t modulo 10 steps"]
    assert titles(days, np.sin(2 * np.pi * place / 7) + noise) == []


def test_time_blocks_become_quarters_of_their_fold() -> None:
    groups = np.array([f"search{fold}:{block:02d}" for fold in range(2) for block in range(20)])
    found = horizons(np.repeat(groups, 30), np.repeat([0, 1], 600))
    assert found is not None
    assert found.counts.tolist() == [300] * 4
    assert horizons(np.array(["shop a", "shop b"]), np.array([0, 0])) is None
    assert horizons(np.array(["", ""]), np.array([0, 0])) is None
