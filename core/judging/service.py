"""The judge as the agent sees it: records in, records out; the arithmetic happens in a worker
process.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.metric_names import BY_NAME
from core.protocols import BlendParts
from core.records import (
    Agreement,
    CompetitionSpec,
    Ensemble,
    ErrorReport,
    Job,
    Outcome,
    ScoredBy,
    Suspicion,
    Verdict,
    View,
)
from utils.errors import SpecError
from utils.files import is_archive, write_atomic
from utils.json_records import from_json, to_json
from utils.process import WorkerProcess

_KILLS = {
    "deadline": "it was stopped at its time limit",
    "stop": "it was stopped with the run",
    "memory": "it was killed for its memory",
    "processes": "it was killed for its number of processes",
    "disk": "it was killed for the size of its folder",
    "supervisor_lost": "its supervisor was lost",
}


@dataclass(frozen=True, slots=True)
class WrittenSubmission:
    """A submission that was written and passed the check."""

    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BlendChoice:
    """A blend beside its best single member on the same rows; see core.judging.greedy."""

    ensemble: Ensemble
    single: str
    single_score: float | None
    single_stderr: float | None
    p_better: float | None


def is_intact(store: Path, name: str) -> bool:
    """The predictions of that name are there as they were written."""
    return is_archive(store / f"{name}.npz")


class HoldoutJudge:
    """Implements core.protocols.Judge and Combiner. Safe to use from several threads: calls go one
    at a time.

    The score comes from held-out answers. Neither output nor exit status of a program is ever read
    for it.
    """

    def __init__(
        self,
        spec: CompetitionSpec,
        store: Path,
        log: Path | None = None,
        worker: WorkerProcess | None = None,
    ) -> None:
        """store: folder of the predictions, made here. log: takes the worker's stderr.

        worker: a process that runs core.judging.worker, closed with this judge; one is made when it
        is None. Raises SpecError for a metric that no scorer knows, OSError when the folder cannot
        be written.
        """
        if spec.metric.name not in BY_NAME:
            raise SpecError(f"no scorer for the metric {spec.metric.name!r}")
        self._store = store.resolve()
        self._spec_file = self._store / "spec.json"
        write_atomic(self._spec_file, json.dumps(to_json(spec)))
        self._worker = worker or WorkerProcess("core.judging.worker", log=log)
        written = spec.metric.source == "generated" or bool(spec.split_program)
        self._scored_by: ScoredBy = "holdout"
        if written:
            self._scored_by = "holdout_generated"

    def judge(self, job: Job, outcome: Outcome) -> Verdict:
        """A complete and proper submission counts however the program ended; how it ended is a
        warning then.
        """
        ending = _ending(outcome)
        if not outcome.view_intact:
            # It would do the same to the original folder in a refit.
            return Verdict(
                False, None, None, "none", ("its input files were changed while it ran",)
            )
        if outcome.submission is None:
            reason = ending or "it ended normally"
            return Verdict(False, None, None, "none", (f"no submission: {reason}",))
        found = self._call(
            "judge",
            view=to_json(job.view),
            submission=str(Path(outcome.submission).absolute()),
            name=job.key,
        )
        warnings = tuple(found["warnings"]) + _warnings(ending)
        if not found["valid"]:
            reasons = tuple(filter(None, (ending, *found["reasons"])))
            return Verdict(False, None, None, "none", reasons, warnings)
        if found["score"] is None:
            return Verdict(True, None, found["stderr"], "none", (), warnings, job.key)
        score = found["score"]
        return Verdict(True, score, found["stderr"], self._scored_by, (), warnings, job.key)

    def p_better(self, challenger: Sequence[str], incumbent: Sequence[str]) -> float | None:
        if not challenger or not incumbent:
            return None
        answer: float | None = self._call(
            "p_better", challenger=list(challenger), incumbent=list(incumbent)
        )
        return answer

    def suspicion(self, names: Sequence[str], rivals: Sequence[Sequence[str]]) -> Suspicion | None:
        found = self._call("suspicion", names=list(names), rivals=list(map(list, rivals)))
        if found is None:
            return None
        return from_json(Suspicion, found)

    def combine(self, parts: BlendParts, how: str, out_csv: Path) -> WrittenSubmission:
        """Raises WorkerError when a member is missing or the blend is no valid submission."""
        return WrittenSubmission(
            **self._call("combine", parts=_json(parts), how=how, out_csv=str(out_csv.absolute()))
        )

    def score_blend(
        self, parts: BlendParts, how: str, part: str
    ) -> tuple[float | None, float | None]:
        """(None, None) when the members have no such rows in common."""
        score, stderr = self._call("score_blend", parts=_json(parts), how=how, part=part)
        return score, stderr

    def select(self, candidates: Sequence[tuple[str, Sequence[str]]]) -> BlendChoice | None:
        """The greedy blend of (id, prediction names) and what it is worth; None without common
        holdout rows.
        """
        found = self._call("greedy", candidates=[(name, list(names)) for name, names in candidates])
        if found is None:
            return None
        members = tuple(map(tuple, found["members"]))
        blend = Ensemble(members, found["how"], found["score"], found["stderr"])
        return BlendChoice(
            blend, found["single"], found["single_score"], found["single_stderr"], found["p_better"]
        )

    def greedy(self, candidates: Sequence[tuple[str, Sequence[str]]]) -> Ensemble | None:
        """The greedy blend where it is more likely better than its best member than not, else None."""
        found = self.select(candidates)
        if found is None or len(found.ensemble.members) < 2 or (found.p_better or 0.0) <= 0.5:
            return None
        return found.ensemble

    def agreement(self, a: BlendParts, b: BlendParts, how: str) -> Agreement:
        """How much two blends agree on the official test rows."""
        return Agreement(*self._call("agree", a=_json(a), b=_json(b), how=how))

    def error_correlation(self, a: Sequence[str], b: Sequence[str]) -> float | None:
        """How alike the held-out errors of two programs are, by the names of their predictions: at
        most 1 (the same), None without common rows.
        """
        answer: float | None = self._call("error_correlation", a=list(a), b=list(b))
        return answer

    def error_report(self, names: Sequence[str], views: Sequence[View]) -> ErrorReport | None:
        """Where the held-out errors of a program lie, by the names of its predictions. views: those
        that it was tried on; None without enough held-out rows.
        """
        found = self._call("error_report", names=list(names), views=list(map(to_json, views)))
        if found is None:
            return None
        return from_json(ErrorReport, found)

    def check_file(self, path: Path) -> tuple[str, ...]:
        """Reasons why a file is no valid official submission; () when it is one."""
        return tuple(self._call("check_file", path=str(path.absolute()))["reasons"])

    def trial_cases(self, folder: Path) -> list[dict[str, Any]]:
        """Files on which a generated score is tried (see core.judging.score_cases)."""
        return list(self._call("trial_cases", folder=str(folder.absolute())))

    def kept_cases(
        self, parts: BlendParts, how: str, part: str, folder: Path
    ) -> list[dict[str, Any]]:
        """Files of a blend's held-out rows and their answers, by common view."""
        return list(
            self._call(
                "kept_cases", parts=_json(parts), how=how, part=part, folder=str(folder.absolute())
            )
        )

    def leak_warnings(self) -> tuple[str, ...]:
        """Lines about columns and rows of the competition's tables that may leak the answer."""
        return tuple(self._call("leak_warnings"))

    def close(self) -> None:
        self._worker.close()

    def _call(self, method: str, **params: Any) -> Any:
        return self._worker.call(
            method, spec=str(self._spec_file), store=str(self._store), **params
        )


def _ending(outcome: Outcome) -> str:
    """How a program ended other than by finishing; "" when it finished."""
    if outcome.killed_for is not None:
        return _KILLS[outcome.killed_for]
    if outcome.error is not None:
        return f"{outcome.error.type}: {outcome.error.message}".strip(": ")[:500]
    if outcome.signal is not None:
        return f"it was ended by signal {outcome.signal}"
    if outcome.exit_code:
        return f"it ended with exit status {outcome.exit_code}"
    return ""


def _warnings(ending: str) -> tuple[str, ...]:
    if not ending:
        return ()
    return (f"the program did not finish ({ending}); its submission counts",)


def _json(parts: BlendParts) -> list[tuple[list[str], float]]:
    return [(list(names), weight) for names, weight in parts]
