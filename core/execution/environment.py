"""The environment of a candidate: an allow-list of the agent's own, and what the contract promises.
No keys.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from core.execution.leases import Lease, thread_variables
from core.execution.weights_scan import offline_environment
from core.records import Job

_ALLOWED = frozenset({"PATH", "LANG", "TZ", "LD_LIBRARY_PATH"})
_ALLOWED_PREFIXES = ("LC_", "CUDA_", "NVIDIA_")
_WEIGHT_VARIABLES = (
    "SWARM_WEIGHTS", "HF_HOME", "HF_HUB_CACHE", "TORCH_HOME", "SENTENCE_TRANSFORMERS_HOME", "XDG_CACHE_HOME",
)  # fmt: skip
_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD")


def allowed(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of `environ` that a candidate may see."""
    return {
        name: value
        for name, value in environ.items()
        if (name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES))
        and not any(word in name for word in _SECRET)
    }


def inherited() -> dict[str, str]:
    """The part of the agent's own environment that a candidate may see."""
    return allowed(os.environ)


def weight_variables() -> dict[str, str]:
    """Where the user's libraries keep pretrained weights."""
    return {name: os.environ[name] for name in _WEIGHT_VARIABLES if os.environ.get(name)}


def candidate_environment(
    environ: Mapping[str, str],
    job: Job,
    lease: Lease,
    folder: Path,
    weights: Path | None,
    deadline: float,
) -> dict[str, str]:
    """All variables of one candidate. folder: its directory. deadline: epoch seconds."""
    working = str(folder / "working")
    return {
        **allowed(environ),
        **thread_variables(len(lease.cpus)),
        **offline_environment(weights),
        **dict.fromkeys(
            ("HOME", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "JOBLIB_TEMP_FOLDER"), working
        ),
        "USER": "candidate",
        "MPLBACKEND": "Agg",
        # A killed program cannot flush: without this its last words are lost.
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONHASHSEED": str(job.seed % 2**32),
        "CUDA_VISIBLE_DEVICES": ",".join(str(device) for device in lease.gpus),
        "SWARM_DEADLINE": f"{deadline:.3f}",
        "SWARM_CPUS": str(max(len(lease.cpus), 1)),
        "SWARM_SEED": str(job.seed),
        # To a program a final view is one more search view.
        "SWARM_VIEW": "search" if job.view.kind == "final" else job.view.kind,
        "SWARM_FOLD": str(job.view.fold),
        "SWARM_WEIGHTS": "" if weights is None else str(weights),
    }
