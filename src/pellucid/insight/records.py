"""What a trace keeps: of each layer, of the loss, and of the update."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.arrays import Array
from pellucid.layers.layer import Arrays, Cache, Context, Layer
from pellucid.losses import Loss
from pellucid.training.step import Plan


@dataclass(frozen=True, eq=False)
class LayerRecord:
    """What one layer saw and did.

    Attributes
    ----------
    name : str
        As the network numbers it: ``dense_1``.
    layer : Layer
        Its configuration.
    parameters : dict of arrays
        As they were before the step.
    context : Context
        Whether it was training; what was drawn for it; its running statistics.
    x, y : array [B, ...]
        What came in, and what went out.
    cache : dict
        The intermediate values that ``forward`` kept, by their names.
    dy, dx : array [B, ...] or None
        The gradient that arrived, with respect to y, and the one that left, with respect to x. None where the pass
        back did not come: in a prediction, and below the lowest layer that learns.
    gradients : dict of arrays
        Of the loss, with respect to each parameter; without the penalty.
    inside : tuple of LayerRecord
        What the layers within a block saw and did, under names such as ``residual_1.dense_1``; empty for other layers.
        The block's own arrays hold theirs too, by dotted names.
    """

    name: str
    layer: Layer
    parameters: Arrays
    context: Context
    x: Array
    y: Array
    cache: Cache
    dy: Array | None
    dx: Array | None
    gradients: Arrays
    inside: "tuple[LayerRecord, ...]" = ()

    def everything(self) -> "Iterator[LayerRecord]":
        """Give this record after those of all layers within, however deep: as their values are computed."""
        for one in self.inside:
            yield from one.everything()
        yield self

    def own(self, named: Mapping[str, Any]) -> dict[str, Any]:
        """Return what of these named arrays is the layer's own, and not of a layer within.

        Examples
        --------
        >>> from pellucid import Dense, Network, Residual
        >>> from pellucid.insight import trace
        >>> block = trace(Network(1, [Residual([Dense(1)])], seed=0), [[1.0]]).layers[0]
        >>> list(block.parameters), block.own(block.parameters), list(block.inside[0].parameters)
        (['dense_1.weights', 'dense_1.bias'], {}, ['weights', 'bias'])
        """
        within = tuple(f"{one.name.removeprefix(self.name)[1:]}." for one in self.inside)
        return {name: value for name, value in named.items() if not name.startswith(within)}


@dataclass(frozen=True, eq=False)
class LossRecord:
    """How wrong the output was.

    Attributes
    ----------
    loss : Loss
    target : array [B, T]
        The targets as the loss takes them.
    losses : array [B, E]
        Before they are reduced.
    factor : array that broadcasts against ``losses``, or float
        What each loss counts in ``value``, and so the factor of its gradient.
    value : float
        The reduced loss, without the penalty.
    penalty : float
    d_output : array [B, O]
        The gradient of ``value`` with respect to the network's output.
    """

    loss: Loss
    target: Array
    losses: Array
    factor: Any
    value: float
    penalty: float
    d_output: Array


@dataclass(frozen=True, eq=False)
class UpdateRecord:
    """What the optimizer made of the gradient.

    Attributes
    ----------
    plan : Plan
        Objective, optimizer, clipping, factors.
    rate : float
        The learning rate of this step, before the factors of single parameters.
    gradient, clipped : array [P]
        Of loss and penalty, and the same after clipping (if any).
    step : array [P]
        What was subtracted from theta.
    before, after : array [P]
        Theta.
    state_before, state_after
        The optimizer's memory.
    loss_after : float
        Loss and penalty of the same records with the new parameters.
    """

    plan: Plan
    rate: float
    gradient: Array
    clipped: Array
    step: Array
    before: Array
    after: Array
    state_before: Any
    state_after: Any
    loss_after: float
