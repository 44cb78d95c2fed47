"""Leads the one unit of a runs folder as a process, and stands still at a word, so that it can be
killed there: `python -m tests.host.backends.local.manager RUNS OWNER`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from swarm_host.backends.local.backend import LocalBackend
from swarm_host.life.outcomes import Policy
from swarm_host.protocols import Source
from swarm_host.records import UnitSpec

from tests.host.standing_still import StandsStill, lead_with

POLICY = Policy(lease_s=1.0, renew_s=0.2, poll_s=0.1, look_s=0.02, grace_s=0.5, back_off_s=())


class Halting(StandsStill, LocalBackend):
    """Also between the making of a unit's folder and its start."""

    def _lay_out(self, unit: UnitSpec, attempt: int, folder: Path) -> None:
        super()._lay_out(unit, attempt, folder)
        self.reached("laid out")


def lead(runs: Path, owner: str, environ: Mapping[str, str], source: Source | None = None) -> bool:
    """Leads the unit to its end. False: another owner has it still."""
    return lead_with(Halting(runs, environ), runs, owner, environ, POLICY, source)


if __name__ == "__main__":
    lead(Path(sys.argv[1]), sys.argv[2], os.environ)
