"""The files of the personas: what they hold, what is refused, and that each writes other programs
than the others.
"""

from __future__ import annotations

import copy
import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from agents.personas import STRATEGY_WORDS, load_personas, parse, tastes
from agents.recipes.assemble import read_recipe
from agents.recipes.problem import Problem
from agents.recipes.proposer import RecipesProposer
from agents.recipes.space import Space
from agents.recipes.taste import drawn, leaning
from benchmark.study.library import Extent, Item, make_library
from benchmark.study.proposer import LibraryProposer
from core.evolution.briefs import tasks
from core.genome import LOCI
from core.persona import NOBODY, Persona
from core.protocols import Proposer
from core.records import Brief, BriefKind, CompetitionSpec, Parent, Proposal
from utils.errors import ProposalError

PERSONAS = {persona.name: persona for persona in load_personas()}
PACKAGES = frozenset({"lightgbm", "xgboost"})
BRIEFS = 40
# Total variation between what two personas write, of 40 briefs each; the same persona twice differs
# by chance.
APART, ALIKE = 0.4, 0.35
_SWAP = re.compile(r": [a-z]\w+ -> (\w+)$")
CONSTANTS = {name: [] for name in ("ID", "KEYS", "LABELS", "TARGETS", "CLASSES")}
PROBLEM = Problem(
    "tabular", "binary", "probability", "log_loss", 1000, 1, 2, 10, CONSTANTS, {"FEATURES": []}
)

FILE = """+++
role = "You are bold."
[operators]
draft = 2.0
[genes]
"data_*" = 1.5
"regularisation" = 2
+++
## draft
Be bold
and quick.
"""


# ---------------------------------------------------------------- the files


def test_there_are_personas_that_differ_in_all_they_have() -> None:
    assert len(PERSONAS) >= 4
    assert {"feature_engineer", "modeller", "validator", "ensembler"} <= PERSONAS.keys()
    for a, b in itertools.combinations(PERSONAS.values(), 2):
        assert a.role != b.role
        assert a.operators != b.operators
        assert a.loci != b.loci
        assert a.genes != b.genes
        assert not set(a.strategy.values()) & set(b.strategy.values())


@pytest.mark.parametrize("persona", PERSONAS.values(), ids=lambda persona: persona.name)
def test_a_persona_has_moderate_weights_and_short_texts_for_every_kind(persona: Persona) -> None:
    weights = [*persona.operators.values(), *persona.loci.values(), *persona.genes.values()]
    assert all(0.3 <= weight <= 3 for weight in weights)
    # Values are tried by the harness: nobody is told how to guess them.
    assert persona.strategy.keys() == set(tasks())
    free = " ".join(
        persona.strategy[task] for task in ("draft", "rewrite", "mutate", "merge", "rebuild")
    )
    forbids = (
        r"\b(?:nothing else|never|must not|do not|no other|no sibling|one change|keep what was)\b"
    )
    assert re.search(forbids, f"{persona.role} {free}", re.IGNORECASE) is None
    assert all(len(text.split()) <= STRATEGY_WORDS for text in persona.strategy.values())
    assert (persona.version, persona.label) == (0, persona.name)


def test_patterns_of_all_personas_are_the_same_or_apart() -> None:
    """Rewrites recombine them, and the first match counts."""
    patterns = {pattern for persona in PERSONAS.values() for pattern in persona.genes}
    for name in tastes():
        assert sum(fnmatchcase(name, pattern) for pattern in patterns) <= 1, name


