"""Where competitions lie on this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

# Variable that names the folder of the offline pack's competitions.
DATA = "SWARM_HOST_DATA"


def pack_data(environ: Mapping[str, str]) -> Path:
    """Competitions of the offline pack, prepared by the host side."""
    named = environ.get(DATA)
    return Path(named) if named else home(environ) / ".cache" / "swarm-evo" / "competitions"


def mle_bench_data(environ: Mapping[str, str]) -> Path:
    """Where mle-bench itself keeps its data: the user's cache, as the platform has it."""
    cache = home(environ) / ".cache"
    if sys.platform == "darwin":
        cache = home(environ) / "Library" / "Caches"
    return cache / "mle-bench" / "data"


def home(environ: Mapping[str, str]) -> Path:
    """The user's folder; one that does not exist where HOME is empty or not set."""
    return Path(environ.get("HOME") or "/nonexistent")
