"""The judge whose score is a generated program: tried on cases of known quality first, run in the
box ever after.
"""

from __future__ import annotations

import json
import logging
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

from core.execution.score_box import ScoreCase, ScoreValues, run_scores
from core.execution.trial_box import TrialBox
from core.judging.service import BlendChoice, HoldoutJudge
from core.protocols import BlendParts
from core.questions.metric_question import WrittenScores
from core.questions.score_acceptance import faults
from core.records import CompetitionSpec, Job, Outcome, Verdict
from utils.files import write_atomic
from utils.process import WorkerProcess

log = logging.getLogger(__name__)

# Parts of the rows, each left out once, for the standard error.
DRAWS = 20
_SEED = 41

ValuesByView = dict[str, ScoreValues]
"""Values of a program, by name of the view that it ran on."""


def faults_of(
    written: WrittenScores,
    spec: CompetitionSpec,
    judge: HoldoutJudge,
    box: TrialBox,
    gate: Callable[[str], Sequence[str]],
) -> list[str]:
    """Why the score may not be believed; [] when it may. gate: reasons why a program may not run
    here.

    Raises WorkerError when the worker or the box does not work, OSError when the workspace cannot
    be written.
    """
    for program in (written.first, written.second):
        if reasons := list(gate(program)):
            return reasons
    with box.folder("cases") as folder:
        trials = judge.trial_cases(folder)
        names = [trial["name"] for trial in trials]
        cases = [_case(trial, 0) for trial in trials]
        first = run_scores(written.first, cases, _ids(spec), box)
        second = run_scores(written.second, cases, _ids(spec), box)
    if error := _first_error([*first, *second]):
        return [error]
    return faults(_by_name(names, first), _by_name(names, second), written.direction, written.best)


class GeneratedJudge(HoldoutJudge):
    """Scores held-out rows with an accepted program. Submissions are checked as the stand-in metric
    wants them.

    Values are kept beside the predictions. Weights of a blend are not fitted: each fit would be a
    run in the box.
    """

    def __init__(
        self,
        spec: CompetitionSpec,
        store: Path,
        program: str,
        box: TrialBox,
        worker: WorkerProcess | None = None,
    ) -> None:
        super().__init__(spec, store, worker=worker)
        self._spec = spec
        self._program = program
        self._box = box
        self._maximize = spec.metric.direction == "maximize"

    def judge(self, job: Job, outcome: Outcome) -> Verdict:
        verdict = super().judge(job, outcome)
        if not verdict.valid or not job.view.rows_holdout:
            return verdict
        by_view = self._score([([job.key], 1.0)], "mean", "holdout")
        values = {view: scored.values for view, scored in by_view.items()}
        write_atomic(self._file(job.key), json.dumps(values))
        scored = list(by_view.values())
        score, stderr = _mean(scored)
        if score is None:
            why = _first_error(scored) or "it is not finite"
            warnings = (*verdict.warnings, f"no score: {why}")
            return Verdict(True, None, None, "none", (), warnings, job.key)
        return Verdict(True, score, stderr, "holdout_generated", (), verdict.warnings, job.key)

    def p_better(self, challenger: Sequence[str], incumbent: Sequence[str]) -> float | None:
        """From the values without each part of the rows, on common views: a paired jackknife."""
        new, old = self._known(challenger), self._known(incumbent)
        difference = variance = 0.0
        compared = False
        for view in new.keys() & old.keys():
            gaps = _gaps(new[view].values, old[view].values)
            if gaps:
                compared = True
                difference += gaps[0]
                variance += _variance(gaps)
        if not compared:
            return None
        if not self._maximize:
            difference = -difference
        if variance <= 0.0:
            return _sign(difference)
        return NormalDist().cdf(difference / math.sqrt(variance))

    def score_blend(
        self, parts: BlendParts, how: str, part: str
    ) -> tuple[float | None, float | None]:
        return _mean(list(self._score(parts, how, part).values()))

    def select(self, candidates: Sequence[tuple[str, Sequence[str]]]) -> BlendChoice | None:
        return None

    def _score(self, parts: BlendParts, how: str, part: str) -> ValuesByView:
        """Values of a blend on its common views."""
        with self._box.folder("cases") as folder:
            blends = self.kept_cases(parts, how, part, folder)
            if not blends:
                return {}
            cases = [_case(blend, DRAWS) for blend in blends]
            scored = run_scores(self._program, cases, _ids(self._spec), self._box)
        views = [blend["view"] for blend in blends]
        return dict(zip(views, scored, strict=True))

    def _known(self, names: Sequence[str]) -> ValuesByView:
        """What was kept of several executions; the first on a view counts."""
        found: ValuesByView = {}
        for name in names:
            values = json.loads(self._file(name).read_text(encoding="utf-8"))
            for view, row in values.items():
                found.setdefault(view, ScoreValues(tuple(row)))
        return found

    def _file(self, name: str) -> Path:
        return self._store / f"{name}.scores.json"


def _case(case: dict[str, Any], draws: int) -> ScoreCase:
    return ScoreCase(
        Path(case["answers"]), Path(case["submission"]), _units(case.get("units", ())), draws
    )


def _units(clusters: Sequence[int]) -> tuple[int, ...]:
    """Each row's part: whole clusters, dealt out at random."""
    order = list(range(max(clusters, default=-1) + 1))
    random.Random(_SEED).shuffle(order)
    return tuple(order[cluster] % DRAWS for cluster in clusters)


def _ids(spec: CompetitionSpec) -> int:
    return max(len(spec.ids.columns), 1)


def _by_name(names: Sequence[str], scored: Sequence[ScoreValues]) -> dict[str, float | None]:
    return {name: one.whole for name, one in zip(names, scored, strict=True)}


def _first_error(scored: Sequence[ScoreValues]) -> str:
    """Why a program gave no value, "" where all gave one."""
    for one in scored:
        if one.error:
            return one.error
    return ""


def _gaps(new: Sequence[float | None], old: Sequence[float | None]) -> list[float]:
    """Differences of two rows of values; [] where a value is missing."""
    gaps = []
    for a, b in zip(new, old, strict=True):
        if a is None or b is None:
            return []
        gaps.append(a - b)
    return gaps


def _sign(difference: float) -> float:
    """The chance to be better where no noise is known."""
    if difference == 0:
        return 0.5
    return float(difference > 0)


def _mean(scored: Sequence[ScoreValues]) -> tuple[float | None, float | None]:
    """Mean over views of the value, and its standard error; (None, None) where no view has a value."""
    total = variance = 0.0
    count = 0
    for one in scored:
        if one.whole is not None:
            count += 1
            total += one.whole
            variance += _variance(one.values)
    if not count:
        return None, None
    return total / count, math.sqrt(variance) / count


def _variance(values: Sequence[float | None]) -> float:
    """Of the first value, by the grouped jackknife of those behind it; 0 with fewer than two."""
    draws = [value for value in values[1:] if value is not None]
    if len(draws) < 2:
        return 0.0
    mean = sum(draws) / len(draws)
    return (len(draws) - 1) / len(draws) * sum((value - mean) ** 2 for value in draws)
