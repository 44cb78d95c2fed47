"""Runs an agent in a container of docker, on this machine or where DOCKER_HOST says."""

import logging

from swarm_host.records import RunConfig

from orchestrator.backends._core import run_on


def run(config: RunConfig, logger: logging.Logger) -> int:
    """See _core.run_on."""
    return run_on("docker", config, logger)
