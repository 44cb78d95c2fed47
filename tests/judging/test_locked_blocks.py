"""By time: what lies in the locked blocks of the last window steers nothing, and blocks of time are what
scores are made of.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.judging.compare import HeldTruth, standard_error
from core.judging.metrics import Metric
from core.judging.scorer import load_answers
from tests.judging.residual_cases import HeldCase, make_case
from utils.process import WorkerProcess

ROWS, ASKED = 1_200, 120


@pytest.fixture
def case(tmp_path: Path, judging_worker: WorkerProcess) -> HeldCase:
    """Hours with a level that wanders, so that neighbours err alike."""
    rng = np.random.default_rng(5)
    level = np.cumsum(rng.normal(size=ROWS)) / 10
    frame = pd.DataFrame(
        {
            "id": [f"r{number}" for number in range(ROWS)],
            "step": np.arange(ROWS),
            "y": level + rng.normal(size=ROWS) / 10,
        }
    )
    train, test = frame.iloc[:-ASKED], frame.iloc[-ASKED:].drop(columns="y")
    text = "# Evaluation\n\nRoot mean squared error."
    return make_case(
        tmp_path / "case", judging_worker, train, test, text, split="time", time_column="step"
    )


def locked_steps(case: HeldCase) -> list[int]:
    """The window is the last 120 train rows: the middle of each of five stretches of 24."""
    first = ROWS - ASKED - ASKED
    return [step for step in range(first, ROWS - ASKED) if (step - first) % 24 // 8 == 1]


def test_what_is_said_of_a_program_does_not_hang_on_locked_rows(case: HeldCase) -> None:
    """Two programs that differ on locked rows alone are the same to the search, and not to the end."""

    def one(rows: pd.DataFrame) -> np.ndarray:
        return rows["y"].fillna(0.0).to_numpy() + 0.1 * np.sin(rows["step"].to_numpy() / 9)

    def other(rows: pd.DataFrame) -> np.ndarray:
        wrong = rows["step"].isin(locked_steps(case)).to_numpy()
        return one(rows) + 5.0 * wrong

    # Earlier windows train on nothing of the last one.
    first, second = case.keep("one", one), case.keep("other", other)
    judge = case.judge
    assert judge.p_better(first, second) == 0.5
    assert judge.error_correlation(first, second) == 1.0
    assert case.report("one").tables == case.report("other").tables
    scores = [judge.score_blend([(names, 1.0)], "mean", "holdout") for names in (first, second)]
    assert scores[0] == scores[1]
    locked = [judge.score_blend([(names, 1.0)], "mean", "locked") for names in (first, second)]
    assert locked[0][0] is not None
    assert locked[1][0] is not None
    assert locked[0][0] < 0.2 < 4.0 < locked[1][0]


def test_neighbours_in_time_are_no_independent_observations(case: HeldCase) -> None:
    """Errors of a level that is off for days: with rows alone the error of the score is far too small."""
    metric = Metric.of(case.spec)
    answers = load_answers(Path(case.views[0].answers or ""), case.spec)
    held, rows = answers.held("holdout")
    assert held.groups is not None
    assert len(set(held.groups)) == 20
    guess = np.full_like(held.truth, held.truth[0, 0])
    by_blocks = standard_error(metric, held, guess)
    alone = standard_error(metric, HeldTruth(held.truth), guess)
    assert by_blocks is not None
    assert alone is not None
    assert by_blocks > 1.8 * alone
