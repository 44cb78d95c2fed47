"""The backend for agents as plain processes of this machine.

A unit has a private folder (files.py) with its work folder, in which the agent starts. Paths of
RunConfig.outputs are relative to the work folder; /home, the agent's home in a container, stands for
it as well. A mount whose target is its source is a folder that the agent may read; others cannot be
made without a container and are refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.execution.supervisor import LANDLOCK_MIN_ABI, landlock_abi
from swarm_host.backends.local import files, preflight, rules
from swarm_host.backends.local.collect import Collector
from swarm_host.backends.local.files import LocalJob
from swarm_host.backends.local.processes import (
    ProcessId,
    alive,
    has_ended,
    open_process,
    send,
    sweep,
)
from swarm_host.backends.local.processes import wait_end as wait_for
from swarm_host.errors import Credentials, Lost, Transfer, UsageError
from swarm_host.protocols import Sink, Stop
from swarm_host.records import (
    BuildConfig,
    Collected,
    CollectLimits,
    Ending,
    Handle,
    Isolation,
    Problem,
    RunConfig,
    Secret,
    Stream,
    UnitSpec,
)
from swarm_host.words import mounts
from swarm_host.words.places import HOST, ROOT

_SUPERVISOR = "swarm_host.backends.local.supervisor"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?-[0-9]+")
# Of the host's variables: what programs need to run, the way to the network, where weights lie.
_INHERITED = frozenset(
    "PATH LANG LANGUAGE TZ LD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE"
    " HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy"
    " HF_HOME HF_HUB_CACHE TORCH_HOME SENTENCE_TRANSFORMERS_HOME SWARM_WEIGHTS".split()
)
_INHERITED_PREFIXES = ("LC_", "CUDA_", "NVIDIA_")
# Below the work folder.
_HOME, _TMP = "home", "tmp"
_HOMES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR")
_GRACE_S = 30.0
# Beyond the unit's own limit, when no client keeps it: stop and collection.
_SAFETY_S = 120.0
_LOG_BYTES = 1024**3
_START_S = 60.0
_LOOK_S = 0.2
_CHUNK = 1 << 16
_STREAMS: tuple[Stream, ...] = ("stdout", "stderr")


class LocalBackend:
    """runs: folder of all runs; it and `protected` (folders with answers) are closed to agents where
    the kernel has Landlock. environ: the host's own variables, where secrets are found. box: False
    leaves Landlock off.
    """

    name = "local"

    def __init__(
        self,
        runs: Path,
        environ: Mapping[str, str],
        protected: Sequence[Path] = (),
        box: bool = True,
    ) -> None:
        self._runs = runs.absolute()
        self._state = files.state_folder(self._runs)
        self._protected = tuple(protected)
        self._environ = environ
        self._box = box and sys.platform == "linux" and landlock_abi() >= LANDLOCK_MIN_ABI

    # ------------------------------------------------------------ before a run

    def preflight(self, run: RunConfig) -> Sequence[Problem]:
        found = preflight.problems(run, self._environ)
        if not self._box:
            what = "nothing keeps a process here from answers and other runs: there is no Landlock"
            return [*found, Problem(what, "use the docker backend", refuses=False)]
        closed = [*self._closed(), *rules.answers(run)]
        return [*found, *rules.without_modules(run.command or (), closed)]

    def isolation(self, run: RunConfig) -> Isolation:
        if mounts.shows_private(run, self._environ):
            return "open"
        return "landlock" if self._box else "none"

    def plan(self, unit: UnitSpec, attempt: int) -> Sequence[Sequence[str]]:
        work = self._state / _name_of(unit, attempt) / files.WORK
        words = [f"{name}={_shown(value)}" for name, value in unit.run.env.items()]
        return [
            ("mkdir", "-p", str(work)),
            ("env", "-i", "-C", str(work), *words, *unit.run.command),
        ]

    def build(self, build: BuildConfig, tag: str, sink: Sink) -> None:
        sink.write("build", b"local: agents run as processes, no image is built\n")

    # ------------------------------------------------------------ a run

    def start(self, unit: UnitSpec, attempt: int) -> Handle:
        name = _name_of(unit, attempt)
        folder = self._state / name
        environ = self._agent_environ(unit.run, folder / files.WORK)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone(folder / "start.lock"):
                begun = files.read_json(folder / files.BEGUN)
                if begun is None:
                    self._lay_out(unit, attempt, folder)
                    begun = _begin(folder, environ)
        except OSError as error:
            raise Transfer(f"{folder} cannot be used: {error.strerror or error}") from error
        if "supervisor" not in begun:
            _clear(folder)
            raise UsageError(f"{unit.run.command[0]} cannot be started: {begun['problem']}")
        return Handle(self.name, name, str(begun["supervisor"]))

    def follow(self, handle: Handle, sink: Sink, stop: Stop) -> None:
        folder = self._folder(handle)
        with contextlib.ExitStack() as stack:
            tails = []
            for stream in _STREAMS:
                tail = _Tail(folder / files.RAW[stream], stream, sink)
                tails.append(tail)
                stack.callback(tail.close)
            supervisor = open_process(ProcessId.parse(handle.id))
            if supervisor is not None:
                stack.callback(os.close, supervisor)
            over, wait_s = supervisor is None, 0.0
            while not stop.is_set():
                if supervisor is not None:
                    # Looked at before the files are read: what came until then is in them.
                    over = has_ended(supervisor, wait_s)
                came = [tail.read() for tail in tails]
                if over and not any(came):
                    return
                wait_s = 0.0 if any(came) else _LOOK_S

    def poll(self, handle: Handle) -> Ending | None:
        folder = self._folder(handle)
        # In this order: the last act of a supervisor is to write the ending.
        running = alive(ProcessId.parse(handle.id))
        if ended := files.read_json(folder / files.ENDED):
            return Ending(**ended)
        if running:
            return None
        self._sweep(folder)
        raise Lost(f"the supervisor of {handle.name} is gone and has not told how the agent ended")

    def stop(self, handle: Handle, grace_s: float) -> None:
        folder, supervisor = self._folder(handle), ProcessId.parse(handle.id)
        if not folder.is_dir():
            return
        files.write_json(folder / files.STOP, {"grace_s": grace_s})
        if send(supervisor, signal.SIGTERM) and not wait_for(supervisor, grace_s + _GRACE_S):
            send(supervisor, signal.SIGKILL)
            wait_for(supervisor, _GRACE_S)
        if not (folder / files.ENDED).exists():
            self._sweep(folder)

    def collect(
        self, handle: Handle, run: RunConfig, into: Path, limits: CollectLimits
    ) -> Collected:
        work = self._folder(handle) / files.WORK
        if not work.is_dir():
            raise Lost(f"the folder of {handle.name} is gone")
        collector = Collector(limits)
        outputs = run.outputs
        wanted = {"submission": outputs.submission, "code": outputs.code, "logs": outputs.logs}
        for kind, path in wanted.items():
            if path is not None:
                collector.folder(work, preflight.inside(path), kind, into)
        return collector.result()

    def remove(self, handle: Handle) -> None:
        folder = self._folder(handle)
        if folder.is_dir():
            self.stop(handle, 0.0)
            _clear(folder)

    def find(self, group: str | None = None) -> Sequence[Handle]:
        return [handle for found, handle in self._there() if group in (None, found)]

    # ------------------------------------------------------------ inside

    def _there(self) -> Iterator[tuple[str, Handle]]:
        """(group, handle) of every unit that was begun here."""
        if not self._state.is_dir():
            return
        for folder in sorted(self._state.iterdir()):
            begun = files.read_json(folder / files.BEGUN)
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                job = files.read_job(folder)
                if begun is not None:
                    yield job.group, Handle(self.name, job.name, str(begun["supervisor"]))

    def _folder(self, handle: Handle) -> Path:
        if not _NAME.fullmatch(handle.name):
            raise UsageError(f"{handle.name!r} is no name of a local unit")
        return self._state / handle.name

    def _agent_environ(self, run: RunConfig, work: Path) -> dict[str, str]:
        """All variables of the agent. Raises Credentials."""
        host = self._environ
        if missing := preflight.missing(run, host):
            raise Credentials(f"these variables are not set: {', '.join(missing)}")
        environ = {name: value for name, value in host.items() if _is_inherited(name)}
        environ |= dict.fromkeys(_HOMES, str(work / _HOME)) | {"TMPDIR": str(work / _TMP)}
        for name, value in run.env.items():
            environ[name] = host[value.name] if isinstance(value, Secret) else value
        return environ

    def _lay_out(self, unit: UnitSpec, attempt: int, folder: Path) -> None:
        """Everything that the supervisor finds."""
        work, run = folder / files.WORK, unit.run
        for place in (work, work / _HOME, work / _TMP):
            place.mkdir(mode=0o700, exist_ok=True)
        for path in (run.outputs.submission, run.outputs.code, run.outputs.logs):
            if path is not None:
                (work / preflight.inside(path)).mkdir(parents=True, exist_ok=True)
        landlock = None
        if self._box:
            landlock = rules.landlock(unit, self._runs, self._closed(), work)
        name = _name_of(unit, attempt)
        job = LocalJob(
            name=name,
            unit=unit.unit_id,
            group=unit.group,
            attempt=attempt,
            argv=run.command,
            limit_s=run.timeout + _GRACE_S + _SAFETY_S,
            grace_s=_GRACE_S,
            log_bytes=_LOG_BYTES,
            mark=f"{name}.{secrets.token_hex(8)}",
            memory=run.resources.memory,
            landlock=landlock,
        )
        files.write_job(folder, job)

    def _closed(self) -> list[Path]:
        return rules.closed_folders(self._protected, self._environ)

    def _sweep(self, folder: Path) -> None:
        """Ends what a supervisor that is gone left running."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            mark = f"{files.MARK}={files.read_job(folder).mark}".encode()
            sweep(mark, folder / files.WORK)


