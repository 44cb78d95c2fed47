#!/usr/bin/env bash
# The tests of the host side that need environments of their own: cloud libraries on loopback servers, Ray on several nodes,
# Slurm, uv, a genuine mle-bench. Each part says NOT RUN by itself; exit status 3 when none of them could run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

USAGE="usage: scripts/test_host_long.sh [cloud|ray|slurm|uv|mlebench ...]    parts with environments of their own (default: all)"
PARTS="cloud ray slurm uv mlebench"
case "${1:-}" in -h | --help)
    echo "$USAGE"
    exit 0 ;;
esac

. scripts/venv.sh
. scripts/test_limit.sh
for part in "$@"; do
    case " $PARTS " in
    *" $part "*) ;;
    *) swarm_fail "no part '$part'; $USAGE" ;;
    esac
done

# An environment, or NOT RUN where the registry does not have its packages.
venv() {
    [ -f "$2" ] || not_run "$1: there is no $2"
    (swarm_venv "host-$1" "$2") || not_run "$1: $2 cannot be installed"
    swarm_venv "host-$1" "$2"
}

# Tests that were all skipped have not run. `beside`: words in front of the command.
tests() {
    local status=0 log
    log=$(mktemp "${TMPDIR:-/tmp}/swarm-evo-tests.XXXXXX")
    # shellcheck disable=SC2086
    ${beside:-} "$PYTHON" -m pytest $SWARM_LIMIT -o addopts="-q --strict-markers --import-mode=importlib" -rs "$@" 2>&1 | tee "$log" || status=$?
    if [ "$status" -eq 5 ] || ! tail -n 1 "$log" | grep -qE '[0-9]+ (passed|failed|error)'; then
        [ "$status" -ne 5 ] && [ "$status" -ne 0 ] || status=3
    fi
    rm -f "$log"
    return "$status"
}

cloud() {
    venv cloud host/requirements_cloud.txt
    tests tests/host/cloud
}

ray() {
    venv ray host/requirements_ray.txt
    tests tests/host/engines/test_ray.py
}

slurm() {
    venv slurm host/requirements_slurm.txt
    local status=0
    beside="bash scripts/with_slurm.sh" tests tests/host/engines/test_slurm.py || status=$?
    # Where no Slurm can be had, the tests with submitit's own processes remain.
    [ "$status" -eq 3 ] || return "$status"
    tests tests/host/engines/test_slurm.py
}

uv() {
    bash scripts/test_host_uv.sh
}

mlebench() {
    bash scripts/test_mlebench.sh
}

ran= failed=
for part in ${*:-$PARTS}; do
    printf '== %s\n' "$part"
    status=0
    # A process of its own: NOT RUN ends a part, and no more than that.
    ("$part") || status=$?
    case "$status" in
    0) ran=yes ;;
    3) printf 'NOT RUN: %s\n' "$part" >&2 ;;
    *)
        ran=yes
        failed="$failed $part" ;;
    esac
done
[ -n "$ran" ] || exit 3
[ -z "$failed" ] || swarm_fail "these parts failed:$failed"
