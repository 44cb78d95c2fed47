"""The life of a unit on a real daemon: one container for each attempt, whoever dies meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from swarm_host.backends.docker.backend import DockerBackend
from swarm_host.records import Outputs, Resources, RunConfig, Secret
from swarm_host.store.sqlite import SqliteStore

from tests.host.backends.docker.daemon import BASE, docker_is_ready
from tests.host.backends.docker.manager import lead
from tests.host.made import a_group, a_unit
from tests.host.standing_still import UNIT, killed_at, logs, result, taken_over

pytestmark = pytest.mark.docker
KEY = "hunter2-is-the-key"


@pytest.fixture(autouse=True)
def _daemon() -> None:
    docker_is_ready()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "runs"
    backend = DockerBackend(os.environ, time.time, str(tmp_path / "runs"))
    for handle in backend.find():
        backend.remove(handle)


def add(runs: Path, code: str, **run: Any) -> SqliteStore:
    """A queued unit whose agent is a bash program."""
    store = SqliteStore(runs)
    config = RunConfig(
        BASE,
        ("bash", "-c", code),
        str(runs / "ws"),
        network="none",
        **{"timeout": 300.0, "mle_bench": True, **run},
    )
    store.add_group(a_group(runs), [a_unit(runs, 1, run=config)])
    return store


GOOD = "echo working; echo aside >&2; echo 0.75 > submission/submission.csv; mkdir -p code; echo x > code/a.py"


def test_a_unit_from_the_queue_to_its_grade(runs: Path) -> None:
    environ = {**os.environ, "MY_KEY": KEY}
    store = add(runs, f'{GOOD}; echo "the key is $K"', env={"K": Secret("MY_KEY")})
    assert lead(runs, "me", environ)
    told = result(store)
    assert (told.outcome, told.isolation) == ("ok", "docker")
    assert told.grade is not None
    assert told.grade.score == 0.75
    assert told.usage.seconds is not None
    folder = Path(store.unit(UNIT).spec.folder)
    assert logs(store, "stdout.log") == "working\nthe key is [redacted]\n"
    assert logs(store, "stderr.log") == "aside\n"
    assert "grading_server" in logs(store, "entrypoint.log")
    assert (folder / "code" / "a.py").is_file()
    assert DockerBackend(os.environ, time.time, str(runs)).find() == []
    everything = [path for path in runs.rglob("*") if path.is_file()]
    assert not [path for path in everything if KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("code", "run", "outcome"),
    [
        (f"{GOOD}; exit 4", {}, "agent_error"),
        (f"{GOOD}; trap '' TERM; while :; do sleep 0.1; done", {"timeout": 1.0}, "timeout"),
        ("echo nothing", {}, "no_submission"),
        (
            f"{GOOD}; exec python3 -c 'bytearray(10**9)'",
            {"resources": Resources(memory=150 * 2**20)},
            "oom",
        ),
        (GOOD, {"outputs": Outputs(submission="/home/code")}, "no_submission"),
    ],
    ids=["exit 4", "timeout", "nothing", "memory", "elsewhere"],
)
def test_ends_of_agents(runs: Path, code: str, run: dict[str, Any], outcome: str) -> None:
    store = add(runs, code, **run)
    assert lead(runs, "me", os.environ)
    told = result(store)
    assert told.outcome == outcome
    assert len(told.attempts) == 1
    if code.startswith(GOOD) and "outputs" not in run:
        # Whatever its end, what it left is graded.
        assert told.grade is not None
        assert told.grade.score == 0.75


def test_an_image_that_is_not_there_is_refused_at_once(runs: Path) -> None:
    store = SqliteStore(runs)
    config = RunConfig("no-such-image:1", ("true",), str(runs / "ws"), network="none")
    store.add_group(a_group(runs), [a_unit(runs, 1, run=config)])
    assert lead(runs, "me", os.environ)
    assert "No such image" in result(store).message
    assert len(result(store).attempts) == 1


SLOW = "for i in $(seq 400); do echo $i; sleep 0.01; done; " + GOOD


@pytest.mark.parametrize("word", ["created", "started", "output", "polled", "collected"])
def test_a_manager_that_is_killed_changes_nothing(runs: Path, word: str) -> None:
    """Whoever comes next takes the same container over: no second start, no line lost or twice."""
    store = add(runs, SLOW)
    killed_at(word, "tests.host.backends.docker.manager", runs, os.environ)
    backend = DockerBackend(os.environ, time.time, str(runs))
    before = backend.find()
    assert [handle.name for handle in before] == [f"{UNIT}-1"]
    taken_over(lambda: lead(runs, "second", os.environ))
    told = result(store)
    assert (told.outcome, len(told.attempts)) == ("ok", 1)
    lines = logs(store, "stdout.log").splitlines()
    assert lines == [*map(str, range(1, 401)), "working"]
    assert store.unit(UNIT).handle == before[0]
    assert backend.find() == []
