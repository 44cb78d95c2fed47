"""A new kind of brief is one line of core/evolution/briefs.py and one template."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import get_args

import pytest

from agents.answers.attempt import Examiner
from agents.coach import rewrite_schema
from agents.personas import parse as parse_persona
from agents.prompting.knowledge import Facts, fits
from agents.prompting.knowledge import parse as parse_piece
from agents.prompting.progress import RunProgress
from agents.prompting.prompt_builder import PROMPTS, PromptBuilder
from agents.prompting.system_text import CandidateMachine, TaskFacts
from core.evolution.briefs import BY_KIND, BriefTraits, changes_one_part, mends, tasks
from core.records import Answer, Brief, BriefKind, CompetitionSpec
from tests.agents.answers import GOOD, PARENT, PLAN, brief, fence, parent

MACHINE = CandidateMachine("3.11", {}, 2, 8192)
TEMPLATE = "Rethink this program as a whole ({{ score }}):{{ plan }}\n{{ program }}\n"
# The made-up program changes two parts.
CHANGED = GOOD.replace(", 0, 1)", ", 0.01, 0.99)")


@pytest.fixture
def rethink(monkeypatch: pytest.MonkeyPatch) -> BriefTraits:
    """The one line."""
    traits = BriefTraits("rethink", "Rethink a program.", answer="answer_program", pieces=2)
    monkeypatch.setitem(BY_KIND, traits.kind, traits)
    return traits


def prompts(spec: CompetitionSpec, folder: Path, steps: RunProgress | None = None) -> PromptBuilder:
    return PromptBuilder(TaskFacts(spec), MACHINE, steps or RunProgress(), folder)


def test_every_word_has_a_line_and_a_template() -> None:
    assert tuple(BY_KIND) == get_args(BriefKind)
    assert all((PROMPTS / f"{task}.md").is_file() for task in tasks())
    for kind, traits in BY_KIND.items():
        assert traits.kind == kind
        assert (PROMPTS / f"{traits.task or kind}.md").is_file()
        assert (PROMPTS / f"{traits.answer}.md").is_file()


def test_a_blend_is_no_brief() -> None:
    assert not changes_one_part("ensemble")
    assert not mends("ensemble")


def test_a_new_kind_chooses_its_prompt(
    rethink: BriefTraits, binary: CompetitionSpec, tmp_path: Path
) -> None:
    folder = tmp_path / "prompts"
    shutil.copytree(PROMPTS, folder)
    (folder / "rethink.md").write_text(TEMPLATE)
    asked: list[int] = []

    def skills(brief: Brief, most: int) -> list[str]:
        asked.append(most)
        return ["### A piece\nof knowledge\n"]

    text = prompts(binary, folder, RunProgress(skills=skills)).write(brief("rethink", [parent()]))
    assert "Rethink this program as a whole (0.8):\n\nIts author's plan:\n<notes-" in text
    assert "\nboosting\n" in text
    assert PARENT.rstrip() in text
    assert "Then the whole program in one code block" in text
    assert asked == [2]


def test_a_template_that_asks_for_what_nobody_knows_is_named(
    rethink: BriefTraits, binary: CompetitionSpec, tmp_path: Path
) -> None:
    folder = tmp_path / "prompts"
    shutil.copytree(PROMPTS, folder)
    (folder / "rethink.md").write_text("Of {{ weather }} and {{ plan }}.")
    with pytest.raises(ValueError, match="prompt rethink: nothing is known of weather"):
        prompts(binary, folder).write(brief("rethink", [parent()]))


def test_a_new_kind_is_known_to_the_coach_personas_and_knowledge(
    rethink: BriefTraits, binary: CompetitionSpec
) -> None:
    strategy = rewrite_schema()["properties"]["strategy"]
    assert "rethink" in strategy["properties"]
    assert "rethink" in strategy["required"]
    persona = parse_persona(
        "bold",
        '+++\nrole = "Bold."\n[operators]\nrethink = 2.0\n+++\n## rethink\nStart from the data.\n',
    )
    assert persona.readiness("rethink") == 2.0
    assert persona.strategy["rethink"] == "Start from the data."
    asked = brief("rethink", [parent()])
    assert fits(
        parse_piece("any", f'+++\ntitle = "T"\nmodalities = ["{binary.modality}"]\n+++\nDo.\n'),
        asked,
        binary,
        Facts(),
    )
    own = parse_piece("own", '+++\ntitle = "T"\nbriefs = ["rethink"]\n+++\nDo.\n')
    assert fits(own, asked, binary, Facts())


@pytest.mark.parametrize("one_part", [False, True])
def test_the_line_says_whether_an_answer_may_change_several_parts(
    rethink: BriefTraits, monkeypatch: pytest.MonkeyPatch, one_part: bool
) -> None:
    monkeypatch.setitem(BY_KIND, "rethink", dataclasses.replace(rethink, one_part=one_part))
    examiner = Examiner(lambda program: (), lambda digest: False)
    answer = Answer(f"{PLAN}\n{fence(CHANGED)}")
    attempt = examiner.examine(brief("rethink", [parent()], "MODEL"), answer, [PARENT])
    assert attempt.reasons == ()
    assert attempt.program == (GOOD if one_part else CHANGED)
    assert attempt.locus == ("MODEL" if one_part else None)
