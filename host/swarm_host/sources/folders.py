"""Names and files of competition folders. Names come from users; a path never does."""

from __future__ import annotations

import re
from pathlib import Path

from swarm_host.errors import UsageError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def sample_of(public: Path) -> Path:
    """The sample submission. Raises UsageError when there is none, or it is ambiguous."""
    exact = public / "sample_submission.csv"
    if exact.is_file():
        return exact
    found = [path for path in public.glob("*.csv") if _is_sample(path.stem)]
    if len(found) != 1:
        raise UsageError(f"{public} needs one sample submission, sample_submission.csv")
    return found[0]


def _is_sample(stem: str) -> bool:
    return "samplesubmission" in re.sub(r"[^a-z]", "", stem.lower())
