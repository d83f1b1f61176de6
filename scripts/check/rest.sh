#!/usr/bin/env bash
# Sends a server every request that its OpenAPI document allows, and some that it does not (schemathesis): no answer may
# be a server error, have an undocumented status, or another shape than documented.
#
#   scripts/check/rest.sh [BINARY] [EXAMPLES]
#
# The stream of events is left out, since it never ends; it has tests of its own. Where schemathesis cannot be
# installed, this is skipped with a message.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:-target/debug/deepviz}
examples=${2:-12}
version=4.32.5
venv=$PWD/.cache/schemathesis-$version

skip() {
  echo "SKIPPED: the REST interface was not checked with schemathesis: $1" >&2
  exit 0
}

command -v python3 >/dev/null || skip "there is no python3"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || skip "python3 is older than 3.10"
if ! [ -x "$venv/bin/schemathesis" ]; then
  rm -rf "$venv"
  { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"; } || {
    rm -rf "$venv"
    skip "it cannot be installed"
  }
fi

work=$(mktemp -d)
server=
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

cat >"$work/recipe.toml" <<'RECIPE'
[[layer]]
name = "conv1"
type = "conv"
filters = 4
size = 5
stride = 2
[[layer]]
name = "relu1"
type = "relu"
[[layer]]
name = "fc10"
type = "full"
outputs = 10
[[layer]]
name = "probs"
type = "softmax"
[train]
batch = 20
stages = [{ epochs = 2, rate = 0.001 }]
[snapshots]
every = "1 epoch"
RECIPE
"$binary" corpus make shapes --out "$work/shapes" --images 120 --seed 1 >/dev/null
"$binary" train "$work/recipe.toml" --corpus "$work/shapes" --out "$work/runs/my-run" --quiet
"$binary" stats "$work/runs/my-run" --clusters 4 --nearest 3 --quiet
"$binary" serve "$work/runs" --addr 127.0.0.1:0 >"$work/address" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
  grep -q 'http://' "$work/address" && break
  kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
  sleep 0.1
done
url=$(grep -o 'http://[^ ]*' "$work/address")

cat >"$work/schemathesis.toml" <<'CONFIG'
[parameters]
"path.run" = "my-run"
"path.corpus" = "shapes"
CONFIG
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance
checks=$checks,response_schema_conformance,unsupported_method
# Schemathesis leaves its state in the current folder, which is deleted at the end.
cd "$work"
timeout 420 "$venv/bin/schemathesis" --config-file "$work/schemathesis.toml" run "$url/api/openapi.json" \
  --checks "$checks" --exclude-path-regex '/events$' --phases examples,coverage,fuzzing --max-examples "$examples" \
  --seed 1 --request-timeout 30 --suppress-health-check all --no-color --warnings off --continue-on-failure
kill -0 "$server" || { echo "the server is gone" >&2; cat "$work/log" >&2; exit 1; }
if grep -E 'ERROR|panicked' "$work/log"; then
  echo "the server's log has errors" >&2
  exit 1
fi
