"""Seconds to rebuild the state of a run from a made-up journal."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmark.measure import Figures, Measure, number
from core.doubles import entry, proposal
from core.events import FoldScored, Proposed, StepDone
from core.journal.history import History
from core.journal.journal import Journal, read_lines
from core.journal.programs import ProgramStore
from core.records import Brief

_LIMIT_S = 60.0


def measure_replay(steps: int = 500, folds: int = 5) -> dict[str, float]:
    """seconds: of parsing and applying; parse_seconds: of parsing alone."""
    with tempfile.TemporaryDirectory() as folder:
        path, programs = Path(folder) / "journal.jsonl", ProgramStore(Path(folder) / "programs")
        _write(path, programs, steps, folds)
        begin = time.perf_counter()
        lines, _ = read_lines(path)
        parsed = time.perf_counter()
        history = History(programs.get)
        for line in lines:
            history.apply(line)
        done = time.perf_counter()
    return {
        "steps": steps,
        "lines": len(lines),
        "seconds": done - begin,
        "parse_seconds": parsed - begin,
    }


def _write(path: Path, programs: ProgramStore, steps: int, folds: int) -> None:
    journal = Journal(path, time.time, lambda line: None)
    for index in range(steps):
        step = entry(f"s{index:04d}", 0.5, folds=[0.5] * folds)
        text = f"x = {index}\n"
        proposed = proposal(Brief(index, "draft", 7), text)
        journal.append(Proposed(proposed, programs.put(text)))
        for fold in step.folds:
            journal.append(FoldScored(step.id, fold, _LIMIT_S))
        journal.append(StepDone(step))
    journal.close()


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    yield measure_replay(options.steps)


MEASURE = Measure(
    name="replay",
    help="time the replay of a journal",
    options=(number("--steps", 500, "steps of the journal"),),
    figures=_figures,
    line=json.dumps,
)
