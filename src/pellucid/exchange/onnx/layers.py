"""How each layer is written as operators of ONNX: one small function a layer, found in one closed table."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from pellucid.exchange.onnx.graph import Place
from pellucid.layers import (
    ELU,
    GELU,
    LAYERS,
    SELU,
    AlphaDropout,
    AveragePool2D,
    BatchNorm,
    Chain,
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
    gelu,
    selu,
)
from pellucid.layers.windows import Windows, windows

Translation: TypeAlias = Callable[[Place, Any, str], str]
"""Writes a layer into a graph: from its place, itself and its input's name to its output's name."""


def write_layers(place: Place, names: Sequence[str], layers: Sequence[Layer], x: str) -> str:
    """Write layers one after another, and return the name of what the last one puts out.

    Parameters
    ----------
    place : Place
        Of what they are in: the network, or a block.
    names, layers : sequences of one length
    x : str
        The name of their input.

    Raises
    ------
    TypeError
        If a layer is not one of Pellucid's own.
    """
    shape = place.shape
    for name, layer in zip(names, layers, strict=True):
        x = write_layer(place.within(name, shape), layer, x)
        shape = tuple(layer.output_shape(shape))
    return x


def write_layer(place: Place, layer: Layer, x: str) -> str:
    """Write one layer, and return the name of its output."""
    if type(layer) not in TRANSLATIONS:
        raise TypeError(
            f"layer {place.name} is a {type(layer).__name__}, which is not one of Pellucid's own: nobody has said what "
            f"it is in ONNX. Its layers are {', '.join(LAYERS)}"
        )
    return TRANSLATIONS[type(layer)](place, layer, x)


def _dense(place: Place, layer: Dense, x: str) -> str:
    y = place.add("MatMul", x, place.constant("weights", place.parameters["weights"]))  # [B,I] @ [I,O] -> [B,O]
    return place.add("Add", y, place.constant("bias", place.parameters["bias"])) if layer.bias else y


def _gelu(place: Place, layer: GELU, x: str) -> str:
    # ONNX has a Gelu of its own only since opset 20.
    if layer.approximate:
        cube = place.add("Mul", place.add("Mul", x, x), x)
        inner = place.add("Add", x, place.add("Mul", cube, place.constant("cubic", gelu.CUBIC)))
        curve = place.add("Tanh", place.add("Mul", inner, place.constant("scale", gelu.SQRT_2_OVER_PI)))
    else:
        curve = place.add("Erf", place.add("Mul", x, place.constant("scale", gelu.SQRT_HALF)))
    twice = place.add("Add", curve, place.constant("one", 1.0))
    return place.add("Mul", x, place.add("Mul", twice, place.constant("half", 0.5)))


def _silu(place: Place, layer: SiLU, x: str) -> str:
    return place.add("Mul", x, place.add("Sigmoid", x))


def _mish(place: Place, layer: Mish, x: str) -> str:
    # ONNX has a Mish of its own only since opset 18.
    return place.add("Mul", x, place.add("Tanh", place.add("Softplus", x)))


def _conv2d(place: Place, layer: Conv2D, x: str) -> str:
    window = windows("Conv2D", place.shape, layer.size, layer.stride, layer.padding)
    kernel = place.parameters["weights"].transpose(3, 2, 0, 1)  # [h,w,C/G,F] -> [F,C/G,h,w]
    own = [place.constant("weights", kernel)]
    own += [place.constant("bias", place.parameters["bias"])] if layer.bias else []
    return _over_windows(place, "Conv", window, x, *own, group=layer.groups)


def _max_pool(place: Place, layer: MaxPool2D, x: str) -> str:
    stride = layer.size if layer.stride is None else layer.stride
    return _over_windows(place, "MaxPool", windows("MaxPool2D", place.shape, layer.size, stride, layer.padding), x)


def _average_pool(place: Place, layer: AveragePool2D, x: str) -> str:
    stride = layer.size if layer.stride is None else layer.stride
    window = windows("AveragePool2D", place.shape, layer.size, stride, layer.padding)
    return _over_windows(place, "AveragePool", window, x, count_include_pad=0)


def _nothing(place: Place, layer: Layer, x: str) -> str:
    return place.add("Identity", x)  # what acts in training only


def _batch_norm(place: Place, layer: BatchNorm, x: str) -> str:
    # Not folded into one product and one sum: where the mean is large, float32 would lose the difference.
    factor = 1 / np.sqrt(place.state["variance"].astype(np.float64) + layer.epsilon)
    factor = factor * place.parameters["scale"] if layer.scale else factor
    centred = place.add("Sub", x, place.constant("mean", place.state["mean"]))
    y = place.add("Mul", centred, place.constant("factor", factor))
    return place.add("Add", y, place.constant("shift", place.parameters["shift"])) if layer.shift else y


def _layer_norm(place: Place, layer: LayerNorm, x: str) -> str:
    scale = place.parameters["scale"] if layer.scale else np.ones(place.shape[-1])
    own = [place.constant("scale", scale)]
    own += [place.constant("shift", place.parameters["shift"])] if layer.shift else []
    return place.add("LayerNormalization", x, *own, axis=-1, epsilon=float(layer.epsilon))


def _rms_norm(place: Place, layer: RMSNorm, x: str) -> str:
    # ONNX has an RMSNormalization of its own only since opset 23.
    mean = place.add("ReduceMean", place.add("Mul", x, x), axes=[-1])  # [B,C] -> [B,1]
    root = place.add("Sqrt", place.add("Add", mean, place.constant("epsilon", layer.epsilon)))
    y = place.add("Div", x, root)  # [B,C] / [B,1] -> [B,C]
    return place.add("Mul", y, place.constant("scale", place.parameters["scale"])) if layer.scale else y


def _prelu(place: Place, layer: PReLU, x: str) -> str:
    return place.add("PRelu", x, place.constant("slope", place.parameters["slope"]))


def _embedding(place: Place, layer: Embedding, x: str) -> str:
    weights = place.constant("weights", place.parameters["weights"])
    return place.add("Gather", weights, place.cast(x, np.int64), axis=0)  # [V,D], [B,L] -> [B,L,D]


def _select(place: Place, layer: Select, x: str) -> str:
    return place.add("Gather", x, place.constant("columns", layer.columns, np.int64), axis=1)  # [B,I] -> [B,O]


def _one_hot(place: Place, layer: OneHot, x: str) -> str:
    columns = np.repeat(np.arange(len(layer.levels)), layer.levels)  # [O]
    numbers = np.concatenate([np.arange(count) for count in layer.levels])
    asked = place.add("Gather", x, place.constant("columns", columns, np.int64), axis=1)  # [B,J] -> [B,O]
    return place.cast(place.add("Equal", asked, place.constant("numbers", numbers)), place.dtype)


def _piecewise_linear(place: Place, layer: PiecewiseLinear, x: str) -> str:
    columns = np.repeat(np.arange(len(layer.edges)), [len(own) - 1 for own in layer.edges])  # [O]
    asked = place.add("Gather", x, place.constant("columns", columns, np.int64), axis=1)  # [B,C] -> [B,O]
    moved = place.add("Sub", asked, place.constant("lower", np.concatenate([own[:-1] for own in layer.edges])))
    come = place.add("Div", moved, place.constant("width", np.concatenate([np.diff(own) for own in layer.edges])))
    share = place.add("Clip", come, place.constant("none", 0.0), place.constant("all", 1.0))
    if layer.centres is not None:
        share = place.add("Sub", share, place.constant("centres", np.concatenate(layer.centres)))
    return place.add("Mul", share, place.constant("scale", layer.scale))


def _soft_clip(place: Place, layer: SoftClip, x: str) -> str:
    limit = place.constant("limit", layer.limit)
    # Dividing both by the larger of x and the limit keeps squares from overflowing.
    divisor = place.add("Max", place.add("Abs", x), limit)
    shrunk, share = place.add("Div", x, divisor), place.add("Div", limit, divisor)
    squares = [place.add("Mul", one, one) for one in (share, shrunk)]
    return place.add("Div", place.add("Mul", limit, shrunk), place.add("Sqrt", place.add("Add", *squares)))


def _mean_of_members(place: Place, layer: MeanOfMembers, x: str) -> str:
    width = place.shape[0] // layer.members
    shape = place.constant("shape", (0, layer.members, width), np.int64)  # 0: as many records as there are
    z = place.add("Reshape", x, shape)  # [B,KO] -> [B,K,O]
    if layer.of == "outputs":
        return place.add("ReduceMean", z, axes=[1], keepdims=0)
    z = place.add("Div", z, place.constant("temperature", layer.temperature))
    if width > 1:
        sums = _log_sum(place, place.add("LogSoftmax", z, axis=-1))  # [B,K,C] -> [B,C]
        return place.add("Sub", sums, place.constant("log members", np.log(layer.members)))
    no, yes = place.add("Softplus", z), place.add("Softplus", place.add("Neg", z))  # less their logarithms
    return place.add("Sub", *(_log_sum(place, place.add("Neg", one)) for one in (yes, no)))


def _log_sum(place: Place, x: str) -> str:
    """Write log sum exp(x) over the members, [B,K,C] -> [B,C]."""
    largest = place.add("ReduceMax", x, axes=[1], keepdims=1)  # as ONNX defines its own ReduceLogSumExp, that overflows
    axes = place.constant("axis", [1], np.int64)
    sums = place.add("ReduceSum", place.add("Exp", place.add("Sub", x, largest)), axes, keepdims=1)
    return place.add("Squeeze", place.add("Add", largest, place.add("Log", sums)), axes)


def _reshape(place: Place, layer: Reshape, x: str) -> str:
    shape = (0, *layer.output_shape(place.shape))  # 0 stands for as many records as there are
    return place.add("Reshape", x, place.constant("shape", shape, np.int64))


def _over_windows(place: Place, operator: str, window: Windows, x: str, *own: str, **settings: Any) -> str:
    """Write an operator whose window slides over height and width; in ONNX the channels come first."""
    (top, bottom), (left, right) = window.margins
    settings |= {"kernel_shape": window.size, "strides": window.stride, "pads": (top, left, bottom, right)}
    first = place.add("Transpose", x, perm=(0, 3, 1, 2))  # [B,H,W,C] -> [B,C,H,W]
    return place.add("Transpose", place.add(operator, first, *own, **settings), perm=(0, 2, 3, 1))


def _chain(place: Place, layer: Chain, x: str) -> str:
    return write_layers(place, layer.names, layer.layers, x)


def _residual(place: Place, layer: Residual, x: str) -> str:
    return place.add("Add", x, write_layers(place, layer.inside.names, layer.layers, x))


def _parallel(place: Place, layer: Parallel, x: str) -> str:
    each = [
        write_layer(place.within(name, place.shape), one, x)
        for name, one in zip(layer.names, layer.branches, strict=True)
    ]
    return place.add("Concat", *each, axis=-1)


TRANSLATIONS: dict[type[Layer], Translation] = {
    Dense: _dense,
    Sigmoid: lambda place, layer, x: place.add("Sigmoid", x),
    Tanh: lambda place, layer, x: place.add("Tanh", x),
    ReLU: lambda place, layer, x: place.add("Relu", x),
    LeakyReLU: lambda place, layer, x: place.add("LeakyRelu", x, alpha=float(layer.slope)),
    ELU: lambda place, layer, x: place.add("Elu", x, alpha=float(layer.alpha)),
    SELU: lambda place, layer, x: place.add("Selu", x, alpha=selu.ALPHA, gamma=selu.SCALE),
    GELU: _gelu,
    SiLU: _silu,
    Mish: _mish,
    Softplus: lambda place, layer, x: place.add("Softplus", x),
    Softsign: lambda place, layer, x: place.add("Softsign", x),
    HardSigmoid: lambda place, layer, x: place.add("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    HardSwish: lambda place, layer, x: place.add("HardSwish", x),
    Identity: lambda place, layer, x: place.add("Identity", x),
    Softmax: lambda place, layer, x: place.add("Softmax", x, axis=-1),
    Dropout: _nothing,
    AlphaDropout: _nothing,
    GaussianNoise: _nothing,
    BatchNorm: _batch_norm,
    LayerNorm: _layer_norm,
    RMSNorm: _rms_norm,
    PReLU: _prelu,
    Embedding: _embedding,
    Select: _select,
    OneHot: _one_hot,
    PiecewiseLinear: _piecewise_linear,
    SoftClip: _soft_clip,
    MeanOfMembers: _mean_of_members,
    Flatten: lambda place, layer, x: place.add("Flatten", x, axis=1),
    Reshape: _reshape,
    Conv2D: _conv2d,
    MaxPool2D: _max_pool,
    AveragePool2D: _average_pool,
    Chain: _chain,
    Residual: _residual,
    Parallel: _parallel,
}
