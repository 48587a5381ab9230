"""The record of one training step: the very step that training makes, with everything kept on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from pellucid import engines, walk
from pellucid.arrays import Array
from pellucid.configuration import child_seeds
from pellucid.engines.engine import contexts_of
from pellucid.engines.numpy import numpy_draws
from pellucid.gradients import Batch, Objective
from pellucid.insight.records import LayerRecord, LossRecord, UpdateRecord
from pellucid.layers.chain import numbered
from pellucid.layers.layer import Arrays, Cache, Context, Layer
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import SGD, Optimizer
from pellucid.optimizers.optimizer import Factor
from pellucid.penalties import Penalty
from pellucid.training.batches import Batches
from pellucid.training.loop import plan_of


class WatchedLayer(Layer):
    """A layer that does what the one within does, and keeps what came in and what went out.

    In a block, so do the layers that it is made of: it is the same block, made of watched layers.

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
        self.inside: tuple[WatchedLayer, ...] = tuple(
            WatchedLayer(f"{name}.{own}", child) for own, child in zip(names_within(layer), layer.children, strict=True)
        )
        try:
            self.runs = made_of(layer, self.inside)
        except (TypeError, ValueError, StopIteration):  # a block of one's own that cannot be made of other layers
            self.inside, self.runs = (), layer
        self.given: Arrays = {}
        self.context = Context()
        self.x: Array = np.empty(0)
        self.y: Array = np.empty(0)
        self.cache: Cache = {}
        self.dy: Array | None = None
        self.dx: Array | None = None
        self.found: dict[str, Array] = {}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        y, cache = self.runs.forward(parameters, x, context)
        self.given, self.context, self.x, self.y, self.cache = parameters, context, x, y, cache
        return y, cache

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        dx, gradients = self.runs.backward(parameters, cache, dy)
        self.dy, self.dx, self.found = dy, dx, dict(gradients)  # the penalty is added to the other dict
        return dx, gradients

    def gradients(self, parameters: Arrays, cache: Cache, dy: Array) -> dict[str, Array]:
        # Training's lowest layer leaves dx out, as nothing asks for it. Here somebody looks at it.
        self.dy, self.dx = dy, self.runs.backward(parameters, cache, dy)[0]
        gradients = self.runs.gradients(parameters, cache, dy)
        self.found = dict(gradients)
        return gradients

    def __getattr__(self, name: str) -> Any:
        return getattr(self.layer, name)  # what a block may ask of a layer within it, besides the contract

    def base_name(self) -> str:  # type: ignore[override]
        """Return the name that a block numbers the layer by: that of the one within."""
        return self.layer.base_name()

    def record(self) -> LayerRecord:
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
            tuple(one.record() for one in self.inside),
        )


def names_within(layer: Layer) -> tuple[str, ...]:
    """Return what the layers within a block are called: by its ``names``, or numbered as a network's are.

    Examples
    --------
    >>> from pellucid.layers import Parallel, Residual, Tanh
    >>> names_within(Residual([Tanh(), Tanh()])), names_within(Parallel([Tanh(), Tanh()]))
    (('tanh_1', 'tanh_2'), ('branch_1', 'branch_2'))
    """
    names: tuple[str, ...] = getattr(layer, "names", ())
    return names if len(names) == len(layer.children) else numbered(layer.children)


def made_of(layer: Layer, children: Sequence[Layer]) -> Layer:
    """Return the same block with these layers within; a layer that is no block as it is.

    Examples
    --------
    >>> from pellucid.layers import ReLU, Residual, Tanh
    >>> made_of(Residual([Tanh()]), [ReLU()])
    Residual(layers=(ReLU(),))
    """
    if not children:
        return layer
    left = iter(children)
    changed: dict[str, Any] = {}
    for field in fields(layer):  # type: ignore[arg-type]
        value = getattr(layer, field.name)
        if isinstance(value, Layer):
            changed[field.name] = next(left)
        elif isinstance(value, tuple) and value and all(isinstance(one, Layer) for one in value):
            changed[field.name] = tuple(next(left) for _ in value)
    return replace(layer, **changed)  # type: ignore[type-var]


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
        _, factor = loss.reduced(losses, data.target, data.weights)
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
