#!/usr/bin/env bash
# Runs the adapter as mle-bench needs it: ASCII output, an end in time, a new start when it is killed. Words (key=value)
# are the adapter's; its exit status is passed on. Nothing here prints the environment or the words: both may hold keys.
{ set +x; } 2>/dev/null

AGENT_DIR=${AGENT_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}
SUBMISSION_DIR=${SUBMISSION_DIR:-/home/submission}
LOGS_DIR=${LOGS_DIR:-/home/logs}
CODE_DIR=${CODE_DIR:-/home/code}
DATA_DIR=${DATA_DIR:-/home/data}
CONDA_ENV_NAME=${CONDA_ENV_NAME:-agent}
DEFAULT_LIMIT_S=43200
# The adapter keeps its own deadline; SIGTERM comes so much later, SIGKILL so much after that.
MARGIN_S=${START_MARGIN_SECS:-30}
GRACE_S=${START_GRACE_SECS:-60}
RESTARTS=5

say() { printf 'start.sh: %s\n' "$1"; }

# Both streams to adapter.log as they are, and to the caller in ASCII: mle-bench decodes whatever chunk it reads, and half a
# character, or a byte that is none, ends the run without its results.
relay() {
    trap '' TERM INT HUP
    export LC_ALL=C
    tee -p -a "$LOGS_DIR/adapter.log" | stdbuf -oL tr -cd '\11\12\40-\176'
}

# Waits for the relay to write what it still holds. A stray process that keeps the pipe open must not keep us.
end_relay() {
    local children
    exec >&3 2>&3 3>&-
    for _ in {1..100}; do
        kill -0 "$relay" 2>/dev/null || return
        sleep 0.05
    done
    read -r -a children <"/proc/$relay/task/$relay/children"
    kill -KILL "$relay" "${children[@]}"
}

# Whole seconds of a number as the configuration takes it (90, 90.5, 9e4); fails on anything else.
whole() {
    local number
    number=$(LC_ALL=C printf '%.0f' "$1" 2>/dev/null) && [[ $number =~ ^[1-9][0-9]{0,8}$ ]] && echo "$number"
}

# The time limit that the adapter will see: the last word that sets it, else the variable.
limit() {
    local word value=${TIME_LIMIT_SECS:-}
    for word in "$@"; do
        [[ $word != agent.time_limit=* ]] || value=${word#*=}
    done
    whole "$value" || echo "$DEFAULT_LIMIT_S"
}

# shellcheck disable=SC2329 # The trap calls it.
pass_on() {
    stopping=yes signalled=yes
    [ -z "$adapter" ] || kill -TERM "$adapter" 2>/dev/null
}

# One run of the adapter, $1 seconds at most; its exit status, or 128 + the signal that ended it.
run_adapter() {
    local status
    timeout --preserve-status --signal=TERM --kill-after="$GRACE_S" "$1" \
        python -u "$AGENT_DIR/run_mle_adapter.py" "${@:2}" </dev/null &
    adapter=$!
    [ -z "$stopping" ] || kill -TERM "$adapter"
    while true; do
        signalled=
        # A trapped signal ends the wait, not the adapter.
        wait "$adapter" 2>/dev/null
        status=$?
        [ -n "$signalled" ] || break
    done
    # `timeout` leads a process group of its own: what the adapter left in it ends with it.
    kill -KILL -- "-$adapter" 2>/dev/null
    adapter=
    return "$status"
}

supervise() {
    local deadline=$((SECONDS + $(limit "$@") + MARGIN_S)) restarts=0 status
    while true; do
        run_adapter $((deadline - SECONDS)) "$@"
        status=$?
        if [ "$status" -le 128 ] || [ -n "$stopping" ] || [ "$SECONDS" -ge "$deadline" ]; then
            return "$status"
        fi
        if [ "$restarts" -ge "$RESTARTS" ]; then
            say "the adapter was ended by signal $((status - 128)) again; no further start"
            return "$status"
        fi
        restarts=$((restarts + 1))
        say "the adapter was ended by signal $((status - 128)); start $restarts of $RESTARTS, it resumes"
    done
}

main() {
    local words=("project.log_dir=$LOGS_DIR" "output.submission_dir=$SUBMISSION_DIR" "output.code_dir=$CODE_DIR")
    local hardware='from pathlib import Path; from utils.hardware import detect; print(detect(Path.cwd()).describe())'
    cd "$AGENT_DIR" || return 1
    eval "$(conda shell.bash hook)"
    if ! conda activate "$CONDA_ENV_NAME"; then
        say "error: there is no conda environment $CONDA_ENV_NAME"
        return 1
    fi
    say "hardware: $(python -c "$hardware" 2>/dev/null || echo unknown)"
    # The description without the competition's name, for mle-bench's obfuscated mode.
    if [ "${OBFUSCATE:-}" = true ] && [ -f "$DATA_DIR/description_obfuscated.md" ]; then
        words+=("data.desc_file=$DATA_DIR/description_obfuscated.md")
    fi
    supervise "${words[@]}" "$@"
}

mkdir -p "$SUBMISSION_DIR" "$LOGS_DIR" "$CODE_DIR"
adapter='' stopping='' signalled=''
trap pass_on TERM INT HUP
exec 3>&1 > >(relay) 2>&1
relay=$!
main "$@" 3>&-
status=$?
# Links arrive dangling outside of the container.
find "$SUBMISSION_DIR" "$LOGS_DIR" "$CODE_DIR" -type l -delete
end_relay
exit "$status"
