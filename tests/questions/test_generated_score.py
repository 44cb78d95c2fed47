"""A generated score: tried by invariants in the box, then the judge's own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.execution.box import Box
from core.execution.detection import detect
from core.execution.static_check import reasons_to_reject
from core.execution.stop import StopSignal
from core.execution.trial_box import TrialBox
from core.judging.service import HoldoutJudge
from core.questions.generated_score import GeneratedJudge, faults_of
from core.questions.metric_question import WrittenScores
from core.questions.score_acceptance import faults
from core.records import CompetitionSpec, MetricSpec
from core.task.hints import NO_HINTS, Hints
from core.task.recognise.spec import inspect_competition
from tests.judging.arena import make_arena, make_spec
from tests.task import folders
from utils.process import WorkerProcess

pytestmark = pytest.mark.whole

# Capped absolute error, by columns and by hand.
GOOD_A = """
import pandas as pd

def score(answers_path, submission_path):
    answers = pd.read_csv(answers_path, dtype={"id": str}).set_index("id")
    given = pd.read_csv(submission_path, dtype={"id": str}).set_index("id")
    gaps = (answers - given.loc[answers.index]).abs().clip(upper=9)
    return float(gaps.to_numpy().mean())
"""
GOOD_B = """
import csv

def score(answers_path, submission_path):
    tables = []
    for path in (answers_path, submission_path):
        with open(path, newline="") as file:
            tables.append({row[0]: [float(cell) for cell in row[1:]] for row in list(csv.reader(file))[1:]})
    gaps = [min(abs(a - b), 9.0) for key, row in tables[0].items() for a, b in zip(row, tables[1][key])]
    return sum(gaps) / len(gaps)
"""
BY_PLACE = """
import pandas as pd

def score(answers_path, submission_path):
    target = lambda path: pd.read_csv(path).iloc[:, -1]
    return float((target(answers_path) - target(submission_path)).abs().clip(upper=9).mean())
