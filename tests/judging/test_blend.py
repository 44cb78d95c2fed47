"""Combining predictions: the official submission, scores of blends, greedy selection, agreement of
two runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.judging.agreement import MOST_ROWS, numbers_agree
from core.judging.blend import blend, ranks
from core.judging.service import WrittenSubmission
from tests.judging.arena import Arena, done, make_spec
from utils.errors import WorkerError

Build = Callable[..., Arena]


def column(*values: object) -> np.ndarray:
    return np.array(values)[:, None]


def test_mean_rank_and_vote_by_hand() -> None:
    assert blend([column(1.0, 3.0), column(3.0, 7.0)], [1, 3], "mean").tolist() == [[2.5], [6.0]]
    assert ranks(column(0.2, 0.9, 0.2)).tolist() == [[1 / 3], [5 / 6], [1 / 3]]
    squeezed, wide = column(0.50, 0.51, 0.52), column(0.9, 0.1, 0.5)
    assert blend([squeezed, wide], [1, 1], "rank").ravel() == pytest.approx([0.5, 1 / 3, 2 / 3])
    votes = [column("a", "a"), column("b", "b"), column("b", "c")]
    assert blend(votes, [1, 1, 1], "vote").tolist() == [["b"], ["a"]]


def test_votes_are_weighted_and_ties_go_to_the_first() -> None:
    assert blend([column("a"), column("b")], [1, 2], "vote").tolist() == [["b"]]
    assert blend([column("a"), column("b")], [1, 1], "vote").tolist() == [["a"]]
    # .1 + .2 is not .3 in floating point: still a tie.
    assert blend([column("a"), column("b"), column("b")], [0.3, 0.1, 0.2], "vote").tolist() == [
        ["a"]
    ]


def keep_test(made: Arena, key: str, fold: int, values: object) -> None:
    """Predictions for the official test rows of one fold; the held-out rows get the first of them."""
    cells = np.asarray(values)
    ids = made.test_ids + made.held[fold]["id"].tolist()
    column = [*cells.tolist(), *[cells.tolist()[0]] * len(made.held[fold])]
    path = made.root / "test_values.csv"
    pd.DataFrame({"id": ids, "target": column}).sample(frac=1, random_state=1).to_csv(
        path, index=False
    )
    assert made.judge.judge(made.job(key, fold), done(path)).valid


def combined(made: Arena, parts: list[tuple[list[str], float]], how: str) -> list[str]:
    out = made.root / "out" / "submission.csv"
    result = made.judge.combine(parts, how, out)
    assert result == WrittenSubmission(
        len(made.test_ids), hashlib.sha256(out.read_bytes()).hexdigest()
    )
    frame = pd.read_csv(out, dtype=str)
    assert list(frame.columns) == ["id", "target"]
    assert frame["id"].tolist() == made.test_ids
    return frame["target"].tolist()


def test_folds_are_averaged_and_members_weighted(arena: Build) -> None:
    made = arena(make_spec("rmse"), [np.arange(10.0), np.arange(10.0)])
    keep_test(made, "a0", 0, [0.0, 1, 2, 3, 4])
    keep_test(made, "a1", 1, [2.0, 3, 4, 5, 6])
    keep_test(made, "b0", 0, [10.0, 10, 10, 10, 11])
    parts = [(["a0", "a1"], 0.75), (["b0"], 0.25)]
    assert [float(cell) for cell in combined(made, parts, "mean")] == [3.25, 4.0, 4.75, 5.5, 6.5]


def test_labels_vote_over_folds_and_are_written_as_the_training_data_spells_them(
    arena: Build,
) -> None:
    truth = np.tile([1.0, 2.0, 3.0], 4)
    made = arena(make_spec("f1_macro", classes=("1", "2", "3")), [truth, truth, truth])
    for fold, labels in enumerate([[1, 1, 2, 2, 3], [1, 2, 2, 3, 3], [2, 2, 2, 1, 3]]):
        keep_test(made, f"a{fold}", fold, labels)
    assert combined(made, [(["a0", "a1", "a2"], 1.0)], "vote") == ["1", "2", "2", "2", "3"]
    assert combined(made, [(["a0", "a1", "a2"], 1.0)], "mean") == ["1", "2", "2", "2", "3"]


def test_text_labels_always_vote(arena: Build) -> None:
    truth = np.array(["cat", "dog"] * 5)
    made = arena(make_spec("accuracy", classes=("cat", "dog")), [truth])
    keep_test(made, "a", 0, ["cat", "dog", "dog", "cat", "cat"])
    keep_test(made, "b", 0, ["dog", "dog", "dog", "dog", "cat"])
    assert combined(made, [(["a"], 0.5), (["b"], 0.5)], "mean") == [
        "cat",
        "dog",
        "dog",
        "cat",
        "cat",
    ]


def test_values_are_written_with_all_their_digits(arena: Build) -> None:
    made = arena(make_spec("rmse"), [np.arange(10.0)])
    values = np.random.default_rng(0).random(5) * 10.0 ** np.arange(-8, 12, 4)
    keep_test(made, "a", 0, values)
    # Not exactly: older versions of pandas read the last digit of a float as they please.
    assert [float(cell) for cell in combined(made, [(["a"], 1.0)], "mean")] == pytest.approx(
        values.tolist(), rel=1e-15
    )


def test_without_a_sample_submission_the_test_table_says_which_rows(arena: Build) -> None:
    made = arena(make_spec("rmse", sample=None), [np.arange(10.0)])
    lines = "".join(f"7,{name}\n" for name in made.test_ids)
    (Path(made.spec.data_dir) / "test.csv").write_text("x,id\n" + lines, encoding="utf-8")
    keep_test(made, "a", 0, [0.0, 1, 2, 3, 4])
    assert combined(made, [(["a"], 1.0)], "mean") == ["0.0", "1.0", "2.0", "3.0", "4.0"]


def test_a_blend_that_misses_official_rows_is_our_own_error_and_leaves_no_file(
    arena: Build,
) -> None:
    made = arena(make_spec("rmse"), [np.arange(10.0)])
    keep_test(made, "a", 0, [0.0, 1, 2, 3, 4])
    sample = Path(made.spec.data_dir) / "sample_submission.csv"
    sample.write_text(sample.read_text(encoding="utf-8") + "t99,0.5\n", encoding="utf-8")
    with pytest.raises(WorkerError, match="does not cover the official test rows"):
        made.judge.combine([(["a"], 1.0)], "mean", made.root / "out.csv")
    assert not (made.root / "out.csv").exists()


# ---------------------------------------------------------------- scores and selection


def test_a_blend_of_one_scores_as_its_folds_do(arena: Build) -> None:
    rng = np.random.default_rng(1)
    truths = [rng.normal(size=50), rng.normal(size=80)]
    made = arena(make_spec("rmse"), truths)
    verdicts = [
        made.keep(f"a{fold}", truth + rng.normal(size=len(truth)), fold)
        for fold, truth in enumerate(truths)
    ]
    score, stderr = made.judge.score_blend([(["a0", "a1"], 1.0)], "mean", "holdout")
    assert score == pytest.approx(np.mean([verdict.score for verdict in verdicts]))
    assert stderr == pytest.approx(np.hypot(*[verdict.stderr for verdict in verdicts]) / 2)
    assert made.judge.score_blend([(["a0", "a1"], 1.0)], "mean", "locked") == (None, None)


@pytest.mark.parametrize("folds", [1, 3])
@pytest.mark.parametrize("metric", ["rmse", "roc_auc"])
def test_greedy_blends_what_errs_differently_and_leaves_noise_out(
    arena: Build, metric: str, folds: int
) -> None:
    rng = np.random.default_rng(2)
    truths = [rng.integers(0, 2, 600).astype(float) for _ in range(folds)]
    made = arena(make_spec(metric), truths)
    for fold, truth in enumerate(truths):
        for name in "ab":
            made.keep(
                f"{name}{fold}",
                np.clip(0.3 * truth + 0.2 + 0.12 * rng.normal(size=600), 0, 1),
                fold,
            )
        made.keep(f"noise{fold}", rng.random(600), fold)
    candidates = [
        (name, [f"{name}{fold}" for fold in range(folds)]) for name in ("a", "noise", "b")
    ]
    found = made.judge.select(candidates)
    assert found is not None
    weights = dict(found.ensemble.members)
    assert {"a", "b"} <= set(weights)
    assert weights.get("noise", 0.0) < 0.25
    assert sum(weights.values()) == pytest.approx(1.0)
    assert found.single in ("a", "b")
    assert found.p_better > 0.9
    better = found.ensemble.score - found.single_score
    assert (better if metric == "roc_auc" else -better) > 0
    assert made.judge.greedy(candidates) == found.ensemble


def test_greedy_returns_no_blend_where_one_program_is_all(arena: Build) -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(size=300)
    made = arena(make_spec("rmse"), [truth])
    made.keep("best", truth + 0.01 * rng.normal(size=300))
    made.keep("copy", truth + 5 * rng.normal(size=300))
    assert made.judge.greedy([("best", ["best"]), ("copy", ["copy"])]) is None


def test_greedy_leaves_out_programs_that_lack_a_fold(arena: Build) -> None:
    rng = np.random.default_rng(4)
    truths = [rng.normal(size=200) for _ in range(2)]
    made = arena(make_spec("rmse"), truths)
    for fold, truth in enumerate(truths):
        for name in "ab":
            made.keep(f"{name}{fold}", truth + rng.normal(size=200), fold)
    made.keep("c0", truths[0])
    found = made.judge.select([("c", ["c0"]), ("a", ["a0", "a1"]), ("b", ["b0", "b1"])])
    assert found is not None
    assert set(dict(found.ensemble.members)) == {"a", "b"}


def test_greedy_lets_labels_vote(arena: Build) -> None:
    rng = np.random.default_rng(5)
    truth = rng.choice(["cat", "dog", "eel"], 600)
    made = arena(make_spec("accuracy", classes=("cat", "dog", "eel")), [truth])
    for name in "abc":
        made.keep(
            name, np.where(rng.random(600) < 0.7, truth, rng.choice(["cat", "dog", "eel"], 600))
        )
    found = made.judge.select([(name, [name]) for name in "abc"])
    assert found is not None
    assert found.ensemble.how == "vote"
    assert found.ensemble.score > found.single_score


def test_selection_is_deterministic(arena: Build) -> None:
    rng = np.random.default_rng(6)
    truth = rng.normal(size=200)
    made = arena(make_spec("mae"), [truth])
    for name in "abc":
        made.keep(name, truth + rng.normal(size=200))
    candidates = [(name, [name]) for name in "abc"]
    assert made.judge.select(candidates) == made.judge.select(candidates)


def test_agreement_of_two_runs(arena: Build) -> None:
    made = arena(make_spec("rmse"), [np.arange(10.0)])
    keep_test(made, "a", 0, [0.0, 1, 2, 3, 4])
    keep_test(made, "shifted", 0, [10.0, 11, 12, 13, 14])
    keep_test(made, "turned", 0, [4.0, 3, 2, 1, 0])

    def against(other: str) -> tuple[float, float]:
        found = made.judge.agreement([(["a"], 1.0)], [([other], 1.0)], "mean")
        return found.rank, found.shift

    assert against("a") == (pytest.approx(1.0), 0.0)
    assert against("shifted") == (pytest.approx(1.0), pytest.approx(10 / np.sqrt(2)))
    assert against("turned") == (pytest.approx(-1.0), 0.0)


def test_agreement_of_very_many_rows_is_that_of_a_sample() -> None:
    draw = np.random.default_rng(0)
    a = draw.normal(size=(10 * MOST_ROWS + 7, 1))
    b = a + 0.1 * draw.normal(size=a.shape)
    few = numbers_agree(a[:MOST_ROWS], b[:MOST_ROWS])[0]
    assert numbers_agree(a, b)[0] == pytest.approx(few, abs=1e-3)
    # Only rows that the sample leaves out differ.
    b = a.copy()
    b[1::11] += 1e6
    assert numbers_agree(a, b)[0] == pytest.approx(1.0)


def test_agreement_of_labels(arena: Build) -> None:
    made = arena(make_spec("accuracy", classes=("cat", "dog")), [np.array(["cat", "dog"] * 5)])
    keep_test(made, "a", 0, ["cat", "cat", "dog", "dog", "dog"])
    keep_test(made, "b", 0, ["cat", "cat", "cat", "dog", "dog"])
    found = made.judge.agreement([(["a"], 1.0)], [(["b"], 1.0)], "vote")
    assert (found.rank, found.shift) == (pytest.approx(0.8), pytest.approx(0.2))
