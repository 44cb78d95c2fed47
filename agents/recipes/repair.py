"""What to try after a recipe failed, by the class of its failure. Pure."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Literal

from agents.recipes.assemble import Choice, Recipe, fragments_by_key
from agents.recipes.space import Space
from core.genome import LOCI, Genome, Locus
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
    match = _MISSING.search(error.message) if failure_class(error) == "package" else None
    return frozenset({match.group(1).split(".")[0]}) if match and match.group(1) else frozenset()


def guilty_locus(program: str, error: ErrorInfo | None) -> Locus | None:
    """The locus of the last traceback frame whose quoted line stands in the program at that number."""
    if error is None:
        return None
    lines = program.splitlines()
    for match in reversed(list(_FRAME.finditer(error.traceback))):
        number = int(match.group(1))
        if number <= len(lines) and lines[number - 1].strip() == match.group(2).strip():
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
    broken = (
        _unusable_locus(space, recipe)
        if kind == "package"
        else guilty_locus(parent.program, parent.error)
    )
    if broken is not None:
        for fragment_change in space.changes(recipe, broken):
            if fragment_change.swap:
                yield recipe.with_choice(broken, fragment_change.choice), broken
    yield from _safe(space, recipe)
    yield from ((random_recipe, None) for random_recipe in space.random_recipes(rng))


def cheaper(space: Space, recipe: Recipe) -> Iterator[tuple[Recipe, Locus | None]]:
    """One-locus changes that cost at most two thirds, the dearest of them first; then the drafts by
    cost; then fewer rows for the recipe itself and for each draft, because the estimate of a cheap
    recipe may be what was wrong.
    """
    limit = 2 / 3 * space.seconds(recipe)
    changes = [
        (recipe.with_choice(locus, c.choice), locus)
        for locus in LOCI
        for c in space.changes(recipe, locus)
    ]
    affordable = [(child, locus) for child, locus in changes if space.seconds(child) <= limit]
    yield from sorted(affordable, key=lambda pair: -space.seconds(pair[0]))
    drafts = sorted(space.drafts(), key=space.seconds)
    yield from ((draft, None) for draft in drafts if space.seconds(draft) < space.seconds(recipe))
    yield from ((child, "TRAIN") for child in _on_fewer_rows(space, recipe))
    yield from ((child, None) for draft in drafts for child in _on_fewer_rows(space, draft))


def _on_fewer_rows(space: Space, recipe: Recipe) -> Iterator[Recipe]:
    """The recipe with one fit on a share of the rows, smaller and smaller, and smaller than now."""
    now = space.seconds(recipe)
    for train in (item for item in space.fragments("TRAIN") if item.share and item.members == 1):
        grid = next(
            parameter.grid for parameter in train.parameters if parameter.name == train.share
        )
        for share in sorted(grid, key=float, reverse=True):
            child = recipe.with_choice("TRAIN", Choice.of(train, {train.share: share}))
            if space.valid(child) and space.seconds(child) < now:
                yield child


def _safe(space: Space, recipe: Recipe) -> Iterator[tuple[Recipe, Locus | None]]:
    """The plain recipe of the same model, then those of the others."""
    drafts = space.drafts()
    model = recipe.at("MODEL").fragment
    yield from (
        (draft, None)
        for draft in sorted(drafts, key=lambda draft: draft.at("MODEL").fragment != model)
    )


def _unusable_locus(space: Space, recipe: Recipe) -> Locus | None:
    """The locus whose fragment needs a package that is not there."""
    known = fragments_by_key(space.problem.modality)
    return next(
        (lo for lo in LOCI if not known[recipe.at(lo).fragment].packages <= space.packages), None
    )


def _locus_of_line(program: str, number: int) -> Locus | None:
    start = 0
    for block in Genome.parse(program).blocks:
        start += len(block.text.splitlines())
        if number <= start:
            return block.locus
    return None
