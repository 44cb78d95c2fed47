"""The command, importable once the package orchestrator has made swarm_host so."""

from swarm_host.cli.run_file import main

__all__ = ["main"]
