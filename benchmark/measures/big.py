"""Competitions of very many files, or of a very large csv, made on the fly: what the task worker
needs for them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.errors import NotRunError
from benchmark.measure import Figures, Measure, Option, markdown
from benchmark.measures.runs import peak_mb
from core.task.hints import NO_HINTS
from core.task.service import TaskService
from core.task.view_digest import view_digest
from utils.errors import UsageError
from utils.files import remove
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
    parts = {"train": names[: count * 4 // 5], "test": names[count * 4 // 5 :]}
    for part, members in parts.items():
        for number in range(256):
            (data / part / f"{number:02x}").mkdir(parents=True)
        for name in members:
            (data / part / name[-2:] / f"{name}.png").write_bytes(name.encode())
    labels = (f"{name},k{number % 5}" for number, name in enumerate(parts["train"]))
    _table(data / "train.csv", "id,label", labels)
    _table(data / "sample_submission.csv", "id,label", (f"{name},k0" for name in parts["test"]))


def make_csv(data: Path, size: int) -> None:
    """train.csv of at least `size` bytes: an id, 24 numbers and a target; a test table and a
    sample.
    """
    data.mkdir(parents=True)
    rows = _random_rows()
    names = ["id", *(f"x{number}" for number in range(_NUMBERS)), "y"]
    first = 0
    with (data / "train.csv").open("w", encoding="ascii") as file:
        file.write(",".join(names) + "\n")
        while file.tell() < size:
            file.write("".join(f"{number},{row}\n" for number, row in enumerate(rows, first)))
            first += len(rows)
    tests, sample = [], []
    for number, row in enumerate(rows[:_TEST_ROWS], first):
        tests.append(f"{number},{row.rpartition(',')[0]}")
        sample.append(f"{number},0")
    _table(data / "test.csv", ",".join(names[:-1]), tests)
    _table(data / "sample_submission.csv", "id,y", sample)


def _random_rows() -> list[str]:
    """Numbers and a target each, the same at every call."""
    draw, rows = random.Random(0), []
    for _ in range(_BLOCK_ROWS):
        rows.append(",".join(f"{draw.gauss(0, 1):.5f}" for _ in range(_NUMBERS + 1)))
    return rows


def _table(path: Path, header: str, lines: Iterable[str]) -> None:
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
        worker_mb = peak_mb(worker) or 0.0
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
        worker_mb,
        split.folds,
    )


# What a row of the table shows of a competition, and the target.
_ROWS: tuple[tuple[str, Callable[[Figures], str], str], ...] = (
    ("train rows", lambda cost: f"{cost['rows']:,}", ""),
    ("recognised, s", lambda cost: f"{cost['inspect_s']:.1f}", ""),
    ("split and views, s", lambda cost: f"{cost['views_s']:.1f}", ""),
    ("both, s per 200,000 files", lambda cost: _per_files(cost), "< 60"),
    ("check of a view after each program, s", lambda cost: f"{cost['digest_s']:.1f}", ""),
    ("peak memory of the worker, MiB", lambda cost: f"{cost['peak_mb']:.0f}", ""),
    ("that in sizes of the table", lambda cost: _per_table(cost), "< 1.5"),
)


def big_table(measured: Figures) -> str:
    """One column per competition."""
    costs, rows = measured["costs"], []
    for label, shown, target in _ROWS:
        rows.append([label, *map(shown, costs), target])
    return markdown(["", *map(_title, costs), "target"], rows)


def _title(cost: Figures) -> str:
    if cost["what"] == "files":
        return f"{cost['size']:,} files"
    return f"csv of {cost['size']:,} MiB"


def _per_files(cost: Figures) -> str:
    if cost["what"] != "files":
        return ""
    return f"{(cost['inspect_s'] + cost['views_s']) * 200_000 / cost['size']:.1f}"


def _per_table(cost: Figures) -> str:
    if cost["what"] != "csv":
        return ""
    return f"{cost['peak_mb'] / cost['size']:.2f}"


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    """Each competition in a folder of its own, which goes before the next is made."""
    if options.files < 0 or options.csv_gb < 0:
        raise UsageError("--files and --csv-gb must not be negative")
    if options.dir is not None:
        options.dir.mkdir(parents=True, exist_ok=True)
    wanted = ((measure_files, options.files), (measure_csv, int(options.csv_gb * 10**9)))
    costs: list[Figures] = []
    for measure, size in wanted:
        if not size:
            continue
        folder = Path(tempfile.mkdtemp(prefix="big-", dir=options.dir))
        try:
            costs.append(asdict(measure(folder, size)))
        finally:
            remove(folder)
        yield {"costs": costs}


MEASURE = Measure(
    name="big",
    help="very many files and a very large csv, made on the fly: seconds and memory",
    options=(
        Option(
            "--files",
            {
                "type": int,
                "default": 1_000_000,
                "help": "small files, 0 for none (default 1000000)",
            },
            lambda value: [f"--files {value}"],
        ),
        Option(
            "--csv-gb",
            {"type": float, "default": 5.0, "help": "GB of the csv, 0 for none (default 5)"},
            lambda value: [f"--csv-gb {value:g}"],
        ),
        Option(
            "--dir",
            {
                "type": Path,
                "help": "where they are made and removed (default: the temporary folder)",
            },
        ),
    ),
    figures=_figures,
    line=lambda figures: json.dumps(figures["costs"][-1]),
    table=big_table,
    sections=("big",),
)
