"""The Modal backend on the genuine library of Modal, against a server of ours on loopback."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("modal", reason="see host/requirements_cloud.txt")

from grpclib import Status  # noqa: E402
from swarm_host.backends.modal.backend import ModalBackend  # noqa: E402
from swarm_host.errors import (  # noqa: E402
    BuildFailed,
    Capacity,
    Credentials,
    Lost,
    RateLimit,
    UsageError,
)
from swarm_host.records import BuildConfig, CollectLimits, Resources, Secret  # noqa: E402

from tests.host.backends.cloud.life import SECRET, Life, followed, until_ended  # noqa: E402
from tests.host.backends.cloud.units import KeptSink, a_mount, a_unit, leaves  # noqa: E402
from tests.host.cloud import killed  # noqa: E402
from tests.host.cloud.modal_server import (  # noqa: E402
    TOKEN_ID,
    TOKEN_SECRET,
    ModalServer,
    modal_on_loopback,
)
from tests.host.made import Clock  # noqa: E402

ENVIRON = {"MODAL_TOKEN_ID": TOKEN_ID, "MODAL_TOKEN_SECRET": TOKEN_SECRET}


@pytest.fixture(scope="module")
def loopback() -> Iterator[ModalServer]:
    """One for all tests: the library reads where its server is when it is first used."""
    with modal_on_loopback() as server:
        os.environ["MODAL_SERVER_URL"] = server.url
        yield server
        del os.environ["MODAL_SERVER_URL"]


@pytest.fixture
def server(loopback: ModalServer) -> Iterator[ModalServer]:
    state = loopback.state
    state.sandboxes.clear()
    state.requests.clear()
    state.before.clear()
    state.after.clear()
    state.volumes.clear()
    state.blocks.clear()
    state.failing_build = None
    yield loopback
    assert not any(waiting for waiting in state.before.values()), "a fault was never met"


@pytest.fixture
def make(server: ModalServer, tmp_path: Path) -> Callable[[dict[str, str]], ModalBackend]:
    def made(environ: dict[str, str]) -> ModalBackend:
        return ModalBackend({**ENVIRON, **environ}, Clock(), "/runs", str(tmp_path / "place"))

    return made


class TestLife(Life):
    @pytest.fixture
    def make(self, server: ModalServer, tmp_path: Path) -> Callable[[dict[str, str]], ModalBackend]:
        def made(environ: dict[str, str]) -> ModalBackend:
            return ModalBackend({**ENVIRON, **environ}, Clock(), "/runs", str(tmp_path / "place"))

        return made

    def test_what_is_asked_for_on_the_wire(
        self, backend: ModalBackend, server: ModalServer, place: Path
    ) -> None:
        unit = a_unit(
            place,
            "true",
            timeout=43_200.0,
            resources=Resources(cpus=2.5, memory=3 * 1024**3),
            network="none",
            env={"KEY": Secret("API_KEY"), "PLAIN": "open"},
        )
        handle = backend.start(unit, 2)
        (request,) = server.state.asked("SandboxCreateV2")
        definition = request.definition
        # The library's own default of 300 s ends runs.
        assert definition.timeout_secs == 1800 + 43_200 + 600 + 3600
        assert definition.name == "g1-u1-2"
        assert (definition.resources.milli_cpu, definition.resources.milli_cpu_max) == (2500, 2500)
        assert (definition.resources.memory_mb, definition.resources.memory_mb_max) == (3072, 3072)
        assert definition.network_access.network_access_type == 2
        assert not definition.idle_timeout_secs
        tags = {tag.tag_name: tag.tag_value for tag in request.tags}
        assert tags["swarm-evo.group"] == "g1"
        assert tags["swarm-evo.unit"] == "g1-u1"
        assert tags["swarm-evo.attempt"] == "2"
        assert SECRET not in str(tags) + str(definition)
        for started in server.state.asked("TaskExecStart"):
            assert SECRET not in str(started)
        backend.remove(handle)

    def test_a_gpu_goes_the_first_wire_path(
        self, backend: ModalBackend, server: ModalServer, place: Path, tmp_path: Path
    ) -> None:
        """The second version of the service has no GPUs: other calls do the same."""
        unit = a_unit(
            place,
            f'{leaves(place)}; echo "$KEY$PLAIN"',
            resources=Resources(gpus="2"),
            env={"KEY": Secret("API_KEY"), "PLAIN": "open"},
        )
        handle = backend.start(unit, 1)
        (request,) = server.state.asked("SandboxCreate")
        assert server.state.asked("SandboxCreateV2") == []
        assert request.definition.resources.gpu_config.gpu_type == "A10G"
        assert request.definition.resources.gpu_config.count == 2
        assert request.definition.timeout_secs == 1800 + 120 + 600 + 3600
        assert backend.start(unit, 1) == handle
        assert [found.id for found in backend.find("g1")] == [handle.id]
        assert followed(backend, handle).data["stdout"].decode() == f"out\n{SECRET}open\n"
        ending = backend.poll(handle)
        assert ending is not None
        assert ending.exit_code == 0
        backend.collect(handle, unit.run, tmp_path / "into", CollectLimits())
        assert (tmp_path / "into" / "submission" / "submission.csv").is_file()
        backend.stop(handle, 1.0)
        backend.remove(handle)
        assert backend.find("g1") == []
        assert server.state.asked("SandboxTerminate") != []

    def test_data_of_a_competition_are_sent_once(
        self, backend: ModalBackend, server: ModalServer, place: Path, tmp_path: Path
    ) -> None:
        public = tmp_path / "toy-comp" / "prepared" / "public"
        (public / "deep").mkdir(parents=True)
        (public / "train.csv").write_text("a\n1\n")
        (public / "deep" / "x").write_bytes(b"x" * 3000)
        (public / "answers").symlink_to("../private/answers.csv")
        mount = a_mount(public, place / "data")
        for name in ("g1-u1", "g1-u2"):
            backend.start(a_unit(place, "true", name, mounts=(mount,)), 1)
        (volume, files) = next(iter(server.state.volumes.items()))
        assert volume.startswith("vo-swarm-evo-toy-comp-")
        assert files["/data/train.csv"] == b"a\n1\n"
        assert files["/data/deep/x"] == b"x" * 3000
        assert set(files) == {"/data/train.csv", "/data/deep/x", "/complete"}
        # Twice for the data (what is missing, then all), twice for the mark.
        assert len(server.state.asked("VolumePutFiles2")) == 4
        for request in server.state.asked("SandboxCreateV2"):
            (mounted,) = request.definition.volume_mounts
            assert mounted.mount_path == str(place / "data")
            assert mounted.read_only
            assert mounted.sub_path == "/data"

    def test_data_that_came_half_are_sent_again(
        self, backend: ModalBackend, server: ModalServer, place: Path, tmp_path: Path
    ) -> None:
        public = tmp_path / "public"
        public.mkdir()
        (public / "train.csv").write_text("a")
        unit = a_unit(place, "true", mounts=(a_mount(public, place / "data"),))
        server.state.fail("VolumePutFiles2", Status.FAILED_PRECONDITION, "conflict")
        with pytest.raises(Lost):
            backend.start(unit, 1)
        assert server.state.asked("SandboxCreateV2") == []
        backend.start(unit, 1)
        (files,) = server.state.volumes.values()
        assert "/complete" in files

    def test_a_flattened_dockerfile_is_built_there(
        self,
        make: Callable[[dict[str, str]], ModalBackend],
        server: ModalServer,
        place: Path,
        tmp_path: Path,
    ) -> None:
        unit, base = flattened(place, tmp_path)
        backend = make({"SWARM_HOST_BASE": str(base)})
        assert unit.run.build is not None
        sink = KeptSink()
        backend.build(unit.run.build, "agent", sink)
        assert sink.data["build"] == b"step 1\nstep 2\n"
        (files,) = list(server.state.mounts.values())[-1:]
        assert any(name.endswith("agent/start.sh") for name in files)
        handle = backend.start(unit, 1)
        assert until_ended(backend, handle).exit_code == 0
        commands = [line for image in server.state.images.values() for line in image]
        assert "COPY agent/start.sh /home/agent/" in commands
        assert "FROM python:3.11" in commands
        assert "ENTRYPOINT []" in commands
        backend.remove(handle)

    def test_a_build_that_fails_is_said_with_its_words(
        self,
        make: Callable[[dict[str, str]], ModalBackend],
        server: ModalServer,
        place: Path,
        tmp_path: Path,
    ) -> None:
        unit, base = flattened(place, tmp_path)
        backend = make({"SWARM_HOST_BASE": str(base)})
        server.state.failing_build = "RUN base"
        assert unit.run.build is not None
        sink = KeptSink()
        with pytest.raises(BuildFailed, match="exit status 9"):
            backend.build(unit.run.build, "agent", sink)
        assert b"step 2" in sink.data["build"]
        with pytest.raises(BuildFailed):
            backend.start(unit, 1)
        assert server.state.sandboxes == {}


def flattened(place: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    """A unit whose image is built by the service, and the folder of its base."""
    base, agent = tmp_path / "base", tmp_path / "agent"
    for folder in (base, agent):
        folder.mkdir()
    (base / "Dockerfile").write_text("FROM python:3.11\nRUN base\n")
    (agent / "Dockerfile").write_text("FROM mlebench-env\nCOPY start.sh /home/agent/\n")
    (agent / "start.sh").write_text("echo started\n")
    build = BuildConfig(str(agent))
    return a_unit(place, "true", build=build, image_source="flatten", agent_image="agent"), base


@pytest.fixture
def backend(make: Callable[[dict[str, str]], ModalBackend]) -> ModalBackend:
    return make({})


# ---------------------------------------------------------------- faults


def test_an_unclear_create_is_settled_by_the_name(
    backend: ModalBackend, server: ModalServer, tmp_path: Path
) -> None:
    server.state.fail("SandboxCreateV2", Status.INTERNAL, "answer was lost", done=True)
    handle = backend.start(a_unit(tmp_path, "echo once"), 1)
    assert followed(backend, handle).data["stdout"] == b"once\n"
    assert len(server.state.sandboxes) == 1


def test_a_sandbox_of_somebody_else_is_left_alone(
    backend: ModalBackend, server: ModalServer, tmp_path: Path
) -> None:
    unit = a_unit(tmp_path, "true")
    backend.start(unit, 1)
    (one,) = server.state.sandboxes.values()
    one.tags = {"who": "else"}
    with pytest.raises(UsageError, match="not ours"):
        backend.start(unit, 1)
    assert one.result is None


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (Status.RESOURCE_EXHAUSTED, "too many requests", RateLimit),
        (Status.RESOURCE_EXHAUSTED, "Insufficient capacity to create sandbox.", Capacity),
        (Status.INVALID_ARGUMENT, "no such region", UsageError),
        (Status.PERMISSION_DENIED, "not yours", Credentials),
    ],
)
def test_refusals_have_their_meaning(
    backend: ModalBackend,
    server: ModalServer,
    tmp_path: Path,
    status: Status,
    text: str,
    kind: type[Exception],
) -> None:
    server.state.fail("SandboxCreateV2", status, text)
    with pytest.raises(kind, match=text):
        backend.start(a_unit(tmp_path, "true"), 1)
    assert server.state.sandboxes == {}


def test_a_wrong_token_is_told_without_it(server: ModalServer, tmp_path: Path) -> None:
    environ = {"MODAL_TOKEN_ID": "ak-x", "MODAL_TOKEN_SECRET": "as-not-the-one"}
    backend = ModalBackend(environ, Clock(), None, str(tmp_path))
    with pytest.raises(Credentials, match="MODAL_TOKEN_SECRET") as caught:
        backend.start(a_unit(tmp_path, "true"), 1)
    assert "as-not-the-one" not in str(caught.value)
    with pytest.raises(Credentials, match="not set: MODAL_TOKEN_ID"):
        ModalBackend({}, Clock()).find()


def test_a_log_stream_that_drops_loses_nothing(
    backend: ModalBackend, server: ModalServer, tmp_path: Path
) -> None:
    script = "i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i + 1)); done"
    handle = backend.start(a_unit(tmp_path, script), 1)
    for _ in range(3):
        server.state.fail("TaskExecStdioRead", Status.UNAVAILABLE, "reset", done=True)
    # Not one that the library takes up again by itself.
    server.state.fail("TaskExecStdioRead", Status.INVALID_ARGUMENT, "gone", done=True)
    server.state.fail("TaskExecStdioRead", Status.ABORTED, "moved", done=True)
    sink = KeptSink()
    backend.follow(handle, sink, threading.Event())
    wanted = "".join(f"line {number}\n" for number in range(40_000))
    assert sink.data["stdout"].decode() == wanted


def test_a_sandbox_that_vanishes_is_lost(
    backend: ModalBackend, server: ModalServer, tmp_path: Path
) -> None:
    handle = backend.start(a_unit(tmp_path, "true"), 1)
    until_ended(backend, handle)
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


def test_who_ended_a_sandbox_is_told_apart(
    backend: ModalBackend, server: ModalServer, tmp_path: Path
) -> None:
    """The library gives 124 and 137, and 137 for our own end as well."""
    first = backend.start(a_unit(tmp_path, "true"), 1)
    server.expire(first.id)
    with pytest.raises(Lost, match="outlived its time"):
        backend.poll(first)
    second = backend.start(a_unit(tmp_path, "true"), 2)
    server.terminate(second.id)
    with pytest.raises(Lost, match="somebody else"):
        backend.poll(second)
    third = backend.start(a_unit(tmp_path, "true"), 3)
    backend._provider.note_stopped(third.id)
    backend.remove(third)
    ending = backend.poll(third)
    assert ending is not None
    assert (ending.exit_code, ending.cause) == (137, "stopped")


def test_a_name_is_free_again_after_its_sandbox_ended(
    backend: ModalBackend, server: ModalServer, tmp_path: Path
) -> None:
    unit = a_unit(tmp_path, "true")
    first = backend.start(unit, 1)
    backend.remove(first)
    second = backend.start(unit, 1)
    assert second.id != first.id


# ---------------------------------------------------------------- clients


def test_a_killed_client_is_replaced(
    backend: ModalBackend, server: ModalServer, tmp_path: Path
) -> None:
    killed.a_killed_client_is_replaced(
        "modal", {**ENVIRON, "MODAL_SERVER_URL": server.url}, backend, tmp_path
    )


def test_several_at_once_do_not_mix(backend: ModalBackend, tmp_path: Path) -> None:
    killed.several_at_once_do_not_mix(backend, tmp_path)


# ---------------------------------------------------------------- before a run


def test_preflight(backend: ModalBackend, tmp_path: Path) -> None:
    def refused(**run: object) -> str:
        problems = backend.preflight(a_unit(tmp_path, "true", **run).run)
        return "\n".join(f"{one.what}; {one.cure}" for one in problems if one.refuses)

    assert refused() == ""
    assert "80400 s at most" in refused(timeout=86_400.0)
    assert "give a number" in refused(resources=Resources(gpus="device=0"))
    assert "image of this machine" in refused(agent_image="mlebench-env")
    missing = ModalBackend({"MODAL_TOKEN_ID": "x"}, Clock()).preflight(a_unit(tmp_path, "true").run)
    assert [one.what for one in missing] == ["not set: MODAL_TOKEN_SECRET"]


def test_a_plan_calls_nothing(backend: ModalBackend, server: ModalServer, tmp_path: Path) -> None:
    data = tmp_path / "public"
    data.mkdir()
    unit = a_unit(
        tmp_path,
        "true",
        env={"KEY": Secret("API_KEY")},
        mounts=(a_mount(data, Path("/data")),),
        resources=Resources(gpus="1"),
    )
    planned = [" ".join(words) for words in backend.plan(unit, 1)]
    assert planned[0].startswith("modal.Volume.from_name swarm-evo-public-")
    assert "secrets=KEY" in planned[1]
    assert "timeout=6120" in planned[1]
    assert "gpu=A10G" in planned[1]
    assert planned[-1].startswith("run sh ")
    assert server.state.requests == []
