#!/usr/bin/env bash
# From a fresh machine to a comparison of two agents: installs, prepares three competitions of the offline pack, runs both
# agents on each with three seeds, two at a time, grades, and compares. No key, no container, no account.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

USAGE="usage: scripts/run_host_demo.sh [seconds]    compare swarm-evo/recipes with dummy on three competitions (default 50 s a run)"
case "${1:-}" in -h | --help)
    echo "$USAGE"
    exit 0 ;;
esac

. scripts/venv.sh
[ $# -le 1 ] || swarm_fail "at most one argument; $USAGE"
seconds=${1:-50}
[[ $seconds =~ ^[1-9][0-9]{0,4}$ ]] || swarm_fail "seconds must be a whole number from 1 to 99999, got '$seconds'"
[ "$seconds" -ge 30 ] || printf 'warning: swarm-evo needs 30 seconds a run or more; with %s, its runs fail\n' "$seconds" >&2
swarm_venv demo requirements/demo.txt
SECONDS=0

place=$(mktemp -d "${TMPDIR:-/tmp}/swarm-evo-host-demo.XXXXXX") || swarm_fail "no temporary folder"
export SWARM_HOST_RUNS=$place/runs SWARM_HOST_DATA=$place/data
cd host

competitions="churn house-price diamond-price"

printf '== 1 of 3: preparing the competitions in %s\n' "$SWARM_HOST_DATA"
# $competitions holds several words.
# shellcheck disable=SC2086
"$PYTHON" -m swarm_host competitions prepare $competitions

printf '\n== 2 of 3: two agents, three competitions, three seeds, %s seconds a run, two at a time\n' "$seconds"
status=0
# shellcheck disable=SC2086
"$PYTHON" -m swarm_host sweep --agents swarm-evo/recipes dummy --competitions $competitions --seeds 3 \
    --backend local --timeout "${seconds}s" --width 2 || status=$?

printf '\n== 3 of 3: the comparison\n'
"$PYTHON" -m swarm_host compare

printf '\nruns: %s\n' "$SWARM_HOST_RUNS"
# For people, and for `python -m swarm_host.measure demo`.
printf 'seconds after installation: %s\n' "$SECONDS"
exit "$status"
