"""Every fault of lessons.md D against the real clients of both vendors, over HTTP."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import Any

import pytest

from benchmark.scripted_server import PAGE, Turn
from benchmark.scripted_server import ScriptedServer as Server
from tests.llm.rig import KEY, MODEL, POLICY, VENDORS, Rig

GOOD = Turn("import pandas\nprint('done')\n")
ONCE_TRIED = dataclasses.replace(POLICY, attempts=1)


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True, scope="module")
def _clients_are_imported() -> None:
    """So that time-outs below measure the server and not the import."""
    import anthropic  # noqa: F401
    import openai  # noqa: F401


def test_lesson_23_a_good_answer_over_the_real_client(vendor: str) -> None:
    with Server([GOOD]) as server:
        rig = Rig(vendor, server, temperature=0.5)
        answer = rig.ask()
    assert (answer.text, answer.complete) == (GOOD.text, True)
    (seen,) = server.requests
    assert (seen.vendor, seen.key, seen.body["model"]) == (vendor, KEY, MODEL)
    assert (seen.body["max_tokens"], seen.body["temperature"], seen.body["stream"]) == (
        1000,
        0.5,
        True,
    )
    assert "You write programs." in seen.text
    (event,) = rig.events
    assert (event.ok, event.prompt_tokens, event.cached_tokens, event.completion_tokens) == (
        True,
        100,
        40,
        20,
    )
    assert event.answer is not None
    assert rig.texts[event.answer] == GOOD.text


def test_anthropic_marks_the_system_text_for_its_cache() -> None:
    with Server([GOOD]) as server:
        Rig("anthropic", server).ask()
    text = {"type": "text", "text": "You write programs.", "cache_control": {"type": "ephemeral"}}
    assert server.requests[0].body["system"] == [text]


def test_a_server_that_does_not_stream(vendor: str) -> None:
    with Server([Turn("x = 1", fault="plain")]) as server:
        assert Rig(vendor, server).ask().text == "x = 1"


def test_thinking_beside_the_text_is_left_out(vendor: str) -> None:
    with Server([Turn("x = 1", thoughts="Let me think about it.")]) as server:
        assert Rig(vendor, server).ask().text == "x = 1"


# ---------------------------------------------------------------- faults that pass

PASSING = {
    "429": Turn(status=429, error="slow down"),
    "500": Turn(status=500, error="internal error"),
    "529": Turn(status=529, error="overloaded"),
    "html of a proxy": Turn(status=502, error=PAGE),
    "dropped": Turn(fault="drop"),
    "dropped midway": Turn(fault="drop_midway"),
    "early end": Turn(fault="early_end"),
    "truncated body": Turn(fault="truncated"),
    "broken JSON body": Turn("x = 1", fault="broken_json"),
    "empty": Turn(""),
    "blank": Turn("  \n "),
    "wrong events": Turn(fault="wrong_events"),
    "no JSON": Turn(fault="no_json"),
    "error event": Turn(fault="error_event"),
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_comes_once_costs_one_more_request(vendor: str, fault: str) -> None:
    with Server([PASSING[fault], GOOD]) as server:
        rig = Rig(vendor, server)
        assert rig.ask().text == GOOD.text
    assert [event.ok for event in rig.events] == [False, True]
    assert rig.model.available


@pytest.mark.parametrize("fault", PASSING)
def test_lesson_22_a_fault_for_ever_ends_and_tells_its_cause(vendor: str, fault: str) -> None:
    with Server(then=PASSING[fault]) as server:
        rig = Rig(vendor, server)
        error = rig.fail()
    assert len(server.requests) == POLICY.attempts
    assert not error.permanent
    words = {
        "429": "429): slow down", "500": "500): internal error", "529": "529): overloaded",
        "html of a proxy": '502): web page "Sign in please"', "dropped": "disconnected", "dropped midway": "closed",
        "early end": "in the middle", "truncated body": "closed", "broken JSON body": "no JSON object",
        "empty": "empty answer", "blank": "empty answer", "wrong events": "", "no JSON": "certainly",
        "error event": "overloaded for now",
    }  # fmt: skip
    assert words[fault] in str(error)
    assert all(event.error and words[fault] in event.error for event in rig.events)


def test_lesson_19_garbage_does_not_make_the_agent_spin(vendor: str) -> None:
    """Twenty steps against a server that is broken for good: a dozen requests, then the circuit is
    open.
    """
    with Server(then=Turn(fault="wrong_events")) as server:
        rig = Rig(vendor, server)
        for _ in range(20):
            rig.fail()
    assert len(server.requests) == POLICY.failures
    assert not rig.model.available
    assert sum(event.prompt_tokens for event in rig.events) < 1000


@pytest.mark.parametrize("fault", ["garbage", "flood"])
def test_lesson_19_a_stream_without_end_is_cut_off(vendor: str, fault: Any) -> None:
    with Server(then=Turn(fault=fault)) as server:
        rig = Rig(vendor, server, policy=ONCE_TRIED, max_bytes=2 << 20, max_tokens=100)
        error = rig.fail()
    assert error.kind == "garbage"
    assert "not end" in str(error) or "larger than" in str(error)
    if fault == "flood":
        # What was received is paid for.
        assert rig.events[0].completion_tokens > 10_000


@pytest.mark.parametrize("fault", ["hang", "silent_midway"])
def test_silence_ends_by_the_idle_time_out(vendor: str, fault: Any) -> None:
    with Server(then=Turn(fault=fault)) as server:
        started = time.monotonic()
        error = Rig(vendor, server, policy=ONCE_TRIED, idle_s=0.3).fail()
    assert (error.kind, error.permanent) == ("timeout", False)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("fault", ["hang", "trickle", "head_trickle", "flood"])
def test_the_deadline_holds_whatever_comes(vendor: str, fault: Any) -> None:
    before = threading.active_count()
    with Server(then=Turn(fault=fault)) as server:
        rig = Rig(vendor, server)
        started = time.monotonic()
        error = rig.fail(seconds=0.9)
        assert time.monotonic() - started < 3
    assert error.kind in ("timeout", "garbage")
    end = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.02)
    assert threading.active_count() <= before, "a thread was left behind"


def test_no_request_is_made_after_the_deadline(vendor: str) -> None:
    with Server(then=GOOD) as server:
        error = Rig(vendor, server).fail(seconds=0.1)
    assert "no time left for s0001 draft" in str(error)
    assert server.requests == []


# ---------------------------------------------------------------- faults that stay

FOR_GOOD: dict[str, tuple[Turn, str, str]] = {
    "wrong key": (
        Turn(status=401, error=f"Incorrect API key provided: {KEY}."),
        "auth",
        "the key was refused (HTTP 401)",
    ),
    "forbidden": (Turn(status=403, error="not for you"), "auth", "not for you"),
    "no such model": (
        Turn(status=404, error="The model `some-model-1` does not exist"),
        "not_found",
        "does not exist",
    ),
    "quota as 429": (
        Turn(status=429, error="You exceeded your current quota, see billing"),
        "quota",
        "quota",
    ),
    "quota as 400": (
        Turn(status=400, error="Your credit balance is too low"),
        "quota",
        "credit balance",
    ),
    "web page": (
        Turn(fault="html"),
        "not_an_api",
        'is base_url right?): web page "Sign in please"',
    ),
    "web page as 404": (Turn(status=404, error=PAGE), "not_an_api", "is base_url right?"),
    "redirect": (
        Turn(status=307, error="gone", headers={"Location": "https://elsewhere.invalid/v1"}),
        "not_an_api",
        "redirects to https://elsewhere.invalid/v1",
    ),
}


@pytest.mark.parametrize("fault", FOR_GOOD)
def test_lesson_22_what_does_not_pass_is_asked_once_and_told_in_one_line(
    vendor: str, fault: str
) -> None:
    turn, kind, words = FOR_GOOD[fault]
    with Server(then=turn) as server:
        rig = Rig(vendor, server)
        error = rig.fail()
        again = rig.fail()
    assert (error.kind, error.permanent) == (kind, True)
    assert words in str(error)
    assert str(error).startswith(f"{MODEL} at 127.0.0.1:")
    assert len(server.requests) == 1
    assert not rig.model.available
    assert words.split(" (")[0] in str(again) or "every key rests" in str(again)


def test_a_wrong_address_is_told(vendor: str) -> None:
    with Server(then=GOOD) as server:
        error = Rig(vendor, server, base_url=f"{server.address}/other/path").fail()
        assert error.kind == "not_an_api"
        gone = f"http://127.0.0.1:{server.server_port}"
    error = Rig(vendor, server, base_url=gone, policy=ONCE_TRIED).fail()
    assert (error.kind, error.permanent) == ("connection", False)
    assert "refused" in str(error)


@pytest.mark.parametrize("address", ["127.0.0.1/v1", "localhost:8000", "ftp://127.0.0.1/x"])
def test_what_is_no_address_is_told_at_once(vendor: str, address: str) -> None:
    with Server() as server:
        rig = Rig(vendor, server, base_url=address)
        error = rig.fail()
    assert (error.kind, error.permanent) == ("not_an_api", True)
    assert len(rig.events) == 1


def test_lesson_24_a_key_that_cannot_be_sent_is_not_shown(vendor: str) -> None:
    with Server(then=GOOD) as server:
        rig = Rig(vendor, server, keys=("key-with\nanother-line",))
        error = rig.fail()
    assert (error.kind, error.permanent) == ("auth", True)
    assert "key-with" not in str(error) + str(rig.events)
    assert server.requests == []


def test_a_proxy_that_is_none_is_told(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    with Server(then=GOOD) as server:
        error = Rig(vendor, server, policy=ONCE_TRIED).fail()
    assert (error.kind, error.permanent) == ("connection", False)
    assert "nonsense" in str(error)


def test_a_prompt_that_is_too_long_is_no_fault_of_the_endpoint(vendor: str) -> None:
    message = "prompt is too long: 210000 tokens > 200000 maximum"
    with Server([Turn(status=400, error=message), GOOD]) as server:
        rig = Rig(vendor, server)
        error = rig.fail()
        assert (error.kind, error.permanent) == ("context", True)
        assert message in str(error)
        assert rig.model.available
        assert rig.ask().text == GOOD.text


def test_a_refusal_is_told_and_not_repeated(vendor: str) -> None:
    with Server([Turn("I cannot help with that.", finish="refusal"), GOOD]) as server:
        rig = Rig(vendor, server)
        error = rig.fail()
        assert (error.kind, error.permanent) == ("refusal", False)
        assert "I cannot help with that." in str(error)
        assert len(server.requests) == 1
        assert rig.ask().text == GOOD.text


def test_an_address_without_its_path_is_suspected() -> None:
    with Server(then=GOOD) as server:
        bare = server.base_url("openai").removesuffix("/v1")
        assert "does base_url lack its /v1?" in str(Rig("openai", server, base_url=bare).fail())
        missing = f"{server.base_url('openai')}/elsewhere"
        assert "lack its" not in str(Rig("openai", server, base_url=missing).fail())
