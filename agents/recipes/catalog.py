"""Gene fragments as records: each file under fragments/ is one gene, with a TOML header in its
first comment lines.

Header keys: title (words for a plan; `{NAME}` is a parameter), aspect (what swapping it changes),
also (further modalities), tasks, kinds, metrics (empty: all), packages, texts, words and timed
(only with text columns, with columns of words, with a time column), uses (helper files put in
front), joins (DATA: helper files put behind where the table has features), needs and gives (traits
that the fragments of one program must cover), cost (MODEL: seconds for 5,000 rows x 20 columns on
one CPU; DATA: seconds for the same), per_class (cost grows with the number of classes), members
(TRAIN: models fitted), share (TRAIN: parameter with the share of the rows that one model sees),
max_rows, max_classes, rank (smaller is tried first), rank_for.<metric or modality>, prefers.<LOCUS>
(keys, best first), with.<NAME> (MODEL: value of a parameter of another locus in the model's draft),
widens (DATA: columns that it makes, in units of 20), show (parameters that a plan names), scales
(parameters that the cost is proportional to), grid.<NAME>.<aspect> (values), only.<NAME> (tasks,
metrics, "words" or traits of the program's other fragments with which the parameter changes
something; several in one string must all be there).
"""

from __future__ import annotations

import ast
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
        matters = not self.only or any(facts >= set(words.split()) for words in self.only)
        return self if matters else replace(self, grid=(self.default,))

    def neighbours(self, value: Value) -> tuple[Value, ...]:
        """The grid's values next to `value`; for values off the grid all of it."""
        if value not in self.grid:
            return self.grid
        at = self.grid.index(value)
        return tuple(self.grid[i] for i in (at - 1, at + 1) if 0 <= i < len(self.grid))


@dataclass(frozen=True, slots=True)
class Fragment:
    """One gene. key: unique among the fragments of a modality. source: its text without header,
    helpers in front.
    """

    key: str
    locus: Locus
    modalities: frozenset[str]
    title: str
    aspect: str
    source: str
    parameters: tuple[Parameter, ...]
    tasks: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    cost: float = 0.2
    per_class: bool = False
    members: int | str = 1
    share: str = ""
    texts: bool = False
    words: bool = False
    timed: bool = False
    max_rows: float = math.inf
    max_classes: float = math.inf
    rank: float = 5
    rank_for: Mapping[str, float] = field(default_factory=dict)
    prefers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settings: Mapping[str, Value] = field(default_factory=dict)
    widens: float = 1.0
    show: Sequence[str] = ()
    scales: Sequence[str] = ()
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
    everything = [read_fragment(path) for path in _files()]
    fitting = [fragment for fragment in everything if {modality, "common"} & fragment.modalities]
    return tuple(sorted(fitting, key=lambda item: (LOCI.index(item.locus), item.rank, item.key)))


def all_packages() -> frozenset[str]:
    """Module names that some fragment needs beyond numpy, pandas and scikit-learn."""
    return frozenset().union(*(read_fragment(path).packages for path in _files()))


def all_keys() -> frozenset[str]:
    """Of every fragment of any modality; no file is read."""
    return frozenset(path.stem for path in _files())


@cache
def aspects() -> Mapping[tuple[str, str], str]:
    """The aspect that a parameter changes, by key of its fragment and name."""
    everything = (fragment for modality in MODALITIES for fragment in load(modality))
    return {
        (it.key, parameter.name): parameter.aspect
        for it in everything
        for parameter in it.parameters
    }


def preamble(plain: bool) -> str:
    """What stands before the loci. plain: all tables are whole csv files, for which a short reader
    does.
    """
    names = ("_head", "_read_csv" if plain else "_read_any", "_fit")
    return "\n\n".join(
        (FRAGMENTS / "preamble" / f"{name}.py").read_text(encoding="utf-8") for name in names
    )


def read_fragment(path: Path) -> Fragment:
    """The fragment in a file. Raises ValueError when header and text do not belong together."""
    header, text = _split(path.read_text(encoding="utf-8"))
    helpers = [_helper(name) for name in header.pop("uses", ())]
    header["joins"] = "\n\n".join(_helper(name) for name in header.get("joins", ()))
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
    lines = text.splitlines(keepends=True)
    count = next((i for i, line in enumerate(lines) if not _HEADER.match(line)), len(lines))
    return tomllib.loads("".join(line[2:] for line in lines[:count])), "".join(lines[count:])


def _join(text: str, helpers: list[str]) -> str:
    """Imports first, then the fragment's constants, the helpers and the rest."""
    if not helpers:
        return text
    lines = text.splitlines(keepends=True)
    head = 0
    for node in ast.parse(text).body:
        if not (
            isinstance(node, ast.Import | ast.ImportFrom)
            or (isinstance(node, ast.Assign) and _constant(node))
        ):
            break
        head = node.end_lineno or head
    gap = "\n\n" if head else ""
    return (
        "".join(lines[:head])
        + gap
        + "\n\n".join(helpers)
        + "\n"
        + "".join(lines[head:]).lstrip("\n")
    )


def _constant(node: ast.Assign) -> bool:
    return isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper()


def _parameters(
    text: str, grids: dict[str, dict[str, list[Value]]], only: dict[str, list[str]]
) -> tuple[Parameter, ...]:
    """grids: name -> {aspect: values}. only: name -> tasks, metrics and traits."""
    if unknown := set(only) - set(grids):
        raise ValueError(f"only: no grid of {', '.join(sorted(unknown))}")
    found: dict[str, Value] = {}
    for node in ast.parse(text).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in grids
        ):
            found[node.targets[0].id] = ast.literal_eval(node.value)
    parameters = []
    for name, by_aspect in grids.items():
        ((aspect, grid),) = by_aspect.items()
        if found.get(name) not in grid:
            raise ValueError(f"{name} = {found.get(name)!r} is not on its grid")
        parameters.append(
            Parameter(name, found[name], tuple(grid), aspect, frozenset(only.get(name, ())))
        )
    return tuple(parameters)
