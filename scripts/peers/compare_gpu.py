"""deepViz against PyTorch on this machine's NVIDIA GPU: training steps of the same recipes and batches. The
measurements alternate, round by round; the ratios are medians over the rounds, against PyTorch's best variant.

usage: compare_gpu.py CORPUS [--nets cifar10-80sec,...] [--precisions float32,tf32,bf16] [--batch N] [--rounds 3]
                      [--seconds 1.5] [--images 100000] [--variants eager,channels-last,compile] [--deepviz PATH]
       compare_gpu.py CORPUS --time-to cifar10-airbench94 94 [--precisions bf16]

Wants `torch` from PyPI in the Python that runs it, a release build of deepViz, and a corpus of 32x32 colour images and
ten classes (`deepviz corpus make shapes --out CORPUS`).

PyTorch does a whole step: forward, loss, backward, optimiser (fused SGD with the recipe's momenta and decays; for
`muon` the filters' step is written in gpu_peer.py). One minibatch is on the GPU all the time. tf32 and float32 are its
allow_tf32 switches, bf16 is autocast. `compile` is torch.compile, mode max-autotune; `compile-channels-last` exists
besides. Time is taken by CUDA events, after a warm-up, and cuDNN chooses its algorithms by trying.

deepViz is `deepviz train --json`; its speed is the median of its step events without the first fifth. Flips and
shifts are turned off, but not a recipe's crop, whose size the network needs; and it reads, orders and preprocesses its
images, which PyTorch is spared.

With --time-to nothing is compared: a whole training runs at each precision, with the recipe's own snapshots and
augmentation, and the time is told until a test's accuracy (in %) was reached.

--device cpu is for trying the script out where there is no GPU; what it prints then says nothing.
"""

import argparse
import importlib.util
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gpu_peer import Variant, prepare

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/reference"))
OURS = "deepViz"
NETS = "cifar10-80sec,cifar10-11pct,cifar10-airbench94"
PRECISIONS = ("float32", "tf32", "bf16")
VARIANTS = ("eager", "channels-last", "compile", "compile-channels-last")


