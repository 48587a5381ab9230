"""Gaussian noise."""

import math
from dataclasses import dataclass

from pellucid.arrays import Array, Draw, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Shape


@dataclass(frozen=True)
class GaussianNoise(Layer):
    """In training, add a little noise to every value, normal with mean 0; in prediction, nothing.

    y = x + std noise in training, y = x in prediction; backward: dx = dy.

    Parameters
    ----------
    std : float
        Standard deviation of the noise, in the units of the values.

    Raises
    ------
    ValueError
        If ``std`` is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> drawn = Context(training=True, random={"noise": np.array([[1.0, -2.0]])})
    >>> GaussianNoise(0.1).forward({}, np.array([[1.0, 1.0]]), drawn)[0]
    array([[1.1, 0.8]])

    Source: Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995, section 2.
    """

    std: float = 0.1

    formula = "y = x + added"
    derivatives = {"x": "1"}

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.std, bool) or not 0 <= self.std < math.inf:
            raise ValueError(f"GaussianNoise: std must be finite and not negative, found {self.std!r}")

    def draws(self, shape: Shape) -> dict[str, Draw]:
        return {"noise": Draw("normal", shape)}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        if not context.training:
            return x, {"added": namespace(x).zeros((), dtype=x.real.dtype)}
        added = self.std * context.random["noise"]
        return x + added, {"added": added}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return dy, {}
