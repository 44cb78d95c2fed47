"""Whole runs and FLAML beside them: what is over is not run again, and both are graded alike."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.__main__ import main
from benchmark.competitions import pack, registry
from benchmark.competitions.competition import Competition
from benchmark.errors import NotRunError
from benchmark.measures import flaml_runs
from benchmark.measures.flaml_runs import (
    FlamlJob,
    compared,
    flaml_table,
    not_behind,
    paired_stderr,
    submission_of,
)
from benchmark.measures.whole import WholeRun, measure_whole, whole_table
from benchmark.provenance import ROOT, claim, head
from core.contract import ReportedTime, RunStatus
from core.records import Best
from tests.benchmark.made_up import leave_report, run_report
from utils.errors import DataError, UsageError, WorkerError


@pytest.fixture
def dest(small: Competition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack of one small competition."""
    monkeypatch.setattr(registry, "COMPETITIONS", (small,))
    pack.prepare(small, tmp_path / "pack")
    return tmp_path / "pack"


def answers(dest: Path) -> pd.DataFrame:
    return pd.read_csv(dest / "churn" / "prepared" / "private" / "test.csv")


def submit(dest: Path, target: Path, strength: float, seed: int = 0) -> Path:
    """A submission that follows the answers, more or less."""
    table = answers(dest)
    noise = np.random.default_rng(seed).random(len(table))
    target.parent.mkdir(parents=True, exist_ok=True)
    table.assign(churn=strength * table["churn"] + (1 - strength) * noise).to_csv(
        target, index=False
    )
    return target


def pretend(out: Path, status: RunStatus, kind: str = "ensemble") -> None:
    """What main.py leaves, with the submission that is there."""
    reason = None if status == "ok" else f"it is {status}"
    best = Best("s0001", kind, 0.8, 0.01, "holdout")
    leave_report(out, run_report(out, status=status, reason=reason, best=best))


def publish(
    dest: Path,
    out: Path,
    strength: float = 0.9,
    status: RunStatus = "ok",
    kind: str = "ensemble",
    minutes: float = 1.0,
) -> None:
    """A finished run."""
    claim(out, minutes)
    submit(dest, out / "submission" / "submission.csv", strength)
    pretend(out, status, kind)


def test_a_run_is_made_once_and_graded(small: Competition, dest: Path, tmp_path: Path) -> None:
    calls: list[Path] = []

    def run(public: Path, out: Path, minutes: float, words: object) -> int:
        calls.append(public)
        submit(dest, out / "submission" / "submission.csv", 0.9)
        pretend(out, "ok")
        return 0

    made = [measure_whole(small, dest, tmp_path / "out", 1.0, [], run) for _ in range(2)]
    assert calls == [dest / "churn" / "prepared" / "public"]
    assert made[0] == made[1]
    assert (made[0].trained, made[0].beaten, made[0].steps, made[0].problem) == (True, True, 7, "")
    assert made[0].commit == head()
    assert made[0].private == 1.0
    assert "dummy" not in made[0].reference


