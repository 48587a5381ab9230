"""Averages of the parameters over a run: what a network ends with in place of where its last step led."""

from dataclasses import dataclass
from typing import Any

from pellucid.checks import plain_numbers


class Average:
    """A rule that says how much of the newest parameters goes into their average after each step.

    average' = average + share (theta - average). The running statistics of layers that keep any are averaged alike.
    While a run with an average is looked at (by callbacks, for the validation loss, by whoever steps through it), and
    when it is over, the network holds the averaged parameters; the steps themselves go on from the plain ones.

    Examples
    --------
    >>> StochasticWeightAverage(start=2).share(steps=20, per_epoch=10)
    1.0
    """

    def share(self, steps: Any, per_epoch: int) -> Any:
        """Return the share after so many steps of a run, of which ``per_epoch`` make an epoch."""
        raise NotImplementedError(f"{type(self).__name__} must define share(steps, per_epoch)")


@dataclass(frozen=True)
class ExponentialMovingAverage(Average):
    """Keep an average in which what was reached long ago fades: after each step, average' = d average + (1 - d) theta.

    d is ``decay``, and in the first steps the smaller (1 + n) / (10 + n) after n of them, so that the start is soon
    forgotten.

    Parameters
    ----------
    decay : float
        The share that is kept: 0.999 looks back over about 1,000 steps.

    Raises
    ------
    ValueError
        If ``decay`` does not lie between 0 and 1.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> history = network.fit([[0.0], [1.0]], [1.0, 3.0], loss="squared_error", epochs=50,
    ...                       average=ExponentialMovingAverage(0.9))

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; the first steps as in
    TensorFlow's ExponentialMovingAverage.
    """

    decay: float = 0.999

    def __post_init__(self) -> None:
        plain_numbers(self)
        if isinstance(self.decay, bool) or not 0 < self.decay < 1:
            raise ValueError(f"ExponentialMovingAverage: decay must lie between 0 and 1, found {self.decay!r}")

    def share(self, steps: Any, per_epoch: int) -> Any:
        early = 9 / (10 + steps)
        late = 1 - self.decay
        is_early = early > late
        return early * is_early + late * (1 - is_early)


@dataclass(frozen=True)
class StochasticWeightAverage(Average):
    """Keep the plain mean of what was reached at the end of each epoch, from one epoch on.

    Before that epoch the average is what the last finished epoch led to. It is meant for a learning rate that stays
    high, or comes back in cycles: the mean lies nearer to the middle of a wide valley than any of the points do.

    Parameters
    ----------
    start : int
        The first epoch whose end counts, from 1.

    Raises
    ------
    ValueError
        If ``start`` is not a positive whole number.

    Examples
    --------
    >>> rule = StochasticWeightAverage(start=3)
    >>> [round(rule.share(steps, per_epoch=10), 2) for steps in (10, 15, 30, 40, 50)]
    [1.0, 0.0, 1.0, 0.5, 0.33]

    Source: Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018, algorithm 1.
    """

    start: int

    def __post_init__(self) -> None:
        plain_numbers(self)
        if isinstance(self.start, bool) or not isinstance(self.start, int) or self.start < 1:
            raise ValueError(f"StochasticWeightAverage: start must be a positive whole number, found {self.start!r}")

    def share(self, steps: Any, per_epoch: int) -> Any:
        counted = steps // per_epoch - self.start + 1
        is_later = counted > 1
        return (steps % per_epoch == 0) / (counted * is_later + (1 - is_later))


AVERAGES: tuple[type[Average], ...] = (ExponentialMovingAverage, StochasticWeightAverage)
"""The library's own."""