"""
FIRST_ROWS = GOOD_A.replace("return float(", "gaps = gaps.iloc[:2]\n    return float(")
MISSES_ONE = GOOD_A.replace("return float(", "gaps = gaps.iloc[1:]\n    return float(")
BODY = "\ndef score(answers_path, submission_path):\n    "


def quick(rows: Sequence[tuple[object, ...]], count: int = 2) -> list[object]:
    """The first rows; each of the others costs seconds and is for the long suite."""
    return [*rows[:count], *(pytest.param(*row, marks=pytest.mark.long) for row in rows[count:])]


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    made = WorkerProcess(
        "core.judging.worker", log=tmp_path_factory.mktemp("judging") / "worker.log"
    )
    yield made
    made.close()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[TrialBox]:
    stop = StopSignal()
    for name in ("workspace", "closed"):
        (tmp_path / name).mkdir()
    (tmp_path / "closed" / "truth.csv").write_text("secret")
    environ = {**os.environ, "OPENAI_API_KEY": "sk-very-secret"}
    facts = detect(tmp_path / "workspace", (tmp_path / "closed",), (), environ)
    place = Box(tmp_path / "workspace", (tmp_path / "closed",), environ, facts, stop)
    yield TrialBox(place, 2048, 20.0)
    assert list((tmp_path / "workspace").iterdir()) == []
    stop.close()


@pytest.fixture
def spec(tmp_path: Path) -> CompetitionSpec:
    return inspect_competition(folders.real_rows(tmp_path / "data", train=80), "", NO_HINTS)


def tried(
    spec: CompetitionSpec,
    box: TrialBox,
    worker: WorkerProcess,
    first: str,
    second: str = GOOD_B,
    **changes: object,
) -> list[str]:
    written = WrittenScores(first, second, **({"direction": "minimize", "best": 0.0} | changes))  # type: ignore[arg-type]
    judge = HoldoutJudge(spec, box.box.workspace.parent / "trial", worker=worker)
    return faults_of(written, spec, judge, box, reasons_to_reject)


def test_two_good_versions_are_believed(
    spec: CompetitionSpec, box: TrialBox, worker: WorkerProcess
) -> None:
    assert tried(spec, box, worker, GOOD_A) == []
    assert tried(spec, box, worker, GOOD_B, GOOD_A, best=None) == []


WRONG = [
    (FIRST_ROWS, {}, "unseen"),
    (MISSES_ONE, {}, "disagree"),
    (BY_PLACE, {}, "order of the rows"),
    (GOOD_A, {"direction": "maximize"}, "better than perfect"),
    (GOOD_A, {"best": 1.0}, "not the best value"),
    (GOOD_A.replace("upper=9", "upper=4"), {}, "disagree"),
    ("import math" + BODY + "return math.nan\n", {}, "no value"),
    ("import math" + BODY + "return 0.0\n", {}, "not worse"),
]


@pytest.mark.parametrize(("program", "changes", "why"), quick(WRONG))
def test_subtly_wrong_ones_are_not(
    spec: CompetitionSpec,
    box: TrialBox,
    worker: WorkerProcess,
    program: str,
    changes: dict[str, object],
    why: str,
) -> None:
    found = tried(spec, box, worker, program, **changes)
    assert any(why in fault for fault in found), found


HOSTILE = [
    ("import os" + BODY + "os._exit(0)\n", ""),
    ("import time" + BODY + "\n    while True: time.sleep(1)\n", ""),
    ("x = 1" + BODY + "raise RuntimeError('no')\n", "RuntimeError"),
    ("def other(): pass\n", "score"),
    ("this is no python", "syntax"),
    ("import openai" + BODY + "return 1.0\n", "openai"),
    ("import os" + BODY + "return float(len(os.environ['OPENAI_API_KEY']))\n", "KeyError"),
    (
        'open("results.json", "w").write("[" * 100000)\nimport os\nos._exit(0)'
        + BODY
        + "return 1.0\n",
        "",
    ),
    (
        'open("results.json", "w").write(\'[{"values": [0], "error": ""}]\')\nimport os\nos._exit(0)\n',
        "other results",
    ),
]


@pytest.mark.parametrize(("program", "why"), quick(HOSTILE))
def test_hostile_ones_are_a_reason_and_leave_nothing(
    spec: CompetitionSpec, box: TrialBox, worker: WorkerProcess, program: str, why: str
) -> None:
    begun = time.monotonic()
    found = tried(spec, replace(box, limit_s=3.0), worker, program)
    assert found
    assert why in found[0]
    assert time.monotonic() - begun < 30


def test_the_box_hides_what_is_closed(
    spec: CompetitionSpec, box: TrialBox, worker: WorkerProcess
) -> None:
    if not box.box.facts.landlock:
        pytest.skip("the kernel has no Landlock here")
    closed = box.box.protected[0] / "truth.csv"
    peeping = (
        f"parts = {str(closed).split('/')!r}"
        + BODY
        + "return float(len(open('/'.join(parts)).read()))\n"
    )
    assert "PermissionError" in tried(spec, box, worker, peeping)[0]


# ---------------------------------------------------------------- other kinds of values


LABELS = """
import pandas as pd

def score(answers_path, submission_path):
    read = lambda path: pd.read_csv(path, dtype=str, keep_default_na=False).set_index("id").iloc[:, 0]
    answers, given = read(answers_path), read(submission_path)
    return float((answers == given[answers.index]).mean()) * 10
