"""The life of a unit as a process: one start for each attempt, whoever dies meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from swarm_host.agents.registry import Agents
from swarm_host.backends.local.backend import LocalBackend
from swarm_host.backends.local.processes import ProcessId, wait_end
from swarm_host.grading.workers import GradingWorkers
from swarm_host.records import Mount, Outputs, RunConfig, Secret
from swarm_host.sources.folder import FolderSource
from swarm_host.store.sqlite import SqliteStore

from tests.host.backends.local.manager import lead
from tests.host.made import a_group, a_unit
from tests.host.standing_still import UNIT, killed_at, logs, result, taken_over

KEY = "hunter2-is-the-key"
GOOD = "echo working; echo aside >&2; echo 0.75 > submission/submission.csv; echo x > code/a.py"


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "runs"
    backend = LocalBackend(tmp_path / "runs", os.environ)
    for handle in backend.find():
        backend.remove(handle)


def add(runs: Path, code: str, **run: Any) -> SqliteStore:
    """A queued unit whose agent is a bash program."""
    plain: dict[str, Any] = {
        "timeout": 60.0,
        "network": "host",
        "outputs": Outputs("submission", "code", "logs"),
    }
    plain |= {"command": ("bash", "-c", code), "workspace": str(runs / "ws"), "backend": "local"}
    config = RunConfig(agent_image=None, **{**plain, **run})
    store = SqliteStore(runs)
    store.add_group(a_group(runs), [a_unit(runs, 1, run=config)])
    return store


def test_a_unit_from_the_queue_to_its_grade(runs: Path) -> None:
    environ = {**os.environ, "MY_KEY": KEY}
    code = f'{GOOD}; echo "the key is $K"; echo forged > logs/stdout.log; echo own > logs/own.log'
    store = add(runs, code, env={"K": Secret("MY_KEY")})
    assert lead(runs, "me", environ)
    told = result(store)
    assert told.outcome == "ok"
    assert told.isolation in ("landlock", "none")
    assert told.grade is not None
    assert told.grade.score == 0.75
    assert logs(store, "stdout.log") == "working\nthe key is [redacted]\n"
    assert logs(store, "stderr.log") == "aside\n"
    assert logs(store, "own.log") == "own\n"
    assert "code/a.py" in told.artefacts
    assert LocalBackend(runs, os.environ).find() == []
    assert list((runs / ".swarm" / "local").iterdir()) == []
    everything = [path for path in runs.rglob("*") if path.is_file()]
    assert not [path for path in everything if KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("code", "run", "outcome"),
    [
        (f"{GOOD}; exit 4", {}, "agent_error"),
        (f"{GOOD}; trap '' TERM; while :; do sleep 0.1; done", {"timeout": 0.5}, "timeout"),
        (f"{GOOD}; kill -9 $$", {}, "killed"),
        ("echo nothing", {}, "no_submission"),
        (
            f"{GOOD}; rm submission/*; ln -s /etc/passwd submission/submission.csv",
            {},
            "no_submission",
        ),
        (f"{GOOD}; rm submission/*; mkfifo submission/submission.csv", {}, "no_submission"),
        (f"{GOOD}; rm submission/*; mkdir submission/submission.csv", {}, "no_submission"),
    ],
    ids=["exit 4", "timeout", "kill", "nothing", "link", "pipe", "folder"],
)
def test_ends_of_agents(runs: Path, code: str, run: dict[str, Any], outcome: str) -> None:
    store = add(runs, code, **run)
    assert lead(runs, "me", os.environ)
    told = result(store)
    assert (told.outcome, len(told.attempts)) == (outcome, 1)
    if outcome != "no_submission":
        # Whatever its end, what it left is graded.
        assert told.grade is not None
        assert told.grade.score == 0.75


SLOW = "for i in $(seq 100); do echo $i; sleep 0.01; done; echo x >> starts; " + GOOD
WORDS = ["laid out", "started", "output", "polled", "collected", "removed"]


@pytest.mark.parametrize("word", WORDS)
def test_a_manager_that_is_killed_changes_nothing(runs: Path, word: str) -> None:
    """Whoever comes next takes the same process over: no second start, no line lost or twice."""
    store = add(runs, f"{SLOW}; cat starts > submission/starts")
    killed_at(word, "tests.host.backends.local.manager", runs, os.environ)
    before = LocalBackend(runs, os.environ).find()
    assert len(before) == (word not in ("laid out", "removed"))
    taken_over(lambda: lead(runs, "second", os.environ))
    told = result(store)
    assert (told.outcome, len(told.attempts)) == ("ok", 1)
    assert logs(store, "stdout.log").splitlines() == [*map(str, range(1, 101)), "working"]
    folder = Path(store.unit(UNIT).spec.folder)
    assert (folder / "submission" / "starts").read_text() == "x\n"
    if before:
        assert store.unit(UNIT).handle == before[0]
    assert LocalBackend(runs, os.environ).find() == []


def test_a_supervisor_that_is_killed_is_told_as_lost(runs: Path) -> None:
    store = add(runs, "sleep 3600")
    killed_at("started", "tests.host.backends.local.manager", runs, os.environ)
    (handle,) = LocalBackend(runs, os.environ).find()
    os.kill(ProcessId.parse(handle.id).pid, signal.SIGKILL)
    taken_over(lambda: lead(runs, "second", os.environ))
    assert result(store).outcome == "lost"
    assert LocalBackend(runs, os.environ).find() == []


def test_a_limit_that_the_supervisor_kept_is_told_as_time_out(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swarm_host.backends.local.backend._GRACE_S", 0.1)
    monkeypatch.setattr("swarm_host.backends.local.backend._SAFETY_S", 0.1)
    store = add(runs, f"{GOOD}; sleep 3600", timeout=0.3)
    # As by a manager that died at once and was away for long.
    handle = LocalBackend(runs, os.environ).start(store.unit(UNIT).spec, 1)
    assert wait_end(ProcessId.parse(handle.id), 60.0)
    assert lead(runs, "me", os.environ)
    told = result(store)
    assert (told.outcome, told.message) == (
        "timeout",
        "the agent reached its time limit and was stopped",
    )
    assert told.grade is not None


def test_agents_of_this_project_are_graded(tmp_path: Path, runs: Path) -> None:
    """dummy by the sample submission, oracle by answers that this test hands over."""
    own = tmp_path / "own"
    for part in ("public", "private"):
        (own / part).mkdir(parents=True)
    (own / "public" / "sample_submission.csv").write_text("id,y\n1,0\n2,0\n")
    (own / "private" / "answers.csv").write_text("id,y\n1,1\n2,3\n")
    (own / "competition.yaml").write_text("metric: mae\n")
    agents, scores = Agents(), {}
    with GradingWorkers(tmp_path / "scratch", os.environ) as workers:
        source = FolderSource(own, workers)
        competition = source.prepare("own")
        for agent_id in ("dummy", "oracle"):
            run = agents.resolve(agent_id, competition, 0, "local")
            mounts, env = run.mounts, dict(run.env)
            if agent_id == "oracle":
                private = str(own / "private")
                mounts = (*mounts, Mount(private, private))
                env["ORACLE_ANSWERS"] = f"{private}/answers.csv"
            folder = tmp_path / agent_id
            store = add(
                folder, "", command=run.command, mounts=mounts, env=env, outputs=run.outputs
            )
            assert store.unit(UNIT).spec.competition == "toy"
            assert lead(folder, "me", os.environ, _Named(source, "own"))
            told = result(store)
            assert told.outcome == "ok", told.message
            assert told.grade is not None
            scores[agent_id] = told.grade.score
            store.close()
    assert scores == {"dummy": 2.0, "oracle": 0.0}


class _Named:
    """The source under the competition's name that units of tests have."""

    name = "folder"

    def __init__(self, source: FolderSource, competition: str) -> None:
        self._source, self._competition = source, competition

    def grade(self, competition: str, submission: Path) -> Any:
        return self._source.grade(self._competition, submission)
