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
    return not spec.answers.classes or bool(
        np.isnan(to_floats(np.array(spec.answers.classes, dtype=object))).any()
    )


def to_floats(cells: Array) -> Array:
    """Numbers of an array of any shape, NaN where a cell is none."""
    flat = pd.to_numeric(pd.Series(cells.ravel(), dtype=object), errors="coerce")
    return np.asarray(flat.to_numpy(dtype=float, na_value=np.nan).reshape(cells.shape))


def to_labels(cells: Array, classes: tuple[str, ...]) -> Array:
    """Label text as the classes spell it: True/False in any case, whole floats without their point."""
    text = cells.astype(str)
    if {name.casefold() for name in classes} == {"true", "false"}:
        spelling = {name.casefold(): name for name in classes}
        return np.array(
            [spelling.get(cell.casefold(), cell) for cell in text.ravel()], dtype=str
        ).reshape(text.shape)
    if np.issubdtype(cells.dtype, np.floating):
        return np.array([_plain(cell) for cell in cells.ravel().tolist()], dtype=str).reshape(
            cells.shape
        )
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
    numbers = truth.astype(float) if np.issubdtype(truth.dtype, np.number) else to_floats(truth)
    positive = spec.answers.positive if predicts(spec) == "probability" else None
    if not np.isnan(numbers).any():
        return numbers if positive is None else (numbers == _numbers((positive,))[0]).astype(float)
    known = np.isin(truth, np.array(spec.answers.classes if positive else (), dtype=str))
    if not known.all():
        raise ValueError(f"held-out answers are no numbers, for example {truth[~known][:1]}")
    return (truth == positive).astype(float)


def to_cells(values: Array, spec: CompetitionSpec) -> pd.DataFrame:
    """Predictions [rows, columns] as they are written to a csv, columns named as the targets."""
    columns = list(spec.answers.targets)
    if (
        predicts(spec) != "label"
        or spec.answers.one_hot
        or not np.issubdtype(values.dtype, np.floating)
    ):
        return pd.DataFrame(values, columns=columns)
    names = {
        float(number): name
        for number, name in zip(_numbers(spec.answers.classes), spec.answers.classes, strict=True)
    }
    spelled = [[names.get(cell) or _plain(cell) for cell in row] for row in values.tolist()]
    return pd.DataFrame(spelled, columns=columns)


def _plain(number: float) -> str:
    """A whole number without its point, any other with all its digits."""
    return str(int(number)) if number.is_integer() else str(number)


def _numbers(classes: tuple[str, ...]) -> list[float]:
    return list(to_floats(np.array(classes, dtype=object)))
