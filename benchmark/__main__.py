"""Command line: python -m benchmark list | prepare | grade | run | live | overlap | replay | faults
| imports | embeddings | epochs | fill | search | ablate | full | flaml | big | report.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from benchmark import report
from benchmark.arguments import count, positive, result_file, subcommand
from benchmark.competitions import grading, pack
from benchmark.competitions.competition import Competition
from benchmark.competitions.registry import COMPETITIONS, EVERY, find, find_all
from benchmark.errors import NotRunError
from benchmark.measures import embeddings, epochs, faults, imports
from benchmark.measures import real_model as live
from benchmark.measures import runs as measure
from benchmark.provenance import keep_figures
from benchmark.study.commands import add_commands as add_study_commands
from benchmark.whole_commands import add_commands as add_whole_commands
from utils.errors import DataError, SwarmError, UsageError

_DEST = Path("datasets")


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
        place = options.dest / competition.name
        print(f"{competition.name}: {'prepared in' if fresh else 'already in'} {place}", flush=True)
    if missing:
        raise NotRunError("; ".join(missing))


def _grade(options: argparse.Namespace) -> None:
    root = options.dest / options.name
    if root.exists() and not pack.intact(root):
        raise DataError(
            f"{root} is damaged: `prepare {options.name} --dest {options.dest}` makes it anew"
        )
    found = grading.grade(find(options.name), options.submission, options.dest)
    print(json.dumps(found) if options.json else grading.render(found))


def _run(options: argparse.Namespace) -> None:
    """Measures whole runs, one seed after another, and keeps what is measured after each."""
    competition = find(options.name)
    pack.prepare(competition, options.dest)
    public = options.dest / competition.name / "prepared" / "public"

    def score(submission: Path) -> float:
        return float(grading.grade(competition, submission, options.dest)["score"])

    reference = json.loads(
        (public.parent / "private" / "reference.json").read_text(encoding="utf-8")
    )
    runs: list[measure.RunMeasure] = []
    for seed in range(options.seeds):
        runs.append(measure.measure_run(public, score, seed, options.minutes, options.words))
        print(f"{len(runs)} of {options.seeds} done: {runs[-1]}", flush=True)
        if options.json is not None:
            report.keep(options.json, competition.name, _command(options), reference, runs)


def _live(options: argparse.Namespace) -> None:
    """One recorded run with a real server per competition; a run that was cut off goes on."""
    server = live.Server(options.url, options.model)
    measured = []
    for competition in find_all(options.names):
        pack.prepare(competition, options.dest)
        prepared, out = options.dest / competition.name / "prepared", options.out / competition.name
        if not live.is_over(out):
            live.run_live(
                prepared / "public", out, options.steps, options.minutes, server, options.words
            )

        def score(submission: Path, competition: Competition = competition) -> float:
            return float(grading.grade(competition, submission, options.dest)["score"])

        reference = json.loads(
            (prepared / "private" / "reference.json").read_text(encoding="utf-8")
        )
        measured.append(
            dataclasses.asdict(live.measure_live(competition.name, out, score, reference))
        )
        print(json.dumps(measured[-1]), flush=True)
        if options.json is not None:
            words = [*options.names, f"--steps {options.steps}", f"--minutes {options.minutes:g}"]
            words += [f"--set {word}" for word in options.words]
            keep_figures(
                options.json, f"python -m benchmark live {' '.join(words)}", {"runs": measured}
            )


def _overlap(options: argparse.Namespace) -> None:
    """Measures runs with a scripted model of some latency, one per provider."""
    from benchmark.measures.overlap import measure_overlap

    competition = find(options.name)
    pack.prepare(competition, options.dest)
    public = options.dest / competition.name / "prepared" / "public"
    runs = []
    for vendor in ("openai", "anthropic"):
        found = measure_overlap(public, vendor, options.latency, options.minutes, options.steps)
        runs.append(dataclasses.asdict(found))
        print(json.dumps(runs[-1]), flush=True)
        if options.json is not None:
            words = f"{options.name} --latency {options.latency:g} --minutes {options.minutes:g}"
            words += f" --steps {options.steps}"
            keep_figures(options.json, f"python -m benchmark overlap {words}", {"runs": runs})


def _command(options: argparse.Namespace) -> str:
    words = [f"--seeds {options.seeds}", f"--minutes {options.minutes:g}", *options.words]
    return f"python -m benchmark run {options.name} {' '.join(words)}"


def _replay(options: argparse.Namespace) -> None:
    found = measure.measure_replay(options.steps)
    print(json.dumps(found))
    if options.json is not None:
        keep_figures(options.json, f"python -m benchmark replay --steps {options.steps}", found)


def _faults(options: argparse.Namespace) -> None:
    found = [dataclasses.asdict(overrun) for overrun in faults.measure_faults(options.repeats)]
    print(json.dumps(found, indent=1))
    if options.json is not None:
        keep_figures(
            options.json,
            f"python -m benchmark faults --repeats {options.repeats}",
            {"programs": found},
        )


def _imports(options: argparse.Namespace) -> None:
    found = [dataclasses.asdict(cost) for cost in imports.measure_imports(options.repeats)]
    print(imports.imports_table(found))
    if options.json is not None:
        keep_figures(
            options.json,
            f"python -m benchmark imports --repeats {options.repeats}",
            {"costs": found},
        )


def _embeddings(options: argparse.Namespace) -> None:
    found = dataclasses.asdict(embeddings.measure_embeddings(options.model, options.texts))
    print(embeddings.embeddings_table(found))
    if options.json is not None:
        command = f"python -m benchmark embeddings --model DIR --texts {options.texts}"
        keep_figures(options.json, command, found)


def _epochs(options: argparse.Namespace) -> None:
    found = dataclasses.asdict(epochs.measure_epochs(options.steps))
    print(epochs.epochs_table(found))
    if options.json is not None:
        keep_figures(options.json, f"python -m benchmark epochs --steps {options.steps}", found)


def _report(options: argparse.Namespace) -> None:
    for path in report.write_documents():
        print(f"wrote {path.relative_to(report.ROOT)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmark", description="Offline competitions with known answers."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = subcommand(commands, "list", "name the competitions of the pack")
    listing.set_defaults(action=_list)
    prepare = subcommand(commands, "prepare", "make competition folders from data packages")
    prepare.add_argument("names", nargs="+", metavar="NAME", help=f"a competition, or {EVERY}")
    prepare.set_defaults(action=_prepare)
    grade = subcommand(commands, "grade", "score a submission against the private answers")
    grade.add_argument("name", metavar="NAME")
    grade.add_argument("submission", type=Path, metavar="SUBMISSION")
    grade.add_argument("--json", action="store_true", help="print one line of JSON")
    grade.set_defaults(action=_grade)
    run = subcommand(commands, "run", "run main.py with several seeds and measure each run")
    run.add_argument("name", metavar="NAME")
    run.add_argument("--seeds", type=count, default=5, help="how many runs (default 5)")
    run.add_argument(
        "--minutes", type=positive, default=3.0, help="time limit of a run (default 3)"
    )
    run.add_argument(
        "--json", type=result_file, help="keep the measurements here, e.g. docs/results/churn.json"
    )
    run.add_argument("words", nargs="*", metavar="key=value", help="configuration overrides")
    run.set_defaults(action=_run)
    alive = subcommand(
        commands, "live", "run main.py with a real model server (scripts/local_llm.sh), recorded"
    )
    alive.add_argument("names", nargs="+", metavar="NAME")
    alive.add_argument(
        "--url", default="http://127.0.0.1:8089/v1", help="OpenAI-compatible address"
    )
    alive.add_argument("--model", default="qwen2.5-coder-1.5b", help="model name")
    alive.add_argument("--steps", type=count, default=15, help="steps of a run (default 15)")
    alive.add_argument(
        "--minutes", type=positive, default=90.0, help="time limit of a run (default 90)"
    )
    alive.add_argument(
        "--out",
        type=Path,
        default=Path("out/live"),
        help="folder of the runs; the same again resumes",
    )
    alive.add_argument(
        "--json", type=result_file, help="keep the measurements here, e.g. docs/results/live.json"
    )
    alive.add_argument(
        "--set",
        dest="words",
        action="append",
        default=[],
        metavar="key=value",
        help="override a key",
    )
    alive.set_defaults(action=_live)
    overlap = subcommand(
        commands, "overlap", "idle cores, tokens and memory with a scripted model of some latency"
    )
    overlap.add_argument("name", metavar="NAME")
    overlap.add_argument(
        "--latency", type=float, default=1.0, help="seconds before each answer (default 1)"
    )
    overlap.add_argument(
        "--minutes", type=positive, default=8.0, help="time limit of a run (default 8)"
    )
    overlap.add_argument("--steps", type=count, default=55, help="steps of a run (default 55)")
    overlap.add_argument(
        "--json",
        type=result_file,
        help="keep the measurements here, e.g. docs/results/overlap.json",
    )
    overlap.set_defaults(action=_overlap)
    _add_small(commands)
    add_study_commands(commands, _DEST)
    add_whole_commands(commands, _DEST)
    for parsed in (prepare, grade, run, alive, overlap):
        parsed.add_argument(
            "--dest", type=Path, default=_DEST, help=f"folder of the competitions (default {_DEST})"
        )
    return parser


def _add_small(commands: Any) -> None:
    """Commands that need no competition."""
    replay = subcommand(commands, "replay", "time the replay of a journal")
    replay.add_argument("--steps", type=count, default=500)
    replay.add_argument(
        "--json", type=result_file, help="keep the measurement here, e.g. docs/results/replay.json"
    )
    replay.set_defaults(action=_replay)
    over = subcommand(
        commands, "faults", "by how many seconds stubborn programs get over their limit"
    )
    over.add_argument("--repeats", type=count, default=5)
    over.add_argument(
        "--json", type=result_file, help="keep the measurement here, e.g. docs/results/faults.json"
    )
    over.set_defaults(action=_faults)
    cost = subcommand(commands, "imports", "seconds and memory of what the agent imports")
    cost.add_argument(
        "--repeats", type=count, default=5, help="interpreters of each kind (default 5)"
    )
    cost.add_argument(
        "--json",
        type=result_file,
        help="keep the measurements here, e.g. docs/results/imports.json",
    )
    cost.set_defaults(action=_imports)
    vectors = subcommand(commands, "embeddings", "seconds of an embedding model, and of its cache")
    vectors.add_argument(
        "--model", type=Path, required=True, metavar="DIR", help="folder of the model"
    )
    vectors.add_argument("--texts", type=count, default=1000, help="short texts (default 1000)")
    vectors.add_argument(
        "--json",
        type=result_file,
        help="keep the measurement here, e.g. docs/results/embeddings.json",
    )
    vectors.set_defaults(action=_embeddings)
    spent = subcommand(commands, "epochs", "seconds of the agent in the epochs of level 2")
    spent.add_argument(
        "--steps", type=count, default=1000, help="steps of the made-up run (default 1000)"
    )
    spent.add_argument(
        "--json", type=result_file, help="keep the measurement here, e.g. docs/results/epochs.json"
    )
    spent.set_defaults(action=_epochs)
    table = subcommand(
        commands, "report", "write the tables of README and docs/benchmarks.md from docs/results"
    )
    table.set_defaults(action=_report)


if __name__ == "__main__":
    sys.exit(main())
