"""The shared table: every layer, loss, optimizer and schedule with examples, and the same thing in PyTorch.

Whatever runs over all members of a room (contracts, engines, files, traces) takes its examples from
here. ``missing`` tells which registered name has none yet, and tests fail until it is entered. The
peers' halves are functions that are given ``torch``, so this page needs no peer to be imported.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np

from pellucid.arrays import Draw, draw
from pellucid.layers import (
    ELU,
    GELU,
    LAYERS,
    SELU,
    AlphaDropout,
    AveragePool2D,
    BatchNorm,
    Chain,
    Context,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    HardSigmoid,
    HardSwish,
    Identity,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    MeanOfMembers,
    Mish,
    OneHot,
    Parallel,
    PiecewiseLinear,
    PReLU,
    ReLU,
    Reshape,
    Residual,
    RMSNorm,
    Select,
    Sigmoid,
    SiLU,
    SoftClip,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from pellucid.losses import (
    LOSSES,
    AbsoluteError,
    BinaryCrossEntropyFromLogits,
    BinaryFocalFromLogits,
    CrossEntropyFromLogits,
    FocalFromLogits,
    GaussianNLL,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    Poisson,
    Quantile,
    SquaredError,
)
from pellucid.network import Network
from pellucid.optimizers import OPTIMIZERS, SGD, AdaGrad, Adam, AdamW, AMSGrad, Lion, NAdam, Optimizer, RMSprop
from pellucid.schedules import (
    SCHEDULES,
    ConstantRate,
    CosineDecay,
    CosineLog,
    ExponentialDecay,
    InverseScaling,
    OneCycle,
    Schedule,
    StepDecay,
)

KINKS = (-3.0, 0.0, 3.0)  # where some activation's slope jumps


def missing(registered: dict[str, Any], examples: list[Any]) -> set[str]:
    """Return the registered names that no example stands for."""
    return set(registered) - {type(example).__name__ for example in examples}


def changed(thing: Any) -> str:
    """Name an example by its class and the settings that are not the default: ``Adam-epsilon=1e-06``."""
    parts = [type(thing).__name__]
    for setting in fields(thing):
        value = getattr(thing, setting.name)
        if value != setting.default:
            parts.append(f"{setting.name}={value}".replace(" ", ""))
    return "-".join(parts)


def with_numpy_numbers(thing: Any) -> Any:
    """Return the same configuration with NumPy's own float64 for every float, as ``np.logspace`` gives them."""
    found = {setting.name: getattr(thing, setting.name) for setting in fields(thing)}
    return replace(thing, **{name: np.float64(value) for name, value in found.items() if isinstance(value, float)})


# Layers


@dataclass(frozen=True)
class LayerExample:
    """A layer, the shape of a record that it takes, and ``torch(torch, x, parameters) -> y``.

    A layer that draws or remembers has ``with_context``: its PyTorch half is given the context too. One that takes
    category numbers says by ``codes`` how many there are.
    """

    layer: Layer
    torch: Callable[..., Any]
    shape: tuple[int, ...] = (4,)
    with_context: bool = False
    codes: int = 0

    def __str__(self) -> str:
        return changed(self.layer) + (f"-{'x'.join(map(str, self.shape))}" if self.shape != (4,) else "")

    def x(self, records: int = 5, dtype: str = "float64", seed: int = 0) -> np.ndarray:
        """Return records on both sides of every kink, none nearer to one than 0.05."""
        if self.codes:
            return np.random.default_rng(seed).integers(0, self.codes, (records, *self.shape)).astype(dtype)
        x = 2.5 * np.random.default_rng(seed).standard_normal((records, *self.shape))
        for kink in KINKS:
            near = np.abs(x - kink) < 0.05
            x = np.where(near, kink + np.where(x < kink, -0.05, 0.05), x)
        return x.astype(dtype)

    def network(self, dtype: str = "float64", members: int | None = None, seed: int = 0) -> Network:
        """Return a network of this layer alone, its parameters all different from 0."""
        network = Network(self.shape, [self.layer], seed=seed, dtype=dtype, members=members)
        scatter(network)
        return network

    def context(self, x: np.ndarray, training: bool, members: int | None = None, seed: int = 3) -> Context:
        """Return draws as training makes them, and running statistics as a training might leave them."""
        generators = [np.random.default_rng([seed, member]) for member in range(members or 1)]
        lead = x.shape[: x.ndim - len(self.shape)]
        wanted = self.layer.draws_for(lead, self.shape) if training else {}
        random = {name: draw(generators, one, x.dtype) for name, one in wanted.items()}
        state = {}
        for name, start in self.layer.state(self.shape).items():
            moved = draw(generators, Draw("uniform", (*lead[:-1], *start.shape)), np.float64)
            state[name] = (start + 0.1 + moved).astype(x.dtype)
        return Context(training, random, state, members is not None)

    def around(self, outputs: int = 2) -> list[Layer]:
        """Return the layer between two that learn, the first of them where it does not take category numbers."""
        before = [] if self.codes else [Dense(*self.shape) if len(self.shape) == 1 else PReLU()]
        after = [] if len(self.layer.output_shape(self.shape)) == 1 else [Flatten()]
        return [*before, self.layer, *after, Dense(outputs)]


