"""Locus markers for programs that lack some: comments are put between statements, and no statement
moves. Pure.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import filterfalse
from operator import attrgetter, itemgetter

from agents.answers.syntax import is_import, parsed
from core.genome import LOCI, Genome, Locus

_NAMES = r"(DATA|MODEL(?:L?ING)?|TRAIN(?:ING)?|POST[-_ ]?PROCESS(?:ING)?)"
# `#%% Model: trees`, `# === TRAINING ===`, `## Data`; a marker that is right already has no need of
# it.
_HEADING = re.compile(
    rf"^#[#\s]*(?:(?:%%|In\[)[\W\d_]*{_NAMES}\b(.*)|[\W\d_]*{_NAMES}[\W_]*)$", re.IGNORECASE
)
_MARKER = re.compile(rf"# %% ({'|'.join(LOCI)})\b")
_BY_START = {locus[:4]: locus for locus in LOCI}

# Words of a statement that speak for a locus, one point each.
_SIGNS: dict[Locus, re.Pattern[str]] = {
    "DATA": re.compile(
        r"read_\w{1,40}\(|\binput\b|merge\(|fillna|get_dummies|Encoder\(|Scaler\(|Vectorizer\(|Imputer\(|\.drop\(|\.map\("
        r"|train_test_split|Dataset\b|DataLoader|[Tt]okenizer|preprocess|features?\b|sample_submission|\.astype\("
    ),
    "MODEL": re.compile(
        r"(?:Classifier|Regressor|Regression|Ridge|Lasso|SVC|SVR|NB|Booster|Pipeline|Sequential|Model)(?:CV)?\("
        r"|nn\.\w+|from_pretrained|(?:build|make|create|get|define)_\w{0,40}(?:model|net)|\bparams\b|hyper|forward\("
    ),
    "TRAIN": re.compile(
        r"\.fit\(|(?:lgb|xgb|lightgbm|xgboost|model|\))\.train\(|Fold\(|cross_val|\.backward\(|\.step\(|epochs?\b"
        r"|early_stopping|\bfolds?\b|\boof\b|_score\(|criterion|optimi[sz]er"
    ),
    "POSTPROCESS": re.compile(
        r"(?<!sample_)submission|to_csv|\.predict\w{0,40}\(|clip\(|argmax|threshold|softmax|\bsub(?:mit)?\b"
    ),
}
_MOST_POINTS = 4
_LONG_HEADING = 300
_MOST_UNITS = 400
# Points that a change of locus must bring, so that one stray word does not cut a locus in two.
_SWITCH = 1.5
# Points that no number of statements brings.
_AGAINST_AUTHOR = 1e6
# A compound statement with more than this share of the lines is the program itself, e.g. `def
# main()`.
_MOST_OF_IT = 0.6


_Path = tuple[float, list[Locus]]
"""Points, and a locus for each unit so far."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """Lines that stay together, from 0, `end` excluded. fixed: the locus that a marker of the
    author gives it.
    """

    start: int
    end: int
    points: dict[Locus, int]
    fixed: Locus | None = None


def mark_loci(program: str, guess: bool = True) -> str:
    """The program with its headings turned into markers and, with `guess`, the loci that are then
    missing marked.

    A text that is no Python stays as it is. Only comment lines are changed or added.
    """
    tree = parsed(program)
    if tree is None or not tree.body:
        return program
    program = _with_headings(program)
    if not guess or Genome.parse(program).complete:
        return program
    lines = program.split("\n")
    units = _units(tree, lines)
    if not units or len(units) > _MOST_UNITS:
        return _with_empty(lines, set(LOCI) - Genome.parse(program).loci)
    labels = _most_likely(units)
    missing = [locus for locus in LOCI if locus not in labels]
    for locus in missing:
        _give_one(units, labels, locus)
    return _with_empty(_inserted(lines, units, labels), set(LOCI) - set(labels))


def _with_headings(program: str) -> str:
    lines = program.split("\n")
    for number in _comment_lines(program):
        match = _HEADING.match(lines[number]) if len(lines[number]) < _LONG_HEADING else None
        if match and not _MARKER.match(lines[number]):
            locus = _BY_START[(match[1] or match[3]).upper()[:4]]
            lines[number] = f"# %% {locus}{match[2] or ''}".rstrip()
    return "\n".join(lines)


def _comment_lines(program: str) -> Iterator[int]:
    """Lines from 0 that are a comment from their first column on (and not the inside of a string)."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(program).readline))
    except (tokenize.TokenError, SyntaxError):
        return
    for token in tokens:
        line, column = token.start
        if token.type == tokenize.COMMENT and column == 0:
            yield line - 1


# ---------------------------------------------------------------- statements and their points


def _units(tree: ast.Module, lines: list[str]) -> list[_Unit]:
    """Statements in order, from the first that is not an import or a constant; comments above one
    belong to it.
    """
    markers = _markers(lines)
    first_marker = min(markers, default=len(lines))
    units: list[_Unit] = []
    above = 0
    for start, end, quiet in _spans(tree.body):
        start = _with_comments(lines, start, above)
        points = dict.fromkeys(LOCI, 0)
        if not quiet:
            points = _points("\n".join(lines[start:end]))
        if units and start < above:
            units[-1] = _joined(units[-1], end, points)
        elif units or any(points.values()) or first_marker < end:
            units.append(_Unit(start, end, points))
        if units:
            above = end
    return [_fixed(unit, markers) for unit in units]


