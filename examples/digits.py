"""Handwritten digits: a small convolutional network that reads 99 of 100 right.

scikit-learn brings 1,797 digits of 8 x 8 pixels. They are divided into five parts, of which each in turn is the test
part of a network that is trained on the other four (shuffled, and each with its share of every digit).

The settings are a common recipe. Dropout and smoothed labels were chosen by cross-validation within the training part
of the first split: 98.3 % without, 98.5 % with dropout, 99.2 % with both. The first test part played no role in that.

Run it:  .venv/bin/python examples/digits.py      (needs the extra sklearn; about 40 seconds)
"""

import time

from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from pellucid import (
    Adam,
    Conv2D,
    CosineDecay,
    CrossEntropyFromLogits,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    Network,
    ReLU,
)

RATE, BATCH, EPOCHS, SPLITS = 0.003, 32, 30, 5
LOSS = CrossEntropyFromLogits(label_smoothing=0.1)


def digits():
    """Return the images, as [N, height, width, channels] with pixels from 0 to 1, and which digits they are."""
    X, y = load_digits(return_X_y=True)
    return (X / 16).reshape(-1, 8, 8, 1), y


def start(seed):
    """Return the network before training: two convolutions, pooling, and one hidden layer."""
    layers = [
        *(Conv2D(16, 3, padding="same"), ReLU()),
        *(Conv2D(32, 3, padding="same"), ReLU()),
        *(MaxPool2D(2), Dropout(0.25), Flatten()),
        *(Dense(64), ReLU(), Dropout(0.5)),
        Dense(10),
    ]
    return Network((8, 8, 1), layers, seed=seed, dtype="float32")


def train(network, X, y):
    """Train, with a rate that falls to 0 along a half cosine."""
    batches = -(-len(X) // BATCH)
    rate = CosineDecay(RATE, steps=EPOCHS * batches)
    network.fit(X, y, loss=LOSS, optimizer=Adam(rate), batch_size=BATCH, epochs=EPOCHS)


def splits(X, y):
    """Train once a split; give the network, the places of its test part in the table, and what it reads there."""
    parts = StratifiedKFold(SPLITS, shuffle=True, random_state=0).split(X, y)
    for seed, (training, test) in enumerate(parts):
        network = start(seed)
        # Threads that share products as small as these mostly wait for each other.
        with threadpool_limits(1):
            train(network, X[training], y[training])
            yield network, test, network.predict(X[test]).argmax(axis=1)


def draw(image):
    """Print an image in characters, the darker the more ink."""
    for row in image[:, :, 0]:
        print("   ", "".join(2 * " .:-=+*#%@"[int(9 * ink)] for ink in row))


def main():
    """Train the five networks; print how many test digits each reads right, and some of their mistakes."""
    X, y = digits()
    print(start(0).summary())
    began = time.perf_counter()
    accuracies, mistakes = [], []
    for number, (_, test, read) in enumerate(splits(X, y), start=1):
        wrong = read != y[test]
        accuracies.append(1 - wrong.mean())
        mistakes += zip(test[wrong], read[wrong], strict=True)
        print(f"split {number}: test accuracy {accuracies[-1]:.2%}")
    print(f"mean of {SPLITS} splits: {sum(accuracies) / SPLITS:.2%}, in {time.perf_counter() - began:.0f} seconds")

    print(f"\n{len(mistakes)} of {len(y)} digits are read wrongly; three of them:")
    for place, read in mistakes[:3]:
        print(f"\na {y[place]}, read as {read}:")
        draw(X[place])


if __name__ == "__main__":
    main()
