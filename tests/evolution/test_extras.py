"""What idle boxes run: which program, in which order, and when nothing is left."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from core.doubles import ProgramDict, entry, proposal
from core.evolution.extras import MOST_SEEDS, SEEDED, TRIALS_PER_FOLD, TUNED, ExtraSearch
from core.evolution.tried_values import change_of_values
from core.genome import Genome, normalised_digest
from core.protocols import Proposer
from core.records import Brief, Entry, Idle, Proposal
from utils.errors import ProposalError

PROGRAM = """# %% DATA
LAGS = 2  # tune: 4
# %% MODEL
RATE = @RATE@  # tune: 0.02, 0.1
# %% TRAIN
x = @ID@
# %% POSTPROCESS
y = 1
"""


class Shelf:
    """Finished programs, and the extras that follow from them."""

    def __init__(self, partner: Proposer | None = None) -> None:
        self.programs = ProgramDict()
        self.entries: list[Entry] = []
        self.pending: list[Proposal] = []
        self.search = ExtraSearch("maximize", 3, self.programs.get, partner)
        self.number = 0

    def put(
        self, entry_id: str, score: float | None, text: str | None = None, **fields: Any
    ) -> Entry:
        """A program of a model without values; text: its own."""
        text = text or f"x = '{entry_id}'\n"
        changes = {"author": fields.pop("author", "model"), "extra": fields.pop("extra", False)}
        made = dataclasses.replace(
            entry(entry_id, score, **fields), program=self.programs.put(text), **changes
        )
        self.entries.append(dataclasses.replace(made, genes=Genome.parse(text).hashes()))
        return self.entries[-1]

    def tunable(self, entry_id: str, score: float, rate: str = "0.05", **fields: Any) -> Entry:
        text = PROGRAM.replace("@ID@", repr(entry_id)).replace("@RATE@", rate)
        return self.put(entry_id, score, text, **fields)

    def next(self) -> Proposal | None:
        known = {normalised_digest(self.programs.get(one.program)) for one in self.entries}
        known |= {normalised_digest(one.program) for one in self.pending}
        return self.search.next_extra(
            Idle(self.entries, self.pending, known, self.number, len(self.entries), 30.0)
        )

    def all(self) -> list[Proposal]:
        """Extras in order while all of them stay in flight."""
        while (extra := self.next()) is not None:
            self.pending.append(extra)
            self.number += 1
        return self.pending

    def end(self, extra: Proposal, score: float, unproven: bool = False, **fields: Any) -> Entry:
        """An extra that ended with this score, and is no longer in flight."""
        self.number += 1
        ended = self.put(
            extra.id,
            score,
            extra.program,
            kind=extra.kind,
            parents=extra.parents,
            extra=True,
            **fields,
        )
        self.entries[-1] = dataclasses.replace(
            ended, plan=extra.plan, change=extra.change, unproven=unproven
        )
        return self.entries[-1]


def kinds(extras: list[Proposal]) -> list[str]:
    return [extra.kind for extra in extras]


# ---------------------------------------------------------------- values


def test_every_declared_value_of_a_good_program_is_tried_once_and_each_alone() -> None:
    shelf = Shelf()
    parent = shelf.tunable("s0001", 0.8)
    tuned = [extra for extra in shelf.all() if extra.kind == "tune"]
    before = Genome.parse(shelf.programs.get(parent.program))
    changes = set()
    for extra in tuned:
        after = Genome.parse(extra.program)
        assert extra.parents == ("s0001",)
        assert extra.genes == after.hashes()
        changed = [locus for locus in after.loci if after.gene(locus) != before.gene(locus)]
        assert changed == [extra.locus]
        changes.add(extra.plan.partition("[")[2])
    assert changes == {
        "DATA: LAGS 2 -> 4]",
        "MODEL: RATE 0.05 -> 0.02]",
        "MODEL: RATE 0.05 -> 0.1]",
    }
    assert len(tuned) == 3


def test_the_search_goes_on_around_the_best_and_tries_new_values_first() -> None:
    shelf = Shelf()
    shelf.tunable("s0001", 0.8)
    first = shelf.next()
    assert first is not None
    # The child is better: the other constant is tried on it, with what nobody had.
    better = shelf.end(first, 0.9)
    second = shelf.next()
    assert second is not None
    assert second.parents == (better.id,)
    name = first.plan.split()[-4]
    value = first.plan.rpartition("-> ")[2]
    assert (name, value) != (second.plan.split()[-4], second.plan.rpartition("-> ")[2])
    # A child that is worse is no place to go on from.
    worse = shelf.end(second, 0.1)
    third = shelf.next()
    assert third is not None
    assert third.parents == (better.id,)
    assert worse.id not in third.parents


def test_a_child_that_has_not_shown_to_be_better_is_no_place_to_go_on_from() -> None:
    shelf = Shelf()
    shelf.tunable("s0001", 0.8)
    first = shelf.next()
    assert first is not None
    shelf.end(first, 0.9, unproven=True)
    second = shelf.next()
    assert second is not None
    assert second.parents == ("s0001",)


@pytest.mark.parametrize("folds", [1, 3])
def test_few_values_are_tried_on_one_program_by_few_folds(folds: int) -> None:
    shelf = Shelf()
    text = "# %% DATA\nLAGS = 0  # tune: 1, 2, 3, 4, 5, 6, 7\nDAYS = 0  # tune: 1, 2, 3, 4\n"
    shelf.put("s0001", 0.8, text, folds=[0.8] * folds)
    lives = 0
    while (extra := shelf.next()) is not None and extra.kind == "tune":
        # Better each time: what comes of a program by values is still that program.
        lives += 1
        shelf.end(extra, 0.8 + lives / 100, folds=[0.8 + lives / 100] * folds)
    assert lives == TRIALS_PER_FOLD * folds
    # Another program has trials of its own.
    shelf.put("s0002", 0.95, text + "z = 1\n", folds=[0.95] * folds)
    extra = shelf.next()
    assert extra is not None
    assert (extra.kind, extra.parents) == ("tune", ("s0002",))


def test_values_of_the_best_programs_of_models_alone() -> None:
    shelf = Shelf()
    for number in range(TUNED + 1):
        shelf.tunable(f"s000{number}", 0.8 - number / 100)
    shelf.tunable("s0008", 0.99, author="recipes")
    shelf.tunable("s0009", 0.99, complete=False, folds=[0.99])
    parents = [extra.parents[0] for extra in shelf.all() if extra.kind == "tune"]
    assert list(dict.fromkeys(parents)) == [f"s000{number}" for number in range(TUNED)]


def test_a_child_keeps_seed_author_and_plan_of_its_parent() -> None:
    shelf = Shelf()
    parent = shelf.tunable("s0001", 0.8)
    extra = shelf.next()
    assert extra is not None
    assert (extra.seed, extra.author) == (parent.folds[0].seed, "model")
    assert (extra.id, extra.step, extra.extra, extra.told_s) == ("x0000", 1, True, None)
    child = shelf.end(extra, 0.9)
    again = shelf.next()
    assert again is not None
    assert again.parents == (child.id,)
    assert again.plan.count("[") == 1


def told_changes(extra: Proposal) -> set[str]:
    return set(extra.plan.rpartition("[")[2].removesuffix("]").split("; "))


def test_a_value_on_a_value_names_every_value_that_differs_from_the_program_of_the_model() -> None:
    shelf = Shelf()
    shelf.tunable("s0001", 0.8)
    first = shelf.next()
    assert first is not None
    shelf.end(first, 0.9)
    # The same program once more, luckier: it is still the program of the same model.
    luck = dataclasses.replace(first, id="x0001", kind="seed", parents=(first.id,))
    shelf.end(luck, 0.95)
    second = shelf.next()
    assert second is not None
    assert second.parents == (luck.id,)
    name = next(iter(told_changes(first))).split()[1]
    other = "RATE" if name == "LAGS" else "LAGS"
    assert told_changes(first) < told_changes(second)
    assert [change.split()[1] for change in told_changes(second) - told_changes(first)] == [other]


def test_a_value_that_is_set_back_is_no_change() -> None:
    shelf = Shelf()
    root = shelf.tunable("s0001", 0.8)
    text = shelf.programs.get(root.program)
    far = text.replace("LAGS = 2", "LAGS = 4").replace("RATE = 0.05", "RATE = 0.1")
    back = text.replace("RATE = 0.05", "RATE = 0.1")
    assert change_of_values(text, far) == "DATA: LAGS 2 -> 4; MODEL: RATE 0.05 -> 0.1"
    assert change_of_values(text, back) == "MODEL: RATE 0.05 -> 0.1"


def test_brackets_in_the_plan_of_an_author_stay() -> None:
    shelf = Shelf()
    shelf.tunable("s0001", 0.8)
    shelf.entries[0] = dataclasses.replace(shelf.entries[0], plan="blend [of two links]")
    extra = shelf.next()
    assert extra is not None
    assert extra.plan == f"blend [of two links] [{extra.change}]"


# ---------------------------------------------------------------- values without an effect


def of_constant(extras: list[Proposal], name: str) -> list[Proposal]:
    tuned = [extra for extra in extras if extra.kind == "tune"]
    return [
        extra for extra in tuned if any(f" {name} " in change for change in told_changes(extra))
    ]


def with_rate_tried(score: float, folds: list[float] | None = None) -> Shelf:
    """s0001 at .8 and a child with another rate."""
    shelf = Shelf()
    root = shelf.tunable("s0001", 0.8)
    text = shelf.programs.get(root.program).replace("RATE = 0.05", "RATE = 0.02")
    child = dataclasses.replace(
        root.as_proposal(text), id="x0000", kind="tune", parents=("s0001",), extra=True
    )
    complete = folds is None
    shelf.end(child, score, folds=folds, complete=complete)
    return shelf


def judged(shelf: Shelf, p_better: float | None, incumbent: str | None) -> Shelf:
    """The last entry was compared with another one."""
    last = shelf.entries[-1]
    shelf.entries[-1] = dataclasses.replace(last, p_better=p_better, incumbent=incumbent)
    return shelf


@pytest.mark.parametrize(
    ("folds", "p_better"),
    [
        pytest.param(None, None, id="scores of all folds"),
        pytest.param([0.8, 0.8], None, id="scores of two folds"),
        pytest.param([0.8], 0.5, id="predictions of one fold"),
    ],
)
def test_a_constant_whose_value_changed_nothing_is_left_alone(
    folds: list[float] | None, p_better: float | None
) -> None:
    shelf = judged(with_rate_tried(0.8 + 1e-12, folds), p_better, "s0001")
    tuned = [extra for extra in shelf.all() if extra.kind == "tune"]
    assert {"DATA: LAGS 2 -> 4"} in map(told_changes, tuned)
    assert not [one for one in tuned if "RATE = 0.1 " in one.program]


@pytest.mark.parametrize(("p_better", "incumbent"), [(0.48, "s0001"), (0.5, "s0002"), (None, None)])
def test_one_score_that_is_the_same_on_one_fold_says_nothing_of_a_constant(
    p_better: float | None, incumbent: str | None
) -> None:
    """Accuracy on few rows has few values; .5 is the judge's word for equal predictions."""
    extras = judged(with_rate_tried(0.8, [0.8]), p_better, incumbent).all()
    assert {"MODEL: RATE 0.05 -> 0.1"} in map(told_changes, extras)


