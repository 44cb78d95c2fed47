"""utils/hardware.py against the files of both cgroup versions."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from utils.hardware import (
    Gpu,
    Hardware,
    cpu_quota,
    detect,
    disk_free_mb,
    gpus,
    memory_mb,
    usable_cpus,
)


def machine(root: Path, cgroup: str, files: dict[str, str]) -> Path:
    for name, text in {
        "proc/self/cgroup": cgroup,
        "proc/meminfo": "MemTotal: 8388608 kB\n",
        **files,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_version_2_takes_the_tightest_of_the_path(tmp_path: Path) -> None:
    limits = {
        "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
        "sys/fs/cgroup/a/memory.max": "2147483648\n",
        "sys/fs/cgroup/a/b/memory.max": "max\n",
    }
    root = machine(tmp_path, "0::/a/b\n", limits)
    assert cpu_quota(root) == 1.5
    assert memory_mb(root) == 2048
    assert len(usable_cpus(root)) == min(2, len(os.sched_getaffinity(0)))


def test_version_1_with_a_path_of_the_host(tmp_path: Path) -> None:
    limits = {
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
    }
    root = machine(tmp_path, "5:memory:/docker/0123\n4:cpu,cpuacct:/docker/0123\n", limits)
    assert cpu_quota(root) == 0.5
    assert memory_mb(root) == 1024
    assert len(usable_cpus(root)) == 1


def test_no_limit_is_the_machine(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "4:memory:/\n",
        {"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"},
    )
    assert cpu_quota(root) is None
    assert memory_mb(root) == 8192
    assert usable_cpus(root) == tuple(sorted(os.sched_getaffinity(0)))


def test_a_system_without_proc_is_survived(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    assert memory_mb(tmp_path) == 0
    assert len(usable_cpus(tmp_path)) >= 1


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("print('0, NVIDIA H200, 143771\\n1, NVIDIA H200, 143771')", 2),
        ("print('No devices were found')", 0),
        ("print('0, X, 1'); raise SystemExit(9)", 0),
    ],
)
def test_gpus_are_listed_by_their_tool(program: str, found: int) -> None:
    listed = gpus([sys.executable, "-c", program])
    assert listed == tuple(Gpu(index, "NVIDIA H200", 143771) for index in range(found))


def test_a_missing_tool_is_no_gpu() -> None:
    assert gpus(["no-such-tool-anywhere"]) == ()


def test_this_machine(tmp_path: Path) -> None:
    here = detect(tmp_path / "not" / "yet")
    assert here.memory_mb > 0
    assert here.disk_free_mb > 0
    assert set(here.cpus) <= os.sched_getaffinity(0)
    assert disk_free_mb(tmp_path) > 0


def test_one_line_says_it_all() -> None:
    gpu = Gpu(0, "NVIDIA H200", 143771)
    assert Hardware((0, 1), 24576, 102400, (gpu,)).describe() == (
        "2 cores, 24.0 GiB memory, 100 GiB disk free, NVIDIA H200 (140 GiB)"
    )
    assert (
        Hardware((3,), 1024, 10240).describe()
        == "1 core, 1.0 GiB memory, 10.0 GiB disk free, no GPU"
    )
