"""A model hub on this machine: as much of its HTTP interface as a download needs, with one model."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME = "some/model"
REVISION = "1" * 40


class Hub(ThreadingHTTPServer):
    """files: content by name. stall: a file of which half is sent before the answer hangs until
    `go_on` is set.

    asked: (file, first byte) of every GET of a file.
    """

    daemon_threads = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.stall = ""
        self.stalled, self.go_on = threading.Event(), threading.Event()
        self.asked: list[tuple[str, int]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = self.path.split("?")[0]
        name = path.removeprefix(f"/{NAME}/resolve/").partition("/")[2]
        if path.startswith(f"/{NAME}/resolve/") and name in self.server.files:
            self._file(name, body)
        elif re.fullmatch(rf"/api/models/{NAME}(/revision/\w+)?", path):
            self._send(
                200, json.dumps(self._model()).encode(), {"Content-Type": "application/json"}, body
            )
        elif re.fullmatch(rf"/api/models/{NAME}/tree/\w+", path):
            self._send(
                200, json.dumps(self._tree()).encode(), {"Content-Type": "application/json"}, body
            )
        else:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)

    def _model(self) -> dict[str, object]:
        siblings = [{"rfilename": name} for name in self.server.files]
        return {
            "_id": "1",
            "id": NAME,
            "modelId": NAME,
            "sha": REVISION,
            "siblings": siblings,
            "tags": [],
        }

    def _tree(self) -> list[dict[str, object]]:
        return [
            {
                "type": "file",
                "path": name,
                "size": len(content),
                "oid": hashlib.sha1(content).hexdigest(),
            }
            for name, content in self.server.files.items()
        ]

    def _file(self, name: str, body: bool) -> None:
        content = self.server.files[name]
        first = (
            int(match[1])
            if (match := re.match(r"bytes=(\d+)-", self.headers.get("Range") or ""))
            else 0
        )
        etag = hashlib.sha1(content).hexdigest()
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": REVISION, "Accept-Ranges": "bytes"}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        if body:
            self.server.asked.append((name, first))
        self._send(
            206 if first else 200, content[first:], headers, body, stall=name == self.server.stall
        )

    def _send(
        self, code: int, content: bytes, headers: Mapping[str, str], body: bool, stall: bool = False
    ) -> None:
        self.send_response(code)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if not body:
            return
        half = len(content) // 2 if stall else len(content)
        self.wfile.write(content[:half])
        if stall:
            self.server.stalled.set()
            self.server.go_on.wait(60)
            self.wfile.write(content[half:])


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[Hub]:
    hub = Hub(files)
    threading.Thread(target=hub.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        hub.go_on.set()
        hub.shutdown()
        hub.server_close()


def write_model(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
