"""Lessons of the run as they stand in a prompt. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from core.skill import Skill
from utils.untrusted import one_line

# Characters of all lessons of a prompt together.
LESSONS = 700


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
