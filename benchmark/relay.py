"""A model whose answers are files: an OpenAI-compatible endpoint on loopback that writes each request
into a folder and waits until somebody puts the answer beside it.

FOLDER/0007.prompt.md is a request as text; its answer is FOLDER/0007.answer, written under another
name (0007.answer.tmp) and renamed. FOLDER/log.jsonl has one line per request.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import math
import re
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmark.arguments import positive, subcommand
from benchmark.http_answers import HttpAnswers
from benchmark.scripted_formats import OpenAiWords, Turn, forced_tool, sse
from core.llm.loose_json import read_json
from utils.errors import UsageError
from utils.files import write_atomic

LOG, LOCK = "log.jsonl", ".lock"
PROMPT, GIVEN_UP, ANSWER, REFUSED = ".prompt.md", ".given_up.md", ".answer", ".refused"
MODEL = "relay"
PORT, WAIT_S = 8090, 1500.0
_LOOK_S = 0.1
# A client that hears nothing for long takes the connection for dead.
_ALIVE_S = 15.0
# Of a client that does not finish its request, or does not read its answer.
_SOCKET_S = 60.0
# Of a request, in bytes: far above any prompt, far below the memory.
_MOST_BYTES = 64 << 20
_NUMBER = re.compile(r"(\d{4,})\.")
_CHARS_PER_TOKEN = 4
_HUNG_UP = "the client hung up"


@dataclass(frozen=True, slots=True)
class AskedText:
    """A request as whoever answers it reads it."""

    # All that is asked, the messages in order.
    text: str
    # What the answer must follow, None for any text. The text may say more: see _with_nulls.
    schema: dict[str, Any] | None
    # Of the answer, as the client wants it.
    stream: bool
    max_tokens: int | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> AskedText:
        """body: of a request to chat/completions. Raises ValueError for one that asks nothing, or
        whose text is no text; KeyError, TypeError, AttributeError or RecursionError for another shape.
        """
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise ValueError("messages is missing or empty")
        parts = []
        for message in messages:
            parts.append(f"## {message['role']}\n\n{_plain(message.get('content'))}")
        schema = wanted_schema(body)
        if schema is not None:
            parts.append(
                "## answer\n\nJSON that follows this schema, and nothing else:\n\n"
                + json.dumps(schema, indent=1, ensure_ascii=False)
            )
        most = body.get("max_completion_tokens") or body.get("max_tokens")
        text = "\n\n".join(parts) + "\n"
        # Half of a surrogate pair can stand in JSON, and in no file.
        text.encode()
        if schema is not None and not _is_strict(body):
            schema = _with_nulls(schema)
        return cls(text, schema, bool(body.get("stream")), most)


def wanted_schema(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema of a forced call or of response_format; {} where any JSON will do."""
    tool = forced_tool(dict(body))
    if tool is not None:
        return dict(tool.get("parameters") or {})
    form = body.get("response_format") or {}
    if form.get("type") == "json_object":
        return {}
    schema = form.get("json_schema", {}).get("schema")
    return None if schema is None else dict(schema)


def _is_strict(body: Mapping[str, Any]) -> bool:
    """Whether the client wants its schema to be enforced, and not only to be read."""
    form = forced_tool(dict(body)) or (body.get("response_format") or {}).get("json_schema")
    return bool((form or {}).get("strict"))


