"""The providers of Modal and Daytona on doubles of their libraries, and what errors mean."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from swarm_host import errors as ours
from swarm_host.backends.cloud.backend import CloudBackend
from swarm_host.backends.cloud.errors import is_unclear
from swarm_host.backends.daytona import errors as daytona_errors
from swarm_host.backends.daytona.backend import DaytonaBackend
from swarm_host.backends.modal import errors as modal_errors
from swarm_host.backends.modal.backend import ModalBackend
from swarm_host.records import BuildConfig, CollectLimits, Resources, Secret

from tests.host.backends.cloud.life import SECRET, Life, followed
from tests.host.backends.cloud.sdk_doubles import DaytonaDouble, ModalDouble
from tests.host.backends.cloud.units import a_unit, leaves
from tests.host.made import Clock

Make = Callable[[dict[str, str]], CloudBackend]


@pytest.fixture
def modal(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModalDouble]:
    double = ModalDouble()
    monkeypatch.setitem(sys.modules, "modal", double)
    with double.opened:
        yield double


@pytest.fixture
def daytona(monkeypatch: pytest.MonkeyPatch) -> Iterator[DaytonaDouble]:
    double = DaytonaDouble()
    monkeypatch.setitem(sys.modules, "daytona", double)
    with double.opened:
        yield double


class TestModal(Life):
    @pytest.fixture
    def make(self, modal: ModalDouble, tmp_path: Path) -> Make:
        own = {"MODAL_TOKEN_ID": "ak-1", "MODAL_TOKEN_SECRET": "as-1"}

        def made(environ: dict[str, str]) -> CloudBackend:
            return ModalBackend({**own, **environ}, Clock(), "/runs", str(tmp_path / "place"))

        return made

    def test_what_is_asked_for(
        self, backend: CloudBackend, modal: ModalDouble, place: Path
    ) -> None:
        unit = a_unit(
            place,
            "true",
            env={"KEY": Secret("API_KEY"), "PLAIN": "open"},
            resources=Resources(gpus="all", cpus=2.0),
        )
        backend.start(unit, 1)
        (sandbox,) = modal.sandboxes
        assert sandbox.options["timeout"] == 1800 + 120 + 600 + 3600
        assert sandbox.options["secrets"] == [{"KEY": SECRET}]
        assert sandbox.options["env"] == {"PLAIN": "open"}
        assert sandbox.options["gpu"] == "A10G"
        assert sandbox.options["cpu"] == (2.0, 2.0)
        assert sandbox.options["image"].text == "FROM registry.example/agent:1\nENTRYPOINT []"
        assert modal.clients == [("ak-1", "as-1")]


class TestDaytona(Life):
    @pytest.fixture
    def make(self, daytona: DaytonaDouble, tmp_path: Path) -> Make:
        def made(environ: dict[str, str]) -> CloudBackend:
            own = {"DAYTONA_API_KEY": "dtn-1"}
            return DaytonaBackend({**own, **environ}, Clock(), "/runs", str(tmp_path / "place"))

        return made

    def test_what_is_asked_for(
        self, backend: CloudBackend, daytona: DaytonaDouble, place: Path
    ) -> None:
        unit = a_unit(place, "true", resources=Resources(cpus=1.5, gpus="1"), mle_bench=False)
        backend.start(unit, 1)
        (sandbox,) = daytona.sandboxes
        assert sandbox.params.ttl_minutes == (1800 + 120 + 600 + 3600) // 60
        assert sandbox.params.auto_stop_interval == 0
        assert sandbox.params.ephemeral is True
        assert sandbox.params.resources.cpu == 2
        assert sandbox.params.resources.gpu == 1

    def test_long_programs_are_asked_for_again_and_again(
        self, backend: CloudBackend, place: Path, tmp_path: Path
    ) -> None:
        """A collection may take an hour, and no request may."""
        unit = a_unit(place, leaves(place))
        handle = backend.start(unit, 1)
        followed(backend, handle)
        backend.collect(handle, unit.run, tmp_path / "into", CollectLimits())
        assert (tmp_path / "into" / "submission" / "submission.csv").is_file()

    def test_a_full_disk_over_there_costs_only_what_needs_it(
        self, backend: CloudBackend, place: Path, tmp_path: Path
    ) -> None:
        """By a program that fails as `head` does when its output cannot be written."""
        tools = tmp_path / "tools"
        tools.mkdir()
        head = shutil.which("head")
        text = f"#!/bin/sh\n[ -e '{place}/full' ] && exit 1\nexec {head} \"$@\"\n"
        (tools / "head").write_text(text)
        (tools / "head").chmod(0o755)
        unit = a_unit(place, leaves(place), env={"PATH": f"{tools}:/usr/bin:/bin"})
        handle = backend.start(unit, 1)
        followed(backend, handle)
        (place / "full").touch()
        collected = backend.collect(handle, unit.run, tmp_path / "into", CollectLimits())
        assert collected.files == 0
        assert "disk of its sandbox is full" in collected.left_out[0]


def test_the_flattened_dockerfile_is_handed_over(
    modal: ModalDouble, daytona: DaytonaDouble, tmp_path: Path
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "Dockerfile").write_text("FROM python:3.11\n")
    (tmp_path / "Dockerfile").write_text("FROM mlebench-env\nCMD go\n")
    build = BuildConfig(str(tmp_path))
    unit = a_unit(tmp_path, "true", build=build, image_source="flatten", agent_image="agent")
    environ = {
        "MODAL_TOKEN_ID": "x",
        "MODAL_TOKEN_SECRET": "x",
        "DAYTONA_API_KEY": "x",
        "SWARM_HOST_BASE": str(tmp_path / "base"),
    }
    ModalBackend(environ, Clock(), place=str(tmp_path / "modal")).start(unit, 1)
    assert modal.sandboxes[0].options["image"].text.startswith("FROM python:3.11\nCMD go\n")
    DaytonaBackend(environ, Clock(), place=str(tmp_path / "daytona")).start(unit, 1)
    assert daytona.sandboxes[0].params.image.text.startswith("FROM python:3.11\nCMD go\n")


# ---------------------------------------------------------------- errors


def an_error(name: str, text: str = "words", *parents: str) -> Exception:
    """Of a class of that name, as a library has it."""
    base: type[Exception] = Exception
    for parent in reversed(parents):
        base = type(parent, (base,), {})
    return type(name, (base,), {})(text)


@pytest.mark.parametrize(
    ("error", "kind", "unclear"),
    [
        (an_error("AuthError"), ours.Credentials, False),
        (an_error("ResourceExhaustedError"), ours.RateLimit, False),
        (an_error("ResourceExhaustedError", "Insufficient capacity"), ours.Capacity, False),
        (an_error("NotFoundError"), ours.Lost, False),
        (an_error("ConflictError", "x", "InvalidError"), ours.Lost, False),
        (an_error("InvalidError"), ours.UsageError, False),
        (an_error("ImageBuildError", "x", "RemoteError"), ours.BuildFailed, False),
        (an_error("ServiceError"), ours.DaemonLost, True),
        (an_error("ExecTimeoutError", "x", "TimeoutError"), ours.DaemonLost, True),
        (an_error("VolumeUploadTimeoutError", "x", "TimeoutError"), ours.Transfer, True),
        (OSError("no route"), ours.DaemonLost, True),
        (an_error("SomethingNew"), ours.Unhealthy, True),
    ],
    ids=lambda value: str(value)[:20],
)
def test_errors_of_modal(error: Exception, kind: type[Exception], unclear: bool) -> None:
    meant = modal_errors.meaning(error, "create")
    assert type(meant) is kind
    assert is_unclear(meant) == unclear
    assert "create" in str(meant)


@pytest.mark.parametrize(
    ("error", "kind", "unclear"),
    [
        (an_error("DaytonaAuthenticationError"), ours.Credentials, False),
        (an_error("DaytonaForbiddenError"), ours.Credentials, False),
        (an_error("DaytonaForbiddenError", "Total memory limit exceeded"), ours.Capacity, False),
        (an_error("DaytonaQueueTimeoutError", "x", "DaytonaTimeoutError"), ours.Capacity, False),
        (an_error("DaytonaRateLimitError", "limit exceeded"), ours.RateLimit, False),
        (an_error("DaytonaNotFoundError"), ours.Lost, False),
        (an_error("DaytonaSpotEvictedError"), ours.Lost, False),
        (an_error("DaytonaSessionEndedError", "x", "DaytonaGoneError"), ours.Transfer, True),
        (an_error("DaytonaFileNotFoundError", "x", "DaytonaNotFoundError"), ours.Transfer, True),
        (an_error("DaytonaBadRequestError"), ours.UsageError, False),
        (an_error("DaytonaError", "entered error state: BUILD_FAILED"), ours.BuildFailed, False),
        (an_error("DaytonaConnectionError"), ours.DaemonLost, True),
        (an_error("DaytonaTimeoutError"), ours.DaemonLost, True),
        (TimeoutError(), ours.DaemonLost, True),
        (an_error("DaytonaError"), ours.Unhealthy, True),
    ],
    ids=lambda value: str(value)[:20],
)
def test_errors_of_daytona(error: Exception, kind: type[Exception], unclear: bool) -> None:
    meant = daytona_errors.meaning(error, "create")
    assert type(meant) is kind
    assert is_unclear(meant) == unclear
    assert "create" in str(meant)


def test_our_own_errors_pass() -> None:
    for module in (modal_errors, daytona_errors):
        with pytest.raises(ours.SpecError), module.calls("x"):
            raise ours.SpecError("said")
        with pytest.raises(ours.Unhealthy, match="x: KeyError"), module.calls("x"):
            raise KeyError("y")
