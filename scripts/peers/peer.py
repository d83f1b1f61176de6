"""One peer of the comparison, started by compare.py in a process of its own.

Reads `train SECONDS` or `infer BATCH SECONDS` from the standard input, line by line, and answers each
with the median and the least seconds of a step and the number of steps, as
`bench_step --serve` does. What is asked for the first time is warmed up first.

usage: peer.py torch|torch-channels-last|onnxruntime NET BATCH THREADS
"""

import sys
import time

kind, name, batch, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

import nets  # noqa: E402

torch.set_num_threads(threads)
torch.manual_seed(0)
channels_last = kind == "torch-channels-last"
model = nets.NETS[name]()
if channels_last:
    model = model.to(memory_format=torch.channels_last)


def trainer():
    x, y = nets.images(batch, channels_last), torch.randint(0, 10, (batch,))
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=0.004, foreach=True)

    def step():
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(model(x), y).backward()
        optimiser.step()

    return step


def inferer(count):
    x = nets.images(count, channels_last)
    if kind == "onnxruntime":
        return onnx_inferer(x)

    @torch.inference_mode()
    def step():
        model(x)

    return step


def onnx_inferer(x):
    import io

    import onnxruntime

    file = io.BytesIO()
    torch.onnx.export(model.eval(), x, file, input_names=["x"], output_names=["y"], opset_version=17, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    values = {"x": x.numpy()}
    return lambda: session.run(None, values)


def measure(step, seconds):
    times, start = [], time.perf_counter()
    while not times or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    times.sort()
    return times[len(times) // 2], times[0], len(times)


print("ready", flush=True)
steps = {}
for line in sys.stdin:
    *task, seconds = line.split()
    task = tuple(task)
    if task not in steps:
        steps[task] = trainer() if task[0] == "train" else inferer(int(task[1]))
        for _ in range(3):
            steps[task]()
    print(*measure(steps[task], float(seconds)), flush=True)
