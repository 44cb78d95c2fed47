"""The system text says from when to when the folds are, beside what the competition asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agents.prompting.progress import RunProgress
from agents.prompting.prompt_builder import PromptBuilder
from agents.prompting.system_text import PREVIEW, CandidateMachine, TaskFacts
from core.doubles import entry
from core.records import Brief, Parent, SplitSpec
from core.task.hints import Hints
from core.task.look.collect import look
from core.task.recognise.spec import inspect_competition
from tests.task import folders

SPANS = {
    "full": "2014-03-16 .. 2014-04-29 (44.0 days), 2,064 rows",
    "probe": "",
    "search0": "2014-01-01 .. 2014-01-28 (27.0 days), 1,344 rows",
    "search1": "2014-01-29 .. 2014-02-25 (27.0 days), 1,344 rows",
}


def system(folder: Path, split: SplitSpec, spans: dict[str, str]) -> str:
    spec = inspect_competition(folders.binary_rows(folder), "", Hints.of(metric="roc_auc"))
    machine = CandidateMachine("3.11", {}, 1, 2048)
    facts = TaskFacts(spec, look(spec), split, (), spans)
    return PromptBuilder(facts, machine, RunProgress()).system()


@pytest.mark.parametrize("kind", ["time", "group"])
def test_folds_stand_beside_the_test_rows(tmp_path: Path, kind: str) -> None:
    split = SplitSpec(kind, 2, 2688, 0, 0, "", "a", "b")  # type: ignore[arg-type]
    text = system(tmp_path / "data", split, SPANS)
    shown = text.split("Held-out rows that score a program, fold by fold:\n")[1].splitlines()[:3]
    assert shown == [
        f"- fold 0: {SPANS['search0']}",
        f"- fold 1: {SPANS['search1']}",
        f"- the test rows: {SPANS['full']}",
    ]
    fenced = text.split("# Data\n")[1].split("</data-")[0]
    # Within the fence and the room of the preview.
    assert SPANS["search1"] in fenced
    assert len(fenced) < PREVIEW + 30


@pytest.mark.parametrize("told", [True, False])
def test_what_a_fold_holds_out_is_told_once(tmp_path: Path, told: bool) -> None:
    spec = inspect_competition(folders.binary_rows(tmp_path), "", Hints.of(metric="roc_auc"))
    split = SplitSpec("time", 3, 2688, 0, 0, "", None, "b")
    facts = TaskFacts(spec, look(spec), split, (), SPANS if told else {})
    step = entry("s0001", 0.8)
    views = [replace(fold, view=f"search{fold.fold}") for fold in step.folds]
    step = replace(step, folds=tuple(views))
    progress = RunProgress(entries=lambda: [step], spans=lambda: SPANS)
    prompts = PromptBuilder(facts, CandidateMachine("3.11", {}, 1, 2048), progress)
    brief = Brief(2, "rewrite", 1, (Parent("s0001", "x = 1\n", "plan", 0.8, None),))
    assert (prompts.system() + prompts.write(brief)).count(SPANS["search0"]) == 1
    assert ("fold 0 0.8;" in prompts.write(brief)) == told


def test_random_folds_and_old_journals_say_nothing(tmp_path: Path) -> None:
    random = SplitSpec("random", 2, 40, 0, 0, "")
    assert "fold by fold" not in system(tmp_path / "a", random, SPANS)
    timed = SplitSpec("time", 2, 40, 0, 0, "", None, "b")
    assert "fold by fold" not in system(tmp_path / "b", timed, {"search0": "", "full": ""})
