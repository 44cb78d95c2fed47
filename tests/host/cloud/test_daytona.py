"""The Daytona backend on the genuine library of Daytona, against a server of ours on loopback."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("daytona", reason="see host/requirements_cloud.txt")

from swarm_host.backends.daytona.backend import DaytonaBackend  # noqa: E402
from swarm_host.errors import (  # noqa: E402
    BuildFailed,
    Capacity,
    Credentials,
    DaemonLost,
    Lost,
    RateLimit,
    Transfer,
    UsageError,
)
from swarm_host.records import BuildConfig, CollectLimits, Resources, Secret, UnitSpec  # noqa: E402

from tests.host.backends.cloud.life import SECRET, Life, followed, until_ended  # noqa: E402
from tests.host.backends.cloud.units import KeptSink, a_mount, a_unit, leaves  # noqa: E402
from tests.host.cloud import killed  # noqa: E402
from tests.host.cloud.daytona_server import (  # noqa: E402
    API_KEY,
    DaytonaServer,
    daytona_on_loopback,
)
from tests.host.made import Clock  # noqa: E402


@pytest.fixture
def server() -> Iterator[DaytonaServer]:
    with daytona_on_loopback() as server:
        yield server
        assert not any(server.state.before.values()), "a fault was never met"


@pytest.fixture
def make(server: DaytonaServer, tmp_path: Path) -> Callable[[dict[str, str]], DaytonaBackend]:
    def made(environ: dict[str, str]) -> DaytonaBackend:
        own = {"DAYTONA_API_KEY": API_KEY, "DAYTONA_API_URL": server.url, "DAYTONA_TARGET": "eu"}
        return DaytonaBackend({**own, **environ}, Clock(), "/runs", str(tmp_path / "place"))

    return made


@pytest.fixture
def backend(make: Callable[[dict[str, str]], DaytonaBackend]) -> DaytonaBackend:
    return make({})


class TestLife(Life):
    @pytest.fixture
    def make(
        self, server: DaytonaServer, tmp_path: Path
    ) -> Callable[[dict[str, str]], DaytonaBackend]:
        def made(environ: dict[str, str]) -> DaytonaBackend:
            own = {
                "DAYTONA_API_KEY": API_KEY,
                "DAYTONA_API_URL": server.url,
                "DAYTONA_TARGET": "eu",
            }
            return DaytonaBackend({**own, **environ}, Clock(), "/runs", str(tmp_path / "place"))

        return made

    def test_what_is_asked_for_on_the_wire(
        self, backend: DaytonaBackend, server: DaytonaServer, place: Path
    ) -> None:
        unit = a_unit(
            place,
            "true",
            timeout=43_200.0,
            resources=Resources(cpus=2.5, memory=3 * 1024**3 + 1, disk=20 * 1024**3),
            network="none",
            env={"KEY": Secret("API_KEY"), "PLAIN": "open"},
            mle_bench=False,
        )
        handle = backend.start(unit, 2)
        (request,) = server.state.asked("create")
        # Daytona's own default of 15 minutes without a call ends quiet agents.
        assert request["autoStopInterval"] == 0
        assert request["autoDeleteInterval"] == 0
        assert request["ttlMinutes"] == (1800 + 43_200 + 600 + 3600) // 60
        assert request["name"] == "g1-u1-2"
        assert (request["cpu"], request["memory"], request["disk"]) == (3, 4, 20)
        assert request["networkBlockAll"] is True
        assert request["target"] == "eu"
        assert request["env"] == {"KEY": SECRET, "PLAIN": "open"}
        assert request["labels"]["swarm-evo.group"] == "g1"
        assert request["labels"]["swarm-evo.attempt"] == "2"
        dockerfile = request["buildInfo"]["dockerfileContent"]
        assert dockerfile.startswith("FROM registry.example/agent:1\nENTRYPOINT")
        del request["env"]
        for _, path, body in server.state.requests:
            assert SECRET not in path + str(body)
        backend.remove(handle)

    def test_a_gpu_makes_an_ephemeral_sandbox(
        self, make: Callable[[dict[str, str]], DaytonaBackend], server: DaytonaServer, place: Path
    ) -> None:
        unit = a_unit(place, "true", resources=Resources(gpus="2"))
        make({"SWARM_HOST_GPU": "H200"}).start(unit, 1)
        (request,) = server.state.asked("create")
        assert (request["gpu"], request["gpuType"]) == (2, ["H200"])
        assert request["autoDeleteInterval"] == 0
        with pytest.raises(UsageError, match="H100"):
            make({"SWARM_HOST_GPU": "Voodoo"}).start(unit, 2)


# ---------------------------------------------------------------- images


def flattened(place: Path, tmp_path: Path) -> tuple[UnitSpec, Path]:
    """A unit whose image is built by the service, and the folder of its base."""
    base, agent = tmp_path / "base", tmp_path / "agent"
    for folder in (base, agent):
        folder.mkdir()
    (base / "Dockerfile").write_text("FROM python:3.11\nRUN base\nCOPY . /base\n")
    (agent / "Dockerfile").write_text("FROM mlebench-env\nCOPY start.sh /home/agent/\n")
    (agent / "start.sh").write_text("echo started\n")
    build = BuildConfig(str(agent))
    return a_unit(place, "true", build=build, image_source="flatten", agent_image="agent"), base


def test_a_flattened_dockerfile_is_built_there(
    make: Callable[[dict[str, str]], DaytonaBackend],
    server: DaytonaServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _allow_http(monkeypatch)
    unit, base = flattened(tmp_path, tmp_path)
    backend = make({"SWARM_HOST_BASE": str(base)})
    assert unit.run.build is not None
    sink = KeptSink()
    backend.build(unit.run.build, "agent", sink)
    assert b"COPY agent/start.sh /home/agent/" in sink.data["build"]
    handle = backend.start(unit, 1)
    (request,) = server.state.asked("create")
    text = request["buildInfo"]["dockerfileContent"]
    assert text.startswith(
        "FROM python:3.11\nRUN base\nCOPY base /base\nCOPY agent/start.sh /home/agent/\n"
    )
    sent = {}
    for path, content in server.state.objects.items():
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            sent[path.split("/")[-2]] = sorted(archive.getnames())
    contexts = [sent[mark] for mark in request["buildInfo"]["contextHashes"]]
    assert contexts == [["base", "base/Dockerfile"], ["agent/start.sh"]]
    assert until_ended(backend, handle).exit_code == 0


def _allow_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library sends contexts to an object store, by a program that else takes https only."""
    from daytona._sync import object_storage

    genuine = object_storage.S3Store

    def store(**options: Any) -> Any:
        options["client_options"] = {**options["client_options"], "allow_http": True}
        return genuine(**options)

    monkeypatch.setattr(object_storage, "S3Store", store)