def test_a_file_is_read() -> None:
    persona = parse("bold", FILE)
    assert persona == Persona(
        "bold",
        "You are bold.",
        0,
        {"draft": "Be bold and quick."},
        {"draft": 2.0},
        {},
        {"data_*": 1.5, "regularisation": 2.0},
    )
    told = parse("bold", FILE.replace("[operators]", 'temperature = 0\nmodel = "m"\n[operators]'))
    assert (told.temperature, told.model) == (0.0, "m")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("role = ", "rule = ", "unknown key rule"),
        ('role = "You are bold."', "", "role is missing"),
        ('"You are bold."', '"You are\\nbold."', "role: expected one line"),
        ('"You are bold."', '"' + "x" * 301 + '"', "role: expected one line"),
        ("draft = 2.0", "dream = 2.0", "operators: dream is none of draft, rewrite, mutate"),
        ("draft = 2.0", "draft = 9.0", "operators: draft must be a number from"),
        ("draft = 2.0", "draft = true", "operators: draft must be a number from"),
        ("[operators]\ndraft = 2.0", "operators = 3", "operators: expected weights"),
        ("[operators]\ndraft", "[loci]\nMODELS", "loci: MODELS is none of DATA, MODEL"),
        ('"data_*"', '"datum_*"', r"genes: datum_\* matches no fragment"),
        ('"regularisation" = 2', '"data_ordinal" = 2', "genes: data_ordinal is matched by"),
        ("[operators]", "temperature = 3\n[operators]", "temperature: expected a number"),
        ("## draft", "## dream", "section 'dream'"),
        ("## draft", "## draft\nx\n## draft", "section 'draft'"),
        ("Be bold\nand quick.", "", "section draft must have"),
        ("Be bold", "word " * 60, "section draft must have"),
        ("## draft", "Hello.\n## draft", "before the first section"),
        ("+++\nrole", "x\n+++\nrole", "before the header"),
        ("draft = 2.0", "draft = ", "persona bold"),
    ],
)
def test_a_malformed_file_is_refused_with_its_name_and_key(old: str, new: str, said: str) -> None:
    assert old in FILE
    with pytest.raises(
        ValueError, match=f"persona bold: .*{said}" if said != "persona bold" else said
    ):
        parse("bold", FILE.replace(old, new, 1))


def test_names_of_files_are_names_of_personas(tmp_path: Path) -> None:
    for name in ("Bold", "bold.1", NOBODY.name):
        with pytest.raises(ValueError, match="no name of a persona"):
            parse(name, FILE)
    (tmp_path / "bold.md").write_text(FILE)
    (tmp_path / "able.md").write_text(FILE)
    assert [persona.name for persona in load_personas(tmp_path)] == ["able", "bold"]


# ---------------------------------------------------------------- orders and draws


def test_without_a_preference_orders_and_draws_are_plain() -> None:
    rng, items = random.Random(1), list("abcdef")
    before = rng.getstate()
    assert leaning(items, [2.0] * 6, rng, 0.5) == items
    assert rng.getstate() == before
    assert drawn(items, [2.0] * 6, random.Random(4)) == random.Random(4).choice(items)


def test_heavier_items_come_earlier_and_those_of_no_weight_last() -> None:
    rng = random.Random(5)
    orders = [leaning("abc", [1.0, 3.0, 0.0], rng) for _ in range(400)]
    assert {order[2] for order in orders} == {"c"}
    assert 0.68 < sum(order[0] == "b" for order in orders) / 400 < 0.82
    faded = [leaning("ab", [1.0, 1.5], rng, 0.5)[0] for _ in range(400)]
    assert 0.5 < faded.count("a") / 400 < 0.64
    assert Counter(drawn("ab", [1.0, 3.0], rng) for _ in range(400))["b"] > 260


# ---------------------------------------------------------------- what personas write without a model


@pytest.fixture
def spec(tools: Any, tmp_path: Path) -> CompetitionSpec:
    return tools.make_spec(tmp_path, "log_loss", feature_columns=tuple("abcdefgh"), rows_train=5000)


def library() -> list[Item]:
    """The third draft and all its neighbours."""
    items = make_library(
        Space(PROBLEM, PACKAGES), Extent(data=1, model=1, train=4, post=3, most=5000)
    )
    parent, genes = items[2], items[2].genes
    return [
        parent,
        *(item for item in items if sum(item.genes[locus] != genes[locus] for locus in LOCI) == 1),
    ]


