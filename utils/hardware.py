"""What this process may use: cores by affinity and quota, memory by cgroup, disk, GPUs. Linux;
degrades elsewhere.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from utils.process import CHILDREN
from utils.text import human_bytes

_MIB = 1 << 20
_GPU_QUERY = ["nvidia-smi", "--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits"]
_GPU_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """index: as CUDA_VISIBLE_DEVICES counts. memory_mb: MiB in all."""

    index: int
    name: str
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Hardware:
    """cpus: ids of the usable cores, as many as the quota allows. memory_mb, disk_free_mb: MiB."""

    cpus: tuple[int, ...]
    memory_mb: int
    disk_free_mb: int
    gpus: tuple[Gpu, ...] = ()

    def describe(self) -> str:
        """One line for the start of a run."""
        cores = f"{len(self.cpus)} cores"
        if len(self.cpus) == 1:
            cores = "1 core"
        named = [f"{gpu.name} ({human_bytes(gpu.memory_mb * _MIB)})" for gpu in self.gpus]
        gpus = ", ".join(named) or "no GPU"
        memory, disk = human_bytes(self.memory_mb * _MIB), human_bytes(self.disk_free_mb * _MIB)
        return f"{cores}, {memory} memory, {disk} disk free, {gpus}"


def detect(folder: Path) -> Hardware:
    """The machine as this process sees it now; disk of the file system that holds `folder` (or its
    nearest parent).
    """
    return Hardware(usable_cpus(), memory_mb(), disk_free_mb(folder), gpus())


def usable_cpus(root: Path = Path("/")) -> tuple[int, ...]:
    """Core ids of this process's affinity, cut to the cgroup's quota (rounded up). root: where proc
    and sys are.
    """
    if hasattr(os, "sched_getaffinity"):
        ids = sorted(os.sched_getaffinity(0))
    else:
        ids = list(range(os.cpu_count() or 1))
    quota = cpu_quota(root)
    if quota is not None:
        ids = ids[: max(1, math.ceil(quota))]
    return tuple(ids)


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Cores that the cgroups grant, the tightest of the path; None without a quota."""
    shares = []
    for folder in _cgroup_folders(root, "cpu"):
        words = _words(folder / "cpu.max") or _words(folder / "cpu.cfs_quota_us") + _words(
            folder / "cpu.cfs_period_us"
        )
        if len(words) == 2 and words[0].isdigit() and int(words[1]) > 0:
            shares.append(int(words[0]) / int(words[1]))
    return min(shares, default=None)


def memory_mb(root: Path = Path("/")) -> int:
    """MiB that this process may use: the machine's memory or a cgroup's limit, whichever is
    smaller; 0 if unknown.
    """
    limits = []
    for folder in _cgroup_folders(root, "memory"):
        words = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        limits += [int(word) // _MIB for word in words if word.isdigit()]
    with contextlib.suppress(OSError):
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemTotal:"):
                limits.append(int(line.split()[1]) // 1024)
    return min(limits, default=0)


def disk_free_mb(folder: Path) -> int:
    """MiB that this user may still write where `folder` is or would be."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free // _MIB


def gpus(command: list[str] | None = None) -> tuple[Gpu, ...]:
    """The devices that nvidia-smi lists; none where it is missing, fails or hangs."""
    query = command or _GPU_QUERY
    if shutil.which(query[0]) is None:
        return ()
    process = CHILDREN.spawn(
        query, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        output, _ = process.communicate(timeout=_GPU_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    CHILDREN.forget(process)
    if process.returncode != 0:
        return ()
    return tuple(_gpu_lines(output.decode(errors="replace")))


def _gpu_lines(text: str) -> Iterator[Gpu]:
    for line in text.splitlines():
        cells = list(map(str.strip, line.split(",")))
        if len(cells) == 3 and cells[0].isdigit() and cells[2].isdigit():
            yield Gpu(int(cells[0]), cells[1], int(cells[2]))


def _cgroup_folders(root: Path, controller: str) -> Iterator[Path]:
    """Folders of this process's cgroup and its ancestors, version 1 and 2; a path of the host that
    is not mounted here is skipped.
    """
    with contextlib.suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            if names and controller not in names.split(","):
                continue
            mount = root / "sys/fs/cgroup"
            if names:
                mount /= controller
            own = Path(path.lstrip("/"))
            yield from filter(Path.is_dir, (mount / folder for folder in (own, *own.parents)))


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []
