"""What runs inside a sandbox: one shell script, and the words that call it.

An agent must outlive every connection to its sandbox. So its parent is a shell of the sandbox, its
output goes to files there, and its end is written down there. Everybody who comes later finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from swarm_host.errors import Transfer, Unhealthy
from swarm_host.records import CollectLimits, Ending

PLACE = "/var/tmp/swarm-evo"
# Exit statuses of `pack`: there is nothing to pack; its output cannot be written, for want of room.
NOTHING, NO_ROOM = 44, 45
ENTRYPOINT = "/entrypoint.sh"
# A follower ends after so many seconds and is started again: one that nobody reads ends by itself.
FOLLOW_S = 600

# Plain sh, for images without bash. Only the start of mle-bench's server asks for bash.
TOOL = r"""
set -u
umask 022
here=$(cd "$(dirname "$0")" && pwd) || exit 125
act=$1
shift

now() { t=$(date +%s.%N); case $t in *N*) t=${t%%.*} ;; esac; echo "$t"; }
nap() { sleep 0.3 2>/dev/null || sleep 1; }
say() { printf '%s\n' "$1" >"$here/$2.new" && mv "$here/$2.new" "$here/$2"; }
oom_kills() { sed -n 's/^oom_kill //p' /sys/fs/cgroup/memory.events 2>/dev/null || true; }
command -v setsid >/dev/null || setsid() { "$@"; }

# Signal, group. A process that is no group leader gets it by itself.
send() { kill -s "$1" -- "-$2" 2>/dev/null || kill -s "$1" "$2" 2>/dev/null; }

end_of_user() {
    for entry in /proc/[0-9]*; do
        [ "$(stat -c %u "$entry" 2>/dev/null)" = "$1" ] && kill -s KILL "${entry#/proc/}" 2>/dev/null
    done
    return 0
}

case $act in
unpack)
    # Target, mark: an archive comes by stdin.
    [ ! -e "$here/$2" ] || { cat >/dev/null; exit 0; }
    mkdir -p "$1" && tar -C "$1" -xf -
    ;;
mark)
    # Name: the archive came whole, which only its sender knows.
    : >"$here/$1"
    ;;
pack)
    # Bytes at most, path.
    most=$1 path=$2
    # An agent may put a link to /proc in the place of its folder.
    [ ! -L "$path" ] || { echo "$path is a link, and is not followed" >>"$here/pack.log"; exit 44; }
    # Whole: not every tar can leave names out, and a command can be given only so many of them.
    if [ -d "$path" ]; then
        from=$path name=.
    elif [ -e "$path" ]; then
        from=$(dirname "$path") name=$(basename "$path")
    else
        exit 44
    fi
    # Who reads it stops before it is cut here; this is for archives that lie on a disk first.
    { tar -C "$from" -cf - "$name" 2>"$here/pack.new"; echo $? >"$here/pack.code"; } |
        head -c "$most" || exit 45
    # 1: a file changed while it was read, or was a socket. 141: cut.
    case $(cat "$here/pack.code" 2>/dev/null) in
    0 | 1 | 141) ;;
    *) cat "$here/pack.new" >>"$here/pack.log" ;;
    esac
    exit 0
    ;;
launch)
    # Limit, mle-bench's way (its entrypoint) or "-", program and arguments.
    [ ! -e "$here/started" ] || exit 0
    setsid sh "$0" watch "$@" </dev/null >"$here/watch.log" 2>&1 &
    tries=0
    until [ -e "$here/runner" ] || [ "$tries" -ge 60 ]; do nap; tries=$((tries + 1)); done
    [ -e "$here/runner" ]
    ;;
watch)
    mkdir "$here/started" 2>/dev/null || exit 0
    limit=$1 entrypoint=$2
    shift 2
    say $$ runner
    : >"$here/stdout"
    : >"$here/stderr"
    before=$(oom_kills)
    user=
    if [ "$entrypoint" != - ]; then
        user=$(id -u nonroot 2>/dev/null) && group=$(id -g nonroot) && command -v setpriv bash >/dev/null || {
            say 'the image has no user nonroot, so it is not made from mlebench-env; set mle_bench: false' failed
            exit 1
        }
        [ ! -x "$entrypoint" ] || bash "$0" serve "$entrypoint" || exit 1
        HOME=$(getent passwd nonroot | cut -d : -f 6)
        export HOME
        set -- setpriv --reuid "$user" --regid "$group" --init-groups -- "$@"
        cd /home || { say 'the image has no folder /home' failed; exit 1; }
    fi
    begun=$(now)
    say "$begun" begun
    setsid "$@" </dev/null >"$here/stdout" 2>"$here/stderr" &
    agent=$!
    say "$agent" agent
    setsid sh "$0" alarm "$limit" "$agent" </dev/null >/dev/null 2>&1 &
    alarm=$!
    wait "$agent"
    code=$?
    finished=$(now)
    kill -s KILL -- "-$alarm" "-$agent" 2>/dev/null
    [ -z "$user" ] || end_of_user "$user"
    cause=exit
    case $code in 137 | 143) cause=killed ;; esac
    [ ! -e "$here/stopped" ] || cause=stopped
    [ "$code" != 137 ] || [ "$(oom_kills)" = "$before" ] || cause=oom
    say "$code $cause $begun $finished" ended
    ;;
alarm)
    # Seconds, agent: nobody outside ended it in time.
    sleep "$1"
    : >"$here/stopped"
    send TERM "$2"
    sleep 60
    send KILL "$2"
    ;;
