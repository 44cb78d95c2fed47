"""The personas of the first step (agents/personas/*.md).

A file is a TOML header between two lines `+++` and a body. Header keys: role (one line), operators
(kind of brief -> weight), loci (locus -> weight), genes (weight by pattern of a fragment's key, or
by the name of an aspect), and where wanted temperature and model. The body has a section `##
<task>` for each task that it has a strategy for (core.evolution.briefs.tasks).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from agents.recipes import catalog
from core.evolution.briefs import BY_KIND, tasks
from core.genome import ASPECTS, LOCI
from core.persona import NOBODY, Persona

PERSONAS = Path(__file__).parent / "personas"
ROLE, STRATEGY_WORDS = 300, 60
LEAST, MOST = 0.25, 4.0
_FENCE = "+++\n"
_NAME = re.compile(r"[a-z][a-z_]*")
_SECTION = re.compile(r"^## (.*)$", re.MULTILINE)


def load_personas(folder: Path = PERSONAS) -> tuple[Persona, ...]:
    """Every persona of a folder by name. Raises ValueError that names file and key for anything
    malformed.
    """
    return tuple(
        parse(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.md"))
    )


def parse(name: str, text: str) -> Persona:
    """The persona in a file's text. Raises ValueError, naming file and key, for whatever is not as
    it should be.
    """
    try:
        if not _NAME.fullmatch(name) or name == NOBODY.name:
            raise ValueError("no name of a persona")
        before, header, body = text.split(_FENCE, 2)
        if before:
            raise ValueError("something stands before the header")
        fields = {key: _field(key, value) for key, value in tomllib.loads(header).items()}
        if "role" not in fields:
            raise ValueError("role is missing")
        return Persona(name=name, strategy=_strategy(body), **fields)
    except ValueError as error:
        raise ValueError(f"persona {name}: {error}") from error


@cache
def tastes() -> frozenset[str]:
    """What a pattern of `genes` may match: the keys of all fragments, and the aspects."""
    return catalog.all_keys().union(*ASPECTS.values())


def _field(key: str, value: Any) -> Any:
    if key not in _READERS:
        raise ValueError(f"unknown key {key}")
    try:
        return _READERS[key](value)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error


def _line(value: Any) -> str:
    if (
        not isinstance(value, str)
        or not 0 < len(value.strip()) <= ROLE
        or len(value.splitlines()) != 1
    ):
        raise ValueError(f"expected one line of at most {ROLE} characters, not {value!r}")
    return value.strip()


def _temperature(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 2:
        raise ValueError(f"expected a number from 0 to 2, not {value!r}")
    return float(value)


def _weights(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"expected weights by name, not {value!r}")
    for name, weight in value.items():
        if type(weight) not in (int, float) or not LEAST <= weight <= MOST:
            raise ValueError(f"{name} must be a number from {LEAST} to {MOST}, not {weight!r}")
    return {name: float(weight) for name, weight in value.items()}


def _weights_of(known: Collection[str]) -> Callable[[Any], dict[str, float]]:
    def read(value: Any) -> dict[str, float]:
        weights = _weights(value)
        if unknown := sorted(weights.keys() - set(known)):
            raise ValueError(f"{unknown[0]} is none of {', '.join(known)}")
        return weights

    return read


def _genes(value: Any) -> dict[str, float]:
    """Each pattern matches something, and nothing is matched twice: their order must not matter,
    since rewrites recombine them.
    """
    weights, owner = _weights(value), dict[str, str]()
    for pattern in weights:
        matched = [name for name in sorted(tastes()) if fnmatchcase(name, pattern)]
        if not matched:
            raise ValueError(f"{pattern} matches no fragment and no aspect")
        for name in matched:
            if owner.setdefault(name, pattern) != pattern:
                raise ValueError(f"{name} is matched by {owner[name]} and by {pattern}")
    return weights


_READERS: dict[str, Callable[[Any], Any]] = {
    "role": _line,
    "operators": _weights_of(BY_KIND),
    "loci": _weights_of(LOCI),
    "genes": _genes,
    "temperature": _temperature,
    "model": _line,
}


def _strategy(body: str) -> dict[str, str]:
    before, *parts = _SECTION.split(body)
    if before.strip():
        raise ValueError("text stands before the first section")
    found: dict[str, str] = {}
    for kind, text in zip(parts[::2], parts[1::2], strict=True):
        if kind not in tasks() or kind in found:
            raise ValueError(f"section {kind!r} is no task of a model, or stands twice")
        found[kind] = " ".join(text.split())
        if not 0 < len(found[kind].split()) <= STRATEGY_WORDS:
            raise ValueError(f"section {kind} must have 1 to {STRATEGY_WORDS} words")
    return found
