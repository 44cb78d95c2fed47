"""`python -m swarm_host`, from the folder host/ or with it in PYTHONPATH. --help lists the commands."""

from __future__ import annotations

from swarm_host.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
