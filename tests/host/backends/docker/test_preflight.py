"""Everything that stands in the way of a run is said before it starts, with its cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from swarm_host.backends.docker import argv
from swarm_host.backends.docker.preflight import DockerFacts, is_elsewhere, judge
from swarm_host.records import BuildConfig, Mount, Resources, Secret

from tests.host.backends.docker.fake import GONE, FakeDocker, image
from tests.host.backends.docker.units import script, unit

INFO = {
    "OSType": "linux",
    "Architecture": "x86_64",
    "NCPU": 8,
    "MemTotal": 16 * 2**30,
    "MemoryLimit": True,
    "CpuCfsQuota": True,
    "PidsLimit": True,
    "Runtimes": {"runc": {}},
}
IMAGE = argv.ImageFacts(("/entrypoint.sh",), (), "linux/amd64")
FINE = DockerFacts(info=INFO, networks=frozenset({"bridge", "host", "none"}), image=IMAGE)
PLAIN = argv.DockerSetup()


def problems(
    facts: DockerFacts = FINE, setup: argv.DockerSetup = PLAIN, **run: Any
) -> list[tuple[str, bool]]:
    """What is wrong, and whether it refuses. Every problem has a cure."""
    found = judge(unit(**run).run, facts, setup, {"HOME": "/nonexistent", "KEY": "secret"})
    assert all(problem.cure for problem in found)
    return [(problem.what, problem.refuses) for problem in found]


def having(**fields: Any) -> DockerFacts:
    known = {"info": INFO, "networks": FINE.networks, "image": IMAGE, "gpu_hook": False}
    return DockerFacts(**{**known, **fields})


def test_nothing_is_wrong() -> None:
    assert problems() == []
    assert problems(resources=Resources(8, 16 * 2**30, pids=10, shm=1), network="bridge") == []
    assert problems(env={"A": "b", "B": Secret("KEY")}) == []


@pytest.mark.parametrize(
    ("facts", "run", "what", "refuses"),
    [
        (having(image=None), {}, "there is no image agent:1 here", True),
        (FINE, {"agent_image": None}, "there is no image to start", True),
        (
            having(image=argv.ImageFacts(("/e",), (), "linux/arm64")),
            {},
            "agent:1 is for linux/arm64, the daemon for linux/amd64",
            False,
        ),
        (
            having(image=argv.ImageFacts((), (), "linux/amd64")),
            {},
            "agent:1 has no entrypoint",
            False,
        ),
        (
            having(image=argv.ImageFacts(("/entrypoint.sh",), (), "linux/amd64")),
            {"mle_bench": False},
            "agent:1 keeps the entrypoint of mlebench-env, which never starts a command",
            False,
        ),
        (FINE, {"resources": Resources(gpus="all")}, "gpus are asked for", True),
        (
            FINE,
            {"resources": Resources(cpus=9)},
            "9 cpus are asked for, and the daemon has 8",
            True,
        ),
        (FINE, {"resources": Resources(memory=2**40)}, "bytes of memory are asked for", False),
        (FINE, {"resources": Resources(disk=1)}, "docker does not keep a limit of disk", False),
        (
            having(info={**INFO, "PidsLimit": False}),
            {"resources": Resources(pids=1)},
            "this daemon cannot keep the limit pids",
            False,
        ),
        (
            having(networks=frozenset({"host", "none"})),
            {"network": "bridge"},
            "the daemon has no network bridge",
            False,
        ),
        (FINE, {"network": "host"}, "network: host shares port 5000", False),
        (FINE, {"env": {"A": Secret("NOT_SET")}}, "not set: NOT_SET", True),
        (FINE, {"env": {"A B": "x"}}, "env: 'A B' is no name", True),
        (FINE, {"mounts": (Mount("/nowhere/x", "/x"),)}, "source /nowhere/x is not there", True),
        (
            FINE,
            {"build": BuildConfig("/nowhere")},
            "build: the context /nowhere is no folder",
            True,
        ),
    ],
)
def test_each_problem(facts: DockerFacts, run: dict[str, Any], what: str, refuses: bool) -> None:
    ((found, refused),) = problems(facts, **run)
    assert what in found
    assert refused is refuses


def test_a_build_brings_its_own_image(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    build = BuildConfig(str(tmp_path), platform="linux/amd64")
    assert problems(having(image=None), build=build) == []
    ((what, refuses),) = problems(build=BuildConfig(str(tmp_path), platform="linux/arm64"))
    assert "built for linux/arm64" in what
    assert not refuses


def test_secrets_of_a_build_stay_in_the_image(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    build = BuildConfig(str(tmp_path), build_args={"TOKEN": Secret("KEY"), "A": "b"})
    ((what, refuses),) = problems(build=build)
    assert "history: TOKEN" in what
    assert not refuses
    missing = BuildConfig(str(tmp_path), build_args={"TOKEN": Secret("NOT_SET")})
    assert ("not set: NOT_SET", True) in problems(build=missing)


@pytest.mark.parametrize(
    "facts",
    [
        having(gpu_hook=True),
        having(info={**INFO, "Runtimes": {"nvidia": {}}}),
        having(info={**INFO, "DiscoveredDevices": [{"ID": "nvidia.com/gpu=0"}]}),
    ],
)
def test_gpus_where_there_is_a_toolkit(facts: DockerFacts) -> None:
    assert problems(facts, resources=Resources(gpus="all")) == []


def test_another_runtime() -> None:
    setup = argv.DockerSetup(runtime="sysbox-runc")
    ((what, refuses),) = problems(FINE, setup)
    assert what == "the daemon has no runtime sysbox-runc"
    assert refuses
    assert problems(having(info={**INFO, "Runtimes": {"sysbox-runc": {}}}), setup) == []


def test_what_the_daemon_does_not_tell_is_no_problem() -> None:
    """podman answers in another shape."""
    silent = DockerFacts(info={}, networks=None, image=IMAGE)
    limits = Resources(cpus=99, memory=2**50, pids=5)
    assert problems(silent, resources=limits, network="bridge") == []


@pytest.mark.parametrize(
    ("endpoint", "elsewhere"),
    [
        ("unix:///var/run/docker.sock\n", False),
        ("npipe:////./pipe/docker_engine", False),
        ("tcp://127.0.0.1:2375", False),
        ("tcp://localhost:2375", False),
        ("tcp://[::1]:2375", False),
        ("tcp://10.0.0.7:2376", True),
        ("ssh://me@gpu-box", True),
        ("", False),
    ],
)
def test_where_the_daemon_is(endpoint: str, elsewhere: bool) -> None:
    assert is_elsewhere(endpoint) is elsewhere


def test_folders_of_another_machine_cannot_be_looked_at() -> None:
    mounts = (Mount("/there/x", "/x"),)
    ((what, refuses),) = problems(having(elsewhere=True), mounts=mounts)
    assert "on another machine" in what
    assert not refuses
    assert problems(having(elsewhere=True)) == []


def test_facts_are_asked_for(docker: FakeDocker, tmp_path: Path) -> None:
    docker.says("info", (0, json.dumps(INFO), ""))
    docker.says("image inspect", (0, image(["/entrypoint.sh"]), ""))
    docker.says("network ls", (0, "bridge\nhost\nnone\n", ""))
    run = unit(resources=Resources(gpus="1"), network="bridge").run
    (problem,) = docker.backend().preflight(run)
    assert "no NVIDIA container toolkit" in problem.what
    script(tmp_path / "hook" / "nvidia-container-runtime-hook", "#!/bin/sh\n")
    docker.environ["PATH"] = str(tmp_path / "hook")
    assert docker.backend().preflight(run) == []
    docker.says("image inspect", (1, "[]", "Error: No such image: agent:1"))
    (problem,) = docker.backend().preflight(run)
    assert problem.cure.startswith("docker pull agent:1")


def test_hundreds_of_units_ask_once(docker: FakeDocker) -> None:
    docker.says("info", (0, json.dumps(INFO), ""))
    docker.says("image inspect", (0, image(["/entrypoint.sh"]), ""))
    now = [100.0]
    backend = docker.backend(lambda: now[0])
    for seed in range(5):
        assert backend.preflight(unit(env={"SEED": str(seed)}).run) == []
        assert len(backend.plan(unit(env={"SEED": str(seed)}), 1)) == 2
    assert len(docker.calls("info")) == 1
    backend.preflight(unit(agent_image="other:1").run)
    now[0] = 200.0
    backend.preflight(unit().run)
    assert len(docker.calls("info")) == 3


def test_the_base_image_has_a_cure_of_its_own(docker: FakeDocker) -> None:
    docker.says("info", (0, json.dumps(INFO), ""))
    docker.says("image inspect", (1, "[]", "Error: No such image: mlebench-env"))
    (problem,) = docker.backend().preflight(unit(agent_image="mlebench-env:latest").run)
    assert "no registry has it" in problem.cure


@pytest.mark.parametrize(
    ("answer", "what", "cure"),
    [
        ((1, "{}", GONE), "the docker daemon does not answer", "DOCKER_HOST"),
        # docker info: the client's part is fine, so some versions end well.
        ((0, "{}", GONE), "the docker daemon does not answer", "DOCKER_HOST"),
        (
            (1, "", 'permission denied while trying to connect to the Docker daemon socket at "x"'),
            "does not let you in",
            "group docker",
        ),
    ],
)
def test_no_daemon(docker: FakeDocker, answer: tuple[int, str, str], what: str, cure: str) -> None:
    docker.says("info", answer)
    (problem,) = docker.backend().preflight(unit().run)
    assert problem.what.count(what) == 1
    assert cure in problem.cure
    assert problem.refuses


def test_no_docker_and_still_all_that_is_wrong(docker: FakeDocker, tmp_path: Path) -> None:
    docker.environ["SWARM_HOST_DOCKER"] = str(tmp_path / "no-docker")
    found = docker.backend().preflight(unit(env={"A": Secret("NOT_SET")}).run)
    assert [problem.what for problem in found] == [
        f"there is no command {tmp_path}/no-docker here (No such file or directory)",
        "not set: NOT_SET",
    ]
    assert "or name another command in SWARM_HOST_DOCKER" in found[0].cure
    assert found[0].cure.count("install docker") == 1


def test_a_command_whose_name_holds_the_word_cure(docker: FakeDocker, tmp_path: Path) -> None:
    docker.environ["SWARM_HOST_DOCKER"] = f"'{tmp_path}/a; cure: b'"
    (found,) = docker.backend().preflight(unit().run)
    assert (
        found.what == f"there is no command {tmp_path}/a; cure: b here (No such file or directory)"
    )
    assert found.cure.startswith("install docker")


def test_answers_in_a_mount(docker: FakeDocker, tmp_path: Path) -> None:
    docker.says("info", (0, json.dumps(INFO), ""))
    docker.says("image inspect", (0, image(["/entrypoint.sh"]), ""))
    (tmp_path / "churn" / "prepared" / "private").mkdir(parents=True)
    run = unit(mounts=(Mount(str(tmp_path / "churn"), "/data"),)).run
    (problem,) = docker.backend().preflight(run)
    assert problem.refuses
    assert "shows answers" in problem.what
