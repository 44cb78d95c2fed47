"""An owner that died is known at once; one that nothing is known of is waited for."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from swarm_host.store.owners import Owner, dead, forget, is_dead

PROGRAM = """
import sys
from pathlib import Path
from swarm_host.store.owners import Owner
print(Owner(Path(sys.argv[1])).name, flush=True)
sys.stdin.read()
"""


def test_a_killed_process_is_known_to_be_dead(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert not is_dead(tmp_path, name)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert is_dead(tmp_path, name)
    forget(tmp_path, name)
    assert not is_dead(tmp_path, name)


def test_files_of_the_dead_are_found_and_those_of_the_living_are_not(tmp_path: Path) -> None:
    living, owners = Owner(tmp_path), tmp_path / "owners"
    gone = f"{socket.gethostname()}-1-abc"
    (owners / gone).touch()
    (owners / ".about-to-live").touch()
    assert dead(tmp_path) == [gone]
    living.close()
    assert dead(tmp_path) == [gone]


def test_names_are_unique_and_let_go(tmp_path: Path) -> None:
    one, two = Owner(tmp_path), Owner(tmp_path)
    assert one.name != two.name
    assert not is_dead(tmp_path, one.name)
    one.close()
    two.close()
    assert list((tmp_path / "owners").iterdir()) == []


def test_of_another_machine_nothing_is_known(tmp_path: Path) -> None:
    assert not is_dead(tmp_path, "elsewhere-1-abc")
