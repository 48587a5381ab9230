"""The walk through a chain of layers, forward and back: the heart of every network here.

Both functions know layers by their contract only. What they are given and what they keep are plain
lists with one entry a layer, in the order in which data flows.
"""

from collections.abc import Sequence

from pellucid.arrays import Array
from pellucid.layers.layer import Arrays, Cache, Context, Layer


def forward(
    layers: Sequence[Layer], parameters: Sequence[Arrays], x: Array, contexts: Sequence[Context]
) -> tuple[Array, list[Cache]]:
    """Send ``x`` through the layers; return the output and every layer's cache.

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid.layers import EVALUATION, Dense, Sigmoid
    >>> weights = {"weights": np.array([[1.0], [-1.0]]), "bias": np.array([0.0])}
    >>> output, caches = forward([Dense(1), Sigmoid()], [weights, {}], np.array([[2.0, 2.0]]), [EVALUATION] * 2)
    >>> output
    array([[0.5]])
    """
    caches = []
    for layer, arrays, context in zip(layers, parameters, contexts):
        x, cache = layer.forward(arrays, x, context)
        caches.append(cache)
    return x, caches


def backward(
    layers: Sequence[Layer], parameters: Sequence[Arrays], caches: Sequence[Cache], dy: Array, first: int = 0
) -> list[dict[str, Array]]:
    """Send the gradient ``dy`` back through the layers; return every layer's parameter gradients.

    The walk ends at layer ``first``, the lowest that has something to learn: the gradients below it
    are empty, and its own ``dx`` is never computed, as nothing asks for it.

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid.layers import EVALUATION, Dense
    >>> weights = {"weights": np.array([[1.0], [-1.0]]), "bias": np.array([0.0])}
    >>> output, caches = forward([Dense(1)], [weights], np.array([[2.0, 3.0]]), [EVALUATION])
    >>> backward([Dense(1)], [weights], caches, np.array([[1.0]]))[0]["weights"].ravel()
    array([2., 3.])
    """
    gradients: list[dict[str, Array]] = [{}] * len(layers)
    for index in range(len(layers) - 1, first, -1):
        dy, gradients[index] = layers[index].backward(parameters[index], caches[index], dy)
    if first < len(layers):
        gradients[first] = layers[first].gradients(parameters[first], caches[first], dy)
    return gradients
