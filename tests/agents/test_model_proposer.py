"""Briefs become proposals; what cannot be used is an error with its reason, lanes do not disturb
each other.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from agents.proposer import ModelProposer
from core.doubles import ManualClock, ScriptedModel
from core.execution.static_check import reasons_to_reject
from core.genome import LOCI, Genome, normalised_digest
from core.records import Answer, Brief, ErrorInfo, Request
from tests.agents.answers import EDIT, GOOD, PARENT, PLAN, brief, fence, parent
from utils.errors import ModelError, ProposalError


class PlainPrompts:
    def system(self) -> str:
        return "rules"

    def write(self, brief: Brief) -> str:
        return f"{brief.kind} {brief.step}"

    def repair(self, brief: Brief, program: str, reasons: Sequence[str]) -> str:
        return "\n".join([f"repair {brief.step}", *reasons])


def proposer(model: ScriptedModel | EchoModel, known: Sequence[str] = ()) -> ModelProposer:
    return ModelProposer(
        model, PlainPrompts(), reasons_to_reject, known, ManualClock(1000.0), 300.0
    )


class EchoModel:
    """Answers each request with a program of its own, when all lanes have asked."""

    available = True

    def __init__(self, lanes: int) -> None:
        self._barrier = threading.Barrier(lanes, timeout=30)

    def complete(self, request: Request) -> Answer:
        purpose, step = request.messages[0].text.split()[:2]
        if purpose == "draft":
            self._barrier.wait()
        return Answer(fence(GOOD.replace("0.1", f"0.{step}")))


def test_a_draft_becomes_a_proposal_of_the_model() -> None:
    model = ScriptedModel([f"{PLAN}\n{fence(GOOD)}"])
    made = proposer(model).propose(brief("draft"))
    assert (made.id, made.step, made.kind, made.author) == ("s0007", 7, "draft", "model")
    assert made.program == GOOD
    assert made.plan == "gradient boosting with a smaller step"
    assert (made.parents, made.persona, made.seed, made.locus) == ((), "default", 11, None)
    assert set(made.genes) == set(LOCI)
    assert model.requests[0].deadline == 1300.0


def test_no_call_lasts_beyond_the_end_of_the_search() -> None:
    """Else a hanging endpoint would eat the time of the final pick."""
    model = ScriptedModel([f"{PLAN}\n{fence(GOOD)}"])
    clock = ManualClock(1000.0)
    ModelProposer(
        model, PlainPrompts(), reasons_to_reject, (), clock, 300.0, lambda: 1040.0
    ).propose(brief("draft"))
    assert model.requests[0].deadline == 1040.0


def test_a_mutation_names_its_parent_and_its_locus() -> None:
    made = proposer(ScriptedModel([f"{PLAN}\n{EDIT}"])).propose(
        brief("mutate", [parent()], "MODEL")
    )
    assert (made.parents, made.locus, made.program) == (("s0001",), "MODEL", GOOD)


def test_a_debug_step_keeps_its_parent_and_its_kind() -> None:
    error = ErrorInfo("NameError", "name 'np' is not defined", "Traceback")
    made = proposer(ScriptedModel([EDIT])).propose(brief("debug", [parent(error=error)]))
    assert (made.kind, made.parents, made.locus) == ("debug", ("s0001",), None)


def test_a_merge_names_both_parents() -> None:
    other = dataclasses.replace(parent(GOOD.replace("0.1", "0.7")), id="s0002")
    made = proposer(ScriptedModel([fence(GOOD)])).propose(brief("merge", [parent(), other]))
    assert made.parents == ("s0001", "s0002")


def test_a_plan_is_never_empty_and_never_long() -> None:
    bare = GOOD.removeprefix('"""Gradient boosting on all columns."""\n')
    assert (
        proposer(ScriptedModel([fence(bare)])).propose(brief()).plan
        == "draft: the model names no plan"
    )
    assert (
        len(proposer(ScriptedModel([f"PLAN: {'long ' * 99}\n{fence(GOOD)}"])).propose(brief()).plan)
        <= 300
    )


def test_why_it_should_be_better_comes_along_and_a_repair_keeps_it() -> None:
    why = "WHY: a smaller step fits the noise less"
    made = proposer(ScriptedModel([f"{PLAN}\n{why}\n{EDIT}"])).propose(brief("rewrite", [parent()]))
    assert made.hypothesis == "a smaller step fits the noise less"
    mended = proposer(ScriptedModel([f"{PLAN}\n{why}\nno program", EDIT])).propose(
        brief("rewrite", [parent()])
    )
    assert mended.hypothesis == made.hypothesis
    assert proposer(ScriptedModel([fence(GOOD)])).propose(brief()).hypothesis == ""


def test_a_rewrite_may_change_any_part_and_counts_for_the_only_one_that_it_changed() -> None:
    one = proposer(ScriptedModel([EDIT])).propose(brief("rewrite", [parent()]))
    assert (one.kind, one.locus, one.program) == ("rewrite", "MODEL", GOOD)
    several = GOOD.replace("model = build()", "model = build()\nprint(len(X))")
    both = proposer(ScriptedModel([fence(several)])).propose(brief("rewrite", [parent()]))
    assert (both.locus, both.program) == (None, several)
    changed = {locus for locus in LOCI if both.genes[locus] != Genome.parse(PARENT).hashes()[locus]}
    assert changed == {"MODEL", "TRAIN"}


def test_a_rewrite_without_markers_is_split_into_its_parts_again() -> None:
    bare = "\n".join(line for line in GOOD.splitlines() if not line.startswith("# %%"))
    made = proposer(ScriptedModel([fence(bare + "\n")])).propose(brief("rewrite", [parent()]))
    assert set(made.genes) == set(LOCI)


def test_a_mutation_that_names_no_part_counts_for_the_one_that_the_model_chose() -> None:
    made = proposer(ScriptedModel([EDIT])).propose(brief("mutate", [parent()]))
    assert (made.kind, made.locus) == ("mutate", "MODEL")


def test_an_unusable_answer_is_an_error_with_its_reason() -> None:
    model = ScriptedModel(["no", fence("import openai\n" + GOOD)])
    with pytest.raises(
        ProposalError, match="cannot be used: line 1: imports openai: language model clients"
    ):
        proposer(model).propose(brief())
    assert len(model.requests) == 2


def test_a_model_that_cannot_be_reached_is_let_out() -> None:
    with pytest.raises(ModelError, match="quota"):
        proposer(ScriptedModel([ModelError("quota", permanent=True)])).propose(brief())


def test_earlier_programs_are_not_proposed_again() -> None:
    again = "does the same as its parent or an earlier program"
    known = [normalised_digest(GOOD)]
    with pytest.raises(ProposalError, match=again):
        proposer(ScriptedModel([fence(GOOD)] * 2), known).propose(brief())
    author = proposer(
        ScriptedModel([fence(GOOD), fence(GOOD), fence(PARENT), fence(PARENT), fence(PARENT)])
    )
    assert author.propose(brief()).program == GOOD
    assert author.propose(brief(step=8)).program == PARENT
    with pytest.raises(ProposalError, match=again):
        author.propose(brief(step=9))


def test_lanes_propose_at_once() -> None:
    author = proposer(EchoModel(4))
    with ThreadPoolExecutor(4) as lanes:
        made = list(lanes.map(lambda step: author.propose(brief(step=step)), range(1, 5)))
    assert [proposal.id for proposal in made] == ["s0001", "s0002", "s0003", "s0004"]
    assert len({proposal.program for proposal in made}) == 4


def test_two_lanes_with_the_same_program_give_one_proposal() -> None:
    author = proposer(EchoModel(2))
    with ThreadPoolExecutor(2) as lanes:
        futures = [lanes.submit(author.propose, brief(step=5)) for _ in range(2)]
    errors = [future.exception() for future in futures]
    assert sorted(type(error).__name__ for error in errors) == ["NoneType", "ProposalError"]


def test_without_faults_a_step_costs_one_request() -> None:
    """Twenty steps with the odd forms that a healthy model uses: at most 1.3 requests each (here:
    none is repaired).
    """
    answers = []
    for step in range(20):
        program = GOOD.replace("0.1", f"0.5{step}")
        edit = EDIT.replace("0.1", f"0.5{step}")
        answers.append(
            [
                f"{PLAN}\n{fence(program)}",
                program,
                f"{PLAN}\n{edit}",
                fence(program.replace("# %%", "#%%")),
            ][step % 4]
        )
    model = ScriptedModel(answers)
    author = proposer(model)
    for step in range(20):
        kind = "mutate" if step % 4 == 2 else "draft"
        author.propose(
            brief(
                kind,
                [parent()] if kind == "mutate" else [],
                "MODEL" if kind == "mutate" else None,
                step,
            )
        )
    assert len(model.requests) <= 1.3 * 20
