"""A scripted model server on loopback that speaks both vendors' HTTP, with every fault that real
ones had.

Within a test: `with ScriptedServer([Turn("x = 1"), Turn(status=429)]) as server: ...`. For a run in
a container: `python -m benchmark.scripted_server --program FILE`, `--script FILE` or `--answer FILE`; see
--help.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmark.http_answers import HttpAnswers
from benchmark.scripted_formats import WORDS, AnthropicWords, OpenAiWords, Turn, pieces

PAGE = (
    "<!DOCTYPE html>\n<html><head><title>Sign in\nplease</title></head><body>"
    + "<p>hello</p>" * 200
    + "</body></html>"
)
_ROUTES = {"/chat/completions": "openai", "/messages": "anthropic"}


@dataclass(frozen=True)
class HttpRequest:
    """A request as it arrived. number: from 1. schema: what the answer must follow, however it was
    handed over.
    """

    number: int
    vendor: str
    path: str
    key: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def schema(self) -> dict[str, Any] | None:
        handed = self.body.get("response_format", {}).get("json_schema", {}).get("schema")
        tools = self.body.get("tools") or [{}]
        return handed or tools[0].get("input_schema")

    @property
    def text(self) -> str:
        """All messages, for assertions."""
        return json.dumps(self.body, ensure_ascii=False)


Answerer = Callable[[HttpRequest], Turn]


class ScriptedServer(ThreadingHTTPServer):
    """Gives the turns in order, then `then` for ever (a turn, or a function of the request).

    refuses: request parameters that are answered with status 400. by_key: turns for requests with
    these keys. requests: what was asked, in order of arrival.
    """

    daemon_threads = True

    def __init__(
        self,
        turns: Iterable[Turn | str] = (),
        then: Turn | Answerer | None = None,
        *,
        refuses: Iterable[str] = (),
        by_key: dict[str, Turn] | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self._turns = iter(list(map(_turn_of, turns)))
        self._then = then if then is not None else Turn(status=500, error="the script is over")
        self.refuses = set(refuses)
        self._by_key = by_key or {}
        self._lock = threading.Lock()
        self.requests: list[HttpRequest] = []
        self.over = threading.Event()
        self._busy = 0
        self.most_busy = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def base_url(self, vendor: str) -> str:
        """As a user would configure it."""
        return f"{self.address}/v1" if vendor == "openai" else self.address

    def __enter__(self) -> ScriptedServer:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that give up are part of the script; anything else is told."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def turn(self, numbered: Callable[[int], HttpRequest]) -> tuple[HttpRequest, Turn]:
        with self._lock:
            request = numbered(len(self.requests) + 1)
            self.requests.append(request)
            if request.key in self._by_key:
                return request, self._by_key[request.key]
            refused = self._refused(request)
            if refused:
                message = f"Unsupported parameter: '{refused}' is not supported with this model."
                return request, Turn(status=400, error=message)
            fixed = next(self._turns, None)
        if fixed is not None:
            return request, fixed
        return request, self._then(request) if callable(self._then) else self._then

    def _refused(self, request: HttpRequest) -> str | None:
        return next((name for name in sorted(self.refuses) if f'"{name}"' in request.text), None)

    @contextlib.contextmanager
    def busy(self) -> Any:
        with self._lock:
            self._busy += 1
            self.most_busy = max(self.most_busy, self._busy)
        yield
        with self._lock:
            self._busy -= 1


class _Handler(HttpAnswers):
    server: ScriptedServer

    def do_GET(self) -> None:
        self.send_body(404, PAGE.encode(), "text/html")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        vendor = next((name for route, name in _ROUTES.items() if self.path == f"/v1{route}"), None)
        if vendor is None:
            self.send_body(404, PAGE.encode(), "text/html")
            return
        key = self.headers.get("x-api-key") or self.headers.get("Authorization", "").removeprefix(
            "Bearer "
        )
        body, headers = (
            json.loads(raw),
            {name.lower(): value for name, value in self.headers.items()},
        )
        request, turn = self.server.turn(
            lambda number: HttpRequest(number, vendor, self.path, key, headers, body)
        )
        with self.server.busy():
            self.server.over.wait(turn.latency)
            self._answer(request, turn, WORDS[vendor])

    def _answer(
        self, request: HttpRequest, turn: Turn, words: OpenAiWords | AnthropicWords
    ) -> None:
        if turn.status >= 300:
            self._refuse(turn, words)
        elif turn.fault == "plain":
            self.send_json(200, words.whole(turn, request.body))
        elif turn.fault is not None:
            _Faults(self, request, turn, words).play()
        else:
            self.start_stream()
            for event in words.stream(turn, request.body):
                self.chunk(event)
            self.end_stream()

    def _refuse(self, turn: Turn, words: OpenAiWords | AnthropicWords) -> None:
        """With a page, a message in the vendor's words, or a body as it stands."""
        if not isinstance(turn.error, str):
            self.send_json(turn.status, turn.error, turn.headers)
        elif turn.error.startswith("<"):
            self.send_body(turn.status, turn.error.encode(), "text/html", turn.headers)
        else:
            self.send_json(turn.status, words.error(turn), turn.headers)


