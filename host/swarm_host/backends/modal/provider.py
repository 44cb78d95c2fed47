"""words.Provider on Modal. Everything of its library is behind this module and box.py."""

from __future__ import annotations

import io
import itertools
import re
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from swarm_host.backends.cloud import data, image, naming, preflight
from swarm_host.backends.cloud.errors import is_unclear
from swarm_host.backends.cloud.words import (
    Ended,
    NameTaken,
    NotClear,
    Order,
    Placed,
    Staged,
    Variables,
)
from swarm_host.backends.modal import errors
from swarm_host.backends.modal.box import ModalBox
from swarm_host.backends.modal.errors import calls
from swarm_host.errors import Credentials, HostError, Lost
from swarm_host.protocols import Sink
from swarm_host.records import BuildConfig, Mount, Problem, RunConfig

APP = "swarm-evo"
CREDENTIALS = ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET")
# Modal ends every sandbox after a day.
LONGEST_S = 24 * 3600
# What the sandbox itself runs: it waits, and takes in processes whose parent has ended.
_MAIN = ("sh", "-c", "while :; do sleep 3600 & wait $!; done")
# Kinds of ends that Modal's `poll` tells by these numbers.
_OVERDUE, _TERMINATED = 124, 137
_DATA, _COMPLETE = "/data", "complete"
# Of volumes: the first version takes 50,000 files at most.
_VERSION = 2
# Files that are told of in one request.
_BATCH = 5_000
_MIB = 1024**2


