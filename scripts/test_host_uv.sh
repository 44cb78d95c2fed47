#!/usr/bin/env bash
# The commands of specification 000 that use uv, word for word, in a copy of this checkout; a competition of the offline pack
# by an example file; and the document's own run in a container where a docker daemon can be had. Installs uv from the
# package registry; exit status 3 where that, or what uv itself fetches, is not to be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# tests/host/commands/lines.py says what runs the others.
lines() { grep -E '^(uv|\.venv/bin/python) ' tests/host/commands/spec_000.txt | sort -u; }

case "${1:-}" in
-h | --help)
    echo "usage: scripts/test_host_uv.sh [--list]    uv run in host/, in a copy of the checkout (--list: the commands that it runs)"
    exit 0 ;;
--list)
    lines
    exit 0 ;;
esac

checkout=$PWD commands=$(lines)
. scripts/venv.sh
(swarm_venv host-uv host/requirements_uv.txt) || not_run "uv cannot be installed"
swarm_venv host-uv host/requirements_uv.txt
PATH=$(dirname "$PYTHON"):$PATH

place=$(mktemp -d "${TMPDIR:-/tmp}/swarm-evo-uv.XXXXXX")
trap 'rm -rf "$place"' EXIT
mkdir "$place/copy"
git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from=- --ignore-failed-read 2>/dev/null | tar -x -C "$place/copy"
cd "$place/copy/host"
# The interpreter that is here, and one cache whatever the home folder is; data in a folder of the test.
UV_CACHE_DIR=$(uv cache dir)
export UV_PYTHON=$PYTHON UV_PYTHON_DOWNLOADS=never UV_CACHE_DIR SWARM_HOST_DATA=$place/data
uv sync --quiet || not_run "uv cannot fetch the packages of host/pyproject.toml"

printf '== 1 of 3: commands of the document\n'
while IFS= read -r line; do
    # In a container, below.
    [[ $line != *" orchestrator/run.py "* ]] || continue
    printf '+ %s\n' "$line"
    bash -c "$line" </dev/null
done <<<"$commands"

printf '== 2 of 3: a competition of the offline pack, as a process of this machine\n'
uv pip install --quiet --python .venv -r ../requirements/demo.txt || not_run "uv cannot fetch the packages of requirements/demo.txt"
TIMEOUT=5m uv run python orchestrator/run.py --config orchestrator/examples/pack.yaml matrix.steps=1

printf '== 3 of 3: the run of the document, in a container\n'
cd "$checkout"
# A daemon that was there before is somebody else's.
if ! docker version >/dev/null 2>&1; then
    trap 'bash scripts/dockerd.sh stop; rm -rf "$place"' EXIT
fi
status=0
{ bash scripts/dockerd.sh start && bash scripts/base_image.sh; } || status=$?
if [ "$status" -eq 0 ]; then
    (swarm_venv host host/requirements_test.txt) || not_run "host/requirements_test.txt cannot be installed"
    swarm_venv host host/requirements_test.txt
    # What it needs is in the cache by now; a home folder of the test knows no proxy and no certificates.
    SWARM_HOST_TEST_UV=yes UV_OFFLINE=1 "$PYTHON" -m pytest -o addopts="-q --strict-markers --import-mode=importlib -p no:langsmith_plugin" \
        -rs -m docker tests/host/faces/test_spec_000.py
    exit 0
fi
[ "$status" -eq 3 ] || exit "$status"
echo "NOT RUN: the part in a container" >&2
