"""Puts together who writes programs: the recipes alone, or a language model with the recipes beside
it.
"""

from __future__ import annotations

import logging
import platform
import threading
from collections.abc import Sequence
from functools import cached_property, partial

from agents import graph
from agents.answers.absent import absent_packages
from agents.answers.self_check import reports_nothing
from agents.coach import ModelCoach
from agents.metric_reader import read_metric
from agents.prompting import knowledge
from agents.prompting.prompt_builder import PromptBuilder, RunProgress
from agents.prompting.siblings import WrittenDraft, written_drafts
from agents.prompting.system_text import CandidateMachine, TaskFacts
from agents.proposer import ModelProposer
from agents.recipes.catalog import all_packages
from agents.recipes.proposer import RecipesProposer
from agents.split_reader import read_split
from agents.team import MixedTeam, ModelAlone, TeamRules
from core.genome import normalised_digest
from core.journal.programs import TextStore
from core.llm.factory import RoleName, build_model, preload, provider_of
from core.llm.stoppable import StoppableModel
from core.protocols import Coach, Model, Proposer
from core.questions.metric_question import MetricQuestion, MetricReader, Reading
from core.questions.split_stage import SplitQuestion, SplitReader, WrittenSplits
from core.records import Brief, Proposal
from core.surroundings import ProposerFactory, Surroundings
from utils.config_schema import LlmConfig
from utils.errors import ConfigError
from utils.packages import importable, installed, versions

log = logging.getLogger(__name__)

# One request and its repair.
REQUESTS_PER_PROPOSAL = 2


def recipes_only(around: Surroundings) -> Proposer:
    return RecipesProposer(around.spec, installed(all_packages()), _known(around))


def with_model(
    llm: LlmConfig, recipes: ProposerFactory, calls: int, gpus: Sequence[str]
) -> ProposerFactory:
    """The mixed team for a configuration whose code model can be built. calls: briefs that it works
    on at a time.

    recipes: who stands in for the model. gpus: names of the devices of this machine. Loads the
    client libraries in the background at once.
    """
    preload(llm)
    threading.Thread(target=graph.load, name="load langgraph", daemon=True).start()
    return partial(_team, llm, recipes, calls, tuple(gpus[:1]))


def _model(
    llm: LlmConfig, role: RoleName, around: Surroundings | MetricQuestion | SplitQuestion
) -> Model | None:
    """The model of a role, with its calls in the journal of the run, and left alone when the run
    stops.
    """
    totals = around.history.llm
    model = build_model(
        llm,
        role,
        record=around.recorder.append,
        put=TextStore(around.answers, ".txt").put,
        spent=lambda: (totals.prompt_tokens + totals.completion_tokens, totals.cost_usd),
        clock=around.clock,
        seed=around.seed,
    )
    return None if model is None else StoppableModel(model, around.stop)


def _team(
    llm: LlmConfig,
    recipes: ProposerFactory,
    calls: int,
    gpus: tuple[str, ...],
    around: Surroundings,
) -> Proposer:
    listened = _model(llm, "code", around)
    if listened is None:
        return recipes(around)
    author = _Author(around, listened, gpus, llm.code.timeout * REQUESTS_PER_PROPOSAL)
    if around.split.kind == "none":
        # A recipe does not measure itself.
        return ModelAlone(author)
    floor = recipes(around)
    return MixedTeam(floor, author, listened, TeamRules(calls=calls), around.steps_to_spare)


def metric_reader(llm: LlmConfig) -> MetricReader:
    """Asks the model of the role `feedback`; where it cannot be built, nobody knows."""
    return partial(_read_metric, llm)


def _read_metric(llm: LlmConfig, question: MetricQuestion) -> Reading:
    try:
        model = _model(llm, "feedback", question)
    except ConfigError as error:
        log.warning("nobody is asked for the metric: %s", error)
        return None
    return None if model is None else read_metric(model, question)


def split_reader(llm: LlmConfig) -> SplitReader:
    """Asks the model of the role `code`: it writes programs."""
    return partial(_read_split, llm)


def _read_split(llm: LlmConfig, question: SplitQuestion) -> WrittenSplits | None:
    try:
        model = _model(llm, "code", question)
    except ConfigError as error:
        log.warning("nobody is asked for a split: %s", error)
        return None
    return None if model is None else read_split(model, question)


def coach(llm: LlmConfig, around: Surroundings) -> Coach | None:
    """Asks the model of the role `feedback`; None where no model writes programs, and where it
    cannot be built.
    """
    if provider_of(llm.code) == "recipes" and llm.replay_dir is None:
        return None
    try:
        model = _model(llm, "feedback", around)
    except ConfigError as error:
        log.warning("personas and lessons get no words of a model: %s", error)
        return None
    if model is None:
        return None
    return ModelCoach(
        model, lambda: min(around.clock() + llm.feedback.timeout, around.search_ends())
    )


class _Author:
    """A ModelProposer, made when the first brief asks for it: the recipes' drafts do not wait for
    its preview.
    """

    def __init__(
        self, around: Surroundings, model: Model, gpus: tuple[str, ...], allowance_s: float
    ) -> None:
        self._around = around
        self._model = model
        self._gpus = gpus
        self._allowance_s = allowance_s
        self._lock = threading.Lock()

    def propose(self, brief: Brief) -> Proposal:
        with self._lock:
            proposer = self._proposer
        return proposer.propose(brief)

    @cached_property
    def _proposer(self) -> ModelProposer:
        around = self._around
        return ModelProposer(
            self._model,
            self._prompts(),
            self._gate,
            _known(around),
            around.clock,
            self._allowance_s,
            around.search_ends,
        )

    def _gate(self, program: str) -> Sequence[str]:
        missing = reports_nothing(program) if self._around.split.kind == "none" else ()
        return (*self._around.gate(program), *missing, *absent_packages(program, importable))

    def _prompts(self) -> PromptBuilder:
        around = self._around
        weights, preview = around.weights(), around.preview()
        machine = CandidateMachine(
            python=platform.python_version(),
            packages=versions(),
            cpus=around.cpus_each,
            memory_mb=around.memory_mb,
            gpus=self._gpus,
            weights=weights.text,
        )
        facts = knowledge.Facts(
            gpus=len(self._gpus),
            packages=installed(knowledge.packages_named()),
            weights=weights.modalities,
            text_words=preview.text_words if preview is not None else 0,
        )
        task = TaskFacts(around.spec, preview, around.split, around.warnings)
        skills = partial(_skills, around, facts)
        progress = RunProgress(
            lambda: around.history.entries, partial(_written_drafts, around), skills
        )
        return PromptBuilder(task, machine, progress)


def _written_drafts(around: Surroundings) -> list[WrittenDraft]:
    history = around.history
    return written_drafts(history.entries, history.pending.values())


def _skills(around: Surroundings, facts: knowledge.Facts, brief: Brief, most: int) -> Sequence[str]:
    return knowledge.pick(brief, around.spec, facts, most)


def _known(around: Surroundings) -> list[str]:
    return [normalised_digest(program) for program in around.programs]
