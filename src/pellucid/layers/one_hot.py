"""Zeros and a single one for a category."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.arrays import Array, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Shape


@dataclass(frozen=True)
class OneHot(Layer):
    """Put an output for each category in place of every category number: 1 for that very category, 0 for the others.

    y[c] = 1 where x[column of c] is the number of c, else 0; backward: dx is 0, as between whole numbers nothing
    changes. A number that is none of a column's categories, such as -1, makes all of its outputs 0.

    Parameters
    ----------
    levels : sequence of int
        How many categories each column has: their numbers run from 0, and may be held as floats.

    Raises
    ------
    ValueError
        If there are none, a number is not positive and whole, or a record does not have so many columns.

    Examples
    --------
    A column of two categories and one of three:

    >>> import numpy as np
    >>> OneHot((2, 3)).forward({}, np.array([[1.0, 0.0], [0.0, -1.0]]), Context())[0]
    array([[0., 1., 1., 0., 0.],
           [1., 0., 0., 0., 0.]])
    """

    levels: tuple[int, ...]

    def __init__(self, levels: Sequence[int]) -> None:
        found = tuple(levels) if isinstance(levels, (Sequence, np.ndarray)) else (levels,)
        whole = all(isinstance(one, (int, np.integer)) and not isinstance(one, bool) for one in found)
        if not found or not whole or min(found) < 1:
            raise ValueError(f"OneHot: levels must be one or more positive whole numbers, found {levels!r}")
        object.__setattr__(self, "levels", tuple(int(one) for one in found))

    def output_shape(self, input_shape: Shape) -> Shape:
        if input_shape != (len(self.levels),):
            raise ValueError(
                f"OneHot with {len(self.levels)} columns of categories takes flat records of as many numbers, found "
                f"records of shape {input_shape}"
            )
        return (sum(self.levels),)

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        columns = np.repeat(np.arange(len(self.levels)), self.levels)  # [O]: the column that each output asks
        numbers = np.concatenate([np.arange(count) for count in self.levels])  # [O]: and for which category
        asked = namespace(x).take(x, columns, axis=-1)  # [B,J] -> [B,O]
        return (asked.real == numbers) + asked * 0, {"x": x}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return cache["x"] * 0, {}
