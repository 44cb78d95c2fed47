"""A client in a process of its own, that a test kills: starts a unit, says so, and follows its output.

Arguments: modal or daytona, a folder, the agent's script.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from swarm_host.backends.cloud.backend import CloudBackend
from swarm_host.disk.sink import FileSink

from tests.host.backends.cloud.units import a_unit


def backend_of(service: str, folder: Path) -> CloudBackend:
    """With the variables of this process."""
    place = str(folder / "place")
    if service == "modal":
        from swarm_host.backends.modal.backend import ModalBackend

        return ModalBackend(os.environ, time.time, "/runs", place)
    from swarm_host.backends.daytona.backend import DaytonaBackend

    return DaytonaBackend(os.environ, time.time, "/runs", place)


if __name__ == "__main__":
    service, folder, script = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    backend = backend_of(service, folder)
    handle = backend.start(a_unit(folder, script), 1)
    print("started", flush=True)
    backend.follow(handle, FileSink(folder / "logs"), threading.Event())
