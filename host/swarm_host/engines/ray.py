"""Units on the nodes of a Ray cluster: an existing one by its address, or one on this machine."""

from __future__ import annotations

import functools
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from swarm_host.engines import shared
from swarm_host.engines.away import AwayUnits, EngineLost, Say, silent
from swarm_host.engines.shared import Probe
from swarm_host.errors import Lost, Unhealthy, UsageError
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words.places import install

REQUIREMENTS = "requirements_ray.txt"
# What a node offers once for each unit that it may lead at a time:
# `ray start --resources '{"run": 2}'`.
SLOT = "run"
_AUTH = "RAY_AUTH_MODE"


class RayEngine(AwayUnits):
    """See protocols.Engine and AwayUnits. Ray runs a killed node's units again elsewhere; the store
    makes once of it. One Ray cluster for each process, and so one engine.
    """

    name = "ray"

    def __init__(
        self,
        store: SqliteStore,
        address: str | None = None,
        width: int = 1,
        say: Say = silent,
        limit_s: float = 60.0,
        maker: str = shared.MAKER,
        **fields: Any,
    ) -> None:
        """address: `host:port` of a head node, or `auto`; None starts a node for `width` units here.
        limit_s: for nodes to answer.

        Raises UsageError: the library is missing, nobody answers, versions or RAY_AUTH_MODE differ, no
        node has slots, or one does not share the folder of runs.
        """
        super().__init__(store, say, **fields)
        self._limit_s = limit_s
        self._address = address or "a cluster on this machine"
        self._ray = _library()
        self._probe: Probe | None = None
        try:
            self._connect(address, width)
            # No processor of the node is set aside: a life waits for its agent, which has its limits.
            self._call = self._ray.remote(shared.carried())
            self._probe = Probe(store.runs, maker)
            self._check_nodes(self._probe)
        except BaseException:
            self.shutdown()
            raise

    def shutdown(self) -> None:
        """Ray ends the lives of its driver with it; their agents go on and are adopted by the next
        manager.
        """
        super().shutdown()
        self._ray.shutdown()
        if self._probe is not None:
            self._probe.close()

    # ------------------------------------------------------------ AwayUnits

    def _places(self) -> Mapping[str, Mapping[str, Any]]:
        """What Ray says of each node. One that leaves after this fails its tasks."""
        return {node["NodeManagerHostname"]: node for node in self._nodes()}

    def _hand_out(self, unit_id: str, place: Mapping[str, Any] | None, anywhere: bool) -> None:
        where: dict[str, Any] = {}
        if place is not None:
            where = {"scheduling_strategy": self._at(place)}
        assert self._probe is not None
        task = self._call.options(num_cpus=0, resources={SLOT: 1}, max_retries=3, **where)
        sent = task.remote(shared.LEAD, self._probe.order, unit_id, anywhere)
        sent.future().add_done_callback(lambda done: self._done(unit_id, done))

    def _look(self) -> None:
        missing = f"{self._address} has no node with slots now; units wait for one"
        is_bare = not self._nodes() and bool(self.pending())
        self._complaint.update(missing if is_bare else "")

    # ------------------------------------------------------------ inside

    def _connect(self, address: str | None, width: int) -> None:
        if address is not None:
            _knock(address, self._limit_s)
            where: dict[str, Any] = {"address": address}
        else:
            where = {"address": "local", "num_cpus": 1, "resources": {SLOT: width}}
            where["include_dashboard"] = False
        try:
            # What workers print would be mixed and shortened here; the logs of units are files.
            quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
            start = functools.partial(self._ray.init, **quiet, **where)
            if address is None:
                # Processes of a node of ours end with the thread that started them.
                start()
            else:
                _within(self._limit_s, start)
        except Exception as error:
            raise UsageError(_why_not_connected(self._address, error)) from None

    def _check_nodes(self, probe: Probe) -> None:
        nodes = self._nodes()
        if not nodes:
            raise UsageError(
                f"no node of {self._address} offers the resource {SLOT!r}; start nodes with "
                f"--resources '{{\"{SLOT}\": 1}}', for one unit at a time"
            )
        asked = {}
        for node in nodes:
            name = f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"
            here = self._at(node)
            task = self._call.options(num_cpus=0, max_retries=0, scheduling_strategy=here)
            asked[name] = task.remote(shared.LOOK, probe.order)
        answers = {}
        for name, question in asked.items():
            answers[name] = self._answer(name, question)
        probe.check(answers)

    def _answer(self, node: str, question: Any) -> Mapping[str, str]:
        try:
            found: Mapping[str, str] = self._ray.get(question, timeout=self._limit_s)
            return found
        except self._ray.exceptions.GetTimeoutError:
            raise UsageError(f"the node {node} did not answer in {self._limit_s:g} s") from None
        except self._ray.exceptions.RayError as error:
            raise UsageError(shared.cannot_import(f"the node {node}", _cause(error))) from None

    def _nodes(self) -> list[Mapping[str, Any]]:
        """Those that live and have slots. Raises EngineLost."""
        try:
            found = self._ray.nodes()
        except Exception as error:
            raise EngineLost(f"{self._address} does not answer any more: {error}") from None
        return [node for node in found if node["Alive"] and node["Resources"].get(SLOT)]

    def _at(self, node: Mapping[str, Any]) -> Any:
        """A task of a node that is gone fails, and is handed out anew."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)

    def _done(self, unit_id: str, done: Any) -> None:
        """Called by Ray in a thread of its own."""
        error = done.exception()
        if error is None:
            self.came_back(unit_id, done.result())
        else:
            self.came_back(unit_id, _failure(unit_id, error))


def _library() -> Any:
    # Read when the library is loaded: as it comes, it drops lines that look alike.
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    # Agents outlive the worker that started them, for the next one to adopt.
    os.environ.setdefault("RAY_kill_child_processes_on_worker_exit", "0")
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise UsageError(
            f"the engine ray needs a library ({error}); {install(REQUIREMENTS)}"
        ) from None
    return ray


def _within(limit_s: float, act: Callable[[], object]) -> None:
    """Raises what the act raises, and TimeoutError; then it goes on in its thread, which ends with the
    process: Ray tries again and again where somebody else listens.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="ray-init", daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {limit_s:g} s")
    if raised:
        raise raised[0]


