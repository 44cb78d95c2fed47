"""The words in which a plan names a change exactly, written and read. Pure.

"MODEL: model_linear -> model_lightgbm" is another fragment, "MODEL: LEAVES 31 -> 63, RATE 0.1 ->
0.05" other values. It is carried as `change` of a proposal, and stands in brackets at the end of its plan
for those who read that. Recipes and tried values state it; models say in their plans what they
change, now and then in the same form with names of their own ("max_depth 4 -> 6").
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.genome import LOCI

Stated = Mapping[str, int | float | str]
"""A locus as a recipe states it: its fragment and the value of each parameter."""

FRAGMENT = "fragment"
"""The name under which a locus states its fragment."""

_LOCUS = re.compile(rf"(?:{'|'.join(LOCI)}): ")
_CHANGE = re.compile(r"([A-Z]+): (.+)")
_SWAP = re.compile(r"([a-z]\w*) -> ([a-z]\w*)")
_STEP = re.compile(r"([A-Za-z]\w*) ([\w.+-]+) -> ([\w.+-]+)")
_STEPS = re.compile(rf"{_STEP.pattern}(?:, {_STEP.pattern})*")
# Values of recipes may be any text.
_RECIPE_STEP = re.compile(r"([A-Z][A-Z0-9_]*) (.+?) -> (.+?)(?:, (?=[A-Z][A-Z0-9_]* .+ -> )|$)")
_OF_RECIPES = re.compile(r"(data|model|train|postprocess)_\w+ -> \1_\w+|[A-Z][A-Z0-9_]* \S+ -> .+")


def moves(before: Stated, after: Stated) -> dict[str, tuple[int | float | str, int | float | str]]:
    """Name -> (from, to) of what changed: the fragment, or else the values of its parameters."""
    if before[FRAGMENT] != after[FRAGMENT]:
        return {FRAGMENT: (before[FRAGMENT], after[FRAGMENT])}
    return {name: (was, after[name]) for name, was in before.items() if was != after[name]}


def change_text(locus: str, before: Stated, after: Stated) -> str:
    """The change of a locus, as it is stated before and after."""
    words: list[str] = []
    for name, (was, now) in moves(before, after).items():
        if name == FRAGMENT:
            words.append(f"{was} -> {now}")
        else:
            words.append(f"{name} {was} -> {now}")
    return f"{locus}: {', '.join(words)}"


def with_change(plan: str, change: str) -> str:
    """The plan of a program that came of its parent by this change."""
    return f"{plan} [{change}]"


def without_locus(change: str) -> str:
    """What happens to the locus, without its name in front."""
    return _LOCUS.sub("", change, count=1)


def moves_in(change: str) -> tuple[str, dict[str, tuple[str, str]]] | None:
    """(locus, name -> (from, to)) of a change as recipes write it; None for other words."""
    match = _CHANGE.fullmatch(change.strip())
    if match is None:
        return None
    locus, words = match.groups()
    swap = swap_in(words)
    if swap is not None:
        return locus, {FRAGMENT: swap}
    steps: dict[str, tuple[str, str]] = {}
    for step in _RECIPE_STEP.finditer(words):
        steps[step[1]] = (step[2], step[3])
    if not steps:
        return None
    return locus, steps


def swap_in(words: str) -> tuple[str, str] | None:
    """(from, to) of two identifiers that change places; None for other words. Without a locus."""
    match = _SWAP.fullmatch(words)
    if match is None:
        return None
    return match[1], match[2]


def steps_in(words: str) -> list[tuple[str, str, str]]:
    """(name, from, to) of parameters whose values are single words; [] where anything else is
    said. Without a locus.
    """
    if not _STEPS.fullmatch(words):
        return []
    return _STEP.findall(words)


def of_recipes(words: str) -> bool:
    """True for names of fragments, or of their parameters. Without a locus."""
    return _OF_RECIPES.fullmatch(words) is not None
