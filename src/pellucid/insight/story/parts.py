"""What a rendering of a trace shows: its parts, before they are written for a terminal, a notebook or a page."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.formulas import TERMS_SHOWN, shortened
from pellucid.insight.terms import (
    MOST_DIGITS,
    Add,
    Derivative,
    Multiply,
    Number,
    Rest,
    Symbol,
    Term,
    figure,
    largest_within,
    worked_out,
)

DIGITS = 5
"""Significant digits of a result."""
ROUGHLY = 1e-6
"""A difference that is no more than this share of the numbers that went in is rounding, also in float32."""
CELLS = 32
"""Of a heat strip."""
VALUES_SHOWN = 8
"""More values than these are shown by their range and a strip."""


@dataclass(frozen=True)
class Line:
    """An equation: what is computed, how, with which numbers, and what comes of it.

    Attributes
    ----------
    left : Symbol or Derivative
    forms : tuple of Term
        The same thing in symbols, from the general to the particular.
    numbers : Term or None
        The last of the forms, with its numbers.
    value : float
        The result.
    result : str
        The result as it is shown.
    digits : int
        How many digits of ``numbers`` are shown: enough that they give the result as it is shown.
    sign : str
        What stands before the result: "="; "≈" where all digits cancel and only rounding is left; "≠" where the formula
        does not give what the layer computed.
    by : tuple of (Term, str)
        Which layer contributes which factor.
    remark : str
        What this line is about, if its left side does not say it all.
    """

    left: Symbol | Derivative
    forms: tuple[Term, ...]
    numbers: Term | None
    value: float
    result: str
    digits: int
    sign: str
    by: tuple[tuple[Term, str], ...] = ()
    remark: str = ""

    @property
    def finite(self) -> bool:
        """Whether the result is a finite number."""
        return math.isfinite(self.value)


@dataclass(frozen=True)
class Strip:
    """An array, by its shape, its range and a strip of cells.

    Attributes
    ----------
    name : Symbol, Derivative or str
    what : str
        What the array is.
    shape : tuple of int
        Of the whole array.
    low, high : float
        The range of its finite values.
    cells : tuple of float
        Its values, or of neighbours the one farthest from 0 where there are more than fit: one that is not finite comes
        first.
    whole : bool
        Whether each cell is one value.
    not_finite : int
        How many values are not finite.
    """

    name: Symbol | Derivative | str
    what: str
    shape: tuple[int, ...]
    low: float
    high: float
    cells: tuple[float, ...]
    whole: bool
    not_finite: int


@dataclass(frozen=True)
class Remark:
    """A sentence; a warning says that something is wrong."""

    text: str
    warning: bool = False


@dataclass
class Section:
    """One layer on the way forward or back, the loss, or the update.

    ``kind`` is "input", "forward", "loss", "back" or "update", and ``layer`` the layer's name (else ""). Among the
    items of a block are the sections of the layers within. ``marked`` is set where values that are not finite first
    appear.
    """

    title: str
    kind: str
    layer: str
    items: "list[Item]" = field(default_factory=list)
    marked: bool = False

    def everything(self) -> "Iterator[Section]":
        """Give this section and all within, in the order in which they are read."""
        yield self
        for item in self.items:
            if isinstance(item, Section):
                yield from item.everything()


Item: TypeAlias = Line | Strip | Remark | Section


@dataclass
class Story:
    """All sections of one rendering, and what it is of."""

    title: str
    subject: str
    about: list[Remark]
    sections: list[Section]


def is_listed(strip: Strip) -> bool:
    """Return whether an array is small enough to list its values."""
    return strip.whole and len(strip.cells) <= VALUES_SHOWN


def line(
    left: Symbol | Derivative,
    forms: tuple[Term, ...],
    numbers: Term | None,
    value: float,
    *,
    by: tuple[tuple[Term, str], ...] = (),
    remark: str = "",
) -> Line:
    """Return an equation with as many digits as it takes to work it out again.

    Examples
    --------
    >>> from pellucid.insight.terms import Multiply, Number
    >>> third = line(Symbol("y"), (), Multiply((Number(1 / 3), Number(100.0))), 100 / 3)
    >>> third.result, third.digits
    ('33.333', 5)
    >>> from pellucid.insight.terms import Add
    >>> difference = Add((Number(1.00000123), Number(-1.0)))
    >>> line(Symbol("y"), (), difference, 1.00000123 - 1.0).digits
    9
    """
    value = float(value)
    if numbers is None:
        return Line(left, forms, None, value, figure(value, DIGITS), DIGITS, "=", by, remark)
    size = largest_within(numbers)
    for digits in range(DIGITS, MOST_DIGITS + 1):
        if _gives(numbers, digits, value, DIGITS, size):
            return Line(left, forms, numbers, value, figure(value, DIGITS), digits, "=", by, remark)
    for fewer in range(DIGITS - 1, 1, -1):
        if _gives(numbers, MOST_DIGITS, value, fewer, size):
            return Line(left, forms, numbers, value, figure(value, fewer), MOST_DIGITS, "=", by, remark)
    rough = abs(worked_out(numbers) - value) <= ROUGHLY * max(abs(value), size)
    return Line(left, forms, numbers, value, figure(value, DIGITS), DIGITS, "≈" if rough else "≠", by, remark)


def _gives(numbers: Term, digits: int, value: float, shown: int, size: float) -> bool:
    """Return whether these figures give the result as it is shown, in whatever order they are added up."""
    again = worked_out(numbers, digits)
    if not math.isfinite(again):
        return figure(again, shown) == figure(value, shown)
    if again == value:
        return True
    rounding = 1e-14 * size
    return {figure(again - rounding, shown), figure(again + rounding, shown)} == {figure(value, shown)}


def strip(name: Symbol | Derivative | str, what: str, array: Array) -> Strip:
    """Return an array's shape, range and cells.

    Examples
    --------
    >>> found = strip("a", "its values", np.array([[1.0, 2.0, np.nan, 4.0]]))
    >>> found.low, found.high, found.not_finite, found.whole
    (1.0, 4.0, 1, True)
    """
    array = np.asarray(array, dtype=np.float64)
    values = array.ravel()
    finite = array[np.isfinite(array)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
    parts = np.array_split(values, min(CELLS, values.size)) if values.size else []
    cells = tuple(float(part[np.argmax(np.where(np.isfinite(part), np.abs(part), np.inf))]) for part in parts)
    return Strip(name, what, array.shape, low, high, cells, array.size <= CELLS, int(array.size - finite.size))


def sum_of(terms: Sequence[Term]) -> Term:
    """Return the sum of terms; of many, the largest and what the others come to."""
    if len(terms) == 1:
        return terms[0]
    return Add(tuple(terms)) if len(terms) <= TERMS_SHOWN + 1 else shortened(tuple(terms))


def sum_of_values(values: Array) -> Term:
    """Return the sum of many numbers, as :func:`sum_of` would of their terms.

    Examples
    --------
    >>> sum_of_values(np.array([9.0, 1.0, 8.0, 1.0, 7.0, 6.0, 5.0, 4.0])).terms[-1]
    Rest(count=2, value=2.0)
    """
    values = np.asarray(values, dtype=np.float64).ravel()
    if len(values) <= TERMS_SHOWN + 1:
        return sum_of([Number(float(value)) for value in values])
    # NaN is what somebody looks for: it comes first.
    order = np.argsort(-np.where(np.isnan(values), np.inf, np.abs(values)), kind="stable")
    shown = np.sort(order[:TERMS_SHOWN])
    with np.errstate(invalid="ignore"):
        rest = (
            math.fsum(values[order[TERMS_SHOWN:]]) if np.isfinite(values).all() else values[order[TERMS_SHOWN:]].sum()
        )
    return Add((*(Number(float(values[place])) for place in shown), Rest(len(values) - TERMS_SHOWN, float(rest))))


def product_of(factors: Sequence[Term]) -> Term:
    """Return the product of factors."""
    return factors[0] if len(factors) == 1 else Multiply(tuple(factors))


def size_of(items: Sequence[Item]) -> float:
    """Return how large the numbers of the last equation are: what its rounding is measured by."""
    numbers = [one.numbers for one in items if isinstance(one, Line) and one.numbers is not None]
    return largest_within(numbers[-1]) if numbers else 0.0


def same(again: float, value: float, dtype: Any, size: float) -> bool:
    """Return whether a formula gives what was computed, up to the rounding of numbers of this size.

    Examples
    --------
    >>> same(0.1 + 0.2, 0.3, np.float64, 0.2), same(0.31, 0.3, np.float64, 0.2)
    (True, False)
    """
    if not math.isfinite(again) or not math.isfinite(value):
        return True  # what is not finite is told by itself
    return abs(again - value) <= 1e4 * float(np.finfo(dtype).eps) * max(abs(value), size)