def _with_nulls(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, but null may stand for any property: models that are not held to a schema answer so,
    and clients ask for it in words. aideml wants the number of a failed program to be null.
    """
    loose = {}
    for name, part in (schema.get("properties") or {}).items():
        loose[name] = {"anyOf": [part, {"type": "null"}]}
    return schema | {"properties": loose} if loose else schema


def _plain(content: Any) -> str:
    """The text of a message, which may come in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return str(content or "")


@dataclass(frozen=True, slots=True)
class RelayedCall:
    """A line of the log. Times are epoch seconds."""

    # Of its files.
    number: int
    # When the request came.
    arrived: float
    # When it was answered, None where it was not.
    answered: float | None
    # Characters of both texts.
    prompt_chars: int
    answer_chars: int
    # It asked for JSON by a schema.
    schema: bool
    # It asked for a stream.
    stream: bool
    # Longest answer that it asked for, in tokens.
    max_tokens: int | None
    # Answers that were no answer to it.
    refused: int = 0
    # Why it has no answer, "" where it has one.
    given_up: str = ""


class RelayFolder:
    """The files. One relay at a time; safe to call from several threads."""

    def __init__(self, folder: Path) -> None:
        """Goes on numbering where an earlier relay stopped; what waited then waits no more. Raises
        UsageError where another relay works in the folder.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._mutex = threading.Lock()
        self._alone = (folder / LOCK).open("wb")
        try:
            fcntl.flock(self._alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._alone.close()
            raise UsageError(f"another relay works in {folder}") from None
        numbers = [int(found[1]) for path in folder.iterdir() if (found := _named(path))]
        self._last = max(numbers, default=0)
        for number in open_prompts(folder):
            self.give_up(number)

    def close(self) -> None:
        self._alone.close()

    def put(self, text: str) -> int:
        """Writes a prompt; its number."""
        with self._mutex:
            self._last += 1
            number = self._last
        write_atomic(self.path(number, PROMPT), text)
        return number

    def take(self, number: int, schema: dict[str, Any] | None) -> str | None:
        """The answer; None while there is none, or only one that is no answer, which is put aside
        with the reason in a file beside it. Raises RefusedAnswerError for that.
        """
        path = self.path(number, ANSWER)
        try:
            text = path.read_bytes().decode()
            good = _checked(text, schema)
        except FileNotFoundError:
            return None
        except ValueError as error:
            # The reason first: without its answer the prompt is open again.
            write_atomic(self.path(number, REFUSED), f"{error}\n")
            path.replace(self.path(number, f"{ANSWER}{REFUSED}"))
            raise RefusedAnswerError(str(error)) from None
        self.path(number, REFUSED).unlink(missing_ok=True)
        return good

    def give_up(self, number: int) -> None:
        """Marks a prompt that nobody waits for any more."""
        with contextlib.suppress(FileNotFoundError):
            self.path(number, PROMPT).replace(self.path(number, GIVEN_UP))

    def note(self, call: RelayedCall) -> None:
        line = json.dumps(asdict(call)) + "\n"
        with self._mutex, (self._folder / LOG).open("a", encoding="utf-8") as log:
            log.write(line)

    def path(self, number: int, ending: str) -> Path:
        return self._folder / f"{number:04d}{ending}"


class RefusedAnswerError(ValueError):
    """A file holds no answer to its request."""


def _named(path: Path) -> re.Match[str] | None:
    return _NUMBER.match(path.name)


def _checked(text: str, schema: dict[str, Any] | None) -> str:
    """What is sent. Raises ValueError for what is no answer."""
    if not text.strip():
        raise ValueError("the answer is empty")
    if schema is None:
        return text
    return json.dumps(read_json(text, schema), ensure_ascii=False)


def open_prompts(folder: Path) -> list[int]:
    """Numbers of the prompts without an answer, the oldest first."""
    found = []
    for path in folder.glob(f"*{PROMPT}"):
        number = _named(path)
        if number and not path.with_name(f"{number[1]}{ANSWER}").exists():
            found.append(int(number[1]))
    return sorted(found)


class Relay(ThreadingHTTPServer):
    """Serves one folder. wait_s: seconds after which a request is answered with 504."""

    # Those that wait are told before the server ends.
    daemon_threads = False

    def __init__(self, folder: Path, port: int = PORT, wait_s: float = WAIT_S) -> None:
        """port: 0 for any. Raises OSError where it is taken, UsageError like RelayFolder."""
        # First: the server closes it where its port cannot be had.
        self.files = RelayFolder(folder)
        super().__init__(("127.0.0.1", port), _RelayHandler)
        self.wait_s = wait_s
        self.over = threading.Event()

    @property
    def base_url(self) -> str:
        """As a client is given it."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __enter__(self) -> Relay:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()

    def server_close(self) -> None:
        """Waits until every request is marked, and lets go of the folder."""
        super().server_close()
        self.files.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no fault of ours; anything else is told."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _RelayHandler(HttpAnswers):
    server: Relay
    timeout = _SOCKET_S
    _words = OpenAiWords()

    def do_GET(self) -> None:
        self.close_connection = True
        if self.path != "/v1/models":
            self._refuse(404, f"there is no {self.path}")
            return
        model = {"id": MODEL, "object": "model", "created": 1, "owned_by": "a person"}
        self.send_json(200, {"object": "list", "data": [model]})

    def do_POST(self) -> None:
        self.close_connection = True
        try:
            raw = self.rfile.read(_length(self.headers.get_all("Content-Length", [])))
            if self.path != "/v1/chat/completions":
                self._refuse(404, f"there is no {self.path}")
                return
            body = json.loads(raw)
            asked = AskedText.of(body)
        except RecursionError:
            self._refuse(400, "the request cannot be read: it is nested too deeply")
            return
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            self._refuse(400, f"the request cannot be read: {error}")
            return
        body.setdefault("model", MODEL)
        Exchange(self, asked, body, self._words).run()

    def _refuse(self, status: int, why: str) -> None:
        """As OpenAI answers what no repetition would mend."""
        error = self._words.error(Turn(error=why))
        error["error"]["type"] = "invalid_request_error"
        self.send_json(status, error)

    def hung_up(self) -> bool:
        """True when the client has closed its end."""
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True


def _length(said: list[str]) -> int:
    """Bytes of a body. said: each value of Content-Length. Raises ValueError where it is no size that
    can be read.
    """
    if len(said) != 1 or not re.fullmatch(r"[0-9]{1,12}", said[0].strip()):
        raise ValueError(
            f"Content-Length must be one whole number, not {', '.join(said) or 'none'}"
        )
    length = int(said[0])
    if length > _MOST_BYTES:
        raise ValueError(f"Content-Length is {length}, the most is {_MOST_BYTES}")
    return length


class Exchange:
    """One request from its arrival to its line in the log."""

    def __init__(
        self, handler: _RelayHandler, asked: AskedText, body: dict[str, Any], words: OpenAiWords
    ) -> None:
        self._handler, self._asked, self._body, self._words = handler, asked, body, words
        self._files, self._over = handler.server.files, handler.server.over
        self._wait_s = handler.server.wait_s
        self._streams = False

    def run(self) -> None:
        begin = time.monotonic()
        call = RelayedCall(
            number=self._files.put(self._asked.text),
            arrived=time.time(),
            answered=None,
            prompt_chars=len(self._asked.text),
            answer_chars=0,
            schema=self._asked.schema is not None,
            stream=self._asked.stream,
            max_tokens=self._asked.max_tokens,
            given_up="it went wrong here",
        )
        try:
            call = self._answered(call, begin)
        finally:
            if call.given_up:
                self._files.give_up(call.number)
            self._files.note(call)

    def _answered(self, call: RelayedCall, begin: float) -> RelayedCall:
        """The call as it ended. The client is told."""
        refused, alive = 0, begin
        while True:
            try:
                text = self._files.take(call.number, self._asked.schema)
            except RefusedAnswerError:
                refused, text = refused + 1, None
            call = replace(call, refused=refused)
            if text is not None:
                return self._deliver(call, text)
            why = self._why_not(time.monotonic() - begin)
            if why:
                return replace(call, given_up=why)
            if self._asked.stream and time.monotonic() - alive > _ALIVE_S:
                alive = time.monotonic()
                if not self._keep_alive():
                    return replace(call, given_up=_HUNG_UP)
            self._over.wait(_LOOK_S)

    def _why_not(self, waited: float) -> str:
        """Why the request is given up now, "" where it is not. The client is told."""
        if self._handler.hung_up():
            return _HUNG_UP
        if waited > self._wait_s:
            self._fail(504, f"no answer within {self._wait_s:g} s")
            return "no answer in time"
        if self._over.is_set():
            self._fail(503, "the relay stops")
            return "the relay stopped"
        return ""

    def _deliver(self, call: RelayedCall, text: str) -> RelayedCall:
        sizes = (math.ceil(len(part) / _CHARS_PER_TOKEN) for part in (self._asked.text, text))
        prompt, answer = sizes
        turn = Turn(text, tokens=(prompt, 0, answer), chunks=max(1, len(text) // 400))
        call = replace(call, answer_chars=len(text))
        try:
            self._send(turn)
        except OSError:
            return replace(call, given_up=_HUNG_UP)
        return replace(call, answered=time.time(), given_up="")

    def _send(self, turn: Turn) -> None:
        if not self._asked.stream:
            self._handler.send_json(200, self._words.whole(turn, self._body))
            return
        self._begin()
        for event in self._words.stream(turn, self._body):
            self._handler.chunk(event)
        self._handler.end_stream()

    def _begin(self) -> None:
        if not self._streams:
            self._handler.start_stream()
            self._streams = True

    def _keep_alive(self) -> bool:
        """Sends a comment, which no client reads; False where it is gone."""
        try:
            self._begin()
            self._handler.chunk(b": somebody thinks\n\n")
        except OSError:
            return False
        return True

    def _fail(self, status: int, why: str) -> None:
        """By its status, or within the stream where one has begun."""
        error = self._words.error(Turn(error=why))
        error["error"] |= {"type": "timeout", "code": status}
        with contextlib.suppress(OSError):
            if not self._streams:
                self._handler.send_json(status, error)
                return
            self._handler.chunk(sse(error))
            self._handler.end_stream()


# ---------------------------------------------------------------- the command


def add_to(commands: Any) -> None:
    """commands: the sub-parsers of `python -m benchmark`."""
    parser = subcommand(commands, "relay", "a model server whose answers are files that you write")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--port", type=int, default=PORT, help=f"default {PORT}; 0: any")
    wait = f"seconds before a request is given up (default {WAIT_S:g})"
    parser.add_argument("--wait-s", type=positive, default=WAIT_S, help=wait)
    parser.add_argument("--open", action="store_true", help="list the prompts that wait, and end")
    parser.set_defaults(action=_run)


def _run(options: argparse.Namespace) -> None:
    if options.open:
        for line in waiting(options.folder, time.time()):
            print(line)
        return
    try:
        relay = Relay(options.folder, options.port, options.wait_s)
    except (OSError, OverflowError) as error:
        raise UsageError(f"no relay on port {options.port}: {error}") from error
    with relay:
        print(f"relay: OPENAI_BASE_URL={relay.base_url} prompts: {options.folder}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


def waiting(folder: Path, now: float) -> Iterator[str]:
    """A line per prompt that waits, the oldest first: its file, since when, its size, and what was
    wrong with the last answer. now: epoch seconds.
    """
    for number in open_prompts(folder):
        path = folder / f"{number:04d}{PROMPT}"
        with contextlib.suppress(FileNotFoundError):
            facts = path.stat()
            line = f"{path}  {now - facts.st_mtime:.0f} s  {facts.st_size} bytes"
            refused = path.with_name(f"{number:04d}{REFUSED}")
            if refused.exists():
                line += f"  refused: {refused.read_text(encoding='utf-8').strip()}"
            yield line
