"""The ensemble: a blend of kept predictions that promises to beat the best single program.

Two ways are tried. Greedy forward selection fits weights, so it is judged cross-fitted. The even
blend of programs that differ fits nothing but its length. Which of them is worth publishing is the
final pick's question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from core.blending import Blending, how_to_blend
from core.ending.likeness import Likeness
from core.events import EnsembleBuilt
from core.evolution.diversity import distinct
from core.protocols import BlendParts, Comparer, Recorder
from core.publishing.result import CANDIDATES
from core.records import CompetitionSpec, Ensemble, Entry
from core.score import Score

EVEN_MEMBERS = 8
DISTINCT = 10


class Blender(Comparer, Protocol):
    """Arithmetic over kept predictions (core.judging)."""

    def greedy(self, candidates: Sequence[tuple[str, Sequence[str]]]) -> Ensemble | None:
        """candidates: (entry id, names of its predictions over all folds). None when no blend
        helps.
        """
        ...

    def score_blend(
        self, parts: BlendParts, how: str, part: str
    ) -> tuple[float | None, float | None]: ...


def build_ensemble(
    spec: CompetitionSpec, ranked: Sequence[Entry], blender: Blender, recorder: Recorder
) -> Ensemble | None:
    """A recorded blend that scores better than the best complete entry, or None.

    ranked: best first. Only complete entries may be members: a blend is judged on rows that every
    member predicted.
    """
    pool = [entry for entry in ranked if entry.complete]
    how = how_to_blend(spec)
    apart = distinct(pool, Likeness(blender, how), DISTINCT)
    if len(apart) < 2:
        return None
    direction = spec.metric.direction
    blends = list(even_blends(apart, how, blender))
    fitted = fitted_blend(pool, apart, blender)
    if fitted is not None:
        blends.append(fitted)
    best = max(blends, key=lambda blend: Score(blend.score, direction))
    if not Score(best.score, direction) > pool[0].score(direction):
        return None
    recorder.append(EnsembleBuilt("ensemble", best))
    return best


def even_blends(apart: Sequence[Entry], how: Blending, blender: Blender) -> Iterator[Ensemble]:
    """The best two, three, ... with equal weights."""
    for count in range(2, min(len(apart), EVEN_MEMBERS) + 1):
        chosen = apart[:count]
        score, stderr = blender.score_blend([entry.alone for entry in chosen], how, "holdout")
        members = tuple((entry.id, 1.0 / count) for entry in chosen)
        yield Ensemble(members, how, score, stderr)


def fitted_blend(
    pool: Sequence[Entry], apart: Sequence[Entry], blender: Blender
) -> Ensemble | None:
    """A blend of several with fitted weights; those that differ are candidates before the others."""
    others = [entry for entry in pool if entry not in apart]
    candidates = [*apart, *others][:CANDIDATES]
    found = blender.greedy([(entry.id, entry.predictions) for entry in candidates])
    if found is None or len(found.members) < 2:
        return None
    return found
