"""Pellucid's estimators beside scikit-learn's classes of the same names, with default settings.

Fit: digits, breast_cancer, diabetes, and two made tables of 20,000 rows, each round with a seed of its own, three
quarters of the rows to learn from and the rest to score. Predict: one row, and 100,000. Memory: what the process holds
before it fits, and the most that it holds more while it does, as Linux tells it. Each side runs in a process of its
own, in turns, with as many threads as it chooses by itself: that is how people run them, and memory that one side has
made the allocator keep would serve the other.

Run it:  python -m benchmarks.estimators [--rounds N]      (10 rounds take about ten minutes)
"""

import json
import statistics
import subprocess
import sys

from benchmarks.measure import machine, rounds_wanted, table

SIDES = {"scikit-learn": "sklearn.neural_network", "ours": "pellucid.estimators"}
TABLES = ("digits", "breast_cancer", "diabetes", "20,000 x 64", "20,000 x 784")

SIDE = """
import importlib, json, statistics, sys, time, warnings
from pathlib import Path
import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

warnings.simplefilter("ignore")
module, task, name, seed = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
library = importlib.import_module(module)

def data():
    if name.startswith("20,000"):
        columns = int(name.split()[-1])
        return datasets.make_classification(20_000, columns, n_informative=20, flip_y=0.02, random_state=0)
    return getattr(datasets, "load_" + name)(return_X_y=True)

def resident(which):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(which))
    return int(line.split()[1]) / 1024

kind = library.MLPRegressor if name == "diabetes" else library.MLPClassifier
if task == "fit":
    X, y = data()
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=seed)
    kind(max_iter=2, random_state=0).fit(X_train[:500], y_train[:500])
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far is forgotten: making the data took more
    before, began = resident("VmRSS"), time.perf_counter()
    estimator = kind(random_state=seed).fit(X_train, y_train)
    seconds, peak = time.perf_counter() - began, resident("VmHWM")
    found = {"seconds": seconds, "score": estimator.score(X_test, y_test), "epochs": estimator.n_iter_}
    found |= {"before": before, "peak": peak}
else:
    X, y = datasets.load_digits(return_X_y=True)
    estimator = kind(max_iter=20, random_state=0).fit(X, y)
    rows = np.resize(X, (int(name), X.shape[1]))
    seconds = []
    for _ in range(2000 if len(rows) == 1 else 20):
        began = time.perf_counter()
        estimator.predict(rows)
        seconds.append(time.perf_counter() - began)
    found = {"seconds": statistics.median(seconds[2:])}
print(json.dumps(found))
"""


def measured(side: str, task: str, name: str, seed: int) -> dict[str, float]:
    """Return what one process of one side found."""
    command = [sys.executable, "-c", SIDE, SIDES[side], task, name, str(seed)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def in_turns(task: str, name: str, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Return what each side found in each round; which one begins changes from round to round."""
    found = {side: [] for side in SIDES}
    for number in range(rounds):
        for side in list(SIDES)[:: 1 if number % 2 else -1]:
            found[side].append(measured(side, task, name, number))
    return found


def main():
    rounds = rounds_wanted(__doc__.splitlines()[0], 10)
    machine()
    ratios = []
    for name in TABLES:
        found = in_turns("fit", name, rounds)
        seconds = {side: [one["seconds"] for one in all_of] for side, all_of in found.items()}
        table(f"fit {name}", seconds, "scikit-learn", unit="s", scale=1)
        both = zip(seconds["scikit-learn"], seconds["ours"], strict=True)
        ratios.append(statistics.median(theirs / ours for theirs, ours in both))
        for side, all_of in found.items():
            scores = [one["score"] for one in all_of]
            print(
                f"  {side}: score {statistics.mean(scores):.4f} ({min(scores):.4f} to {max(scores):.4f}), "
                f"epochs {statistics.median(one['epochs'] for one in all_of):.0f}, "
                f"memory {statistics.median(one['before'] for one in all_of):.0f} MB, "
                f"in fit {statistics.median(one['peak'] - one['before'] for one in all_of):.1f} more"
            )
    print(f"\nfit, geometric mean over the tables: {statistics.geometric_mean(ratios):.2f} times as fast")
    for rows in (1, 100_000):
        found = in_turns("predict", str(rows), rounds)
        seconds = {side: [one["seconds"] for one in all_of] for side, all_of in found.items()}
        unit, scale = ("us", 1e6) if rows == 1 else ("ms", 1e3)
        table(f"predict {rows:,} row(s) of digits", seconds, "scikit-learn", unit=unit, scale=scale)


if __name__ == "__main__":
    main()