def scatter(network: Network, seed: int = 1) -> Network:
    """Give every parameter a value of its own, biases too; the members differ."""
    network.theta = 0.7 * np.random.default_rng(seed).standard_normal(network.theta.shape)
    return network


def _linear(torch, x, p):
    return torch.nn.functional.linear(x, p["weights"].mT, p.get("bias"))


def _elementwise(name: str, **settings: Any) -> Callable[..., Any]:
    return lambda torch, x, p: getattr(torch.nn.functional, name)(x, **settings)


def _dropout(rate: float) -> Callable[..., Any]:
    def layer(torch, x, p, context):
        return torch.where(torch.tensor(context.random["u"]) < rate, 0, x / (1 - rate)) if context.training else x * 1

    return layer


def _alpha_dropout(rate: float) -> Callable[..., Any]:
    def layer(torch, x, p, context):
        if not context.training:
            return x * 1
        lowest = torch.nn.functional.selu(torch.tensor(-1e3, dtype=x.dtype))
        dropped = torch.where(torch.tensor(context.random["u"]) < rate, lowest, x)
        # Mean and variance after that, of values with mean 0 and variance 1 before it.
        mean, variance = rate * lowest, (1 - rate) + rate * (1 - rate) * lowest**2
        return (dropped - mean) / variance.sqrt()

    return layer


def _noise(std: float) -> Callable[..., Any]:
    return lambda torch, x, p, c: x + std * torch.tensor(c.random["noise"]) if c.training else x * 1


def _batch_norm(momentum: float = 0.9, epsilon: float = 1e-5) -> Callable[..., Any]:
    def layer(torch, x, p, context):
        running = [torch.tensor(context.state[name]) for name in ("mean", "variance")]
        learnt = [p.get(name) for name in ("scale", "shift")]
        settings = {"training": context.training, "momentum": 1 - momentum, "eps": epsilon}
        # PyTorch has the channels second.
        return torch.nn.functional.batch_norm(x.movedim(-1, 1), *running, *learnt, **settings).movedim(1, -1)

    return layer


def _layer_norm(torch, x, p):
    return torch.nn.functional.layer_norm(x, x.shape[-1:], p.get("scale"), p.get("shift"))


def _rms_norm(torch, x, p):
    return torch.nn.functional.rms_norm(x, x.shape[-1:], p.get("scale"), eps=1e-5)


def _prelu(torch, x, p):
    return torch.nn.functional.prelu(x.movedim(-1, 1), p["slope"]).movedim(1, -1)


def _of(mapping, name):
    """Return what belongs to one layer of a block."""
    return {key.removeprefix(f"{name}."): value for key, value in mapping.items() if key.startswith(f"{name}.")}


def _residual(torch, x, p, context):
    own = replace(context, state=_of(context.state, "batch_norm_1"))
    z = _linear(torch, _batch_norm()(torch, x, _of(p, "batch_norm_1"), own), _of(p, "dense_1"))
    return x + _dropout(0.3)(torch, z, {}, replace(context, random=_of(context.random, "dropout_1")))


def _parallel(torch, x, p):
    return torch.cat([x[:, [2, 0]], torch.tanh(_linear(torch, x, _of(p, "branch_2.dense_1")))], dim=1)


EDGES = ((-2.0, -0.5, 1.25, 3.25), (-1.0, 3.0), (-4.0, 0.25), (-0.75, 0.5, 4.0))
CENTRES = ((0.75, 0.5, 0.25), (0.125,), (0.5,), (0.5, 0.25))


