"""The commands full, flaml and big."""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark.arguments import positive, result_file, subcommand
from benchmark.competitions import pack
from benchmark.competitions.competition import Competition
from benchmark.competitions.registry import EVERY, find_all
from benchmark.errors import NotRunError, SubmissionError
from benchmark.measures import big, flaml_runs, whole
from benchmark.provenance import keep_figures
from utils.errors import DataError, UsageError, WorkerError
from utils.files import remove
from utils.hardware import usable_cpus

_FULL, _FLAML = Path("out/full"), Path("out/flaml")


def add_commands(commands: Any, dest: Path) -> None:
    """commands: the sub-parsers of `python -m benchmark`. dest: usual folder of the competitions."""
    full = subcommand(commands, "full", "one whole run of main.py per competition; resumes")
    full.add_argument(
        "--set",
        dest="words",
        action="append",
        default=[],
        metavar="key=value",
        help="override a key",
    )
    full.add_argument(
        "--out", type=Path, default=_FULL, help=f"folder of the runs (default {_FULL})"
    )
    full.set_defaults(action=_full)
    flaml = subcommand(
        commands, "flaml", "FLAML with the same time and cores, compared with what `full` made"
    )
    flaml.add_argument(
        "--out", type=Path, default=_FLAML, help=f"folder of its runs (default {_FLAML})"
    )
    flaml.add_argument(
        "--against",
        type=Path,
        default=_FULL,
        help=f"folder of the runs of `full` (default {_FULL})",
    )
    flaml.add_argument(
        "--venv", type=Path, help="its virtual environment (default below the user's cache folder)"
    )
    flaml.set_defaults(action=_flaml)
    for parser in (full, flaml):
        parser.add_argument("names", nargs="*", metavar="NAME", help="competitions (default: all)")
        parser.add_argument(
            "--minutes", type=positive, default=10.0, help="time for each competition (default 10)"
        )
        parser.add_argument(
            "--dest", type=Path, default=dest, help=f"folder of the competitions (default {dest})"
        )
        parser.add_argument("--json", type=result_file, help="keep the figures here")
    large = subcommand(
        commands, "big", "very many files and a very large csv, made on the fly: seconds and memory"
    )
    large.add_argument(
        "--files", type=int, default=1_000_000, help="small files, 0 for none (default 1000000)"
    )
    large.add_argument(
        "--csv-gb", type=float, default=5.0, help="GB of the csv, 0 for none (default 5)"
    )
    large.add_argument(
        "--dir", type=Path, help="where they are made and removed (default: the temporary folder)"
    )
    large.add_argument(
        "--json", type=result_file, help="keep the figures here, e.g. docs/results/big.json"
    )
    large.set_defaults(action=_big)


def _full(options: argparse.Namespace) -> None:
    def measure(competition: Competition) -> dict[str, Any]:
        out = (options.out / competition.name).resolve()
        found = whole.measure_whole(competition, options.dest, out, options.minutes, options.words)
        return dataclasses.asdict(found)

    _each(options, "full", measure, whole.whole_table)


def _flaml(options: argparse.Namespace) -> None:
    python = flaml_runs.environment((options.venv or flaml_runs.usual_place()).resolve())
    cores = len(usable_cpus())

    def measure(competition: Competition) -> dict[str, Any]:
        out = (options.out / competition.name).resolve()
        flaml_runs.submission_of(competition, options.dest, out, options.minutes, cores, python)
        found = flaml_runs.compared(
            competition, options.dest, out, options.against / competition.name
        )
        if found.ours is None:
            print(
                f"{competition.name}: {options.against} has no submission to compare with",
                flush=True,
            )
        return dataclasses.asdict(found)

    _each(options, "flaml", measure, flaml_runs.flaml_table)


def _big(options: argparse.Namespace) -> None:
    """Each competition in a folder of its own, which goes before the next is made."""
    if options.files < 0 or options.csv_gb < 0:
        raise UsageError("--files and --csv-gb must not be negative")
    wanted = [(big.measure_files, options.files), (big.measure_csv, int(options.csv_gb * 10**9))]
    costs = []
    for measure, size in wanted:
        if not size:
            continue
        if options.dir is not None:
            options.dir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="big-", dir=options.dir))
        try:
            costs.append(dataclasses.asdict(measure(folder, size)))
        finally:
            remove(folder)
        print(json.dumps(costs[-1]), flush=True)
        if options.json is not None:
            command = f"python -m benchmark big --files {options.files} --csv-gb {options.csv_gb:g}"
            keep_figures(options.json, command, {"costs": costs})


def _each(
    options: argparse.Namespace,
    word: str,
    measure: Callable[[Competition], dict[str, Any]],
    table: Callable[[dict[str, Any]], str],
) -> None:
    """One competition after another; the figures are kept after each, with the names of those still
    to come.

    Raises NotRunError at the end for what could not be measured here, WorkerError for what went
    wrong.
    """
    competitions = find_all(options.names or [EVERY])
    runs: list[dict[str, Any]] = []
    problems: list[Exception] = []
    for number, competition in enumerate(competitions, 1):
        try:
            pack.prepare(competition, options.dest)
            runs.append(measure(competition))
        except (NotRunError, SubmissionError, WorkerError, DataError, OSError) as error:
            problems.append(error)
            print(f"{competition.name} is left out: {error}", flush=True)
        print(f"{number} of {len(competitions)} done: {competition.name}", flush=True)
        done = {run["competition"] for run in runs}
        absent = [other.name for other in competitions if other.name not in done]
        figures = {"minutes": options.minutes, "runs": runs, "absent": absent}
        if runs:
            figures["commit"] = ", ".join(sorted({run["commit"] for run in runs}))
        if options.json is not None:
            keep_figures(options.json, _command(options, word), figures)
    print(table(figures))
    if problems:
        lacking = all(isinstance(error, NotRunError) for error in problems)
        raise (NotRunError if lacking else WorkerError)("; ".join(map(str, problems)))


def _command(options: argparse.Namespace, word: str) -> str:
    overrides = [f"--set {item}" for item in getattr(options, "words", [])]
    return " ".join(
        ["python -m benchmark", word, *options.names, f"--minutes {options.minutes:g}", *overrides]
    )
