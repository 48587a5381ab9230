"""From records of one shape to records of another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.arrays import Array
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Shape


@dataclass(frozen=True)
class Reshape(Layer):
    """Give each record another shape; its values stay in their order, the last axis running fastest.

    Parameters
    ----------
    shape : sequence of int
        Of one record. One size may be -1: what is left over for it.

    Raises
    ------
    ValueError
        If a size is not a positive whole number, or the sizes do not hold as many values as a record has.

    Examples
    --------
    >>> import numpy as np
    >>> Reshape((2, -1)).output_shape((6,))
    (2, 3)
    >>> Reshape((2, 3)).forward({}, np.arange(6.0)[None], Context())[0]
    array([[[0., 1., 2.],
            [3., 4., 5.]]])
    """

    shape: tuple[int, ...]

    def __init__(self, shape: Sequence[int]) -> None:
        sizes = tuple(shape) if isinstance(shape, Sequence) else (shape,)
        whole = all(isinstance(size, (int, np.integer)) and not isinstance(size, bool) for size in sizes)
        if not sizes or not whole or any(size < 1 and size != -1 for size in sizes) or sizes.count(-1) > 1:
            raise ValueError(
                f"Reshape: shape must hold positive whole numbers, of which one may be -1, found {shape!r}"
            )
        object.__setattr__(self, "shape", tuple(int(size) for size in sizes))

    def output_shape(self, input_shape: Shape) -> Shape:
        there, known = math.prod(input_shape), math.prod(size for size in self.shape if size != -1)
        if there % known or (-1 not in self.shape and there != known):
            raise ValueError(
                f"Reshape: a record of shape {input_shape} has {there} values, which {self.shape} cannot hold"
            )
        return tuple(there // known if size == -1 else size for size in self.shape)

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        lead = 2 if context.members else 1
        return x.reshape((*x.shape[:lead], *self.output_shape(x.shape[lead:]))), {"x": x}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return dy.reshape(cache["x"].shape), {}