serve)
    # The server of mle-bench's image, beside the agent and not its child.
    ( setsid "$1" >"$here/entrypoint.log" 2>&1 </dev/null & echo $! >"$here/server" )
    healthy() {
        exec 3<>/dev/tcp/127.0.0.1/5000 || return
        printf 'GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3 && read -r -t 5 _ status _ <&3
        got=$?
        exec 3>&-
        [ "$got" -eq 0 ] && [ "$status" = 200 ]
    } 2>/dev/null
    tries=0
    until healthy; do
        kill -0 "$(cat "$here/server")" 2>/dev/null || {
            say "the image's entrypoint ended before its server answered: $(tail -n 1 "$here/entrypoint.log")" failed
            exit 1
        }
        [ "$tries" -lt 200 ] || {
            say 'the server of the image did not answer on port 5000 within 60 s' failed
            exit 1
        }
        tries=$((tries + 1))
        nap
    done
    ;;
poll)
    if [ -e "$here/ended" ]; then
        cat "$here/ended"
    elif [ -e "$here/failed" ]; then
        printf 'failed '
        head -c 500 "$here/failed"
    elif [ ! -e "$here/started" ]; then
        echo absent
    elif [ ! -e "$here/runner" ] || kill -0 "$(cat "$here/runner")" 2>/dev/null; then
        echo running
    elif [ -e "$here/ended" ]; then
        cat "$here/ended"
    else
        # Whoever ended the shell that waits for the agent ended the agent's run.
        [ ! -e "$here/agent" ] || send KILL "$(cat "$here/agent")"
        say "- killed $(cat "$here/begun" 2>/dev/null || echo -) -" ended
        cat "$here/ended"
    fi
    ;;
stop)
    # Seconds.
    [ ! -e "$here/ended" ] || exit 0
    : >"$here/stopped"
    if [ ! -e "$here/agent" ]; then
        [ ! -e "$here/runner" ] || send KILL "$(cat "$here/runner")"
        say "137 stopped - $(now)" ended
        exit 0
    fi
    agent=$(cat "$here/agent")
    send TERM "$agent"
    send CONT "$agent"
    until_=$(($(date +%s) + $1))
    until [ -e "$here/ended" ] || [ "$(date +%s)" -ge "$until_" ]; do nap; done
    [ -e "$here/ended" ] || send KILL "$agent"
    tries=0
    until [ -e "$here/ended" ] || [ "$tries" -ge 60 ]; do nap; tries=$((tries + 1)); done
    [ -e "$here/ended" ]
    ;;
follow)
    # Bytes of stdout and stderr that are known, seconds.
    out=$1 err=$2 until_=$(($(date +%s) + $3))
    piece() {
        size=$(wc -c <"$2" 2>/dev/null) || return 1
        size=$((size))
        [ "$size" -gt "$3" ] || return 1
        count=$((size - $3))
        [ "$count" -le 49152 ] || count=49152
        printf '%s %s %s\n' "$1" "$3" "$(tail -c "+$(($3 + 1))" "$2" | head -c "$count" | base64 | tr -d '\n')"
    }
    while :; do
        over=
        [ ! -e "$here/ended" ] && [ ! -e "$here/failed" ] || over=1
        moved=
        piece o "$here/stdout" "$out" && { out=$((out + count)); moved=1; }
        piece e "$here/stderr" "$err" && { err=$((err + count)); moved=1; }
        [ -z "$moved" ] || continue
        [ -z "$over" ] || { echo .; exit 0; }
        [ "$(date +%s)" -lt "$until_" ] || { echo +; exit 0; }
        echo h
        nap
    done
    ;;
*)
    exit 125
    ;;
esac
"""


def folder(name: str, place: str = PLACE) -> str:
    """Where the script, the agent's output and its end lie."""
    return f"{place}/{name}"


def install(where: str) -> list[str]:
    """Takes the script by stdin."""
    script = 'mkdir -p -m 755 "$1" && cat >"$1/tool.new" && mv "$1/tool.new" "$1/tool"'
    return ["sh", "-c", script, "sh", where]


def act(where: str, *words: str) -> list[str]:
    """One act of the script."""
    return ["sh", f"{where}/tool", *words]


def launch(where: str, limit_s: float, mle_bench: bool, command: Sequence[str]) -> list[str]:
    """limit_s: of the agent's run; it ends inside the sandbox when nobody outside ends it."""
    entrypoint = ENTRYPOINT if mle_bench else "-"
    return act(where, "launch", str(max(1, round(limit_s))), entrypoint, *command)


_CAUSES: dict[str, Literal["exit", "oom", "stopped", "killed"]] = {
    "exit": "exit",
    "oom": "oom",
    "stopped": "stopped",
    "killed": "killed",
}


def pack(where: str, path: str, limits: CollectLimits) -> list[str]:
    """Writes an archive of a file or folder; status NOTHING where there is none. It is cut far behind
    the place where its reader stops.
    """
    most = 4 * limits.total_bytes + (limits.files + 2_000) * 8 * 512
    return act(where, "pack", str(most), path)


def is_absent(said: bytes) -> bool:
    """Whether `poll` says that no agent was started."""
    return said.split() == [b"absent"]


def parse_standing(said: bytes) -> Ending | None:
    """What `poll` says. None while the agent runs.

    Raises Unhealthy when the agent was never started, Transfer for what is no answer.
    """
    words = said.decode(errors="replace").split()
    if words == ["running"]:
        return None
    if words[:1] == ["failed"]:
        raise Unhealthy(" ".join(words[1:]) or "the agent could not be started")
    if words == ["absent"]:
        raise Unhealthy("the sandbox is there, and the agent was not started in it")
    if len(words) != 4 or words[1] not in _CAUSES:
        raise Transfer(f"the sandbox gave no sensible answer: {said[:200]!r}")
    code, began, finished = (_number(words[index]) for index in (0, 2, 3))
    return Ending(None if code is None else int(code), _CAUSES[words[1]], began, finished)


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
