"""A layer of one's own is tried once, on three records of zeros, before a network takes it.

What it must return is easily got wrong in ways that fail far from the cause, or not at all.
"""

from typing import Any

import numpy as np

from pellucid.arrays import draw
from pellucid.layers import LAYERS, Chain, Context, Layer, Parallel, Parameter, Residual
from pellucid.layers.layer import Shape

RECORDS = 3


def try_layer(name: str, layer: Layer, input_shape: Shape, output_shape: Shape) -> None:
    """Run a layer forward and back, and say by its name what it returns that does not keep the contract.

    Raises
    ------
    TypeError
        If a method returns another kind of thing than it must.
    ValueError
        If a shape or a name does not fit.

    Examples
    --------
    >>> class Careless(Layer):
    ...     def forward(self, parameters, x, context):
    ...         return x + 1
    >>> try_layer("careless_1", Careless(), (3,), (3,))
    Traceback (most recent call last):
        ...
    TypeError: layer careless_1: forward must return (output, cache) with the cache a dict, found ndarray
    """
    for within, child, before in _inside(layer, input_shape):
        if any(type(each) not in LAYERS.values() for each in child.everything()):
            try_layer(f"{name}.{within}", child, before, child.output_shape(before))
    generator = np.random.default_rng(0)
    wanted = layer.parameters(input_shape)
    _require(isinstance(wanted, dict), name, "parameters must return a dict of Parameter", wanted)
    for key, parameter in wanted.items():
        _require(
            isinstance(parameter, Parameter),
            name,
            f"parameters must return a dict of Parameter, but {key!r}",
            parameter,
        )
    arrays = {key: np.asarray(one.initializer(generator, one.shape), dtype=float) for key, one in wanted.items()}
    for key, one in wanted.items():
        if arrays[key].shape != one.shape:
            raise ValueError(
                f"layer {name}: the initializer of {key!r} gives {arrays[key].shape}, expected {one.shape}"
            )
    x = np.zeros((RECORDS, *input_shape))
    random = {key: draw([generator], one, np.float64) for key, one in layer.draws_for((RECORDS,), input_shape).items()}
    context = Context(training=True, random=random, state=layer.state(input_shape))
    with np.errstate(all="ignore"):
        found: Any = layer.forward(arrays, x, context)
        pair = isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict)
        _require(pair, name, "forward must return (output, cache) with the cache a dict", found)
        y, cache = found
        if np.shape(y) != (RECORDS, *output_shape):
            raise ValueError(
                f"layer {name}: forward turns records of shape {input_shape} into {np.shape(y)[1:]}, "
                f"but output_shape says {output_shape}"
            )
        back: Any = layer.backward(arrays, cache, np.zeros_like(y))
        pair = isinstance(back, tuple) and len(back) == 2 and isinstance(back[1], dict)
        _require(pair, name, "backward must return (dx, gradients) with the gradients a dict", back)
    dx, gradients = back
    if np.shape(dx) != x.shape:
        raise ValueError(f"layer {name}: backward gives dx of shape {np.shape(dx)} for inputs of shape {x.shape}")
    if gradients.keys() != arrays.keys():
        odd = ", ".join(sorted(gradients.keys() ^ arrays.keys()))
        raise ValueError(
            f"layer {name}: backward must give one gradient for each parameter; missing or left over: {odd}"
        )
    for key, gradient in gradients.items():
        if np.shape(gradient) != arrays[key].shape:
            raise ValueError(
                f"layer {name}: the gradient of {key!r} has shape {np.shape(gradient)}, expected {arrays[key].shape}"
            )


def _inside(layer: Layer, shape: Shape) -> list[tuple[str, Layer, Shape]]:
    """Return what Pellucid's own blocks are made of: each layer's name, the layer, and the shape of its records."""
    if isinstance(layer, Parallel):
        return [(name, branch, shape) for name, branch in zip(layer.names, layer.branches, strict=True)]
    chain = layer.inside if isinstance(layer, Residual) else layer
    if isinstance(chain, Chain):
        return list(zip(chain.names, chain.layers, chain.shapes(shape), strict=False))
    return []


def _require(holds: bool, name: str, wanted: str, found: Any) -> None:
    if not holds:
        raise TypeError(f"layer {name}: {wanted}, found {type(found).__name__}")
