"""Puts together what the loop works with, once a competition is open."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from core.budget import Budget
from core.ending.likeness import likeness_of, rivalry_of
from core.ending.told import BlendSoFar, ErrorReports
from core.evaluation import Evaluator
from core.evolution.briefing import Briefing
from core.evolution.diversity import Alike
from core.evolution.evidence import is_unproven
from core.evolution.extras import ExtraSearch
from core.evolution.focus import competition_traits
from core.evolution.model_search import ModelSearch
from core.evolution.search import EvolutionSearch
from core.evolution.selection import race_is_lost, takes_the_lead
from core.evolution.skill_extractor import gene_reader
from core.execution.leases import LeasePool
from core.execution.probe import probe_fault
from core.execution.runner import BoxRunner
from core.execution.weights import Weights
from core.judging.service import HoldoutJudge
from core.learning.level_two import LearningFacts, LevelTwo, assignment_of, evolution_of, tools_of
from core.loop import LoopParts, Rules
from core.pacing import Pacer
from core.protocols import Publisher, Search
from core.records import CompetitionSpec, SplitSpec
from core.settings import RunContext, Settings, Surroundings
from core.task.keeper import ViewKeeper
from core.task.preview import Preview
from utils.background import Pending
from utils.config_schema import SearchConfig, SolutionConfig

# Steps that recipes propose or that are judged while all workers are busy.
LANES_AHEAD = 1


@dataclass(frozen=True, slots=True)
class OpenCompetition:
    """What the stages before the search have decided."""

    spec: CompetitionSpec
    split: SplitSpec
    views: ViewKeeper
    judge: HoldoutJudge


class Assembly:
    """Builds the parts of the loop out of what the run owns."""

    def __init__(
        self,
        context: RunContext,
        budget: Budget,
        leases: LeasePool,
        preview: Callable[[], Preview | None],
        weights: Pending[Weights],
    ) -> None:
        """preview: waits for a look at the data."""
        self._context = context
        self._settings: Settings = context.settings
        self._budget = budget
        self._leases = leases
        self._preview = preview
        self._weights = weights

    def rules(self, spec: CompetitionSpec) -> Rules:
        return Rules(
            lanes=self._lanes,
            steps_per_epoch=self._settings.config.agent.steps_per_epoch,
            gate=self._context.gate,
            takes_the_lead=takes_the_lead,
            race_is_lost=race_is_lost,
            calls=self._settings.calls,
            workers=self._leases.size,
            is_unproven=partial(is_unproven, direction=spec.metric.direction),
        )

    def parts(
        self, opened: OpenCompetition, publisher: Publisher, complain: Callable[[Exception], None]
    ) -> tuple[LoopParts, LevelTwo]:
        """What the loop works with, and level 2 of it. complain: takes our own bugs in level 2,
        which cost the run no more than that.
        """
        spec, split, views, judge = opened.spec, opened.split, opened.views, opened.judge
        runner = self._runner()
        pace = self._pacer(spec, split, views)
        evaluator = Evaluator(
            runner,
            views,
            judge,
            pace,
            self._context.recorder,
            self._context.history,
            self._context.stop,
            probe_fault,
        )
        around = self._surroundings(opened, pace)
        learner = self._learner(around, complain)
        parts = LoopParts(
            proposer=self._context.authors.proposer(around),
            search=self._search(spec, judge),
            evaluator=evaluator,
            pace=pace,
            recorder=self._context.recorder,
            state=self._context.history,
            programs=self._context.programs,
            publisher=publisher,
            stop=self._context.stop,
            clock=self._context.clock,
            learner=learner,
            extras=self._extras(spec, split, around),
            abandon=self._context.models.abandon,
        )
        return parts, learner

    def _search(self, spec: CompetitionSpec, judge: HoldoutJudge) -> Search:
        """Recipes explore by themselves; a model is sent to the best that is known."""
        settings, config = self._settings, self._settings.config
        programs, history = self._context.programs.get, self._context.history
        solution, direction = config.evolution.solution, spec.metric.direction
        assignment = assignment_of(config.evolution, settings.seed, lambda: history.population)
        alike = likeness_of(judge, spec)
        if not settings.has_model:
            return EvolutionSearch(
                config.search, solution, direction, settings.seed, programs, alike, assignment
            )
        # No values are asked for in the name of a model, also while recipes stand in for it.
        alone = dataclasses.replace(solution, tune=False)
        stand_in = EvolutionSearch(
            config.search, alone, direction, settings.seed, programs, alike, assignment
        )
        briefing = Briefing(settings.seed, programs, assignment)
        rivals = rivalry_of(history, self._context.recorder, judge, spec)
        return model_search(spec, config.search, solution, briefing, rivals, stand_in)

    @property
    def _lanes(self) -> int:
        """More than workers, so that proposals and judging overlap with executions; with one worker
        decisions stay in one order, and a replay decides the same. Where a model writes, requests
        and boxes have slots of their own instead.
        """
        if self._leases.size == 1:
            return 1
        return self._leases.size + LANES_AHEAD

    @property
    def _in_one_order(self) -> bool:
        """One decision follows from another, and a replay takes the same."""
        return self._lanes == 1 and not self._settings.has_model

    def _runner(self) -> BoxRunner:
        return BoxRunner(
            box=self._context.box,
            log_dir=self._settings.folders.logs,
            leases=self._leases,
            limits=self._settings.limits,
            weights=self._weights.now,
            clock=self._context.clock,
            deadline=lambda: self._budget.deadline,
        )

    def _pacer(self, spec: CompetitionSpec, split: SplitSpec, views: ViewKeeper) -> Pacer:
        runs_at_end = 1.0
        if split.locked_rows == 0:
            runs_at_end = self._settings.config.judging.finalists * split.folds / self._leases.size
        return Pacer(
            self._context.history,
            self._budget,
            len(spec.features.names),
            self._settings.config.execution.timeout_max,
            views,
            self._context.clock,
            runs_at_end=runs_at_end,
            model_workers=self._leases.size if self._settings.has_model else 0,
        )

    def _extras(
        self, spec: CompetitionSpec, split: SplitSpec, around: Surroundings
    ) -> ExtraSearch | None:
        """What idle boxes run beside a model. Nothing where nothing is held out: there programs say
        themselves what they are worth, and values that flatter would win.
        """
        settings, authors = self._settings, self._context.authors
        on = settings.has_model and settings.config.search.extras and split.kind != "none"
        if not on:
            return None
        partner = None
        if authors.partner is not None:
            partner = authors.partner(around)
        return ExtraSearch(
            spec.metric.direction, settings.seed, self._context.programs.get, partner
        )

    def _learner(self, around: Surroundings, complain: Callable[[Exception], None]) -> LevelTwo:
        """Level 2, in the background where decisions need not stay in one order."""
        settings, spec, history = self._settings, around.spec, self._context.history
        evolution, stop = settings.config.evolution, self._context.stop.fileno()
        tools = tools_of(evolution.skill, settings.folders, spec, around.split, stop)
        genes = gene_reader(lambda: history.entries, self._context.programs.get)
        coach = self._context.authors.coach(around)
        return LevelTwo(
            evolution_of(evolution, tools.embed, genes, coach, settings.seed),
            LearningFacts(spec.metric.direction, settings.config.search, evolution),
            self._context.authors.personas,
            history,
            self._context.recorder,
            not self._in_one_order,
            complain,
            tools,
        )

    def _surroundings(self, opened: OpenCompetition, pace: Pacer) -> Surroundings:
        settings, history = self._settings, self._context.history
        spec, split, judge = opened.spec, opened.split, opened.judge
        recorder = self._context.recorder
        before = [self._context.programs.get(entry.program) for entry in history.entries]
        before += [proposal.program for proposal in history.pending.values()]
        warnings: tuple[str, ...] = ()
        if history.spec is not None:
            warnings = history.spec.warnings
        return Surroundings(
            spec=spec,
            split=split,
            warnings=warnings,
            programs=tuple(before),
            program=self._context.programs.get,
            history=history,
            recorder=recorder,
            preview=self._preview,
            weights=self._weights.wait,
            gate=self._context.gate,
            models=self._context.models,
            seed=settings.seed,
            cpus_each=self._leases.cpus_each,
            memory_mb=settings.limits.memory_mb,
            stop=self._context.stop,
            clock=self._context.clock,
            search_ends=pace.search_ends,
            errors=ErrorReports(history, recorder, judge, opened.views.search),
            # Twins by what they predict, as in the end: all err alike where nobody can foresee.
            blend=BlendSoFar(spec, history, recorder, judge, likeness_of(judge, spec)),
        )


def model_search(
    spec: CompetitionSpec,
    search: SearchConfig,
    solution: SolutionConfig,
    briefing: Briefing,
    alike: Alike,
    stand_in: Search,
) -> ModelSearch:
    """The search where a model writes. alike: likeness of two entries by what they get wrong.
    stand_in: decides while recipes are alone.
    """
    traits = competition_traits(spec)
    direction = spec.metric.direction
    return ModelSearch(search, solution, direction, briefing, alike, traits, stand_in)
