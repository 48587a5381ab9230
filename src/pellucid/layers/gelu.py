"""The Gaussian error linear unit."""

from dataclasses import dataclass

from pellucid.arrays import Array, erf, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer

SQRT_HALF = 0.7071067811865475244
SQRT_2_OVER_PI = 0.7978845608028653559
CUBIC = 0.044715
DENSITY_AT_0 = 0.3989422804014326779  # 1 / sqrt(2 pi)


@dataclass(frozen=True)
class GELU(Layer):
    """Weigh every value by the chance that a standard normal draw lies below it.

    y = x P with P = (1 + erf(x / sqrt 2)) / 2; backward: dx = dy (P + x exp(-x^2 / 2) / sqrt(2 pi)). With
    approximate=True, P = (1 + tanh(u)) / 2 and u = sqrt(2 / pi) (x + 0.044715 x^3).

    Parameters
    ----------
    approximate : bool
        Whether to use the tanh approximation, which is faster.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = GELU().forward({}, np.array([-1.0, 0.0, 2.0]), None)
    >>> y.round(4)
    array([-0.1587,  0.    ,  1.9545])
    >>> GELU().backward({}, cache, np.ones(3))[0].round(4)
    array([-0.0833,  0.5   ,  1.0852])

    Source: Hendrycks and Gimpel, "Gaussian error linear units (GELUs)", 2016, section 2.
    """

    approximate: bool = False

    @property
    def formula(self) -> str:
        if self.approximate:
            return f"u = sqrt(2 / pi) * (x + {CUBIC} * x ** 3); P = (1 + tanh(u)) / 2; y = x * P"
        return "P = (1 + erf(x / sqrt(2))) / 2; y = x * P"

    @property
    def derivatives(self) -> dict[str, str]:
        if self.approximate:
            return {"x": f"P + x * 2 * P * (1 - P) * sqrt(2 / pi) * (1 + 3 * {CUBIC} * x ** 2)"}
        return {"x": "P + x * exp(-x ** 2 / 2) / sqrt(2 * pi)"}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        if self.approximate:
            below = 0.5 * (1 + namespace(x).tanh(SQRT_2_OVER_PI * (x + CUBIC * (x * x * x))))
        else:
            below = 0.5 * (1 + erf(x * SQRT_HALF))
        return x * below, {"x": x, "below": below}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        x, below = cache["x"], cache["below"]
        if self.approximate:
            # d tanh(u)/dx = (1 - tanh^2) u', and with P = (1 + tanh) / 2, (1 - tanh^2) / 2 = 2 P (1 - P)
            slope = 2 * below * (1 - below) * (SQRT_2_OVER_PI * (1 + 3 * CUBIC * (x * x)))
        else:
            slope = namespace(x).exp(-0.5 * (x * x)) * DENSITY_AT_0
        return dy * (below + x * slope), {}
