"""One run from a competition folder to a published result: the stages, in order, over one journal."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial

from core.budget import Budget
from core.ending.final_pick import FinalPick, PickSettings
from core.ending.finish import decide, finalists, refit_is_due, unpicked
from core.ending.likeness import likeness_of
from core.ending.refit import Refit, pays
from core.ending.result import Result
from core.evaluation import Evaluator
from core.events import BaselineWritten, Resumed, RunEnded, RunStarted, SpecDecided
from core.evolution.search import EvolutionSearch
from core.evolution.selection import race_is_lost, takes_the_lead
from core.execution.box import Box
from core.execution.leases import LeasePool
from core.execution.probe import probe_fault
from core.execution.runner import BoxRunner
from core.execution.static_check import reasons_to_reject
from core.execution.stop import StopSignal
from core.execution.trial_box import TrialBox
from core.execution.weights import NOTHING, find_weights
from core.genome import digest
from core.journal.history import History
from core.journal.journal import Journal
from core.journal.programs import ProgramStore, TextStore
from core.judging.server import ServerCheck
from core.judging.service import HoldoutJudge
from core.learning.level_two import level_two_of, staff_of
from core.llm.ledger import CallBook
from core.llm.models import Models
from core.llm.replay import ANSWERS
from core.loop import Loop, LoopParts, Rules
from core.pacing import Pacer
from core.protocols import Clock
from core.publishing.publisher import ResultPublisher
from core.publishing.reasons import missing, model_trouble, status
from core.publishing.report import RunReport, journal_json
from core.publishing.rescue import checked_baseline
from core.publishing.screen import Announcer, Screen, status_block
from core.publishing.standing import OutputFolder
from core.questions.metric_stage import MetricStage
from core.questions.split_stage import TRIAL_S, WAIT_S, WAIT_SHARE, SplitQuestion, SplitStage
from core.records import BoxFacts, CompetitionSpec, SplitSpec, View, from_json, to_json
from core.settings import Settings
from core.surroundings import Authors, Surroundings
from core.task.hints import Hints, MetricAnswer, WrittenTables
from core.task.keeper import ViewKeeper
from core.task.preview import Preview
from core.task.service import TaskService, last_preview
from utils.background import Pending
from utils.errors import ResumeError, SpecError, SwarmError
from utils.files import sha256_file, write_atomic
from utils.process import WorkerProcess

log = logging.getLogger(__name__)


# Seconds before the deadline at which everything that still runs is given up.
LAST_CALL_S = 1.5
# Seconds in the box for one pretrained model.
WEIGHTS_TRIAL_S = 180.0
EXIT_STATUS = {"ok": 0, "degraded": 0, "baseline": 1, "failed": 1}


class Run:
    """Owns everything that a run opens. `execute` goes through the stages; `close` ends what was
    started.
    """

    def __init__(
        self,
        settings: Settings,
        box: BoxFacts,
        authors: Authors,
        screen: Screen,
        stop: StopSignal,
        stage: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._stage = stage
        self._settings = settings
        self._authors = authors
        self._screen = screen
        self._stop = stop
        self._clock = clock
        folders = settings.folders
        self._workers_log = folders.logs / "workers.log"
        self.programs = ProgramStore(folders.logs / "programs")
        self.history = History(self.programs.get)
        self._journal = Journal(folders.journal, clock, self.history.apply)
        self._budget = self._plan_budget()
        self.report = RunReport(self.history, folders, lambda: self._budget.elapsed(clock()))
        self._recorder = Announcer(self._journal, screen, lambda event: self.report.write())
        self._models = Models(
            settings.llm,
            CallBook(
                self._recorder.append,
                TextStore(folders.logs / ANSWERS, ".txt").put,
                self.history.llm.spent,
            ),
            stop,
            clock=clock,
            seed=settings.seed,
        )
        self._output = OutputFolder(folders, self.history, self._recorder)
        self._leases = LeasePool(settings.cpus, settings.workers, settings.gpus)
        self._weights = Pending("pretrained weights", NOTHING)
        self._preview: Pending[Preview | None] = Pending("data preview", None)
        self._leaks: Pending[tuple[str, ...]] = Pending("leak check", ())
        self._task = TaskService(log=self._workers_log, stop=stop.fileno())
        # A worker of its own, so that a look at the data does not wait for views.
        self._viewer = TaskService(log=self._workers_log, stop=stop.fileno())
        self._judging = WorkerProcess("core.judging.worker", log=self._workers_log)
        self._box = Box(folders.workspace, settings.protected, settings.environ, box, stop)
        self._trials = TrialBox(self._box, settings.limits.memory_mb)
        reader = authors.metric_reader
        self._metric = MetricStage(
            settings, self._trials, stop, clock, reader, self.programs, self._judging, self._gate
        )
        self._split = SplitStage(
            authors.split_reader,
            self._task,
            self._trials.within(min(TRIAL_S, WAIT_SHARE * settings.time_limit_s)),
            self._gate,
            self.programs,
            folders.logs / "written_split",
        )
        self._written: WrittenTables | None = self._split.known(self.history)
        self._alarm = threading.Timer(
            max(self._budget.deadline - clock() - LAST_CALL_S, 0.0), stop.set, ("deadline",)
        )
        self._alarm.daemon = True

    def execute(self) -> None:
        """The stages in order. What could not be done is told to `report.reasons`; errors of
        utils.errors come out.
        """
        resuming = self.history.run is not None
        self._alarm.start()
        self._start_workers()
        self._stage("journal")
        if not resuming:
            self._start()
        self._stage("competition")
        spec = self._recognise()
        if resuming:
            self._start()
        spec = self._with_tables(spec)
        self._metric.ask(spec, self.history, self._models, self._budget.deadline)
        if self._settings.has_model:
            self._look_around(spec)
        self._stage("baseline")
        self._baseline(spec)
        spec = self._metric.decide(spec, self.history, self._inspect)
        self._stage("views")
        split, views = self._views(spec)
        judge = self._metric.judge(spec, split)
        self.report.reasons += missing(spec, split, self._settings, self._reports)
        publisher = self._publisher(spec, split, judge)
        if resuming:
            self._output.put_back(publisher, spec)
        parts = self._assemble(spec, split, views, judge, publisher)
        self._stage("search")
        if split.kind == "none" and not self._reports:
            return
        if self.history.final_pick is None:
            self._screen.start(
                lambda: status_block(self.history, self._budget, self._leases, self._clock)
            )
            Loop(parts, self._rules(), self._budget).run()
        else:
            self._screen.line("the final pick was made: the search is over")
        self._stage("final pick")
        self._finish(spec, split, views, judge, parts.evaluator, publisher)

    def end(self, usage: bool) -> int:
        """The last event and the final reports; the exit status. usage: the user asked for what
        cannot be done.
        """
        with contextlib.suppress(SwarmError):
            self._output.rescue(self._settings.data_dir)
        reasons = self.report.reasons
        if unclaimed := self._output.own_up():
            reasons.append(unclaimed)
        if trouble := model_trouble(self.history):
            reasons.append(trouble)
        outcome = status(self.history, reasons)
        self._recorder.append(
            RunEnded(outcome, "; ".join(reasons) or None, self._budget.elapsed(self._clock()))
        )
        self.report.write(outcome)
        nodes = json.dumps(journal_json(self.history, self.programs))
        write_atomic(self._settings.folders.logs / "journal.json", nodes)
        return 2 if usage else EXIT_STATUS[outcome]

    def close(self) -> None:
        """Ends the helper processes. Safe to call twice."""
        self._alarm.cancel()
        for worker in (self._task, self._viewer, self._judging):
            worker.close()
        self._journal.close()

    # ------------------------------------------------------------ stages

    def _start_workers(self) -> None:
        """All at once: what they import costs more than what a small competition asks of them."""
        self._task.start()
        self._judging.start()
        if self._settings.has_model:
            self._viewer.start()

    def _plan_budget(self) -> Budget:
        """The deadline: from the first start, or so that only the time in use counts."""
        settings, history, now = self._settings, self.history, self._clock()
        since = now
        if history.run is not None:
            since = history.run.started if settings.absolute_deadline else now - history.consumed_s
        return Budget.plan(settings.max_steps, since, since + settings.time_limit_s)

    def _start(self) -> None:
        settings, history = self._settings, self.history
        if history.run is None:
            self._recorder.append(
                RunStarted(
                    started=self._budget.started,
                    deadline=self._budget.deadline,
                    max_steps=settings.max_steps,
                    seed=settings.seed,
                    workers=self._leases.size,
                    provider=settings.provider,
                    competition_id=settings.competition_id,
                    config=settings.public_config,
                    box=self._box.facts,
                )
            )
            return
        if history.run.seed != settings.seed:
            raise ResumeError(
                f"{settings.folders.logs} holds a run with seed {history.run.seed}, not {settings.seed}"
            )
        self._recorder.append(
            Resumed(
                at=self._clock(),
                deadline=self._budget.deadline,
                max_steps=settings.max_steps,
                steps=history.steps_done,
                consumed_s=history.consumed_s,
                limit_s=settings.time_limit_s,
            )
        )

    def _recognise(self) -> CompetitionSpec:
        """The competition; a resumed run must still find the same data."""
        settings = self._settings
        spec = self._inspect()
        if self.history.spec is None:
            return spec
        before = self.history.spec.spec
        if before.data_digest != spec.data_digest:
            raise ResumeError(
                f"{settings.folders.logs} holds a run on other data than {settings.data_dir}"
            )
        return before

    def _inspect(self, metric: MetricAnswer | None = None) -> CompetitionSpec:
        """Where only the sample is understood, that is enough for those who can look at the rest by
        themselves. metric: what a language model read in the description.
        """
        settings = self._settings
        hints = Hints(settings.task, metric, self._written)
        found = (settings.data_dir, settings.description, hints, settings.folders.workspace)
        try:
            return self._task.inspect(*found)
        except SpecError as error:
            if not self._reports and self.history.spec is None:
                raise
            return self._task.inspect_bare(*found, why=str(error))

    def _with_tables(self, spec: CompetitionSpec) -> CompetitionSpec:
        """A competition of which only the sample is understood, once more with the tables of a
        written program.

        As it is where no program is accepted, and in a run that has decided.
        """
        if spec.tables.train is not None or self.history.spec is not None:
            return spec
        self._baseline(spec)
        now, end = self._clock(), self._budget.deadline
        question = SplitQuestion(
            spec,
            self._task.preview(spec),
            self._models,
            now + min(WAIT_S, WAIT_SHARE * (end - now)),
        )
        self._written = self._split.decide(question)
        found = self._inspect() if self._written is not None else spec
        if found.tables.train is None:
            self._written = None
        return found

    def _look_around(self, spec: CompetitionSpec) -> None:
        """What only a model wants to know, in the background while views are built."""
        settings = self._settings
        self._preview.start(partial(last_preview, self._viewer, spec))
        box = self._trials.within(WEIGHTS_TRIAL_S)
        reads = {spec.modality, "text"} if spec.features.texts else {spec.modality}
        self._weights.start(
            partial(find_weights, settings.weight_places, reads, box, settings.folders.logs)
        )

    def _baseline(self, spec: CompetitionSpec) -> None:
        """Something valid in the output folder before anything is tried."""
        target = self._settings.folders.submission_csv
        if self.history.baseline is not None and target.exists():
            return
        source, rows = checked_baseline(self._task, spec, target, self._judging)
        self._recorder.append(BaselineWritten(source, rows, sha256_file(target)))

    def _views(self, spec: CompetitionSpec) -> tuple[SplitSpec, ViewKeeper]:
        """The folders that candidates see: built once, checked on resume."""
        settings, workspace = self._settings, self._settings.folders.workspace
        decided = self.history.spec
        if decided is not None:
            split, made = decided.split, [from_json(View, view) for view in decided.views]
        else:
            self._leaks.start(partial(self._metric.leak_warnings, spec))
            split = self._task.plan_split(
                spec, settings.seed, settings.holdout_max_rows, settings.task
            )
            made, split = self._task.build_views(spec, split, workspace)
        keeper = ViewKeeper(
            made, lambda name: self._task.build_views(spec, split, workspace, [name])[0][0]
        )
        if decided is not None:
            keeper.repair()
        else:
            told = tuple(to_json(view) for view in made)
            program = digest(self._metric.program) if self._metric.program else ""
            self._recorder.append(SpecDecided(spec, split, told, self._leak_warnings(), program))
        return split, keeper

    def _leak_warnings(self) -> tuple[str, ...]:
        """Warnings for people; a table that the check cannot digest must not cost the run."""
        warnings = self._leaks.wait()
        for warning in warnings:
            self._screen.line(f"possible leak: {warning}", "yellow")
        return warnings

    @property
    def _reports(self) -> bool:
        """True where somebody writes programs that can measure themselves; recipes do not."""
        return self._settings.has_model

    @property
    def _lanes(self) -> int:
        """More than workers, so that proposals and judging overlap with executions; with one worker
        decisions stay in one order, and a replay decides the same.
        """
        return self._leases.size + (self._settings.lanes_ahead if self._leases.size > 1 else 0)

    def _rules(self) -> Rules:
        return Rules(
            lanes=self._lanes,
            steps_per_epoch=self._settings.steps_per_epoch,
            gate=self._gate,
            takes_the_lead=takes_the_lead,
            race_is_lost=race_is_lost,
        )

    def _assemble(
        self,
        spec: CompetitionSpec,
        split: SplitSpec,
        views: ViewKeeper,
        judge: HoldoutJudge,
        publisher: ResultPublisher,
    ) -> LoopParts:
        settings = self._settings
        runner = BoxRunner(
            box=self._box,
            log_dir=settings.folders.logs,
            leases=self._leases,
            limits=settings.limits,
            weights=self._weights.now,
            clock=self._clock,
            deadline=lambda: self._budget.deadline,
        )
        again = (
            settings.finalists * split.folds / self._leases.size if split.locked_rows == 0 else 1.0
        )
        pace = Pacer(
            self.history,
            self._budget,
            len(spec.features.names),
            settings.timeout_max_s,
            views,
            self._clock,
            runs_at_end=again,
        )
        evaluator = Evaluator(
            runner, views, judge, pace, self._recorder, self.history, self._stop, probe_fault
        )
        around = self._surroundings(spec, split, pace)
        learner = level_two_of(
            settings, self._authors, around, self._lanes > 1, self.report.reasons.append
        )
        self.report.learning = learner.facts
        return LoopParts(
            proposer=self._authors.proposer(around),
            search=EvolutionSearch(
                settings.search,
                spec.metric.direction,
                settings.seed,
                self.programs.get,
                likeness_of(judge, spec),
                staff_of(settings.level_two, settings.seed, lambda: self.history.population),
            ),
            evaluator=evaluator,
            pace=pace,
            recorder=self._recorder,
            state=self.history,
            programs=self.programs,
            publisher=publisher,
            stop=self._stop,
            clock=self._clock,
            learner=learner,
        )

    def _surroundings(self, spec: CompetitionSpec, split: SplitSpec, pace: Pacer) -> Surroundings:
        settings, history, budget = self._settings, self.history, self._budget
        before = [self.programs.get(entry.program) for entry in history.entries]
        before += [proposal.program for proposal in history.pending.values()]
        return Surroundings(
            spec=spec,
            split=split,
            warnings=history.spec.warnings if history.spec else (),
            programs=tuple(before),
            program=self.programs.get,
            history=history,
            recorder=self._recorder,
            preview=self._preview.wait,
            weights=self._weights.wait,
            gate=self._gate,
            models=self._models,
            seed=settings.seed,
            cpus_each=self._leases.cpus_each,
            memory_mb=settings.limits.memory_mb,
            stop=self._stop,
            clock=self._clock,
            steps_to_spare=lambda: budget.steps_to_spare(history.steps_done, self._clock()),
            search_ends=pace.search_ends,
        )

    def _gate(self, program: str) -> Sequence[str]:
        """Reasons why a program may not run here."""
        return reasons_to_reject(program, [str(path) for path in self._settings.protected])

    def _publisher(
        self, spec: CompetitionSpec, split: SplitSpec, judge: HoldoutJudge
    ) -> ResultPublisher:
        return ResultPublisher(
            self._settings.folders,
            spec,
            split,
            self._leases.cpus_each,
            judge,
            self.programs,
            self._recorder,
            ServerCheck(self._settings.validate_url, self._clock),
        )

    def _finish(
        self,
        spec: CompetitionSpec,
        split: SplitSpec,
        views: ViewKeeper,
        judge: HoldoutJudge,
        evaluator: Evaluator,
        publisher: ResultPublisher,
    ) -> None:
        """Ensemble, final pick and publication, unless the user is waiting for the end."""
        settings, reasons = self._settings, self.report.reasons
        if self._stop.reason is not None:
            reasons.append(f"stopped by {self._stop.reason} before the final pick")
            return
        if not any(entry.complete for entry in self.history.entries):
            reasons.append(
                "no program ran on all of its views"
                if self.history.published
                else "no program was valid"
            )
            return
        if split.kind == "none":
            # There is nothing unseen to choose on, and a claim is not compared with anything else:
            # the leader stays.
            return

        def final_views() -> Sequence[View]:
            names = (
                [f"final{fold}" for fold in range(split.folds)] if split.locked_rows == 0 else []
            )
            made = (
                self._task.build_views(spec, split, settings.folders.workspace, names)[0]
                if names
                else []
            )
            views.add(made)
            return made

        pick = FinalPick(
            PickSettings(settings.finalists, self._leases.size, spec.metric.direction),
            evaluator,
            judge,
            self.programs,
            self._recorder,
            final_views,
            self._clock,
        )
        # A pick that was made chose among what there was.
        blender = judge if settings.ensemble and self.history.final_pick is None else None
        contenders = finalists(spec, self.history, settings.finalists, blender, self._recorder)
        deadline = self._budget.deadline
        winner = decide(contenders, self.history, pick, split.locked_rows, deadline)
        if winner is None:
            reasons.append("no final pick: no finalist could be scored in the time that was left")
            if (blend := unpicked(contenders)) is not None:
                self._put(publisher, blend)
            return
        self._put(publisher, winner)
        if settings.refit and pays(split) and refit_is_due(self.history):
            refit = Refit(
                evaluator, judge, self.programs, self._recorder, self._clock, self._leases.size
            )
            made = refit.refit(winner, contenders, views.get("full"), deadline)
            if made is not None:
                self._put(publisher, made)

    def _put(self, publisher: ResultPublisher, result: Result) -> None:
        if not self._output.put(publisher, result):
            self.report.reasons.append(f"the validation server rejected {result.best.id}")
