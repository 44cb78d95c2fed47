"""Gene fragments as records: each file under fragments/ is one gene, with a TOML header in its
first comment lines.

Header keys are the fields of Fragment, but for: also (further modalities), uses (helper files put in
front), with.<NAME> (settings), grid.<NAME>.<aspect> (values of a parameter) and only.<NAME> (tasks,
metrics, "words" or traits of the program's other fragments with which the parameter changes
something; several in one string must all be there).
"""

from __future__ import annotations

import ast
import itertools
import math
import re
import tomllib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from core.genome import LOCI, Locus

FRAGMENTS = Path(__file__).parent / "fragments"
# Those of a competition, pixels where answers are images, texts where answers are looked up.
MODALITIES = ("tabular", "text", "image", "audio", "files", "pixels", "texts")
_HEADER = re.compile(r"# [a-z_]+(\.\w+)?(\.\w+|\.\"[a-z -]+\")? = ")
Value = int | float | str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A constant of a fragment. grid: its values in order; default is one of them. only: see above,
    empty for all.
    """

    name: str
    default: Value
    grid: tuple[Value, ...]
    aspect: str
    only: frozenset[str] = frozenset()

    def narrowed(self, facts: Set[str]) -> Parameter:
        """With the default alone as its grid where another value would change nothing."""
        if not self.only or any(facts >= set(words.split()) for words in self.only):
            return self
        return replace(self, grid=(self.default,))

    def neighbours(self, value: Value) -> tuple[Value, ...]:
        """The grid's values next to `value`; for values off the grid all of it."""
        if value not in self.grid:
            return self.grid
        at = self.grid.index(value)
        return (*self.grid[max(at - 1, 0) : at], *self.grid[at + 1 : at + 2])


@dataclass(frozen=True, slots=True)
class Fragment:
    """One gene, and what its header says of it."""

    # Unique among the fragments of a modality.
    key: str
    # The part that it fills.
    locus: Locus
    # Kinds of competitions that it is for.
    modalities: frozenset[str]
    # Words for a plan; `{NAME}` is a parameter.
    title: str
    # What swapping it changes.
    aspect: str
    # Its text without header, helpers in front.
    source: str
    # Its constants that have a grid.
    parameters: tuple[Parameter, ...]
    # Kinds of models for which it is; empty: all.
    tasks: frozenset[str] = frozenset()
    # Kinds of values for which it is; empty: all.
    kinds: frozenset[str] = frozenset()
    # Metrics for which it is; empty: all.
    metrics: frozenset[str] = frozenset()
    # Modules that it imports beyond numpy, pandas and scikit-learn.
    packages: frozenset[str] = frozenset()
    # Traits that the other fragments of a program must give.
    needs: frozenset[str] = frozenset()
    # Traits that it gives to the others.
    gives: frozenset[str] = frozenset()
    # MODEL: seconds for 5,000 rows x 20 columns on one CPU. DATA: seconds for the same.
    cost: float = 0.2
    # The cost grows with the number of classes.
    per_class: bool = False
    # TRAIN: models fitted, or the parameter that says how many.
    members: int | str = 1
    # TRAIN: parameter with the share of the rows that one model sees; "": all of them.
    share: str = ""
    # Only where there are text columns.
    texts: bool = False
    # Only where columns hold words.
    words: bool = False
    # Only where there is a time column.
    timed: bool = False
    # Only up to so many rows of train.
    max_rows: float = math.inf
    # Only up to so many classes.
    max_classes: float = math.inf
    # Smaller is tried first.
    rank: float = 5
    # The rank for a metric or modality.
    rank_for: Mapping[str, float] = field(default_factory=dict)
    # Keys of other loci's fragments by locus, best first.
    prefers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # MODEL: values of parameters of other loci in the model's draft.
    settings: Mapping[str, Value] = field(default_factory=dict)
    # DATA: columns that it makes, in units of 20.
    widens: float = 1.0
    # Parameters that a plan names.
    show: Sequence[str] = ()
    # Parameters that the cost is proportional to.
    scales: Sequence[str] = ()
    # DATA: text put behind where the table has features.
    joins: str = ""

    @property
    def defaults(self) -> dict[str, Value]:
        return {parameter.name: parameter.default for parameter in self.parameters}

    def narrowed(self, facts: Set[str]) -> Fragment:
        """With the grids of parameters that change something. facts: task, metric and traits of
        other fragments.
        """
        return replace(self, parameters=tuple(it.narrowed(facts) for it in self.parameters))


def _files() -> list[Path]:
    """One per fragment; other names begin with an underscore."""
    return sorted(FRAGMENTS.glob("*/[!_]*.py"))


