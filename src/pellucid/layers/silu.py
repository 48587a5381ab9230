"""The sigmoid linear unit, also called swish."""

from dataclasses import dataclass

from pellucid.arrays import Array
from pellucid.functions import sigmoid
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class SiLU(Layer):
    """Weigh every value by its own sigmoid.

    y = x s with s = 1 / (1 + exp(-x)); backward: dx = dy (s + y (1 - s)).

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = SiLU().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([-0.2689,  0.    ,  1.7616])
    >>> SiLU().backward({}, cache, np.ones(3))[0].round(4)
    array([0.0723, 0.5   , 1.0908])

    Source: Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units for neural network function approximation in
    reinforcement learning", 2018, equation 1.
    """

    formula = "s = 1 / (1 + exp(-x)); y = x * s"
    derivatives = {"x": "s + y * (1 - s)"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        gate = sigmoid(x)
        y = x * gate
        return y, {"gate": gate, "y": y}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        gate = cache["gate"]
        return dy * (gate + cache["y"] * (1 - gate)), {}
