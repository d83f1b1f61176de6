#!/usr/bin/env bash
# Runs the fuzz targets of crates/fuzz, one after the other or the ones named:
#
#   scripts/check/fuzz.sh SECONDS [TARGET...]
#
# Each begins with small good examples and ends after SECONDS, or at the first input at which something panics, takes
# longer than ten seconds or more than 2 GB; that input is saved under .cache/fuzz/TARGET and its name printed. Needs a
# C++ compiler (for libFuzzer). A process that is halted meanwhile takes longer than ten seconds. With an instrumented
# build, so that the first start takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?how many seconds each}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(selection recipe snapshot cifar formats archive checkpoint run pickle cuda_convnet)

coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
coverage="$coverage -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
host=$(rustc -vV | sed -n 's/^host: //p')
# Named a target, cargo gives these flags to what is fuzzed and not to what builds it.
RUSTFLAGS="--cfg fuzzing $coverage" cargo build --release --manifest-path crates/fuzz/Cargo.toml \
  --target-dir target/fuzz --target "$host"
cargo build --workspace --quiet

# What is read is written to a file first: in memory where that can be.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for target in "${targets[@]}"; do
  seeds=$work/$target
  kept=.cache/fuzz/$target
  mkdir -p "$seeds" "$kept"
  case $target in
    selection) for text in '*' 3 1,4,9 2-7 10-40:5 last '0-last:2'; do printf '%s' "$text" >"$seeds/${text//[^0-9a-z]/_}"; done ;;
    recipe) cp models/*.toml "$seeds/" ;;
    run) cp crates/fixtures/src/recorded/run.toml "$seeds/recorded" ;;
    checkpoint)
      # A byte for the kind of file, then the file.
      for file in crates/fixtures/src/checkpoints/*.p* crates/fixtures/src/checkpoints/*.ckpt; do
        { printf '\0'; cat "$file"; } >"$seeds/$(basename "$file")"
      done
      for file in crates/fixtures/src/recorded/snapshots/*.safetensors; do
        { printf '\1'; cat "$file"; } >"$seeds/$(basename "$file")"
      done
      ;;
    pickle | cuda_convnet)
      for file in crates/fixtures/src/cuda_convnet/{like_80sec,with_norms,second,refused}/*; do
        cp "$file" "$seeds/$(basename "$(dirname "$file")")-$(basename "$file")"
      done
      ;;
    formats)
      # A byte for the layout, then the files, each half of the rest: what is shorter is filled up.
      python3 - "$seeds" crates/corpus/tests/data/*.tar.gz <<'SEEDS'
import pathlib, sys, tarfile
pairs = [("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
         ("train.bin", "fine_label_names.txt"), ("train", "meta"), ("train_32x32.mat", "corpus.toml"),
         ("imagelabels.mat", "setid.mat"), ("train.parquet", "test.parquet"), ("train-000000.tar", "classes.txt"),
         ("val/val_annotations.txt", "words.txt"), ("annotations/trainval.txt", "annotations/test.txt"),
         ("pax.tar",), ("corpus.tgz",), ("corpus.zip",)]
for archive in sys.argv[2:]:
    with tarfile.open(archive) as tar:
        files = {name.split("/", 1)[-1]: tar.extractfile(name).read() for name in tar.getnames()}
    for kind, names in enumerate(pairs):
        if names[0] in files:
            parts = [files.get(name, b"") for name in names]
            longest = max(map(len, parts))
            body = parts[0] if len(parts) == 1 else b"".join(part.ljust(longest, b"\0") for part in parts)
            pathlib.Path(sys.argv[1], f"{pathlib.Path(archive).name}-{kind}").write_bytes(bytes([kind]) + body)
SEEDS
      ;;
    snapshot | cifar | archive)
      target/debug/deepviz corpus make shapes --out "$work/shapes" --images 40 --seed 1 >/dev/null 2>&1 || true
      cat >"$work/tiny.toml" <<'RECIPE'
[[layer]]
name = "conv1"
type = "conv"
filters = 2
size = 5
stride = 4
[[layer]]
name = "fc10"
type = "full"
outputs = 10
[[layer]]
name = "probs"
type = "softmax"
[train]
batch = 20
stages = [{ epochs = 1, rate = 0.001 }]
RECIPE
      [ -d "$work/run" ] || target/debug/deepviz train "$work/tiny.toml" --corpus "$work/shapes" --out "$work/run" --device cpu --quiet
      case $target in
        snapshot) cp "$work"/run/snapshots/*.safetensors "$seeds/" ;;
        cifar)
          head -c 6147 /dev/zero | sed 's/^/\x00/' >"$seeds/two"
          python3 -c 'import pickle,sys; sys.stdout.buffer.write(b"\1" + pickle.dumps({b"data": bytes(3072), b"labels": [1], b"batch_label": b"x"}, 2))' >"$seeds/pickle" || true
          ;;
        archive)
          (cd "$work" && tar -cf "$seeds/plain.tar" run/run.toml && tar -czf "$seeds/packed.tgz" run/run.toml run/metrics.jsonl)
          ;;
      esac
      ;;
  esac
  echo "== fuzz $target, $seconds s"
  "target/fuzz/$host/release/$target" "$kept" "$seeds" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -max_len=65536 -print_final_stats=1 -artifact_prefix="$kept/finding-" 2>&1 | tail -25 | tee "$work/log"
  if [ "${PIPESTATUS[0]}" -ne 0 ]; then
    echo "FINDING in $target: see $kept" >&2
    exit 1
  fi
done
