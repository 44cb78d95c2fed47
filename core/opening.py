"""Opening a competition: from a folder to a specification, a baseline, views and a judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from core.events import BaselineWritten, SpecDecided
from core.execution.trial_box import TrialBox
from core.execution.weights import NOTHING, Weights, find_weights
from core.genome import digest
from core.judging.service import HoldoutJudge
from core.publishing.rescue import checked_baseline
from core.questions.metric_stage import MetricStage
from core.questions.split_stage import TRIAL_S, WAIT_S, WAIT_SHARE, SplitQuestion, SplitStage
from core.records import CompetitionSpec, SplitSpec, View
from core.settings import RunContext, Settings
from core.task.hints import Hints, MetricAnswer
from core.task.keeper import ViewKeeper
from core.task.preview import Preview
from core.task.service import TaskService, last_preview
from utils.background import Pending
from utils.errors import ResumeError, SpecError
from utils.files import sha256_file
from utils.json_records import from_json, to_json
from utils.process import WorkerProcess

# Seconds in the box for one pretrained model.
WEIGHTS_TRIAL_S = 180.0


class Opening:
    """Asks the workers and, where there are any, those who know more of a competition. What the
    journal holds is not decided again.
    """

    def __init__(self, context: RunContext) -> None:
        settings: Settings = context.settings
        stop = context.stop
        self._settings = settings
        self._trials = TrialBox(context.box, settings.limits.memory_mb)
        self._history = context.history
        self._recorder = context.recorder
        self._models = context.models
        self._clock = context.clock
        log = settings.folders.logs / "workers.log"
        self._task = TaskService(log=log, stop=stop.fileno())
        # A worker of its own, so that a look at the data does not wait for views.
        self._viewer = TaskService(log=log, stop=stop.fileno())
        self._judging = WorkerProcess("core.judging.worker", log=log)
        self._weights = Pending("pretrained weights", NOTHING)
        self._preview: Pending[Preview | None] = Pending("data preview", None)
        self._leaks: Pending[tuple[str, ...]] = Pending("leak check", ())
        reader = context.authors.metric_reader
        self._metric = MetricStage(
            settings.folders,
            settings.config.task,
            self._trials,
            context.clock,
            reader,
            context.programs,
            self._judging,
            context.gate,
        )
        trial_s = min(TRIAL_S, WAIT_SHARE * settings.config.agent.time_limit)
        self._split = SplitStage(
            context.authors.split_reader,
            self._task,
            self._trials.within(trial_s),
            context.gate,
            context.programs,
            settings.folders.logs / "written_split",
        )
        self._written = self._split.known(context.history)

    @property
    def preview(self) -> Callable[[], Preview | None]:
        """A first look at the data; waits until it is there."""
        return self._preview.wait

    @property
    def weights(self) -> Pending[Weights]:
        """The pretrained weights that candidates can use, once they are known."""
        return self._weights

    def start_workers(self) -> None:
        """All at once: what they import costs more than what a small competition asks of them."""
        self._task.start()
        self._judging.start()
        if self._settings.has_model:
            self._viewer.start()

    def close(self) -> None:
        """Ends the workers. Safe to call twice."""
        for worker in (self._task, self._viewer, self._judging):
            worker.close()

    # ------------------------------------------------------------ the competition

    def recognise(self) -> CompetitionSpec:
        """The competition; a resumed run must still find the same data."""
        settings = self._settings
        spec = self._inspect()
        if self._history.spec is None:
            return spec
        before = self._history.spec.spec
        if before.data_digest != spec.data_digest:
            raise ResumeError(
                f"{settings.folders.logs} holds a run on other data than {settings.data_dir}"
            )
        return before

    def with_tables(self, spec: CompetitionSpec, deadline: float) -> CompetitionSpec:
        """A competition of which only the sample is understood, once more with the tables of a
        written program.

        As it is where no program is accepted, and in a run that has decided. deadline: of the run,
        epoch seconds.
        """
        if spec.tables.train is not None or self._history.spec is not None:
            return spec
        self.baseline(spec)
        self._written = self._split.decide(self._split_question(spec, deadline))
        if self._written is None:
            return spec
        found = self._inspect()
        if found.tables.train is None:
            self._written = None
        return found

    def ask_about_metric(self, spec: CompetitionSpec, deadline: float) -> None:
        """In the background, where the description leaves the metric open."""
        self._metric.ask(spec, self._history, self._models, deadline)

    def decide_metric(self, spec: CompetitionSpec) -> CompetitionSpec:
        """The competition with the metric that was told in time."""
        return self._metric.decide(spec, self._history, self._inspect)

    def look_around(self, spec: CompetitionSpec) -> None:
        """What only a model wants to know, in the background while views are built."""
        settings = self._settings
        self._preview.start(partial(last_preview, self._viewer, spec))
        box = self._trials.within(WEIGHTS_TRIAL_S)
        modalities = {spec.modality}
        if spec.features.texts:
            modalities.add("text")
        places, logs = settings.weight_places, settings.folders.logs
        self._weights.start(partial(find_weights, places, modalities, box, logs))

    def baseline(self, spec: CompetitionSpec) -> None:
        """Something valid in the output folder before anything is tried."""
        target = self._settings.folders.submission_csv
        if self._history.baseline is not None and target.exists():
            return
        source, rows = checked_baseline(self._task, spec, target, self._judging)
        self._recorder.append(BaselineWritten(source, rows, sha256_file(target)))

    def _inspect(self, metric: MetricAnswer | None = None) -> CompetitionSpec:
        """Where only the sample is understood, that is enough for those who can look at the rest by
        themselves. metric: what a language model read in the description.
        """
        settings = self._settings
        hints = Hints(settings.config.task, metric, self._written)
        found = (settings.data_dir, settings.description, hints, settings.folders.workspace)
        try:
            return self._task.inspect(*found)
        except SpecError as error:
            if not settings.has_model and self._history.spec is None:
                raise
            return self._task.inspect_bare(*found, why=str(error))

    def _split_question(self, spec: CompetitionSpec, deadline: float) -> SplitQuestion:
        now = self._clock()
        until = now + min(WAIT_S, WAIT_SHARE * (deadline - now))
        return SplitQuestion(spec, self._task.preview(spec), self._models, until)

    # ------------------------------------------------------------ views and judge

    def views(
        self, spec: CompetitionSpec, warn: Callable[[str], None]
    ) -> tuple[SplitSpec, ViewKeeper]:
        """The folders that candidates see: built once, checked on resume.

        warn: takes suspicions of leaks, for people.
        """
        settings, workspace = self._settings, self._settings.folders.workspace
        decided = self._history.spec
        if decided is not None:
            built = [from_json(View, view) for view in decided.views]
            keeper = self._keeper(spec, decided.split, built)
            keeper.repair()
            return decided.split, keeper
        self._leaks.start(partial(self._metric.leak_warnings, spec))
        task, most = settings.config.task, settings.config.judging.holdout_max_rows
        split = self._task.plan_split(spec, settings.seed, most, task)
        built, split = self._task.build_views(spec, split, workspace)
        # A table that the check cannot digest must not cost the run.
        warnings = self._leaks.wait()
        for warning in warnings:
            warn(f"possible leak: {warning}")
        program = self._metric.program
        key = digest(program) if program else ""
        views = tuple(to_json(view) for view in built)
        self._recorder.append(SpecDecided(spec, split, views, warnings, key))
        return split, self._keeper(spec, split, built)

    def build_views(
        self, spec: CompetitionSpec, split: SplitSpec, names: Sequence[str]
    ) -> list[View]:
        """Views by name, built from the original data."""
        workspace = self._settings.folders.workspace
        return self._task.build_views(spec, split, workspace, names)[0]

    def judge(self, spec: CompetitionSpec, split: SplitSpec) -> HoldoutJudge:
        """Who decides what an execution is worth."""
        return self._metric.judge(spec, split)

    def _keeper(self, spec: CompetitionSpec, split: SplitSpec, built: list[View]) -> ViewKeeper:
        return ViewKeeper(built, lambda name: self.build_views(spec, split, [name])[0])
