#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Starts munge, a Slurm controller and one node on this machine, for as long as a command runs. Needs root, and slurm-wlm of Debian.
#   usage: slurm_node.sh COMMAND      a line for the shell; everything that the daemons write goes into ./slurm
set -eu
[ "$(id -u)" -eq 0 ] || { echo "slurm_node.sh: the daemons need root" >&2; exit 1; }
here=$PWD/slurm
rm -rf "$here"
mkdir -p "$here/state" "$here/spool" "$here/munge"
chmod 755 "$here" "$here/munge"
head -c 128 /dev/urandom > "$here/munge.key"
chmod 600 "$here/munge.key"
# munge asks that no folder above its files can be written by others; that of /tmp can.
munged --force --key-file="$here/munge.key" --socket="$here/munge/socket" --pid-file="$here/munge/pid" --log-file="$here/munge/log" \
  --seed-file="$here/munge/seed" 2> "$here/munge.said"
node=$(hostname -s)
cat > "$here/slurm.conf" <<END
ClusterName=binocle
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$here/munge/socket
CredType=cred/munge
StateSaveLocation=$here/state
SlurmdSpoolDir=$here/spool
SlurmctldPidFile=$here/slurmctld.pid
SlurmdPidFile=$here/slurmd.pid
SlurmctldLogFile=$here/slurmctld.log
SlurmdLogFile=$here/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,sched_min_interval=100000
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$node Default=YES State=UP OverSubscribe=NO
END
export SLURM_CONF="$here/slurm.conf"
stop() { # and wait until they are gone
  for file in "$here/slurmd.pid" "$here/slurmctld.pid" "$here/munge/pid"; do
    pid=$(cat "$file" 2> /dev/null) || continue
    kill "$pid" && tail --pid="$pid" -f /dev/null
  done
}
trap stop EXIT
slurmctld
slurmd
for _ in $(seq 50); do # a node is there once it has said so
  case $(sinfo -h -o %T 2> /dev/null) in idle) break ;; esac
  sleep 0.2
done
sh -c "$1"
