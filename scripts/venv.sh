#!/usr/bin/env bash
# Sourced by the other scripts. `swarm_venv NAME FILE` sets PYTHON to a virtual environment that holds the packages
# of the requirements file. It lies outside of the checkout (packages ship files named config.yaml, and mle-bench loads
# each one below its agents folder) and is made anew when the files or Python change.

swarm_fail() {
    printf 'error: %s\n' "$1" >&2
    exit 2
}

# A part that cannot run here never passes.
not_run() {
    printf 'NOT RUN: %s\n' "$1" >&2
    exit 3
}

# Where everything is kept that is installed once.
swarm_cache() {
    [ -n "${XDG_CACHE_HOME:-}${HOME:-}" ] || swarm_fail "no place for packages: set HOME or XDG_CACHE_HOME"
    printf '%s\n' "${XDG_CACHE_HOME:-${HOME:-}/.cache}/swarm-evo"
}

# The first Python that is new enough and really starts.
swarm_python() {
    local name
    for name in python3.11 python3.12 python3.13 python3 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

swarm_venv() {
    local name=$1 requirements=$2 base cache beside key folder log
    base=$(swarm_python) || swarm_fail "Python 3.11 or newer is needed, and none was found"
    "$base" -c 'import venv, ensurepip' 2>/dev/null || swarm_fail "$base lacks venv (on Debian: apt install python3-venv)"
    cache=$(swarm_cache) || exit
    mkdir -p "$cache" 2>/dev/null || swarm_fail "cannot write to $cache (set XDG_CACHE_HOME to another folder)"
    # With what lies beside the file: those of host/ include each other.
    beside=$(dirname "$requirements")/requirements
    key=$({ cat requirements/*.txt; cat requirements_agent.txt constraints_agent.txt "$beside"*.txt 2>/dev/null || true; } | "$base" -c '
import hashlib, sys
print(hashlib.sha256(sys.version.encode() + sys.stdin.buffer.read()).hexdigest()[:12])')
    folder=$cache/$name-$key
    log=$cache/$name-$key.log
    PYTHON=$folder/bin/python
    # One installation at a time; the second finds the stamp of the first.
    if command -v flock >/dev/null; then
        exec 9>"$folder.lock"
        flock 9
    fi
    if [ ! -e "$folder/complete" ]; then
        printf 'installing %s into %s (once)\n' "$requirements" "$folder"
        rm -rf "$folder"
        { "$base" -m venv "$folder" && "$PYTHON" -m pip install --disable-pip-version-check -r "$requirements"; } \
            >"$log" 2>&1 || swarm_fail "installation failed: $(grep -i error "$log" | tail -n 1) (all of it: $log)"
        touch "$folder/complete"
    fi
    exec 9>&-
}
