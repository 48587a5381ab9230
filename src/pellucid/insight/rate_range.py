"""The range test of the learning rate: which rates a network learns with at all."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.arrays import Array
from pellucid.configuration import checked_seed
from pellucid.insight.member import single
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import Optimizer
from pellucid.schedules import Schedule
from pellucid.training import TrainingWarning, run
from pellucid.training.lbfgs import LBFGS
from pellucid.training.loop import resolve_optimizer

# The test ends where the loss is this many times its best: what follows only makes the curve hard to read.
TOO_HIGH = 4.0
# A mean over this many batches on either side: single batches differ more than neighbouring rates do.
NEIGHBOURS = 3
# A fall of the loss by less than this share of its first value is not told from the noise of batches.
SMALLEST_FALL = 0.05
# Where the loss is lowest, it is about to rise. A tenth of that rate is fastai's rule; the steepest place of the curve,
# another common rule, was seen to fall into the noise of the lowest rates.
BELOW_LOWEST = 0.1
# The test does not end while the loss is within what the first batches showed.
FIRST_BATCHES = 10


@dataclass(frozen=True)
class GrowingRate(Schedule):
    """A learning rate that grows by the same factor with each update.

    rate = lowest (highest / lowest)^(step / (steps - 1))

    Examples
    --------
    >>> [round(GrowingRate(0.01, 1.0, steps=3)(step), 6) for step in range(3)]
    [0.01, 0.1, 1.0]
    """

    lowest: float
    highest: float
    steps: int

    def __call__(self, step: int) -> float:
        return float(self.lowest * (self.highest / self.lowest) ** (step / (self.steps - 1)))


@dataclass(frozen=True, eq=False)
class RateRange:
    """The loss against a growing learning rate.

    Attributes
    ----------
    rates : array [S]
        The learning rate of each step made.
    losses : array [S]
        The loss of the batch after each step, the penalty included.
    smoothed : array [S]
        The same, as a mean over neighbouring steps.
    suggested : float or None
        A tenth of the rate at which the smoothed loss is lowest; None where it hardly falls.

    Examples
    --------
    >>> found = RateRange(np.array([0.1, 1.0]), np.array([2.0, 1.0]), np.array([2.0, 1.0]), 0.1)
    >>> found
    <RateRange: 2 rates from 0.1 to 1; suggested 0.1>
    """

    rates: Array
    losses: Array
    smoothed: Array
    suggested: float | None

    def __repr__(self) -> str:
        said = "none suggested: the loss hardly fell" if self.suggested is None else f"suggested {self.suggested:.2g}"
        return f"<RateRange: {len(self.rates)} rates from {self.rates[0]:.2g} to {self.rates[-1]:.2g}; {said}>"


def learning_rate_range(
    network: Network,
    X: Any,
    y: Any,
    *,
    loss: Loss | str | None = None,
    optimizer: Optimizer | str | None = None,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
    batch_size: int | None = 32,
    seed: int | None = None,
) -> RateRange:
    """Train a copy with a learning rate that grows step by step, and see where the loss falls and where it bursts.

    The network itself stays as it is. The test ends early where the loss is four times its best and above its first
    value. Of K members the first is taken.

    Parameters
    ----------
    network : Network
        Best before its training: the test says which rate to begin with.
    X : array [N, inputs]
    y : array [N] or [N, outputs]
    loss, optimizer
        As in :meth:`pellucid.Network.fit`. The optimizer keeps its settings and gets the growing rate.
    lowest, highest : float
        The first and the last learning rate.
    steps : int
        How many rates are tried, at even distances of their logarithm.
    batch_size : int or None
        Records in one step; None for all of them.
    seed : int, optional
        For the order of the records; by default the network's.

    Returns
    -------
    RateRange
        With the suggested rate: a tenth of that at which the smoothed loss is lowest. There the loss falls fast, and is
        still a good way from where it bursts.

    Raises
    ------
    ValueError, TypeError
        If an argument is not usable.

    Examples
    --------
    >>> from pellucid import Dense, Tanh
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> network = Network(3, [Dense(8), Tanh(), Dense(1)], seed=0)
    >>> found = learning_rate_range(network, X, X[:, 0] * X[:, 1], loss="squared_error")
    >>> bool(1e-3 < found.suggested < 0.1), network.fitted
    (True, None)

    Source: Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3. The suggestion: Howard and
    Gugger, "Deep learning for coders", 2020, chapter 5.
    """
    if not isinstance(network, Network):
        raise TypeError(f"learning_rate_range tries rates on a Network, found a {type(network).__name__}")
    rule, _ = resolve_optimizer(network, optimizer)
    if isinstance(rule, LBFGS):
        raise ValueError("L-BFGS chooses its own steps: there is no learning rate to try; name another optimizer")
    if not 0 < lowest < highest < np.inf:
        raise ValueError(f"lowest and highest must be positive, and lowest the smaller; found {lowest!r}, {highest!r}")
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 10:
        raise ValueError(f"steps must be a whole number of at least 10, found {steps!r}")
    copy = single(network).copy()
    copy._forget_optimizer_state()
    growing = replace(rule, learning_rate=GrowingRate(lowest, highest, int(steps)))
    found = _losses(
        copy, X, y, loss, growing, int(steps), batch_size, copy.seed if seed is None else checked_seed(seed)
    )
    if len(found) < 3:
        raise ValueError(f"the loss is not finite from the first steps on: try a lower lowest (it was {lowest:g})")
    # The loss that a report brings was computed before its step: so each rate belongs with the next loss.
    losses = np.array(found[1:])
    rates = np.array([growing.rate(step) for step in range(len(losses))])
    smoothed = _smoothed(losses)
    return RateRange(rates, losses, smoothed, _suggested(rates, smoothed))


def _losses(
    network: Network,
    X: Any,
    y: Any,
    loss: Loss | str | None,
    optimizer: Optimizer,
    steps: int,
    batch_size: int | None,
    seed: int,
) -> list[float]:
    """Return the loss of each batch, until it bursts: that before the first step, and those after each."""
    x, target = checks.as_array(X, "X"), checks.as_array(y, "y")
    records, epochs = len(x) if x.ndim else 0, steps + 1
    as_many = bool(x.ndim and target.ndim) and records == len(target)  # whatever else is wrong, training tells
    if as_many and isinstance(batch_size, int | np.integer) and 0 < batch_size < records:
        # One epoch of exactly as many batches, since a report at the end of an epoch brings the mean over all of it.
        epochs, needed = 1, (steps + 2) * batch_size
        generator = np.random.default_rng(seed)
        rounds = [generator.permutation(records) for _ in range(-(-needed // records))]
        order = np.concatenate(rounds)[:needed]
        x, target = x[order], target[order]
    found: list[float] = []
    best = np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # that the loss bursts is what the test is after
        for report in run(
            network,
            x,
            target,
            loss=loss,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=False,
            seed=seed,
            every="batch",
        ):
            if (report.end_of_epoch and epochs == 1) or not np.isfinite(report.loss):
                break
            found.append(float(report.loss))
            level = float(np.mean(found[-NEIGHBOURS:]))
            best = min(best, level)
            # The first batches show how far losses of single batches lie apart, before any rate did anything.
            if level > max(best + (TOO_HIGH - 1) * abs(best), *found[:FIRST_BATCHES]):
                break
    return found


def _smoothed(losses: Array) -> Array:
    """Return the mean over each step's neighbours, fewer at the ends."""
    return np.array(
        [losses[max(0, place - NEIGHBOURS) : place + NEIGHBOURS + 1].mean() for place in range(len(losses))]
    )


def _suggested(rates: Array, smoothed: Array) -> float | None:
    """Return a tenth of the rate at which the loss is lowest, if it fell at all."""
    lowest = int(np.argmin(smoothed))
    if smoothed[0] - smoothed[lowest] < SMALLEST_FALL * abs(float(smoothed[0])):
        return None
    suggested = float(rates[lowest]) * BELOW_LOWEST
    return suggested if suggested >= rates[0] else None  # lower than what was tried: chance, or already trained
