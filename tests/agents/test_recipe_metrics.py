"""Recipes write a program for any metric of the registry: one that no fragment names is served by
its kind of values.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agents.recipes.assemble import program_text
from agents.recipes.problem import problem_of
from agents.recipes.space import Space
from core.metric_names import METRICS, MetricName
from core.records import CompetitionSpec
from core.task.hints import NO_HINTS
from core.task.recognise.spec import inspect_competition
from tests.agents.conftest import check, features, make_spec, run_many, write_folder
from tests.agents.test_recipe_programs import PACKAGES

CASES = [(metric, kind) for metric in METRICS for kind in metric.kinds]


def safest(spec: CompetitionSpec) -> str:
    """The program of the first draft."""
    problem = problem_of(spec)
    space = Space(problem, PACKAGES)
    return program_text(space.drafts()[0], problem)


@pytest.mark.parametrize(("metric", "kind"), CASES)
def test_every_metric_has_a_program(tmp_path: Path, metric: MetricName, kind: str) -> None:
    changes: dict[str, Any] = {"value_kind": kind, "classes": ("0", "1")}
    if kind not in ("label", "probability"):
        changes["classes"] = ()
    program = safest(make_spec(tmp_path, metric.name, **changes))
    compile(program, metric.name, "exec")
    assert f"METRIC = {metric.name!r}".replace("'", '"') in program.replace("'", '"')


@pytest.mark.whole
def test_a_column_for_each_quantile_is_answered(tmp_path: Path) -> None:
    table = features(160)
    answers = pd.DataFrame({"y": np.arange(160) % 17 + table["b"].to_numpy()})
    sample = dict.fromkeys(("y_q10", "y_q50", "y_q90"), 0.5)
    folder = write_folder(tmp_path / "data", table, answers, sample=sample)
    text = "## Evaluation\n\nSubmissions are scored by the mean pinball loss of the quantiles.\n"
    spec = inspect_competition(folder, text, NO_HINTS, tmp_path / "work")
    assert (spec.metric.name, spec.metric.parameters) == ("pinball", (0.1, 0.5, 0.9))
    submission = run_many(tmp_path, {"draft": safest(spec)}, spec)["draft"]
    check(submission, spec)
