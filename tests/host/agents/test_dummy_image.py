"""The dummy agent as a container: its recipe is built, and started as mle-bench starts agents."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from swarm_host.agents.registry import Agents
from swarm_host.backends.docker.backend import DockerBackend
from swarm_host.grading.workers import GradingWorkers
from swarm_host.life.outcomes import Policy
from swarm_host.life.unit import run_unit
from swarm_host.life.world import World
from swarm_host.records import RunConfig
from swarm_host.sources.folder import FolderSource
from swarm_host.store.sqlite import SqliteStore

from tests.host.backends.docker.daemon import docker, docker_is_ready
from tests.host.made import a_group, a_unit

pytestmark = pytest.mark.docker
TAG = "swarm-host-dummy-test"
POLICY = Policy(poll_s=0.5, look_s=0.1, grace_s=1.0, back_off_s=())


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[DockerBackend]:
    docker_is_ready()
    backend = DockerBackend(os.environ, time.time, str(tmp_path / "runs"))
    yield backend
    for handle in backend.find():
        backend.remove(handle)
    docker("image", "rm", "--force", TAG)


def test_it_is_built_run_and_graded(tmp_path: Path, backend: DockerBackend) -> None:
    own = tmp_path / "own"
    for part in ("public", "private"):
        (own / part).mkdir(parents=True)
    (own / "public" / "sample_submission.csv").write_text("id,y\n1,0\n2,0\n")
    (own / "private" / "answers.csv").write_text("id,y\n1,1\n2,3\n")
    (own / "competition.yaml").write_text("metric: mae\n")
    # The user in the container is another one.
    for folder in (tmp_path, own, own / "public"):
        folder.chmod(0o755)
    with GradingWorkers(tmp_path / "scratch", os.environ) as workers:
        source = FolderSource(own, workers)
        competition = source.prepare("own")
        run = Agents().resolve("dummy", competition, 0, "docker", build=True)
        store = SqliteStore(tmp_path / "runs")
        unit = a_unit(tmp_path / "runs", run=on_this_daemon(run), competition="own")
        store.add_group(a_group(tmp_path / "runs"), [unit])
        world = World(
            store,
            lambda name: backend,
            lambda name, root: source,
            time.time,
            threading.Event(),
            policy=POLICY,
            environment=os.environ,
        )
        assert run_unit(world, "me", unit.unit_id)
    told = store.unit(unit.unit_id).result
    assert told is not None
    assert (told.outcome, told.isolation) == ("ok", "docker"), told.message
    assert told.grade is not None
    assert told.grade.score == 2.0
    assert "logs/dummy.log" in told.artefacts


def on_this_daemon(run: RunConfig) -> RunConfig:
    """Under a name of its own, and without the network that the scripts' daemon does not have."""
    return replace(run, agent_image=TAG, network="none")