def _piecewise_linear(torch, x, p):
    bins = [(place, *ends) for place, own in enumerate(EDGES) for ends in pairwise(own)]
    shares = torch.stack([((x[:, at] - low) / (high - low)).clamp(0, 1) for at, low, high in bins], dim=1)
    return 0.4 * (shares - torch.tensor(sum(CENTRES, ())))


def _one_hot(torch, x, p):
    parts = [x[:, place, None] == torch.arange(count) for place, count in enumerate((2, 6, 1, 3))]
    return torch.cat(parts, dim=1).to(x.dtype) + 0 * x.sum()


def _mean_of_probabilities(temperature):
    def layer(torch, x, p):
        mean = torch.softmax(x.reshape(len(x), 3, 2) / temperature, dim=-1).mean(dim=1)
        return torch.log(mean)

    return layer


def _pictures(function):
    """Call PyTorch's half, which has its channels first, and bring what it returns back to channels last."""
    return lambda torch, x, p: function(torch.nn.functional, x.permute(0, 3, 1, 2), p).permute(0, 2, 3, 1)


def _conv2d(**settings):
    return _pictures(lambda f, x, p: f.conv2d(x, p["weights"].permute(3, 2, 0, 1), p.get("bias"), **settings))


LAYER_EXAMPLES = [
    LayerExample(Dense(3), _linear),
    LayerExample(Dense(2, bias=False), _linear),
    LayerExample(Sigmoid(), _elementwise("sigmoid")),
    LayerExample(Tanh(), _elementwise("tanh")),
    LayerExample(ReLU(), _elementwise("relu")),
    LayerExample(LeakyReLU(), _elementwise("leaky_relu")),
    LayerExample(LeakyReLU(slope=0.3), _elementwise("leaky_relu", negative_slope=0.3)),
    LayerExample(ELU(), _elementwise("elu")),
    LayerExample(ELU(alpha=0.5), _elementwise("elu", alpha=0.5)),
    LayerExample(SELU(), _elementwise("selu")),
    LayerExample(GELU(), _elementwise("gelu")),
    LayerExample(GELU(approximate=True), _elementwise("gelu", approximate="tanh")),
    LayerExample(SiLU(), _elementwise("silu")),
    LayerExample(Mish(), _elementwise("mish")),
    LayerExample(Softplus(), _elementwise("softplus")),
    LayerExample(Softsign(), _elementwise("softsign")),
    # Not torch's own hardsigmoid: its backward multiplies by 1/6 rounded to float32, in float64 too (2.13).
    LayerExample(HardSigmoid(), lambda torch, x, p: (x / 6 + 0.5).clamp(0, 1)),
    LayerExample(HardSwish(), _elementwise("hardswish")),
    LayerExample(Identity(), lambda torch, x, p: x * 1),
    LayerExample(Softmax(), _elementwise("softmax", dim=-1)),
    LayerExample(Conv2D(3, 3), _conv2d(), (5, 4, 2)),
    LayerExample(Conv2D(2, 3, stride=2, padding=1), _conv2d(stride=2, padding=1), (5, 6, 2)),
    LayerExample(
        Conv2D(4, (3, 2), stride=(1, 2), padding="same", groups=2),
        # One row above and below; of the columns 5 = 2 * 2 + 1, one more at the end.
        _pictures(
            lambda f, x, p: f.conv2d(
                f.pad(x, (0, 1, 1, 1)), p["weights"].permute(3, 2, 0, 1), p["bias"], stride=(1, 2), groups=2
            )
        ),
        (4, 5, 4),
    ),
    LayerExample(Conv2D(2, (1, 2), bias=False), _conv2d(), (3, 3, 3)),
    LayerExample(MaxPool2D(), _pictures(lambda f, x, p: f.max_pool2d(x, 2)), (4, 5, 2)),
    LayerExample(
        MaxPool2D(3, stride=2, padding=1), _pictures(lambda f, x, p: f.max_pool2d(x, 3, stride=2, padding=1)), (5, 4, 2)
    ),
    LayerExample(AveragePool2D(), _pictures(lambda f, x, p: f.avg_pool2d(x, 2)), (4, 5, 2)),
    LayerExample(
        AveragePool2D((3, 2), stride=1, padding=1),
        _pictures(lambda f, x, p: f.avg_pool2d(x, (3, 2), stride=1, padding=1, count_include_pad=False)),
        (4, 4, 2),
    ),
    LayerExample(Dropout(), _dropout(0.5), with_context=True),
    LayerExample(Dropout(rate=0.3), _dropout(0.3), (3, 4, 2), with_context=True),
    LayerExample(AlphaDropout(), _alpha_dropout(0.1), with_context=True),
    LayerExample(AlphaDropout(rate=0.5), _alpha_dropout(0.5), with_context=True),
    LayerExample(GaussianNoise(), _noise(0.1), with_context=True),
    LayerExample(BatchNorm(), _batch_norm(), with_context=True),
    LayerExample(BatchNorm(momentum=0.6, epsilon=1e-3), _batch_norm(0.6, 1e-3), (3, 4, 2), with_context=True),
    LayerExample(BatchNorm(scale=False, shift=False), _batch_norm(), with_context=True),
    LayerExample(LayerNorm(), _layer_norm),
    LayerExample(LayerNorm(shift=False), _layer_norm, (3, 2, 4)),
    LayerExample(RMSNorm(), _rms_norm),
    LayerExample(RMSNorm(scale=False), _rms_norm, (3, 2, 4)),
    LayerExample(PReLU(), _prelu),
    LayerExample(PReLU(), _prelu, (3, 4, 2)),
    LayerExample(PReLU(shared=True), _prelu, (3, 4, 2)),
    LayerExample(Flatten(), lambda torch, x, p: x.flatten(1), (3, 4, 2)),
    LayerExample(Reshape((2, -1)), lambda torch, x, p: x.reshape(len(x), 2, 2)),
    LayerExample(Reshape((4, 6)), lambda torch, x, p: x.reshape(len(x), 4, 6), (3, 4, 2)),
    LayerExample(Select((3, 1, 1)), lambda torch, x, p: x[:, [3, 1, 1]]),
    LayerExample(Embedding(6, 3), lambda torch, x, p: torch.nn.functional.embedding(x.long(), p["weights"]), codes=6),
    LayerExample(SoftClip(), lambda torch, x, p: x / (1 + (x / 5) ** 2).sqrt()),
    LayerExample(SoftClip(limit=0.5), lambda torch, x, p: x / (1 + (x / 0.5) ** 2).sqrt(), (3, 4, 2)),
    LayerExample(PiecewiseLinear(EDGES, CENTRES, scale=0.4), _piecewise_linear),
    LayerExample(PiecewiseLinear(((-1.5, 1.5),) * 4), lambda torch, x, p: ((x + 1.5) / 3).clamp(0, 1)),
    LayerExample(OneHot((2, 6, 1, 3)), _one_hot, codes=6),
    LayerExample(MeanOfMembers(2), lambda torch, x, p: x.reshape(len(x), 2, 2).mean(dim=1)),
    LayerExample(
        MeanOfMembers(3, "probabilities", temperature=1.5),
        lambda torch, x, p: torch.logit(torch.sigmoid(x / 1.5).mean(dim=1, keepdim=True)),
        (3,),
    ),
    LayerExample(MeanOfMembers(3, "probabilities", temperature=0.8), _mean_of_probabilities(0.8), (6,)),
    LayerExample(Chain([Dense(3), Tanh()]), lambda torch, x, p: torch.tanh(_linear(torch, x, _of(p, "dense_1")))),
    LayerExample(Residual([BatchNorm(), Dense(4), Dropout(0.3)]), _residual, with_context=True),
    LayerExample(Parallel([Select([2, 0]), [Dense(2), Tanh()]]), _parallel),
]


