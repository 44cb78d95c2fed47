"""The orchestrator of specification 000: thin faces of swarm_host, under the document's own names."""

import sys
from pathlib import Path

HOST = Path(__file__).resolve().parents[1]
# swarm_host lies in host/, the agent and the offline competitions in the checkout's root.
sys.path += [str(place) for place in (HOST, HOST.parent) if str(place) not in sys.path]
