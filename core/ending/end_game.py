"""What happens after the search: the ensemble, the final pick, the publication of the winner, the
refit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.blending import how_to_combine
from core.ending.ensemble import Blender, build_ensemble
from core.ending.final_pick import FEW_FOLDS, FinalPick, PickSettings
from core.ending.refit import Refit, pays
from core.evaluation import Evaluator
from core.evolution.selection import ranked
from core.journal.history import History
from core.judging.service import HoldoutJudge
from core.protocols import Clock, Programs, Recorder
from core.publishing import reasons
from core.publishing.result import Result, blended, single
from core.records import CompetitionSpec, Entry, SplitSpec, View
from core.task.keeper import ViewKeeper
from utils.config_schema import JudgingConfig, SolutionConfig


@dataclass(frozen=True, slots=True)
class EndSettings:
    judging: JudgingConfig
    solution: SolutionConfig
    # Candidates that run at the same time.
    workers: int
    # Epoch seconds at which everything is over.
    deadline: float
    # See PickSettings.
    least_folds: int = FEW_FOLDS


class EndGame:
    """Decides what is published in the end. What the journal holds is not decided again."""

    def __init__(
        self,
        settings: EndSettings,
        spec: CompetitionSpec,
        split: SplitSpec,
        views: ViewKeeper,
        build_views: Callable[[Sequence[str]], list[View]],
        judge: HoldoutJudge,
        evaluator: Evaluator,
        history: History,
        programs: Programs,
        recorder: Recorder,
        publish: Callable[[Result], bool],
        clock: Clock,
    ) -> None:
        """build_views: makes views by name. publish: False where the validation server objects."""
        self._settings = settings
        self._spec = spec
        self._split = split
        self._views = views
        self._build_views = build_views
        self._judge = judge
        self._evaluator = evaluator
        self._history = history
        self._programs = programs
        self._recorder = recorder
        self._publish = publish
        self._clock = clock

    def play(self) -> list[str]:
        """Publishes the best that can be had; returns what was missing for it."""
        if not any(entry.complete for entry in self._history.entries):
            return [reasons.nothing_complete(self._history)]
        if self._split.kind == "none":
            # There is nothing unseen to choose on, and a claim is not compared with anything else:
            # the leader stays.
            return []
        contenders = self._contenders()
        locked, deadline = self._split.locked_rows, self._settings.deadline
        winner = decide(contenders, self._history, self._pick(), locked, deadline)
        if winner is None:
            missing = [reasons.NO_FINAL_PICK]
            blend = unpicked(contenders)
            if blend is not None:
                missing += self._put(blend)
            return missing
        missing = self._put(winner)
        refitted = self._refit(winner, contenders)
        if refitted is not None:
            missing += self._put(refitted)
        return missing

    def _put(self, result: Result) -> list[str]:
        if self._publish(result):
            return []
        return [reasons.rejected(result.best.id)]

    def _contenders(self) -> list[Result]:
        blender = None
        # A pick that was made chose among what there was.
        if self._settings.solution.ensemble and self._history.final_pick is None:
            blender = self._judge
        count = self._settings.judging.finalists
        return finalists(self._spec, self._history, count, blender, self._recorder)

    def _pick(self) -> FinalPick:
        settings = self._settings
        direction = self._spec.metric.direction
        return FinalPick(
            PickSettings(
                settings.judging.finalists, settings.workers, direction, settings.least_folds
            ),
            self._evaluator,
            self._judge,
            self._programs,
            self._recorder,
            self._final_views,
            self._clock,
        )

    def _final_views(self) -> Sequence[View]:
        """Views with new fold assignments; none where rows are locked for this."""
        if self._split.locked_rows:
            return []
        views = self._build_views([f"final{fold}" for fold in range(self._split.folds)])
        self._views.add(views)
        return views

    def _refit(self, winner: Result, contenders: Sequence[Result]) -> Result | None:
        settings = self._settings
        if not settings.solution.refit or not pays(self._split) or not refit_is_due(self._history):
            return None
        refit = Refit(
            self._evaluator,
            self._judge,
            self._programs,
            self._recorder,
            self._clock,
            settings.workers,
        )
        return refit.refit(winner, contenders, self._views.get("full"), settings.deadline)


def finalists(
    spec: CompetitionSpec, history: History, count: int, blender: Blender | None, recorder: Recorder
) -> list[Result]:
    """At most `count`: the ensemble, where there is one, then the best complete entries, each
    program once: its other seeds say nothing new, and the luckiest of them would stand for it. Nor
    does one with other values that has not shown to be better, though it may be in the ensemble.

    blender: None makes no ensemble; one that the journal holds is among them.
    """
    ranking = ranked(history.entries, spec.metric.direction)
    complete = [entry for entry in ranking if entry.complete]
    best_of: dict[str, Entry] = {}
    for entry in complete:
        if not entry.unproven:
            best_of.setdefault(entry.program, entry)
    results = [single(entry, how_to_combine(spec)) for entry in best_of.values()]
    ensemble = None
    if history.ensemble is not None:
        ensemble = history.ensemble.ensemble
    elif blender is not None:
        ensemble = build_ensemble(spec, complete, blender, recorder)
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
    for result in contenders:
        if result.best.id == decided.winner:
            return result.with_final_pick(scores[decided.winner])
    return None


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
    if contenders and contenders[0].best.kind == "ensemble":
        return contenders[0]
    return None
