"""Lion: only the sign of the momentum counts."""

from dataclasses import dataclass
from typing import NamedTuple

from pellucid.arrays import Array, namespace
from pellucid.optimizers.optimizer import Factor, Optimizer, Rate, at_least_zero, check, share


class LionState(NamedTuple):
    """Updates made, and the momentum m."""

    step: int
    m: Array


@dataclass(frozen=True)
class Lion(Optimizer):
    """Every parameter moves by the rate itself, in the direction of a blend of gradient and momentum.

    step = rate (sign(beta1 m + (1 - beta1) g) + weight_decay theta); then m = beta2 m + (1 - beta2) g.

    Parameters
    ----------
    learning_rate : float or Schedule
        Three to ten times smaller than Adam's.
    beta1, beta2 : float
        The blend, and what is kept of m at each update, in [0, 1).
    weight_decay : float
        The share of theta, times the rate, that each update takes away. Biases do not decay unless ``fit`` is told so.

    Examples
    --------
    >>> import numpy as np
    >>> rule, theta = Lion(0.001), np.array([1.0, 1.0])
    >>> rule.update(np.array([2.0, -0.5]), rule.init(theta), theta)[0]
    array([ 0.001, -0.001])

    Source: Chen et al., "Symbolic discovery of optimization algorithms", 2023, program 1.
    """

    learning_rate: Rate = 0.0001
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check("Lion", beta1=share(self.beta1), beta2=share(self.beta2), weight_decay=at_least_zero(self.weight_decay))

    def init(self, theta: Array) -> LionState:
        return LionState(step=0, m=namespace(theta).zeros_like(theta))

    @property
    def formula(self) -> str:
        direction = "sign(beta1 * m + (1 - beta1) * gradient)"
        if self.weight_decay:
            direction = f"({direction} + weight_decay * decay * theta)"
        return f"m_new = beta2 * m + (1 - beta2) * gradient; step = rate * {direction}"

    def update(
        self, gradient: Array, state: LionState, theta: Array, rate_factor: Factor = 1.0, decay_factor: Factor = 1.0
    ) -> tuple[Array, LionState]:
        rate = self.rate(state.step) * rate_factor
        direction = namespace(theta).sign(self.beta1 * state.m + (1 - self.beta1) * gradient)
        if self.weight_decay:
            direction = direction + self.weight_decay * decay_factor * theta
        m = self.beta2 * state.m + (1 - self.beta2) * gradient
        return rate * direction, LionState(state.step + 1, m)
