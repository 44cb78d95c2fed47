"""What authors are told of held-out rows: asked of the judge when somebody wants it, journalled once.

What the journal holds is taken from there, so that a replay needs no worker. Both are safe to use
from several threads, and may take seconds: no caller holds the loop's lock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from core.blending import how_to_blend
from core.events import BlendSeen, ErrorsSeen
from core.evolution.diversity import Alike, distinct
from core.evolution.selection import ranked
from core.journal.history import History
from core.judging.service import BlendChoice
from core.protocols import Recorder
from core.records import CompetitionSpec, Ensemble, Entry, ErrorReport, View
from utils.errors import WorkerError

log = logging.getLogger(__name__)

# Programs that a blend so far is made of: more would hardly get a weight, and each costs time.
CANDIDATES_SO_FAR = 12


class Reporter(Protocol):
    """Looks at held-out errors (core.judging)."""

    def error_report(self, names: Sequence[str], views: Sequence[View]) -> ErrorReport | None:
        """names: of predictions. views: where the held-out rows stand. None without such rows."""
        ...


class Selector(Protocol):
    """Selects blends of kept predictions (core.judging)."""

    def select(self, candidates: Sequence[tuple[str, Sequence[str]]]) -> BlendChoice | None: ...


class ErrorReports:
    """Reports by entry id."""

    def __init__(
        self,
        history: History,
        recorder: Recorder,
        judge: Reporter,
        views: Callable[[], Sequence[View]],
    ) -> None:
        """views: the search views."""
        self._history = history
        self._recorder = recorder
        self._judge = judge
        self._views = views
        self._untold: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, entry_id: str) -> ErrorReport | None:
        """None where there is no such entry, or nothing can be told of it."""
        with self._lock:
            if entry_id not in self._history.errors and entry_id not in self._untold:
                self._look(entry_id)
        return self._history.errors.get(entry_id)

    def _look(self, entry_id: str) -> None:
        report = self._ask(entry_id)
        if report is None:
            self._untold.add(entry_id)
        else:
            self._recorder.append(ErrorsSeen(entry_id, report))

    def _ask(self, entry_id: str) -> ErrorReport | None:
        entries = [entry for entry in list(self._history.entries) if entry.id == entry_id]
        if not entries or not entries[0].predictions:
            return None
        try:
            return self._judge.error_report(entries[0].predictions, self._views())
        except WorkerError as error:
            log.warning("the errors of %s could not be looked at: %s", entry_id, error)
            return None


class BlendSoFar:
    """The ensemble as it would be if the search ended now."""

    def __init__(
        self,
        spec: CompetitionSpec,
        history: History,
        recorder: Recorder,
        judge: Selector,
        alike: Alike,
    ) -> None:
        """alike: programs above core.evolution.diversity.TWINS are blended once."""
        self._spec = spec
        self._history = history
        self._recorder = recorder
        self._judge = judge
        self._alike = alike
        self._seen: list[str] = []
        self._lock = threading.Lock()

    def __call__(self) -> Ensemble | None:
        """One member with all the weight where no blend beats it; None before two programs can be
        blended. It is made anew where the programs that it would be made of are others than the
        last time.
        """
        with self._lock:
            candidates = self._candidates()
            names = [entry.id for entry in candidates]
            if len(candidates) > 1 and names != self._seen:
                self._seen = names
                self._look(candidates)
        return self._history.blend

    def _candidates(self) -> list[Entry]:
        """Whole programs that differ, best first."""
        ranking = ranked(list(self._history.entries), self._spec.metric.direction)
        whole = [entry for entry in ranking if entry.complete and entry.predictions]
        return distinct(whole, self._alike, CANDIDATES_SO_FAR)

    def _look(self, candidates: Sequence[Entry]) -> None:
        try:
            found = self._judge.select([(entry.id, entry.predictions) for entry in candidates])
        except WorkerError as error:
            log.warning("the programs so far could not be blended: %s", error)
            return
        if found is not None:
            blend = self._best_of(found)
            if blend != self._history.blend:
                self._recorder.append(BlendSeen(blend))

    def _best_of(self, found: BlendChoice) -> Ensemble:
        """The blend where it is more likely better than its best member than not, else that member."""
        if len(found.ensemble.members) > 1 and (found.p_better or 0.0) > 0.5:
            return found.ensemble
        alone = ((found.single, 1.0),)
        how = how_to_blend(self._spec)
        return Ensemble(alone, how, found.single_score, found.single_stderr)
