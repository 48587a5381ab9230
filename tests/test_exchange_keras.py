"""Weights to Keras and back: the same predictions on both sides."""

import os

import numpy as np
import pytest

from exchanged import assert_equal_predictions, moved, network_of, pictures, some_x
from judges import judge
from pellucid import (
    BatchNorm,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    LayerNorm,
    MaxPool2D,
    Network,
    PReLU,
    ReLU,
    RMSNorm,
    Tanh,
    keras_weights,
    load_keras_weights,
)

os.environ.setdefault("KERAS_BACKEND", "torch")  # read when Keras is imported

EQUAL_IN_FLOAT32 = 2e-6  # Keras 3 multiplies matrices in float32, whatever dtype it is told


def in_keras(test):
    """Mark a test as slow, as Keras is long in coming, and as one that meets its way with NumPy 1."""
    ignored = "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    return pytest.mark.slow(pytest.mark.filterwarnings(ignored)(test))


@pytest.fixture
def keras():
    return judge("keras")


def dense_models(keras):
    network = network_of(Dense(5), Tanh(), Dense(3, bias=False), ReLU(), Dense(2))
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, activation="tanh"),
            keras.layers.Dense(3, use_bias=False),
            keras.layers.Activation("relu"),
            keras.layers.Dense(2),
        ]
    )
    return network, model


def predicted_by_keras(keras, model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


@in_keras
def test_keras_predicts_the_same_with_our_weights(keras):
    network, model = dense_models(keras)
    model.set_weights(keras_weights(network))
    assert_equal_predictions(predicted_by_keras(keras, model, some_x()), network.predict(some_x()), EQUAL_IN_FLOAT32)


@in_keras
def test_we_predict_the_same_with_the_weights_of_keras(keras):
    network, model = dense_models(keras)
    assert load_keras_weights(network, model.get_weights()) is network
    assert_equal_predictions(network.predict(some_x()), predicted_by_keras(keras, model, some_x()), EQUAL_IN_FLOAT32)


@in_keras
def test_convolutions_take_the_same_weights_in_keras(keras):
    layers = [Conv2D(6, 3, padding="same"), Tanh(), MaxPool2D(), Conv2D(2, (3, 2), groups=2, bias=False)]
    network = network_of(*layers, inputs=(8, 6, 4))
    model = keras.Sequential(
        [
            keras.Input((8, 6, 4)),
            keras.layers.Conv2D(6, 3, padding="same", activation="tanh"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(2, (3, 2), groups=2, use_bias=False),
        ]
    )
    assert_both_ways_in_keras(keras, network, model, pictures())


@in_keras
def test_the_other_layers_take_the_same_weights_in_keras(keras):
    kinds = keras.layers
    layers = [Embedding(6, 3), Flatten(), Dense(5), BatchNorm(epsilon=1e-3), PReLU(), LayerNorm(epsilon=1e-3)]
    network = moved(network_of(*layers, BatchNorm(scale=False, epsilon=1e-3), Dense(2), PReLU(shared=True)))
    model = keras.Sequential(
        [
            keras.Input((4,)),
            kinds.Embedding(6, 3),
            kinds.Flatten(),
            kinds.Dense(5),
            kinds.BatchNormalization(),
            kinds.PReLU(),
            kinds.LayerNormalization(),
            kinds.BatchNormalization(scale=False),
            kinds.Dense(2),
            kinds.PReLU(shared_axes=[1]),
        ]
    )
    assert_both_ways_in_keras(keras, network, model, np.random.default_rng(0).integers(0, 6, (9, 4)).astype(float))


@in_keras
def test_slopes_of_channels_and_root_mean_squares_in_keras(keras):
    network = network_of(PReLU(), RMSNorm(epsilon=1e-6), PReLU(shared=True), inputs=(8, 6, 4))
    model = keras.Sequential(
        [
            keras.Input((8, 6, 4)),
            keras.layers.PReLU(shared_axes=[1, 2]),
            keras.layers.RMSNormalization(epsilon=1e-6),
            keras.layers.PReLU(shared_axes=[1, 2, 3]),
        ]
    )
    assert_both_ways_in_keras(keras, network, model, pictures())


def assert_both_ways_in_keras(keras, network, model, x):
    load_keras_weights(other := network.copy(), model.get_weights())
    assert_equal_predictions(other.predict(x), predicted_by_keras(keras, model, x), EQUAL_IN_FLOAT32)
    model.set_weights(keras_weights(network))
    assert_equal_predictions(predicted_by_keras(keras, model, x), network.predict(x), EQUAL_IN_FLOAT32)


@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        ([np.zeros((2, 1))], ValueError, r"weights are 1 arrays, expected 2: dense_1 kernel, dense_1 bias"),
        ([np.zeros((1, 2)), np.zeros(1)], ValueError, r"weights\[0\].*dense_1.* shape \(1, 2\), expected \(2, 1\)"),
        ([np.zeros((2, 1)), np.array([np.inf])], ValueError, r"weights\[1\] .*holds inf"),
        ([np.zeros((2, 1)), ["a"]], TypeError, r"weights\[1\] .*real numbers"),
    ],
)
def test_what_does_not_fit_keras_is_named_and_changes_nothing(weights, error, words):
    network = Network(2, [Dense(1)], seed=0)
    before = network.theta.copy()
    with pytest.raises(error, match=words):
        load_keras_weights(network, weights)
    np.testing.assert_array_equal(network.theta, before)
