#!/usr/bin/env bash
# The agent image in real containers, from nothing: a docker daemon where none answers, a stand-in for mle-bench's base image,
# the agent image on it, and runs as the benchmark makes them. Exit status 3 where no daemon can be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

USAGE="usage: scripts/test_container.sh [quick] [--keep] [pytest arguments]    builds and runs the agent image
  quick     the image and one run, without the faults
  --keep    write the figures to docs/results/container.json"

command="scripts/test_container.sh${*:+ $*}"
tests=tests/container
keep=
while [ $# -gt 0 ]; do
    case "$1" in
    -h | --help)
        echo "$USAGE"
        exit 0 ;;
    quick) tests="tests/container/test_image.py tests/container/test_run.py" ;;
    --keep) keep=yes ;;
    *) break ;;
    esac
    shift
done

. scripts/venv.sh
swarm_venv test requirements/dev.txt

SWARM_FIGURES=$(mktemp "${TMPDIR:-/tmp}/swarm-evo-figures.XXXXXX")
export SWARM_FIGURES
answered=yes
docker version >/dev/null 2>&1 || answered=

# Figures are shown after failed tests too, and kept after good ones only.
finish() {
    [ ! -s "$SWARM_FIGURES" ] || "$PYTHON" -m tests.container.figures "$SWARM_FIGURES"
    rm -f "$SWARM_FIGURES"
    # A daemon that was there before is somebody else's.
    [ -n "$answered" ] || bash scripts/dockerd.sh stop
}
trap finish EXIT

# Runs a command and notes its seconds as a figure.
timed() {
    local name=$1 begin=$SECONDS
    shift
    "$@"
    printf '{"%s": %d}\n' "$name" $((SECONDS - begin)) >>"$SWARM_FIGURES"
}

everything() {
    bash scripts/dockerd.sh start
    printf '== 1 of 3: the base image\n'
    timed base_build_s bash scripts/base_image.sh
    printf '== 2 of 3: the agent image\n'
    "$PYTHON" -m tests.container.engine
    printf '== 3 of 3: containers\n'
    # One after another: seconds are measured, and a run takes every core. $tests holds several words.
    # shellcheck disable=SC2086
    "$PYTHON" -m pytest -m container -n 0 $tests "$@"
}

timed total_s everything "$@"
[ -z "$keep" ] || "$PYTHON" -m tests.container.figures "$SWARM_FIGURES" --keep "$command" >/dev/null
