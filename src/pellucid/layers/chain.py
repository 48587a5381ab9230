"""A chain of layers as one layer; what blocks of layers are made of."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.arrays import Array, Draw
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Parameter, Shape


@dataclass(frozen=True)
class Chain(Layer):
    """Layers one after another, as one layer: what a branch of :class:`~pellucid.Parallel` is made of.

    Its parameters, draws and running statistics are those of the layers within, under their names and a dot:
    ``dense_1.weights``.

    Parameters
    ----------
    layers : sequence of Layer

    Raises
    ------
    TypeError, ValueError
        If there is no layer, something else than a layer, or one does not fit the one before it.

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid import Dense, ReLU
    >>> block = Chain([Dense(1), ReLU()])
    >>> parameters = {"dense_1.weights": np.array([[2.0], [3.0]]), "dense_1.bias": np.array([1.0])}
    >>> y, cache = block.forward(parameters, np.array([[1.0, 10.0]]), Context())
    >>> y.ravel()
    array([33.])
    >>> dx, gradients = block.backward(parameters, cache, np.ones((1, 1)))
    >>> dx
    array([[2., 3.]])
    """

    layers: tuple[Layer, ...]

    def __init__(self, layers: Sequence[Layer]) -> None:
        object.__setattr__(self, "layers", checked_layers(layers))

    @property
    def children(self) -> tuple[Layer, ...]:
        return self.layers

    @property
    def names(self) -> tuple[str, ...]:
        """What the layers within are called."""
        return numbered(self.layers)

    def shapes(self, input_shape: Shape) -> tuple[Shape, ...]:
        """Return the shape of one record before each layer, and after the last."""
        shapes = [input_shape]
        for name, layer in zip(self.names, self.layers, strict=True):
            try:
                shapes.append(tuple(layer.output_shape(shapes[-1])))
            except ValueError as problem:
                raise ValueError(f"{name} within it: {problem}") from None
        return tuple(shapes)

    def output_shape(self, input_shape: Shape) -> Shape:
        return self.shapes(input_shape)[-1]

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        shapes = self.shapes(input_shape)
        return joined(
            {n: one.parameters(shape) for n, one, shape in zip(self.names, self.layers, shapes, strict=False)}
        )

    def state(self, input_shape: Shape) -> dict[str, Array]:
        shapes = self.shapes(input_shape)
        return joined({n: one.state(shape) for n, one, shape in zip(self.names, self.layers, shapes, strict=False)})

    def draws_for(self, lead: Shape, input_shape: Shape) -> dict[str, Draw]:
        wanted = {}
        for name, layer, shape in zip(self.names, self.layers, self.shapes(input_shape), strict=False):
            wanted[name] = layer.draws_for(lead, shape)
        return joined(wanted)

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        caches: dict[str, Cache] = {}
        for name, layer in zip(self.names, self.layers, strict=True):
            x, caches[name] = layer.forward(part(parameters, name), x, within(context, name))
        return x, gathered(caches, context)

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        gradients = {}
        for name, layer in reversed(list(zip(self.names, self.layers, strict=True))):
            dy, gradients[name] = layer.backward(part(parameters, name), part(cache, name), dy)
        return dy, joined(gradients)

    def gradients(self, parameters: Arrays, cache: Cache, dy: Array) -> dict[str, Array]:
        pairs = list(zip(self.names, self.layers, strict=True))
        lowest = next((place for place, (name, _) in enumerate(pairs) if part(parameters, name)), len(pairs))
        gradients = {}
        for name, layer in reversed(pairs[lowest + 1 :]):
            dy, gradients[name] = layer.backward(part(parameters, name), part(cache, name), dy)
        for name, layer in pairs[lowest : lowest + 1]:  # nothing asks for the dx of the lowest that learns
            gradients[name] = layer.gradients(part(parameters, name), part(cache, name), dy)
        return joined(gradients)


def joined(by_child: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what belongs to several layers in one mapping, each name with its layer's before it.

    Examples
    --------
    >>> joined({"dense_1": {"bias": 1}, "dense_2": {"bias": 2}})
    {'dense_1.bias': 1, 'dense_2.bias': 2}
    """
    return {f"{child}.{name}": value for child, named in by_child.items() for name, value in named.items()}


def part(whole: Mapping[str, Any], child: str) -> dict[str, Any]:
    """Return what belongs to one layer, under its own names.

    Examples
    --------
    >>> part({"dense_1.bias": 1, "dense_2.bias": 2}, "dense_2")
    {'bias': 2}
    """
    start = f"{child}."
    return {name.removeprefix(start): value for name, value in whole.items() if name.startswith(start)}


def within(context: Context, child: str) -> Context:
    """Return a layer's own part of the context of the block that it is in."""
    return Context(context.training, part(context.random, child), part(context.state, child), context.members)


def gathered(caches: Mapping[str, Cache], context: Context) -> Cache:
    """Return the caches of several layers as one; new running statistics stand together under ``state``."""
    new = joined({child: cache.get("state", {}) for child, cache in caches.items()})
    kept = {child: {k: v for k, v in cache.items() if k != "state"} for child, cache in caches.items()}
    return joined(kept) | ({"state": {**context.state, **new}} if new else {})


def numbered(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return the layers' names: those of one kind are numbered."""
    seen: Counter[str] = Counter()
    names = []
    for layer in layers:
        base = layer.base_name()
        seen[base] += 1
        names.append(f"{base}_{seen[base]}")
    return tuple(names)


def checked_layers(layers: Iterable[Layer], argument: str = "layers") -> tuple[Layer, ...]:
    """Return the chain of layers, or say what in it is none."""
    if isinstance(layers, Layer):
        raise TypeError(f"{argument} must be a list of layers; write [{layers!r}]")
    if not isinstance(layers, Iterable):
        raise TypeError(f"{argument} must be a list of layers, found {layers!r}")
    chain = tuple(layers)
    if not chain:
        raise ValueError(f"{argument} is empty; a network needs at least one layer, such as [Dense(1)]")
    for place, layer in enumerate(chain):
        if isinstance(layer, type):
            raise TypeError(
                f"{argument}[{place}] is the class {layer.__name__}; write {layer.__name__}() to make a layer of it"
            )
        if not isinstance(layer, Layer):
            raise TypeError(f"{argument}[{place}] must be a layer, found {layer!r}")
    return chain
