"""The ensemble: a blend of kept predictions that promises to beat the best single program.

Two ways are tried. Greedy forward selection fits weights, so it is judged cross-fitted. The even
blend of programs that differ fits nothing but its length. Which of them is worth publishing is the
final pick's question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from core.ending.result import Member
from core.events import EnsembleBuilt
from core.metric_names import BY_NAME, VOTING
from core.protocols import BlendParts, Recorder
from core.records import Agreement, CompetitionSpec, Ensemble, Entry
from core.score import Score

How = Literal["mean", "rank", "vote"]
CANDIDATES = 10
EVEN_MEMBERS = 8
DISTINCT = 10
# Above this rank correlation a program adds next to nothing to a blend.
ALIKE = 0.995


class Blender(Protocol):
    """Arithmetic over kept predictions (core.judging)."""

    def greedy(self, candidates: Sequence[tuple[str, Sequence[str]]]) -> Ensemble | None:
        """candidates: (entry id, names of its predictions over all folds). None when no blend
        helps.
        """
        ...

    def score_blend(
        self, parts: BlendParts, how: str, part: str
    ) -> tuple[float | None, float | None]: ...

    def agreement(self, a: BlendParts, b: BlendParts, how: str) -> Agreement: ...


def build_ensemble(
    spec: CompetitionSpec, ranked: Sequence[Entry], blender: Blender, recorder: Recorder
) -> Ensemble | None:
    """A recorded blend that scores better than the best complete entry, or None.

    ranked: best first. Only complete entries may be members: a blend is judged on rows that every
    member predicted.
    """
    pool = [entry for entry in ranked if entry.complete]
    how = how_to_blend(spec)
    distinct = different(pool, how, blender)
    if len(distinct) < 2:
        return None
    direction, made = spec.metric.direction, [*even_blends(distinct, how, blender)]
    others = [entry for entry in pool if entry not in distinct]
    fitted = blender.greedy(
        [(entry.id, Member(entry, 1.0).predictions) for entry in (*distinct, *others)[:CANDIDATES]]
    )
    if fitted is not None and len(fitted.members) > 1:
        made.append(fitted)
    best = max(made, key=lambda blend: Score(blend.score, direction), default=None)
    if best is None or not Score(best.score, direction) > pool[0].score(direction):
        return None
    recorder.append(EnsembleBuilt("ensemble", best))
    return best


def different(pool: Sequence[Entry], how: How, blender: Blender) -> list[Entry]:
    """The best entries that differ from each better one in their predictions; at most DISTINCT.
    pool: best first.
    """
    chosen: list[Entry] = []
    for entry in pool:
        agreements = (
            blender.agreement([_part(entry)], [_part(other)], how).rank for other in chosen
        )
        if all(rank < ALIKE for rank in agreements):
            chosen.append(entry)
        if len(chosen) == DISTINCT:
            break
    return chosen


def even_blends(distinct: Sequence[Entry], how: How, blender: Blender) -> Iterator[Ensemble]:
    """The best two, three, ... with equal weights."""
    for count in range(2, min(len(distinct), EVEN_MEMBERS) + 1):
        chosen = distinct[:count]
        score, stderr = blender.score_blend([_part(entry) for entry in chosen], how, "holdout")
        yield Ensemble(tuple((entry.id, 1.0 / count) for entry in chosen), how, score, stderr)


def how_to_blend(spec: CompetitionSpec) -> How:
    """Labels and words vote; where only the order counts, ranks are averaged, so that no member's
    scale wins.
    """
    if spec.value_kind in VOTING:
        return "vote"
    # A generated score may see the scale that its stand-in does not.
    ranked = BY_NAME[spec.metric.name].by_ranks and spec.metric.source != "generated"
    return "rank" if ranked else "mean"


def _part(entry: Entry) -> tuple[list[str], float]:
    return Member(entry, 1.0).predictions, 1.0
