"""Where things are: the folder of runs, the user's folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path


def home_of(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or Path.home())


def how_to_go_on(runs: Path) -> str:
    """What a user types after a signal has left runs running."""
    return f"python -m swarm_host worker --runs {shlex.quote(str(runs))} goes on with them"


def runs_folder(given: Path | None, environ: Mapping[str, str]) -> Path:
    return (given or Path(environ.get("SWARM_HOST_RUNS") or "runs")).absolute()
