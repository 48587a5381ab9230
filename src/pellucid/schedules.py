"""Schedules: the learning rate as a function of the number of updates made so far.

All count updates (optimizer steps): an epoch of N records in batches of B has N / B of them,
rounded up. Any schedule goes with any optimizer: ``Adam(learning_rate=CosineDecay(0.01, 2000))``.
Lowering the rate when a metric stops improving needs the metric, so that is a callback:
:class:`pellucid.ReduceOnPlateau`.
"""

import math
from dataclasses import dataclass


class Schedule:
    """A learning rate that changes; one of one's own defines ``__call__(step)``.

    Examples
    --------
    >>> class Halving(Schedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5**step
    >>> Halving()(2)
    0.025
    """

    def __call__(self, step: int) -> float:
        """Return the learning rate of the update that follows ``step`` others."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")


def _require(schedule: Schedule, **conditions: bool) -> None:
    for setting, holds in conditions.items():
        if not holds:
            raise ValueError(f"{type(schedule).__name__}: {setting} is out of range: {getattr(schedule, setting)!r}")


@dataclass(frozen=True)
class ConstantRate(Schedule):
    """The same rate always; a plain number means the same.

    Examples
    --------
    >>> ConstantRate(0.1)(1000)
    0.1
    """

    rate: float

    def __post_init__(self) -> None:
        _require(self, rate=0 < self.rate < math.inf)

    def __call__(self, step: int) -> float:
        return self.rate


@dataclass(frozen=True)
class StepDecay(Schedule):
    """Multiply the rate by ``factor`` once every ``every`` updates.

    rate factor^floor(step / every)

    Examples
    --------
    >>> [StepDecay(0.1, every=2, factor=0.5)(step) for step in range(4)]
    [0.1, 0.1, 0.05, 0.05]
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _require(self, rate=0 < self.rate < math.inf, every=self.every >= 1, factor=0 < self.factor <= 1)

    def __call__(self, step: int) -> float:
        return self.rate * self.factor ** (step // self.every)


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """Multiply the rate by ``factor`` over every ``over`` updates, smoothly.

    rate factor^(step / over)

    Examples
    --------
    >>> ExponentialDecay(0.1, factor=0.25, over=100)(50)
    0.05
    """

    rate: float
    factor: float
    over: int = 1

    def __post_init__(self) -> None:
        _require(self, rate=0 < self.rate < math.inf, factor=0 < self.factor <= 1, over=self.over >= 1)

    def __call__(self, step: int) -> float:
        return float(self.rate * self.factor ** (step / self.over))


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """Divide the rate by a power of the number of updates.

    rate / (step + 1)^power

    Examples
    --------
    >>> InverseScaling(0.1, power=0.5)(3)
    0.05

    Source: Bottou, "Stochastic gradient descent tricks", 2012, section 5.2.
    """

    rate: float
    power: float = 0.5

    def __post_init__(self) -> None:
        _require(self, rate=0 < self.rate < math.inf, power=0 <= self.power < math.inf)

    def __call__(self, step: int) -> float:
        return float(self.rate / (step + 1) ** self.power)


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Warm up in a straight line, then fall along a half cosine, once or again and again.

    For s updates after the warm-up, in a cycle of length n: last + (rate - last) (1 + cos(pi s / n)) / 2.

    Parameters
    ----------
    rate : float
        The highest rate.
    steps : int
        Updates in the first fall, without the warm-up.
    warmup : int
        Updates of the warm-up, from rate / warmup up to rate.
    last : float
        The rate at the end of a fall.
    restarts : bool
        Whether to begin anew when a fall is over; otherwise the rate stays at ``last``.
    growth : float
        How many times longer each next fall is.

    Examples
    --------
    >>> schedule = CosineDecay(0.1, steps=10, warmup=2)
    >>> [round(schedule(step), 4) for step in (0, 1, 2, 7, 12, 20)]
    [0.05, 0.1, 0.1, 0.05, 0.0, 0.0]

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, equation 5.
    """

    rate: float
    steps: int
    warmup: int = 0
    last: float = 0.0
    restarts: bool = False
    growth: float = 1.0

    def __post_init__(self) -> None:
        _require(
            self,
            rate=0 < self.rate < math.inf,
            steps=self.steps >= 1,
            warmup=self.warmup >= 0,
            last=0 <= self.last <= self.rate,
            growth=self.growth >= 1,
        )

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        since = float(step - self.warmup)
        length = float(self.steps)
        if not self.restarts:
            since = min(since, length)
        elif self.growth == 1:
            since %= length
        else:
            while since >= length:
                since -= length
                length *= self.growth
        return self.last + (self.rate - self.last) * 0.5 * (1 + math.cos(math.pi * since / length))


@dataclass(frozen=True)
class CosineLog(Schedule):
    """Rise and fall again several times, each time over about twice as many updates.

    rate / 2 (1 - cos(2 pi log2(1 + (2^cycles - 1) t))), where t goes from 0 to 1 over ``steps`` updates.

    Each fall ends at 0: the parameters are then as good as they get before the next one, and the best of those ends can
    be kept.

    Parameters
    ----------
    rate : float
        The highest rate.
    steps : int
        Updates until the last fall is over; the rate stays at 0 then.
    cycles : int
        How often it rises and falls, up to 52 times.

    Examples
    --------
    >>> schedule = CosineLog(0.1, steps=30, cycles=2)
    >>> [round(schedule(step), 4) for step in (0, 4, 10, 18, 30, 50)]
    [0.0, 0.0998, 0.0, 0.0998, 0.0, 0.0]

    Source: Holzmueller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on
    tabular data", 2024, section 3 (coslog).
    """

    rate: float
    steps: int
    cycles: int = 4

    def __post_init__(self) -> None:
        _require(self, rate=0 < self.rate < math.inf, steps=self.steps >= 1, cycles=self.cycles in range(1, 53))

    def __call__(self, step: int) -> float:
        passed = min(step / self.steps, 1.0)
        turns = math.log2(1 + (2**self.cycles - 1) * passed)
        return self.rate * 0.5 * (1 - math.cos(2 * math.pi * turns))


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Rise to a high rate and fall far below the first one, each along a half cosine.

    From rate / start up to rate over the first ``rise`` of ``steps`` updates, then down to rate / start / end.

    Parameters
    ----------
    rate : float
        The highest rate.
    steps : int
        Updates in all; the rate stays at its last value after them.
    rise : float
        The share of ``steps`` that goes up.
    start, end : float
        By how much the first rate is smaller than the highest, and the last than the first.

    Examples
    --------
    >>> schedule = OneCycle(1.0, steps=101, rise=0.5)
    >>> [round(schedule(step), 4) for step in (0, 49, 100)]
    [0.04, 0.9998, 0.0]

    Source: Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates",
    2019, section 3.
    """

    rate: float
    steps: int
    rise: float = 0.3
    start: float = 25.0
    end: float = 1e4

    def __post_init__(self) -> None:
        _require(
            self,
            rate=0 < self.rate < math.inf,
            steps=self.steps >= 2,
            rise=0 < self.rise < 1,
            start=self.start >= 1,
            end=self.end >= 1,
        )

    def __call__(self, step: int) -> float:
        first = self.rate / self.start
        final = first / self.end
        top = max(self.rise * self.steps - 1, 0.0)  # the update at which the rate is highest
        bottom = self.steps - 1
        step = min(step, bottom)
        if step < top:
            return _half_cosine(first, self.rate, step / top)
        return _half_cosine(self.rate, final, (step - top) / (bottom - top))


def _half_cosine(begin: float, end: float, share: float) -> float:
    return end + (begin - end) * 0.5 * (1 + math.cos(math.pi * share))


SCHEDULES: dict[str, type[Schedule]] = {
    schedule.__name__: schedule
    for schedule in (ConstantRate, StepDecay, ExponentialDecay, InverseScaling, CosineDecay, CosineLog, OneCycle)
}
"""Every schedule by its name."""
