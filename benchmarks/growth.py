"""How the cost of training grows: with rows, width, depth, batch size and devices, on both engines.

One thing at a time is varied around a base, 64-128-128-10 on 16,384 rows in batches of 64: Adam, ReLU, cross-entropy,
float32. Times are of training alone, once all is compiled; compiling is timed apart. What is measured is written to
docs/growth.csv, from which the documentation draws its pictures, and what it was measured on to docs/growth.json.

Run it:  python -m benchmarks.growth [--rounds N] [--out FILE]      (needs the extra jax)

On a machine that is busy with other things NumPy's matrix products on several threads wait for each other, a hundred
times as long as they compute. OPENBLAS_NUM_THREADS=1 in the environment prevents that, and is written down.
"""

import argparse
import csv
import importlib.util
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.measure import machine
from pellucid import Adam, Dense, Network, ReLU
from pellucid.training import run

OUT = Path(__file__).parents[1] / "docs" / "growth.csv"
COLUMNS = (
    "sweep", "value", "engine", "seconds_per_step", "seconds_per_epoch", "compile_seconds", "parameters", "batch",
    "rows",
)  # fmt: skip
INPUTS, CLASSES = 64, 10
AT_LEAST = 0.4  # seconds that one timed training takes, about; two epochs, should they take longer
MOST_EPOCHS = 1000
NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Case:
    """What one measurement trains, and on how many devices."""

    rows: int = 16_384  # every batch size below divides it: all steps are alike
    width: int = 128
    depth: int = 2
    batch: int = 64
    devices: int = 1

    def network(self) -> Network:
        hidden = [layer for _ in range(self.depth) for layer in (Dense(self.width), ReLU())]
        return Network(INPUTS, [*hidden, Dense(CLASSES)], seed=0, dtype="float32")


BASE = Case()
SWEEPS = {
    "rows": [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072],
    "width": [16, 32, 64, 128, 256, 512, 1024],
    "depth": [1, 2, 4, 8, 16],
    "batch": [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096],
}
DEVICES = [1, 2, 4]
BATCHES_ON_DEVICES = [BASE.batch, 4096]


