"""The logistic sigmoid."""

from dataclasses import dataclass

from pellucid.arrays import Array
from pellucid.functions import sigmoid
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class Sigmoid(Layer):
    """Squash every value into (0, 1).

    y = 1 / (1 + exp(-x)); backward: dx = dy y (1 - y), at the output y that forward kept.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Sigmoid().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([0.2689, 0.5   , 0.8808])
    >>> Sigmoid().backward({}, cache, np.ones(3))[0].round(4)
    array([0.1966, 0.25  , 0.105 ])

    Source: Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 3.10.
    """

    formula = "y = 1 / (1 + exp(-x))"
    derivatives = {"x": "y * (1 - y)"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        y = sigmoid(x)
        return y, {"y": y}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        y = cache["y"]
        return dy * (y * (1 - y)), {}
