"""Asks a language model which known metric a description means, and for a program where it is none
of them.

An answer counts only where the registry agrees; a program only after
core.questions.score_acceptance.
"""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from agents.prompting.description import cut_description
from agents.prompting.prompt_parts import column_list, listed, sample_path
from core.metric_names import BY_NAME
from core.protocols import Model
from core.questions.metric_question import MetricQuestion, Reading, WrittenScores
from core.records import CompetitionSpec, Message, Request
from core.task.hints import MetricAnswer
from utils.errors import ModelError
from utils.prompt_manager import PromptManager
from utils.untrusted import fence, one_line

log = logging.getLogger(__name__)

PURPOSE = "metric"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "metric": {"type": ["string", "null"]},
        "direction": {"type": "string", "enum": ["maximize", "minimize"]},
        "why": {"type": "string"},
    },
    "required": ["metric", "direction", "why"],
    "additionalProperties": False,
}
SCORE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "program": {"type": "string", "minLength": 40},
        "direction": {"type": "string", "enum": ["maximize", "minimize"]},
        "best": {"type": ["number", "null"]},
    },
    "required": ["program", "direction", "best"],
    "additionalProperties": False,
}
# Two programs agree for a reason only when they are not written alike.
_STYLES = {
    "a": "Use pandas and numpy on whole columns.",
    "b": "Use the standard library only: the csv module, plain loops, math.",
}
_FENCED = re.compile(r"```[\w+-]*\n(.*?)\n?```", re.DOTALL)
_DESCRIPTION = 12_000
_COLUMNS, _CLASSES, _WHY = 12, 6, 300
_PROMPTS = Path(__file__).with_name("prompts")


def read_metric(model: Model, question: MetricQuestion) -> Reading:
    """The metric that the model names, where the registry has it with the direction that the model
    read; else two programs that compute the score.

    What goes wrong is logged. Raises Interrupted when the run stops.
    """
    try:
        answer = model.complete(_request(question))
        known = known_metric(answer.data)
        if known is not None:
            return known
        log.info("the language model names no known metric: %s", one_line(str(answer.data), _WHY))
        with ThreadPoolExecutor(len(_STYLES)) as pool:
            written = list(pool.map(partial(_written, model, question), _STYLES))
    except ModelError as error:
        log.warning("the metric was not told: %s", error)
        return None
    return pair_of(*written)


def pair_of(first: Any, second: Any) -> WrittenScores | None:
    """Two answers that follow SCORE_SCHEMA as one score; None where they do not agree on what it
    is.
    """
    if first["direction"] != second["direction"] or first["best"] != second["best"]:
        log.info("two versions of the score differ in direction or best value")
        return None
    programs = without_fence(first["program"]), without_fence(second["program"])
    return WrittenScores(programs[0], programs[1], first["direction"], first["best"])


def without_fence(program: str) -> str:
    """The program as one text that ends with a line break."""
    program = program.strip()
    if match := _FENCED.fullmatch(program):
        program = match[1]
    return f"{program}\n"


def known_metric(data: Any) -> MetricAnswer | None:
    """The metric of an answer that follows SCHEMA; None for null, an unknown name and the direction
    of another.
    """
    name = (data["metric"] or "").strip().lower()
    known = BY_NAME.get(name)
    if known is None or known.direction != data["direction"] or name.endswith("@k"):
        return None
    return MetricAnswer(name, one_line(data["why"], _WHY))


def _request(question: MetricQuestion) -> Request:
    spec, prompts = question.spec, PromptManager(_PROMPTS)
    text = prompts.render(
        "metric",
        description=fence(cut_description(spec.description, _DESCRIPTION)),
        sample=sample_path(spec, "the sample submission"),
        columns=column_list((*spec.ids.columns, *spec.answers.targets), _COLUMNS),
        values=_values(spec),
        metrics="\n".join(map(_line, BY_NAME)),
    )
    system = prompts.render("metric_system").rstrip("\n")
    return Request(system, (Message("user", text),), PURPOSE, question.deadline, SCHEMA)


def _written(model: Model, question: MetricQuestion, style: str) -> Any:
    """An answer that follows SCORE_SCHEMA."""
    spec, prompts = question.spec, PromptManager(_PROMPTS)
    text = prompts.render(
        "score",
        description=fence(cut_description(spec.description, _DESCRIPTION)),
        columns=column_list((*spec.ids.columns, *spec.answers.targets), _COLUMNS),
        ids=str(max(len(spec.ids.columns), 1)),
        values=_values(spec),
        style=_STYLES[style],
    )
    system = prompts.render("metric_system").rstrip("\n")
    messages = (Message("user", text),)
    request = Request(system, messages, f"score {style}", question.deadline, SCORE_SCHEMA)
    return model.complete(request).data


def _line(name: str) -> str:
    metric = BY_NAME[name]
    return f"- {name} ({metric.direction}; {', '.join(metric.kinds)})"


def _values(spec: CompetitionSpec) -> str:
    if spec.answers.classes:
        shown = listed([one_line(name, 30) for name in spec.answers.classes], _CLASSES)
        text = f"{len(spec.answers.classes)} classes: {shown}"
        if spec.answers.one_hot:
            text += ", one column each"
        return text
    return {
        "real": "numbers",
        "list": "lists of words",
        "text": "texts",
        "mask": "run lengths of masks",
    }.get(spec.value_kind, "labels")