# Two toy layers that prove the contract: one draws, one remembers.


@dataclass(frozen=True)
class ToyNoise(Layer):
    """In training, multiply every value by 1 + size u, with u drawn; in prediction, by the mean of that."""

    size: float = 0.5

    def draws(self, shape):
        return {"u": Draw("uniform", shape)}

    def forward(self, parameters, x, context):
        factor = 1 + self.size * context.random["u"] if context.training else 1 + 0.5 * self.size
        return x * factor, {"factor": factor}

    def backward(self, parameters, cache, dy):
        return dy * cache["factor"], {}


@dataclass(frozen=True)
class ToyCentre(Layer):
    """In training, subtract the batch's mean and remember a running one; in prediction, subtract that."""

    keep: float = 0.9

    def state(self, input_shape):
        return {"mean": np.zeros(input_shape)}

    def forward(self, parameters, x, context):
        if not context.training:
            return x - context.state["mean"][..., None, :], {"centred": False}
        mean = x.mean(axis=-2)  # [B,I] -> [I]
        running = self.keep * context.state["mean"] + (1 - self.keep) * mean
        return x - mean[..., None, :], {"centred": True, "state": {"mean": running}}

    def backward(self, parameters, cache, dy):
        return (dy - dy.mean(axis=-2, keepdims=True) if cache["centred"] else dy), {}


