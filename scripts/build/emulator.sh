#!/usr/bin/env bash
# Builds the CPU emulation of the CUDA driver, cuBLAS and cuDNN, with deepViz's kernels compiled in, for tests on
# machines without a GPU:
#
#   scripts/build/emulator.sh OUT [SOURCES]
#   LD_LIBRARY_PATH=OUT cargo test ...
#
# SOURCES is the folder with the kernels (crates/net/src): device/cuda/prelude.cu comes first, then all other *.cu in the
# order of their paths. Nothing is done where OUT is up to date. CXX names another compiler. Ends with 77 where there
# is no C++ compiler.
#
# The environment variables that it reads are in crates/cuda-emulator/src/lib.rs.
set -euo pipefail
export LC_ALL=C
[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: scripts/build/emulator.sh OUT [SOURCES]" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
sources=${2:-$root/crates/net/src}
emulator=$root/crates/cuda-emulator/src

compiler=
for candidate in "${CXX:-c++}" g++ clang++; do
  # CXX may hold a launcher and flags besides.
  if command -v "${candidate%% *}" >/dev/null; then compiler=$candidate; break; fi
done
if [ -z "$compiler" ]; then
  echo "the emulation of CUDA cannot be built: there is no C++ compiler (${CXX:-c++}, g++ or clang++);" \
    "install one, or name it in CXX" >&2
  exit 77
fi
[ -d "$sources" ] || { echo "the emulation of CUDA cannot be built: there is no folder $sources" >&2; exit 1; }
sources=$(cd "$sources" && pwd)
mapfile -t kernels < <(cd "$sources" && {
  [ ! -f device/cuda/prelude.cu ] || echo device/cuda/prelude.cu
  find . -name '*.cu' ! -path ./device/cuda/prelude.cu | sed 's|^\./||' | sort
})
[ ${#kernels[@]} -gt 0 ] || { echo "the emulation of CUDA cannot be built: no *.cu lies under $sources" >&2; exit 1; }

stamp=$({
  echo "$compiler" "$sources"
  $compiler --version
  cat "$root/scripts/build/emulator.sh" "$emulator"/*.{h,cpp} "$emulator"/*/*.{h,cpp}
  cd "$sources"
  for file in "${kernels[@]}"; do echo "$file"; cat "$file"; done
} | cksum)
if [ -f "$out/stamp" ] && [ "$(cat "$out/stamp")" = "$stamp" ] && [ -f "$out/libcuda.so.1" ] &&
  [ -f "$out/libcublas.so.13" ] && [ -f "$out/libcudnn.so.9" ]; then
  exit 0
fi

# Built aside and moved into place, since others may be building or using it.
work=$(mktemp -d "$out/building.XXXXXX")
trap 'rm -rf "$work"' EXIT
flags=(-O2 -std=c++17 -fPIC -fvisibility=hidden -I "$emulator")
{
  echo '#include "device.h"'
  for file in "${kernels[@]}"; do
    printf '#line 1 "%s"\n' "$file"
    cat "$sources/$file"
    echo
  done
} >"$work/kernels.cpp"
# After the preprocessor, so that comments do not count and kernels that a macro makes do.
$compiler "${flags[@]}" -w -DEMULATOR_LIST -E -P "$work/kernels.cpp" | tr '\n' ' ' |
  grep -oE 'extern "C" *EMULATOR_KERNEL *void *[A-Za-z_][A-Za-z_0-9]* *\(' |
  sed -E 's/.*void *([A-Za-z_0-9]+) *\($/\1/' | sort -u >"$work/names" || true
[ -s "$work/names" ] || { echo "no kernel (extern \"C\" __global__ void) is in the *.cu under $sources" >&2; exit 1; }
{
  echo '#line 1 "table"'
  echo 'const emulator::Kernel emulator::kernels[] = {'
  sed 's/.*/  emulator::describe("&", \&&),/' "$work/names"
  echo '  {nullptr, nullptr, 0, nullptr, nullptr}};'
} >>"$work/kernels.cpp"
# Kernels are written for nvcc, whose warnings are others.
$compiler "${flags[@]}" -w -c "$work/kernels.cpp" -o "$work/kernels.o"
echo '{ global: cu*; deepvizEmulated*; local: *; };' >"$work/exports"
exports=-Wl,--version-script=$work/exports
$compiler "${flags[@]}" -Wall -Wextra -shared "$exports" -Wl,-soname,libcuda.so.1 "$emulator"/driver/*.cpp \
  "$work/kernels.o" -pthread -o "$work/libcuda.so.1"
# The libraries above the driver, which they find beside themselves.
library() {
  local name=$1
  shift
  $compiler "${flags[@]}" -O3 -Wall -Wextra -shared "$exports" -Wl,-soname,"$name" "$@" "$work/libcuda.so.1" \
    -Wl,-rpath,'$ORIGIN' -pthread -o "$work/$name"
}
library libcublas.so.13 "$emulator/blas.cpp"
library libcudnn.so.9 "$emulator"/dnn/*.cpp
rm -f "$out/stamp"
for library in libcuda.so.1 libcublas.so.13 libcudnn.so.9; do
  mv -f "$work/$library" "$out/$library"
  # The name that is looked for first: without it, a real driver further down the path would be taken.
  ln -sfn "$library" "$out/${library%%.so.*}.so"
done
echo "$stamp" >"$out/stamp"
echo "the emulation of CUDA is in $out, with $(wc -l <"$work/names") kernels" >&2
