"""The softmax, with its full Jacobian."""

from dataclasses import dataclass

from pellucid.arrays import Array, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class Softmax(Layer):
    """Turn the values of a record into positive shares that add up to 1.

    y_i = exp(x_i) / sum_j exp(x_j); backward, with the whole Jacobian y_i (1[i = j] - y_j): dx_i = y_i (dy_i -
    sum_j dy_j y_j).

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Softmax().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([0.042 , 0.1142, 0.8438])
    >>> Softmax().backward({}, cache, np.array([1.0, 0.0, 0.0]))[0].round(4)
    array([ 0.0402, -0.0048, -0.0354])

    Source: Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 6.2.2.3.
    """

    formula = "y[j] = exp(x[j]) / sum(exp(x[i]) for i in x)"
    derivatives = {"x[i]": "y[j] * ((i == j) - y[i])"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        xp = namespace(x)
        powers = xp.exp(x - x.real.max(axis=-1, keepdims=True))  # the largest becomes exp(0), so nothing overflows
        y = powers / powers.sum(axis=-1, keepdims=True)  # [B,C] / [B,1] -> [B,C]
        return y, {"y": y}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        y = cache["y"]
        return y * (dy - (dy * y).sum(axis=-1, keepdims=True)), {}  # [B,C] * ([B,C] - [B,1]) -> [B,C]
