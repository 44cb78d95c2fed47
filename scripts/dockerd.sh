#!/usr/bin/env bash
# A docker daemon for the container tests. `start` does nothing where one answers. Elsewhere it installs Debian's docker.io
# and starts a daemon without iptables and without a bridge, which works in a sandbox too: containers then have the
# network host or none. `stop` ends the daemon that `start` started, and no other.
set -euo pipefail

USAGE="usage: scripts/dockerd.sh start|stop    a docker daemon where none answers (SWARM_DOCKERD: its folder)"
FOLDER=${SWARM_DOCKERD:-/var/tmp/swarm-evo-dockerd}
PIDFILE=$FOLDER/dockerd.pid
LOG=$FOLDER/dockerd.log

not_run() {
    printf 'NOT RUN: %s\n' "$1" >&2
    exit 3
}

answers() { docker version >/dev/null 2>&1; }

# True while the daemon of an earlier `start` runs; a pid may have gone to another program since.
ours() { [ -s "$PIDFILE" ] && [ "$(cat "/proc/$(cat "$PIDFILE")/comm" 2>/dev/null)" = dockerd ]; }

install_engine() {
    command -v dockerd >/dev/null && command -v docker >/dev/null && return
    command -v apt-get >/dev/null || not_run "no docker daemon answers, and docker.io can only be installed with apt-get"
    # Runlevel 1: the package's own service stays off.
    { apt-get update -q && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends docker.io; } \
        >"$FOLDER/install.log" 2>&1 || not_run "docker.io cannot be installed: $(tail -n 1 "$FOLDER/install.log")"
}

start() {
    ! answers || return 0
    [ "$(id -u)" -eq 0 ] || not_run "no docker daemon answers, and only root can start one"
    mkdir -p "$FOLDER"
    install_engine
    ! answers || return 0
    nohup dockerd --iptables=false --ip6tables=false --bridge=none --data-root "$FOLDER/data" \
        --exec-root "$FOLDER/exec" --pidfile "$PIDFILE" ${DOCKER_HOST:+-H "$DOCKER_HOST"} \
        >"$LOG" 2>&1 </dev/null &
    for _ in $(seq 120); do
        ! answers || return 0
        sleep 0.5
    done
    not_run "the docker daemon does not start: $(tail -n 1 "$LOG") (all of it: $LOG)"
}

stop() {
    ours || return 0
    local pid
    pid=$(cat "$PIDFILE")
    kill "$pid"
    for _ in $(seq 60); do
        [ -e "/proc/$pid" ] || return 0
        sleep 0.5
    done
    printf 'error: the docker daemon %s does not end\n' "$pid" >&2
    exit 1
}

case "${1:-}" in
start) start ;;
stop) stop ;;
-h | --help) echo "$USAGE" ;;
*)
    echo "error: $USAGE" >&2
    exit 2 ;;
esac
