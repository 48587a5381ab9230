"""Losses for classes. Those on logits hold the sigmoid or softmax within themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pellucid.arrays import Array, namespace
from pellucid.functions import sigmoid
from pellucid.losses.loss import Cache, Loss, class_weights, first, numbers


def _check_smoothing(name: str, smoothing: float) -> None:
    if not 0 <= smoothing < 1:
        raise ValueError(f"{name}: label_smoothing must lie in [0, 1), found {smoothing}")


@dataclass(frozen=True, kw_only=True)
class BinaryCrossEntropyFromLogits(Loss):
    """Cross-entropy of yes/no targets, from logits: the sigmoid is inside, so do not end the network with one.

    With p = sigmoid(z): l = -t log p - (1 - t) log(1 - p), computed as max(z, 0) - t z + log(1 + exp(-|z|)), which
    is exact for logits of +-1000 and beyond; gradient with respect to the logit z: p - t.

    Parameters
    ----------
    label_smoothing : float
        s moves the targets from 0 and 1 to s / 2 and 1 - s / 2.
    class_weights : two floats, optional
        What records of class 0 and of class 1 count.

    Examples
    --------
    >>> losses, cache = BinaryCrossEntropyFromLogits().forward(np.array([[1000.0], [0.0]]), np.array([[0.0], [1.0]]))
    >>> losses.ravel().round(4).tolist(), BinaryCrossEntropyFromLogits().backward(cache).ravel()
    ([1000.0, 0.6931], array([ 1. , -0.5]))

    Source: Bishop, "Pattern recognition and machine learning", 2006, equation 4.90.
    """

    label_smoothing: float = 0.0
    class_weights: Sequence[float] | None = None

    from_logits: ClassVar[str] = "Sigmoid"

    def __post_init__(self) -> None:
        super().__post_init__()
        name = type(self).__name__
        _check_smoothing(name, self.label_smoothing)
        object.__setattr__(self, "class_weights", class_weights(name, self.class_weights, 2))

    @property
    def formula(self) -> str:
        if self.label_smoothing:
            return (
                "smooth = target * (1 - label_smoothing) + label_smoothing / 2; "
                "l = log(1 + exp(output)) - smooth * output"
            )
        return "l = log(1 + exp(output)) - target * output"

    @property
    def derivatives(self) -> dict[str, str]:
        return {"output": "1 / (1 + exp(-output)) - " + ("smooth" if self.label_smoothing else "target")}

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        if self.label_smoothing:
            target = target * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        xp = namespace(output)
        upper = output * (output.real >= 0)  # max(z, 0)
        # Taken off before the small logarithm is added: what a sure and right answer costs would be lost otherwise.
        losses = (upper - target * output) + xp.log1p(xp.exp(output - 2 * upper))
        return losses, {"logits": output, "target": target}

    def backward(self, cache: Cache) -> Array:
        return sigmoid(cache["logits"]) - cache["target"]

    def link(self, output: Array) -> Array:
        return sigmoid(output)

    def weigh(self, target: Array, weights: Array | None) -> Array | None:
        if self.class_weights is None:
            return weights
        zero, one = self.class_weights
        by_class = zero + (one - zero) * target
        return by_class if weights is None else weights * by_class

    def encode(self, y: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        target = super().encode(y, outputs, dtype)
        _refuse_outside(target, type(self).__name__)
        return target


@dataclass(frozen=True, kw_only=True)
class CrossEntropyFromLogits(Loss):
    """Cross-entropy of classes, from logits: the softmax is inside, so do not end the network with one.

    With p = softmax(z): l = -sum_c t_c log p_c, where the targets t of a record add up to 1; gradient with respect
    to the logits z: p - t. ``y`` holds class numbers from 0, or one row of shares a record.

    Parameters
    ----------
    label_smoothing : float
        s moves the targets to (1 - s) t + s / C, for C classes.
    class_weights : one float a class, optional
        What the records of each class count.

    Examples
    --------
    >>> losses, cache = CrossEntropyFromLogits().forward(np.array([[1000.0, 0.0]]), np.array([[0.0, 1.0]]))
    >>> losses, CrossEntropyFromLogits().backward(cache)
    (array([[1000.]]), array([[ 1., -1.]]))

    Source: Bishop, "Pattern recognition and machine learning", 2006, equation 4.108.
    """

    label_smoothing: float = 0.0
    class_weights: Sequence[float] | None = None

    from_logits: ClassVar[str] = "Softmax"

    def __post_init__(self) -> None:
        super().__post_init__()
        name = type(self).__name__
        _check_smoothing(name, self.label_smoothing)
        object.__setattr__(self, "class_weights", class_weights(name, self.class_weights))

    @property
    def formula(self) -> str:
        log_sum, target = "log(sum(exp(output[c]) for c in output))", self._target_formula
        return f"l = {log_sum} - sum({target} * output[c] for c in output)"

    @property
    def derivatives(self) -> dict[str, str]:
        return {"output[c]": f"exp(output[c]) / sum(exp(output[k]) for k in output) - {self._target_formula}"}

    @property
    def _target_formula(self) -> str:
        if self.label_smoothing:
            return "(target[c] * (1 - label_smoothing) + label_smoothing / len(output))"
        return "target[c]"

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        xp = namespace(output)
        if self.label_smoothing:
            target = target * (1 - self.label_smoothing) + self.label_smoothing / output.shape[-1]
        shifted = output - output.real.max(axis=-1, keepdims=True)  # the largest becomes 0: exp cannot overflow
        powers = xp.exp(shifted)
        total = powers.sum(axis=-1, keepdims=True)  # [B,C] -> [B,1]
        losses = xp.log(total) - (target * shifted).sum(axis=-1, keepdims=True)  # [B,1]
        return losses, {"powers": powers, "total": total, "target": target}

    def backward(self, cache: Cache) -> Array:
        return cache["powers"] / cache["total"] - cache["target"]

    def link(self, output: Array) -> Array:
        powers = namespace(output).exp(output - output.real.max(axis=-1, keepdims=True))
        shares: Array = powers / powers.sum(axis=-1, keepdims=True)
        return shares

    def weigh(self, target: Array, weights: Array | None) -> Array | None:
        if self.class_weights is None:
            return weights
        if len(self.class_weights) != target.shape[-1]:
            raise ValueError(
                f"CrossEntropyFromLogits: class_weights has {len(self.class_weights)} numbers, "
                f"the network has {target.shape[-1]} outputs"
            )
        each = namespace(target).asarray(self.class_weights, dtype=target.dtype)
        by_class: Array = (target * each).sum(axis=-1, keepdims=True)  # [B,C] * [C] -> [B,1]
        return by_class if weights is None else weights * by_class

    def encode(self, y: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        if outputs < 2:
            raise ValueError(
                "CrossEntropyFromLogits needs one output for each class, found 1 output; "
                "for yes/no targets use BinaryCrossEntropyFromLogits"
            )
        if np.ndim(y) == 1:
            return one_hot(y, outputs, dtype)
        if np.ndim(y) == 2 and np.shape(y)[1] == 1:
            raise ValueError("y holds class numbers in a column; give them as one flat row of numbers: y.ravel()")
        target = super().encode(y, outputs, dtype)
        _refuse_outside(target, type(self).__name__)
        off = np.abs(target.sum(axis=1, dtype=np.float64) - 1) > 1e-5
        if off.any():
            row = int(np.argmax(off))
            raise ValueError(
                f"y: the shares of a record must add up to 1; row {row} adds up to {target[row].sum():.6g}"
            )
        return target


@dataclass(frozen=True, kw_only=True)
class Hinge(Loss):
    """The support vector machine's loss: nothing once a record is on its side of the margin.

    Targets are 0 or 1 (as everywhere here), taken as sign s = -1 or +1; l = max(0, 1 - s output); gradient: -s inside
    the margin, else 0. Several outputs are as many one-against-the-rest questions; class numbers are then allowed.

    Examples
    --------
    >>> losses, cache = Hinge().forward(np.array([[0.25], [2.0]]), np.array([[0.0], [1.0]]))
    >>> losses.ravel(), Hinge().backward(cache).ravel()
    (array([ 1.25, -0.  ]), array([ 1., -0.]))

    Source: Cortes and Vapnik, "Support-vector networks", 1995, section 3; Hastie, Tibshirani and Friedman, "The
    elements of statistical learning", 2009, equation 12.25.
    """

    formula = "s = 2 * target - 1; l = max(1 - s * output, 0)"
    derivatives = {"output": "-s if 1 - s * output > 0 else 0"}

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        sign = 2 * target - 1
        margin = 1 - sign * output
        inside = margin.real > 0
        return margin * inside, {"sign": sign, "inside": inside}

    def backward(self, cache: Cache) -> Array:
        return -cache["sign"] * cache["inside"]

    def encode(self, y: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        if np.ndim(y) == 1 and outputs > 1:
            return one_hot(y, outputs, dtype)
        target = super().encode(y, outputs, dtype)
        other = (target != 0) & (target != 1)
        if other.any():
            row = int(np.argwhere(other)[0, 0])
            raise ValueError(f"Hinge: targets must be 0 or 1, found {target[other][0]} in row {row} of y")
        return target


def one_hot(y: Any, classes: int, dtype: np.dtype[Any]) -> Array:
    """Turn class numbers 0 ... C - 1 into rows with a single 1.

    Examples
    --------
    >>> one_hot([0, 2], 3, np.dtype(float))
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    given = np.asarray(y)
    if given.dtype.kind not in "biuf":
        raise TypeError(f"y must hold class numbers from 0 to {classes - 1}, found text or objects: {first(given)}")
    codes = numbers(given, np.dtype(np.float64))
    wrong = (codes < 0) | (codes >= classes) | (codes != np.floor(codes))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"y must hold class numbers from 0 to {classes - 1}, found {given[row]} in row {row}")
    rows = np.zeros((len(codes), classes), dtype=dtype)
    rows[np.arange(len(codes)), codes.astype(np.int64)] = 1
    return rows


def _refuse_outside(target: Array, name: str) -> None:
    outside = (target < 0) | (target > 1)
    if outside.any():
        row = int(np.argwhere(outside)[0, 0])
        raise ValueError(f"{name}: targets must lie in [0, 1], found {target[outside][0]} in row {row} of y")
