"""The piecewise-linear encoding of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from pellucid.arrays import Array, matmul, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Shape


@dataclass(frozen=True)
class PiecewiseLinear(Layer):
    """Tell of each number how far it has come through each of several bins.

    y[t] = scale (clip((x - edge[t]) / (edge[t+1] - edge[t]), 0, 1) - centre[t]); backward: dx is the sum over the bins
    that x lies in of dy[t] scale / (edge[t+1] - edge[t]).

    A unit that follows can then give each bin a slope of its own, which of the number itself would take many units.

    Parameters
    ----------
    edges : sequence of sequences of float
        For each column, where its bins begin and end, in ascending order: two edges or more.
    centres : sequence of sequences of float, optional
        For each column, what is taken off each bin: one fewer than edges. By default nothing.
    scale : float
        What every bin is multiplied by.

    Raises
    ------
    ValueError
        If edges do not ascend, centres do not fit them, or a record does not have so many columns.

    Examples
    --------
    A column with the bins 0 to 1 and 1 to 3:

    >>> import numpy as np
    >>> layer = PiecewiseLinear([[0.0, 1.0, 3.0]])
    >>> y, cache = layer.forward({}, np.array([[0.5], [2.0], [9.0]]), Context())
    >>> y
    array([[0.5, 0. ],
           [1. , 0.5],
           [1. , 1. ]])
    >>> layer.backward({}, cache, np.ones((3, 2)))[0]
    array([[1. ],
           [0.5],
           [0. ]])

    Source: Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep learning", 2022,
    section 3.1.
    """

    edges: tuple[tuple[float, ...], ...]
    centres: tuple[tuple[float, ...], ...] | None = None
    scale: float = 1.0

    def __init__(
        self,
        edges: Sequence[Sequence[float]],
        centres: Sequence[Sequence[float]] | None = None,
        scale: float = 1.0,
    ) -> None:
        ordered = _numbers("edges", edges)
        for place, own in enumerate(ordered):
            if len(own) < 2 or not all(low < high for low, high in pairwise(own)):
                raise ValueError(
                    f"PiecewiseLinear: edges must be two or more in ascending order; column {place}: {own}"
                )
        taken_off = None if centres is None else _numbers("centres", centres)
        if taken_off is not None and [len(own) + 1 for own in taken_off] != [len(own) for own in ordered]:
            raise ValueError("PiecewiseLinear: centres must be one fewer than the edges, column by column")
        if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < float("inf"):
            raise ValueError(f"PiecewiseLinear: scale must be positive and finite, found {scale!r}")
        object.__setattr__(self, "edges", ordered)
        object.__setattr__(self, "centres", taken_off)
        object.__setattr__(self, "scale", float(scale))

    def output_shape(self, input_shape: Shape) -> Shape:
        if input_shape != (len(self.edges),):
            raise ValueError(
                f"PiecewiseLinear with the edges of {len(self.edges)} columns takes flat records of as many numbers, "
                f"found records of shape {input_shape}"
            )
        return (len(self._flat[0]),)

    @cached_property
    def _flat(self) -> tuple[Any, Any, Any, Any]:
        """Return, for each output, the column that it looks at, where its bin begins and ends, and its centre: [O]."""
        columns = np.repeat(np.arange(len(self.edges)), [len(own) - 1 for own in self.edges])
        lower = np.array([low for own in self.edges for low in own[:-1]])
        upper = np.array([high for own in self.edges for high in own[1:]])
        centres = self.centres or [(0.0,) * (len(own) - 1) for own in self.edges]
        return columns, lower, upper, np.concatenate(centres)

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        xp, (columns, *bounds) = namespace(x), self._flat
        lower, upper, centre = (xp.asarray(one, dtype=x.real.dtype) for one in bounds)
        asked = xp.take(x, columns, axis=-1)  # [B,C] -> [B,O]
        share = (asked - lower) / (upper - lower)
        if x.dtype.kind == "c":  # which a clip would compare by their imaginary parts, too
            share = share * ((asked.real >= lower) & (asked.real < upper)) + (asked.real >= upper)
        else:
            share = xp.clip(share, 0, 1)
        return self.scale * (share - centre), {"asked": asked, "share": share}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        xp, (columns, *bounds) = namespace(dy), self._flat
        lower, upper, _ = (xp.asarray(one, dtype=dy.real.dtype) for one in bounds)
        inside = (cache["asked"].real >= lower) & (cache["asked"].real < upper)  # at an edge: of the bin that begins
        own = columns[:, None] == np.arange(len(self.edges))  # [O,C]: whether an output looks at a column
        slopes = own * (self.scale / (upper - lower))[:, None]
        return matmul(dy * inside, slopes), {}  # [B,O] @ [O,C] -> [B,C]


def _numbers(name: str, values: Any) -> tuple[tuple[float, ...], ...]:
    """Return a column's numbers each as a tuple."""
    try:
        found = tuple(tuple(float(one) for one in own) for own in values)
    except (TypeError, ValueError):
        raise ValueError(f"PiecewiseLinear: {name} must be numbers, a list for each column, found {values!r}") from None
    if not found or not np.isfinite(np.concatenate([np.asarray(own) for own in found])).all():
        raise ValueError(f"PiecewiseLinear: {name} must be finite numbers, a list for each column, found {values!r}")
    return found
