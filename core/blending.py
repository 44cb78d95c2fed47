"""How predictions are put together: folds of one program, and programs of a blend."""

from __future__ import annotations

from typing import Literal

from core.metric_names import BY_NAME, VOTING, predicts
from core.records import CompetitionSpec

Blending = Literal["mean", "rank", "vote"]


def is_voted(spec: CompetitionSpec) -> bool:
    """Labels, lists, texts and masks vote; numbers, and labels with a column for each class, do not."""
    return predicts(spec) in VOTING and not spec.answers.one_hot


def how_to_combine(spec: CompetitionSpec) -> Blending:
    """For the folds of one program, which have one scale."""
    return "vote" if is_voted(spec) else "mean"


def how_to_blend(spec: CompetitionSpec) -> Blending:
    """For several programs: where only the order counts, ranks are averaged, so that no member's
    scale wins.
    """
    if is_voted(spec):
        return "vote"
    metric = BY_NAME.get(spec.metric.name)
    # A generated score may see the scale that its stand-in does not.
    if metric is not None and metric.by_ranks and spec.metric.source != "generated":
        return "rank"
    return "mean"
