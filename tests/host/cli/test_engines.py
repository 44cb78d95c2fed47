"""A sweep on a cluster: a worker process leads real units by the backend local and grades them."""

from __future__ import annotations

import pytest
from swarm_host.engines.table import LIBRARIES

from tests.host.cli.conftest import Commands
from tests.host.cli.test_changing import own_competition


@pytest.fixture
def words(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    root = own_competition(commands.folder, "1,1\n2,1\n")
    # Started with another folder than the checkout: workers are told where it lies.
    monkeypatch.chdir(commands.folder)
    return [
        *("sweep", "--agents", "dummy", "--competitions", "own", "--seeds", "3"),
        *("--source", "folder", "--source-root", str(root), "--backend", "local"),
        *("--width", "2", "--timeout", "60s", "--json"),
    ]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("engine", [["dask"], ["slurm", "--address", "local"]])
def test_a_sweep_runs_on_a_cluster(commands: Commands, words: list[str], engine: list[str]) -> None:
    pytest.importorskip(LIBRARIES[engine[0]][0])
    said = commands(*words, "--engine", *engine)
    assert said.status == 0, said.err
    units = said.json["units"]
    assert [(unit["outcome"], unit["score"]) for unit in units] == [("ok", 1.0)] * 3


def test_an_engine_without_its_library_is_not_run(
    commands: Commands, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIBRARIES, "ray", ("no_such_library", "requirements_ray.txt"))
    said = commands(*words, "--engine", "ray")
    assert said.status == 3
    assert "NOT RUN: the engine ray needs no_such_library" in said.err
    assert not commands.runs.exists()


def test_a_cluster_that_does_not_answer_starts_nothing(
    commands: Commands, words: list[str]
) -> None:
    pytest.importorskip("distributed")
    said = commands(*words, "--engine", "dask", "--address", "tcp://127.0.0.1:1")
    assert (said.status, "no Dask scheduler answers" in said.err) == (2, True)
    assert commands("list", "--units", "--json").json == []
