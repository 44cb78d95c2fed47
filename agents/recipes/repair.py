"""What to try after a recipe failed, by the class of its failure. Pure."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from typing import Literal

from agents.recipes.assemble import Choice, Recipe, fragments_by_key
from agents.recipes.space import Space
from core.genome import LOCI, Genome, Locus, code_lines
from core.records import ErrorInfo, Parent

FailureClass = Literal["package", "resources", "code"]
_RESOURCES = re.compile(
    r"MemoryError|SIGKILL|SIGXCPU|SIGTERM|Timeout|OutOfMemory|out of memory|cannot allocate", re.I
)
_MISSING = re.compile(r"No module named '([\w.]+)'|DLL load failed|cannot open shared object")
_FRAME = re.compile(r'^ *File "[^"]*", line (\d+).*\n +(.+)$', re.MULTILINE)


def failure_class(error: ErrorInfo | None) -> FailureClass:
    """No error is taken for a lack of time or memory: a program that raised nothing was stopped."""
    if error is None or _RESOURCES.search(f"{error.type}: {error.message}"):
        return "resources"
    if error.type in ("ModuleNotFoundError", "ImportError") or _MISSING.search(error.message):
        return "package"
    return "code"


def missing_packages(error: ErrorInfo) -> frozenset[str]:
    """Top-level module that the program could not import, as a set of one or none."""
    match = _MISSING.search(error.message)
    if failure_class(error) != "package" or match is None or match.group(1) is None:
        return frozenset()
    return frozenset({match.group(1).split(".")[0]})


def guilty_locus(program: str, error: ErrorInfo | None) -> Locus | None:
    """The locus of the last traceback frame whose quoted line stands in the program at that number."""
    if error is None:
        return None
    lines = code_lines(program)
    for number_text, quoted in reversed(_FRAME.findall(error.traceback)):
        number = int(number_text)
        if number <= len(lines) and lines[number - 1].strip() == quoted.strip():
            locus = _locus_of_line(program, number)
            if locus is not None:
                return locus
    return None


def repairs(
    space: Space, recipe: Recipe, parent: Parent, rng: random.Random
) -> Iterator[tuple[Recipe, Locus | None]]:
    """Candidate recipes, most hopeful first: another fragment for the guilty locus, then safe
    recipes.
    """
    kind = failure_class(parent.error)
    if kind == "resources":
        yield from cheaper(space, recipe)
        return
    if kind == "package":
        broken = _unusable_locus(space, recipe)
    else:
        broken = guilty_locus(parent.program, parent.error)
    if broken is not None:
        for change in space.changes(recipe, broken):
            if change.swap:
                yield recipe.with_choice(broken, change.choice), broken
    for other in itertools.chain(_safe(space, recipe), space.random_recipes(rng)):
        yield other, None


def cheaper(space: Space, recipe: Recipe) -> Iterator[tuple[Recipe, Locus | None]]:
    """One-locus changes that cost at most two thirds, the dearest of them first; then the drafts by
    cost; then fewer rows for the recipe itself and for each draft, because the estimate of a cheap
    recipe may be what was wrong.
    """
    now = space.seconds(recipe)
    changed: list[tuple[Recipe, Locus]] = []
    for locus in LOCI:
        for change in space.changes(recipe, locus):
            child = recipe.with_choice(locus, change.choice)
            if space.seconds(child) <= 2 / 3 * now:
                changed.append((child, locus))
    yield from sorted(changed, key=lambda pair: -space.seconds(pair[0]))
    drafts = sorted(space.drafts(), key=space.seconds)
    for draft in drafts:
        if space.seconds(draft) < now:
            yield draft, None
    for child in _on_fewer_rows(space, recipe):
        yield child, "TRAIN"
    for draft in drafts:
        for child in _on_fewer_rows(space, draft):
            yield child, None


def _on_fewer_rows(space: Space, recipe: Recipe) -> Iterator[Recipe]:
    """The recipe with one fit on a share of the rows, smaller and smaller, and smaller than now."""
    now = space.seconds(recipe)
    for train in space.fragments("TRAIN"):
        if not train.share or train.members != 1:
            continue
        shares = next(it.grid for it in train.parameters if it.name == train.share)
        for share in sorted(shares, key=float, reverse=True):
            child = recipe.with_choice("TRAIN", Choice.of(train, {train.share: share}))
            if space.valid(child) and space.seconds(child) < now:
                yield child


def _safe(space: Space, recipe: Recipe) -> list[Recipe]:
    """The plain recipe of the same model, then those of the others."""
    model = recipe.at("MODEL").fragment
    return sorted(space.drafts(), key=lambda draft: draft.at("MODEL").fragment != model)


def _unusable_locus(space: Space, recipe: Recipe) -> Locus | None:
    """The locus whose fragment needs a package that is not there."""
    known = fragments_by_key(space.problem.modality)
    for locus in LOCI:
        if not known[recipe.at(locus).fragment].packages <= space.packages:
            return locus
    return None


def _locus_of_line(program: str, number: int) -> Locus | None:
    start = 0
    for block in Genome.parse(program).blocks:
        start += len(code_lines(block.text))
        if number <= start:
            return block.locus
    return None
