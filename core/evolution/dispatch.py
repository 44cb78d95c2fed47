"""Which persona gets a brief: Thompson sampling over what each gained per second with briefs of a
kind. Pure.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from core.evolution.bandit import PRIOR_GAIN, account_of
from core.evolution.experience import Experience, experiences
from core.evolution.situation import Situation
from core.persona import NOBODY, Persona, Population
from core.records import BriefKind

# Steps of the average persona that each one is credited with before its first of a kind.
PRIOR_STEPS = 3.0
# Of all briefs, for each persona, whatever it brought; more for one on trial, so that the trial
# ends.
LEAST_SHARE = 0.08
TRIAL_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class DispatchSettings:
    """learns: False gives every persona the same share. records: newest steps that are remembered."""

    learns: bool = True
    records: int = 10_000


class TaskDispatcher:
    """Chooses who writes. The same situation, population and generator give the same persona."""

    def __init__(self, settings: DispatchSettings) -> None:
        self._settings = settings

    def choose(
        self, kind: BriefKind, population: Population, now: Situation, rng: random.Random
    ) -> Persona:
        """NOBODY where there are no personas."""
        personas = list(population.personas.values())
        if not personas:
            return NOBODY
        if not self._settings.learns:
            return rng.choice(personas)
        drawn = rng.random()
        for persona in personas:
            drawn -= TRIAL_SHARE if persona.name in population.probations else LEAST_SHARE
            if drawn < 0:
                return persona
        return self._best_draw(kind, personas, experiences(now, self._settings.records), rng)

    def _best_draw(
        self,
        kind: BriefKind,
        personas: Sequence[Persona],
        pool: Sequence[Experience],
        rng: random.Random,
    ) -> Persona:
        """The persona whose drawn rate of gain is highest. Readiness scales what is expected before
        it is known.
        """
        own = [item for item in pool if item.kind == kind and not item.opening]
        everyone = account_of(own)
        usual = (everyone.gain + PRIOR_GAIN) / (everyone.cost + 1.0)

        def draw(persona: Persona) -> float:
            known = account_of([item for item in own if item.persona == persona.label])
            events = PRIOR_STEPS * usual * persona.readiness(kind) + known.gain
            return rng.gammavariate(events, 1.0 / (PRIOR_STEPS + known.cost)) if events > 0 else 0.0

        return max([(draw(persona), persona) for persona in personas], key=lambda pair: pair[0])[1]
