"""The quantile loss, for one quantile of each target or several."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pellucid.arrays import Array, namespace
from pellucid.losses.loss import Cache, Loss


@dataclass(frozen=True, kw_only=True)
class Quantile(Loss):
    """The pinball loss: its minimum is a quantile of the targets, or several of them at once.

    With e = target - output: l = q e where e >= 0, else (q - 1) e; gradient with respect to the output: -q where
    e > 0, 1 - q where e < 0, and 0 where e = 0.

    With Q quantiles, the network needs T Q outputs for T targets: first all quantiles of the first target, then those
    of the second. Each output has a loss of its own, and a mean is over all of them.

    Parameters
    ----------
    q : float, or several in ascending order
        The quantile wanted, between 0 and 1: 0.5 is the median, 0.9 the value that nine targets in ten lie below. With
        (0.05, 0.95), nine targets in ten lie between the two outputs.

    Examples
    --------
    >>> losses, cache = Quantile(q=0.9).forward(np.array([[1.0], [1.0]]), np.array([[3.0], [0.0]]))
    >>> losses.ravel().round(3), Quantile(q=0.9).backward(cache).ravel().round(3)
    (array([1.8, 0.1]), array([-0.9,  0.1]))

    Three quantiles of one target, which is 3:

    >>> losses, cache = Quantile(q=(0.1, 0.5, 0.9)).forward(np.array([[1.0, 2.0, 5.0]]), np.array([[3.0]]))
    >>> losses.round(3), Quantile(q=(0.1, 0.5, 0.9)).backward(cache).round(3)
    (array([[0.2, 0.5, 0.2]]), array([[-0.1, -0.5,  0.1]]))

    Source: Koenker and Bassett, "Regression quantiles", 1978, section 3.
    """

    q: float | Sequence[float] = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.q, (Sequence, np.ndarray)):
            object.__setattr__(self, "q", _ascending(self.q))
        elif not 0 < self.q < 1:
            raise ValueError(f"Quantile: q must lie between 0 and 1, found {self.q}")

    @property
    def formula(self) -> str:
        if not isinstance(self.q, tuple):
            return "e = target - output; l = q * e if e >= 0 else (q - 1) * e"
        # A formula cannot divide an index: which target and which quantile are output j's is found by comparing.
        count = len(self.q)
        own = f"(target[i] if j < {count} * (i + 1) else 0) if j >= {count} * i else 0"
        level = "0"
        for place, q in reversed(list(enumerate(self.q))):
            level = f"{q} if j == {count} * i + {place} else ({level})"
        return (
            f"e[j] = sum({own} for i in target) - output[j]; q[j] = sum({level} for i in target); "
            "l[j] = q[j] * e[j] if e[j] >= 0 else (q[j] - 1) * e[j]"
        )

    @property
    def derivatives(self) -> dict[str, str]:
        if not isinstance(self.q, tuple):
            return {"output": "-q if e > 0 else (1 - q if e < 0 else 0)"}
        return {"output[k]": "(-q[j] if e[j] > 0 else (1 - q[j] if e[j] < 0 else 0)) if j == k else 0"}

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        if isinstance(self.q, tuple):
            target = namespace(target).repeat(target, len(self.q), axis=-1)  # [B,T] -> [B,TQ]
        error = target - output
        above, below, q = error.real > 0, error.real < 0, self._of_each(error)
        return q * (error * above) + (q - 1) * (error * below), {"error": error}

    def backward(self, cache: Cache) -> Array:
        error = cache["error"]
        sign = namespace(error).sign(error.real)
        # -q above, 1 - q below: half the sign, moved by (1/2 - q), and nothing where the error is 0
        slope: Array = -0.5 * sign + (0.5 - self._of_each(error)) * (sign * sign)
        return slope

    def _of_each(self, error: Array) -> Any:
        """Return q, or of several those of all outputs [TQ], target by target."""
        if not isinstance(self.q, tuple):
            return self.q
        targets = error.shape[-1] // len(self.q)
        return namespace(error).asarray(self.q * targets, dtype=error.real.dtype)

    def encode(self, y: object, outputs: int, dtype: np.dtype[np.floating]) -> Array:
        if not isinstance(self.q, tuple):
            return super().encode(y, outputs, dtype)
        if outputs % len(self.q):
            raise ValueError(
                f"Quantile needs {len(self.q)} outputs for each target, one a quantile {self.q}, found {outputs}"
            )
        return super().encode(y, outputs // len(self.q), dtype)


def _ascending(q: Any) -> tuple[float, ...]:
    """Return several quantiles as a tuple; refuse them unless they ascend and lie between 0 and 1."""
    if np.ndim(q) != 1 or not len(q):
        raise ValueError(f"Quantile: q must be one number, or several such as (0.05, 0.5, 0.95), found {q!r}")
    checked = tuple(float(one) for one in q)
    if not all(0 < one < 1 for one in checked):
        raise ValueError(f"Quantile: q must lie between 0 and 1, found {checked}")
    if any(low >= high for low, high in pairwise(checked)):
        raise ValueError(f"Quantile: several quantiles must stand in ascending order, each once, found {checked}")
    return checked
