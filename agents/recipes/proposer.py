"""The proposer that needs no language model: briefs become recipes, recipes become programs."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator

from agents.recipes import repair
from agents.recipes.advice import Advice, told
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
from core.evolution.experience import change_of
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

    packages: module names beyond scikit-learn that candidates can import. seen: normalised digests
    of earlier programs of this run. A brief whose parents are not recipes is answered by a draft
    without parents. The persona's taste and the skills of a brief decide what comes first; a
    proposal names those skills that advise the change it makes. Raises SpecError when no recipe
    fits the competition.
    """

    def __init__(
        self, spec: CompetitionSpec, packages: frozenset[str], seen: Iterable[str] = ()
    ) -> None:
        self._problem = problem_of(spec)
        self._packages = packages
        self._seen = set(seen)

    def propose(self, brief: Brief) -> Proposal:
        """Raises ProposalError when nothing new is left."""
        rng = random.Random(brief.seed)
        parents = [
            (parent, recipe)
            for parent in brief.parents
            if (recipe := self._recipe(parent)) is not None
        ]
        if parents and BY_KIND[brief.kind].parents:
            self._forget_missing_packages(brief)
            proposal = self._first_new(
                brief, brief.kind, parents, self._children(brief, parents, rng)
            )
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
        untouched = normalised_digest(program_text(recipe, self._problem)) == normalised_digest(
            parent.program
        )
        return recipe if untouched else None

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
            if normalised_digest(program) not in self._seen:
                self._seen.add(normalised_digest(program))
                return Proposal.to(
                    brief,
                    kind=kind,
                    parents=tuple(parent.id for parent, _ in parents),
                    plan=self._plan(recipe, locus, parents),
                    program=program,
                    genes=Genome.parse(program).hashes(),
                    locus=locus,
                    skills=_behind(brief, parents, recipe, locus),
                )
        return None

    def _plan(
        self, recipe: Recipe, locus: Locus | None, parents: list[tuple[Parent, Recipe]]
    ) -> str:
        """What the program is; for a change of one locus also what changed."""
        plan = describe(recipe, self._problem.modality)
        return plan if locus is None else f"{plan} [{difference(parents[0][1], recipe, locus)}]"

    def _drafts(self, brief: Brief, rng: random.Random) -> Iterator[Candidate]:
        """Models that no sibling has, those within the time first; then random combinations."""
        taken = {paradigm(plan) for plan in brief.siblings}
        names = [
            (draft, paradigm(describe(draft, self._problem.modality)))
            for draft in self._space.drafts()
        ]
        fresh = [draft for draft, name in names if name not in taken]
        fresh = leaning(fresh, [_liking(brief.persona, draft) for draft in fresh], rng, _FADE)
        for draft in sorted(fresh, key=lambda item: self._space.seconds(item) > brief.seconds):
            yield draft, None
        slow = []
        for recipe in self._space.random_recipes(rng, brief.persona.taste):
            if self._space.seconds(recipe) <= brief.seconds:
                yield recipe, None
            else:
                slow.append(recipe)
        yield from ((recipe, None) for recipe in slow)

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
                yield from self._crossings(
                    recipe, parents[1][1], self._planned(brief, parents[1][0]), rng
                )
            if brief.kind == "tune":
                yield from self._steps(brief, parent, recipe, rng)
            yield from self._mutations(brief, recipe, rng)

    def _planned(self, brief: Brief, second: Parent) -> int | None:
        """The loci that the brief's gene plan takes from the second parent, as bits; None without a
        plan.
        """
        wanted = dict(brief.gene_plan)
        return (
            sum((wanted.get(locus) == second.id) << i for i, locus in enumerate(LOCI))
            if wanted
            else None
        )

    def _crossings(
        self, first: Recipe, second: Recipe, planned: int | None, rng: random.Random
    ) -> Iterator[Candidate]:
        """Every valid mixture of two recipes, the planned one first, the others in random order."""
        masks = list(range(1, 2 ** len(LOCI) - 1))
        rng.shuffle(masks)
        for mask in sorted(masks, key=lambda mask: mask != planned):
            pairs = enumerate(zip(first.choices, second.choices, strict=True))
            child = Recipe(tuple(b if mask >> i & 1 else a for i, (a, b) in pairs))
            if child not in (first, second) and self._space.valid(child):
                yield child, None

    def _mutations(self, brief: Brief, recipe: Recipe, rng: random.Random) -> Iterator[Candidate]:
        """The asked locus and aspect first, then the asked locus, then any; steps on the grid
        before random jumps.
        """
        taste = brief.persona.taste
        for locus in self._loci(brief, recipe, rng):
            near = self._shuffled(brief, recipe, self._space.changes(recipe, locus), rng)
            within = [change for change in near if self._in_time(brief, recipe, change)]
            far = (
                c
                for c in self._space.far_changes(recipe, locus, rng, taste)
                if self._in_time(brief, recipe, c)
            )
            for change in (*within, *far):
                yield recipe.with_choice(locus, change.choice), locus

    def _steps(
        self, brief: Brief, parent: Parent, recipe: Recipe, rng: random.Random
    ) -> Iterator[Candidate]:
        """Neighbouring values of parameters, those of the asked locus first, there one more step of
        the kind that made the parent first (a pattern move after Hooke and Jeeves).
        """
        last = told(change_of(parent.plan))
        for locus in self._loci(brief, recipe, rng):
            near = self._shuffled(brief, recipe, self._space.changes(recipe, locus), rng)
            if last is not None:
                near.sort(
                    key=lambda it: (
                        not last.backs(it.locus, recipe.at(it.locus).stated, it.choice.stated)
                    )
                )
            for change in near:
                if not change.swap and self._in_time(brief, recipe, change):
                    yield recipe.with_choice(locus, change.choice), locus

    def _loci(self, brief: Brief, recipe: Recipe, rng: random.Random) -> list[Locus]:
        """The asked locus first, then those of which a skill advises a change; the persona's likes
        before others.
        """
        advice, loci = Advice(brief.skills), rng.sample(LOCI, len(LOCI))
        advised = {
            locus
            for locus in LOCI
            for change in (self._space.changes(recipe, locus) if brief.skills else ())
            if advice.favours(locus, recipe.at(locus).stated, change.choice.stated)
        }
        loci = leaning(loci, [brief.persona.loci.get(locus, 1.0) for locus in loci], rng)
        return sorted(loci, key=lambda locus: (locus != brief.locus, locus not in advised))

    def _shuffled(
        self, brief: Brief, recipe: Recipe, changes: list[RecipeChange], rng: random.Random
    ) -> list[RecipeChange]:
        """What skills advise, then the asked aspect. Swaps and steps alternate by a coin, however
        many there are of each, those to the persona's taste earlier; a tune takes steps only.
        """
        taste, advice = brief.persona.taste, Advice(brief.skills)
        swaps, steps = [c for c in changes if c.swap], [c for c in changes if not c.swap]
        rng.shuffle(swaps)
        rng.shuffle(steps)
        swaps = leaning(swaps[::-1], [taste(change.choice.fragment) for change in swaps[::-1]], rng)
        steps = leaning(
            steps[::-1], [taste(it.aspect) * _WEIGHT.get(it.aspect, 1.0) for it in steps[::-1]], rng
        )
        mixed: list[RecipeChange] = []
        while swaps or steps:
            take_step = steps and (brief.kind == "tune" or not swaps or rng.random() < 0.5)
            mixed.append(steps.pop(0) if take_step else swaps.pop(0))
        mixed.sort(key=lambda change: brief.aspect is not None and change.aspect != brief.aspect)
        return sorted(
            mixed, key=lambda c: advice.rank(c.locus, recipe.at(c.locus).stated, c.choice.stated)
        )

    def _in_time(self, brief: Brief, recipe: Recipe, change: RecipeChange) -> bool:
        """True when the child is not slower than allowed, or not slower than its parent."""
        seconds = self._space.seconds(recipe.with_choice(change.locus, change.choice))
        return seconds <= max(brief.seconds, self._space.seconds(recipe))


def _liking(persona: Persona, recipe: Recipe) -> float:
    return math.prod(persona.taste(choice.fragment) for choice in recipe.choices)


def _behind(
    brief: Brief, parents: list[tuple[Parent, Recipe]], recipe: Recipe, locus: Locus | None
) -> tuple[str, ...]:
    """Ids of the skills that a candidate follows."""
    if locus is None or not parents:
        return ()
    return Advice(brief.skills).behind(
        locus, parents[0][1].at(locus).stated, recipe.at(locus).stated
    )
