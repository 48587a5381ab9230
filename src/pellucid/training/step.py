"""One training step: the same function for the engines, which keep nothing of it, and for a trace, which keeps all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from pellucid.arrays import Array, namespace
from pellucid.gradients import Objective, Pass
from pellucid.layers.layer import Arrays, Context
from pellucid.layout import Slot
from pellucid.optimizers import Optimizer
from pellucid.optimizers.optimizer import Factor
from pellucid.training.averages import Average
from pellucid.training.mixup import Mixup
from pellucid.training.pieces import through_in_pieces

NOTHING: Arrays = MappingProxyType({})


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
    max_norm : float or None
        The length that each unit's incoming weights are shortened to after a step.
    piece : int or None
        How many records go through the layers at a time, if not the whole batch.
    mixup : Mixup or None
    average : Average or None
        What is averaged over the run, if anything.
    """

    objective: Objective
    optimizer: Optimizer
    clip_norm: float | None = None
    clip_value: float | None = None
    rate_factors: Factor = 1.0
    decay_factors: Factor = 1.0
    max_norm: float | None = None
    piece: int | None = None
    mixup: Mixup | None = None
    average: Average | None = None

    def evaluate(
        self,
        theta: Any,
        parameters: Sequence[Arrays],
        x: Array,
        target: Array,
        weights: Array | None,
        contexts: Sequence[Context],
        drawn: Arrays,
        flat: Callable[[list[dict[str, Array]]], Any] | None = None,
    ) -> Pass:
        """Go forward and back once, on records mixed and cut as the plan says.

        The arguments are those of :meth:`pellucid.gradients.Objective.evaluate`, and ``drawn``, the random arrays that
        mixup asked for.
        """
        if self.mixup is not None:
            x, target, weights = self.mixup.mix(x, target, weights, drawn)
        objective = self.objective
        if self.piece is None:
            found = objective.through(parameters, x, target, weights, contexts)
        else:
            found = through_in_pieces(objective, parameters, x, target, weights, contexts, self.piece)
        return objective.completed(found, theta, parameters, flat)

    @cached_property
    def limited_slots(self) -> list[Slot]:
        """The weights whose lengths are limited: every array of them with units along its last axis."""
        if self.max_norm is None:
            return []
        learning = set(range(len(self.objective.layers))) - set(self.objective.frozen)
        return [slot for slot in self.objective.layout.chosen(learning, biases=False) if len(slot.shape) > 1]

    def limited(self, slot: Slot, weights: Array) -> Array:
        """Return an array of weights, each unit's shortened to the longest length allowed."""
        assert self.max_norm is not None
        return limited(weights, self.max_norm, len(slot.shape))

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
        drawn: Arrays = NOTHING,
    ) -> tuple[Array, Any, Pass]:
        """Make one whole step; return the new theta, the optimizer's new memory, and the pass that led there."""
        layout = self.objective.layout
        found = self.evaluate(theta, layout.views(theta), x, target, weights, contexts, drawn)
        gradient, factor = self.clipped(found.gradient), self.rate_factors * rate_factor
        move, new_state = self.optimizer.update(gradient, optimizer_state, theta, factor, self.decay_factors)
        theta = theta - move
        if self.limited_slots:
            views = layout.views(theta)
            for slot in self.limited_slots:
                views[slot.layer][slot.name] = self.limited(slot, views[slot.layer][slot.name])
            theta = layout.flat(views, theta)
        return theta, new_state, found


def limited(weights: Array, longest: float, axes: int) -> Array:
    """Return weights in which no unit's incoming ones are longer than ``longest``.

    Parameters
    ----------
    weights : array [..., I, O]
        The incoming weights of unit o are all that have o as their last index.
    longest : float
    axes : int
        How many axes the weights of one network have; those before them belong to members.

    Examples
    --------
    >>> import numpy as np
    >>> limited(np.array([[3.0, 0.3], [4.0, 0.4]]), 1.0, axes=2)
    array([[0.6, 0.3],
           [0.8, 0.4]])

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014, section 5.1.
    """
    xp = namespace(weights)
    length = xp.sqrt((weights * weights).sum(axis=tuple(range(-axes, -1)), keepdims=True))  # [I,O] -> [1,O]
    result: Array = weights * xp.minimum(longest / (length + (length == 0)), 1.0)
    return result


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
