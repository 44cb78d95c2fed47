"""What the epochs of level 2 cost the agent: a made-up run of many steps, learned from after every
ten of them.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import get_args

from agents.personas import load_personas
from benchmark.measure import Figures, Measure, markdown, number
from benchmark.study.policies import default_config, loud
from benchmark.study.replay import Memory
from core.doubles import ManualClock, entry
from core.events import FoldScored, Proposed, StepDone
from core.evolution.briefs import BY_KIND
from core.evolution.change_words import with_change
from core.genome import LOCI
from core.journal.history import History
from core.learning.level_two import LearningFacts, LevelTwo, evolution_of
from core.records import Brief, BriefKind, Entry, Proposal
from utils.embedding_hashing import all_hashed

STEPS_PER_EPOCH = 10
# Lessons come of changes of one part: these are drawn twice as often.
_KINDS: tuple[BriefKind, ...] = (*get_args(BriefKind), "mutate", "tune")
_NAMES = tuple(map("_".join, itertools.product(("MAX", "MIN", "L2", "DROP", "RATE"), "ABCD")))
_ACTS = ("add", "remove", "increase", "smooth", "clip", "reduce")
_THINGS = (
    "target encoding",
    "depth",
    "learning rate",
    "ratios of columns",
    "bagging",
    "rare levels",
    "class weights",
)


@dataclass(frozen=True, slots=True)
class EpochCost:
    """Seconds per epoch. The words of lessons are hashed here: a model would answer from another
    process.
    """

    steps: int
    epochs: int
    median_s: float
    longest_s: float
    rewritten: int
    skills: int


def measure_epochs(steps: int) -> EpochCost:
    """Half of the changes are named exactly, as recipes do, the others worded freely, as models do."""
    draw, clock = random.Random(0), ManualClock(0.0)
    history = History(lambda key: "")
    memory = Memory(history, clock)
    config, found = default_config(), []
    learner = LevelTwo(
        evolution_of(config.evolution, all_hashed, lambda *_: "", None, 0),
        LearningFacts("maximize", config.search, config.evolution),
        load_personas(),
        history,
        memory,
        background=False,
        complain=loud,
    )
    learner.start()
    for index in range(steps):
        step = _step(index, history, draw)
        brief = Brief(index, "draft", 7)
        proposal = Proposal.to(brief, plan=step.plan, program="", genes={}, locus=None)
        memory.append(Proposed(proposal, step.program))
        for fold in step.folds:
            memory.append(FoldScored(step.id, fold, 60.0))
        memory.append(StepDone(step))
        if (index + 1) % STEPS_PER_EPOCH == 0:
            begin = time.perf_counter()
            learner.epoch((index + 1) // STEPS_PER_EPOCH)
            found.append(time.perf_counter() - begin)
    versions = history.population.versions.values()
    return EpochCost(
        steps, len(found), median(found), max(found), sum(versions), len(history.population.skills)
    )


def epochs_table(cost: Figures) -> str:
    """cost: of EpochCost."""
    longest = f"longest of {cost['epochs']} epochs in a run of {cost['steps']} steps, s"
    learnt = f"{cost['rewritten']}, {cost['skills']}"
    rows = (
        (longest, f"{cost['longest_s']:.3f}", "< 0.5"),
        ("median epoch, s", f"{cost['median_s']:.3f}"),
        ("personas rewritten, lessons in force at the end", learnt),
    )
    return markdown(("figure", "measured", "target"), rows)


def _step(index: int, history: History, draw: random.Random) -> Entry:
    """A step whose gains depend on nothing but luck: clusters and trials of any outcome come up."""
    older, population = history.entries, history.population
    kind: BriefKind = "draft"
    if len(older) > STEPS_PER_EPOCH:
        kind = draw.choice(_KINDS)
    locus, plan, change = None, "a program", ""
    if BY_KIND[kind].one_part:
        locus = draw.choice(LOCI)
    parents = draw.sample(older, BY_KIND[kind].parents)
    step = entry(
        f"s{index:04d}",
        draw.gauss(0.8, 0.05),
        kind=kind,
        parents=tuple(parent.id for parent in parents),
        locus=locus,
    )
    persona = draw.choice(list(population.personas.values())).label
    if locus is not None:
        change = f"{locus}: {_change(draw)}"
        plan = with_change(plan, change)
    incumbent = None
    if older:
        incumbent = max(older, key=lambda one: one.verdict.score or 0.0).id
    known = sorted(population.skills)
    return dataclasses.replace(
        step,
        persona=persona,
        plan=plan,
        change=change,
        genes={at: f"{at}{draw.randrange(30)}" for at in LOCI},
        skills=tuple(draw.sample(known, min(len(known), draw.randrange(6)))),
        incumbent=incumbent,
    )


def _change(draw: random.Random) -> str:
    if draw.random() < 0.5:
        return f"{draw.choice(_NAMES)} {draw.randint(1, 9)} -> {draw.randint(10, 99)}"
    first = f"{draw.choice(_ACTS)} {draw.choice(_THINGS)}"
    return f"{first} and {draw.choice(_ACTS)} {draw.choice(_THINGS)}"


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    yield asdict(measure_epochs(options.steps))


MEASURE = Measure(
    name="epochs",
    help="seconds of the agent in the epochs of level 2",
    options=(number("--steps", 1000, "steps of the made-up run"),),
    figures=_figures,
    line=epochs_table,
    table=epochs_table,
    sections=("epochs",),
)
