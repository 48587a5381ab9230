"""A clip without corners."""

from dataclasses import dataclass

from pellucid.arrays import Array, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer


@dataclass(frozen=True)
class SoftClip(Layer):
    """Leave small values as they are, and draw large ones towards a limit that none reaches.

    y = x / sqrt(1 + (x / limit)^2); backward: dx = dy / sqrt(1 + (x / limit)^2)^3.

    Parameters
    ----------
    limit : float
        What the size of y stays below.

    Raises
    ------
    ValueError
        If the limit is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = SoftClip(5.0).forward({}, np.array([-1000.0, 0.1, 5.0]), Context())
    >>> y.round(4)
    array([-4.9999,  0.1   ,  3.5355])
    >>> SoftClip(5.0).backward({}, cache, np.ones(3))[0].round(4)
    array([0.    , 0.9994, 0.3536])

    Source: Holzmueller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on
    tabular data", 2024, section 3 (smooth clipping).
    """

    limit: float = 5.0

    formula = "y = x / sqrt(1 + (x / limit) ** 2)"
    derivatives = {"x": "1 / sqrt(1 + (x / limit) ** 2) ** 3"}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.limit < float("inf"):
            raise ValueError(f"SoftClip: limit must be positive and finite, found {self.limit!r}")

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        xp = namespace(x)
        # Dividing both by the larger of x and the limit keeps squares from overflowing.
        divisor = xp.maximum(abs(x.real), self.limit)
        shrunk, limit = x / divisor, self.limit / divisor
        root = xp.sqrt(limit * limit + shrunk * shrunk)
        return self.limit * (shrunk / root), {"cosine": limit / root}  # as in a triangle with the sides limit and x

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        cosine = cache["cosine"]
        return dy * (cosine * cosine * cosine), {}
