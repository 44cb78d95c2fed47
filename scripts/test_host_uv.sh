#!/usr/bin/env bash
# The commands of specification 000 that use uv, word for word, in a copy of this checkout. Installs uv from the package
# registry; exit status 3 where that, or what uv itself fetches, is not to be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
-h | --help)
    echo "usage: scripts/test_host_uv.sh    uv run in host/, in a copy of the checkout"
    exit 0 ;;
esac

not_run() {
    printf 'NOT RUN: %s\n' "$1" >&2
    exit 3
}

. scripts/venv.sh
(swarm_venv host-uv host/requirements_uv.txt) || not_run "uv cannot be installed"
swarm_venv host-uv host/requirements_uv.txt
PATH=$(dirname "$PYTHON"):$PATH

place=$(mktemp -d "${TMPDIR:-/tmp}/swarm-evo-uv.XXXXXX")
trap 'rm -rf "$place"' EXIT
git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from=- --ignore-failed-read 2>/dev/null | tar -x -C "$place"
cd "$place/host"
# The interpreter that is here; a folder of the test for what a run writes.
export UV_PYTHON=$PYTHON UV_PYTHON_DOWNLOADS=never SWARM_HOST_RUNS=$place/runs
uv sync --quiet || not_run "uv cannot fetch the packages of host/pyproject.toml"

set -x
uv run python -c "import sys; print(sys.path)"
uv run pytest tests/test_docker_backend.py -q
.venv/bin/python -m pytest -q
uv run python orchestrator/run.py --config orchestrator/examples/aerial-cactus.yaml --dry-run
