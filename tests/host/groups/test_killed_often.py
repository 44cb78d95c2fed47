"""Managers that are killed again and again, wherever they stand: no unit is lost, started twice or
told otherwise than it was.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from swarm_host.store.rebuild import reindex
from swarm_host.store.sqlite import SqliteStore

from tests.host.fakes import FakeBackend
from tests.host.made import a_group, a_run, a_unit

ROOT = Path(__file__).resolve().parents[3]
UNITS = 6
AGENT = (
    "for i in 1 2 3 4 5 6 7 8; do echo line $i of $PWD; sleep 0.02; done; mkdir -p submission; "
    "echo 0.5 > submission/submission.csv"
)


def manager(folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.host.groups.manager_process", str(folder), "run"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def wait_for_event(store: SqliteStore, seq: int, process: subprocess.Popen[bytes]) -> None:
    """Until so many things have happened, or the manager has ended."""
    end, pause = time.monotonic() + 60, threading.Event()
    while store.last_seq() < seq and process.poll() is None:
        assert time.monotonic() < end, "nothing happens any more"
        pause.wait(0.002)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_units_come_to_the_same_end(tmp_path: Path, seed: int) -> None:
    dice, store = random.Random(seed), SqliteStore(tmp_path / "runs")
    run = a_run(command=("sh", "-c", AGENT))
    units = [a_unit(store.runs, number, run=run) for number in range(UNITS)]
    store.add_group(a_group(store.runs), units)
    kills = 0
    for _ in range(60):
        with manager(tmp_path) as process:
            wait_for_event(store, store.last_seq() + dice.randint(1, 12), process)
            ended = process.poll()
            if ended is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
        if ended == 0:
            break
    rows = store.units()
    told = [row.result and (row.result.outcome, row.result.message) for row in rows]
    assert told == [("ok", "")] * UNITS
    assert ended == 0
    assert kills >= 3
    starts = Counter(FakeBackend(tmp_path / "fake").starts())
    assert starts == Counter({f"{unit.unit_id}-1": 1 for unit in units})
    for row in rows:
        lines = (Path(row.spec.folder) / "logs" / "stdout.log").read_text().splitlines()
        assert [line.split()[1] for line in lines] == list("12345678")
    before = store.units(), store.groups()
    store.close()
    rebuilt = reindex(tmp_path / "runs")
    assert (rebuilt.units(), rebuilt.groups()) == before
    rebuilt.close()
