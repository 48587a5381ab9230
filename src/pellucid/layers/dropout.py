"""Dropout."""

from dataclasses import dataclass

from pellucid.arrays import Array, Draw, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Shape


@dataclass(frozen=True)
class Dropout(Layer):
    """In training, put 0 for a random share of the values, and make the others larger so that the mean stays.

    In training y = x kept / (1 - rate), where ``kept`` is 1 for a value that stays and 0 for one that is dropped; in
    prediction y = x. Backward: dx = dy kept / (1 - rate), or dy.

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
    >>> layer = Dropout(0.5)
    >>> drawn = Context(training=True, random={"u": np.array([[0.2, 0.7, 0.9]])})
    >>> y, cache = layer.forward({}, np.array([[1.0, 2.0, 3.0]]), drawn)
    >>> y
    array([[0., 4., 6.]])
    >>> layer.backward({}, cache, np.ones((1, 3)))[0]
    array([[0., 2., 2.]])
    >>> layer.forward({}, np.array([[1.0, 2.0, 3.0]]), Context())[0]
    array([[1., 2., 3.]])

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014, sections 4 and
    10 (multiplying in training in place of prediction).
    """

    rate: float = 0.5

    formula = "y = x * factor"
    derivatives = {"x": "factor"}

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.rate, bool) or not 0 <= self.rate < 1:
            raise ValueError(f"Dropout: rate must lie in [0, 1), found {self.rate!r}")

    def draws(self, shape: Shape) -> dict[str, Draw]:
        return {"u": Draw("uniform", shape)}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        if not context.training:
            return x, {"factor": namespace(x).ones((), dtype=x.real.dtype)}
        kept = context.random["u"] >= self.rate
        factor = kept.astype(x.real.dtype) / (1 - self.rate)
        return x * factor, {"factor": factor}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return dy * cache["factor"], {}