# Losses


@dataclass(frozen=True)
class LossExample:
    """A loss, how many outputs it takes, ``y(generator, records)``, and ``torch(torch, output, target, reduction)``.

    The target that PyTorch's half is given is the encoded one.
    """

    loss: Loss
    y: Callable[[np.random.Generator, int], np.ndarray]
    torch: Callable[..., Any]
    outputs: int = 1
    name: str = ""

    def __str__(self) -> str:
        return self.name or changed(self.loss)

    def output(self, records: int = 7, seed: int = 0) -> np.ndarray:
        """Return what a network might put out."""
        return 1.5 * np.random.default_rng(seed).standard_normal((records, self.outputs))

    def target(self, records: int = 7, seed: int = 0) -> np.ndarray:
        """Return targets as a person gives them."""
        return self.y(np.random.default_rng([seed, 1]), records)


def _reduced(losses: Any, reduction: str) -> Any:
    return losses.mean() if reduction == "mean" else losses.sum()


def _module(name: str, **settings: Any) -> Callable[..., Any]:
    return lambda torch, o, t, reduction: getattr(torch.nn, name)(reduction=reduction, **settings)(o, t)


def _gaussian(torch, o, t, reduction):
    half = t.shape[-1]
    return torch.nn.GaussianNLLLoss(full=True, eps=1e-12, reduction=reduction)(o[:, :half], t, o[:, half:].exp())


def _binary(smoothing: float = 0.0, weights: tuple[float, float] = (1.0, 1.0)) -> Callable[..., Any]:
    def loss(torch, o, t, reduction):
        # PyTorch divides a weighted mean by the number of records, we by the sum of the weights.
        each = weights[0] * (1 - t) + weights[1] * t
        smooth = t * (1 - smoothing) + smoothing / 2
        total = torch.nn.BCEWithLogitsLoss(weight=each, reduction="sum")(o, smooth)
        return total / each.sum() if reduction == "mean" else total

    return loss


def _classes(smoothing: float = 0.0, weights: tuple[float, ...] | None = None) -> Callable[..., Any]:
    def loss(torch, o, t, reduction):
        weight = None if weights is None else torch.tensor(weights, dtype=o.dtype)
        module = torch.nn.CrossEntropyLoss(weight=weight, label_smoothing=smoothing, reduction=reduction)
        return module(o, t.argmax(dim=-1))

    return loss


def _binary_focal(gamma: float = 2.0, weights: tuple[float, float] = (1.0, 1.0)) -> Callable[..., Any]:
    def loss(torch, o, t, reduction):
        log_p, log_rest = torch.nn.functional.logsigmoid(o), torch.nn.functional.logsigmoid(-o)
        each = weights[0] * (1 - t) + weights[1] * t
        losses = -t * log_rest.exp() ** gamma * log_p - (1 - t) * log_p.exp() ** gamma * log_rest
        total = (each * losses).sum()
        return total / each.sum() if reduction == "mean" else total

    return loss


def _focal(gamma: float = 2.0, weights: tuple[float, ...] | None = None) -> Callable[..., Any]:
    def loss(torch, o, t, reduction):
        log_p = torch.log_softmax(o, dim=-1)
        losses = -(t * (1 - log_p.exp()) ** gamma * log_p).sum(dim=-1)
        each = torch.ones_like(losses) if weights is None else t @ torch.tensor(weights, dtype=o.dtype)
        return (each * losses).sum() / (each.sum() if reduction == "mean" else 1)

    return loss


def _quantiles(*q: float) -> Callable[..., Any]:
    def loss(torch, o, t, reduction):
        error = t[:, :, None] - o.reshape(*t.shape, len(q))  # [B,T,1] - [B,T,Q]
        levels = torch.tensor(q, dtype=o.dtype)
        return _reduced(torch.maximum(levels * error, (levels - 1) * error), reduction)

    return loss


