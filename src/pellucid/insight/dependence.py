"""Partial dependence: what a network predicts on average as one feature changes, and for single records.

For feature j, the value v, and records x_1 ... x_N: the curve of record i is f(x_i with x_ij = v), and their mean over
all records is the partial dependence.

Sources: Friedman, "Greedy function approximation: a gradient boosting machine", 2001, section 8.2; of the single
curves: Goldstein et al., "Peeking inside the black box: visualizing statistical learning with plots of individual
conditional expectation", 2015, section 3.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.prediction import Kind, Prediction, checked_feature, checked_records, prediction_of, sampled
from pellucid.losses import Loss
from pellucid.network import Network

MOST_ROWS = 1_000


@dataclass(frozen=True, eq=False)
class Dependence:
    """How predictions depend on one feature.

    Attributes
    ----------
    feature : int
        Its number, from 0.
    grid : array [G]
        The values that it was given.
    curves : array [N, G, O]
        The predictions for each record, with the feature at each value.
    values : array [M]
        The feature's own values in all M records of the table, of which N were used for the curves.
    kind : "numbers", "probabilities" or "scores"
        What the predictions are.
    """

    feature: int
    grid: Array
    curves: Array
    values: Array
    kind: Kind

    @property
    def mean(self) -> Array:
        """The partial dependence, [G, O]: the mean of the curves."""
        mean: Array = self.curves.mean(axis=0)  # [N,G,O] -> [G,O]
        return mean


def partial_dependence(
    predictor: Network | Prediction,
    X: Any,
    feature: int,
    *,
    loss: Loss | str | None = None,
    resolution: int = 50,
    most_rows: int = MOST_ROWS,
    seed: int = 0,
    member: int = 0,
) -> Dependence:
    """Return what is predicted for each record as one feature takes other values, the others staying as they are.

    Where features go together, some of these records are such as never occur; the prediction for them is a guess.

    Parameters
    ----------
    predictor : Network or Prediction
    X : array [M, inputs]
        The records.
    feature : int
        Its number, from 0.
    loss : Loss or its short name, optional
        What makes predictions of the network's output; by default that of the last training.
    resolution : int
        How many values between the smallest and the largest; where the feature has no more different values than
        this, or are categories, they are the grid.
    most_rows : int
        Of more records, so many are chosen at random.
    seed : int
        For that choice.
    member : int
        Which of K members.

    Returns
    -------
    Dependence

    Raises
    ------
    ValueError, TypeError
        If the records or the feature do not fit the network.

    Examples
    --------
    >>> from pellucid import Dense
    >>> network = Network(2, [Dense(1)], seed=0)
    >>> network.theta = [10.0, 1.0, 0.0]
    >>> found = partial_dependence(network, [[0.0, 1.0], [2.0, 3.0]], feature=0)
    >>> found.grid, found.curves[:, :, 0].tolist(), found.mean.ravel()
    (array([0., 2.]), [[1.0, 21.0], [3.0, 23.0]], array([ 2., 22.]))

    Source: Friedman, "Greedy function approximation: a gradient boosting machine", 2001, section 8.2.
    """
    prediction = prediction_of(predictor, loss=loss, member=member)
    table = checked_records(X, prediction.inputs)
    column = checked_feature(feature, prediction.inputs, "feature")
    for name, count, least in (("resolution", resolution, 2), ("most_rows", most_rows, 1)):
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, found {count!r}")
    values = table[:, column]
    grid = np.unique(values)
    if len(grid) > resolution and column not in prediction.categories:
        grid = np.linspace(grid[0], grid[-1], resolution)
    changed = sampled(table, most_rows, seed).copy()
    curves = []
    for value in grid:
        changed[:, column] = value
        curves.append(prediction(changed))  # [N,O]
    return Dependence(column, grid, np.stack(curves, axis=1), values.copy(), prediction.kind)