@pytest.mark.parametrize("score", [0.8001, 0.7999])
def test_a_constant_whose_value_changed_a_score_is_tried_further(score: float) -> None:
    extras = with_rate_tried(score, [score]).all()
    assert {"MODEL: RATE 0.05 -> 0.1"} in map(told_changes, extras)


def test_descendants_leave_it_alone_while_its_part_is_the_same() -> None:
    """What changed is in TRAIN, the constant stands in MODEL."""
    shelf = with_rate_tried(0.8)
    text = shelf.programs.get(shelf.entries[0].program)
    shelf.put("s0002", 0.9, f"{text}z = 1\n", parents=("s0001",))
    mine = [extra for extra in shelf.all() if extra.parents == ("s0002",)]
    assert of_constant(mine, "LAGS")
    assert not of_constant(mine, "RATE")


def test_it_is_tried_again_where_the_code_around_it_changed_or_it_is_another_program() -> None:
    for parents, line in ((("s0001",), "fit(RATE)\n"), ((), "")):
        shelf = with_rate_tried(0.8)
        text = shelf.programs.get(shelf.entries[0].program)
        other = text.replace("# %% TRAIN\n", line + "# %% TRAIN\nz = 1\n")
        shelf.put("s0002", 0.9, other, parents=parents)
        mine = [extra for extra in shelf.all() if extra.parents == ("s0002",)]
        assert of_constant(mine, "RATE")


