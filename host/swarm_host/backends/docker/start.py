"""The durable start of an agent in mle-bench's image, and what is put into a container for it.

mle-bench starts agents by `docker exec`, whose output and exit status die with the client. Here the
agent is the container's own main process: its output stays in the container's log, and its exit
status is the container's. The base's entrypoint runs beside it, as there.
"""

from __future__ import annotations

import io
import shlex
import tarfile
from collections.abc import Mapping

from swarm_host.disk.tar import Archive, Malformed, Readable, TooMuch

# Only root can look into it or write to it. Not below /home: the base opens everything there.
PLACE = "/.swarm-evo"
NOTES = f"{PLACE}/notes"
SECRETS = f"{PLACE}/secrets"
ENTRYPOINT_LOG = f"{PLACE}/entrypoint.log"
# Notes are files: the agent's start, a start that failed, and that we stopped it.
STARTED, FAILED, STOPPED = "agent-started", "start-failed", "stopped"
# As long as mle-bench waits itself.
HEALTH_S = 60
_MOST_OF_NOTES = 64 * 1024

# $1: how many words the image's own entrypoint has; these, and then the agent's command, follow.
# Not runuser: it stays as the agent's parent, and kills the agent two seconds after a TERM, whatever the grace.
# The entrypoint belongs to the first process of the container, not to the agent: an agent that waits for all of its
# children must not wait for a server. Secrets come last, so that nothing but the agent has them.
SCRIPT = f"""\
set -u
umask 022
mkdir -p -m 700 {PLACE} && mkdir -p {NOTES} || exit 125
fail() {{ printf '%s\\n' "$1" >{NOTES}/{FAILED}; printf 'swarm-start: %s\\n' "$1" >&2; exit 125; }}
count=$1; shift
entrypoint=("${{@:1:count}}"); shift "$count"
uid=$(id -u nonroot 2>/dev/null) && gid=$(id -g nonroot) && command -v setpriv >/dev/null ||
    fail 'the image has no user nonroot, so it is not made from mlebench-env; set mle_bench: false to start it as it is'
if [ "$count" -gt 0 ]; then
    ( "${{entrypoint[@]}}" >{ENTRYPOINT_LOG} 2>&1 </dev/null & echo $! >{PLACE}/entrypoint.pid )
    healthy() {{
        exec 3<>/dev/tcp/127.0.0.1/5000 || return
        printf 'GET /health HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r -t 5 _ status _ <&3
        local got=$?
        exec 3>&-
        [ "$got" -eq 0 ] && [ "$status" = 200 ]
    }} 2>/dev/null
    until healthy; do
        kill -0 "$(cat {PLACE}/entrypoint.pid)" 2>/dev/null ||
            fail "the image's entrypoint ended before its server answered: $(tail -n 1 {ENTRYPOINT_LOG} 2>/dev/null)"
        [ "$SECONDS" -lt {HEALTH_S} ] ||
            fail "the server of the image did not answer on port 5000 within {HEALTH_S} s"
        sleep 0.05
    done
fi
if [ -e {SECRETS} ]; then
    . {SECRETS} && rm -f {SECRETS} || fail 'the variables of the agent cannot be read'
fi
HOME=$(getent passwd nonroot | cut -d : -f 6)
export HOME
cd /home || fail 'the image has no folder /home'
date +%s.%N >{NOTES}/{STARTED}
exec setpriv --reuid "$uid" --regid "$gid" --init-groups -- "$@"
"""


def secrets_archive(values: Mapping[str, str]) -> bytes:
    """An archive for `docker cp - CONTAINER:/`: the agent's secrets as a shell reads them. This way
    they stay out of `docker inspect`, and out of the environment of everything but the agent.
    """
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
    return _archive(SECRETS, "".join(lines).encode("utf-8", "surrogateescape"))


def note_archive(name: str) -> bytes:
    """An archive for `docker cp - CONTAINER:/` that leaves a note in the container."""
    return _archive(f"{NOTES}/{name}", b"")


def _archive(path: str, content: bytes) -> bytes:
    out = io.BytesIO()
    parts = path.strip("/").split("/")
    with tarfile.open(fileobj=out, mode="w") as tar:
        for depth in range(1, len(parts)):
            folder = tarfile.TarInfo("/".join(parts[:depth]))
            folder.type = tarfile.DIRTYPE
            folder.mode = 0o700
            tar.addfile(folder)
        file = tarfile.TarInfo("/".join(parts))
        file.size = len(content)
        file.mode = 0o600
        tar.addfile(file, io.BytesIO(content))
    return out.getvalue()


def read_notes(stream: Readable) -> dict[str, bytes]:
    """Notes by name, of the archive that `docker cp` makes of their folder. In a container whose agent
    is root the agent may have written it: no more of it is read than notes are long.
    """
    found = {}
    archive = Archive(stream, _MOST_OF_NOTES)
    try:
        for member in archive.members():
            if member.kind == "file":
                name = member.name.decode("utf-8", "replace").rpartition("/")[2]
                found[name] = b"".join(archive.body())
    except (Malformed, TooMuch):
        pass
    return found
