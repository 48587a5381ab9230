"""What a trace costs, made and written; and that training costs nothing more where none is made.

Run it:  python -m benchmarks.tracing [--before FOLDER]

FOLDER is the ``src`` of another checkout, such as one from before there were traces. Both train the same networks in
processes of their own, in turns.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks import measure
from pellucid import Adam, Dense, Network, ReLU, trace

SECONDS_ALLOWED = 1.0
BYTES_ALLOWED = 1_000_000

# Run in a process of its own, so that another checkout can be timed by the same lines.
TRAINING = """
import time
import numpy as np
from pellucid import Adam, Dense, Network, ReLU, SGD, Sigmoid, SquaredError
generator = np.random.default_rng(0)
X, y = generator.standard_normal((4096, 64)).astype("float32"), generator.integers(0, 10, 4096)
network = Network(64, [Dense(64), ReLU(), Dense(10)], seed=0, dtype="float32")
tiny = Network(3, [Dense(1), Sigmoid()], seed=0)
records, labels = generator.integers(0, 2, (7, 3)).astype(float), generator.integers(0, 2, 7)
network.fit(X, y, loss="cross_entropy_from_logits", optimizer=Adam(), epochs=1)
began = time.perf_counter()
network.fit(X, y, epochs=20)
wide = time.perf_counter() - began
began = time.perf_counter()
tiny.fit(records, labels, loss=SquaredError(reduction="sum"), optimizer=SGD(0.05), epochs=5000, batch_size=None)
print(wide, time.perf_counter() - began)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="how often each side is timed (%(default)s)")
    parser.add_argument("--before", type=Path, help="the src folder of another checkout")
    arguments = parser.parse_args()
    measure.machine()
    tracing(arguments.rounds)
    if arguments.before:
        training(arguments.rounds, arguments.before)


def tracing(rounds: int) -> None:
    """Time a trace of 784-256-128-10 on 128 records, and its renderings."""
    generator = np.random.default_rng(0)
    network = Network(784, [Dense(256), ReLU(), Dense(128), ReLU(), Dense(10)], seed=0, dtype="float32")
    X, y = generator.standard_normal((128, 784)), generator.integers(0, 10, 128)

    def made():
        return trace(network, X, y, loss="cross_entropy_from_logits", optimizer=Adam())

    sides = {
        "trace alone": made,
        "and terminal": lambda: made().text(),
        "and HTML": lambda: made().html(),
        "and LaTeX": lambda: made().latex(),
        "and JSON without arrays": lambda: made().json(arrays=False),
    }
    seconds = measure.in_turns(sides, rounds)
    measure.table("784-256-128-10, 128 records", seconds, "trace alone")
    terminal, size = statistics.median(seconds["and terminal"]), len(made().html().encode())
    print(f"  terminal: {terminal:.2f} s, {SECONDS_ALLOWED:g} allowed; HTML: {size:,} bytes, {BYTES_ALLOWED:,} allowed")


def training(rounds: int, before: Path) -> None:
    """Time training without a trace, here and in another checkout."""
    here = Path(__file__).parents[1] / "src"
    found: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds + 1):
        for name, folder in (("before", before), ("now", here)):
            environment = {**os.environ, "PYTHONPATH": str(folder.resolve()), "OPENBLAS_NUM_THREADS": "1"}
            done = subprocess.run(
                [sys.executable, "-c", TRAINING], env=environment, capture_output=True, text=True, check=True
            )
            for network, took in zip(("64-64-10, 20 epochs", "3-1, 5,000 steps"), done.stdout.split(), strict=True):
                if number:
                    found.setdefault(network, {}).setdefault(name, []).append(float(took))
    for network, seconds in found.items():
        measure.table(f"fit without a trace, {network}", seconds, "before")


if __name__ == "__main__":
    main()
