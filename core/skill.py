"""A skill: a lesson about a change that was tried more than once, with its evidence. Stdlib only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Skill:
    """A lesson as it stands after the latest event about it."""

    # Unique in a run.
    id: str
    # What stands in a prompt.
    text: str
    # What it advises, in the words of plans, e.g. "MODEL: model_linear -> model_lightgbm".
    change: str
    # The part that it changes, None for several.
    locus: str | None
    # Cosine between this text and each topic (core.evolution.topics); briefs are matched with it.
    fits: dict[str, float]
    # Steps that it was drawn from.
    evidence: tuple[str, ...]
    # Their mean gain, in spreads of the scores.
    gain: float
    # Steps that were shown it since.
    uses: int = 0
    # Measured gain of those over steps of the same kind that were not, shrunk to 0 for few uses.
    lift: float = 0.0
    # Where it comes from: "run", or the name of a library's file.
    origin: str = "run"
    # The first step that could be shown it.
    since: int = 0
    # It advises against its change, which never paid.
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
