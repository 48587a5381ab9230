"""RMSprop: AdaGrad with a memory that fades."""

from dataclasses import dataclass
from typing import NamedTuple

from pellucid.arrays import Array, namespace
from pellucid.optimizers.optimizer import Factor, Optimizer, Rate, check, positive, share


class RMSpropState(NamedTuple):
    """Updates made, the mean of squared gradients, and the velocity (None without momentum)."""

    step: int
    mean_square: Array
    velocity: Array | None


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Divide by the root of a fading mean of squared gradients.

    s = rho s + (1 - rho) g^2; step = rate g / (sqrt(s) + epsilon), or with momentum
    v = momentum v + g / (sqrt(s) + epsilon) and step = rate v.

    Parameters
    ----------
    learning_rate : float or Schedule
    rho : float
        What is kept of the mean at each update, in [0, 1).
    epsilon : float
        Keeps the division away from 0.
    momentum : float
        What is kept of the velocity at each update, in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> rule, theta = RMSprop(0.1, rho=0.75), np.array([1.0])
    >>> rule.update(np.array([2.0]), rule.init(theta), theta)[0].round(4)
    array([0.2])

    Source: Tieleman and Hinton, "Lecture 6.5: rmsprop", Coursera, 2012; Graves, "Generating sequences with recurrent
    neural networks", 2013, section 4.2 (momentum).
    """

    learning_rate: Rate = 0.01
    rho: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check("RMSprop", rho=share(self.rho), epsilon=positive(self.epsilon), momentum=share(self.momentum))

    def init(self, theta: Array) -> RMSpropState:
        zeros = namespace(theta).zeros_like
        return RMSpropState(step=0, mean_square=zeros(theta), velocity=zeros(theta) if self.momentum else None)

    @property
    def formula(self) -> str:
        mean_square = "mean_square_new = rho * mean_square + (1 - rho) * gradient ** 2"
        scaled = "gradient / (sqrt(mean_square_new) + epsilon)"
        if self.momentum:
            return f"{mean_square}; velocity_new = momentum * velocity + {scaled}; step = rate * velocity_new"
        return f"{mean_square}; step = rate * {scaled}"

    def update(
        self, gradient: Array, state: RMSpropState, theta: Array, rate_factor: Factor = 1.0, decay_factor: Factor = 1.0
    ) -> tuple[Array, RMSpropState]:
        rate = self.rate(state.step) * rate_factor
        mean_square = self.rho * state.mean_square + (1 - self.rho) * (gradient * gradient)
        scaled = gradient / (namespace(gradient).sqrt(mean_square) + self.epsilon)
        if state.velocity is None:
            return rate * scaled, RMSpropState(state.step + 1, mean_square, None)
        velocity = self.momentum * state.velocity + scaled
        return rate * velocity, RMSpropState(state.step + 1, mean_square, velocity)
