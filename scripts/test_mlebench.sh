#!/usr/bin/env bash
# Run groups of ours, read and graded by the unmodified programs of a genuine mle-bench, on data and leaderboards that the
# tests make up. Exit status 3 without a checkout; where no docker daemon can be had, the part in containers says NOT RUN.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

USAGE="usage: scripts/test_mlebench.sh [CHECKOUT]    against a checkout of mle-bench (default: SWARM_HOST_MLE_BENCH)"
case "${1:-}" in -h | --help)
    echo "$USAGE"
    exit 0 ;;
esac

. scripts/venv.sh
[ $# -le 1 ] || swarm_fail "at most one argument; $USAGE"
checkout=${1:-${SWARM_HOST_MLE_BENCH:-}}
[ -n "$checkout" ] ||
    not_run "no checkout of mle-bench: git clone https://github.com/openai/mle-bench, then scripts/test_mlebench.sh mle-bench"
[ -f "$checkout/mlebench/grade.py" ] && [ -f "$checkout/experiments/make_submission.py" ] ||
    swarm_fail "$checkout is no checkout of mle-bench: it has no mlebench/grade.py and experiments/make_submission.py"
SWARM_HOST_MLE_BENCH=$(cd "$checkout" && pwd)
export SWARM_HOST_MLE_BENCH
(swarm_venv host-mlebench host/requirements_mlebench.txt) || not_run "host/requirements_mlebench.txt cannot be installed"
swarm_venv host-mlebench host/requirements_mlebench.txt

# A test that was skipped has not run.
tests() {
    local status=0 log
    log=$(mktemp "${TMPDIR:-/tmp}/swarm-evo-tests.XXXXXX")
    "$PYTHON" -m pytest -o addopts="-q --strict-markers --import-mode=importlib" -rs -m "$1" tests/host/mle_bench 2>&1 |
        tee "$log" || status=$?
    if [ "$status" -eq 0 ] && tail -n 1 "$log" | grep -q skipped; then
        status=3
    fi
    rm -f "$log"
    return "$status"
}

printf '== 1 of 2: processes of this machine\n'
tests "not docker"

printf '== 2 of 2: a container\n'
# A daemon that was there before is somebody else's.
if ! docker version >/dev/null 2>&1; then
    trap 'bash scripts/dockerd.sh stop' EXIT
fi
status=0
{ bash scripts/dockerd.sh start && bash scripts/base_image.sh; } || status=$?
[ "$status" -ne 0 ] || tests docker || status=$?
[ "$status" -ne 3 ] || echo "NOT RUN: the part in containers" >&2
[ "$status" -eq 3 ] || exit "$status"
