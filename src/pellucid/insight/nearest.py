"""The smallest change of a single input that changes the decision."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.arrays import Array
from pellucid.insight.categories import category_columns
from pellucid.insight.member import single
from pellucid.network import Network

# On either side of the record; they lie closer together near it.
PLACES_LOOKED_AT = 250
BISECTIONS = 40


@dataclass(frozen=True)
class Flip:
    """A change of one input that changes the decision.

    Attributes
    ----------
    input : int
        Which input, from 0.
    value : float
        The nearest value found with another decision: just behind the crossing.
    change : float
        From the record's value to it, in units of ``scale``, with its sign.
    decision : int
        The decision there.
    inside : bool
        Whether the value lies between ``low`` and ``high``.
    """

    input: int
    value: float
    change: float
    decision: int
    inside: bool


def nearest_flips(
    network: Network,
    x: Any,
    *,
    decide: Callable[[Array], Array],
    low: Any,
    high: Any,
    scale: Any = None,
    only: Mapping[int, Any] | None = None,
    member: int = 0,
) -> list[Flip]:
    """Return for each input the smallest change of it alone that changes the decision, the nearest first.

    Each input is moved to both sides, over 250 places between ``low`` and ``high``; where the decision first changes,
    the crossing is found by bisection. (A decision that changes and changes back between two places is not seen.) An
    input for which nothing changes there is moved as far again beyond; it comes after all that need not be. Inputs
    whose ``low`` and ``high`` are equal are left alone.

    Parameters
    ----------
    network : Network
        With one axis of inputs.
    x : array [inputs]
        The record.
    decide : function of outputs [N, O]
        Returns the decisions as whole numbers, [N].
    low, high : array [inputs]
        The range of each input, such as that seen in training.
    scale : array [inputs], optional
        What a change of each input is measured in, such as its standard deviation; by default 1.
    only : dict of int to array, optional
        For inputs that take certain values only, such as 0 and 1: these values, inside and outside the range. An input
        that goes into an Embedding or a OneHot takes the numbers of its categories, if nothing else is said.
    member : int
        Of K members, which.

    Returns
    -------
    list of Flip
        Empty if no change of one input changes the decision.

    Raises
    ------
    ValueError, TypeError
        If a shape does not fit, or a value is not finite.

    Examples
    --------
    >>> from pellucid import Dense
    >>> network = Network(2, [Dense(1)], seed=0)
    >>> network.theta = [2.0, 1.0, 0.0]
    >>> flips = nearest_flips(
    ...     network, [-1.0, 0.0], decide=lambda output: output[:, 0] > 0, low=[-3.0, -3.0], high=[3.0, 3.0]
    ... )
    >>> [(flip.input, round(flip.value, 6), round(flip.change, 6)) for flip in flips]
    [(0, 0.0, 1.0), (1, 2.0, 2.0)]
    """
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, found a {type(network).__name__}")
    one = single(network, member)
    if len(one.inputs) != 1:
        raise ValueError(f"nearest_flips takes a network with one axis of inputs, found records of shape {one.inputs}")
    unit = np.ones(one.inputs) if scale is None else scale
    given = (("x", x), ("low", low), ("high", high), ("scale", unit))
    record, lowest, highest, unit = (_numbers(name, value, one) for name, value in given)
    for rule, wrong in (("low must not exceed high", lowest > highest), ("scale must be positive", unit <= 0)):
        if wrong.any():
            raise ValueError(f"{rule}, which does not hold for input {int(wrong.argmax())}")

    known = {column: np.arange(count) for column, count in category_columns(one).items()} | dict(only or {})

    def decisions(column: int, values: Array) -> Array:
        records = np.repeat(record[None], len(values), axis=0)  # [I] -> [M,I]
        records[:, column] = values
        return np.asarray(decide(one.predict(records))).astype(np.intp)

    flips = []
    for column in np.flatnonzero(lowest < highest).tolist():
        here, bottom, top = float(record[column]), float(lowest[column]), float(highest[column])
        values = np.unique(np.asarray(known[column], dtype=np.float64)) if column in known else None
        ways = _ways(here, bottom, top) if values is None else (values[values < here][::-1], values[values > here])
        found = []
        for way in ways:
            crossing = _crossing(partial(decisions, column), here, way, bisect=values is None)
            if crossing is not None:
                value, decision = crossing
                change = (value - here) / float(unit[column])
                found.append(Flip(column, value, change, decision, bottom <= value <= top))
        flips += sorted(found, key=_distance)[:1]
    return sorted(flips, key=_distance)


def _numbers(name: str, value: Any, network: Network) -> Array:
    """Return one number for each input."""
    numbers: Array = checks.inputs(np.asarray(value)[None], network.inputs, np.dtype(np.float64), name=f"[{name}]")[0]
    return numbers


def _distance(flip: Flip) -> tuple[bool, float]:
    return not flip.inside, abs(flip.change)


def _ways(here: float, low: float, high: float) -> tuple[Array, Array]:
    """Return the places to look at, downwards and upwards: close together near the start."""
    near = np.linspace(0, 1, PLACES_LOOKED_AT + 1)[1:] ** 2
    beyond = (high - low) * np.linspace(0, 1, PLACES_LOOKED_AT // 4 + 1)[1:]
    bottom, top = min(low, here), max(high, here)
    down = np.concatenate([here - (here - bottom) * near, bottom - beyond])
    up = np.concatenate([here + (top - here) * near, top + beyond])
    return down, up


def _crossing(
    decisions: Callable[[Array], Array], here: float, way: Array, *, bisect: bool
) -> tuple[float, int] | None:
    """Return the first value on the way with another decision than here, and that decision."""
    found = decisions(np.concatenate([[here], way]))
    other = np.flatnonzero(found != found[0])
    if not len(other):
        return None
    before, after = (float(value) for value in np.concatenate([[here], way])[other[0] - 1 : other[0] + 1])
    decision = int(found[other[0]])
    for _ in range(BISECTIONS if bisect else 0):
        middle = before + (after - before) / 2
        there = int(decisions(np.array([middle]))[0])
        if there == found[0]:
            before = middle
        else:
            after, decision = middle, there
    return after, decision
