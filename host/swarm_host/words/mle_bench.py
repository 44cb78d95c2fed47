"""What is mle-bench's own: its base image, and the variables of this side that say where it is."""

from __future__ import annotations

# Made from its environment/Dockerfile. No registry has it.
BASE_IMAGE = "mlebench-env"
# Folder of a checkout.
CHECKOUT = "SWARM_HOST_MLE_BENCH"
# Interpreter that has its libraries.
PYTHON = "SWARM_HOST_MLE_BENCH_PYTHON"
