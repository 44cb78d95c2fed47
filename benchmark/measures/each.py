"""What the measures over the whole pack share: one competition after another, the rest goes on where
one fails.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence

from benchmark.competitions import pack
from benchmark.competitions.competition import Competition
from benchmark.competitions.registry import EVERY, find_all
from benchmark.errors import NotRunError, SubmissionError
from benchmark.measure import Figures, Option, number
from utils.errors import DataError, WorkerError

ALL = Option(
    "names",
    {"nargs": "*", "metavar": "NAME", "help": "competitions (default: all)"},
    lambda names: names,
)
MINUTES = number("--minutes", 10.0, "time for each competition")


def each_competition(
    options: argparse.Namespace,
    measure: Callable[[Competition], Figures],
    table: Callable[[Figures], str],
) -> Iterator[Figures]:
    """Figures after each competition, with the names of those still to come; at the end the table is
    printed. options: of a measure with ALL and MINUTES.

    Raises NotRunError at the end for what could not be measured here, WorkerError for what went
    wrong.
    """
    competitions = find_all(options.names or [EVERY])
    runs: list[Figures] = []
    problems: list[Exception] = []
    figures: Figures = {}
    for place, competition in enumerate(competitions, 1):
        try:
            pack.prepare(competition, options.dest)
            runs.append(measure(competition))
        except (NotRunError, SubmissionError, WorkerError, DataError, OSError) as error:
            problems.append(error)
            print(f"{competition.name} is left out: {error}", flush=True)
        print(f"{place} of {len(competitions)} done: {competition.name}", flush=True)
        figures = _so_far(options.minutes, runs, competitions)
        yield figures
    print(table(figures))
    if problems:
        raise _worst(problems)("; ".join(map(str, problems)))


def _so_far(minutes: float, runs: list[Figures], competitions: Sequence[Competition]) -> Figures:
    done = {run["competition"] for run in runs}
    absent = [other.name for other in competitions if other.name not in done]
    figures: Figures = {"minutes": minutes, "runs": runs, "absent": absent}
    if runs:
        figures["commit"] = ", ".join(sorted({run["commit"] for run in runs}))
    return figures


def _worst(problems: Sequence[Exception]) -> type[NotRunError] | type[WorkerError]:
    """What is lacking here, where nothing went wrong."""
    if all(isinstance(error, NotRunError) for error in problems):
        return NotRunError
    return WorkerError
