"""What a network predicts over two features, the others held at one value each, or averaged over the records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.categories import in_words
from pellucid.insight.prediction import Prediction, checked_feature, checked_records, sampled

MARGIN = 0.05
MARGINAL_ROWS = 200
"""Over so many records at most predictions are averaged."""
RESOLUTION, MARGINAL_RESOLUTION = 200, 50
"""Points along each side, by default; with marginalising each point costs as many predictions as there are records."""
RECORDS_AT_ONCE = 2**16


@dataclass(frozen=True, eq=False)
class Surface:
    """Predictions over a grid of two features.

    Attributes
    ----------
    x, y : array [G]
        The values of the two features, ascending.
    predictions : array [G, G, O]
        ``predictions[j, i]`` belongs to ``y[j]`` and ``x[i]``: a row of a picture is a value of the second feature.
    held : dict of int to float
        The features that were held, and at what.
    averaged_over : int
        The number of records over which predictions were averaged; 0 where every other feature was held.
    """

    x: Array
    y: Array
    predictions: Array
    held: dict[int, float]
    averaged_over: int


def surface(
    prediction: Prediction,
    X: Any,
    features: Sequence[int] = (0, 1),
    *,
    held: Mapping[int, float] | None = None,
    marginalise: bool = False,
    resolution: int | None = None,
    seed: int = 0,
) -> Surface:
    """Return predictions over a grid that spans two features of a table.

    Parameters
    ----------
    prediction : Prediction
    X : array [N, inputs]
        The records: they give the range of the grid, and what the other features are held at or averaged over.
    features : two int
        Their numbers, from 0: across, and up.
    held : dict of int to float, optional
        Values of other features; those left out are held at their median, categories at the most frequent one.
    marginalise : bool
        Whether those left out take the values of the records instead (at most 200, chosen by the seed), and the
        predictions are averaged: the partial dependence on two features.
    resolution : int, optional
        Points along each side; by default 200, or 50 with ``marginalise``.
    seed : int
        For the choice of records.

    Raises
    ------
    ValueError, TypeError
        If a feature is none, is given twice, or is both drawn and held; if a value is not finite.

    Examples
    --------
    >>> total = Prediction(lambda X: X.sum(axis=1), inputs=3)
    >>> found = surface(total, [[0.0, 0.0, 5.0], [1.0, 1.0, 7.0]], held={2: 100.0}, resolution=2)
    >>> found.x, found.predictions[:, :, 0].round(6).tolist()
    (array([-0.05,  1.05]), [[99.9, 101.0], [101.0, 102.1]])

    Source: Friedman, "Greedy function approximation: a gradient boosting machine", 2001, section 8.2.
    """
    table = checked_records(X, prediction.inputs)
    across, up = _two(features, prediction.inputs)
    drawn = sorted({across, up} & set(prediction.categories))
    if drawn:
        raise ValueError(
            f"features: {in_words(drawn)}, and there is nothing between two of them to draw; choose features that are "
            "numbers, or see dependence_curves"
        )
    fixed = _held(held, prediction.inputs, (across, up))
    others = [column for column in range(prediction.inputs) if column not in (across, up, *fixed)]
    if resolution is None:
        resolution = MARGINAL_RESOLUTION if marginalise and others else RESOLUTION
    if isinstance(resolution, bool) or not isinstance(resolution, int | np.integer) or resolution < 2:
        raise ValueError(f"resolution must be a whole number of at least 2, found {resolution!r}")
    averaged = marginalise and bool(others)
    if averaged:
        base = sampled(table, MARGINAL_ROWS, seed).copy()  # [M,I]
    else:
        fixed.update({column: _middle(table[:, column], column in prediction.categories) for column in others})
        base = np.zeros((1, prediction.inputs))
    for column, value in fixed.items():
        base[:, column] = value
    x, y = (_spanning(table[:, column], int(resolution)) for column in (across, up))
    pairs = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)  # [G*G,2]
    at_once = max(1, RECORDS_AT_ONCE // len(base))
    parts = []
    for start in range(0, len(pairs), at_once):
        some = pairs[start : start + at_once]  # [P,2]
        records = np.tile(base, (len(some), 1))  # [P*M,I]
        records[:, [across, up]] = np.repeat(some, len(base), axis=0)
        parts.append(prediction(records).reshape(len(some), len(base), -1).mean(axis=1))  # [P,M,O] -> [P,O]
    predictions = np.concatenate(parts).reshape(len(y), len(x), -1)
    return Surface(x, y, predictions, dict(sorted(fixed.items())), len(base) if averaged else 0)


def _two(features: Any, inputs: int) -> tuple[int, int]:
    if inputs < 2:
        raise ValueError("a picture over two features needs a network with two inputs at least; this one has 1")
    if isinstance(features, str) or not isinstance(features, Sequence | np.ndarray) or len(features) != 2:
        raise ValueError(f"features must be two numbers of features, such as (0, 1), found {features!r}")
    across, up = (checked_feature(feature, inputs, "features") for feature in features)
    if across == up:
        raise ValueError(f"features must be two different ones, found {across} twice")
    return across, up


def _held(held: Mapping[int, float] | None, inputs: int, drawn: tuple[int, int]) -> dict[int, float]:
    if held is None:
        return {}
    if not isinstance(held, Mapping):
        raise TypeError(f"held must be a dict of features' numbers and values, such as {{2: 0.5}}, found {held!r}")
    fixed = {}
    for feature, value in held.items():
        column = checked_feature(feature, inputs, "held")
        if column in drawn:
            raise ValueError(f"held names feature {column}, which is one of the two drawn: choose another")
        if not isinstance(value, int | float | np.integer | np.floating) or not np.isfinite(value):
            raise ValueError(f"held: the value of feature {column} must be a finite number, found {value!r}")
        fixed[column] = float(value)
    return fixed


def _middle(values: Array, categories: bool) -> float:
    """Return the median of numbers; of categories the most frequent one, as there may be none in the middle."""
    if not categories:
        return float(np.median(values))
    found, counts = np.unique(values, return_counts=True)
    return float(found[counts.argmax()])


def _spanning(values: Array, resolution: int) -> Array:
    """Return points from a little below the smallest value to a little above the largest."""
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low) or 0.5 * (abs(low) or 1.0)  # a constant feature still spans a picture
    grid: Array = np.linspace(low - margin, high + margin, resolution)
    return grid
