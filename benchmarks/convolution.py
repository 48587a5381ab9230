"""Two convolutions, forward and backward, float32: both engines' way through the layers, and PyTorch's.

Pictures of 28 x 28 x 1, batches of 64, 16 filters of 3 x 3 and then 32, with biases. Both sides may use as many threads
as they choose by themselves.

Run it:  python -m benchmarks.convolution
"""

import numpy as np

from benchmarks.measure import in_turns, machine, rounds_wanted, table
from pellucid import Conv2D, Network, walk
from pellucid.layers import Context

RECORDS = 64


def main():
    rounds = rounds_wanted(__doc__.splitlines()[0], 30)
    machine()
    generator = np.random.default_rng(0)
    X = generator.standard_normal((RECORDS, 28, 28, 1)).astype(np.float32)
    network = Network((28, 28, 1), [Conv2D(16, 3), Conv2D(32, 3)], seed=0, dtype="float32")
    dy = generator.standard_normal((RECORDS, *network.outputs)).astype(np.float32)
    parameters, contexts = network.layout.views(network.theta), [Context(training=True)] * 2

    def through(parameters, X, dy):
        """Go through the layers as a training step does, which leaves out the gradient of the pictures."""
        output, caches = walk.forward(network.layers, parameters, X, contexts)
        return output, walk.backward(network.layers, parameters, caches, dy)

    sides = {"ours, NumPy": lambda: through(parameters, X, dy)}
    try:
        import jax
    except ImportError:
        print("JAX is not installed: left out")
    else:
        compiled = jax.jit(through)
        on_device = jax.device_put((parameters, X, dy))
        sides["ours, JAX"] = lambda: jax.block_until_ready(compiled(*on_device))
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: left out")
    else:
        peer = torch.nn.Sequential(torch.nn.Conv2d(1, 16, 3), torch.nn.Conv2d(16, 32, 3))
        x, d = (torch.from_numpy(array.transpose(0, 3, 1, 2).copy()) for array in (X, dy))
        print(f"PyTorch {torch.__version__} on {torch.get_num_threads()} threads")

        def pytorch():
            peer.zero_grad()
            peer(x).backward(d)

        sides = {"PyTorch": pytorch} | sides
    seconds = in_turns(sides, rounds)
    table("28x28x1, 3x3x16, 3x3x32, batch 64", seconds, next(iter(sides)), unit="ms", scale=1e3)
    if "PyTorch" in sides:
        for name in list(sides)[1:]:
            fastest = min(seconds["PyTorch"]) / min(seconds[name])
            print(f"  {name}: {fastest:.2f} of PyTorch's speed, by the fastest round of each")


if __name__ == "__main__":
    main()
