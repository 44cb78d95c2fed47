"""The judge with its real worker: verdicts, the prediction store, and lessons 1, 3, 7, 11 and 13."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.judging.service import HoldoutJudge
from core.records import ErrorInfo
from core.score import Score, unscored
from tests.judging.arena import Arena, done, make_spec
from utils.errors import SpecError, WorkerError

Build = Callable[..., Arena]
RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=40)


def test_a_submission_is_scored_on_its_holdout_rows(arena: Build) -> None:
    made = arena(make_spec("rmse"), [TRUTH], locked=10)
    guess = TRUTH + np.where(np.arange(40) < 30, 2.0, 50.0)
    verdict = made.keep("k1", guess)
    assert verdict.valid
    assert verdict.score == pytest.approx(2.0)
    assert verdict.stderr == pytest.approx(0.0)
    assert (verdict.scored_by, verdict.predictions) == ("holdout", "k1")
    assert made.judge.score_blend([(["k1"], 1.0)], "mean", "locked")[0] == pytest.approx(50.0)


def test_the_kept_predictions_are_as_documented(arena: Build) -> None:
    made = arena(make_spec("rmse"), [TRUTH], locked=10)
    made.keep("k1", TRUTH)
    with np.load(made.root / "predictions" / "k1.npz", allow_pickle=False) as file:
        assert set(file.files) == {"ids", "values", "part", "view", "answers"}
        assert file["ids"][:2].tolist() == [["v0r0"], ["v0r1"]]
        assert file["part"].tolist() == ["holdout"] * 30 + ["locked"] * 10 + ["test"] * 5
        assert file["values"][:40, 0] == pytest.approx(TRUTH)
        assert sorted(file["ids"][40:, 0]) == made.test_ids
        assert str(file["answers"]) == "../search0.npz"


def test_text_labels_are_kept_as_text(arena: Build) -> None:
    truth = np.array(["cat", "dog"] * 10)
    made = arena(make_spec("accuracy", classes=("cat", "dog")), [truth])
    assert made.keep("k1", truth).score == 1.0
    with np.load(made.root / "predictions" / "k1.npz", allow_pickle=False) as file:
        assert file["values"].dtype.kind == "U"


def test_one_hot_log_loss_end_to_end(arena: Build) -> None:
    spec = make_spec(
        "log_loss", target_columns=("A", "B"), label_columns=("kind",), classes=("A", "B")
    )
    made = arena(spec, [np.eye(2)[[0, 1, 1, 0]]])
    verdict = made.keep("k1", np.array([[0.8, 0.2], [0.2, 0.8], [0.2, 0.8], [0.8, 0.2]]))
    assert verdict.score == pytest.approx(-np.log(0.8))


def test_labels_in_words_become_the_second_class(arena: Build) -> None:
    made = arena(
        make_spec("roc_auc", classes=("no", "yes")), [np.array(["no", "yes", "no", "yes"])]
    )
    assert made.keep("k1", [0.1, 0.9, 0.2, 0.8]).score == 1.0


def test_lesson_1_what_a_program_prints_or_claims_is_never_read(arena: Build) -> None:
    made = arena(make_spec("rmse"), [TRUTH])
    path = made.write(0, TRUTH + 1.0)
    (path.parent / "score.json").write_text('{"score": 0.0}', encoding="utf-8")
    loud = done(
        path, tail="Validation score: 0.0001\nneg_root_mean_squared_error -0.0001\nFinal rmse = 0"
    )
    assert made.judge.judge(made.job("loud"), loud).score == pytest.approx(1.0)
    assert made.judge.judge(made.job("quiet"), done(path)).score == pytest.approx(1.0)


def test_lesson_3_nan_is_never_best(arena: Build) -> None:
    made = arena(make_spec("rmse"), [TRUTH])
    verdict = made.keep("nan", np.where(np.arange(40) == 7, np.nan, TRUTH))
    assert not verdict.valid
    assert verdict.score is None
    assert Score(float("nan"), "minimize") < Score(1e9, "minimize")
    assert unscored("minimize") < made_score(made, "worse", TRUTH + 100)


def made_score(made: Arena, key: str, values: np.ndarray) -> Score:
    return Score(made.keep(key, values).score, made.spec.metric.direction)


def test_lesson_3_no_value_is_impossible_only_because_it_is_large_or_far_better(
    arena: Build,
) -> None:
    made = arena(make_spec("rmse"), [TRUTH])
    assert made.keep("large", TRUTH + 5000).score == pytest.approx(5000)
    assert made.keep("breakthrough", TRUTH + 1e-6).score == pytest.approx(1e-6)


def test_an_undefined_score_leaves_a_valid_submission_unscored(arena: Build) -> None:
    made = arena(make_spec("roc_auc"), [np.ones(10)])
    verdict = made.keep("k1", RNG.random(10))
    assert (verdict.valid, verdict.score, verdict.scored_by) == (True, None, "none")
    assert verdict.warnings[1:] == ("roc_auc has no value on the 10 holdout rows",)


def test_lesson_7_a_program_killed_at_its_deadline_counts_and_is_kept_at_once(arena: Build) -> None:
    made = arena(make_spec("rmse"), [TRUTH])
    killed = done(
        made.write(0, TRUTH + 1.0), exit_code=None, signal=9, timed_out=True, killed_for="deadline"
    )
    verdict = made.judge.judge(made.job("killed"), killed)
    assert verdict.valid
    assert verdict.score == pytest.approx(1.0)
    assert verdict.warnings[-1] == (
        "the program did not finish (it was stopped at its time limit); its submission counts"
    )
    assert (made.root / "predictions" / "killed.npz").is_file()


@pytest.mark.parametrize(
    ("ending", "cause"),
    [
        ({"exit_code": 1, "error": ErrorInfo("ValueError", "no", "...")}, "ValueError: no"),
        ({"exit_code": 1}, "it ended with exit status 1"),
        ({"exit_code": None, "signal": 11}, "it was ended by signal 11"),
        ({"exit_code": None, "signal": 9, "killed_for": "memory"}, "it was killed for its memory"),
    ],
)
def test_a_crash_is_a_warning_after_a_complete_file_and_the_reason_otherwise(
    arena: Build, ending: dict[str, Any], cause: str
) -> None:
    made = arena(make_spec("rmse"), [TRUTH])
    path = made.write(0, TRUTH)
    whole = made.judge.judge(made.job("whole"), done(path, **ending))
    assert whole.valid
    assert cause in whole.warnings[-1]
    path.write_bytes(path.read_bytes()[:100])
    half = made.judge.judge(made.job("half"), done(path, **ending))
    assert not half.valid
    assert half.reasons[0] == cause
    assert "missing" in half.reasons[1]
    none = made.judge.judge(made.job("none"), done(None, **ending))
    assert none.reasons == (f"no submission: {cause}",)


def test_lesson_11_the_file_of_the_outcome_is_judged_whatever_the_program_says(
    arena: Build,
) -> None:
    made = arena(make_spec("rmse"), [TRUTH])
    path = made.write(0, TRUTH + 3.0, name="elsewhere")
    job = replace(made.job("k1"), program="df.to_csv('submission' + '.csv')")
    assert made.judge.judge(job, done(path)).score == pytest.approx(3.0)


def test_lesson_13_a_verdict_needs_no_reviewer_and_no_words(arena: Build) -> None:
    """The judge is built from a competition and a folder alone; a reviewer's `"false"` in the
    output is only text.
    """
    made = arena(make_spec("rmse"), [TRUTH])
    tail = '{"is_bug": "false", "summary": "context length exceeded"} Traceback (most recent call last):'
    assert made.judge.judge(made.job("k1"), done(made.write(0, TRUTH), tail=tail)).valid


def test_a_view_without_answers_is_checked_and_kept_but_not_scored(arena: Build) -> None:
    made = arena(make_spec("rmse"), [TRUTH])
    view = replace(made.views[0], name="full", kind="full", path=made.spec.data_dir, answers=None)
    path = made.root / "full.csv"
    path.write_text(
        "id,target\n" + "".join(f"{name},{number}\n" for number, name in enumerate(made.test_ids)),
        "utf-8",
    )
    verdict = made.judge.judge(replace(made.job("full"), view=view), done(path))
    assert (verdict.valid, verdict.score, verdict.scored_by) == (True, None, "none")
    assert made.judge.combine([(["full"], 1.0)], "mean", made.root / "out.csv").rows == 5
    assert (made.root / "out.csv").read_text(encoding="utf-8").splitlines()[2] == "t1,1.0"


def test_lesson_10_a_program_whose_input_was_changed_is_invalid(arena: Build) -> None:
    made = arena(make_spec("rmse"), [TRUTH])
    verdict = made.judge.judge(made.job("k1"), done(made.write(0, TRUTH), view_intact=False))
    assert not verdict.valid
    assert verdict.score is None
    assert verdict.reasons == ("its input files were changed while it ran",)


def test_the_store_outlives_the_worker_and_the_folder_may_move(arena: Build) -> None:
    made = arena(make_spec("rmse"), [TRUTH])
    made.keep("k1", TRUTH + 1.0)
    made.keep("k2", TRUTH + RNG.normal(size=40))
    before = made.judge.p_better(["k1"], ["k2"])
    made.judge.close()
    moved = made.root.rename(made.root.with_name("moved"))
    again = HoldoutJudge(replace(made.spec, data_dir=str(moved / "data")), moved / "predictions")
    try:
        assert again.p_better(["k1"], ["k2"]) == before
    finally:
        again.close()


def test_names_that_leave_the_store_and_unknown_ones_are_our_own_error(arena: Build) -> None:
    made = arena(make_spec("rmse"), [TRUTH])
    with pytest.raises(WorkerError, match="not a name"):
        made.keep("../escape", TRUTH)
    with pytest.raises(WorkerError, match="No such file"):
        made.judge.p_better(["nobody"], ["none"])


def test_answers_that_do_not_fit_the_view_are_our_own_error(arena: Build) -> None:
    made = arena(make_spec("rmse"), [TRUTH])
    sample = Path(made.views[0].path) / "sample_submission.csv"
    rows = [line for line in sample.read_text("utf-8").splitlines() if not line.startswith("v0r7,")]
    sample.write_text("\n".join(rows) + "\n", "utf-8")
    path = made.write(0, TRUTH)
    kept = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("v0r7,")]
    path.write_text("\n".join(kept) + "\n", "utf-8")
    with pytest.raises(WorkerError, match="do not fit"):
        made.judge.judge(made.job("k1"), done(path))


def test_an_unknown_metric_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no scorer"):
        HoldoutJudge(make_spec("beauty"), tmp_path)


def test_p_better_on_common_folds_only(arena: Build) -> None:
    truths = [RNG.normal(size=300) for _ in range(3)]
    made = arena(make_spec("rmse"), truths)
    for fold, truth in enumerate(truths):
        noise = RNG.normal(size=300)
        made.keep(f"good{fold}", truth + 0.8 * noise, fold)
        made.keep(f"bad{fold}", truth + noise, fold)
    good, bad = [[f"{name}{fold}" for fold in range(3)] for name in ("good", "bad")]
    assert made.judge.p_better(good, bad) > 0.99
    assert made.judge.p_better(good[:1], bad) > 0.95
    assert made.judge.p_better(good[:1], bad[1:]) is None
    assert made.judge.p_better(good, []) is None
    assert made.judge.p_better(good, good) == 0.5


def test_check_file_is_against_the_official_sample(arena: Build) -> None:
    made = arena(make_spec("rmse"), [TRUTH])
    assert made.judge.check_file(Path(made.spec.data_dir) / "sample_submission.csv") == ()
    reasons = made.judge.check_file(made.write(0, TRUTH))
    assert [reason.split(" (")[0] for reason in reasons] == [
        "40 ids are not in the sample submission"
    ]


def test_warm_calls_are_quick(arena: Build) -> None:
    """7,000 rows: judging and comparing take milliseconds once the worker is warm (generous here: a
    busy machine).
    """
    truth = RNG.integers(0, 2, 7000).astype(float)
    made = arena(make_spec("roc_auc"), [truth])
    path = made.write(0, np.clip(truth * 0.2 + RNG.random(7000) * 0.8, 0, 1))
    made.judge.judge(made.job("a"), done(path))
    best = []
    for call in (
        lambda: made.judge.judge(made.job("b"), done(path)),
        lambda: made.judge.p_better(["a"], ["b"]),
    ):
        spans = []
        for _ in range(5):
            started = time.perf_counter()
            call()
            spans.append(time.perf_counter() - started)
        best.append(min(spans))
    print(f"judge {best[0] * 1000:.0f} ms, p_better {best[1] * 1000:.0f} ms")
    assert max(best) < 0.3
