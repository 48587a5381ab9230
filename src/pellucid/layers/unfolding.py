"""A convolution as one matrix product between linear maps, each of which has its transpose."""

from dataclasses import dataclass
from math import prod

from pellucid.arrays import Array, namespace, overlap_add, sliding
from pellucid.layers.windows import Windows


@dataclass(frozen=True)
class Unfolding:
    """How a convolution becomes a matrix product: y = join_rows(unfold(x) @ as_matrix(weights)).

    Backward goes through the transposes, in reverse: dz = part_rows(dy), d_wide = dz @ as_matrix(weights)^T,
    dx = fold(d_wide), d_weights = as_weights(unfold(x)^T @ dz).

    The usual way lays all h w c values of a window side by side, and most of the time then goes into copying them.
    Here only the columns are laid side by side, k = w c values; all r = h rows of the kernel meet all R = H rows of the
    image in one product, and ``join_rows`` adds up what belongs together. The usual way, r = 1 with k = w h c and
    R = H', is kept for where that would compute much in vain (the window goes down by more than one row, or is
    higher than what comes out) or where a window is smaller than the f values that come out of it.

    Attributes
    ----------
    window : Windows
        How the window slides: over B records of framed size [H, W, C], to [H', W', F].
    groups : int
        G groups have c channels and f filters each.
    rows : int
        r, how many rows of the kernel are joined after the product.

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid.layers.windows import windows
    >>> unfolding = unfolding_of(windows("", (1, 4, 1), (1, 3), 1, "valid"), groups=1, channels=1, filters=1)
    >>> unfolding.unfold(np.arange(4.0).reshape(1, 1, 4, 1))
    array([[[0., 1., 2.],
            [1., 2., 3.]]])

    Source: Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing",
    2006, section 4 (the usual way).
    """

    window: Windows
    groups: int
    rows: int

    def unfold(self, x: Array) -> Array:
        """Lay each window's columns (and, where r = 1, its rows) side by side: [B, H, W, C] -> [G, B R W', k]."""
        concat, window = namespace(x).concat, self.window
        wide = _apart(window.frame(x), self.groups)  # [B,H,W,C] -> [G,B,H,W,c]
        if self.rows == 1:
            pieces = sliding(wide, -3, window.size[0], window.stride[0], window.count[0])
            wide = concat(pieces, axis=-1)  # h times [G,B,H',W,c] -> [G,B,H',W,hc]
        pieces = sliding(wide, -2, window.size[1], window.stride[1], window.count[1])
        return _as_product(concat(pieces, axis=-1))  # w times [G,B,R,W',k/w] -> [G,BRW',k]

    def fold(self, d_wide: Array, records: int) -> Array:
        """Add up what lies side by side where it came from: [G, B R W', k] -> [B, H, W, C]."""
        split, window = namespace(d_wide).split, self.window
        pieces = split(self._as_pictures(d_wide, records), window.size[1], axis=-1)
        dx = overlap_add(pieces, -2, window.stride[1], window.framed[1])  # [G,B,R,W',k] -> [G,B,R,W,k/w]
        if self.rows == 1:
            pieces = split(dx, window.size[0], axis=-1)
            dx = overlap_add(pieces, -3, window.stride[0], window.framed[0])  # [G,B,H',W,hc] -> [G,B,H,W,c]
        return window.unframe(_together(dx))  # [G,B,H,W,c] -> [B,H,W,C]

    def as_matrix(self, weights: Array) -> Array:
        """Return the weights as a matrix that fits what ``unfold`` gives: [h, w, C/G, F] -> [G, k, r f]."""
        kernel = _apart(weights, self.groups)  # [h,w,C/G,F] -> [G,h,w,c,f]
        kernel = namespace(weights).moveaxis(kernel, -4, self._place)  # r = 1: [G,w,h,c,f], r = h: [G,w,c,h,f]
        matrix: Array = kernel.reshape(*kernel.shape[:-4], -1, self.rows * kernel.shape[-1])
        return matrix

    def as_weights(self, d_kernel: Array) -> Array:
        """Return such a matrix in the shape of the weights: [G, k, r f] -> [h, w, C/G, F]."""
        height, width = self.window.size
        middle = (height, -1) if self.rows == 1 else (-1, height)
        kernel = d_kernel.reshape(*d_kernel.shape[:-2], width, *middle, d_kernel.shape[-1] // self.rows)
        return _together(namespace(kernel).moveaxis(kernel, self._place, -4))

    @property
    def _place(self) -> int:
        """Where the kernel's axis of rows stands in the matrix: in its rows, or in its columns."""
        return -3 if self.rows == 1 else -2

    def join_rows(self, z: Array, records: int) -> Array:
        """Add up each row that comes out from its r parts, one a window's row: [G, B R W', r f] -> [B, H', W', F]."""
        z, height = self._as_pictures(z, records), self.window.count[0]
        parts = [
            part[..., row : row + height, :, :] for row, part in enumerate(namespace(z).split(z, self.rows, axis=-1))
        ]
        return _together(sum(parts[1:], start=parts[0]))  # r times [G,B,H',W',f] -> [B,H',W',F]

    def part_rows(self, dy: Array) -> Array:
        """Give each part of a row what arrives at the row: [B, H', W', F] -> [G, B R W', r f]."""
        xp, more = namespace(dy), self.rows - 1
        dz = _apart(dy, self.groups)  # [B,H',W',F] -> [G,B,H',W',f]
        if more:
            dz = xp.pad(dz, [*[(0, 0)] * (dz.ndim - 3), (more, more), (0, 0), (0, 0)])
            pieces = sliding(dz, -3, self.rows, 1, self.window.count[0] + more)
            dz = xp.concat(pieces[::-1], axis=-1)  # r times [G,B,R,W',f] -> [G,B,R,W',rf]
        return _as_product(dz)

    def _as_pictures(self, flat: Array, records: int) -> Array:
        """Return what goes through the product as pictures: [G, B R W', k] -> [G, B, R, W', k]."""
        height, width = self.window.count
        pictures: Array = flat.reshape(*flat.shape[:-2], records, height + self.rows - 1, width, flat.shape[-1])
        return pictures


def unfolding_of(window: Windows, groups: int, channels: int, filters: int) -> Unfolding:
    """Return how such a convolution becomes a matrix product.

    Examples
    --------
    >>> from pellucid.layers.windows import windows
    >>> unfolding_of(windows("", (28, 28, 16), 3, 1, "valid"), groups=1, channels=16, filters=32).rows
    3
    >>> unfolding_of(windows("", (28, 28, 16), 3, 2, "valid"), groups=1, channels=16, filters=32).rows
    1
    """
    in_vain = window.stride[0] > 1 or window.count[0] < window.size[0]
    small = prod(window.size) * (channels // groups) <= filters // groups
    return Unfolding(window, groups, rows=1 if in_vain or small else window.size[0])


def _as_product(pictures: Array) -> Array:
    """Return pictures as one side of a matrix product: [G, B, R, W', k] -> [G, B R W', k]."""
    shape = pictures.shape
    flat: Array = pictures.reshape(*shape[:-4], prod(shape[-4:-1]), shape[-1])
    return flat


def _apart(a: Array, groups: int) -> Array:
    """Divide the last axis into groups, put before the last four axes: [B, H, W, C] -> [G, B, H, W, c]."""
    divided = a.reshape(*a.shape[:-1], groups, a.shape[-1] // groups)
    moved: Array = namespace(a).moveaxis(divided, -2, -5)
    return moved


def _together(a: Array) -> Array:
    """Put groups side by side again: [G, B, H, W, c] -> [B, H, W, C]."""
    moved = namespace(a).moveaxis(a, -5, -2)
    joined: Array = moved.reshape(*moved.shape[:-2], moved.shape[-2] * moved.shape[-1])
    return joined
