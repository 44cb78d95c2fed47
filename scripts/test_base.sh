#!/usr/bin/env bash
# What touches tables and programs, once more at the versions of mle-bench's base image (constraints_agent.txt).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in -h | --help)
    echo "usage: scripts/test_base.sh [pytest arguments]    tests of tables, judging, recipes and shapes at the base's versions"
    exit 0 ;;
esac

. scripts/venv.sh
swarm_venv base requirements/base.txt

"$PYTHON" -m pytest -m "not long" tests/task tests/judging tests/shapes tests/agents/test_recipe_programs.py "$@"
