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

View = str
Kept = dict[View, ScoreValues]


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
        found = judge.trial_cases(folder)
        cases = [_case(case, 0) for case in found]
        runs = [
            run_scores(program, cases, _ids(spec), box)
            for program in (written.first, written.second)
        ]
    failed = next((scored.error for scored in (*runs[0], *runs[1]) if scored.error), "")
    if failed:
        return [failed]
    first, second = (
        {case["name"]: one.whole for case, one in zip(found, run, strict=True)} for run in runs
    )
    return faults(first, second, written.direction, written.best)


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
        kept = self._score([([job.key], 1.0)], "mean", "holdout")
        write_atomic(
            self._file(job.key), json.dumps({view: scored.values for view, scored in kept.items()})
        )
        score, stderr = _mean(list(kept.values()))
        if score is None:
            why = next(
                (scored.error for scored in kept.values() if scored.error), "it is not finite"
            )
            return Verdict(
                True, None, None, "none", (), (*verdict.warnings, f"no score: {why}"), job.key
            )
        return Verdict(True, score, stderr, "holdout_generated", (), verdict.warnings, job.key)

    def p_better(self, challenger: Sequence[str], incumbent: Sequence[str]) -> float | None:
        """From the values without each part of the rows, on common views: a paired jackknife."""
        new, old = self._kept(challenger), self._kept(incumbent)
        pairs = [(new[view].values, old[view].values) for view in new.keys() & old.keys()]
        gaps = [tuple(_gap(a, b) for a, b in zip(*pair, strict=True)) for pair in pairs]
        whole = [gap for gap in gaps if gap and None not in gap]
        if not whole:
            return None
        difference = sum(gap[0] or 0.0 for gap in whole)
        variance = sum(_variance(gap) for gap in whole)
        if variance <= 0.0:
            return 0.5 if difference == 0 else float((difference > 0) == self._maximize)
        chance = NormalDist().cdf(difference / math.sqrt(variance))
        return chance if self._maximize else 1.0 - chance

    def score_blend(
        self, parts: BlendParts, how: str, part: str
    ) -> tuple[float | None, float | None]:
        return _mean(list(self._score(parts, how, part).values()))

    def select(self, candidates: Sequence[tuple[str, Sequence[str]]]) -> BlendChoice | None:
        return None

    def _score(self, parts: BlendParts, how: str, part: str) -> Kept:
        """Values of a blend on its common views."""
        with self._box.folder("cases") as folder:
            found = self.kept_cases(parts, how, part, folder)
            cases = [_case(case, DRAWS) for case in found]
            scored = run_scores(self._program, cases, _ids(self._spec), self._box) if cases else []
        return {case["view"]: one for case, one in zip(found, scored, strict=True)}

    def _kept(self, names: Sequence[str]) -> Kept:
        found: Kept = {}
        for name in names:
            values = json.loads(self._file(name).read_text(encoding="utf-8"))
            found |= {
                view: ScoreValues(tuple(row)) for view, row in values.items() if view not in found
            }
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


def _gap(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _mean(scored: Sequence[ScoreValues]) -> tuple[float | None, float | None]:
    """Mean over views of the value, and its standard error; (None, None) where no view has a value."""
    whole = [one for one in scored if one.whole is not None]
    if not whole:
        return None, None
    variance = sum(_variance(one.values) for one in whole)
    return sum(one.whole or 0.0 for one in whole) / len(whole), math.sqrt(variance) / len(whole)


def _variance(values: Sequence[float | None]) -> float:
    """Of the first value, by the grouped jackknife of those behind it; 0 with fewer than two."""
    draws = [value for value in values[1:] if value is not None]
    if len(draws) < 2:
        return 0.0
    mean = sum(draws) / len(draws)
    return (len(draws) - 1) / len(draws) * sum((value - mean) ** 2 for value in draws)
