"""Losses for classes. Those on logits hold the sigmoid or softmax within themselves."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.arrays import Array, largest_value, namespace, sum_over_values
from pellucid.functions import sigmoid
from pellucid.losses.logits import ClassesFromLogits, YesNoFromLogits, one_hot
from pellucid.losses.loss import Cache, Loss


def _check_smoothing(name: str, smoothing: float) -> None:
    if not 0 <= smoothing < 1:
        raise ValueError(f"{name}: label_smoothing must lie in [0, 1), found {smoothing}")


@dataclass(frozen=True, kw_only=True)
class BinaryCrossEntropyFromLogits(YesNoFromLogits):
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

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_smoothing(type(self).__name__, self.label_smoothing)

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


@dataclass(frozen=True, kw_only=True)
class CrossEntropyFromLogits(ClassesFromLogits):
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

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_smoothing(type(self).__name__, self.label_smoothing)

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
        shifted = output - largest_value(output.real)  # the largest becomes 0: exp cannot overflow
        powers = xp.exp(shifted)
        total = sum_over_values(powers)  # [B,C] -> [B,1]
        losses = xp.log(total) - sum_over_values(target * shifted)  # [B,C] -> [B,1]
        return losses, {"powers": powers, "total": total, "target": target}

    def backward(self, cache: Cache) -> Array:
        return cache["powers"] / cache["total"] - cache["target"]


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
