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
from core.evaluation import Evaluator
from core.events import FinalPicked
from core.protocols import Clock, Combiner, Programs, Recorder
from core.publishing.result import Result
from core.records import Entry, FoldResult, View, prediction_names
from core.score import Direction, Score, unscored
from utils.errors import Interrupted

# Standard errors by which a single program must beat the ensemble. Scores of a few finalists on the
# same rows differ by noise, and the largest of them is the luckiest; a blend that promises as much
# is the safer bet (decision 0004).
MARGIN = 0.25

# New folds that are worth more than a further finalist.
FEW_FOLDS = 2

ScoreAndError = tuple[float | None, float | None]
"""A score and its standard error; (None, None) for a finalist that has none."""
Rerun = dict[tuple[str, str], FoldResult]
"""Results on new folds, by entry id and name of the view."""


@dataclass(frozen=True, slots=True)
class PickSettings:
    # How many finalists at most, the ensemble among them.
    finalists: int
    # Candidates that run at the same time.
    workers: int
    direction: Direction
    # New folds that a pick makes do with, where not even one finalist has time for FEW_FOLDS.
    least_folds: int = FEW_FOLDS


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
            return self._pick_on_locked_rows(finalists)
        chosen, views = self._affordable(finalists, deadline)
        if not views:
            return None
        return self._pick_on_new_folds(chosen, views)

    def _pick_on_locked_rows(self, finalists: Sequence[Result]) -> Result | None:
        scores = []
        for result in finalists:
            scores.append(self._judge.score_blend(result.parts, result.how, "locked"))
        return self._decide(finalists, scores, "locked rows")

    def _pick_on_new_folds(
        self, finalists: Sequence[Result], views: Sequence[View]
    ) -> Result | None:
        """A finalist that is invalid on a new fold gets no score; the others are compared on the
        folds that all of them have.
        """
        rerun = self._run_again(finalists, views)
        sound = [result for result in finalists if not _failed(result, rerun)]
        names = []
        for view in views:
            if all(_ran(result, rerun, view.name) for result in sound):
                names.append(view.name)
        if not names:
            return None
        scores: list[ScoreAndError] = []
        for result in finalists:
            if result in sound:
                scores.append(self._score_again(result, rerun, names))
            else:
                scores.append((None, None))
        return self._decide(finalists, scores, f"{len(names)} of {self._evaluator.folds} new folds")

    def _affordable(
        self, finalists: list[Result], deadline: float
    ) -> tuple[list[Result], Sequence[View]]:
        """As many finalists and new folds as the time allows: folds go first (to two), then
        finalists from the end, then the second fold where one will do.
        """
        views = list(self._final_views())
        seconds = (deadline - self._clock()) * self._settings.workers / SAFETY
        for least in sorted({FEW_FOLDS, self._settings.least_folds}, reverse=True):
            for count in range(len(finalists), 0, -1):
                chosen = finalists[:count]
                cost = max(_seconds_per_fold(chosen), 1e-9)
                affordable = min(len(views), math.floor(seconds / cost))
                if affordable >= min(least, len(views)):
                    return chosen, views[:affordable]
        return [], []

    def _run_again(self, finalists: Sequence[Result], views: Sequence[View]) -> Rerun:
        """What happened on the new folds; a run that was cut off by the end of the run is simply
        absent.
        """
        # Fold by fold, so that time which runs out leaves folds that all have run; the longest
        # first, so that a short run at the end leaves no worker idle for long.
        longest_first = sorted(_members(finalists), key=lambda entry: -entry.seconds)
        jobs = [(entry, view) for view in views for entry in longest_first]
        with ThreadPoolExecutor(self._settings.workers + 1, "pick") as pool:
            results = list(pool.map(lambda job: self._run_one(*job), jobs))
        rerun: Rerun = {}
        for (entry, view), result in zip(jobs, results, strict=True):
            if result is not None:
                rerun[entry.id, view.name] = result
        return rerun

    def _run_one(self, entry: Entry, view: View) -> FoldResult | None:
        proposal = entry.as_proposal(self._programs.get(entry.program))
        try:
            return self._evaluator.evaluate(proposal, view)
        except Interrupted:
            return None

    def _score_again(self, finalist: Result, rerun: Rerun, names: Sequence[str]) -> ScoreAndError:
        """Score on the new folds that every sound finalist has: scores must be on the same rows."""
        parts = []
        for member in finalist.members:
            results = [rerun[member.entry.id, name] for name in names]
            parts.append((prediction_names(results), member.weight))
        return self._judge.score_blend(parts, finalist.how, "holdout")

    def _decide(
        self, finalists: Sequence[Result], scores: Sequence[ScoreAndError], on: str
    ) -> Result | None:
        ranking = [Score(score, self._settings.direction) for score, _ in scores]
        best = max(ranking, default=unscored(self._settings.direction))
        if not best.scored:
            return None
        place = ranking.index(best)
        if ensemble_stands(finalists[0], *scores[0], best):
            place = 0
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


def _failed(finalist: Result, rerun: Rerun) -> bool:
    """True when a member was invalid on a new fold."""
    ids = {member.entry.id for member in finalist.members}
    invalid = {entry_id for (entry_id, _), result in rerun.items() if not result.verdict.valid}
    return not ids.isdisjoint(invalid)


def _ran(finalist: Result, rerun: Rerun, name: str) -> bool:
    return all((member.entry.id, name) in rerun for member in finalist.members)


def _members(results: Sequence[Result]) -> list[Entry]:
    """Distinct entries behind the results."""
    by_id: dict[str, Entry] = {}
    for result in results:
        for member in result.members:
            by_id[member.entry.id] = member.entry
    return list(by_id.values())


def _seconds_per_fold(results: Sequence[Result]) -> float:
    """What one new fold costs, all members together."""
    return sum(entry.seconds / max(len(entry.folds), 1) for entry in _members(results))
