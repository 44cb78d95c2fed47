"""The proposer that needs no language model: briefs become recipes, recipes become programs."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Iterable, Iterator

from agents.recipes import repair
from agents.recipes.advice import Advice, advised
from agents.recipes.assemble import (
    Recipe,
    describe,
    difference,
    paradigm,
    program_text,
    read_recipe,
)
from agents.recipes.problem import problem_of
from agents.recipes.space import RecipeChange, Space
from agents.recipes.taste import leaning
from core.evolution.briefs import BY_KIND
from core.evolution.change_words import with_change
from core.genome import LOCI, Genome, Locus, normalised_digest
from core.persona import Persona
from core.records import Brief, BriefKind, CompetitionSpec, Parent, Proposal
from utils.errors import ProposalError

Candidate = tuple[Recipe, Locus | None]
# Sizes and rates decide more than what is left of a model's parameters.
_WEIGHT = {"architecture": 3.0, "optimizer": 3.0}
# What a draft keeps of its chance for each better model before it, where a persona has a taste.
_FADE = 0.5


class RecipesProposer:
    """Implements core.protocols.Proposer. Programs are new within a run; draws come from the
    brief's seed only.

    packages: module names beyond scikit-learn that candidates can import. known: normalised digests
    of earlier programs of this run. A brief whose parents are not recipes is answered by a draft
    without parents. The persona's taste and the skills of a brief decide what comes first; a
    proposal names those skills that advise the change it makes. Raises SpecError when no recipe
    fits the competition.
    """

    def __init__(
        self, spec: CompetitionSpec, packages: frozenset[str], known: Iterable[str] = ()
    ) -> None:
        self._problem = problem_of(spec)
        self._packages = packages
        self._known = set(known)

    def propose(self, brief: Brief) -> Proposal:
        """Raises ProposalError when nothing new is left."""
        brief = as_for_recipes(brief)
        rng = random.Random(brief.seed)
        parents = []
        for parent in brief.parents:
            recipe = self._recipe(parent)
            if recipe is not None:
                parents.append((parent, recipe))
        if parents and BY_KIND[brief.kind].parents:
            self._forget_missing_packages(brief)
            children = self._children(brief, parents, rng)
            proposal = self._first_new(brief, brief.kind, parents, children)
        else:
            proposal = self._first_new(brief, "draft", [], self._drafts(brief, rng))
        if proposal is None:
            raise ProposalError(f"recipes have no new program for {brief.kind}")
        return proposal

    @property
    def _space(self) -> Space:
        return Space(self._problem, self._packages)

    def _recipe(self, parent: Parent) -> Recipe | None:
        """The recipe that a parent is; None for other programs, and for a recipe that somebody has
        edited since.
        """
        recipe = read_recipe(parent.program, self._problem.modality)
        if recipe is None:
            return None
        as_assembled = program_text(recipe, self._problem)
        if normalised_digest(as_assembled) != normalised_digest(parent.program):
            return None
        return recipe

    def _forget_missing_packages(self, brief: Brief) -> None:
        """A package that failed to import is not proposed again."""
        for parent in brief.parents:
            if parent.error is not None:
                self._packages -= repair.missing_packages(parent.error)

    def _first_new(
        self,
        brief: Brief,
        kind: BriefKind,
        parents: list[tuple[Parent, Recipe]],
        candidates: Iterable[Candidate],
    ) -> Proposal | None:
        for recipe, locus in candidates:
            program = program_text(recipe, self._problem)
            digest = normalised_digest(program)
            if digest in self._known:
                continue
            self._known.add(digest)
            plan, change = describe(recipe, self._problem.modality), ""
            if locus is not None:
                change = difference(parents[0][1], recipe, locus)
                plan = with_change(plan, change)
            return Proposal.to(
                brief,
                kind=kind,
                parents=tuple(parent.id for parent, _ in parents),
                plan=plan,
                program=program,
                genes=Genome.parse(program).hashes(),
                locus=locus,
                skills=_behind(brief, parents, recipe, locus),
                change=change,
            )
        return None

    def _drafts(self, brief: Brief, rng: random.Random) -> Iterator[Candidate]:
        """Models that no sibling has, those within the time first; then random combinations."""
        taken = set(map(paradigm, brief.siblings))
        fresh = [draft for draft in self._space.drafts() if self._paradigm(draft) not in taken]
        likings = [_liking(brief.persona, draft) for draft in fresh]
        fresh = leaning(fresh, likings, rng, _FADE)
        for draft in sorted(fresh, key=lambda item: self._space.seconds(item) > brief.seconds):
            yield draft, None
        slow = []
        for recipe in self._space.random_recipes(rng, brief.persona.taste):
            if self._space.seconds(recipe) <= brief.seconds:
                yield recipe, None
            else:
                slow.append(recipe)
        for recipe in slow:
            yield recipe, None

    def _paradigm(self, recipe: Recipe) -> str:
        return paradigm(describe(recipe, self._problem.modality))

    def _children(
        self, brief: Brief, parents: list[tuple[Parent, Recipe]], rng: random.Random
    ) -> Iterator[Candidate]:
        parent, recipe = parents[0]
        if brief.kind == "shrink":
            yield from repair.cheaper(self._space, recipe)
        elif brief.kind == "debug":
            yield from repair.repairs(self._space, recipe, parent, rng)
        else:
            if brief.kind == "merge" and len(parents) > 1:
                second, other = parents[1]
                yield from self._crossings(recipe, other, _planned_mask(brief, second), rng)
            if brief.kind == "tune":
                yield from self._steps(brief, parent, recipe, rng)
            yield from self._mutations(brief, recipe, rng)

    def _crossings(
        self, first: Recipe, second: Recipe, planned: int | None, rng: random.Random
    ) -> Iterator[Candidate]:
        """Every valid mixture of two recipes, the planned one first, the others in random order."""
        masks = list(range(1, 2 ** len(LOCI) - 1))
        rng.shuffle(masks)
        for mask in sorted(masks, key=lambda mask: mask != planned):
            child = _mixture(first, second, mask)
            if child not in (first, second) and self._space.valid(child):
                yield child, None

    def _mutations(self, brief: Brief, recipe: Recipe, rng: random.Random) -> Iterator[Candidate]:
        """The asked locus and aspect first, then the asked locus, then any; steps on the grid
        before random jumps.
        """
        for locus in self._loci(brief, recipe, rng):
            near = self._shuffled(brief, recipe, self._space.changes(recipe, locus), rng)
            far = self._space.far_changes(recipe, locus, rng, brief.persona.taste)
            for change in itertools.chain(near, far):
                if self._in_time(brief, recipe, change):
                    yield recipe.with_choice(locus, change.choice), locus

    def _steps(
        self, brief: Brief, parent: Parent, recipe: Recipe, rng: random.Random
    ) -> Iterator[Candidate]:
        """Neighbouring values of parameters, those of the asked locus first, there one more step of
        the kind that made the parent first (a pattern move after Hooke and Jeeves).
        """
        last = advised(parent.change)
        for locus in self._loci(brief, recipe, rng):
            near = self._shuffled(brief, recipe, self._space.changes(recipe, locus), rng)
            if last is not None:
                before = recipe.at(locus).stated
                near.sort(key=lambda it: not last.backs(locus, before, it.choice.stated))
            for change in near:
                if not change.swap and self._in_time(brief, recipe, change):
                    yield recipe.with_choice(locus, change.choice), locus

    def _loci(self, brief: Brief, recipe: Recipe, rng: random.Random) -> list[Locus]:
        """The asked locus first, then those of which a skill advises a change; the persona's likes
        before others.
        """
        advice, loci = Advice(brief.skills), rng.sample(LOCI, len(LOCI))
        advised: set[Locus] = set()
        if brief.skills:
            advised = {locus for locus in LOCI if self._is_advised(advice, recipe, locus)}
        loci = leaning(loci, [brief.persona.loci.get(locus, 1.0) for locus in loci], rng)
        return sorted(loci, key=lambda locus: (locus != brief.locus, locus not in advised))

    def _is_advised(self, advice: Advice, recipe: Recipe, locus: Locus) -> bool:
        before, changes = recipe.at(locus).stated, self._space.changes(recipe, locus)
        return any(advice.favours(locus, before, change.choice.stated) for change in changes)

    def _shuffled(
        self, brief: Brief, recipe: Recipe, changes: list[RecipeChange], rng: random.Random
    ) -> list[RecipeChange]:
        """What skills advise, then the asked aspect. Swaps and steps alternate by a coin, however
        many there are of each, those to the persona's taste earlier; a tune takes steps only.
        """
        taste, advice = brief.persona.taste, Advice(brief.skills)
        swaps = [change for change in changes if change.swap]
        steps = [change for change in changes if not change.swap]
        for half in (swaps, steps):
            rng.shuffle(half)
            half.reverse()
        swaps = leaning(swaps, [taste(change.choice.fragment) for change in swaps], rng)
        weights = [taste(step.aspect) * _WEIGHT.get(step.aspect, 1.0) for step in steps]
        steps = leaning(steps, weights, rng)

        def place(change: RecipeChange) -> tuple[int, bool]:
            before = recipe.at(change.locus).stated
            off = brief.aspect is not None and change.aspect != brief.aspect
            return advice.rank(change.locus, before, change.choice.stated), off

        return sorted(_alternating(swaps, steps, brief.kind == "tune", rng), key=place)

    def _in_time(self, brief: Brief, recipe: Recipe, change: RecipeChange) -> bool:
        """True when the child is not slower than allowed, or not slower than its parent."""
        seconds = self._space.seconds(recipe.with_choice(change.locus, change.choice))
        return seconds <= max(brief.seconds, self._space.seconds(recipe))


def as_for_recipes(brief: Brief) -> Brief:
    """What recipes make of a brief that was meant for a model: a rewrite, and a draft that rebuilds
    the best, is a mutation of any part of the first parent. Where that is no recipe it ends as a
    draft, as every such brief does.
    """
    if brief.kind != "rewrite" and not (brief.kind == "draft" and brief.parents):
        return brief
    return dataclasses.replace(brief, kind="mutate", parents=brief.parents[:1])


def _liking(persona: Persona, recipe: Recipe) -> float:
    return math.prod(persona.taste(choice.fragment) for choice in recipe.choices)


def _planned_mask(brief: Brief, second: Parent) -> int | None:
    """The loci that the brief's gene plan takes from the second parent, as bits; None without a
    plan.
    """
    if not brief.gene_plan:
        return None
    origin, mask = dict(brief.gene_plan), 0
    for bit, locus in enumerate(LOCI):
        if origin.get(locus) == second.id:
            mask |= 1 << bit
    return mask


def _mixture(first: Recipe, second: Recipe, mask: int) -> Recipe:
    """The first recipe with the loci whose bits are set taken from the second."""
    child = first
    for bit, locus in enumerate(LOCI):
        if mask >> bit & 1:
            child = child.with_choice(locus, second.at(locus))
    return child


def _alternating(
    swaps: list[RecipeChange], steps: list[RecipeChange], steps_first: bool, rng: random.Random
) -> list[RecipeChange]:
    """Both in their order, mixed by a coin while there are both; or steps before swaps."""
    mixed = []
    while swaps and steps:
        if steps_first or rng.random() < 0.5:
            mixed.append(steps.pop(0))
        else:
            mixed.append(swaps.pop(0))
    return [*mixed, *swaps, *steps]


def _behind(
    brief: Brief, parents: list[tuple[Parent, Recipe]], recipe: Recipe, locus: Locus | None
) -> tuple[str, ...]:
    """Ids of the skills that a candidate follows."""
    if locus is None or not parents:
        return ()
    before = parents[0][1].at(locus).stated
    return Advice(brief.skills).behind(locus, before, recipe.at(locus).stated)
