"""Losses for numeric targets."""

import math
from dataclasses import dataclass

import numpy as np

from pellucid.arrays import Array, namespace
from pellucid.functions import absolute
from pellucid.losses.loss import Cache, Loss


@dataclass(frozen=True, kw_only=True)
class SquaredError(Loss):
    """The square of the error (without a half): its minimum is the mean of the targets.

    l = (output - target)^2; gradient: 2 (output - target).

    Examples
    --------
    >>> losses, cache = SquaredError().forward(np.array([[3.0]]), np.array([[1.0]]))
    >>> losses, SquaredError().backward(cache)
    (array([[4.]]), array([[4.]]))

    Source: Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 5.1.4.
    """

    formula = "l = (output - target) ** 2"
    derivatives = {"output": "2 * (output - target)"}

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        error = output - target
        return error * error, {"error": error}

    def backward(self, cache: Cache) -> Array:
        error = cache["error"]
        return error + error


@dataclass(frozen=True, kw_only=True)
class AbsoluteError(Loss):
    """The size of the error: its minimum is the median of the targets, so outliers pull less.

    l = |output - target|; gradient: the sign of (output - target), 0 at 0.

    Examples
    --------
    >>> losses, cache = AbsoluteError().forward(np.array([[3.0]]), np.array([[5.0]]))
    >>> losses, AbsoluteError().backward(cache)
    (array([[2.]]), array([[-1.]]))

    Source: Koenker and Bassett, "Regression quantiles", 1978, section 1 (the median).
    """

    formula = "l = abs(output - target)"
    derivatives = {"output": "sign(output - target)"}

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        error = output - target
        return absolute(error), {"error": error}

    def backward(self, cache: Cache) -> Array:
        error = cache["error"]
        sign: Array = namespace(error).sign(error.real)
        return sign


