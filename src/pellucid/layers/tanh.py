"""The hyperbolic tangent."""

from dataclasses import dataclass

from pellucid.arrays import Array, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class Tanh(Layer):
    """Squash every value into (-1, 1).

    y = tanh(x); backward: dx = dy (1 - y^2).

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Tanh().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([-0.7616,  0.    ,  0.964 ])
    >>> Tanh().backward({}, cache, np.ones(3))[0].round(4)
    array([0.42  , 1.    , 0.0707])

    Source: LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998, section 4.4.
    """

    formula = "y = tanh(x)"
    derivatives = {"x": "1 - y ** 2"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        y = namespace(x).tanh(x)
        return y, {"y": y}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        y = cache["y"]
        return dy * (1 - y * y), {}
