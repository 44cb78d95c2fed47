"""`python -m swarm_host`, from the folder host/ or with it in PYTHONPATH. --help lists the commands."""

from __future__ import annotations

import sys
from pathlib import Path

from swarm_host.cli.main import main

# The box and the names of metrics are the agent's, whose folders lie beside host/.
sys.path.append(str(Path(__file__).resolve().parents[2]))

if __name__ == "__main__":
    raise SystemExit(main())
