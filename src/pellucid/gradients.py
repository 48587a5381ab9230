"""From a batch to a gradient: forward through the layers, the loss, and back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks, walk
from pellucid.arrays import Array, namespace, sum64
from pellucid.layers.layer import Arrays, Cache, Context, Layer
from pellucid.layout import Layout, Slot
from pellucid.losses import Loss
from pellucid.network import Network, resolve_loss
from pellucid.penalties import Penalty


@dataclass(slots=True)
class Pass:
    """One pass forward and back, with everything that it computed on the way.

    ``loss`` and ``penalty`` are numbers, or [K] for K members; ``gradient`` is the flat gradient of
    their sum; ``gradients`` the same by layer and name; ``caches`` and ``loss_cache`` are what each
    layer and the loss kept; ``losses`` are those before they were reduced, ``counted`` is how many records there were,
    or what they count; ``d_output`` is the gradient with respect to the network's output.
    """

    loss: Array
    penalty: Array | float
    gradient: Array
    output: Array
    caches: list[Cache]
    loss_cache: Cache
    losses: Array
    counted: Any
    d_output: Array
    gradients: list[dict[str, Array]]


@dataclass(frozen=True)
class Objective:
    """What is to be made small: the layers' loss on a batch, plus the penalty on their parameters.

    Attributes
    ----------
    layers : the chain
    layout : where each parameter lies in theta
    loss : Loss
    penalty : Penalty or None
    frozen : indices of layers whose gradient is 0
    """

    layers: tuple[Layer, ...]
    layout: Layout
    loss: Loss
    penalty: Penalty | None = None
    frozen: tuple[int, ...] = ()

    @cached_property
    def first(self) -> int:
        """The lowest layer that learns: the walk back ends there."""
        learning = [slot.layer for slot in self.layout.slots if slot.layer not in self.frozen]
        return min(learning, default=len(self.layers))

    @cached_property
    def penalised(self) -> list[Slot]:
        """The parameters that the penalty counts."""
        if self.penalty is None:
            return []
        learning = set(range(len(self.layers))) - set(self.frozen)
        return self.layout.chosen(learning, self.penalty.biases)

    def evaluate(
        self,
        theta: Any,
        parameters: Sequence[Arrays],
        x: Array,
        target: Array,
        weights: Array | None,
        contexts: Sequence[Context],
        flat: Callable[[list[dict[str, Array]]], Any] | None = None,
    ) -> Pass:
        """Go forward and back once.

        Parameters
        ----------
        theta : array [P] or [K, P]
        parameters : its views, one mapping a layer
        x : array [B, ...] or [K, B, ...]
        target : array [B, T] or [K, B, T]
        weights : array [B, 1] or with more axes, or None
        contexts : one a layer
        flat : how an engine puts the gradients of the layers together; by default one new vector like ``theta``
        """
        return self.completed(self.through(parameters, x, target, weights, contexts), theta, parameters, flat)

    def through(
        self,
        parameters: Sequence[Arrays],
        x: Array,
        target: Array,
        weights: Array | None,
        contexts: Sequence[Context],
    ) -> Pass:
        """Send records through the layers, and the gradient of their loss back; the rest of the pass is yet to come."""
        output, caches = walk.forward(self.layers, parameters, x, contexts)
        losses, loss_cache = self.loss.forward(output, target)  # [B,E]
        value, factor = self.loss.reduced(losses, target, weights)
        d_output = self.loss.backward(loss_cache)  # [B,O]
        if factor is not None:
            d_output = factor * d_output  # [B,1] * [B,O] -> [B,O]
        gradients = walk.backward(self.layers, parameters, caches, d_output, self.first)
        counted = counted_in(output, weights)
        return Pass(value, 0.0, output, output, caches, loss_cache, losses, counted, d_output, gradients)

    def completed(
        self,
        found: Pass,
        theta: Any,
        parameters: Sequence[Arrays],
        flat: Callable[[list[dict[str, Array]]], Any] | None = None,
    ) -> Pass:
        """Add the penalty to a pass, leave frozen layers out of its gradients, and put these together."""
        gradients = found.gradients
        for index in self.frozen:
            gradients[index] = {name: namespace(array).zeros_like(array) for name, array in parameters[index].items()}
        if self.penalty is not None:
            for slot in self.penalised:
                array = parameters[slot.layer][slot.name]
                found.penalty = found.penalty + self.price(array, len(slot.shape), found.counted)
                layer_gradients = gradients[slot.layer]
                layer_gradients[slot.name] = layer_gradients[slot.name] + self.pull(array, found.counted)
        found.gradient = self.layout.flat(gradients, theta) if flat is None else flat(gradients)
        return found

    def value(
        self,
        parameters: Sequence[Arrays],
        x: Array,
        target: Array,
        weights: Array | None,
        contexts: Sequence[Context],
    ) -> Array:
        """Return the loss plus the penalty, by the forward pass alone."""
        output, _ = walk.forward(self.layers, parameters, x, contexts)
        losses, _ = self.loss.forward(output, target)
        value, _ = self.loss.reduced(losses, target, weights)
        if self.penalty is not None:
            counted = counted_in(output, weights)
            for slot in self.penalised:
                value = value + self.price(parameters[slot.layer][slot.name], len(slot.shape), counted)
        return value

    def price(self, weights: Array, rank: int, counted: Any) -> Any:
        """Return what an array of weights costs in a batch that counts so much: here the same in every batch."""
        assert self.penalty is not None
        return self.penalty.value(weights, rank)

    def pull(self, weights: Array, counted: Any) -> Array:
        """Return the gradient of that price with respect to the weights."""
        assert self.penalty is not None
        return self.penalty.gradient(weights)


def counted_in(output: Array, weights: Array | None) -> Any:
    """Return how many records a batch has, or what they count: a number, or [K] for members' own weights."""
    return output.shape[-2] if weights is None else sum64(weights, (-2, -1))


