"""Competitions of very many files, or of a very large csv, made on the fly: what the task worker
needs for them.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import NotRunError
from benchmark.measures.embeddings import process_peak_mb
from core.task.hints import NO_HINTS
from core.task.service import TaskService
from core.task.view_digest import view_digest
from utils.process import child_pids
from utils.text import human_bytes

ACCURACY = "## Evaluation\n\nScored by accuracy.\n"
RMSE = "## Evaluation\n\nSubmissions are scored on RMSE.\n"
# On disk per file: its block and inode, a link to it in one view, the same for its folder's
# entries.
_FILE_BYTES = 9 << 10
# The csv itself, the copy in a view, and the small ones.
_CSV_COPIES = 2.2
_PRIME = 10_000_019
_TEST_ROWS, _BLOCK_ROWS, _NUMBERS = 20_000, 20_000, 24
_HOLDOUT_MAX_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class BigCost:
    """what: files or csv. size: number of files, or MiB of the csv. inspect_s: until the spec is
    there; views_s: split and views. digest_s: of the search view, once after each program. peak_mb:
    MiB of the worker. folds: of the split.
    """

    what: str
    size: int
    rows: int
    inspect_s: float
    views_s: float
    digest_s: float
    peak_mb: float
    folds: int


def measure_files(folder: Path, count: int) -> BigCost:
    """Raises NotRunError where the disk is too small. folder: an empty one, for data and workspace."""
    check_disk(folder, count * _FILE_BYTES, 2 * count)
    make_files(folder / "data", count)
    return _measure(folder, ACCURACY, "files", count)


def measure_csv(folder: Path, size: int) -> BigCost:
    """size: bytes of the train table. Raises NotRunError where the disk is too small."""
    check_disk(folder, int(size * _CSV_COPIES), 100)
    make_csv(folder / "data", size)
    return _measure(folder, RMSE, "csv", (folder / "data" / "train.csv").stat().st_size >> 20)


def check_disk(folder: Path, size: int, files: int) -> None:
    """Raises NotRunError where `size` bytes and `files` inodes do not fit on the disk of the
    folder.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise NotRunError(
            f"{human_bytes(size)} are needed in {folder}, {human_bytes(free)} are free"
        )
    inodes = os.statvfs(folder)
    # Some file systems make inodes as they need them, and say 0.
    if inodes.f_files and inodes.f_favail < files:
        raise NotRunError(f"{files} inodes are needed in {folder}, {inodes.f_favail} are free")


def make_files(data: Path, count: int) -> None:
    """Tiny images of five classes in 512 folders, four of five of them in train, a label table and
    a sample.
    """
    names = [f"{number * 7919 % _PRIME:06x}" for number in range(count)]
    train = count * 4 // 5
    for part in ("train", "test"):
        for number in range(256):
            (data / part / f"{number:02x}").mkdir(parents=True)
    for number, name in enumerate(names):
        part = "train" if number < train else "test"
        (data / part / name[-2:] / f"{name}.png").write_bytes(name.encode())
    _table(
        data / "train.csv",
        "id,label",
        (f"{name},k{number % 5}" for number, name in enumerate(names[:train])),
    )
    _table(data / "sample_submission.csv", "id,label", (f"{name},k0" for name in names[train:]))


def make_csv(data: Path, size: int) -> None:
    """train.csv of at least `size` bytes: an id, 24 numbers and a target; a test table and a
    sample.
    """
    data.mkdir(parents=True)
    draw = random.Random(0)
    lines = [[f"{draw.gauss(0, 1):.5f}" for _ in range(_NUMBERS + 1)] for _ in range(_BLOCK_ROWS)]
    rows = [",".join(line) for line in lines]
    header = ",".join(["id", *(f"x{number}" for number in range(_NUMBERS)), "y"])
    first = 0
    with (data / "train.csv").open("w", encoding="ascii") as file:
        file.write(header + "\n")
        while file.tell() < size:
            file.write("".join(f"{number},{row}\n" for number, row in enumerate(rows, first)))
            first += len(rows)
    tests = [
        (first + number, ",".join(line[:-1])) for number, line in enumerate(lines[:_TEST_ROWS])
    ]
    _table(
        data / "test.csv", header.rpartition(",")[0], (f"{number},{row}" for number, row in tests)
    )
    _table(data / "sample_submission.csv", "id,y", (f"{number},0" for number, _ in tests))


def _table(path: Path, header: str, lines: Iterator[str]) -> None:
    with path.open("w", encoding="ascii") as file:
        file.write(header + "\n")
        file.writelines(line + "\n" for line in lines)


def _measure(folder: Path, description: str, what: str, size: int) -> BigCost:
    workspace = folder / "workspace"
    workspace.mkdir()
    others, service = set(child_pids(os.getpid())), TaskService(folder / "worker.log")
    try:
        began = time.monotonic()
        spec = service.inspect(folder / "data", description, NO_HINTS, workspace)
        known = time.monotonic()
        split = service.plan_split(spec, 0, _HOLDOUT_MAX_ROWS)
        views, split = service.build_views(spec, split, workspace)
        built = time.monotonic()
        (worker,) = set(child_pids(os.getpid())) - others
        peak = process_peak_mb(worker)
    finally:
        service.close()
    search = next(view for view in views if view.kind == "search")
    begin = time.monotonic()
    view_digest(search.path)
    digest_s = time.monotonic() - begin
    return BigCost(
        what,
        size,
        spec.tables.rows_train,
        known - began,
        built - known,
        digest_s,
        peak,
        split.folds,
    )


def big_table(measured: Mapping[str, Any]) -> str:
    """One column per competition."""
    costs = measured["costs"]
    rows = [
        ("train rows", [f"{cost['rows']:,}" for cost in costs], ""),
        ("recognised, s", [f"{cost['inspect_s']:.1f}" for cost in costs], ""),
        ("split and views, s", [f"{cost['views_s']:.1f}" for cost in costs], ""),
        ("both, s per 200,000 files", [_per_files(cost) for cost in costs], "< 60"),
        (
            "check of a view after each program, s",
            [f"{cost['digest_s']:.1f}" for cost in costs],
            "",
        ),
        ("peak memory of the worker, MiB", [f"{cost['peak_mb']:.0f}" for cost in costs], ""),
        ("that in sizes of the table", [_per_table(cost) for cost in costs], "< 1.5"),
    ]
    heads = [
        f"{cost['size']:,} files" if cost["what"] == "files" else f"csv of {cost['size']:,} MiB"
        for cost in costs
    ]
    lines = [f"| | {' | '.join(heads)} | target |", "|---" * (len(costs) + 2) + "|"]
    return "\n".join(
        [
            *lines,
            *(f"| {label} | {' | '.join(cells)} | {target} |" for label, cells, target in rows),
        ]
    )


def _per_files(cost: Mapping[str, Any]) -> str:
    if cost["what"] != "files":
        return ""
    return f"{(cost['inspect_s'] + cost['views_s']) * 200_000 / cost['size']:.1f}"


def _per_table(cost: Mapping[str, Any]) -> str:
    return f"{cost['peak_mb'] / cost['size']:.2f}" if cost["what"] == "csv" else ""
