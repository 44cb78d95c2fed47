"""Every field of a run as words of a docker command; no value of a variable among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from swarm_host.backends.docker import argv
from swarm_host.backends.docker.start import SCRIPT
from swarm_host.errors import SpecError
from swarm_host.records import BuildConfig, Mount, Resources, Secret

from tests.host.backends.docker.units import unit

BASE = argv.ImageFacts(("/entrypoint.sh",), (), "linux/amd64")
DOCKER = argv.DockerSetup()


def created(
    setup: argv.DockerSetup = DOCKER, image: argv.ImageFacts = BASE, **run: Any
) -> list[str]:
    return argv.create(unit(**run), 2, image, setup)


def has(words: Sequence[str], *wanted: str) -> bool:
    """The words stand there, one after the other."""
    length = len(wanted)
    return any(tuple(words[at : at + length]) == wanted for at in range(len(words)))


def test_a_plain_run_word_for_word() -> None:
    assert created(mle_bench=False) == [
        *("create", "--name", "churn-1-2", "--pull", "never"),
        *("--init", "--stop-signal", "SIGTERM"),
        *("--log-driver", "json-file", "--log-opt", "max-size=1g", "--log-opt", "max-file=3"),
        *("--label", "swarm-evo.project=swarm-evo", "--label", "swarm-evo.group=group"),
        *("--label", "swarm-evo.unit=churn-1", "--label", "swarm-evo.attempt=2"),
        *("--label", "swarm-evo.folder=/runs/g/churn_1", "--label", "swarm-evo.start=plain"),
        *("--network", "none", "agent:1", "bash", "start.sh"),
    ]


def test_the_durable_start_has_the_entrypoint_beside_the_command() -> None:
    tail = ["agent:1", "-c", SCRIPT, "swarm-start", "1", "/entrypoint.sh", "bash", "start.sh"]
    words = created()
    assert has(words, "--label", "swarm-evo.start=durable")
    assert words[-10:] == ["--entrypoint", "/bin/bash", *tail]


def test_an_empty_command_is_the_images_own() -> None:
    image = argv.ImageFacts(("/tini", "--"), ("python", "agent.py"))
    words = created(image=image, command=())
    assert words[-6:] == ["swarm-start", "2", "/tini", "--", "python", "agent.py"]
    assert created(mle_bench=False, command=())[-1] == "agent:1"


def test_no_command_at_all_is_an_error_with_the_usual_one() -> None:
    with pytest.raises(SpecError, match="bash /home/agent/start.sh"):
        created(command=())


def test_no_image_is_an_error() -> None:
    with pytest.raises(SpecError, match="agent_image"):
        created(agent_image=None)


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        (Resources(cpus=2.0), ("--cpus", "2")),
        (Resources(cpus=0.25), ("--cpus", "0.25")),
        (Resources(cpus=10), ("--cpus", "10")),
        (Resources(memory=2**30), ("--memory", "1073741824", "--memory-swap", "1073741824")),
        (Resources(pids=500), ("--pids-limit", "500")),
        (Resources(shm=2**32), ("--shm-size", "4294967296")),
        (Resources(gpus="all"), ("--gpus", "all")),
        (Resources(gpus="2"), ("--gpus", "2")),
        (Resources(gpus="device=0"), ("--gpus", "device=0")),
        (Resources(gpus="device=0,2"), ("--gpus", '"device=0,2"')),
        (Resources(gpus='"device=0,2"'), ("--gpus", '"device=0,2"')),
    ],
)
def test_limits(resources: Resources, words: tuple[str, ...]) -> None:
    assert has(created(resources=resources), *words)


def test_no_limit_is_no_word() -> None:
    words = created(resources=Resources(disk=10))
    limits = {"--cpus", "--memory", "--gpus", "--shm-size", "--pids-limit", "--storage-opt"}
    assert not limits & set(words)


@pytest.mark.parametrize("network", ["none", "bridge", "host"])
def test_networks(network: str) -> None:
    assert has(created(network=network), "--network", network)


@pytest.mark.parametrize(
    ("mount", "word"),
    [
        (Mount("/a", "/b"), "type=bind,source=/a,target=/b,readonly"),
        (Mount("/a", "/b", read_only=False), "type=bind,source=/a,target=/b"),
        (Mount("/a b", "/b"), "type=bind,source=/a b,target=/b,readonly"),
        (Mount("/a,b", "/b"), 'type=bind,"source=/a,b",target=/b,readonly'),
        (Mount('/a"b', "/b"), 'type=bind,"source=/a""b",target=/b,readonly'),
        (Mount("/a:b", "/b"), "type=bind,source=/a:b,target=/b,readonly"),
    ],
)
def test_mounts(mount: Mount, word: str) -> None:
    assert has(created(mounts=(mount,)), "--mount", word)


def test_the_platform_is_that_of_the_build() -> None:
    build = BuildConfig("/context", platform="linux/amd64")
    assert has(created(build=build), "--platform", "linux/amd64")
    assert "--platform" not in created(build=BuildConfig("/context"))


def test_another_runtime_and_a_home() -> None:
    words = created(argv.DockerSetup(runtime="sysbox-runc", home="/runs"))
    assert has(words, "--runtime", "sysbox-runc")
    assert has(words, "--label", "swarm-evo.home=/runs")


@pytest.mark.parametrize("command", ["podman", "/usr/bin/podman", "podman-remote"])
def test_podman_gets_no_word_that_it_does_not_know(command: str) -> None:
    words = created(argv.DockerSetup(words=(command,)))
    assert "max-file=3" not in words
    assert has(words, "--log-opt", "max-size=1g")


def test_variables_stand_by_name() -> None:
    words = argv.create(unit(), 1, BASE, DOCKER, names=["A", "B"], env_file="/private/env")
    assert has(words, "--env", "A", "--env", "B", "--env-file", "/private/env")


def test_variables_that_docker_reads_itself_go_by_file() -> None:
    """Otherwise a container's PATH or DOCKER_HOST would be that of the docker command."""
    own = ["PATH", "HOME", "DOCKER_HOST", "HTTPS_PROXY", "no_proxy", "LD_PRELOAD", "SSH_AUTH_SOCK"]
    others = ["MODEL", "API_KEY", "PATHS", "HOMEPAGE", "API_BASE", "COMPETITION_ID", "GOAL_X"]
    ways = argv.variables({name: "x" for name in (*own, *others)})
    assert set(ways.by_file) == set(own)
    assert set(ways.by_environ) == set(others)


