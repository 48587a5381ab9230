"""What a training step costs on each engine: the figures that ``pellucid.engines.costs`` holds.

Run it:  python -m benchmarks.costs
"""

import os
import statistics
import time

import numpy as np

from benchmarks.measure import machine, rounds_wanted
from pellucid import Adam, Dense, Network, ReLU
from pellucid.engines import costs, find
from pellucid.engines.engine import Engine

# hidden widths, batch size
CASES = [
    ((), 8), ((8,), 8), ((8, 8, 8), 16), ((16,) * 6, 16), ((32,), 32), ((64, 64), 32), ((64,) * 5, 64), ((128,), 64),
    ((128, 128), 256), ((256,), 128), ((256, 256), 64), ((512, 256), 256), ((512, 512), 128), ((1024,), 32),
    ((16, 16), 2048), ((64,), 2048),
]  # fmt: skip
INPUTS, CLASSES = 32, 10
AIM = 0.3  # seconds that one measurement should take


class Watched:
    """Keeps the engines that runs make, so that their own seconds can be read."""

    def __init__(self):
        self.engines = []

    def __call__(self, name):
        kind = find(name)

        def make(work):
            self.engines.append(kind(work))
            self.work = work
            return self.engines[-1]

        make.loss_and_gradient = kind.loss_and_gradient
        return make


def measure(name, hidden, batch, watched):
    """Return the sizes of a case, the seconds of one of its steps, and those of its compilation."""
    from pellucid import engines

    records = 40 * batch
    generator = np.random.default_rng(0)
    X = generator.normal(size=(records, INPUTS)).astype(np.float32)
    y = np.arange(records) % CLASSES
    layers = [layer for width in hidden for layer in (Dense(width), ReLU())]
    network = Network(INPUTS, [*layers, Dense(CLASSES)], seed=0, dtype="float32")

    def fit(epochs):
        network.fit(
            X, y, loss="cross_entropy_from_logits", optimizer=Adam(), batch_size=batch, epochs=epochs, engine=name
        )
        return watched.engines[-1]

    before, engines.find = engines.find, watched
    try:
        first: Engine = fit(1)
        again = fit(2)
        epochs = max(2, min(1000, round(AIM / (again.stepping / 2))))
        seconds = [fit(epochs).stepping / (epochs * 40) for _ in range(3)]
    finally:
        engines.find = before
    return costs.Sizes.of(watched.work), statistics.median(seconds), first.preparation


def main():
    from scipy.optimize import nnls

    rounds = rounds_wanted(__doc__.splitlines()[0], 3)
    os.environ["PELLUCID_CACHE"] = ""  # what is compiled is compiled here, not found on the disk
    machine()
    watched = Watched()
    for name in ("numpy", "jax"):
        rows, times, starts, depths = [], [], [], []
        for hidden, batch in CASES:
            found = [measure(name, hidden, batch, watched) for _ in range(rounds)]
            sizes, seconds = found[0][0], statistics.median(one[1] for one in found)
            rows.append([1.0, sizes.layers, sizes.values, sizes.parameters, sizes.products])
            times.append(seconds)
            starts.append(found[0][2])
            depths.append([1.0, sizes.layers])
        table, times = np.array(rows), np.array(times)
        # Relative errors count, so that small networks are told about as well as large ones.
        figures, _ = nnls(table / times[:, None], np.ones(len(times)))
        told = table @ figures
        print(f"\n{name}: seconds a step = {figures[0]:.3g} + {figures[1]:.3g} layers + {figures[2]:.3g} values")
        print(f"    + {figures[3]:.3g} parameters + {figures[4]:.3g} products")
        if name == "jax":
            start, _ = nnls(np.array(depths), np.array(starts))
            print(f"    compilation = {start[0]:.3g} + {start[1]:.3g} layers")
        for (hidden, batch), seconds, guess in zip(CASES, times, told, strict=True):
            text = "-".join(map(str, (INPUTS, *hidden, CLASSES)))
            print(f"  {text:24} batch {batch:5}: {seconds * 1e6:8.1f} us, told {guess * 1e6:8.1f} us")
    print(f"\nmeasured in {time.process_time():.0f} s of processor time")


if __name__ == "__main__":
    main()
