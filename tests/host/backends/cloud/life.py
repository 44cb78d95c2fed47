"""What every backend of sandboxes must do, whatever the service is. Subclasses say which one it is."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from swarm_host.backends.cloud.backend import CloudBackend
from swarm_host.errors import Lost
from swarm_host.records import CollectLimits, Ending, Handle, RunConfig, Secret

from tests.host.backends.cloud.units import LIMIT_S, AStop, KeptSink, a_mount, a_unit, leaves

SECRET = "s3cr3t-value-42"


def until_ended(backend: CloudBackend, handle: Handle) -> Ending:
    """Waits without asking all the time: the follower ends when the agent has ended."""
    sink = KeptSink()
    backend.follow(handle, sink, threading.Event())
    ending = backend.poll(handle)
    assert ending is not None
    return ending


def followed(backend: CloudBackend, handle: Handle) -> KeptSink:
    sink = KeptSink()
    backend.follow(handle, sink, threading.Event())
    return sink


class Life:
    """`make` gives a backend whose sandboxes keep our files below a folder of the test."""

    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[[dict[str, str]], CloudBackend]:
        raise NotImplementedError

    @pytest.fixture
    def backend(self, make: Callable[[dict[str, str]], CloudBackend]) -> CloudBackend:
        return make({"API_KEY": SECRET})

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        """Where the outputs of units lie in their sandbox."""
        folder = tmp_path / "in the sandbox"
        folder.mkdir()
        return folder

    # ------------------------------------------------------------ a whole life

    def test_a_unit_runs_and_its_files_come_back(
        self, backend: CloudBackend, place: Path, tmp_path: Path
    ) -> None:
        data = tmp_path / "public"
        (data / "deep").mkdir(parents=True)
        (data / "train.csv").write_text("a,b\n1,2\n")
        (data / "deep" / "x.bin").write_bytes(bytes(range(256)))
        target = place / "data"
        script = f"{leaves(place)}; cat {shlex.quote(str(target))}/train.csv; ls {shlex.quote(str(target))}/deep"
        unit = a_unit(place, script, mounts=(a_mount(data, target),), mle_bench=False)
        handle = backend.start(unit, 1)
        assert handle.name == "g1-u1-1"
        sink = followed(backend, handle)
        ending = backend.poll(handle)
        assert ending is not None
        assert (ending.exit_code, ending.cause) == (0, "exit")
        assert ending.started is not None
        assert ending.finished is not None
        assert ending.started <= ending.finished
        assert sink.data["stdout"] == b"out\na,b\n1,2\nx.bin\n"
        assert sink.data["stderr"] == b"err\n"
        into = tmp_path / "into"
        collected = backend.collect(handle, unit.run, into, CollectLimits())
        assert (into / "submission" / "submission.csv").read_text() == "0.5\n"
        assert collected.files == 1
        assert not (into / "code").exists()
        assert [found.name for found in backend.find("g1")] == ["g1-u1-1"]
        assert backend.find("another") == []
        backend.remove(handle)
        backend.remove(handle)
        assert backend.find() == []
        with pytest.raises(Lost):
            backend.poll(handle)

    def test_the_exit_status_is_the_agents_own(self, backend: CloudBackend, place: Path) -> None:
        handle = backend.start(a_unit(place, "exit 7"), 1)
        assert until_ended(backend, handle).exit_code == 7
        backend.remove(handle)

    def test_bytes_that_are_no_text_come_whole(self, backend: CloudBackend, place: Path) -> None:
        script = (
            "printf '\\377\\000\\001\\001\\001\\342\\202'; head -c 150000 /dev/zero; printf end"
        )
        handle = backend.start(a_unit(place, script), 1)
        whole = b"\xff\x00\x01\x01\x01\xe2\x82" + bytes(150_000) + b"end"
        assert followed(backend, handle).data["stdout"] == whole
        backend.remove(handle)

    # ------------------------------------------------------------ twice is once

    def test_a_second_start_adopts(self, backend: CloudBackend, place: Path) -> None:
        count = shlex.quote(str(place / "count"))
        unit = a_unit(place, f"echo once >>{count}; echo said")
        first = backend.start(unit, 1)
        second = backend.start(unit, 1)
        assert second == first
        assert followed(backend, second).data["stdout"] == b"said\n"
        assert (place / "count").read_text() == "once\n"
        backend.remove(first)

    def test_another_process_follows_and_collects(
        self,
        make: Callable[[dict[str, str]], CloudBackend],
        backend: CloudBackend,
        place: Path,
        tmp_path: Path,
    ) -> None:
        unit = a_unit(place, leaves(place))
        handle = backend.start(unit, 1)
        other = make({"API_KEY": SECRET})
        (found,) = other.find("g1")
        assert found == handle
        assert until_ended(other, found).exit_code == 0
        other.collect(found, unit.run, tmp_path / "into", CollectLimits())
        assert (tmp_path / "into" / "submission" / "submission.csv").is_file()
        other.remove(found)

    def test_a_follower_that_comes_back_misses_nothing(
        self, backend: CloudBackend, place: Path
    ) -> None:
        gate = place / "gate"
        script = (
            f"i=0; while [ $i -lt 50 ]; do echo line $i; echo e$i >&2; i=$((i + 1)); done; "
            f"until [ -e {shlex.quote(str(gate))} ]; do sleep 0.05; done; echo last"
        )
        handle = backend.start(a_unit(place, script), 1)
        sink = KeptSink()
        backend.follow(handle, sink, AStop(6))
        gate.touch()
        backend.follow(handle, sink, threading.Event())
        wanted = "".join(f"line {number}\n" for number in range(50)) + "last\n"
        assert sink.data["stdout"].decode() == wanted
        assert sink.data["stderr"].decode() == "".join(f"e{number}\n" for number in range(50))
        backend.remove(handle)

    # ------------------------------------------------------------ ends

    def test_an_agent_that_hears_term_ends_by_itself(
        self, backend: CloudBackend, place: Path, tmp_path: Path
    ) -> None:
        ready = place / "ready"
        script = (
            f"end() {{ echo bye; {leaves(place)}; exit 3; }}; trap end TERM; touch '{ready}'; "
            "while :; do sleep 0.1; done"
        )
        unit = a_unit(place, script)
        handle = backend.start(unit, 1)
        assert backend.poll(handle) is None
        wait_for(ready)
        backend.stop(handle, 10.0)
        ending = backend.poll(handle)
        assert ending is not None
        assert (ending.exit_code, ending.cause) == (3, "stopped")
        assert followed(backend, handle).data["stdout"] == b"bye\nout\n"
        backend.collect(handle, unit.run, tmp_path / "into", CollectLimits())
        assert (tmp_path / "into" / "submission" / "submission.csv").is_file()
        backend.stop(handle, 1.0)
        backend.remove(handle)

    def test_an_agent_that_is_deaf_is_killed(self, backend: CloudBackend, place: Path) -> None:
        ready = place / "ready"
        script = f"trap '' TERM; touch {shlex.quote(str(ready))}; while :; do sleep 0.1; done"
        handle = backend.start(a_unit(place, script), 1)
        wait_for(ready)
        backend.stop(handle, 0.0)
        ending = backend.poll(handle)
        assert ending is not None
        assert (ending.exit_code, ending.cause) == (137, "stopped")
        backend.remove(handle)

    def test_an_agent_that_somebody_kills_is_killed(
        self, backend: CloudBackend, place: Path
    ) -> None:
        handle = backend.start(a_unit(place, "kill -9 $$"), 1)
        ending = until_ended(backend, handle)
        assert (ending.exit_code, ending.cause) == (137, "killed")
        backend.remove(handle)

    # ------------------------------------------------------------ secrets

    def test_a_secret_reaches_the_agent_and_nothing_else(
        self, backend: CloudBackend, place: Path
    ) -> None:
        hidden = shlex.quote(str(place / "seen"))
        unit = a_unit(
            place,
            f'printf %s "$KEY" >{hidden}; echo "$PLAIN"',
            env={"KEY": Secret("API_KEY"), "PLAIN": "open"},
        )
        handle = backend.start(unit, 1)
        assert followed(backend, handle).data["stdout"] == b"open\n"
        assert (place / "seen").read_text() == SECRET
        planned = " ".join(word for line in backend.plan(unit, 1) for word in line)
        assert SECRET not in planned
        assert "KEY" in planned
        backend.remove(handle)

    def test_isolation_is_remote(self, backend: CloudBackend, place: Path) -> None:
        run: RunConfig = a_unit(place, "true").run
        assert backend.isolation(run) == "remote"


def wait_for(path: Path) -> None:
    """Until a file is there; the limit is for a test that would never end."""
    pause = threading.Event()
    for _ in range(round(LIMIT_S / 0.02)):
        if path.exists():
            return
        pause.wait(0.02)
    raise AssertionError(f"{path} did not come")
