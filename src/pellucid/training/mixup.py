"""Mixup: training on records that lie between two others."""

import math
from dataclasses import dataclass

from pellucid.arrays import Array, Draw, namespace
from pellucid.checks import plain_numbers
from pellucid.layers.layer import Arrays, Shape


@dataclass(frozen=True)
class Mixup:
    """Mix every record of a batch with another of the same batch, inputs and targets alike.

    x' = s x + (1 - s) x[partner], y' = s y + (1 - s) y[partner], with a share s of its own for each record, drawn from
    Beta(alpha, alpha). The partner stands a number of places further on in the batch that is drawn for each step.
    Sample weights are mixed in the same way. The training loss is then that of mixed records; validation sees plain
    ones.

    Parameters
    ----------
    alpha : float
        The larger, the more is mixed: 0.2 leaves most records nearly as they are, 1 makes every share as likely.

    Raises
    ------
    ValueError
        If ``alpha`` is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([[0.0], [10.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> drawn = {"share": np.array([0.75, 1.0]), "partner": np.array([0.5])}
    >>> mixed_x, mixed_y, _ = Mixup().mix(x, y, None, drawn)
    >>> mixed_x.tolist(), mixed_y.tolist()
    ([[2.5], [10.0]], [[0.75, 0.25], [0.0, 1.0]])

    Source: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond empirical risk minimization", 2018, section 2.
    """

    alpha: float = 0.2

    def __post_init__(self) -> None:
        plain_numbers(self)
        if isinstance(self.alpha, bool) or not 0 < self.alpha < math.inf:
            raise ValueError(f"Mixup: alpha must be positive and finite, found {self.alpha!r}")

    def draws(self, lead: Shape) -> dict[str, Draw]:
        """Return what a step needs, for a batch [B], or [K, B] for K members."""
        return {"share": Draw("beta", lead, self.alpha), "partner": Draw("uniform", (*lead[:-1], 1))}

    def mix(self, x: Array, target: Array, weights: Array | None, drawn: Arrays) -> tuple[Array, Array, Array | None]:
        """Return mixed inputs, targets and weights.

        Parameters
        ----------
        x : array [B, ...] or [K, B, ...]
        target, weights : array [B, T] or [K, B, T]; where members have shared records, one for all will do
        drawn : ``share`` [B] or [K, B], ``partner`` [1] or [K, 1] in [0, 1)
        """
        xp = namespace(x)
        share, records = drawn["share"], drawn["share"].shape[-1]
        partner = (xp.arange(records) + (drawn["partner"] * records).astype(int)) % records  # [B], or [K,B]

        def mixed(array: Array) -> Array:
            if share.ndim == 2 and array.ndim == 2:  # of all members together
                array = xp.broadcast_to(array, (len(share), *array.shape))
            index = partner.reshape(partner.shape + (1,) * (array.ndim - partner.ndim))
            own = share.reshape(index.shape)
            other = xp.take_along_axis(array, index, axis=share.ndim - 1)
            result: Array = own * array + (1 - own) * other
            return result

        return mixed(x), mixed(target), None if weights is None else mixed(weights)
