"""Recorded runs with a strong author: given what was recorded until then, the search makes the
recorded brief, and what its prompt says beside programs stays within bounds. No program runs.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from statistics import mean

import pytest

from benchmark.__main__ import main
from benchmark.measures.recorded import (
    MOST_BYTES,
    Redecision,
    Refold,
    pack,
    recorded_runs,
    unpack,
)
from benchmark.scripted_server import HttpRequest, ScriptedServer, Turn
from tests.e2e.quick_agent import PROGRAM
from tests.e2e.runs import ROOT, Ended, model_words, solve
from utils.errors import DataError

RUNS = recorded_runs(ROOT)
# Tokens (a quarter of the characters) of a prompt beside the programs that it shows: at most, and on
# average over a run. How long a program is decides its author: decision 0016 has the whole prompts.
MOST, MEAN = 3_300, 2_600
PROGRAMS = re.compile(r"```python\n(.*?)```", re.DOTALL)
STEPS = 9


def check(decisions: list[Redecision]) -> None:
    """The first decision that differs is what CHANGELOG has to name."""
    assert decisions
    for decision in decisions:
        assert decision.same, f"decided otherwise: {decision.recorded.render()}, now {decision.now}"
    sizes = [len(PROGRAMS.sub("", decision.prompt)) / 4 for decision in decisions]
    assert max(sizes) <= MOST
    assert mean(sizes) <= MEAN


@pytest.mark.skipif(not RUNS, reason="no recorded strong run is there yet (benchmark record)")
@pytest.mark.parametrize("packed", RUNS, ids=lambda path: path.name)
def test_a_recorded_strong_run_is_decided_in_the_same_way(packed: Path, tmp_path: Path) -> None:
    assert packed.stat().st_size <= MOST_BYTES
    check(list(Refold(unpack(packed, tmp_path)).decisions()))


def answer(seen: HttpRequest) -> Turn:
    """Programs that differ in a number; first plans where they are asked for."""
    text = PROGRAM.replace("@SLOPE@", f"{0.01 * seen.number:.3f}7")
    plans = "\n".join(f"{place}. rates by colour, way {place}" for place in range(1, 9))
    return Turn(
        f"PLAN: rates by colour with slope {seen.number}\n{plans}\n```python\n{text}```\n",
        latency=0.3,
    )


@pytest.fixture(scope="module")
def run(widgets: Path, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A small run in which two requests are open at a time."""
    out = tmp_path_factory.mktemp("strong") / "out"
    with ScriptedServer(then=answer) as server:
        words = model_words(server.base_url("openai"))
        ended = solve(widgets, out, "--steps", STEPS, "--time", "120s", *words)
    assert ended.code == 0, ended.stderr
    return ended


@pytest.mark.whole
def test_a_run_is_packed_and_decided_again(run: Ended, widgets: Path, tmp_path: Path) -> None:
    packed = tmp_path / "small.tar.xz"
    assert main(["record", str(run.out / "logs"), "small", "--to", str(tmp_path)]) == 0
    logs = unpack(packed, tmp_path / "again")
    journal = (logs / "journal.jsonl").read_text()
    assert str(run.out) not in journal
    assert str(widgets) not in journal
    decisions = list(Refold(logs).decisions())
    written = [step for step in run.of("proposal") if step["author"] == "model"]
    assert len(decisions) == len([step for step in written if not step["extra"]]) >= STEPS - 4
    assert {decision.now.kind for decision in decisions} > {"draft"}
    check(decisions)
    assert "Widgets" in decisions[-1].prompt
    assert "colour" in decisions[-1].prompt


@pytest.mark.whole
def test_a_changed_decision_is_seen(run: Ended, tmp_path: Path) -> None:
    """A change of the search shows: another program stands as the best of the same run."""
    packed = tmp_path / "small.tar.xz"
    pack(run.out / "logs", packed)
    logs = unpack(packed, tmp_path / "again")
    same = list(Refold(logs).decisions())
    about = next(decision for decision in same if decision.recorded.parents)
    other = dataclasses.replace(about.recorded, parents=("s9999",))
    assert not dataclasses.replace(about, recorded=other).same
    journal = logs / "journal.jsonl"
    parent = about.recorded.parents[0]
    lines = journal.read_text().splitlines(keepends=True)
    worse = [line for line in lines if f'"type":"step","id":"{parent}"' in line]
    assert len(worse) == 1
    bad = worse[0].replace('"valid":true', '"valid":false')
    journal.write_text("".join(bad if line == worse[0] else line for line in lines))
    assert not all(decision.same for decision in Refold(logs).decisions())


@pytest.mark.whole
def test_a_run_of_recipes_is_not_recorded(widgets: Path, tmp_path: Path) -> None:
    ended = solve(widgets, tmp_path / "out", "--steps", 1, "--time", "60s")
    with pytest.raises(DataError, match="no decision"):
        pack(ended.out / "logs", tmp_path / "x.tar.xz")
