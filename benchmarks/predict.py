"""Predicting: one row through 30-100-1 against the bare NumPy expression, and a million rows.

Run it:  python -m benchmarks.predict
"""

import tracemalloc

import numpy as np

from benchmarks.measure import in_turns, machine, rounds_wanted, table
from pellucid import Dense, Network, ReLU

CALLS = 2_000


def main():
    rounds = rounds_wanted(__doc__.splitlines()[0], 15)
    machine()
    network = Network(30, [Dense(100), ReLU(), Dense(1)], seed=0)
    row = np.random.default_rng(0).normal(size=(1, 30))
    first, second = network.parameters["dense_1"], network.parameters["dense_2"]
    w1, b1, w2, b2 = first["weights"], first["bias"], second["weights"], second["bias"]

    def ours():
        for _ in range(CALLS):
            network.predict(row)

    def bare():
        for _ in range(CALLS):
            np.maximum(row @ w1 + b1, 0) @ w2 + b2

    seconds = in_turns({"bare NumPy": bare, "predict": ours}, rounds)
    table("One row through 30-100-1", seconds, "bare NumPy", CALLS, "us", 1e6)

    X = np.random.default_rng(0).normal(size=(1_000_000, 30))
    tracemalloc.start()
    network.predict(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"\nA million rows: {peak / 1e6:.0f} MB beyond the table itself (its hidden layer alone would be 800 MB)")


if __name__ == "__main__":
    main()
