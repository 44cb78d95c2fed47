"""Where a run keeps its things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a run keeps its things. submission and code are for the user, logs for both, workspace
    for the run.
    """

    workspace: Path
    logs: Path
    submission: Path
    code: Path

    @property
    def journal(self) -> Path:
        return self.logs / "journal.jsonl"

    @property
    def run_json(self) -> Path:
        return self.logs / "run.json"

    @property
    def team_json(self) -> Path:
        return self.logs / "team.json"

    @property
    def submission_csv(self) -> Path:
        return self.submission / "submission.csv"

    @property
    def submission_copy(self) -> Path:
        """Out of reach of whoever tidies up the output folder."""
        return self.workspace / "submission" / "submission.csv"

    @property
    def predictions(self) -> Path:
        return self.logs / "predictions"
