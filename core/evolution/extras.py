"""What runs while no box is asked for by a step: it costs no request to a model, and is no step.

In the order of its expected use: values that good programs declare; partners of the best in an
ensemble, which are programs that were given up close to it, on the folds that they lack, and a recipe
of each family; the best with other seeds. Each third extra is a partner first. Pure, but for a
partner that is asked for a recipe.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from core.evolution.change_words import with_change
from core.evolution.diversity import original_of
from core.evolution.selection import TWIN, by_whole_scores, common_gain, derived_rng
from core.evolution.tried_values import Inert, by_value, change_of_values, inert, inert_in
from core.evolution.values import DeclaredValue, code_around, declared_values, with_value
from core.genome import Genome, normalised_digest
from core.persona import NOBODY
from core.protocols import Proposer
from core.records import Brief, Entry, Idle, ProgramKind, Proposal
from core.score import Direction
from utils.errors import ProposalError

# Programs whose values are tried: their children are raced against the best of them.
TUNED = 3
# Standard errors by which a program may be behind the leader to be worth its other folds: closer
# ones are better than their scores as often as not, and blends gain by them.
NEAR = 2.0
# Values that are tried on one program and what comes of it by values, for each fold: the more are tried
# on few folds, the surer the best of them is best by chance.
TRIALS_PER_FOLD = 2
# A new best brings new values to try, so that in a good run these would never end: every so many
# extras one is a partner for the ensemble first.
VALUES_BETWEEN = 3
# Programs that run with further seeds, and how many each.
SEEDED, MOST_SEEDS = 2, 3


class ExtraSearch:
    """Implements core.protocols.Extras. The same arguments give the same proposal, as long as the
    partner answers the same.
    """

    def __init__(
        self,
        direction: Direction,
        seed: int,
        program: Callable[[str], str],
        partner: Proposer | None = None,
    ) -> None:
        """program: text of a program by its digest. partner: writes a recipe of a family that no
        recipe so far has, and raises ProposalError when there is none left; None: nobody does.
        """
        self._direction = direction
        self._seed = seed
        self._program = program
        self._partner = partner

    def next_extra(self, now: Idle) -> Proposal | None:
        """None when nothing is left that is worth a box."""
        rng = derived_rng(self._seed, now.number, "extra")
        value, other = self._value, self._partner_of_the_best
        ways = (value, other)
        if now.number % VALUES_BETWEEN == VALUES_BETWEEN - 1:
            ways = (other, value)
        for way in (*ways, self._other_seed):
            extra = way(now, rng)
            if extra is not None:
                return extra
        return None

    def best(self, entries: Iterable[Entry]) -> list[Entry]:
        """Whole entries by their scores, best first, each program once; no trial that has not shown to
        be better than what it tries.
        """
        by_program: dict[str, Entry] = {}
        shown = [entry for entry in entries if not entry.unproven]
        for entry in by_whole_scores(shown, self._direction):
            by_program.setdefault(entry.program, entry)
        return list(by_program.values())

    def _by_models(self, now: Idle) -> list[Entry]:
        return self.best(entry for entry in now.entries if entry.author == "model")

    # ------------------------------------------------------------ one way each

    def _value(self, now: Idle, rng: random.Random) -> Proposal | None:
        """One declared value of one of the best, at another value that was not tried on it. A value
        that no program had yet comes before one that another program had already; a constant that
        changed nothing, in the same code, is left alone.
        """
        tried = set(self._settings_tried(now))
        known = {entry.id: entry for entry in now.entries}
        without_effect = inert(now.entries, self._program)
        for entry in self._by_models(now)[:TUNED]:
            if _trials_of(entry, now, known) >= TRIALS_PER_FOLD * len(entry.folds):
                continue
            idle = inert_in(entry, without_effect, known)
            children = list(self._children(entry, now.known, idle))
            fresh = [child for child in children if (child[0].name, child[1]) not in tried]
            if fresh or children:
                declared, _, text = rng.choice(fresh or children)
                return self._tuned(entry, declared, text, now)
        return None

    def _children(
        self, entry: Entry, known: Collection[str], idle: Inert
    ) -> Iterator[tuple[DeclaredValue, str, str]]:
        """(constant, its new value, text of the program) of each child by one change that nobody
        proposed yet. idle: constants that change nothing.
        """
        program = self._program(entry.program)
        around = code_around(program)
        for declared in declared_values(program):
            if (declared.name, around[declared.name]) in idle:
                continue
            for value in declared.values:
                text = with_value(program, declared, value)
                if normalised_digest(text) not in known:
                    yield declared, value, text

    def _settings_tried(self, now: Idle) -> Iterator[tuple[str, str]]:
        """(constant, value) as the earlier children by values had them."""
        texts = [self._program(entry.program) for entry in now.entries if by_value(entry)]
        texts += [proposal.program for proposal in now.pending if by_value(proposal)]
        for text in texts:
            for declared in declared_values(text):
                yield declared.name, declared.value

    def _tuned(self, parent: Entry, declared: DeclaredValue, text: str, now: Idle) -> Proposal:
        """text: of the program with the new value."""
        original = original_of(parent, {entry.id: entry for entry in now.entries})
        proposal = parent.as_proposal(text)
        change = change_of_values(self._program(original.program), text)
        return replace(
            _as_extra(proposal, now),
            kind="tune",
            parents=(parent.id,),
            persona=NOBODY.label,
            plan=with_change(original.plan, change),
            change=change,
            genes=Genome.parse(text).hashes(),
            locus=declared.locus,
        )

    def _partner_of_the_best(self, now: Idle, rng: random.Random) -> Proposal | None:
        return self._folds(now) or self._partner_recipe(now, rng)

    def _folds(self, now: Idle) -> Proposal | None:
        """The program that was given up closest to the leader, on the folds that it lacks."""
        leader = next(iter(self.best(now.entries)), None)
        if leader is None:
            return None
        every: list[Entry | Proposal] = [*now.entries, *now.pending]
        again = {parent for item in every if item.kind == "folds" for parent in item.parents}
        behind: dict[float, Entry] = {}
        for entry in filter(_given_up, now.entries):
            gain, error = common_gain(entry, leader, self._direction), entry.verdict.stderr
            near = gain is not None and error is not None and -gain <= NEAR * error
            if near and entry.id not in again:
                behind.setdefault(-(gain or 0.0), entry)
        if not behind:
            return None
        entry = behind[min(behind)]
        return self._again(entry, "folds", entry.folds[0].seed, now)

    def _partner_recipe(self, now: Idle, rng: random.Random) -> Proposal | None:
        """Once a model has a whole program: a partner of nobody would take a box from first drafts,
        and their families from them.
        """
        if self._partner is None or not self._by_models(now):
            return None
        every: list[Entry | Proposal] = [*now.entries, *now.pending]
        plans = tuple(item.plan for item in every if item.author == "recipes")
        seed = rng.getrandbits(32)
        brief = Brief(now.step, "draft", seed, siblings=plans, seconds=now.seconds)
        try:
            proposal = self._partner.propose(brief)
        except ProposalError:
            # Families do not come back, and each answer uses up a recipe.
            self._partner = None
            return None
        if normalised_digest(proposal.program) in now.known:
            return None
        return _as_extra(proposal, now)

    def _other_seed(self, now: Idle, rng: random.Random) -> Proposal | None:
        """One of the best once more; one that does the same with another seed has no more."""
        for entry in self.best(now.entries)[:SEEDED]:
            again = [item for item in now.entries if _is_seed_of(item, entry)]
            running = [item for item in now.pending if _is_seed_of(item, entry)]
            same = any(common_gain(item, entry, self._direction) == 0.0 for item in again)
            if not same and not running and len(again) < MOST_SEEDS:
                return self._again(entry, "seed", rng.getrandbits(32), now)
        return None

    def _again(self, entry: Entry, kind: ProgramKind, seed: int, now: Idle) -> Proposal:
        proposal = entry.as_proposal(self._program(entry.program))
        return replace(_as_extra(proposal, now), kind=kind, parents=(entry.id,), seed=seed)


def _as_extra(proposal: Proposal, now: Idle) -> Proposal:
    return replace(
        proposal, id=f"x{now.number:04d}", step=now.step, skills=(), hypothesis="", extra=True
    )


def _trials_of(entry: Entry, now: Idle, known: Mapping[str, Entry]) -> int:
    """How many values were tried, or are being tried, on the program that this one came of by values."""
    original = original_of(entry, known).id
    every: list[Entry | Proposal] = [*now.entries, *now.pending]
    tried = [known.get(item.parents[0]) for item in every if by_value(item) and item.parents]
    return sum(parent is not None and original_of(parent, known).id == original for parent in tried)


def _given_up(entry: Entry) -> bool:
    """It lost its race, and is neither the leader once more nor another program with a new seed."""
    valid = entry.verdict.valid and not entry.complete
    if not valid or entry.kind == "seed" or entry.p_better == TWIN:
        return False
    return 0 < len(entry.predictions) == len(entry.folds)


def _is_seed_of(item: Entry | Proposal, entry: Entry) -> bool:
    return item.kind == "seed" and entry.id in item.parents
