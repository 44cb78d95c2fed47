"""Asks the benchmark's validation server whether it accepts a submission.

The server is openai/mle-bench environment/grading_server.py: POST /validate with the form field
"file" answers {"result": text}, or status 500 with {"error", "details"} when the server itself
failed. It keeps every upload in one file, so that uploads go one at a time, and no other route of
it is ever called.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any, Literal

from core.protocols import Clock

log = logging.getLogger(__name__)

TIMEOUT_S = 30.0
REST_S = 300.0
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class ServerReply:
    """status: unreachable says nothing about the file. message: the server's words, or why there
    are none.
    """

    status: Literal["accepted", "rejected", "unreachable"]
    message: str


class ServerCheck:
    """Asks before each publication. A server that gave no answer is left alone for REST_S: results
    must not wait.
    """

    def __init__(self, url: str | None, clock: Clock) -> None:
        """url: None where there is no server. clock: epoch seconds."""
        self._url = url
        self._clock = clock
        self._ask_from = -math.inf

    def __call__(self, path: Path) -> str | None:
        """The server's objection to the file at `path`, "" when it accepts; None when there is no
        server or answer.
        """
        if not self._url or self._clock() < self._ask_from:
            return None
        reply = validate(self._url, path)
        if reply.status == "unreachable":
            log.warning("the validation server gives no answer: %s", reply.message)
            self._ask_from = self._clock() + REST_S
            return None
        return "" if reply.status == "accepted" else reply.message


def validate(url: str, path: Path, timeout: float = TIMEOUT_S) -> ServerReply:
    """Uploads the file at `path`. timeout: seconds for each network operation. Raises OSError when
    it is unreadable.

    `url` must end in /validate: anything else is not called and counts as unreachable.
    """
    if not urllib.parse.urlsplit(url).path.endswith("/validate"):
        return ServerReply("unreachable", f"{url} is not the address of a validation route")
    body, kind = _form(path.read_bytes())
    request = urllib.request.Request(url, data=body, headers={"Content-Type": kind}, method="POST")
    with _ONE_AT_A_TIME:
        try:
            # No proxy, no redirect: the file goes to this address and nowhere else.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
            with opener.open(request, timeout=timeout) as answer:
                return _reply(answer.read(1 << 20))
        except urllib.error.HTTPError as error:
            with error:
                return ServerReply(
                    "unreachable",
                    f"status {error.code}: {error.read(500).decode(errors='replace').strip()}",
                )
        except (OSError, ValueError) as error:
            return ServerReply("unreachable", str(error) or type(error).__name__)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        return None


def _form(data: bytes) -> tuple[bytes, str]:
    """A multipart body with the one field "file", and its content type."""
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="submission.csv"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    )
    return (
        head.encode() + data + f"\r\n--{boundary}--\r\n".encode(),
        f"multipart/form-data; boundary={boundary}",
    )


def _reply(body: bytes) -> ServerReply:
    """Raises ValueError when the body is not the server's JSON."""
    parsed: Any = json.loads(body)
    result = parsed.get("result") if isinstance(parsed, dict) else None
    if not isinstance(result, str):
        raise ValueError("the answer holds no result")
    accepted = result.strip().lower().startswith("submission is valid")
    return ServerReply("accepted" if accepted else "rejected", result.strip()[:2000])
