"""A look into a container that runs: a small file or nothing, and never an error."""

from __future__ import annotations

import io
import tarfile

import pytest
from swarm_host.backends.docker import backend as docker_backend
from swarm_host.protocols import Peeking
from swarm_host.records import Handle

from tests.host.backends.docker.fake import GONE, NO_CONTAINER, FakeDocker

HANDLE = Handle("docker", "churn-1-1", "c0ffee")
REPORT = "/home/logs/run.json"


def archive(content: bytes, kind: bytes = tarfile.REGTYPE) -> str:
    """As `docker cp` makes it of a file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo("run.json")
        member.size = len(content) if kind == tarfile.REGTYPE else 0
        member.type = kind
        tar.addfile(member, io.BytesIO(content))
    return out.getvalue().decode("latin-1")


def test_a_file_is_copied_out(docker: FakeDocker) -> None:
    docker.says("cp", (0, archive(b"{}"), ""))
    backend = docker.backend()
    assert isinstance(backend, Peeking)
    assert backend.peek(HANDLE, REPORT, 10) == b"{}"
    assert [call["words"] for call in docker.calls()] == [["cp", f"c0ffee:{REPORT}", "-"]]


@pytest.mark.parametrize(
    "answer",
    [
        (0, archive(b"1" * 11), ""),
        (0, archive(b"", tarfile.SYMTYPE), ""),
        (0, archive(b"1" * 10)[:515], ""),
        (0, "", ""),
        (0, "no archive at all", ""),
        (1, "", "Error response from daemon: Could not find the file /home/logs/run.json"),
        (1, "", NO_CONTAINER),
        (1, "", GONE),
    ],
)
def test_what_is_not_to_be_had_is_none(docker: FakeDocker, answer: tuple[int, str, str]) -> None:
    docker.says("cp", answer)
    assert docker.backend().peek(HANDLE, REPORT, 10) is None


@pytest.mark.parametrize("out", ["", archive(b"1" * 5000)[:2000]])
def test_a_daemon_that_hangs_holds_nobody_up(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    monkeypatch.setattr(docker_backend, "_PEEK_S", 0.5)
    docker.says("cp", ("hang", out, ""))
    assert docker.backend().peek(HANDLE, REPORT, 10_000) is None


def test_without_a_docker_command_there_is_nothing_to_see(docker: FakeDocker) -> None:
    docker.environ["SWARM_HOST_DOCKER"] = "no-such-docker"
    assert docker.backend().peek(HANDLE, REPORT, 10) is None
