#!/usr/bin/env bash
# Tests the Python package: builds and installs its wheel, and runs its tests with PyTorch and the training loops.
#
#   python.sh [pytest's arguments]
#
# Creates a virtual environment in target/python (or $DEEPVIZ_PYTHON_ENV), with several gigabytes of PyTorch.
set -euo pipefail
cd "$(dirname "$0")/../.."
env=${DEEPVIZ_PYTHON_ENV:-$PWD/target/python}

[ -x "$env/bin/python" ] || python3 -m venv "$env"
"$env/bin/pip" install --quiet --disable-pip-version-check -r python/requirements-test.txt
# The tests then import what was installed. The profile is that of the other tests, so that nothing is compiled for this alone.
rm -rf target/wheels
(cd python && "$env/bin/maturin" build --quiet --profile dev --compatibility linux --out ../target/wheels)
"$env/bin/pip" install --quiet --disable-pip-version-check --force-reinstall --no-deps target/wheels/*.whl
DEEPVIZ_BINARY="$env/bin/deepviz" "$env/bin/python" -m pytest -q -p no:cacheprovider -o pythonpath=tests python/tests "$@"