# ---------------------------------------------------------------- folds


def test_a_program_that_was_given_up_close_to_the_best_gets_its_other_folds() -> None:
    shelf = Shelf()
    shelf.put("s0001", 0.80)
    shelf.put("s0002", 0.785, complete=False, folds=[0.785])
    shelf.put("s0003", 0.79, complete=False, folds=[0.79])
    shelf.put("s0004", 0.5, complete=False, folds=[0.5])
    shelf.put("s0005", None)
    extras = [extra for extra in shelf.all() if extra.kind == "folds"]
    assert [extra.parents[0] for extra in extras] == ["s0003", "s0002"]
    twin, parent = extras[0], shelf.entries[2]
    assert twin.program == shelf.programs.get(parent.program)
    assert twin.seed == parent.folds[0].seed


def test_partners_do_not_wait_until_all_values_are_tried() -> None:
    shelf = Shelf()
    for place in range(3):
        shelf.tunable(f"s000{place}", 0.8 + place / 100)
    shelf.put("s0009", 0.815, folds=[0.815], complete=False)
    kinds = [extra.kind for extra in shelf.all()[:6]]
    assert kinds == ["tune", "tune", "folds", "tune", "tune", "tune"]


def test_the_folds_of_a_program_are_run_once() -> None:
    shelf = Shelf()
    shelf.put("s0001", 0.80)
    shelf.put("s0002", 0.79, complete=False, folds=[0.79])
    twin = shelf.next()
    assert twin is not None
    assert twin.kind == "folds"
    shelf.end(twin, 0.79)
    assert "folds" not in kinds(shelf.all())


