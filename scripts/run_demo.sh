#!/usr/bin/env bash
# From a fresh machine to a graded submission: installs, prepares one competition of the offline pack, solves it without
# any key, and grades the result against answers that the solver never saw.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

USAGE="usage: scripts/run_demo.sh [minutes]    evolve programs for the churn competition (default 3 minutes) and grade the best"
case "${1:-}" in -h | --help)
    echo "$USAGE"
    exit 0 ;;
esac

. scripts/venv.sh
[ $# -le 1 ] || swarm_fail "at most one argument; $USAGE"
minutes=${1:-3}
[[ $minutes =~ ^[1-9][0-9]{0,3}$ ]] || swarm_fail "minutes must be a whole number from 1 to 9999, got '$minutes'"
swarm_venv demo requirements/demo.txt

place=$(mktemp -d "${TMPDIR:-/tmp}/swarm-evo-demo.XXXXXX") || swarm_fail "no temporary folder"
submission=$place/out/submission/submission.csv

printf '\n== 1 of 3: preparing the competition in %s\n' "$place/data"
"$PYTHON" -m benchmark prepare churn --dest "$place/data"

printf '\n== 2 of 3: solving it for %s minutes\n' "$minutes"
status=0
"$PYTHON" main.py --data "$place/data/churn/prepared/public" --out "$place/out" --time "${minutes}m" || status=$?

printf '\n== 3 of 3: grading\n'
[ -f "$submission" ] || swarm_fail "no submission; the logs are in $place/out/logs"
"$PYTHON" -m benchmark grade churn "$submission" --dest "$place/data"

printf '\nsubmission: %s\ncode:       %s\nlogs:       %s\n' "$submission" "$place/out/code" "$place/out/logs"
exit "$status"
