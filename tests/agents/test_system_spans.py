"""The system text says from when to when the folds are, beside what the competition asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.prompting.progress import RunProgress
from agents.prompting.prompt_builder import PromptBuilder
from agents.prompting.system_text import PREVIEW, CandidateMachine, TaskFacts
from core.records import SplitSpec
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
        f"- {SPANS['search0']}",
        f"- {SPANS['search1']}",
        f"- the test rows: {SPANS['full']}",
    ]
    fenced = text.split("# Data\n")[1].split("</data-")[0]
    # Within the fence and the room of the preview.
    assert SPANS["search1"] in fenced
    assert len(fenced) < PREVIEW + 30


def test_random_folds_and_old_journals_say_nothing(tmp_path: Path) -> None:
    random = SplitSpec("random", 2, 40, 0, 0, "")
    assert "fold by fold" not in system(tmp_path / "a", random, SPANS)
    timed = SplitSpec("time", 2, 40, 0, 0, "", None, "b")
    assert "fold by fold" not in system(tmp_path / "b", timed, {"search0": "", "full": ""})
