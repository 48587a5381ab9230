"""The Mish activation."""

from dataclasses import dataclass

from pellucid.arrays import Array, namespace
from pellucid.functions import sigmoid, softplus
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class Mish(Layer):
    """A smooth relative of ReLU: every value weighed by tanh(softplus(x)).

    y = x t with t = tanh(log(1 + exp(x))); backward: dx = dy (t + x (1 - t^2) sigmoid(x)).

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Mish().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([-0.3034,  0.    ,  1.944 ])
    >>> Mish().backward({}, cache, np.ones(3))[0].round(4)
    array([0.0592, 0.6   , 1.0693])

    Source: Misra, "Mish: a self regularized non-monotonic activation function", 2020, equation 1.
    """

    formula = "t = tanh(log(1 + exp(x))); y = x * t"
    derivatives = {"x": "t + x * (1 - t ** 2) / (1 + exp(-x))"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        gate = namespace(x).tanh(softplus(x))
        return x * gate, {"x": x, "gate": gate}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        x, gate = cache["x"], cache["gate"]
        return dy * (gate + x * (1 - gate * gate) * sigmoid(x)), {}
