"""NAdam: Adam with Nesterov's look ahead."""

from dataclasses import dataclass
from typing import NamedTuple

from pellucid.arrays import Array, namespace
from pellucid.optimizers.optimizer import Factor, Optimizer, Rate, at_least_zero, check, positive, share


class NAdamState(NamedTuple):
    """Updates made, the product of all momenta so far, first moment m, second moment v."""

    step: int
    momentum_product: float
    m: Array
    v: Array


@dataclass(frozen=True)
class NAdam(Optimizer):
    """Adam that applies the next momentum already now.

    With mu_t = beta1 (1 - 0.96^(t d) / 2), d = momentum_decay, M_t = mu_1 ... mu_t, and Adam's m and v:
    step = rate ((1 - mu_t) g / (1 - M_t) + mu_(t+1) m / (1 - M_(t+1))) / (sqrt(v / (1 - beta2^t)) + epsilon).

    Parameters
    ----------
    learning_rate : float or Schedule
    beta1, beta2 : float
        What is kept of m and of v at each update, in [0, 1).
    epsilon : float
        Keeps the division away from 0.
    momentum_decay : float
        How quickly the momentum warms up to beta1.

    Examples
    --------
    >>> import numpy as np
    >>> rule, theta = NAdam(0.002), np.array([1.0])
    >>> rule.update(np.array([2.0]), rule.init(theta), theta)[0].round(6)
    array([0.002113])

    Source: Dozat, "Incorporating Nesterov momentum into Adam", 2016, section 2.
    """

    learning_rate: Rate = 0.002
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    momentum_decay: float = 0.004

    def __post_init__(self) -> None:
        super().__post_init__()
        check(
            "NAdam",
            beta1=share(self.beta1),
            beta2=share(self.beta2),
            epsilon=positive(self.epsilon),
            momentum_decay=at_least_zero(self.momentum_decay),
        )

    def init(self, theta: Array) -> NAdamState:
        zeros = namespace(theta).zeros_like
        return NAdamState(step=0, momentum_product=1.0, m=zeros(theta), v=zeros(theta))

    formula = (
        "mu = beta1 * (1 - 0.96 ** (t * momentum_decay) / 2); "
        "mu_next = beta1 * (1 - 0.96 ** ((t + 1) * momentum_decay) / 2); "
        "momentum_product_new = momentum_product * mu; "
        "m_new = beta1 * m + (1 - beta1) * gradient; v_new = beta2 * v + (1 - beta2) * gradient ** 2; "
        "step = rate * ((1 - mu) * gradient / (1 - momentum_product_new)"
        " + mu_next * m_new / (1 - momentum_product_new * mu_next)) / (sqrt(v_new / (1 - beta2 ** t)) + epsilon)"
    )

    def momentum(self, t: int) -> float:
        """Return mu_t."""
        momentum: float = self.beta1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))
        return momentum

    def update(
        self, gradient: Array, state: NAdamState, theta: Array, rate_factor: Factor = 1.0, decay_factor: Factor = 1.0
    ) -> tuple[Array, NAdamState]:
        t = state.step + 1
        rate = self.rate(state.step) * rate_factor
        now, ahead = self.momentum(t), self.momentum(t + 1)
        product = state.momentum_product * now
        m = self.beta1 * state.m + (1 - self.beta1) * gradient
        v = self.beta2 * state.v + (1 - self.beta2) * (gradient * gradient)
        root = namespace(v).sqrt(v / (1 - self.beta2**t)) + self.epsilon
        direction = ((1 - now) / (1 - product)) * gradient + (ahead / (1 - product * ahead)) * m
        return rate * direction / root, NAdamState(t, product, m, v)
