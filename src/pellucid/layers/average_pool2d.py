"""The mean of each window over height and width."""

from dataclasses import dataclass

from pellucid.arrays import Array, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Shape
from pellucid.layers.windows import Padding, Pair, Windows, checked_pooling, windows


@dataclass(frozen=True)
class AveragePool2D(Layer):
    """The mean of each channel in a window of height and width that slides over the record.

    y[p, q] = mean over i, j of x[p s + i, q s + j], with the stride s. Backward: dx adds up dy[p, q] / n at all n
    values of the window. What padding puts around does not count: at the edge the mean is over what belongs to the
    record, as in Keras (PyTorch's ``count_include_pad=False``). Records are [H, W, C], channels last.

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
    >>> layer = AveragePool2D()
    >>> y, cache = layer.forward({}, np.array([[[[1.0], [5.0]], [[2.0], [4.0]]]]), None)
    >>> y.ravel()
    array([3.])
    >>> layer.backward({}, cache, np.array([[[[1.0]]]]))[0].ravel()
    array([0.25, 0.25, 0.25, 0.25])

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998, section
    II.B (its sub-sampling, without the coefficient); Goodfellow, Bengio and Courville, "Deep Learning", 2016,
    section 9.3.
    """

    size: int | Pair = 2
    stride: int | Pair | None = None
    padding: Padding = "valid"

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_pooling(self)

    def _windows(self, shape: Shape) -> Windows:
        stride = self.size if self.stride is None else self.stride
        return windows("AveragePool2D", shape, self.size, stride, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*self._windows(input_shape).count, input_shape[2])

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        window = self._windows(x.shape[-3:])
        first, *others = [piece for row in window.slide(window.frame(x)) for piece in row]
        counts = namespace(x).asarray(window.members(), dtype=x.real.dtype)[..., None]
        return sum(others, start=first) / counts, {"x": x, "counts": counts}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        window = self._windows(cache["x"].shape[-3:])
        share = dy / cache["counts"]
        height, width = window.size
        return window.bring_back([[share] * width] * height), {}
