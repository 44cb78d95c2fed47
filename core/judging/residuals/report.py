"""The report on a program's held-out errors: what its successors' authors are told of them.

Only groupings that say more than noise are told (see telling), and only what guards lets through.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from core.judging.resample import clusters
from core.judging.residuals import groupings
from core.judging.residuals.classes import class_tables, target_table
from core.judging.residuals.groupings import Grouping
from core.judging.residuals.guards import LEAST_FOR_TABLES, LEAST_ROWS, clipped, rounded
from core.judging.residuals.held import HeldErrors, held_errors
from core.judging.residuals.summary import right_on_average, summary
from core.judging.residuals.telling import LEAST_STRENGTH, Halves, strength, telling
from core.judging.residuals.words import by_words
from core.judging.statistic import Array
from core.judging.store import Store
from core.metric_names import BY_NAME, predicts
from core.records import CompetitionSpec, ErrorGroup, ErrorReport, ErrorTable, View

MOST_TABLES = 6


def error_report(
    spec: CompetitionSpec, names: Sequence[str], views: Sequence[View], store: Store
) -> ErrorReport | None:
    """names: of the program's predictions. views: the search views. None where fewer than
    LEAST_ROWS held-out rows are known. Raises OSError when a prediction or a view is gone.
    """
    held = held_errors(spec, names, views, store)
    if held is None or len(held) < LEAST_ROWS:
        return None
    return report_on(spec, held)


def report_on(spec: CompetitionSpec, held: HeldErrors) -> ErrorReport:
    """The report on rows that it may rest on."""
    lines = tuple(summary(spec, held))
    if len(held) < LEAST_FOR_TABLES:
        return ErrorReport(len(held), lines)
    return ErrorReport(len(held), lines, tuple(_tables(spec, held)))


def _tables(spec: CompetitionSpec, held: HeldErrors) -> Iterator[ErrorTable]:
    yield from target_table(spec, held)
    yield from class_tables(spec, held)
    halves = Halves.of(clusters(held.group, len(held)))
    values = _values(held)
    for grouping in _of_predictions(spec, held):
        if strength(grouping, values, halves, len(grouping.names)) > LEAST_STRENGTH:
            yield _table(grouping, held)
    for grouping in telling(_groupings(spec, held, values), values, halves, MOST_TABLES):
        yield _table(grouping, held)
    yield from _of_words(spec, held, values[1:], halves)
    yield from _of_groups(spec, held, values[:1])
    for grouping in _of_answers(spec, held):
        yield _table(grouping, held)


def _values(held: HeldErrors) -> list[Array]:
    """By what groupings are strong: cost, and which way a single column errs."""
    values = [clipped(held.per_row[:, None])[:, 0]]
    if held.residuals is not None and held.residuals.shape[1] == 1:
        values.append(clipped(held.residuals, both=True)[:, 0])
    return values


def _table(grouping: Grouping, held: HeldErrors) -> ErrorTable:
    """The groups with enough rows, in the grouping's order."""
    costs, residuals = clipped(held.costs), None
    if held.residuals is not None and held.residuals.shape[1] == 1:
        residuals = clipped(held.residuals, both=True)[:, 0]
    groups = []
    for number, name in enumerate(grouping.names):
        rows = np.flatnonzero(grouping.codes == number)
        if len(rows) < LEAST_ROWS:
            continue
        weights = held.weights[rows]
        if not weights.any():
            continue
        error = float(held.finish(np.average(costs[rows], axis=0, weights=weights)))
        bias = None
        if residuals is not None:
            bias = rounded(float(np.average(residuals[rows], weights=weights)))
        groups.append(ErrorGroup(name, len(rows), rounded(error), bias))
    return ErrorTable(f"{grouping.title} ({_unit(held)})", tuple(groups))


def _unit(held: HeldErrors) -> str:
    if held.scale:
        return f"{held.unit}; bias in {held.scale}"
    return held.unit


# ---------------------------------------------------------------- ways to group


def _groupings(
    spec: CompetitionSpec, held: HeldErrors, values: Sequence[Array]
) -> Iterator[Grouping]:
    """All that may say something, whether it does or not. Not by fold: the scores of the folds stand
    beside the report.
    """
    for grouping in (groupings.horizons(held.group, held.fold), _levels(spec, held)):
        if grouping is not None:
            yield grouping
    for name in held.features.columns:
        cells = held.features[name]
        if name == spec.features.group or _are_ids(cells):
            continue
        text, ordered = name in spec.features.texts, name == spec.features.time
        yield from groupings.of_column(str(name), cells, text, ordered)
    if spec.features.time in held.features.columns:
        name = str(spec.features.time)
        repeated = [*_numeric_answers(held), *values]
        yield from groupings.cycles(name, held.features[name], repeated)


def _numeric_answers(held: HeldErrors) -> list[Array]:
    """The one column of answers where it holds numbers."""
    if held.truth.shape[1] != 1 or not np.issubdtype(held.truth.dtype, np.number):
        return []
    return [held.truth[:, 0]]


def _levels(spec: CompetitionSpec, held: HeldErrors) -> Grouping | None:
    if held.levels is None:
        return None
    return groupings.kinds(f"by {spec.metric.mean_over}", pd.Series(held.levels, dtype=object))


def _are_ids(cells: pd.Series) -> bool:
    """Words that hardly ever come twice name rows."""
    if pd.api.types.is_numeric_dtype(cells):
        return False
    return cells.nunique() > 0.9 * len(cells) and not cells.astype(str).str.contains(r"\W").any()


def _of_predictions(spec: CompetitionSpec, held: HeldErrors) -> Iterator[Grouping]:
    """Bands of what is predicted, where that is one number whose size means something: are they
    right on average.
    """
    if held.residuals is None or held.residuals.shape[1] != 1 or BY_NAME[spec.metric.name].by_ranks:
        return
    grouping = groupings.bands("by what it predicts", held.pred[:, 0].astype(float))
    if grouping is not None:
        yield grouping


def _of_answers(spec: CompetitionSpec, held: HeldErrors) -> Iterator[Grouping]:
    """Bands of a single real answer. Where predictions are right on average, the low answers are
    predicted too high and the high ones too low in any case: that is no news.
    """
    if predicts(spec) != "real" or held.truth.shape[1] != 1 or right_on_average(held):
        return
    grouping = groupings.bands("by the answer", held.truth[:, 0].astype(float))
    if grouping is not None:
        yield grouping


def _of_words(
    spec: CompetitionSpec, held: HeldErrors, residuals: Sequence[Array], halves: Halves
) -> Iterator[ErrorTable]:
    """Words of the texts on which it errs one way. residuals: [] where errors have no sign."""
    for name in spec.features.texts:
        for values in residuals:
            if name in held.features.columns:
                grouping = by_words(name, held.features[name], values, halves)
                if grouping is not None:
                    yield _table(grouping, held)


def _of_groups(
    spec: CompetitionSpec, held: HeldErrors, values: Sequence[Array]
) -> Iterator[ErrorTable]:
    """The few groups that cost most, where groups differ at all."""
    name = spec.features.group
    if name is None or name not in held.features.columns:
        return
    cells = held.features[name]
    shown = groupings.costliest(f"by groups of {name}", cells, held.per_row)
    if shown is None:
        return
    codes, labels = pd.factorize(cells)
    every = Grouping("", tuple(map(str, labels)), codes)
    if strength(every, values, Halves.of(np.arange(len(held))), len(labels)) > 0:
        yield _table(shown, held)
