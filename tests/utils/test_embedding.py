"""CodeEmbeddingManager with a stand-in for the library: real worker processes, every way in which a
model fails.
"""

from __future__ import annotations

import math
import os
import sqlite3
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.utils.fake_embedding import TORCH, calls, make_library, make_model
from utils.embedding import MAX_CHARS, CodeEmbeddingManager, model_identity
from utils.embedding_hashing import hashed
from utils.errors import Interrupted
from utils.hardware import usable_cpus
from utils.process import WorkerProcess, child_pids

TEXTS = [
    "scale the columns",
    "",
    "drop rows",
    "scale the columns",
    "caf\u00e9 \ud800",
    "x" * 50_000,
]
Make = Callable[..., CodeEmbeddingManager]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Managers that share a cache and find the stand-in; closed at the end."""
    monkeypatch.setenv("PYTHONPATH", str(make_library(tmp_path / "library")))
    made: list[CodeEmbeddingManager] = []

    def manager(model: Path, **options: object) -> CodeEmbeddingManager:
        kept = CodeEmbeddingManager(
            model, tmp_path / "cache.sqlite", tmp_path / "worker.log", **options
        )
        made.append(kept)
        return kept

    yield manager
    for manager_made in made:
        manager_made.close()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def in_words(texts: list[str]) -> list[list[float]]:
    return [hashed(text[:MAX_CHARS].encode(errors="replace").decode()) for text in texts]


# ---------------------------------------------------------------- the model answers


def test_one_unit_vector_per_text_in_order(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    model = make_model(tmp_path / "model")
    manager = make(model)
    vectors = manager.embed(TEXTS)
    assert [len(vector) for vector in vectors] == [8] * len(TEXTS)
    assert all(math.hypot(*vector) == pytest.approx(1, abs=1e-6) for vector in vectors)
    assert vectors[0] == vectors[3]
    assert vectors[0] != vectors[2]
    assert [manager.embed([text])[0] for text in TEXTS] == vectors
    assert manager.fallback is None
    assert [record.getMessage() for record in caplog.records] == [
        f"embeddings: the model at {model}, on cpu"
    ]
    assert manager.embed([]) == []


def test_many_texts_come_back_in_order(make: Make, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    texts = ["b" * (number % 37) + "a" * number for number in range(200)]
    vectors = make(model).embed(texts)
    expected = [_stand_in(text) for text in texts]
    assert vectors == [pytest.approx(vector, abs=1e-6) for vector in expected]
    assert max(len(call["texts"]) for call in calls(model)) <= 16


def _stand_in(text: str) -> list[float]:
    row = [3.0] + [0.0] * 7
    for letter in text:
        row[1 + ord(letter) % 7] += 1
    return [value / math.hypot(*row) for value in row]


def test_only_the_beginning_of_a_long_text_crosses_the_pipe(make: Make, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    first, second = make(model).embed(["x" * MAX_CHARS + "y", "x" * MAX_CHARS + "z"])
    assert first == second
    (call,) = calls(model)
    assert call["texts"] == ["x" * MAX_CHARS]
    assert call["limit"] == 1024


def test_the_library_is_kept_off_the_network_and_within_its_cores(
    make: Make, tmp_path: Path
) -> None:
    model = make_model(tmp_path / "model")
    make(model).embed(["text"])
    environ = calls(model)[0]["environ"]
    assert isinstance(environ, dict)
    assert {
        environ[name]
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")
    } == {"1"}
    assert environ["OMP_NUM_THREADS"] == str(len(usable_cpus()))


def test_the_worker_is_gone_after_close_and_comes_back(make: Make, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    before = set(child_pids(os.getpid()))
    with make(model) as manager:
        assert set(child_pids(os.getpid())) == before
        manager.embed(["one"])
        manager.embed(["two"])
        assert {call["pid"] for call in calls(model)} == set(child_pids(os.getpid())) - before
        manager.close()
        assert set(child_pids(os.getpid())) == before
        manager.embed(["three"])
        assert len({call["pid"] for call in calls(model)}) == 2
    assert set(child_pids(os.getpid())) == before


def test_threads_share_one_worker(make: Make, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    manager = make(model)
    texts = [f"text {number}" for number in range(30)]
    gate = threading.Barrier(6)

    def ask(turn: int) -> dict[str, list[float]]:
        mine = texts[turn:] + texts[:turn]
        gate.wait(30)
        return dict(zip(mine, manager.embed(mine), strict=True))

    with ThreadPoolExecutor(6) as pool:
        first, *others = pool.map(ask, range(6))
    assert all(other == first for other in others)
    assert len({call["pid"] for call in calls(model)}) == 1
    assert sorted(text for call in calls(model) for text in call["texts"]) == sorted(texts)


# ---------------------------------------------------------------- the cache


def test_known_texts_need_no_worker(make: Make, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    vectors = make(model).embed(TEXTS)
    before, asked = set(child_pids(os.getpid())), calls(model)
    model.rename(tmp_path / "elsewhere")
    assert make(tmp_path / "elsewhere").embed(TEXTS) == vectors
    assert set(child_pids(os.getpid())) == before
    assert calls(tmp_path / "elsewhere") == asked


def test_another_model_has_other_vectors(make: Make, tmp_path: Path) -> None:
    first, second = make_model(tmp_path / "first"), make_model(tmp_path / "second")
    (second / "model.safetensors").write_bytes(b"WEIGHTS")
    make(first).embed(["text"])
    make(second).embed(["text"])
    assert len(calls(second)) == 1


def test_hashed_words_are_not_kept(make: Make, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model", "dies")
    make(model).embed(["text"])
    make(tmp_path / "absent").embed(["text"])
    with closing(sqlite3.connect(tmp_path / "cache.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM vectors").fetchone() == (0,)


BLOBS = {
    "empty": b"",
    "bytes": b"123",
    "zeros": b"\x00" * 32,
    "short": struct.pack("<2f", 1, 0),
    "nan": struct.pack("<8f", *[math.nan] * 8),
}


@pytest.mark.parametrize("blob", BLOBS.values(), ids=BLOBS)
def test_a_row_that_is_no_vector_of_this_model_is_made_again(
    make: Make, tmp_path: Path, blob: bytes
) -> None:
    model = make_model(tmp_path / "model")
    texts = ["one", "two", "three"]
    vectors = make(model).embed(texts)
    with closing(sqlite3.connect(tmp_path / "cache.sqlite")) as database, database:
        database.execute("UPDATE vectors SET vector = ? WHERE rowid = 2", (blob,))
    assert make(model).embed(texts) == vectors
    asked = len(calls(model))
    assert make(model).embed(texts) == vectors
    assert len(calls(model)) == asked


def test_without_a_place_for_the_cache_the_model_answers(
    tmp_path: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache.sqlite").mkdir()
    model = make_model(tmp_path / "model")
    manager = make(model)
    assert manager.embed(["one"]) == manager.embed(["one"])
    assert len(calls(model)) == 2
    assert len(said(caplog)) == 1
    assert "works without" in said(caplog)[0]


def test_the_identity_is_that_of_the_content(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    before = model_identity(model)
    assert before is not None
    (model / "README.md").write_text("changed")
    (model / ".cache").mkdir()
    (model / ".cache" / "more.json").write_text("{}")
    assert model_identity(model) == before
    (model / "1_Pooling").mkdir()
    (model / "1_Pooling" / "config.json").write_text("{}")
    pooled = model_identity(model)
    assert pooled not in (None, before)
    (model / "model.safetensors").write_bytes(b"a" * 500_000)
    large = model_identity(model)
    (model / "model.safetensors").write_bytes(b"a" * 499_999 + b"b")
    assert len({before, pooled, large, model_identity(model)}) == 4


# ---------------------------------------------------------------- the model does not answer


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("dies", "exit 7"),
        ("leaves", "lost in embed"),
        ("hangs", "no answer within"),
        ("few", "1 proper vectors"),
        ("flat", "AxisError"),
        ("zero", "0 proper vectors"),
        ("not a number", "1 proper vectors"),
        ("uneven", "different lengths"),
    ],
)
def test_a_model_that_fails_is_said_once_and_words_are_hashed(
    fault: str, why: str, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = make_model(tmp_path / "model", fault)
    texts = ["one", "three"] if fault != "uneven" else [f"{'x' * number}" for number in range(40)]
    before = set(child_pids(os.getpid()))
    manager = make(model, timeout=1.0 if fault == "hangs" else 60.0)
    assert manager.embed(texts) == in_words(texts)
    asked = len(calls(model))
    assert manager.embed(TEXTS) == in_words(TEXTS)
    assert len(calls(model)) == asked
    assert set(child_pids(os.getpid())) == before
    assert len(said(caplog)) == 1
    assert why in said(caplog)[0]
    assert manager.fallback is not None
    assert why in manager.fallback


def test_one_answer_is_of_one_kind(make: Make, tmp_path: Path) -> None:
    """The worker dies at the second part of the texts, and others are known already."""
    model = make_model(tmp_path / "model")
    manager = make(model)
    known = [f"text {number}" for number in range(40)]
    manager.embed(known[:20])
    texts = [*known, "DIE"]
    assert manager.embed(texts) == in_words(texts)
    assert manager.embed(known[:20]) == in_words(known[:20])


@pytest.mark.parametrize("missing", ["folder", "weights", "settings"])
def test_without_weights_nothing_is_started(
    missing: str, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = tmp_path / "model"
    if missing != "folder":
        make_model(model)
        (model / ("model.safetensors" if missing == "weights" else "config.json")).unlink()
    manager = make(model)
    assert manager.embed(TEXTS) == manager.embed(TEXTS) == in_words(TEXTS)
    assert said(caplog) == [
        f"embeddings: hashed words instead of the model at {model}: no weights there"
    ]
    assert not (tmp_path / "worker.log").exists()


@pytest.mark.parametrize(
    "library", ["raise ImportError('No module named that')", "raise OSError('libcuda is torn')"]
)
def test_without_the_library(
    library: str, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "library" / "sentence_transformers.py").write_text(library)
    assert make(make_model(tmp_path / "model")).embed(TEXTS) == in_words(TEXTS)
    assert len(said(caplog)) == 1
    assert library.split("'")[1] in said(caplog)[0]


@pytest.mark.parametrize(
    "line",
    ["not json", "5", "[]", "null", "{}", '{"result": 5}', '{"result": {"vectors": ["?"], "device": ""}}',
     '{"result": {"vectors": [5]}}', '{"result": {"vectors": []}}'],
)  # fmt: skip
def test_a_worker_that_answers_nonsense(line: str, make: Make, tmp_path: Path) -> None:
    (tmp_path / "library" / "babble.py").write_text(
        f"import sys\nfor _ in sys.stdin: print({line!r}, flush=True)\n"
    )
    manager = make(make_model(tmp_path / "model"), worker=WorkerProcess("babble"))
    assert manager.embed(TEXTS) == in_words(TEXTS)
    assert manager.fallback


def test_a_worker_that_cannot_be_started(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    manager = make(make_model(tmp_path / "model"))
    assert manager.embed(TEXTS) == in_words(TEXTS)
    assert manager.fallback is not None
    assert "no-python" in manager.fallback


def test_a_stop_is_no_failure_of_the_model(make: Make, tmp_path: Path) -> None:
    read, write = os.pipe()
    manager = make(make_model(tmp_path / "model", "hangs"), stop=read)
    os.write(write, b"!")
    with pytest.raises(Interrupted):
        manager.embed(["text"])
    assert manager.fallback is None
    os.close(read)
    os.close(write)


# ---------------------------------------------------------------- the GPU


@pytest.mark.parametrize(("fault", "device"), [("", "cuda"), ("no gpu memory", "cpu")])
def test_the_gpu_is_used_as_long_as_it_has_memory(
    fault: str, device: str, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    (tmp_path / "library" / "torch.py").write_text(TORCH.format(gpu=True))
    manager = make(make_model(tmp_path / "model", fault))
    assert len(manager.embed(["one"])[0]) == 8
    assert [record.getMessage().rpartition(" ")[2] for record in caplog.records] == [device]
