"""The first network's 25,000 epochs: the tutorial's own loop, ours, scikit-learn's, PyTorch's.

Run it:  python -m benchmarks.first_network
"""

import importlib.util
import warnings

import numpy as np

from benchmarks.measure import in_turns, machine, ratio, rounds_wanted, table
from pellucid import SGD, Dense, Network, Sigmoid, SquaredError

RECORDS = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 1], [0, 1, 0]])
LABELS = np.array([[1], [0], [0], [1], [1], [0], [1]])
EPOCHS = 25_000
PYTORCH_EPOCHS = 2_500  # a tenth, and its time times ten


def squash(u):
    return 1 / (1 + np.exp(-u))


def tutorial():
    """The tutorial's loop without its print: the derivative from two more sigmoids, the bias record by record."""
    old = np.random.RandomState(42)
    weights, bias = old.rand(3, 1), old.rand(1)
    for _ in range(EPOCHS):
        output = squash(np.dot(RECORDS, weights) + bias)
        error = output - LABELS
        error.sum()
        delta = error * (squash(output) * (1 - squash(output)))
        weights -= 0.05 * np.dot(RECORDS.T, delta)
        for one in delta:
            bias -= 0.05 * one
    return weights, bias


def lean():
    """The shortest NumPy loop for the correct gradient: a floor for any array code."""
    old = np.random.RandomState(42)
    weights, bias, x, t = old.rand(3, 1), old.rand(1), RECORDS.astype(float), LABELS.astype(float)
    for _ in range(EPOCHS):
        output = 1 / (1 + np.exp(-(x.dot(weights) + bias)))
        error = output - t
        error.sum()
        delta = error * output * (1 - output)
        weights -= 0.05 * x.T.dot(delta)
        bias -= 0.05 * delta.sum()
    return weights, bias


def ours():
    """The same training through the library: every epoch's loss in the history."""
    network = Network(3, [Dense(1), Sigmoid()], seed=0)
    old = np.random.RandomState(42)
    network.theta = np.concatenate([old.rand(3), old.rand(1)])
    loss = SquaredError(reduction="sum")
    return network.fit(RECORDS, LABELS, loss=loss, optimizer=SGD(0.025), epochs=EPOCHS, batch_size=None)


def scikit_learn():
    """scikit-learn's MLPClassifier with no hidden layer, plain SGD, all 25,000 iterations."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        (), solver="sgd", learning_rate_init=0.05, momentum=0.0, alpha=0.0, batch_size=7, max_iter=EPOCHS, tol=0.0,
        n_iter_no_change=EPOCHS, random_state=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(RECORDS, LABELS.ravel())


def pytorch():
    """PyTorch eager: a linear layer, a sigmoid, mean squared error, torch.optim.SGD."""
    import torch

    x, t = torch.tensor(RECORDS, dtype=torch.float32), torch.tensor(LABELS, dtype=torch.float32)
    network = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Sigmoid())
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    cost = torch.nn.MSELoss(reduction="sum")
    for _ in range(PYTORCH_EPOCHS):
        optimizer.zero_grad()
        loss = cost(network(x), t)
        loss.backward()
        optimizer.step()
        loss.item()


def main():
    rounds = rounds_wanted(__doc__.splitlines()[0], 5)
    machine()
    sides = {"ours": ours, "tutorial's loop": tutorial, "lean NumPy loop": lean, "scikit-learn": scikit_learn}
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: left out")
    else:
        sides["PyTorch eager"] = pytorch
    seconds = in_turns(sides, rounds)
    if "PyTorch eager" in seconds:
        seconds["PyTorch eager"] = [value * EPOCHS / PYTORCH_EPOCHS for value in seconds["PyTorch eager"]]
    table(f"First network, {EPOCHS:,} epochs", seconds, "ours")
    against_tutorial = ratio(seconds, "ours", "tutorial's loop")
    print(f"\n  ours / tutorial's loop: {against_tutorial:.2f}")


if __name__ == "__main__":
    main()
