"""What the losses on logits share: the sigmoid or softmax within them, class weights, and targets that are classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pellucid.arrays import Array, namespace
from pellucid.functions import sigmoid
from pellucid.losses.loss import Loss, class_weights, first, numbers


@dataclass(frozen=True, kw_only=True)
class YesNoFromLogits(Loss):
    """A loss of yes/no targets that holds the sigmoid: each output is the logit of a question of its own.

    Parameters
    ----------
    class_weights : two floats, optional
        What records of class 0 and of class 1 count.
    """

    class_weights: Sequence[float] | None = None

    from_logits: ClassVar[str] = "Sigmoid"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "class_weights", class_weights(type(self).__name__, self.class_weights, 2))

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
class ClassesFromLogits(Loss):
    """A loss of classes that holds the softmax: one output a class, and targets that add up to 1 in each record.

    Parameters
    ----------
    class_weights : one float a class, optional
        What the records of each class count.
    """

    class_weights: Sequence[float] | None = None

    from_logits: ClassVar[str] = "Softmax"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "class_weights", class_weights(type(self).__name__, self.class_weights))

    def link(self, output: Array) -> Array:
        powers = namespace(output).exp(output - output.real.max(axis=-1, keepdims=True))
        shares: Array = powers / powers.sum(axis=-1, keepdims=True)
        return shares

    def weigh(self, target: Array, weights: Array | None) -> Array | None:
        if self.class_weights is None:
            return weights
        if len(self.class_weights) != target.shape[-1]:
            raise ValueError(
                f"{type(self).__name__}: class_weights has {len(self.class_weights)} numbers, "
                f"the network has {target.shape[-1]} outputs"
            )
        each = namespace(target).asarray(self.class_weights, dtype=target.dtype)
        by_class: Array = (target * each).sum(axis=-1, keepdims=True)  # [B,C] * [C] -> [B,1]
        return by_class if weights is None else weights * by_class

    def encode(self, y: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        if outputs < 2:
            raise ValueError(
                f"{type(self).__name__} needs one output for each class, found 1 output; "
                "for yes/no targets use BinaryCrossEntropyFromLogits or BinaryFocalFromLogits"
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
