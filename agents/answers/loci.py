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

from agents.answers.syntax import parsed
from core.genome import LOCI, Genome, Locus

_NAMES = r"(DATA|MODEL(?:L?ING)?|TRAIN(?:ING)?|POST[-_ ]?PROCESS(?:ING)?)"
# `#%% Model: trees`, `# === TRAINING ===`, `## Data`; a marker that is right already has no need of
# it.
_HEADING = re.compile(
    rf"^#[#\s]*(?:(?:%%|In\[)[\W\d_]*{_NAMES}\b(.*)|[\W\d_]*{_NAMES}[\W_]*)$", re.IGNORECASE
)
_MARKED = re.compile(r"^# %% (?:DATA|MODEL|TRAIN|POSTPROCESS)\b")

# Words of a statement that speak for a locus, one point each.
_SIGNS: dict[Locus, re.Pattern[str]] = {
    "DATA": re.compile(
        r"read_\w+\(|\binput\b|merge\(|fillna|get_dummies|Encoder\(|Scaler\(|Vectorizer\(|Imputer\(|\.drop\(|\.map\("
        r"|train_test_split|Dataset\b|DataLoader|[Tt]okenizer|preprocess|features?\b|sample_submission|\.astype\("
    ),
    "MODEL": re.compile(
        r"(?:Classifier|Regressor|Regression|Ridge|Lasso|SVC|SVR|NB|Booster|Pipeline|Sequential|Model)(?:CV)?\("
        r"|nn\.\w+|from_pretrained|(?:build|make|create|get|define)_\w*(?:model|net)|\bparams\b|hyper|forward\("
    ),
    "TRAIN": re.compile(
        r"\.fit\(|(?:lgb|xgb|lightgbm|xgboost|model|\))\.train\(|Fold\(|cross_val|\.backward\(|\.step\(|epochs?\b"
        r"|early_stopping|\bfolds?\b|\boof\b|_score\(|criterion|optimi[sz]er"
    ),
    "POSTPROCESS": re.compile(
        r"(?<!sample_)submission|to_csv|\.predict\w*\(|clip\(|argmax|threshold|softmax|\bsub(?:mit)?\b"
    ),
}
_MOST_POINTS = 4
_MOST_UNITS = 400
# Points that a change of locus must bring, so that one stray word does not cut a locus in two.
_SWITCH = 1.5
# A compound statement with more than this share of the lines is the program itself, e.g. `def
# main()`.
_MOST_OF_IT = 0.6


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
        match = _HEADING.match(lines[number])
        if match and not _MARKED.match(lines[number]):
            word = (match.group(1) or match.group(3)).upper()
            locus = next(locus for locus in LOCI if word.startswith(locus[:4]))
            lines[number] = f"# %% {locus}{match.group(2) or ''}".rstrip()
    return "\n".join(lines)


def _comment_lines(program: str) -> Iterator[int]:
    """Lines from 0 that are a comment from their first column on (and not the inside of a string)."""
    tokens = tokenize.generate_tokens(io.StringIO(program).readline)
    try:
        yield from [
            token.start[0] - 1
            for token in tokens
            if token.type == tokenize.COMMENT and token.start[1] == 0
        ]
    except (tokenize.TokenError, SyntaxError):
        return


# ---------------------------------------------------------------- statements and their points


def _units(tree: ast.Module, lines: list[str]) -> list[_Unit]:
    """Statements in order, from the first that is not an import or a constant; comments above one
    belong to it.
    """
    markers = {i: locus for i, line in enumerate(lines) if (locus := _marker(line)) is not None}
    units: list[_Unit] = []
    for start, end, imports in _spans(tree.body):
        start = _with_comments(lines, start, units[-1].end if units else 0)
        text = "\n".join(lines[start:end])
        points = _points("" if imports else text)
        if units and start < units[-1].end:
            units[-1] = _Unit(
                units[-1].start, end, {k: max(v, points[k]) for k, v in units[-1].points.items()}
            )
        elif units or any(points.values()) or any(row < end for row in markers):
            units.append(_Unit(start, end, points))
    return [_fixed(unit, markers) for unit in units]


