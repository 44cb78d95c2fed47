"""The backend of sandboxes on a service of local processes, and on one that fails."""

from __future__ import annotations

import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from swarm_host.backends.cloud import data
from swarm_host.backends.cloud.backend import CloudBackend
from swarm_host.backends.cloud.words import Ended, NotClear
from swarm_host.errors import (
    Capacity,
    DaemonLost,
    Lost,
    PrivateMount,
    Transfer,
    Unhealthy,
    UsageError,
)
from swarm_host.records import CollectLimits

from tests.host.backends.cloud.double import DoubleProvider
from tests.host.backends.cloud.life import Life, followed, until_ended, wait_for
from tests.host.backends.cloud.units import KeptSink, a_mount, a_unit, leaves
from tests.host.made import Clock


@pytest.fixture
def provider() -> DoubleProvider:
    return DoubleProvider()


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestOnLocalProcesses(Life):
    @pytest.fixture
    def make(
        self, tmp_path: Path, provider: DoubleProvider, clock: Clock
    ) -> Callable[[dict[str, str]], CloudBackend]:
        def made(environ: dict[str, str]) -> CloudBackend:
            return CloudBackend(provider, environ, clock, "/runs", str(tmp_path / "place"))

        return made

    # ------------------------------------------------------------ starts that fail

    def test_an_unclear_create_is_settled_by_the_name(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path
    ) -> None:
        provider.after["create"] = deque([NotClear(DaemonLost("broken pipe"))])
        handle = backend.start(a_unit(place, "echo once"), 1)
        assert followed(backend, handle).data["stdout"] == b"once\n"
        assert len(provider.sandboxes) == 1

    def test_an_unclear_create_without_a_sandbox_is_its_cause(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path
    ) -> None:
        provider.faults["create"] = deque([NotClear(DaemonLost("broken pipe"))])
        with pytest.raises(DaemonLost, match="broken pipe"):
            backend.start(a_unit(place, "true"), 1)

    def test_a_sandbox_of_somebody_else_is_left_alone(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path
    ) -> None:
        unit = a_unit(place, "true")
        backend.start(unit, 1)
        for one in provider.sandboxes.values():
            one.labels = {"project": "other"}
        with pytest.raises(UsageError, match="not ours"):
            backend.start(unit, 1)
        assert "remove" not in provider.calls
        assert backend.find() == []

    def test_no_room_is_said_as_such(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path
    ) -> None:
        provider.faults["create"] = deque([Capacity("none left")])
        with pytest.raises(Capacity):
            backend.start(a_unit(place, "true"), 1)

    def test_data_that_cannot_be_sent_is_a_transfer(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path, tmp_path: Path
    ) -> None:
        data = tmp_path / "public"
        data.mkdir()
        blocked = place / "blocked"
        blocked.write_text("a file where a folder should be")
        unit = a_unit(place, "true", mounts=(a_mount(data, blocked),))
        with pytest.raises(Transfer, match="exit status"):
            backend.start(unit, 1)
        # The next try is as good as the first.
        blocked.unlink()
        handle = backend.start(unit, 1)
        assert until_ended(backend, handle).exit_code == 0
        assert len(provider.sandboxes) == 1

    def test_data_that_could_not_be_read_to_their_end_are_sent_again(
        self,
        backend: CloudBackend,
        place: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The archive ends between two files, which tar takes for its end."""
        data_folder = tmp_path / "public"
        data_folder.mkdir()
        (data_folder / "a").write_text("a")
        (data_folder / "b").write_text("b")
        unit = a_unit(place, "ls", mounts=(a_mount(data_folder, place / "data"),))
        whole = data.entries

        def broken(source: Path, leave_out: Sequence[str] = ()) -> Iterator[data.Entry]:
            yield next(whole(source, leave_out))
            raise OSError("the disk")

        monkeypatch.setattr(data, "entries", broken)
        with pytest.raises(Transfer, match="the disk"):
            backend.start(unit, 1)
        monkeypatch.undo()
        handle = backend.start(unit, 1)
        until_ended(backend, handle)
        assert sorted(path.name for path in (place / "data").iterdir()) == ["a", "b"]

    def test_answers_are_never_sent(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path, tmp_path: Path
    ) -> None:
        private = tmp_path / "toy" / "prepared" / "private"
        private.mkdir(parents=True)
        (tmp_path / "toy" / "prepared" / "public").mkdir()
        mounts = (a_mount(tmp_path / "toy", place / "data"),)
        for allowed in (False, True):
            unit = a_unit(place, "true", mounts=mounts, allow_private=allowed)
            with pytest.raises(PrivateMount):
                backend.start(unit, 1)
            assert any(problem.refuses for problem in backend.preflight(unit.run))
        assert provider.sandboxes == {}

    def test_what_the_service_keeps_is_not_sent_again(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path, tmp_path: Path
    ) -> None:
        data = tmp_path / "public"
        data.mkdir()
        mount = a_mount(data, place / "data")
        provider.kept[mount] = "volume-1"
        handle = backend.start(a_unit(place, "true", mounts=(mount,)), 1)
        (sandbox,) = provider.sandboxes.values()
        assert sandbox.order.kept == {"volume-1": mount}
        assert not (place / "data").exists()
        assert until_ended(backend, handle).exit_code == 0

    # ------------------------------------------------------------ output

    def test_a_stream_that_breaks_is_taken_up_where_it_broke(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path
    ) -> None:
        provider.breaks = deque([0, 1, 2])
        script = "i=0; while [ $i -lt 200000 ]; do echo line $i; i=$((i + 1)); done"
        handle = backend.start(a_unit(place, script), 1)
        sink = followed(backend, handle)
        wanted = "".join(f"line {number}\n" for number in range(200_000)).encode()
        assert sink.data["stdout"] == wanted
        assert sink.marks["stdout"] == str(len(wanted))

    def test_one_follower_goes_on_where_the_last_one_ended(
        self, backend: CloudBackend, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No connection lasts longer than its time: here that is over at once."""
        monkeypatch.setattr("swarm_host.backends.cloud.inside.FOLLOW_S", 0)
        script = "i=0; while [ $i -lt 5 ]; do echo line $i; sleep 0.4; i=$((i + 1)); done"
        handle = backend.start(a_unit(place, script), 1)
        wanted = "".join(f"line {number}\n" for number in range(5))
        assert followed(backend, handle).data["stdout"].decode() == wanted

    def test_a_service_that_does_not_answer_ends_no_follower(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path
    ) -> None:
        handle = backend.start(a_unit(place, "echo said"), 1)
        provider.faults["box"] = deque([DaemonLost("502"), DaemonLost("502")])
        assert followed(backend, handle).data["stdout"] == b"said\n"

    def test_a_sandbox_that_vanishes_is_lost(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path
    ) -> None:
        handle = backend.start(a_unit(place, "sleep 100"), 1)
        backend.stop(handle, 0.0)
        provider.sandboxes.clear()
        with pytest.raises(Lost):
            backend.follow(handle, KeptSink(), threading.Event())
        with pytest.raises(Lost):
            backend.poll(handle)
        with pytest.raises(Lost):
            backend.collect(handle, a_unit(place, "true").run, place / "into", CollectLimits())
        backend.stop(handle, 1.0)
        backend.remove(handle)

    # ------------------------------------------------------------ ends

    @pytest.mark.parametrize("overdue", [True, False])
    def test_who_ended_a_sandbox_is_said(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path, overdue: bool
    ) -> None:
        handle = backend.start(a_unit(place, "true"), 1)
        until_ended(backend, handle)
        provider.sandboxes[handle.id].ended = Ended(overdue=overdue, stopped=False)
        words = "outlived its time" if overdue else "somebody else"
        with pytest.raises(Lost, match=words):
            backend.poll(handle)

    def test_a_sandbox_that_cannot_be_reached_is_ended_after_a_while(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path, clock: Clock
    ) -> None:
        handle = backend.start(a_unit(place, "sleep 100"), 1)
        away = DaemonLost("no answer")
        provider.faults["call"] = deque([away] * 3)
        with pytest.raises(DaemonLost):
            backend.stop(handle, 1.0)
        clock.now += 30
        with pytest.raises(DaemonLost):
            backend.stop(handle, 1.0)
        assert provider.calls.count("remove") == 0
        clock.now += 60
        backend.stop(handle, 1.0)
        assert provider.calls.count("remove") == 1
        ending = backend.poll(handle)
        assert ending is not None
        assert (ending.exit_code, ending.cause) == (137, "stopped")
        # Its files are gone with it, and trying again would favour agents that choke their sandboxes.
        collected = backend.collect(handle, a_unit(place, "true").run, place, CollectLimits())
        assert collected.files == 0
        assert "did not answer" in collected.left_out[0]

    def test_a_stop_before_the_agent_runs_counts(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path, tmp_path: Path
    ) -> None:
        handle = backend.start(a_unit(place, "sleep 100"), 1)
        wait_for(tmp_path / "place" / "g1-u1-1" / "agent")
        backend.stop(handle, 0.0)
        ending = backend.poll(handle)
        assert ending is not None
        assert ending.cause == "stopped"

    def test_an_agent_beyond_its_limit_ends_though_nobody_looks(
        self,
        provider: DoubleProvider,
        tmp_path: Path,
        place: Path,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("swarm_host.backends.cloud.naming.LATE_S", 0.0)
        backend = CloudBackend(provider, {}, clock, None, str(tmp_path / "place"))
        handle = backend.start(a_unit(place, "sleep 100", timeout=1.0), 1)
        ending = until_ended(backend, handle)
        assert (ending.exit_code, ending.cause) == (143, "stopped")

    def test_a_watcher_that_is_killed_is_an_agent_that_is_killed(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path, tmp_path: Path
    ) -> None:
        handle = backend.start(a_unit(place, "kill -9 $PPID; sleep 100"), 1)
        runner = tmp_path / "place" / "g1-u1-1" / "runner"
        wait_for(runner)
        ending = None
        pause = threading.Event()
        for _ in range(500):
            ending = backend.poll(handle)
            if ending is not None:
                break
            pause.wait(0.02)
        assert ending is not None
        assert (ending.exit_code, ending.cause) == (None, "killed")
        assert followed(backend, handle).data.get("stdout", b"") == b""

    # ------------------------------------------------------------ files back

    def test_a_folder_that_may_be_written_to_comes_back(
        self, backend: CloudBackend, place: Path, tmp_path: Path
    ) -> None:
        workspace = tmp_path / "workspace"
        workspace.mkdir()
        (workspace / "given.txt").write_text("given")
        (workspace / "stdout.log").write_text("ours")
        target = place / "home"
        mount = a_mount(workspace, target, read_only=False)
        script = f'cd "{target}"; ls; echo made >made.txt; echo theirs >stdout.log'
        unit = a_unit(place, script, mounts=(mount,))
        handle = backend.start(unit, 1)
        assert followed(backend, handle).data["stdout"] == b"given.txt\n"
        backend.collect(handle, unit.run, tmp_path / "into", CollectLimits())
        assert (workspace / "made.txt").read_text() == "made\n"
        assert (workspace / "stdout.log").read_text() == "ours"

    def test_limits_hold_for_what_comes_back(
        self, backend: CloudBackend, place: Path, tmp_path: Path
    ) -> None:
        code = f'"{place}/code"'
        script = f"{leaves(place)}; mkdir {code}; head -c 5000 /dev/zero >{code}/big; ln -s / {code}/root"
        unit = a_unit(place, script)
        handle = backend.start(unit, 1)
        until_ended(backend, handle)
        collected = backend.collect(
            handle, unit.run, tmp_path / "into", CollectLimits(total_bytes=4000)
        )
        assert collected.files == 1
        assert sorted(line.partition(":")[0] for line in collected.left_out) == ["code", "code"]

    def test_a_transfer_that_fails_is_said(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path, tmp_path: Path
    ) -> None:
        unit = a_unit(place, leaves(place))
        handle = backend.start(unit, 1)
        until_ended(backend, handle)
        provider.faults["archive"] = deque([Transfer("cut")])
        with pytest.raises(Transfer):
            backend.collect(handle, unit.run, tmp_path / "into", CollectLimits())

    def test_a_link_in_the_place_of_a_folder_is_not_followed(
        self, backend: CloudBackend, place: Path, tmp_path: Path
    ) -> None:
        unit = a_unit(place, f"{leaves(place)}; ln -s /proc '{place}/code'")
        handle = backend.start(unit, 1)
        until_ended(backend, handle)
        collected = backend.collect(handle, unit.run, tmp_path / "into", CollectLimits())
        assert collected.files == 1
        assert not (tmp_path / "into" / "code").exists()
        assert "is a link" in (tmp_path / "into" / "logs" / "pack.log").read_text()

    def test_an_archive_without_end_is_cut(
        self, backend: CloudBackend, place: Path, tmp_path: Path
    ) -> None:
        """Where the archive lies on a disk before it comes, as in Daytona."""
        unit = a_unit(
            place, f"{leaves(place)}; mkdir '{place}/code'; truncate -s 1T '{place}/code/x'"
        )
        handle = backend.start(unit, 1)
        until_ended(backend, handle)
        limits = CollectLimits(total_bytes=50_000, files=10)
        collected = backend.collect(handle, unit.run, tmp_path / "into", limits)
        assert (tmp_path / "into" / "submission" / "submission.csv").is_file()
        assert any(line.startswith("code") for line in collected.left_out)

    def test_what_cannot_be_packed_is_told(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path, tmp_path: Path
    ) -> None:
        """By a tar that fails as one does that may not read a file."""
        tools = tmp_path / "tools"
        tools.mkdir()
        whole = shutil.which("tar")
        (tools / "tar").write_text(f'#!/bin/sh\n{whole} "$@"\necho no permission >&2\nexit 2\n')
        (tools / "tar").chmod(0o755)
        unit = a_unit(place, leaves(place), env={"PATH": f"{tools}:/usr/bin:/bin"})
        handle = backend.start(unit, 1)
        until_ended(backend, handle)
        backend.collect(handle, unit.run, tmp_path / "into", CollectLimits())
        assert (tmp_path / "into" / "submission" / "submission.csv").is_file()
        assert "no permission" in (tmp_path / "into" / "logs" / "pack.log").read_text()

    def test_a_sandbox_without_an_agent_is_unhealthy(
        self, backend: CloudBackend, provider: DoubleProvider, place: Path
    ) -> None:
        provider.faults["call"] = deque([DaemonLost("launch did not arrive")])
        unit = a_unit(place, "echo later")
        with pytest.raises(DaemonLost):
            backend.start(unit, 1)
        (handle,) = backend.find("g1")
        with pytest.raises(Unhealthy):
            backend.poll(handle)
        assert followed(backend, backend.start(unit, 1)).data["stdout"] == b"later\n"
