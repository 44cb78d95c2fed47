"""Runs an agent in a sandbox of Modal (MODAL_TOKEN_ID and MODAL_TOKEN_SECRET)."""

import logging

from swarm_host.records import RunConfig

from orchestrator.backends._core import run_on


def run(config: RunConfig, logger: logging.Logger) -> int:
    """See _core.run_on."""
    return run_on("modal", config, logger)
