"""A whole run as a user sees it: results, reports, resume, stop and kill."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from run_mle_adapter import STAGES
from tests.e2e.runs import (
    QUICK,
    ROOT,
    Ended,
    adapter_words,
    check_submission,
    events,
    finish,
    read_csv,
    solve,
    start,
    wait_for,
    write_competition,
)
from utils.files import sha256_file

STEPS = 2
QUICK_STEPS = 8
RUN_JSON = set(
    "version status reason competition_id metric split best steps time llm box submission".split()
)


@pytest.fixture(scope="module", params=[QUICK, pytest.param("main.py", marks=pytest.mark.whole)])
def done(
    request: pytest.FixtureRequest, widgets: Path, tmp_path_factory: pytest.TempPathFactory
) -> Ended:
    """One complete run that several tests look at, of quick programs and of the recipes."""
    out = tmp_path_factory.mktemp("done") / "out"
    return solve(widgets, out, "--steps", STEPS, "--time", "90s", agent=request.param)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many rows that some are held out for good, and a refit pays."""
    return write_competition(tmp_path_factory.mktemp("data") / "large", rows=20_500)


@pytest.fixture(scope="module")
def large_done(large: Path, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    ended = solve(
        large, tmp_path_factory.mktemp("large") / "out", "--steps", STEPS, "--time", "120s"
    )
    assert [event["accepted"] for event in ended.of("refit")] == [True]
    return ended


def test_a_run_ends_with_a_trained_submission_and_an_honest_report(
    done: Ended, widgets: Path
) -> None:
    assert done.code == 0, done.stdout + done.stderr
    report = done.report
    assert set(report) == RUN_JSON
    assert report["status"] == "ok", report["reason"]
    assert report["metric"] == {"name": "roc_auc", "direction": "maximize", "source": "description"}
    assert report["split"]["kind"] == "stratified"
    assert report["split"]["folds"] == 5
    assert report["steps"]["done"] == STEPS
    assert report["best"]["scored_by"] == "holdout"
    assert report["best"]["final_pick"] > 0.6
    check_submission(done.submission, widgets)
    assert (
        report["submission"]["sha256"] == hashlib.sha256(done.submission.read_bytes()).hexdigest()
    )
    assert report["submission"]["rows"] == 60


def test_events_come_in_the_order_of_the_stages(done: Ended) -> None:
    types = [event["type"] for event in done.events]
    order = [
        "run_started",
        "baseline",
        "spec",
        "proposal",
        "fold",
        "published",
        "step",
        "final_pick",
        "run_ended",
    ]
    assert [types.index(kind) for kind in order] == sorted(types.index(kind) for kind in order)
    assert [event["seq"] for event in done.events] == list(range(len(types)))


def test_the_journal_is_small_and_has_no_key(done: Ended) -> None:
    size = (done.out / "logs" / "journal.jsonl").stat().st_size
    assert size / STEPS <= 20_000
    nodes = json.loads((done.out / "logs" / "journal.json").read_text())["nodes"]
    assert len(nodes) == STEPS
    assert all("# %% MODEL" in node["code"] for node in nodes)


def test_output_folders_hold_real_files_only(done: Ended) -> None:
    for name in ("submission", "code", "logs"):
        assert not [path for path in (done.out / name).rglob("*") if path.is_symlink()]


def test_solution_py_rebuilds_the_submission(done: Ended, widgets: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.csv"
    command = [sys.executable, "solution.py", "--data", str(widgets), "--out", str(again)]
    made = subprocess.run(
        command, cwd=done.out / "code", capture_output=True, text=True, timeout=120
    )
    assert made.returncode == 0, made.stderr
    first = {row["id"]: float(row["fails"]) for row in read_csv(done.submission)}
    second = {row["id"]: float(row["fails"]) for row in read_csv(again)}
    # Libraries add up in another order where another number of threads is free.
    assert second == pytest.approx(first, abs=1e-6)


def test_lesson_18_candidates_run_in_parallel(done: Ended) -> None:
    """Two candidates of the same run overlap in time, where there are two cores."""
    workers = done.of("run_started")[0]["workers"]
    spans = [
        (line["t"] - line["result"]["outcome"]["duration_s"], line["t"]) for line in done.of("fold")
    ]
    together = max(sum(begin <= moment < end for begin, end in spans) for moment, _ in spans)
    assert together >= min(workers, 2)


def test_the_same_out_again_after_the_final_pick_changes_nothing(
    done: Ended, widgets: Path
) -> None:
    before = done.submission.read_bytes()
    steps = len(done.of("step"))
    again = solve(widgets, done.out, "--steps", STEPS + 4, "--time", "120s")
    assert again.code == 0, again.stderr
    assert again.submission.read_bytes() == before
    assert len(again.of("step")) == steps
    assert len(again.of("final_pick")) == 1


@pytest.mark.parametrize("copies", [0, 1])
def test_a_result_that_is_gone_is_put_back(done: Ended, widgets: Path, copies: int) -> None:
    """copies: how many are left in the workspace; without one the result is made again of its
    predictions.
    """
    before = done.submission.read_bytes()
    done.submission.write_bytes(before[:100])
    if not copies:
        done.submission.unlink()
        (done.out / "workspace" / "submission" / "submission.csv").unlink()
    again = solve(widgets, done.out, "--steps", STEPS, "--time", "120s")
    assert again.code == 0, again.stderr
    assert again.submission.read_bytes() == before
    assert again.report["submission"]["sha256"] == hashlib.sha256(before).hexdigest()
    assert again.report["best"] == done.report["best"]


@pytest.mark.whole
def test_the_lead_is_published_where_a_kill_came_between(widgets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--steps", QUICK_STEPS, "--time", "120s")
    solve(widgets, out, *words)
    journal = out / "logs" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    kinds = [json.loads(line)["type"] for line in lines]
    last = max(
        place
        for place, kind in enumerate(kinds)
        if kind == "step" and kinds[place + 1] == "published"
    )
    journal.write_bytes(b"".join(lines[: last + 1]))
    (out / "submission" / "submission.csv").unlink()
    ended = solve(widgets, out, *words)
    assert ended.code == 0, ended.stderr
    events = ended.events[last + 1 :]
    first = next(
        event for event in events if event["type"] in ("published", "proposal", "final_pick")
    )
    assert (first["type"], first["best"]["id"]) == ("published", json.loads(lines[last])["id"])
    assert_consistent(out, widgets)


@pytest.mark.whole
@pytest.mark.parametrize("damage", ["none", "gone", "no copy", "not recorded"])
def test_a_refit_outlives_a_resume(
    large_done: Ended, large: Path, tmp_path: Path, damage: str
) -> None:
    """What a kill between its acceptance and its publication kept back is published, too."""
    before = large_done.submission.read_bytes()
    assert large_done.report["best"]["kind"] == "refit"
    if damage in ("gone", "no copy"):
        large_done.submission.unlink()
    if damage == "no copy":
        (large_done.out / "workspace" / "submission" / "submission.csv").unlink()
    if damage == "not recorded":
        journal = large_done.out / "logs" / "journal.jsonl"
        lines = journal.read_bytes().splitlines(keepends=True)
        accepted = next(
            place for place, line in enumerate(lines) if json.loads(line)["type"] == "refit"
        )
        journal.write_bytes(b"".join(lines[: accepted + 1]))
    again = solve(large, large_done.out, "--steps", STEPS, "--time", "120s")
    assert again.code == 0, again.stderr
    assert again.report["best"] == large_done.report["best"]
    assert again.submission.read_bytes() == before


@pytest.mark.whole
def test_a_result_is_put_back_even_where_there_is_no_time_for_anything(
    widgets: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    before = solve(widgets, out, "--steps", 2, "--time", "60s").submission.read_bytes()
    shutil.rmtree(out / "submission")
    again = solve(widgets, out, "--steps", 2, "--time", "1s")
    assert again.code == 0, again.stdout
    assert again.submission.read_bytes() == before
    assert again.report["submission"]["sha256"] == hashlib.sha256(before).hexdigest()


@pytest.mark.whole
@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("in_place", [True, False])
def test_lost_predictions_are_made_again(
    widgets: Path, tmp_path: Path, ended: bool, in_place: bool
) -> None:
    """ended: the final pick was published. in_place: the submission is not lost with them."""
    out = tmp_path / "out"
    words = ("--steps", QUICK_STEPS, "--time", "120s")
    before = solve(widgets, out, *words)
    journal = out / "logs" / "journal.jsonl"
    if not ended:
        lines = journal.read_bytes().splitlines(keepends=True)
        sixth = [place for place, line in enumerate(lines) if json.loads(line)["type"] == "step"][5]
        journal.write_bytes(b"".join(lines[: sixth + 1]))
    submission = before.submission.read_bytes()
    if not in_place:
        shutil.rmtree(out / "submission")
        shutil.rmtree(out / "workspace")
    for place, path in enumerate(sorted((out / "logs" / "predictions").glob("*.npz"))):
        if place % 2:
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:100])
    again = solve(widgets, out, *words)
    assert again.code == 0, again.stdout
    check_submission(again.submission, widgets)
    assert (again.report["status"], again.report["steps"]["done"]) == ("ok", QUICK_STEPS)
    assert (
        again.report["submission"]["sha256"]
        == hashlib.sha256(again.submission.read_bytes()).hexdigest()
    )
    assert len(again.of("lost")) == (0 if ended and in_place else 1)
    if ended:
        assert again.submission.read_bytes() == submission


@pytest.mark.whole
@pytest.mark.parametrize("cut", [True, False])
def test_a_result_that_cannot_be_put_back_is_not_claimed(
    widgets: Path, tmp_path: Path, cut: bool
) -> None:
    """cut: half of the submission lies there, which no grader takes."""
    out = tmp_path / "out"
    submission = solve(widgets, out, "--steps", 3, "--time", "60s").submission
    if cut:
        submission.write_bytes(submission.read_bytes()[:300])
    else:
        shutil.rmtree(out / "submission")
    for folder in (out / "logs" / "predictions", out / "workspace"):
        shutil.rmtree(folder)
    for said in ("submission.csv is not what was published last", "stopped"):
        ended = solve(widgets, out, "--steps", 3, "--time", "1s")
        assert ended.code == 1, ended.stdout
        check_submission(ended.submission, widgets)
        report = ended.report
        assert (report["status"], report["best"]["kind"]) == ("baseline", "baseline")
        assert said in report["reason"]
        assert (
            report["submission"]["sha256"]
            == hashlib.sha256(ended.submission.read_bytes()).hexdigest()
        )


def test_other_data_or_another_seed_in_the_same_out_is_refused(
    done: Ended, widgets: Path, tmp_path: Path
) -> None:
    before = (done.out / "logs" / "journal.jsonl").read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    for path in widgets.iterdir():
        (other / path.name).write_bytes(path.read_bytes().replace(b"red", b"rot"))
    for words, data in (((), other), (("--seed", 9), widgets)):
        refused = solve(data, done.out, *words)
        assert refused.code == 2
        assert refused.stderr.strip().splitlines()[-1].startswith("error: ")
        assert "Traceback" not in refused.stderr
    assert (done.out / "logs" / "journal.jsonl").read_bytes() == before


def assert_consistent(out: Path, widgets: Path) -> None:
    """Nothing finished is lost or repeated, and what is published is valid."""
    log = events(out)
    keys = [event["result"]["key"] for event in log if event["type"] == "fold"]
    steps = [event["id"] for event in log if event["type"] == "step"]
    assert len(keys) == len(set(keys))
    assert len(steps) == len(set(steps))
    assert [event["seq"] for event in log] == list(range(len(log)))
    check_submission(out / "submission" / "submission.csv", widgets)


def kill_and_resume(widgets: Path, out: Path, lines: int) -> None:
    """Kills the agent once its journal has so many lines, then lets the same command go on."""
    words = [QUICK, "--data", widgets, "--out", out, "--steps", QUICK_STEPS, "--time", "120s"]
    process = start(words)
    wait_for(lambda: len(events(out)) >= lines, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    before = events(out)
    check_submission(out / "submission" / "submission.csv", widgets)
    ended = finish(start(words), out)
    assert ended.code == 0, ended.stderr
    assert [event for event in ended.events[: len(before)]] == before
    assert ended.of("resumed")
    assert ended.report["steps"]["done"] == QUICK_STEPS
    assert ended.report["steps"]["resumed_from"] == sum(event["type"] == "step" for event in before)
    assert_consistent(out, widgets)


@pytest.mark.parametrize(
    "lines", [pytest.param(3, marks=pytest.mark.long), 11, pytest.param(31, marks=pytest.mark.long)]
)
def test_lesson_34_kill_minus_9_and_resume(widgets: Path, tmp_path: Path, lines: int) -> None:
    kill_and_resume(widgets, tmp_path / "out", lines)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_kill_minus_9_at_random_points(widgets: Path, tmp_path: Path, seed: int) -> None:
    kill_and_resume(widgets, tmp_path / "out", random.Random(seed).randint(3, 60))


@pytest.mark.whole
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_in_a_published_best(
    widgets: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    process = start([QUICK, "--data", widgets, "--out", out, "--steps", 400, "--time", "10m"])
    wait_for(lambda: any(event["type"] == "step" for event in events(out)), process)
    os.kill(process.pid, number)
    ended = finish(process, out, 20)
    assert ended.code == 0, ended.stderr
    assert ended.report["status"] == "degraded"
    assert number.name in ended.report["reason"]
    assert_consistent(out, widgets)
    assert left_running(out) == []


@pytest.mark.whole
def test_the_deadline_ends_in_a_published_best(widgets: Path, tmp_path: Path) -> None:
    ended = solve(widgets, tmp_path / "out", "--steps", 1000, "--time", "12s")
    assert ended.code == 0, ended.stderr
    assert ended.report["time"]["elapsed_s"] < 14
    assert_consistent(ended.out, widgets)


@pytest.mark.long
def test_a_closed_output_does_not_end_the_run(widgets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start([QUICK, "--data", widgets, "--out", out, "--steps", 2, "--time", "60s"])
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    ended = finish(process, out)
    assert ended.code == 0, ended.stderr
    assert ended.report["status"] == "ok"
    assert ended.report["steps"]["done"] == 2


def left_running(out: Path) -> list[str]:
    """Command lines of processes that work below `out`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder.joinpath("cwd").readlink()).startswith(str(out)):
                found.append((folder / "cmdline").read_text().replace("\0", " "))
    return found


@pytest.mark.whole
def test_the_agent_process_stays_light(widgets: Path, tmp_path: Path) -> None:
    """No heavy library is imported in the agent, even after a full run."""
    code = (
        "import sys\nsys.path.insert(0, 'tests/e2e')\nfrom quick_agent import main, quick_proposer\n"
        f"words = ['--data', {str(widgets)!r}, '--out', {str(tmp_path / 'out')!r}, '--steps', '1', '--time', '60s']\n"
        "code = main(words, quick_proposer)\n"
        "heavy = {'numpy', 'pandas', 'sklearn', 'scipy', 'torch'} & set(sys.modules)\n"
        "assert code == 0 and not heavy, (code, heavy)\n"
    )
    made = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert made.returncode == 0, made.stderr


def finish_without(folder: Path, process: subprocess.Popen[str], out: Path) -> Ended:
    """The end of a run whose files in a folder go as they come, whichever program is better next."""

    def remove(stop: threading.Event) -> None:
        while not stop.wait(0.01):
            for path in folder.glob("[!.]*"):
                path.unlink(missing_ok=True)

    stop = threading.Event()
    remover = threading.Thread(target=remove, args=[stop])
    remover.start()
    try:
        return finish(process, out, 90)
    finally:
        stop.set()
        remover.join()


@pytest.mark.whole
def test_what_was_published_stays_where_the_next_result_has_no_program(
    widgets: Path, tmp_path: Path
) -> None:
    """Its code cannot be written any more, and neither can journal.json."""
    out = tmp_path / "out"
    process = start([QUICK, "--data", widgets, "--out", out, "--steps", 400, "--time", "30s"])
    wait_for(lambda: any(event["type"] == "step" for event in events(out)), process)
    ended = finish_without(out / "logs" / "programs", process, out)
    assert ended.code != 0
    assert "Traceback" not in ended.stderr
    assert "is missing or damaged" in ended.report["reason"]
    assert ended.report["status"] == "degraded"
    assert sha256_file(out / "submission" / "submission.csv") == ended.of("published")[-1]["sha256"]
    assert ended.of("published")[-1]["best"]["kind"] != "baseline"
    assert_consistent(out, widgets)


@pytest.mark.whole
def test_the_adapter_does_the_same_with_the_containers_names(widgets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    environ = {"STEP_LIMIT": "1", "TIME_LIMIT_SECS": "90", "COMPETITION_ID": "widgets-2026"}
    ended = finish(start(adapter_words(widgets, out), environ), out)
    assert ended.code == 0, ended.stderr
    assert ended.report["competition_id"] == "widgets-2026"
    assert ended.report["steps"]["limit"] == 1
    assert (out / "workspace" / "input").is_symlink()
    assert (out / "code" / "solution.py").is_file()
    assert (out / "logs" / "journal.json").is_file()
    stages = re.findall(r"stage (\d+) of 10: (.+)", ended.stderr)
    assert stages == [(str(number), name) for number, name in enumerate(STAGES, start=1)]
    for program in (out / "logs" / "programs").iterdir():
        assert "widgets-2026" not in program.read_text()
    assert_consistent(out, widgets)
