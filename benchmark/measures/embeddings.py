"""What an embedding model costs: short texts by the model in its worker process, and again from the
cache.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.errors import NotRunError
from benchmark.measure import Figures, Measure, Option, markdown, number
from benchmark.measures.runs import peak_mb
from utils.embedding import CodeEmbeddingManager
from utils.process import child_pids

_ACTS = (
    "Encode",
    "Scale",
    "Impute",
    "Drop",
    "Clip",
    "Bin",
    "Blend",
    "Calibrate",
    "Augment",
    "Resample",
)
_WHAT = (
    "rare categories",
    "skewed numbers",
    "missing dates",
    "long texts",
    "small images",
    "noisy labels",
    "wide rows",
)
_WHERE = (
    "inside each fold",
    "before the split",
    "per group",
    "after the first epoch",
    "on the test rows as well",
)
_WHY = (
    "it gained",
    "it lost",
    "it halved the time and cost",
    "with early stopping it gave",
    "for boosted trees it gave",
)


@dataclass(frozen=True, slots=True)
class EmbeddingCost:
    """numbers: per text. first_s, cached_s: wall, the start of the worker included. caller_cpu_s:
    of the process that asks, the first time. worker_peak_mb: MiB. gone: no process is left after
    close.
    """

    model: str
    texts: int
    numbers: int
    first_s: float
    cached_s: float
    caller_cpu_s: float
    worker_peak_mb: float
    gone: bool


def short_texts(count: int) -> list[str]:
    """Distinct made-up lessons of about a dozen words."""
    draw, texts = random.Random(0), []
    for folds in range(2, count + 2):
        change = f"{draw.choice(_ACTS)} {draw.choice(_WHAT)} {draw.choice(_WHERE)}"
        gain = f"{draw.choice(_WHY)} {draw.uniform(0.001, 0.1):.4f}"
        texts.append(f"{change}: {gain} on {folds} validation folds")
    return texts


def measure_embeddings(model: Path, count: int) -> EmbeddingCost:
    """Raises NotRunError where the model cannot be used."""
    texts = short_texts(count)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "worker.log"
        with CodeEmbeddingManager(model, Path(folder) / "cache.sqlite", log) as manager:
            others = set(child_pids(os.getpid()))
            cpu, begin = time.process_time(), time.perf_counter()
            first = manager.embed(texts)
            first_s, cpu_s = time.perf_counter() - begin, time.process_time() - cpu
            if manager.fallback is not None:
                raise NotRunError(f"the model at {model}: {manager.fallback}")
            (worker,) = set(child_pids(os.getpid())) - others
            worker_mb = peak_mb(worker) or 0.0
            manager.close()
            begin = time.perf_counter()
            if manager.embed(texts) != first:
                raise RuntimeError("the cache gave other vectors")
            cached_s = time.perf_counter() - begin
            gone = set(child_pids(os.getpid())) <= others
    return EmbeddingCost(
        model.name, count, len(first[0]), first_s, cached_s, cpu_s, worker_mb, gone
    )


def embeddings_table(cost: Figures) -> str:
    """cost: of EmbeddingCost."""
    gone = {True: "yes", False: "no"}[cost["gone"]]
    rows = (
        (
            f"{cost['texts']:,} short texts by the model, its start included, s",
            f"{cost['first_s']:.1f}",
            "< 20",
        ),
        ("the same from the cache, s", f"{cost['cached_s']:.3f}", "< 0.2"),
        (
            "CPU seconds of the process that asks, the first time",
            f"{cost['caller_cpu_s']:.2f}",
            "< 0.5",
        ),
        ("process gone after the epoch", gone, "yes"),
        ("peak memory of the worker, MiB", f"{cost['worker_peak_mb']:.0f}"),
        ("numbers per text", cost["numbers"]),
    )
    return markdown(("figure", "measured", "target"), rows)


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    yield asdict(measure_embeddings(options.model, options.texts))


MEASURE = Measure(
    name="embeddings",
    help="seconds of an embedding model, and of its cache",
    options=(
        Option(
            "--model",
            {"type": Path, "required": True, "metavar": "DIR", "help": "folder of the model"},
            lambda folder: ["--model DIR"],
        ),
        number("--texts", 1000, "short texts"),
    ),
    figures=_figures,
    line=embeddings_table,
    table=embeddings_table,
    sections=("embeddings",),
)
