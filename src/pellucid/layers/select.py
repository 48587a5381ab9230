"""Some columns of a record."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.arrays import Array, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Shape


@dataclass(frozen=True)
class Select(Layer):
    """Keep some columns of each record, in the order given: what sends columns different ways through a block.

    y[j] = x[columns[j]]; backward: dx[i] is the sum of dy[j] over all j that hold column i.

    Parameters
    ----------
    columns : sequence of int
        Which, from 0; one may come several times.

    Raises
    ------
    ValueError
        If there are none, or a record has no such column.

    Examples
    --------
    Two columns of numbers go on as they are; the third holds categories, which get vectors of their own:

    >>> import numpy as np
    >>> from pellucid import Embedding, Flatten, Parallel
    >>> block = Parallel([Select([0, 1]), [Select([2]), Embedding(5, 3), Flatten()]])
    >>> block.output_shape((3,))
    (5,)
    >>> Select([2, 0]).forward({}, np.array([[1.0, 2.0, 3.0]]), Context())[0]
    array([[3., 1.]])
    """

    columns: tuple[int, ...]

    def __init__(self, columns: Sequence[int]) -> None:
        chosen = tuple(columns) if isinstance(columns, (Sequence, np.ndarray)) else (columns,)
        whole = all(isinstance(one, (int, np.integer)) and not isinstance(one, bool) for one in chosen)
        if not chosen or not whole or min(chosen) < 0:
            raise ValueError(f"Select: columns must be one or more whole numbers from 0, found {columns!r}")
        object.__setattr__(self, "columns", tuple(int(one) for one in chosen))

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1 or max(self.columns) >= input_shape[0]:
            raise ValueError(
                f"Select: there is no column {max(self.columns)} in records of shape {input_shape}; flat records with "
                "columns from 0 are expected"
            )
        return (len(self.columns),)

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        return namespace(x).take(x, np.array(self.columns), axis=-1), {"x": x}  # [B,I] -> [B,O]

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        xp, width = namespace(dy), cache["x"].shape[-1]
        places: list[list[int]] = [[] for _ in range(width)]  # where each column of x went
        for place, column in enumerate(self.columns):
            places[column].append(place)
        nothing = len(self.columns)
        with_nothing = xp.concat([dy, xp.zeros_like(dy[..., :1])], axis=-1)  # [B,O] -> [B,O+1]
        dx = xp.zeros_like(cache["x"])
        for turn in range(max(map(len, places))):
            chosen = [found[turn] if turn < len(found) else nothing for found in places]
            dx = dx + xp.take(with_nothing, np.array(chosen), axis=-1)  # [B,O+1] -> [B,I]
        return dx, {}
