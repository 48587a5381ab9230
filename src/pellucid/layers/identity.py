"""The identity."""

from dataclasses import dataclass

from pellucid.arrays import Array
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class Identity(Layer):
    """Pass every value on unchanged.

    y = x; backward: dx = dy.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Identity().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([-1.,  0.,  2.])
    >>> Identity().backward({}, cache, np.ones(3))[0].round(4)
    array([1., 1., 1.])

    Source: Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 6.2.2.1 (linear units).
    """

    formula = "y = x"
    derivatives = {"x": "1"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        return x, {}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return dy, {}
