"""Write the stored examples of format version 1, and what they predict: run once, when the version was new.

    python tests/data/make_model_v1.py FOLDER [NAME ...]

The files in this folder are never written anew: every later version must read these very bytes. With names, only those
are written: the kind `estimator` came later than the others.
"""

import hashlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np

import pellucid
from pellucid import (
    SGD,
    Adam,
    CosineDecay,
    Dense,
    EarlyStopping,
    HeNormal,
    LeakyReLU,
    Network,
    Parallel,
    Penalty,
    Residual,
    Tanh,
)
from pellucid.files import safetensors
from pellucid.layers import BatchNorm

X = np.random.default_rng(11).normal(size=(40, 3))
Y = X[:, 0] * X[:, 1] - 0.5 * X[:, 2]


def network():
    """One network with a schedule, a penalty, the optimizer's memory, early stopping and a frozen layer."""
    layers = [Dense(5, weights_initializer=HeNormal()), LeakyReLU(0.1), Dense(4, bias=False), Tanh(), Dense(1)]
    made = Network(3, layers, seed=7, frozen=["dense_2"])
    made.fit(
        X,
        Y,
        loss="huber",
        optimizer=Adam(CosineDecay(0.02, 60, warmup=3)),
        penalty=Penalty(l2=1e-3),
        epochs=12,
        batch_size=8,
        validation_fraction=0.25,
        callbacks=[EarlyStopping(3)],
    )
    return made


def blocks():
    """Layers within layers, and the running statistics of batch normalisation, outside and within."""
    block = Residual([Dense(4), BatchNorm(scale=False), Tanh()])
    made = Network(3, [Dense(4), BatchNorm(), block, Parallel([Dense(2), [Tanh(), Dense(1)]])], seed=5)
    made.fit(X, np.column_stack([Y, Y, -Y]), loss="squared_error", optimizer=SGD(0.02, momentum=0.9), epochs=4)
    return made


def members():
    """Two members in float32, with one state of the optimizer for both."""
    made = Network(3, [Dense(4), Tanh(), Dense(2)], seed=1, dtype="float32", members=2)
    classes = (Y > 0).astype(int)
    made.fit(X, classes, loss="cross_entropy_from_logits", optimizer="nadam", epochs=6, callbacks=[EarlyStopping(2)],
             validation_fraction=0.25)  # fmt: skip
    return made


def table():
    """A model of a table with three classes, one column that is constant and one that is ignored."""
    import polars as pl

    frame = pl.DataFrame(
        {"length": X[:, 0], "width": X[:, 1], "same": np.full(40, 2.5), "row": np.arange(40), "size": sizes(Y)}
    )
    made = pellucid.TableModel("size", ignore="row", hidden=(4,), epochs=8, batch_size=16, seed=3)
    return made.fit(frame, test_share=0.25)


def estimator():
    """A classifier with feature names, a best epoch, running statistics and figures of its validation records."""
    import polars as pl

    from pellucid.estimators import MLPClassifier

    made = MLPClassifier(
        (5, 4),
        ["tanh", LeakyReLU(0.1)],
        solver="sgd",
        learning_rate="adaptive",
        learning_rate_init=0.05,
        max_iter=8,
        random_state=3,
        early_stopping=True,
        n_iter_no_change=2,
        normalization="batch",
        dropout=(0.1, 0.0),
        class_weight={"large": 2.0, "middle": 1, "small": 0.5},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there was more to learn
        return made.fit(pl.DataFrame(X, schema=["length", "width", "depth"]), np.array(sizes(Y)))


INNER = {"table": "network", "estimator": "network_"}
"""The attribute that holds the network, where the model is more than that."""


def sizes(values):
    """Return a class for each value."""
    return [["small", "middle", "large"][int(value > -0.4) + int(value > 0.4)] for value in values]


def main(folder: Path, names: list[str]) -> None:
    """Write the files, and beside each what it gives."""
    for make in (network, blocks, members, table, estimator):
        if names and make.__name__ not in names:
            continue
        name, model = make.__name__, make()
        path = folder / f"model-v1-{name}.pellucid"
        model.save(path)
        inner = getattr(model, INNER[name]) if name in INNER else model
        records = [[0.0, 0.0, 0.0], [1.0, -2.0, 0.5], [-0.25, 3.0, 1.0]]
        tensors, _ = safetensors.read(path)
        kept = {
            "config": repr(inner),
            "inputs": records,
            "outputs": inner.predict(records).astype(float).tolist(),
            "tensors": {one: hashlib.sha256(array.tobytes()).hexdigest() for one, array in tensors.items()},
        }
        path.with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
