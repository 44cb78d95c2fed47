"""Whole runs with a language model: the real entries and clients against a scripted server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from benchmark.scripted_server import HttpRequest, ScriptedServer, Turn
from tests.e2e.quick_agent import PROGRAM
from tests.e2e.runs import Ended, adapter_words, check_submission, finish, solve, start

pytestmark = pytest.mark.whole

KEY = "secret-key-of-a-user-4711"
STEPS = 5


def program(seen: HttpRequest) -> Turn:
    """Another slope for each request."""
    text = PROGRAM.replace("@SLOPE@", f"{0.01 * seen.number:.3f}7")
    return Turn(f"PLAN: rates by colour with slope {seen.number}\n```python\n{text}```\n")


def environ_for(server: ScriptedServer, vendor: str) -> dict[str, str]:
    """What mle-bench passes, with the address of the other vendor's variable left alone."""
    base = "API_BASE" if vendor == "openai" else "ANTHROPIC_BASE_URL"
    limits = {"STEP_LIMIT": "3", "TIME_LIMIT_SECS": "120"}
    return {
        "LLM_PROVIDER": vendor,
        "API_KEY": KEY,
        "MODEL_NAME": "some-model",
        base: server.base_url(vendor),
    } | limits


@pytest.mark.long
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_the_adapter_ends_well_with_either_provider(
    vendor: str, widgets: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with ScriptedServer(then=program) as server:
        ended = finish(
            start(
                [*adapter_words(widgets, out), "execution.workers=2", "judging.finalists=1"],
                environ_for(server, vendor),
            ),
            out,
        )
    assert ended.code == 0, ended.stderr
    assert ended.report["status"] == "ok", ended.report["reason"]
    check_submission(ended.submission, widgets)
    authors = {step["author"] for step in ended.of("step")}
    assert authors == {"recipes", "model"}
    calls = ended.of("llm_call")
    assert {call["ok"] for call in calls} == {True}
    llm = ended.report["llm"]
    assert (llm["provider"], llm["model"], llm["calls"]) == (vendor, "some-model", len(calls))
    assert llm["prompt_tokens"] > 0 < llm["completion_tokens"]
    assert {seen.vendor for seen in server.requests} == {vendor}
    assert_no_key(ended)


@pytest.mark.parametrize("vendor", ["openai", pytest.param("anthropic", marks=pytest.mark.long)])
def test_the_first_drafts_are_recipes_and_prompts_share_their_prefix(
    vendor: str, widgets: Path, tmp_path: Path
) -> None:
    with ScriptedServer(then=program) as server:
        ended = run_main(server, widgets, tmp_path / "out", vendor=vendor)
    assert ended.report["status"] == "ok", ended.report["reason"]
    first, second = sorted(ended.of("proposal"), key=lambda event: event["step"])[:2]
    assert (first["author"], second["author"]) == ("recipes", "recipes")
    systems = [
        seen.body.get("system") or seen.body["messages"][0]["content"] for seen in server.requests
    ]
    prefixes = {json.dumps(system) for system in systems}
    assert len(prefixes) == 1
    assert len(server.requests) <= 1.3 * len(ended.of("step"))


def test_a_model_is_asked_for_rewrites_and_rebuilds_and_never_for_values(
    widgets: Path, tmp_path: Path
) -> None:
    words = ["search.num_drafts=3"]
    with ScriptedServer(then=program) as server:
        ended = run_main(server, widgets, tmp_path / "out", steps=10, words=words)
    assert ended.report["status"] == "ok", ended.report["reason"]
    written = [event for event in ended.of("proposal") if event["author"] == "model"]
    asked = [event for event in written if not event["extra"]]
    assert "tune" not in {event["kind"] for event in asked}
    free = [
        it for it in asked if it["kind"] == "rewrite" or (it["kind"] == "draft" and it["parents"])
    ]
    assert free
    best = {event["id"] for event in ended.of("step") if event["complete"]}
    assert {event["parents"][0] for event in free} <= best


FAULTS: Mapping[str, tuple[Turn, str]] = {
    "wrong key": (
        Turn(status=401, error="Incorrect API key provided: secret-key-of-a-user-4711"),
        "key",
    ),
    "unknown model": (
        Turn(status=404, error="The model `some-model` does not exist"),
        "some-model",
    ),
    "no quota": (
        Turn(status=429, error="You exceeded your current quota, insufficient_quota"),
        "quota",
    ),
    "a web page": (Turn(fault="html"), "web page"),
}


@pytest.mark.parametrize(
    "fault",
    [
        fault if fault == "wrong key" else pytest.param(fault, marks=pytest.mark.long)
        for fault in FAULTS
    ],
)
def test_an_unusable_endpoint_leaves_the_run_to_recipes(
    fault: str, widgets: Path, tmp_path: Path
) -> None:
    turn, cause = FAULTS[fault]
    with ScriptedServer(then=turn) as server:
        ended = run_main(server, widgets, tmp_path / "out", steps=3)
    assert ended.code == 0, ended.stderr
    assert ended.report["status"] == "degraded"
    assert "recipes went on" in ended.report["reason"]
    assert cause in ended.report["reason"]
    assert "\n" not in ended.report["reason"]
    assert len(ended.of("step")) == 3
    check_submission(ended.submission, widgets)
    assert_no_key(ended)


@pytest.mark.long
def test_a_wrong_address_leaves_the_run_to_recipes(widgets: Path, tmp_path: Path) -> None:
    words = [
        "llm.code.provider=openai",
        "llm.code.base_url=http://127.0.0.1:9/v1",
        f"llm.code.api_key={KEY}",
    ]
    out = tmp_path / "out"
    ended = solve(widgets, out, "--steps", 3, "--time", "60s", *words, "llm.code.model=m")
    assert (ended.code, ended.report["status"]) == (0, "degraded")
    assert "127.0.0.1:9" in ended.report["reason"]
    assert_no_key(ended)


def test_a_provider_without_key_says_so(widgets: Path, tmp_path: Path) -> None:
    ended = solve(
        widgets,
        tmp_path / "out",
        "--steps",
        1,
        "--time",
        "60s",
        environ={"LLM_PROVIDER": "anthropic", "LLM_MODEL": "m"},
    )
    assert (ended.code, ended.report["status"]) == (0, "degraded")
    assert "api_key is not set" in ended.report["reason"]


@pytest.mark.long
def test_a_hanging_endpoint_does_not_hold_up_the_end(widgets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with ScriptedServer(then=Turn(fault="hang")) as server:
        ended = run_main(server, widgets, out, time="25s", steps=50)
    assert ended.code == 0, ended.stderr
    assert ended.report["time"]["elapsed_s"] < 30
    check_submission(ended.submission, widgets)


@pytest.mark.long
def test_a_recorded_run_runs_again_without_an_endpoint(widgets: Path, tmp_path: Path) -> None:
    """With one worker every decision is the same: briefs, programs, scores, and what is published."""
    first, second = tmp_path / "first", tmp_path / "second"
    with ScriptedServer(then=program) as server:
        recorded = run_main(server, widgets, first, words=["execution.workers=1"])
    words = ["execution.workers=1", f"llm.replay_dir={first / 'logs'}"]
    replayed = solve(widgets, second, "--steps", STEPS, "--time", "120s", *words)
    assert (recorded.code, replayed.code) == (0, 0), replayed.stderr
    assert replayed.report["llm"]["provider"] == "replay"
    assert replayed.report["llm"]["calls"] == recorded.report["llm"]["calls"] > 0
    assert decisions(replayed) == decisions(recorded)
    assert replayed.submission.read_bytes() == recorded.submission.read_bytes()


def decisions(ended: Ended) -> list[tuple[object, ...]]:
    return [
        (
            step["id"],
            step["kind"],
            step["author"],
            step["parents"],
            step["program"],
            step["verdict"]["score"],
        )
        for step in ended.of("step")
    ]


def run_main(
    server: ScriptedServer,
    data: Path,
    out: Path,
    steps: int = STEPS,
    time: str = "120s",
    words: Sequence[str] = (),
    vendor: str = "openai",
) -> Ended:
    endpoint = [
        f"llm.code.provider={vendor}",
        f"llm.code.base_url={server.base_url(vendor)}",
        f"llm.code.api_key={KEY}",
    ]
    return solve(
        data, out, "--steps", steps, "--time", time, *endpoint, *words, "llm.code.model=some-model"
    )


def assert_no_key(ended: Ended) -> None:
    """Lesson 24: neither on the console nor in any file of the run."""
    assert KEY not in ended.stdout + ended.stderr
    for path in ended.out.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
