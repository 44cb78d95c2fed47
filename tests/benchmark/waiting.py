"""A comparison whose workers never end by themselves, in a process of its own: FOLDER for their
ids.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import closing
from pathlib import Path

from benchmark.__main__ import interrupt
from benchmark.study.compare import results

TASKS = 5


def wait(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    threading.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    with closing(results([sys.argv[1]] * TASKS, 2, wait)) as found:
        next(found)
