"""What is read from the journal of a run with a strong model."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmark.__main__ import main
from benchmark.measures.strong import (
    best_of,
    first_drafts,
    kind_of,
    measure_strong,
    path_of,
    scores_of,
    search_spans,
    sessions,
    share_covered,
    strong_table,
    tokens_by_kind,
)
from core.doubles import entry
from core.events import LlmCall
from core.records import Entry, Proposal
from tests.e2e.runs import ROOT
from utils.errors import DataError

MODEL_RUN = ROOT / "tests" / "recorded" / "runs_0b1b1bd" / "model"


def finished(name: str, score: float | None, author: str = "model", **changes: Any) -> Entry:
    return dataclasses.replace(entry(name, score), author=author, **changes)


def written(step: int, kind: str, *parents: str, author: str = "model", **more: Any) -> Proposal:
    return Proposal(
        id=f"s{step:04d}",
        step=step,
        kind=kind,  # type: ignore[arg-type]
        parents=parents,
        persona="",
        plan="",
        program="",
        genes={},
        seed=0,
        author=author,  # type: ignore[arg-type]
        **more,
    )


def test_the_gain_after_the_drafts_is_a_share_of_the_whole_way() -> None:
    proposals = [
        written(0, "draft", author="recipes"),
        written(1, "draft"),
        written(2, "debug", "s0001"),
        written(3, "draft"),
        written(4, "rewrite", "s0003"),
        written(5, "draft"),
        written(6, "draft", "s0004"),
    ]
    assert first_drafts(proposals) == {"s0001", "s0003"}
    entries = [
        finished("s0000", 0.62, "recipes"),
        finished("s0003", 0.18),
        finished("s0009", 0.05, complete=False),
        finished("s0004", 0.166),
        finished("s0005", 0.30),
    ]
    scores = scores_of(entries, proposals, "minimize")
    assert (scores.recipe, scores.first_draft, scores.best) == (0.62, 0.18, 0.166)
    assert scores.after_drafts == pytest.approx(0.014 / 0.454)
    assert scores_of(entries[:1], proposals, "minimize").after_drafts is None


def test_the_path_has_whole_scores_of_everybody_after_each_program_of_the_model() -> None:
    entries = [
        finished("s0001", 0.5, kind="draft"),
        finished("s0002", 0.6, "recipes"),
        finished("s0003", 0.9, complete=False, kind="rewrite"),
        finished("x0001", 0.7, extra=True),
        finished("s0004", None, kind="merge"),
    ]
    assert path_of(entries, "maximize") == [("draft", 0.5), ("rewrite", 0.6), ("merge", 0.7)]
    assert best_of(entries, "minimize") == 0.5


def test_time_between_sessions_is_nobody_s() -> None:
    kinds = ["run_started", "proposal", "step", "resumed", "proposal", "step", "final_pick"]
    times = [0.0, 10.0, 20.0, 100.0, 105.0, 120.0, 150.0]
    lines = [{"type": kind, "t": t} for kind, t in zip(kinds, times, strict=True)]
    assert sessions(lines) == [(0.0, 20.0), (100.0, 150.0)]
    assert search_spans(lines) == [(10.0, 20.0), (100.0, 120.0)]
    requests = [(8.0, 14.0), (12.0, 15.0), (90.0, 103.0), (118.0, 140.0)]
    assert share_covered(search_spans(lines), requests) == pytest.approx((5 + 3 + 2) / 30)
    assert share_covered([], requests) == 0.0


def test_tokens_are_told_by_kind_of_prompt() -> None:
    def call(purpose: str, tokens: int, ok: bool = True) -> LlmCall:
        return LlmCall("code", "m", ok, 1.0, tokens, 0, 9, None, purpose)

    calls = [call("s0002 draft", 100), call("s0003 draft", 300), call("s0003 repair", 50)]
    calls += [call("s0004 draft", 900, ok=False), call("advice for modeller", 20)]
    found = tokens_by_kind(calls)
    assert found["draft"] == {"requests": 2, "mean": 200, "max": 300}
    assert set(found) == {"draft", "repair", "advice"}
    assert kind_of("") == "other"


def test_a_recorded_run_is_measured_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = measure_strong(MODEL_RUN / "logs")
    assert (run.run, run.model, run.status) == ("model", "some-model", "ok")
    assert (run.requests, run.asked, run.programs, run.valid) == (3, 3, 3, 3)
    assert [kind for kind, _ in run.path] == ["draft"] * 3
    assert 0 < run.open_in_run < run.open_in_search < 0.2
    kept = tmp_path / "strong.json"
    assert main(["strong", str(MODEL_RUN / "logs"), "--json", str(kept)]) == 0
    measured = json.loads(kept.read_text())
    assert measured["command"].startswith("python -m benchmark strong ")
    table = strong_table(measured)
    assert "| requests per program | 1.00 | <= 1.2 |" in table
    measured["runs"][0]["tokens"] = {
        "draft": {"requests": 3, "mean": 100.0, "max": 200},
        "rewrite": {"requests": 2, "mean": 5000.0, "max": 5500},
        "repair": {"requests": 1, "mean": 500.0, "max": 500},
    }
    sizes = "| mean of all but rewrites, largest rewrite | 200, 5500 | <= 4000, <= 6000 |"
    assert sizes in strong_table(measured)
    assert main(["strong", str(MODEL_RUN / "logs"), "--private", "-", "--private", "-"]) == 2
    capsys.readouterr()


def test_a_run_of_a_pair_has_the_commit_of_the_pair(tmp_path: Path) -> None:
    shutil.copytree(MODEL_RUN / "logs", tmp_path / "ours" / "logs")
    assert measure_strong(tmp_path / "ours" / "logs").commit == ""
    (tmp_path / "made.json").write_text('{"minutes": 40.0, "words": [], "commit": "abc"}')
    assert measure_strong(tmp_path / "ours" / "logs").commit == "abc"


def test_a_run_of_recipes_is_no_run_with_a_strong_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no journal"):
        measure_strong(tmp_path)
    shutil.copytree(MODEL_RUN / "logs", tmp_path / "logs")
    journal = tmp_path / "logs" / "journal.jsonl"
    first = journal.read_text().splitlines(keepends=True)[0]
    journal.write_text(first)
    with pytest.raises(DataError, match="no run with a language model"):
        measure_strong(tmp_path / "logs")


def one_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The only line of a command that refuses its words."""
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line


def test_what_cannot_be_measured_is_said_before_anything_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = str(MODEL_RUN / "logs")
    said = one_error(["strong", str(tmp_path / "gone")], capsys)
    assert said == f"error: {tmp_path / 'gone'} holds no journal"
    unknown = ["strong", logs, logs, "--private", "-", "--private", "nosuch"]
    assert "no competition is called nosuch" in one_error(unknown, capsys)
    # Lines, but not those of a run.
    (tmp_path / "journal.jsonl").write_text('{"seq": 0, "t": 1}\n')
    said = one_error(["strong", str(tmp_path)], capsys)
    assert said == f"error: {tmp_path} holds no journal of a run: line 1"


def test_both_commands_say_what_their_words_are(capsys: pytest.CaptureFixture[str]) -> None:
    for command, word in (("strong", "LOGDIR"), ("peer", "NAME"), ("record", "LOGDIR")):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert re.search(rf"^  {word} +\w", capsys.readouterr().out, re.MULTILINE)
        with pytest.raises(SystemExit) as ended:
            main([command])
        assert ended.value.code == 2
        assert "required: " in capsys.readouterr().err.splitlines()[-1]