def _shares(generator: np.random.Generator, records: int) -> np.ndarray:
    raw = generator.random((records, 3))
    return raw / raw.sum(axis=1, keepdims=True)


LOSS_EXAMPLES = [
    LossExample(SquaredError(), lambda g, n: g.standard_normal(n), _module("MSELoss")),
    LossExample(
        SquaredError(scale=0.5),
        lambda g, n: g.standard_normal(n),
        lambda torch, o, t, reduction: 0.5 * torch.nn.MSELoss(reduction=reduction)(o, t),
    ),
    LossExample(SquaredError(reduction="sum"), lambda g, n: g.standard_normal((n, 2)), _module("MSELoss"), outputs=2),
    LossExample(AbsoluteError(), lambda g, n: g.standard_normal((n, 2)), _module("L1Loss"), outputs=2),
    LossExample(Huber(), lambda g, n: 2 * g.standard_normal(n), _module("HuberLoss")),
    LossExample(Huber(delta=0.3), lambda g, n: g.standard_normal(n), _module("HuberLoss", delta=0.3)),
    LossExample(
        LogCosh(),
        lambda g, n: g.standard_normal((n, 2)),
        lambda torch, o, t, reduction: _reduced(torch.log(torch.cosh(o - t)), reduction),
        outputs=2,
    ),
    LossExample(
        Quantile(),
        lambda g, n: g.standard_normal(n),
        lambda torch, o, t, reduction: _reduced(0.5 * (t - o).abs(), reduction),
    ),
    LossExample(
        Quantile(q=0.9),
        lambda g, n: g.standard_normal(n),
        lambda torch, o, t, reduction: _reduced(torch.maximum(0.9 * (t - o), -0.1 * (t - o)), reduction),
    ),
    LossExample(
        Quantile(q=(0.05, 0.5, 0.95)), lambda g, n: g.standard_normal(n), _quantiles(0.05, 0.5, 0.95), outputs=3
    ),
    LossExample(
        Quantile(q=(0.1, 0.75)),
        lambda g, n: g.standard_normal((n, 2)),
        _quantiles(0.1, 0.75),
        outputs=4,
        name="Quantile-two-targets",
    ),
    LossExample(Poisson(), lambda g, n: g.poisson(2.0, n), _module("PoissonNLLLoss", log_input=True, full=False)),
    LossExample(GaussianNLL(), lambda g, n: g.standard_normal(n), _gaussian, outputs=2),
    LossExample(
        GaussianNLL(), lambda g, n: g.standard_normal((n, 2)), _gaussian, outputs=4, name="GaussianNLL-two-targets"
    ),
    LossExample(BinaryCrossEntropyFromLogits(), lambda g, n: g.integers(0, 2, n), _binary()),
    LossExample(
        BinaryCrossEntropyFromLogits(label_smoothing=0.1),
        lambda g, n: g.integers(0, 2, (n, 2)),
        _binary(smoothing=0.1),
        outputs=2,
    ),
    LossExample(
        BinaryCrossEntropyFromLogits(class_weights=(0.5, 3.0)),
        lambda g, n: g.integers(0, 2, (n, 2)),
        _binary(weights=(0.5, 3.0)),
        outputs=2,
    ),
    LossExample(CrossEntropyFromLogits(), lambda g, n: g.integers(0, 3, n), _classes(), outputs=3),
    LossExample(
        CrossEntropyFromLogits(),
        _shares,
        lambda torch, o, t, reduction: torch.nn.CrossEntropyLoss(reduction=reduction)(o, t),
        outputs=3,
        name="CrossEntropyFromLogits-shares",
    ),
    LossExample(
        CrossEntropyFromLogits(label_smoothing=0.2),
        lambda g, n: g.integers(0, 3, n),
        _classes(smoothing=0.2),
        outputs=3,
    ),
    LossExample(
        CrossEntropyFromLogits(class_weights=(1.0, 0.25, 4.0)),
        lambda g, n: g.integers(0, 3, n),
        _classes(weights=(1.0, 0.25, 4.0)),
        outputs=3,
    ),
    LossExample(BinaryFocalFromLogits(), lambda g, n: g.integers(0, 2, n), _binary_focal()),
    LossExample(
        BinaryFocalFromLogits(gamma=0.5, class_weights=(0.75, 0.25)),
        lambda g, n: g.integers(0, 2, (n, 2)),
        _binary_focal(0.5, (0.75, 0.25)),
        outputs=2,
    ),
    LossExample(
        BinaryFocalFromLogits(gamma=3.0),
        lambda g, n: g.random(n),
        _binary_focal(3.0),
        name="BinaryFocalFromLogits-gamma=3.0-shares",
    ),
    LossExample(FocalFromLogits(), lambda g, n: g.integers(0, 3, n), _focal(), outputs=3),
    LossExample(FocalFromLogits(gamma=0.5), _shares, _focal(0.5), outputs=3, name="FocalFromLogits-gamma=0.5-shares"),
    LossExample(
        FocalFromLogits(class_weights=(1.0, 0.25, 4.0)),
        lambda g, n: g.integers(0, 3, n),
        _focal(weights=(1.0, 0.25, 4.0)),
        outputs=3,
    ),
    LossExample(
        Hinge(),
        lambda g, n: g.integers(0, 2, n),
        lambda torch, o, t, reduction: _reduced((1 - (2 * t - 1) * o).clamp(min=0), reduction),
    ),
    LossExample(
        Hinge(),
        lambda g, n: g.integers(0, 3, n),
        lambda torch, o, t, reduction: _reduced((1 - (2 * t - 1) * o).clamp(min=0), reduction),
        outputs=3,
        name="Hinge-three-classes",
    ),
]


