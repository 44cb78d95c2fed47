"""What the epochs of level 2 cost the agent: a made-up run of many steps, learned from after every
ten of them.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, get_args

from agents.personas import load_personas
from benchmark.study.policies import default_level_two, default_settings, loud
from benchmark.study.replay import Memory
from core.doubles import ManualClock, entry
from core.events import FoldScored, Proposed, StepDone
from core.genome import LOCI
from core.journal.history import History
from core.learning.level_two import LearningFacts, LevelTwo, evolution_of
from core.records import Brief, BriefKind, Entry, Proposal
from utils.embedding_hashing import all_hashed

STEPS_PER_EPOCH = 10
_KINDS = get_args(BriefKind)
_NAMES = tuple(
    f"{first}_{second}"
    for first in ("MAX", "MIN", "L2", "DROP", "RATE")
    for second in ("A", "B", "C", "D")
)
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
    two, found = default_level_two(), []
    learner = LevelTwo(
        evolution_of(two, all_hashed, lambda *_: "", None, 0),
        LearningFacts("maximize", default_settings(), two.dispatch.records),
        load_personas(),
        history,
        memory,
        background=False,
        complain=loud,
    )
    learner.start()
    for number in range(steps):
        made = _step(number, history, draw)
        proposal = Proposal.to(
            Brief(number, "draft", 7), plan=made.plan, program="", genes={}, locus=None
        )
        memory.append(Proposed(proposal, made.program))
        for fold in made.folds:
            memory.append(FoldScored(made.id, fold, 60.0))
        memory.append(StepDone(made))
        if (number + 1) % STEPS_PER_EPOCH == 0:
            begin = time.perf_counter()
            learner.epoch((number + 1) // STEPS_PER_EPOCH)
            found.append(time.perf_counter() - begin)
    versions = history.population.versions.values()
    return EpochCost(
        steps, len(found), median(found), max(found), sum(versions), len(history.population.skills)
    )


def epochs_table(cost: Mapping[str, Any]) -> str:
    rows = [
        (
            f"longest of {cost['epochs']} epochs in a run of {cost['steps']} steps, s",
            f"{cost['longest_s']:.3f}",
            "< 0.5",
        ),
        ("median epoch, s", f"{cost['median_s']:.3f}", ""),
        (
            "personas rewritten, lessons in force at the end",
            f"{cost['rewritten']}, {cost['skills']}",
            "",
        ),
    ]
    return "\n".join(
        [
            "| figure | measured | target |",
            "|---|---|---|",
            *(f"| {' | '.join(row)} |" for row in rows),
        ]
    )


def _step(number: int, history: History, draw: random.Random) -> Entry:
    """A step whose gains depend on nothing but luck: clusters and trials of any outcome come up."""
    older = history.entries
    population = history.population
    kind = draw.choice(_KINDS) if len(older) > STEPS_PER_EPOCH else "draft"
    locus = draw.choice(LOCI) if kind in ("mutate", "tune") else None
    parents = (
        ()
        if kind == "draft"
        else tuple(one.id for one in draw.sample(older, 2 if kind == "merge" else 1))
    )
    known = sorted(population.skills)
    made = entry(f"s{number:04d}", draw.gauss(0.8, 0.05), kind=kind, parents=parents, locus=locus)
    return dataclasses.replace(
        made,
        persona=draw.choice(list(population.personas.values())).label,
        plan=f"a program [{locus}: {_change(draw)}]" if locus else "a program",
        genes={at: f"{at}{draw.randrange(30)}" for at in LOCI},
        skills=tuple(draw.sample(known, min(len(known), draw.randrange(6)))),
        incumbent=max(older, key=lambda one: one.verdict.score or 0.0).id if older else None,
    )


def _change(draw: random.Random) -> str:
    if draw.random() < 0.5:
        return f"{draw.choice(_NAMES)} {draw.randint(1, 9)} -> {draw.randint(10, 99)}"
    return f"{draw.choice(_ACTS)} {draw.choice(_THINGS)} and {draw.choice(_ACTS)} {draw.choice(_THINGS)}"