def written(make: Callable[[], Proposer], persona: Persona, seed: int) -> Counter[str]:
    """What 40 mutations changed, each by a fresh proposer: the locus, with the new fragment where
    there is one.
    """
    parent = make().propose(Brief(0, "draft", 0, siblings=("histogram boosting", "linear model")))
    told = (Parent(parent.id, parent.program, parent.plan, 0.5, None, parent.change),)
    made = [
        make().propose(Brief(step, "mutate", 1000 * seed + step, told, persona=persona))
        for step in range(BRIEFS)
    ]
    swaps = (_SWAP.search(item.change) for item in made)
    return Counter(
        f"{item.locus}: {swap[1] if swap else 'values'}"
        for item, swap in zip(made, swaps, strict=True)
    )


def loci_of(changes: Mapping[str, int]) -> Counter[str]:
    loci = Counter[str]()
    for change, count in changes.items():
        loci[change.partition(":")[0]] += count
    return loci


def model_of(made: Proposal) -> str:
    recipe = read_recipe(made.program, "tabular")
    assert recipe is not None
    return recipe.at("MODEL").fragment


def variation(a: Mapping[str, int], b: Mapping[str, int]) -> float:
    """Total variation between two counts, 0 to 1."""
    sums = sum(a.values()), sum(b.values())
    return (
        sum(abs(a.get(key, 0) / sums[0] - b.get(key, 0) / sums[1]) for key in a.keys() | b.keys())
        / 2
    )


@pytest.mark.parametrize("where", ["recipes", "library"])
def test_lesson_31_personas_write_different_programs_without_a_model(
    where: str, spec: CompetitionSpec
) -> None:
    fresh: Proposer = (
        RecipesProposer(spec, PACKAGES) if where == "recipes" else LibraryProposer(library(), 0)
    )

    def make() -> Proposer:
        return copy.deepcopy(fresh)

    first, other = (
        {name: written(make, PERSONAS[name], seed) for name in PERSONAS} for seed in (1, 2)
    )
    apart = {(a, b): variation(first[a], first[b]) for a, b in itertools.combinations(PERSONAS, 2)}
    same = {name: variation(first[name], other[name]) for name in PERSONAS}
    assert min(apart.values()) >= APART, apart
    assert max(same.values()) <= ALIKE, same
    for name, persona in PERSONAS.items():
        assert loci_of(first[name]).most_common(1)[0][0] == max(
            LOCI, key=lambda locus: persona.loci[locus]
        )


def test_a_taste_for_nothing_else_decides_draft_and_jump(spec: CompetitionSpec) -> None:
    linear = Persona("x", genes={"model_linear": 4.0, "model_*": 0.0})
    for seed in range(6):
        made = RecipesProposer(spec, PACKAGES).propose(Brief(0, "draft", seed, persona=linear))
        assert model_of(made) == "model_linear"


def test_the_same_taste_for_all_changes_no_draw(spec: CompetitionSpec) -> None:
    even = Persona("even", genes={"*": 2.0}, loci=dict.fromkeys(LOCI, 3.0))
    for persona in (NOBODY, replace(even, version=1)):
        plans = [
            item.plan
            for item in made_by(RecipesProposer(spec, PACKAGES), persona)
            + made_by(LibraryProposer(library(), 0), persona)
        ]
        if persona is NOBODY:
            plain = plans
    assert plans == plain


def made_by(proposer: Proposer, persona: Persona) -> list[Proposal]:
    made: list[Proposal] = []
    rng = random.Random(0)
    for step in range(40):
        kind: BriefKind = "draft" if step < 5 else rng.choice(("mutate", "tune", "merge", "draft"))
        told = tuple(
            Parent(item.id, item.program, item.plan, 0.5, None, item.change)
            for item in rng.sample(made, min(2, len(made)))
        )
        plans = tuple(item.plan for item in made if item.kind == "draft")
        brief = Brief(
            step, kind, step, () if kind == "draft" else told, siblings=plans, persona=persona
        )
        try:
            made.append(proposer.propose(brief))
        except ProposalError:
            continue
    return made
