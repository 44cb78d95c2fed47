"""What one command works with."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from swarm_host.backends.table import Backends
from swarm_host.grading.workers import GradingWorkers
from swarm_host.groups.sweep import NewHex
from swarm_host.protocols import Clock
from swarm_host.sources.table import Sources
from swarm_host.words.places import STATE_FOLDER


@dataclass(frozen=True, slots=True)
class Bench:
    """What one command works with."""

    runs: Path
    environ: Mapping[str, str]
    backends: Backends
    sources: Sources
    new_hex: NewHex
    clock: Clock = time.time


@contextlib.contextmanager
def bench(
    runs: Path, environ: Mapping[str, str], new_hex: NewHex, clock: Clock = time.time
) -> Iterator[Bench]:
    """Backends, sources and graders of one command; graders end with the block. Makes no folder."""
    with GradingWorkers(runs / STATE_FOLDER / "grading", environ) as graders:
        yield Bench(
            runs=runs,
            environ=environ,
            backends=Backends(runs, environ, clock),
            sources=Sources(graders, environ),
            new_hex=new_hex,
            clock=clock,
        )
