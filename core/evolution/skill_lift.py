"""What a skill is worth, measured: steps that were shown it against steps like them that were not.
Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from core.evolution.clusters import sure
from core.evolution.experience import Experience
from core.skill import Skill

# A lift is halved when it rests on twice so many steps with the skill and twice as many without.
SHRINK = 2.0
# Uses before a lift can end a skill, and the lift that does.
LEAST_USES = 8
HARM = -0.05
# Finished steps without a use after which a skill is in nobody's way, and of no use.
IDLE_STEPS = 90
# Skills in force at a time.
MOST_ACTIVE = 60


@dataclass(frozen=True, slots=True)
class Lift:
    """uses: steps that were shown the skill. controls: comparable steps that were not. value: gain
    over them in spreads, shrunk to 0 where there are few of either.
    """

    uses: int
    controls: int
    value: float


def lift_of(skill: Skill, pool: Sequence[Experience], values: Mapping[str, float]) -> Lift:
    """Compared are steps of one kind that changed one part, from the skill's first step on.

    Each such group weighs as much as its difference is sure; one in which all were shown the skill,
    or none, says nothing.
    """
    groups: dict[tuple[str, str | None], tuple[list[float], list[float]]] = defaultdict(
        lambda: ([], [])
    )
    for item in pool:
        used = skill.id in item.skills
        if item.entry in values and (used or item.step >= skill.since):
            groups[item.kind, item.locus][used].append(values[item.entry])
    weight = total = 0.0
    controls = 0
    for without, having in groups.values():
        if without and having:
            sureness = len(without) * len(having) / (len(without) + len(having))
            weight += sureness
            total += sureness * (fmean(having) - fmean(without))
            controls += len(without)
    return Lift(sum(skill.id in item.skills for item in pool), controls, total / (weight + SHRINK))


def why_retired(skill: Skill, pool: Sequence[Experience]) -> str:
    """The reason to give a skill up, "" for none."""
    if skill.uses >= LEAST_USES and skill.lift <= HARM:
        return "harmful"
    if skill.evidence and skill.lift <= 0:
        if skill.warns and skill.gain >= 0:
            return "the loss did not last"
        if not skill.warns and skill.gain <= 0:
            return "the gain did not last"
    uses = [item.step for item in pool if skill.id in item.skills]
    newest = max((item.step for item in pool), default=0)
    if newest - max(*uses, skill.since, 0) >= IDLE_STEPS:
        return "unused"
    return ""


def standing(skill: Skill) -> float:
    """What a skill can be expected to bring, in spreads: measured where it was, else from its
    evidence.
    """
    worth = -skill.gain if skill.warns else skill.gain
    return skill.lift + sure(worth, len(skill.evidence))
