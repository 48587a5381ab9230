"""The contract that every optimizer keeps."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from pellucid.arrays import Array
from pellucid.checks import plain_numbers
from pellucid.schedules import Schedule

Rate: TypeAlias = float | Schedule
Factor: TypeAlias = float | Array
State: TypeAlias = Any
"""A named tuple with the paper's names; its first field, ``step``, counts the updates made."""


@dataclass(frozen=True)
class Optimizer:
    """A pure rule on flat vectors: from a gradient and its own memory, the step to subtract from theta.

    ``theta = theta - step``. A rule never sees a layer and never owns the loop; theta may be [P], or
    [K, P] for K members, as every rule works on each value alone.

    Parameters
    ----------
    learning_rate : float or Schedule
        A number, or a function of the number of updates made so far.

    Examples
    --------
    An optimizer of one's own is a class of a few lines:

    >>> import numpy as np
    >>> from typing import NamedTuple
    >>> class SignState(NamedTuple):
    ...     step: int
    >>> @dataclass(frozen=True)
    ... class SignDescent(Optimizer):
    ...     def init(self, theta):
    ...         return SignState(step=0)
    ...     def update(self, gradient, state, theta, rate_factor=1.0, decay_factor=1.0):
    ...         rate = self.rate(state.step) * rate_factor
    ...         return rate * np.sign(gradient), SignState(state.step + 1)
    >>> rule = SignDescent(learning_rate=0.1)
    >>> rule.update(np.array([5.0, -2.0]), rule.init(np.zeros(2)), np.zeros(2))[0]
    array([ 0.1, -0.1])
    """

    learning_rate: Rate = 0.01

    @property
    def formula(self) -> str:
        """What ``update`` computes for one parameter, as lines of arithmetic for a trace to show; empty without one.

        It may name ``gradient`` (after clipping), ``theta``, the fields of the state as they were before, ``t`` (which
        update this is, from 1), ``rate`` (with its factor), ``decay`` (the factor on weight decay) and the settings.
        New values of the state end in ``_new``, and the last line gives ``step``:
        ``"velocity_new = momentum * velocity + gradient; step = rate * velocity_new"``.
        """
        return ""

    def __post_init__(self) -> None:
        plain_numbers(self)
        rate = self.learning_rate
        if isinstance(rate, type):
            raise TypeError(
                f"{type(self).__name__}: learning_rate is the class {rate.__name__}; write {rate.__name__}(...)"
            )
        if not callable(rate) and not (isinstance(rate, (int, float)) and 0 < rate < math.inf):
            raise ValueError(
                f"{type(self).__name__}: learning_rate must be positive and finite, found {self.learning_rate!r}"
            )

    def rate(self, step: int) -> float:
        """Return the learning rate of the update that follows ``step`` others."""
        if not callable(self.learning_rate):
            return self.learning_rate
        rate = self.learning_rate(step)
        return rate.item() if isinstance(rate, np.generic) else rate  # NumPy's own would make float32 float64

    def init(self, theta: Array) -> State:
        """Return the memory that training starts with."""
        raise NotImplementedError(f"{type(self).__name__} must define init(theta)")

    def update(
        self, gradient: Array, state: State, theta: Array, rate_factor: Factor = 1.0, decay_factor: Factor = 1.0
    ) -> tuple[Array, State]:
        """Return the step to subtract from theta, and the new memory.

        ``rate_factor`` multiplies the learning rate and ``decay_factor`` the weight decay: numbers, or
        one value for each parameter (layers with rates of their own, frozen layers, biases left alone).
        """
        raise NotImplementedError(f"{type(self).__name__} must define update(gradient, state, theta, ...)")


def check(name: str, **limits: tuple[float, Callable[[float], bool], str]) -> None:
    """Raise a ValueError for the first setting that its condition does not hold for."""
    for setting, (value, holds, wanted) in limits.items():
        if not holds(value):
            raise ValueError(f"{name}: {setting} must be {wanted}, found {value!r}")


def share(value: float, or_one: bool = False) -> tuple[float, Callable[[float], bool], str]:
    """Return the check for a factor that must lie in [0, 1), or in [0, 1]."""
    return value, lambda found: 0 <= found < 1 or (or_one and found == 1), f"in [0, 1{']' if or_one else ')'}"


def positive(value: float) -> tuple[float, Callable[[float], bool], str]:
    """Return the check for a setting that must be above 0."""
    return value, lambda found: 0 < found < math.inf, "positive and finite"


def at_least_zero(value: float) -> tuple[float, Callable[[float], bool], str]:
    """Return the check for a setting that must not be below 0."""
    return value, lambda found: 0 <= found < math.inf, "finite and not negative"
