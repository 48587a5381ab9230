"""The softplus, a smooth ReLU."""

from dataclasses import dataclass

from pellucid.arrays import Array
from pellucid.functions import sigmoid, softplus
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class Softplus(Layer):
    """A smooth ReLU, positive everywhere.

    y = log(1 + exp(x)); backward: dx = dy / (1 + exp(-x)).

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Softplus().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([0.3133, 0.6931, 2.1269])
    >>> Softplus().backward({}, cache, np.ones(3))[0].round(4)
    array([0.2689, 0.5   , 0.8808])

    Source: Dugas et al., "Incorporating second-order functional knowledge for better option pricing", 2001, section 3.
    """

    formula = "y = log(1 + exp(x))"
    derivatives = {"x": "1 / (1 + exp(-x))"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        return softplus(x), {"x": x}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return dy * sigmoid(cache["x"]), {}
