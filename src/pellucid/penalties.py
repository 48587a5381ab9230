"""L1 and L2 penalties: what large weights cost, added to the reduced loss."""

import math
from dataclasses import dataclass

from pellucid.arrays import Array, namespace, sum64, sum_of_squares64
from pellucid.checks import plain_numbers
from pellucid.functions import absolute


@dataclass(frozen=True)
class Penalty:
    """The price of large weights: l1 sum |w| + l2 / 2 sum w^2, added to the reduced loss.

    Gradient: l1 sign(w) + l2 w.

    Parameters
    ----------
    l1, l2 : float
        Strengths, at least 0.
    biases : bool
        Whether biases pay as well; by default they do not.

    Examples
    --------
    >>> import numpy as np
    >>> penalty, weights = Penalty(l2=0.1), np.array([3.0, -4.0])
    >>> float(penalty.value(weights, 1)), penalty.gradient(weights)
    (1.25, array([ 0.3, -0.4]))

    Source: Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 7.1.
    """

    l1: float = 0.0
    l2: float = 0.0
    biases: bool = False

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name, strength in (("l1", self.l1), ("l2", self.l2)):
            if not 0 <= strength < math.inf:
                raise ValueError(f"Penalty: {name} must be finite and not negative, found {strength}")

    def value(self, weights: Array, rank: int) -> Array:
        """Return what ``weights`` cost; their last ``rank`` axes are one member's array."""
        axes = tuple(range(-rank, 0))
        cost = 0.5 * self.l2 * sum_of_squares64(weights, axes)
        if self.l1:
            cost = cost + self.l1 * sum64(absolute(weights), axes)
        return cost

    def gradient(self, weights: Array) -> Array:
        """Return the gradient of the penalty with respect to ``weights``, of the same shape."""
        gradient: Array = self.l2 * weights
        if self.l1:
            gradient = gradient + self.l1 * namespace(weights).sign(weights.real)
        return gradient
