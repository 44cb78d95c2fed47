"""The pure parts: JSON out of prose, joining, causes, dialects, prices."""

from __future__ import annotations

import json

import pytest

from core.llm.anthropic_endpoint import base_url as anthropic_url
from core.llm.causes import error_text, from_event, from_status, one_line, retry_after
from core.llm.dialect import Dialect, adapt, is_strict
from core.llm.endpoint import TokenUsage
from core.llm.ledger import cost_of, price_of, request_digest
from core.llm.loose_json import read_json
from core.llm.openai_endpoint import base_url as openai_url
from core.llm.texts import join, without_thoughts
from tests.llm.rig import SCHEMA, request

GOOD = {"good": True, "score": 0.5}
PLAIN = json.dumps(GOOD)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"Sure, here it is:\n{PLAIN}\nTell me if you need more {{braces}}.",
        f"```json\n{PLAIN}\n```",
        f"```\n{PLAIN}",
        f'<think>maybe {{"good": false, "score": 1}}</think>\n{PLAIN}',
        f"maybe so</think>{PLAIN}",
        '{"good": true, "score": 0.5,}',
        '[{"good": true, "score": 0.5}',
        f"{{not json}} {PLAIN}",
        f'{{"good": "no", "score": 0}} or rather {PLAIN}',
        '{"good": true, "score": 0.5, "note": "a \\"}\\" and a\nline break"}',
    ],
)
def test_json_is_found_in_what_models_write(text: str) -> None:
    found = read_json(text, SCHEMA)
    assert (found["good"], found["score"]) == (True, 0.5)


@pytest.mark.parametrize(
    "text", ["", "no", "{", "[" * 3000, '{"good": 1, "score": 1}', '{"good": true, "score": true}']
)
def test_json_that_cannot_be_used_is_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        read_json(text, SCHEMA)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "schema", "fits"),
    [
        (3.0, {"type": "integer"}, True),
        (True, {"type": "integer"}, False),
        (None, {"type": ["string", "null"]}, True),
        ("a", {"enum": ["a", "b"]}, True),
        ("c", {"enum": ["a", "b"]}, False),
        (7, {"type": "number", "maximum": 5}, False),
        ("", {"type": "string", "minLength": 1}, False),
        ([1, "2"], {"type": "array", "items": {"type": "number"}}, False),
        (1, {"anyOf": [{"type": "string"}, {"type": "number"}]}, True),
        ([], {"anyOf": [{"type": "string"}, {"type": "number"}]}, False),
    ],
)
def test_types_are_those_of_the_schema(
    value: object, schema: dict[str, object], fits: bool
) -> None:
    wrapped = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    if fits:
        assert read_json(json.dumps({"x": value}), wrapped) == {"x": value}
    else:
        with pytest.raises(ValueError, match=r"it\.x"):
            read_json(json.dumps({"x": value}), wrapped)


def test_a_long_answer_is_read_in_time() -> None:
    with pytest.raises(ValueError, match="no JSON"):
        read_json("{" * 200_000 + '"' * 200_000, SCHEMA)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>a</think>\nx = 1", "x = 1"),
        ("<think>a</think><thinking>b</thinking>x", "x"),
        ("<think>never closed", ""),
        ("thoughts without a beginning</think>\nx", "x"),
        ("x = '<think>'", "x = '<think>'"),
        ("```python\nx = '</think>'\n```", "```python\nx = '</think>'\n```"),
    ],
)
def test_thoughts_are_cut_off(text: str, left: str) -> None:
    assert without_thoughts(text) == left


@pytest.mark.parametrize(
    ("text", "more", "whole"),
    [
        ("x = ", "1\n", "x = 1\n"),
        ("```python\nfor x in y:\n", "```python\nfor x in y:\n    f()\n```", "```python\nfor x in y:\n    f()\n```"),
        ("a line that is said\n", "a line that is said\nonce more\n", "a line that is said\nonce more\n"),
        ("x" * 100 + "abc", "x" * 100 + "abcdef", "x" * 100 + "abcdef"),
    ],
)  # fmt: skip
def test_a_continuation_repeats_nothing(text: str, more: str, whole: str) -> None:
    assert join(text, more) == whole


# ---------------------------------------------------------------- causes


