"""A fixed library of recipe programs: a product of a few choices per locus, so that steps stay
inside it. Pure.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.recipes.assemble import Choice, Recipe, describe, program_text
from agents.recipes.catalog import Fragment, Value
from agents.recipes.space import Space, random_choice
from core.genome import LOCI, Genome, Locus


@dataclass(frozen=True, slots=True)
class Item:
    """One program. fragments: key of the fragment at each locus. estimate_s: see Space.seconds; for
    ordering only.
    """

    program: str
    plan: str
    fragments: dict[str, str]
    estimate_s: float

    @property
    def genes(self) -> dict[str, str]:
        return Genome.parse(self.program).hashes()


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a library is. data, model: choices per fragment. train, post: fragments of that
    locus, best first.

    most: programs; a larger product is thinned at random.
    """

    data: int
    model: int
    train: int
    post: int
    most: int


def make_library(space: Space, extent: Extent) -> list[Item]:
    """The drafts of the recipes first, then every valid mixture of the chosen fragments, in a fixed
    order.
    """
    drafts = [_short_recipe(space, draft) for draft in space.drafts()]
    pools = [_choices(space, locus, drafts, extent) for locus in LOCI]
    mixtures = (Recipe(tuple(choices)) for choices in itertools.product(*pools))
    others = [recipe for recipe in mixtures if recipe not in drafts and space.valid(recipe)]
    room = max(extent.most - len(drafts), 0)
    if len(others) > room:
        places = sorted(random.Random("library").sample(range(len(others)), room))
        others = [others[place] for place in places]
    return [_item(space, recipe) for recipe in (*drafts, *others)]


def _item(space: Space, recipe: Recipe) -> Item:
    return Item(
        program=program_text(recipe, space.problem),
        plan=describe(recipe, space.problem.modality),
        fragments={locus: recipe.at(locus).fragment for locus in LOCI},
        estimate_s=round(space.seconds(recipe), 3),
    )


def _choices(space: Space, locus: Locus, drafts: Sequence[Recipe], extent: Extent) -> list[Choice]:
    """Choices at one locus: what the drafts have there, then variations of each fragment."""
    found = dict.fromkeys(draft.at(locus) for draft in drafts)
    fragments = space.fragments(locus)
    each = {"DATA": extent.data, "MODEL": extent.model}.get(locus, 1)
    if locus == "TRAIN":
        fragments = fragments[: extent.train]
    elif locus == "POSTPROCESS":
        fragments = fragments[: extent.post]
    for fragment in fragments:
        have = sum(choice.fragment == fragment.key for choice in found)
        found |= dict.fromkeys(itertools.islice(_variations(fragment, found), max(each - have, 0)))
    return list(found)


def _variations(fragment: Fragment, known: dict[Choice, None]) -> Iterator[Choice]:
    """The usual values, then random ones; all of them quick, none known."""
    rng = random.Random(fragment.key)
    drawn = (random_choice(fragment, rng) for _ in range(50))
    taken = set(known)
    for choice in (Choice.of(fragment), *drawn):
        quick = _short(fragment, choice)
        if quick not in taken:
            taken.add(quick)
            yield quick


def _short_recipe(space: Space, recipe: Recipe) -> Recipe:
    for locus in LOCI:
        choice = recipe.at(locus)
        fragment = next(item for item in space.fragments(locus) if item.key == choice.fragment)
        recipe = recipe.with_choice(locus, _short(fragment, choice))
    return recipe


def _short(fragment: Fragment, choice: Choice) -> Choice:
    """The same choice with few trees, iterations and models: the library has to be evaluated in an
    hour.
    """
    changes: dict[str, Value] = dict(choice.values)
    for parameter in fragment.parameters:
        if parameter.name == fragment.members:
            changes[parameter.name] = parameter.grid[0]
        elif parameter.name in fragment.scales:
            changes[parameter.name] = parameter.grid[min(1, len(parameter.grid) - 1)]
    return Choice.of(fragment, changes)
