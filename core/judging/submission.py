"""The full check of a submission against the sample that it must answer. Runs in a worker process.

Repairs only what cannot change a prediction: the order of rows and columns, surplus columns, and
drift of floating point arithmetic in probabilities. Everything else is a reason to refuse, in one
line each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.judging.intake import FileRefusedError, decode, parse, read_bytes
from core.judging.samples import Sample
from core.judging.shape import fault_of_shape, short_text, texts
from core.judging.statistic import Array
from core.judging.submission_words import repaired_words, word_problems
from core.judging.values import class_numbers, is_text, is_words, needs, to_floats, to_labels
from core.metric_names import predicts
from core.records import CompetitionSpec
from utils.untrusted import one_line

RANGE_DRIFT = 1e-6
SUM_EXACT = 2e-7
SUM_DRIFT = 5e-3
# Where the classes are not known.
_LONGEST_LABEL = 1_000


@dataclass(frozen=True, slots=True)
class CheckedSubmission:
    """values: predictions [rows, target columns] in the sample's row order; None when there are
    reasons.
    """

    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    values: Array | None


def check_file(path: Path, sample: Sample, spec: CompetitionSpec) -> CheckedSubmission:
    """Judges a file that a foreign program wrote; never raises for anything in that file."""
    try:
        data = read_bytes(path, sample.size)
    except FileRefusedError as refusal:
        return CheckedSubmission((str(refusal),), (), None)
    return check_bytes(data, sample, spec)


def check_bytes(data: bytes, sample: Sample, spec: CompetitionSpec) -> CheckedSubmission:
    """The same for the content of a csv file."""
    try:
        text, notes = decode(data, sample.encoding)
        as_text = is_text(spec) or is_words(spec)
        columns = len(spec.ids.columns) + len(spec.answers.targets)
        delimiters = (sample.delimiter, ",")
        if fault := fault_of_shape(text, delimiters, len(sample), columns, as_text):
            raise FileRefusedError(fault)
        frame, more = parse(text, delimiters, spec.ids.columns, spec.answers.targets, as_text)
    except FileRefusedError as refusal:
        return CheckedSubmission((str(refusal),), (), None)
    notes += more
    order, problems, row_notes = _match_rows(frame, sample, spec)
    if problems:
        return CheckedSubmission(tuple(problems), tuple(notes), None)
    notes += row_notes
    cells = frame[list(spec.answers.targets)].iloc[order]
    values, problems, value_notes = _values(cells, sample, spec)
    notes += value_notes
    if problems:
        return CheckedSubmission(tuple(problems), tuple(notes), None)
    return CheckedSubmission((), tuple(notes), values)


# ---------------------------------------------------------------- rows


def _match_rows(
    frame: pd.DataFrame, sample: Sample, spec: CompetitionSpec
) -> tuple[Array, list[str], list[str]]:
    """For each row of the sample its row in `frame`; problems; warnings."""
    ids = _ids(frame, sample, spec)
    found, by_value = sample.positions(ids)
    unknown = np.flatnonzero(found < 0)
    count = np.bincount(found[found >= 0], minlength=len(sample))
    twice, missing = np.flatnonzero(count > 1), np.flatnonzero(count == 0)
    problems = []
    if len(twice):
        example = sample.name(int(twice[0]))
        problems.append(f"{len(twice)} ids occur more than once (e.g. {example!r})")
    if len(missing):
        example = sample.name(int(missing[0]))
        problems.append(f"{len(missing)} of {len(sample)} ids are missing (e.g. {example!r})")
    if len(unknown):
        example = one_line(", ".join(ids[unknown[0]]), 80)
        problems.append(f"{len(unknown)} ids are not in the sample submission (e.g. {example!r})")
    if problems:
        return found, problems, []
    notes = []
    if by_value:
        notes.append(
            f"{by_value} ids are written differently from the sample but have the same value"
        )
    if (np.diff(found) < 0).any():
        notes.append("rows put in the order of the sample submission")
    return np.argsort(found), [], notes


def _ids(frame: pd.DataFrame, sample: Sample, spec: CompetitionSpec) -> Array:
    """Text [rows, id columns]; without id columns the row number is the id."""
    if not spec.ids.columns:
        return np.arange(len(frame)).astype(str)[:, None]
    longest = max(map(len, sample.ids.ravel().tolist()), default=0)
    return short_text(frame[list(spec.ids.columns)].to_numpy(dtype=object), longest)


# ---------------------------------------------------------------- values


def _values(
    cells: pd.DataFrame, sample: Sample, spec: CompetitionSpec
) -> tuple[Array, list[str], list[str]]:
    """Predictions after repair; problems; warnings."""
    if is_words(spec):
        return _words(texts(cells), sample, spec)
    if is_text(spec):
        longest = max(map(len, spec.answers.classes), default=_LONGEST_LABEL)
        labels = short_text(cells.to_numpy(dtype=object), longest)
        values = to_labels(labels, spec.answers.classes)
        problems = list(_label_problems(values, sample, spec))
    else:
        if all(map(pd.api.types.is_numeric_dtype, cells.dtypes)):
            values = cells.to_numpy(dtype=float)
        else:
            values = to_floats(cells.to_numpy(dtype=object))
        problems = list(_number_problems(values, cells, sample, spec))
    if problems:
        return values, problems, []
    values, notes = _repaired(values, spec)
    constant = _constant(values, spec)
    if constant and needs(spec).varied:
        return values, [f"{constant[0]}; {spec.metric.name} has no value then"], notes
    return values, [], notes + constant


def _words(
    values: Array, sample: Sample, spec: CompetitionSpec
) -> tuple[Array, list[str], list[str]]:
    problems = [
        _line(where, what, values, sample, spec)
        for where, what in word_problems(values, sample, spec)
    ]
    if problems:
        return values, problems, []
    values, notes = repaired_words(values, sample, spec)
    return values, [], notes + _constant(values, spec)


def _sum_to_one(spec: CompetitionSpec) -> bool:
    """Graders refuse rows that do not, even where the text says that they are rescaled."""
    whole = spec.answers.one_hot or spec.answers.exclusive
    return whole and needs(spec).of_shares != "never"


def _label_problems(values: Array, sample: Sample, spec: CompetitionSpec) -> Iterator[str]:
    if (values == "").any():
        yield _line(values == "", "labels are empty", values, sample, spec)
    elif spec.answers.classes:
        strange = ~np.isin(values, np.array(spec.answers.classes, dtype=str))
        if strange.any():
            yield _line(strange, "labels do not occur in the training data", values, sample, spec)


def _number_problems(
    values: Array, cells: pd.DataFrame, sample: Sample, spec: CompetitionSpec
) -> Iterator[str]:
    """Cells that are no finite numbers; only when there are none, what the metric asks of numbers."""
    missing = np.isnan(values)
    words = missing & cells.notna().to_numpy()
    infinite = np.isinf(values)
    if words.any():
        text = cells.to_numpy(dtype=object)
        yield _line(words, "predictions are no numbers", text, sample, spec)
    if (missing & ~words).any():
        yield _line(missing & ~words, "predictions are NaN or empty", values, sample, spec)
    if infinite.any():
        yield _line(infinite, "predictions are infinite", values, sample, spec)
    if not (missing.any() or infinite.any()):
        yield from _range_problems(values, sample, spec)


def _range_problems(values: Array, sample: Sample, spec: CompetitionSpec) -> Iterator[str]:
    kind = predicts(spec)
    if kind == "probability":
        outside = (values < -RANGE_DRIFT) | (values > 1 + RANGE_DRIFT)
        if outside.any():
            yield _line(outside, "probabilities lie outside [0, 1]", values, sample, spec)
        elif _sum_to_one(spec):
            off = np.abs(values.sum(axis=1) - 1) > SUM_DRIFT
            if off.any():
                row = int(np.argmax(off))
                total = f"{values[row].sum():.6g} for id {sample.name(row)!r}"
                yield f"{int(off.sum())} of {len(values)} rows do not sum to 1 (e.g. {total})"
    elif kind == "label" and not spec.answers.one_hot:
        yield from _numeric_label_problems(values, sample, spec)
    else:
        yield from _too_small(values, sample, spec)


def _too_small(values: Array, sample: Sample, spec: CompetitionSpec) -> Iterator[str]:
    """Numbers for which the metric has no value."""
    least = needs(spec).least
    if least is None or not (values < least).any():
        return
    what = f"below {least:g}"
    if least == 0:
        what = "negative"
    why = f"predictions are {what}, for which {spec.metric.name} has no value"
    yield _line(values < least, why, values, sample, spec)


def _numeric_label_problems(values: Array, sample: Sample, spec: CompetitionSpec) -> Iterator[str]:
    broken, known = values != np.round(values), class_numbers(spec.answers.classes)
    whole = bool((known == np.round(known)).all())
    if needs(spec).numeric_labels and whole and broken.any():
        yield _line(broken, "predictions are not integers, which kappa needs", values, sample, spec)
    elif spec.answers.classes:
        strange = ~np.isin(values, known)
        if strange.any():
            yield _line(strange, "labels do not occur in the training data", values, sample, spec)


def _line(where: Array, what: str, cells: Array, sample: Sample, spec: CompetitionSpec) -> str:
    row, column = np.argwhere(where)[0]
    cell = one_line(str(cells[row, column]), 40)
    place = f"{cell!r} in column {spec.answers.targets[column]!r}, id {sample.name(int(row))!r}"
    return f"{int(where.sum())} of {where.size} {what} (e.g. {place})"


def _repaired(values: Array, spec: CompetitionSpec) -> tuple[Array, list[str]]:
    """Probabilities without floating point drift: inside [0, 1], rows of shares summing to 1."""
    notes: list[str] = []
    if predicts(spec) != "probability":
        return values, notes
    outside = int(((values < 0) | (values > 1)).sum())
    if outside:
        values = np.clip(values, 0.0, 1.0)
        notes.append(f"{outside} probabilities clipped to [0, 1] (drift below {RANGE_DRIFT:g})")
    if _sum_to_one(spec):
        sums = values.sum(axis=1, keepdims=True)
        drifted = int((np.abs(sums - 1) > SUM_EXACT).sum())
        if drifted:
            values = values / sums
            notes.append(f"{drifted} rows rescaled to sum 1 (drift below {SUM_DRIFT:g})")
    return values, notes


def _constant(values: Array, spec: CompetitionSpec) -> list[str]:
    """One line where all rows say the same; in some column, for a metric that needs them to vary."""
    same = (values == values[:1]).all(axis=0)
    if len(values) < 2 or not same.any():
        return []
    if not same.all() and not needs(spec).varied:
        return []
    return [f"the prediction is the same in all {len(values)} rows"]
