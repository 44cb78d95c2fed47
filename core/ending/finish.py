"""What happens after the search: the ensemble, the final pick, the publication of the winner."""

from __future__ import annotations

from collections.abc import Sequence

from core.ending.ensemble import Blender, build_ensemble
from core.ending.final_pick import FinalPick
from core.ending.result import Result, blended, how_to_combine, single
from core.evolution.selection import ranked
from core.journal.history import History
from core.protocols import Recorder
from core.records import CompetitionSpec


def finalists(
    spec: CompetitionSpec, history: History, count: int, blender: Blender | None, recorder: Recorder
) -> list[Result]:
    """At most `count`: the ensemble, where there is one, then the best complete entries.

    blender: None makes no ensemble; one that the journal holds is among them.
    """
    complete = [entry for entry in ranked(history.entries, spec.metric.direction) if entry.complete]
    ensemble = history.ensemble.ensemble if history.ensemble else None
    if ensemble is None and blender is not None:
        ensemble = build_ensemble(spec, complete, blender, recorder)
    results = [single(entry, how_to_combine(spec)) for entry in complete]
    if ensemble is not None:
        results.insert(0, blended(ensemble, {entry.id: entry for entry in complete}))
    return results[:count]


def decide(
    contenders: Sequence[Result],
    history: History,
    pick: FinalPick,
    locked_rows: int,
    deadline: float,
) -> Result | None:
    """The winner with its score on unseen data; None when there was no time. A pick that the
    journal holds stands.
    """
    decided = history.final_pick
    if decided is None:
        return pick.pick(contenders, locked_rows, deadline)
    scores = dict(zip(decided.finalists, decided.scores, strict=True))
    named = (result for result in contenders if result.best.id == decided.winner)
    return next((result.with_final_pick(scores[decided.winner]) for result in named), None)


def refit_is_due(history: History) -> bool:
    """No refit was decided, or one was accepted and a kill kept it from being published."""
    decided, published = history.refit, history.published
    if decided is None:
        return True
    return decided.accepted and (published is None or published.best.kind != "refit")


def unpicked(contenders: Sequence[Result]) -> Result | None:
    """What is published where no finalist could be scored: the ensemble, which was better than the
    program in place on the folds of the search (decision 0004); None where there is no ensemble.
    """
    return contenders[0] if contenders and contenders[0].best.kind == "ensemble" else None
