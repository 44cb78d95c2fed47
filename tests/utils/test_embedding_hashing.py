"""Hashed words: like texts lie close, others do not, and every machine computes the same."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from utils.embedding_hashing import DIMENSIONS, hashed

ROOT = Path(__file__).resolve().parents[2]
LESSON = "Target encoding of high-cardinality columns inside each fold raised ROC AUC by 0.004 for gradient boosting"
OTHERS = [
    "Resize the images to 96 pixels before augmentation, it halves the time of an epoch",
    "Predict the logarithm of the price and clip the lowest quantile afterwards",
    "def load_audio(path):\n    return librosa.load(path, sr=16000)[0]",
    "Character n-grams from two to five beat word n-grams in short comments with typing errors",
]


def cosine(a: str, b: str) -> float:
    return sum(x * y for x, y in zip(hashed(a), hashed(b), strict=True))


@pytest.mark.parametrize(
    "text", [LESSON, "", " \n", "...", "x", "the of a", "caf\u00e9 \ud800 \x00", "7" * 5000]
)
def test_every_text_has_a_vector_of_length_1(text: str) -> None:
    assert len(hashed(text)) == DIMENSIONS
    assert math.hypot(*hashed(text)) == pytest.approx(1, abs=1e-12)


def test_near_duplicates_are_close() -> None:
    assert cosine(LESSON, LESSON.replace("raised", "improved")) > 0.85
    assert cosine(LESSON, LESSON.upper() + "!") > 0.99
    assert cosine(LESSON, f"Note that {LESSON}.") > 0.85


@pytest.mark.parametrize("other", OTHERS)
def test_unrelated_texts_are_not(other: str) -> None:
    assert abs(cosine(LESSON, other)) < 0.4


def test_identifiers_are_taken_apart() -> None:
    spellings = ["learning_rate", "learningRate", "LearningRate", "learning rate", "LEARNING_RATE"]
    assert len({tuple(hashed(text)) for text in spellings}) == 1
    assert hashed("XGBRegressor2") == hashed("xgb regressor 2")


def test_the_order_of_words_counts_a_little() -> None:
    assert 0.6 < cosine("train fold then test fold", "test fold then train fold") < 0.999


def test_other_processes_hash_alike() -> None:
    code = f"from utils.embedding_hashing import hashed; print(hashed({LESSON!r}))"
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        )
        assert done.stdout == f"{hashed(LESSON)}\n"
