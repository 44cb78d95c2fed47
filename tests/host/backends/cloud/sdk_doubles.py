"""Doubles of the libraries of Modal and Daytona, for the ordinary suite, which has neither. Each call is
bound to the signature that tests/host/cloud/signatures.json has of the genuine member: a name that is not
there, or one too few, is an error here as it is there. Programs run on this machine.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import os
import signal
import subprocess
import tempfile
import types
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
SIGNATURES = json.loads(
    (Path(__file__).parents[2] / "cloud" / "signatures.json").read_text(encoding="utf-8")
)


def signature(library: str, member: str) -> inspect.Signature:
    """Of the genuine member, as far as the snapshot has it."""
    parameters = []
    for name, text in SIGNATURES[library][member].items():
        kind, _, default = text.partition(" = ")
        empty = inspect.Parameter.empty
        parameters.append(
            inspect.Parameter(
                name,
                getattr(inspect.Parameter, kind),
                default=empty if default == "(none)" else default,
            )
        )
    order = list(inspect._ParameterKind)
    return inspect.Signature(sorted(parameters, key=lambda one: order.index(one.kind)))


def like(library: str, member: str) -> Callable[[F], F]:
    """The method takes only what the genuine one takes. The first argument is the object itself."""
    wanted = signature(library, member)

    def decorate(method: F) -> F:
        @functools.wraps(method)
        def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
            wanted.bind(*args, **kwargs)
            return method(self, *args, **kwargs)

        return checked  # type: ignore[return-value]

    return decorate


class NotFoundError(Exception):
    """As modal.exception has it."""


class AlreadyExistsError(Exception):
    """As modal.exception has it."""


class DaytonaNotFoundError(Exception):
    """As daytona has it."""


class DaytonaConflictError(Exception):
    """As daytona has it."""


# ---------------------------------------------------------------- Modal


class ModalProcess:
    def __init__(self, words: tuple[str, ...], env: dict[str, str], opened: ExitStack) -> None:
        self._process = subprocess.Popen(
            words,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        opened.callback(self._end)
        assert self._process.stdin is not None
        self.stdin = types.SimpleNamespace(
            write=self._process.stdin.write,
            drain=self._process.stdin.flush,
            write_eof=self._close_stdin,
        )
        self.stdout = self._pieces(self._process.stdout)
        self.stderr = self._pieces(self._process.stderr)

    def _end(self) -> None:
        """A follower that nobody reads any more still runs."""
        self._process.kill()
        with contextlib.suppress(ValueError):
            self._process.communicate()

    def _close_stdin(self) -> None:
        """A drain after it is no error there."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self.stdin.drain = lambda: None

    def _pieces(self, stream: Any) -> Iterator[bytes]:
        while piece := stream.read1(65536):
            yield piece
        stream.close()

    def wait(self) -> int:
        return self._process.wait()


class ModalSandbox:
    def __init__(self, library: ModalDouble, options: dict[str, Any]) -> None:
        self.object_id = f"sb-{uuid.uuid4().hex}"
        self.options = options
        self.code: int | None = None
        self._tags = dict(options["tags"])
        self._library = library

    @like("modal", "Sandbox.exec")
    def exec(self, *words: str, text: bool, timeout: int) -> ModalProcess:
        assert text is False
        assert timeout > 0
        env = {"PATH": "/usr/bin:/bin", **self.options["env"]}
        for secret in self.options["secrets"]:
            env |= secret
        return ModalProcess(words, env, self._library.opened)

    def poll(self) -> int | None:
        return self.code

    @like("modal", "Sandbox.terminate")
    def terminate(self, *, wait: bool) -> None:
        self.code = 137

    def get_tags(self) -> dict[str, str]:
        return dict(self._tags)

    @like("modal", "Sandbox.set_tags")
    def set_tags(self, tags: dict[str, str]) -> None:
        self._tags = dict(tags)


class ModalDouble(types.ModuleType):
    """The module `modal`."""

    def __init__(self) -> None:
        super().__init__("modal")
        # What must be closed when a test is over.
        self.opened = ExitStack()
        self.sandboxes: list[ModalSandbox] = []
        self.clients: list[tuple[str, str]] = []
        self.volumes: dict[str, ModalVolume] = {}
        place = types.SimpleNamespace
        self.Client = place(from_credentials=functools.partial(_client, self))
        self.App = place(lookup=functools.partial(_app, self))
        self.Volume = place(from_name=functools.partial(_volume, self))
        self.Secret = place(from_dict=functools.partial(_secret, self))
        self.Image = place(
            from_registry=functools.partial(_from_registry, self),
            from_dockerfile=functools.partial(_from_dockerfile, self),
        )
        self.Sandbox = place(
            create=functools.partial(_create, self),
            from_id=functools.partial(_from_id, self),
            from_name=functools.partial(_from_name, self),
            list=functools.partial(_list, self),
        )


@like("modal", "Client.from_credentials")
def _client(library: ModalDouble, token_id: str, token_secret: str) -> str:
    library.clients.append((token_id, token_secret))
    return "client"


