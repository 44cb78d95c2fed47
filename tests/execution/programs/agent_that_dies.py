"""An agent that runs one program for a long time. Arguments: base folder, program file, marker."""

import os
import sys
import time
from pathlib import Path

from core.execution.box import Box, BoxLimits
from core.execution.leases import LeasePool
from core.execution.runner import BoxRunner
from core.execution.stop import StopSignal
from core.execution.weights import NOTHING
from core.records import BoxFacts, Job, TableFile, View

base, program, marker = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
view = View("search0", "search", 0, str(base / "view"), "", None, TableFile("sample.csv"), 1, 1, 1)
runner = BoxRunner(
    Box(
        base / "ws",
        (),
        {"PATH": os.environ["PATH"], "LC_MARK": marker},
        BoxFacts(False, False),
        StopSignal(),
    ),
    base / "logs",
    LeasePool(sorted(os.sched_getaffinity(0)), 1),
    BoxLimits(),
    lambda: NOTHING,
    time.time,
    lambda: time.time() + 100,
)
runner.run(Job("key", "p1", program.read_text(), view, 1, 100.0))
