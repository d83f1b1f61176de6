#!/usr/bin/env bash
# Measures the server's memory while twelve connections request ever different things, with a cache of 128 MB.
#
#   scripts/load/memory_under_load.sh RUN_FOLDER [SECONDS_A_ROUND] [ROUNDS]
#
# The run needs layers conv1 and conv3 of at least 64 filters in the latter, 51 checkpoints and 20,000 images, as one of
# cifar10-80sec has. Build first: cargo build --release --bin deepviz --example load -p deepviz -p deepviz-server
set -euo pipefail

run=${1:?a run folder}
seconds=${2:-20}
rounds=${3:-8}
release=$(cd "$(dirname "$0")/../.." && pwd)/target/release

log=$(mktemp)
"$release/deepviz" serve "$run" --addr 127.0.0.1:0 --cache-mb 128 >"$log" &
server=$!
trap 'kill "$server"; rm -f "$log"' EXIT
until address=$(grep -o '127\.0\.0\.1:[0-9]*' "$log"); do
  kill -0 "$server" 2>/dev/null || { echo "the server did not start: is $run a run folder, and is it built?" >&2; exit 1; }
  sleep 0.2
done

id=$(curl -s "http://$address/api/runs" | python3 -c 'import json, sys; print(json.load(sys.stdin)["runs"][0]["id"])')
base="/api/runs/$id/checkpoints/{0-50}"
resident() { awk '/VmRSS/ { print int($2 / 1000) " MB" }' "/proc/$server/status"; }
# Waits until the corpus is read.
until [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$address/api/runs/$id/checkpoints/0/predict/0")" = 200 ]; do
  sleep 0.5
done
echo "warm: $(resident)"
load() { "$release/examples/load" "$address" --connections 4 --seconds "$seconds" "$1" >/dev/null & }
for round in $(seq "$rounds"); do
  load "$base/layers/conv1/filters/*/channels/*/apply/{0-5000}"
  first=$!
  load "$base/predict/{5000-20000}"
  second=$!
  load "$base/layers/conv3/filters/{0-63}/channels/*?scale={1-16}"
  wait "$first" "$second" $!
  echo "after $((round * seconds)) s: $(resident)"
done
