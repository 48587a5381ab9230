"""From records of any shape to flat ones."""

import math
from dataclasses import dataclass

from pellucid.arrays import Array
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Shape


@dataclass(frozen=True)
class Flatten(Layer):
    """Lay the values of each record in one row, the last axis running fastest.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Flatten().forward({}, np.arange(6.0).reshape(1, 2, 3), Context())
    >>> y
    array([[0., 1., 2., 3., 4., 5.]])
    >>> Flatten().backward({}, cache, y)[0].shape
    (1, 2, 3)
    """

    def output_shape(self, input_shape: Shape) -> Shape:
        return (math.prod(input_shape),)

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        lead = 2 if context.members else 1
        return x.reshape((*x.shape[:lead], math.prod(x.shape[lead:]))), {"x": x}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return dy.reshape(cache["x"].shape), {}
