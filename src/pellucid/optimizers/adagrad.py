"""AdaGrad: a rate of its own for every parameter, that only ever falls."""

from dataclasses import dataclass
from typing import NamedTuple

from pellucid.arrays import Array, namespace
from pellucid.optimizers.optimizer import Factor, Optimizer, Rate, check, positive


class AdaGradState(NamedTuple):
    """Updates made, and the sum of squared gradients."""

    step: int
    sum_of_squares: Array


@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """Divide by the root of all squared gradients so far: rare inputs keep a large rate.

    s = s + g^2; step = rate g / (sqrt(s) + epsilon).

    Parameters
    ----------
    learning_rate : float or Schedule
    epsilon : float
        Keeps the division away from 0.

    Examples
    --------
    >>> import numpy as np
    >>> rule, theta = AdaGrad(0.1), np.array([1.0])
    >>> step, state = rule.update(np.array([2.0]), rule.init(theta), theta)
    >>> step, state.sum_of_squares
    (array([0.1]), array([4.]))

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization",
    2011, section 1.1.
    """

    learning_rate: Rate = 0.01
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        check("AdaGrad", epsilon=positive(self.epsilon))

    def init(self, theta: Array) -> AdaGradState:
        return AdaGradState(step=0, sum_of_squares=namespace(theta).zeros_like(theta))

    formula = (
        "sum_of_squares_new = sum_of_squares + gradient ** 2; "
        "step = rate * gradient / (sqrt(sum_of_squares_new) + epsilon)"
    )

    def update(
        self, gradient: Array, state: AdaGradState, theta: Array, rate_factor: Factor = 1.0, decay_factor: Factor = 1.0
    ) -> tuple[Array, AdaGradState]:
        rate = self.rate(state.step) * rate_factor
        sum_of_squares = state.sum_of_squares + gradient * gradient
        step = rate * gradient / (namespace(gradient).sqrt(sum_of_squares) + self.epsilon)
        return step, AdaGradState(state.step + 1, sum_of_squares)
