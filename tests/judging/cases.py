"""Truths and predictions of known quality for any metric of the registry."""

from __future__ import annotations

import numpy as np

from core.judging.metrics import Metric
from core.metric_names import BY_NAME
from core.records import ValueKind

NAMES = [f"w{number}" for number in range(12)]
EVERY = sorted((name, kind) for name in BY_NAME for kind in BY_NAME[name].kinds)


def metric(
    name: str, one_hot: bool = False, kind: ValueKind | None = None, exclusive: bool = False
) -> Metric:
    return Metric(name, BY_NAME[name].direction == "maximize", one_hot, kind, exclusive)


def truth_of(name: str, kind: ValueKind, rng: np.random.Generator, rows: int = 200) -> np.ndarray:
    """Answers on which every class occurs; also the perfect prediction."""
    needs = BY_NAME[name].needs
    if kind == "real":
        # Shares of numbers near 0 have no typical error.
        return rng.gamma(2.0, 2.0, (rows, 1)) + (name == "rmspe")
    if needs.several_columns or needs.of_shares == "always":
        shares = rng.random((rows, 6)) < 0.4
        shares[np.arange(rows), rng.integers(0, 6, rows)] = True
        shares[:, 0] &= ~shares.all(axis=1)
        shares[~shares.any(axis=1), 1] = True
        return (
            shares / shares.sum(axis=1, keepdims=True)
            if needs.of_shares == "always"
            else shares.astype(float)
        )
    if kind == "probability" or needs.numeric_labels:
        return rng.integers(0, 2 if kind == "probability" else 5, (rows, 1)).astype(float)
    if kind == "label":
        return rng.choice(["cat", "dog", "eel"], (rows, 1))
    return words_of(name, kind, rng, rows)


def words_of(name: str, kind: ValueKind, rng: np.random.Generator, rows: int) -> np.ndarray:
    """Cells of lists, texts and masks."""
    if kind == "mask":
        starts = np.sort(rng.choice(np.arange(1, 40), (rows, 2)) * 10, axis=1)
        cells = [
            f"{a} {length} {b + 400} 7"
            for (a, b), length in zip(starts, rng.integers(20, 60, rows), strict=True)
        ]
    elif BY_NAME[name].needs.lists == "orders":
        cells = [" ".join(rng.permutation(NAMES[:6])) for _ in range(rows)]
    else:
        cells = [
            " ".join(rng.choice(NAMES, rng.integers(1, 5), replace=False)) for _ in range(rows)
        ]
    return np.array(cells, dtype=object)[:, None]


def worse(truth: np.ndarray, kind: ValueKind, share: float, rng: np.random.Generator) -> np.ndarray:
    """The truth with noise; for labels and words with a share of the rows answered by another row's
    truth.
    """
    if kind == "real":
        return truth + rng.uniform(0, 1.5 * share, truth.shape)
    if kind == "probability":
        noisy = (1 - share) * truth + (share + 0.6) * rng.random(truth.shape) + 1e-3
        return (
            noisy / noisy.sum(axis=1, keepdims=True) if truth.shape[1] > 1 else np.clip(noisy, 0, 1)
        )
    return np.where(rng.random(truth.shape) < share, rng.permutation(truth), truth)
