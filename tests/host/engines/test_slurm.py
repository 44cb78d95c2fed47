"""The engine slurm: submitit's own executor on this machine, and a real Slurm where one answers."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from swarm_host.engines.slurm import SlurmEngine, check_slurm, options_of, slurm_parameters
from swarm_host.errors import Capacity, Lost, UsageError
from swarm_host.groups.manager import Finish
from swarm_host.records import Resources

from tests.host.engines.room import MAKER, Room, beside, process_of, running_on
from tests.host.made import Clock, a_group, a_run, a_unit
from tests.host.waiting import until

pytest.importorskip("submitit", reason="pip install -r host/requirements_engines.txt")
# Its jobs are left to themselves on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def faster() -> float:
    """Seconds of which 20 go by in one: a job is missed for a minute before it is given up."""
    return 20 * time.monotonic()


def no_jobs_are_left() -> bool:
    """True also where no Slurm is."""
    if shutil.which("squeue") is None:
        return True
    return subprocess.check_output(["squeue", "--noheader"], text=True, timeout=60) == ""


def answers() -> bool:
    if shutil.which("sinfo") is None:
        return False
    done = subprocess.run(["sinfo", "--noheader"], capture_output=True, text=True, timeout=60)
    return done.returncode == 0 and "idle" in done.stdout


real = pytest.mark.skipif(not answers(), reason="no Slurm answers: bash scripts/with_slurm.sh")
# submitit's own processes, and the default partition of a real cluster.
everywhere = pytest.mark.parametrize("address", ["local", pytest.param(None, marks=real)])


@contextlib.contextmanager
def an_engine(room: Room, address: str | None = "local", **fields: Any) -> Iterator[SlurmEngine]:
    engine = SlurmEngine(room.store, address, maker=MAKER, say=room.said.append, **fields)
    try:
        yield engine
    finally:
        engine.shutdown()


@everywhere
def test_six_jobs_one_of_them_killed_and_one_cancelled(room: Room, address: str | None) -> None:
    room.add(6)
    found: list[Finish | BaseException] = []
    with an_engine(room, address, clock=faster) as engine, room.managing(engine, 6) as manager:
        thread = beside(manager, found)
        until(lambda: len(room.ready()) == 6, seconds=240)
        owners = {row.spec.unit_id: row.owner for row in room.store.units() if row.owner}
        assert len(set(owners.values())) == 6
        os.kill(process_of(owners["g1-u1"]), signal.SIGKILL)
        room.cancel("g1-u2")
        room.let_go()
        thread.join(240)
    assert [getattr(finish, "how", finish) for finish in found] == ["done"]
    assert room.outcomes() == {"ok": 5, "cancelled": 1}
    assert sorted(room.backend.starts()) == [f"g1-u{number}-1" for number in range(1, 7)]
    assert room.backend.alive() == []
    until(no_jobs_are_left)


@everywhere
def test_jobs_go_on_without_the_manager(room: Room, address: str | None) -> None:
    room.add(1)
    found: list[Finish | BaseException] = []
    with an_engine(room, address) as engine, room.managing(engine, 1) as manager:
        thread = beside(manager, found)
        until(lambda: len(room.ready()) == 1)
        job = engine._jobs["g1-u1"]
        manager.interrupt(signal.SIGTERM)
        thread.join(60)
    room.let_go()
    until(lambda: room.outcomes() == {"ok": 1})
    until(job.done)
    until(no_jobs_are_left)


@real
def test_a_job_that_slurm_ends_is_handed_out_again_and_its_agent_goes_on(room: Room) -> None:
    room.add(2)
    found: list[Finish | BaseException] = []
    with an_engine(room, None, clock=faster) as engine, room.managing(engine, 2) as manager:
        thread = beside(manager, found)
        until(lambda: len(room.ready()) == 2, seconds=240)
        ended = engine._jobs["g1-u1"]
        subprocess.run(["scancel", str(ended.job_id)], check=True, timeout=60)
        until(lambda: engine._jobs.get("g1-u1", ended) is not ended, seconds=240)
        room.let_go()
        thread.join(240)
    assert [getattr(finish, "how", finish) for finish in found] == ["done"]
    assert not ended.paths.result_pickle.exists()
    assert room.outcomes() == {"ok": 2}
    assert sorted(room.backend.starts()) == ["g1-u1-1", "g1-u2-1"]
    assert room.backend.alive() == []
    until(no_jobs_are_left)


@real
def test_a_partition_of_a_real_slurm_is_looked_up(room: Room) -> None:
    (name,) = subprocess.check_output(["sinfo", "--noheader", "--format=%R"], text=True).split()
    with an_engine(room, f"partition={name}") as engine:
        assert len(engine._places()) == 1
    with pytest.raises(UsageError, match=f"no partition '{name}x'.*nearest: {name}"):
        SlurmEngine(room.store, f"partition={name}x")


# ---------------------------------------------------------------- words for sbatch


def test_options_are_read() -> None:
    assert options_of("partition=gpu,account=a,gres=gpu:a100:2") == {
        "partition": "gpu",
        "account": "a",
        "gres": "gpu:a100:2",
    }
    assert options_of("") == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("partitoin=gpu", "'partitoin' is not known here.*partition"),
        ("partition", "partition needs a value"),
        ("partition=", "partition needs a value"),
        ("clusters=far", "'clusters' is not known here"),
        ("wrap=rm -rf /", "'wrap' is not known here"),
        ("tcp://127.0.0.1:8786", "is not known here"),
    ],
)
def test_wrong_options_are_told(room: Room, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        SlurmEngine(room.store, text)


def test_a_unit_asks_for_its_limits_and_its_machine() -> None:
    run = a_run(resources=Resources(cpus=2.5, memory=4 * 1024**3, gpus="2"))
    found = slurm_parameters(run, {"partition": "gpu", "account": "a"}, "node7")
    assert found == {
        "cpus_per_task": 3,
        "mem_gb": 4.5,
        "gpus_per_node": 2,
        "slurm_partition": "gpu",
        "slurm_additional_parameters": {"account": "a", "nodelist": "node7", "no-requeue": True},
    }
    own = slurm_parameters(run, {"mem": "1G", "gres": "gpu:1"}, None)
    assert not {"mem_gb", "gpus_per_node"} & own.keys()


def a_command(folder: Path, name: str, says: str, status: int = 0) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{says}\nexit {status}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of commands of Slurm, in front of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    a_command(folder, "sbatch", "echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2", 1)
    a_command(folder, "squeue", "")
    a_command(folder, "srun", "")
    a_command(folder, "sinfo", "echo gpu; echo 'cpu*'")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_a_partition_that_does_not_exist_is_told(commands: Path) -> None:
    check_slurm("cpu")
    check_slurm(None)
    with pytest.raises(UsageError, match="no partition 'gpus'.*there are: cpu, gpu"):
        check_slurm("gpus")


def test_a_controller_that_does_not_answer_is_told(commands: Path) -> None:
    a_command(commands, "sinfo", "echo 'Unable to contact slurm controller' >&2", 1)
    with pytest.raises(UsageError, match="Unable to contact slurm controller"):
        check_slurm(None)


def test_a_machine_without_slurm_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="needs sbatch: start this command on a login node"):
        check_slurm(None)


def test_a_job_that_is_not_taken_is_tried_again_later(room: Room, commands: Path) -> None:
    room.add(1)
    with an_engine(room, "partition=cpu") as engine:
        engine.submit("g1-u1")
        failure = engine.failures()["g1-u1"]
    assert isinstance(failure, Capacity)
    assert "QOSMaxSubmitJobPerUserLimit" in str(failure)
    assert engine.pending() == frozenset()


TAKES = "echo Submitted batch job $$"


def job_files(room: Room) -> list[str]:
    """What sbatch was given, in order of the jobs."""
    files = sorted(
        room.store.state.glob("slurm/*/*submission.sh"), key=lambda f: f.stat().st_mtime_ns
    )
    return [file.read_text() for file in files]


def test_a_job_asks_for_no_limit_of_an_earlier_one(room: Room, commands: Path) -> None:
    a_command(commands, "sbatch", TAKES)
    large = a_run(resources=Resources(cpus=4, memory=4 * 1024**3, gpus="2"))
    small = a_run(resources=Resources(cpus=1))
    units = [a_unit(room.runs, 1, run=large), a_unit(room.runs, 2, run=small)]
    room.store.add_group(a_group(room.runs), units)
    with an_engine(room, "partition=cpu") as engine:
        engine.submit("g1-u1")
        engine.submit("g1-u2")
        assert engine.failures() == {}
    first, second = job_files(room)
    assert {"#SBATCH --mem=4608MB", "#SBATCH --gpus-per-node=2"} <= set(first.splitlines())
    assert "--cpus-per-task=1\n" in second
    assert "--mem" not in second
    assert "--gpus-per-node" not in second


@pytest.mark.parametrize(
    ("home", "sinfo"),
    [
        ("node1.cluster.org", "node1 node1 idle"),
        ("node1", "node1.cluster.org node1 mix"),
        ("host1", "host1 n1 idle"),
    ],
)
def test_a_running_unit_goes_to_the_node_of_its_host(
    room: Room, commands: Path, home: str, sinfo: str
) -> None:
    a_command(commands, "sbatch", TAKES)
    room.add(1)
    running_on(room, home)
    with an_engine(room, None) as engine:
        a_command(commands, "sinfo", f"echo other other idle; echo {sinfo}")
        engine.submit("g1-u1")
        assert engine.failures() == {}
    (text,) = job_files(room)
    assert f"#SBATCH --nodelist={sinfo.split()[1]}" in text.splitlines()


def test_a_node_that_is_down_is_awaited(room: Room, commands: Path) -> None:
    room.add(1)
    running_on(room, "node1")
    with an_engine(room, None) as engine:
        a_command(commands, "sinfo", "echo node1 node1 'down*'; echo node2 node2 idle")
        engine.submit("g1-u1")
        assert "node1, where g1-u1 runs, has no worker now" in str(engine.failures()["g1-u1"])


def test_nodes_that_slurm_does_not_tell_now_are_asked_for_again(room: Room, commands: Path) -> None:
    room.add(1)
    running_on(room, "node1")
    with an_engine(room, None) as engine:
        a_command(commands, "sinfo", "echo 'Unable to contact slurm controller' >&2", 1)
        engine.submit("g1-u1")
        failure = engine.failures()["g1-u1"]
    assert isinstance(failure, Lost)
    assert "Unable to contact slurm controller" in str(failure)


def test_a_queue_that_does_not_answer_is_told_once(room: Room, commands: Path) -> None:
    a_command(commands, "sbatch", TAKES)
    a_command(commands, "squeue", "echo 'Socket timed out' >&2", 1)
    room.add(1)
    clock = Clock()
    with an_engine(room, None, clock=clock) as engine:
        engine.submit("g1-u1")
        for _ in range(3):
            engine.wait(0)
            clock.now += 20
    assert room.said == ["squeue is asked again later: squeue failed: Socket timed out"]


def test_a_missing_library_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UsageError, match="host/requirements_engines.txt"):
        SlurmEngine(room.store, "local")