def arguments():
    def some(allowed):
        def read(text):
            chosen = text.split(",")
            unknown = [word for word in chosen if word not in allowed]
            if unknown:
                raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(allowed)}")
            return chosen

        return read

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--nets", default=NETS, help="recipes: names or files")
    parser.add_argument("--precisions", type=some(PRECISIONS), default=list(PRECISIONS))
    parser.add_argument("--variants", type=some(VARIANTS), default=list(VARIANTS[:3]), help="of PyTorch")
    parser.add_argument("--batch", type=int, help="the recipe's where none is given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5, help="of PyTorch, a variant and round")
    parser.add_argument("--images", type=int, default=100_000, help="that deepViz trains on, a round")
    parser.add_argument("--time-to", nargs=2, metavar=("RECIPE", "ACCURACY"))
    parser.add_argument("--deepviz", type=Path, default=ROOT / "target" / "release" / "deepviz")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    options = parser.parse_args()
    if options.device == "cpu":
        # The CPU computes in single precision only.
        options.precisions = ["float32"]
    return options


# ---- deepViz


def deepviz_json(options, *words):
    """What deepViz answers, as JSON."""
    answer = subprocess.run([options.deepviz, *words, "--json"], capture_output=True, text=True)
    if answer.returncode:
        sys.exit(f"compare_gpu: deepviz {' '.join(words)}: {answer.stderr.strip()}")
    return json.loads(answer.stdout)


def train(options, recipe, precision, *words):
    """The events of a training, each with the seconds since its start."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
        command = [options.deepviz, "train", recipe, "--corpus", options.corpus, "--out", f"{folder}/run"]
        command += ["--device", options.device, "--json", *words]
        if options.device == "cuda":
            command += ["--set", f"train.precision={precision}"]
        begin = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
            for line in process.stdout:
                yield time.perf_counter() - begin, json.loads(line)
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"deepviz train ended with {process.returncode}: {errors.read().strip()}")


def our_speed(options, recipe, precision, batch, train_images):
    """deepViz's images/s."""
    images = min(options.images, train_images)
    epochs = max(1, math.ceil(options.images / train_images))
    words = ["--limit-images", images, "--epochs", epochs, "--snapshot-every", f"{epochs} epochs"]
    for setting in ("data.flip=false", "data.pad=0", f"train.batch={batch}"):
        words += ["--set", setting]
    steps = [
        (seconds, event)
        for seconds, event in train(options, recipe, precision, *map(str, words))
        if event["event"] == "step"
    ]
    steps = steps[len(steps) // 5 :]
    if len(steps) < 2:
        raise RuntimeError(f"{images} images are too few for batches of {batch}: see --images")
    speed = statistics.median(event["images_per_s"] for _, event in steps)
    (first, before), (last, after) = steps[0], steps[-1]
    by_clock = (after["images_seen"] - before["images_seen"]) / (last - first)
    if not 0.85 < speed / by_clock < 1.15:
        print(f"deepViz says {speed:.0f} images/s, and this script's clock {by_clock:.0f}", file=sys.stderr)
    return speed


def time_to(options, recipe, wanted):
    """Whole trainings, and when they reached that accuracy."""
    for precision in options.precisions:
        started = reached = None
        best = 0.0
        for seconds, event in train(options, recipe, precision):
            if event["event"] == "started":
                started = seconds
            elif event["event"] in ("test", "views"):
                accuracy = 100 * (1 - event["error"])
                best = max(best, accuracy)
                if reached is None and accuracy >= wanted:
                    views = ", over several views" if event["event"] == "views" else ""
                    reached = f"{accuracy:.2f} %{views}, at epoch {event['epoch']:.2f}, after {seconds - started:.2f} s"
                    reached += f" ({seconds:.2f} s with the program's start)"
        whole = f"whole run {seconds:.2f} s, best {best:.2f} %"
        print(f"{recipe}, {precision}, {wanted:g} %: {reached or 'not reached'}; {whole}", flush=True)


def compare(torch, options, recipe, precision, train_images):
    """One row of the table."""
    facts = deepviz_json(options, "inspect", recipe, "--corpus", options.corpus)
    batch = options.batch or facts["recipe"]["train"]["batch"]
    prepare(torch, precision)
    speeds, ready = {}, {}

    def attempt(name, what):
        try:
            return what()
        except Exception as reason:
            print(f"{recipe}, {precision}, {name}: {str(reason).strip()[:2000]}", file=sys.stderr)

    for name in options.variants:
        ready[name] = attempt(name, lambda: Variant(torch, facts, name, precision, batch, options.device))
    measures = {name: lambda it=it: it.speed(options.seconds) for name, it in ready.items() if it}
    measures = {OURS: lambda: our_speed(options, recipe, precision, batch, train_images), **measures}
    for round_ in range(options.rounds):
        for name, measure in list(measures.items()):
            speed = attempt(name, measure)
            if speed is None:
                # It will not do better the next time.
                del measures[name]
                speeds.pop(name, None)
            else:
                speeds.setdefault(name, []).append(speed)
    cells = [facts["name"], precision, str(batch)]
    for name in (OURS, *options.variants):
        some = speeds.get(name)
        cells.append(f"{statistics.median(some):.0f} ({min(some):.0f} to {max(some):.0f})" if some else "–")
    others = {name: statistics.median(some) for name, some in speeds.items() if name != OURS}
    if others and OURS in speeds:
        best = max(others, key=others.get)
        ratios = [ours / theirs for ours, theirs in zip(speeds[OURS], speeds[best])]
        cells.append(f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f}), {best}")
    else:
        cells.append("–")
    print(f"| {' | '.join(cells)} |", flush=True)
    ready.clear()
    measures.clear()
    torch._dynamo.reset()
    if options.device == "cuda":
        torch.cuda.empty_cache()


def machine(torch, options):
    ours = subprocess.run([options.deepviz, "--version"], capture_output=True, text=True).stdout.strip()
    versions = f"{ours}; torch {torch.__version__}"
    if options.device == "cpu":
        return f"CPU: only a trial of the script; {versions}"
    try:
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = subprocess.run(query, capture_output=True, text=True).stdout.split("\n")[0].strip()
    except OSError:
        driver = "unknown"
    cudnn = torch.backends.cudnn.version()
    return f"{torch.cuda.get_device_name(0)}, driver {driver}; {versions}, its CUDA {torch.version.cuda}, cuDNN {cudnn}"


def main():
    options = arguments()
    if importlib.util.find_spec("torch") is None:
        sys.exit(
            f"compare_gpu: torch is missing in {sys.executable}; make an environment with it:\n"
            "  python3 -m venv target/peers && target/peers/bin/pip install torch"
        )
    import torch

    if options.device == "cuda" and not torch.cuda.is_available():
        print("compare_gpu: PyTorch finds no NVIDIA GPU on this machine, so nothing was compared.", file=sys.stderr)
        sys.exit(2)
    if not options.deepviz.exists():
        sys.exit(f"compare_gpu: {options.deepviz} is missing; build it with\n  cargo build --release -p deepviz")
    print(f"{machine(torch, options)}\n")
    if options.time_to:
        recipe, wanted = options.time_to
        return time_to(options, recipe, float(wanted))
    train_images = deepviz_json(options, "inspect", options.corpus)["train"]
    print(f"Training, images/s: medians (least to most) of {options.rounds} rounds.\n")
    print(f"| net | precision | batch | {OURS} | {' | '.join(options.variants)} | {OURS} / best of PyTorch |")
    print(f"|---|---|---:|{'---:|' * (len(options.variants) + 1)}---|")
    for recipe in options.nets.split(","):
        for precision in options.precisions:
            compare(torch, options, recipe, precision, train_images)


if __name__ == "__main__":
    main()
