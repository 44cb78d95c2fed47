"""What the output folder holds: put there, put back where it is lost, and not claimed where it
cannot be.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.blending import how_to_combine
from core.contract import Folders
from core.events import BaselineWritten, PredictionsLost, Published
from core.evolution.selection import ranked
from core.journal.history import History
from core.judging.service import is_intact
from core.protocols import Recorder
from core.publishing import reasons
from core.publishing.publisher import ResultPublisher, restore
from core.publishing.rescue import sample_as_baseline
from core.publishing.result import CANDIDATES, NO_RESULT, Result, blended, single
from core.records import Best, CompetitionSpec, FoldResult
from core.score import Direction
from utils.files import is_file_of

log = logging.getLogger(__name__)


class OutputFolder:
    """The output folder of a run, beside what its journal says of it."""

    def __init__(self, folders: Folders, history: History, recorder: Recorder) -> None:
        self._folders = folders
        self._history = history
        self._recorder = recorder

    def put(self, publisher: ResultPublisher, result: Result) -> bool:
        """The result is there; False where the validation server objects to it."""
        return self._holds(result) or publisher.publish_result(result)

    def put_back(self, publisher: ResultPublisher, spec: CompetitionSpec) -> None:
        """What a kill kept from being published, or what is gone from the folder since.

        What lost its predictions is evaluated again; until then what is in place stays.
        """
        in_place, store = self._in_place() is not None, self._folders.predictions
        lost = lost_predictions(
            self._history, spec.metric.direction, partial(is_intact, store), in_place
        )
        if lost is not None:
            log.warning("%s: %s", store, lost.render())
            self._recorder.append(lost)
            if in_place:
                return
        result = standing(self._history, how_to_combine(spec))
        if result is not None:
            self.put(publisher, result)

    def rescue(self, data_dir: Path) -> None:
        """What was published last, else the sample submission, where the folder holds neither that
        nor the baseline.

        Raises SwarmError, OSError.
        """
        target, baseline = self._folders.submission_csv, self._history.baseline
        if self._in_place() is not None:
            return
        if baseline is None or not is_file_of(target, baseline.sha256):
            source, rows, sha256 = sample_as_baseline(data_dir, target)
            self._recorder.append(BaselineWritten(source, rows, sha256))

    def own_up(self) -> str | None:
        """What the journal holds as published and the folder does not hold is not claimed: the
        reason for that.
        """
        published, baseline = self._history.published, self._history.baseline
        target = self._folders.submission_csv
        if published is None or is_file_of(target, published.sha256):
            return None
        if baseline is not None and is_file_of(target, baseline.sha256):
            self._recorder.append(Published(NO_RESULT, baseline.rows, baseline.sha256, "local"))
        return reasons.not_in_place(published.best.id)

    def _holds(self, result: Result) -> bool:
        best = self._in_place()
        return best is not None and stands(best, result)

    def _in_place(self) -> Best | None:
        """What was published last, where the folder holds it; where it does not, it is put back if
        it can be.
        """
        published = self._history.published
        if published is None or not restore(self._folders, published):
            return None
        return published.best


def standing(history: History, how: str) -> Result | None:
    """What the output folder should hold while the search goes on: the blend that was published,
    else the program in the lead. None where there is neither, and after the final pick, which says
    it itself.
    """
    if history.final_pick is not None:
        return None
    published, lead = history.published, history.incumbent
    if published is not None and published.best.kind == "ensemble" and history.ensemble is not None:
        return blended(history.ensemble.ensemble, {entry.id: entry for entry in history.entries})
    if lead is None:
        return None
    return single(lead, how)


def stands(published: Best, result: Result) -> bool:
    """The result, or its refit, is what was published."""
    return published in (result.best, replace(result.best, kind="refit"))


def lost_predictions(
    history: History, direction: Direction, intact: Callable[[str], bool], in_place: bool
) -> PredictionsLost | None:
    """What a resumed run has to evaluate again; None where everything is there, or the run is over
    and needs none.

    intact: whether the predictions of that name can be read. in_place: what was published last is
    in the output folder.
    """
    lost = [key for key, result in history.folds.items() if _is_lost(result, intact)]
    if not lost or (in_place and is_over(history)):
        return None
    ranking = ranked(history.entries, direction)
    wanted = [entry for entry in ranking if entry.complete][:CANDIDATES]
    lead = history.incumbent
    if lead is not None and lead not in wanted:
        wanted.append(lead)
    keys = set(lost)
    again = []
    for entry in wanted:
        if any(fold.key in keys for fold in entry.folds):
            again.append(entry.id)
    return PredictionsLost(tuple(lost), tuple(again))


def _is_lost(result: FoldResult, intact: Callable[[str], bool]) -> bool:
    name = result.verdict.predictions
    return name is not None and not intact(name)


def is_over(history: History) -> bool:
    """What the final pick chose was published."""
    pick, published = history.final_pick, history.published
    return pick is not None and published is not None and published.best.id == pick.winner
