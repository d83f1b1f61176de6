#!/usr/bin/env bash
# Runs the tests of the Python package that need no PyTorch (ONNX files), in an environment of small packages.
#
#   python_small.sh [BINARY] [pytest's arguments]
#
# Creates the environment in target/python-small. Where it cannot be installed, the tests are skipped with a message.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=${1:-target/debug/deepviz}
shift || true
env=$PWD/target/python-small

skip() {
  echo "SKIPPED: ONNX files were not tested: $1" >&2
  exit 0
}

command -v python3 >/dev/null || skip "there is no python3"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || skip "python3 is older than 3.10"
if ! cmp -s python/requirements-small.txt "$env/requirements"; then
  { [ -x "$env/bin/python" ] || python3 -m venv "$env"; } &&
    "$env/bin/pip" install --quiet --disable-pip-version-check -r python/requirements-small.txt ||
    skip "its packages cannot be installed"
  cp python/requirements-small.txt "$env/requirements"
fi
DEEPVIZ_BINARY=$(realpath "$binary") PYTHONPATH=python "$env/bin/python" -m pytest -q -p no:cacheprovider \
  -c python/pyproject.toml --rootdir python python/tests/test_onnx*.py "$@"
