#!/usr/bin/env bash
# Checks licences, sources and known vulnerabilities of the dependencies by cargo-deny, as deny.toml says:
#
#   scripts/check/dependencies.sh
#
# Needs cargo-deny (`cargo install cargo-deny --locked`). Vulnerabilities need RustSec's database, which is fetched from
# GitHub; without a network only the others are checked. What cannot be checked is reported and skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
  echo "SKIPPED: $1" >&2
}

if ! command -v cargo-deny >/dev/null; then
  skip "dependencies were not checked: there is no cargo-deny (cargo install cargo-deny --locked)"
  exit 0
fi
cargo deny --log-level error --locked --offline check --hide-inclusion-graph bans licenses sources
if cargo deny --log-level off fetch db 2>/dev/null; then
  cargo deny --log-level error --locked --offline check --hide-inclusion-graph advisories
else
  skip "vulnerabilities of dependencies were not looked up: RustSec's database cannot be fetched"
fi
