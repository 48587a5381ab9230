"""The hard sigmoid: three straight pieces."""

from dataclasses import dataclass

from pellucid.arrays import Array
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class HardSigmoid(Layer):
    """A sigmoid made of three straight lines.

    y = 0 where x <= -3, 1 where x >= 3, else x / 6 + 1 / 2; backward: dx = dy / 6 between, else 0.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = HardSigmoid().forward({}, np.array([-4.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([0.    , 0.5   , 0.8333])
    >>> HardSigmoid().backward({}, cache, np.ones(3))[0].round(4)
    array([0.    , 0.1667, 0.1667])

    Source: Courbariaux, Bengio and David, "BinaryConnect", 2015, equation 3, with the slope of
    Howard et al., "Searching for MobileNetV3", 2019, section 5.2.
    """

    formula = "y = min(max(x / 6 + 1 / 2, 0), 1)"
    derivatives = {"x": "1 / 6 if abs(x) < 3 else 0"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        inside = (x.real > -3) & (x.real < 3)
        return (x / 6 + 0.5) * inside + (x.real >= 3), {"inside": inside}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return dy / 6 * cache["inside"], {}