def _points(text: str) -> dict[Locus, int]:
    return {
        locus: min(len(set(sign.findall(text))), _MOST_POINTS) for locus, sign in _SIGNS.items()
    }


def _spans(body: list[ast.stmt]) -> Iterator[tuple[int, int, bool]]:
    """(first line, line after, is an import or a docstring) of each statement; the body of one that
    is most of the program stands for it.
    """
    size = sum((node.end_lineno or 0) - _first_line(node) for node in body if not _is_quiet(node))
    for node in body:
        start, end = _first_line(node), node.end_lineno or node.lineno
        inner = node.body if isinstance(node, ast.FunctionDef | ast.If | ast.With) else []
        if (
            len(inner) > 1
            and end - start > _MOST_OF_IT * size
            and _first_line(inner[0]) >= node.lineno
        ):
            yield start, _first_line(inner[0]), False
            yield from _spans(inner)
            last = inner[-1].end_lineno or end
            if end > last:
                yield last, end, False
        else:
            yield start, end, _is_quiet(node)


def _is_quiet(node: ast.stmt) -> bool:
    """Imports and bare texts speak for no locus, whatever words are in them."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, ast.Import | ast.ImportFrom)


def _first_line(node: ast.stmt) -> int:
    """Line from 0, decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1


def _with_comments(lines: list[str], start: int, least: int) -> int:
    while (
        start > least
        and lines[start - 1].lstrip().startswith("#")
        and _marker(lines[start - 1]) is None
    ):
        start -= 1
    return start


def _marker(line: str) -> Locus | None:
    return next((locus for locus in LOCI if re.match(rf"# %% {locus}\b", line)), None)


def _fixed(unit: _Unit, markers: dict[int, Locus]) -> _Unit:
    above = [row for row in markers if row < unit.end]
    return _Unit(unit.start, unit.end, unit.points, markers[max(above)]) if above else unit


# ---------------------------------------------------------------- the decision


def _most_likely(units: list[_Unit]) -> list[Locus]:
    """A locus for each unit: most points in all, less what each change costs (Viterbi); authors'
    markers stand.
    """
    best: dict[Locus, tuple[float, list[Locus]]] = {locus: (0.0, []) for locus in LOCI}
    for unit in units:
        options: dict[Locus, tuple[float, list[Locus]]] = {}
        for locus in LOCI:
            reach = [
                (score - (_SWITCH if path and path[-1] != locus else 0.0), -LOCI.index(last), path)
                for last, (score, path) in best.items()
            ]
            score, _, path = max(reach)
            right = unit.fixed in (None, locus)
            options[locus] = (score + (unit.points[locus] if right else -1e6), [*path, locus])
        best = options
    return max(best.values(), key=lambda option: option[0])[1]


def _give_one(units: list[_Unit], labels: list[Locus], locus: Locus) -> None:
    """Gives a locus that has nothing the unit that speaks for it most, unless it is the only one of
    its own locus.
    """
    options = [
        (unit.points[locus] - unit.points[label], -number)
        for number, (unit, label) in enumerate(zip(units, labels, strict=True))
        if unit.points[locus] and labels.count(label) > 1
    ]
    if options:
        labels[-max(options)[1]] = locus


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
        marked += [f"# %% {above[number]}", line] if number in above else [line]
    return marked


def _with_empty(lines: list[str], missing: set[Locus]) -> str:
    """The program with empty loci at its end: it qualifies, and a later mutation may fill them."""
    text = "\n".join(lines)
    names = [f"# %% {locus}\n" for locus in LOCI if locus in missing]
    return text if not names else text.rstrip("\n") + "\n" + "".join(names)
