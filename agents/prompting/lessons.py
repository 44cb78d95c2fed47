"""Lessons of the run as they stand in a prompt. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.recipes.assemble import is_recipe
from agents.recipes.catalog import all_keys
from core.evolution.change_words import FRAGMENT, moves_in, steps_in, without_locus
from core.records import Brief
from core.skill import Skill
from utils.untrusted import one_line

# Characters of all lessons of a prompt together.
LESSONS = 700
_WORD = re.compile(r"\w+")


def offered(brief: Brief) -> tuple[Skill, ...]:
    """The lessons of a brief that stand in its prompt: those that name no fragment of recipes and no
    parameter which the brief's programs lack, as many as fit.
    """
    programs = [parent.program for parent in brief.parents]
    recipes = any(map(is_recipe, programs))
    words = set(_WORD.findall("\n".join(programs)))
    fitting: list[Skill] = []
    for skill in brief.skills:
        foreign = _WORD.findall(f"{skill.text} {skill.change}")
        of_fragments = not all_keys().isdisjoint(foreign)
        if (recipes or not of_fragments) and _parameters(skill) <= words:
            fitting.append(skill)
    return shown(fitting)


def _parameters(skill: Skill) -> set[str]:
    """Those that it names exactly; empty for a lesson in other words."""
    moved = moves_in(skill.change)
    if moved is not None:
        return moved[1].keys() - {FRAGMENT}
    return {name for name, _, _ in steps_in(without_locus(skill.change))}


def shown(skills: Sequence[Skill]) -> tuple[Skill, ...]:
    """The first ones that fit; the first of all is cut where it is too long alone."""
    room, fitting = LESSONS, list[Skill]()
    for skill in skills:
        room -= len(_line(skill)) + 1
        if room < 0:
            break
        fitting.append(skill)
    return tuple(fitting)


def lessons_text(skills: Sequence[Skill]) -> str:
    """One line per lesson that is shown, "" for none."""
    return "\n".join(map(_line, shown(skills)))


def _line(skill: Skill) -> str:
    return f"- {one_line(skill.text, LESSONS - 3)}"
