"""The rectified linear unit with a leak."""

from dataclasses import dataclass

from pellucid.arrays import Array
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class LeakyReLU(Layer):
    """Keep what is positive, and let a small part of the rest through.

    y = x where x > 0, else slope x; backward: dx = dy where x > 0, else slope dy.

    Parameters
    ----------
    slope : float
        What negative values are multiplied by.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = LeakyReLU().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([-0.01,  0.  ,  2.  ])
    >>> LeakyReLU().backward({}, cache, np.ones(3))[0].round(4)
    array([0.01, 0.01, 1.  ])

    Source: Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013, section 2.
    """

    slope: float = 0.01

    formula = "y = x if x > 0 else slope * x"
    derivatives = {"x": "1 if x > 0 else slope"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        positive = x.real > 0
        return x * positive + self.slope * (x * ~positive), {"positive": positive}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        positive = cache["positive"]
        return dy * positive + self.slope * (dy * ~positive), {}
