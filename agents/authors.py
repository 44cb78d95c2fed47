"""Puts together who writes programs: the recipes alone, or a language model with the recipes beside
it.
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from agents import graph
from agents.answers.absent import absent_packages
from agents.answers.self_check import reports_nothing
from agents.coach import ModelCoach
from agents.metric_reader import read_metric
from agents.plans import FirstPlans, PlansSoFar, RequestTimes
from agents.prompting import knowledge
from agents.prompting.error_text import error_text
from agents.prompting.progress import RunProgress, Skills
from agents.prompting.prompt_builder import PromptBuilder
from agents.prompting.siblings import FirstPlan, WrittenDraft, written_drafts
from agents.prompting.system_text import EVERY_OFFER, CandidateMachine, Offers, TaskFacts
from agents.proposer import ModelProposer
from agents.recipes.catalog import all_packages
from agents.recipes.proposer import RecipesProposer
from agents.split_reader import read_split
from agents.team import MixedTeam, ModelAlone, Partners, TeamRules
from core.genome import normalised_digest
from core.journal.history import History
from core.llm.models import preload
from core.protocols import Coach, Model, Proposer
from core.questions.metric_question import MetricQuestion, Reading
from core.questions.split_stage import SplitQuestion, WrittenSplits
from core.records import Brief, Proposal
from core.settings import ProposerFactory, Surroundings
from core.task.preview import Preview
from utils.config_schema import LlmConfig
from utils.packages import importable, installed, versions

# A program that is written so close to the end of the search does not run any more.
LAST_PROGRAM_S = 2.0
# One request and its repair.
REQUESTS_PER_PROPOSAL = 2


def recipes_only(around: Surroundings) -> Proposer:
    return RecipesProposer(around.spec, installed(all_packages()), _known(around))


def with_model(
    llm: LlmConfig,
    recipes: ProposerFactory,
    gpus: Sequence[str],
    drafts: int,
    offers: Offers = EVERY_OFFER,
) -> ProposerFactory:
    """The mixed team for a configuration whose code model can be built.

    recipes: who stands in for the model. gpus: names of the devices of this machine. drafts: first
    programs of a run, those of the recipes too. offers: what the harness does with programs, as
    configured. Loads the client libraries in the background at once.
    """
    preload(llm)
    threading.Thread(target=graph.load, name="load langgraph", daemon=True).start()
    return partial(_team, recipes, _Candidates(tuple(gpus[:1]), offers), drafts)


def shared(recipes: ProposerFactory) -> ProposerFactory:
    """One proposer of recipes for all who ask in a run: what it proposed to one is known to it when
    another asks.
    """
    made: list[tuple[Surroundings, Proposer]] = []

    def once(around: Surroundings) -> Proposer:
        if not made or made[-1][0] is not around:
            made.append((around, recipes(around)))
        return made[-1][1]

    return once


def partner_recipes(recipes: ProposerFactory) -> ProposerFactory:
    """Recipes for idle boxes, one of each family."""
    return lambda around: Partners(recipes(around))


@dataclass(frozen=True, slots=True)
class _Candidates:
    """gpus: names of the devices of one. offers: what the harness does with them."""

    gpus: tuple[str, ...]
    offers: Offers


def _team(
    recipes: ProposerFactory, candidates: _Candidates, drafts: int, around: Surroundings
) -> Proposer:
    model = around.models.of("code")
    if model is None:
        return recipes(around)
    if around.split.kind == "none":
        # A recipe does not measure itself.
        return ModelAlone(_Author(around, model, candidates, drafts))
    rules = TeamRules()
    author = _Author(around, model, candidates, drafts - rules.recipe_drafts)
    return MixedTeam(
        recipes(around),
        author,
        model,
        rules,
        over=lambda: around.search_ends() - around.clock() < LAST_PROGRAM_S,
    )


def metric_reader(question: MetricQuestion) -> Reading:
    """What the model of the role `feedback` reads; where there is none, nobody knows."""
    model = question.models.of("feedback")
    if model is None:
        return None
    return read_metric(model, question)


def split_reader(question: SplitQuestion) -> WrittenSplits | None:
    """What the model of the role `code` writes, as it does programs."""
    model = question.models.of("code")
    if model is None:
        return None
    return read_split(model, question)


def coach(around: Surroundings) -> Coach | None:
    """Asks the model of the role `feedback`; None where there is none."""
    model, timeout = around.models.of("feedback"), around.models.timeout("feedback")
    if model is None:
        return None
    return ModelCoach(model, lambda: min(around.clock() + timeout, around.search_ends()))


class _Author:
    """A ModelProposer, made when the first brief asks for it: the recipes' drafts do not wait for
    its preview.
    """

    def __init__(
        self, around: Surroundings, model: Model, candidates: _Candidates, drafts: int
    ) -> None:
        """drafts: first programs that the model writes."""
        self._around = around
        self._model = model
        self._candidates = candidates
        self._drafts = drafts
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
            self._prompts,
            self._gate,
            _known(around),
            around.clock,
            around.models.timeout("code") * REQUESTS_PER_PROPOSAL,
            around.search_ends,
            self._plans,
        )

    @cached_property
    def _plans(self) -> FirstPlans:
        around = self._around
        so_far = PlansSoFar(self._drafts, around.history.plans, partial(_written_drafts, around))
        times = RequestTimes(around.clock, around.models.timeout("code"), around.search_ends)
        return FirstPlans(self._model, lambda: self._prompts, so_far, around.recorder, times)

    def _gate(self, program: str) -> Sequence[str]:
        reasons = [*self._around.gate(program)]
        if self._around.split.kind == "none":
            reasons += reports_nothing(program)
        return [*reasons, *absent_packages(program, importable)]

    @cached_property
    def _prompts(self) -> PromptBuilder:
        of = self._candidates
        return prompts_of(self._around, of.gpus, self._plans.of, of.offers)


def prompts_of(
    around: Surroundings,
    gpus: tuple[str, ...] = (),
    first_plan: Callable[[Brief], FirstPlan | None] = lambda brief: None,
    offers: Offers = EVERY_OFFER,
) -> PromptBuilder:
    """The prompts of a run, as its history stands whenever one is written. gpus: names of the devices
    of a candidate. first_plan: what is kept for a first draft. offers: as configured.
    """
    weights, preview = around.weights(), around.preview()
    machine = CandidateMachine(
        python=platform.python_version(),
        packages=versions(),
        cpus=around.cpus_each,
        memory_mb=around.memory_mb,
        gpus=gpus,
        weights=weights.text,
        pretrained=bool(weights.modalities),
    )
    facts = knowledge.Facts(
        gpus=len(gpus),
        packages=installed(knowledge.packages_named()),
        weights=weights.modalities,
        text_words=preview.text_words if preview is not None else 0,
        categories=categories(preview),
    )
    spans = _spans(around.history)
    task = TaskFacts(around.spec, preview, around.split, around.warnings, spans, offers)
    skills = partial(_skills, around, facts)
    progress = replace(_progress(around, skills), first_plan=first_plan)
    return PromptBuilder(task, machine, progress)


def categories(preview: Preview | None) -> int:
    """Columns of the train table that hold words, each in many rows; 0 where nobody has looked."""
    if preview is None or preview.train is None:
        return 0
    found = [column for column in preview.train.columns if column.kind == "category"]
    return sum(column.count for column in found)


def _progress(around: Surroundings, skills: Skills) -> RunProgress:
    history = around.history
    return RunProgress(
        entries=lambda: history.entries,
        running=partial(_running, history),
        drafts=partial(_written_drafts, around),
        skills=skills,
        limits_s=lambda: history.limits_s,
        spans=partial(_spans, history),
        likeness=lambda first, second: history.likeness.get(frozenset((first, second))),
        errors=partial(_errors, around),
        blend=around.blend,
        seconds_left=lambda: around.search_ends() - around.clock(),
    )


def _running(history: History) -> list[Proposal]:
    return [proposal for proposal in history.pending.values() if not proposal.extra]


def _errors(around: Surroundings, entry_id: str, limit: int) -> str:
    report = around.errors(entry_id)
    if report is None:
        return ""
    return error_text(report, limit)


def _spans(history: History) -> dict[str, str]:
    """What each view holds out, by its name, as the journal says; old journals say nothing of it."""
    if history.spec is None:
        return {}
    return {view["name"]: view.get("span", "") for view in history.spec.views}


def _written_drafts(around: Surroundings) -> list[WrittenDraft]:
    history = around.history
    return written_drafts(history.entries, history.pending.values())


def _skills(around: Surroundings, facts: knowledge.Facts, brief: Brief, most: int) -> Sequence[str]:
    return knowledge.pick(brief, around.spec, facts, most)


def _known(around: Surroundings) -> list[str]:
    return [normalised_digest(program) for program in around.programs]
