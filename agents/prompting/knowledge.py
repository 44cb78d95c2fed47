"""Short pieces of knowledge by modality (agents/skills/*.md), and which of them fit a brief.

A file is a TOML header between two lines `+++` and a text. The header's keys are the fields of
KnowledgePiece but name and body: lists of words, ranges [least, most], and what else it says there.
Every condition that is given must hold.
"""

from __future__ import annotations

import math
import random
import re
import tomllib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, get_args

from agents.recipes.assemble import is_recipe
from core.evolution.briefs import BY_KIND, mends
from core.genome import LOCI
from core.metric_names import BY_NAME, family
from core.records import Brief, CompetitionSpec, Modality, ValueKind

SKILLS = Path(__file__).parents[1] / "skills"
MOST = 5
_WITH_GENERAL = 4
_FENCE = "+++\n"
_LONG_TEXT_WORDS = 350
_STRING_ANSWERS = 200

Range = tuple[float, float]
_EVERYTHING: Range = (-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the specification does not say. gpus: devices that candidates get. packages: module
    names that they can import beyond numpy, scipy, pandas and scikit-learn. weights: modalities
    that usable pretrained weights serve. text_words: words of a long text (95 % quantile).
    categories: columns of words that stand in many rows.
    """

    gpus: int = 0
    packages: frozenset[str] = frozenset()
    weights: frozenset[str] = frozenset()
    text_words: int = 0
    categories: int = 0


NEEDS: dict[str, Callable[[CompetitionSpec, Facts], bool]] = {
    "several targets": lambda spec, facts: len(spec.answers.labels) > 1,
    "categories": lambda spec, facts: facts.categories > 0,
    "no order": lambda spec, facts: spec.features.time is None,
    "rows alone": lambda spec, facts: spec.features.time is None and spec.features.group is None,
    "group column": lambda spec, facts: spec.features.group is not None,
    "gpu": lambda spec, facts: facts.gpus > 0,
    "text weights": lambda spec, facts: "text" in facts.weights,
    "image weights": lambda spec, facts: "image" in facts.weights,
    "long text": lambda spec, facts: facts.text_words >= _LONG_TEXT_WORDS,
}
_WORDS: dict[str, Collection[str] | None] = {
    "modalities": frozenset({*get_args(Modality), "time", "sequence"}),
    "kinds": frozenset(get_args(ValueKind)),
    "metrics": frozenset(BY_NAME),
    "briefs": BY_KIND,
    "loci": frozenset(LOCI),
    "needs": frozenset(NEEDS),
    "packages": None,
    "fixtures": None,
}
_RANGES = frozenset({"rows", "classes", "features"})


def _writing() -> frozenset[str]:
    """Kinds of brief that write new code."""
    return frozenset(traits.kind for traits in BY_KIND.values() if not traits.mends)


@dataclass(frozen=True, slots=True)
class KnowledgePiece:
    """One file."""

    # Stem of the file.
    name: str
    # Its heading in a prompt.
    title: str
    # The text after the header.
    body: str
    # Of competitions that it is for: as in a specification, and text, time and sequence (see
    # `modalities`). Empty here and in what follows: all.
    modalities: frozenset[str] = frozenset()
    # Kinds of values in the answers.
    kinds: frozenset[str] = frozenset()
    # Families of metrics.
    metrics: frozenset[str] = frozenset()
    # Kinds of brief; those that write new code where the header has none.
    briefs: frozenset[str] = field(default_factory=_writing)
    # Parts that a brief is about; a brief that is about none fits.
    loci: frozenset[str] = frozenset()
    # Names in NEEDS that must all be true.
    needs: frozenset[str] = frozenset()
    # Modules that candidates must be able to import.
    packages: frozenset[str] = frozenset()
    # Names that the snippets use, for the tests.
    fixtures: frozenset[str] = frozenset()
    # Least and most rows of train.
    rows: Range = _EVERYTHING
    # Least and most classes.
    classes: Range = _EVERYTHING
    # Least and most features.
    features: Range = _EVERYTHING
    # Regular expression over the errors of the parents, "" for any.
    errors: str = ""
    # It stands before its equals.
    first: bool = False

    @property
    def text(self) -> str:
        """What stands in a prompt."""
        return f"### {self.title}\n{self.body.strip()}\n"

    @property
    def general(self) -> bool:
        """True when it is bound to no error, metric, modality or single kind of brief."""
        return not (self.errors or self.metrics or self.modalities) and len(self.briefs) > 1

    def score(self, kind: str) -> int:
        """How closely a piece that fits is bound to its situation: error, kind of brief, metric,
        modality, `first`.

        A draft needs to know the metric before anything else; later programs have it, and the two
        take turns.
        """
        return (
            16 * bool(self.errors)
            + 8 * (len(self.briefs) == 1)
            + 4 * bool(self.metrics and kind == "draft")
            + 2 * bool(self.metrics or self.modalities)
            + self.first
        )


def pick(brief: Brief, spec: CompetitionSpec, facts: Facts, most: int = MOST) -> tuple[str, ...]:
    """The texts of the pieces that fit a brief best, at most `most`; the same arguments give the
    same texts.
    """
    return tuple(piece.text for piece in choose(load(), brief, spec, facts, most))


def choose(
    pieces: Sequence[KnowledgePiece],
    brief: Brief,
    spec: CompetitionSpec,
    facts: Facts,
    most: int = MOST,
) -> tuple[KnowledgePiece, ...]:
    """Pieces by score; equal ones in an order drawn from the brief's seed. Of four and more one is
    a general piece.
    """
    fitting = [piece for piece in pieces if fits(piece, brief, spec, facts)]
    fitting.sort(key=attrgetter("name"))
    random.Random(brief.seed).shuffle(fitting)
    fitting.sort(key=lambda piece: -piece.score(brief.kind))
    general = [piece for piece in fitting if piece.general][: most >= _WITH_GENERAL]
    bound = [piece for piece in fitting if piece not in general]
    return (*bound[: most - len(general)], *general)


def fits(piece: KnowledgePiece, brief: Brief, spec: CompetitionSpec, facts: Facts) -> bool:
    """True when every condition of the piece holds."""
    return (
        brief.kind in piece.briefs
        and _any_of(piece.modalities, modalities(spec))
        and _any_of(piece.metrics, _metrics(spec))
        and _any_of(piece.kinds, {spec.value_kind})
        and (brief.locus is None or _any_of(piece.loci, {brief.locus}))
        and piece.packages <= facts.packages
        and all(NEEDS[need](spec, facts) for need in piece.needs)
        and _within(piece.rows, spec.tables.rows_train)
        and _within(piece.classes, len(spec.answers.classes))
        and _within(piece.features, len(spec.features.names))
        and _about(piece.errors, brief)
        and not (piece.general and _changes_a_model_program(brief))
    )


def _metrics(spec: CompetitionSpec) -> set[str]:
    """The metric, and the one whose advice fits it as well."""
    name = family(spec.metric.name)
    return {name, BY_NAME[name].advice}


def modalities(spec: CompetitionSpec) -> frozenset[str]:
    """The modality, text where a table has text columns, time where rows are ordered, sequence
    where answers are free strings.
    """
    found: set[str] = {spec.modality}
    if spec.features.texts:
        found.add("text")
    if spec.features.time is not None:
        found.add("time")
    if spec.value_kind == "label" and len(spec.answers.classes) >= max(
        _STRING_ANSWERS, spec.tables.rows_train / 50
    ):
        found.add("sequence")
    return frozenset(found)


def packages_named() -> frozenset[str]:
    """Module names that some piece needs; those that can be imported belong into Facts.packages."""
    return frozenset().union(*map(attrgetter("packages"), load()))


def _any_of(wanted: frozenset[str], there: set[str] | frozenset[str]) -> bool:
    return not wanted or bool(wanted & there)


def _within(bounds: Range, value: float) -> bool:
    return bounds[0] <= value <= bounds[1]


def _changes_a_model_program(brief: Brief) -> bool:
    """Its author knew what holds for every program; what fits shape and metric may still be news."""
    if not brief.parents or mends(brief.kind):
        return False
    return not is_recipe(brief.parents[0].program)


def _about(errors: str, brief: Brief) -> bool:
    if not errors:
        return True
    for parent in brief.parents:
        error = parent.error
        if error is not None and re.search(errors, f"{error.type}: {error.message}"):
            return True
    return False


# ---------------------------------------------------------------- files


@cache
def load(folder: Path = SKILLS) -> tuple[KnowledgePiece, ...]:
    """Every piece of a folder by name. Raises ValueError for a malformed file."""
    return tuple(
        parse(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.md"))
    )


def parse(name: str, text: str) -> KnowledgePiece:
    """The piece in a file's text. Raises ValueError, naming file and key, for anything that is not
    as it should be.
    """
    try:
        before, header, body = text.split(_FENCE, 2)
        if before:
            raise ValueError("something stands before the header")
        fields = {key: _field(key, value) for key, value in tomllib.loads(header).items()}
        if "title" not in fields or not body.strip():
            raise ValueError("title or text is missing")
        return KnowledgePiece(name=name, body=body, **fields)
    except (ValueError, re.error) as error:
        raise ValueError(f"skill {name}: {error}") from error


def _field(key: str, value: Any) -> Any:
    if key in _WORDS:
        return _words(key, value)
    if key in _RANGES:
        return _range(key, value)
    if key == "first" and isinstance(value, bool):
        return value
    if key in ("title", "errors") and isinstance(value, str) and value:
        if key == "errors":
            re.compile(value)
        return value
    raise ValueError(f"unknown key or wrong value: {key} = {value!r}")


def _words(key: str, value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise ValueError(f"{key} must be a list of words, not {value!r}")
    known = _WORDS[key]
    if known is not None and (unknown := sorted(set(value).difference(known))):
        raise ValueError(f"{key}: unknown word {unknown[0]!r}")
    return frozenset(value)


def _range(key: str, value: Any) -> Range:
    pair = isinstance(value, list) and len(value) == 2 and {*map(type, value)} <= {int, float}
    if not pair or not value[0] < value[1]:
        raise ValueError(f"{key} must be [least, most], not {value!r}")
    return (float(value[0]), float(value[1]))
