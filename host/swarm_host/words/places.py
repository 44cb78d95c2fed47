"""Where runs and competitions lie on this machine."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Mapping
from pathlib import Path

# The folder host/, and the checkout around it.
HOST = Path(__file__).resolve().parents[2]
ROOT = HOST.parent
# What graders and the offline pack need.
DEMO = ROOT / "requirements" / "demo.txt"
# Variable that names the folder of the offline pack's competitions.
DATA = "SWARM_HOST_DATA"
# Variable that names the folder of mle-bench's prepared competitions.
MLE_BENCH_DATA = "MLEBENCH_DATA"
# Variable that names the folder of all runs.
RUNS = "SWARM_HOST_RUNS"
# In it: the store, and what belongs to no group. Nothing in it is a group of runs.
STATE_FOLDER = ".swarm"
# Their libraries do not go with those of swarm-evo.
_APART = frozenset({"requirements_cloud.txt", "requirements_ray.txt"})


def typed(path: Path) -> str:
    """A path of this checkout as a user types it: relative in the checkout, else absolute."""
    here = Path.cwd()
    return os.path.relpath(path, here) if here.is_relative_to(ROOT) else str(path)


def install(file: str | Path) -> str:
    """The command that installs a file of requirements, as a user types it here. file: its name in host/,
    or its whole path.
    """
    apart = ", in an environment of its own" if file in _APART else ""
    return f"pip install -r {typed(HOST / file)}{apart}"


def runs_folder(given: Path | None, environ: Mapping[str, str]) -> Path:
    """The folder of all runs: the one that a user names, else the variable's, else runs/ here."""
    return (given or Path(environ.get(RUNS) or "runs")).absolute()


def pack_data(environ: Mapping[str, str]) -> Path:
    """Competitions of the offline pack, prepared by the host side."""
    named = environ.get(DATA)
    return Path(named) if named else home(environ) / ".cache" / "swarm-evo" / "competitions"


def mle_bench_data(environ: Mapping[str, str]) -> Path:
    """mle-bench's data: where the variable says, else where mle-bench itself keeps them, which is the
    user's cache as the platform has it.
    """
    if named := environ.get(MLE_BENCH_DATA):
        return Path(named)
    cache = home(environ) / ".cache"
    if sys.platform == "darwin":
        cache = home(environ) / "Library" / "Caches"
    return cache / "mle-bench" / "data"


def home(environ: Mapping[str, str]) -> Path:
    """The user's folder, as a shell finds it; one that does not exist for a user without one."""
    if named := environ.get("HOME"):
        return Path(named)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path("/nonexistent")
