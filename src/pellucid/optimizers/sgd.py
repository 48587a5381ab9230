"""Gradient descent, plain, with momentum and with Nesterov's."""

from dataclasses import dataclass
from typing import NamedTuple

from pellucid.arrays import Array, namespace
from pellucid.optimizers.optimizer import Factor, Optimizer, Rate, check, share


class SGDState(NamedTuple):
    """Updates made, and the velocity (None without momentum)."""

    step: int
    velocity: Array | None


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, optionally with momentum.

    step = rate g; with momentum: v = momentum v + g, step = rate v; Nesterov: step = rate (g + momentum v).

    Parameters
    ----------
    learning_rate : float or Schedule
    momentum : float
        What is kept of the velocity at each update, in [0, 1]; 1 forgets nothing, as in a world without friction.
    nesterov : bool
        Whether to look ahead along the velocity.
    rate_in_velocity : bool
        Whether the rate goes into the velocity, v = momentum v + rate g, as in scikit-learn: a change of rate then
        shows only gradually. By default it stays outside, as in PyTorch.

    Raises
    ------
    ValueError
        If a setting is out of range, or ``nesterov`` is asked for without momentum.

    Examples
    --------
    >>> import numpy as np
    >>> rule, theta = SGD(0.1, momentum=0.5), np.array([1.0])
    >>> step, state = rule.update(np.array([2.0]), rule.init(theta), theta)
    >>> step, rule.update(np.array([2.0]), state, theta - step)[0]
    (array([0.2]), array([0.3]))

    Source: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning",
    2013, section 2.
    """

    learning_rate: Rate = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    rate_in_velocity: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check("SGD", momentum=share(self.momentum, or_one=True))
        if self.nesterov and not self.momentum:
            raise ValueError("SGD: nesterov=True needs a momentum above 0")

    def init(self, theta: Array) -> SGDState:
        return SGDState(step=0, velocity=namespace(theta).zeros_like(theta) if self.momentum else None)

    @property
    def formula(self) -> str:
        if not self.momentum:
            return "step = rate * gradient"
        force = "rate * gradient" if self.rate_in_velocity else "gradient"
        step = f"({force} + momentum * velocity_new)" if self.nesterov else "velocity_new"
        step = step if self.rate_in_velocity else f"rate * {step}"
        return f"velocity_new = momentum * velocity + {force}; step = {step}"

    def update(
        self, gradient: Array, state: SGDState, theta: Array, rate_factor: Factor = 1.0, decay_factor: Factor = 1.0
    ) -> tuple[Array, SGDState]:
        rate = self.rate(state.step) * rate_factor
        if state.velocity is None:
            return rate * gradient, SGDState(state.step + 1, None)
        force = rate * gradient if self.rate_in_velocity else gradient
        velocity = self.momentum * state.velocity + force
        move = self.momentum * velocity + force if self.nesterov else velocity
        return (move if self.rate_in_velocity else rate * move), SGDState(state.step + 1, velocity)
