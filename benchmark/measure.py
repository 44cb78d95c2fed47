"""A measurement as a command: `python -m benchmark NAME` measures, `--json FILE` keeps the figures, and
`report` writes its table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.arguments import count, positive, result_file, subcommand
from benchmark.provenance import keep_figures

Figures = dict[str, Any]
# Words that stand for a value in the command that is kept with the figures.
Citation = Callable[[Any], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Option:
    """An argument of a command. name: with dashes, or that of a positional argument. settings: what
    argparse takes. cite: None for what does not change the figures.
    """

    name: str
    settings: Mapping[str, Any]
    cite: Citation | None = None

    @property
    def dest(self) -> str:
        """Where argparse puts the value."""
        return str(self.settings.get("dest", self.name.lstrip("-").replace("-", "_")))


def number(name: str, default: float, help: str) -> Option:
    """A number above 0: a whole one where the default is one."""
    kind: Callable[[str], float] = positive
    form = "g"
    if isinstance(default, int):
        kind, form = count, "d"
    settings = {"type": kind, "default": default, "help": f"{help} (default {default:{form}})"}
    return Option(name, settings, lambda value: [f"{name} {value:{form}}"])


def folder(name: str, default: Path, help: str) -> Option:
    """Where something lies: no figure depends on it."""
    return Option(name, {"type": Path, "default": default, "help": f"{help} (default {default})"})


DEST = folder("--dest", Path("datasets"), "folder of the competitions")
ONE = Option("name", {"metavar": "NAME", "help": "a competition"}, lambda name: [name])
SOME = Option(
    "names",
    {"nargs": "+", "metavar": "NAME", "help": "a competition, or all"},
    lambda names: names,
)
# `--set key=value`, and so on.
OVERRIDES = Option(
    "--set",
    {
        "dest": "words",
        "action": "append",
        "default": [],
        "metavar": "key=value",
        "help": "override a key",
    },
    lambda words: [f"--set {word}" for word in words],
)


@dataclass(frozen=True, slots=True)
class Measure:
    """One measurement. docs/benchmarks.md has a section for each of `sections`, made by `table` from
    docs/results/<section>.json, with _ for -.
    """

    name: str
    help: str
    options: tuple[Option, ...]
    # Measures; gives all figures so far after each part, so that a kill costs one part at most.
    figures: Callable[[argparse.Namespace], Iterator[Figures]]
    # What is printed after each part; None where the measure says by itself how far it is.
    line: Callable[[Figures], str] | None
    # In Markdown.
    table: Callable[[Figures], str] | None = None
    sections: tuple[str, ...] = ()

    def add_to(self, commands: Any) -> None:
        """commands: the sub-parsers of `python -m benchmark`."""
        parser = subcommand(commands, self.name, self.help)
        for option in self.options:
            parser.add_argument(option.name, **option.settings)
        keeping = f"keep the figures here, e.g. docs/results/{self.name}.json"
        parser.add_argument("--json", type=result_file, help=keeping)
        parser.set_defaults(action=self.run)

    def run(self, options: argparse.Namespace) -> None:
        """Raises what the measure raises, OSError where the figures cannot be kept."""
        for figures in self.figures(options):
            if self.line is not None:
                print(self.line(figures), flush=True)
            if options.json is not None:
                keep_figures(options.json, self.command(options), figures)

    def command(self, options: argparse.Namespace) -> str:
        """What measures the same again."""
        words = ["python -m benchmark", self.name]
        for option in self.options:
            if option.cite is not None:
                words += option.cite(getattr(options, option.dest))
        return " ".join(words)


def markdown(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table. head: of the columns; rows may be shorter."""
    lines = [_markdown_row(head), "|---" * len(head) + "|"]
    for row in rows:
        lines.append(_markdown_row([*row, *[""] * (len(head) - len(row))]))
    return "\n".join(lines)


def _markdown_row(cells: Sequence[object]) -> str:
    row = "|"
    for cell in cells:
        text = str(cell)
        row += f" {text} |" if text else " |"
    return row
