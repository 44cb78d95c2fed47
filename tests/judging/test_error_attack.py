"""A program that asks for answers of held-out rows through its error reports does not get them; each
guard is shown to be what stops it (core.judging.residuals.guards).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.judging.residuals import held, report
from core.judging.residuals.guards import LEAST_ROWS
from core.judging.store import Store
from core.records import ErrorReport
from tests.judging.residual_cases import HeldCase, make_case, table_of
from utils.process import WorkerProcess

ROWS, TEST_ROWS = 3500, 100
Guess = Callable[[HeldCase, int], bool]


@pytest.fixture
def case(tmp_path: Path, judging_worker: WorkerProcess) -> HeldCase:
    """Answers from 0 to 100, beside columns that name rows, few rows, or nothing."""
    draw = np.random.default_rng(21)
    ids = [f"r{number}" for number in range(ROWS)]
    rare = np.where(np.arange(ROWS) % 211 == 0, "rare", "usual")
    frame = pd.DataFrame(
        {
            "id": ids,
            "code": [f"secret{number}" for number in draw.permutation(ROWS)],
            "rare": rare,
            "only": np.where(np.arange(ROWS) == 77, 1.0, 0.0),
            "note": [f"row {number} says this and that" for number in range(ROWS)],
            "y": draw.uniform(0, 100, ROWS),
        }
    )
    train, test = frame.iloc[:-TEST_ROWS], frame.iloc[-TEST_ROWS:].drop(columns="y")
    text = "# Evaluation\n\nRoot mean squared error (RMSE)."
    return make_case(tmp_path / "case", judging_worker, train, test, text)


@pytest.fixture(autouse=True)
def every_band(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands of answers are told in each report: the attacks read them."""
    monkeypatch.setattr(report, "right_on_average", lambda held: False)


def told(case: HeldCase, name: str, spikes: dict[str, float]) -> ErrorReport:
    """The report on a program of error 1 that adds something of its own to chosen rows."""
    draw = np.random.default_rng(22)

    def predict(rows: pd.DataFrame) -> Any:
        added = rows["id"].map(spikes).fillna(0).to_numpy(dtype=float)
        return rows["y"].fillna(50).to_numpy() + draw.normal(size=len(rows)) + added

    names = case.keep(name, predict, folds=1)
    # In this process, so that a test can take a guard away.
    found = report.error_report(case.spec, names, case.views, Store(case.root / "predictions"))
    assert found is not None
    return found


def held_ids(case: HeldCase) -> list[str]:
    sample = pd.read_csv(Path(case.views[0].path) / "sample_submission.csv")
    asked = [name for name in sample["id"] if not np.isnan(case.whole.loc[name, "y"])]
    return list(np.random.default_rng(23).permutation(asked))


def biases(found: ErrorReport) -> np.ndarray:
    """Sums of the errors of each band of answers."""
    table = table_of(found, "by the answer")
    assert table is not None
    return np.array([(group.bias or 0.0) * group.rows for group in table.groups])


def band(case: HeldCase, row: str, bands: int) -> int:
    return min(int(case.whole.loc[row, "y"] / 100 * bands), bands - 1)


def one_row(case: HeldCase, number: int) -> bool:
    """Adds very much to one row: the band that moves is the band of its answer."""
    row = held_ids(case)[number]
    sums = biases(told(case, f"one{number}", {row: 1e6}))
    return abs(sums.max()) > 1000 and int(sums.argmax()) == band(case, row, len(sums))


def one_more(case: HeldCase, number: int) -> bool:
    """Adds to many rows, then to one more: the band that moves is the band of that one."""
    rows = held_ids(case)
    many, one = rows[:40], rows[100 + number]
    first = biases(told(case, f"many{number}", dict.fromkeys(many, 500.0)))
    second = biases(told(case, f"more{number}", dict.fromkeys([*many, one], 500.0)))
    if len(first) != len(second):
        return False
    return int((second - first).argmax()) == band(case, one, len(first))


def all_rows(names: object, rows: int) -> np.ndarray:
    return np.arange(rows)


def as_they_are(values: np.ndarray, both: bool = False) -> np.ndarray:
    return values


def hits(case: HeldCase, guess: Guess, tries: int = 8) -> int:
    return sum(guess(case, number) for number in range(tries))


def test_a_wild_prediction_of_one_row_does_not_show_its_answer(
    case: HeldCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hits(case, one_row) == 0
    monkeypatch.setattr(report, "clipped", as_they_are)
    monkeypatch.setattr(held, "drawn", all_rows)
    assert hits(case, one_row) >= 7


def test_nor_does_the_difference_of_two_reports(
    case: HeldCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One in five by chance.
    with_guard = hits(case, one_more, 16)
    monkeypatch.setattr(held, "drawn", all_rows)
    without = hits(case, one_more, 16)
    assert with_guard <= 8
    assert without >= 12


def test_no_group_is_small_and_no_row_is_named(case: HeldCase) -> None:
    rows = held_ids(case)
    rare = [row for row in rows if case.whole.loc[row, "rare"] == "rare"]
    assert 0 < len(rare) < LEAST_ROWS
    spikes = dict.fromkeys(rare, 30.0) | {"r77": 1e4, rows[0]: -1e4}
    found = told(case, "named", spikes)
    every = [group for table in found.tables for group in table.groups]
    assert every
    assert min(group.rows for group in every) >= LEAST_ROWS
    text = repr(found)
    for word in ("secret", "rare", "only", "note", "'r77'"):
        assert word not in text


def test_a_class_that_is_said_of_one_row_is_no_confusion(
    tmp_path: Path, judging_worker: WorkerProcess
) -> None:
    draw = np.random.default_rng(24)
    frame = pd.DataFrame(
        {
            "id": [f"r{number}" for number in range(2000)],
            "x": draw.normal(size=2000),
            "y": draw.choice(["cat", "dog", "eel"], 2000, p=[0.49, 0.49, 0.02]),
        }
    )
    train, test = frame.iloc[:-100], frame.iloc[-100:].drop(columns="y")
    made = make_case(tmp_path / "c", judging_worker, train, test, "# Evaluation\n\nAccuracy.")
    chosen = set(frame[frame["y"] == "cat"]["id"].head(LEAST_ROWS - 1))

    def predict(rows: pd.DataFrame) -> Any:
        said = np.where(draw.random(len(rows)) < 0.2, "cat", rows["y"].fillna("cat"))
        said[said == "eel"] = "dog"
        said[rows["id"].isin(chosen).to_numpy()] = "eel"
        return said

    made.keep("p", predict)
    confusions = table_of(made.report("p"), "confusions")
    assert confusions is not None
    assert not any("for eel" in group.name for group in confusions.groups)
    assert any(group.name == "dog taken for cat" for group in confusions.groups)
