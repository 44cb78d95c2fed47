"""Command line: python -m tests.shapes [name ...] [--json FILE] [--report]."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmark.provenance import keep_figures
from tests.shapes.pipeline import Pipeline, Result
from tests.shapes.registry import BY_NAME, SHAPES
from tests.shapes.report import DOCUMENT, with_tables
from tests.shapes.runs import RunResult, run
from tests.shapes.shape import Shape
from tests.shapes.unforeseen import UNFORESEEN
from utils.process import become_subreaper

COMMAND = "python -m tests.shapes --json docs/results/shapes.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 when every folder has a result, 1 when a run was not honest about its end."""
    options = _parser().parse_args(arguments)
    if options.report:
        DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    become_subreaper()
    with tempfile.TemporaryDirectory(prefix="shapes-") as root:
        results = measure(options.names or list(BY_NAME), Path(root))
        runs = (
            [] if options.names else [run(name, Path(root) / f"run_{name}") for name in UNFORESEEN]
        )
    for each in runs:
        print(
            f"{each.name:36} exit {each.exit} {each.status:9} {each.published:9} {each.reason[:120]}",
            flush=True,
        )
    if options.json is not None:
        keep_figures(options.json, COMMAND, figures(results, runs))
        DOCUMENT.write_text(
            with_tables(DOCUMENT.read_text(encoding="utf-8"), options.json), encoding="utf-8"
        )
    return int(any(each.traceback for each in runs))


def measure(names: Sequence[str], root: Path) -> list[Result]:
    """Results in the order of SHAPES; as many folders at a time as there are cores."""
    wanted = [shape for shape in SHAPES if shape.name in names]
    lanes = min(len(os.sched_getaffinity(0)), len(wanted))
    with ThreadPoolExecutor(lanes) as pool:
        parts = list(
            pool.map(lambda lane: _lane(wanted[lane::lanes], root / f"lane{lane}"), range(lanes))
        )
    results = {result.name: result for part in parts for result in part}
    return [results[shape.name] for shape in wanted]


def _lane(shapes: Sequence[Shape], root: Path) -> list[Result]:
    root.mkdir()
    pipeline, results = Pipeline(root), []
    try:
        for shape in shapes:
            results.append(pipeline.run(shape))
            print(line(results[-1]), flush=True)
    finally:
        pipeline.close()
    return results


def figures(results: Sequence[Result], runs: Sequence[RunResult]) -> dict[str, object]:
    shapes = [
        dataclasses.asdict(result) | {"beats_baseline": result.beats_baseline} for result in results
    ]
    return {"shapes": shapes, "unforeseen": [dataclasses.asdict(each) for each in runs]}


def line(result: Result) -> str:
    scores = [f"{value:8.4f}" if value is not None else "       -" for value in _scores(result)]
    mark = "+" if result.beats_baseline else " "
    told = f"{result.seconds:5.1f} s {(result.reason or result.plan)[:90]}"
    return f"{result.name:36}{result.split:11}{''.join(scores)} {mark} {result.scored_by:8}{told}"


def _scores(result: Result) -> tuple[float | None, ...]:
    return result.baseline, result.holdout, result.private


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.shapes", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[[], *BY_NAME], help="folders; all of them without names"
    )
    parser.add_argument(
        "--json", type=Path, help="takes the figures; docs/shapes.md is written from it"
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="only write docs/shapes.md from docs/results/shapes.json",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
