"""Which aspects of a part are worth asking for: what a metric has no use for, or a program has no
place for, is not asked. Pure.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Literal

from core.genome import ASPECTS, Locus
from core.metric_names import BY_NAME, predicts
from core.records import CompetitionSpec

Trait = Literal["media", "words", "choices", "gradient steps", "rounds"]
"""What a competition or a program has.

media: pictures, sounds or texts, which can be altered and stay what they are. words: cells that
must become numbers. choices: predictions that come of a cut through scores. gradient steps: a
network or another model that an optimizer fits. rounds: boosting, with a loss of its own and rounds
to stop at.
"""

# What an aspect needs one of. An aspect that is not named fits everywhere.
NEEDS: Mapping[str, frozenset[Trait]] = {
    "augmentation": frozenset({"media"}),
    "encoding": frozenset({"words"}),
    "loss": frozenset({"gradient steps", "rounds"}),
    "optimizer": frozenset({"gradient steps"}),
    "early stopping": frozenset({"gradient steps", "rounds"}),
    "schedule": frozenset({"gradient steps"}),
    "epochs": frozenset({"gradient steps"}),
    "threshold": frozenset({"choices"}),
    "test-time augmentation": frozenset({"media"}),
}

# What shows a trait: a module that the program imports (None: any), and a name that it calls. A
# network that only makes features is not fitted here, so an import alone proves nothing.
_SIGNS: tuple[tuple[Trait, str | None, str], ...] = (
    ("gradient steps", "torch", r"backward"),
    ("gradient steps", "tensorflow", r"fit|compile|apply_gradients"),
    ("gradient steps", "keras", r"fit|compile"),
    ("gradient steps", "transformers", r"Trainer|Seq2SeqTrainer"),
    ("gradient steps", "fastai", r"fit\w*|fine_tune"),
    ("gradient steps", None, r"MLP(Classifier|Regressor)|SGD(Classifier|Regressor)"),
    ("rounds", "lightgbm", r"train|LGBM\w+"),
    ("rounds", "xgboost", r"train|XGB\w+"),
    ("rounds", "catboost", r"CatBoost\w*"),
    ("rounds", None, r"(Hist)?GradientBoosting(Classifier|Regressor)"),
)


def aspects_for(locus: Locus, traits: frozenset[Trait]) -> tuple[str, ...]:
    """The aspects of a part that fit, in their order."""
    return tuple(aspect for aspect in ASPECTS[locus] if _fits(aspect, traits))


def competition_traits(spec: CompetitionSpec) -> frozenset[Trait]:
    """What its data and its metric have."""
    found: set[Trait] = set()
    texts = bool(spec.features.texts)
    if texts or spec.modality in ("text", "image", "audio"):
        found.add("media")
    if texts or spec.modality == "text" or (spec.modality == "tabular" and spec.features.words):
        found.add("words")
    if _cuts(spec):
        found.add("choices")
    return frozenset(found)


def program_traits(program: str) -> frozenset[Trait]:
    """What it fits, by what it imports and calls; nothing is known of a program that cannot be
    read.
    """
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    modules, calls = set(_modules(tree)), set(_calls(tree))
    found: set[Trait] = set()
    for trait, module, called in _SIGNS:
        there = module is None or module in modules
        if there and any(re.fullmatch(called, name) for name in calls):
            found.add(trait)
    return frozenset(found)


def _fits(aspect: str, traits: frozenset[Trait]) -> bool:
    return aspect not in NEEDS or bool(NEEDS[aspect] & traits)


def _cuts(spec: CompetitionSpec) -> bool:
    """A prediction is one of some choices, so that where scores are cut decides. Numbers and
    probabilities are scored as they are; of lists only sets have a length to choose.
    """
    kind, metric = predicts(spec), BY_NAME.get(spec.metric.name)
    if kind == "list":
        return metric is None or metric.needs.lists == "sets"
    return kind in ("label", "mask")


def _modules(tree: ast.AST) -> Iterator[str]:
    """Top names of what is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def _calls(tree: ast.AST) -> Iterator[str]:
    """Last names of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node.func.id
