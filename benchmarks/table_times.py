"""How long a model of a table takes to fit: 1,000, 10,000 and 50,000 rows of 20 columns, on both engines.

Sixteen columns of numbers, one of them skewed, and four of eight categories each; a target of two classes, and one of
numbers. Each engine runs in a process of its own, in turns with the other, on as many threads as it takes by itself.
The first fit in a process also imports the engine and compiles its program, unless an earlier process has left it on
disk; --fresh leaves none.

Run it:  python -m benchmarks.table_times [--rounds 3] [--fresh]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

SIZES = (1_000, 10_000, 50_000)
LIMITS = {1_000: 2, 10_000: 10, 50_000: 30}
ENGINES = ("numpy", "jax")


def table(rows: int, columns: int = 20, seed: int = 0):
    import polars as pl

    generator = np.random.default_rng(seed)
    numbers = generator.normal(size=(rows, columns - 4))
    numbers[:, 1] = np.exp(numbers[:, 1])
    found = {f"x{place}": own for place, own in enumerate(numbers.T)}
    found |= {f"c{place}": generator.choice(list("abcdefgh"), rows) for place in range(4)}
    y = numbers[:, 0] + np.sin(2 * numbers[:, 2]) + numbers[:, 3] * numbers[:, 4] + (found["c0"] == "a")
    return pl.DataFrame(found), y, np.where(y + generator.normal(size=rows) > 0, "yes", "no")


def fit_all(engine: str) -> dict[str, float]:
    from pellucid.tables import TabularClassifier, TabularRegressor

    seconds = {}
    for rows in SIZES:
        X, y, classes = table(rows)
        for name, make, target in (("classes", TabularClassifier, classes), ("numbers", TabularRegressor, y)):
            began = time.perf_counter()
            make(random_state=0, engine=engine).fit(X, target)
            seconds[f"{rows} {name}"] = time.perf_counter() - began
    return seconds


def main() -> None:
    from benchmarks.measure import machine

    parser = argparse.ArgumentParser(description="How long a model of a table takes to fit.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fresh", action="store_true", help="compile anew in every process")
    parser.add_argument("--of", choices=ENGINES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.of:
        print(json.dumps(fit_all(asked.of)))
        return
    found: dict[str, list[dict[str, float]]] = {engine: [] for engine in ENGINES}
    environment = os.environ | ({"PELLUCID_CACHE": ""} if asked.fresh else {})
    for _ in range(asked.rounds):
        for engine, runs in found.items():
            command = [sys.executable, "-m", "benchmarks.table_times", "--of", engine]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            runs.append(json.loads(done.stdout.splitlines()[-1]))
    machine()
    print("\nSeconds to fit, medians (lowest to highest)\n")
    print("| rows x 20 | target | NumPy | JAX | limit |\n|---|---|---|---|---|")
    for rows in SIZES:
        for name in ("classes", "numbers"):
            cells = []
            for engine in ENGINES:
                own = [run[f"{rows} {name}"] for run in found[engine]]
                cells.append(f"{statistics.median(own):.2f} ({min(own):.2f} to {max(own):.2f})")
            print(f"| {rows:,} | {name} | {cells[0]} | {cells[1]} | {LIMITS[rows]} |")


if __name__ == "__main__":
    main()