class ModalProvider:
    """Sandboxes of one app of Modal, `swarm-evo` or SWARM_HOST_MODAL_APP."""

    name = "modal"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._app_name = environ.get("SWARM_HOST_MODAL_APP") or APP
        self._lock = threading.Lock()
        self._connected: Any = None
        self._found_app: Any = None

    def problems(self, run: RunConfig) -> list[Problem]:
        found = preflight.library("modal")
        found += preflight.credentials(CREDENTIALS, self._environ, "https://modal.com/settings")
        found += image.limit_problems(run, ("disk", "shm", "pids"))
        if naming.ttl_s(run) > LONGEST_S:
            most = LONGEST_S - naming.ttl_s(run) + run.timeout
            what = f"timeout: {run.timeout:.0f} s is too long: Modal ends every sandbox after a day"
            found.append(Problem(what, f"ask for {most:.0f} s at most, start and collection apart"))
        return found

    def keeps(self, mount: Mount) -> str | None:
        """A volume for each folder of data: sent once for all units, and again when a file changes."""
        if not mount.read_only or not Path(mount.source).is_dir():
            return None
        source = Path(mount.source)
        # <competition>/prepared/public has its name two folders above.
        named = source.parent.parent if source.parent.name == "prepared" else source
        slug = re.sub(r"[^a-z0-9-]+", "-", named.name.lower()).strip("-")[:30]
        return f"{APP}-{slug or 'data'}-{data.mark(source)}"

    def plan(self, order: Order, secret: Sequence[str]) -> list[list[str]]:
        found = []
        for volume, mount in order.kept.items():
            found.append(["modal.Volume.from_name", volume, f"source={mount.source}"])
        arguments = self._arguments(order)
        words = naming.told(arguments)
        if order.kept:
            words.append(f"volumes={','.join(mount.target for mount in order.kept.values())}")
        words.append(f"image={_image_words(order)}")
        if plain := sorted(set(order.run.env) - set(secret)):
            words.append(f"env={','.join(plain)}")
        if secret:
            words.append(f"secrets={','.join(secret)}")
        found.append(["modal.Sandbox.create", *_MAIN, *words])
        return found

    def build(self, config: BuildConfig, staged: Staged, sink: Sink) -> None:
        with calls("build"):
            built = self._from_dockerfile(staged, config.no_cache)
            try:
                built.build(self._app())
            finally:
                self._tell_build(built, sink)

    def create(self, order: Order, variables: Variables) -> Placed:
        import modal

        with calls("create"):
            volumes = {}
            for name, mount in order.kept.items():
                volumes[mount.target] = self._volume(name, Path(mount.source))
            chosen = self._image(order)
            secrets = []
            if variables.secret:
                secrets.append(modal.Secret.from_dict(dict(variables.secret)))
            app, client = self._app(), self._client()
        try:
            sandbox = modal.Sandbox.create(
                *_MAIN,
                app=app,
                client=client,
                image=chosen,
                env=dict(variables.plain),
                secrets=secrets,
                volumes=volumes,
                **self._arguments(order),
            )
        # As in errors.calls: a foreign library, whose errors are told apart here.
        except Exception as error:
            if errors.is_clash(error):
                raise NameTaken(str(error)) from error
            meant = errors.meaning(error, "create")
            if is_unclear(meant):
                raise NotClear(meant) from error  # type: ignore[arg-type]
            raise meant from error
        return Placed(sandbox.object_id, order.labels)

    def look_up(self, name: str) -> Placed | None:
        import modal

        try:
            with calls(f"look up {name}"):
                sandbox = modal.Sandbox.from_name(self._app_name, name, client=self._client())
                return Placed(sandbox.object_id, sandbox.get_tags())
        except Lost:
            return None

    def listed(self, labels: Mapping[str, str]) -> list[Placed]:
        import modal

        found = []
        with calls("list"):
            app = self._app()
            wanted = dict(labels)
            for one in modal.Sandbox.list(app_id=app.app_id, tags=wanted, client=self._client()):
                # One may end between the list and the question.
                with suppress(Lost), calls("tags"):
                    found.append(Placed(one.object_id, one.get_tags()))
        return found

    def box(self, id: str) -> ModalBox:
        sandbox = self._sandbox(id)
        with calls("poll"):
            if sandbox.poll() is not None:
                raise Lost(f"the sandbox {id} has ended")
        return ModalBox(sandbox)

    def ended(self, id: str) -> Ended | None:
        try:
            sandbox = self._sandbox(id)
            with calls("poll"):
                code = sandbox.poll()
                if code is None:
                    return None
                stopped = code == _TERMINATED and naming.STOPPED in sandbox.get_tags()
        except Lost:
            return None
        return Ended(overdue=code == _OVERDUE, stopped=stopped)

    def note_stopped(self, id: str) -> None:
        sandbox = self._sandbox(id)
        with calls("tags"):
            sandbox.set_tags({**sandbox.get_tags(), naming.STOPPED: "1"})

    def remove(self, id: str) -> None:
        try:
            sandbox = self._sandbox(id)
            with calls("terminate"):
                sandbox.terminate(wait=True)
        except Lost:
            return

    # ------------------------------------------------------------ parts

    def _client(self) -> Any:
        """Raises Credentials. One for all: it holds a connection and a thread."""
        import modal

        missing = [name for name in CREDENTIALS if not self._environ.get(name)]
        if missing:
            raise Credentials(f"not set: {', '.join(missing)}")
        with self._lock:
            if self._connected is None:
                values = [self._environ[name] for name in CREDENTIALS]
                self._connected = modal.Client.from_credentials(*values)
            return self._connected

    def _app(self) -> Any:
        import modal

        client = self._client()
        with self._lock:
            if self._found_app is None:
                self._found_app = modal.App.lookup(
                    self._app_name, client=client, create_if_missing=True
                )
            return self._found_app

    def _sandbox(self, id: str) -> Any:
        import modal

        if not id:
            raise Lost("the sandbox has no id")
        with calls(f"look up {id}"):
            return modal.Sandbox.from_id(id, client=self._client())

    def _image(self, order: Order) -> Any:
        """Its own entrypoint would get our words as arguments: it is left out."""
        import modal

        if order.built is not None:
            return self._from_dockerfile(order.built, False)
        return modal.Image.from_registry(order.run.agent_image or "").entrypoint([])

    def _from_dockerfile(self, staged: Staged, no_cache: bool) -> Any:
        import modal

        made = modal.Image.from_dockerfile(
            staged.dockerfile, context_dir=staged.folder, ignore=[], force_build=no_cache
        )
        return made.entrypoint([])

    def _tell_build(self, built: Any, sink: Sink) -> None:
        """What the steps of the build said. A log that cannot be had fails no build."""
        with suppress(HostError), calls("logs of the build"):
            for entry in built.logs.tail(1000):
                sink.write("build", f"{str(entry.message).rstrip()}\n".encode())

    def _volume(self, name: str, source: Path) -> Any:
        """The volume with all files of a folder: those who come first send them, `complete` last."""
        import modal

        client = self._client()
        volume = modal.Volume.from_name(
            name, create_if_missing=True, version=_VERSION, client=client
        )
        if _COMPLETE not in _names(volume):
            for entries in _batches(data.entries(source), _BATCH):
                with volume.batch_upload(force=True) as batch:
                    for entry in entries:
                        batch.put_file(entry.path, f"{_DATA}/{entry.name}")
            with volume.batch_upload(force=True) as batch:
                batch.put_file(io.BytesIO(b"complete\n"), f"/{_COMPLETE}")
        return volume.with_mount_options(read_only=True, sub_path=_DATA)

    def _arguments(self, order: Order) -> dict[str, Any]:
        """Of `Sandbox.create`, but for what must be made first."""
        run = order.run
        found: dict[str, Any] = {
            "name": order.name,
            "tags": dict(order.labels),
            "timeout": order.ttl_s,
        }
        if run.resources.cpus is not None:
            # Request and limit: the same for every unit, or results could not be compared.
            found["cpu"] = (run.resources.cpus, run.resources.cpus)
        if run.resources.memory is not None:
            size = max(128, run.resources.memory // _MIB)
            found["memory"] = (size, size)
        if count := image.gpu_count(run.resources.gpus):
            kind = self._environ.get("SWARM_HOST_GPU") or "A10G"
            found["gpu"] = kind if count == 1 else f"{kind}:{count}"
        if run.network == "none":
            found["block_network"] = True
        return found


def _image_words(order: Order) -> str:
    if order.built is not None:
        return "modal.Image.from_dockerfile(the flattened Dockerfile)"
    return f"modal.Image.from_registry({order.run.agent_image})"


def _batches(entries: Iterator[data.Entry], size: int) -> Iterator[list[data.Entry]]:
    """Regular files, some at a time."""
    files = (one for one in entries if stat.S_ISREG(one.status.st_mode))
    while found := list(itertools.islice(files, size)):
        yield found


def _names(volume: Any) -> set[str]:
    """Of what lies at the top of a volume."""
    return {str(entry.path).strip("/") for entry in volume.listdir("/")}
