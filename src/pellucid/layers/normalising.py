"""What the normalising layers share: their checks, their parameters, and arrays laid along the last axis."""

import math
from typing import Any

from pellucid.arrays import Array, sum64
from pellucid.initializers import Constant, Zeros
from pellucid.layers.layer import Parameter, Shape


def check_epsilon(layer: str, epsilon: Any) -> None:
    """Refuse an epsilon that keeps no division from 0."""
    if isinstance(epsilon, bool) or not 0 < epsilon < math.inf:
        raise ValueError(f"{layer}: epsilon must be positive and finite, found {epsilon!r}")


def scale_and_shift(input_shape: Shape, scale: bool, shift: bool) -> dict[str, Parameter]:
    """Return the parameters of each channel, as many as the layer is to have."""
    channels = input_shape[-1:]
    scales = {"scale": Parameter(channels, Constant(1.0), is_bias=True)} if scale else {}
    return scales | ({"shift": Parameter(channels, Zeros(), is_bias=True)} if shift else {})


def along(channels: Array, x: Array) -> Array:
    """Lay an array [C] (or [K, C]) along the last axis of x [..., C] (or [K, ..., C]).

    Examples
    --------
    >>> import numpy as np
    >>> along(np.zeros((2, 3)), np.zeros((2, 5, 4, 3))).shape
    (2, 1, 1, 3)
    """
    return channels.reshape(channels.shape[:-1] + (1,) * (x.ndim - channels.ndim) + channels.shape[-1:])


def of_channels(x: Array, like: Array) -> Array:
    """Sum x [..., C] over all axes but the last, to the shape of ``like``: [C], or [K, C].

    Over a batch of images these are a hundred thousand values, too many to add up in float32.
    """
    total: Array = sum64(x, tuple(range(like.ndim - 1, x.ndim - 1))).astype(x.dtype)  # [...,C] -> [C]
    return total
