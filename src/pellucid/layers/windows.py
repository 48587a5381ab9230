"""What the layers share whose windows slide over height and width: settings, sizes, and the way there and back."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from pellucid.arrays import Array, namespace, overlap_add, sliding
from pellucid.layers.layer import Shape

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = Literal["valid", "same"] | int | tuple[int, int]


def checked_pair(layer: str, name: str, value: int | Pair, least: int = 1) -> int | Pair:
    """Return a setting that is one whole number for height and width, or one for each; a list becomes a tuple.

    Raises
    ------
    ValueError
        If it is anything else, or below ``least``.

    Examples
    --------
    >>> checked_pair("Conv2D", "size", [3, 5])
    (3, 5)
    >>> checked_pair("Conv2D", "stride", 0)
    Traceback (most recent call last):
        ...
    ValueError: Conv2D: stride must be a whole number of at least 1, or a pair of them (height, width), found 0
    """
    numbers = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    whole = all(isinstance(number, (int, np.integer)) and not isinstance(number, bool) for number in numbers)
    if len(numbers) != 2 or not whole or min(numbers) < least:
        raise ValueError(
            f"{layer}: {name} must be a whole number of at least {least}, or a pair of them (height, width), "
            f"found {value!r}"
        )
    return (int(numbers[0]), int(numbers[1])) if isinstance(value, (tuple, list)) else value


def checked_padding(layer: str, value: Padding) -> Padding:
    """Return a padding: "valid", "same", or how much on both sides.

    Examples
    --------
    >>> checked_padding("Conv2D", "same"), checked_padding("Conv2D", 1)
    ('same', 1)
    """
    if isinstance(value, str):
        if value not in ("valid", "same"):
            raise ValueError(
                f'{layer}: padding must be "valid", "same" or a number of rows and columns, found {value!r}'
            )
        return value
    return checked_pair(layer, "padding", value, least=0)


def checked_pooling(layer: Any) -> None:
    """Check the settings of a pooling layer, in place.

    A window must meet at least one value of the record wherever it stands, so the padding must be less than the size.
    """
    name = type(layer).__name__
    object.__setattr__(layer, "size", checked_pair(name, "size", layer.size))
    object.__setattr__(layer, "padding", checked_padding(name, layer.padding))
    if layer.stride is not None:
        object.__setattr__(layer, "stride", checked_pair(name, "stride", layer.stride))
    if not isinstance(layer.padding, str) and any(map(int.__ge__, both(layer.padding), both(layer.size))):
        raise ValueError(
            f"{name}: padding must be less than the size, or a window would hold nothing but padding; "
            f"found padding={layer.padding}, size={layer.size}"
        )


def both(value: int | Pair) -> Pair:
    """Return a setting as a pair, for height and for width.

    Examples
    --------
    >>> both(3), both((1, 2))
    ((3, 3), (1, 2))
    """
    return value if isinstance(value, tuple) else (value, value)


@dataclass(frozen=True)
class Windows:
    """How a window slides over records [H, W, C]: its size, its steps, what is put around, and how often it fits.

    Attributes
    ----------
    size, stride : pair of int
        Of the window; of its steps.
    margins : pair of pairs
        Rows put above and below, columns put left and right.
    framed : pair of int
        Height and width with the margins.
    count : pair of int
        The window's positions: height H' and width W' of what comes out.
    """

    size: Pair
    stride: Pair
    margins: tuple[Pair, Pair]
    framed: Pair
    count: Pair

    def frame(self, x: Array, fill: float = 0.0) -> Array:
        """Put the margins around ``x`` [B, H, W, C]."""
        if self.margins == ((0, 0), (0, 0)):
            return x
        widths = [*[(0, 0)] * (x.ndim - 3), *self.margins, (0, 0)]
        framed: Array = namespace(x).pad(x, widths, constant_values=fill)
        return framed

    def unframe(self, x: Array) -> Array:
        """Take the margins away again."""
        (top, bottom), (left, right) = self.margins
        return x[..., top : x.shape[-3] - bottom, left : x.shape[-2] - right, :]

    def slide(self, x: Array) -> list[list[Array]]:
        """Return, for each row and column of the window, what of framed ``x`` stands there: each [B, H', W', C]."""
        (height, width), (down, right) = self.size, self.stride
        rows = sliding(x, -3, height, down, self.count[0])
        return [sliding(row, -2, width, right, self.count[1]) for row in rows]

    def members(self) -> Array:
        """Return how many values of the record each window holds, margins left out: [H', W']."""
        held = []
        for axis in range(2):
            before, after = self.margins[axis]
            starts = np.arange(self.count[axis]) * self.stride[axis]
            stops = np.minimum(starts + self.size[axis], self.framed[axis] - after)
            held.append(stops - np.maximum(starts, before))
        counts: Array = np.multiply.outer(*held)
        return counts

    def bring_back(self, pieces: list[list[Array]]) -> Array:
        """Add up such pieces where they came from, and take the margins away: the transpose of framing and sliding."""
        rows = [overlap_add(row, -2, self.stride[1], self.framed[1]) for row in pieces]
        return self.unframe(overlap_add(rows, -3, self.stride[0], self.framed[0]))


def windows(layer: str, shape: Shape, size: int | Pair, stride: int | Pair, padding: Padding) -> Windows:
    """Return how a window slides over records of ``shape``.

    "same" gives ceil(H / stride) rows, and what has to be put around is shared between both sides, the odd
    one at the end, as Keras and TensorFlow have it. What is left over at the end and fills no window is not read.

    Parameters
    ----------
    layer : str
        Whose settings they are, for the messages.
    shape : tuple of int
        Of one record: (height, width, channels).
    size, stride, padding
        The settings of :class:`~pellucid.Conv2D`.

    Raises
    ------
    ValueError
        If a record is not (height, width, channels), or smaller than the window.

    Examples
    --------
    >>> windows("Conv2D", (5, 6, 1), size=3, stride=2, padding="same").margins
    ((1, 1), (0, 1))
    >>> windows("Conv2D", (28, 28, 1), size=3, stride=1, padding="valid").count
    (26, 26)

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, section 2.
    """
    if len(shape) != 3:
        hint = "; for grey pictures write (height, width, 1)" if len(shape) == 2 else ""
        raise ValueError(
            f"{layer} takes records of shape (height, width, channels), found records of shape {shape}{hint}"
        )
    sizes, strides = both(size), both(stride)
    margins, framed, count = [], [], []
    for axis, (length, window, step) in enumerate(zip(shape[:2], sizes, strides, strict=True)):
        if isinstance(padding, str):
            around = max((-(-length // step) - 1) * step + window - length, 0) if padding == "same" else 0
            margin = (around // 2, around - around // 2)
        else:
            margin = (both(padding)[axis],) * 2
        whole = length + sum(margin)
        if window > whole:
            what = ("height", "width")[axis]
            with_padding = f" ({whole} with its padding)" if whole > length else ""
            raise ValueError(
                f"{layer}: size {sizes} does not fit into records of shape {shape}: their {what} is {length}"
                f'{with_padding}; take a smaller size, or padding="same"'
            )
        margins.append(margin)
        framed.append(whole)
        count.append((whole - window) // step + 1)
    return Windows(sizes, strides, (margins[0], margins[1]), (framed[0], framed[1]), (count[0], count[1]))