def test_a_build_that_fails_is_said_with_its_words_and_leaves_nothing(
    backend: DaytonaBackend, server: DaytonaServer, tmp_path: Path
) -> None:
    server.state.states = ("pending_build", "building_snapshot", "build_failed")
    server.state.error = "step 2 failed"
    with pytest.raises(BuildFailed, match="exit status 9"):
        backend.start(a_unit(tmp_path, "true"), 1)
    assert server.state.sandboxes == {}


def test_a_sandbox_that_is_still_being_made_is_waited_for(
    backend: DaytonaBackend, server: DaytonaServer, tmp_path: Path
) -> None:
    """The create gave up, and the next start finds what became of it."""
    server.state.states = ("creating", "creating", "starting", "starting", "started")
    server.state.fail("create", 504, "gateway timeout", done=True)
    handle = backend.start(a_unit(tmp_path, "echo once"), 1)
    assert followed(backend, handle).data["stdout"] == b"once\n"
    assert len(server.state.sandboxes) == 1


# ---------------------------------------------------------------- faults


def test_an_unclear_create_without_a_sandbox_is_its_cause(
    backend: DaytonaBackend, server: DaytonaServer, tmp_path: Path
) -> None:
    server.state.fail("create", 502, "bad gateway")
    with pytest.raises(DaemonLost, match="bad gateway"):
        backend.start(a_unit(tmp_path, "true"), 1)


def test_a_sandbox_of_somebody_else_is_left_alone(
    backend: DaytonaBackend, server: DaytonaServer, tmp_path: Path
) -> None:
    unit = a_unit(tmp_path, "true")
    backend.start(unit, 1)
    (one,) = server.state.sandboxes.values()
    one.labels = {"who": "else"}
    with pytest.raises(UsageError, match="not ours"):
        backend.start(unit, 1)
    assert len(server.state.sandboxes) == 1


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (429, "slow down", RateLimit),
        (403, "Total CPU limit exceeded. Maximum allowed: 10", Capacity),
        (400, "No available runners", Capacity),
        (400, "bad image name", UsageError),
        (403, "missing permission write:sandboxes", Credentials),
    ],
)
def test_refusals_have_their_meaning(
    backend: DaytonaBackend,
    server: DaytonaServer,
    tmp_path: Path,
    status: int,
    text: str,
    kind: type[Exception],
) -> None:
    server.state.fail("create", status, text)
    with pytest.raises(kind, match=text):
        backend.start(a_unit(tmp_path, "true"), 1)
    assert server.state.sandboxes == {}


def test_a_wrong_key_is_told_without_it(server: DaytonaServer, tmp_path: Path) -> None:
    environ = {"DAYTONA_API_KEY": "dtn-not-the-one", "DAYTONA_API_URL": server.url}
    backend = DaytonaBackend(environ, Clock(), None, str(tmp_path))
    with pytest.raises(Credentials, match="DAYTONA_API_KEY") as caught:
        backend.start(a_unit(tmp_path, "true"), 1)
    assert "dtn-not-the-one" not in str(caught.value)
    with pytest.raises(Credentials, match="not set: DAYTONA_API_KEY"):
        DaytonaBackend({}, Clock()).find()


