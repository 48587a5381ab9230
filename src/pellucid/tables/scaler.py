"""Standardising columns in float64, whatever their size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

# Below this a spread has lost most of its digits, and dividing by it could overflow.
SMALLEST_SPREAD = float(np.finfo(np.float64).tiny)

FIGURES = ("mean", "std", "low", "high")
"""What is measured of each column, and kept in a file."""


@dataclass(frozen=True, eq=False)
class Scaler:
    """What is known of each column of the training rows, and the way to mean 0 and standard deviation 1.

    z = (x - mean) / std

    Attributes
    ----------
    mean, std, low, high : array [C]
        Of each column; ``std`` is 1 where a column is constant.
    constant : array [C] of bool
        Columns with a single value, or with a spread too small for float64. They become 0 whatever they hold.

    Examples
    --------
    >>> scaler = Scaler.measure(np.array([[1.0, 5.0, 1e30], [3.0, 5.0, 3e30]]))
    >>> scaler.constant
    array([False,  True, False])
    >>> scaler.standardise(np.array([[2.0, 7.0, 4e30]])).round(6)
    array([[0., 0., 2.]])
    """

    mean: Numbers
    std: Numbers
    low: Numbers
    high: Numbers
    constant: NDArray[np.bool_]

    @classmethod
    def measure(cls, matrix: Numbers, weights: Numbers | None = None) -> "Scaler":
        """Measure the columns of a matrix [N, C] of finite numbers; a row of weight 2 counts as two."""
        weights = np.ones(len(matrix)) if weights is None else weights / weights.max()
        matrix = matrix[weights > 0]
        weights = weights[weights > 0]
        low, high = matrix.min(axis=0), matrix.max(axis=0)  # [N,C] -> [C]
        # Squares of 1e200 overflow; so each column is first moved and shrunk into -1 to 1.
        middle, half = low / 2 + high / 2, high / 2 - low / 2  # [C]
        mean, std = middle.copy(), np.ones(len(middle))
        constant = low == high
        for column in range(len(middle)):
            if half[column] < SMALLEST_SPREAD:
                constant[column] = True
                continue
            shrunk = (matrix[:, column] - middle[column]) / half[column]  # [N]
            centre = np.average(shrunk, weights=weights)
            spread = half[column] * np.sqrt(np.average((shrunk - centre) ** 2, weights=weights))
            constant[column] = spread < SMALLEST_SPREAD
            mean[column] = middle[column] + half[column] * centre
            std[column] = 1.0 if constant[column] else spread
        mean[low == high] = low[low == high]  # halves of odd subnormal numbers do not add up again
        return cls(mean, std, low, high, constant)

    def standardise(self, matrix: Numbers) -> Numbers:
        """Return the matrix [N, C] with each column standardised; infinite where a value is too far away."""
        with np.errstate(over="ignore"):
            scaled: Numbers = (matrix - self.mean) / self.std  # [N,C] - [C] -> [N,C]
        scaled[:, self.constant] = 0.0
        return scaled