# Optimizers


@dataclass(frozen=True)
class OptimizerExample:
    """An optimizer, and ``torch(torch, parameters)`` that makes PyTorch's (None where it has none)."""

    optimizer: Optimizer
    torch: Callable[..., Any] | None

    def __str__(self) -> str:
        return changed(self.optimizer)


OPTIMIZER_EXAMPLES = [
    OptimizerExample(SGD(0.05), lambda torch, p: torch.optim.SGD(p, lr=0.05)),
    OptimizerExample(SGD(0.02, momentum=0.9), lambda torch, p: torch.optim.SGD(p, lr=0.02, momentum=0.9)),
    OptimizerExample(
        SGD(0.02, momentum=0.8, nesterov=True),
        lambda torch, p: torch.optim.SGD(p, lr=0.02, momentum=0.8, nesterov=True),
    ),
    # At a rate that never changes, it makes no difference whether the rate is inside the velocity.
    OptimizerExample(
        SGD(0.02, momentum=0.9, rate_in_velocity=True), lambda torch, p: torch.optim.SGD(p, lr=0.02, momentum=0.9)
    ),
    OptimizerExample(
        SGD(0.02, momentum=0.8, nesterov=True, rate_in_velocity=True),
        lambda torch, p: torch.optim.SGD(p, lr=0.02, momentum=0.8, nesterov=True),
    ),
    OptimizerExample(AdaGrad(0.1), lambda torch, p: torch.optim.Adagrad(p, lr=0.1, eps=1e-10)),
    OptimizerExample(AdaGrad(0.1, epsilon=1e-3), lambda torch, p: torch.optim.Adagrad(p, lr=0.1, eps=1e-3)),
    OptimizerExample(RMSprop(0.01), lambda torch, p: torch.optim.RMSprop(p, lr=0.01, alpha=0.99, eps=1e-8)),
    OptimizerExample(
        RMSprop(0.01, rho=0.9, epsilon=1e-4, momentum=0.8),
        lambda torch, p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-4, momentum=0.8),
    ),
    OptimizerExample(Adam(), lambda torch, p: torch.optim.Adam(p, lr=0.001, betas=(0.9, 0.999), eps=1e-8)),
    OptimizerExample(
        Adam(0.05, beta1=0.8, beta2=0.95, epsilon=1e-3),
        lambda torch, p: torch.optim.Adam(p, lr=0.05, betas=(0.8, 0.95), eps=1e-3),
    ),
    OptimizerExample(Adam(0.05, epsilon=1e-3, epsilon_before_correction=True), None),
    OptimizerExample(
        AMSGrad(0.05, beta2=0.9), lambda torch, p: torch.optim.Adam(p, lr=0.05, betas=(0.9, 0.9), amsgrad=True)
    ),
    OptimizerExample(AdamW(0.05, weight_decay=0.1), lambda torch, p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1)),
    OptimizerExample(NAdam(0.02), lambda torch, p: torch.optim.NAdam(p, lr=0.02)),
    OptimizerExample(
        NAdam(0.02, beta1=0.8, momentum_decay=0.1),
        lambda torch, p: torch.optim.NAdam(p, lr=0.02, betas=(0.8, 0.999), momentum_decay=0.1),
    ),
    OptimizerExample(Lion(0.01), None),
    OptimizerExample(Lion(0.01, weight_decay=0.1), None),
]


