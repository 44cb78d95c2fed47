"""The environment of a candidate: an allow-list of the agent's own, and what the contract promises.
No keys.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.execution.leases import Lease, thread_variables
from core.execution.weights_scan import offline_environment
from core.records import Job, View

_ALLOWED = frozenset({"PATH", "LANG", "TZ", "LD_LIBRARY_PATH"})
_ALLOWED_PREFIXES = ("LC_", "CUDA_", "NVIDIA_")
_WEIGHT_VARIABLES = (
    "SWARM_WEIGHTS", "HF_HOME", "HF_HUB_CACHE", "TORCH_HOME", "SENTENCE_TRANSFORMERS_HOME", "XDG_CACHE_HOME",
)  # fmt: skip
_HOMES = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR")
_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD")


def allowed(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of `environ` that a candidate may see."""
    return {name: value for name, value in environ.items() if _is_allowed(name)}


def _is_allowed(name: str) -> bool:
    if any(word in name for word in _SECRET):
        return False
    return name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES)


def inherited() -> dict[str, str]:
    """The part of the agent's own environment that a candidate may see."""
    return allowed(os.environ)


def weight_variables() -> dict[str, str]:
    """Where the user's libraries keep pretrained weights."""
    return {name: os.environ[name] for name in _WEIGHT_VARIABLES if os.environ.get(name)}


def box_environment(
    environ: Mapping[str, str], home: Path, cpus: int, gpus: Sequence[int] = ()
) -> dict[str, str]:
    """What every program in the box gets. home: where it may write. gpus: ids of its devices."""
    return {
        **allowed(environ),
        **thread_variables(cpus),
        **dict.fromkeys(_HOMES, str(home)),
        "USER": "candidate",
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, gpus)),
    }


def candidate_environment(
    environ: Mapping[str, str],
    job: Job,
    lease: Lease,
    folder: Path,
    weights: Path | None,
    deadline: float,
) -> dict[str, str]:
    """All variables of one candidate. folder: its directory. deadline: epoch seconds."""
    working = folder / "working"
    return {
        **box_environment(environ, working, len(lease.cpus), lease.gpus),
        **offline_environment(weights),
        "JOBLIB_TEMP_FOLDER": str(working),
        "MPLBACKEND": "Agg",
        # A killed program cannot flush: without this its last words are lost.
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONHASHSEED": str(job.seed % 2**32),
        "SWARM_DEADLINE": f"{deadline:.3f}",
        "SWARM_CPUS": str(max(len(lease.cpus), 1)),
        "SWARM_SEED": str(job.seed),
        "SWARM_VIEW": _kind_told(job.view),
        "SWARM_FOLD": str(job.view.fold),
        "SWARM_WEIGHTS": str(weights or ""),
    }


def _kind_told(view: View) -> str:
    """To a program a final view is one more search view."""
    if view.kind == "final":
        return "search"
    return view.kind
