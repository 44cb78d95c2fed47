"""Recipes whose answers are shares of one whole, a train column per class: rows sum to 1 and beat a
prior.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agents.recipes.assemble import program_text
from agents.recipes.problem import problem_of
from core.judging.metrics import Metric, score
from core.judging.samples import official_sample
from core.judging.submission import check_file
from core.records import CompetitionSpec
from core.task.hints import Hints
from core.task.recognise.baseline import write_baseline
from core.task.recognise.spec import inspect_competition
from tests.agents.test_recipe_programs import covering_recipes

NAMES = ("ill", "tired", "well")


def answers(table: pd.DataFrame, votes: bool) -> pd.DataFrame:
    """What three doctors say of each row, by its columns a and b: one 1, or up to nine votes and
    now and then none.
    """
    rng = np.random.default_rng(4)
    chances = np.exp(
        1.5 * np.column_stack([table["a"].fillna(0), table["b"], np.full(len(table), 0.4)])
    )
    counts = [
        rng.multinomial(rng.integers(0, 10) if votes else 1, row / row.sum()) for row in chances
    ]
    return pd.DataFrame(counts, columns=list(NAMES))


def losses(
    tools: Any, tmp_path: Path, votes: bool, metric: str
) -> tuple[CompetitionSpec, float, dict[str, float]]:
    """The loss of the prior, and of one program for each way to combine models; all pass the
    submission check.
    """
    table = tools.features(240)
    told = answers(table, votes)
    folder = tools.write_folder(
        tmp_path / "data", table, told, sample=dict.fromkeys(NAMES, 1 / 3), test_rows=80
    )
    spec = inspect_competition(folder, "", Hints.of(metric=metric))
    sample = official_sample(spec)
    truth = told.iloc[sample.ids[:, 0].astype(int)].to_numpy(dtype=float)

    def loss(path: Path) -> float:
        checked = check_file(path, sample, spec)
        assert checked.values is not None, checked.reasons
        np.testing.assert_allclose(checked.values.sum(axis=1), 1)
        return score(Metric.of(spec), truth, checked.values)

    write_baseline(folder, spec, tmp_path / "prior.csv")
    recipes = covering_recipes(problem_of(spec))
    chosen = [
        name
        for name in recipes
        if name.startswith("postprocess") or name in ("model_linear", "model_residuals")
    ]
    tools.run_many(
        tmp_path, {name: program_text(recipes[name], problem_of(spec)) for name in chosen}, spec
    )
    made = {
        name: loss(tmp_path / "runs" / name / "submission" / "submission.csv") for name in chosen
    }
    return spec, loss(tmp_path / "prior.csv"), made


@pytest.mark.parametrize(("votes", "metric"), [(False, "log_loss"), (True, "kl_divergence")])
def test_programs_share_out_each_row_better_than_the_prior(
    tools: Any, tmp_path: Path, votes: bool, metric: str
) -> None:
    spec, prior, made = losses(tools, tmp_path, votes, metric)
    assert spec.answers.exclusive
    assert problem_of(spec).task == ("regression" if votes else "multilabel")
    assert "postprocess_write" in made
    assert made["model_linear"] < 0.9 * prior
    assert sum(loss < prior for loss in made.values()) >= len(made) / 2
