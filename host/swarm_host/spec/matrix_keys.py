"""The keys of a matrix: which agents on which competitions with which seeds, where and at what cost."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from swarm_host.spec import values
from swarm_host.spec.section import Section
from swarm_host.words.expand import Scope
from swarm_host.words.mistakes import each, raise_all
from swarm_host.words.yaml_lines import Field, kind, wrong

T = TypeVar("T")
ENGINES = frozenset({"local", "dask", "ray", "slurm"})
SOURCES = frozenset({"pack", "mlebench", "folder"})
MOST_UNITS = 2_000
MOST_GROUPS = 64
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Matrix:
    """Every agent on every competition with every seed."""

    agents: tuple[str, ...]
    # Names, or one name of a set (a file in experiments/splits).
    competitions: tuple[str, ...] | str
    seeds: tuple[int, ...]
    # Name of the source of the competitions, and its folder where it needs one.
    source: str
    source_root: str | None
    # Programs that an agent may try; None: as the agent has it.
    steps: int | None = None
    # Images of the agents are built first.
    build: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """Where units run, how many at a time, and when no further one starts."""

    engine: str = "local"
    # Of an existing cluster; None: the engine's own way.
    address: str | None = None
    width: int = 1
    budget_hours: float | None = None
    budget_usd: float | None = None
    budget_tokens: int | None = None
    notes: str = ""


def read_matrix(section: Section, scope: Scope) -> Matrix:
    found = Matrix(
        agents=section.take("agents", _words, ()),
        competitions=section.take("competitions", _competitions, ()),
        seeds=section.take("seeds", values.filled(_seeds, scope), (0,)),
        source=section.take("source", partial(values.choice, words=SOURCES), "pack"),
        source_root=section.take("source_root", partial(values.path, scope=scope), None),
        steps=section.take("steps", values.filled(values.whole, scope), None),
        build=section.take("build", values.flag, False),
    )
    section.need(
        "agents", "ids such as swarm-evo/recipes; `python -m swarm_host agents` lists them"
    )
    section.need("competitions", "a list of names, or the name of a set")
    if len(found.agents) > MOST_GROUPS:
        section.refuse("agents", f"at most {MOST_GROUPS}")
    named = 1 if isinstance(found.competitions, str) else len(found.competitions)
    if named * len(found.seeds) > MOST_UNITS:
        section.refuse("competitions", f"at most {MOST_UNITS} units for each agent")
    section.close()
    return found


def read_placement(section: Section, scope: Scope) -> Placement:
    name, address = section.take("engine", partial(_engine, scope=scope), ("local", None))
    budget = section.section("budget")
    filled = partial(values.filled, scope=scope)
    width = section.take("width", filled(partial(values.whole, most=256)), 1)
    notes = section.take("notes", partial(values.expanded, scope=scope), "")
    if budget is None:
        return Placement(name, address, width, notes=notes)
    found = Placement(
        engine=name,
        address=address,
        width=width,
        budget_hours=budget.take("hours", filled(values.number), None),
        budget_usd=budget.take("usd", filled(values.number), None),
        budget_tokens=budget.take("tokens", filled(values.whole), None),
        notes=notes,
    )
    budget.close()
    return found


def _engine(field: Field, scope: Scope) -> tuple[str, str | None]:
    """A name, or {name, address}."""
    if not isinstance(field.value, dict):
        return values.choice(field, ENGINES), None
    problems: list[str] = []
    section = Section(field, problems)
    name = section.take("name", partial(values.choice, words=ENGINES), "local")
    address = section.take("address", partial(values.expanded, scope=scope), None)
    section.need("name", "which engine")
    section.close()
    raise_all(problems)
    return name, address


def _competitions(field: Field) -> tuple[str, ...] | str:
    return _word(field) if isinstance(field.value, str) else _words(field)


def _words(field: Field) -> tuple[str, ...]:
    return _distinct(field, _word)


def _word(field: Field) -> str:
    found = values.text(field)
    if not _WORD.fullmatch(found) or ".." in found:
        raise wrong(field, f"{kind(field)} is no name: letters, digits, dots, hyphens and slashes")
    return found


def _seeds(field: Field) -> tuple[int, ...]:
    """A list, or how many: 3 is 0, 1, 2."""
    if isinstance(field.value, list):
        return _distinct(field, partial(values.whole, least=0, most=_SEED))
    return tuple(range(values.whole(field, most=MOST_UNITS)))


def _distinct(field: Field, convert: Callable[[Field], T]) -> tuple[T, ...]:
    seen: list[T] = []

    def new(item: Field) -> T:
        value = convert(item)
        if value in seen:
            raise wrong(item, f"{kind(item)} stands twice")
        seen.append(value)
        return value

    found = each(new, values.items(field))
    if not found:
        raise wrong(field, "must not be empty")
    return tuple(found)
