"""The exponential linear unit."""

from dataclasses import dataclass

from pellucid.arrays import Array, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class ELU(Layer):
    """Keep what is positive, and bend the rest smoothly towards -alpha.

    y = x where x > 0, else alpha (exp(x) - 1); backward: dx = dy where x > 0, else dy alpha exp(x).

    Parameters
    ----------
    alpha : float
        Minus the value that large negative inputs approach.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = ELU().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([-0.6321,  0.    ,  2.    ])
    >>> ELU().backward({}, cache, np.ones(3))[0].round(4)
    array([0.3679, 1.    , 1.    ])

    Source: Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear units",
    2016, equation 16.
    """

    alpha: float = 1.0

    formula = "y = x if x > 0 else alpha * (exp(x) - 1)"
    derivatives = {"x": "1 if x > 0 else alpha * exp(x)"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        positive = x.real > 0
        below = self.alpha * namespace(x).expm1(x * ~positive)
        return x * positive + below, {"positive": positive, "below": below}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        # Where x > 0, below is 0; elsewhere alpha exp(x) = below + alpha.
        positive = cache["positive"]
        return dy * positive + dy * ((cache["below"] + self.alpha) * ~positive), {}
