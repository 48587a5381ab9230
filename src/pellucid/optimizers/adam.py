"""Adam and its variants AMSGrad and AdamW."""

from dataclasses import dataclass
from typing import NamedTuple

from pellucid.arrays import Array, namespace
from pellucid.optimizers.optimizer import Factor, Optimizer, Rate, at_least_zero, check, positive, share

MOMENTS = "m_new = beta1 * m + (1 - beta1) * gradient; v_new = beta2 * v + (1 - beta2) * gradient ** 2"
"""The formula of both moments, which all variants share."""


class AdamState(NamedTuple):
    """Updates made, first moment m, second moment v."""

    step: int
    m: Array
    v: Array


class AMSGradState(NamedTuple):
    """Updates made, first moment m, second moment v, and the largest v so far."""

    step: int
    m: Array
    v: Array
    v_max: Array


@dataclass(frozen=True)
class Adam(Optimizer):
    """Scale a fading mean of gradients by the root of a fading mean of their squares.

    m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; after t updates
    step = rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon).

    Parameters
    ----------
    learning_rate : float or Schedule
    beta1, beta2 : float
        What is kept of m and of v at each update, in [0, 1).
    epsilon : float
        Keeps the division away from 0.
    epsilon_before_correction : bool
        Whether epsilon is added to the root of v itself, before v is corrected for its start at 0: the form of the
        note at the end of the paper's section 2, which scikit-learn uses. By default it is added after, as in the
        paper's algorithm 1 and PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> rule, theta = Adam(0.001), np.array([1.0])
    >>> step, state = rule.update(np.array([2.0]), rule.init(theta), theta)
    >>> step.round(6), state.m, state.v
    (array([0.001]), array([0.2]), array([0.004]))

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1 and section 2.
    """

    learning_rate: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_before_correction: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check(type(self).__name__, beta1=share(self.beta1), beta2=share(self.beta2), epsilon=positive(self.epsilon))

    def init(self, theta: Array) -> AdamState:
        zeros = namespace(theta).zeros_like
        return AdamState(step=0, m=zeros(theta), v=zeros(theta))

    @property
    def formula(self) -> str:
        return f"{MOMENTS}; {self._formula_of_step('v_new')}"

    def _formula_of_step(self, v: str) -> str:
        """Return the step's line, with the name of what stands under the root."""
        if self.epsilon_before_correction:
            return f"step = rate * (m_new / (1 - beta1 ** t)) * sqrt(1 - beta2 ** t) / (sqrt({v}) + epsilon)"
        return f"step = rate * (m_new / (1 - beta1 ** t)) / (sqrt({v} / (1 - beta2 ** t)) + epsilon)"

    def update(
        self, gradient: Array, state: AdamState, theta: Array, rate_factor: Factor = 1.0, decay_factor: Factor = 1.0
    ) -> tuple[Array, AdamState]:
        m, v = self.moments(gradient, state.m, state.v)
        step = self.scaled(m, v, state.step + 1, self.rate(state.step) * rate_factor)
        return step, AdamState(state.step + 1, m, v)

    def moments(self, gradient: Array, m: Array, v: Array) -> tuple[Array, Array]:
        """Return both moments after one more gradient."""
        m = self.beta1 * m + (1 - self.beta1) * gradient
        v = self.beta2 * v + (1 - self.beta2) * (gradient * gradient)
        return m, v

    def scaled(self, m: Array, v: Array, t: int, rate: Factor) -> Array:
        """Return rate * corrected m / (root of corrected v + epsilon), the t-th step.

        Both corrections are numbers, so they are taken out of the division: two passes over theta fewer.
        """
        correction1 = 1 - self.beta1**t
        correction2 = (1 - self.beta2**t) ** 0.5
        epsilon = self.epsilon if self.epsilon_before_correction else self.epsilon * correction2
        step: Array = (rate * (correction2 / correction1)) * m / (namespace(v).sqrt(v) + epsilon)
        return step


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with weight decay that is kept out of the moments.

    step = (Adam's step) + rate weight_decay theta. Biases do not decay unless ``fit`` is told so.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, epsilon_before_correction
        As in :class:`Adam`.
    weight_decay : float
        The share of theta, times the rate, that each update takes away.

    Examples
    --------
    >>> import numpy as np
    >>> rule, theta = AdamW(0.001, weight_decay=0.5), np.array([2.0])
    >>> rule.update(np.array([2.0]), rule.init(theta), theta)[0].round(6)
    array([0.002])

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2.
    """

    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check("AdamW", weight_decay=at_least_zero(self.weight_decay))

    @property
    def formula(self) -> str:
        return f"{super().formula} + rate * weight_decay * decay * theta"

    def update(
        self, gradient: Array, state: AdamState, theta: Array, rate_factor: Factor = 1.0, decay_factor: Factor = 1.0
    ) -> tuple[Array, AdamState]:
        step, new = super().update(gradient, state, theta, rate_factor)
        rate = self.rate(state.step) * rate_factor
        return step + (rate * self.weight_decay) * decay_factor * theta, new


@dataclass(frozen=True)
class AMSGrad(Adam):
    """Adam whose second moment never forgets its largest value.

    As Adam, with v_max = max(v_max, v) in place of v under the root.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon, epsilon_before_correction
        As in :class:`Adam`.

    Examples
    --------
    >>> import numpy as np
    >>> rule, theta = AMSGrad(0.001), np.array([1.0])
    >>> rule.update(np.array([2.0]), rule.init(theta), theta)[1].v_max
    array([0.004])

    Source: Reddi, Kale and Kumar, "On the convergence of Adam and beyond", 2018, algorithm 2.
    """

    def init(self, theta: Array) -> AMSGradState:  # type: ignore[override]
        zeros = namespace(theta).zeros_like
        return AMSGradState(step=0, m=zeros(theta), v=zeros(theta), v_max=zeros(theta))

    @property
    def formula(self) -> str:
        return f"{MOMENTS}; v_max_new = max(v_max, v_new); {self._formula_of_step('v_max_new')}"

    def update(  # type: ignore[override]
        self, gradient: Array, state: AMSGradState, theta: Array, rate_factor: Factor = 1.0, decay_factor: Factor = 1.0
    ) -> tuple[Array, AMSGradState]:
        m, v = self.moments(gradient, state.m, state.v)
        v_max = namespace(v).maximum(state.v_max, v)
        step = self.scaled(m, v_max, state.step + 1, self.rate(state.step) * rate_factor)
        return step, AMSGradState(state.step + 1, m, v, v_max)
