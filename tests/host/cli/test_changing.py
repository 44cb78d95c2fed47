"""cancel, retry, regrade, clean, worker and reindex, with real processes of the local backend."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from swarm_host.backends.local.backend import LocalBackend
from swarm_host.engines.table import LIBRARIES
from swarm_host.records import UnitSpec
from swarm_host.states import State

from tests.host.cli.conftest import Commands, finished
from tests.host.waiting import until

MakeUnit = Callable[..., UnitSpec]
SUBMITS = "mkdir -p submission && printf 'id,y\\n1,0.5\\n' > submission/submission.csv"


def state_of(commands: Commands, unit: UnitSpec) -> State:
    store = commands.store()
    try:
        return store.unit(unit.unit_id).state
    finally:
        store.close()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=60)


def test_a_worker_leads_what_waits(commands: Commands, local_unit: MakeUnit) -> None:
    unit = local_unit(SUBMITS, competition=None)
    said = commands("worker", "--json")
    assert said.status == 0, said.err
    (one,) = said.json["units"]
    assert (one["unit"], one["outcome"]) == (unit.unit_id, "ok")
    assert (Path(unit.folder) / "submission" / "submission.csv").is_file()


def test_a_worker_tells_and_judges_only_what_it_led(
    history: Commands, local_unit: MakeUnit
) -> None:
    said = history("worker")
    assert (said.status, said.out, "g2-u2" in said.err) == (0, "nothing waits\n", False)
    unit = local_unit(SUBMITS, group="g9", competition=None)
    said = history("worker")
    assert (said.status, said.out.splitlines()[0].split(";")[0]) == (0, f"{unit.unit_id}: ok")
    assert "g2-u2" not in said.out + said.err


def test_the_last_words_of_an_agent_stand_in_its_message(
    commands: Commands, local_unit: MakeUnit
) -> None:
    local_unit("echo out; printf '\\033[31mno key\\033[0m\\n' >&2; exit 1", competition=None)
    said = commands("worker", "--json")
    assert said.json["units"][0]["message"] == "the agent ended with exit status 1: no key"


def test_a_worker_that_stays_takes_up_what_comes_later(
    commands: Commands, local_unit: MakeUnit
) -> None:
    first = local_unit(SUBMITS, competition=None)
    worker = commands.process("worker", "--stay")
    until(lambda: state_of(commands, first) == "done")
    second = local_unit(SUBMITS, number=2, group="g2", competition=None)
    until(lambda: state_of(commands, second) == "done")
    worker.send_signal(signal.SIGTERM)
    out, err = worker.communicate(timeout=60)
    assert worker.returncode == 143, err
    assert f"{second.unit_id}: ok" in out


def test_a_unit_whose_manager_died_is_cancelled_at_once(
    commands: Commands, local_unit: MakeUnit
) -> None:
    unit = local_unit("echo here; exec sleep 600", competition=None)
    worker = commands.process("worker")
    until(lambda: state_of(commands, unit) == "running")
    kill(worker)
    said = commands("cancel", "g1", "--reason", "enough")
    assert said.status == 0, said.err
    assert said.out == f"{unit.unit_id}: cancelled\n"
    assert LocalBackend(commands.runs, os.environ).find() == []
    summary = json.loads((Path(unit.folder).parent / "summary.json").read_text())
    assert summary["units"][0]["outcome"] == "cancelled"


def test_a_unit_that_is_followed_is_cancelled_by_its_follower(
    commands: Commands, local_unit: MakeUnit
) -> None:
    unit = local_unit("exec sleep 600", competition=None)
    worker = commands.process("worker")
    until(lambda: state_of(commands, unit) == "running")
    said = commands("cancel", unit.unit_id)
    assert said.out == f"{unit.unit_id}: asked for; the process that follows it stops it\n"
    out, err = worker.communicate(timeout=60)
    assert worker.returncode == 1, err
    assert "cancelled" in out
    assert commands("cancel", unit.unit_id).out.startswith("nothing to cancel")


def test_waiting_units_are_taken_out_of_the_queue(commands: Commands, local_unit: MakeUnit) -> None:
    unit = local_unit("true")
    assert commands("cancel", "last", "--json").json == {unit.unit_id: "cancelled"}


def test_a_worker_goes_on_where_another_was_killed(
    commands: Commands, local_unit: MakeUnit
) -> None:
    go = commands.folder / "go"
    script = f"echo one; until [ -e {go} ]; do read -t 0.1 < <(:); done; echo two; {SUBMITS}"
    unit = local_unit(script, competition=None)
    first = commands.process("worker")
    until(lambda: (Path(unit.folder) / "logs" / "stdout.log").exists())
    kill(first)
    go.touch()
    assert commands("worker").status == 0
    assert (Path(unit.folder) / "logs" / "stdout.log").read_text() == "one\ntwo\n"


def test_a_signal_leaves_the_run_and_says_how_to_go_on(
    commands: Commands, local_unit: MakeUnit
) -> None:
    unit = local_unit("exec sleep 600", competition=None)
    worker = commands.process("worker")
    until(lambda: state_of(commands, unit) == "running")
    worker.send_signal(signal.SIGTERM)
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 143
    assert "worker" in err
    assert len(LocalBackend(commands.runs, os.environ).find()) == 1
    assert commands("cancel", "last").status == 0


def test_failed_units_run_again(commands: Commands, local_unit: MakeUnit) -> None:
    flag = commands.folder / "flag"
    unit = local_unit(f"{SUBMITS}; test -e {flag}", competition=None)
    assert commands("worker").status == 1
    flag.touch()
    said = commands("retry", "last", "--json")
    assert said.status == 0, said.err
    assert "is queued again; it was agent_error" in said.err
    assert said.json["units"][0]["outcome"] == "ok"
    (whole,) = commands("show", unit.unit_id, "--json").json
    assert [one["outcome"] for one in whole["result"]["attempts"]] == ["agent_error", "ok"]


def test_what_ended_well_runs_again_only_when_asked(history: Commands) -> None:
    said = history("retry", "g1", "--queue")
    assert (said.status, "--ok" in said.err) == (2, True)
    assert history("retry", "g1", "--queue", "--ok", "--json").json == {"queued": ["g1-u1", "g1-u2"]}  # fmt: skip
    assert [one["state"] for one in history("list", "--units", "g1", "--json").json] == ["queued"] * 2  # fmt: skip


# ---------------------------------------------------------------- regrade


def own_competition(folder: Path, answers: str) -> Path:
    root = folder / "own"
    for part in ("public", "private"):
        (root / part).mkdir(parents=True, exist_ok=True)
    (root / "private" / "answers.csv").write_text(f"id,y\n{answers}")
    (root / "public" / "sample_submission.csv").write_text("id,y\n1,0\n2,0\n")
    (root / "competition.yaml").write_text("metric: rmse\n")
    return root


def test_a_submission_is_graded_again(commands: Commands, local_unit: MakeUnit) -> None:
    root = own_competition(commands.folder, "1,1\n2,1\n")
    fields = {"competition": "own", "source": "folder", "source_root": str(root)}
    unit = local_unit("true", **fields)
    store = commands.store()
    finished(store, unit)
    store.close()
    assert "left no submission" in commands("regrade", "g1").out
    submission = Path(unit.folder) / "submission" / "submission.csv"
    submission.parent.mkdir()
    submission.write_text("id,y\n1,1\n2,1\n")
    assert commands("regrade", "g1").out == f"{unit.unit_id}: ok 0.5 -> ok 0\n"
    submission.write_text("id,y\n1,1\n")
    assert "ok 0 -> invalid_submission" in commands("regrade", "g1").out
    (whole,) = commands("show", unit.unit_id, "--json", "--events").json
    assert whole["result"]["outcome"] == "invalid_submission"
    assert whole["events"][-1]["kind"] == "regrade"
    report = json.loads((Path(unit.folder).parent / "grading_report.json").read_text())
    assert report["total_valid_submissions"] == 0


def test_a_broken_grader_leaves_the_old_grade(commands: Commands, local_unit: MakeUnit) -> None:
    root = own_competition(commands.folder, "not,a\nnumber,x\n")
    unit = local_unit("true", competition="own", source="folder", source_root=str(root))
    submission = Path(unit.folder) / "submission" / "submission.csv"
    submission.parent.mkdir()
    submission.write_text("id,y\n1,1\n2,1\n")
    store = commands.store()
    finished(store, unit)
    store.close()
    said = commands("regrade", "g1")
    assert (said.status, "the grader failed" in said.out) == (1, True)
    assert commands("list", "--units", "--json").json[0]["score"] == 0.5


def test_a_competition_that_is_gone_holds_up_no_other_unit(
    commands: Commands, local_unit: MakeUnit
) -> None:
    root = own_competition(commands.folder, "1,1\n2,1\n")
    gone = local_unit("true", competition="own", source="folder", source_root="/nowhere")
    fields = {"competition": "own", "source": "folder", "source_root": str(root)}
    there = local_unit("true", 2, "g2", **fields)
    store = commands.store()
    for unit in (gone, there):
        finished(store, unit)
        submission = Path(unit.folder) / "submission" / "submission.csv"
        submission.parent.mkdir()
        submission.write_text("id,y\n1,1\n2,1\n")
    store.close()
    said = commands("regrade", "g1", "g2")
    assert said.status == 1
    assert f"{gone.unit_id}: it cannot be graded: " in said.out
    assert f"{there.unit_id}: ok 0.5 -> ok 0\n" in said.out
    (report,) = (Path(there.folder).parent).glob("grading_report.json")
    assert json.loads(report.read_text())["competition_reports"][0]["score"] == 0


# ---------------------------------------------------------------- clean, reindex


def test_what_belongs_to_no_unit_is_removed_when_asked(
    commands: Commands, local_unit: MakeUnit
) -> None:
    unit = local_unit("exec sleep 600")
    backend = LocalBackend(commands.runs, os.environ)
    backend.start(unit, 7)
    said = commands("clean")
    assert said.out == f"left: {unit.unit_id}-7 (local)\n--yes removes them\n"
    assert len(backend.find()) == 1
    assert len(commands("clean", "--yes", "--json").json["removed"]) == 1
    assert backend.find() == []
    assert commands("clean").out == "nothing is left\n"


def test_what_runs_is_not_removed(commands: Commands, local_unit: MakeUnit) -> None:
    unit = local_unit("exec sleep 600", competition=None)
    worker = commands.process("worker")
    until(lambda: state_of(commands, unit) == "running")
    assert commands("clean", "--yes").out == "nothing is left\n"
    kill(worker)
    assert commands("clean", "--yes").out == "nothing is left\n"
    assert commands("cancel", "last").status == 0


def test_a_backend_that_does_not_exist_is_told(history: Commands) -> None:
    said = history("clean", "--backend", "dokcer")
    assert (said.status, "nearest: docker" in said.err) == (2, True)


def test_the_store_is_made_anew(history: Commands) -> None:
    before = history("list", "--units", "--json").json
    for path in (history.runs / ".swarm").glob("store.sqlite*"):
        path.unlink()
    (history.runs / "old_run-group_dummy" / "toy_0001" / "spec.json").write_text("{broken")
    said = history("reindex", "--json").json
    assert (said["groups"], said["units"], len(said["left_out"])) == (3, 4, 1)
    assert history("list", "--units", "--json").json == before[1:]


def test_a_folder_that_is_not_there_is_not_made(commands: Commands) -> None:
    assert commands("reindex").status == 2
    assert not commands.runs.exists()


OF_PLACEMENT = {
    "--width 0": "width: must be from 1 to 256, got '0'",
    "--width -1": "width: must be from 1 to 256, got '-1'",
    "--engine dusk": "nearest: dask",
    "--address tcp://a:1": "engine: name is missing: which engine",
}


@pytest.mark.parametrize("command", ["worker", "retry g2"])
@pytest.mark.parametrize("options", OF_PLACEMENT)
def test_a_wrong_placement_is_refused_and_changes_nothing(
    history: Commands, command: str, options: str
) -> None:
    before = history("list", "--units", "--json").json
    said = history(*command.split(), *options.split())
    assert (said.status, OF_PLACEMENT[options] in said.err) == (2, True), said.err
    assert history("list", "--units", "--json").json == before


def test_an_engine_without_its_library_queues_nothing(
    history: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIBRARIES, "ray", ("no_such_library", "requirements_ray.txt"))
    before = history("list", "--units", "--json").json
    assert history("retry", "g2", "--engine", "ray").status == 3
    assert history("list", "--units", "--json").json == before
