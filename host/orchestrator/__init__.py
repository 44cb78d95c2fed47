"""The orchestrator of specification 000: thin faces of swarm_host, under the document's own names."""

import sys
from pathlib import Path

HOST = Path(__file__).resolve().parents[1]
# swarm_host lies in host/, and finds the rest of the checkout by itself.
if str(HOST) not in sys.path:
    sys.path.append(str(HOST))
