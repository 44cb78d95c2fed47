"""The host side: runs agents on competitions, anywhere, and tells what came of it."""

import sys
from pathlib import Path

# The box and the names of metrics are the agent's, whose folders lie beside host/. Here, so that every
# command finds them, whichever module it names. Last, so that it hides nothing.
_CHECKOUT = str(Path(__file__).resolve().parents[2])
if _CHECKOUT not in sys.path:
    sys.path.append(_CHECKOUT)
