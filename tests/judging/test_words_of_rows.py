"""Words on which a program errs one way are found among many, and noise has none."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.judging.residuals.guards import LEAST_ROWS
from core.judging.residuals.telling import Halves
from core.judging.residuals.words import MOST_WORDS, by_words

ROWS = 2000
HALVES = Halves.of(np.arange(ROWS))


def texts(rng: np.random.Generator) -> list[str]:
    words = [f"w{chr(97 + i)}{chr(97 + j)}" for i in range(20) for j in range(15)]
    return [" ".join(rng.choice(words, 8)) for _ in range(ROWS)]


def test_noise_has_no_word() -> None:
    wrong = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        cells = pd.Series(texts(rng), dtype=object)
        wrong += by_words("text", cells, rng.normal(size=ROWS), HALVES) is not None
    assert wrong <= 2


def test_a_copy_of_a_word_is_not_told_again_and_a_second_word_is() -> None:
    rng = np.random.default_rng(1)
    lines, residuals = texts(rng), rng.normal(size=ROWS)
    for row in range(0, ROWS, 10):
        lines[row] += " Awful mess"
        residuals[row] += 1.5
    for row in range(5, ROWS, 20):
        lines[row] += " lovely"
        residuals[row] -= 1.5
    lines[1] += " mess"
    found = by_words("text", pd.Series(lines, dtype=object), residuals, HALVES)
    assert found is not None
    assert found.names[0] in ("awful", "mess")
    assert found.names[1] == "lovely"
    assert len(found.names) <= MOST_WORDS
    assert not {"awful", "mess"} <= set(found.names), "their difference is one row"
    assert min(found.counts) >= LEAST_ROWS


def test_a_word_of_few_rows_is_never_told() -> None:
    rng = np.random.default_rng(2)
    lines, residuals = texts(rng), rng.normal(size=ROWS)
    for row in range(LEAST_ROWS - 1):
        lines[7 * row] += " secret"
        residuals[7 * row] += 9
    found = by_words("text", pd.Series(lines, dtype=object), residuals, HALVES)
    assert found is None or "secret" not in found.names
