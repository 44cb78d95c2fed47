"""Likeness of programs by what they predict, asked of the judge once per pair."""

from __future__ import annotations

import logging

from core.blending import Blending, how_to_blend
from core.evolution.diversity import Alike, genes_in_common
from core.protocols import Comparer
from core.records import CompetitionSpec, Entry
from utils.errors import WorkerError

log = logging.getLogger(__name__)

# With more test rows a comparison takes so long (about .2 s) that proposals would wait for it.
MOST_ROWS = 50_000


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
