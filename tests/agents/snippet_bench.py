"""Runs the snippets of skills in one process: `python snippet_bench.py`, {name: {code, fixtures}}
on stdin.

Prints one JSON line per snippet: {"name", "error"}. A snippet sees the fixtures that it declares
and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import traceback
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROWS = 160
# Drawn from by the fixtures; seeded anew for each snippet, so that none depends on which others
# ran.
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 8))
Y = (X[:, 0] + 0.5 * X[:, 1] + 0.3 * RNG.normal(size=ROWS) > 0).astype(int)
GRADES = np.clip(np.round(1.5 + X[:, 0] + 0.3 * RNG.normal(size=ROWS)), 0, 4).astype(int)
SUBJECTS = (
    "the cat sat on a warm mat",
    "stocks fell as rates rose again",
    "rain and wind all week long",
)


def frame(rows: int, answers: bool) -> pd.DataFrame:
    table = pd.DataFrame({"a": RNG.normal(size=rows), "b": RNG.exponential(size=rows)})
    table["year"] = 2000 + int(RNG.integers(0, 9))
    table["city"] = RNG.choice(["Bonn", "Ulm", "Rome", None], rows)
    table["store"] = RNG.integers(0, 30, rows)
    table["long"] = RNG.integers(0, 2**40, rows)
    table.loc[::9, "a"] = np.nan
    if answers:
        table["target"] = (RNG.random(rows) < 0.5).astype(int)
    return table


def sentences(rows: int, words: int = 12) -> list[str]:
    picks = [SUBJECTS[i % 3].split() for i in range(rows)]
    return [
        " ".join(RNG.choice(pick, words)) + ("!" if i % 2 else ".") for i, pick in enumerate(picks)
    ]


class Encoder:
    """Behaves like a SentenceTransformer as far as the snippets go."""

    max_seq_length = 512

    def encode(
        self, texts: list[str], batch_size: int = 32, normalize_embeddings: bool = False
    ) -> np.ndarray:
        known = sorted({word for subject in SUBJECTS for word in subject.split()})
        return np.array([[text.count(word) for word in known] for text in texts], dtype="float32")


def pictures(rows: int) -> np.ndarray:
    return RNG.integers(0, 256, (rows, 32, 32, 3)).astype(np.uint8)


def files() -> list[str]:
    from PIL import Image

    for i, picture in enumerate(pictures(3)):
        Image.fromarray(picture).save(f"{i}.jpg")
    Path("broken.jpg").write_bytes(b"no picture")
    return ["0.jpg", "1.jpg", "2.jpg", "broken.jpg"]


def probabilities(members: int = 0) -> Any:
    """Too sure of themselves: [rows, 2], or a list of such."""
    if members:
        return [probabilities() for _ in range(members)]
    logit = 6 * (2 * Y - 1 + 2.5 * RNG.normal(size=ROWS))
    return np.column_stack([1 / (1 + np.exp(logit)), 1 / (1 + np.exp(-logit))])


def network() -> Any:
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )


def batches() -> Any:
    import torch

    return [(torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 0])) for _ in range(4)]


def sales() -> pd.DataFrame:
    days = pd.date_range("2020-01-01", periods=80)
    table = pd.DataFrame([(shop, day) for shop in "xyz" for day in days], columns=["shop", "day"])
    return table.assign(sold=np.arange(len(table), dtype=float))


def tokens() -> list[dict[str, str]]:
    rows = [
        ("PLAIN", "the", "the"),
        ("CARDINAL", "2", "two"),
        ("DATE", "2", "the second"),
        ("CARDINAL", "2", "two"),
    ]
    return [{"kind": kind, "before": a, "after": b, "previous": "the"} for kind, a, b in rows]


FIXTURES: dict[str, Callable[[], Any]] = {
    "X": lambda: X.copy(),
    "y": lambda: Y.copy(),
    "Y": lambda: np.column_stack([X[:, 0], X[:, 0] + X[:, 1]]),
    "X_test": lambda: RNG.normal(size=(40, 8)),
    "y_many": lambda: np.arange(ROWS) % 30,
    "y_real": lambda: X[:, 0] * 3 + RNG.normal(size=ROWS),
    "y_positive": lambda: np.exp(X[:, 0]) * 10,
    "y_ordinal": lambda: GRADES.copy(),
    "ordinal_predictions": lambda: 1.5 + 0.5 * (GRADES - 1.5) + 0.2 * RNG.normal(size=ROWS),
    "train": lambda: frame(ROWS, True),
    "test": lambda: frame(40, False),
    "predictions": lambda: [probabilities()[:, 1] for _ in range(3)],
    "fold_predictions": lambda: [RNG.random(40), 100 * RNG.random(40)],
    "probabilities": lambda: np.clip(0.15 * Y + 0.3 * RNG.random(ROWS), 0, 1),
    "class_probabilities": probabilities,
    "class_probability_list": lambda: probabilities(2),
    "classes": lambda: ["no", "yes"],
    "groups": lambda: np.arange(ROWS) // 8,
    "texts": lambda: sentences(ROWS),
    "labels": lambda: [i % 3 for i in range(ROWS)],
    "test_texts": lambda: sentences(30),
    "encoder": Encoder,
    "images": lambda: pictures(40),
    "image_labels": lambda: np.arange(40) % 3,
    "paths": files,
    "predict": lambda: lambda batch: np.asarray(batch, float).mean(axis=(1, 2)),
    "waves": lambda: list(RNG.normal(size=(4, 16000))),
    "rate": lambda: 8000,
    "signals": lambda: list(RNG.normal(size=(5, 200)).cumsum(axis=1)),
    "sales": sales,
    "days": lambda: np.repeat(np.arange("2020-01-01", "2020-06-01", dtype="datetime64[D]"), 2),
    "driver": lambda: RNG.normal(15, 8, size=304),
    "level": lambda: RNG.normal(100, 10, size=304),
    "members_real": lambda: [X[:, 0] * 3 + RNG.normal(size=ROWS) for _ in range(3)],
    "amounts": lambda: [float(i % 5) for i in range(ROWS)],
    "tokens": tokens,
    "candidates": lambda: [["abcd", "abcd", "abce", "xyz"], ["one"]],
    "network": network,
    "backbone": network,
    "batches": batches,
    "steps": lambda: 4,
    "fit_member": lambda: lambda seed: np.full(3, float(seed)),
    "write_submission": lambda: lambda values: np.savetxt("submission.txt", values),
    "sample": lambda: pd.DataFrame({"id": ["01", "02", "03"], "p": 0.5}),
    "predicted": lambda: pd.DataFrame({"id": ["03", "01", "02"], "p": [1.5, 0.2, np.nan]}),
}


def _kappa(names: dict[str, Any], values: Any) -> float:
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(names["y_ordinal"], values, weights="quadratic"))


def _f1(names: dict[str, Any], cut: float) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(names["y"], names["probabilities"] > cut, average="macro"))


def _shape_of(net: Any) -> tuple[int, ...]:
    import torch

    return tuple(net(torch.rand(2, 3, 32, 32)).shape)


def _loss(names: dict[str, Any], values: Any) -> float:
    from sklearn.metrics import log_loss

    return float(log_loss(names["y"], values))


# What a snippet must have reached, where running through is not enough.
CHECKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "metric_qwk": lambda n: (
        _kappa(n, n["label"]) > _kappa(n, n["ordinal_predictions"].round().astype(int)) + 0.02
    ),
    "metric_f1": lambda n: _f1(n, n["threshold"]) > _f1(n, 0.5) + 0.2,
    "metric_log_loss": lambda n: (
        _loss(n, n["calibrated"]) < _loss(n, n["class_probabilities"]) - 0.2
    ),
    "metric_accuracy": lambda n: (
        set(n["label"]) == {"no", "yes"} and np.mean((n["label"] == "yes") == Y) > 0.6
    ),
    "metric_ranking": lambda n: (
        n["score"].min() == 0 and n["score"].max() == 1 and len(set(n["score"])) > 20
    ),
    "metric_rmsle": lambda n: bool((n["value"] >= 0).all()),
    "tabular_target_encoding": lambda n: (
        n["encoded"].shape == (ROWS, 3) and n["encoded_test"].shape == (40, 3)
    ),
    "tabular_blend": lambda n: abs(n["weights"].sum() - 1) < 1e-9,
    "tabular_wide": lambda n: bool(n["keep"][0]) and n["keep"].sum() < 6,
    "tabular_boosting_large": lambda n: 1 <= n["booster"].current_iteration() < 60,
    "tabular_interactions": lambda n: (
        {"a_above_city", "missing"} <= set(n["test"].columns) and len(n["test"]) == 40
    ),
    "small_data": lambda n: n["probability"].shape == (40, 2),
    "many_classes": lambda n: n["probability"].shape == (40, 30),
    "text_tfidf_linear": lambda n: (
        np.mean(n["probability"].argmax(axis=1) == np.arange(30) % 3) > 0.9
    ),
    "text_nb_svm": lambda n: np.mean(n["probability"].argmax(axis=1) == np.arange(30) % 3) > 0.9,
    "text_svd_boosting": lambda n: (
        np.mean(n["probability"].argmax(axis=1) == np.arange(30) % 3) > 0.9
    ),
    "text_embeddings": lambda n: (
        n["encoder"].max_seq_length == 96 and n["probability"].shape == (30, 3)
    ),
    "text_long": lambda n: (
        len(n["features"]) == ROWS and n["chunks"]("a " * 450)[1].split()[:2] == ["a", "a"]
    ),
    "image_frozen": lambda n: n["features"].shape == (40, 3),
    "image_from_scratch": lambda n: _shape_of(n["network"]) == (2, 10),
    "image_classical": lambda n: (
        n["features"].shape == (40, 152) and bool(np.isfinite(n["features"]).all())
    ),
    "image_loading": lambda n: (
        n["pictures"].shape == (4, 96, 96, 3) and set(n["pictures"][3].ravel()) == {127}
    ),
    "image_augmentation": lambda n: (
        len(list(n["views"](n["images"]))) == 8 and n["probability"].shape == (40, 3)
    ),
    "audio_log_mel": lambda n: (
        n["pictures"].shape[1] == 64 and bool(np.isfinite(n["pictures"]).all())
    ),
    "audio_statistics": lambda n: (
        len(n["features"]) == 4 and bool(np.isfinite(n["features"]).all())
    ),
    "time_features": lambda n: n["series"]["lag"].isna().sum() == 7,
    "signal_statistics": lambda n: len(n["features"]) == 5,
    "sequence_lookup": lambda n: (
        n["rewrite"]({"kind": "DATE", "before": "2", "previous": "on"}) == "the second"
    ),
    "sequence_decoding": lambda n: (
        n["answers"] == ["abcd", "one"] and n["distance"]("kitten", "sitting") == 3
    ),
    "leak_columns": lambda n: "target" not in n["usable"] and "year" not in n["usable"],
    "deadline": lambda n: n["done"] == 1 and Path("submission.txt").exists(),
    "hardware": lambda n: n["CPUS"] == 1 and n["GPU"] is False,
    "debug_submission": lambda n: n["table"]["p"].tolist() == [0.2, 0.85, 1.0],
    "debug_memory": lambda n: (
        str(n["train"]["a"].dtype) == "float32" and str(n["train"]["long"].dtype) == "int64"
    ),
}


def run(name: str, code: str, fixtures: list[str]) -> str | None:
    """The traceback of a snippet or of its check; None when both went well."""
    RNG.bit_generator.state = np.random.default_rng(zlib.crc32(name.encode())).bit_generator.state
    with tempfile.TemporaryDirectory(dir=".") as folder, contextlib.chdir(folder):
        try:
            names: dict[str, Any] = {fixture: FIXTURES[fixture]() for fixture in fixtures}
            exec(compile(code, f"{name}.md", "exec"), names)
            if name in CHECKS and not CHECKS[name](names):
                return "the snippet ran, but did not reach what it promises"
        # A snippet may fail in any way; that is what the caller wants to know.
        except Exception:
            return traceback.format_exc()
    return None


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for name, snippet in json.load(sys.stdin).items():
        answers.write(
            json.dumps({"name": name, "error": run(name, snippet["code"], snippet["fixtures"])})
            + "\n"
        )
        answers.flush()


if __name__ == "__main__":
    main()
