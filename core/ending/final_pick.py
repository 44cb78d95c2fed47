"""The final pick: a few finalists, scored once on data that never steered the search. It ends the
search.

With a locked part, every finalist has predicted it already. With folds, the finalists run again on
folds that are drawn anew. The score that is published is this one, not the one that the search
climbed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from core.budget import SAFETY
from core.ending.result import Result
from core.evaluation import Evaluator
from core.events import FinalPicked
from core.protocols import Clock, Combiner, Programs, Recorder
from core.records import Entry, FoldResult, View
from core.score import Direction, Score, unscored
from utils.errors import Interrupted

# Standard errors by which a single program must beat the ensemble. Scores of a few finalists on the
# same rows differ by noise, and the largest of them is the luckiest; a blend that promises as much
# is the safer bet (decision 0004).
MARGIN = 0.25

Results = dict[tuple[str, str], FoldResult]
"""By entry id and name of the view."""


@dataclass(frozen=True, slots=True)
class PickSettings:
    """finalists: how many at most, the ensemble among them. workers: candidates that run at the
    same time.
    """

    finalists: int
    workers: int
    direction: Direction


class FinalPick:
    """Scores finalists on unseen data and says who wins."""

    def __init__(
        self,
        settings: PickSettings,
        evaluator: Evaluator,
        judge: Combiner,
        programs: Programs,
        recorder: Recorder,
        final_views: Callable[[], Sequence[View]],
        clock: Clock,
    ) -> None:
        """final_views: builds the views with new fold assignments; empty where a locked part is
        there instead.
        """
        self._settings = settings
        self._evaluator = evaluator
        self._judge = judge
        self._programs = programs
        self._recorder = recorder
        self._final_views = final_views
        self._clock = clock

    def pick(self, finalists: Sequence[Result], locked_rows: int, deadline: float) -> Result | None:
        """The winner with its score on unseen data, recorded; None when there was no time to score
        anyone.

        finalists: best first, an ensemble before all others; ties go to the earlier one.
        """
        finalists = list(finalists)[: self._settings.finalists]
        if locked_rows:
            return self._decide(
                finalists, [self._score_locked(result) for result in finalists], "locked rows"
            )
        chosen, views = self._affordable(finalists, deadline)
        if not views:
            return None
        results = self._run_again(chosen, views)
        sound = [result for result in chosen if not _failed(result, results)]
        names = [
            view.name for view in views if all(_ran(result, results, view.name) for result in sound)
        ]
        if not names:
            return None
        scores = [
            self._score_again(result, results, names) if result in sound else (None, None)
            for result in chosen
        ]
        return self._decide(chosen, scores, f"{len(names)} of {self._evaluator.folds} new folds")

    def _score_locked(self, result: Result) -> tuple[float | None, float | None]:
        return self._judge.score_blend(
            [(member.predictions, member.weight) for member in result.members], result.how, "locked"
        )

    def _affordable(
        self, finalists: list[Result], deadline: float
    ) -> tuple[list[Result], Sequence[View]]:
        """As many finalists and new folds as the time allows: folds go first (to two), then
        finalists from the end.
        """
        views = list(self._final_views())
        seconds = (deadline - self._clock()) * self._settings.workers / SAFETY
        for chosen in (finalists[:count] for count in range(len(finalists), 0, -1)):
            cost = sum(entry.seconds / max(len(entry.folds), 1) for entry in _members(chosen))
            affordable = min(len(views), math.floor(seconds / max(cost, 1e-9)))
            if affordable >= min(2, len(views)):
                return chosen, views[:affordable]
        return [], []

    def _run_again(self, finalists: Sequence[Result], views: Sequence[View]) -> Results:
        """What happened on the new folds; a run that was cut off by the end of the run is simply
        absent.
        """

        def run(entry: Entry, view: View) -> FoldResult | None:
            try:
                return self._evaluator.evaluate(
                    entry.as_proposal(self._programs.get(entry.program)), view
                )
            except Interrupted:
                return None

        # Fold by fold, so that time which runs out leaves folds that all have run; the longest
        # first, so that a short run at the end leaves no worker idle for long.
        members = sorted(_members(finalists), key=lambda entry: -entry.seconds)
        jobs = [(entry, view) for view in views for entry in members]
        with ThreadPoolExecutor(self._settings.workers + 1, "pick") as pool:
            results = list(pool.map(lambda job: run(*job), jobs))
        pairs = zip(jobs, results, strict=True)
        return {
            (entry.id, view.name): result for (entry, view), result in pairs if result is not None
        }

    def _score_again(
        self, finalist: Result, results: Results, names: Sequence[str]
    ) -> tuple[float | None, float | None]:
        """Score on the new folds that every sound finalist has: scores must be on the same rows."""
        parts = []
        for member in finalist.members:
            verdicts = [results[member.entry.id, name].verdict for name in names]
            parts.append(
                (
                    [verdict.predictions for verdict in verdicts if verdict.predictions],
                    member.weight,
                )
            )
        return self._judge.score_blend(parts, finalist.how, "holdout")

    def _decide(
        self,
        finalists: Sequence[Result],
        scores: Sequence[tuple[float | None, float | None]],
        on: str,
    ) -> Result | None:
        ranking = [Score(score, self._settings.direction) for score, _ in scores]
        best = max(ranking, default=unscored(self._settings.direction))
        if not best.scored:
            return None
        place = 0 if ensemble_stands(finalists[0], *scores[0], best) else ranking.index(best)
        winner = finalists[place]
        ids = tuple(result.best.id for result in finalists)
        values, errors = zip(*scores, strict=True)
        self._recorder.append(FinalPicked(ids, values, errors, winner.best.id, on))
        return winner.with_final_pick(scores[place][0])


def ensemble_stands(first: Result, score: float | None, stderr: float | None, best: Score) -> bool:
    """True for an ensemble that the best finalist does not beat by MARGIN standard errors."""
    if first.best.kind != "ensemble" or score is None:
        return False
    return best.utility - Score(score, best.direction).utility <= MARGIN * (stderr or 0.0)


def _failed(finalist: Result, results: Results) -> bool:
    """True when a member was invalid on a new fold."""
    ids = {member.entry.id for member in finalist.members}
    return any(
        entry_id in ids and not result.verdict.valid for (entry_id, _), result in results.items()
    )


def _ran(finalist: Result, results: Results, name: str) -> bool:
    return all((member.entry.id, name) in results for member in finalist.members)


def _members(results: Sequence[Result]) -> list[Entry]:
    """Distinct entries behind the results."""
    return list(
        {member.entry.id: member.entry for result in results for member in result.members}.values()
    )
