"""The softsign."""

from dataclasses import dataclass

from pellucid.arrays import Array
from pellucid.functions import absolute
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class Softsign(Layer):
    """Squash every value into (-1, 1), more gently than tanh.

    y = x / (1 + |x|); backward: dx = dy / (1 + |x|)^2.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Softsign().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([-0.5   ,  0.    ,  0.6667])
    >>> Softsign().backward({}, cache, np.ones(3))[0].round(4)
    array([0.25  , 1.    , 0.1111])

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
    section 3.
    """

    formula = "y = x / (1 + abs(x))"
    derivatives = {"x": "1 / (1 + abs(x)) ** 2"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        size = 1 + absolute(x)
        return x / size, {"size": size}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        size = cache["size"]
        return dy / (size * size), {}