def test_error_bodies_of_many_forms_tell_their_message() -> None:
    assert error_text({"error": {"message": "m", "code": "c"}}) == ("m", "c")
    assert error_text({"error": {"message": "m", "type": "t", "code": 400}}) == ("m", "t")
    assert error_text({"error": "m"}) == ("m", "")
    assert error_text({"detail": "m"}) == ("m", "")
    assert error_text(b'{"message": "m", "type": "t"}') == ("m", "t")
    assert error_text("plain") == ("plain", "")
    assert error_text(None) == ("", "")
    assert error_text([1]) == ("[1]", "")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"message": "x", "code": "context_length_exceeded"}}, "context"),
        (400, {"error": {"message": "API key not valid. Please pass a valid API key."}}, "auth"),
        (400, {"error": {"message": "Unknown model: x"}}, "not_found"),
        (400, {"error": {"message": "messages: at least one message is required"}}, "bad_request"),
        (413, "too large", "context"),
        (404, "404 page not found", "not_found"),
        (404, "<html>x</html>", "not_an_api"),
        (402, {"error": {"message": "pay"}}, "quota"),
        (403, {"error": {"message": "x", "code": "insufficient_quota"}}, "auth"),
        (429, {"error": {"message": "x", "code": "insufficient_quota"}}, "quota"),
        (
            429,
            {
                "error": {
                    "message": "Rate limit reached, see account/billing",
                    "code": "rate_limit_exceeded",
                }
            },
            "rate",
        ),
        (
            429,
            {"error": {"message": "Check your plan and billing details. Please retry in 32.5s."}},
            "rate",
        ),
        (502, {"error": {"message": "billing gateway down"}}, "server"),
        (429, {"error": {"message": "tokens per min"}}, "rate"),
        (503, "<html>x</html>", "server"),
        (500, {"error": {"message": "context size"}}, "server"),
        (418, "", "bad_request"),
    ],
)
def test_kinds_by_status_and_words(status: int, body: object, kind: str) -> None:
    assert from_status(status, body, {}).kind == kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"type": "overloaded_error", "message": "m"}, "server"),
        ({"error": {"type": "rate_limit_error", "message": "m"}}, "rate"),
        ({"error": {"type": "authentication_error", "message": "m"}}, "auth"),
        ({"error": {"type": "invalid_request_error", "message": "prompt is too long"}}, "context"),
        ({"error": {"message": "m", "code": 429}}, "rate"),
    ],
)
def test_kinds_of_errors_within_a_stream(body: object, kind: str) -> None:
    assert from_event(body).kind == kind


def test_lesson_24_messages_are_one_line_without_keys() -> None:
    text = (
        "Incorrect API key provided: abcd***wxyz.\nsee sk-ant-0123456789abcdef and MY-KEY "
        + "x" * 1000
    )
    line = one_line(text, ("MY-KEY",))
    assert "abcd" not in line
    assert "0123456789" not in line
    assert "MY-KEY" not in line
    assert "\n" not in line
    assert len(line) < 400


def test_retry_after_in_its_forms() -> None:
    assert retry_after({"retry-after": "7"}) == 7
    assert retry_after({"retry-after-ms": "1500", "retry-after": "7"}) == 1.5
    dates = {
        "date": "Wed, 21 Oct 2026 07:28:00 GMT",
        "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT",
    }
    assert retry_after(dates) == 30
    for odd in ("soon", "-5", "nan", "inf", ""):
        assert retry_after({"retry-after": odd}) is None
    assert retry_after({}) is None


# ---------------------------------------------------------------- dialects, addresses, prices


def test_a_context_that_is_told_bounds_answers_by_what_the_prompt_leaves() -> None:
    message = (
        "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens."
    )
    found = adapt(Dialect(), message, 8000, proven=True)
    assert found is not None
    short, long = request("x" * 300), request("x" * 9000)
    assert found[0].max_tokens(8000, short) > found[0].max_tokens(8000, long) > 0
    assert found[0].max_tokens(8000, long) + 9000 / 4 < 4096
    assert adapt(found[0], message, 1000, proven=True) is None


def test_a_complaint_about_nothing_known_changes_a_proven_dialect_not() -> None:
    assert adapt(Dialect(), "messages: role must alternate", 1000, proven=True) is None
    assert adapt(Dialect(), "Bad Request", 1000, proven=False) is not None


def test_adapting_ends() -> None:
    """Whatever is complained about, again and again."""
    words = "max_tokens max_completion_tokens 4096 stream_options response_format json_schema temperature system role"
    dialect, steps = Dialect(), 0
    while (
        found := adapt(dialect, words, dialect.max_tokens(9000, request()), proven=False)
    ) is not None:
        dialect, steps = found[0], steps + 1
        assert steps < 20


def test_strict_output_only_for_schemas_that_allow_it() -> None:
    assert is_strict(SCHEMA)
    assert not is_strict({**SCHEMA, "required": ["good"]})
    assert not is_strict({"type": "array", "items": {"type": "object", "properties": {}}})


def test_addresses_as_users_write_them() -> None:
    assert (
        openai_url("http://h:1/v1/")
        == openai_url("http://h:1/v1/chat/completions")
        == "http://h:1/v1"
    )
    for written in ("http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/messages"):
        assert anthropic_url(written) == "http://h:1"


def test_prices_by_the_longest_start_of_the_name() -> None:
    prices = {"gpt-4o": (2.5, 1.25, 10.0), "gpt-4o-mini": (0.15, 0.075, 0.6)}
    assert price_of("gpt-4o-mini-2024-07-18", prices) == (0.15, 0.075, 0.6)
    assert price_of("openai/gpt-4o", prices) == (2.5, 1.25, 10.0)
    assert price_of("glm-4.6", prices) is None
    assert cost_of(TokenUsage(1_000_000, 400_000, 100_000), (2.5, 1.25, 10.0)) == pytest.approx(
        1.5 + 0.5 + 1.0
    )
    assert cost_of(TokenUsage(1), None) is None
    assert cost_of(TokenUsage(), None) == 0.0


def test_the_digest_of_a_request_is_of_what_is_asked() -> None:
    asked = request("a")
    assert request_digest(asked) == request_digest(request("a", purpose="another"))
    assert (
        len({request_digest(other) for other in (asked, request("b"), request("a", SCHEMA))}) == 3
    )
