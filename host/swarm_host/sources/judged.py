"""From what a grading program answered to a grade, the same way for all sources."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swarm_host.errors import GradingFailed, SubmissionRefused
from swarm_host.protocols import Graders
from swarm_host.records import Grade, GradingAnswer, GradingProgram

_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Question:
    """How a submission to one competition is graded."""

    graders: Graders
    program: GradingProgram
    arguments: Sequence[str]
    # Arguments and a file that the program can grade: they show whether the program itself works.
    control: tuple[Sequence[str], Path]
    # None where only the program knows.
    lower_is_better: bool | None
    # The program's grade; None where its answer is none.
    read: Callable[[GradingAnswer], Grade | None]


def judged(question: Question, submission: Path) -> Grade:
    """Raises GradingFailed when the program breaks on the sample submission, too: then it says
    nothing about the agent.
    """
    try:
        answer = question.graders.run(question.program, question.arguments, submission)
    except SubmissionRefused as error:
        return invalid(str(error), question.lower_is_better)
    grade = question.read(answer)
    if grade is not None:
        return grade
    control = question.graders.run(question.program, *question.control)
    if question.read(control) is None:
        raise GradingFailed(
            f"the grader breaks on the sample submission, too: {last_words(control)}"
        )
    return invalid(f"the grader cannot read it: {last_words(answer)}", question.lower_is_better)


def invalid(message: str, lower_is_better: bool | None) -> Grade:
    return Grade(False, None, lower_is_better, message[:_LONGEST])


def last_words(answer: GradingAnswer) -> str:
    """Why a program ended, in a line."""
    if answer.ended_by == "time":
        return "it ran out of its time"
    lines = answer.complaints.strip().splitlines()
    if answer.ended_by == "signal":
        return "it was ended by a signal"
    if lines:
        return lines[-1][:_LONGEST]
    return f"exit status {answer.status}"


def last_json(answer: GradingAnswer) -> dict[str, Any] | None:
    """The object in the last line of output; None when there is none."""
    lines = answer.output.strip().splitlines()
    try:
        found = json.loads(lines[-1])
    except (IndexError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def grade_of(answer: GradingAnswer) -> Grade | None:
    """Reads the answer of swarm_host.grading.programs."""
    said = last_json(answer)
    if answer.status != 0 or said is None:
        return None
    return Grade(
        valid=bool(said["valid"]),
        score=finite(said["score"]),
        lower_is_better=said["lower_is_better"],
        message=str(said["message"])[:_LONGEST],
        passed=said.get("passed"),
        report=said["report"],
    )


def finite(score: object) -> float | None:
    if isinstance(score, int | float) and math.isfinite(score):
        return float(score)
    return None


def better_than(
    score: float | None, references: Mapping[str, float], lower_is_better: bool
) -> dict[str, bool] | None:
    """Which references a score beats, by their names; None where there is nothing to compare."""
    if score is None or not references:
        return None
    sign = -1.0 if lower_is_better else 1.0
    return {name: sign * score > sign * other for name, other in references.items()}
