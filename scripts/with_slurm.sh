#!/usr/bin/env bash
# A command beside a real Slurm: where one answers, that one. Elsewhere Debian's packages are unpacked below the cache, never
# installed, and a cluster of one node is started for the command, on loopback ports of its own. It ends with the command
# and leaves nothing else behind. Exit status of the command; 3 after NOT RUN.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

USAGE="usage: scripts/with_slurm.sh COMMAND [ARGUMENT ...]    runs it where sbatch, squeue and sinfo answer"
PACKAGES="munge libmunge2 slurm-client slurm-wlm-basic-plugins slurmctld slurmd"

case "${1:-}" in
-h | --help)
    echo "$USAGE"
    exit 0 ;;
"")
    swarm_fail "$USAGE" ;;
esac

is_idle() { [ -n "$(timeout 30 sinfo --noheader --states=idle --format=%n 2>/dev/null)" ]; }

! is_idle || exec "$@"

for tool in apt-get apt-cache dpkg-deb flock; do
    command -v "$tool" >/dev/null || not_run "no Slurm answers, and its packages cannot be had without $tool"
done

base=$(swarm_python) || swarm_fail "Python 3.11 or newer is needed, and none was found"

# ---------------------------------------------------------------- its files

version=$(apt-cache show --no-all-versions slurmctld 2>/dev/null | sed -n 's/^Version: //p')
if [ -z "$version" ]; then
    apt-get update -q >/dev/null 2>&1 || not_run "no Slurm answers, and apt-get update fails"
    version=$(apt-cache show --no-all-versions slurmctld 2>/dev/null | sed -n 's/^Version: //p')
fi
[ -n "$version" ] || not_run "no Slurm answers, and apt knows no package slurmctld"
cache=$(swarm_cache)
root=$cache/slurm-$version

# The packages and what of their dependencies is not on this machine.
unpack() {
    local more package
    cd "$1"
    # shellcheck disable=SC2086
    more=$(apt-get -s install --no-install-recommends $PACKAGES | awk '/^Inst / { print $2 }') || return
    # shellcheck disable=SC2086
    printf '%s\n' $PACKAGES $more | sort -u | xargs apt-get download -q || return
    for package in *.deb; do
        dpkg-deb -x "$package" . || return
        rm "$package"
    done
}

mkdir -p "$cache"
exec 9>"$root.lock"
flock 9
if [ ! -e "$root/complete" ]; then
    rm -rf "$root"
    mkdir "$root"
    (unpack "$root") >"$root.log" 2>&1 || not_run "Slurm's packages cannot be had: $(tail -n 1 "$root.log") (all of it: $root.log)"
    touch "$root/complete"
fi
exec 9>&-

plugins=$(dirname "$(find "$root" -name libslurmfull.so -print -quit)")
export PATH=$root/usr/bin:$root/usr/sbin:$PATH
export LD_LIBRARY_PATH=$plugins:${plugins%/*}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# ---------------------------------------------------------------- the node

folder=$(mktemp -d "${TMPDIR:-/tmp}/swarm-evo-slurm.XXXXXX")
export SLURM_CONF=$folder/slurm.conf
# munged serves those alone that can reach its socket.
chmod 711 "$folder"
mkdir "$folder/state" "$folder/spool"
daemons=

begin() {
    local log=$folder/$1.log
    "${@:2}" >"$log" 2>&1 </dev/null &
    daemons="$! $daemons"
}

# Waits for a condition at most so many half seconds.
within() {
    local count=$1
    while ! "${@:2}"; do
        count=$((count - 1))
        [ "$count" -gt 0 ] || return 1
        sleep 0.5
    done
}

no_jobs() { [ -z "$(timeout 30 squeue --noheader 2>/dev/null)" ]; }

# What waited, too: jobs first, then those who would start them again.
end() {
    local status=$? pid
    if [ -n "$daemons" ] && ! no_jobs; then
        timeout 30 squeue --noheader --format=%A | xargs -r scancel --full --signal=KILL || true
        timeout 30 scancel --user="$(id -un)" || true
        within 40 no_jobs || printf 'warning: jobs of Slurm did not end\n' >&2
    fi
    for pid in $daemons; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
    exit "$status"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

read -r controller node < <("$base" -c '
import socket
both = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in both))')
name=$(uname -n | cut -d. -f1)
# More processors than there are: the tests want jobs side by side, and they only wait. Processes in a session of their own
# outlive their job, as containers do.
cat >"$SLURM_CONF" <<CONF
ClusterName=swarm-evo
SlurmctldHost=$name(127.0.0.1)
CommunicationParameters=NoInAddrAny
SlurmctldPort=$controller
SlurmdPort=$node
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
PluginDir=$plugins
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/pgid
KillWait=2
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
NodeName=$name NodeAddr=127.0.0.1 CPUs=16 RealMemory=65536
PartitionName=all Nodes=$name Default=YES MaxTime=INFINITE
CONF

mungekey --create --keyfile="$folder/munge.key"
begin munged munged --foreground --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
    --pid-file="$folder/munge.pid" --log-file="$folder/munge.log" --seed-file="$folder/munge.seed"
within 60 test -S "$folder/munge.socket" || not_run "munged does not start: $(tail -n 1 "$folder/munged.log")"
begin slurmctld slurmctld-wlm -D
begin slurmd slurmd-wlm -D -d "$root/usr/sbin/slurmstepd-wlm"
within 120 is_idle || not_run "Slurm does not start: $(cat "$folder"/slurm*.log | grep -i error | tail -n 1)"

"$@"
