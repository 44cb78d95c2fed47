"""Answers that are cut off, must follow a schema, or come from servers that take fewer parameters."""

from __future__ import annotations

import json

import pytest

from benchmark.scripted_server import ScriptedServer as Server
from benchmark.scripted_server import Turn
from tests.llm.rig import POLICY, SCHEMA, VENDORS, Rig, request

GOOD = Turn("import pandas\nprint('done')\n")


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# ---------------------------------------------------------------- length


def test_a_cut_off_answer_is_continued(vendor: str) -> None:
    turns = [Turn("```python\nx = 1\ny = 2\nz", finish="length"), Turn("```python\nz = 3\n```\n")]
    with Server(turns) as server:
        rig = Rig(vendor, server)
        answer = rig.ask()
    assert (answer.text, answer.complete) == ("```python\nx = 1\ny = 2\nzz = 3\n```\n", True)
    assert [event.finish for event in rig.events] == ["length", "stop"]
    assert [event.attempt for event in rig.events] == [1, 2]
    assert rig.events[0].request == rig.events[1].request
    said = [message["role"] for message in server.requests[1].body["messages"]]
    assert said[-3:] == ["user", "assistant", "user"]


def test_an_answer_that_stays_cut_off_is_marked(vendor: str) -> None:
    turns = [Turn(f"part {number} of it ", finish="length") for number in range(9)]
    with Server(turns) as server:
        answer = Rig(vendor, server).ask()
    assert not answer.complete
    assert len(server.requests) == 1 + POLICY.continuations


def test_a_continuation_that_adds_nothing_is_the_last(vendor: str) -> None:
    with Server(then=Turn("more and more of it ", finish="length")) as server:
        answer = Rig(vendor, server).ask()
    assert (answer.text, answer.complete) == ("more and more of it ", False)
    assert len(server.requests) == 2


def test_a_model_that_only_thinks_is_told_to_hurry_and_asked_once_more(vendor: str) -> None:
    with Server([Turn("", finish="length"), Turn("x = 1")]) as server:
        rig = Rig(vendor, server)
        assert rig.ask().text == "x = 1"
    first, second = server.requests
    assert "Think briefly" in second.text
    assert "Think briefly" not in first.text
    assert [message["role"] for message in second.body["messages"]] == [
        it["role"] for it in first.body["messages"]
    ]


def test_a_model_that_never_stops_thinking_costs_two_requests_a_time_until_the_circuit_opens(
    vendor: str,
) -> None:
    with Server(then=Turn("", finish="length")) as server:
        rig = Rig(vendor, server)
        error = rig.fail()
        assert len(server.requests) == 2
        assert rig.model.available
        for _ in range(9):
            rig.fail()
    assert len(server.requests) == POLICY.failures
    assert not rig.model.available
    assert "all of it thinking?" in str(error)


def test_what_there_is_survives_a_failed_continuation(vendor: str) -> None:
    with Server([Turn("x = 1\n", finish="length")], then=Turn(status=401)) as server:
        answer = Rig(vendor, server).ask()
    assert (answer.text, answer.complete) == ("x = 1\n", False)


# ---------------------------------------------------------------- structure

JSON = json.dumps({"good": False, "score": 0.91})


def test_structured_output_is_asked_for_where_it_is_offered(vendor: str) -> None:
    with Server([Turn(JSON)]) as server:
        answer = Rig(vendor, server).ask(request(schema=SCHEMA))
    assert answer.data == {"good": False, "score": 0.91}
    assert server.requests[0].schema == SCHEMA


UNUSABLE = {
    "prose": ("I think it is good.", "no JSON"),
    "text as boolean": ('{"good": "false", "score": 0.91}', "it.good must be boolean"),
    "text as number": ('{"good": false, "score": "0.91"}', "it.score must be number"),
    "NaN": ('{"good": false, "score": NaN}', "NaN"),
    "infinity": ('{"good": false, "score": 1e999}', "1e999"),
    "missing": ('{"good": false}', "lacks score"),
    "cut off": ('{"good": false, "sco', "no JSON"),
    "a list": ("[1, 2]", "must be object"),
}


