"""Runs what a specification file says: `python orchestrator/run.py --config FILE [key=value ...]`.

--help lists the options; docs/orchestrator_spec.md describes files and exit statuses.
"""

import sys
from pathlib import Path

# A script's own folder comes first; it holds a config.py that is not the checkout's config.
sys.path[0] = str(Path(__file__).resolve().parents[1])


def main() -> int:
    # After the line above: what is imported here lies in host/.
    from orchestrator.command import main as run_file

    return run_file(program="orchestrator/run.py")


if __name__ == "__main__":
    raise SystemExit(main())
