"""The first network: seven records, three inputs, one sigmoid neuron, as a well-known tutorial trains it.

The tutorial takes the sigmoid's derivative at the wrong place: at the neuron's output ``a`` instead of its
pre-activation ``z``. Here that rule stands beside the correct gradient, each as an ordinary Pellucid network.

Run it:  .venv/bin/python examples/first_network.py
"""

from dataclasses import dataclass

import numpy as np

from pellucid import SGD, Dense, Network, Sigmoid, SquaredError, check_gradients
from pellucid.functions import sigmoid

RECORDS = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 1], [0, 1, 0]], dtype=float)
LABELS = np.array([1, 0, 0, 1, 1, 0, 1], dtype=float)
QUESTIONS = np.array([[1, 0, 0], [0, 1, 0]], dtype=float)


@dataclass(frozen=True)
class TutorialSigmoid(Sigmoid):
    """The sigmoid with the tutorial's derivative: s'(a) in place of s'(z) = a (1 - a)."""

    def backward(self, parameters, cache, dy):
        again = sigmoid(cache["y"])  # the sigmoid of what already is a sigmoid
        return dy * (again * (1 - again)), {}


def first_network(activation):
    """Return the network with the tutorial's start: three weights and a bias from NumPy's old generator, seed 42."""
    network = Network(3, [Dense(1), activation], seed=0)
    old = np.random.RandomState(42)
    network.theta = np.concatenate([old.rand(3), old.rand(1)])
    return network


# The tutorial's step is 0.05 times the gradient of *half* the summed squared error; ours has no half.
SETTINGS = {"loss": SquaredError(reduction="sum"), "optimizer": SGD(0.025), "batch_size": None}


def main():
    """Train both networks and print their figures."""
    for activation in (TutorialSigmoid(), Sigmoid()):
        network = first_network(activation)
        network.fit(RECORDS, LABELS, epochs=24_999, **SETTINGS)
        error = (network.predict(RECORDS)[:, 0] - LABELS).sum()  # printed before the last update, as in the tutorial
        network.fit(RECORDS, LABELS, epochs=1)
        report = check_gradients(network, RECORDS, LABELS)
        print(f"\n{type(activation).__name__}, 25,000 epochs")
        print(f"  summed error {error:.16g}")
        print("  predictions", *(f"{value:.8f}" for value in network.predict(QUESTIONS)[:, 0]))
        print(f"  {report.verdict}")


if __name__ == "__main__":
    main()
