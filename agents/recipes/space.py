"""The recipes that are possible for a problem: what goes together, what it costs, what is next to
it. Pure.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from agents.recipes import catalog
from agents.recipes.assemble import Choice, Recipe, fragments_by_key
from agents.recipes.catalog import Fragment, Value
from agents.recipes.problem import Problem
from agents.recipes.taste import Taste, drawn, indifferent
from core.genome import LOCI, Locus

STARTUP_S = 1.5
_UNIT_ROWS, _UNIT_COLUMNS = 5000, 20


@dataclass(frozen=True, slots=True)
class RecipeChange:
    """One locus of a recipe gets another choice. swap: another fragment, else another parameter
    value.
    """

    locus: Locus
    choice: Choice
    aspect: str
    swap: bool


@dataclass(frozen=True, slots=True)
class Space:
    """The fragments that fit the problem and the packages of this machine."""

    problem: Problem
    packages: frozenset[str]

    def fragments(self, locus: Locus, beside: Recipe | None = None) -> list[Fragment]:
        """Usable ones, best first, with the grids of parameters that matter: in this competition,
        and beside the other loci of a recipe.
        """
        usable = [
            item
            for item in catalog.load(self.problem.modality)
            if item.locus == locus and self._usable(item)
        ]
        facts = self._facts(locus, beside)
        return [
            item.narrowed(facts)
            for item in sorted(usable, key=lambda item: (self.rank(item), item.key))
        ]

    def rank(self, fragment: Fragment) -> float:
        by = fragment.rank_for
        return by.get(self.problem.metric, by.get(self.problem.modality, fragment.rank))

    def valid(self, recipe: Recipe) -> bool:
        """Every fragment is usable, and what it needs of the others they give."""
        chosen = self._fragments_of(recipe)
        if not all(self._usable(fragment) for fragment in chosen):
            return False
        return all(
            fragment.needs
            <= frozenset().union(*(other.gives for other in chosen if other is not fragment))
            for fragment in chosen
        )

    def seconds(self, recipe: Recipe) -> float:
        """A rough estimate of the running time on one CPU; good for ordering, not for limits."""
        data, model, train, _ = self._fragments_of(recipe)
        rows = self.problem.rows / _UNIT_ROWS
        width = max(self.problem.features / _UNIT_COLUMNS, 1.0) * data.widens
        members = (
            train.members
            if isinstance(train.members, int)
            else recipe.at("TRAIN").value(train.members)
        )
        share = recipe.at("TRAIN").value(train.share) if train.share else 1.0
        models = float(members) * float(share) * self.problem.columns
        if model.per_class and self.problem.classes > 2:
            models *= self.problem.classes
        fits = models * model.cost * _scale(model, recipe) * width
        return STARTUP_S + rows * (data.cost * width / data.widens + fits)

    def drafts(self) -> list[Recipe]:
        """One recipe per model, the best first, each with the fragments that suit the model."""
        return [
            draft for model in self.fragments("MODEL") if (draft := self.safest(model)) is not None
        ]

    def safest(self, model: Fragment) -> Recipe | None:
        """The first valid recipe of a model, in the order of its preferences and of ranks."""
        options = [[model] if locus == "MODEL" else self._preferred(model, locus) for locus in LOCI]
        for parts in itertools.product(*options):
            recipe = Recipe(tuple(_as_set(part, model.settings) for part in parts))
            if self.valid(recipe):
                return recipe
        return None

    def changes(self, recipe: Recipe, locus: Locus) -> list[RecipeChange]:
        """Other fragments, and neighbouring values of one parameter, that leave the recipe valid."""
        now = recipe.at(locus)
        fragment = fragments_by_key(self.problem.modality)[now.fragment].narrowed(
            self._facts(locus, recipe)
        )
        others = [it for it in self.fragments(locus) if it.key != fragment.key]
        swaps = [RecipeChange(locus, Choice.of(it), it.aspect, True) for it in others]
        tweaks = [
            RecipeChange(
                locus,
                Choice.of(fragment, dict(now.values) | {parameter.name: value}),
                parameter.aspect,
                False,
            )
            for parameter in fragment.parameters
            for value in parameter.neighbours(now.value(parameter.name))
        ]
        return [
            change
            for change in swaps + tweaks
            if self.valid(recipe.with_choice(locus, change.choice))
        ]

    def far_changes(
        self,
        recipe: Recipe,
        locus: Locus,
        rng: random.Random,
        taste: Taste = indifferent,
        tries: int = 50,
    ) -> Iterator[RecipeChange]:
        """Random fragments with random parameter values at one locus."""
        fragments = self.fragments(locus, recipe)
        weights = [taste(fragment.key) for fragment in fragments]
        for _ in range(tries if fragments and any(weights) else 0):
            fragment = drawn(fragments, weights, rng)
            choice = random_choice(fragment, rng)
            if choice != recipe.at(locus) and self.valid(recipe.with_choice(locus, choice)):
                yield RecipeChange(
                    locus, choice, fragment.aspect, fragment.key != recipe.at(locus).fragment
                )

    def random_recipes(
        self, rng: random.Random, taste: Taste = indifferent, tries: int = 300
    ) -> Iterator[Recipe]:
        """Valid random combinations, good models and what is to the taste more often."""
        pools = [self.fragments(locus) for locus in LOCI]
        weights = [[taste(item.key) / (1 + self.rank(item)) for item in pool] for pool in pools]
        for _ in range(tries if all(map(any, weights)) else 0):
            chosen = [
                rng.choices(pool, weight)[0] for pool, weight in zip(pools, weights, strict=True)
            ]
            plain = Recipe(tuple(Choice.of(fragment) for fragment in chosen))
            narrow = [it.narrowed(self._facts(it.locus, plain)) for it in chosen]
            recipe = Recipe(tuple(random_choice(fragment, rng) for fragment in narrow))
            if self.valid(recipe):
                yield recipe

    def _facts(self, locus: Locus, recipe: Recipe | None) -> frozenset[str]:
        """What decides which parameters matter at a locus. recipe: None where any traits may come."""
        if recipe is None:
            others: Iterable[Fragment] = catalog.load(self.problem.modality)
        else:
            others = (it for it in self._fragments_of(recipe) if it.locus != locus)
        here = {self.problem.task, self.problem.metric, *(["words"] if self.problem.words else [])}
        return frozenset(here).union(*(it.gives for it in others))

    def _usable(self, fragment: Fragment) -> bool:
        problem = self.problem
        return (
            (not fragment.tasks or problem.task in fragment.tasks)
            and (not fragment.kinds or problem.kind in fragment.kinds)
            and (not fragment.metrics or problem.metric in fragment.metrics)
            and fragment.packages <= self.packages
            and fragment.texts <= bool(problem.texts)
            and fragment.words <= problem.words
            and fragment.timed <= problem.timed
            and problem.rows <= fragment.max_rows
            and problem.classes <= fragment.max_classes
        )

    def _fragments_of(self, recipe: Recipe) -> list[Fragment]:
        known = fragments_by_key(self.problem.modality)
        return [known[choice.fragment] for choice in recipe.choices]

    def _preferred(self, model: Fragment, locus: Locus) -> list[Fragment]:
        order = list(model.prefers.get(locus, ()))
        return sorted(
            self.fragments(locus),
            key=lambda it: order.index(it.key) if it.key in order else len(order),
        )


def random_choice(fragment: Fragment, rng: random.Random) -> Choice:
    return Choice.of(
        fragment, {parameter.name: rng.choice(parameter.grid) for parameter in fragment.parameters}
    )


def _as_set(fragment: Fragment, settings: Mapping[str, Value]) -> Choice:
    return Choice.of(
        fragment, {name: value for name, value in settings.items() if name in fragment.defaults}
    )


def _scale(model: Fragment, recipe: Recipe) -> float:
    now = recipe.at("MODEL")
    ratios = (float(now.value(name)) / float(model.defaults[name]) for name in model.scales)
    return math.prod(ratios)
