"""What workers of a cluster do with a unit, and whether they are fit for one."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from swarm_host.engines import placed, shared
from swarm_host.engines.shared import Probe
from swarm_host.errors import UsageError
from swarm_host.store import owners
from swarm_host.store.owners import Owner

from tests.host.engines.room import MAKER, Room, process_of
from tests.host.engines.test_away import running_on
from tests.host.fakes import LEAVES

# A process that claims the unit, starts its agent and dies by kill -9 in the next moment.
_DIES = """
import os, signal, sys, threading
from pathlib import Path
from swarm_host.store.owners import Owner
from swarm_host.store.sqlite import SqliteStore
from tests.host.engines.room import make_world
store = SqliteStore(Path(sys.argv[1]))
owner = Owner(store.state)
world = make_world(store, os.environ, threading.Event())
row = store.claim(owner.name, 3600, "g1-u1")
store.move("g1-u1", owner.name, "starting")
handle = world.backends("fake").start(row.spec, 1)
store.move("g1-u1", owner.name, "running", handle=handle)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def probe(room: Room) -> Probe:
    return Probe(room.runs, MAKER, late_s=0.0)


def test_a_unit_is_led_to_its_end_and_is_not_led_again(room: Room, probe: Probe) -> None:
    room.add(1, LEAVES[2])
    assert placed.lead(probe.order, "g1-u1") == {}
    assert placed.lead(probe.order, "g1-u1") == {}
    assert (room.outcomes(), room.backend.starts()) == ({"ok": 1}, ["g1-u1-1"])


def test_a_unit_of_a_killed_worker_is_adopted_with_its_agent(room: Room, probe: Probe) -> None:
    room.add(1)
    paths = "; ".join(["import sys", f"sys.path += {list(shared.PATHS)!r}"])
    died = subprocess.run([sys.executable, "-c", f"{paths}\n{_DIES}", room.runs], timeout=60)
    assert died.returncode == -9
    room.let_go()
    # Its lease lasts for another hour: that the kernel gave its lock back is what counts.
    assert placed.lead(probe.order, "g1-u1") == {}
    assert (room.outcomes(), room.backend.starts()) == ({"ok": 1}, ["g1-u1-1"])


def test_a_unit_of_a_living_owner_is_left_to_it(room: Room, probe: Probe) -> None:
    room.add(1)
    other = Owner(room.store.state)
    room.store.claim(other.name, 3600, "g1-u1")
    assert placed.lead(probe.order, "g1-u1") == {}
    assert (room.store.unit("g1-u1").owner, room.backend.starts()) == (other.name, [])
    other.close()


def test_an_agent_of_another_machine_is_left_to_that_machine(room: Room, probe: Probe) -> None:
    room.add(1)
    running_on(room, "far")
    assert placed.lead(probe.order, "g1-u1") == {"home": "far"}
    assert room.store.unit("g1-u1").state == "running"
    room.let_go()
    assert placed.lead(probe.order, "g1-u1", anywhere=True) == {}
    assert room.outcomes() == {"ok": 1}


@pytest.mark.parametrize(("state", "home"), [("claimed", None), ("starting", "far")])
def test_a_unit_has_a_home_as_soon_as_an_agent_may_be_there(
    room: Room, state: str, home: str | None
) -> None:
    room.add(1)
    room.store.claim("far-7-abc", 3600, "g1-u1")
    if state == "starting":
        room.store.move("g1-u1", "far-7-abc", "starting")
    row, events = room.store.unit("g1-u1"), room.store.events(unit="g1-u1")
    assert placed.machine_that_leads(row, events) == home


def test_owners_of_other_machines_are_dead_only_by_their_lease(room: Room) -> None:
    owner = Owner(room.store.state)
    far = owner.name.replace(owners.machine_of(owner.name), "far-away-host")
    (room.store.state / "owners" / far).touch()
    assert owners.machine_of(far) == "far-away-host"
    assert not owners.is_dead(room.store.state, far)
    assert process_of(far) == process_of(owner.name)
    owner.close()


def test_errors_come_back_as_words(room: Room, probe: Probe) -> None:
    answer = placed.lead(probe.order, "g1-u9")
    assert (answer["kind"], "g1-u9" in answer["message"]) == ("UnknownName", True)
    answer = placed.lead({**probe.order, "maker": "tests.host.made:nothing"}, "g1-u9")
    assert answer["kind"] == "AttributeError"
    assert "Traceback" in answer["trace"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"runs": "/nowhere"}, "does not see the folder of runs, /nowhere"),
        ({"token": "probe-of-another-folder"}, "does not see the folder of runs"),
        ({"code": "0" * 64}, "another version of this project"),
        ({"journal": "other"}, "another kind of file system"),
        ({"boot": "another-machine"}, "not known to be one of networks"),
    ],
)
def test_a_worker_that_is_not_fit_gets_no_unit(
    room: Room, probe: Probe, change: dict[str, Any], says: str
) -> None:
    room.add(1, LEAVES[2])
    wanted = {**probe.order, **change}
    assert says in shared.unfit(wanted)
    assert placed.lead(wanted, "g1-u1")["kind"] == "Unhealthy"
    with pytest.raises(UsageError, match=says):
        probe.check({"tcp://w": shared.look(wanted)})
    assert room.backend.starts() == []


def test_a_fit_worker_leaves_a_file_that_is_seen_here_and_removed(room: Room, probe: Probe) -> None:
    probe.check({"tcp://w": shared.look(probe.order)})
    names = [path.name for path in room.store.state.glob("probe-*")]
    assert len(names) == 2
    probe.close()
    assert list(room.store.state.glob("probe-*")) == []


def test_a_folder_that_only_looks_the_same_is_told(room: Room, probe: Probe) -> None:
    answer = {"machine": "far", "wrote": "probe-not-here", "unfit": ""}
    with pytest.raises(UsageError, match="tcp://w on far has a folder .* of its own"):
        probe.check({"tcp://w": answer})


def test_a_worker_that_cannot_write_is_told(room: Room) -> None:
    # With the name of the worker behind it, longer than names of files may be.
    probe = Probe(room.runs, token="t" * 250)
    assert "cannot write to" in shared.look(probe.order)["unfit"]


def test_what_is_sent_needs_nothing_of_ours_where_it_arrives(tmp_path: Path) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    sent = tmp_path / "sent"
    sent.write_bytes(cloudpickle.dumps(shared.carried()))
    program = f"import pickle; print(pickle.load(open({str(sent)!r}, 'rb'))('{shared.MACHINE}'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd="/")
    assert (done.stdout.strip(), done.stderr) == (shared.machine(), "")
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(shared.carried())
