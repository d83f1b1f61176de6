"""deepViz against PyTorch and onnxruntime on this machine: training steps and inference of the same
nets, batch and threads, float32. Every peer is a process of its own that stays; the measurements alternate,
round by round, and the ratios are medians over the rounds.

usage: compare.py [--nets 80sec,deep] [--threads N] [--batch 128] [--rounds 5] [--seconds 1.5]
                  [--tasks train,infer1000,infer1] [--level LEVEL]

Wants `torch onnx onnxruntime` from PyPI in the Python that runs it. With libtcmalloc, which is looked for in the
usual places and in $TCMALLOC, PyTorch is measured with that allocator too: its best configuration.
"""

import argparse
import ctypes.util
import glob
import importlib.util
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STEP = ROOT / "target" / "release" / "examples" / "bench_step"
OURS = "deepviz"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", default="80sec,deep")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--tasks", default="train,infer1000,infer1", help="train, and infer with a batch size")
    parser.add_argument("--level", help="vector level of deepViz; its best where none is given")
    return parser.parse_args()


def need(modules):
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        sys.exit(
            f"bench: {', '.join(missing)} missing in {sys.executable}; the comparison was left out.\n"
            "Make an environment with them and name its Python:\n"
            "  python3 -m venv target/peers && target/peers/bin/pip install torch onnx onnxruntime\n"
            "  make bench PYTHON=target/peers/bin/python"
        )


def tcmalloc():
    """The allocator's library, if there is one."""
    found = [os.environ.get("TCMALLOC", "")]
    found += glob.glob("/usr/lib/*/libtcmalloc_minimal.so.4") + glob.glob("/usr/lib*/libtcmalloc*.so.4")
    return next((path for path in found if path and os.path.exists(path)), None) or ctypes.util.find_library("tcmalloc")


class Peer:
    """A process that measures when told to."""

    def __init__(self, command, environment=None):
        environment = {**os.environ, **(environment or {})}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, cwd=HERE, env=environment
        )
        self.answer("ready")

    def answer(self, expected=None):
        line = self.process.stdout.readline()
        if not line or (expected and line.strip() != expected):
            raise RuntimeError(f"{self.process.args} answered {line!r}")
        return line

    def ask(self, task):
        self.process.stdin.write(task + "\n")
        self.process.stdin.flush()
        median, shortest, steps = self.answer().split()
        return float(median), float(shortest), int(steps)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def peers(net, options):
    """Name and how to start it."""
    ours = [str(STEP), net, "--threads", str(options.threads), "--batch", str(options.batch), "--serve"]
    if options.level:
        ours += ["--level", options.level]

    def python(kind):
        return [sys.executable, str(HERE / "peer.py"), kind, net, str(options.batch), str(options.threads)]

    out = {
        OURS: (ours, None),
        "torch": (python("torch"), None),
        "torch channels-last": (python("torch-channels-last"), None),
    }
    library = tcmalloc()
    if library:
        out["torch channels-last tcmalloc"] = (python("torch-channels-last"), {"LD_PRELOAD": library})
    else:
        print("no libtcmalloc found: PyTorch runs with the system's allocator only (name it in $TCMALLOC)")
    out["onnxruntime"] = (python("onnxruntime"), None)
    return out


def compare(net, options):
    tasks = options.tasks.split(",")
    running = {
        name: Peer(*how) for name, how in peers(net, options).items() if name != "onnxruntime" or tasks != ["train"]
    }
    for task in tasks:
        images = options.batch if task == "train" else int(task.removeprefix("infer"))
        task = task if task == "train" else f"infer {images}"
        chosen = [name for name in running if not (task == "train" and name == "onnxruntime")]
        speeds = {name: [] for name in chosen}
        for round_ in range(options.rounds + 1):
            for name in chosen:
                median, shortest, _ = running[name].ask(f"{task} {options.seconds}")
                if round_ > 0:  # The first warms up.
                    speeds[name].append((images / median, images / shortest))
        print(f"\n{net}, {task if task != 'train' else f'train, batch {images}'}, {options.threads} threads\n")
        print("| | images/s, median (least to most) | of the fastest step | deepviz is faster by | spread |")
        print("|---|---|---|---|---|")
        for name in chosen:
            medians = [median for median, _ in speeds[name]]
            ratios = [ours / theirs for (ours, _), (theirs, _) in zip(speeds[OURS], speeds[name])]
            best = max(best for _, best in speeds[name])
            line = f"| {name} | {statistics.median(medians):.0f} ({min(medians):.0f} to {max(medians):.0f}) | {best:.0f} |"
            if name == OURS:
                print(line, "| |")
            else:
                best_ratio = max(best for _, best in speeds[OURS]) / best
                print(
                    line, f"{statistics.median(ratios):.2f} (fastest steps: {best_ratio:.2f}) |",
                    f"{min(ratios):.2f} to {max(ratios):.2f} |",
                )
        sys.stdout.flush()
    for peer in running.values():
        peer.close()


def machine():
    lines = Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
    load = os.getloadavg()
    return f"{model}, {os.cpu_count()} processors; load {load[0]:.1f} {load[1]:.1f} {load[2]:.1f}"


def main():
    options = arguments()
    need(["torch", "onnx", "onnxruntime"])
    if not STEP.exists():
        sys.exit(f"bench: {STEP} is missing; build it with\n  cargo build --release -p deepviz-net --example bench_step")
    import onnxruntime
    import torch

    print(f"{machine()}\ntorch {torch.__version__}, onnxruntime {onnxruntime.__version__}")
    print(f"{options.rounds} rounds of {options.seconds} s, alternating; PyTorch runs on {torch.backends.cpu.get_cpu_capability()}")
    for net in options.nets.split(","):
        compare(net, options)


if __name__ == "__main__":
    main()