def measure(case, engines, rounds):
    """Return, for each engine, the figures of a case: medians over the rounds, the engines taking turns."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(case.rows, INPUTS)).astype(np.float32)
    y = np.arange(case.rows) % CLASSES
    settings = {"loss": "cross_entropy_from_logits", "batch_size": case.batch}

    def seconds(engine, epochs):
        """Train; return the time at the end of each epoch. Checking and copying the table comes before it."""
        devices = case.devices if engine == "jax" else None
        history = case.network().fit(
            X, y, optimizer=Adam(), epochs=epochs, engine=engine, devices=devices, **settings
        )  # fmt: skip
        return history["seconds"]

    def until_first_step(optimizer):
        network = case.network()
        began = time.perf_counter()
        reports = run(
            network, X, y, optimizer=optimizer, engine="jax", devices=case.devices, every="batch", **settings
        )  # fmt: skip
        next(reports)
        took = time.perf_counter() - began
        reports.close()
        return took

    epochs = {}
    for engine in engines:  # not counted: here the program is compiled that the rounds use
        first, second = seconds(engine, 2)
        epochs[engine] = int(np.clip(AT_LEAST / (second - first), 2, MOST_EPOCHS))
    per_epoch = {engine: [] for engine in engines}
    compiling = []
    for _ in range(rounds):
        for engine in engines:
            per_epoch[engine].append(seconds(engine, epochs[engine])[-1] / epochs[engine])
        if "jax" in engines:
            new = Adam(epsilon=1e-8 * (1 + next(NUMBERS) / 1000))  # never seen before, so it must be compiled
            compiling.append(until_first_step(new) - until_first_step(new))
    steps = -(-case.rows // case.batch)
    return {
        engine: {
            "seconds_per_step": statistics.median(times) / steps,
            "seconds_per_epoch": statistics.median(times),
            "compile_seconds": statistics.median(compiling) if engine == "jax" else "",
        }
        for engine, times in per_epoch.items()
    }


def lines(sweep, case, figures):
    """Return the lines of the file for one case, and print them."""
    found = []
    for engine, numbers in figures.items():
        line = {
            "sweep": sweep,
            "value": getattr(case, sweep),
            "engine": engine,
            **numbers,
            "parameters": case.network().theta.size,
            "batch": case.batch,
            "rows": case.rows,
        }
        found.append({name: f"{one:.6g}" if isinstance(one, float) else one for name, one in line.items()})
        compiling = numbers["compile_seconds"]
        print(
            f"  {sweep:8} {line['value']:>8,} {engine:6} {line['parameters']:>10,} {case.batch:>6,} {case.rows:>8,} "
            f"{numbers['seconds_per_step'] * 1e6:>11,.1f} {numbers['seconds_per_epoch'] * 1e3:>11,.2f} "
            + (f"{compiling:>9.2f}" if engine == "jax" else f"{'-':>9}"),
            flush=True,
        )
    return found


def heading():
    print(
        f"\n  {'sweep':8} {'value':>8} {'engine':6} {'parameters':>10} {'batch':>6} {'rows':>8} "
        f"{'us a step':>11} {'ms an epoch':>11} {'compile s':>9}"
    )


def sweeps(rounds):
    """Measure every sweep but that over devices; each measures the base anew, in the same minute as its neighbours."""
    found = []
    for sweep, values in SWEEPS.items():
        heading()
        for value in values:
            case = replace(BASE, **{sweep: value})
            found += lines(sweep, case, measure(case, ("numpy", "jax"), rounds))
    return found


def devices(rounds):
    """Measure the sweep over devices, in a process that sees one processor as several."""
    most = max(DEVICES)
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={most}"
    cases = [replace(BASE, batch=batch, devices=count) for batch in BATCHES_ON_DEVICES for count in DEVICES]
    command = [sys.executable, "-m", "benchmarks.growth", "--rounds", str(rounds), "--cases"]
    answer = subprocess.run(
        [*command, json.dumps([asdict(case) for case in cases])],
        env={**os.environ, "XLA_FLAGS": flags.strip()},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    heading()
    found = []
    for case, figures in zip(cases, json.loads(answer), strict=True):
        found += lines("devices", case, figures)
    cores = os.cpu_count()
    print(f"  (virtual devices share the machine's {cores} processors: no gain is to be expected beyond what one uses)")
    return found


def slope(found, sweep, engine, across, up):
    """Return the slope of a line through the logarithms, over the upper half of a sweep: 1 where cost is linear."""
    chosen = [line for line in found if line["sweep"] == sweep and line["engine"] == engine]
    upper = chosen[len(chosen) // 2 :]
    x, y = ([float(line[name]) for line in upper] for name in (across, up))
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def measured_on(rounds):
    """Return what the figures were measured on."""
    import jax

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "jax": jax.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "openblas_threads": os.environ.get("OPENBLAS_NUM_THREADS", "all"),
        "rounds": rounds,
        "date": date.today().isoformat(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is timed (%(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="the table to write; what it ran on goes beside it")
    parser.add_argument("--cases", help=argparse.SUPPRESS)  # for the process with several devices
    given = parser.parse_args()
    if importlib.util.find_spec("jax") is None:
        raise SystemExit("JAX is not installed: pip install '.[jax]'")
    os.environ["PELLUCID_CACHE"] = ""  # nothing compiled is taken from the disk
    if given.cases:
        cases = [Case(**one) for one in json.loads(given.cases)]
        print(json.dumps([measure(case, ("jax",), given.rounds) for case in cases]))
        return

    began = time.perf_counter()
    machine()
    measure(replace(BASE, rows=1024, width=16), ("numpy", "jax"), 1)  # both libraries have started
    found = sweeps(given.rounds) + devices(given.rounds)
    with given.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    about = given.out.with_suffix(".json")
    about.write_text(json.dumps(measured_on(given.rounds), indent=2) + "\n", encoding="utf-8")

    print("\nSlope in log-log over the upper half of a sweep (1: the cost is proportional)")
    for sweep, across, up in (
        ("rows", "rows", "seconds_per_epoch"),
        ("width", "parameters", "seconds_per_step"),
        ("depth", "value", "seconds_per_step"),
        ("batch", "batch", "seconds_per_step"),
        ("depth", "value", "compile_seconds"),
    ):
        for engine in ("numpy", "jax") if up != "compile_seconds" else ("jax",):
            figure = slope(found, sweep, engine, across, up)
            title = f"{up.replace('_', ' ')} against {'depth' if sweep == 'depth' else across}"
            print(f"  {title:52} {engine:6} {figure:5.2f}")
    print(f"\nWritten: {given.out}, {about}; {time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main()
