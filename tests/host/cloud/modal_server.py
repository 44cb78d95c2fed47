"""Modal on loopback, for its genuine library: the calls that a unit's life makes, on the library's own
server base classes. Sandboxes are processes of this machine, told apart by their ids alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from aiohttp import web
from grpclib import GRPCError, Status
from grpclib.server import Server
from modal_proto import api_pb2
from modal_proto import task_command_router_pb2 as router_pb2
from modal_proto.api_grpc import ModalClientBase
from modal_proto.task_command_router_grpc import TaskCommandRouterBase

TOKEN_ID, TOKEN_SECRET = "ak-loopback", "as-loopback"
LIMIT_S = 30.0
_RESULT = api_pb2.GenericResult
# A sandbox id of the first version has 22 letters and digits.
_V1_SUFFIX = 22


@dataclass
class Process:
    """A program in a sandbox. Its output stays, so that it can be read again from any byte."""

    process: asyncio.subprocess.Process
    output: dict[int, bytearray]
    ended: dict[int, asyncio.Event]
    grew: asyncio.Condition
    stdin_at: int = 0


@dataclass
class Sandbox:
    id: str
    app_id: str
    definition: api_pb2.Sandbox
    env: dict[str, str]
    tags: dict[str, str]
    created: float
    result: api_pb2.GenericResult | None = None

    @property
    def task_id(self) -> str:
        return f"ta-{self.id.removeprefix('sb-')}V"


@dataclass
class State:
    """What the service knows, and what it shall do wrong."""

    sandboxes: dict[str, Sandbox] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    # Requests by the name of their method, oldest first, and the metadata of every call.
    requests: list[tuple[str, Any]] = field(default_factory=list)
    # Errors that the next calls of a method get: before anything is done, or after it is done.
    before: dict[str, deque[GRPCError]] = field(default_factory=dict)
    after: dict[str, deque[GRPCError]] = field(default_factory=dict)
    # Files of volumes by volume and path; blocks by their hash; names of volumes.
    volumes: dict[str, dict[str, bytes]] = field(default_factory=dict)
    blocks: dict[bytes, bytes] = field(default_factory=dict)
    mounts: dict[str, dict[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    # The last commands of Dockerfiles that were built.
    images: dict[str, list[str]] = field(default_factory=dict)
    failing_build: str | None = None
    processes: dict[str, Process] = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def asked(self, method: str) -> list[Any]:
        return [request for name, request in self.requests if name == method]

    def running(self) -> list[Sandbox]:
        return [one for one in self.sandboxes.values() if one.result is None]

    def fail(self, method: str, status: Status, text: str, *, done: bool = False) -> None:
        table = self.after if done else self.before
        table.setdefault(method, deque()).append(GRPCError(status, text))


def _made(base: type) -> type:
    """A base class of the library that may be made although most of its methods are missing."""
    made = type(f"Open{base.__name__}", (base,), {})
    made.__abstractmethods__ = frozenset()
    return made


def handler(method: Any) -> Any:
    """A unary method: request -> answer, with the faults of the state and the check of the token."""

    async def handled(self: Any, stream: Any) -> None:
        state: State = self.state
        request = await stream.recv_message()
        state.requests.append((method.__name__, request))
        if self.checks_token:
            known = stream.metadata.get("x-modal-token-secret") == TOKEN_SECRET
            if not known:
                raise GRPCError(Status.UNAUTHENTICATED, "token is not known")
        if state.before.get(method.__name__):
            raise state.before[method.__name__].popleft()
        answer = await method(self, request)
        if state.after.get(method.__name__):
            raise state.after[method.__name__].popleft()
        await stream.send_message(answer)

    handled.__name__ = method.__name__
    return handled


class Control(_made(ModalClientBase)):  # type: ignore[misc]
    """The service itself."""

    checks_token = True

    def __init__(self, state: State, url: str) -> None:
        self.state = state
        self.url = url

    @handler
    async def ClientHello(self, request: Any) -> Any:
        return api_pb2.ClientHelloResponse(image_builder_version="2025.06")

    @handler
    async def AuthTokenGet(self, request: Any) -> Any:
        return api_pb2.AuthTokenGetResponse(token="a.e30.c")

    @handler
    async def EnvironmentGetOrCreate(self, request: Any) -> Any:
        metadata = api_pb2.EnvironmentMetadata(
            name="main", settings=api_pb2.EnvironmentSettings(image_builder_version="2025.06")
        )
        return api_pb2.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)

    @handler
    async def AppGetOrCreate(self, request: Any) -> Any:
        return api_pb2.AppGetOrCreateResponse(app_id=f"ap-{request.app_name}")

    # ------------------------------------------------------------ images

    @handler
    async def ImageGetOrCreate(self, request: Any) -> Any:
        commands = list(request.image.dockerfile_commands)
        text = "\n".join(commands)
        image = f"im-{hashlib.sha256(text.encode()).hexdigest()[:22]}"
        self.state.images[image] = commands
        status, words = _RESULT.GENERIC_STATUS_SUCCESS, ""
        if self.state.failing_build and self.state.failing_build in text:
            status, words = _RESULT.GENERIC_STATUS_FAILURE, "step 3 ended with exit status 9"
        result = _RESULT(status=status, exception=words)
        metadata = api_pb2.ImageMetadata(
            image_builder_version="2025.06", python_version_info="Python 3.11.0"
        )
        return api_pb2.ImageGetOrCreateResponse(image_id=image, result=result, metadata=metadata)

    @handler
    async def ImageBuildChainGet(self, request: Any) -> Any:
        step = api_pb2.ImageBuildStep(
            image_id=request.image_id, builder_app_id="ap-builder", builder_task_id="ta-builder"
        )
        step.started_at.FromSeconds(round(time.time()) - 5)
        step.finished_at.FromSeconds(round(time.time()))
        return api_pb2.ImageBuildChainGetResponse(build_steps=[step])

    @handler
    async def AppFetchLogs(self, request: Any) -> Any:
        items = [api_pb2.TaskLogs(data=f"step {number}\n", file_descriptor=1) for number in (1, 2)]
        return api_pb2.AppFetchLogsResponse(batches=[api_pb2.TaskLogsBatch(items=items)])

    @handler
    async def MountBatchedCheckExistence(self, request: Any) -> Any:
        missing = [one for one in request.sha256_hex_hashes if one not in self.state.blobs]
        return api_pb2.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=missing)

    @handler
    async def MountPutFile(self, request: Any) -> Any:
        self.state.blobs[request.sha256_hex] = request.data
        return api_pb2.MountPutFileResponse(exists=True)

    @handler
    async def MountGetOrCreate(self, request: Any) -> Any:
        mount = f"mo-{uuid.uuid4().hex[:22]}"
        files = {}
        for one in request.files:
            files[one.filename] = self.state.blobs[one.sha256_hex]
        self.state.mounts[mount] = files
        return api_pb2.MountGetOrCreateResponse(mount_id=mount)

    # ------------------------------------------------------------ secrets and volumes

    @handler
    async def SecretGetOrCreate(self, request: Any) -> Any:
        secret = f"st-{uuid.uuid4().hex[:22]}"
        self.state.secrets[secret] = dict(request.env_dict)
        return api_pb2.SecretGetOrCreateResponse(secret_id=secret)

    @handler
    async def VolumeGetOrCreate(self, request: Any) -> Any:
        volume = f"vo-{request.deployment_name}"
        self.state.volumes.setdefault(volume, {})
        metadata = api_pb2.VolumeMetadata(version=request.version, name=request.deployment_name)
        return api_pb2.VolumeGetOrCreateResponse(
            volume_id=volume, version=request.version, metadata=metadata
        )

    @handler
    async def VolumePutFiles2(self, request: Any) -> Any:
        missing = []
        for number, file in enumerate(request.files):
            for index, block in enumerate(file.blocks):
                if block.contents_sha256 not in self.state.blocks:
                    url = f"{self.url}/blocks/{block.contents_sha256.hex()}"
                    missing.append(
                        api_pb2.VolumePutFiles2Response.MissingBlock(
                            file_index=number, block_index=index, put_url=url
                        )
                    )
        if not missing:
            for file in request.files:
                pieces = [self.state.blocks[block.contents_sha256] for block in file.blocks]
                self.state.volumes[request.volume_id][file.path] = b"".join(pieces)
        return api_pb2.VolumePutFiles2Response(missing_blocks=missing)

    async def VolumeListFiles2(self, stream: Any) -> None:
        request = await stream.recv_message()
        tops = {path.strip("/").partition("/")[0] for path in self.state.volumes[request.volume_id]}
        entries = [api_pb2.FileEntry(path=top, type=api_pb2.FileEntry.FILE) for top in sorted(tops)]
        await stream.send_message(api_pb2.VolumeListFiles2Response(entries=entries))

    # ------------------------------------------------------------ sandboxes

    @handler
    async def SandboxCreateV2(self, request: Any) -> Any:
        env: dict[str, str] = {}
        for source in request.secret_sources:
            env |= dict(source.env.contents) or self.state.secrets[source.secret_id]
        sandbox = self._create(f"sb-v2{uuid.uuid4().hex}", request, env)
        return api_pb2.SandboxCreateV2Response(sandbox_id=sandbox.id, task_id=sandbox.task_id)

    @handler
    async def SandboxCreate(self, request: Any) -> Any:
        env: dict[str, str] = {}
        for secret in request.definition.secret_ids:
            env |= self.state.secrets[secret]
        sandbox = self._create(f"sb-{uuid.uuid4().hex[:_V1_SUFFIX]}", request, env)
        return api_pb2.SandboxCreateResponse(sandbox_id=sandbox.id)

    def _create(self, id: str, request: Any, env: dict[str, str]) -> Sandbox:
        name = request.definition.name
        if name and any(one.definition.name == name for one in self.state.running()):
            raise GRPCError(Status.ALREADY_EXISTS, f"a sandbox named {name} exists already")
        tags = {tag.tag_name: tag.tag_value for tag in request.tags}
        made = Sandbox(id, request.app_id, request.definition, env, tags, time.time())
        self.state.sandboxes[id] = made
        for mount in request.definition.volume_mounts:
            self._mount(mount)
        return made

    def _mount(self, mount: Any) -> None:
        """A copy at its place is as good as a mount, for who only reads."""
        for path, content in self.state.volumes[mount.volume_id].items():
            inside = PurePosixPath("/" + path.strip("/"))
            if inside.is_relative_to(mount.sub_path):
                file = Path(mount.mount_path) / inside.relative_to(mount.sub_path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)

    @handler
    async def SandboxGetTaskId(self, request: Any) -> Any:
        return self._task_id(request)

    @handler
    async def SandboxGetTaskIdV2(self, request: Any) -> Any:
        return self._task_id(request)

    def _task_id(self, request: Any) -> Any:
        sandbox = self._known(request.sandbox_id)
        if sandbox.result is not None:
            return api_pb2.SandboxGetTaskIdResponse(task_result=sandbox.result)
        return api_pb2.SandboxGetTaskIdResponse(task_id=sandbox.task_id)

    @handler
    async def TaskGetCommandRouterAccess(self, request: Any) -> Any:
        return api_pb2.TaskGetCommandRouterAccessResponse(jwt="a.e30.c", url=self.router_url)

    @handler
    async def SandboxGetCommandRouterAccess(self, request: Any) -> Any:
        return api_pb2.SandboxGetCommandRouterAccessResponse(jwt="a.e30.c", url=self.router_url)

    @handler
    async def SandboxWait(self, request: Any) -> Any:
        return self._wait(request)

    @handler
    async def SandboxWaitV2(self, request: Any) -> Any:
        return self._wait(request)

    def _wait(self, request: Any) -> Any:
        sandbox = self._known(request.sandbox_id)
        return api_pb2.SandboxWaitResponse(result=sandbox.result)

    @handler
    async def SandboxGetFromName(self, request: Any) -> Any:
        return self._from_name(request)

    @handler
    async def SandboxGetFromNameV2(self, request: Any) -> Any:
        return self._from_name(request)

    def _from_name(self, request: Any) -> Any:
        for one in self.state.running():
            if one.definition.name == request.sandbox_name:
                return api_pb2.SandboxGetFromNameResponse(sandbox_id=one.id)
        raise GRPCError(Status.NOT_FOUND, f"no sandbox named {request.sandbox_name}")

    @handler
    async def SandboxListV2(self, request: Any) -> Any:
        wanted = {tag.tag_name: tag.tag_value for tag in request.tags}
        found = []
        for one in self.state.running():
            before = not request.before_timestamp or one.created < request.before_timestamp
            if before and one.app_id == request.app_id and wanted.items() <= one.tags.items():
                found.append(api_pb2.SandboxInfo(id=one.id, created_at=one.created))
        return api_pb2.SandboxListResponse(sandboxes=found)

    @handler
    async def SandboxTagsGet(self, request: Any) -> Any:
        return self._tags(request)

    @handler
    async def SandboxTagsGetV2(self, request: Any) -> Any:
        return self._tags(request)

    def _tags(self, request: Any) -> Any:
        tags = self._known(request.sandbox_id).tags
        return api_pb2.SandboxTagsGetResponse(
            tags=[api_pb2.SandboxTag(tag_name=key, tag_value=value) for key, value in tags.items()]
        )

    @handler
    async def SandboxTagsSet(self, request: Any) -> Any:
        return self._set_tags(request)

    @handler
    async def SandboxTagsSetV2(self, request: Any) -> Any:
        return self._set_tags(request)

    def _set_tags(self, request: Any) -> Any:
        from google.protobuf.empty_pb2 import Empty

        tags = {tag.tag_name: tag.tag_value for tag in request.tags}
        self._known(request.sandbox_id).tags = tags
        return Empty()

    @handler
    async def SandboxTerminate(self, request: Any) -> Any:
        return self._terminate(request)

    @handler
    async def SandboxTerminateV2(self, request: Any) -> Any:
        return self._terminate(request)

    def _terminate(self, request: Any) -> Any:
        sandbox = self._known(request.sandbox_id)
        self.end(sandbox, _RESULT.GENERIC_STATUS_TERMINATED)
        return api_pb2.SandboxTerminateResponse()

    def end(self, sandbox: Sandbox, status: Any) -> None:
        if sandbox.result is None:
            sandbox.result = _RESULT(status=status)

    def _known(self, id: str) -> Sandbox:
        if id not in self.state.sandboxes:
            raise GRPCError(Status.NOT_FOUND, f"no sandbox {id}")
        return self.state.sandboxes[id]

    router_url = ""


class Router(_made(TaskCommandRouterBase)):  # type: ignore[misc]
    """The machine of a sandbox."""

    checks_token = False

    def __init__(self, state: State) -> None:
        self.state = state

    def _sandbox(self, task_id: str) -> Sandbox:
        for one in self.state.running():
            if one.task_id == task_id:
                return one
        raise GRPCError(Status.NOT_FOUND, f"no task {task_id}")

    @handler
    async def TaskExecStart(self, request: Any) -> Any:
        sandbox = self._sandbox(request.task_id)
        env = {"PATH": "/usr/bin:/bin", **sandbox.env}
        process = await asyncio.create_subprocess_exec(
            *request.command_args,
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        made = Process(
            process,
            {1: bytearray(), 2: bytearray()},
            {1: asyncio.Event(), 2: asyncio.Event()},
            asyncio.Condition(),
        )
        self.state.processes[request.exec_id] = made
        for number, stream in ((1, process.stdout), (2, process.stderr)):
            self.state.tasks.append(asyncio.create_task(_keep(made, number, stream)))
        return router_pb2.TaskExecStartResponse()

    async def TaskExecStdioRead(self, stream: Any) -> None:
        request = await stream.recv_message()
        self.state.requests.append(("TaskExecStdioRead", request))
        self._sandbox(request.task_id)
        made = self.state.processes[request.exec_id]
        # Here the enumeration begins at 0 with stdout.
        number = request.file_descriptor + 1
        at = request.offset
        if self.state.before.get("TaskExecStdioRead"):
            raise self.state.before["TaskExecStdioRead"].popleft()
        while True:
            async with made.grew:
                while len(made.output[number]) <= at and not made.ended[number].is_set():
                    await made.grew.wait()
            data = bytes(made.output[number][at : at + 65536])
            if not data:
                return
            at += len(data)
            await stream.send_message(router_pb2.TaskExecStdioReadResponse(data=data))
            if self.state.after.get("TaskExecStdioRead"):
                raise self.state.after["TaskExecStdioRead"].popleft()

    @handler
    async def TaskExecStdinWrite(self, request: Any) -> Any:
        made = self.state.processes[request.exec_id]
        assert made.process.stdin is not None
        new = request.data[made.stdin_at - request.offset :]
        made.stdin_at += len(new)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            made.process.stdin.write(new)
            await made.process.stdin.drain()
        if request.eof:
            made.process.stdin.close()
        return router_pb2.TaskExecStdinWriteResponse()

    @handler
    async def TaskExecWait(self, request: Any) -> Any:
        self._sandbox(request.task_id)
        code = await self.state.processes[request.exec_id].process.wait()
        if code < 0:
            return router_pb2.TaskExecWaitResponse(signal=-code)
        return router_pb2.TaskExecWaitResponse(code=code)


async def _keep(made: Process, number: int, stream: Any) -> None:
    while piece := await stream.read(65536):
        async with made.grew:
            made.output[number] += piece
            made.grew.notify_all()
    async with made.grew:
        made.ended[number].set()
        made.grew.notify_all()


class ModalServer:
    """The whole service in a thread of its own. `url` is what MODAL_SERVER_URL shall be."""

    def __init__(self) -> None:
        self.state = State()
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="modal on loopback", daemon=True)
        self.control: Control | None = None

    def __enter__(self) -> ModalServer:
        self._thread.start()
        assert self._ready.wait(LIMIT_S)
        return self

    def __exit__(self, *details: object) -> None:
        assert self._over is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(LIMIT_S)

    def expire(self, id: str) -> None:
        """Its time to live is over."""
        assert self.control is not None
        self.control.end(self.state.sandboxes[id], _RESULT.GENERIC_STATUS_TIMEOUT)

    def terminate(self, id: str) -> None:
        """Somebody else ends it."""
        assert self.control is not None
        self.control.end(self.state.sandboxes[id], _RESULT.GENERIC_STATUS_TERMINATED)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        blocks = web.Application(client_max_size=1 << 30)
        blocks.router.add_put("/blocks/{sha}", self._put_block)
        runner = web.AppRunner(blocks)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.control = Control(self.state, f"http://127.0.0.1:{port}")
        server = Server([self.control, Router(self.state)])
        await server.start("127.0.0.1", 0)
        grpc_port = server._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{grpc_port}"
        self.control.router_url = self.url
        self._ready.set()
        await self._over.wait()
        for made in self.state.processes.values():
            with contextlib.suppress(ProcessLookupError):
                made.process.send_signal(signal.SIGKILL)
        for task in self.state.tasks:
            task.cancel()
        await asyncio.gather(*self.state.tasks, return_exceptions=True)
        server.close()
        await server.wait_closed()
        await runner.cleanup()

    async def _put_block(self, request: web.Request) -> web.Response:
        self.state.blocks[bytes.fromhex(request.match_info["sha"])] = await request.read()
        return web.Response(body=b"stored")


@contextlib.contextmanager
def modal_on_loopback() -> Iterator[ModalServer]:
    with ModalServer() as server:
        yield server
