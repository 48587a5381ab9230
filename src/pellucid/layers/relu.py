"""The rectified linear unit."""

from dataclasses import dataclass

from pellucid.arrays import Array
from pellucid.functions import positive_part
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class ReLU(Layer):
    """Keep what is positive, and put 0 for the rest.

    y = max(x, 0); backward: dx = dy where x > 0, else 0 (at 0 itself: 0).

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = ReLU().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([0., 0., 2.])
    >>> ReLU().backward({}, cache, np.ones(3))[0].round(4)
    array([0., 0., 1.])

    Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010, section 2.
    """

    formula = "y = max(x, 0)"
    derivatives = {"x": "x > 0"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        return positive_part(x), {"positive": x.real > 0}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return dy * cache["positive"], {}
