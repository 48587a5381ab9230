"""A network's arrays one by one, as other libraries name and lay them out; and the checked way back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from pellucid.arrays import Array
from pellucid.layers import Chain, Layer, Parallel, Residual
from pellucid.layers.chain import joined
from pellucid.layers.layer import Shape
from pellucid.network import Network


@dataclass(frozen=True)
class Match:
    """An array of a layer in another library: our name for it, theirs, and in which order they have its axes.

    ``along_inputs`` says that our first axis runs along the layer's inputs.

    Examples
    --------
    >>> weights = Match("weights", "weight", axes=(1, 0))
    >>> weights.outward(np.zeros((2, 3))).shape, weights.inward(np.zeros((3, 2))).shape
    ((3, 2), (2, 3))
    """

    ours: str
    theirs: str
    axes: tuple[int, ...] | None = None
    along_inputs: bool = False

    def outward(self, array: Array) -> Array:
        """Return an independent copy of our array, laid out as theirs."""
        return np.array(array if self.axes is None else array.transpose(self.axes), order="C")

    def inward(self, array: Array) -> Array:
        """Return their array, laid out as ours."""
        return array if self.axes is None else array.transpose(np.argsort(self.axes))


Matches: TypeAlias = Mapping[type[Layer], Sequence[Match]]
"""By the kind of a layer, its arrays in the other library's order."""


@dataclass(frozen=True)
class Leaf:
    """One array of a network: whose it is, and what it is called there and here.

    ``places`` are those of its layer, and of the blocks around it, from 0; ``path`` is the layer's full name, such as
    ``residual_1.dense_1``, and ``shape`` that of one record before it.
    """

    places: tuple[int, ...]
    path: str
    layer: Layer
    shape: Shape
    match: Match

    @property
    def name(self) -> str:
        """The array's full name, such as ``residual_1.dense_1.weights``."""
        return f"{self.path}.{self.match.ours}"

    def __str__(self) -> str:
        return f"{self.match.ours} of {self.path}"


def arrays(network: Network) -> dict[str, Array]:
    """Return all that a network has learnt, parameters and running statistics, by full name."""
    return joined(network.parameters) | joined(dict(zip(network.names, network.state, strict=True)))


def leaves(network: Network, matches: Matches, library: str) -> list[Leaf]:
    """Return every array of a network, layer by layer, in the other library's order.

    Raises
    ------
    ValueError
        If the network has several members.
    TypeError
        If a layer with arrays of its own has no equal there.
    """
    if network.members is not None:
        raise ValueError(
            f"the network has {network.members} members, and {library} knows no such thing: choose one with "
            "pellucid.insight.member.single(network, member)"
        )
    known = arrays(network)
    found: list[Leaf] = []
    for number, (name, block, before) in enumerate(zip(network.names, network.layers, network.shapes, strict=False)):
        for places, path, layer, shape in _leaves_of((number,), name, block, before):
            of_layer = (Leaf(places, path, layer, shape, match) for match in matches.get(type(layer), ()))
            here = [leaf for leaf in of_layer if leaf.name in known]
            if {leaf.name for leaf in here} != {full for full in known if full.startswith(f"{path}.")}:
                raise TypeError(
                    f"layer {path} is a {type(layer).__name__}, and nobody has said what it is in {library}"
                )
            found += here
    return found


def _leaves_of(
    places: tuple[int, ...], path: str, layer: Layer, shape: Shape
) -> Iterator[tuple[tuple[int, ...], str, Layer, Shape]]:
    """Give each layer within a block, or the layer itself: places, full name, and the shape of a record before it."""
    if not isinstance(layer, (Chain, Residual, Parallel)):
        yield places, path, layer, shape
        return
    names = layer.inside.names if isinstance(layer, Residual) else layer.names
    for number, (name, child) in enumerate(zip(names, layer.children, strict=True)):
        yield from _leaves_of((*places, number), f"{path}.{name}", child, shape)
        if not isinstance(layer, Parallel):  # whose branches all have the same input
            shape = tuple(child.output_shape(shape))


def load(network: Network, given: Mapping[str, Array]) -> Network:
    """Replace all that a network has learnt, by full name, and return it; the optimizer's memory is forgotten."""
    for path, named in network.parameters.items():
        for name, view in named.items():
            view[...] = given[f"{path}.{name}"]
    network.set_state(
        [
            {name: given[f"{path}.{name}"] for name in named}
            for path, named in zip(network.names, network.state, strict=True)
        ]
    )
    if network.fitted is not None:
        network.fitted.optimizer_state = None
    return network


def checked(value: Any, what: str, like: Array) -> Array:
    """Return one array of the other library, a tensor too, as finite numbers of the shape and type of another array.

    Raises
    ------
    ValueError, TypeError
        If it has another shape, or holds something else; the text names it as ``what``.

    Examples
    --------
    >>> checked([[1.0, 2.0]], "'0.weight'", np.zeros((2, 1)))
    Traceback (most recent call last):
        ...
    ValueError: '0.weight' has shape (1, 2), expected (2, 1)
    """
    if hasattr(value, "detach"):  # a tensor of PyTorch, perhaps on another device, of a type that NumPy lacks
        value = value.detach().cpu().double().numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{what} must hold real numbers, found {array.dtype.name}")
    if array.shape != like.shape:
        raise ValueError(f"{what} has shape {array.shape}, expected {like.shape}")
    with np.errstate(over="ignore", under="ignore"):  # what is too large is told below
        own = array.astype(like.dtype)
    if not np.isfinite(own).all():
        raise ValueError(f"{what} holds {array[~np.isfinite(own)].flat[0]}, which is no finite {like.dtype.name}")
    return own
