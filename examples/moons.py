"""One hidden layer: two half-moons that no straight line can part, and the boundary that three tanh units find.

The setting is the tutorial series' next step: 200 records, 2 inputs, 3 hidden tanh units, 2 softmax outputs,
cross-entropy summed over all records, L2 strength 0.01 on the weights, 20,000 full-batch steps at rate 0.01. That
rate lies at the edge of stability: from about the 2,500th pass on the cost alternates between two values, 0.07076 and
0.07132, and rounding in the sixteenth digit decides which of them falls on odd passes. So both are printed.

Run it:  .venv/bin/python examples/moons.py [PICTURE.png]      (needs the extras sklearn and plot)
"""

import sys

import numpy as np
from sklearn.datasets import make_moons

from pellucid import SGD, CrossEntropyFromLogits, Dense, Network, Penalty, Tanh
from pellucid.training import run

RATE, PASSES = 0.01, 20_000
LOSS, PENALTY = CrossEntropyFromLogits(reduction="sum"), Penalty(l2=0.01)


def moons():
    """Return the 200 points and their classes."""
    return make_moons(200, noise=0.20, random_state=np.random.RandomState(0))


def start():
    """Return the network before training: weights normal with variance 1 / fan-in, biases 0, seed 0."""
    network = Network(2, [Dense(3), Tanh(), Dense(2)], seed=0)
    old = np.random.RandomState(0)
    network.parameters["dense_1"]["weights"][...] = old.randn(2, 3) / np.sqrt(2)
    network.parameters["dense_2"]["weights"][...] = old.randn(3, 2) / np.sqrt(3)
    return network


def train(network, X, y, passes=PASSES):
    """Train; give (passes made, cost, cost one pass earlier) after the first pass, every 1,000, and the last."""
    reports = run(network, X, y, loss=LOSS, penalty=PENALTY, optimizer=SGD(RATE), epochs=passes, batch_size=None)
    for report in reports:
        if report.epoch % 1000 == 1 or report.epoch == passes:
            yield report.epoch, cost(network, X, y), report.loss / len(y)


def cost(network, X, y):
    """Return the mean cost of a record: cross-entropy and penalty, summed, divided by the number of records."""
    weights = (network.parameters[layer]["weights"] for layer in ("dense_1", "dense_2"))
    return (network.loss(X, y, loss=LOSS) + sum(PENALTY.value(array, 2) for array in weights)) / len(y)


def draw(network, X, y, path):
    """Draw the points and the boundary between the classes."""
    from matplotlib.figure import Figure

    (left, low), (right, high) = X.min(axis=0) - 0.5, X.max(axis=0) + 0.5
    across, up = np.meshgrid(np.linspace(left, right, 300), np.linspace(low, high, 300))
    chance = network.predict_proba(np.column_stack([across.ravel(), up.ravel()]))[:, 1].reshape(across.shape)

    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots()
    shades = axes.contourf(across, up, chance, levels=np.linspace(0, 1, 11), cmap="PuOr", alpha=0.7)
    axes.contour(across, up, chance, levels=[0.5], colors="black")
    for label, marker, colour in ((0, "o", "#b35806"), (1, "^", "#542788")):
        axes.scatter(*X[y == label].T, marker=marker, c=colour, edgecolors="white", label=f"class {label}")
    axes.set(title="Three tanh units part two half-moons", xlabel="input 1", ylabel="input 2")
    axes.legend(loc="upper right")
    figure.colorbar(shades, ax=axes, label="probability of class 1")
    figure.savefig(path, dpi=150)


def main():
    """Train, print the cost on the way, and draw the boundary."""
    X, y = moons()
    network = start()
    for passes, value, before in train(network, X, y):
        print(f"after {passes:6,} passes: cost {value:.12f} (one pass earlier {before:.12f})")
    accuracy = (network.predict(X).argmax(axis=1) == y).mean()
    print(f"training accuracy {accuracy:.3f}")
    path = sys.argv[1] if len(sys.argv) > 1 else "moons.png"
    draw(network, X, y, path)
    print(f"the boundary is drawn in {path}")


if __name__ == "__main__":
    main()
