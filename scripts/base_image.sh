#!/usr/bin/env bash
# The stand-in for mle-bench's base image, without an image registry: debootstrap makes Debian bookworm, and
# tests/container/base/Dockerfile makes mlebench-env of it. How this machine reaches its packages (apt sources, pip.conf,
# certificates) is copied into the local image, so that no committed file needs to know.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

USAGE="usage: scripts/base_image.sh [light|full]    build the stand-in mlebench-env (full: with torch, gigabytes)"
SUITE=bookworm
ROOTFS=swarm-evo/$SUITE
BASE=mlebench-env

not_run() {
    printf 'NOT RUN: %s\n' "$1" >&2
    exit 3
}

# The first mirror that this machine's apt uses.
mirror() {
    {
        awk '/^URIs:/ { print $2 }' /etc/apt/sources.list.d/*.sources
        awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; break } }' \
            /etc/apt/sources.list /etc/apt/sources.list.d/*.list
    } 2>/dev/null | head -n 1
}

copy_site() {
    local root=$1 file
    rm -f "$root/etc/apt/sources.list"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources /etc/apt/apt.conf.d/*; do
        [ ! -s "$file" ] || cp -n "$file" "$root$file"
    done
    for file in /usr/local/share/ca-certificates/*.crt; do
        [ ! -e "$file" ] || cp "$file" "$root$file"
    done
    chroot "$root" update-ca-certificates >/dev/null 2>&1
    # Without folders of this machine.
    [ ! -s /etc/pip.conf ] || sed '/file:\/\//d; /^ *find-links/d' /etc/pip.conf >"$root/etc/pip.conf"
}

make_rootfs() {
    [ "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" = "$SUITE" ] && [ "$(id -u)" -eq 0 ] ||
        not_run "$ROOTFS is made by root on Debian $SUITE; elsewhere: docker tag debian:$SUITE $ROOTFS"
    command -v debootstrap >/dev/null || apt-get install -q -y --no-install-recommends debootstrap >/dev/null 2>&1 ||
        { apt-get update -q && apt-get install -q -y --no-install-recommends debootstrap; } >/dev/null 2>&1 ||
        not_run "debootstrap cannot be installed"
    place=$(mktemp -d /var/tmp/swarm-evo-rootfs.XXXXXX)
    trap 'rm -rf "$place"' EXIT
    debootstrap --variant=minbase --include=ca-certificates "$SUITE" "$place/tree" "$(mirror)" >"$place/log" 2>&1 ||
        not_run "debootstrap failed: $(tail -n 1 "$place/log")"
    copy_site "$place/tree"
    rm -rf "$place"/tree/var/cache/apt/archives/*.deb "$place"/tree/var/lib/apt/lists/*
    tar -C "$place/tree" --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' --numeric-owner -c . |
        docker import --change 'ENV LANG=C.UTF-8' --change 'CMD ["bash"]' - "$ROOTFS" >/dev/null
}

# A real mlebench-env is somebody's work of an hour.
ours() { [ "$(docker image inspect --format '{{ index .Config.Labels "swarm-evo.stand-in" }}' "$BASE")" = yes ]; }

case "${1:-light}" in
light | full) libraries=${1:-light} ;;
-h | --help)
    echo "$USAGE"
    exit 0 ;;
*)
    echo "error: $USAGE" >&2
    exit 2 ;;
esac
if docker image inspect "$BASE" >/dev/null 2>&1 && ! ours; then
    not_run "an image $BASE that is not the stand-in is here; it is not replaced"
fi
docker image inspect "$ROOTFS" >/dev/null 2>&1 || make_rootfs
log=$(mktemp "${TMPDIR:-/tmp}/swarm-evo-base.XXXXXX")
DOCKER_BUILDKIT=0 docker build --quiet --network host --build-arg LIBRARIES="$libraries" -t "$BASE" tests/container/base \
    >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
}
rm -f "$log"
