"""An aspect is asked for only where the metric has a use for it and the program a place."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from core.evolution.focus import (
    NEEDS,
    Trait,
    aspects_for,
    competition_traits,
    program_traits,
)
from core.genome import ASPECTS, Locus
from core.metric_names import BY_NAME
from core.records import MetricSpec
from tests.core.paper_spec import paper_spec

LINEAR = """
import numpy as np
from sklearn.linear_model import Ridge
model = Ridge(alpha=3.0).fit(X, y)
"""
FOREST = """
from sklearn.ensemble import ExtraTreesRegressor
model = ExtraTreesRegressor(300)
model.fit(X, y)
"""
KERNEL = "from sklearn.gaussian_process import GaussianProcessRegressor as G\nG().fit(X, y)\n"
BOOSTING = "import lightgbm as lgb\nmodel = lgb.train(params, data)\n"
SKLEARN_BOOSTING = (
    "from sklearn.ensemble import HistGradientBoostingRegressor\nHistGradientBoostingRegressor()\n"
)
NETWORK = """
import torch.nn as nn
def fit(net, optimizer):
    loss = nn.functional.mse_loss(net(X), y)
    loss.backward()
    optimizer.step()
"""
FROZEN = "import torch\nwith torch.no_grad():\n    vectors = net(X)\nRidge().fit(vectors, y)\n"
PERCEPTRON = "from sklearn.neural_network import MLPRegressor\nMLPRegressor((64,)).fit(X, y)\n"
BROKEN = "import torch\nloss.backward(\n"


def fitting(locus: Locus, program: str, *competition: Trait) -> tuple[str, ...]:
    return aspects_for(locus, frozenset(competition) | program_traits(program))


def test_every_aspect_in_the_table_is_one_and_needs_traits_that_there_are() -> None:
    every = {aspect for aspects in ASPECTS.values() for aspect in aspects}
    assert NEEDS.keys() < every
    traits = {trait for needed in NEEDS.values() for trait in needed}
    assert traits == set(get_args(Trait))


@pytest.mark.parametrize("program", [LINEAR, FOREST, KERNEL, FROZEN, BROKEN])
def test_what_is_fitted_at_once_has_no_steps_to_speak_of(program: str) -> None:
    assert fitting("MODEL", program) == ("architecture", "regularisation")
    assert fitting("TRAIN", program) == ("validation",)


@pytest.mark.parametrize("program", [BOOSTING, SKLEARN_BOOSTING])
def test_boosting_has_a_loss_and_rounds_and_no_optimizer(program: str) -> None:
    assert fitting("MODEL", program) == ("architecture", "loss", "regularisation")
    assert fitting("TRAIN", program) == ("validation", "early stopping")


@pytest.mark.parametrize("program", [NETWORK, PERCEPTRON])
def test_a_network_has_all_of_it(program: str) -> None:
    assert fitting("MODEL", program) == ASPECTS["MODEL"]
    assert fitting("TRAIN", program) == ASPECTS["TRAIN"]


@pytest.mark.parametrize(
    ("program", "traits"),
    [
        ("import lightgbm as lgb\nlgb.LGBMRegressor()\n", {"rounds"}),
        ("import xgboost\nxgboost.train({}, d)\n", {"rounds"}),
        ("from catboost import CatBoostClassifier\nCatBoostClassifier()\n", {"rounds"}),
        ("import tensorflow as tf\ntf.keras.Sequential().fit(X, y)\n", {"gradient steps"}),
        ("from transformers import Trainer\nTrainer(net).train()\n", {"gradient steps"}),
        ("from sklearn.linear_model import SGDClassifier\nSGDClassifier()\n", {"gradient steps"}),
        ("import lightgbm\n", set()),
        ("def train(x): ...\ntrain(1)\n", set()),
    ],
)
def test_a_trait_shows_in_an_import_and_a_call(program: str, traits: set[Trait]) -> None:
    assert program_traits(program) == traits


# ---------------------------------------------------------------- the competition


def traits(metric: str, **fields: Any) -> frozenset[Trait]:
    """Of a competition with this metric."""
    metric_spec = MetricSpec(metric, BY_NAME[metric].direction, "config")
    return competition_traits(paper_spec().changed(metric=metric_spec, **fields))


@pytest.mark.parametrize("metric", ["rmse", "mae", "rmsle", "spearman", "r2"])
def test_numbers_have_no_threshold(metric: str) -> None:
    found = traits(metric, value_kind="real")
    assert aspects_for("POSTPROCESS", found) == ("ensemble",)


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_probabilities_have_no_threshold(metric: str) -> None:
    assert "threshold" not in aspects_for("POSTPROCESS", traits(metric, value_kind="probability"))


@pytest.mark.parametrize(
    ("metric", "kind", "cut"),
    [
        ("accuracy", "label", True),
        ("f1_macro", "label", True),
        ("quadratic_weighted_kappa", "label", True),
        ("dice", "mask", True),
        ("map@5", "list", False),
        ("ndcg@10", "list", False),
        ("jaccard", "list", True),
        # The sample looks like numbers, and the metric wants labels.
        ("accuracy", "real", True),
    ],
)
def test_choices_have_a_threshold(metric: str, kind: str, cut: bool) -> None:
    found = aspects_for("POSTPROCESS", traits(metric, value_kind=kind))
    assert ("threshold" in found) == cut


def test_plain_tables_have_nothing_to_augment_and_need_no_encoding_without_words() -> None:
    numbers = traits("rmse", value_kind="real", words=False)
    assert aspects_for("DATA", numbers) == ("features", "cleaning")
    words = traits("rmse", value_kind="real", words=True)
    assert aspects_for("DATA", words) == ("features", "cleaning", "encoding")


@pytest.mark.parametrize("modality", ["image", "audio", "text"])
def test_pictures_sounds_and_texts_can_be_augmented(modality: str) -> None:
    found = traits("rmse", value_kind="real", modality=modality, words=False)
    assert "augmentation" in aspects_for("DATA", found)
    assert "test-time augmentation" in aspects_for("POSTPROCESS", found)
    assert ("encoding" in aspects_for("DATA", found)) == (modality == "text")


def test_a_column_of_texts_in_a_table_is_text() -> None:
    found = traits("rmse", value_kind="real", words=False, text_columns=("story",))
    assert aspects_for("DATA", found) == ASPECTS["DATA"]
