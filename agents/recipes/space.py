"""The recipes that are possible for a problem: what goes together, what it costs, what is next to
it. Pure.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        at_locus = [it for it in catalog.load(self.problem.modality) if it.locus == locus]
        usable = sorted(filter(self._usable, at_locus), key=lambda it: (self.rank(it), it.key))
        facts = self._facts(locus, beside)
        return [fragment.narrowed(facts) for fragment in usable]

    def rank(self, fragment: Fragment) -> float:
        by = fragment.rank_for
        return by.get(self.problem.metric, by.get(self.problem.modality, fragment.rank))

    def valid(self, recipe: Recipe) -> bool:
        """Every fragment is usable, and what it needs of the others they give."""
        chosen = self._fragments_of(recipe)
        if not all(map(self._usable, chosen)):
            return False
        for fragment in chosen:
            others = (other for other in chosen if other is not fragment)
            if fragment.needs and not fragment.needs <= _traits(others):
                return False
        return True

    def seconds(self, recipe: Recipe) -> float:
        """A rough estimate of the running time on one CPU; good for ordering, not for limits."""
        data, model, train, _ = self._fragments_of(recipe)
        rows = self.problem.rows / _UNIT_ROWS
        width = max(self.problem.features / _UNIT_COLUMNS, 1.0) * data.widens
        models = _models_fitted(train, recipe.at("TRAIN")) * self.problem.columns
        if model.per_class and self.problem.classes > 2:
            models *= self.problem.classes
        fits = models * model.cost * _scale(model, recipe) * width
        return STARTUP_S + rows * (data.cost * width / data.widens + fits)

    def drafts(self) -> list[Recipe]:
        """One recipe per model, the best first, each with the fragments that suit the model."""
        drafts = map(self.safest, self.fragments("MODEL"))
        return [draft for draft in drafts if draft is not None]

    def safest(self, model: Fragment) -> Recipe | None:
        """The first valid recipe of a model, in the order of its preferences and of ranks."""
        options = [self._preferred(model, locus) for locus in LOCI]
        for fragments in itertools.product(*options):
            recipe = Recipe(tuple(_as_set(fragment, model.settings) for fragment in fragments))
            if self.valid(recipe):
                return recipe
        return None

    def changes(self, recipe: Recipe, locus: Locus) -> list[RecipeChange]:
        """Other fragments, and neighbouring values of one parameter, that leave the recipe valid."""
        now = recipe.at(locus)
        fragment = fragments_by_key(self.problem.modality)[now.fragment].narrowed(
            self._facts(locus, recipe)
        )
        changes = []
        for other in self.fragments(locus):
            if other.key != fragment.key:
                changes.append(RecipeChange(locus, Choice.of(other), other.aspect, True))
        for parameter in fragment.parameters:
            for value in parameter.neighbours(now.value(parameter.name)):
                choice = Choice.of(fragment, dict(now.values) | {parameter.name: value})
                changes.append(RecipeChange(locus, choice, parameter.aspect, False))
        return [it for it in changes if self.valid(recipe.with_choice(locus, it.choice))]

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
        if not any(weights):
            return
        for _ in range(tries):
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
        weights = [self._weights(pool, taste) for pool in pools]
        if not all(map(any, weights)):
            return
        for _ in range(tries):
            chosen = [rng.choices(*both)[0] for both in zip(pools, weights, strict=True)]
            plain = Recipe(tuple(map(Choice.of, chosen)))
            choices = []
            for fragment in chosen:
                narrow = fragment.narrowed(self._facts(fragment.locus, plain))
                choices.append(random_choice(narrow, rng))
            recipe = Recipe(tuple(choices))
            if self.valid(recipe):
                yield recipe

    def _weights(self, fragments: Sequence[Fragment], taste: Taste) -> list[float]:
        return [taste(fragment.key) / (1 + self.rank(fragment)) for fragment in fragments]

    def _facts(self, locus: Locus, recipe: Recipe | None) -> frozenset[str]:
        """What decides which parameters matter at a locus. recipe: None where any traits may come."""
        facts = {self.problem.task, self.problem.metric}
        if self.problem.words:
            facts.add("words")
        if recipe is None:
            return _traits(catalog.load(self.problem.modality)) | facts
        return _traits(it for it in self._fragments_of(recipe) if it.locus != locus) | facts

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
        """The fragments of a locus in a model's order; at its own locus the model alone."""
        if locus == "MODEL":
            return [model]
        places = dict(zip(model.prefers.get(locus, ()), itertools.count(), strict=False))
        return sorted(self.fragments(locus), key=lambda it: places.get(it.key, len(places)))


def random_choice(fragment: Fragment, rng: random.Random) -> Choice:
    values = {parameter.name: rng.choice(parameter.grid) for parameter in fragment.parameters}
    return Choice.of(fragment, values)


def _as_set(fragment: Fragment, settings: Mapping[str, Value]) -> Choice:
    """The fragment with those of the settings that are values of its parameters."""
    own = {name: value for name, value in settings.items() if name in fragment.defaults}
    return Choice.of(fragment, own)


def _traits(fragments: Iterable[Fragment]) -> frozenset[str]:
    """What these give to the other fragments of a program."""
    return frozenset().union(*(fragment.gives for fragment in fragments))


def _models_fitted(train: Fragment, choice: Choice) -> float:
    """Models that a way of training fits, in units of one that sees all rows."""
    members: Value = train.members
    if isinstance(members, str):
        members = choice.value(members)
    if not train.share:
        return float(members)
    return float(members) * float(choice.value(train.share))


def _scale(model: Fragment, recipe: Recipe) -> float:
    """How much dearer the chosen values make a model than its defaults."""
    chosen, scale = recipe.at("MODEL"), 1.0
    for name in model.scales:
        scale *= float(chosen.value(name)) / float(model.defaults[name])
    return scale
