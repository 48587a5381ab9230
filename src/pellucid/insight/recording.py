"""The record of one training step: the very step that training makes, with everything kept on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid import engines, walk
from pellucid.arrays import Array
from pellucid.configuration import child_seeds
from pellucid.engines.engine import contexts_of
from pellucid.engines.numpy import numpy_draws
from pellucid.gradients import Batch, Objective
from pellucid.layers.layer import Arrays, Cache, Context, Layer
from pellucid.losses import Loss, reduce
from pellucid.network import Network
from pellucid.optimizers import SGD, Optimizer
from pellucid.optimizers.optimizer import Factor
from pellucid.penalties import Penalty
from pellucid.training.batches import Batches
from pellucid.training.loop import plan_of
from pellucid.training.step import Plan


class WatchedLayer(Layer):
    """A layer that does what the one within does, and keeps what came in and what went out.

    Examples
    --------
    >>> from pellucid.layers import EVALUATION, Tanh
    >>> watched = WatchedLayer("tanh_1", Tanh())
    >>> y, cache = watched.forward({}, np.array([[0.0]]), EVALUATION)
    >>> watched.x, watched.y
    (array([[0.]]), array([[0.]]))
    """

    def __init__(self, name: str, layer: Layer) -> None:
        self.name, self.layer = name, layer
        self.given: Arrays = {}
        self.context = Context()
        self.x: Array = np.empty(0)
        self.y: Array = np.empty(0)
        self.cache: Cache = {}
        self.dy: Array | None = None
        self.dx: Array | None = None
        self.found: dict[str, Array] = {}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        y, cache = self.layer.forward(parameters, x, context)
        self.given, self.context, self.x, self.y, self.cache = parameters, context, x, y, cache
        return y, cache

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        dx, gradients = self.layer.backward(parameters, cache, dy)
        self.dy, self.dx, self.found = dy, dx, dict(gradients)  # the penalty is added to the other dict
        return dx, gradients

    def gradients(self, parameters: Arrays, cache: Cache, dy: Array) -> dict[str, Array]:
        # Training's lowest layer leaves dx out, as nothing asks for it. Here somebody looks at it.
        self.dy, self.dx = dy, self.layer.backward(parameters, cache, dy)[0]
        gradients = self.layer.gradients(parameters, cache, dy)
        self.found = dict(gradients)
        return gradients

    def record(self) -> "LayerRecord":
        """Return what was kept."""
        return LayerRecord(
            self.name,
            self.layer,
            dict(self.given),
            self.context,
            self.x,
            self.y,
            self.cache,
            self.dy,
            self.dx,
            self.found,
        )


class WatchedOptimizer(Optimizer):
    """An optimizer that does what the one within does, and keeps what went in and what came out."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.gradient: Array = np.empty(0)
        self.step: Array = np.empty(0)

    def update(
        self, gradient: Array, state: Any, theta: Array, rate_factor: Factor = 1.0, decay_factor: Factor = 1.0
    ) -> tuple[Array, Any]:
        self.gradient = gradient
        self.step, new = self.optimizer.update(gradient, state, theta, rate_factor, decay_factor)
        return self.step, new


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


def record_prediction(network: Network, x: Array) -> list[LayerRecord]:
    """Send checked records [B, ...] forward, as in prediction, and return what each layer did."""
    watched = [WatchedLayer(name, layer) for name, layer in zip(network.names, network.layers, strict=True)]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        walk.forward(watched, network.layout.views(network.theta.copy()), x, network._evaluation)
    return [one.record() for one in watched]


def record_step(
    network: Network,
    data: Batch,
    loss: Loss,
    optimizer: Optimizer | None,
    state: Any,
    *,
    penalty: Penalty | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    rate_multipliers: Mapping[str, float] | None = None,
    decay_multipliers: Mapping[str, float] | None = None,
    seed: int | None = None,
) -> tuple[list[LayerRecord], LossRecord, UpdateRecord | None]:
    """Make one training step on a copy of theta, and return all of it; the network stays as it is."""
    watched = tuple(WatchedLayer(name, layer) for name, layer in zip(network.names, network.layers, strict=True))
    frozen = tuple(network._frozen_indices())
    rule = SGD(1.0) if optimizer is None else optimizer  # without a rule the step is made for its pass alone
    plain = Objective(network.layers, network.layout, loss, penalty, frozen)
    plan = plan_of(
        network,
        plain,
        rule,
        clip_norm=clip_norm,
        clip_value=clip_value,
        rate_multipliers=rate_multipliers,
        decay_multipliers=decay_multipliers,
    )
    watching = WatchedOptimizer(rule)
    before = network.theta.copy()
    state = rule.init(before) if state is None else state
    whole = Batches(
        network,
        loss,
        data,
        size=len(data.target),
        shuffle=False,
        own=False,
        seed=network.seed if seed is None else seed,
    )
    draw_seeds = [child_seeds(network.seed if seed is None else seed)[2]]
    work = engines.Work(network, plan, whole, state, draw_seeds)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        contexts = contexts_of(work, 0, data.x, numpy_draws(work))
        watched_plan = replace(plan, objective=replace(plain, layers=watched), optimizer=watching)
        after, new_state, found = watched_plan.step(before, state, *data, contexts)
        loss_after = float(plain.value(network.layout.views(after), *data, contexts))
        losses, _ = loss.forward(found.output, data.target)
        _, factor = reduce(losses, loss.weigh(data.target, data.weights), loss.reduction)
    of_loss = LossRecord(
        loss,
        data.target,
        losses,
        1.0 if factor is None else factor,
        float(found.loss),
        float(found.penalty),
        found.d_output,
    )
    update = None
    if optimizer is not None:
        rate = float(optimizer.rate(int(state.step)))
        update = UpdateRecord(
            plan, rate, found.gradient, watching.gradient, watching.step, before, after, state, new_state, loss_after
        )
    return [one.record() for one in watched], of_loss, update
