#!/usr/bin/env bash
# Runs a command in a new memory cgroup and prints its peak memory, including pages of files:
#   scripts/load/within_memory.sh BYTES COMMAND...
# Needs root. What does not fit is dropped from the page cache first; a process that needs more is killed.
set -euo pipefail
limit=$1
shift
name=deepviz-$$
if [ -d /sys/fs/cgroup/memory ]; then
  group=/sys/fs/cgroup/memory/$name limit_file=memory.limit_in_bytes peak_file=memory.max_usage_in_bytes
else
  group=/sys/fs/cgroup/$name limit_file=memory.max peak_file=memory.peak
fi
mkdir "$group"
trap 'rmdir "$group"' EXIT
echo "$limit" >"$group/$limit_file"
status=0
bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$@" || status=$?
echo "exit $status; at most $(($(cat "$group/$peak_file") / 1000000)) MB" >&2
exit "$status"
