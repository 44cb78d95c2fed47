"""`python -m swarm_host COMMAND`: finds the command, turns errors into exit statuses."""

from __future__ import annotations

import importlib
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from swarm_host.cli.parser import COMMANDS, parser
from swarm_host.cli.statuses import WRONG_USE, complain, guarded

Handler = Callable[[Namespace, Mapping[str, str]], int]
# Command: module and function, loaded when it is asked for.
_HANDLERS = {
    "doctor": ("machine", "doctor"),
    "run": ("starting", "run"),
    "sweep": ("starting", "sweep"),
    "list": ("looking", "list_all"),
    "show": ("looking", "show"),
    "logs": ("logs", "logs"),
    "cancel": ("changing", "cancel"),
    "retry": ("changing", "retry"),
    "regrade": ("changing", "regrade"),
    "compare": ("comparing", "compare"),
    "clean": ("changing", "clean"),
    "agents": ("machine", "agents"),
    "competitions": ("machine", "competitions"),
    "worker": ("changing", "worker"),
    "reindex": ("changing", "reindex"),
}


def main(
    arguments: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
    program: str = "python -m swarm_host",
) -> int:
    """The exit status. environ: None for this process' own."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if unknown := _unknown_command(words):
        complain(unknown, "--json" in words)
        return WRONG_USE
    options = parser(program).parse_args(words)
    return guarded(lambda: _call(options, environ), options.json)


def _call(options: Namespace, environ: Mapping[str, str] | None) -> int:
    module, function = _HANDLERS[options.command]
    loaded = importlib.import_module(f"swarm_host.cli.{module}")
    handler = cast(Handler, getattr(loaded, function))
    return handler(options, os.environ if environ is None else environ)


def _unknown_command(words: Sequence[str]) -> str:
    """A complaint with the nearest command; "" when there is nothing to complain of."""
    if not words or words[0].startswith("-") or words[0] in COMMANDS:
        return ""
    from swarm_host.words.names import unknown

    return unknown("command", words[0], COMMANDS)