def _clear(folder: Path) -> None:
    """Raises Transfer when something stays."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        # Agents close folders to themselves, too.
        for place, names, _ in os.walk(folder):
            for name in names:
                inner = Path(place, name)
                if not inner.is_symlink():
                    with contextlib.suppress(OSError):
                        inner.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise Transfer(f"{folder} cannot be removed")


class _Tail:
    """Reads a growing file into a sink, from where the sink stands."""

    def __init__(self, path: Path, stream: Stream, sink: Sink) -> None:
        self._path, self._stream, self._sink = path, stream, sink
        self._offset = int(sink.mark(stream) or 0)
        self._file: int | None = None

    def read(self) -> bool:
        """Hands one piece on; False when there is none now."""
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
        data = os.pread(self._file, _CHUNK, self._offset)
        if data:
            self._offset += len(data)
            self._sink.write(self._stream, data, str(self._offset))
        return bool(data)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)


def _begin(folder: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """Starts the supervisor; returns its answer."""
    paths = os.pathsep.join(map(str, (HOST, ROOT)))
    command = [sys.executable, "-S", "-P", "-m", _SUPERVISOR, str(folder)]
    done = subprocess.run(
        command,
        input=json.dumps(dict(environ)).encode(),
        capture_output=True,
        env={"PYTHONPATH": paths},
        cwd="/",
        timeout=_START_S,
        start_new_session=True,
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        complaints = done.stderr.decode(errors="replace").strip()
        with contextlib.suppress(OSError):
            complaints += (folder / files.COMPLAINTS).read_text(errors="replace").strip()
        raise OSError(f"the supervisor did not begin: {complaints[-2000:]}") from None
    return answer


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Waits while another client starts the same unit."""
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _name_of(unit: UnitSpec, attempt: int) -> str:
    name = f"{unit.unit_id}-{attempt}"
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{unit.unit_id!r} is no unit: lower-case letters, digits and hyphens make its name"
        )
    return name


def _is_inherited(name: str) -> bool:
    return name in _INHERITED or name.startswith(_INHERITED_PREFIXES)


def _shown(value: str | Secret) -> str:
    if isinstance(value, Secret):
        return f"${value.name}"
    return value
