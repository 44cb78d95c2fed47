"""How personas change: the weakest is rewritten, tried beside the others, and kept or rolled back.
Pure.

Gains shrink as a run goes on and differ by kind of brief, so a persona is measured against what
others gained with the same kind at the same time: its standing is a ratio of gains to expected
gains, with a gamma distribution.
"""

from __future__ import annotations

import dataclasses
import random
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean
from typing import Any

from core.events import Event, PersonaChanged
from core.evolution.briefs import REBUILD
from core.evolution.experience import Experience
from core.evolution.selection import derived_rng
from core.evolution.skills import SkillManager
from core.persona import Persona, Population, Probation
from core.protocols import Coach
from utils.config_schema import AgentEvolutionConfig

# Steps of the average persona that every standing starts with, as gain and as expected gain.
PRIOR = 0.3
# A standing above this is not weak.
PAR = 0.95
# Contemporaries: so many finished steps before and after.
WINDOW = 20
# Steps that a persona must have written before it can be called weak, and before a trial ends.
LEAST_RECORDS = 3
TRIAL_RECORDS = 6
# A trial that did not get its steps within so many others ends without evidence, and so with the
# old persona.
LONGEST_TRIAL = 80
DRAWS = 400
# Recombined weights stay between these; a jump is a factor exp(N(0, JUMP)).
LEAST_WEIGHT, MOST_WEIGHT, JUMP = 0.25, 4.0, 0.5
FROM_STRONG, FROM_WEAK = 0.5, 0.3


@dataclass(frozen=True, slots=True)
class Standing:
    """What the steps of one label gained, and what was to be expected of them, in spreads. steps:
    how many.
    """

    gain: float = 0.0
    expected: float = 0.0
    steps: int = 0

    @property
    def ratio(self) -> float:
        """Posterior mean; 1 is the average."""
        return (self.gain + PRIOR) / (self.expected + PRIOR)

    def draw(self, rng: random.Random) -> float:
        return rng.gammavariate(self.gain + PRIOR, 1.0 / (self.expected + PRIOR))

    def as_evidence(self) -> dict[str, float]:
        return {
            "steps": self.steps,
            "gain": round(self.gain, 4),
            "expected": round(self.expected, 4),
        }


NO_STANDING = Standing()
"""Of a label without any step."""


class AgentEvolution:
    """Decides at the end of each epoch. skills, coach: None where they are switched off or nobody
    can be asked.
    """

    def __init__(
        self,
        config: AgentEvolutionConfig,
        skills: SkillManager | None,
        coach: Coach | None,
        seed: int,
    ) -> None:
        self._config = config
        self._skills = skills
        self._coach = coach
        self._seed = seed

    def evolve(
        self, epoch: int, population: Population, pool: Sequence[Experience], next_step: int
    ) -> list[Event]:
        """Events of this epoch, in order. pool: all remembered steps. next_step: the first that
        they can steer.
        """
        rng = derived_rng(self._seed, next_step, f"agents of epoch {epoch}")
        standings = standings_of(pool)
        events: list[Event] = []
        for name, trial in population.probations.items():
            persona = population.personas[name]
            if is_over(standings.get(persona.label, NO_STANDING), trial, next_step):
                events.append(self._verdict(trial, persona, standings, next_step, rng))
        if epoch % self._config.every_epochs == 0 and len(pool) >= self._config.min_records:
            if self._config.enabled:
                events += self._rewrite(population, standings, next_step, rng)
            events += self._update_skill_pool(population, pool)
        return events

    def _update_skill_pool(
        self, population: Population, pool: Sequence[Experience]
    ) -> Sequence[Event]:
        """What becomes of the lessons; nothing where they are off. Named by specification 001."""
        if self._skills is None:
            return []
        return self._skills.evolve_skills(population, pool)

    def _verdict(
        self,
        trial: Probation,
        now: Persona,
        standings: Mapping[str, Standing],
        step: int,
        rng: random.Random,
    ) -> PersonaChanged:
        """Kept when it has enough steps of its own and is rather better than worse than what it
        replaced.
        """
        after = standings.get(now.label, NO_STANDING)
        before = standings.get(trial.before.label, NO_STANDING)
        p_better = fmean(after.draw(rng) > before.draw(rng) for _ in range(DRAWS))
        evidence = {
            "after": after.as_evidence(),
            "before": before.as_evidence(),
            "p_better": round(p_better, 3),
        }
        if after.steps >= TRIAL_RECORDS and p_better >= 0.5:
            return PersonaChanged(now, "kept", step, evidence)
        return PersonaChanged(trial.before, "rolled_back", step, evidence)

    def _rewrite(
        self,
        population: Population,
        standings: Mapping[str, Standing],
        step: int,
        rng: random.Random,
    ) -> list[Event]:
        """The weakest persona, rewritten after the strongest; nothing while a trial is open or
        nobody is weak.
        """
        if population.probations:
            return []
        pair = weak_and_strong(population, standings)
        if pair is None:
            return []
        weak, strong = pair
        evidence: dict[str, Any] = {
            "standings": {key: value.as_evidence() for key, value in standings.items()},
            "after": strong.label,
        }
        child = dataclasses.replace(
            recombined(weak, strong, rng), version=population.versions[weak.name] + 1
        )
        worded = None
        if self._coach is not None:
            worded = self._coach.rewrite(child, evidence)
        evidence["by"] = "recombination" if worded is None else "model"
        return [PersonaChanged(worded or child, "rewritten", step, evidence)]


