"""Weights to Keras and back, in the order and in the layouts of a ``keras.Sequential``'s ``get_weights``."""

from collections.abc import Sequence
from typing import Any

from pellucid.arrays import Array
from pellucid.exchange.weights import Leaf, Match, Matches, arrays, checked, leaves, load
from pellucid.layers import BatchNorm, Conv2D, Dense, Embedding, LayerNorm, PReLU, RMSNorm
from pellucid.network import Network

MATCHES: Matches = {
    Dense: (Match("weights", "kernel"), Match("bias", "bias")),
    Conv2D: (Match("weights", "kernel"), Match("bias", "bias")),
    Embedding: (Match("weights", "embeddings"),),
    BatchNorm: (
        Match("scale", "gamma"),
        Match("shift", "beta"),
        Match("mean", "moving_mean"),
        Match("variance", "moving_variance"),
    ),
    LayerNorm: (Match("scale", "gamma"), Match("shift", "beta")),
    RMSNorm: (Match("scale", "scale"),),
    PReLU: (Match("slope", "alpha"),),
}


def keras_weights(network: Network) -> list[Array]:
    """Return what a network has learnt as the ``get_weights()`` of a ``keras.Sequential`` of the same layers.

    Layer by layer, those within a block in their own order.

    Parameters
    ----------
    network : Network

    Returns
    -------
    list of array
        Independent copies, in the network's own dtype. Keras need not be installed.

    Raises
    ------
    ValueError
        If the network has several members.
    TypeError
        If a layer that is not one of Pellucid's own has parameters.

    Examples
    --------
    >>> from pellucid import Dense, Network, Tanh
    >>> network = Network(2, [Dense(3), Tanh(), Dense(1)], seed=0)
    >>> [array.shape for array in keras_weights(network)]
    [(2, 3), (3,), (3, 1), (1,)]

    In Keras::

        from keras import Input, Sequential, layers

        model = Sequential([Input((2,)), layers.Dense(3, activation="tanh"), layers.Dense(1)])
        model.set_weights(keras_weights(network))

    Source: Keras, "Layer.get_weights".
    """
    known = arrays(network)
    return [_outward(leaf, known[leaf.name]) for leaf in leaves(network, MATCHES, "Keras")]


def load_keras_weights(network: Network, weights: Sequence[Any]) -> Network:
    """Take over the weights of a ``keras.Sequential`` of the same layers; return the network.

    The memory of an optimizer is forgotten. Settings are not compared: a layer must be the same function in both.

    Parameters
    ----------
    network : Network
        Whose parameters and running statistics are replaced; left as it is if anything does not fit.
    weights : sequence of arrays
        ``model.get_weights()``, in the order that `keras_weights` gives.

    Raises
    ------
    ValueError
        If their number differs, or an array has another shape.
    TypeError
        If one holds no real numbers.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> network = Network(2, [Dense(1)], seed=0)
    >>> load_keras_weights(network, [[[2.0], [3.0]], [1.0]]).predict([[1.0, 10.0]])
    array([[33.]])
    >>> load_keras_weights(network, [[[2.0, 3.0]], [1.0]])
    Traceback (most recent call last):
        ...
    ValueError: weights[0] (weights of dense_1) has shape (1, 2), expected (2, 1)
    """
    given = list(weights)
    wanted = leaves(network, MATCHES, "Keras")
    if len(given) != len(wanted):
        names = ", ".join(f"{leaf.path} {leaf.match.theirs}" for leaf in wanted)
        raise ValueError(f"weights are {len(given)} arrays, expected {len(wanted)}: {names}")
    known, found = arrays(network), {}
    for place, (leaf, value) in enumerate(zip(wanted, given, strict=True)):
        ours = known[leaf.name]
        array = checked(value, f"weights[{place}] ({leaf})", _outward(leaf, ours))
        found[leaf.name] = leaf.match.inward(array).reshape(ours.shape)
    return load(network, found)


def _outward(leaf: Leaf, array: Array) -> Array:
    array = leaf.match.outward(array)
    if isinstance(leaf.layer, PReLU):  # one a channel: in Keras with the axes of height and width, each of size 1
        return array.reshape((1,) * (len(leaf.shape) - 1) + array.shape)
    return array
