"""What a cell of the answers is: the metric and the labels say it together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from core.metric_names import BY_NAME
from core.task.hints import NO_HINTS, Hints
from core.task.metric.answers import Answers
from core.task.metric.value_kinds import exclusive, kind_of
from core.task.recognise.baseline import write_baseline
from core.task.recognise.spec import inspect_competition
from tests.task import folders


def answers(*columns: list[str], one_hot: bool = False) -> Answers:
    return Answers(
        pd.DataFrame({f"y{i}": cells for i, cells in enumerate(columns)}, dtype=object),
        None,
        one_hot,
    )


CLASSES = answers(["cat", "dog", "eel"] * 40)
LISTS = answers([" ".join(f"t{k % 5}" for k in range(i, i + i % 3 + 1)) for i in range(60)])
SOME_LISTS = answers(["scab"] * 60 + ["rot"] * 60 + ["scab rot"] * 4)
TEXTS = answers([f"Sentence number {i} about {i * i}, and so on." for i in range(400)])
SEQUENCES = answers(
    [" ".join(str((i * k) % 20 + 1) for k in range(1, i % 5 + 3)) for i in range(60)]
)
MASKS = answers([f"{i + 1} {i + 2} {i + 90} 4" if i % 3 else "" for i in range(60)])
NUMBERS = answers([str(i / 7) for i in range(60)])
GRADES = answers([str(i % 5) for i in range(60)])
BINARY = answers([str(i % 2) for i in range(60)])
VOTES = answers([str(i % 4) for i in range(60)], [str(3 - i % 3) for i in range(60)])
SHARES = answers(["1", "0", "0"] * 9, ["0", "1", "0"] * 9, ["0", "0", "1"] * 9)
INDEPENDENT = answers(["1", "0", "0"] * 9, ["1", "1", "0"] * 9)

FITS = [
    ("accuracy", CLASSES, "label"),
    ("accuracy", TEXTS, "text"),
    ("f1_macro", CLASSES, "label"),
    ("f1_micro", LISTS, "list"),
    ("f1_micro", SOME_LISTS, "list"),
    ("map@5", CLASSES, "list"),
    ("map@5", GRADES, "list"),
    ("map@12", LISTS, "list"),
    ("levenshtein", TEXTS, "text"),
    ("levenshtein", SEQUENCES, "list"),
    ("word_error_rate", SEQUENCES, "list"),
    ("word_error_rate", TEXTS, "text"),
    ("jaccard", TEXTS, "text"),
    ("jaccard", LISTS, "list"),
    ("jaccard", MASKS, "mask"),
    ("dice", MASKS, "mask"),
    ("kendall", SEQUENCES, "list"),
    ("pearson", NUMBERS, "real"),
    ("mcc", BINARY, "label"),
    ("kl_divergence", VOTES, "probability"),
    ("lwlrap", INDEPENDENT, "probability"),
]


@pytest.mark.parametrize(("metric", "given", "kind"), FITS)
def test_the_kind_that_the_labels_have(metric: str, given: Answers, kind: str) -> None:
    assert kind_of(BY_NAME[metric], given) == (kind, "")


MISFITS = [
    ("dice", CLASSES), ("dice", NUMBERS), ("iou_precision", LISTS), ("kendall", CLASSES), ("kendall", NUMBERS),
    ("levenshtein", NUMBERS), ("pearson", CLASSES), ("kl_divergence", BINARY), ("lwlrap", BINARY), ("accuracy", LISTS),
    ("roc_auc", LISTS), ("rmse", TEXTS), ("quadratic_weighted_kappa", CLASSES),
]  # fmt: skip


@pytest.mark.parametrize(("metric", "given"), MISFITS)
def test_lesson_03_labels_that_a_metric_cannot_score(metric: str, given: Answers) -> None:
    assert kind_of(BY_NAME[metric], given)[1]


def test_shares_of_one_whole() -> None:
    log_loss, divergence = BY_NAME["log_loss"], BY_NAME["kl_divergence"]
    assert exclusive(log_loss, SHARES)
    assert exclusive(divergence, VOTES)
    assert not exclusive(log_loss, INDEPENDENT)
    assert not exclusive(BY_NAME["roc_auc"], SHARES)
    assert not exclusive(log_loss, BINARY)


# ---------------------------------------------------------------- from a folder


def competition(root: Path, cells: list[str], shown: str, metric: str) -> tuple[str, list[str]]:
    """(kind of values, different baseline cells) of a competition whose answers are `cells`."""
    folders.put(
        root / "train.csv",
        ("id", "x", "answer"),
        [(f"a{i}", i % 9, cell) for i, cell in enumerate(cells)],
    )
    folders.put(root / "test.csv", ("id", "x"), [(f"b{i}", i % 9) for i in range(6)])
    folders.put(
        root / "sample_submission.csv", ("id", "answer"), [(f"b{i}", shown) for i in range(6)]
    )
    spec = inspect_competition(root, "", Hints.of(metric=metric))
    write_baseline(root, spec, root.parent / "out.csv")
    written = pd.read_csv(root.parent / "out.csv", dtype=str, keep_default_na=False)
    assert spec.answers.classes == () or spec.value_kind == "label" or metric.startswith("map@")
    return spec.value_kind, sorted(set(written["answer"]))


def test_baselines_of_words(tmp_path: Path) -> None:
    root = tmp_path / "data"
    labels = ["cat"] * 5 + ["dog"] * 3 + ["eel"]
    assert competition(root, labels, "cat dog", "map@2") == ("list", ["cat dog"])
    assert competition(root, ["1 2", "1 2", "1 3", "2 3"] * 9, "1", "f1_micro") == ("list", ["1 2"])
    assert competition(root, ["3 1 2", "1 2 3", "2 1 3"] * 9, "1 2 3", "kendall") == (
        "list",
        ["1 2 3"],
    )
    assert competition(root, ["7 2", "1 9 20 3", ""] * 9, "-", "dice") == ("mask", ["-"])
    assert competition(root, ["so it is", "so it is", "what"] * 9, "?", "levenshtein") == (
        "text",
        ["so it is"],
    )


def written(
    root: Path, metric: str, cells: Sequence[str], shown: Sequence[str]
) -> tuple[str, list[str], str]:
    """(source, cells, notes) of the baseline where the answers are `cells` and the sample holds
    `shown`.
    """
    folders.put(
        root / "train.csv",
        ("id", "x", "answer"),
        [(f"a{i}", i % 9, cell) for i, cell in enumerate(cells)],
    )
    folders.put(root / "test.csv", ("id", "x"), [(f"b{i}", i % 9) for i in range(len(shown))])
    folders.put(
        root / "sample_submission.csv",
        ("id", "answer"),
        [(f"b{i}", cell) for i, cell in enumerate(shown)],
    )
    spec = inspect_competition(root, "", Hints.of(metric=metric))
    told = write_baseline(root, spec, root.parent / "out.csv")
    assert told["rows"] == len(shown)
    table = pd.read_csv(root.parent / "out.csv", dtype=str, keep_default_na=False)
    return told["source"], table["answer"].tolist(), "; ".join(spec.notes)


@pytest.mark.parametrize(
    ("metric", "cells"), [("levenshtein", ["so it is", "what, if"]), ("jaccard", ["a b", "b c"])]
)
def test_a_sample_that_repeats_the_inputs_is_the_baseline(
    tmp_path: Path, metric: str, cells: list[str]
) -> None:
    varied = [f"word {i % 10}, NA" for i in range(90)]
    for shown, source in (
        (varied, "sample"),
        (varied[:9] * 10, "prior"),
        ([*varied, *["word 0, NA"] * 10], "prior"),
    ):
        found = written(tmp_path / "data", metric, cells * 30, shown)
        assert found[0] == source
        assert found[1] == (shown if source == "sample" else cells[:1] * len(shown))
        assert ("baseline: the sample, whose texts differ" in found[2]) is (source == "sample")


def test_labels_and_numbers_of_a_sample_are_no_answers(tmp_path: Path) -> None:
    classes = [f"c{i % 12}" for i in range(60)]
    assert written(tmp_path / "data", "accuracy", ["c3", *classes], classes)[:2] == (
        "prior",
        ["c3"] * 60,
    )
    shares = [str(i / 60) for i in range(60)]
    assert written(tmp_path / "data", "rmse", ["1", "3"] * 9, shares)[:2] == ("prior", ["2.0"] * 60)


def test_masks_without_a_known_metric_are_compared_as_masks(tmp_path: Path) -> None:
    root = tmp_path / "data"
    assert competition(root, ["7 2", "1 9 20 3"] * 9, "1 1", "dice")[0] == "mask"
    spec = inspect_competition(root, "", NO_HINTS)
    assert (spec.metric.name, spec.metric.source) == ("dice", "fallback")
