"""What a checkpoint after every epoch costs: a million float32 parameters, epochs of about a second.

Run it:  python -m benchmarks.checkpoint [--rounds N]

All sides train the same network for the same epochs, in turns. The ratio is that of the whole times, so what the
writing takes from the training beside it is counted; how long the training itself stands still is printed apart.
"""

import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import measure
from pellucid import Adam, Checkpoint, Dense, EarlyStopping, Network, ReLU
from pellucid.training.checkpoint import Keeper

EPOCHS = 4
RECORDS = 8_000


def main() -> None:
    rounds = measure.rounds_wanted(__doc__, default=7)
    measure.machine()
    generator = np.random.default_rng(0)
    X = generator.standard_normal((RECORDS, 512)).astype("float32")
    y = generator.integers(0, 10, RECORDS)
    network = Network(512, [Dense(1000), ReLU(), Dense(500), ReLU(), Dense(10)], seed=0, dtype="float32")
    start = network.theta.copy()
    folder = Path(tempfile.mkdtemp())
    waited, write = {True: [], False: []}, Keeper.write

    def timed(keeper, steps, *, finished, behind=False):
        began = time.perf_counter()
        write(keeper, steps, finished=finished, behind=behind)
        waited[finished].append(time.perf_counter() - began)

    Keeper.write = timed

    def train(checkpoint: bool, best: bool) -> None:
        network.theta, network.fitted = start, None
        shutil.rmtree(folder / "run", ignore_errors=True)
        callbacks = [EarlyStopping(EPOCHS, monitor="validation_loss")] if best else []
        network.fit(
            X, y, loss="cross_entropy_from_logits", optimizer=Adam(), epochs=EPOCHS, batch_size=128,
            validation_data=(X[:100], y[:100]), callbacks=callbacks,
            checkpoint=Checkpoint(folder / "run", seconds=0) if checkpoint else None,
        )  # fmt: skip

    try:
        seconds = measure.in_turns(
            {
                "no checkpoint": lambda: train(False, False),
                "one after every epoch": lambda: train(True, False),
                "and the best epoch in it": lambda: train(True, True),
            },
            rounds,
        )
    finally:
        shutil.rmtree(folder)
    after, at_end = (1e3 * statistics.median(waited[finished]) for finished in (False, True))
    print(f"\ntraining stands still for {after:.1f} ms after an epoch, and for {at_end:.1f} ms at the end (medians)")
    measure.table(f"an epoch of a network with {network.theta.size:,} parameters", seconds, "no checkpoint", per=EPOCHS)


if __name__ == "__main__":
    main()
