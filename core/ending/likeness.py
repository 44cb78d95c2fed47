"""Likeness of programs by what they predict, and by what they get wrong; asked of the judge once per
pair.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from typing import Protocol

from core.blending import Blending, how_to_blend
from core.events import LikenessSeen
from core.evolution.diversity import Alike, genes_in_common
from core.journal.history import History
from core.protocols import Comparer, Recorder
from core.records import CompetitionSpec, Entry
from utils.errors import WorkerError

log = logging.getLogger(__name__)

# With more test rows a comparison takes so long (about .2 s) that proposals would wait for it.
MOST_ROWS = 50_000
# Predictions of test rows that are read along with those of the held-out rows.
MOST_READ = 500_000


class Likeness:
    """Implements core.evolution.diversity.Alike. Genes stand in where a prediction is missing."""

    def __init__(self, comparer: Comparer, how: Blending) -> None:
        """how: the way in which folds of one program are put together."""
        self._comparer = comparer
        self._how = how
        self._known: dict[frozenset[str], float] = {}

    def __call__(self, a: Entry, b: Entry) -> float:
        pair = frozenset((a.id, b.id))
        if pair not in self._known:
            self._known[pair] = self._ask(a, b)
        return self._known[pair]

    def _ask(self, a: Entry, b: Entry) -> float:
        if not a.predictions or not b.predictions:
            return genes_in_common(a, b)
        try:
            return self._comparer.agreement([a.alone], [b.alone], self._how).rank
        except WorkerError as error:
            log.warning("%s and %s could not be compared: %s", a.id, b.id, error)
            return genes_in_common(a, b)


def likeness_of(comparer: Comparer, spec: CompetitionSpec) -> Alike:
    """By predictions where they are compared quickly, else by genes."""
    if spec.tables.rows_test > MOST_ROWS:
        return genes_in_common
    return Likeness(comparer, how_to_blend(spec))


class Rivals(Protocol):
    """Compares what two programs get wrong (core.judging)."""

    def error_correlation(self, a: Sequence[str], b: Sequence[str]) -> float | None:
        """a, b: names of predictions. At most 1, None where nothing can be compared."""
        ...


class Rivalry:
    """Implements core.evolution.diversity.Alike: by how much two programs err alike on held-out
    rows. Genes stand in where that cannot be told.

    What the journal holds is not asked again; what is asked is journalled. Safe to use from several
    threads.
    """

    def __init__(self, history: History, recorder: Recorder, judge: Rivals) -> None:
        self._history = history
        self._recorder = recorder
        self._judge = judge
        self._untold: set[frozenset[str]] = set()
        self._lock = threading.Lock()

    def __call__(self, a: Entry, b: Entry) -> float:
        if a.id == b.id:
            return 1.0
        pair = frozenset((a.id, b.id))
        with self._lock:
            if pair not in self._history.likeness and pair not in self._untold:
                self._look(a, b, pair)
        return self._history.likeness.get(pair, genes_in_common(a, b))

    def _look(self, a: Entry, b: Entry, pair: frozenset[str]) -> None:
        value = self._ask(a, b)
        if value is None or math.isnan(value):
            self._untold.add(pair)
        else:
            self._recorder.append(LikenessSeen(a.id, b.id, value))

    def _ask(self, a: Entry, b: Entry) -> float | None:
        if not a.predictions or not b.predictions:
            return None
        try:
            return self._judge.error_correlation(a.predictions, b.predictions)
        except WorkerError as error:
            log.warning("errors of %s and %s could not be compared: %s", a.id, b.id, error)
            return None


def rivalry_of(history: History, recorder: Recorder, judge: Rivals, spec: CompetitionSpec) -> Alike:
    """By held-out errors where they are read quickly, else by genes."""
    if spec.tables.rows_test > MOST_READ:
        return genes_in_common
    return Rivalry(history, recorder, judge)
