"""Asks a language model for a program that makes tables of a folder which no adaptor understands.

A program counts only after core.task.views.written_tables.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from agents.metric_reader import without_fence
from agents.prompting.description import cut_description
from agents.prompting.prompt_parts import column_list, program_block, sample_path
from core.protocols import Model
from core.questions.split_stage import SplitQuestion, WrittenSplits
from core.records import Message, Request
from core.task.preview_text import preview_text
from utils.errors import ModelError
from utils.prompt_manager import PromptManager
from utils.text import cap
from utils.untrusted import anonymous, fence

log = logging.getLogger(__name__)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "program": {"type": "string", "minLength": 40},
        "group": {"type": ["string", "null"]},
    },
    "required": ["program", "group"],
    "additionalProperties": False,
}
# Two programs agree for a reason only when they are not written alike.
_STYLES = {
    "a": "Use pandas where it helps.",
    "b": "Use the standard library only: csv, json, sqlite3, pathlib and plain loops.",
}
_DESCRIPTION, _PREVIEW, _COLUMNS, _REASONS = 8_000, 5_000, 12, 2_000
_PROMPTS = Path(__file__).with_name("prompts")


def read_split(model: Model, question: SplitQuestion) -> WrittenSplits | None:
    """Two programs for the same tables; None where the model gives none in time, which is logged.

    Raises Interrupted when the run stops.
    """
    try:
        with ThreadPoolExecutor(len(_STYLES)) as pool:
            first, second = pool.map(partial(_written, model, question), _STYLES)
    except ModelError as error:
        log.warning("no split was written: %s", error)
        return None
    return WrittenSplits(
        without_fence(first["program"]), without_fence(second["program"]), first["group"] or None
    )


def _written(model: Model, question: SplitQuestion, style: str) -> Any:
    """An answer that follows SCHEMA."""
    spec, prompts = question.spec, PromptManager(_PROMPTS)
    text = prompts.render(
        "split",
        description=fence(cut_description(spec.description, _DESCRIPTION)),
        preview=fence(preview_text(question.preview, _PREVIEW)),
        sample=sample_path(spec, ""),
        ids=column_list(spec.ids.columns, _COLUMNS),
        targets=column_list(spec.answers.targets, _COLUMNS),
        style=_STYLES[style],
    )
    purpose = f"split {style}"
    if question.broken is not None:
        written, reasons = question.broken.written, "\n".join(question.broken.reasons)
        programs = {"a": written.first, "b": written.second}
        output = fence(cap(anonymous(reasons), _REASONS), "output")
        again = prompts.render(
            "split_again", program=program_block(programs[style]), reasons=output
        )
        text, purpose = f"{text}\n{again}", f"{purpose} again"
    system = prompts.render("split_system").rstrip("\n")
    request = Request(system, (Message("user", text),), purpose, question.deadline, SCHEMA)
    return model.complete(request).data
