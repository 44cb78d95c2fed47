"""What happens after the search: the ensemble, the final pick, the publication of the winner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.ensemble import CANDIDATES, Blender, build_ensemble
from core.events import PredictionsLost
from core.evolution.selection import ranked
from core.final_pick import FinalPick
from core.journal.history import History
from core.protocols import Recorder
from core.records import Best, CompetitionSpec, FoldResult, SplitSpec
from core.results import Result, blended, how_to_combine, single
from core.score import Direction
from core.settings import Settings

# Failed calls in a row at the end of a run after which its model counts as lost, and programs that the recipes wrote
# since a failed call: a model whose quota is used up is not asked again.
MODEL_LOST = 3


def missing(spec: CompetitionSpec, split: SplitSpec, settings: Settings, reports: bool) -> list[str]:
    """Reasons for the status `degraded` that are known before the search. reports: programs can measure themselves."""
    reasons = []
    if split.kind == "none":
        ranked = ": programs are ranked by the scores that they report themselves" if reports else ""
        reasons.append(f"nothing can be held out ({split.why}){ranked}")
    if spec.split_program:
        reasons.append("the folder was not understood: a written program made its tables")
    if spec.metric.source == "fallback":
        reasons.append(f"metric not recognised, scored by {spec.metric.name} instead")
    if not settings.description.strip():
        reasons.append("no description found")
    return [*reasons, *settings.missing]


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
    contenders: Sequence[Result], history: History, pick: FinalPick, locked_rows: int, deadline: float
) -> Result | None:
    """The winner with its score on unseen data; None when there was no time. A pick that the journal holds stands."""
    decided = history.final_pick
    if decided is None:
        return pick.pick(contenders, locked_rows, deadline)
    scores = dict(zip(decided.finalists, decided.scores, strict=True))
    named = (result for result in contenders if result.best.id == decided.winner)
    return next((result.with_final_pick(scores[decided.winner]) for result in named), None)


def standing(history: History, how: str) -> Result | None:
    """What the output folder should hold while the search goes on: the blend that was published, else the program in
    the lead. None where there is neither, and after the final pick, which says it itself.
    """
    if history.final_pick is not None:
        return None
    published, lead = history.published, history.incumbent
    if published is not None and published.best.kind == "ensemble" and history.ensemble is not None:
        return blended(history.ensemble.ensemble, {entry.id: entry for entry in history.entries})
    return None if lead is None else single(lead, how)


def stands(published: Best, result: Result) -> bool:
    """The result, or its refit, is what was published."""
    return published in (result.best, replace(result.best, kind="refit"))


def lost_predictions(
    history: History, direction: Direction, intact: Callable[[str], bool], in_place: bool
) -> PredictionsLost | None:
    """What a resumed run has to evaluate again; None where everything is there, or the run is over and needs none.

    intact: whether the predictions of that name can be read. in_place: what was published last is in the output folder.
    """
    keys = dict.fromkeys(key for key, result in history.folds.items() if _is_lost(result, intact))
    if not keys or (in_place and is_over(history)):
        return None
    complete = [entry for entry in ranked(history.entries, direction) if entry.complete]
    wanted = dict.fromkeys(entry.id for entry in complete[:CANDIDATES])
    if history.incumbent is not None:
        wanted[history.incumbent.id] = None
    gone = {entry.id for entry in history.entries if any(fold.key in keys for fold in entry.folds)}
    return PredictionsLost(tuple(keys), tuple(entry_id for entry_id in wanted if entry_id in gone))


def _is_lost(result: FoldResult, intact: Callable[[str], bool]) -> bool:
    name = result.verdict.predictions
    return name is not None and not intact(name)


def is_over(history: History) -> bool:
    """What the final pick chose was published."""
    pick, published = history.final_pick, history.published
    return pick is not None and published is not None and published.best.id == pick.winner


def refit_is_due(history: History) -> bool:
    """No refit was decided, or one was accepted and a kill kept it from being published."""
    decided, published = history.refit, history.published
    if decided is None:
        return True
    return decided.accepted and (published is None or published.best.kind != "refit")


def unpicked(contenders: Sequence[Result]) -> Result | None:
    """What is published where no finalist could be scored: the ensemble, which was better than the program in place on
    the folds of the search (decision 0004); None where there is no ensemble.
    """
    return contenders[0] if contenders and contenders[0].best.kind == "ensemble" else None


def model_trouble(history: History) -> str | None:
    """Why the language model was no help in the end, if it was not: it never answered, its last calls all failed, or
    recipes wrote everything since one did.
    """
    llm = history.llm
    lost = llm.failed_in_a_row >= MODEL_LOST or (llm.failed_in_a_row > 0 and llm.unanswered >= MODEL_LOST)
    if lost or llm.failed_in_a_row == llm.asked > 0:
        return f"the language model {llm.model} at {_address(history)} failed, recipes went on: {llm.last_error}"
    return None


def _address(history: History) -> str:
    """Where the code model is, as the configuration of this run says."""
    settings = history.run.config.get("llm", {}).get("code", {}) if history.run is not None else {}
    return settings.get("base_url") or "the address of its provider"


def status(history: History, reasons: Sequence[str]) -> str:
    """ok, degraded, baseline or failed: what the output folder holds, and whether something was missing."""
    if history.published is not None and history.published.best.kind != "baseline":
        return "degraded" if reasons else "ok"
    return "baseline" if history.baseline is not None else "failed"
