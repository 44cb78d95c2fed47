"""Which persona gets a brief: Thompson sampling over what each gained per second with briefs of a
kind. Pure.

A gain counts as so many events in the time that its step took, so a persona's rate has a gamma
distribution.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.evolution.experience import Experience, experiences
from core.evolution.situation import Situation
from core.persona import NOBODY, Persona, Population
from core.records import BriefKind
from utils.config_schema import ExperiencePoolConfig

# What a step said is worth half after 23 more: what pays at the start does not pay at the end.
DISCOUNT = 0.97
# Gain that all share before there is any, in spreads.
PRIOR_GAIN = 0.1
# Steps of the average persona that each one is credited with before its first of a kind.
PRIOR_STEPS = 3.0
# Of all briefs, for each persona, whatever it brought; more for one on trial, so that the trial
# ends.
LEAST_SHARE = 0.08
TRIAL_SHARE = 0.3


@dataclass(slots=True)
class Account:
    """What some steps brought (in spreads of the scores) and cost (in usual steps), discounted."""

    gain: float = 0.0
    cost: float = 0.0


class TaskDispatcher:
    """Chooses who writes. The same situation, population and generator give the same persona."""

    def __init__(self, memory: ExperiencePoolConfig) -> None:
        self._memory = memory

    def choose(
        self, kind: BriefKind, population: Population, now: Situation, rng: random.Random
    ) -> Persona:
        """NOBODY where there are no personas."""
        personas = list(population.personas.values())
        if not personas:
            return NOBODY
        if not self._memory.enabled:
            return rng.choice(personas)
        drawn = rng.random()
        for persona in personas:
            drawn -= TRIAL_SHARE if persona.name in population.probations else LEAST_SHARE
            if drawn < 0:
                return persona
        return self._best_draw(kind, personas, experiences(now, self._memory.max_records), rng)

    def _best_draw(
        self,
        kind: BriefKind,
        personas: Sequence[Persona],
        pool: Sequence[Experience],
        rng: random.Random,
    ) -> Persona:
        """The persona whose drawn rate of gain is highest. Readiness scales what is expected before
        it is known. The first drafts are on nobody's account: they lead each other on by their
        nature.
        """
        same_kind = [item for item in pool if item.kind == kind and not item.opening]
        everyone = account_of(same_kind)
        usual = (everyone.gain + PRIOR_GAIN) / (everyone.cost + 1.0)

        def draw(persona: Persona) -> float:
            known = account_of(item for item in same_kind if item.persona == persona.label)
            events = PRIOR_STEPS * usual * persona.readiness(kind) + known.gain
            if events <= 0:
                return 0.0
            return rng.gammavariate(events, 1.0 / (PRIOR_STEPS + known.cost))

        return max(personas, key=draw)


def account_of(pool: Iterable[Experience]) -> Account:
    """Gain and cost of some steps; what is long ago counts less."""
    account = Account()
    for item in pool:
        account.gain += DISCOUNT**item.age * item.profit
        account.cost += DISCOUNT**item.age * item.cost
    return account
