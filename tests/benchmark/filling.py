"""Fills a small case in a process of its own, so that it can be killed: CACHE DEST."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from benchmark.competitions import references, registry
from benchmark.competitions.classification import CHURN
from benchmark.study.case import Case, make_case
from benchmark.study.evaluations import EvaluationStore
from benchmark.study.fill import Machine, Progress, fill_case
from core.execution.stop import StopSignal
from tests.benchmark.made_up import TINY, rows
from utils.hardware import usable_cpus

PROGRAMS = 2


def small_case(cache: Path, dest: Path) -> Case:
    """Two quick programs of the made-up competition on three views. Changes the registry of this
    process.
    """
    registry.COMPETITIONS = (dataclasses.replace(CHURN, load=lambda folder: rows()),)
    references.REFERENCES["rows"] = dict(list(references.REFERENCES["rows"].items())[:1])
    case = make_case(cache, TINY, "churn", dest)
    quick = [
        item for item in case.items if item.fragments["MODEL"] in ("model_linear", "model_splines")
    ]
    return dataclasses.replace(
        case, items=tuple(quick[:PROGRAMS]), search=case.search[:3], final=()
    )


def fill_all(case: Case, say: Progress) -> None:
    fill_case(
        case,
        EvaluationStore(case).missing(case.keys()),
        Machine(usable_cpus(), 2, StopSignal()),
        say,
    )


if __name__ == "__main__":
    small = small_case(Path(sys.argv[1]), Path(sys.argv[2]))
    fill_all(small, Progress(0, 0, print))
