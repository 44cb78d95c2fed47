"""Command line: python -m benchmark list | prepare | grade | report | relay, or one of the measures
in benchmark/catalog.py.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from benchmark import relay, report
from benchmark.arguments import subcommand
from benchmark.catalog import MEASURES
from benchmark.competitions import grading, pack
from benchmark.competitions.registry import COMPETITIONS, EVERY, find, find_all
from benchmark.errors import NotRunError, SubmissionError
from benchmark.measure import DEST
from benchmark.provenance import ROOT
from utils.errors import DataError, SwarmError, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 the submission is not gradable, 2 bad usage, 3 data are not to be had
    here.
    """
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        options.action(options)
    except KeyboardInterrupt as error:
        number = error.args[0] if error.args else signal.SIGINT
        print(f"interrupted by {signal.Signals(number).name}", file=sys.stderr)
        return 128 + number
    except NotRunError as error:
        print(f"NOT RUN: {error}", file=sys.stderr)
        return 3
    except (UsageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except SwarmError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def interrupt(number: int, frame: FrameType | None) -> None:
    """As an exception, so that a run under way is ended too and does not disturb the next
    measurement.
    """
    raise KeyboardInterrupt(number)


def _list(options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps([competition.facts() for competition in COMPETITIONS]))
        return
    for competition in COMPETITIONS:
        print(f"{competition.name:<14} {competition.metric:<18} {competition.summary}")


def _prepare(options: argparse.Namespace) -> None:
    """Makes all that can be made, and then says what could not."""
    missing = []
    for competition in find_all(options.names):
        try:
            fresh = pack.prepare(competition, options.dest)
        except NotRunError as error:
            missing.append(str(error))
            continue
        done = {True: "prepared in", False: "already in"}[fresh]
        print(f"{competition.name}: {done} {options.dest / competition.name}", flush=True)
    if missing:
        raise NotRunError("; ".join(missing))


def _grade(options: argparse.Namespace) -> None:
    root = options.dest / options.name
    if root.exists() and not pack.intact(root):
        raise DataError(
            f"{root} is damaged: `prepare {options.name} --dest {options.dest}` makes it anew"
        )
    try:
        grade = grading.grade(find(options.name), options.submission, options.dest)
    except SubmissionError as error:
        if options.json:
            print(json.dumps({"invalid": str(error)}))
        raise
    if options.json:
        print(json.dumps(asdict(grade)))
    else:
        print(grading.render(grade))


def _report(options: argparse.Namespace) -> None:
    for path in report.write_documents():
        print(f"wrote {path.relative_to(ROOT)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmark", description="Offline competitions with known answers."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = subcommand(commands, "list", "name the competitions of the pack")
    listing.add_argument("--json", action="store_true", help="print one line of JSON")
    listing.set_defaults(action=_list)
    prepare = subcommand(commands, "prepare", "make competition folders from data packages")
    prepare.add_argument("names", nargs="+", metavar="NAME", help=f"a competition, or {EVERY}")
    prepare.set_defaults(action=_prepare)
    grade = subcommand(commands, "grade", "score a submission against the private answers")
    grade.add_argument("name", metavar="NAME")
    grade.add_argument("submission", type=Path, metavar="SUBMISSION")
    in_json = "print one line of JSON, also for a submission that is not gradable"
    grade.add_argument("--json", action="store_true", help=in_json)
    grade.set_defaults(action=_grade)
    for with_folder in (prepare, grade):
        with_folder.add_argument(DEST.name, **DEST.settings)
    for measure in MEASURES:
        measure.add_to(commands)
    relay.add_to(commands)
    table = subcommand(
        commands,
        "report",
        "write the tables of the READMEs and docs/benchmarks.md from docs/results",
    )
    table.set_defaults(action=_report)
    return parser


if __name__ == "__main__":
    sys.exit(main())
