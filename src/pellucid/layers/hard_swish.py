"""The hard swish."""

from dataclasses import dataclass

from pellucid.arrays import Array
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class HardSwish(Layer):
    """Weigh every value by its own hard sigmoid.

    y = x h with h the hard sigmoid (0 below -3, 1 above 3, x / 6 + 1 / 2 between); backward: dx = dy (h + x / 6)
    between, else dy h.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = HardSwish().forward({}, np.array([-4.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([-0.    ,  0.    ,  1.6667])
    >>> HardSwish().backward({}, cache, np.ones(3))[0].round(4)
    array([0.    , 0.5   , 1.1667])

    Source: Howard et al., "Searching for MobileNetV3", 2019, section 5.2.
    """

    formula = "h = min(max(x / 6 + 1 / 2, 0), 1); y = x * h"
    derivatives = {"x": "h + x / 6 if abs(x) < 3 else h"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        inside = (x.real > -3) & (x.real < 3)
        gate = (x / 6 + 0.5) * inside + (x.real >= 3)
        return x * gate, {"x": x, "inside": inside, "gate": gate}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return dy * (cache["gate"] + cache["x"] / 6 * cache["inside"]), {}
