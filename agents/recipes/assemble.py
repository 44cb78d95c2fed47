"""A recipe (one fragment with parameter values per locus) becomes a program, and is read back from
one. Pure.

Each locus carries its choice in the line below its marker (`# recipe: {...}`), so that a one-locus
mutation leaves the rest untouched byte for byte and a child of two recipes is a recipe again.
"""

from __future__ import annotations

import json
import pprint
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from agents.recipes import catalog
from agents.recipes.catalog import Fragment, Value
from agents.recipes.problem import Problem
from core.evolution.change_words import FRAGMENT, change_text
from core.genome import LOCI, Genome, Locus

_LINE = re.compile(r"^# recipe: (\{.*\})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Choice:
    """A fragment and the value of each of its parameters, in the fragment's order."""

    fragment: str
    values: tuple[tuple[str, Value], ...] = ()

    @classmethod
    def of(cls, fragment: Fragment, changes: Mapping[str, Value] | None = None) -> Choice:
        return cls(fragment.key, tuple((fragment.defaults | dict(changes or {})).items()))

    def value(self, name: str) -> Value:
        return dict(self.values)[name]

    @property
    def stated(self) -> dict[str, Value]:
        """What stands in the comment."""
        return {FRAGMENT: self.fragment} | dict(self.values)

    def comment(self) -> str:
        return "# recipe: " + json.dumps(self.stated)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The choices in the order of LOCI."""

    choices: tuple[Choice, ...]

    def at(self, locus: Locus) -> Choice:
        return self.choices[LOCI.index(locus)]

    def with_choice(self, locus: Locus, choice: Choice) -> Recipe:
        at = LOCI.index(locus)
        return Recipe((*self.choices[:at], choice, *self.choices[at + 1 :]))


def program_text(recipe: Recipe, problem: Problem) -> str:
    """The program, the same text for the same recipe and problem. Raises KeyError for an unknown
    fragment.
    """
    preamble = _with_constants(catalog.preamble(problem.plain), problem.constants)
    blocks = [preamble.strip("\n")]
    for locus, choice in zip(LOCI, recipe.choices, strict=True):
        block = f"# %% {locus}\n{choice.comment()}\n{_locus_source(choice, problem)}"
        blocks.append(block.strip("\n"))
    return "\n\n".join(blocks) + "\n"


def _locus_source(choice: Choice, problem: Problem) -> str:
    """A fragment with the values of its parameters and those that the problem has for it."""
    fragment = fragments_by_key(problem.modality)[choice.fragment]
    source, values = fragment.source, dict(choice.values)
    if problem.features and fragment.joins:
        source = f"{source}\n\n{fragment.joins}"
    for name, value in problem.locus_constants.items():
        if f"\n{name} = " in f"\n{source}":
            values[name] = value
    return _with_constants(source, values)


def read_recipe(program: str, modality: str) -> Recipe | None:
    """The recipe of a program that was assembled for this modality; None for any other program."""
    genome, known, choices = Genome.parse(program), fragments_by_key(modality), []
    for locus in LOCI:
        choice = _read_choice(genome.gene(locus), known)
        if choice is None:
            return None
        choices.append(choice)
    return Recipe(tuple(choices))


def describe(recipe: Recipe, modality: str) -> str:
    """One line of English, model first."""
    known = fragments_by_key(modality)
    choices = map(recipe.at, _LOCI_IN_WORDS)
    return ", ".join(_words(known[choice.fragment], choice) for choice in choices)


def difference(before: Recipe, after: Recipe, locus: Locus) -> str:
    """What became of one locus: its new fragment, or the values that changed."""
    return change_text(locus, before.at(locus).stated, after.at(locus).stated)


def stated(gene: str) -> dict[str, Value]:
    """What a locus of an assembled program states: its fragment and the values; {} for any other
    text.
    """
    match = _LINE.search(gene)
    return {} if match is None else _object(match.group(1))


def is_recipe(program: str) -> bool:
    """True for a program that was assembled of fragments, whoever changed it since, as long as one
    locus still states its fragment.
    """
    genome = Genome.parse(program)
    return any(stated(genome.gene(locus)) for locus in LOCI)


def paradigm(plan: str) -> str:
    """The model's name in a plan that `describe` wrote."""
    return re.split(r"[,(]", plan, maxsplit=1)[0].strip()


@cache
def fragments_by_key(modality: str) -> Mapping[str, Fragment]:
    return {fragment.key: fragment for fragment in catalog.load(modality)}


_LOCI_IN_WORDS: tuple[Locus, ...] = ("MODEL", "DATA", "TRAIN", "POSTPROCESS")


def _words(fragment: Fragment, choice: Choice) -> str:
    title = fragment.title.format(**dict(choice.values))
    if not fragment.show:
        return title
    shown = [f"{name.lower().replace('_', ' ')} {choice.value(name)}" for name in fragment.show]
    return f"{title} ({', '.join(shown)})"


def _read_choice(gene: str, known: Mapping[str, Fragment]) -> Choice | None:
    values = stated(gene)
    fragment = known.get(str(values.pop(FRAGMENT, "")))
    if fragment is None or set(values) != set(fragment.defaults):
        return None
    return Choice(fragment.key, tuple((name, values[name]) for name in fragment.defaults))


def _object(text: str) -> dict[str, Any]:
    try:
        return json.loads(text)
    except ValueError:
        return {}


def _with_constants(source: str, values: Mapping[str, Any]) -> str:
    """Replaces the value in the line that assigns each name, and keeps the comment behind it."""
    for name, value in values.items():
        line = re.compile(rf"^{name} = .*?(?P<comment>  # .*)?$", re.MULTILINE)
        text = f"{name} = {_literal(value, len(name) + 3)}"
        match = line.search(source)
        if match is None:
            raise ValueError(f"no line assigns {name}")
        comment = match["comment"] or ""
        source = f"{source[: match.start()]}{text}{comment}{source[match.end() :]}"
    return source


def _literal(value: Any, indent: int) -> str:
    """The value in Python, over several lines where it is long."""
    if len(repr(value)) + indent <= 110:
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        return repr(value)
    return pprint.pformat(value, width=112, compact=True, sort_dicts=False)