"""


def test_labels_and_lists(tmp_path: Path, box: TrialBox, worker: WorkerProcess) -> None:
    plain = LABELS.replace(
        'pd.read_csv(path, dtype=str, keep_default_na=False).set_index("id").iloc[:, 0]',
        "pd.Series({a: b for a, b in list(__import__('csv').reader(open(path)))[1:]})",
    )
    for number, cells in enumerate((["cat", "dog", "eel"] * 30, ["a b", "b c", "c a", "a"] * 25)):
        root = tmp_path / f"data{number}"
        folders.put(
            root / "train.csv",
            ("id", "x", "y"),
            [(f"t{i}", i % 7, cell) for i, cell in enumerate(cells)],
        )
        folders.put(root / "test.csv", ("id", "x"), [(f"u{i}", i) for i in range(9)])
        folders.put(
            root / "sample_submission.csv", ("id", "y"), [(f"u{i}", cells[0]) for i in range(9)]
        )
        spec = inspect_competition(root, "", Hints.of(metric="f1_micro"))
        assert spec.value_kind == ("label", "list")[number]
        assert tried(spec, box, worker, LABELS, plain, direction="maximize", best=10.0) == []


# ---------------------------------------------------------------- the invariants alone


def values(**changes: float | None) -> dict[str, float | None]:
    names = (
        "perfect",
        "perfect_turned",
        "noise0",
        "noise1",
        "noise2",
        "noise3",
        "noise1_turned",
        "both_turned",
    )
    known = dict(zip(names, (0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 2.0, 2.0), strict=True))
    return (
        known
        | {"shuffled0": 5.0, "constant": 4.5, "sample": 7.0, "single0": 0.1, "single1": 0.1}
        | changes
    )


def test_the_invariants_one_by_one() -> None:
    assert faults(values(), values(), "minimize", 0.0) == []
    assert (
        "order" in faults(values(noise1_turned=2.1), values(noise1_turned=2.1), "minimize", 0.0)[0]
    )
    assert "noise" in faults(values(noise3=2.5), values(noise3=2.5), "minimize", None)[0]
    assert "shuffled" in faults(values(shuffled0=0.0), values(shuffled0=0.0), "minimize", None)[0]
    assert "no value for sample" in faults(values(sample=None), values(), "minimize", None)[0]
    assert "disagree on sample" in faults(values(), values(sample=None), "minimize", None)[0]
    assert (
        "unseen"
        in faults(
            values(single0=0.0, single1=0.0), values(single0=0.0, single1=0.0), "minimize", None
        )[0]
    )
    assert faults({}, {}, "minimize", None) == ["no value for anything"]


# ---------------------------------------------------------------- the judge


def test_the_judge_scores_compares_and_blends_with_it(
    tmp_path: Path, box: TrialBox, worker: WorkerProcess
) -> None:
    rng = np.random.default_rng(2)
    truths = [rng.normal(size=150) * 3 for _ in range(2)]
    spec = replace(make_spec("rmse"), metric=MetricSpec("rmse", "minimize", "generated"))
    made = make_arena(tmp_path / "arena", spec, truths, worker)
    made.judge = GeneratedJudge(made.spec, tmp_path / "predictions", GOOD_A, box, worker)
    for name, noise in (("good", 0.5), ("bad", 1.0)):
        for fold, truth in enumerate(truths):
            pred = truth + noise * rng.normal(size=150)
            pred[0] = 500.0
            verdict = made.keep(f"{name}{fold}", pred, fold)
            capped = np.minimum(np.abs(truth - pred), 9)
            assert verdict.score == pytest.approx(capped.mean())
            assert verdict.stderr == pytest.approx(capped.std() / np.sqrt(150), rel=0.6)
            assert verdict.scored_by == "holdout_generated"
    good, bad = (["good0", "good1"], ["bad0", "bad1"])
    assert made.judge.p_better(good, bad) > 0.95
    assert made.judge.p_better(bad, good) < 0.05
    assert made.judge.p_better(good, good) == 0.5
    assert made.judge.p_better(good[:1], bad[1:]) is None
    score, stderr = made.judge.score_blend([(good, 1.0), (bad, 1.0)], "mean", "holdout")
    assert 0 < stderr < score
    assert made.judge.select([("good", good), ("bad", bad)]) is None
    assert (
        GeneratedJudge(made.spec, tmp_path / "predictions", GOOD_A, box, worker).p_better(good, bad)
        > 0.95
    )


def test_a_program_that_fails_on_a_submission_leaves_it_unscored(
    tmp_path: Path, box: TrialBox, worker: WorkerProcess
) -> None:
    spec = replace(make_spec("rmse"), metric=MetricSpec("rmse", "minimize", "generated"))
    made = make_arena(tmp_path / "arena", spec, [np.arange(30.0)], worker)
    failing = "x = 1" + BODY + "raise ValueError('negative')\n"
    made.judge = GeneratedJudge(made.spec, tmp_path / "predictions", failing, box, worker)
    verdict = made.keep("one", np.arange(30.0))
    assert (verdict.valid, verdict.score, verdict.scored_by) == (True, None, "none")
    assert "negative" in verdict.warnings[-1]
    assert made.judge.p_better(["one"], ["one"]) is None
