"""The validation server's client against a real HTTP server that answers as openai/mle-bench's
grading server does.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.doubles import ManualClock
from core.publishing.validation_server import REST_S, ServerCheck, validate

clock = ManualClock()


class Grader(ThreadingHTTPServer):
    """Answers with `status` and `answer` (the file's first line decides where it is None); notes
    what it was asked.
    """

    def __init__(self, status: int = 200, answer: Any = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = status
        self.answer = answer
        self.asked: list[str] = []
        self.files: list[bytes] = []
        self.busy = 0
        self.most_busy = 0
        self.lock = threading.Lock()
        self.silent = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/validate"


class Handler(BaseHTTPRequestHandler):
    server: Grader

    def do_POST(self) -> None:
        grader = self.server
        with grader.lock:
            grader.busy += 1
            grader.most_busy = max(grader.most_busy, grader.busy)
        grader.asked.append(f"POST {self.path}")
        file = self._file(self.rfile.read(int(self.headers["Content-Length"])))
        grader.files.append(file)
        if grader.answer == "silence":
            grader.silent.wait(20)
        valid = (
            "Submission is valid."
            if file.startswith(b"id,")
            else "Submission invalid! No id column."
        )
        body = (
            grader.answer
            if isinstance(grader.answer, bytes)
            else json.dumps({"result": valid}).encode()
        )
        with grader.lock:
            grader.busy -= 1
        self.send_response(grader.status)
        if grader.status == 307:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def _file(self, body: bytes) -> bytes:
        """The form field "file", as a multipart parser sees it."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        (part,) = message_from_bytes(head + body).get_payload()
        assert part.get_param("name", header="content-disposition") == "file"
        assert part.get_filename() == "submission.csv"
        return part.get_payload(decode=True)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def serving(*args: Any) -> Iterator[Grader]:
    with Grader(*args) as grader:
        thread = threading.Thread(target=grader.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield grader
        finally:
            grader.silent.set()
            grader.shutdown()
            thread.join()


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    path = tmp_path / "draft.csv"
    path.write_bytes(b"id,target\n1,\xc3\xa9\r\n\n")
    return path


def test_the_file_arrives_unchanged_and_is_accepted(submission: Path) -> None:
    with serving() as grader:
        assert validate(grader.url, submission).status == "accepted"
        assert ServerCheck(grader.url, clock)(submission) == ""
    assert grader.files == [submission.read_bytes()] * 2


def test_a_rejection_carries_the_servers_words(submission: Path) -> None:
    submission.write_text("x\n", encoding="utf-8")
    with serving() as grader:
        assert validate(grader.url, submission).status == "rejected"
        assert ServerCheck(grader.url, clock)(submission) == "Submission invalid! No id column."


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, b'{"error": "An unexpected error occurred.", "details": "disk"}'),
        (404, b"no such route"),
        (200, b"<html>proxy</html>"),
        (200, b'["result"]'),
        (200, b'{"result": 3}'),
        (307, b""),
    ],
)
def test_trouble_of_the_server_says_nothing_about_the_file(
    submission: Path, status: int, answer: bytes
) -> None:
    with serving(status, answer) as grader:
        assert validate(grader.url, submission).status == "unreachable"
        assert ServerCheck(grader.url, clock)(submission) is None
    assert set(grader.asked) == {"POST /validate"}


def test_a_server_that_never_answers_is_given_up(submission: Path) -> None:
    with serving(200, "silence") as grader:
        assert validate(grader.url, submission, timeout=0.2).status == "unreachable"


def test_a_silent_server_is_asked_again_only_after_a_rest(submission: Path) -> None:
    """Each publication would wait for its time-out otherwise."""
    own = ManualClock()
    with serving(500) as grader:
        check = ServerCheck(grader.url, own)
        assert [check(submission) for _ in range(3)] == [None] * 3
        assert len(grader.asked) == 1
        grader.status, grader.answer = 200, None
        own.advance(REST_S)
        assert check(submission) == ""


def test_nobody_listens(submission: Path) -> None:
    with serving() as grader:
        url = grader.url
    assert validate(url, submission, timeout=2.0).status == "unreachable"


def test_no_url_and_other_routes_are_never_called(submission: Path) -> None:
    assert ServerCheck(None, clock)(submission) is None
    assert ServerCheck("", clock)(submission) is None
    with serving() as grader:
        for route in ("/health", "/", "/grade"):
            assert ServerCheck(grader.url.replace("/validate", route), clock)(submission) is None
    assert grader.asked == []


def test_one_upload_at_a_time(submission: Path) -> None:
    with serving() as grader, ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: validate(grader.url, submission).status, range(12)))
    assert replies == ["accepted"] * 12
    assert grader.most_busy == 1