def _knock(address: str, limit_s: float) -> None:
    """Raises UsageError where nobody listens: Ray itself would try for a minute and end the process."""
    parts = urlsplit(address if "//" in address else f"//{address}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"engine.address {address!r}: {error}") from None
    if address == "auto":
        return
    if not host or port is None:
        raise UsageError(
            f"engine.address {address!r}: a head node is written as host:port, or auto"
        )
    try:
        socket.create_connection((host, port), timeout=min(limit_s, 10.0)).close()
    except OSError as error:
        raise UsageError(
            f"no Ray head node answers at {address} ({error.strerror or error}); start one with "
            "`ray start --head`, or correct engine.address"
        ) from None


def _why_not_connected(address: str, error: Exception) -> str:
    text = f"{type(error).__name__}: {error}".strip()
    if "auth" in text.lower() or "token" in text.lower():
        mode = os.environ.get(_AUTH, "not set, which is token")
        return (
            f"{address} refuses this process ({_first(text)}): all parts of a cluster need the same "
            f"{_AUTH} (here {mode}) and, where it is token, the same token (RAY_AUTH_TOKEN or "
            "RAY_AUTH_TOKEN_PATH)"
        )
    if "version mismatch" in text.lower():
        return f"versions differ: {text}; use one environment for all machines"
    return f"Ray at {address} cannot be used: {_first(text)}"


def _first(text: str) -> str:
    return text.strip().splitlines()[0][:500]


def _cause(error: BaseException) -> BaseException:
    """What a task raised, where Ray wraps it."""
    return getattr(error, "cause", None) or error


def _failure(unit_id: str, error: BaseException) -> BaseException:
    """Of the cluster, never of a unit: lives tell theirs in answers."""
    cause = _cause(error)
    if isinstance(cause, ImportError):
        return Unhealthy(shared.cannot_import("a node", cause))
    return Lost(f"{unit_id}: Ray gave it up: {type(error).__name__}: {_first(str(error) or '-')}")
