"""The language model's part in level 2: other words for a persona, and what changes have in common.

What it says reaches the prompts of later programs, and it has read plans and programs of earlier
ones. So it is believed only where it speaks of methods: see `refused`.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Any

from core.evolution.briefs import tasks
from core.persona import Persona
from core.protocols import Model
from core.records import Message, Request
from core.skill import Example
from utils.errors import ModelError
from utils.json_records import to_json
from utils.prompt_manager import PromptManager
from utils.text import cap
from utils.untrusted import anonymous, fence, one_line

log = logging.getLogger(__name__)

# Characters of what is told, and words of a strategy that are asked for.
ROLE, STRATEGY, LESSON, WORDS = 300, 450, 320, 60
# Characters of what is shown, and how many examples.
EVIDENCE, DIFF, CHANGE, EXAMPLES = 1500, 800, 200, 6
LESSON_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"lesson": {"type": ["string", "null"]}},
    "required": ["lesson"],
    "additionalProperties": False,
}
_PROMPTS = Path(__file__).with_name("prompts")
_SENTENCES = re.compile(r"[.!?](?=\s)")
_REFUSED = {
    "a path or an address": re.compile(
        r"(?:^|[\s\"'(`])(?:\.{0,2}|~)/\w|\b(?:input|working|submission|private|home|root|etc|proc|tmp)/\w|\w\\\w"
        r"|\w{1,20}://|\bwww\.|\b\d{1,3}(?:\.\d{1,3}){3}\b",
        re.IGNORECASE,
    ),
    "a file or a host": re.compile(
        r"[\w-]{1,80}\.(?:csv|tsv|parquet|feather|jsonl?|txt|zip|gz|tar|pkl|pickle|np[yz]|pth?|bin|onnx|h5|py|sh|md|ya?ml|"
        r"toml|db|sqlite|env|png|jpe?g|wav|com|org|net|io)\b",
        re.IGNORECASE,
    ),
    "the world outside": re.compile(
        r"\b(?:internet|web ?sites?|download(?:s|ed|ing)?|upload(?:s|ed|ing)?|urls?|https?|ftp|curl|wget|sockets?|"
        r"urllib|aiohttp|httpx|pip|conda|install(?:s|ed|ing)?|subprocess(?:es)?|shell|credentials?|passwords?|secrets?|"
        r"api[ _-]?keys?|environment variables?|os\.(?:environ|system)|leaderboards?|external data|kaggle|github|"
        r"hugging ?face)\b",
        re.IGNORECASE,
    ),
    "the rules": re.compile(
        r"\b(?:ignore|disregard|forget|override|bypass|circumvent)\b.{0,40}\b(?:rules?|instructions?|prompts?|harness)\b"
        r"|\bsystem (?:prompt|text|message)|\b(?:test|hidden|private) (?:labels?|answers?)\b|SWARM_|</?\w[-\w]*>|```",
        re.IGNORECASE | re.DOTALL,
    ),
}


def rewrite_schema() -> dict[str, Any]:
    """Of an answer that rewrites a persona: a role, and a strategy for each task."""
    strategy = {
        "type": "object",
        "properties": dict.fromkeys(tasks(), {"type": "string"}),
        "required": list(tasks()),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"role": {"type": "string", "minLength": 10}, "strategy": strategy},
        "required": ["role", "strategy"],
        "additionalProperties": False,
    }


def refused(text: str) -> str | None:
    """What a text from the model speaks of that no role, strategy or lesson may; None for a good
    one.
    """
    for what, pattern in _REFUSED.items():
        if pattern.search(text):
            return what
    return None


class ModelCoach:
    """Implements core.protocols.Coach. What goes wrong is logged; Interrupted is raised when the
    run stops.
    """

    def __init__(self, model: Model, deadline: Callable[[], float]) -> None:
        """deadline: epoch seconds after which an answer to a question that is asked now helps
        nobody.
        """
        self._model = model
        self._deadline = deadline
        self._prompts = PromptManager(_PROMPTS)

    def rewrite(self, persona: Persona, evidence: Mapping[str, Any]) -> Persona | None:
        shown = cap(json.dumps(to_json(dict(evidence))), EVIDENCE, head_share=1.0)
        text = self._prompts.render(
            "coach_rewrite",
            persona=fence(_in_words(persona), "notes"),
            weights=fence(_likings(persona), "notes"),
            evidence=fence(shown, "notes"),
            role=str(ROLE),
            kinds=", ".join(tasks()),
            words=str(WORDS),
        )
        data = self._ask(text, f"persona {persona.label}", rewrite_schema())
        if data is None:
            return None
        return rewritten(persona, data)

    def lesson(self, examples: Sequence[Example]) -> str | None:
        if not examples:
            return None
        shown = "\n\n".join(map(_shown, examples[:EXAMPLES]))
        text = self._prompts.render(
            "coach_lesson", examples=fence(shown, "notes"), most=str(LESSON)
        )
        data = self._ask(text, "lesson", LESSON_SCHEMA)
        if data is None:
            return None
        return lesson_of(data)

    def _ask(self, text: str, purpose: str, schema: dict[str, Any]) -> Any:
        """An answer that follows the schema; None where there is none."""
        system = self._prompts.render("coach_system").rstrip("\n")
        request = Request(system, (Message("user", text),), purpose, self._deadline(), schema)
        try:
            return self._model.complete(request).data
        except ModelError as error:
            log.warning("no advice from the language model (%s): %s", purpose, error)
            return None


def rewritten(persona: Persona, data: Any) -> Persona | None:
    """The persona in the words of an answer that follows `rewrite_schema`; None where they cannot be
    used.
    """
    role, strategy = one_line(data["role"], ROLE), data["strategy"]
    texts: dict[str, str] = {}
    for kind in tasks():
        if strategy[kind].strip():
            texts[kind] = one_line(strategy[kind], STRATEGY)
    why = _against(data["role"], strategy)
    if why is None and (not texts or (role, texts) == (persona.role, persona.strategy)):
        why = "nothing new"
    if why is not None:
        log.warning("the words for %s are not used: they name %s", persona.label, why)
        return None
    return dataclasses.replace(persona, role=role, strategy=texts)


def _against(role: str, strategy: Mapping[str, Any]) -> str | None:
    """What a role and strategies name that they may not."""
    if unknown := sorted(strategy.keys() - set(tasks())):
        return f"the task {one_line(unknown[0], 40)}"
    if len(role) > ROLE or len(role.strip().splitlines()) != 1:
        return f"a role of more than one line or {ROLE} characters"
    return refused("\n".join([role, *strategy.values()]))


def lesson_of(data: Any) -> str | None:
    """The lesson of an answer that follows LESSON_SCHEMA; None for null and for what cannot be
    used.
    """
    text = " ".join((data["lesson"] or "").split())
    if not text:
        return None
    why = refused(data["lesson"])
    if len(text) > LESSON or len(_SENTENCES.findall(text)) > 2:
        why = f"more than two sentences or {LESSON} characters"
    if why is not None:
        log.warning("a lesson is not used: it names %s", why)
        return None
    return one_line(text, LESSON)


def _in_words(persona: Persona) -> str:
    lines = [f"role: {one_line(persona.role, ROLE)}"]
    for kind, text in persona.strategy.items():
        lines.append(one_line(f"{kind}: {text}", STRATEGY))
    return "\n".join(lines)


def _likings(persona: Persona) -> str:
    """What a persona is readier for, a line for each sort of weights."""
    return "\n".join(
        (
            f"kinds: {_listed(persona.operators)}",
            f"parts: {_listed(persona.loci)}",
            f"fragments and aspects: {_listed(persona.genes)}",
        )
    )


def _listed(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {weight:g}" for name, weight in weights.items()) or "none"


def _shown(example: Example) -> str:
    """The change in words and its gain, then what became of the text."""
    head = f"gain {example.gain:+.2f}: {one_line(anonymous(example.change), CHANGE)}"
    lines = unified_diff(example.before.splitlines(), example.after.splitlines(), n=1, lineterm="")
    # The first two lines name files.
    diff = anonymous("\n".join(list(lines)[2:]))
    if not diff:
        return head
    return f"{head}\n{cap(diff, DIFF, head_share=1.0)}"
