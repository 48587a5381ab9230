"""What an equation is made of: numbers, symbols, and the operations that join them.

A formula becomes two such trees: one of symbols, to be read, and one of numbers, to be worked out again. Each rendering
(terminal, MathML, LaTeX) writes the same tree in its own way.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

# NumPy's, as Python's own raise an error where a value is infinite, and lose NaN in max(0, NaN).
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "erf": math.erf,
    "abs": np.abs,
    "sign": np.sign,
    "max": lambda *values: np.max(values),
    "min": lambda *values: np.min(values),
}
"""What may be called in a formula."""


SUM, PRODUCT, SIGN, POWER, WHOLE = range(5)
"""How tightly an operation binds, from a sum to a name: what stands within one that binds tighter needs brackets."""
MOST_WHOLE = 1e12
"""Numbers from here on are shown with a power of ten."""
MOST_DIGITS = 17
"""With so many digits a number is itself."""


@dataclass(frozen=True)
class Number:
    """A value."""

    value: float


@dataclass(frozen=True)
class Symbol:
    """A name for a value: a letter or a word, the level of its layer, and which of the layer's values it is.

    ``marks`` counts primes: one for a value after the step.
    """

    letter: str
    level: str = ""
    index: tuple[str, ...] = ()
    marks: int = 0


@dataclass(frozen=True)
class Derivative:
    """How much one value changes with another: dL/dw."""

    of: Symbol
    by: Symbol


@dataclass(frozen=True)
class Add:
    """A sum; a term that is taken away is a `Negative`."""

    terms: tuple["Term", ...]


@dataclass(frozen=True)
class Multiply:
    """A product."""

    factors: tuple["Term", ...]


@dataclass(frozen=True)
class Divide:
    """A quotient."""

    above: "Term"
    below: "Term"


@dataclass(frozen=True)
class Power:
    """A power."""

    base: "Term"
    exponent: "Term"


@dataclass(frozen=True)
class Negative:
    """The opposite."""

    term: "Term"


@dataclass(frozen=True)
class Apply:
    """A function of `FUNCTIONS`, applied."""

    function: str
    arguments: tuple["Term", ...]


@dataclass(frozen=True)
class Compare:
    """1 where the comparison holds, else 0."""

    left: "Term"
    sign: str
    right: "Term"


@dataclass(frozen=True)
class Cases:
    """One term where a condition holds, another elsewhere."""

    condition: "Term"
    then: "Term"
    otherwise: "Term"


@dataclass(frozen=True)
class Over:
    """A sum, a largest or a smallest value over an index, not written out."""

    function: str
    index: str
    body: "Term"


@dataclass(frozen=True)
class Rest:
    """The other terms of a long sum, together."""

    count: int
    value: float


Term: TypeAlias = (
    Number | Symbol | Derivative | Add | Multiply | Divide | Power | Negative | Apply | Compare | Cases | Over | Rest
)


def figure(value: float, digits: int) -> str:
    """Return a number as it is shown: that many significant digits (with 17, all that matter), no zeros at its end.

    What stands before the point is shown whole.

    Examples
    --------
    >>> figure(-3.7656, 3), figure(1.0, 5), figure(0.000012345, 2), figure(12345.678, 4), figure(float("inf"), 3)
    ('-3.77', '1', '1.2e-05', '12346', 'inf')
    """
    value = float(value)
    if not math.isfinite(value):
        return str(value)
    if abs(value) < MOST_WHOLE:
        digits = max(digits, len(f"{abs(value):.0f}"))
    text = f"{value:.{digits}g}" if digits < MOST_DIGITS else repr(value).removesuffix(".0")
    return "0" if text == "-0" else text


def worked_out(term: Term, digits: int = 17) -> float:
    """Return the value of a tree of numbers, each taken as it is shown with so many digits.

    Examples
    --------
    >>> worked_out(Add((Multiply((Number(1.0), Number(6.5761))), Negative(Number(10.3417)))))
    -3.765599999999999

    What overflows or has no value is infinite or NaN, as it is in the network:

    >>> worked_out(Divide(Number(1.0), Apply("exp", (Number(1000.0),)))), worked_out(Apply("log", (Number(-1.0),)))
    (0.0, nan)
    """
    with np.errstate(all="ignore"):
        return float(_value(term, digits))


def _value(term: Term, digits: int) -> np.float64:
    match term:
        case Number(value) | Rest(_, value):
            return np.float64(value if digits >= MOST_DIGITS else float(figure(value, digits)))
        case Add(terms):
            values = [_value(one, digits) for one in terms]
            try:
                return np.float64(math.fsum(values))
            except (OverflowError, ValueError):  # it takes no infinity less infinity
                return np.float64(sum(values))
        case Multiply(factors):
            return np.float64(math.prod(_value(one, digits) for one in factors))
        case Divide(above, below):
            return _value(above, digits) / _value(below, digits)
        case Power(base, exponent):
            return np.float64(_value(base, digits) ** _value(exponent, digits))
        case Negative(one):
            return -_value(one, digits)
        case Apply(function, arguments):
            return np.float64(FUNCTIONS[function](*[_value(one, digits) for one in arguments]))
    raise TypeError(f"{type(term).__name__} has no value of its own")


def parts_of(term: Term) -> Iterator[Term]:
    """Give a term, and every term within it."""
    yield term
    match term:
        case Add(parts) | Multiply(parts) | Apply(_, parts):
            inner: tuple[Term, ...] = parts
        case Divide(first, second) | Power(first, second) | Compare(first, _, second):
            inner = (first, second)
        case Negative(one) | Over(_, _, one):
            inner = (one,)
        case Cases(condition, then, otherwise):
            inner = (condition, then, otherwise)
        case _:
            inner = ()
    for part in inner:
        yield from parts_of(part)


def largest_within(term: Term) -> float:
    """Return how large the largest finite number is that working out a term meets: what its rounding is measured by.

    Examples
    --------
    >>> largest_within(Apply("log", (Add((Number(1.0), Apply("exp", (Number(-40.0),)))),)))
    40.0
    """
    sizes = (abs(worked_out(part)) for part in parts_of(term))
    return max((size for size in sizes if math.isfinite(size)), default=0.0)
