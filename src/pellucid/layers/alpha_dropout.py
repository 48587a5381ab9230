"""Alpha dropout: dropout for networks that normalise themselves."""

import math
from dataclasses import dataclass

from pellucid.arrays import Array, Draw, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Shape

LOWEST = -1.7580993408473766  # what SELU comes to far below 0: -scale * alpha


@dataclass(frozen=True)
class AlphaDropout(Layer):
    """In training, put SELU's lowest value for a random share of the values; mean 0 and variance 1 stay as they are.

    In training y = a (x kept + l (1 - kept)) + b, with l = -1.7581, which SELU comes to far below 0,
    a = 1 / sqrt((1 - rate) (1 + rate l^2)) and b = -a rate l; in prediction y = x. Backward: dx = a kept dy, or dy.

    Parameters
    ----------
    rate : float
        The share that is dropped, from 0 to less than 1.

    Raises
    ------
    ValueError
        If ``rate`` does not lie in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> drawn = Context(training=True, random={"u": np.array([[0.2, 0.7]])})
    >>> AlphaDropout(0.5).forward({}, np.array([[0.0, 1.0]]), drawn)[0].round(4)
    array([[-0.7792,  1.6656]])

    Source: Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", 2017, section 3.
    """

    rate: float = 0.1

    formula = "y = x * factor + offset"
    derivatives = {"x": "factor"}

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.rate, bool) or not 0 <= self.rate < 1:
            raise ValueError(f"AlphaDropout: rate must lie in [0, 1), found {self.rate!r}")

    def draws(self, shape: Shape) -> dict[str, Draw]:
        return {"u": Draw("uniform", shape)}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        xp, dtype = namespace(x), x.real.dtype
        if not context.training:
            return x, {"factor": xp.ones((), dtype=dtype), "offset": xp.zeros((), dtype=dtype)}
        kept = context.random["u"] >= self.rate
        a = 1 / math.sqrt((1 - self.rate) * (1 + self.rate * LOWEST**2))
        factor = a * kept.astype(dtype)
        offset = a * LOWEST * ((~kept).astype(dtype) - self.rate)
        return x * factor + offset, {"factor": factor, "offset": offset}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return dy * cache["factor"], {}