def test_a_run_that_was_killed_goes_on_and_one_that_cannot_is_an_error(
    small: Competition, dest: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    claim(out, 1.0)
    pretend(out, "running")
    with pytest.raises(WorkerError, match="did not come to its end"):
        measure_whole(small, dest, out, 1.0, [], lambda *words: 1)

    def go_on(public: Path, out: Path, minutes: float, words: object) -> int:
        pretend(out, "degraded", "draft")
        return 0

    found = measure_whole(small, dest, out, 1.0, [], go_on)
    assert (found.status, found.private, found.trained, found.beaten) == (
        "degraded",
        None,
        False,
        False,
    )
    assert "there is no file" in found.problem


def test_a_run_does_not_outlive_who_asked_for_it(tmp_path: Path) -> None:
    """The same command again would find it at work in its folder."""
    (tmp_path / "main.py").write_text(
        "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n"
    )
    call = "import sys, pathlib; from benchmark.measures import whole; whole.ROOT = here = pathlib.Path(sys.argv[1])\n"
    call += "whole.run_main_py(here, here / 'out', 1.0, [])"
    asker = subprocess.Popen([sys.executable, "-c", call, tmp_path], cwd=ROOT)
    console = tmp_path / "out" / "console.log"
    try:
        while not (console.exists() and console.read_text().endswith("\n")):
            assert asker.poll() is None
        run = os.pidfd_open(int(console.read_text()))
    finally:
        asker.kill()
        asker.wait()
    with os.fdopen(run):
        assert select.select([run], [], [], 60.0)[0] == [run]


def test_a_submission_that_is_cut_or_gone_is_asked_of_the_run_again(
    small: Competition, dest: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    publish(dest, out)
    submission = out / "submission" / "submission.csv"
    whole, calls = submission.read_bytes(), []

    def put_back(public: Path, out: Path, minutes: float, words: object) -> int:
        calls.append(out)
        submission.write_bytes(whole)
        return 0

    for damage in (lambda: submission.write_bytes(whole[:50]), submission.unlink):
        damage()
        assert measure_whole(small, dest, out, 1.0, [], put_back).private == 1.0
    assert calls == [out, out]
    submission.unlink()
    with pytest.raises(WorkerError, match="did not come to its end"):
        measure_whole(small, dest, out, 1.0, [], lambda *words: 0)


@pytest.mark.parametrize(
    "report", ["", "{", "{}", "[]", "null", '{"status": "ok"}', '{"status": "ok", "best": []}']
)
def test_a_report_that_is_none_is_asked_of_the_run_again(
    small: Competition, dest: Path, tmp_path: Path, report: str
) -> None:
    out = tmp_path / "out"
    publish(dest, out)
    (out / "logs" / "run.json").write_text(report)

    def mend(public: Path, out: Path, minutes: float, words: object) -> int:
        pretend(out, "ok")
        return 0

    assert measure_whole(small, dest, out, 1.0, [], mend).status == "ok"


def test_a_run_that_somebody_stopped_goes_on(
    small: Competition, dest: Path, tmp_path: Path
) -> None:
    """Unlike one that its deadline stopped."""
    out, calls = tmp_path / "out", []
    publish(dest, out)

    def stopped(by: str, elapsed_s: float) -> None:
        reason = f"no description found; stopped by {by} before the final pick"
        time = ReportedTime(elapsed_s, 60.0, 4.0)
        leave_report(out, run_report(out, status="degraded", reason=reason, time=time))

    def run(public: Path, out: Path, minutes: float, words: object) -> int:
        calls.append(out)
        stopped("deadline", 59.0)
        return 0

    stopped("SIGTERM", 12.0)
    for _ in range(2):
        assert measure_whole(small, dest, out, 1.0, [], run).elapsed_s == 59.0
    assert calls == [out]


def test_what_was_made_otherwise_is_refused(small: Competition, dest: Path, tmp_path: Path) -> None:
    publish(dest, tmp_path / "out")
    with pytest.raises(
        UsageError, match="was made with 1 minutes, not 10 minutes: use another --out"
    ):
        measure_whole(small, dest, tmp_path / "out", 10.0, [])
    with pytest.raises(
        UsageError, match=r"was made with 1 minutes, not 1 minutes --set search\.explore=2"
    ):
        measure_whole(small, dest, tmp_path / "out", 1.0, ["search.explore=2"])
    for damage in ("{}", "torn"):
        (tmp_path / "out" / "made.json").write_text(damage)
        with pytest.raises(DataError, match="does not say what it was made with"):
            measure_whole(small, dest, tmp_path / "out", 1.0, [])

    def fit(python: Path, job: FlamlJob) -> None:
        rows = len(pd.read_csv(Path(job.folder) / "test.csv"))
        pd.DataFrame({"answer": np.zeros(rows)}).to_csv(Path(job.folder) / "answers.csv")

    submission_of(small, dest, tmp_path / "flaml", 1.0, 2, Path("python"), fit)
    with pytest.raises(UsageError, match="was made with 1 minutes, not 10 minutes"):
        submission_of(small, dest, tmp_path / "flaml", 10.0, 2, Path("python"), fit)


def test_the_baseline_is_not_trained(small: Competition, dest: Path, tmp_path: Path) -> None:
    out, calls = tmp_path / "out", []
    publish(dest, out, 0.0, "baseline", "baseline")

    def run(public: Path, out: Path, minutes: float, words: object) -> int:
        calls.append(out)
        return 1

    found = measure_whole(small, dest, out, 1.0, [], run)
    assert calls == [out]
    assert not found.trained
    assert not found.beaten
    assert found.problem == "it is baseline"


def result(
    name: str, private: float | None, reference: float, direction: str = "maximize"
) -> dict[str, object]:
    beaten = private is not None and (private > reference) == (direction == "maximize")
    trained, problem = private is not None, "" if private is not None else f"{name}.csv is cut"
    made = WholeRun(
        name,
        "m",
        direction,
        "ok",
        "draft",
        trained,
        private,
        {"linear": reference},
        beaten,
        3,
        9,
        5,
        problem,
        "abc",
    )
    return {slot: getattr(made, slot) for slot in made.__slots__}


def test_the_table_of_whole_runs_counts_and_leaves_absent_cells_empty() -> None:
    table = whole_table({"runs": [result("a", 0.9, 0.8), result("b", None, 0.8)], "absent": ["c"]})
    assert "| c | | | | | | | |" in table
    counted = "Trained and valid: 1 of 2 (target 3: missed). Better than every reference: 1 of 2 (target 2: open)."
    assert f"{counted} 1 of 3 are NOT RUN." in table
    assert table.endswith("\nb: b.csv is cut.")
    table = whole_table(
        {"runs": [result("a", 0.9, 0.8), result("b", 0.1, 0.8, "minimize")], "absent": []}
    )
    assert "2 of 2 (target 2: met). Better than every reference: 2 of 2 (target 1: met)." in table
    table = whole_table({"runs": [result("a", 0.7, 0.8)], "absent": []})
    assert "Better than every reference: 0 of 1 (target 1: missed)." in table


def test_flaml_gets_the_features_and_is_asked_once(
    small: Competition, dest: Path, tmp_path: Path
) -> None:
    jobs: list[FlamlJob] = []

    def fit(python: Path, job: FlamlJob) -> None:
        jobs.append(job)
        train, test = (pd.read_csv(Path(job.folder) / f"{part}.csv") for part in ("train", "test"))
        assert list(train) == ["tenure", "contract", "answer"]
        assert list(test) == ["tenure", "contract"]
        values = 1 / (1 + np.exp(-test["tenure"]))
        values.rename("answer").to_csv(Path(job.folder) / "answers.csv", index=False)

    for _ in range(2):
        made = submission_of(small, dest, tmp_path / "flaml", 10.0, 2, Path("python"), fit)
    assert [(job.metric, job.seconds, job.cores, job.text, job.timed) for job in jobs] == [
        ("roc_auc", 600.0, 2, False, False)
    ]
    assert made == tmp_path / "flaml" / "submission.csv"
    publish(dest, tmp_path / "ours", minutes=10.0)
    found = compared(small, dest, tmp_path / "flaml", tmp_path / "ours")
    assert (found.ours, found.commit, found.against) == (1.0, head(), head())
    assert found.ahead == pytest.approx(1.0 - found.flaml)
    assert 0.0 < (found.stderr or 0.0) < 0.1
    alone = compared(small, dest, tmp_path / "flaml", tmp_path / "none")
    assert (alone.flaml, alone.ours, alone.ahead, alone.against) == (found.flaml, None, None, "")


def test_a_paired_error_is_small_where_both_err_alike(
    small: Competition, dest: Path, tmp_path: Path
) -> None:
    first = submit(dest, tmp_path / "a.csv", 0.2)
    same, alike = submit(dest, tmp_path / "b.csv", 0.2), submit(dest, tmp_path / "c.csv", 0.22)
    other = submit(dest, tmp_path / "d.csv", 0.2, seed=1)
    assert paired_stderr(small, dest, first, same) == 0.0
    assert paired_stderr(small, dest, first, alike) < paired_stderr(small, dest, first, other)


def test_the_table_of_flaml_counts_who_is_not_behind() -> None:
    def run(name: str, ahead: float | None) -> dict[str, object]:
        ours = None if ahead is None else 0.5 + ahead
        return {
            "competition": name,
            "metric": "m",
            "flaml": 0.5,
            "ours": ours,
            "ahead": ahead,
            "stderr": 0.1,
        }

    runs = [run("a", 0.2), run("b", -0.05), run("c", -0.2), run("d", None)]
    assert [not_behind(item) for item in runs] == [True, True, False, False]
    table = flaml_table({"runs": runs, "absent": ["e", "f"]})
    assert "2 of 6 (target 4: open)" in table
    assert "| d | m | 0.5000 | | | | |" in table
    assert "2 of 3 (target 2: met)" in flaml_table({"runs": runs[:2], "absent": ["e"]})
    assert "1 of 6 (target 4: missed)" in flaml_table(
        {"runs": [runs[0], *[runs[2]] * 3], "absent": ["e", "f"]}
    )


def test_flaml_that_cannot_be_had_is_not_run(
    dest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def environment(place: Path, requirements: str, what: str) -> Path:
        raise NotRunError("FLAML could not be installed: no registry")

    monkeypatch.setattr(flaml_runs, "environment", environment)
    assert main(["flaml", "--dest", str(dest), "--out", str(tmp_path / "flaml")]) == 3
    assert capsys.readouterr().err == "NOT RUN: FLAML could not be installed: no registry\n"


def test_a_failure_of_flaml_is_one_line(tmp_path: Path) -> None:
    job = FlamlJob(str(tmp_path), "roc_auc", 1.0, 1, 0, False, False)
    with pytest.raises(NotRunError, match=r"FLAML failed in .*: .*Error"):
        flaml_runs.run_flaml(Path(sys.executable), job)


def test_full_keeps_figures_after_each_competition(
    dest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(dest, tmp_path / "out" / "churn")
    record = tmp_path / "out" / "churn" / "made.json"
    record.write_text(record.read_text().replace(head(), "earlier"))
    words = [
        "full",
        "churn",
        "churn",
        "--dest",
        str(dest),
        "--out",
        str(tmp_path / "out"),
        "--minutes",
        "1",
    ]
    assert main([*words, "--json", str(tmp_path / "full.json")]) == 0
    kept = json.loads((tmp_path / "full.json").read_text())
    assert kept["command"] == "python -m benchmark full churn churn --minutes 1"
    assert (kept["absent"], len(kept["runs"]), kept["commit"]) == ([], 1, "earlier")
    assert whole_table(kept) in capsys.readouterr().out


def test_what_goes_wrong_with_one_does_not_keep_the_others_from_being_measured(
    small: Competition,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    second = dataclasses.replace(small, name="loan-default")
    monkeypatch.setattr(registry, "COMPETITIONS", (small, second))
    monkeypatch.setattr(flaml_runs, "environment", lambda *_: Path("python"))
    dest = tmp_path / "pack"
    for competition in (small, second):
        pack.prepare(competition, dest)
        claim(tmp_path / "flaml" / competition.name, 1.0)
        submit(dest, tmp_path / "flaml" / competition.name / "submission.csv", 0.5)
        publish(dest, tmp_path / "full" / competition.name)
    (tmp_path / "full" / "churn" / "submission" / "submission.csv").write_text("id,churn\n1,0.5\n")
    words = [
        "flaml",
        "--dest",
        str(dest),
        "--out",
        str(tmp_path / "flaml"),
        "--against",
        str(tmp_path / "full"),
    ]
    assert main([*words, "--minutes", "1", "--json", str(tmp_path / "flaml.json")]) == 1
    said = capsys.readouterr()
    assert "churn is left out: " in said.out
    assert "2 of 2 done: loan-default" in said.out
    assert said.err.count("\n") == 1
    kept = json.loads((tmp_path / "flaml.json").read_text())
    assert (kept["absent"], [run["competition"] for run in kept["runs"]]) == (
        ["churn"],
        ["loan-default"],
    )


def test_words_that_main_py_refuses_are_bad_usage(
    small: Competition, dest: Path, tmp_path: Path
) -> None:
    def refuse(public: Path, out: Path, minutes: float, words: object) -> int:
        submit(dest, out / "submission" / "submission.csv", 0.0)
        pretend(out, "baseline", "baseline")
        return 2

    with pytest.raises(UsageError, match="main.py refused: it is baseline"):
        measure_whole(small, dest, tmp_path / "out", 1.0, ["no.such=1"], refuse)


def test_work_at_another_commit_is_named_too(
    small: Competition, dest: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    publish(dest, out)
    record = out / "made.json"
    record.write_text(record.read_text().replace(head(), "earlier"))

    def run(public: Path, out: Path, minutes: float, words: object) -> int:
        pretend(out, "ok")
        return 0

    assert measure_whole(small, dest, out, 1.0, [], run).commit == "earlier"
    for _ in range(2):
        (out / "logs" / "run.json").unlink()
        assert measure_whole(small, dest, out, 1.0, [], run).commit == f"earlier, {head()}"


def test_flaml_is_compared_with_runs_of_the_same_time_only(
    small: Competition, dest: Path, tmp_path: Path
) -> None:
    publish(dest, tmp_path / "ours")
    claim(tmp_path / "flaml", 10.0)
    submit(dest, tmp_path / "flaml" / "submission.csv", 0.5)
    with pytest.raises(
        UsageError, match="does not say that it was made in the time that FLAML had"
    ):
        compared(small, dest, tmp_path / "flaml", tmp_path / "ours")


def test_a_cut_submission_of_flaml_is_made_again(
    small: Competition, dest: Path, tmp_path: Path
) -> None:
    jobs: list[FlamlJob] = []

    def fit(python: Path, job: FlamlJob) -> None:
        jobs.append(job)
        rows = len(pd.read_csv(Path(job.folder) / "test.csv"))
        pd.DataFrame({"answer": np.zeros(rows)}).to_csv(Path(job.folder) / "answers.csv")

    for _ in range(2):
        made = submission_of(small, dest, tmp_path / "flaml", 1.0, 2, Path("python"), fit)
        made.write_bytes(made.read_bytes()[:40])
    assert len(jobs) == 2


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "ten"])
def test_a_time_that_is_none_is_refused(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["full", f"--minutes={minutes}"])
    assert "is not a number above 0" in capsys.readouterr().err
