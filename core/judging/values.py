"""What a target cell is: float or label text, and how it is written back. Runs in a worker process."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.judging.statistic import Array
from core.metric_names import BY_NAME, WORDS, AnswerNeeds, predicts
from core.records import CompetitionSpec


def needs(spec: CompetitionSpec) -> AnswerNeeds:
    """What the metric asks of answers and predictions; nothing where the registry does not have it."""
    known = BY_NAME.get(spec.metric.name)
    if known is None:
        return AnswerNeeds()
    return known.needs


def is_words(spec: CompetitionSpec) -> bool:
    """True when predictions are lists, texts or masks: arrays of objects, since a cell may be long."""
    return predicts(spec) in WORDS


def is_text(spec: CompetitionSpec) -> bool:
    """True when predictions are labels that are not numbers; every other prediction is a float."""
    if predicts(spec) != "label" or spec.answers.one_hot or needs(spec).numeric_labels:
        return False
    return not spec.answers.classes or bool(np.isnan(class_numbers(spec.answers.classes)).any())


def to_floats(cells: Array) -> Array:
    """Numbers of an array of any shape, NaN where a cell is none."""
    flat = pd.to_numeric(pd.Series(cells.ravel(), dtype=object), errors="coerce")
    return np.asarray(flat.to_numpy(dtype=float, na_value=np.nan).reshape(cells.shape))


def to_labels(cells: Array, classes: tuple[str, ...]) -> Array:
    """Label text as the classes spell it: True/False in any case, whole floats without their point."""
    text = cells.astype(str)
    spelling = dict(zip(map(str.casefold, classes), classes, strict=True))
    if spelling.keys() == {"true", "false"}:
        spelled = [spelling.get(cell.casefold(), cell) for cell in text.ravel()]
        return np.array(spelled, dtype=str).reshape(text.shape)
    if np.issubdtype(cells.dtype, np.floating):
        plain = list(map(_plain, cells.ravel().tolist()))
        return np.array(plain, dtype=str).reshape(cells.shape)
    return np.asarray(text)


def truth_values(truth: Array, spec: CompetitionSpec) -> Array:
    """Held-out answers [rows, columns] in the representation of predictions.

    Where a probability is predicted, labels become 1 for spec.answers.positive and 0 for the other, text or
    number. Raises ValueError when a number is needed and a cell is none.
    """
    if is_words(spec):
        return to_labels(truth, ()).astype(object)
    if is_text(spec):
        return to_labels(truth, spec.answers.classes)
    if np.issubdtype(truth.dtype, np.number):
        numbers = truth.astype(float)
    else:
        numbers = to_floats(truth)
    if predicts(spec) == "probability" and spec.answers.positive is not None:
        return _positives(truth, numbers, spec.answers.positive, spec.answers.classes)
    if np.isnan(numbers).any():
        raise ValueError(_not_numbers(truth[np.isnan(numbers)]))
    return numbers


def _positives(truth: Array, numbers: Array, positive: str, classes: tuple[str, ...]) -> Array:
    """1 for the positive class and 0 for the other: by value where all answers are numbers."""
    if not np.isnan(numbers).any():
        return (numbers == class_numbers((positive,))[0]).astype(float)
    known = np.isin(truth, np.array(classes, dtype=str))
    if not known.all():
        raise ValueError(_not_numbers(truth[~known]))
    return (truth == positive).astype(float)


def _not_numbers(cells: Array) -> str:
    return f"held-out answers are no numbers, for example {cells[:1]}"


def to_cells(values: Array, spec: CompetitionSpec) -> pd.DataFrame:
    """Predictions [rows, columns] as they are written to a csv, columns named as the targets."""
    columns = list(spec.answers.targets)
    if (
        predicts(spec) != "label"
        or spec.answers.one_hot
        or not np.issubdtype(values.dtype, np.floating)
    ):
        return pd.DataFrame(values, columns=columns)
    classes = spec.answers.classes
    names = dict(zip(class_numbers(classes).tolist(), classes, strict=True))
    spelled = [names.get(cell) or _plain(cell) for cell in values.ravel().tolist()]
    cells = np.array(spelled, dtype=object).reshape(values.shape)
    return pd.DataFrame(cells, columns=columns)


def _plain(number: float) -> str:
    """A whole number without its point, any other with all its digits."""
    if number.is_integer():
        return str(int(number))
    return str(number)


def class_numbers(classes: tuple[str, ...]) -> Array:
    """Classes by their value, NaN for one that is no number."""
    return to_floats(np.array(classes, dtype=object))
