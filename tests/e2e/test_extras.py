"""Whole runs whose programs declare values: what idle boxes run, and that it is no step."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmark.scripted_server import HttpRequest, ScriptedServer, Turn
from tests.e2e.quick_agent import PROGRAM
from tests.e2e.runs import (
    QUICK,
    Ended,
    check_submission,
    events,
    finish,
    model_words,
    start,
    wait_for,
)

pytestmark = pytest.mark.whole

STEPS = 5


def tunable(seen: HttpRequest) -> Turn:
    """Another slope for each request, with two values to try: one is better, one worse."""
    slope = 0.01 * seen.number
    line = f"SLOPE = {slope:.3f}7  # tune: {slope + 0.05:.3f}7, -0.5"
    text = PROGRAM.replace("SLOPE = @SLOPE@", line)
    return Turn(f"PLAN: rates by colour with slope {seen.number}\n```python\n{text}```\n")


def words_of(server: ScriptedServer, widgets: Path, out: Path, *more: object) -> list[object]:
    endpoint = model_words(server.base_url("openai"))
    own = ["evolution.skill.enabled=false", "judging.finalists=1"]
    where = [QUICK, "--data", widgets, "--out", out]
    return [*where, "--steps", STEPS, "--time", "150s", *endpoint, *own, *more]


def run(widgets: Path, out: Path, *more: object) -> Ended:
    with ScriptedServer(then=tunable) as server:
        return finish(start(words_of(server, widgets, out, *more)), out)


def assert_apart(ended: Ended) -> list[dict[str, Any]]:
    """Steps and extras are counted apart everywhere; the extras."""
    steps, extras = ended.of("step"), ended.of("extra")
    assert len(steps) == ended.report["steps"]["done"] == STEPS
    assert len(extras) == ended.report["steps"]["extra"]
    assert all(item["extra"] and item["id"].startswith("x") for item in extras)
    assert not any(item["extra"] for item in steps)
    keys = [event["result"]["key"] for event in ended.of("fold")]
    assert len(keys) == len(set(keys)), "an execution that the journal held was run again"
    return extras


def test_idle_boxes_try_declared_values_and_seeds_and_they_are_no_steps(
    widgets: Path, tmp_path: Path
) -> None:
    ended = run(widgets, tmp_path / "out")
    assert ended.code == 0, ended.stderr
    assert ended.report["status"] == "ok", ended.report["reason"]
    check_submission(ended.submission, widgets)
    extras = assert_apart(ended)
    kinds = Counter(item["kind"] for item in extras)
    assert kinds["tune"] > 0 < kinds["seed"]
    programs = {step["id"]: step for step in ended.of("step") + extras}
    for item in extras:
        if item["kind"] == "tune":
            assert item["locus"] == "MODEL"
            assert "SLOPE" in item["plan"]
        if item["kind"] == "seed":
            assert item["program"] == programs[item["parents"][0]]["program"]
    told = [step["told_s"] for step in ended.of("step") if step["author"] == "model"]
    assert None not in told
    # A value that is better leads, as a step would: every slope here gains by being larger.
    assert any(item["steers"] for item in extras)


@pytest.mark.long
def test_extras_can_be_switched_off(widgets: Path, tmp_path: Path) -> None:
    ended = run(widgets, tmp_path / "out", "search.extras=false")
    assert ended.code == 0, ended.stderr
    assert assert_apart(ended) == []


@pytest.mark.long
def test_a_kill_within_an_extra_loses_nothing(widgets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with ScriptedServer(then=tunable) as server:
        words = words_of(server, widgets, out)
        process = start(words)
        wait_for(lambda: bool(pending_extras(events(out))), process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        before = events(out)
        cut = pending_extras(before)
        ended = finish(start(words), out)
    assert ended.code == 0, ended.stderr
    assert ended.events[: len(before)] == before
    extras = assert_apart(ended)
    assert cut <= {item["id"] for item in extras}
    assert len({item["id"] for item in extras}) == len(extras)


def pending_extras(lines: list[dict[str, Any]]) -> set[str]:
    """Ids of extras that were proposed and have not ended."""
    proposed = {line["id"] for line in lines if line["type"] == "proposal" and line["extra"]}
    return proposed - {line["id"] for line in lines if line["type"] == "extra"}
