"""Where PyTorch has the values of a flattened image in another order than we."""

import math

import numpy as np

from pellucid.arrays import Array
from pellucid.layers import (
    Chain,
    Dense,
    Flatten,
    Layer,
    MeanOfMembers,
    OneHot,
    Parallel,
    PiecewiseLinear,
    Reshape,
    Residual,
    Select,
)
from pellucid.layers.layer import Shape
from pellucid.network import Network


def orders(network: Network) -> dict[str, Array]:
    """Return, for each layer whose inputs PyTorch has in another order, which of our inputs stands at each place there.

    Flatten lays an image [H, W, C] in a row as it is; PyTorch's is [C, H, W].

    Raises
    ------
    TypeError
        If a layer that joins or chooses inputs comes between the Flatten and the next Dense, which ends that order.

    Examples
    --------
    >>> network = Network((1, 2, 3), [Flatten(), Dense(4), Dense(1)], seed=0)
    >>> orders(network)
    {'dense_1': array([0, 3, 1, 4, 2, 5])}
    """
    found: dict[str, Array] = {}
    order: Array | None = None
    for name, layer, shape in zip(network.names, network.layers, network.shapes, strict=False):
        order = _after(name, layer, shape, order, found)
    return found


def _after(path: str, layer: Layer, shape: Shape, order: Array | None, found: dict[str, Array]) -> Array | None:
    """Return the order after a layer from that before it, None where both libraries have the same; note the latter."""
    if isinstance(layer, Chain):
        for name, one, before in zip(layer.names, layer.layers, layer.shapes(shape), strict=False):
            order = _after(f"{path}.{name}", one, before, order, found)
        return order
    if isinstance(layer, (Residual, Parallel)):
        if isinstance(layer, Residual):
            branches: dict[str, Layer] = {path: layer.inside}
        else:
            branches = {f"{path}.{name}": branch for name, branch in zip(layer.names, layer.branches, strict=True)}
        _refuse(path, order, *[_after(full, branch, shape, None, found) for full, branch in branches.items()])
        return None
    if isinstance(layer, (Select, Reshape, PiecewiseLinear, OneHot, MeanOfMembers)):
        _refuse(path, order)
        return None
    if isinstance(layer, Flatten) and len(shape) == 3:
        return np.arange(math.prod(shape)).reshape(shape).transpose(2, 0, 1).reshape(-1)  # [H,W,C] -> [CHW]
    if order is not None:
        found[path] = order
    return None if isinstance(layer, Dense) else order


def _refuse(path: str, *orders: Array | None) -> None:
    if any(order is not None for order in orders):
        raise TypeError(
            f"layer {path} joins or chooses values of a flattened image, and PyTorch has them in another order: put a "
            "Dense directly behind the Flatten"
        )
