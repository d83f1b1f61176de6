#!/usr/bin/env bash
# Prints the path of a Chromium that starts, and installs one if there is none.
# Order: $CHROMIUM, the PATH, apt-get (root on Debian), playwright's own download.
set -euo pipefail
cd "$(dirname "$0")/.."

starts() { [ -n "$1" ] && [ -x "$1" ] && "$1" --version >/dev/null 2>&1; }

if [ -n "${CHROMIUM:-}" ]; then
  if starts "$CHROMIUM"; then
    echo "$CHROMIUM"
    exit 0
  fi
  echo "CHROMIUM is set to \"$CHROMIUM\", which does not start; point it at a Chromium or unset it" >&2
  exit 1
fi

on_path() {
  local name path
  for name in chromium chromium-browser google-chrome google-chrome-stable chrome; do
    path=$(command -v "$name" || true)
    if starts "$path"; then
      echo "$path"
      return 0
    fi
  done
  return 1
}
on_path && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null && grep -qx 'ID=debian' /etc/os-release; then
  echo "no chromium found: installing Debian's" >&2
  export DEBIAN_FRONTEND=noninteractive
  if apt-get update -qq >&2 && apt-get install -qq -y --no-install-recommends chromium >&2; then
    on_path && exit 0
  fi
  echo "apt-get gave no chromium that starts; trying playwright's download" >&2
fi

path_from_playwright() { node -e 'console.log(require("playwright-core").chromium.executablePath())'; }
path=$(path_from_playwright)
if ! starts "$path"; then
  echo "no chromium found: fetching playwright's" >&2
  node_modules/.bin/playwright-core install chromium >&2
fi
if starts "$path"; then
  echo "$path"
  exit 0
fi
echo "no chromium starts on this machine; install one and set CHROMIUM to its path" >&2
exit 1