def objective_of(network: Network, loss: Loss | str | None, penalty: Penalty | None = None) -> Objective:
    """Return the objective of a network under a loss, given or remembered."""
    resolved = resolve_loss(loss, network)
    return Objective(network.layers, network.layout, resolved, penalty, tuple(network._frozen_indices()))


class Batch(NamedTuple):
    """Checked records: inputs, encoded targets, and weights as a column or None."""

    x: Array
    target: Array
    weights: Array | None


def batch_of(network: Network, loss: Loss, X: Any, y: Any, sample_weight: Any = None, *, finite: bool = True) -> Batch:
    """Check a table and its targets against the network, and encode the targets for the loss."""
    x = checks.inputs(X, network.inputs, network.dtype, members=network.members, finite=finite)
    axis = x.ndim - len(network.inputs) - 1
    checks.some_records(x[0] if axis else x)
    if len(network.outputs) != 1:
        raise ValueError(f"the network ends with records of shape {network.outputs}; a loss needs flat outputs")
    y = checks.as_array(y, "y")
    if y.ndim == 0:
        raise ValueError(
            f"y must hold one target for each of the {x.shape[axis]} records, found the single value {y.item()!r}"
        )
    checks.same_length(x, y, axis)
    target = loss.encode(y, network.outputs[0], network.dtype)
    return Batch(x, target, checks.weights(sample_weight, x.shape[axis], network.dtype))


def loss_of(network: Network, X: Any, y: Any, *, loss: Loss | str | None, sample_weight: Any) -> Any:
    """Return the network's loss on a table: a float, or [K] for K members."""
    resolved = resolve_loss(loss, network)
    batch = batch_of(network, resolved, X, y, sample_weight)
    return _number(loss_of_batch(network, resolved, batch))


def loss_of_batch(network: Network, loss: Loss, batch: Batch) -> Array:
    """Return the network's loss on records that are checked already."""
    output = network.predict(batch.x)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        losses, _ = loss.forward(output, batch.target)
        return loss.reduced(losses, batch.target, batch.weights)[0]


def gradient_of(
    network: Network, X: Any, y: Any, *, loss: Loss | str | None, sample_weight: Any, penalty: Penalty | None
) -> Array:
    """Return the gradient of loss and penalty with respect to theta."""
    objective = objective_of(network, loss, penalty)
    x, target, weights = batch_of(network, objective.loss, X, y, sample_weight)
    if network.members is not None and x.ndim == len(network.inputs) + 1:
        x = np.broadcast_to(x, (network.members, *x.shape))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = objective.evaluate(network.theta, network._views, x, target, weights, network._evaluation)
    return found.gradient


def _number(value: Array) -> Any:
    return float(value) if np.ndim(value) == 0 else value
