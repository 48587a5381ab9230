"""Predicted classes against true ones."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pellucid.metrics import checked


def accuracy(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None) -> float:
    """Return the share of rows whose class is predicted right.

    ``sum_i w_i [y_true_i = y_pred_i] / sum_i w_i``

    Parameters
    ----------
    y_true : array_like, shape [N]
        The true classes: numbers or texts.
    y_pred : array_like, shape [N]
        The predicted classes.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; all equal by default.

    Returns
    -------
    float
        Between 0 and 1, larger is better.

    Raises
    ------
    ValueError
        If lengths differ, a value is missing, or a weight is negative, or all weights are zero.

    Examples
    --------
    >>> accuracy([0, 1, 1, 0], [0, 1, 0, 0])
    0.75
    >>> accuracy(["cat", "dog"], ["cat", "cat"], sample_weight=[3, 1])
    0.75

    References
    ----------
    Bishop, "Pattern Recognition and Machine Learning", 2006, section 1.5.1.
    """
    _, true, predicted = checked.coded(y_true, y_pred)
    return float(np.average(true == predicted, weights=checked.weights(sample_weight, len(true))))


def balanced_accuracy(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None
) -> float:
    """Return the mean, over the true classes, of the share of the class that is predicted right.

    ``mean_c (sum_{i: y_true_i = c} w_i [y_pred_i = c] / sum_{i: y_true_i = c} w_i)``

    A class that no row of positive weight belongs to has no such share and is left out.

    Parameters
    ----------
    y_true : array_like, shape [N]
        The true classes: numbers or texts.
    y_pred : array_like, shape [N]
        The predicted classes.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; all equal by default.

    Returns
    -------
    float
        Between 0 and 1, larger is better; 1 / (number of classes) for a constant guess.

    Raises
    ------
    ValueError
        As for `accuracy`.

    Examples
    --------
    Always answering "no" is right three times out of four, and worth nothing:

    >>> balanced_accuracy(["no", "no", "no", "yes"], ["no", "no", "no", "no"])
    0.5

    References
    ----------
    Brodersen et al., "The balanced accuracy and its posterior distribution", ICPR 2010.
    """
    classes, true, predicted = checked.coded(y_true, y_pred)
    weights = checked.weights(sample_weight, len(true))
    right, support, _ = checked.counts(true, predicted, weights, len(classes))
    present = support > 0
    return float(np.mean(right[present] / support[present]))


def f1(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    *,
    average: Literal["binary", "macro"] = "binary",
    positive: object = 1,
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """Return the harmonic mean of precision and recall.

    With the weights of the rows that are c and predicted so (``TP_c``), predicted c wrongly (``FP_c``), and c but
    missed (``FN_c``)::

        F1_c = 2 TP_c / (2 TP_c + FP_c + FN_c)        0 where that is 0 / 0

    ``"binary"`` is F1 of the positive class; ``"macro"`` is the mean of F1 over all classes that occur in `y_true` or
    in `y_pred`.

    Parameters
    ----------
    y_true : array_like, shape [N]
        The true classes: numbers or texts.
    y_pred : array_like, shape [N]
        The predicted classes.
    average : {"binary", "macro"}
        One class against the other, or all classes alike.
    positive
        The positive class of ``"binary"``.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; all equal by default.

    Returns
    -------
    float
        Between 0 and 1, larger is better.

    Raises
    ------
    ValueError
        As for `accuracy`; and for ``"binary"`` with more than two classes, or with two of which none is `positive`.

    Examples
    --------
    >>> f1([0, 1, 1, 1], [0, 1, 0, 1])
    0.8
    >>> f1(["a", "b", "c"], ["a", "b", "b"], average="macro")
    0.5555555555555555

    References
    ----------
    van Rijsbergen, "Information Retrieval", 2nd edition, 1979, chapter 7.
    """
    if average not in ("binary", "macro"):
        raise ValueError(f"average is {average!r}; expected 'binary' or 'macro'")
    classes, true, predicted = checked.coded(y_true, y_pred)
    weights = checked.weights(sample_weight, len(true))
    right, support, claimed = checked.counts(true, predicted, weights, len(classes))
    both = support + claimed  # 2 TP + FP + FN
    scores = np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)  # [C]
    if average == "macro":
        return float(np.mean(scores))
    names = classes.tolist()
    if len(names) > 2:
        raise ValueError(f"average='binary' is for two classes, found {len(names)}: pass average='macro'")
    if positive in names:
        return float(scores[names.index(positive)])
    if len(names) == 2:
        raise ValueError(f"positive={positive!r} is none of the classes {names}: name one of them")
    return 0.0  # one class, the negative one: nothing to find, and nothing found


def confusion_matrix(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    *,
    labels: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
) -> npt.NDArray[Any]:
    """Count the rows of each true class by the class predicted for them.

    ``M[a, b] = sum_i w_i [y_true_i = labels_a and y_pred_i = labels_b]``

    Parameters
    ----------
    y_true : array_like, shape [N]
        The true classes: numbers or texts.
    y_pred : array_like, shape [N]
        The predicted classes.
    labels : array_like, shape [C], optional
        The classes in the order wanted; by default all that occur, sorted.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; without it rows are counted.

    Returns
    -------
    numpy.ndarray, shape [C, C]
        A row for each true class, a column for each predicted one; int64 counts, or float64 sums of weights.

    Raises
    ------
    ValueError
        As for `accuracy`; and if `labels` repeats a class or lacks one that occurs.

    Examples
    --------
    >>> confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1])
    array([[1, 1],
           [0, 2]])

    References
    ----------
    Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2nd edition, 2009, section 9.2.5.
    """
    true_labels, predicted_labels = checked.labels("y_true", y_true), checked.labels("y_pred", y_pred)
    classes, true, predicted = checked.coded(true_labels, predicted_labels)
    size = len(classes)
    if labels is not None:
        wanted = checked.labels("labels", labels)
        checked.same_kind("labels", wanted, "y_true", true_labels)
        listed = {name: place for place, name in enumerate(wanted.tolist())}
        if len(listed) < len(wanted):
            raise ValueError("labels names a class twice; expected each once")
        missing = [name for name in classes.tolist() if name not in listed]
        if missing:
            raise ValueError(f"labels lacks the class {missing[0]!r}, which occurs in y_true or y_pred: add it")
        places = np.array([listed[name] for name in classes.tolist()])
        true, predicted, size = places[true], places[predicted], len(wanted)
    weights = None if sample_weight is None else checked.checked_weights(sample_weight, len(true))
    counts = np.bincount(true * size + predicted, weights=weights, minlength=size * size)
    return counts.reshape(size, size).astype(np.int64 if weights is None else np.float64, copy=False)
