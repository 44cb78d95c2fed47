"""What holds of a service when its client dies, and when there are several: part of both suites."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from swarm_host.backends.cloud.backend import CloudBackend
from swarm_host.disk.sink import FileSink

from tests.host.backends.cloud.life import followed, wait_for
from tests.host.backends.cloud.units import LIMIT_S, a_unit

ROOT = Path(__file__).resolve().parents[3]


def a_killed_client_is_replaced(
    service: str, environ: Mapping[str, str], backend: CloudBackend, folder: Path
) -> None:
    """kill -9 in the middle of the output: another process goes on, and no byte is lost or twice."""
    gate = folder / "gate"
    script = (
        "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i + 1)); done; "
        f"until [ -e {gate} ]; do sleep 0.05; done; echo last"
    )
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "host")))
    command = [sys.executable, "-m", "tests.host.cloud.client", service, str(folder), script]
    client = subprocess.Popen(
        command,
        env={**os.environ, **environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert client.stdout is not None
    try:
        assert client.stdout.readline() == b"started\n"
        # Whether its marks are written, too, is as the moment has it.
        wait_for(folder / "logs" / "stdout.log")
    finally:
        client.kill()
        client.stdout.close()
        client.wait(LIMIT_S)
    gate.touch()
    # It is the same sandbox, also for who starts the same attempt again.
    handle = backend.start(a_unit(folder, script), 1)
    assert [one.id for one in backend.find("g1")] == [handle.id]
    sink = FileSink(folder / "logs")
    backend.follow(handle, sink, threading.Event())
    sink.end("stdout", "stderr")
    wanted = "".join(f"line {number}\n" for number in range(3000)) + "last\n"
    assert (folder / "logs" / "stdout.log").read_text() == wanted
    ending = backend.poll(handle)
    assert ending is not None
    assert ending.exit_code == 0
    backend.remove(handle)


def several_at_once_do_not_mix(backend: CloudBackend, folder: Path) -> None:
    def whole(number: int) -> str:
        unit = a_unit(folder, f"echo unit {number}", f"g1-u{number}")
        handle = backend.start(unit, 1)
        said = followed(backend, handle).data["stdout"].decode()
        backend.remove(handle)
        return said

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(whole, range(6)))
    assert found == [f"unit {number}\n" for number in range(6)]
    assert backend.find() == []