def test_a_value_of_several_lines_goes_by_the_environment() -> None:
    assert argv.variables({"KEY": "a\nb"}).by_environ == {"KEY": "a\nb"}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"A B": "x"}, "'A B' is no name"),
        ({"": "x"}, "'' is no name"),
        ({"1A": "x"}, "'1A' is no name"),
        ({"A=B": "x"}, "'A=B' is no name"),
        ({"A\n": "x"}, "is no name"),
        ({"A": "x\0y"}, "A holds a NUL"),
        ({"PATH": "a\nb"}, "PATH is read by docker itself"),
    ],
)
def test_what_no_container_can_have(values: dict[str, str], why: str) -> None:
    with pytest.raises(SpecError, match=why):
        argv.variables(values)


@pytest.mark.parametrize("name", ["", "-a", "a/b", "a b", "ä", "a\n"])
def test_a_unit_that_docker_cannot_name(name: str) -> None:
    with pytest.raises(SpecError, match="cannot be called"):
        argv.container_name(unit(name), 1)


def test_a_build_word_for_word() -> None:
    config = BuildConfig(
        "/context",
        "Dockerfile.agent",
        platform="linux/amd64",
        build_args={"VERSION": "1 2", "TOKEN": Secret("GITHUB_TOKEN")},
        no_cache=True,
    )
    assert argv.build(config, "my-agent:latest", host_network=True) == [
        *("build", "--platform", "linux/amd64"),
        *("--file", "/context/Dockerfile.agent", "--tag", "my-agent:latest"),
        *("--force-rm", "--pull=false"),
        *("--build-arg", "VERSION=1 2", "--build-arg", "TOKEN"),
        *("--no-cache", "--network", "host", "/context"),
    ]


def test_a_build_pulls_only_when_asked() -> None:
    words = argv.build(BuildConfig("/context", "/elsewhere/Dockerfile", pull=True), "t")
    assert words == [
        *("build", "--file", "/elsewhere/Dockerfile", "--tag", "t"),
        *("--force-rm", "--pull", "/context"),
    ]


def test_a_secret_that_would_become_the_commands_own() -> None:
    with pytest.raises(SpecError, match="DOCKER_HOST is read by docker itself"):
        argv.build(BuildConfig("/c", build_args={"DOCKER_HOST": Secret("X")}), "t")
    with pytest.raises(SpecError, match="is no name of a build argument"):
        argv.build(BuildConfig("/c", build_args={"A B": "x"}), "t")


def test_logs_and_find() -> None:
    assert argv.logs("id", follow=False, since=None) == ["logs", "--timestamps", "id"]
    words = ["logs", "--timestamps", "--follow", "--since", "T", "id"]
    assert argv.logs("id", follow=True, since="T") == words
    words = argv.find(argv.DockerSetup(home="/runs"), "g")
    assert has(words, "ps", "--all", "--no-trunc")
    for label in ("project=swarm-evo", "group=g", "home=/runs"):
        assert has(words, "--filter", f"label=swarm-evo.{label}")
    assert "label=swarm-evo.group=g" not in argv.find(DOCKER, None)
