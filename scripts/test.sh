#!/usr/bin/env bash
# Lint, types and the quick tests, on a fresh machine too: makes a virtual environment outside of the checkout first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in -h | --help)
    echo "usage: scripts/test.sh [pytest arguments]    lint, format, types, quick tests (scripts/test_whole.sh: whole runs)"
    exit 0 ;;
esac

. scripts/venv.sh
swarm_venv test requirements/dev.txt

"$PYTHON" -m ruff check .
"$PYTHON" -m ruff format --check .
"$PYTHON" -m mypy
# Without bytecode each worker rewrites each test file, and each program that a test starts compiles the product.
unset PYTHONDONTWRITEBYTECODE
"$PYTHON" -m pytest "$@"
