"""Which metric a run is scored by, once its competition is known: the stand-in, what a model told,
or its program.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from core.contract import Folders
from core.execution.trial_box import TrialBox
from core.journal.history import History
from core.judging.service import HoldoutJudge
from core.llm.models import Models
from core.protocols import Clock, Programs
from core.questions.generated_score import GeneratedJudge, faults_of
from core.questions.metric_question import (
    MetricInquiry,
    MetricQuestion,
    MetricReader,
    WrittenScores,
)
from core.questions.self_report import SelfReportJudge
from core.records import CompetitionSpec, MetricSpec, SplitSpec
from core.task.hints import MetricAnswer
from utils.config_schema import TaskConfig
from utils.process import WorkerProcess

# Seconds in the box: of a written score on its trial, and of one on held-out rows.
TRIAL_S, SCORE_S = 20.0, 120.0

Inspect = Callable[[MetricAnswer], CompetitionSpec]


class MetricStage:
    """Asks in the background, decides before views are built, and makes the judge."""

    def __init__(
        self,
        folders: Folders,
        task: TaskConfig,
        box: TrialBox,
        clock: Clock,
        reader: MetricReader | None,
        programs: Programs,
        worker: WorkerProcess,
        gate: Callable[[str], Sequence[str]],
    ) -> None:
        """task: what the user says about the competition. reader: None where there is nobody to
        ask. worker: runs core.judging.worker. gate: reasons of the box.
        """
        self._folders = folders
        self._task = task
        self._box = box
        self._inquiry = MetricInquiry(reader, clock)
        self._programs = programs
        self._worker = worker
        self._gate = gate
        self._program = ""

    @property
    def program(self) -> str:
        """The accepted program, "" without one."""
        return self._program

    def ask(self, spec: CompetitionSpec, history: History, models: Models, deadline: float) -> None:
        """deadline: of the run, epoch seconds. A run that has decided is not asked again."""
        if history.spec is not None:
            return
        self._inquiry.ask(MetricQuestion(spec, models, deadline), self._faults)

    def decide(self, spec: CompetitionSpec, history: History, inspect: Inspect) -> CompetitionSpec:
        """The competition with its metric. inspect: recognises it again, with a metric."""
        if history.spec is not None:
            key = history.spec.score_program
            self._program = self._programs.get(key) if key else ""
            return spec
        answer = self._inquiry.answer()
        if isinstance(answer, MetricAnswer):
            return inspect(answer)
        if answer is None or self._task.direction not in (None, answer.direction):
            return spec
        self._program = answer.first
        self._programs.put(answer.first)
        why = f"a written score; {spec.metric.name} stands in where only the kind of values counts"
        return dataclasses.replace(
            spec, metric=MetricSpec(spec.metric.name, answer.direction, "generated", why)
        )

    def judge(self, spec: CompetitionSpec, split: SplitSpec) -> HoldoutJudge:
        store = self._folders.predictions
        if split.kind == "none":
            return SelfReportJudge(spec, store, self._worker)
        if self._program:
            return GeneratedJudge(
                spec, store, self._program, self._box.within(SCORE_S), self._worker
            )
        return HoldoutJudge(spec, store, worker=self._worker)

    def leak_warnings(self, spec: CompetitionSpec) -> tuple[str, ...]:
        """See core.judging.service: known before anything is split."""
        return HoldoutJudge(
            spec, self._folders.logs / "leak_check", worker=self._worker
        ).leak_warnings()

    def _faults(self, spec: CompetitionSpec, written: WrittenScores) -> list[str]:
        if spec.tables.train is None:
            return ["there are no answers to try it on"]
        tried = HoldoutJudge(spec, self._folders.logs / "score_trial", worker=self._worker)
        return faults_of(written, spec, tried, self._box.within(TRIAL_S), self._gate)