def is_over(standing: Standing, trial: Probation, step: int) -> bool:
    """True when a trial can be decided."""
    return standing.steps >= TRIAL_RECORDS or step - trial.since >= LONGEST_TRIAL


def standings_of(pool: Sequence[Experience]) -> dict[str, Standing]:
    """By label. Expected of a step: mean profit of all steps of its kind that finished about the
    same time.
    """
    by_kind: dict[str, list[Experience]] = defaultdict(list)
    for item in pool:
        if not item.opening:
            by_kind[item.kind].append(item)
    found: dict[str, Standing] = {}
    for items in by_kind.values():
        for item, expected in zip(items, _moving_means(items), strict=True):
            known = found.get(item.persona, NO_STANDING)
            found[item.persona] = Standing(
                known.gain + item.profit, known.expected + expected, known.steps + 1
            )
    return found


def _moving_means(items: Sequence[Experience]) -> list[float]:
    """Mean profit of those that finished at most WINDOW steps before or after each; items in order
    of their end.
    """
    ends = [-item.age for item in items]
    sums = [0.0, *accumulate(item.profit for item in items)]
    means = []
    for end in ends:
        first, last = bisect_left(ends, end - WINDOW), bisect_right(ends, end + WINDOW)
        means.append((sums[last] - sums[first]) / (last - first))
    return means


def weak_and_strong(
    population: Population, standings: Mapping[str, Standing]
) -> tuple[Persona, Persona] | None:
    """The personas with the lowest and the highest standing; None when fewer than two are known or
    none is weak.

    Who gained most in all is never the weak one, however much was expected of it: the others live
    on its gains.
    """
    known = {}
    for name, persona in population.personas.items():
        standing = standings.get(persona.label, NO_STANDING)
        if standing.steps >= LEAST_RECORDS:
            known[name] = standing
    if len(known) < 2:
        return None
    strong = max(known, key=lambda name: known[name].ratio)
    exempt = {strong, max(known, key=lambda name: known[name].gain)}
    others = [name for name in known if name not in exempt]
    weak = min(others, key=lambda name: known[name].ratio, default=None)
    if weak is None or known[weak].ratio > PAR:
        return None
    return population.personas[weak], population.personas[strong]


def recombined(weak: Persona, strong: Persona, rng: random.Random) -> Persona:
    """The weak persona with biases drawn from both, some of them moved; texts by task from either."""
    texts = sorted(weak.strategy.keys() | strong.strategy.keys())
    # The words for a rebuild are drawn last: recipes, which read no words, decide as they did before
    # there were such words.
    strategy = _drawn([task for task in texts if task != REBUILD], weak, strong, rng)
    made = dataclasses.replace(
        weak,
        operators=_mixed(weak.operators, strong.operators, rng),
        loci=_mixed(weak.loci, strong.loci, rng),
        genes=_mixed(weak.genes, strong.genes, rng),
        temperature=rng.choice((weak.temperature, strong.temperature)),
    )
    strategy |= _drawn([task for task in texts if task == REBUILD], weak, strong, rng)
    return dataclasses.replace(made, strategy=strategy)


def _drawn(
    tasks: Iterable[str], weak: Persona, strong: Persona, rng: random.Random
) -> dict[str, str]:
    """The words of either for each task, without those that one of the two lacks and that fell to it."""
    found: dict[str, str] = {}
    for task in tasks:
        text = rng.choice((weak, strong)).strategy.get(task, "")
        if text:
            found[task] = text
    return found


def _mixed(
    weak: Mapping[str, float], strong: Mapping[str, float], rng: random.Random
) -> dict[str, float]:
    """Per key the strong one's weight, the weak one's, or the strong one's moved."""
    mixed = {}
    for key in sorted(weak.keys() | strong.keys()):
        good, poor = strong.get(key, 1.0), weak.get(key, 1.0)
        drawn, jump = rng.random(), rng.lognormvariate(0.0, JUMP)
        if drawn < FROM_STRONG:
            value = good
        elif drawn < FROM_STRONG + FROM_WEAK:
            value = poor
        else:
            value = good * jump
        mixed[key] = round(min(max(value, LEAST_WEIGHT), MOST_WEIGHT), 2)
    return mixed
