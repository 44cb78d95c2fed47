"""Lists, texts and masks from the submission to the combined result: checks, scores, votes,
comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.blending import how_to_blend, how_to_combine
from core.judging.samples import load_sample
from core.judging.store import Prediction, Store
from core.judging.submission import CheckedSubmission, check_bytes
from core.records import CompetitionSpec, Ensemble, TableFile, ValueKind
from tests.judging.arena import Arena, make_spec
from tests.judging.cases import truth_of, worse

Build = Callable[..., Arena]
KINDS: list[tuple[str, ValueKind]] = [
    ("map@3", "list"),
    ("f1_micro", "list"),
    ("kendall", "list"),
    ("levenshtein", "text"),
    ("accuracy", "text"),
    ("dice", "mask"),
]


def spec_of(metric: str, kind: ValueKind) -> CompetitionSpec:
    return make_spec(metric, value_kind=kind)


# ---------------------------------------------------------------- the check


def checked(
    tmp_path: Path, spec: CompetitionSpec, cells: list[str], shown: list[str]
) -> CheckedSubmission:
    """The check of `cells` where the sample submission shows others."""
    ids = [str(i) for i in range(len(cells))]
    pd.DataFrame({"id": ids, "target": shown}).to_csv(tmp_path / "sample.csv", index=False)
    text = pd.DataFrame({"id": ids, "target": cells}).to_csv(index=False)
    return check_bytes(text.encode(), load_sample(tmp_path, TableFile("sample.csv"), ("id",)), spec)


REFUSED = [
    ("dice", "mask", ["1 3", "2 2 3 1"], ["", ""], "overlap"),
    ("dice", "mask", ["1 3", "0 4"], ["", ""], "below 1"),
    ("dice", "mask", ["1 3", "7"], ["", ""], "without a length"),
    ("dice", "mask", ["1 3", "0.5"], ["", ""], "whole numbers"),
    ("levenshtein", "text", ["a b", ""], ["x", "x"], "empty"),
    ("kendall", "list", ["a b", "c d"], ["b a", "c e"], "exactly the words"),
    ("kendall", "list", ["a b", "c c"], ["b a", "d c"], "exactly the words"),
]


@pytest.mark.parametrize(("metric", "kind", "cells", "shown", "why"), REFUSED)
def test_lesson_09_what_a_grader_would_refuse(
    tmp_path: Path, metric: str, kind: ValueKind, cells: list[str], shown: list[str], why: str
) -> None:
    found = checked(tmp_path, spec_of(metric, kind), cells, shown)
    assert found.values is None
    assert why in found.reasons[0]
    assert "id '1'" in found.reasons[0]


TAKEN = [
    ("dice", "mask", ["1 3 9 2", "4 1"], ["", ""]),
    ("levenshtein", "text", ["NA", "null, or 7.0"], ["x", "x"]),
    ("jaccard", "text", ["", "b"], ["", ""]),
    ("map@2", "list", ["007 8", "5"], ["1 2", "3"]),
    ("kendall", "list", ["b a", "c d e"], ["a b", "e d c"]),
]


@pytest.mark.parametrize(("metric", "kind", "cells", "shown"), TAKEN)
def test_cells_stay_as_they_are_written(
    tmp_path: Path, metric: str, kind: ValueKind, cells: list[str], shown: list[str]
) -> None:
    found = checked(tmp_path, spec_of(metric, kind), cells, shown)
    assert (found.reasons, found.warnings) == ((), ())
    assert found.values is not None
    assert found.values[:, 0].tolist() == cells


def test_an_empty_mask_is_written_as_the_sample_writes_it(tmp_path: Path) -> None:
    found = checked(tmp_path, spec_of("dice", "mask"), ["1 3", "", "-1"], ["-", "-", "1 5"])
    assert found.values is not None
    assert found.values[:, 0].tolist() == ["1 3", "-", "-"]
    assert "2 empty masks" in found.warnings[0]


def test_lists_that_are_too_long_or_empty_are_told(tmp_path: Path) -> None:
    found = checked(tmp_path, spec_of("map@2", "list"), ["a b c", "", "b"], ["a", "a", "a"])
    assert found.reasons == ()
    assert [warning[:7] for warning in found.warnings] == ["1 lists", "1 lists"]


def test_lesson_46_shares_of_one_whole_must_sum_to_one(tmp_path: Path) -> None:
    columns = {"target_columns": ("a", "b"), "label_columns": ("a", "b"), "exclusive": True}
    pd.DataFrame({"id": ["0"], "a": [0.5], "b": [0.5]}).to_csv(tmp_path / "sample.csv", index=False)
    sample = load_sample(tmp_path, TableFile("sample.csv"), ("id",))
    for metric in ("log_loss", "kl_divergence"):
        spec = make_spec(metric, **columns)
        assert "sum to 1" in check_bytes(b"id,a,b\n0,.5,.6\n", sample, spec).reasons[0]
        drifted = check_bytes(b"id,a,b\n0,.5000004,.5\n", sample, spec)
        assert drifted.values is not None
        assert drifted.values.sum() == pytest.approx(1.0, abs=1e-12)
        assert not check_bytes(b"id,a,b\n0,.5,.6\n", sample, spec.changed(exclusive=False)).reasons
    assert not check_bytes(b"id,a,b\n0,.5,.6\n", sample, make_spec("roc_auc", **columns)).reasons


@pytest.mark.parametrize("metric", ["pearson", "spearman"])
def test_lesson_09_a_constant_has_no_correlation(tmp_path: Path, metric: str) -> None:
    assert (
        "has no value then"
        in checked(tmp_path, make_spec(metric), ["1", "1"], ["0", "0"]).reasons[0]
    )


# ---------------------------------------------------------------- what is kept


def test_long_cells_take_no_more_room_than_they_have(tmp_path: Path) -> None:
    cells = np.array(["1 2 " * 50_000, "", "é 3"] + ["4 5"] * 400, dtype=object)[:, None]
    ids = np.arange(len(cells)).astype(str)[:, None]
    store = Store(tmp_path)
    store.save("p", Prediction("full", None, ids, cells, np.full(len(cells), "test")))
    assert store.path("p").stat().st_size < 400_000
    assert (Store(tmp_path).load("p").values == cells).all()


@pytest.mark.parametrize(("metric", "kind"), KINDS)
def test_judged_compared_and_combined(arena: Build, metric: str, kind: ValueKind) -> None:
    rng = np.random.default_rng(3)
    truths = [truth_of(metric, kind, rng, 150) for _ in range(2)]
    made = arena(spec_of(metric, kind), truths)
    for name, share in (("good", 0.2), ("bad", 0.8)):
        for fold, truth in enumerate(truths):
            verdict = made.keep(f"{name}{fold}", worse(truth, kind, share, rng), fold)
            assert verdict.valid, verdict.reasons
            assert verdict.stderr > 0
    good, bad = ([f"{name}{fold}" for fold in range(2)] for name in ("good", "bad"))
    assert made.judge.p_better(good, bad) > 0.99
    assert made.judge.agreement([(good, 1.0)], [(good, 1.0)], "vote").rank == 1.0
    out = made.root / "out.csv"
    combined = made.judge.combine([(good, 2.0), (bad, 1.0)], how_to_combine(made.spec), out)
    assert combined.rows == len(made.test_ids)
    assert made.judge.check_file(out) == ()
    cells = set(pd.read_csv(out, dtype=str)["target"])
    assert cells <= {str(cell) for truth in truths for cell in truth.ravel()}


@pytest.mark.parametrize(("metric", "kind"), KINDS)
def test_the_greedy_blend_votes_for_what_most_say(
    arena: Build, metric: str, kind: ValueKind
) -> None:
    rng = np.random.default_rng(4)
    truth = truth_of(metric, kind, rng, 200)
    made = arena(spec_of(metric, kind), [truth])
    for number in range(5):
        made.keep(f"m{number}", worse(truth, kind, 0.4, np.random.default_rng([4, number])))
    blend = made.judge.greedy([(f"m{number}", [f"m{number}"]) for number in range(5)])
    assert isinstance(blend, Ensemble)
    assert blend.how == "vote" == how_to_blend(made.spec) == how_to_combine(made.spec)
    alone = made.judge.score_blend([(["m0"], 1.0)], "vote", "holdout")[0]
    assert blend.score > alone if made.spec.metric.direction == "maximize" else blend.score < alone