@dataclass(frozen=True, kw_only=True)
class Huber(Loss):
    """Squared for small errors, straight for large ones.

    With e = output - target: l = e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2); gradient: e cut to
    [-delta, delta].

    Parameters
    ----------
    delta : float
        The error at which the parabola becomes a line, in the target's units.

    Examples
    --------
    >>> losses, cache = Huber(delta=1.0).forward(np.array([[0.5], [3.0]]), np.zeros((2, 1)))
    >>> losses.ravel(), Huber(delta=1.0).backward(cache).ravel()
    (array([0.125, 2.5  ]), array([0.5, 1. ]))

    Source: Huber, "Robust estimation of a location parameter", 1964, section 1.
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.delta < math.inf:
            raise ValueError(f"Huber: delta must be positive and finite, found {self.delta}")

    formula = "e = output - target; l = e ** 2 / 2 if abs(e) <= delta else delta * (abs(e) - delta / 2)"
    derivatives = {"output": "min(max(e, -delta), delta)"}

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        xp = namespace(output)
        error = output - target
        inside = xp.abs(error.real) <= self.delta
        # cut is the error cut to [-delta, delta]; both branches are cut * (error - cut / 2)
        cut = error * inside + self.delta * (xp.sign(error.real) * ~inside)
        return cut * (error - 0.5 * cut), {"cut": cut}

    def backward(self, cache: Cache) -> Array:
        return cache["cut"]


@dataclass(frozen=True, kw_only=True)
class LogCosh(Loss):
    """The logarithm of the error's hyperbolic cosine: a smooth Huber.

    l = log(cosh(e)), computed as |e| + log(1 + exp(-2 |e|)) - log 2, which cannot overflow; gradient: tanh(e).

    Examples
    --------
    >>> losses, cache = LogCosh().forward(np.array([[1000.0]]), np.array([[0.0]]))
    >>> losses.round(4), LogCosh().backward(cache)
    (array([[999.3069]]), array([[1.]]))

    Source: Green, "Bayesian reconstructions from emission tomography data using a modified EM algorithm", 1990,
    section III.
    """

    formula = "e = output - target; l = log((exp(e) + exp(-e)) / 2)"
    derivatives = {"output": "tanh(e)"}

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        xp = namespace(output)
        error = output - target
        size = absolute(error)
        return size + xp.log1p(xp.exp(-2 * size)) - math.log(2), {"error": error}

    def backward(self, cache: Cache) -> Array:
        error = cache["error"]
        slope: Array = namespace(error).tanh(error)
        return slope


@dataclass(frozen=True, kw_only=True)
class Poisson(Loss):
    """Counts whose mean is exp(output): the Poisson deviance's part that depends on the output.

    l = exp(output) - target output; gradient: exp(output) - target. ``link`` is exp.

    Examples
    --------
    >>> losses, cache = Poisson().forward(np.array([[0.0]]), np.array([[2.0]]))
    >>> losses, Poisson().backward(cache)
    (array([[1.]]), array([[-1.]]))

    Source: McCullagh and Nelder, "Generalized linear models", 1989, section 6.2.
    """

    formula = "l = exp(output) - target * output"
    derivatives = {"output": "exp(output) - target"}

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        mean = namespace(output).exp(output)
        return mean - target * output, {"mean": mean, "target": target}

    def backward(self, cache: Cache) -> Array:
        return cache["mean"] - cache["target"]

    def link(self, output: Array) -> Array:
        mean: Array = namespace(output).exp(output)
        return mean

    def encode(self, y: object, outputs: int, dtype: np.dtype[np.floating]) -> Array:
        target = super().encode(y, outputs, dtype)
        if (target < 0).any():
            row = int(np.argwhere(target < 0)[0, 0])
            raise ValueError(f"Poisson: counts cannot be negative, found {target[row].min()} in row {row} of y")
        return target


@dataclass(frozen=True, kw_only=True)
class GaussianNLL(Loss):
    """A mean *and* a variance for every record: the negative log-likelihood of a normal distribution.

    The output's first half holds the means m, its second half the logarithms s of the variances;
    l = (s + (target - m)^2 exp(-s) + log(2 pi)) / 2; gradient: (m - target) exp(-s) for m, and
    (1 - (target - m)^2 exp(-s)) / 2 for s. For T targets the network needs 2 T outputs.

    Examples
    --------
    >>> losses, cache = GaussianNLL().forward(np.array([[1.0, 0.0]]), np.array([[3.0]]))
    >>> losses.round(4), GaussianNLL().backward(cache)
    (array([[2.9189]]), array([[-2. , -1.5]]))

    Source: Nix and Weigend, "Estimating the mean and variance of the target probability distribution", 1994,
    section 2.
    """

    formula = (
        "l[j] = (output[j + len(target)] + (target[j] - output[j]) ** 2 * exp(-output[j + len(target)])"
        " + log(2 * pi)) / 2"
    )
    derivatives = {
        "output[i]": "(output[j] - target[j]) * exp(-output[j + len(target)]) if i == j"
        " else ((1 - (target[j] - output[j]) ** 2 * exp(-output[j + len(target)])) / 2 if i == j + len(target) else 0)"
    }

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        half = target.shape[-1]
        mean, log_variance = output[..., :half], output[..., half:]
        precision = namespace(output).exp(-log_variance)
        error = mean - target
        square = error * error * precision
        losses = 0.5 * (log_variance + square + math.log(2 * math.pi))  # [B,T]
        return losses, {"error": error, "precision": precision, "square": square}

    def backward(self, cache: Cache) -> Array:
        d_mean = cache["error"] * cache["precision"]
        d_log_variance = 0.5 * (1 - cache["square"])
        d_output: Array = namespace(d_mean).concat([d_mean, d_log_variance], axis=-1)  # [B,T], [B,T] -> [B,2T]
        return d_output

    def encode(self, y: object, outputs: int, dtype: np.dtype[np.floating]) -> Array:
        if outputs % 2:
            raise ValueError(f"GaussianNLL needs 2 outputs for each target (mean, log variance), found {outputs}")
        return super().encode(y, outputs // 2, dtype)
