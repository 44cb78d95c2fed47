"""A model whose answers are files."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmark import relay as relay_module
from benchmark.__main__ import main
from benchmark.relay import (
    LOG,
    AskedText,
    RefusedAnswerError,
    Relay,
    RelayFolder,
    open_prompts,
    waiting,
)
from core.llm.endpoint import EndpointError, EndpointSettings
from core.llm.openai_endpoint import OpenAiEndpoint
from core.records import Message, Request
from tests.benchmark.person import Person, put_answer
from tests.e2e.runs import ROOT
from utils.errors import UsageError

SCHEMA = {
    "type": "object",
    "properties": {"metric": {"type": "number"}},
    "required": ["metric"],
    "additionalProperties": False,
}


def endpoint(relay: Relay, **settings: Any) -> OpenAiEndpoint:
    return OpenAiEndpoint(EndpointSettings("m", relay.base_url, 4096, **settings))


def request(text: str = "Write a program.", schema: dict[str, Any] | None = None) -> Request:
    return Request("You write programs.", (Message("user", text),), "s0001 draft", 9e9, schema)


def ask(relay: Relay, body: dict[str, Any], path: str = "/v1/chat/completions") -> tuple[int, Any]:
    with closing(connected(relay.server_port)) as connection:
        connection.request("POST", path, json.dumps(body))
        with connection.getresponse() as answer:
            return answer.status, json.loads(answer.read())


def connected(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=60)


def body(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


def until(condition: Callable[[], object]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("waited too long")


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]


def in_background(call: Callable[..., Any], *arguments: Any) -> Future[Any]:
    pool = ThreadPoolExecutor(1)
    found = pool.submit(call, *arguments)
    pool.shutdown(wait=False)
    return found


def test_a_stream_is_answered_by_a_file(tmp_path: Path) -> None:
    program = "PLAN: lines\n```python\nprint('a')\n```\n" * 40
    with Relay(tmp_path, port=0) as relay, Person(tmp_path, lambda number, text: program):
        reply = endpoint(relay).send(request(), "none", 60)
    assert reply.text == program
    assert (tmp_path / "0001.prompt.md").read_text() == (
        "## system\n\nYou write programs.\n\n## user\n\nWrite a program.\n"
    )
    (line,) = log(tmp_path)
    assert (line["number"], line["stream"], line["schema"]) == (1, True, False)
    assert line["answer_chars"] == len(program)
    assert line["answered"] > line["arrived"]
    assert line["given_up"] == ""
    assert reply.usage.completion == len(program) // 4


def test_an_answer_against_the_schema_is_refused_and_waited_for_again(tmp_path: Path) -> None:
    told = []

    def says(number: int, text: str) -> str:
        refused = tmp_path / "0001.refused"
        told.append(refused.read_text() if refused.exists() else "")
        return ['{"metric": "high"}', "", 'Here it is:\n```json\n{"metric": 1.0}\n```'][
            len(told) - 1
        ]

    with Relay(tmp_path, port=0) as relay, Person(tmp_path, says):
        reply = endpoint(relay).send(request(schema=SCHEMA), "none", 60)
    assert reply.text == '{"metric": 1.0}'
    assert told == ["", 'it.metric must be number, not "high"\n', "the answer is empty\n"]
    assert not (tmp_path / "0001.refused").exists()
    assert '"metric"' in (tmp_path / "0001.prompt.md").read_text()
    assert log(tmp_path)[0]["refused"] == 2


@pytest.mark.parametrize("strict", [None, False, True])
def test_null_is_refused_where_a_schema_is_strict_alone(
    strict: bool | None, tmp_path: Path
) -> None:
    """aideml asks in words for null where a program failed, and its schema says "number". It would
    wait for ever for an answer that was written long ago.
    """
    function: dict[str, Any] = {"name": "submit", "parameters": SCHEMA}
    if strict is not None:
        function["strict"] = strict
    choice = {"type": "function", "function": {"name": "submit"}}
    asked = body(tools=[{"type": "function", "function": function}], tool_choice=choice)
    schema = AskedText.of(asked).schema
    put_answer(tmp_path, 1, '{"metric": null}')
    with closing(RelayFolder(tmp_path)) as folder:
        if strict:
            with pytest.raises(RefusedAnswerError, match=r"it.metric must be number, not null"):
                folder.take(1, schema)
        else:
            assert folder.take(1, schema) == '{"metric": null}'
        put_answer(tmp_path, 2, '{"metric": "high"}')
        with pytest.raises(RefusedAnswerError, match="it.metric must be number"):
            folder.take(2, schema)
        put_answer(tmp_path, 3, "{}")
        with pytest.raises(RefusedAnswerError, match="metric"):
            folder.take(3, schema)


@pytest.mark.parametrize("stream", [False, True])
def test_a_forced_call_is_answered_by_its_arguments(stream: bool, tmp_path: Path) -> None:
    import openai

    tool = {"type": "function", "function": {"name": "submit", "parameters": SCHEMA}}
    asked = body(
        tools=[tool],
        tool_choice={"type": "function", "function": {"name": "submit"}},
        stream=stream,
    )
    answer = '{"metric": 0.25}'
    with Relay(tmp_path, port=0) as relay, Person(tmp_path, lambda number, text: answer):
        client = openai.OpenAI(api_key="none", base_url=relay.base_url, max_retries=0)
        with client:
            found = client.chat.completions.create(**asked)
            if stream:
                deltas = [chunk.choices[0].delta for chunk in found if chunk.choices]
                calls = [delta.tool_calls[0] for delta in deltas if delta.tool_calls]
                assert "".join(call.function.arguments for call in calls) == answer
                assert [call.function.name for call in calls] == ["submit"]
            else:
                (call,) = found.choices[0].message.tool_calls
                assert (call.function.name, call.function.arguments) == ("submit", answer)
                assert found.choices[0].finish_reason == "tool_calls"


def test_a_request_without_an_answer_in_time_gets_504(tmp_path: Path) -> None:
    with Relay(tmp_path, port=0, wait_s=0.2) as relay:
        status, said = ask(relay, body())
        with pytest.raises(EndpointError, match="no answer within") as caught:
            endpoint(relay).send(request(), "none", 60)
    assert status == 504
    assert "no answer within 0.2 s" in said["error"]["message"]
    assert caught.value.kind == "server"
    assert open_prompts(tmp_path) == []
    assert (tmp_path / "0001.given_up.md").is_file()
    assert [line["given_up"] for line in log(tmp_path)] == ["no answer in time"] * 2


def test_a_stream_that_has_begun_ends_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "_ALIVE_S", 0.1)
    with (
        Relay(tmp_path, port=0, wait_s=1.0) as relay,
        pytest.raises(EndpointError, match="no answer within"),
    ):
        # Without the comments the client would take the silence for a fault.
        endpoint(relay, idle_s=0.5).send(request(), "none", 60)


def test_a_client_that_hangs_up_frees_its_request(tmp_path: Path) -> None:
    with Relay(tmp_path, port=0) as relay:
        raw = json.dumps(body()).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        with socket.create_connection(("127.0.0.1", relay.server_port)) as client:
            client.sendall(head % len(raw) + raw)
            until(lambda: open_prompts(tmp_path) == [1])
        until((tmp_path / LOG).exists)
        assert open_prompts(tmp_path) == []
        put_answer(tmp_path, 1, "too late")
        later = in_background(ask, relay, body("again"))
        until(lambda: open_prompts(tmp_path) == [2])
        put_answer(tmp_path, 2, "in time")
        assert later.result(60)[1]["choices"][0]["message"]["content"] == "in time"
    assert (tmp_path / "0001.given_up.md").read_text() == "## user\n\nhello\n"
    assert [line["given_up"] for line in log(tmp_path)] == ["the client hung up", ""]


def test_several_wait_at_once_and_each_gets_its_own(tmp_path: Path) -> None:
    def says(number: int, text: str) -> str:
        return text.split()[-1].upper()

    with Relay(tmp_path, port=0) as relay:
        asked = [in_background(ask, relay, body(f"word{place}")) for place in range(4)]
        until(lambda: len(open_prompts(tmp_path)) == 4)
        assert len(list(waiting(tmp_path, time.time()))) == 4
        with Person(tmp_path, says):
            found = [future.result(60)[1]["choices"][0]["message"]["content"] for future in asked]
    assert found == ["WORD0", "WORD1", "WORD2", "WORD3"]


def test_a_second_relay_goes_on_numbering_and_gives_up_what_waited(tmp_path: Path) -> None:
    with Relay(tmp_path, port=0) as relay:
        cut = in_background(ask, relay, body())
        until(lambda: open_prompts(tmp_path) == [1])
        with pytest.raises(UsageError, match="another relay"):
            Relay(tmp_path, port=0)
    assert cut.result(60)[0] == 503
    assert log(tmp_path)[0]["given_up"] == "the relay stopped"
    (tmp_path / "0007.prompt.md").write_text("left by a relay that was killed")
    with Relay(tmp_path, port=0) as relay, Person(tmp_path, lambda number, text: "yes"):
        assert ask(relay, body())[0] == 200
    assert (tmp_path / "0008.prompt.md").is_file()
    assert (tmp_path / "0007.given_up.md").is_file()


def test_what_is_no_request_is_refused_without_a_prompt(tmp_path: Path) -> None:
    with Relay(tmp_path, port=0) as relay:
        assert ask(relay, {"model": "m"})[0] == 400
        assert ask(relay, body(), "/v1/responses")[0] == 404
        with closing(connected(relay.server_port)) as connection:
            connection.request("GET", "/v1/models")
            with connection.getresponse() as answer:
                assert json.loads(answer.read())["data"][0]["id"] == "relay"
    assert not list(tmp_path.glob("*.md"))


def ask_raw(relay: Relay, data: bytes, *lengths: str) -> tuple[int, Any]:
    """lengths: a Content-Length header each."""
    head = "".join(f"Content-Length: {length}\r\n" for length in lengths)
    with socket.create_connection(("127.0.0.1", relay.server_port), 60) as client:
        client.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        client.sendall(data)
        with closing(http.client.HTTPResponse(client)) as answer:
            answer.begin()
            return answer.status, json.loads(answer.read())


DEEP = b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
HALF = json.dumps(body("half a pair: \ud83d")).encode()
# Half of a pair as bytes, which json takes for one too.
HALF_BYTES = json.dumps(body("half a pair: \ud83d"), ensure_ascii=False).encode(
    errors="surrogatepass"
)
UNREADABLE: dict[str, tuple[bytes, list[str] | None, str]] = {
    "a word for a length": (b"", ["many"], "Content-Length must be one whole number, not many"),
    "a length below none": (b"{}", ["-2"], "not -2"),
    "a sign": (b"{}", ["+2"], "not \\+2"),
    "two lengths": (b"{}", ["2", "20"], "not 2, 20"),
    "no length": (b"", [], "not none"),
    "a length above all memory": (b"{}", ["99999999999"], "the most is"),
    "a length above all numbers": (b"{}", ["9" * 5000], "Content-Length must be"),
    "half a pair": (HALF, None, "surrogates not allowed"),
    "half a pair as bytes": (HALF_BYTES, None, "surrogates not allowed"),
    "a deep body": (DEEP, None, "nested too deeply"),
    "half a body": (b'{"messages": [{"role": "user"', None, "delimiter"),
    "a list": (b"[]", None, "no attribute"),
}


@pytest.mark.parametrize(("data", "lengths", "why"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_a_bad_request_and_the_relay_goes_on(
    data: bytes, lengths: list[str] | None, why: str, tmp_path: Path
) -> None:
    if lengths is None:
        lengths = [str(len(data))]
    with Relay(tmp_path, port=0) as relay, Person(tmp_path, lambda number, text: "yes"):
        status, said = ask_raw(relay, data, *lengths)
        assert ask(relay, body())[0] == 200
    assert status == 400
    error = said["error"]
    assert re.search(why, error["message"])
    assert error == {
        "message": error["message"],
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    # No prompt, and no line in the log, of what asked nothing.
    assert [line["number"] for line in log(tmp_path)] == [1]


def test_the_command_serves_lists_and_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "benchmark", "relay", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    port = int(said.split("127.0.0.1:")[1].split("/")[0])
    connection = connected(port)
    connection.request("POST", "/v1/chat/completions", json.dumps(body()))
    until(lambda: open_prompts(tmp_path) == [1])
    assert main(["relay", str(tmp_path), "--open"]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / '0001.prompt.md'}  ")
    put_answer(tmp_path, 1, "here")
    with connection.getresponse() as answer:
        assert json.loads(answer.read())["choices"][0]["finish_reason"] == "stop"
    assert main(["relay", str(tmp_path), "--open"]) == 0
    assert capsys.readouterr().out == ""
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    process.stdout.close()
    connection.close()
