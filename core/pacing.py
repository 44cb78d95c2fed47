"""How long each run may take: measured by a probe where that pays, by relatives and earlier folds
where it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from statistics import fmean, median

from core.budget import FINAL_MARGIN_S, Budget
from core.execution.limits import (
    MIN_GRANT_S,
    MIN_START_S,
    SLACK,
    TOLD_SLACK,
    extrapolate,
    grant,
    seconds_to_tell,
    should_start,
    skip_probe,
)
from core.journal.history import History
from core.protocols import Clock, Views
from core.records import FoldResult, Proposal, View

# At the end nothing else waits for the time, and a finalist that is cut off cannot be compared.
FINAL_SLACK = 4.0
# A step that would be cut off in its last fold is worth nothing; one that ends a little late in its
# race may be.
WORTH_SHARE = 0.7


class Pacer:
    """Implements core.protocols.Pace over the journal's durations."""

    def __init__(
        self,
        history: History,
        budget: Budget,
        columns: int,
        timeout_max: float,
        views: Views,
        clock: Clock,
        runs_at_end: float = 0.0,
        model_workers: int = 0,
    ) -> None:
        """columns: width of the train table. timeout_max: the user's cap on one run, in seconds.

        runs_at_end: executions per worker that final pick and refit will need; their time is kept
        back. model_workers: candidates at the same time where a language model writes them; 0 where
        recipes do.
        """
        self._model_workers = model_workers
        self._runs_at_end = runs_at_end
        self._history = history
        self._budget = budget
        self._columns = columns
        self._timeout_max = timeout_max
        self._views = views
        self._clock = clock

    def probe_limit(self, proposal: Proposal) -> float | None:
        search = self._views.search()[0]
        if search.kind != "search":
            # There is nothing larger than what a probe would be a sample of, or no table to sample.
            return None
        relative_s = self._relative_s(proposal)
        # An extra is a program that has run, but for a value or a seed.
        known = proposal.id in self._history.predicted_s or (
            proposal.extra and relative_s is not None
        )
        if known or skip_probe(search.rows_train, self._columns, relative_s):
            return None
        return grant(None, self._search_left(), self._timeout_max)

    def predict(self, probe_s: float) -> float:
        probe, search = self._views.get("probe"), self._views.search()[0]
        _, upper = extrapolate(probe_s, probe.rows_train, search.rows_train)
        return upper

    def limit(self, proposal: Proposal, view: View) -> float:
        measured = self._measured_s(proposal)
        predicted = measured
        if predicted is None:
            predicted = self._expected_s(proposal)
        if any(view.name == search.name for search in self._views.search()):
            if measured is not None:
                # A program that asks how much time is left does the same on each of its folds.
                predicted = max(measured, self._told_s(proposal))
            left, slack = self._run_left(predicted), SLACK
        else:
            left, slack = self._budget.remaining(self._clock()) - FINAL_MARGIN_S, FINAL_SLACK
        granted = grant(predicted, left, self._timeout_max, slack=slack)
        if should_start(granted, measured):
            return granted
        return 0.0

    def affordable(self, parents: Sequence[str] = ()) -> float:
        left, folds = self._search_left(), len(self._views.search())
        if not self._model_workers:
            return min(left / folds, self._timeout_max)
        progress = self._budget.progress(self._history.steps_done, self._clock())
        told = seconds_to_tell(left, folds, self._model_workers, progress)
        # What is built on a program cannot take less than it does.
        needed = min(self._longest_s(parents) or 0.0, left / folds)
        return min(max(told, needed), self._timeout_max)

    def search_ends(self) -> float:
        """Epoch seconds after which only the final pick and what follows may run."""
        return self._clock() + self._search_left()

    def worth_starting(self) -> bool:
        usual = self._usual_s() * len(self._views.search())
        return self._search_left() >= max(MIN_START_S, WORTH_SHARE * usual)

    def _search_left(self) -> float:
        """Seconds that the search may still use: what final pick and refit will take is kept back,
        within bounds.
        """
        if not any(entry.complete for entry in self._history.entries):
            # The reserve is for choosing among results; the first one has all the time there is.
            return max(self._budget.remaining(self._clock()) - FINAL_MARGIN_S, 0.0)
        return self._before_reserve()

    def _before_reserve(self) -> float:
        """Seconds until what final pick and refit will take begins, within bounds."""
        reserve = self._budget.reserve(self._runs_at_end * self._finalist_s())
        return max(self._budget.remaining(self._clock()) - reserve, 0.0)

    def _run_left(self, predicted: float | None) -> float:
        """Seconds that one run of the search may use. Its limit stands when it begins, and another
        program may be the first whole one before it ends: so it leaves the reserve alone from the
        start, unless it needs that time to become the first itself.
        """
        before = self._before_reserve()
        if before >= TOLD_SLACK * max(predicted or 0.0, MIN_GRANT_S):
            return before
        return self._search_left()

    def _usual_s(self) -> float:
        """Median time of one execution so far; 0 before the first."""
        return median(_durations_s(self._history.folds.values()) or [0.0])

    def _finalist_s(self) -> float:
        """What one execution of a finalist will take: the usual time, or that of complete entries
        where these are slower, as they are beside many quick failures.
        """
        complete = (entry.folds for entry in self._history.entries if entry.complete)
        durations_s = _durations_s(chain.from_iterable(complete))
        return max(self._usual_s(), fmean(durations_s or [0.0]))

    def _measured_s(self, proposal: Proposal) -> float | None:
        """Longest run of this program on a view of the same size so far."""
        folds = self._history.folds_of(proposal.id)
        whole = (fold for fold in folds if not fold.outcome.timed_out)
        return max(_durations_s(whole), default=None)

    def _expected_s(self, proposal: Proposal) -> float | None:
        """What a run that was not measured yet may take, before the usual slack: what its author was
        told, and no less than its parents took; else what its probe says. None when nothing is
        known.
        """
        probed = self._history.predicted_s.get(proposal.id)
        if not self._model_workers:
            return probed
        return max(self._relative_s(proposal) or 0.0, self._told_s(proposal)) or probed

    def _told_s(self, proposal: Proposal) -> float:
        """What its author was told, before the usual slack; 0 where that counts for nothing."""
        if not self._model_workers or proposal.told_s is None:
            return 0.0
        return proposal.told_s * TOLD_SLACK / SLACK

    def _relative_s(self, proposal: Proposal) -> float | None:
        """Longest measured run of a parent."""
        return self._longest_s(proposal.parents)

    def _longest_s(self, ids: Sequence[str]) -> float | None:
        """Longest measured run of some entries."""
        runs = (entry.folds for entry in self._history.entries if entry.id in ids)
        return max(_durations_s(chain.from_iterable(runs)), default=None)


def _durations_s(folds: Iterable[FoldResult]) -> list[float]:
    return [fold.outcome.duration_s for fold in folds]
