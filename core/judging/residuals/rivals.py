"""How much two programs err alike on the same held-out rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.judging.blend import pairs
from core.judging.compare import SEED, Pair
from core.judging.metrics import Metric
from core.judging.residuals.costs import error_signal
from core.judging.statistic import Array
from core.judging.store import Store
from core.records import CompetitionSpec

# Of one view, drawn at random: enough for two digits of a correlation.
MOST_ROWS = 20_000


def error_correlation(
    spec: CompetitionSpec, first: Sequence[str], second: Sequence[str], store: Store
) -> float | None:
    """Pearson's correlation of the errors on the holdout rows of the views that both predicted.

    Errors are residuals where answers are numbers or probabilities, else what each row costs. 1 for
    programs that err the same everywhere, None where nothing is in common or one never errs.
    """
    metric = Metric.of(spec)
    ours, theirs = [], []
    for pair in pairs(spec, first, second, store):
        one, other = _errors(metric, pair)
        ours.append(one)
        theirs.append(other)
    if not ours:
        return None
    return _correlation(np.concatenate(ours), np.concatenate(theirs))


def _errors(metric: Metric, pair: Pair) -> tuple[Array, Array]:
    """Both programs' errors in the same order: [values] each."""
    truth = pair.held.truth
    rows = np.random.default_rng(SEED).permutation(len(truth))[:MOST_ROWS]
    ours = error_signal(metric, truth[rows], pair.challenger[rows])
    return ours.ravel(), error_signal(metric, truth[rows], pair.incumbent[rows]).ravel()


def _correlation(a: Array, b: Array) -> float | None:
    if np.array_equal(a, b):
        return 1.0
    if len(a) < 3 or not np.ptp(a) or not np.ptp(b):
        return None
    # Both orders of the two give the same number.
    return round(float(np.clip(np.corrcoef(a, b)[0, 1], -1.0, 1.0)), 6)
