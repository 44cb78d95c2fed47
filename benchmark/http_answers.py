"""How the servers of this folder write an HTTP answer: one body, or a stream of events."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any


class HttpAnswers(BaseHTTPRequestHandler):
    """A handler that answers in JSON, in another body, or piece by piece."""

    protocol_version = "HTTP/1.1"
    # Several small writes per answer: without this each would wait for the client's
    # acknowledgement.
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def send_json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self.send_body(status, json.dumps(value).encode(), "application/json", headers)

    def send_body(
        self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        """kind: the content type."""
        self.send_response(status)
        usual = {"Content-Type": kind, "Content-Length": str(len(body))}
        for name, value in (usual | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def start_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")