@cache
def load(modality: str) -> tuple[Fragment, ...]:
    """The fragments for one modality, ordered by locus, rank and key. Raises ValueError for a
    malformed file.
    """
    modalities = {modality, "common"}
    fitting = [it for it in map(read_fragment, _files()) if modalities & it.modalities]
    return tuple(sorted(fitting, key=lambda it: (LOCI.index(it.locus), it.rank, it.key)))


def all_packages() -> frozenset[str]:
    """Module names that some fragment needs beyond numpy, pandas and scikit-learn."""
    return frozenset().union(*(read_fragment(path).packages for path in _files()))


def all_keys() -> frozenset[str]:
    """Of every fragment of any modality; no file is read."""
    return frozenset(path.stem for path in _files())


@cache
def aspects() -> Mapping[tuple[str, str], str]:
    """The aspect that a parameter changes, by key of its fragment and name."""
    by_parameter = {}
    for fragment in itertools.chain.from_iterable(map(load, MODALITIES)):
        for parameter in fragment.parameters:
            by_parameter[fragment.key, parameter.name] = parameter.aspect
    return by_parameter


def preamble(plain: bool) -> str:
    """What stands before the loci. plain: all tables are whole csv files, for which a short reader
    does.
    """
    reader = "preamble/_read_csv" if plain else "preamble/_read_any"
    return "\n\n".join(map(_helper, ("preamble/_head", reader, "preamble/_fit")))


def read_fragment(path: Path) -> Fragment:
    """The fragment in a file. Raises ValueError when header and text do not belong together."""
    header, text = _split(path.read_text(encoding="utf-8"))
    helpers = list(map(_helper, header.pop("uses", ())))
    header["joins"] = "\n\n".join(map(_helper, header.get("joins", ())))
    try:
        return _fragment(path, header, text, helpers)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"fragment {path.parent.name}/{path.name}: {error}") from error


def _helper(name: str) -> str:
    return (FRAGMENTS / f"{name}.py").read_text(encoding="utf-8")


def _fragment(path: Path, header: dict[str, Any], text: str, helpers: list[str]) -> Fragment:
    locus: Any = path.stem.split("_")[0].upper()
    if locus not in LOCI:
        raise ValueError(f"no locus is called {locus}")
    values: dict[str, Any] = {
        "key": path.stem,
        "locus": locus,
        "modalities": frozenset({path.parent.name, *header.pop("also", ())}),
        "source": _join(text, helpers),
        "settings": header.pop("with", {}),
        "parameters": _parameters(text, header.pop("grid", {}), header.pop("only", {})),
    }
    sets = {name: frozenset(header[name]) for name in _SETS if name in header}
    return Fragment(**(header | sets | values))


_SETS = ("tasks", "kinds", "metrics", "packages", "needs", "gives")


def _split(text: str) -> tuple[dict[str, Any], str]:
    """The header as it parses, and the text behind it."""
    lines = text.splitlines(keepends=True)
    header = list(itertools.takewhile(_HEADER.match, lines))
    toml = "".join(line.removeprefix("# ") for line in header)
    return tomllib.loads(toml), "".join(lines[len(header) :])


def _join(text: str, helpers: list[str]) -> str:
    """Imports first, then the fragment's constants, the helpers and the rest."""
    if not helpers:
        return text
    lines = text.splitlines(keepends=True)
    head = 0
    for node in itertools.takewhile(_stands_first, ast.parse(text).body):
        head = node.end_lineno or head
    first, rest = "".join(lines[:head]), "".join(lines[head:]).lstrip("\n")
    if first:
        first += "\n\n"
    return first + "\n\n".join(helpers) + "\n" + rest


def _stands_first(node: ast.stmt) -> bool:
    """An import, or the assignment of a constant."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    return (_assigned(node) or "").isupper()


def _assigned(node: ast.stmt) -> str | None:
    """The name that a plain assignment binds."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def _parameters(
    text: str, grids: dict[str, dict[str, list[Value]]], only: dict[str, list[str]]
) -> tuple[Parameter, ...]:
    """grids: name -> {aspect: values}. only: name -> tasks, metrics and traits."""
    if unknown := set(only) - set(grids):
        raise ValueError(f"only: no grid of {', '.join(sorted(unknown))}")
    defaults: dict[str, Value] = {}
    for node in ast.parse(text).body:
        name = _assigned(node)
        if isinstance(node, ast.Assign) and name in grids:
            defaults[name] = ast.literal_eval(node.value)
    parameters = []
    for name, by_aspect in grids.items():
        ((aspect, grid),) = by_aspect.items()
        if defaults.get(name) not in grid:
            raise ValueError(f"{name} = {defaults.get(name)!r} is not on its grid")
        facts = frozenset(only.get(name, ()))
        parameters.append(Parameter(name, defaults[name], tuple(grid), aspect, facts))
    return tuple(parameters)
