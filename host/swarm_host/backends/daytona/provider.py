"""words.Provider on Daytona. Everything of its library is behind this module and box.py."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from swarm_host.backends.cloud import image, inside, naming, preflight
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
from swarm_host.backends.daytona import errors
from swarm_host.backends.daytona.box import DaytonaBox
from swarm_host.backends.daytona.errors import calls
from swarm_host.errors import BuildFailed, Credentials, HostError, Lost, UsageError
from swarm_host.protocols import Sink
from swarm_host.records import BuildConfig, Mount, Problem, RunConfig

CREDENTIALS = ("DAYTONA_API_KEY",)
# Until it is built, placed and started. Daytona's own default is 60 s.
START_S = 1800
_REMOVE_S = 120
# What the sandbox itself runs: it waits, and takes in processes whose parent has ended.
_MAIN = ("sh", "-c", "while :; do sleep 3600 & wait $!; done")
_RUNS = frozenset({"started"})
_ENDED = frozenset({"destroyed", "destroying", "error", "build_failed", "archived", "archiving"})
_STOPPED = frozenset({"stopped", "stopping"})
_MOST_SAID = 40


class DaytonaProvider:
    """Sandboxes of one organisation of Daytona."""

    name = "daytona"

    def __init__(self, environ: Mapping[str, str], place: str = inside.PLACE) -> None:
        """place: folder in sandboxes for files on their way."""
        self._environ = environ
        self._place = place
        self._lock = threading.Lock()
        self._connected: Any = None
        self._stopped: set[str] = set()

    def problems(self, run: RunConfig) -> list[Problem]:
        found = preflight.library("daytona")
        found += preflight.credentials(CREDENTIALS, self._environ, "https://app.daytona.io")
        found += image.limit_problems(run, ("shm", "pids"))
        cpus = run.resources.cpus
        if cpus is not None and cpus != int(cpus):
            what = f"Daytona has whole cpus only: {cpus:g} becomes {math.ceil(cpus)}"
            found.append(Problem(what, "ask for whole ones", refuses=False))
        kind = self._environ.get("SWARM_HOST_GPU")
        if run.resources.gpus is not None and not kind:
            what = "which GPU it will be is left to Daytona"
            found.append(Problem(what, "set SWARM_HOST_GPU, e.g. H100", refuses=False))
        return found

    def keeps(self, mount: Mount) -> str | None:
        """Its volumes cannot be filled without a sandbox: data are sent to each."""
        return None

    def plan(self, order: Order, secret: Sequence[str]) -> list[list[str]]:
        words = naming.told(self._arguments(order))
        asked = naming.told(self._resources(order.run))
        if asked:
            words.append(f"resources={','.join(asked)}")
        source = order.run.agent_image or ""
        if order.built is not None:
            source = "the flattened Dockerfile"
        words.append(f"image={source}")
        if order.run.env:
            words.append(f"env_vars={','.join(sorted(order.run.env))}")
        if secret:
            words.append(f"of which secret={','.join(secret)}")
        return [["daytona.create", *words, f"timeout={START_S}"]]

    def build(self, config: BuildConfig, staged: Staged, sink: Sink) -> None:
        """Daytona builds when the first sandbox is made, and keeps what it built for a day."""
        with calls("build"):
            self._image(staged, "")
        sink.write("build", b"Daytona builds this when the sandbox is made:\n")
        sink.write("build", staged.dockerfile.read_bytes())

    def create(self, order: Order, variables: Variables) -> Placed:
        from daytona import CreateSandboxFromImageParams, Resources

        said: deque[str] = deque(maxlen=_MOST_SAID)
        with calls("create"):
            client = self._client()
            asked = self._resources(order.run)
            params = CreateSandboxFromImageParams(
                image=self._image(order.built, order.run.agent_image or ""),
                env_vars={**variables.plain, **variables.secret},
                resources=Resources(**self._typed(asked)) if asked else None,
                **self._arguments(order),
            )
        try:
            sandbox = client.create(params, timeout=START_S, on_snapshot_create_logs=said.append)
        # As in errors.calls: a foreign library, whose errors are told apart here.
        except Exception as error:
            if errors.is_clash(error):
                raise NameTaken(str(error)) from error
            meant = errors.meaning(error, "create")
            if isinstance(meant, BuildFailed):
                self._remove_named(order.name)
                told = "\n".join(said)
                raise BuildFailed(f"{meant}\n{told}".strip(), meant.exit_code) from error
            if is_unclear(meant):
                raise NotClear(meant) from error  # type: ignore[arg-type]
            raise meant from error
        return Placed(sandbox.id, dict(sandbox.labels))

    def look_up(self, name: str) -> Placed | None:
        sandbox = self._sandbox(name)
        if sandbox is None or _state(sandbox) in _ENDED:
            return None
        return Placed(sandbox.id, dict(sandbox.labels))

    def listed(self, labels: Mapping[str, str]) -> list[Placed]:
        from daytona import ListSandboxesQuery

        with calls("list"):
            found = list(self._client().list(ListSandboxesQuery(labels=dict(labels))))
        return [Placed(one.id, dict(one.labels)) for one in found if _state(one) != "destroyed"]

    def box(self, id: str) -> DaytonaBox:
        sandbox = self._sandbox(id)
        if sandbox is None:
            raise Lost(f"Daytona has no sandbox {id}")
        state = _state(sandbox)
        if state in _ENDED or state in _STOPPED:
            raise Lost(f"the sandbox {id} is {state}")
        if state not in _RUNS:
            with calls("start"):
                sandbox.wait_for_sandbox_start(timeout=START_S)
        return DaytonaBox(sandbox, self._place)

    def ended(self, id: str) -> Ended | None:
        """Nothing is left of an ephemeral sandbox: only what this process did itself is known."""
        return Ended(overdue=False, stopped=True) if id in self._stopped else None

    def note_stopped(self, id: str) -> None:
        self._stopped.add(id)

    def remove(self, id: str) -> None:
        sandbox = self._sandbox(id)
        if sandbox is None or _state(sandbox) == "destroyed":
            return
        with suppress(Lost), calls("delete"):
            self._client().delete(sandbox, timeout=_REMOVE_S, wait=True)

    # ------------------------------------------------------------ parts

    def _client(self) -> Any:
        """Raises Credentials. One for all: it holds connections and a thread."""
        from daytona import Daytona, DaytonaConfig

        environ = self._environ
        if not environ.get("DAYTONA_API_KEY"):
            raise Credentials("not set: DAYTONA_API_KEY")
        with self._lock:
            if self._connected is None:
                self._connected = Daytona(
                    DaytonaConfig(
                        api_key=environ["DAYTONA_API_KEY"],
                        api_url=environ.get("DAYTONA_API_URL") or None,
                        target=environ.get("DAYTONA_TARGET") or None,
                    )
                )
            return self._connected

    def _sandbox(self, id_or_name: str) -> Any:
        """None when there is none."""
        if not id_or_name:
            return None
        try:
            with calls(f"look up {id_or_name}"):
                return self._client().get(id_or_name)
        except Lost:
            return None

    def _remove_named(self, name: str) -> None:
        """A sandbox whose image could not be built stays in the list until it is removed."""
        with suppress(HostError):
            sandbox = self._sandbox(name)
            if sandbox is not None:
                self.remove(sandbox.id)

    def _image(self, staged: Staged | None, reference: str) -> Any:
        from daytona import Image

        if staged is None:
            return Image.base(reference).entrypoint(list(_MAIN))
        return Image.from_dockerfile(staged.dockerfile).entrypoint(list(_MAIN))

    def _arguments(self, order: Order) -> dict[str, Any]:
        found: dict[str, Any] = {
            "name": order.name,
            "labels": dict(order.labels),
            # It may be quiet for hours: only its whole life is bounded.
            "auto_stop_interval": 0,
            # Those with GPUs must be; of the others nothing would be worth keeping.
            "ephemeral": True,
            "ttl_minutes": math.ceil(order.ttl_s / 60),
        }
        if order.run.mle_bench:
            # Its entrypoint needs root, and starts the agent as nonroot.
            found["os_user"] = "root"
        if order.run.network == "none":
            found["network_block_all"] = True
        return found

    def _resources(self, run: RunConfig) -> dict[str, int | str]:
        asked = run.resources
        found: dict[str, int | str] = {}
        if asked.cpus is not None:
            found["cpu"] = math.ceil(asked.cpus)
        for name, size in (("memory", image.gib(asked.memory)), ("disk", image.gib(asked.disk))):
            if size is not None:
                found[name] = size
        if count := image.gpu_count(asked.gpus):
            found["gpu"] = count
            if kind := self._environ.get("SWARM_HOST_GPU"):
                found["gpu_type"] = kind
        return found

    def _typed(self, asked: Mapping[str, int | str]) -> dict[str, Any]:
        """Raises UsageError for a kind of GPU that Daytona does not have."""
        if "gpu_type" not in asked:
            return dict(asked)
        from daytona import GpuType

        kinds = {kind.value: kind for kind in GpuType if "unknown" not in kind.value}
        wanted = str(asked["gpu_type"])
        if wanted not in kinds:
            raise UsageError(f"SWARM_HOST_GPU: Daytona has {', '.join(kinds)}, not {wanted}")
        return {**asked, "gpu_type": kinds[wanted]}


def _state(sandbox: Any) -> str:
    state = sandbox.state
    return str(getattr(state, "value", state)).lower()
