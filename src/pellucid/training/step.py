"""One training step: the same function for the engines, which keep nothing of it, and for a trace, which keeps all."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pellucid.arrays import Array, namespace
from pellucid.gradients import Objective, Pass
from pellucid.layers.layer import Context
from pellucid.optimizers import Optimizer
from pellucid.optimizers.optimizer import Factor


@dataclass(frozen=True)
class Plan:
    """All that stays the same from step to step.

    Attributes
    ----------
    objective : Objective
    optimizer : Optimizer
    clip_norm, clip_value : float or None
        The length that a gradient is shortened to, and the size that each of its values is cut to.
    rate_factors, decay_factors : float or array [P]
        What the learning rate and the weight decay are multiplied by, parameter by parameter.
    """

    objective: Objective
    optimizer: Optimizer
    clip_norm: float | None = None
    clip_value: float | None = None
    rate_factors: Factor = 1.0
    decay_factors: Factor = 1.0

    @cached_property
    def clips(self) -> bool:
        """Whether gradients are clipped at all."""
        return self.clip_value is not None or self.clip_norm is not None

    def clipped(self, gradient: Array) -> Array:
        """Clip a gradient: by value first, then by length."""
        if self.clip_value is not None:
            gradient = namespace(gradient).clip(gradient, -self.clip_value, self.clip_value)
        if self.clip_norm is not None:
            gradient = shortened(gradient, self.clip_norm)
        return gradient

    def step(
        self,
        theta: Array,
        optimizer_state: Any,
        x: Array,
        target: Array,
        weights: Array | None,
        contexts: Sequence[Context],
        rate_factor: float = 1.0,
    ) -> tuple[Array, Any, Pass]:
        """Make one whole step; return the new theta, the optimizer's new memory, and the pass that led there."""
        parameters = self.objective.layout.views(theta)
        found = self.objective.evaluate(theta, parameters, x, target, weights, contexts)
        gradient, factor = self.clipped(found.gradient), self.rate_factors * rate_factor
        move, new_state = self.optimizer.update(gradient, optimizer_state, theta, factor, self.decay_factors)
        return theta - move, new_state, found


def shortened(gradient: Array, longest: float) -> Array:
    """Return the gradient, scaled down to length ``longest`` where it is longer; each member's by itself.

    Examples
    --------
    >>> import numpy as np
    >>> shortened(np.array([3.0, 4.0]), 1.0), shortened(np.array([0.3, 0.4]), 1.0)
    (array([0.6, 0.8]), array([0.3, 0.4]))

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013, section 3.2.
    """
    xp = namespace(gradient)
    # The largest value is taken out first, so that squares of large values do not overflow.
    largest = xp.abs(gradient).max(axis=-1, keepdims=True, initial=0)  # of no parameters: 0
    unit = gradient / (largest + (largest == 0))
    length = largest * xp.sqrt((unit * unit).sum(axis=-1, keepdims=True))
    result: Array = gradient * xp.minimum(longest / (length + (length == 0)), 1.0)
    return result
