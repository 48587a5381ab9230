"""The one file that may differ by array library.

Layers, losses and optimizers take their array library from the arrays that they are given
(:func:`namespace`), so the same lines run on NumPy and on any library of its interface. What
libraries spell differently stands here and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
"""An array of the library in use."""


@dataclass(frozen=True)
class Draw:
    """What a random layer asks for: one array of ``shape``, uniform on [0, 1), standard normal, or Beta(a, a).

    Examples
    --------
    >>> Draw("uniform", (2, 3))
    Draw(kind='uniform', shape=(2, 3), a=1.0)
    """

    kind: Literal["uniform", "normal", "beta"]
    shape: tuple[int, ...]
    a: float = 1.0


def namespace(x: Array) -> ModuleType:
    """Return the array library that ``x`` belongs to.

    Examples
    --------
    >>> namespace(np.zeros(3)).__name__
    'numpy'
    """
    if type(x) is np.ndarray:  # the usual case, and several times quicker than asking
        return np
    library: ModuleType = x.__array_namespace__()
    return library


def sum64(x: Array, axis: int | tuple[int, ...] | None) -> Array:
    """Sum over ``axis`` (None: all of them), accumulated in float64 whatever the precision of ``x``.

    A mean over many float32 values loses digits when it is accumulated in float32; a sum that
    feeds a statistic (a loss, a mean, a variance) is therefore always a float64.

    Examples
    --------
    >>> tenths = np.full(10_000_000, 0.1, dtype=np.float32)
    >>> float(sum64(tenths, axis=0))
    1000000.0149011612
    """
    if type(x) is not np.ndarray:
        wide: Array = x.sum(axis, np.result_type(x.dtype, np.float64))
        return wide
    precise = x.dtype.char in "dD"  # float64 or complex128
    total: Array = np.add.reduce(x, axis) if precise else np.add.reduce(x, axis, np.float64)
    return total


def sum_over_records(x: Array) -> Array:
    """Sum [B, O] over its records to [O], or each member's.

    On NumPy it is a product with a row of ones, which takes a third of the time.

    Examples
    --------
    >>> sum_over_records(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    if type(x) is np.ndarray:
        summed: Array = matmul(np.ones((1, x.shape[-2]), x.dtype), x)[..., 0, :]  # [1,B] @ [B,O] -> [O]
    else:
        summed = x.sum(axis=-2)  # [B,O] -> [O]
    return summed


def sum_over_values(x: Array) -> Array:
    """Sum each record's values, [B, C] to [B, 1], or each member's.

    On NumPy it is a product with a column of ones, which takes half the time.

    Examples
    --------
    >>> sum_over_values(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[3.],
           [7.]])
    """
    if type(x) is np.ndarray:
        summed: Array = matmul(x, np.ones((x.shape[-1], 1), x.dtype))  # [B,C] @ [C,1] -> [B,1]
    else:
        summed = x.sum(axis=-1, keepdims=True)  # [B,C] -> [B,1]
    return summed


FEW_VALUES = 64  # below it, NumPy is quicker at comparing columns than at looking through row after row


def largest_value(x: Array) -> Array:
    """Return the largest of each record's values, [B, C] to [B, 1], or each member's.

    Examples
    --------
    >>> largest_value(np.array([[1.0, 2.0], [4.0, 3.0]]))
    array([[2.],
           [4.]])
    """
    if type(x) is np.ndarray and x.shape[-1] < FEW_VALUES:
        largest: Array = x.mT.copy().max(axis=-2)[..., None]  # [C,B] -> [B,1]
    else:
        largest = x.max(axis=-1, keepdims=True)  # [B,C] -> [B,1]
    return largest


def sum_of_squares64(x: Array, axes: tuple[int, ...]) -> Array:
    """Sum the squares of ``x`` (not of their sizes, where they are complex) over ``axes``, accumulated in float64.

    Examples
    --------
    >>> float(sum_of_squares64(np.array([[3.0], [4.0]]), (-2, -1)))
    25.0
    """
    if type(x) is np.ndarray and x.dtype.char in "dD" and x.ndim == len(axes):
        flat = x.reshape(-1)
        total: Array = flat.dot(flat)  # without an array of the squares
        return total
    return sum64(x * x, axes)


SMALL_PRODUCT = 512  # multiplications; below it a compiler does better with a plain sum than with a matrix routine


def matmul(a: Array, b: Array) -> Array:
    """Return the matrix product ``a @ b``; leading axes hold several products at once.

    For two plain NumPy matrices ``dot`` does the same with half of the operator's overhead, which is what
    a small network spends its time on. A library that compiles is given a small product as the sum that it
    is: it becomes part of the code around it (the first network's epochs then take half the time).

    Examples
    --------
    >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """
    on_numpy = type(b) is np.ndarray  # the left one may be a sparse table, which multiplies by itself
    if on_numpy and type(a) is np.ndarray and a.ndim == 2 and b.ndim == 2:
        product: Array = a.dot(b)
    elif on_numpy or a.shape[-2] * a.shape[-1] * b.shape[-1] > SMALL_PRODUCT:
        product = a @ b
    else:
        product = (a[..., :, :, None] * b[..., None, :, :]).sum(axis=-2)  # [B,I,1] * [1,I,O] -> [B,O]
    return product


# Chebyshev coefficients of exp(x^2) erfc(x) / t with t = 2 / (2 + x), for x from 0 to infinity, in u = 2 t - 1;
# computed with 40 digits and cut where they fall below 1e-17.
# fmt: off
_ERFC = (
    0.577033738616469689, 0.355436921270498487, 0.0650951588287865246, 0.00367114239583663917,
    -0.0011128447433526325, -0.000160758299153780798, 0.0000327803157417313706, 5.44244164550501603e-6,
    -1.51546655531714816e-6, -1.42976081811698649e-7, 8.23460882741949343e-8, -1.29628468523065625e-9,
    -4.1547216310151983e-9, 6.34705827836281118e-10, 1.43208227122562237e-10, -6.16039010520458554e-11,
    2.06121385547216963e-12, 3.57149314884770445e-12, -8.58642284325179648e-13, -6.14560021379063055e-14,
    7.41872574859661706e-14, -1.28950427550323256e-14, -2.35872638571063236e-15, 1.57293493816859114e-15,
    -2.27829662395464652e-16, -6.31233045075642981e-17, 3.5916763531814923e-17,
)
# fmt: on


def erf(x: Array) -> Array:
    """Error function, elementwise, to about 1e-15; complex input is allowed near the real axis.

    For x >= 0, erfc(x) = t exp(-x^2) S(2 t - 1) with t = 2 / (2 + x) and S a Chebyshev series, summed by
    Clenshaw's recurrence; erf(-x) = -erf(x). The branch is chosen by the real part, and the series is a
    polynomial, so a complex step passes through. NumPy itself has no error function.

    Parameters
    ----------
    x : array of any shape

    Returns
    -------
    array of the shape and dtype of ``x``

    Examples
    --------
    >>> erf(np.array([-1.0, 0.0, 0.5])).round(12)
    array([-0.84270079,  0.        ,  0.52049988])

    Source: C. W. Clenshaw, "A note on the summation of Chebyshev series", 1955.
    """
    xp = namespace(x)
    negative = x.real < 0
    distance = x * ~negative - x * negative
    t = 2 / (2 + distance)
    u = 4 * t - 2  # twice the Chebyshev argument, as Clenshaw's recurrence wants it
    newer, older = 0 * t, 0 * t
    for coefficient in reversed(_ERFC[1:]):
        newer, older = coefficient + u * newer - older, newer
    series = _ERFC[0] + 0.5 * u * newer - older
    positive_side = 1 - t * xp.exp(-distance * distance) * series
    result: Array = positive_side * ~negative - positive_side * negative
    return result


def _row_numbers(codes: Array, count: int, who: str) -> Array:
    """Return category numbers as whole numbers.

    What is none is an error on NumPy. A compiled program cannot raise one: there it becomes ``count``, a row that does
    not exist, whose values are not a number; the loss then is none either, and the step is made again on NumPy.
    """
    codes = codes.real
    xp = namespace(codes)
    on_numpy = type(codes) is np.ndarray
    with np.errstate(invalid="ignore"):  # of what is not a number or too large, which is told below
        rows: Any = codes.astype(np.int64 if on_numpy else np.int32)
    good = (rows == codes) & (rows >= 0) & (rows < count)
    if on_numpy and not good.all():
        place = tuple(int(at) for at in np.argwhere(~good)[0])
        raise ValueError(
            f"{who}: column {place[-1]} of record {place[-2]} is {codes[place]!s}; expected a whole number from 0 to "
            f"{count - 1}, one of the {count} categories"
        )
    result: Array = xp.where(good, rows, count)
    return result


def take_rows(table: Array, codes: Array, who: str) -> Array:
    """Return a table's rows by their numbers: [V, D] and [B, L] give [B, L, D]; a leading axis of members is kept.

    Raises
    ------
    ValueError
        If a number is not whole or there is no such row; ``who`` begins the text.

    Examples
    --------
    >>> take_rows(np.array([[1.0], [2.0]]), np.array([[1.0, 1.0, 0.0]]), "who")[..., 0]
    array([[2., 2., 1.]])
    """
    rows = _row_numbers(codes, table.shape[-2], who)
    if table.ndim == 2:
        taken: Array = namespace(table).take(table, rows, axis=0)
        return taken
    flat = rows.reshape((len(table), -1, 1))
    taken = namespace(table).take_along_axis(table, flat, axis=1)  # [K,V,D], [K,B*L,1] -> [K,B*L,D]
    return taken.reshape((*rows.shape, table.shape[-1]))


def add_rows(values: Array, codes: Array, count: int) -> Array:
    """Add up rows that have the same number: [B, L, D] and [B, L] give [V, D]; a leading axis of members is kept.

    Examples
    --------
    >>> add_rows(np.array([[[1.0], [2.0], [4.0]]]), np.array([[1.0, 1.0, 0.0]]), 3).ravel()
    array([4., 3., 0.])
    """
    width = values.shape[-1]
    rows = _row_numbers(codes, count, "add_rows")
    lead = rows.shape[:-2]
    members = lead[0] if lead else 1
    # All members in one long table: each number is moved on by the tables before its own.
    first = namespace(rows).arange(members).reshape((members, 1)) * count
    rows = (rows.reshape((members, -1)) + first).reshape(-1)
    if type(values) is np.ndarray:
        places = rows[:, None] * width + np.arange(width)
        added = np.bincount(places.ravel(), values.ravel(), minlength=members * count * width).astype(values.dtype)
    else:
        added = namespace(values).zeros((members * count, width), dtype=values.dtype)
        added = added.at[rows].add(values.reshape((-1, width)), mode="drop")
    result: Array = added.reshape((*lead, count, width))
    return result


def draw(generators: Sequence[np.random.Generator], wanted: Draw, dtype: npt.DTypeLike) -> Array:
    """Draw one array for a random layer; several generators fill one leading axis, one each.

    Several generators belong to several members (networks trained at once): each member then
    sees the very numbers that it would see alone.

    Parameters
    ----------
    generators : one generator, or one a member
    wanted : kind and shape, the shape with the members' axis where there are several generators
    dtype : dtype of the result

    Examples
    --------
    >>> draw([np.random.default_rng(0)], Draw("uniform", (2,)), np.float64).round(3)
    array([0.637, 0.27 ])
    """
    shape = wanted.shape if len(generators) == 1 else wanted.shape[1:]

    def one(generator: np.random.Generator) -> Array:
        # Drawn in float64 and then rounded, so that float32 and float64 runs see the same draws.
        if wanted.kind == "beta":
            values = generator.beta(wanted.a, wanted.a, shape)
        else:
            values = generator.random(shape) if wanted.kind == "uniform" else generator.standard_normal(shape)
        return values.astype(dtype)

    if len(generators) == 1:
        return one(generators[0])
    return np.stack([one(generator) for generator in generators])


def sliding(x: Array, axis: int, size: int, stride: int, count: int) -> list[Array]:
    """Return, for each place in a window, what stands there while the window slides along an axis.

    Entry k holds ``x`` at k, k + stride, k + 2 stride ... along ``axis``: one value for each of the window's ``count``
    positions. On NumPy these are views.

    Parameters
    ----------
    x : array
    axis : int
        Counted from the right: a negative number.
    size, stride, count : int
        The window's length, how far it goes each time, and the number of its positions.

    Examples
    --------
    >>> sliding(np.array([1, 2, 3, 4, 5]), -1, size=3, stride=2, count=2)
    [array([1, 3]), array([2, 4]), array([3, 5])]
    """
    return [x[_along(axis, start, stride, count)] for start in range(size)]


def overlap_add(pieces: Sequence[Array], axis: int, stride: int, length: int) -> Array:
    """Lay piece k at k, k + stride, k + 2 stride ... along an axis of ``length``, and add up what overlaps.

    This is the transpose of :func:`sliding`: it brings the gradients of the windows back to what they were taken from.
    NumPy adds them into one array, which nobody has seen yet; a library that compiles is given a sum of pieces
    with zeros around them, which it makes in one go.

    Parameters
    ----------
    pieces : list of arrays of one shape
    axis : int
        Counted from the right: a negative number.
    stride, length : int
        How far apart the values of a piece come to lie, and how long the result is along the axis.

    Examples
    --------
    >>> overlap_add([np.array([1, 3]), np.array([2, 4]), np.array([3, 5])], -1, stride=2, length=5)
    array([1, 2, 6, 4, 5])
    """
    shape, count = list(pieces[0].shape), pieces[0].shape[axis]
    if type(pieces[0]) is np.ndarray:
        shape[axis] = length
        total = np.zeros(shape, np.result_type(*pieces))
        for start, piece in enumerate(pieces):
            total[_along(axis, start, stride, count)] += piece
        return total
    xp = namespace(pieces[0])
    shape[axis] = (count - 1) * stride + 1  # from the first value of a piece to its last
    summed: Any = 0
    for start, piece in enumerate(pieces):
        if stride > 1:
            gaps = [xp.zeros_like(piece)] * (stride - 1)
            spread = xp.stack([piece, *gaps], axis=piece.ndim + axis + 1)
            spread = spread.reshape(*shape[:axis], count * stride, *piece.shape[piece.ndim + axis + 1 :])
            piece = spread[_along(axis, 0, 1, shape[axis])]
        widths = [(0, 0)] * piece.ndim
        widths[axis] = (start, length - start - shape[axis])
        summed = summed + xp.pad(piece, widths)
    joined: Array = summed
    return joined


def _along(axis: int, start: int, stride: int, count: int) -> tuple[Any, ...]:
    """Return the index of ``count`` places along an axis counted from the right."""
    return (..., slice(start, start + (count - 1) * stride + 1, stride), *[slice(None)] * (-axis - 1))
