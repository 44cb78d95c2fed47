"""Leads the one unit of a runs folder on docker, and stands still at a word, so that it can be killed
there: `python -m tests.host.backends.docker.manager RUNS OWNER`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from swarm_host.backends.docker.backend import DockerBackend
from swarm_host.life.outcomes import Policy
from swarm_host.records import Handle

from tests.host.standing_still import StandsStill, lead_with

POLICY = Policy(lease_s=2.0, renew_s=0.5, poll_s=0.5, look_s=0.1, grace_s=1.0, back_off_s=())


class Halting(StandsStill, DockerBackend):
    """Also between the making of a container and its start."""

    def _begin(self, handle: Handle, secrets: Mapping[str, str]) -> None:
        self.reached("created")
        super()._begin(handle, secrets)


def lead(runs: Path, owner: str, environ: Mapping[str, str]) -> bool:
    """Leads the unit to its end. False: another owner has it still."""
    return lead_with(Halting(environ, time.time, str(runs)), runs, owner, environ, POLICY)


if __name__ == "__main__":
    lead(Path(sys.argv[1]), sys.argv[2], os.environ)
