"""Briefs change what is proposed: drafts differ in paradigm, a mutation in one locus, a repair
where it broke.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from agents.recipes import catalog
from agents.recipes.advice import advised
from agents.recipes.assemble import Choice, Recipe, describe, paradigm, program_text, read_recipe
from agents.recipes.problem import problem_of, task_of
from agents.recipes.proposer import RecipesProposer
from agents.recipes.repair import failure_class, guilty_locus
from agents.recipes.space import Space
from core.genome import LOCI, Genome, Locus, changed_loci, normalised_digest
from core.protocols import Proposer
from core.records import Brief, BriefKind, CompetitionSpec, ErrorInfo, Parent, Proposal
from utils.errors import ProposalError, SpecError
from utils.packages import installed

PACKAGES = frozenset({"lightgbm"})


@pytest.fixture
def spec(tools: Any, tmp_path: Path) -> CompetitionSpec:
    return tools.make_spec(tmp_path, feature_columns=tuple("abcdefgh"), rows_train=5000)


@pytest.fixture
def proposer(spec: CompetitionSpec) -> RecipesProposer:
    return RecipesProposer(spec, PACKAGES)


def drafts(proposer: Proposer, count: int, **options: Any) -> list[Proposal]:
    found: list[Proposal] = []
    for step in range(count):
        plans = tuple(proposal.plan for proposal in found)
        found.append(proposer.propose(Brief(step, "draft", 100 + step, siblings=plans, **options)))
    return found


def parent_of(proposal: Proposal, error: ErrorInfo | None = None) -> Parent:
    score = None if error else 0.5
    return Parent(proposal.id, proposal.program, proposal.plan, score, error, proposal.change)


def child(
    proposer: Proposer, kind: BriefKind, parent: Parent, step: int = 50, **options: Any
) -> Proposal:
    return proposer.propose(Brief(step, kind, 1000 + step, parents=(parent,), **options))


def test_the_first_eleven_drafts_are_distinct_paradigms_best_first(
    proposer: RecipesProposer,
) -> None:
    found = drafts(proposer, 11)
    names = [paradigm(proposal.plan) for proposal in found]
    assert names[:3] == ["histogram boosting", "linear model", "LightGBM"]
    assert len(set(names)) == 11
    assert len({proposal.genes["MODEL"] for proposal in found}) == 11
    assert [proposal.id for proposal in found[:2]] == ["s0000", "s0001"]
    assert found[0].genes == Genome.parse(found[0].program).hashes()
    assert set(found[0].genes) == set(LOCI)


def test_siblings_decide_the_next_draft(spec: CompetitionSpec) -> None:
    plan = "histogram boosting (learning rate 0.12), target encoding, one fit on all rows, mean"
    free = RecipesProposer(spec, PACKAGES).propose(Brief(0, "draft", 1))
    told = RecipesProposer(spec, PACKAGES).propose(Brief(0, "draft", 1, siblings=(plan,)))
    assert paradigm(free.plan) == "histogram boosting"
    assert paradigm(told.plan) == "linear model"


def test_the_time_that_a_brief_grants_decides_the_order(tools: Any, tmp_path: Path) -> None:
    spec = tools.make_spec(tmp_path, feature_columns=tuple("abcdefgh"), rows_train=400_000)
    ample = drafts(RecipesProposer(spec, PACKAGES), 1)[0]
    scarce = drafts(RecipesProposer(spec, PACKAGES), 1, seconds=45.0)[0]
    assert paradigm(ample.plan) == "histogram boosting"
    assert paradigm(scarce.plan) == "linear model"


def test_drafts_go_on_after_the_paradigms_with_new_programs(proposer: RecipesProposer) -> None:
    found = drafts(proposer, 40)
    assert len({normalised_digest(proposal.program) for proposal in found}) == 40


def test_every_text_and_image_problem_has_several_drafts(tools: Any, tmp_path: Path) -> None:
    from core.records import FilesById

    text = tools.make_spec(tmp_path, "log_loss", modality="text", text_columns=("t",))
    image = tools.make_spec(
        tmp_path, modality="image", files=FilesById(("train",), ("test",), ".jpg")
    )
    for spec in (text, image):
        names = [paradigm(p.plan) for p in drafts(RecipesProposer(spec, frozenset({"PIL"})), 5)]
        assert len(set(names)) == 5
    assert paradigm(drafts(RecipesProposer(image, frozenset({"PIL"})), 1)[0].plan) == "linear model"


@pytest.mark.parametrize("locus", LOCI)
def test_a_mutation_changes_exactly_the_asked_locus(tools: Any, tmp_path: Path, locus: Any) -> None:
    spec = tools.make_spec(tmp_path, "log_loss", feature_columns=tuple("abcdefgh"))
    proposer = RecipesProposer(spec, PACKAGES)
    for number, draft in enumerate(drafts(proposer, 8)):
        mutant = child(proposer, "mutate", parent_of(draft), step=50 + number, locus=locus)
        assert changed_loci(Genome.parse(draft.program), Genome.parse(mutant.program)) == {locus}
        assert mutant.locus == locus
        assert mutant.parents == (draft.id,)


def test_a_mutation_honours_the_aspect(proposer: RecipesProposer) -> None:
    draft = drafts(proposer, 1)[0]
    before = read_recipe(draft.program, "tabular")
    changed = set()
    for step in range(60, 65):
        options = {"locus": "MODEL", "aspect": "regularisation", "step": step}
        after = read_recipe(
            child(proposer, "mutate", parent_of(draft), **options).program, "tabular"
        )
        assert before is not None
        assert after is not None
        pairs = zip(before.at("MODEL").values, after.at("MODEL").values, strict=True)
        changed |= {name for (name, old), (_, new) in pairs if old != new}
    assert changed
    assert changed <= {"MIN_SAMPLES_LEAF", "L2", "COLUMN_SHARE"}


def test_lesson_27_no_program_is_proposed_twice(spec: CompetitionSpec) -> None:
    proposer = RecipesProposer(spec, PACKAGES)
    draft = drafts(proposer, 1)[0]
    mutants = [child(proposer, "mutate", parent_of(draft), step=50 + i) for i in range(60)]
    digests = {normalised_digest(proposal.program) for proposal in [draft, *mutants]}
    assert len(digests) == 61
    again = RecipesProposer(spec, PACKAGES, known=digests)
    assert normalised_digest(drafts(again, 1)[0].program) not in digests


def test_a_tune_is_a_step_on_the_grid(proposer: RecipesProposer) -> None:
    draft = drafts(proposer, 1)[0]
    tuned = child(proposer, "tune", parent_of(draft), locus="MODEL")
    before, after = (read_recipe(item.program, "tabular") for item in (draft, tuned))
    assert before is not None
    assert after is not None
    assert before.at("MODEL").fragment == after.at("MODEL").fragment
    pairs = zip(before.at("MODEL").values, after.at("MODEL").values, strict=True)
    changed = [(name, old, new) for (name, old), (_, new) in pairs if old != new]
    assert len(changed) == 1
    assert tuned.plan.endswith("[MODEL: {} {} -> {}]".format(*changed[0]))


def test_a_merge_takes_each_gene_from_a_parent(proposer: RecipesProposer) -> None:
    first, second = (drafts(proposer, 9)[i] for i in (0, 2))
    brief = Brief(50, "merge", 7, parents=(parent_of(first), parent_of(second)))
    merged = proposer.propose(brief)
    assert merged.parents == (first.id, second.id)
    assert all(
        gene in (first.genes[locus], second.genes[locus]) for locus, gene in merged.genes.items()
    )
    assert merged.genes not in (first.genes, second.genes)


def valid_plans(spec: CompetitionSpec, first: Proposal, second: Proposal) -> list[dict[Locus, str]]:
    """Gene plans of two parents, of which the library can make a child that equals neither."""
    space = Space(problem_of(spec), PACKAGES)
    ours, theirs = (read_recipe(item.program, "tabular") for item in (first, second))
    assert ours is not None
    assert theirs is not None
    found = []
    for chosen in itertools.product((first.id, second.id), repeat=len(LOCI)):
        pairs = zip(chosen, ours.choices, theirs.choices, strict=True)
        child = Recipe(tuple(a if parent == first.id else b for parent, a, b in pairs))
        if space.valid(child) and child not in (ours, theirs):
            found.append(dict(zip(LOCI, chosen, strict=True)))
    return found


def merged(
    proposer: Proposer, parents: tuple[Proposal, Proposal], plan: dict[Locus, str], seed: int = 7
) -> Proposal:
    told = tuple(parent_of(parent) for parent in parents)
    return proposer.propose(Brief(50, "merge", seed, parents=told, gene_plan=tuple(plan.items())))


def test_a_gene_plan_decides_which_mixture_comes_first(spec: CompetitionSpec) -> None:
    found = drafts(RecipesProposer(spec, PACKAGES), 6)
    pairs = [
        (pair, plans)
        for pair in itertools.combinations(found, 2)
        if (plans := valid_plans(spec, *pair))
    ]
    first, second = parents = max(pairs, key=lambda pair: len(pair[1]))[0]
    plans = valid_plans(spec, first, second)
    assert len(plans) > 1
    for plan in plans:
        wanted = {
            locus: (first if plan[locus] == first.id else second).genes[locus] for locus in LOCI
        }
        for seed in range(3):
            assert merged(RecipesProposer(spec, PACKAGES), parents, plan, seed).genes == wanted
    free = [merged(RecipesProposer(spec, PACKAGES), parents, {}, seed).genes for seed in range(12)]
    assert len({tuple(genes.values()) for genes in free}) > 1


def test_a_plan_that_was_written_before_gives_way_to_another_program(spec: CompetitionSpec) -> None:
    proposer = RecipesProposer(spec, PACKAGES)
    found = drafts(proposer, 6)
    pairs = (
        (pair, plans)
        for pair in itertools.combinations(found, 2)
        if (plans := valid_plans(spec, *pair))
    )
    parents, plans = next(pairs)
    assert len({merged(proposer, parents, plans[0]).program for _ in range(3)}) == 3


def test_a_tune_finds_a_step_where_the_asked_locus_has_no_parameter(
    proposer: RecipesProposer,
) -> None:
    recipes = [
        (draft, recipe)
        for draft in drafts(proposer, 9)
        if (recipe := read_recipe(draft.program, "tabular"))
    ]
    bare = [
        (draft, recipe, locus)
        for draft, recipe in recipes
        for locus in LOCI
        if not recipe.at(locus).values
    ]
    assert bare
    for step, (draft, before, locus) in enumerate(bare[:6], 60):
        after = read_recipe(
            child(proposer, "tune", parent_of(draft), step, locus=locus).program, "tabular"
        )
        assert after is not None
        assert [a.fragment for a in after.choices] == [b.fragment for b in before.choices]


def test_a_missing_package_leads_to_another_model_for_good(proposer: RecipesProposer) -> None:
    booster = next(proposal for proposal in drafts(proposer, 3) if "LightGBM" in proposal.plan)
    error = ErrorInfo("ModuleNotFoundError", "No module named 'lightgbm'", "")
    fixed = child(proposer, "debug", parent_of(booster, error))
    assert fixed.locus == "MODEL"
    assert "lightgbm" not in fixed.program
    later = [
        child(proposer, "mutate", parent_of(fixed), step=60 + i, locus="MODEL") for i in range(30)
    ]
    assert all("lightgbm" not in proposal.program for proposal in later)


@pytest.mark.parametrize("kind", ["debug", "shrink"])
def test_lesson_17_after_a_lack_of_memory_or_time_the_child_is_cheaper(
    spec: CompetitionSpec, kind: Any
) -> None:
    proposer = RecipesProposer(spec, PACKAGES)
    space = Space(problem_of(spec), PACKAGES)
    forest = next(proposal for proposal in drafts(proposer, 7) if "random forest" in proposal.plan)
    smaller = child(
        proposer, kind, parent_of(forest, ErrorInfo("SIGKILL", "killed for memory", ""))
    )
    before, after = (read_recipe(item.program, "tabular") for item in (forest, smaller))
    assert before is not None
    assert after is not None
    assert space.seconds(after) < space.seconds(before)
    assert changed_loci(Genome.parse(forest.program), Genome.parse(smaller.program)) == {
        smaller.locus
    }


def test_lesson_17_the_cheapest_recipe_is_shrunk_to_fewer_rows(spec: CompetitionSpec) -> None:
    proposer = RecipesProposer(spec, PACKAGES)
    space = Space(problem_of(spec), PACKAGES)
    cheapest = min(space.drafts(), key=space.seconds)
    parent = Parent(
        "s0000",
        program_text(cheapest, problem_of(spec)),
        "",
        None,
        ErrorInfo("Timeout", "deadline", ""),
    )
    seconds = []
    for step in range(5):
        smaller = child(proposer, "shrink", parent, step=50 + step)
        recipe = read_recipe(smaller.program, "tabular")
        assert recipe is not None
        seconds.append(space.seconds(recipe))
        parent = parent_of(smaller, parent.error)
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[0] < space.seconds(cheapest)


def test_a_traceback_points_at_the_locus_that_is_swapped(proposer: RecipesProposer) -> None:
    draft = drafts(proposer, 1)[0]
    lines = draft.program.splitlines()
    number = next(i for i, line in enumerate(lines, 1) if "get_indexer" in line)
    frames = (
        f'  File "/x/program.py", line {number}, in <module>\n    {lines[number - 1].strip()}\n'
    )
    frames += '  File "/lib/pandas/core.py", line 3, in factorize\n    raise TypeError("no")\n'
    error = ErrorInfo(
        "TypeError", "no", "Traceback (most recent call last):\n" + frames + "TypeError: no"
    )
    assert guilty_locus(draft.program, error) == "DATA"
    fixed = child(proposer, "debug", parent_of(draft, error))
    assert fixed.locus == "DATA"
    assert changed_loci(Genome.parse(draft.program), Genome.parse(fixed.program)) == {"DATA"}


def test_an_unclear_failure_leads_to_the_plain_recipe_of_the_model(spec: CompetitionSpec) -> None:
    space = Space(problem_of(spec), PACKAGES)
    plain = space.drafts()[0]
    bagging = next(item for item in space.fragments("TRAIN") if item.key == "train_fold_bagging")
    failed = program_text(plain.with_choice("TRAIN", Choice.of(bagging)), problem_of(spec))
    parent = Parent("s0001", failed, "", None, ErrorInfo("ValueError", "odd", "Traceback ..."))
    fixed = child(RecipesProposer(spec, PACKAGES), "debug", parent)
    assert read_recipe(fixed.program, "tabular") == plain


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, "resources"),
        (ErrorInfo("MemoryError", "", ""), "resources"),
        (ErrorInfo("ImportError", "libgomp.so.1: cannot open shared object file", ""), "package"),
        (ErrorInfo("KeyError", "'y'", ""), "code"),
    ],
)
def test_failure_classes(error: ErrorInfo | None, expected: str) -> None:
    assert failure_class(error) == expected


def test_a_foreign_parent_is_answered_by_a_draft(proposer: RecipesProposer) -> None:
    foreign = Parent(
        "s0007", "# %% DATA\nx = 1\n# %% MODEL\n# %% TRAIN\n# %% POSTPROCESS\n", "", 0.5, None
    )
    proposal = child(proposer, "mutate", foreign)
    assert (proposal.kind, proposal.parents) == ("draft", ())


def test_a_recipe_that_was_edited_since_is_no_recipe(proposer: RecipesProposer) -> None:
    """A model's edit leaves the recipe comments in place; a child of what they say would lose the
    edit silently.
    """
    draft = drafts(proposer, 1)[0]
    edited = dataclasses.replace(
        draft, program=draft.program.replace("# %% TRAIN", "STRENGTH = 3\n\n# %% TRAIN")
    )
    assert child(proposer, "mutate", parent_of(edited), locus="TRAIN").parents == ()
    assert child(proposer, "mutate", parent_of(draft), step=51, locus="TRAIN").parents == (
        draft.id,
    )


def test_the_same_seed_gives_the_same_program(spec: CompetitionSpec) -> None:
    programs = []
    for _ in range(2):
        proposer = RecipesProposer(spec, PACKAGES)
        draft = drafts(proposer, 1)[0]
        programs.append(
            [child(proposer, "mutate", parent_of(draft), step=50 + i).program for i in range(10)]
        )
    assert programs[0] == programs[1]


def test_nothing_new_is_an_error(
    proposer: RecipesProposer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "agents.recipes.proposer.program_text", lambda recipe, problem: "# the same\n"
    )
    proposer.propose(Brief(0, "draft", 1))
    with pytest.raises(ProposalError):
        proposer.propose(Brief(1, "draft", 2))


def test_a_recipe_is_read_back_from_its_program(spec: CompetitionSpec) -> None:
    problem = problem_of(spec)
    for recipe in Space(problem, PACKAGES).random_recipes(random.Random(3), tries=200):
        assert read_recipe(program_text(recipe, problem), "tabular") == recipe
    assert read_recipe("x = 1\n", "tabular") is None
    broken = program_text(recipe, problem).replace('{"fragment"', "{fragment", 1)
    assert read_recipe(broken, "tabular") is None


def test_quotes_and_markers_in_names_cannot_break_a_program(tools: Any, tmp_path: Path) -> None:
    odd = ('a"b', "c\\d", "# %% MODEL", "ü\n")
    spec = tools.make_spec(tmp_path, feature_columns=odd, id_columns=("it's",), rows_train=5000)
    program = drafts(RecipesProposer(spec, PACKAGES), 1)[0].program
    compile(program, "program.py", "exec")
    assert len(Genome.parse(program).blocks) == 5


def test_the_kind_of_task_follows_from_the_spec(tools: Any, tmp_path: Path) -> None:
    def kind(metric: str, **changes: Any) -> str:
        return task_of(tools.make_spec(tmp_path, metric, **changes))

    assert kind("roc_auc") == "binary"
    assert kind("rmse") == "regression"
    assert kind("accuracy", classes=("a", "b", "c")) == "multiclass"
    assert kind("roc_auc", classes=("0", ".2", "1")) == "regression"
    assert kind("roc_auc", target_columns=("p", "q"), label_columns=("p", "q")) == "multilabel"
    assert kind("log_loss", target_columns=("p", "q"), classes=("p", "q")) == "multiclass"
    with pytest.raises(SpecError):
        problem_of(tools.make_spec(tmp_path).changed(train=None))


def test_every_fragment_is_well_formed() -> None:
    for modality in catalog.MODALITIES:
        fragments = catalog.load(modality)
        assert {fragment.locus for fragment in fragments} == set(LOCI)
        assert len({fragment.key for fragment in fragments}) == len(fragments)
        titles = [paradigm(fragment.title) for fragment in fragments if fragment.locus == "MODEL"]
        assert len(set(titles)) == len(titles)
        for fragment in fragments:
            assert set(fragment.show) | set(fragment.scales) <= set(fragment.defaults)
            others = {key for keys in fragment.prefers.values() for key in keys}
            assert others <= {
                item.key for name in catalog.MODALITIES for item in catalog.load(name)
            }
            describe_with = Recipe((Choice.of(fragment),) * 4)
            assert "{" not in describe(describe_with, modality)


def test_packages_are_found_without_importing_them() -> None:
    assert installed(["json", "no_such_package_at_all"]) == {"json"}
    assert {"lightgbm", "PIL"} <= catalog.all_packages()


@pytest.mark.parametrize(
    ("task", "metric", "varied"),
    [
        ("binary", "roc_auc", {"WEIGHTS"}),
        ("regression", "rmse", set()),
        ("regression", "mae", {"ERRORS"}),
    ],
)
def test_a_parameter_that_changes_nothing_here_keeps_its_value(
    spec: CompetitionSpec, task: Any, metric: str, varied: set[str]
) -> None:
    """One step away, far away and at random alike."""
    problem = dataclasses.replace(problem_of(spec), task=task, metric=metric)
    space, rng = Space(problem, PACKAGES), random.Random(1)
    boosting = next(
        recipe for recipe in space.drafts() if recipe.at("MODEL").fragment == "model_lightgbm"
    )
    first = dict(boosting.at("MODEL").values)
    changes = [
        *space.changes(boosting, "MODEL"),
        *space.far_changes(boosting, "MODEL", rng, tries=300),
    ]
    chosen = [change.choice for change in changes] + [
        item.at("MODEL") for item in space.random_recipes(rng)
    ]
    found = {
        name
        for choice in chosen
        if choice.fragment == "model_lightgbm"
        for name, value in choice.values
        if value != first[name]
    }
    assert found & {"WEIGHTS", "ERRORS"} == varied
    assert {"LEAVES", "LEAF_ROWS", "TREES"} <= found


@pytest.mark.parametrize(
    ("task", "train", "varied"),
    [
        ("binary", "train_single", set()),
        ("binary", "train_blend", set()),
        ("binary", "train_fold_bagging", {"COMBINE"}),
        ("regression", "train_single", {"MARGIN"}),
        ("regression", "train_subsample_bagging", {"COMBINE", "MARGIN"}),
    ],
)
def test_a_parameter_matters_beside_some_fragments_only(
    spec: CompetitionSpec, task: Any, train: str, varied: set[str]
) -> None:
    """The mean and the median of two models are the same; probabilities have no margin, and trees
    stay within one.
    """
    space, rng = (
        Space(dataclasses.replace(problem_of(spec), task=task, metric="rmse"), PACKAGES),
        random.Random(1),
    )
    known = {item.key: item for item in space.fragments("TRAIN")}
    linear = next(draft for draft in space.drafts() if draft.at("MODEL").fragment == "model_linear")
    recipe = linear.with_choice("TRAIN", Choice.of(known[train]))
    assert recipe.at("POSTPROCESS").fragment == "postprocess_write"
    near = [change.choice for change in space.changes(recipe, "POSTPROCESS")]
    far = [change.choice for change in space.far_changes(recipe, "POSTPROCESS", rng, tries=200)]
    usual = dict(recipe.at("POSTPROCESS").values)
    for choices in (near, far):
        own = [choice for choice in choices if choice.fragment == "postprocess_write"]
        assert {
            name for choice in own for name, value in choice.values if value != usual[name]
        } == varied
    for item in space.random_recipes(rng, tries=1000):
        if (
            item.at("POSTPROCESS").fragment == "postprocess_write"
            and item.at("MODEL").fragment == "model_lightgbm"
        ):
            assert item.at("POSTPROCESS").value("MARGIN") == usual["MARGIN"]


@pytest.mark.parametrize(
    ("model", "words", "varied"),
    [
        ("model_lightgbm", True, {"MAX_CATEGORIES"}),
        ("model_lightgbm", False, set()),
        ("model_linear", True, {"MAX_CATEGORIES", "NUMBERS"}),
        ("model_linear", False, {"NUMBERS"}),
        ("model_extra_trees", False, {"NUMBERS"}),
        ("model_residuals", False, {"NUMBERS"}),
    ],
)
def test_encodings_are_varied_where_a_model_sees_the_difference(
    spec: CompetitionSpec, model: str, words: bool, varied: set[str]
) -> None:
    """Boosted trees see the order of numbers only; without columns of words there is nothing to
    encode.
    """
    task: Any = "regression" if model == "model_residuals" else "binary"
    problem = dataclasses.replace(problem_of(spec), task=task, words=words)
    space, rng = Space(problem, PACKAGES), random.Random(1)
    one_hot = next(item for item in space.fragments("DATA") if item.key == "data_one_hot")
    draft = next(item for item in space.drafts() if item.at("MODEL").fragment == model)
    recipe = draft.with_choice("DATA", Choice.of(one_hot))
    changes = [*space.changes(recipe, "DATA"), *space.far_changes(recipe, "DATA", rng, tries=300)]
    chosen = [change.choice for change in changes]
    chosen += [
        item.at("DATA")
        for item in space.random_recipes(rng, tries=1000)
        if item.at("MODEL").fragment == model
    ]
    usual = one_hot.defaults
    own = [choice for choice in chosen if choice.fragment == "data_one_hot"]
    assert {
        name for choice in own for name, value in choice.values if value != usual[name]
    } == varied
    assert ("data_target_encoding" in {choice.fragment for choice in chosen}) == (
        words and model == "model_lightgbm"
    )
    grouped = {choice.value("GROUPED") for choice in chosen if choice.fragment == "data_ordinal"}
    assert (len(grouped) > 1) == (words and model == "model_lightgbm")


def test_a_tune_goes_on_the_way_that_made_its_parent(proposer: RecipesProposer) -> None:
    draft = next(item for item in drafts(proposer, 6) if paradigm(item.plan) == "LightGBM")
    boosting = next(item for item in catalog.load("tabular") if item.key == "model_lightgbm")
    grids = {
        parameter.name: [str(value) for value in parameter.grid]
        for parameter in boosting.parameters
    }
    gone_on = set()
    for step in range(60, 68):
        first = child(proposer, "tune", parent_of(draft), step, locus="MODEL")
        second = child(proposer, "tune", parent_of(first), step + 100, locus="MODEL")
        before, after = (advised(item.change) for item in (first, second))
        assert before is not None
        assert after is not None
        ((name, (was, now)),) = before.moves.items()
        further = 2 * grids[name].index(now) - grids[name].index(was)
        if 0 <= further < len(grids[name]):
            gone_on.add(name)
            assert after.moves == {name: (now, grids[name][further])}
    assert len(gone_on) > 2


def test_sizes_and_rates_are_tuned_first(spec: CompetitionSpec) -> None:
    first = []
    for seed in range(60):
        fresh = RecipesProposer(spec, PACKAGES)
        draft = next(item for item in drafts(fresh, 6) if paradigm(item.plan) == "LightGBM")
        made = advised(child(fresh, "tune", parent_of(draft), seed, locus="MODEL").change)
        first += list(made.moves) if made else []
    sizes = sum(name in ("LEAVES", "TREES", "LEARNING_RATE") for name in first)
    assert len(first) == 60
    # Six of thirteen steps are theirs: without weights a little under half.
    assert 0.6 < sizes / 60 < 0.9


def test_a_condition_of_a_parameter_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model_x.py"
    path.write_text('# title = "x"\n# aspect = "architecture"\n# only.RATE = ["mae"]\nRATE = 1\n')
    with pytest.raises(ValueError, match="only: no grid of RATE"):
        catalog.read_fragment(path)


def test_the_library_for_tables_texts_and_images_stays_a_floor() -> None:
    """About 40 fragments and 1,500 lines, helpers included: it is no product of its own."""
    root = Path(catalog.__file__).with_name("fragments")
    files = [
        path
        for kind in ("common", "tabular", "text", "image", "preamble")
        for path in (root / kind).glob("*.py")
    ]
    assert sum(not path.name.startswith("_") for path in files) <= 43
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) <= 1500


# ---------------------------------------------------------------- briefs that were meant for a model


@pytest.mark.parametrize("kind", ["rewrite", "draft"])
def test_recipes_answer_a_rewrite_and_a_late_draft_by_a_mutation_of_a_recipe(
    kind: BriefKind, proposer: RecipesProposer
) -> None:
    best, other = drafts(proposer, 2)
    parents = (parent_of(best), parent_of(other))
    made = proposer.propose(Brief(50, kind, 7, parents=parents))
    assert (made.kind, made.parents) == ("mutate", (best.id,))
    assert changed_loci(Genome.parse(best.program), Genome.parse(made.program)) == {made.locus}


@pytest.mark.parametrize("kind", ["rewrite", "draft"])
def test_recipes_answer_what_is_asked_of_a_model_s_program_by_a_draft(
    kind: BriefKind, proposer: RecipesProposer
) -> None:
    recipe = drafts(proposer, 1)[0]
    written = Parent("s0009", "print(1)\n", "a plan", 0.9, None)
    made = proposer.propose(Brief(50, kind, 7, parents=(written, parent_of(recipe))))
    assert (made.kind, made.parents, made.locus) == ("draft", (), None)
