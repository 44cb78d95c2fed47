"""The ensemble: a greedy blend of kept predictions, weighted on some folds and judged on the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.events import EnsembleBuilt
from core.protocols import Recorder
from core.records import Ensemble, Entry
from core.results import Member
from core.score import Direction

CANDIDATES = 12


class Selector(Protocol):
    """Greedy forward selection over kept predictions (core.judging)."""

    def greedy(self, candidates: Sequence[tuple[str, Sequence[str]]]) -> Ensemble | None:
        """candidates: (entry id, names of its predictions over all folds). None when no blend helps."""
        ...


def build_ensemble(ranked: Sequence[Entry], selector: Selector, recorder: Recorder) -> Ensemble | None:
    """A recorded blend of the best complete entries (best first), or None when it would be a single entry.

    Only complete entries may be members: a blend is judged on rows that every member predicted.
    """
    pool = [entry for entry in ranked if entry.complete][:CANDIDATES]
    if len(pool) < 2:
        return None
    candidates = [(entry.id, Member(entry, 1.0).predictions) for entry in pool]
    ensemble = selector.greedy(candidates)
    if ensemble is None or len(ensemble.members) < 2:
        return None
    recorder.append(EnsembleBuilt("ensemble", ensemble))
    return ensemble


def better(a: float | None, b: float | None, direction: Direction) -> bool:
    """True when score `a` is better than score `b`; an absent score never is."""
    if a is None or b is None:
        return a is not None
    return a > b if direction == "maximize" else a < b
