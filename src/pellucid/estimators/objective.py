"""What scikit-learn's multi-layer perceptrons make small, and the figure that they report."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.arrays import Array, namespace, sum64
from pellucid.gradients import Objective, Pass
from pellucid.layers.layer import Arrays, Context
from pellucid.losses import (
    BinaryCrossEntropyFromLogits,
    CrossEntropyFromLogits,
    Loss,
    Poisson,
    SquaredError,
)

UNCLIPPED = 10.0
"""Below this, a log-loss from logits and one from probabilities agree to 1e-11 (in float64)."""


@dataclass(frozen=True)
class ScikitObjective(Objective):
    """An objective whose penalty is shared out among the records of a batch, and whose figure is scikit-learn's.

    In a batch that counts n (its records, or the sum of their weights), squares of weights cost alpha / (2 n): the
    penalty has the strength alpha, and each batch pays the n-th part of it. The figure of a batch holds the penalty.

    What is made small is the loss as it is. What is reported differs for scikit-learn's own losses, as it does there:
    a record's log-loss counts at most ``-log(eps)``, as probabilities are clipped; half the squared error is a mean
    over several targets, although their sum is made small; the Poisson deviance has its constant part.

    Attributes
    ----------
    scikits : bool
        Whether the loss is one of scikit-learn's own.
    """

    scikits: bool = False

    def price(self, weights: Array, rank: int, counted: Any) -> Any:
        return super().price(weights, rank, counted) / (counted + (counted == 0))

    def pull(self, weights: Array, counted: Any) -> Array:
        assert self.penalty is not None
        strength = self.penalty.l2 / (counted + (counted == 0))
        if type(strength) is not float:  # one of NumPy's numbers would turn float32 arithmetic into float64
            strength = namespace(weights).asarray(strength, dtype=weights.dtype)
        gradient: Array = strength * weights
        return gradient

    def through(
        self,
        parameters: Sequence[Arrays],
        x: Array,
        target: Array,
        weights: Array | None,
        contexts: Sequence[Context],
    ) -> Pass:
        found = super().through(parameters, x, target, weights, contexts)
        if self.scikits:
            found.loss = reported(self.loss, found, target, weights)
        return found

    def completed(self, found: Pass, *arguments: Any, **settings: Any) -> Pass:
        found = super().completed(found, *arguments, **settings)
        found.loss, found.penalty = found.loss + found.penalty, 0.0
        return found


def reported(loss: Loss, found: Pass, target: Array, weights: Array | None) -> Any:
    """Return the figure that scikit-learn reports for a batch.

    It takes logarithms of clipped probabilities, and 1 - p for the other of two classes, where digits are lost. Only
    losses of more than about 10 show it.
    """
    losses, outputs = found.losses, target.shape[-1]
    xp = namespace(losses)
    if isinstance(loss, (BinaryCrossEntropyFromLogits, CrossEntropyFromLogits)):
        if xp is np and losses.max() < UNCLIPPED:  # what is compiled cannot ask
            return found.loss
        least = float(np.finfo(losses.dtype).eps)
        if isinstance(loss, BinaryCrossEntropyFromLogits):
            of_truth = xp.abs(1 - target - loss.link(found.output))  # p where the target is 1, 1 - p where it is 0
            losses = -xp.log(xp.clip(of_truth, least, 1 - least))
        else:
            losses = xp.minimum(losses, -math.log(least))
    elif isinstance(loss, Poisson):
        losses = losses + (target * xp.log(target + (target == 0)) - target)
    elif outputs == 1:
        return found.loss
    total = sum64(losses if weights is None else weights * losses, None) / (found.counted + (found.counted == 0))
    return 0.5 * total / outputs if isinstance(loss, SquaredError) else total
