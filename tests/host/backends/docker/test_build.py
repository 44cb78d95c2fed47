"""Builds against a docker command whose answers are written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from swarm_host.backends.docker.build import Builder, same_platform
from swarm_host.backends.docker.client import DockerCommand, Outages
from swarm_host.errors import BuildFailed, Credentials, DaemonLost, UsageError
from swarm_host.records import BuildConfig, Secret

from tests.host.backends.docker.fake import GONE, FakeDocker, image
from tests.host.backends.docker.units import KeptSink


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    return folder


def build(docker: FakeDocker, context: Path, **config: Any) -> str:
    """What the sink got."""
    sink = KeptSink()
    docker.backend().build(BuildConfig(str(context), **config), "agent:1", sink)
    return sink.text("build")


def test_the_output_is_handed_on(docker: FakeDocker, context: Path) -> None:
    docker.says("build", (0, "Step 1/1 : FROM scratch\n", "#1 done\n"))
    assert sorted(build(docker, context).splitlines()) == ["#1 done", "Step 1/1 : FROM scratch"]
    assert docker.verbs() == ["network", "build"]


def test_a_daemon_without_a_bridge_builds_in_the_network_of_its_host(
    docker: FakeDocker, context: Path
) -> None:
    docker.says("network ls", (0, "host\nnone\n", ""))
    build(docker, context)
    docker.says("network ls", (0, "bridge\nhost\nnone\n", ""))
    build(docker, context)
    without, plain = (call["words"] for call in docker.calls("build"))
    assert without[-3:] == ["--network", "host", str(context)]
    assert "--network" not in plain


def test_secrets_are_given_by_the_environment(docker: FakeDocker, context: Path) -> None:
    docker.environ["MY_TOKEN"] = "token-of-mine"
    build(docker, context, build_args={"TOKEN": Secret("MY_TOKEN"), "A": "b"})
    (call,) = docker.calls("build")
    assert "token-of-mine" not in " ".join(call["words"])
    assert call["env"]["TOKEN"] == "token-of-mine"
    assert call["env"]["BUILDKIT_PROGRESS"] == "plain"
    with pytest.raises(Credentials, match="OTHER"):
        build(docker, context, build_args={"TOKEN": Secret("OTHER")})


@pytest.mark.parametrize("code", [1, 9, 137])
def test_a_step_that_fails(docker: FakeDocker, context: Path, code: int) -> None:
    docker.environ["MY_TOKEN"] = "token-of-mine"
    out = "Step 2/3\nRUN pip install\nno such package, token-of-mine\n"
    docker.says("build", (code, out, ""))
    with pytest.raises(BuildFailed, match="no such package") as caught:
        build(docker, context, build_args={"TOKEN": Secret("MY_TOKEN")})
    assert caught.value.exit_code == code
    assert "token-of-mine" not in str(caught.value)


@pytest.mark.parametrize(
    ("err", "hint"),
    [
        ("pull access denied for mlebench-env, repository does not exist", "build it first"),
        ("exec /bin/sh: exec format error", "build.platform"),
        ("the --mount option requires BuildKit", "buildx"),
        ("write /x: no space left on device", "prune"),
    ],
)
def test_failures_with_a_known_cure(docker: FakeDocker, context: Path, err: str, hint: str) -> None:
    docker.says("build", (1, "", err))
    with pytest.raises(BuildFailed, match=hint):
        build(docker, context)


def test_words_of_a_step_are_not_those_of_the_daemon(docker: FakeDocker, context: Path) -> None:
    """A shell says `unexpected EOF` too."""
    docker.says("build", (2, "sh: 1: unexpected EOF while looking for matching `)'\n", ""))
    with pytest.raises(BuildFailed):
        build(docker, context)
    docker.says("version", (1, "", GONE))
    with pytest.raises(DaemonLost):
        build(docker, context)


def test_a_build_that_falls_silent_is_ended(docker: FakeDocker, context: Path) -> None:
    docker.says("build", ("hang", "Step 1/2\n", ""))
    command = DockerCommand([docker.environ["SWARM_HOST_DOCKER"]], {}, Outages(lambda: 0.0))
    with pytest.raises(BuildFailed, match="said nothing for 1 s"):
        Builder(command, {}, 1.0).build(
            BuildConfig(str(context)), "t", KeptSink(), host_network=False
        )


def test_what_was_built_is_looked_at(docker: FakeDocker, context: Path) -> None:
    docker.says("image inspect", (0, image(machine="arm64"), ""))
    build(docker, context, platform="linux/arm64")
    assert docker.verbs()[-1] == "image"
    with pytest.raises(BuildFailed, match="was to be for linux/amd64 and is for linux/arm64"):
        build(docker, context, platform="linux/amd64")
    docker.says("image inspect", (1, "", "Error: No such image: agent:1"))
    with pytest.raises(UsageError, match="No such image"):
        build(docker, context, platform="linux/amd64")


@pytest.mark.parametrize(
    ("wanted", "made", "same"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/amd64", "linux/arm64", False),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("Linux/AMD64", "linux/amd64", True),
        ("windows/amd64", "linux/amd64", False),
    ],
)
def test_platforms(wanted: str, made: str, same: bool) -> None:
    assert same_platform(wanted, made) is same


def test_nothing_to_build(docker: FakeDocker, tmp_path: Path, context: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        build(docker, tmp_path / "nowhere")
    with pytest.raises(UsageError, match="there is no .*/Other"):
        build(docker, context, dockerfile="Other")
    assert docker.calls("build") == []


def test_a_plan_shows_the_build(docker: FakeDocker, context: Path) -> None:
    from tests.host.backends.docker.units import unit

    config = BuildConfig(str(context), build_args={"TOKEN": Secret("NOT_SET")})
    first = docker.backend().plan(unit(build=config), 1)[0]
    assert first[1:3] == ["build", "--file"]
    assert "--pull=false" in first
    assert first[first.index("--tag") + 1] == "agent:1"
