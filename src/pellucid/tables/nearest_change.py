"""The smallest change of one column that changes the answer for a row of a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.insight.nearest import nearest_flips
from pellucid.tables.explanation_subject import Subject
from pellucid.tables.scaler import Numbers
from pellucid.tables.target import Label

Value = bool | int | float | str | None
"""What a cell of a table holds; None in a gap."""

# Whole numbers in a wider range are looked at as if they were any numbers, and rounded.
MOST_WHOLE_NUMBERS = 1_000


@dataclass(frozen=True)
class Change:
    """The smallest change of one column that changes the answer.

    Attributes
    ----------
    column : str
    before, after : bool, int, float or str
        The value in the row, and one that changes the answer: a number rounded to as few digits as do, or a category.
    deviations : float
        The change of a number in standard deviations of the rows that a row is compared with, with its sign; of a
        category, in those of having it or not.
    prediction : label
        The answer after the change.
    low, high : float or None
        Between what a column of numbers lay in those rows; ``after`` lies outside only if nothing inside, of any
        column, changes the answer.
    """

    column: str
    before: Value
    after: Value
    deviations: float
    prediction: Label
    low: float | None
    high: float | None

    @property
    def outside(self) -> bool:
        """Whether a number lies outside what was seen."""
        number = isinstance(self.after, bool | int | float) and self.low is not None and self.high is not None
        return number and not self.low <= self.after <= self.high  # type: ignore[operator]


def nearest_change(subject: Subject, x: Numbers, values: Sequence[Value], seen: Numbers) -> Change | None:
    """Return the nearest change of one column that changes the class of a row.

    Parameters
    ----------
    subject : Subject
        Of classes.
    x : array [C]
        The row, as numbers.
    values : sequence of bool, int, float, str or None
        The row's, as they stand in the table.
    seen : array [N, C]
        Rows that tell which columns hold whole numbers only.

    Examples
    --------
    >>> from pellucid import BinaryCrossEntropyFromLogits, Dense, Network
    >>> from pellucid.tables.scaler import Scaler
    >>> from pellucid.tables.target import Target
    >>> X, network = np.array([[0.0], [1.0], [2.0], [3.0]]), Network(1, [Dense(1)], seed=0)
    >>> network.theta = [1.0, -1.5]
    >>> target, loss = Target("size", "binary", "text", ("S", "L")), BinaryCrossEntropyFromLogits()
    >>> change = nearest_change(Subject(network, loss, ("x",), Scaler.measure(X), None, target), X[0], [0], X)
    >>> change.before, change.after, change.prediction
    (0, 2, 'L')
    """
    scaler = subject.scaler
    # Many a table holds its counts, and its 0 and 1, as floats.
    whole = (np.concatenate([[x], seen, [scaler.low, scaler.high]]) % 1 == 0).all(axis=0)  # [N,C] -> [C]

    shift, scale = np.zeros(len(x)), np.ones(len(x))
    if subject.scaling is not None:
        shift, scale = subject.scaling.shift, subject.scaling.scale
    low, high, only = scaler.low.copy(), scaler.high.copy(), {}
    for place in subject.fixed:
        low[place] = high[place] = x[place]
    for place, levels in subject.levels.items():
        low[place], high[place] = 0, len(levels) - 1
        only[place] = (np.arange(float(len(levels))) - shift[place]) / scale[place]
    for place in np.flatnonzero(~scaler.constant).tolist():
        if place in subject.levels or place in subject.fixed:
            continue
        bounds = float(scaler.low[place]), float(scaler.high[place])
        if whole[place] and bounds[1] - bounds[0] <= MOST_WHOLE_NUMBERS:
            only[place] = (_whole_numbers(*bounds) - shift[place]) / scale[place]  # [M]
    flips = nearest_flips(
        subject.network,
        subject.inputs(x[None])[0],
        decide=subject.decide,
        low=subject.inputs(low[None])[0],
        high=subject.inputs(high[None])[0],
        scale=scaler.std / scale,
        only=only,
    )
    before = int(subject.codes(x[None])[0])
    found = []
    for flip in flips:
        place = flip.input
        if place in subject.levels:
            found += _other_levels(subject, x, place, values[place], before)
            continue
        here, std = float(x[place]), float(scaler.std[place])
        crossing = float(shift[place]) + float(scale[place]) * flip.value
        # Such as a negative age: no such thing was ever seen.
        if not np.isfinite(crossing) or crossing < 0 <= scaler.low[place]:
            continue
        for after in _rounded(crossing, here, std, bool(whole[place])):
            changed = x.copy()
            changed[place] = after
            code = int(subject.codes(changed[None])[0])
            cell = values[place]  # a text, if the column has numbers written as such
            value = float(after) if isinstance(cell, str) or cell is None else type(cell)(after)
            if code != before and value == after:
                found.append(
                    Change(
                        column=subject.columns[place],
                        before=values[place],
                        after=value,
                        deviations=(after - here) / std,
                        prediction=subject.target.classes[code],
                        low=float(scaler.low[place]),
                        high=float(scaler.high[place]),
                    )
                )
                break
        if found and not subject.levels:
            break  # numbers come by their distance
    return min(found, key=_distance, default=None)


def _distance(change: Change) -> tuple[bool, float]:
    return change.outside, abs(change.deviations)


def _other_levels(subject: Subject, x: Numbers, place: int, here: Value, before: int) -> list[Change]:
    """Return the categories of a column that change the answer."""
    levels, distances = subject.levels[place], subject.distances[place]
    records = np.repeat(x[None], len(levels), axis=0)  # [I] -> [L,I]
    records[:, place] = np.arange(len(levels))
    return [
        Change(
            subject.columns[place], here, _alike(label, here), float(distance), subject.target.classes[code], None, None
        )
        for label, distance, code in zip(levels, distances, subject.codes(records).tolist(), strict=True)
        if code != before and label != here
    ]


def _alike(label: Label, here: Value) -> Value:
    """Return a label as the cell has it: a column of 0.0 and 1.0 may have been whole numbers where it was learnt from.

    Examples
    --------
    >>> _alike(1, 0.0), _alike("yes", "no")
    (1.0, 'yes')
    """
    if isinstance(here, str) or here is None or isinstance(label, str):
        return label
    return type(here)(label)


def _whole_numbers(low: float, high: float) -> Numbers:
    """Return the whole numbers of a range and as far again to both sides; what is 0 or 1 is nothing else.

    Examples
    --------
    >>> _whole_numbers(2.0, 4.0), _whole_numbers(0.0, 1.0)
    (array([0., 1., 2., 3., 4., 5., 6.]), array([0., 1.]))
    """
    return np.arange(2.0) if (low, high) == (0, 1) else np.arange(2 * low - high, 2 * high - low + 1)


def _rounded(crossing: float, here: float, std: float, whole: bool) -> Iterator[float]:
    """Give values just behind a crossing, the one with the fewest digits first.

    Examples
    --------
    >>> [round(value, 6) for value in _rounded(82.0637, 75.0, 20.0, whole=False)][:3]
    [82.1, 82.07, 82.064]
    >>> list(_rounded(82.0637, 75.0, 20.0, whole=True))
    [83.0]
    """
    away = np.ceil if crossing > here else np.floor
    if whole:
        near = round(crossing)
        # A whole number that was found as such comes back from standardising a little off.
        yield float(near) if abs(crossing - near) < 1e-6 * max(1.0, abs(near)) else float(away(crossing))
        return
    coarsest = std * min(max(0.01, 0.02 * abs(crossing - here) / std), 0.1)
    if 1e-290 < coarsest < 1e290:  # beyond, the powers of ten end
        digits = -int(np.floor(np.log10(coarsest)))
        for more in range(digits, digits + 6):
            yield round(float(away(crossing * 10.0**more)) / 10.0**more, more)
    yield crossing
