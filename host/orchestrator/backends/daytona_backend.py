"""Runs an agent in a sandbox of Daytona (DAYTONA_API_KEY, and DAYTONA_API_URL where it is not the public one)."""

import logging

from swarm_host.records import RunConfig

from orchestrator.backends._core import run_on


def run(config: RunConfig, logger: logging.Logger) -> int:
    """See _core.run_on."""
    return run_on("daytona", config, logger)
