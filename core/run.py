"""One run from a competition folder to a published result: the stages, in order, over one journal."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence

from core.assembly import Assembly, OpenCompetition
from core.budget import MODEL_RESERVE_AT_MOST, RESERVE_AT_MOST, Budget
from core.contract import EXIT_STATUS
from core.ending.end_game import EndGame, EndSettings
from core.ending.final_pick import FEW_FOLDS
from core.evaluation import Evaluator
from core.events import Resumed, RunEnded, RunStarted
from core.execution.box import Box
from core.execution.leases import LeasePool
from core.execution.static_check import reasons_to_reject
from core.execution.stop import StopSignal
from core.journal.history import History
from core.journal.journal import Journal
from core.journal.programs import ProgramStore, TextStore
from core.judging.service import HoldoutJudge
from core.llm.ledger import CallBook
from core.llm.models import Models
from core.llm.replay import ANSWERS
from core.loop import Loop, LoopParts, Rules
from core.opening import Opening
from core.protocols import Clock
from core.publishing import reasons
from core.publishing.publisher import ResultPublisher
from core.publishing.report import ReportKeeper, journal_report
from core.publishing.screen import Announcer, Screen, status_block
from core.publishing.standing import OutputFolder
from core.publishing.validation_server import ServerCheck
from core.records import BoxFacts, CompetitionSpec, SplitSpec
from core.settings import Authors, RunContext, Settings
from utils.config import public_dict
from utils.errors import ResumeError, SwarmError
from utils.files import write_atomic

log = logging.getLogger(__name__)


# Seconds before the deadline at which everything that still runs is given up.
LAST_CALL_S = 1.5


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
        self._screen = screen
        self._stop = stop
        self._clock = clock
        folders = settings.folders
        self.programs = ProgramStore(folders.logs / "programs")
        self.history = History(self.programs.get)
        self._journal = Journal(folders.journal, clock, self.history.apply)
        self._budget = self._plan_budget()
        self.report = ReportKeeper(self.history, folders, lambda: self._budget.elapsed(clock()))
        self._recorder = Announcer(self._journal, screen, lambda event: self.report.write())
        models = Models(
            settings.config.llm,
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
        gpus = [gpu.index for gpu in settings.machine.gpus]
        self._leases = LeasePool(settings.machine.cpus, settings.workers, gpus)
        self._box = Box(folders.workspace, settings.protected, settings.environ, box, stop)
        self._context = RunContext(
            settings,
            self._box,
            authors,
            self.history,
            self._recorder,
            self.programs,
            models,
            self._gate,
            stop,
            clock,
        )
        self._opening = Opening(self._context)
        last_call = max(self._budget.deadline - clock() - LAST_CALL_S, 0.0)
        self._alarm = threading.Timer(last_call, stop.set, ("deadline",))
        self._alarm.daemon = True

    def execute(self) -> None:
        """The stages in order. What could not be done is told to `report.reasons`; errors of
        utils.errors come out.
        """
        opening, resuming = self._opening, self.history.run is not None
        self._alarm.start()
        opening.start_workers()
        self._stage("journal")
        if not resuming:
            self._record_start()
        self._stage("competition")
        spec = opening.recognise()
        if resuming:
            # Only now: a run on other data is refused, and its journal stays as it was.
            self._record_start()
        spec = opening.with_tables(spec, self._budget.deadline)
        opening.ask_about_metric(spec, self._budget.deadline)
        if self._settings.has_model:
            opening.look_around(spec)
        self._stage("baseline")
        opening.baseline(spec)
        spec = opening.decide_metric(spec)
        self._stage("views")
        split, views = opening.views(spec, lambda text: self._screen.line(text, "yellow"))
        judge = opening.judge(spec, split)
        self.report.reasons += self._missing(spec, split)
        publisher = self._publisher(spec, split, judge)
        if resuming:
            self._output.put_back(publisher, spec)
        opened = OpenCompetition(spec, split, views, judge)
        assembly = self._assembly()
        parts, learner = assembly.parts(opened, publisher, self._complain)
        self.report.learning = learner.facts
        self._stage("search")
        if split.kind == "none" and not self._settings.has_model:
            return
        self._search(parts, assembly.rules(spec))
        self._stage("final pick")
        if self._stop.reason is not None:
            self.report.reasons.append(reasons.stopped(self._stop.reason))
            return
        game = self._end_game(opened, parts.evaluator, publisher)
        self.report.reasons += game.play()

    def _complain(self, error: Exception) -> None:
        """Takes our own bugs in level 2."""
        self.report.reasons.append(reasons.internal_in_level_two(error))

    def end(self, usage: bool) -> int:
        """The last event and the final reports; the exit status. usage: the user asked for what
        cannot be done.
        """
        with contextlib.suppress(SwarmError):
            self._output.rescue(self._settings.data_dir)
        missing = self.report.reasons
        if unclaimed := self._output.own_up():
            missing.append(unclaimed)
        if trouble := reasons.model_trouble(self.history):
            missing.append(trouble)
        outcome = reasons.status(self.history, missing)
        elapsed = self._budget.elapsed(self._clock())
        self._recorder.append(RunEnded(outcome, reasons.joined(missing), elapsed))
        self.report.write(outcome)
        nodes = journal_report(self.history, self.programs).text()
        write_atomic(self._settings.folders.logs / "journal.json", nodes)
        if usage:
            return EXIT_STATUS["usage"]
        return EXIT_STATUS[outcome]

    def close(self) -> None:
        """Ends the helper processes. Safe to call twice."""
        self._alarm.cancel()
        self._opening.close()
        self._journal.close()

    # ------------------------------------------------------------ parts of stages

    def _plan_budget(self) -> Budget:
        """The deadline: from the first start, or so that only the time in use counts."""
        settings, history, now = self._settings, self.history, self._clock()
        since = now
        if history.run is not None and settings.absolute_deadline:
            since = history.run.started
        elif history.run is not None:
            since = now - history.consumed_s
        agent = settings.config.agent
        deadline, most = since + agent.time_limit, RESERVE_AT_MOST
        if settings.has_model:
            most = MODEL_RESERVE_AT_MOST
        return Budget.plan(agent.max_steps, since, deadline, most)

    def _missing(self, spec: CompetitionSpec, split: SplitSpec) -> list[str]:
        """Reasons for the status `degraded` that are known before the search."""
        settings = self._settings
        known = reasons.missing(spec, split, settings.description, settings.has_model)
        return [*known, *settings.missing]

    def _record_start(self) -> None:
        settings, history, agent = self._settings, self.history, self._settings.config.agent
        if history.run is None:
            self._recorder.append(
                RunStarted(
                    started=self._budget.started,
                    deadline=self._budget.deadline,
                    max_steps=agent.max_steps,
                    seed=settings.seed,
                    workers=self._leases.size,
                    provider=settings.provider,
                    competition_id=settings.competition_id,
                    config=public_dict(settings.config),
                    box=self._box.facts,
                )
            )
            return
        if history.run.seed != settings.seed:
            logs, seed = settings.folders.logs, history.run.seed
            raise ResumeError(f"{logs} holds a run with seed {seed}, not {settings.seed}")
        self._recorder.append(
            Resumed(
                at=self._clock(),
                deadline=self._budget.deadline,
                max_steps=agent.max_steps,
                steps=history.steps_done,
                consumed_s=history.consumed_s,
                limit_s=agent.time_limit,
            )
        )

    def _search(self, parts: LoopParts, rules: Rules) -> None:
        if self.history.final_pick is not None:
            self._screen.line("the final pick was made: the search is over")
            return
        self._screen.start(
            lambda: status_block(self.history, self._budget, self._leases, self._clock)
        )
        Loop(parts, rules, self._budget).run()

    def _assembly(self) -> Assembly:
        return Assembly(
            self._context,
            self._budget,
            self._leases,
            self._opening.preview,
            self._opening.weights,
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
            ServerCheck(self._settings.config.grading.validate_url, self._clock),
        )

    def _end_game(
        self, opened: OpenCompetition, evaluator: Evaluator, publisher: ResultPublisher
    ) -> EndGame:
        settings = self._settings
        spec, split = opened.spec, opened.split
        return EndGame(
            EndSettings(
                settings.config.judging,
                settings.config.evolution.solution,
                self._leases.size,
                self._budget.deadline,
                # Less is kept back for the end where a model writes.
                1 if settings.has_model else FEW_FOLDS,
            ),
            spec,
            split,
            opened.views,
            lambda names: self._opening.build_views(spec, split, names),
            opened.judge,
            evaluator,
            self.history,
            self.programs,
            self._recorder,
            lambda result: self._output.put(publisher, result),
            self._clock,
        )
