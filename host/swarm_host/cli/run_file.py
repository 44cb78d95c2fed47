"""The command that runs a specification file: `orchestrator/run.py --config FILE [key=value ...]`.

Exit status: 0 all is well, 1 a unit failed, 2 wrong use or refused, 3 NOT RUN: this machine lacks
what is needed, 130 and 143 after SIGINT and SIGTERM.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swarm_host.cli.parser import shared, starting
from swarm_host.cli.statuses import NOT_RUN, OK, WRONG_USE, guarded
from swarm_host.words.places import home, runs_folder

if TYPE_CHECKING:
    from swarm_host.engines.table import MakeEngine
    from swarm_host.groups.sweep import Planned
    from swarm_host.launch.bench import Bench
    from swarm_host.records import Problem
    from swarm_host.show.live import Display
    from swarm_host.spec.loading import Spec


def parser(program: str | None = None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(program, description="Run what a specification file says.")
    made.add_argument("--config", type=Path, required=True, metavar="FILE", help="YAML file")
    shared(made)
    starting(made)
    return made


def main(
    arguments: Sequence[str] | None = None,
    environ: Mapping[str, str] = os.environ,
    program: str | None = None,
) -> int:
    """The exit status."""
    options = parser(program).parse_intermixed_args(arguments)
    return guarded(lambda: run(options, environ), options.json)


def run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """The file that the options name. The exit status."""
    from swarm_host.spec.loading import load

    run_id = new_id()
    spec = load(options.config, options.overrides, scope_of(environ, run_id))
    return run_spec(spec, run_id, options, environ)


def run_spec(
    spec: Spec, run_id: str, options: argparse.Namespace, environ: Mapping[str, str]
) -> int:
    """What a specification says, wherever it comes from. The exit status."""
    from swarm_host.engines.table import engine_of, engine_problems
    from swarm_host.groups.sweep import make_group_folder
    from swarm_host.launch import checking, planning
    from swarm_host.launch.bench import bench

    if options.print_config:
        _print_config(spec, options.json)
        return OK
    engine = engine_of(spec.placement)
    runs = runs_folder(options.runs, environ)
    with bench(runs, environ, new_hex) as work:
        planned = planning.plan(spec, run_id, work, prepare=not options.dry_run)
        problems = [*engine_problems(spec.placement), *checking.problems(planned, work.backends)]
        if options.dry_run:
            problems = checking.of_dry_run(problems)
        status = refuse(problems, options.json)
        if status != OK:
            return status
        if options.dry_run:
            # Only now: a command that would show answers is not printed.
            _print_commands(planned, work, options.json)
            return OK
        planned = planning.plan(spec, run_id, work, make_folder=make_group_folder)
        return _lead(spec, planned, work, engine, options)


def _lead(
    spec: Spec,
    planned: Sequence[Planned],
    work: Bench,
    engine: MakeEngine,
    options: argparse.Namespace,
) -> int:
    from swarm_host.groups.manager import Manners
    from swarm_host.launch import facts, leading

    manners = Manners(
        width=spec.placement.width, stop_runs=options.stop_runs, command=how_to_go_on(work.runs)
    )
    display = _display(planned, options.json)
    finish = leading.lead(planned, work, manners, display, engine)
    told = facts.finish_facts(finish)
    if options.json:
        print(json.dumps(told, indent=2))
    else:
        print_end(told, [group.group.folder for group in planned])
    return finish.status


def how_to_go_on(runs: Path) -> str:
    """What a user types to go on with what waits, and with runs that a signal has left running."""
    return f"python -m swarm_host worker --runs {shlex.quote(str(runs))}"


# ---------------------------------------------------------------- where things are


def scope_of(environ: Mapping[str, str], run_id: str) -> Any:
    """Variables for a file. Relative paths start where the command was given."""
    from swarm_host.words.expand import Scope

    return Scope({"run_id": run_id}, environ, str(home(environ)), str(Path.cwd()))


def new_id() -> str:
    from swarm_host.groups.sweep import new_run_id

    return new_run_id(time.time(), new_hex)


def new_hex() -> str:
    return uuid.uuid4().hex


# ---------------------------------------------------------------- what is said


def refuse(problems: Sequence[Problem], as_json: bool = False) -> int:
    """Says what stands in the way. The exit status: OK when nothing does."""
    refusing = [problem for problem in problems if problem.refuses]
    for problem in problems:
        if not problem.refuses:
            print(f"warning: {problem.what}; {problem.cure}", file=sys.stderr)
    if not refusing:
        return OK
    wrong = [problem for problem in refusing if not problem.not_here]
    for problem in wrong or refusing:
        word = "error" if wrong else "NOT RUN"
        print(f"{word}: {problem.what}; {problem.cure}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": [problem.what for problem in refusing]}))
    return WRONG_USE if wrong else NOT_RUN


def _print_config(spec: Spec, as_json: bool) -> None:
    from swarm_host.spec.show import as_mapping, as_yaml

    print(json.dumps(as_mapping(spec), indent=2) if as_json else as_yaml(spec), end="")
    if as_json:
        print()


def _print_commands(planned: Sequence[Planned], work: Bench, as_json: bool) -> None:
    from swarm_host.launch import planning

    found = planning.commands(planned, work.backends)
    if as_json:
        units = [{"unit": unit.unit_id, "commands": words} for unit, words in found]
        print(json.dumps({"units": units}, indent=2))
        return
    for unit, words in found:
        print(
            f"# {unit.unit_id}: {unit.agent}{f' on {unit.competition}' if unit.competition else ''}"
        )
        for command in words:
            print(shlex.join(command))


def print_end(facts: Mapping[str, Any], folders: Sequence[str]) -> None:
    """How each unit ended, for people. folders: of groups that are new."""
    for unit in facts["units"]:
        said = [f"{unit['unit']}: {unit['outcome'] or unit['state']}"]
        if unit["score"] is not None:
            said.append(f"score {unit['score']:.6g}")
        if unit["isolation"] == "open":
            said.append("isolation: open")
        if unit["message"]:
            said.append(unit["message"])
        if unit["competition"] is None:
            said.append(f"workspace: {unit['workspace']}")
        print("; ".join(said))
    for folder in folders:
        print(f"group: {folder}")


def _display(planned: Sequence[Planned], as_json: bool) -> Display:
    """On a terminal a table. Elsewhere lines, and the output of the agent of a plain run."""
    from swarm_host.groups.sweep import units_of
    from swarm_host.show.live import Following, OutputCopy, Table

    display = display_of_many()
    units = units_of(planned)
    if isinstance(display, Table) or as_json or len(units) > 1 or units[0].competition is not None:
        return display
    logs = Path(units[0].folder) / "logs"
    streams = {logs / "stdout.log": sys.stdout.buffer, logs / "stderr.log": sys.stderr.buffer}
    return Following(display, OutputCopy(streams))


def display_of_many() -> Display:
    """A table on a terminal, lines elsewhere; on standard error."""
    from swarm_host.show.live import PlainLines, Table

    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        # Without rich, lines tell as much.
        with contextlib.suppress(ImportError):
            return Table(sys.stderr)
    return PlainLines(_tell)


def _tell(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(text, file=sys.stderr, flush=True)