@pytest.mark.parametrize("case", UNUSABLE)
@pytest.mark.parametrize("as_tool", [True, False])
def test_lesson_13_wrong_types_are_asked_for_again_and_never_guessed(
    vendor: str, case: str, as_tool: bool
) -> None:
    text, said = UNUSABLE[case]
    with Server([Turn(text, as_tool=as_tool), Turn(JSON)]) as server:
        rig = Rig(vendor, server)
        assert rig.ask(request(schema=SCHEMA)).data == {"good": False, "score": 0.91}
    first, second = rig.events
    assert not first.ok
    assert first.error
    assert said in first.error
    assert first.answer is not None
    assert rig.texts[first.answer] == text
    assert said.split(" ")[0] in server.requests[1].text
    assert second.ok


def test_a_model_that_never_follows_the_schema_is_given_up(vendor: str) -> None:
    with Server(then=Turn('{"good": "yes"}')) as server:
        error = Rig(vendor, server).fail(request(schema=SCHEMA))
    assert (error.kind, error.permanent) == ("format", False)
    assert "lacks score" in str(error)
    assert len(server.requests) == POLICY.attempts


# ---------------------------------------------------------------- servers that know less


@pytest.mark.parametrize(
    ("vendor", "refuses", "kept"),
    [
        ("openai", ["temperature"], "max_tokens"),
        ("openai", ["stream_options"], "temperature"),
        ("openai", ["response_format"], "temperature"),
        ("openai", ["json_schema"], "response_format"),
        ("openai", ["temperature", "stream_options", "json_schema", "json_object"], "max_tokens"),
        ("anthropic", ["temperature"], "tools"),
        ("anthropic", ["cache_control"], "tools"),
        ("anthropic", ["tools", "temperature"], "max_tokens"),
    ],
)
def test_a_refused_parameter_is_left_out_from_then_on(
    vendor: str, refuses: list[str], kept: str
) -> None:
    with Server(then=Turn(JSON, as_tool=False), refuses=refuses) as server:
        rig = Rig(vendor, server, temperature=0.5)
        for _ in range(2):
            assert rig.ask(request(schema=SCHEMA)).data == {"good": False, "score": 0.91}
    assert [event.ok for event in rig.events] == [False] * len(refuses) + [True, True]
    assert all((event.error or "").startswith("adapt: ") for event in rig.events[:-2])
    assert kept in server.requests[-1].body
    assert rig.waits == []


def test_max_completion_tokens_where_max_tokens_is_refused() -> None:
    message = (
        "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    )
    with Server([Turn(status=400, error=message)], then=GOOD) as server:
        rig = Rig("openai", server)
        assert rig.ask().text == GOOD.text
    assert server.requests[-1].body["max_completion_tokens"] == 1000
    assert "max_tokens" not in server.requests[-1].body


def test_a_shorter_answer_where_the_wanted_one_is_too_long(vendor: str) -> None:
    message = "max_tokens is too large: 9000. This model supports at most 4096 completion tokens."
    with Server([Turn(status=400, error=message)], then=GOOD) as server:
        rig = Rig(vendor, server, max_tokens=9000)
        assert [rig.ask().text, rig.ask().text] == [GOOD.text] * 2
    assert [seen.body["max_tokens"] for seen in server.requests] == [9000, 4096, 4096]


def test_a_refusal_without_words_makes_the_request_bare(vendor: str) -> None:
    with Server([Turn(status=400, error="Bad Request")], then=GOOD) as server:
        rig = Rig(vendor, server, temperature=0.5)
        assert rig.ask().text == GOOD.text
        assert "temperature" not in server.requests[-1].body
    with Server([GOOD], then=Turn(status=400, error="Bad Request")) as server:
        rig = Rig(vendor, server)
        rig.ask()
        assert rig.fail().kind == "bad_request"
        assert len(server.requests) == 2
