"""The measurement of an embedding model, with a stand-in for the library."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmark.errors import NotRunError
from benchmark.measures.embeddings import embeddings_table, measure_embeddings, short_texts
from tests.utils.fake_embedding import calls, make_library, make_model


def test_texts_are_short_distinct_and_always_the_same() -> None:
    texts = short_texts(1000)
    assert len(set(texts)) == 1000
    assert texts == short_texts(1000)
    assert max(len(text.split()) for text in texts) < 25


def test_the_second_pass_asks_the_model_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(make_library(tmp_path / "library")))
    model = make_model(tmp_path / "model")
    cost = measure_embeddings(model, 50)
    assert sum(len(call["texts"]) for call in calls(model)) == cost.texts == 50
    assert (cost.numbers, cost.gone) == (8, True)
    assert cost.first_s > cost.cached_s > 0
    assert cost.worker_peak_mb > 5


def test_a_model_that_does_not_answer_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(NotRunError, match="no weights there"):
        measure_embeddings(tmp_path / "none", 10)


def test_the_table_shows_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(make_library(tmp_path / "library")))
    cost = dataclasses.asdict(measure_embeddings(make_model(tmp_path / "model"), 3))
    rows = embeddings_table(cost | {"first_s": 12.34, "gone": False}).splitlines()
    assert rows[2] == "| 3 short texts by the model, its start included, s | 12.3 | < 20 |"
    assert rows[5] == "| process gone after the epoch | no | yes |"