# ---------------------------------------------------------------- partners and seeds


class OneFamily:
    """A recipe as long as no recipe is there."""

    def propose(self, brief: Brief) -> Proposal:
        if brief.siblings:
            raise ProposalError("every family of recipes was tried")
        assert (brief.kind, brief.seconds) == ("draft", 30.0)
        return dataclasses.replace(proposal(brief, "recipe = 1\n"), plan="linear model")


def test_a_recipe_is_asked_for_once_values_and_folds_are_there() -> None:
    shelf = Shelf(OneFamily())
    shelf.tunable("s0001", 0.8)
    shelf.put("s0002", 0.79, complete=False, folds=[0.79])
    found = kinds(shelf.all())
    assert found == ["tune", "tune", "folds", "tune", "draft", "seed"]
    recipe = next(extra for extra in shelf.pending if extra.kind == "draft")
    assert (recipe.author, recipe.extra, recipe.id) == ("recipes", True, "x0004")


def test_recipes_are_partners_of_models_and_of_nobody_else() -> None:
    shelf = Shelf(OneFamily())
    assert shelf.next() is None
    shelf.put("s0000", 0.8, author="recipes", kind="mutate")
    assert "draft" not in kinds(shelf.all())


def test_the_best_run_with_further_seeds() -> None:
    shelf = Shelf()
    for number in range(SEEDED + 1):
        shelf.put(f"s000{number}", 0.8 - number / 100)
    done = []
    while (extra := shelf.next()) is not None:
        assert extra.kind == "seed"
        shelf.end(extra, 0.7 + shelf.number / 1000)
        done.append((extra.parents[0], extra.seed))
    parents = [parent for parent, _ in done]
    assert parents == ["s0000"] * MOST_SEEDS + ["s0001"] * MOST_SEEDS
    assert len({seed for _, seed in done}) == len(done)


def test_a_program_that_does_not_listen_to_its_seed_runs_once_more_only() -> None:
    shelf = Shelf()
    shelf.put("s0001", 0.8)
    extra = shelf.next()
    assert extra is not None
    shelf.end(extra, 0.8, folds=[0.8], complete=False)
    assert shelf.next() is None


def test_the_same_arguments_give_the_same_extra() -> None:
    shelf = Shelf()
    shelf.tunable("s0001", 0.8)
    assert shelf.next() == shelf.next()


@pytest.mark.parametrize("score", [None, 0.8])
def test_nothing_is_left_without_a_whole_program(score: float | None) -> None:
    shelf = Shelf()
    shelf.put("s0001", score, folds=[0.8] if score else None, complete=False)
    assert shelf.next() is None
