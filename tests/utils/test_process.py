"""Workers that answer JSON lines: errors come through, deaths and hangs are told, a stop ends a
call.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from utils.errors import DataError, Interrupted, WorkerError
from utils.process import WorkerProcess, child_pids

WORKER = """
import os, sys, time
from utils.errors import DataError
from utils.process import serve

def refuse(text):
    raise DataError(text)

def chatter():
    print("this must not reach the answers", flush=True)
    return [1, 2]

serve({"add": lambda a, b: a + b, "refuse": refuse, "die": lambda: os._exit(3), "hang": lambda: time.sleep(600),
       "chatter": chatter, "pid": os.getpid})
"""


@pytest.fixture
def module(tmp_path: Path) -> tuple[str, dict[str, str]]:
    (tmp_path / "small_worker.py").write_text(WORKER)
    root = Path(__file__).resolve().parents[2]
    return "small_worker", dict(os.environ) | {"PYTHONPATH": f"{tmp_path}:{root}"}


@pytest.fixture
def worker(module: tuple[str, dict[str, str]], tmp_path: Path) -> Iterator[WorkerProcess]:
    made = WorkerProcess(module[0], log=tmp_path / "log", env=module[1])
    yield made
    made.close()


def test_answers_and_errors_come_through(worker: WorkerProcess) -> None:
    assert worker.call("add", a=1, b=2) == 3
    assert worker.call("chatter") == [1, 2]
    with pytest.raises(DataError, match="no such folder"):
        worker.call("refuse", text="no such folder")
    with pytest.raises(WorkerError, match="TypeError"):
        worker.call("add", a=1, b="x")
    assert worker.call("add", a=2, b=2) == 4


def test_a_dead_worker_is_told_and_started_again(worker: WorkerProcess) -> None:
    first = worker.call("pid")
    with pytest.raises(WorkerError, match="exit 3"):
        worker.call("die")
    assert worker.call("pid") != first


def test_a_hanging_worker_is_ended(worker: WorkerProcess) -> None:
    pid = worker.call("pid")
    with pytest.raises(WorkerError, match="no answer within"):
        worker.call("hang", timeout=0.2)
    assert pid not in child_pids(os.getpid())


def test_a_stop_ends_a_call_at_once(module: tuple[str, dict[str, str]]) -> None:
    read, write = os.pipe()
    worker = WorkerProcess(module[0], env=module[1], stop=read)
    assert worker.call("add", a=1, b=1) == 2
    os.write(write, b"!")
    begin = time.monotonic()
    with pytest.raises(Interrupted):
        worker.call("hang")
    assert time.monotonic() - begin < 60
    worker.close()
    os.close(read)
    os.close(write)


def test_a_worker_does_not_outlive_its_parent(module: tuple[str, dict[str, str]]) -> None:
    """The parent is killed in the middle of a call; the worker notices by itself."""
    code = (
        "import os, threading, time\nfrom utils.process import WorkerProcess\n"
        "worker = WorkerProcess('small_worker')\nprint(worker.call('pid'), flush=True)\n"
        "threading.Thread(target=lambda: worker.call('hang'), daemon=True).start()\ntime.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code.replace("\\\n", "\n")], env=module[1], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while (
        Path(f"/proc/{pid}").exists()
        and "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]
    ):
        assert time.monotonic() < deadline
