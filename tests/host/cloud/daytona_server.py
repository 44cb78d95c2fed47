"""Daytona on loopback, for its genuine library: the routes that a unit's life calls. Sandboxes are
processes of this machine, told apart by their ids alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import threading
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

API_KEY = "dtn-loopback"
LIMIT_S = 30.0
_STDOUT, _STDERR = b"\x01\x01\x01", b"\x02\x02\x02"


@dataclass
class Program:
    """A command of a session. Its output stays, each piece with its stream."""

    process: asyncio.subprocess.Process
    pieces: list[tuple[bytes, bytes]] = field(default_factory=list)
    open_streams: int = 2
    grew: asyncio.Condition = field(default_factory=asyncio.Condition)

    def text(self, mark: bytes) -> str:
        return b"".join(data for stream, data in self.pieces if stream == mark).decode(
            "utf-8", "replace"
        )


@dataclass
class Sandbox:
    id: str
    request: dict[str, Any]
    labels: dict[str, str]
    # What is answered one after another when somebody asks; the last stays.
    states: deque[str]
    error: str | None = None
    sessions: dict[str, dict[str, Program]] = field(default_factory=dict)

    @property
    def state(self) -> str:
        return self.states[0]

    def told(self, base: str) -> dict[str, Any]:
        state = self.states.popleft() if len(self.states) > 1 else self.states[0]
        return {
            "id": self.id,
            "organizationId": "org-1",
            "name": self.request.get("name") or self.id,
            "user": self.request.get("user") or "daytona",
            "env": self.request.get("env") or {},
            "labels": self.labels,
            "public": False,
            "networkBlockAll": bool(self.request.get("networkBlockAll")),
            "kvm": False,
            "target": self.request.get("target") or "us",
            "cpu": 1,
            "gpu": 0,
            "memory": 1,
            "disk": 1,
            "state": state,
            "errorReason": self.error,
            "toolboxProxyUrl": f"{base}/toolbox",
        }


@dataclass
class State:
    """What the service knows, and what it shall do wrong."""

    sandboxes: dict[str, Sandbox] = field(default_factory=dict)
    # (route, path, JSON or None), oldest first.
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    # Answers that the next calls of a route get instead: before anything is done, or after it is done.
    before: dict[str, deque[tuple[int, str]]] = field(default_factory=dict)
    after: dict[str, deque[tuple[int, str]]] = field(default_factory=dict)
    # Breaks streams of output after so many messages, once for each number.
    breaks: deque[int] = field(default_factory=deque)
    # States that the next sandbox goes through, and its error.
    states: tuple[str, ...] = ("started",)
    error: str | None = None
    uploads: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)

    def asked(self, route: str) -> list[Any]:
        return [body for name, _, body in self.requests if name == route]

    def fail(self, route: str, status: int, text: str, *, done: bool = False) -> None:
        table = self.after if done else self.before
        table.setdefault(route, deque()).append((status, text))


Handler = Callable[["DaytonaServer", web.Request], Awaitable[web.StreamResponse]]


def _error(status: int, text: str) -> web.Response:
    body = {"statusCode": status, "message": text, "source": "DAYTONA_API"}
    return web.json_response(body, status=status)


class DaytonaServer:
    """The whole service in a thread of its own. `url` is what DAYTONA_API_URL shall be."""

    def __init__(self) -> None:
        self.state = State()
        self.base = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over: asyncio.Event | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._thread = threading.Thread(target=self._run, name="daytona on loopback", daemon=True)

    @property
    def url(self) -> str:
        return f"{self.base}/api"

    def __enter__(self) -> DaytonaServer:
        self._thread.start()
        assert self._ready.wait(LIMIT_S)
        return self

    def __exit__(self, *details: object) -> None:
        assert self._over is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(LIMIT_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        application = web.Application(client_max_size=1 << 30)
        for method, path, name, handler in ROUTES:
            application.router.add_route(method, path, self._handled(name, handler))
        runner = web.AppRunner(application, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._over.wait()
        for sandbox in self.state.sandboxes.values():
            for session in sandbox.sessions.values():
                self._kill(session)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await runner.cleanup()

    def _handled(self, name: str, handler: Handler) -> Callable[[web.Request], Any]:
        async def handled(request: web.Request) -> web.StreamResponse:
            body = None
            if request.content_type == "application/json" and request.can_read_body:
                body = await request.json()
            self.state.requests.append((name, request.path, body))
            if name != "object" and request.headers.get("Authorization") != f"Bearer {API_KEY}":
                return _error(401, "Invalid credentials")
            if self.state.before.get(name):
                return _error(*self.state.before[name].popleft())
            answer = await handler(self, request)
            if self.state.after.get(name):
                return _error(*self.state.after[name].popleft())
            return answer

        return handled

    # ------------------------------------------------------------ sandboxes

    def _find(self, request: web.Request) -> Sandbox | None:
        key = request.match_info["id"]
        for one in self.state.sandboxes.values():
            if key in (one.id, one.request.get("name")) and one.state != "destroyed":
                return one
        return None

    async def create(self, request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        name = wanted.get("name")
        if any(one.request.get("name") == name for one in self.state.sandboxes.values()):
            return _error(409, f"Sandbox with name {name} already exists")
        made = Sandbox(
            uuid.uuid4().hex,
            wanted,
            dict(wanted["labels"]),
            deque(self.state.states),
            self.state.error,
        )
        self.state.sandboxes[made.id] = made
        return web.json_response(made.told(self.base))

    async def get(self, request: web.Request) -> web.StreamResponse:
        found = self._find(request)
        if found is None:
            return _error(404, "Sandbox not found")
        return web.json_response(found.told(self.base))

    async def listed(self, request: web.Request) -> web.StreamResponse:
        wanted = json.loads(request.query.get("labels", "{}"))
        items = []
        for one in self.state.sandboxes.values():
            if wanted.items() <= one.labels.items():
                items.append(one.told(self.base))
        # Page by page, as a service with many sandboxes does.
        at = int(request.query.get("cursor") or 0)
        following = str(at + 1) if at + 1 < len(items) else None
        return web.json_response({"items": items[at : at + 1], "nextCursor": following})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        found = self._find(request)
        if found is None:
            return _error(404, "Sandbox not found")
        for session in found.sessions.values():
            self._kill(session)
        del self.state.sandboxes[found.id]
        found.states = deque(["destroyed"])
        return web.json_response(found.told(self.base))

    async def build_logs_url(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"url": f"{self.base}/logs/{request.match_info['id']}"})

    async def build_logs(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="step 1\nstep 2: exit status 9\n")

    # ------------------------------------------------------------ images

    async def push_access(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {
                "accessKey": "access",
                "secret": "secret",
                "sessionToken": "session",
                "storageUrl": self.base,
                "organizationId": "org-1",
                "bucket": "objects",
                "region": "us-east-1",
            }
        )

    async def object(self, request: web.Request) -> web.StreamResponse:
        """As much of S3 as an upload in pieces needs."""
        key = request.path
        if request.method == "HEAD":
            return web.Response(status=200 if key in self.state.objects else 404)
        if request.method == "POST" and "uploads" in request.query:
            return _xml("InitiateMultipartUploadResult", "<UploadId>1</UploadId>")
        if request.method == "PUT":
            self.state.objects[key] = self.state.objects.get(key, b"") + await request.read()
            return web.Response(headers={"ETag": '"1"'})
        return _xml("CompleteMultipartUploadResult", "<ETag>1</ETag>")

    # ------------------------------------------------------------ inside of sandboxes

    async def execute(self, request: web.Request) -> web.StreamResponse:
        sandbox = self._find(request)
        if sandbox is None:
            return _error(404, "Sandbox not found")
        wanted = await request.json()
        process = await self._start(sandbox, wanted["command"], merged=True)
        try:
            # The service's own default is 10 s.
            out, _ = await asyncio.wait_for(process.communicate(), wanted.get("timeout") or 10)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            return _error(408, "command execution timeout")
        text = out.decode("utf-8", "replace")
        return web.json_response({"exitCode": process.returncode, "result": text})

    async def _start(self, sandbox: Sandbox, command: str, merged: bool) -> Any:
        err = asyncio.subprocess.STDOUT if merged else asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            command,
            env={"PATH": "/usr/bin:/bin", **(sandbox.request.get("env") or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=err,
            start_new_session=True,
        )

    async def create_session(self, request: web.Request) -> web.StreamResponse:
        sandbox = self._find(request)
        if sandbox is None:
            return _error(404, "Sandbox not found")
        sandbox.sessions[(await request.json())["sessionId"]] = {}
        return web.Response(status=201)

    async def delete_session(self, request: web.Request) -> web.StreamResponse:
        sandbox = self._find(request)
        if sandbox is None or request.match_info["session"] not in sandbox.sessions:
            return _error(404, "session not found")
        self._kill(sandbox.sessions.pop(request.match_info["session"]))
        return web.Response(status=204)

    def _kill(self, session: dict[str, Program]) -> None:
        for program in session.values():
            if program.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(program.process.pid, signal.SIGKILL)

    async def run(self, request: web.Request) -> web.StreamResponse:
        sandbox = self._find(request)
        if sandbox is None:
            return _error(404, "Sandbox not found")
        wanted = await request.json()
        assert wanted["runAsync"] is True
        made = Program(await self._start(sandbox, wanted["command"], merged=False))
        key = uuid.uuid4().hex
        sandbox.sessions[request.match_info["session"]][key] = made
        for mark, stream in ((_STDOUT, made.process.stdout), (_STDERR, made.process.stderr)):
            self._tasks.append(asyncio.create_task(_keep(made, mark, stream)))
        return web.json_response({"cmdId": key}, status=202)

    def _program(self, request: web.Request) -> Program | None:
        sandbox = self._find(request)
        if sandbox is None:
            return None
        session = sandbox.sessions.get(request.match_info["session"], {})
        return session.get(request.match_info["command"])

    async def command(self, request: web.Request) -> web.StreamResponse:
        program = self._program(request)
        if program is None:
            return _error(404, "command not found")
        ended = program.process.returncode if not program.open_streams else None
        return web.json_response({"id": "c", "command": "c", "exitCode": ended})

    async def logs(self, request: web.Request) -> web.StreamResponse:
        program = self._program(request)
        if program is None:
            return _error(404, "command not found")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._stream(request, program)
        out, err = program.text(_STDOUT), program.text(_STDERR)
        return web.json_response({"output": out + err, "stdout": out, "stderr": err})

    async def _stream(self, request: web.Request, program: Program) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        left = self.state.breaks.popleft() if self.state.breaks else None
        at = 0
        while True:
            async with program.grew:
                while len(program.pieces) <= at and program.open_streams:
                    await program.grew.wait()
            if len(program.pieces) <= at:
                await socket.close()
                return socket
            mark, data = program.pieces[at]
            at += 1
            if at - 1 == left:
                await socket.send_bytes(mark + data[: len(data) // 2])
                await socket.close(code=1011, message=b"the daemon went away")
                return socket
            await socket.send_bytes(mark + data)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        reader = await request.multipart()
        target = ""
        async for part in reader:
            if part.name == "files[0].path":
                target = (await part.read()).decode()
            elif part.name == "files[0].file":
                path = Path(target)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    while piece := await part.read_chunk(1 << 16):
                        file.write(piece)
                self.state.uploads.append(target)
        return web.json_response({})

    async def download(self, request: web.Request) -> web.StreamResponse:
        (path,) = (await request.json())["paths"]
        answer = web.StreamResponse(
            headers={"Content-Type": "multipart/form-data; boundary=of-loopback"}
        )
        await answer.prepare(request)
        head = f'Content-Disposition: form-data; name="file"; filename="{path}"'
        await answer.write(f"--of-loopback\r\n{head}\r\n\r\n".encode())
        with Path(path).open("rb") as file:
            while piece := file.read(1 << 16):
                await answer.write(piece)
        await answer.write(b"\r\n--of-loopback--\r\n")
        await answer.write_eof()
        return answer


def _xml(name: str, inside: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?><{name}>{inside}</{name}>'
    return web.Response(text=text, content_type="application/xml")


async def _keep(program: Program, mark: bytes, stream: Any) -> None:
    while piece := await stream.read(65536):
        async with program.grew:
            program.pieces.append((mark, piece))
            program.grew.notify_all()
    await program.process.wait()
    async with program.grew:
        program.open_streams -= 1
        program.grew.notify_all()


_BOX = "/toolbox/{id}"
_SESSION = _BOX + "/process/session/{session}"
ROUTES: tuple[tuple[str, str, str, Handler], ...] = (
    ("POST", "/api/sandbox", "create", DaytonaServer.create),
    ("GET", "/api/sandbox", "list", DaytonaServer.listed),
    ("GET", "/api/sandbox/{id}", "get", DaytonaServer.get),
    ("DELETE", "/api/sandbox/{id}", "delete", DaytonaServer.delete),
    ("GET", "/api/sandbox/{id}/build-logs-url", "build logs url", DaytonaServer.build_logs_url),
    ("GET", "/logs/{id}", "build logs", DaytonaServer.build_logs),
    ("GET", "/api/object-storage/push-access", "push access", DaytonaServer.push_access),
    ("*", "/objects/{key:.*}", "object", DaytonaServer.object),
    ("POST", _BOX + "/process/execute", "execute", DaytonaServer.execute),
    ("POST", _BOX + "/process/session", "create session", DaytonaServer.create_session),
    ("DELETE", _SESSION, "delete session", DaytonaServer.delete_session),
    ("POST", _SESSION + "/exec", "run", DaytonaServer.run),
    ("GET", _SESSION + "/command/{command}", "command", DaytonaServer.command),
    ("GET", _SESSION + "/command/{command}/logs", "logs", DaytonaServer.logs),
    ("POST", _BOX + "/files/bulk-upload", "upload", DaytonaServer.upload),
    ("POST", _BOX + "/files/bulk-download", "download", DaytonaServer.download),
)


@contextlib.contextmanager
def daytona_on_loopback() -> Iterator[DaytonaServer]:
    with DaytonaServer() as server:
        yield server
