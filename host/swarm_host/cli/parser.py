"""The commands and their options. Imports nothing but argparse: `--help` must be there at once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

# Command: one line for --help.
COMMANDS = {
    "doctor": "what is missing on this machine, and its cure",
    "run": "run what a specification file says",
    "sweep": "run agents on competitions with seeds",
    "list": "groups and units",
    "show": "one group or unit in full",
    "logs": "what a unit printed",
    "cancel": "stop units, or take them out of the queue",
    "retry": "run units that have ended again",
    "regrade": "grade what units have left again",
    "compare": "agents side by side, with paired differences",
    "clean": "containers and processes that belong to no unit any more",
    "agents": "agents that can be run",
    "competitions": "competitions that agents can be run on",
    "worker": "lead units that wait, or that another process left",
    "reindex": "make the store anew from the folders of runs",
}
STREAMS = ("stdout", "stderr", "entrypoint", "build", "host")


def parser(program: str = "python -m swarm_host") -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        program,
        description="Run agents on competitions, anywhere, and compare what came of it.",
        epilog="exit status: 0 all is well, 1 something failed, 2 wrong use or refused, "
        "3 NOT RUN: this machine lacks what is needed, 130 and 143 after SIGINT and SIGTERM",
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, fill in _FILL.items():
        command = commands.add_parser(name, help=COMMANDS[name], description=COMMANDS[name])
        shared(command)
        fill(command)
    return made


def shared(command: argparse.ArgumentParser, **default: Any) -> None:
    """Of every command."""
    command.add_argument(
        "--runs",
        type=Path,
        metavar="DIR",
        help="folder of runs (SWARM_HOST_RUNS, default ./runs)",
        **default,
    )
    command.add_argument("--json", action="store_true", help="JSON on standard output", **default)


def _action(inside: Any, name: str, text: str) -> argparse.ArgumentParser:
    """A command within a command. What both share may stand before and behind its name."""
    made: argparse.ArgumentParser = inside.add_parser(name, help=text, description=text)
    shared(made, default=argparse.SUPPRESS)
    return made


def _units(command: argparse.ArgumentParser, what: str, at_least_one: bool = True) -> None:
    command.add_argument(
        "names",
        nargs="+" if at_least_one else "*",
        metavar="NAME",
        help=f"{what}: a unit, a group, a sweep, the beginning of one, a folder, or `last`",
    )


# ---------------------------------------------------------------- one function for each command


def _doctor(command: argparse.ArgumentParser) -> None:
    command.add_argument("--backend", metavar="NAME", help="what must work: docker, modal, ...")


def _run(command: argparse.ArgumentParser) -> None:
    command.add_argument("config", type=Path, metavar="FILE", help="specification file")
    starting(command)


def _sweep(command: argparse.ArgumentParser) -> None:
    command.add_argument("--agents", nargs="+", required=True, metavar="ID")
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--competitions", nargs="+", metavar="NAME")
    which.add_argument("--set", metavar="NAME", help="a set of host/experiments/splits: pack, dev")
    command.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="seeds 0 to N-1 (default 1)"
    )
    command.add_argument("--source", metavar="NAME", help="pack (default), mlebench or folder")
    command.add_argument("--source-root", metavar="DIR", help="folder of the competitions")
    command.add_argument("--backend", metavar="NAME", help="docker, local, modal or daytona")
    command.add_argument("--timeout", metavar="TIME", help="of each unit: 90s, 10m, 12h")
    command.add_argument("--width", type=int, metavar="N", help="units side by side")
    _placing(command)
    starting(command)


def starting(command: argparse.ArgumentParser) -> None:
    """Of every command that starts what a specification says."""
    command.add_argument(
        "overrides", nargs="*", metavar="key=value", help="instead of what the file says"
    )
    command.add_argument("--dry-run", action="store_true", help="print the commands, start nothing")
    command.add_argument(
        "--print-config", action="store_true", help="print the resolved file, without secrets"
    )
    _leading(command)


def _leading(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--stop-runs", action="store_true", help="the first signal stops runs, not the second"
    )


def _placing(command: argparse.ArgumentParser) -> None:
    command.add_argument("--engine", metavar="NAME", help="local (default), dask, ray or slurm")
    command.add_argument("--address", metavar="WHERE", help="of the engine's cluster")


def _list(command: argparse.ArgumentParser) -> None:
    _units(command, "only these", at_least_one=False)
    command.add_argument("--units", action="store_true", help="units instead of groups")
    command.add_argument("--state", metavar="NAME", help="only units in this state or outcome")


def _show(command: argparse.ArgumentParser) -> None:
    _units(command, "what is shown")
    command.add_argument("--events", action="store_true", help="with all that happened")


def _logs(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="UNIT", help="a unit, or the beginning of its name")
    command.add_argument("-f", "--follow", action="store_true", help="until the unit has ended")
    command.add_argument("-n", "--lines", type=int, metavar="N", help="only the last N lines")
    command.add_argument("--stream", choices=STREAMS, default="stdout")


def _cancel(command: argparse.ArgumentParser) -> None:
    _units(command, "what is cancelled")
    command.add_argument("--reason", default="", metavar="TEXT")


def _retry(command: argparse.ArgumentParser) -> None:
    _units(command, "what runs again; of a group, what did not end well")
    command.add_argument("--width", type=int, default=1, metavar="N", help="units side by side")
    command.add_argument("--ok", action="store_true", help="also what ended well")
    command.add_argument("--queue", action="store_true", help="leave them to a worker")
    _placing(command)
    _leading(command)


def _regrade(command: argparse.ArgumentParser) -> None:
    _units(command, "what is graded again")


def _compare(command: argparse.ArgumentParser) -> None:
    _units(command, "what is compared (default: last)", at_least_one=False)
    command.add_argument("--all", action="store_true", help="everything in the folder of runs")
    command.add_argument(
        "--by", choices=("agent", "group"), default="agent", help="what is one side (agent)"
    )
    command.add_argument("--against", metavar="ID", help="differences from this one only")


def _clean(command: argparse.ArgumentParser) -> None:
    command.add_argument("--backend", nargs="+", default=[], metavar="NAME", help="look here, too")
    command.add_argument("--yes", action="store_true", help="remove what is found")


def _agents(command: argparse.ArgumentParser) -> None:
    inside = command.add_subparsers(dest="action", metavar="ACTION")
    _action(inside, "list", "ids (default)")
    shown = _action(inside, "show", "one agent in full")
    shown.add_argument("name", metavar="ID")
    installed = _action(inside, "install", "copy swarm-evo into a checkout of mle-bench")
    installed.add_argument("--into", type=Path, required=True, metavar="MLE_BENCH")


def _competitions(command: argparse.ArgumentParser) -> None:
    _of_source(command, source="pack", root=None)
    inside = command.add_subparsers(dest="action", metavar="ACTION")
    for name, text in (("list", "names (default)"), ("prepare", "make their data")):
        action = _action(inside, name, text)
        # What stands before the name of the action is kept.
        _of_source(action, source=argparse.SUPPRESS, root=argparse.SUPPRESS)
        if name == "prepare":
            action.add_argument("names", nargs="+", metavar="NAME", help="competitions or one set")


def _of_source(command: argparse.ArgumentParser, source: str, root: str | None) -> None:
    help_text = "pack (default), mlebench or folder"
    command.add_argument("--source", default=source, metavar="NAME", help=help_text)
    help_text = "folder of the competitions"
    command.add_argument("--source-root", default=root, metavar="DIR", help=help_text)


def _worker(command: argparse.ArgumentParser) -> None:
    _units(command, "only these groups", at_least_one=False)
    command.add_argument("--width", type=int, default=1, metavar="N", help="units side by side")
    command.add_argument("--stay", action="store_true", help="wait for more until a signal comes")
    _placing(command)
    _leading(command)


def _reindex(command: argparse.ArgumentParser) -> None:
    """No options of its own."""


_FILL = {
    "doctor": _doctor,
    "run": _run,
    "sweep": _sweep,
    "list": _list,
    "show": _show,
    "logs": _logs,
    "cancel": _cancel,
    "retry": _retry,
    "regrade": _regrade,
    "compare": _compare,
    "clean": _clean,
    "agents": _agents,
    "competitions": _competitions,
    "worker": _worker,
    "reindex": _reindex,
}
