"""The judge of last resort: nothing can be held out, so programs are ordered by the score that each
one reports.

A report is `./submission/score.json`: {"score": number, "direction": "maximize" or "minimize"}.
Text on stdout is never read. What a report says is a claim: it orders the programs of one run, and
nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from core.judging.service import BlendChoice, HoldoutJudge
from core.metric_names import BY_NAME, Bounds
from core.protocols import BlendParts
from core.records import CompetitionSpec, Job, MetricSpec, Outcome, Verdict
from core.score import Score
from utils.files import read_untrusted, write_atomic
from utils.process import WorkerProcess

REPORT = "score.json"
_MOST_BYTES = 4096
# A float that is larger, or a number of JSON that no float holds, measures nothing.
_HUGE = 1e15


def claimed(path: Path, metric: MetricSpec) -> float | str:
    """The score in a report that may be believed as far as order goes; else why it may not, in one
    line.

    Nothing about the file is trusted: it may be a link, a pipe, enormous or no JSON.
    """
    try:
        found = json.loads(read_untrusted(path, _MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        return f"no score was reported in ./submission/{REPORT}: {error}"[:300]
    if not isinstance(found, dict):
        found = {}
    value, direction = found.get("score"), found.get("direction")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return (
            f'./submission/{REPORT} is not {{"score": number, "direction": "{metric.direction}"}}'
        )
    if direction != metric.direction:
        return f"the reported score has the direction {str(direction)[:20]!r}, not {metric.direction!r}"
    return implausible(value, metric) or float(value)


def implausible(value: float, metric: MetricSpec) -> str:
    """Why no honest validation reports this value; "" when one may. A perfect value is a leak or an
    invention.
    """
    if not abs(value) < _HUGE:
        return f"the reported score {str(value)[:30]} is not finite"
    worst, best = bounds(metric)
    if best is not None and not Score(best, metric.direction) > Score(value, metric.direction):
        word = "beyond perfect"
        if value == best:
            word = "perfect"
        return f"the reported {metric.name} {value:.6g} is {word}"
    if worst is not None and Score(worst, metric.direction) > Score(value, metric.direction):
        return f"the reported {metric.name} {value:.6g} is worse than the worst value {worst:.6g}"
    return ""


def bounds(metric: MetricSpec) -> Bounds:
    """(worst, best) value; None where there is no such bound, as for a score that was written for
    the competition.
    """
    if metric.source == "generated":
        return None, None
    return BY_NAME[metric.name].bounds


class SelfReportJudge(HoldoutJudge):
    """Checks submissions like any other; the score is the program's own. Without a believable one
    nothing is valid.

    Reports are kept beside the predictions. Nothing is blended: no blend reports anything.
    """

    def __init__(
        self, spec: CompetitionSpec, store: Path, worker: WorkerProcess | None = None
    ) -> None:
        super().__init__(spec, store, worker=worker)
        self._metric = spec.metric

    def judge(self, job: Job, outcome: Outcome) -> Verdict:
        verdict = super().judge(job, outcome)
        if not verdict.valid or outcome.submission is None:
            return verdict
        found = claimed(Path(outcome.submission).with_name(REPORT), self._metric)
        if isinstance(found, str):
            return Verdict(False, None, None, "none", (found,), verdict.warnings)
        write_atomic(self._file(job.key), json.dumps({"score": found}))
        return Verdict(True, found, None, "self_report", (), verdict.warnings, job.key)

    def p_better(self, challenger: Sequence[str], incumbent: Sequence[str]) -> float | None:
        """1 or 0: a claim has no error that could be known. 0.5 where both claim the same."""
        if not challenger or not incumbent:
            return None
        new, old = self._claim(challenger), self._claim(incumbent)
        if new.value == old.value:
            return 0.5
        return float(new > old)

    def score_blend(
        self, parts: BlendParts, how: str, part: str
    ) -> tuple[float | None, float | None]:
        return None, None

    def select(self, candidates: Sequence[tuple[str, Sequence[str]]]) -> BlendChoice | None:
        return None

    def _claim(self, names: Sequence[str]) -> Score:
        """The mean of several reports."""
        values = []
        for name in names:
            report = json.loads(self._file(name).read_text(encoding="utf-8"))
            values.append(float(report["score"]))
        return Score(fmean(values), self._metric.direction)

    def _file(self, name: str) -> Path:
        return self._store / f"{name}.report.json"
