#!/usr/bin/env bash
# The tests of the host side: units, loopback servers, engines, then whole lives in containers where a docker daemon can be
# had. What cannot run here says NOT RUN with the reason, and the rest decides.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

USAGE="usage: scripts/test_host.sh [quick] [pytest arguments]    the tests of host/
  quick    without containers
  SWARM_TEST_LIMIT_S    seconds after which a test that hangs is ended and named (600)"
case "${1:-}" in -h | --help)
    echo "$USAGE"
    exit 0 ;;
esac
quick=
if [ "${1:-}" = quick ]; then
    quick=yes
    shift
fi

. scripts/venv.sh
. scripts/test_limit.sh
swarm_venv host host/requirements_test.txt

# tests/host is left out of the quick suite; no plugin of langsmith, which looks for the network.
options="-q --strict-markers --import-mode=importlib -p no:langsmith_plugin"

# With arguments of the user, one of the parts may have none of the tests.
tests() {
    local status=0
    # shellcheck disable=SC2086
    "$PYTHON" -m pytest $SWARM_LIMIT -o addopts="$options $1" -m "$2" tests/host "${@:3}" || status=$?
    [ "$status" -ne 5 ] || [ $# -eq 2 ] || return 0
    return "$status"
}

printf '== 1 of 2: units, loopback servers and engines\n'
tests "-n 2 --dist loadfile" "not docker" "$@"
# shellcheck disable=SC2086
(cd host && "$PYTHON" -m pytest $SWARM_LIMIT -q)

[ -z "$quick" ] || exit 0
printf '== 2 of 2: containers\n'
# A daemon that was there before is somebody else's.
if ! docker version >/dev/null 2>&1; then
    trap 'bash scripts/dockerd.sh stop' EXIT
fi
status=0
bash scripts/dockerd.sh start || status=$?
[ "$status" -ne 3 ] || exit 0
[ "$status" -eq 0 ] || exit "$status"
bash scripts/base_image.sh
# One after another: they share a daemon, and some stop it. In a worker, which is replaced when a test hangs.
tests "-n 1" docker "$@"
