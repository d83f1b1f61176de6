#!/usr/bin/env bash
# Checks the CUDA backend on a machine without a GPU:
#
#   scripts/check/cuda.sh
#
# Every kernel is compiled by NVRTC (from PyPI, in a virtual environment under .cache) for the architectures that are
# supported, and the built-in PTX must be that of the sources. Then the tests that a GPU would take run on
# an emulated one: the same kernels compiled for the CPU, behind a driver, cuBLAS and cuDNN of our own
# (crates/cuda-emulator). That shows whether the arithmetic and the calls are right, but nothing about speed, races
# between threads, or NVIDIA's libraries. What cannot be installed is reported and skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
nvrtc=13.0.88
venv=$PWD/.cache/nvrtc-$nvrtc
emulator=$PWD/target/cuda-emulator

skip() {
  echo "SKIPPED: $1" >&2
}

if command -v python3 >/dev/null && python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
  if ! [ -x "$venv/bin/python" ]; then
    rm -rf "$venv"
    { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "nvidia-cuda-nvrtc==$nvrtc"; } ||
      rm -rf "$venv"
  fi
  if [ -x "$venv/bin/python" ]; then
    "$venv/bin/python" scripts/build/kernels.py --arch compute_80 sm_80 sm_90 sm_100
  else
    skip "the kernels were not compiled for GPUs: NVRTC cannot be installed"
  fi
else
  skip "the kernels were not compiled for GPUs: there is no python3 of 3.10 or newer"
fi

status=0
scripts/build/emulator.sh "$emulator" || status=$?
if [ "$status" -eq 77 ]; then
  skip "the CUDA backend was not run on an emulated device: there is no C++ compiler"
  exit 0
fi
[ "$status" -eq 0 ] || exit "$status"
# A real driver further along would do as well, and is not what is meant here.
unset VIRTUAL_ENV CONDA_PREFIX CUDA_HOME CUDA_PATH
# NVRTC asks the driver for more than the emulated one has.
export DEEPVIZ_CUDA_KERNELS=built-in
export DEEPVIZ_CUDA_LIBS=$emulator LD_LIBRARY_PATH=$emulator${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} DEEPVIZ_REQUIRE_GPU=1
cargo test --workspace --quiet --test compute
cargo test --workspace --quiet --lib gpu
target/debug/deepviz doctor --device cuda:0
