"""Shares of the machine: CPUs and devices that no other running candidate has."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.execution.stop import StopSignal

_WAKE_S = 0.1
_GPU_USER = re.compile(
    r"^[ \t]*(?:import|from)[ \t]+(?:torch|tensorflow|keras|jax|cupy|cuml|cudf|timm|transformers"
    r"|sentence_transformers|fastai|lightning|pytorch_lightning|monai|ultralytics)\b"
    r"|\b(?:cuda|gpu_hist|task_type ?= ?.GPU)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Lease:
    """slot: index of the share. cpus: CPU ids for the affinity. gpus: device ids. since: monotonic
    seconds.
    """

    slot: int
    cpus: tuple[int, ...]
    gpus: tuple[int, ...]
    since: float


@dataclass(frozen=True, slots=True)
class LeaseUsage:
    """What finished leases used. cores: CPUs busy on average while at least one lease was out."""

    running: int
    wall_s: float
    cpu_s: float

    @property
    def cores(self) -> float:
        if self.wall_s <= 0:
            return 0.0
        return self.cpu_s / self.wall_s


class LeasePool:
    """Equal, disjoint shares of `cpus` for `workers` candidates at once.

    There are never more shares than CPUs. CPUs that do not divide evenly stay with the agent:
    shares of different size would make run times incomparable. clock: monotonic seconds.
    """

    def __init__(
        self,
        cpus: Sequence[int],
        workers: int,
        gpus: Sequence[int] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        count = max(1, min(workers, len(cpus)))
        size = len(cpus) // count
        self._shares = [tuple(cpus[i * size : (i + 1) * size]) for i in range(count)]
        self._free_slots = list(range(count))
        self._all_gpus = tuple(gpus)
        self._free_gpus = list(gpus)
        self._clock = clock
        self._changed = threading.Condition()
        self._wall_s = 0.0
        self._cpu_s = 0.0
        self._busy_since = 0.0

    @property
    def size(self) -> int:
        """How many leases can be out at once."""
        return len(self._shares)

    @property
    def cpus_each(self) -> int:
        return len(self._shares[0])

    def acquire(self, gpus: int, stop: StopSignal) -> Lease | None:
        """Blocks until a share and `gpus` devices (at most all there are) are free; None when
        stopped meanwhile.
        """
        wanted = min(gpus, len(self._all_gpus))
        with self._changed:
            while not (self._free_slots and len(self._free_gpus) >= wanted):
                if stop.is_set():
                    return None
                self._changed.wait(_WAKE_S)
            if stop.is_set():
                return None
            return self._take(wanted)

    def _take(self, gpus: int) -> Lease:
        if len(self._free_slots) == self.size:
            self._busy_since = self._clock()
        slot = self._free_slots.pop(0)
        devices, self._free_gpus = tuple(self._free_gpus[:gpus]), self._free_gpus[gpus:]
        return Lease(slot, self._shares[slot], devices, self._clock())

    def release(self, lease: Lease, cpu_s: float = 0.0) -> None:
        """Gives the share back. cpu_s: seconds of CPU time that its candidate used."""
        with self._changed:
            self._free_slots = sorted([*self._free_slots, lease.slot])
            self._free_gpus += lease.gpus
            self._cpu_s += cpu_s
            if len(self._free_slots) == self.size:
                self._wall_s += self._clock() - self._busy_since
            self._changed.notify_all()

    def usage(self) -> LeaseUsage:
        with self._changed:
            running, wall_s = self.size - len(self._free_slots), self._wall_s
            if running:
                wall_s += self._clock() - self._busy_since
            return LeaseUsage(running, wall_s, self._cpu_s)


def gpus_wanted(program: str) -> int:
    """Devices to lease: 1 for a program that imports a library of neural networks or names CUDA,
    else 0.

    Two programs on one device would share its memory, and each could end the other.
    """
    return int(_GPU_USER.search(program) is not None)


def thread_variables(cpus: int) -> dict[str, str]:
    """The variables that keep numeric libraries within a lease of `cpus` CPUs."""
    names = (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "LOKY_MAX_CPU_COUNT",
    )
    return dict.fromkeys(names, str(max(cpus, 1)))