# Schedules


@dataclass(frozen=True)
class ScheduleExample:
    """A schedule, for how many steps it is compared, and ``torch(module, optimizer)``, module ``lr_scheduler``.

    PyTorch's optimizer is made with the learning rate ``rate``.
    """

    schedule: Schedule
    torch: Callable[..., Any]
    steps: int = 60
    rate: float = 0.1

    def __str__(self) -> str:
        return changed(self.schedule)


SCHEDULE_EXAMPLES = [
    ScheduleExample(ConstantRate(0.1), lambda t, o: t.LambdaLR(o, lambda step: 1.0)),
    ScheduleExample(StepDecay(0.1, every=7, factor=0.5), lambda t, o: t.StepLR(o, step_size=7, gamma=0.5)),
    ScheduleExample(StepDecay(0.1, every=20), lambda t, o: t.StepLR(o, step_size=20)),
    ScheduleExample(ExponentialDecay(0.1, factor=0.95), lambda t, o: t.ExponentialLR(o, gamma=0.95)),
    ScheduleExample(ExponentialDecay(0.1, factor=0.25, over=10), lambda t, o: t.ExponentialLR(o, gamma=0.25**0.1)),
    ScheduleExample(InverseScaling(0.1), lambda t, o: t.LambdaLR(o, lambda step: (step + 1) ** -0.5)),
    ScheduleExample(InverseScaling(0.1, power=0.7), lambda t, o: t.LambdaLR(o, lambda step: (step + 1) ** -0.7)),
    ScheduleExample(
        CosineDecay(0.1, steps=50, last=0.01), lambda t, o: t.CosineAnnealingLR(o, T_max=50, eta_min=0.01), steps=51
    ),
    ScheduleExample(
        CosineDecay(0.1, steps=13, last=0.001, restarts=True),
        lambda t, o: t.CosineAnnealingWarmRestarts(o, T_0=13, eta_min=0.001),
    ),
    ScheduleExample(
        CosineDecay(0.1, steps=5, restarts=True, growth=2),
        lambda t, o: t.CosineAnnealingWarmRestarts(o, T_0=5, T_mult=2),
        steps=200,
    ),
    # The warm-up alone: the fall after it is compared above.
    ScheduleExample(
        CosineDecay(0.1, steps=50, warmup=20), lambda t, o: t.LinearLR(o, start_factor=1 / 20, total_iters=19), steps=20
    ),
    ScheduleExample(
        CosineLog(0.1, steps=50),
        lambda t, o: t.LambdaLR(o, lambda step: (1 - math.cos(2 * math.pi * math.log2(1 + 15 * step / 50))) / 2),
        steps=51,
    ),
    ScheduleExample(
        CosineLog(0.1, steps=20, cycles=1),
        lambda t, o: t.LambdaLR(o, lambda step: (1 - math.cos(2 * math.pi * math.log2(1 + min(step / 20, 1)))) / 2),
    ),
    ScheduleExample(OneCycle(0.1, steps=60), lambda t, o: t.OneCycleLR(o, max_lr=0.1, total_steps=60)),
    ScheduleExample(
        OneCycle(0.1, steps=60, rise=0.45, start=10.0, end=100.0),
        lambda t, o: t.OneCycleLR(
            o, max_lr=0.1, total_steps=60, pct_start=0.45, div_factor=10.0, final_div_factor=100.0
        ),
    ),
]

EXAMPLES: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "layers": (LAYERS, [example.layer for example in LAYER_EXAMPLES]),
    "losses": (LOSSES, [example.loss for example in LOSS_EXAMPLES]),
    "optimizers": (OPTIMIZERS, [example.optimizer for example in OPTIMIZER_EXAMPLES]),
    "schedules": (SCHEDULES, [example.schedule for example in SCHEDULE_EXAMPLES]),
}
"""The registered members of each room, and the examples that stand for them."""
