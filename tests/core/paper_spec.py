"""A competition on paper, for tests that read no file."""

from __future__ import annotations

from typing import Any

from core.records import CompetitionSpec, MetricSpec

_SPEC = CompetitionSpec.of(
    data_dir="",
    data_digest="",
    description="",
    metric=MetricSpec("roc_auc", "maximize", "config"),
    modality="tabular",
    value_kind="probability",
    sample=None,
    train=None,
    test=None,
    id_columns=("id",),
    target_columns=("y",),
    label_columns=("y",),
    classes=(),
    feature_columns=(),
    text_columns=(),
    rows_train=0,
    rows_test=0,
)


def paper_spec(**changes: Any) -> CompetitionSpec:
    """Binary probabilities by ROC AUC, otherwise as told."""
    return _SPEC.changed(**changes)
