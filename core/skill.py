"""A skill: a lesson about a change that was tried more than once, with its evidence. Stdlib only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Skill:
    """id: unique in a run. text: what stands in a prompt. change: what it advises, in the words of
    plans, e.g. "MODEL: model_linear -> model_lightgbm". locus: the part that it changes, None for
    several.

    fits: cosine between this text and each topic (core.evolution.topics); briefs are matched with
    it. evidence: steps that it was drawn from. gain: their mean gain in spreads of the scores.
    uses: steps that were shown it since. lift: measured gain of those over steps of the same kind
    that were not, shrunk to 0 for few uses. origin: where it comes from, "run" or the name of a
    library's file. since: the first step that could be shown it. warns: it advises against its
    change, which never paid.
    """

    id: str
    text: str
    change: str
    locus: str | None
    fits: dict[str, float]
    evidence: tuple[str, ...]
    gain: float
    uses: int = 0
    lift: float = 0.0
    origin: str = "run"
    since: int = 0
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """One change that was tried: in words, its gain in spreads of the scores, and the text of the
    part before and after ("" where several parts changed).
    """

    change: str
    gain: float
    before: str
    after: str