def test_a_log_stream_that_drops_loses_nothing(
    backend: DaytonaBackend, server: DaytonaServer, tmp_path: Path
) -> None:
    server.state.breaks.extend([0, 1, 3])
    script = "i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i + 1)); done"
    handle = backend.start(a_unit(tmp_path, script), 1)
    sink = KeptSink()
    backend.follow(handle, sink, threading.Event())
    wanted = "".join(f"line {number}\n" for number in range(40_000))
    assert sink.data["stdout"].decode() == wanted
    assert not server.state.breaks
    # A follower that is over leaves no session behind.
    (one,) = server.state.sandboxes.values()
    assert one.sessions == {}


@pytest.mark.parametrize("state", ["", "stopped", "error"])
def test_a_sandbox_that_vanishes_is_lost(
    backend: DaytonaBackend, server: DaytonaServer, tmp_path: Path, state: str
) -> None:
    handle = backend.start(a_unit(tmp_path, "true"), 1)
    until_ended(backend, handle)
    if state:
        server.state.sandboxes[handle.id].states[0] = state
    else:
        server.state.sandboxes.clear()
    for call in (
        lambda: backend.poll(handle),
        lambda: backend.follow(handle, KeptSink(), threading.Event()),
        lambda: backend.collect(handle, a_unit(tmp_path, "true").run, tmp_path, CollectLimits()),
    ):
        with pytest.raises(Lost):
            call()
    backend.stop(handle, 1.0)
    backend.remove(handle)
    assert server.state.sandboxes == {}


def test_our_own_end_of_a_sandbox_is_known(
    backend: DaytonaBackend, server: DaytonaServer, tmp_path: Path
) -> None:
    handle = backend.start(a_unit(tmp_path, "sleep 100"), 1)
    backend.stop(handle, 0.0)
    backend._provider.note_stopped(handle.id)
    backend.remove(handle)
    ending = backend.poll(handle)
    assert ending is not None
    assert (ending.exit_code, ending.cause) == (137, "stopped")


def test_a_transfer_that_fails_is_said_and_can_be_done_again(
    backend: DaytonaBackend, server: DaytonaServer, tmp_path: Path
) -> None:
    data = tmp_path / "public"
    data.mkdir()
    (data / "train.csv").write_text("a")
    unit = a_unit(tmp_path, leaves(tmp_path), mounts=(a_mount(data, tmp_path / "data"),))
    server.state.fail("upload", 500, "disk quota")
    with pytest.raises((Transfer, DaemonLost, Capacity)):
        backend.start(unit, 1)
    handle = backend.start(unit, 1)
    until_ended(backend, handle)
    server.state.fail("download", 500, "cut")
    with pytest.raises((Transfer, DaemonLost)):
        backend.collect(handle, unit.run, tmp_path / "into", CollectLimits())
    backend.collect(handle, unit.run, tmp_path / "into", CollectLimits())
    assert (tmp_path / "into" / "submission" / "submission.csv").is_file()
    # Nothing of the transfers is left in the sandbox.
    assert [path.name for path in (tmp_path / "place").iterdir()] == ["g1-u1-1"]


def test_many_sandboxes_are_found_over_several_pages(
    backend: DaytonaBackend, server: DaytonaServer, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        backend.start(a_unit(tmp_path, "true", f"g1-u{number}"), 1)
    assert sorted(one.name for one in backend.find("g1")) == ["g1-u1-1", "g1-u2-1", "g1-u3-1"]
    assert backend.find("g2") == []


# ---------------------------------------------------------------- clients


def test_a_killed_client_is_replaced(
    backend: DaytonaBackend, server: DaytonaServer, tmp_path: Path
) -> None:
    killed.a_killed_client_is_replaced(
        "daytona", {"DAYTONA_API_KEY": API_KEY, "DAYTONA_API_URL": server.url}, backend, tmp_path
    )


def test_several_at_once_do_not_mix(backend: DaytonaBackend, tmp_path: Path) -> None:
    killed.several_at_once_do_not_mix(backend, tmp_path)


# ---------------------------------------------------------------- before a run


def test_preflight(backend: DaytonaBackend, tmp_path: Path) -> None:
    def said(refuses: bool, **run: object) -> str:
        problems = backend.preflight(a_unit(tmp_path, "true", **run).run)
        return "\n".join(f"{one.what}; {one.cure}" for one in problems if one.refuses == refuses)

    assert said(True) == ""
    assert "give a number" in said(True, resources=Resources(gpus="device=0"))
    assert "whole cpus" in said(False, resources=Resources(cpus=1.5, pids=10))
    missing = DaytonaBackend({}, Clock()).preflight(a_unit(tmp_path, "true").run)
    assert [one.what for one in missing] == ["not set: DAYTONA_API_KEY"]


def test_a_plan_calls_nothing(
    backend: DaytonaBackend, server: DaytonaServer, tmp_path: Path
) -> None:
    unit = a_unit(tmp_path, "true", env={"KEY": Secret("API_KEY"), "PLAIN": "x"}, mle_bench=True)
    planned = [" ".join(words) for words in backend.plan(unit, 1)]
    assert "env_vars=KEY,PLAIN of which secret=KEY" in planned[0]
    assert "ttl_minutes=102" in planned[0]
    assert "os_user=root" in planned[0]
    assert planned[-1].startswith("run sh ")
    assert server.state.requests == []