@like("modal", "App.lookup")
def _app(library: ModalDouble, name: str, *, client: str, create_if_missing: bool) -> Any:
    return types.SimpleNamespace(app_id=f"ap-{name}")


@like("modal", "Secret.from_dict")
def _secret(library: ModalDouble, env_dict: dict[str, str]) -> dict[str, str]:
    return env_dict


class ModalImage:
    def __init__(self, text: str) -> None:
        self.text = text

    @like("modal", "Image.entrypoint")
    def entrypoint(self, entrypoint_commands: list[str]) -> ModalImage:
        return ModalImage(f"{self.text}\nENTRYPOINT {entrypoint_commands}")


@like("modal", "Image.from_registry")
def _from_registry(library: ModalDouble, tag: str) -> ModalImage:
    return ModalImage(f"FROM {tag}")


@like("modal", "Image.from_dockerfile")
def _from_dockerfile(library: ModalDouble, path: Path, **options: Any) -> ModalImage:
    return ModalImage(path.read_text())


class ModalVolume:
    """Its files by their paths. A mount is a copy."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.options: dict[str, Any] = {}

    @like("modal", "Volume.listdir")
    def listdir(self, path: str) -> list[Any]:
        tops = {name.strip("/").partition("/")[0] for name in self.files}
        return [types.SimpleNamespace(path=top) for top in tops]

    @like("modal", "Volume.batch_upload")
    def batch_upload(self, force: bool) -> Any:
        return contextlib.nullcontext(types.SimpleNamespace(put_file=self._put))

    def _put(self, file: Any, remote: str) -> None:
        self.files[remote] = file.read_bytes() if isinstance(file, Path) else file.read()

    @like("modal", "Volume.with_mount_options")
    def with_mount_options(self, *, read_only: bool, sub_path: str) -> ModalVolume:
        self.options = {"read_only": read_only, "sub_path": sub_path}
        return self

    def mount(self, target: str) -> None:
        for name, content in self.files.items():
            if name.startswith(self.options["sub_path"]):
                file = Path(target + name.removeprefix(self.options["sub_path"]))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)


@like("modal", "Volume.from_name")
def _volume(library: ModalDouble, name: str, **options: Any) -> ModalVolume:
    return library.volumes.setdefault(name, ModalVolume())


@like("modal", "Sandbox.create")
def _create(library: ModalDouble, *words: str, **options: Any) -> ModalSandbox:
    for one in library.sandboxes:
        if one.code is None and one.options["name"] == options["name"]:
            raise AlreadyExistsError(options["name"])
    made = ModalSandbox(library, {"words": words, **options})
    library.sandboxes.append(made)
    for target, volume in options["volumes"].items():
        volume.mount(target)
    return made


@like("modal", "Sandbox.from_id")
def _from_id(library: ModalDouble, sandbox_id: str, client: str) -> ModalSandbox:
    for one in library.sandboxes:
        if one.object_id == sandbox_id:
            return one
    raise NotFoundError(sandbox_id)


@like("modal", "Sandbox.from_name")
def _from_name(library: ModalDouble, app_name: str, name: str, *, client: str) -> ModalSandbox:
    for one in library.sandboxes:
        if one.code is None and one.options["name"] == name:
            return one
    raise NotFoundError(name)


@like("modal", "Sandbox.list")
def _list(
    library: ModalDouble, *, app_id: str, tags: dict[str, str], client: str
) -> Iterator[ModalSandbox]:
    for one in library.sandboxes:
        if one.code is None and tags.items() <= one.get_tags().items():
            yield one


# ---------------------------------------------------------------- Daytona


class DaytonaProgram:
    """A program of a session. Its output goes to files, which may be read at any time."""

    def __init__(self, command: str, env: dict[str, str], opened: ExitStack) -> None:
        self.out = opened.enter_context(tempfile.TemporaryFile())
        self.err = opened.enter_context(tempfile.TemporaryFile())
        self._reader = os.open(f"/proc/self/fd/{self.out.fileno()}", os.O_RDONLY)
        opened.callback(os.close, self._reader)
        self.process = subprocess.Popen(
            ["sh", "-c", command],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=self.out,
            stderr=self.err,
            start_new_session=True,
        )
        opened.callback(self.end)

    def read(self) -> bytes:
        """What is new of its stdout; nothing when it has ended and all was read."""
        while True:
            ended = self.process.poll() is not None
            piece = os.read(self._reader, 65536)
            if piece or ended:
                return piece
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)

    def text(self, file: Any) -> str:
        self.process.wait()
        file.seek(0)
        return file.read().decode()  # type: ignore[no-any-return]

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class DaytonaProcess:
    def __init__(self, env: dict[str, str], opened: ExitStack) -> None:
        self._opened = opened
        self._env = {"PATH": "/usr/bin:/bin", **env}
        self._sessions: dict[str, dict[str, DaytonaProgram]] = {}

    @like("daytona", "Process.exec")
    def exec(self, command: str, timeout: int) -> Any:
        done = subprocess.run(
            ["sh", "-c", command], env=self._env, capture_output=True, timeout=timeout
        )
        return types.SimpleNamespace(exit_code=done.returncode, result=done.stdout.decode())

    @like("daytona", "Process.create_session")
    def create_session(self, name: str) -> None:
        self._sessions[name] = {}

    @like("daytona", "Process.delete_session")
    def delete_session(self, name: str) -> None:
        for program in self._sessions.pop(name).values():
            program.end()

    @like("daytona", "Process.execute_session_command")
    def execute_session_command(self, session: str, request: Any) -> Any:
        assert request.run_async
        key = uuid.uuid4().hex
        self._sessions[session][key] = DaytonaProgram(request.command, self._env, self._opened)
        return types.SimpleNamespace(cmd_id=key)

    @like("daytona", "Process.get_session_command")
    def get_session_command(self, session: str, key: str) -> Any:
        return types.SimpleNamespace(exit_code=self._sessions[session][key].process.poll())

    @like("daytona", "Process.get_session_command_logs")
    def get_session_command_logs(self, session: str, key: str) -> Any:
        program = self._sessions[session][key]
        out, err = program.text(program.out), program.text(program.err)
        return types.SimpleNamespace(output=out + err, stdout=out, stderr=err)

    async def get_session_command_logs_async(
        self,
        session: str,
        key: str,
        on_stdout: Callable[[str], None],
        on_stderr: Callable[[str], None],
    ) -> None:
        program = self._sessions[session][key]
        while piece := program.read():
            on_stdout(piece.decode())


class DaytonaFiles:
    @like("daytona", "FileSystem.upload_file_stream")
    def upload_file_stream(self, source: Any, remote_path: str, timeout: int) -> None:
        assert timeout > 0
        Path(remote_path).write_bytes(source.read())

    @like("daytona", "FileSystem.download_file_stream")
    def download_file_stream(self, remote_path: str, timeout: int) -> Iterator[bytes]:
        assert timeout > 0
        yield Path(remote_path).read_bytes()


class DaytonaSandbox:
    def __init__(self, params: Any, opened: ExitStack) -> None:
        self.id = uuid.uuid4().hex
        self.params = params
        self.state = "started"
        # As the service adds one of its own.
        self.labels = {**params.labels, "code-toolbox-language": "python"}
        self.process = DaytonaProcess(params.env_vars, opened)
        self.fs = DaytonaFiles()


class DaytonaClient:
    def __init__(self, library: DaytonaDouble, config: Any) -> None:
        self.config = config
        self._library = library

    @like("daytona", "Daytona.create")
    def create(self, params: Any, **options: Any) -> DaytonaSandbox:
        for one in self._library.sandboxes:
            if one.params.name == params.name:
                raise DaytonaConflictError(params.name)
        made = DaytonaSandbox(params, self._library.opened)
        self._library.sandboxes.append(made)
        return made

    @like("daytona", "Daytona.get")
    def get(self, key: str) -> DaytonaSandbox:
        for one in self._library.sandboxes:
            if key in (one.id, one.params.name):
                return one
        raise DaytonaNotFoundError(key)

    @like("daytona", "Daytona.list")
    def list(self, query: Any) -> Iterator[DaytonaSandbox]:
        for one in self._library.sandboxes:
            if query.labels.items() <= one.labels.items():
                yield one

    @like("daytona", "Daytona.delete")
    def delete(self, sandbox: DaytonaSandbox, timeout: float, wait: bool) -> None:
        self._library.sandboxes.remove(sandbox)


class DaytonaImage:
    def __init__(self, text: str) -> None:
        self.text = text

    def entrypoint(self, words: list[str]) -> DaytonaImage:
        return DaytonaImage(f"{self.text}\nENTRYPOINT {words}")


class DaytonaDouble(types.ModuleType):
    """The module `daytona`."""

    def __init__(self) -> None:
        super().__init__("daytona")
        self.opened = ExitStack()
        self.sandboxes: list[DaytonaSandbox] = []
        self.Daytona = functools.partial(DaytonaClient, self)
        self.Image = types.SimpleNamespace(
            base=lambda image: DaytonaImage(f"FROM {image}"),
            from_dockerfile=lambda path: DaytonaImage(path.read_text()),
        )
        self.ListSandboxesQuery = types.SimpleNamespace
        self.Resources = types.SimpleNamespace
        for record in ("CreateSandboxFromImageParams", "DaytonaConfig", "SessionExecuteRequest"):
            setattr(self, record, functools.partial(_record, record))


def _record(name: str, /, **fields: Any) -> Any:
    """A record of the library: only its own fields, the rest by default None."""
    known = SIGNATURES["daytona"][name]
    assert fields.keys() <= known.keys(), f"{name} has no {sorted(fields.keys() - known.keys())}"
    return types.SimpleNamespace(**{**dict.fromkeys(known), **fields})
