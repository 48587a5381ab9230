"""The largest value of each window over height and width."""

from dataclasses import dataclass
from typing import Any

from pellucid.arrays import Array, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Shape
from pellucid.layers.windows import Padding, Pair, Windows, checked_pooling, windows


@dataclass(frozen=True)
class MaxPool2D(Layer):
    """The largest value of each channel in a window of height and width that slides over the record.

    y[p, q] = max over i, j of x[p s + i, q s + j], with the stride s. Backward: dx adds up dy[p, q] at the place of the
    largest value; where several are equal, at the first of them, row by row, as in PyTorch. What padding puts around
    never wins. Records are [H, W, C], channels last.

    Parameters
    ----------
    size : int or pair of int
        Height and width of the window.
    stride : int or pair of int, optional
        How far the window goes from one position to the next; None: by its size, so that windows do not overlap.
    padding : "valid", "same", int or pair of int
        What is put around, as in :class:`Conv2D`; less than the size.

    Raises
    ------
    ValueError
        If a setting is not a whole number that makes sense, a record is not [H, W, C], or the window does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> layer = MaxPool2D()
    >>> y, cache = layer.forward({}, np.array([[[[1.0], [5.0]], [[2.0], [3.0]]]]), None)
    >>> y.ravel()
    array([5.])
    >>> layer.backward({}, cache, np.array([[[[0.5]]]]))[0].ravel()
    array([0. , 0.5, 0. , 0. ])

    Source: Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 9.3.
    """

    size: int | Pair = 2
    stride: int | Pair | None = None
    padding: Padding = "valid"

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_pooling(self)

    def _windows(self, shape: Shape) -> Windows:
        stride = self.size if self.stride is None else self.stride
        return windows("MaxPool2D", shape, self.size, stride, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*self._windows(input_shape).count, input_shape[2])

    def _pieces(self, x: Array) -> list[Array]:
        """Return, for each place in the window, what stands there: h w times [B, H', W', C]."""
        window = self._windows(x.shape[-3:])
        return [piece for row in window.slide(window.frame(x, fill=float("-inf"))) for piece in row]

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        xp = namespace(x)
        y, *others = self._pieces(x)
        for other in others:
            larger = (other.real > y.real) | (other != other)  # a NaN stays
            y = xp.where(larger, other, y)
        return y, {"x": x, "y": y}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        x, y = cache["x"], cache["y"]
        window = self._windows(x.shape[-3:])
        free: Any = True
        shares = []
        for piece in self._pieces(x):
            won = (piece.real == y.real) & free  # the first that is as large as the largest
            shares.append(dy * won)
            free = free & ~won
        width = window.size[1]
        rows = [shares[start : start + width] for start in range(0, len(shares), width)]
        return window.bring_back(rows), {}
