#!/usr/bin/env bash
# Whole runs of the commands, and the programs that recipes and models write.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in -h | --help)
    echo "usage: scripts/test_whole.sh [pytest arguments]    the tests marked whole"
    exit 0 ;;
esac

. scripts/venv.sh
swarm_venv test requirements/dev.txt

"$PYTHON" -m pytest -m "whole and not long" "$@"
