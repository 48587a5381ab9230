"""One epoch of a classifier with one hidden layer, Adam, float32: ours, scikit-learn's, PyTorch's.

Run it:  python -m benchmarks.epoch
"""

import warnings

import numpy as np

from benchmarks.measure import in_turns, machine, rounds_wanted, table
from pellucid import Adam, Dense, Network, ReLU

# inputs, hidden units, classes, batch size, records
CASES = ((784, 256, 10, 128, 10_000), (64, 64, 10, 32, 20_000))
EPOCHS = 2


def case(inputs, hidden, classes, batch, records, rounds):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(records, inputs)).astype(np.float32)
    y = np.arange(records) % classes

    network = Network(inputs, [Dense(hidden), ReLU(), Dense(classes)], seed=0, dtype="float32")

    def ours():
        network.fit(X, y, loss="cross_entropy_from_logits", optimizer=Adam(), batch_size=batch, epochs=EPOCHS)

    def scikit_learn():
        from sklearn.neural_network import MLPClassifier

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MLPClassifier((hidden,), batch_size=batch, max_iter=EPOCHS, random_state=0).fit(X, y)

    sides = {"ours": ours, "scikit-learn": scikit_learn}
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: left out")
    else:
        x, t = torch.from_numpy(X), torch.from_numpy(y)
        peer = torch.nn.Sequential(torch.nn.Linear(inputs, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, classes))
        optimizer = torch.optim.Adam(peer.parameters(), fused=True)
        cost = torch.nn.CrossEntropyLoss()

        def pytorch():
            for _ in range(EPOCHS):
                order = torch.randperm(records)
                for start in range(0, records, batch):
                    rows = order[start : start + batch]
                    optimizer.zero_grad()
                    cost(peer(x[rows]), t[rows]).backward()
                    optimizer.step()

        sides["PyTorch eager, fused Adam"] = pytorch
    seconds = in_turns(sides, rounds)
    steps = EPOCHS * -(-records // batch)
    table(f"{inputs}-{hidden}-{classes}, batch {batch}: one step", seconds, "ours", per=steps, unit="us", scale=1e6)


def main():
    rounds = rounds_wanted(__doc__.splitlines()[0], 7)
    machine()
    for one in CASES:
        case(*one, rounds)


if __name__ == "__main__":
    main()
