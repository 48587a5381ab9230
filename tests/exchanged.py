"""What the tests of exchanged weights share: networks, records, and what equal predictions are."""

import numpy as np

from pellucid import Network
from table import scatter

EQUAL = 1e-12


def assert_equal_predictions(found, expected, within=EQUAL):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max(initial=0) <= within * max(1.0, np.abs(expected).max(initial=0))


def network_of(*layers, inputs=4):
    return scatter(Network(inputs, list(layers), seed=0))


def some_x(records=20, inputs=4):
    return np.random.default_rng(5).standard_normal((records, inputs))


def pictures(records=6):
    return np.random.default_rng(3).standard_normal((records, 8, 6, 4))


def moved(network):
    """Give every running statistic a value of its own, as a training does."""
    generator = np.random.default_rng(2)
    network.set_state(
        [{n: v + generator.uniform(0.1, 0.9, v.shape) for n, v in named.items()} for named in network.state]
    )
    return network
