#!/usr/bin/env bash
# The tests that take minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in -h | --help)
    echo "usage: scripts/test_long.sh [pytest arguments]    the tests marked long"
    exit 0 ;;
esac

. scripts/venv.sh
swarm_venv test requirements/dev.txt

"$PYTHON" -m pytest -m long "$@"
