"""Units on the workers of a Dask cluster: an existing one by its address, or one on this machine."""

from __future__ import annotations

import ipaddress
import os
import socket
import uuid
import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from swarm_host.engines import shared
from swarm_host.engines.away import AwayUnits, EngineLost, Say, silent
from swarm_host.engines.shared import Probe
from swarm_host.errors import Lost, Unhealthy, UsageError
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words.places import install

REQUIREMENTS = "requirements_engines.txt"
# What a worker offers once for each unit that it may lead at a time: `dask worker --resources run=2`.
SLOT = "run"


class DaskEngine(AwayUnits):
    """See protocols.Engine and AwayUnits. A killed worker's units are handed out again by Dask; the
    store makes once of it.
    """

    name = "dask"

    def __init__(
        self,
        store: SqliteStore,
        address: str | None = None,
        width: int = 1,
        say: Say = silent,
        limit_s: float = 15.0,
        maker: str = shared.MAKER,
        **fields: Any,
    ) -> None:
        """address: of a scheduler; None starts workers for `width` units here. limit_s: for the
        scheduler, and for a worker with slots, to answer.

        Raises UsageError: the library is missing, nobody answers, versions differ, no worker has slots,
        or one does not share the folder of runs.
        """
        super().__init__(store, say, **fields)
        self._limit_s = limit_s
        self._address = address or "a cluster on this machine"
        self._futures: dict[str, Any] = {}
        self._cluster: Any = None
        self._client: Any = None
        self._probe: Probe | None = None
        try:
            self._client = self._connect(address, width)
            self._check_versions()
            self._client.wait_for_workers(1, timeout=limit_s)
            self._call = shared.carried()
            self._probe = Probe(store.runs, maker)
            self._check_workers(self._probe)
        except TimeoutError:
            self.shutdown()
            raise UsageError(
                f"no worker of {self._address} came within {limit_s:g} s; start some: "
                f"dask worker ADDRESS --resources {SLOT}=1"
            ) from None
        except BaseException:
            self.shutdown()
            raise

    def shutdown(self) -> None:
        """Lives on workers of an existing cluster go on; those of a cluster of ours end with it, and
        their agents are adopted by the next manager.
        """
        super().shutdown()
        for part in (self._client, self._cluster, self._probe):
            if part is not None:
                part.close()

    # ------------------------------------------------------------ AwayUnits

    def _places(self) -> Mapping[str, list[str]]:
        """Addresses of the workers of each machine."""
        self._raise_if_lost()
        workers = self._workers_with_slots()
        if not workers:
            return {}
        found: dict[str, list[str]] = {}
        answers = self._client.run(self._call, shared.MACHINE, workers=workers, on_error="ignore")
        for worker, machine in answers.items():
            if isinstance(machine, str):
                found.setdefault(machine, []).append(worker)
        return found

    def _hand_out(self, unit_id: str, place: list[str] | None, anywhere: bool) -> None:
        self._raise_if_lost()
        assert self._probe is not None
        future = self._client.submit(
            self._call,
            shared.LEAD,
            self._probe.order,
            unit_id,
            anywhere,
            key=f"swarm-evo-{unit_id}-{uuid.uuid4().hex}",
            resources={SLOT: 1},
            workers=place,
            pure=False,
        )
        self._futures[unit_id] = future
        future.add_done_callback(lambda done: self._done(unit_id, done))

    def _look(self) -> None:
        in_hand, is_bare = self._ledger.machines(), not self._workers_with_slots()
        missing = f"{self._address} has no worker with slots now; units wait for one"
        self._complaint.update(missing if is_bare and in_hand else "")
        homes = {unit_id: home for unit_id, home in in_hand.items() if home is not None}
        if is_bare or not homes:
            return
        places = self._places()
        for unit_id, home in homes.items():
            if home not in places:
                self._give_up(unit_id, home)

    # ------------------------------------------------------------ inside

    def _connect(self, address: str | None, width: int) -> Any:
        try:
            import distributed
        except ImportError as error:
            raise UsageError(
                f"the engine dask needs a library ({error}); {install(REQUIREMENTS)}"
            ) from None
        with warnings.catch_warnings():
            # Of versions that differ, which are refused below.
            warnings.simplefilter("ignore")
            if address is None:
                self._cluster = _local_cluster(distributed, width)
                return distributed.Client(self._cluster, set_as_default=False)
            if complaint := unsafe(address):
                self._say(complaint)
            try:
                knock(address, self._limit_s)
                return distributed.Client(address, timeout=self._limit_s, set_as_default=False)
            except (OSError, ValueError) as error:
                raise UsageError(
                    f"no Dask scheduler answers at {address} within {self._limit_s:g} s ({error}); "
                    "start one with `dask scheduler`, or correct engine.address"
                ) from None

    def _check_workers(self, probe: Probe) -> None:
        workers = self._workers_with_slots()
        if not workers:
            raise UsageError(
                f"no worker of {self._address} offers the resource {SLOT!r}; start workers with "
                f"--resources {SLOT}=1, for one unit at a time"
            )
        found = self._client.run(
            self._call, shared.LOOK, probe.order, workers=workers, on_error="return"
        )
        for worker, answer in found.items():
            if isinstance(answer, BaseException):
                raise UsageError(shared.cannot_import(worker, answer))
        probe.check(found)

    def _check_versions(self) -> None:
        """Of the scheduler, and of workers that may get units. Raises UsageError."""
        found, mine = self._client.get_versions(check=False), self._workers_with_slots()
        asked = {name: facts for name, facts in found["workers"].items() if name in mine}
        check_versions(found | {"workers": asked})

    def _workers_with_slots(self) -> list[str]:
        """Addresses, as the scheduler last told."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        return [name for name, facts in workers.items() if facts.get("resources", {}).get(SLOT)]

    def _raise_if_lost(self) -> None:
        if self._client.status != "running":
            raise EngineLost(f"the scheduler at {self._address} does not answer any more")

    def _done(self, unit_id: str, future: Any) -> None:
        """Called by Dask in a thread of its own."""
        self._futures.pop(unit_id, None)
        if future.status == "finished":
            self.came_back(unit_id, future.result())
        elif future.status == "error":
            self.came_back(unit_id, _failure(unit_id, future.exception()))
        else:
            self.came_back(unit_id, Lost(f"{self._address} dropped {unit_id}: {future.status}"))

    def _give_up(self, unit_id: str, home: str) -> None:
        """Kept to a machine that is gone, it would wait for ever."""
        future = self._futures.pop(unit_id, None)
        if future is not None:
            future.release()
        self.came_back(unit_id, Lost(f"{home}, where {unit_id} runs, has no worker any more"))


def unsafe(address: str) -> str:
    """A warning about connections that others can read and use; "" when there are none."""
    parts = _parts(address)
    if parts.scheme in ("tls", "wss", "inproc") or _is_loopback(parts.hostname or ""):
        return ""
    return (
        f"warning: {address} is not encrypted and asks nobody who he is: who reaches it can run "
        "programs as its workers; use tls:// (distributed.comm.tls in Dask's configuration)"
    )


def knock(address: str, limit_s: float) -> None:
    """Raises OSError unless somebody speaks there: schedulers speak first, and Dask itself waits
    without end for one that does not.
    """
    parts = _parts(address)
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or parts.port is None:
        return
    with socket.create_connection((parts.hostname, parts.port), limit_s) as connection:
        # Encrypted, the one that calls speaks first.
        if parts.scheme == "tcp" and not connection.recv(1):
            raise ConnectionError("it hung up")


def _parts(address: str) -> SplitResult:
    return urlsplit(address if "//" in address else f"tcp://{address}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _local_cluster(distributed: Any, width: int) -> Any:
    """Worker processes for `width` units: no more than processors, since a life mostly waits."""
    processes = min(width, os.cpu_count() or 1)
    threads = -(-width // processes)
    return distributed.LocalCluster(
        n_workers=processes,
        threads_per_worker=threads,
        resources={SLOT: threads},
        memory_limit=0,
        dashboard_address=None,
    )


def check_versions(found: Mapping[str, Any]) -> None:
    """Raises UsageError. found: the answer of Client.get_versions."""
    own = _versions(found["client"])
    others = {"the scheduler": found["scheduler"]}
    others |= {f"the worker {name}": facts for name, facts in found["workers"].items()}
    for who, facts in others.items():
        theirs = _versions(facts) if facts else {}
        for what, version in own.items():
            if theirs.get(what) != version:
                raise UsageError(
                    f"versions differ: {who} has {what} {theirs.get(what)}, this process {version}; "
                    "use one environment for all machines"
                )


def _versions(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Python without its last part: a function that is sent as it stands runs by no other."""
    packages = facts["packages"]
    python = ".".join(str(packages["python"]).split(".")[:2])
    return {"python": python} | {name: packages.get(name) for name in ("dask", "distributed")}


def _failure(unit_id: str, error: BaseException) -> BaseException:
    """Of the cluster, never of a unit: lives tell theirs in answers."""
    if type(error).__name__ == "KilledWorker":
        return Lost(f"{unit_id}: workers that led it died again and again")
    if isinstance(error, ImportError):
        return Unhealthy(shared.cannot_import("a worker", error))
    return Unhealthy(f"{unit_id}, on its worker: {type(error).__name__}: {error}")
