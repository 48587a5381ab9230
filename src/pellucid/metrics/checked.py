"""What comes into a metric, checked: lengths, weights, labels, probabilities."""

from typing import Any

import numpy as np
import numpy.typing as npt


def numbers(name: str, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return finite numbers as float64, in the shape given."""
    array = np.asarray(values)
    if array.dtype.kind == "O":  # None, Decimal, a data frame's nullable numbers
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{name} holds values that are not numbers; expected numbers only") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} has dtype {array.dtype}; expected numbers")
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {list(array.shape)}); expected at least one row")
    numbers = array.astype(np.float64)
    demand(name, np.isfinite(numbers), numbers, "a finite number")
    return numbers


def demand(name: str, good: npt.NDArray[np.bool_], values: npt.NDArray[Any], expected: str) -> None:
    """Refuse values that are not good, naming the first and what was expected."""
    if not good.all():
        place = tuple(int(axis) for axis in np.argwhere(~good)[0])
        shown = "NaN" if np.isnan(values[place]) else repr(values[place].item())
        raise ValueError(f"{name}[{', '.join(map(str, place))}] is {shown}; expected {expected}")


def weights(sample_weight: npt.ArrayLike | None, rows: int) -> npt.NDArray[np.float64]:
    """Return one weight a row: those given, or ones."""
    if sample_weight is None:
        return np.ones(rows)
    weights = checked_weights(sample_weight, rows)
    # Only the ratios matter; with the largest at 1 no sum of weights can overflow or vanish.
    return np.asarray(weights / weights.max())


def checked_weights(sample_weight: npt.ArrayLike, rows: int) -> npt.NDArray[np.float64]:
    """Return the weights given, finite, not negative and not all 0."""
    weights = numbers("sample_weight", sample_weight)
    if weights.shape != (rows,):
        raise ValueError(f"sample_weight has shape {list(weights.shape)}; expected [{rows}], one weight a row")
    demand("sample_weight", weights >= 0, weights, "a weight of zero or more")
    if not weights.any():
        raise ValueError("sample_weight is zero for every row; expected at least one weight above zero")
    return weights


def labels(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return classes as a one-dimensional array of numbers or of texts."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {list(array.shape)}; expected [N], one class a row")
    if array.size == 0:
        raise ValueError(f"{name} is empty; expected at least one row")
    if array.dtype.kind == "O":
        if all(isinstance(label, str) for label in array):
            return array.astype(np.str_)
        missing = [row for row, label in enumerate(array) if label is None or label != label]
        if missing:
            raise ValueError(f"{name}[{missing[0]}] is missing ({array[missing[0]]}); expected a class in every row")
        if any(isinstance(label, str) for label in array):
            raise ValueError(f"{name} mixes texts with other values; expected all texts or all numbers")
        array = np.asarray(array.tolist())
    if array.dtype.kind == "T":  # NumPy's texts of variable length
        return array.astype(np.str_)
    if array.dtype.kind not in "biufU":
        raise ValueError(f"{name} has dtype {array.dtype}; expected numbers or texts")
    if array.dtype.kind == "f":
        demand(name, ~np.isnan(array), array, "a class")
    return array


def same_kind(name: str, one: npt.NDArray[Any], other_name: str, other: npt.NDArray[Any]) -> None:
    """Refuse to compare texts with numbers."""
    # NumPy would quietly turn the number 1 into the text "1".
    if (one.dtype.kind == "U") != (other.dtype.kind == "U"):
        text, number = (name, other_name) if one.dtype.kind == "U" else (other_name, name)
        raise ValueError(f"{text} holds texts but {number} numbers; expected classes of one kind")


def same_length(name: str, one: npt.NDArray[Any], other_name: str, other: npt.NDArray[Any]) -> None:
    """Refuse arrays of different lengths."""
    if len(one) != len(other):
        raise ValueError(f"{name} has {len(one)} rows but {other_name} has {len(other)}; expected as many")


def coded(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike
) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the sorted classes that occur, and both arguments as places among them."""
    true, predicted = labels("y_true", y_true), labels("y_pred", y_pred)
    same_length("y_true", true, "y_pred", predicted)
    same_kind("y_true", true, "y_pred", predicted)
    classes, places = np.unique(np.concatenate([true, predicted]), return_inverse=True)
    return classes, places[: len(true)], places[len(true) :]


def counts(
    true: npt.NDArray[np.intp], predicted: npt.NDArray[np.intp], weights: npt.NDArray[np.float64], classes: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return, per class, the weight of the rows that are predicted right, that are of it, and that are called it."""
    right = sums(true, weights * (true == predicted), classes)
    support = sums(true, weights, classes)
    claimed = sums(predicted, weights, classes)
    return right, support, claimed


def sums(places: npt.NDArray[np.intp], values: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    """Add up the values of the rows that have each place."""
    return np.bincount(places, weights=values, minlength=size).astype(np.float64, copy=False)


def probabilities(probability: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return probabilities [N] or [N, C], each row adding up to 1."""
    chances = numbers("probability", probability)
    if chances.ndim not in (1, 2) or (chances.ndim == 2 and chances.shape[1] < 2):
        raise ValueError(f"probability has shape {list(chances.shape)}; expected [N], or [N, C] with C at least 2")
    given = np.asarray(probability).dtype
    step = float(np.finfo(given).eps) if given.kind == "f" else float(np.finfo(np.float64).eps)
    # A few steps over 1 is how an average of probabilities rounds; anything more was never a probability.
    within = (chances >= -8 * step) & (chances <= 1 + 8 * step)
    demand("probability", within, chances, "a probability, between 0 and 1")
    if chances.ndim == 2:
        sums = chances.sum(axis=1)  # [N,C] -> [N]
        wrong = np.flatnonzero(np.abs(sums - 1) > np.sqrt(step))
        if wrong.size:
            raise ValueError(f"row {wrong[0]} of probability sums to {sums[wrong[0]]:.9g}; expected 1")
    return np.clip(chances, 0.0, 1.0)


def class_numbers(
    y_true: npt.ArrayLike, columns_of: npt.NDArray[np.float64], name: str = "probability"
) -> npt.NDArray[np.intp]:
    """Return the true classes as whole numbers that are 0 or 1, or columns of the predictions."""
    labels = numbers("y_true", y_true)
    if labels.ndim != 1:
        raise ValueError(f"y_true has shape {list(labels.shape)}; expected [N], one class a row")
    same_length("y_true", labels, name, columns_of)
    columns = 2 if columns_of.ndim == 1 else columns_of.shape[1]
    good = (labels == np.floor(labels)) & (labels >= 0) & (labels < columns)
    demand("y_true", good, labels, f"a class from 0 to {columns - 1}, as {name} has")
    return labels.astype(np.intp)


def regression(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return both arguments as [N, O], and the weights."""
    true, predicted = numbers("y_true", y_true), numbers("y_pred", y_pred)
    # A column [N, 1] against [N] would broadcast to [N, N]: the classic silent mistake.
    if true.shape != predicted.shape or true.ndim not in (1, 2):
        raise ValueError(
            f"y_true has shape {list(true.shape)} but y_pred {list(predicted.shape)}; expected the same, [N] or [N, O]"
        )
    outputs = 1 if true.ndim == 1 else true.shape[1]
    return true.reshape(-1, outputs), predicted.reshape(-1, outputs), weights(sample_weight, len(true))


def one_output(values: npt.NDArray[np.float64]) -> None:
    """Refuse several outputs where one is meant."""
    if values.shape[1] != 1:
        raise ValueError(f"y_true has {values.shape[1]} columns; expected one value a row")
