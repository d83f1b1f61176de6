"""Two builds of deepViz against each other on this machine: training steps and inference of the nets of `make bench`.

usage: compare_builds.py OLD NEW [--nets 80sec,deep] [--threads N] [--pairs 11] [--seconds 0.7] [--level LEVEL]

OLD and NEW are programs that `cargo build --release -p deepviz-net --example bench_step` built. Every pair starts both
anew and measures them in turns, in alternating order: where a process has its memory decides up to a tenth of its speed,
so that two processes that stay say little. Prints the median ratio of a task (above 1: NEW is faster), and its range.
"""

import argparse
import os
import statistics

from compare import Peer, machine

TASKS = ["train", "infer 1000", "infer 1"]
WARM_UP_S = 0.3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("builds", nargs=2, metavar=("OLD", "NEW"))
    parser.add_argument("--nets", default="80sec,deep")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.7)
    parser.add_argument("--level", help="vector level; the best where none is given")
    return parser.parse_args()


def one_pair(net, options, is_new_first):
    """The ratio of each task."""
    level = ["--level", options.level] if options.level else []
    settings = ["--threads", str(options.threads), "--batch", str(options.batch), *level, "--serve"]
    builds = [os.path.abspath(build) for build in options.builds]
    order = [1, 0] if is_new_first else [0, 1]
    running = {at: Peer([builds[at], net, *settings]) for at in order}
    ratios = []
    for task in TASKS:
        medians = {}
        for seconds in (WARM_UP_S, options.seconds):
            medians = {at: running[at].ask(f"{task} {seconds}")[0] for at in order}
        ratios.append(medians[0] / medians[1])
    for peer in running.values():
        peer.close()
    return ratios


def main():
    options = arguments()
    print(f"{machine()}\n{options.pairs} pairs of new processes, {options.threads} threads")
    for net in options.nets.split(","):
        pairs = [one_pair(net, options, bool(pair % 2)) for pair in range(options.pairs)]
        for task, ratios in zip(TASKS, zip(*pairs)):
            print(
                f"{net:6} {task:10} {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