def _joined(unit: _Unit, end: int, points: dict[Locus, int]) -> _Unit:
    """The unit up to another end, with the greater points of both."""
    most = {locus: max(unit.points[locus], points[locus]) for locus in LOCI}
    return _Unit(unit.start, end, most)


def _points(text: str) -> dict[Locus, int]:
    points = dict.fromkeys(LOCI, 0)
    for locus, sign in _SIGNS.items():
        points[locus] = min(len(set(sign.findall(text))), _MOST_POINTS)
    return points


def _spans(body: list[ast.stmt]) -> Iterator[tuple[int, int, bool]]:
    """(first line, line after, is an import or a docstring) of each statement; the body of one that
    is most of the program stands for it.
    """
    size = sum(map(_length, filterfalse(_is_quiet, body)))
    for node in body:
        start, end = _first_line(node), node.end_lineno or node.lineno
        inner: list[ast.stmt] = []
        if isinstance(node, ast.FunctionDef | ast.If | ast.With):
            inner = node.body
        most_of_it = len(inner) > 1 and end - start > _MOST_OF_IT * size
        if most_of_it and _first_line(inner[0]) >= node.lineno:
            yield start, _first_line(inner[0]), False
            yield from _spans(inner)
            last = inner[-1].end_lineno or end
            if end > last:
                yield last, end, False
        else:
            yield start, end, _is_quiet(node)


def _length(node: ast.stmt) -> int:
    """Its lines, decorators included."""
    return (node.end_lineno or 0) - _first_line(node)


def _is_quiet(node: ast.stmt) -> bool:
    """Imports and bare texts speak for no locus, whatever words are in them."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or is_import(node)


def _first_line(node: ast.stmt) -> int:
    """Line from 0, decorators included."""
    above: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *map(attrgetter("lineno"), above)]) - 1


def _with_comments(lines: list[str], start: int, least: int) -> int:
    while (
        start > least
        and lines[start - 1].lstrip().startswith("#")
        and _marker(lines[start - 1]) is None
    ):
        start -= 1
    return start


def _marker(line: str) -> Locus | None:
    match = _MARKER.match(line)
    if match is None:
        return None
    return LOCI[LOCI.index(match[1])]


def _markers(lines: list[str]) -> dict[int, Locus]:
    """Locus by line, from 0, of the markers that the author wrote."""
    markers: dict[int, Locus] = {}
    for number, line in enumerate(lines):
        locus = _marker(line)
        if locus is not None:
            markers[number] = locus
    return markers


def _fixed(unit: _Unit, markers: dict[int, Locus]) -> _Unit:
    """The unit with the locus of the last marker above its end."""
    above = [number for number in markers if number < unit.end]
    if not above:
        return unit
    return _Unit(unit.start, unit.end, unit.points, markers[max(above)])


# ---------------------------------------------------------------- the decision


def _most_likely(units: list[_Unit]) -> list[Locus]:
    """A locus for each unit: most points in all, less what each change costs (Viterbi); authors'
    markers stand.
    """
    best: dict[Locus, _Path] = dict.fromkeys(LOCI, (0.0, []))
    for unit in units:
        options: dict[Locus, _Path] = {}
        for locus in LOCI:
            score, path = _reached(locus, best)
            if unit.fixed in (None, locus):
                score += unit.points[locus]
            else:
                score -= _AGAINST_AUTHOR
            options[locus] = (score, [*path, locus])
        best = options
    return max(best.values(), key=itemgetter(0))[1]


def _reached(locus: Locus, best: dict[Locus, _Path]) -> _Path:
    """The path that comes to a locus with most points; of equals the one by the first locus."""
    reached: _Path | None = None
    for last in LOCI:
        score, path = best[last]
        if path and path[-1] != locus:
            score -= _SWITCH
        if reached is None or score > reached[0]:
            reached = score, path
    assert reached is not None
    return reached


def _give_one(units: list[_Unit], labels: list[Locus], locus: Locus) -> None:
    """Gives a locus that has nothing the unit that speaks for it most, unless it is the only one of
    its own locus.
    """
    options: dict[int, int] = {}
    for number, (unit, label) in enumerate(zip(units, labels, strict=True)):
        if unit.points[locus] and labels.count(label) > 1:
            options[number] = unit.points[locus] - unit.points[label]
    if options:
        labels[max(options, key=options.__getitem__)] = locus


def _inserted(lines: list[str], units: list[_Unit], labels: list[Locus]) -> list[str]:
    """The lines with a marker wherever the locus changes and none stands yet."""
    above: dict[int, Locus] = {}
    current: Locus | None = None
    covered = 0
    for unit, label in zip(units, labels, strict=True):
        for line in lines[covered : unit.start]:
            current = _marker(line) or current
        if label != current:
            above[unit.start] = label
        current, covered = label, unit.start
        for line in lines[unit.start : unit.end]:
            current = _marker(line) or current
    marked: list[str] = []
    for number, line in enumerate(lines):
        if number in above:
            marked.append(f"# %% {above[number]}")
        marked.append(line)
    return marked


def _with_empty(lines: list[str], missing: set[Locus]) -> str:
    """The program with empty loci at its end: it qualifies, and a later mutation may fill them."""
    text = "\n".join(lines)
    if not missing:
        return text
    text = text.rstrip("\n") + "\n"
    for locus in LOCI:
        if locus in missing:
            text += f"# %% {locus}\n"
    return text