class _Faults:
    """What a server may do instead of answering. Nothing here outlives the server, and most end
    with the client.
    """

    def __init__(
        self,
        handler: _Handler,
        request: HttpRequest,
        turn: Turn,
        words: OpenAiWords | AnthropicWords,
    ) -> None:
        self._handler, self._request, self._turn, self._words = handler, request, turn, words
        self._over = handler.server.over

    def play(self) -> None:
        self._handler.close_connection = True
        getattr(self, f"_{self._turn.fault}")()

    def _hang(self) -> None:
        self._over.wait(60)

    def _drop(self) -> None:
        self._cut()

    def _drop_midway(self) -> None:
        self._begin()
        self._cut()

    def _early_end(self) -> None:
        self._begin()
        self._handler.end_stream()

    def _silent_midway(self) -> None:
        self._begin()
        self._over.wait(60)

    def _truncated(self) -> None:
        self._handler.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
        )

    def _broken_json(self) -> None:
        whole = json.dumps(self._words.whole(self._turn, self._request.body)).encode()
        self._handler.send_body(200, whole[: len(whole) // 2], "application/json")

    def _html(self) -> None:
        self._handler.send_body(200, PAGE.encode(), "text/html")

    def _garbage(self) -> None:
        noise = random.Random(0).randbytes(65_536).replace(b"\n", b"?").replace(b"\r", b"?")
        self._for_ever(lambda: noise)

    def _flood(self) -> None:
        self._for_ever(lambda: self._words.piece("blah " * 200, self._request.body))

    def _trickle(self) -> None:
        self._for_ever(lambda: b"x", 0.02)

    def _head_trickle(self) -> None:
        self._handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        with contextlib.suppress(OSError):
            while not self._over.wait(0.02):
                self._handler.wfile.write(b"x")

    def _wrong_events(self) -> None:
        self._handler.start_stream()
        for data in (
            'data: {"choices": 7, "type": 3}',
            "data: [1, 2]",
            'data: {"choices": [null, 5], "delta": "x"}',
        ):
            self._handler.chunk(f"event: content_block_delta\n{data}\n\n".encode())
        self._handler.end_stream()

    def _no_json(self) -> None:
        self._handler.start_stream()
        self._handler.chunk(b"event: message_start\ndata: certainly! here is\n\n")
        self._handler.end_stream()

    def _error_event(self) -> None:
        self._begin()
        self._handler.chunk(self._words.error_event())
        self._handler.end_stream()

    def _begin(self) -> None:
        """The first events of a good answer."""
        self._handler.start_stream()
        text = pieces(self._turn.text or "a beginning", 2)[0]
        first = next(self._words.stream(self._turn, self._request.body))
        self._handler.chunk(first)
        self._handler.chunk(self._words.piece(text, self._request.body))

    def _for_ever(self, data: Callable[[], bytes], pause: float = 0.0) -> None:
        self._handler.start_stream()
        with contextlib.suppress(OSError):
            while not self._over.wait(pause):
                self._handler.chunk(data())

    def _cut(self) -> None:
        self._handler.wfile.flush()
        with contextlib.suppress(OSError):
            self._handler.connection.shutdown(socket.SHUT_RDWR)


# ---------------------------------------------------------------- a run of its own


def with_program(
    program: str, plan: str = "PLAN: the scripted program", latency: float = 0.0
) -> Answerer:
    """Answers every request with one program: in a code block, or where the request's schema has a
    place for it.
    """

    def answer(request: HttpRequest) -> Turn:
        if request.schema is not None:
            return Turn(json.dumps(filled(request.schema, program, plan)), latency=latency)
        return Turn(f"{plan}\n\n```python\n{program.rstrip()}\n```\n", latency=latency, chunks=20)

    return answer


def filled(schema: dict[str, Any], program: str, plan: str) -> Any:
    """A value that follows a schema; the text field whose name speaks of code holds the program."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "string")
    if kind == "object":
        value = {}
        for name, inner in schema.get("properties", {}).items():
            value[name] = filled(inner, program, plan)
            if name in ("program", "code"):
                value[name] = program
        return value
    plain: dict[str, Any] = {
        "array": [],
        "number": 0.5,
        "integer": 1,
        "boolean": True,
        "null": None,
    }
    if isinstance(kind, list):
        kind = kind[0]
    return plain.get(kind, plan)


def read_script(path: Path) -> list[Turn]:
    """One turn per line: text as a JSON string, or an object with the fields of Turn."""
    lines = filter(str.strip, path.read_text(encoding="utf-8").splitlines())
    return [_turn_of(json.loads(line)) for line in lines]


def _turn_of(answer: Turn | str | dict[str, Any]) -> Turn:
    """An answer as a text, or as the fields of a turn."""
    if isinstance(answer, str):
        return Turn(answer)
    if isinstance(answer, dict):
        return Turn(**answer)
    return answer


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.scripted_server", description=__doc__
    )
    parser.add_argument("--port", type=int, default=8089)
    parser.add_argument(
        "--script", type=Path, help="JSON lines of turns, given in order before anything else"
    )
    parser.add_argument(
        "--answer", type=Path, help="file whose text answers every further request as it stands"
    )
    parser.add_argument(
        "--program", type=Path, help="file whose program answers every further request"
    )
    parser.add_argument(
        "--latency", type=float, default=0.0, help="seconds before each further answer"
    )
    options = parser.parse_args(words)
    then: Turn | Answerer | None = None
    if options.program:
        then = with_program(options.program.read_text(encoding="utf-8"), latency=options.latency)
    elif options.answer:
        then = Turn(options.answer.read_text(encoding="utf-8"), latency=options.latency)
    turns: list[Turn] = []
    if options.script:
        turns = read_script(options.script)
    with ScriptedServer(turns, then, port=options.port) as server:
        print(f"listening on {server.address} (openai: {server.base_url('openai')})", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
