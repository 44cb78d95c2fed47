"""What the crew hands to the model: knowledge, data and machine of the run reach its prompts."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.authors import partner_recipes, recipes_only, shared, with_model
from agents.prompting.system_text import Offers
from benchmark.scripted_server import ScriptedServer, Turn
from core.doubles import EventList, entry
from core.events import LlmCall
from core.execution.stop import StopSignal
from core.execution.weights import Weights
from core.journal.history import History
from core.journal.programs import TextStore
from core.records import Brief, ErrorGroup, ErrorReport, ErrorTable, Parent, SplitSpec
from core.settings import Surroundings
from core.task.hints import NO_HINTS
from core.task.service import TaskService, last_preview
from tests.llm.rig import models
from tests.task import folders
from utils.config import load_config

PROGRAM = """import pandas as pd
# %% DATA
sample = pd.read_csv("./input/sample_submission.csv")
# %% MODEL
value = 0.5
# %% TRAIN
sample["toxic"] = value
# %% POSTPROCESS
sample.to_csv("./submission/submission.csv", index=False)
"""


@pytest.fixture
def around(tmp_path: Path) -> Any:
    """Surroundings of a text competition with one pretrained encoder."""
    data = folders.one_hot_text(tmp_path / "data")
    task, stop = TaskService(), StopSignal()
    spec = task.inspect(data, "# Evaluation\n\nMulticlass log loss.", NO_HINTS)
    split = SplitSpec("stratified", 5, 45, 0, 0, "five folds")
    weights = Weights(None, (), (), "- `encoder`: sentence-transformers, 90 MB", ())
    yield Surroundings(
        spec=spec,
        split=split,
        warnings=("column `when` stands in train only",),
        programs=(),
        history=History(lambda key: ""),
        program=lambda key: "",
        recorder=EventList(),
        preview=lambda: last_preview(TaskService(), spec),
        weights=lambda: weights,
        gate=lambda program: (),
        models=models(load_config(use_cli=False).llm),
        seed=0,
        cpus_each=2,
        memory_mb=4096,
        stop=stop,
        clock=time.time,
        search_ends=lambda: time.time() + 60,
    )
    task.close()
    stop.close()


def settings(server: ScriptedServer) -> Any:
    words = {
        "provider": "openai",
        "base_url": server.base_url("openai"),
        "model": "m",
        "api_key": "key-of-the-test",
    }
    return load_config(
        use_cli=False, overrides={f"llm.code.{name}": value for name, value in words.items()}
    ).llm


def test_a_prompt_tells_of_the_data_the_machine_the_weights_and_fitting_knowledge(
    around: Surroundings, tmp_path: Path
) -> None:
    with ScriptedServer(then=Turn(f"PLAN: constant\n```python\n{PROGRAM}```\n")) as server:
        llm, answers = settings(server), TextStore(tmp_path / "answers", ".txt")
        asked_by = models(llm, around.recorder.append, answers.put)
        proposer = with_model(llm, recipes_only, ["H200"], 3)(replace(around, models=asked_by))
        made = proposer.propose(Brief(3, "draft", 5, siblings=("linear model", "boosting")))
    assert made.author == "model"
    asked = server.requests[0].text
    for told in (
        "Multiclass log loss",
        "EAP",
        "stands in train only",
        "encoder",
        "2 CPUs",
        "H200",
        "linear model",
    ):
        assert told in asked, told
    assert "What has worked elsewhere" in asked
    (call,) = around.recorder.of(LlmCall)  # type: ignore[attr-defined]
    assert answers.get(call.answer or "").startswith("PLAN: constant")


def test_a_program_that_needs_a_package_that_is_not_there_is_repaired_before_it_runs(
    around: Surroundings,
) -> None:
    gone = PROGRAM.replace("import pandas as pd\n", "import pandas as pd\nimport no_such_package\n")
    answers = [Turn(f"PLAN: fancy\n```python\n{gone}```\n")]
    with ScriptedServer(answers, then=Turn(f"PLAN: plain\n```python\n{PROGRAM}```\n")) as server:
        llm = settings(server)
        asked_by = replace(around, models=models(llm))
        made = with_model(llm, recipes_only, [], 3)(asked_by).propose(
            Brief(3, "draft", 5, siblings=("linear", "trees"))
        )
    assert made.program.strip() == PROGRAM.strip()
    assert "line 2: the package no_such_package is not installed" in server.requests[1].text


def test_a_rewrite_is_told_where_the_errors_of_its_parent_lie(around: Surroundings) -> None:
    asked_about: list[str] = []

    def errors(entry_id: str) -> ErrorReport:
        asked_about.append(entry_id)
        groups = (ErrorGroup("EAP", 31, 0.45), ErrorGroup("HPL", 40, 0.9))
        return ErrorReport(90, ("log_loss 0.7 over 90 rows",), (ErrorTable("by class", groups),))

    around.history.entries.append(entry("s0000", 0.7))
    parent = Parent("s0000", PROGRAM, "words and a line", 0.7, None)
    with ScriptedServer(then=Turn(f"PLAN: other\n```python\n{PROGRAM}# new\n```\n")) as server:
        llm = settings(server)
        asked_by = replace(around, models=models(llm), errors=errors)
        with_model(llm, recipes_only, [], 0)(asked_by).propose(Brief(3, "rewrite", 5, (parent,)))
    assert asked_about == ["s0000"]
    assert "- by class: EAP 0.45 (31); HPL 0.9 (40)" in server.requests[0].text


def test_all_who_ask_for_recipes_in_a_run_share_what_is_known(around: Surroundings) -> None:
    """A partner never takes a program that the team proposes, nor the other way round."""
    factory = shared(recipes_only)
    team, partners = factory(around), partner_recipes(factory)(around)
    drawn = [team.propose(Brief(0, "draft", 1)).program]
    drawn.append(partners.propose(Brief(0, "draft", 1)).program)
    assert len(set(drawn)) == 2
    # Another run begins anew.
    assert factory(replace(around)).propose(Brief(0, "draft", 1)).program == drawn[0]


def test_what_the_harness_does_not_do_is_not_offered(around: Surroundings) -> None:
    """search.extras: false; the first programs are drafts with siblings, so that no plans are due."""
    brief, told = Brief(3, "draft", 5, siblings=("linear", "trees")), []
    with ScriptedServer(then=Turn(f"PLAN: plain\n```python\n{PROGRAM}```\n")) as server:
        llm = settings(server)
        for offers in (Offers(), Offers(values=False)):
            asked_by = replace(around, models=models(llm))
            with_model(llm, recipes_only, [], 0, offers)(asked_by).propose(brief)
            told.append("# tune:" in server.requests[-1].text)
    assert told == [True, False]
