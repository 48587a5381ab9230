"""The scaled exponential linear unit."""

from dataclasses import dataclass

from pellucid.arrays import Array, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer

ALPHA = 1.6732632423543772848170429916717
SCALE = 1.0507009873554804934193349852946


@dataclass(frozen=True)
class SELU(Layer):
    """An exponential linear unit scaled so that activations keep mean 0 and variance 1.

    y = scale x where x > 0, else scale alpha (exp(x) - 1), with alpha = 1.67326... and scale = 1.05070...;
    backward: dx = scale dy where x > 0, else dy scale alpha exp(x).

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = SELU().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([-1.1113,  0.    ,  2.1014])
    >>> SELU().backward({}, cache, np.ones(3))[0].round(4)
    array([0.6468, 1.7581, 1.0507])

    Source: Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", 2017, equation 2.
    """

    formula = f"alpha = {ALPHA}; scale = {SCALE}; y = scale * x if x > 0 else scale * alpha * (exp(x) - 1)"
    derivatives = {"x": "scale if x > 0 else scale * alpha * exp(x)"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        positive = x.real > 0
        below = SCALE * ALPHA * namespace(x).expm1(x * ~positive)
        return SCALE * (x * positive) + below, {"positive": positive, "below": below}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        # Where x > 0, below is 0; elsewhere scale alpha exp(x) = below + scale alpha.
        positive = cache["positive"]
        return SCALE * (dy * positive) + dy * ((cache["below"] + SCALE * ALPHA) * ~positive), {}
