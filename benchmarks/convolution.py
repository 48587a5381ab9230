"""Two convolutions, forward and backward, float32: both engines' way through the layers, and PyTorch's.

Pictures of 28 x 28 x 1, batches of 64, 16 filters of 3 x 3 and then 32, with biases. Each side runs in a process of
its own, in turns, with as many threads as it chooses by itself: in one process the threads that one side leaves waiting
take the other's processors. A round's figure is the median of 40 passes after 5 that are not counted.

Run it:  python -m benchmarks.convolution [--rounds N]
"""

import subprocess
import sys
from functools import partial

from benchmarks.measure import machine, rounds_wanted, table

SIDES = {"PyTorch": "torch", "ours, NumPy": "numpy", "ours, JAX": "jax"}

SIDE = """
import statistics, sys, time
import numpy as np
from pellucid import Conv2D, Network, walk
from pellucid.layers import Context

generator = np.random.default_rng(0)
X = generator.standard_normal((64, 28, 28, 1)).astype(np.float32)
network = Network((28, 28, 1), [Conv2D(16, 3), Conv2D(32, 3)], seed=0, dtype="float32")
dy = generator.standard_normal((64, *network.outputs)).astype(np.float32)
parameters, contexts = network.layout.views(network.theta), [Context(training=True)] * 2

def through(parameters, X, dy):  # as a training step does, which leaves out the gradient of the pictures
    output, caches = walk.forward(network.layers, parameters, X, contexts)
    return output, walk.backward(network.layers, parameters, caches, dy)

if sys.argv[1] == "numpy":
    once = lambda: through(parameters, X, dy)
elif sys.argv[1] == "jax":
    import jax
    compiled, on_device = jax.jit(through), jax.device_put((parameters, X, dy))
    once = lambda: jax.block_until_ready(compiled(*on_device))
else:
    import torch
    peer = torch.nn.Sequential(torch.nn.Conv2d(1, 16, 3), torch.nn.Conv2d(16, 32, 3))
    x, d = (torch.from_numpy(array.transpose(0, 3, 1, 2).copy()) for array in (X, dy))
    def once():
        peer.zero_grad()
        peer(x).backward(d)

seconds = []
for _ in range(45):
    began = time.perf_counter()
    once()
    seconds.append(time.perf_counter() - began)
print(statistics.median(seconds[5:]))
"""


def seconds_of(side: str) -> float | None:
    """Return the median of one process's passes, or None where its library is not installed."""
    done = subprocess.run([sys.executable, "-c", SIDE, side], capture_output=True, text=True)
    if done.returncode:
        if "ModuleNotFoundError" in done.stderr:
            return None
        sys.exit(done.stderr)
    return float(done.stdout)


def main():
    rounds = rounds_wanted(__doc__.splitlines()[0], 5)
    machine()
    sides = {name: partial(seconds_of, side) for name, side in SIDES.items()}
    there = {name: side for name, side in sides.items() if side() is not None}
    seconds = {name: [] for name in there}
    for _ in range(rounds):
        for name, side in there.items():
            seconds[name].append(side())
    table("28x28x1, 3x3x16, 3x3x32, batch 64", seconds, next(iter(there)), unit="ms", scale=1e3)


if __name__ == "__main__":
    main()
