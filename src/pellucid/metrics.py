"""How good are predictions? Figures for classes, probabilities and numbers, on NumPy alone.

Every function takes the truth first, then the predictions, and ``sample_weight`` by keyword: one weight a row, such
that a row of weight 2 counts as the same row given twice. Nothing is broadcast: lengths that differ are an error.
Sums are taken in float64 whatever the input's type. The agreement with scikit-learn is tested figure by figure; where
a definition leaves a choice (division by zero, ties), the docstring says which one is made.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

# ---------------------------------------------------------------------------------------------------------------------
# Classes against classes
# ---------------------------------------------------------------------------------------------------------------------


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
    _, true, predicted = _coded(y_true, y_pred)
    return float(np.average(true == predicted, weights=_weights(sample_weight, len(true))))


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
    classes, true, predicted = _coded(y_true, y_pred)
    weights = _weights(sample_weight, len(true))
    right, support, _ = _counts(true, predicted, weights, len(classes))
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
    classes, true, predicted = _coded(y_true, y_pred)
    weights = _weights(sample_weight, len(true))
    right, support, claimed = _counts(true, predicted, weights, len(classes))
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
    true_labels, predicted_labels = _labels("y_true", y_true), _labels("y_pred", y_pred)
    classes, true, predicted = _coded(true_labels, predicted_labels)
    size = len(classes)
    if labels is not None:
        wanted = _labels("labels", labels)
        _same_kind("labels", wanted, "y_true", true_labels)
        listed = {name: place for place, name in enumerate(wanted.tolist())}
        if len(listed) < len(wanted):
            raise ValueError("labels names a class twice; expected each once")
        missing = [name for name in classes.tolist() if name not in listed]
        if missing:
            raise ValueError(f"labels lacks the class {missing[0]!r}, which occurs in y_true or y_pred: add it")
        places = np.array([listed[name] for name in classes.tolist()])
        true, predicted, size = places[true], places[predicted], len(wanted)
    weights = None if sample_weight is None else _checked_weights(sample_weight, len(true))
    counts = np.bincount(true * size + predicted, weights=weights, minlength=size * size)
    return counts.reshape(size, size).astype(np.int64 if weights is None else np.float64, copy=False)


# ---------------------------------------------------------------------------------------------------------------------
# Classes against probabilities
# ---------------------------------------------------------------------------------------------------------------------


def log_loss(y_true: npt.ArrayLike, probability: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None) -> float:
    """Return the mean surprise at the true classes, in nats.

    ``- sum_i w_i log p_i[y_true_i] / sum_i w_i``

    Nothing is clipped: a true class that was given the probability 0 makes the figure infinite, as it should be.
    (scikit-learn clips at the smallest step of the dtype. A loss on logits has no such trouble: see `pellucid.losses`.)

    Parameters
    ----------
    y_true : array_like, shape [N]
        The true classes as whole numbers: 0 and 1, or the columns of `probability`.
    probability : array_like, shape [N] or [N, C]
        The probability of class 1, or of each class.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; all equal by default.

    Returns
    -------
    float
        Zero or more, smaller is better.

    Raises
    ------
    ValueError
        As for `accuracy`; and if a probability lies outside 0 to 1, the rows of [N, C] do not sum to 1, or a class is
        none of those that `probability` has.

    Examples
    --------
    >>> log_loss([0, 1], [0.5, 0.25])  # (log 2 + log 4) / 2
    1.0397207708399179
    >>> log_loss([2, 0], [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    0.0

    References
    ----------
    Good, "Rational Decisions", Journal of the Royal Statistical Society B 14, 1952.
    """
    chances = _probabilities(probability)
    classes = _class_numbers(y_true, chances)
    weights = _weights(sample_weight, len(classes))
    counted = weights > 0  # a row of no weight counts for nothing, even where its own loss is infinite
    with np.errstate(divide="ignore"):
        if chances.ndim == 1:
            surprise = np.where(classes == 1, -np.log(chances), -np.log1p(-chances))
        else:
            surprise = -np.log(chances[np.arange(len(classes)), classes])
    # `+ 0.0` turns the -0.0 of a perfect prediction into 0.0.
    return float(np.average(surprise[counted], weights=weights[counted])) + 0.0


def brier(y_true: npt.ArrayLike, probability: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None) -> float:
    """Return the mean squared distance between the probabilities and what happened.

    For [N] probabilities of class 1, and for [N, C] with ``t_i`` the one-hot row of ``y_true_i``::

        sum_i w_i (p_i - y_true_i)^2 / sum_i w_i
        sum_i w_i sum_c (p_i[c] - t_i[c])^2 / sum_i w_i        halved for C = 2

    The half makes the two forms agree for two classes.

    Parameters
    ----------
    y_true : array_like, shape [N]
        The true classes as whole numbers: 0 and 1, or the columns of `probability`.
    probability : array_like, shape [N] or [N, C]
        The probability of class 1, or of each class.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; all equal by default.

    Returns
    -------
    float
        Between 0 and 1 for two classes, between 0 and 2 for more; smaller is better.

    Raises
    ------
    ValueError
        As for `log_loss`.

    Examples
    --------
    >>> brier([0, 1], [0.5, 0.5])
    0.25
    >>> brier([0, 1], [[0.5, 0.5], [0.5, 0.5]])
    0.25

    References
    ----------
    Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78, 1950.
    """
    chances = _probabilities(probability)
    classes = _class_numbers(y_true, chances)
    weights = _weights(sample_weight, len(classes))
    if chances.ndim == 1:
        return float(np.average((chances - classes) ** 2, weights=weights))
    columns = chances.shape[1]
    squares = (chances - np.eye(columns)[classes]) ** 2  # [N,C]
    distances = squares.sum(axis=1)  # [N,C] -> [N]
    return float(np.average(distances, weights=weights)) * (0.5 if columns == 2 else 1.0)


def calibration_error(
    y_true: npt.ArrayLike,
    probability: npt.ArrayLike,
    *,
    bins: int = 10,
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """Return the expected calibration error: how far probabilities are from the frequencies they promise.

    Rows fall into equally wide bins ``(k / bins, (k + 1) / bins]`` by their confidence, with 0 in the first. With
    ``W_k`` the bin's share of the weight, and both means weighted::

        sum_k W_k | mean_k(happened) - mean_k(confidence) |

    For [N] probabilities the confidence is the probability of class 1, and what happened is class 1. For [N, C] the
    confidence is the largest probability of the row, and what happened is that its class was the true one (the first
    of equals). So the two forms ask different questions and differ for two classes too.

    Parameters
    ----------
    y_true : array_like, shape [N]
        The true classes as whole numbers: 0 and 1, or the columns of `probability`.
    probability : array_like, shape [N] or [N, C]
        The probability of class 1, or of each class.
    bins : int
        How many bins, 1 or more.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; all equal by default.

    Returns
    -------
    float
        Between 0 and 1, smaller is better.

    Raises
    ------
    ValueError
        As for `log_loss`; and if `bins` is not a whole number of at least 1.

    Examples
    --------
    Said 0.75 four times, and it happened twice:

    >>> calibration_error([0, 1, 1, 0], [0.75, 0.75, 0.75, 0.75])
    0.25

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 2.
    """
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise ValueError(f"bins is {bins!r}; expected a whole number of at least 1")
    chances = _probabilities(probability)
    classes = _class_numbers(y_true, chances)
    weights = _weights(sample_weight, len(classes))
    if chances.ndim == 1:
        confidence, happened = chances, classes == 1
    else:
        confidence, happened = chances.max(axis=1), chances.argmax(axis=1) == classes
    inner_edges = np.linspace(0.0, 1.0, int(bins) + 1)[1:-1]
    places = np.searchsorted(inner_edges, confidence, side="left")
    # W_k times the difference of the means is the difference of the sums: empty bins need no case of their own.
    gaps = _sums(places, weights * (happened - confidence), int(bins))
    return float(np.abs(gaps).sum() / weights.sum())


def roc_auc(y_true: npt.ArrayLike, score: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None) -> float:
    """Return the chance that a positive row scores above a negative one.

    Over all pairs of a positive row i and a negative row j; equal scores count half, which is what mid-ranks do::

        sum_ij w_i w_j ([s_i > s_j] + [s_i = s_j] / 2) / sum_ij w_i w_j

    For [N, C] scores it is the mean over the classes of that figure for the class against all others.

    Parameters
    ----------
    y_true : array_like, shape [N]
        For [N] scores two classes, of which the larger (or alphabetically later) is the positive one; for [N, C] the
        columns of `score` as whole numbers.
    score : array_like, shape [N] or [N, C]
        Anything that rises with the chance of the class: a probability, a logit.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; all equal by default.

    Returns
    -------
    float
        Between 0 and 1, larger is better; 0.5 for a score that knows nothing.

    Raises
    ------
    ValueError
        As for `accuracy`; and if a class is absent (or has no weight), for then there are no pairs to compare.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    >>> roc_auc([0, 1, 2], [[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6]])
    1.0

    References
    ----------
    Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
    Radiology 143, 1982; one against the rest: Provost and Domingos, "Well-trained PETs", 2000.
    """
    scores = _numbers("score", score)
    if scores.ndim == 1:
        labels = _labels("y_true", y_true)
        _same_length("y_true", labels, "score", scores)
        weights = _weights(sample_weight, len(labels))
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) > 2:
            raise ValueError(f"y_true has {len(classes)} classes, but score one column: pass score of shape [N, C]")
        if len(classes) < 2:
            raise ValueError(f"y_true holds only the class {classes[0].item()!r}; the AUC compares two classes")
        return _pairs_won(codes == 1, scores, weights, f"{classes[1].item()!r} or {classes[0].item()!r}")
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(f"score has shape {list(scores.shape)}; expected [N] or [N, C] with C at least 2")
    codes = _class_numbers(y_true, scores, "score")
    weights = _weights(sample_weight, len(codes))
    return float(
        np.mean(
            [
                _pairs_won(codes == column, scores[:, column], weights, f"{column} or of the others")
                for column in range(scores.shape[1])
            ]
        )
    )


def _pairs_won(
    positive: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], names: str
) -> float:
    """Return the share of (positive, negative) pairs in which the positive row scores higher; equal ones count half."""
    positive_total, negative_total = weights[positive].sum(), weights[~positive].sum()
    if not (positive_total > 0 and negative_total > 0):
        raise ValueError(f"no row of class {names} has a weight above zero; the AUC compares two classes")
    levels, level = np.unique(scores, return_inverse=True)  # the G different scores, and the place of each row's own
    positive_at = _sums(level, weights * positive, len(levels))  # [G]
    negative_at = _sums(level, weights * ~positive, len(levels))  # [G]
    negative_below = np.cumsum(negative_at) - negative_at
    won = positive_at / positive_total * (negative_below + negative_at / 2) / negative_total
    # Rounding alone could step over the ends, and a perfect score should be told as 1.
    return float(np.clip(won.sum(), 0.0, 1.0))


# ---------------------------------------------------------------------------------------------------------------------
# Numbers against numbers
# ---------------------------------------------------------------------------------------------------------------------


def rmse(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None) -> float:
    """Return the root of the mean squared error.

    ``sqrt(sum_i w_i (y_true_i - y_pred_i)^2 / sum_i w_i)``, and for [N, O] the mean of that over the O outputs.

    Parameters
    ----------
    y_true : array_like, shape [N] or [N, O]
        The true values.
    y_pred : array_like, of the same shape
        The predicted values.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; all equal by default.

    Returns
    -------
    float
        In the unit of `y_true`; zero or more, smaller is better.

    Raises
    ------
    ValueError
        If shapes differ, a value is missing or infinite, or a weight is negative, or all weights are zero.

    Examples
    --------
    >>> rmse([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 8.0])
    2.0

    References
    ----------
    Hyndman and Koehler, "Another look at measures of forecast accuracy", 2006, section 2.1.
    """
    true, predicted, weights = _regression(y_true, y_pred, sample_weight)
    squares = np.average((true - predicted) ** 2, axis=0, weights=weights)  # [N,O] -> [O]
    return float(np.mean(np.sqrt(squares)))


def mae(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None) -> float:
    """Return the mean absolute error.

    ``sum_i w_i |y_true_i - y_pred_i| / sum_i w_i``, and for [N, O] the mean of that over the O outputs.

    Parameters
    ----------
    y_true : array_like, shape [N] or [N, O]
        The true values.
    y_pred : array_like, of the same shape
        The predicted values.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; all equal by default.

    Returns
    -------
    float
        In the unit of `y_true`; zero or more, smaller is better.

    Raises
    ------
    ValueError
        As for `rmse`.

    Examples
    --------
    >>> mae([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 8.0])
    1.0

    References
    ----------
    Hyndman and Koehler, "Another look at measures of forecast accuracy", 2006, section 2.1.
    """
    true, predicted, weights = _regression(y_true, y_pred, sample_weight)
    return float(np.mean(np.average(np.abs(true - predicted), axis=0, weights=weights)))


def r2(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None) -> float:
    """Return the share of the variance of the truth that the predictions explain.

    With ``m`` the weighted mean of `y_true`, and for [N, O] the mean over the O outputs::

        1 - sum_i w_i (y_true_i - y_pred_i)^2 / sum_i w_i (y_true_i - m)^2

    An output whose truth is constant has nothing to explain: 1 if it is predicted exactly, otherwise 0.

    Parameters
    ----------
    y_true : array_like, shape [N] or [N, O]
        The true values, of two rows at least.
    y_pred : array_like, of the same shape
        The predicted values.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; all equal by default.

    Returns
    -------
    float
        At most 1, larger is better; 0 for predicting the mean; no lower end.

    Raises
    ------
    ValueError
        As for `rmse`; and if there is a single row.

    Examples
    --------
    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    1.0
    >>> r2([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    0.0

    References
    ----------
    Draper and Smith, "Applied Regression Analysis", 3rd edition, 1998, chapter 1.
    """
    true, predicted, weights = _regression(y_true, y_pred, sample_weight)
    if len(true) < 2:
        raise ValueError("y_true has one row; R2 compares with the spread of at least two")
    unexplained = np.average((true - predicted) ** 2, axis=0, weights=weights)  # [N,O] -> [O]
    spread = np.average((true - np.average(true, axis=0, weights=weights)) ** 2, axis=0, weights=weights)  # [O]
    # The mean of equal numbers may be off by a rounding step: whether they are equal is asked of the numbers.
    counted = true[weights > 0]
    constant = (counted == counted[0]).all(axis=0) | (spread == 0)  # [O]
    ratio = np.where(unexplained == 0, 0.0, 1.0)
    np.divide(unexplained, spread, out=ratio, where=~constant)
    return float(np.mean(1 - ratio))


def mean_poisson_deviance(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None
) -> float:
    """Return the mean deviance of counts from the rates predicted for them.

    With ``0 log 0 = 0``::

        2 sum_i w_i (y_true_i log(y_true_i / y_pred_i) - y_true_i + y_pred_i) / sum_i w_i

    Parameters
    ----------
    y_true : array_like, shape [N]
        The true counts, zero or more.
    y_pred : array_like, shape [N]
        The predicted means, above zero.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; all equal by default.

    Returns
    -------
    float
        Zero or more, smaller is better.

    Raises
    ------
    ValueError
        As for `rmse`; and if a count is negative or a predicted mean is not above zero.

    Examples
    --------
    >>> mean_poisson_deviance([0, 2], [1.0, 2.0])
    1.0

    References
    ----------
    McCullagh and Nelder, "Generalized Linear Models", 2nd edition, 1989, section 2.3.
    """
    true, predicted, weights = _regression(y_true, y_pred, sample_weight)
    _one_output(true)
    true, predicted = true[:, 0], predicted[:, 0]
    _require("y_true", true >= 0, true, "a count of zero or more")
    _require("y_pred", predicted > 0, predicted, "a mean above zero")
    some = true > 0
    # Two logarithms, for the quotient of a large count and a tiny mean may be infinite while its logarithm is not.
    logarithms = np.zeros_like(true)
    logarithms[some] = true[some] * (np.log(true[some]) - np.log(predicted[some]))
    return float(np.average(2 * (logarithms - true + predicted), weights=weights))


def pinball(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    *,
    quantile: float = 0.5,
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """Return the mean pinball loss, which the named quantile of the truth makes smallest.

    With ``d_i = y_true_i - y_pred_i``, and for [N, O] the mean over the O outputs::

        sum_i w_i max(quantile d_i, (quantile - 1) d_i) / sum_i w_i

    Parameters
    ----------
    y_true : array_like, shape [N] or [N, O]
        The true values.
    y_pred : array_like, of the same shape
        The predicted quantiles.
    quantile : float
        Which quantile is predicted, between 0 and 1; at 0.5, the median, the figure is half of `mae`.
    sample_weight : array_like, shape [N], optional
        The weight of each row, zero or more; all equal by default.

    Returns
    -------
    float
        In the unit of `y_true`; zero or more, smaller is better.

    Raises
    ------
    ValueError
        As for `rmse`; and if `quantile` is not between 0 and 1.

    Examples
    --------
    Too low costs nine times what too high costs, when the 90 % quantile is asked for:

    >>> pinball([10.0], [9.0], quantile=0.9), round(pinball([9.0], [10.0], quantile=0.9), 12)
    (0.9, 0.1)

    References
    ----------
    Koenker and Bassett, "Regression Quantiles", Econometrica 46, 1978.
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"quantile is {quantile!r}; expected a number between 0 and 1")
    true, predicted, weights = _regression(y_true, y_pred, sample_weight)
    difference = true - predicted
    losses = np.maximum(quantile * difference, (quantile - 1) * difference)  # [N,O]
    return float(np.mean(np.average(losses, axis=0, weights=weights)))


# ---------------------------------------------------------------------------------------------------------------------
# What the arguments must be
# ---------------------------------------------------------------------------------------------------------------------


def _numbers(name: str, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
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
    _require(name, np.isfinite(numbers), numbers, "a finite number")
    return numbers


def _require(name: str, good: npt.NDArray[np.bool_], values: npt.NDArray[Any], expected: str) -> None:
    if not good.all():
        place = tuple(int(axis) for axis in np.argwhere(~good)[0])
        shown = "NaN" if np.isnan(values[place]) else repr(values[place].item())
        raise ValueError(f"{name}[{', '.join(map(str, place))}] is {shown}; expected {expected}")


def _weights(sample_weight: npt.ArrayLike | None, rows: int) -> npt.NDArray[np.float64]:
    if sample_weight is None:
        return np.ones(rows)
    weights = _checked_weights(sample_weight, rows)
    # Only the ratios matter; with the largest at 1 no sum of weights can overflow or vanish.
    return np.asarray(weights / weights.max())


def _checked_weights(sample_weight: npt.ArrayLike, rows: int) -> npt.NDArray[np.float64]:
    weights = _numbers("sample_weight", sample_weight)
    if weights.shape != (rows,):
        raise ValueError(f"sample_weight has shape {list(weights.shape)}; expected [{rows}], one weight a row")
    _require("sample_weight", weights >= 0, weights, "a weight of zero or more")
    if not weights.any():
        raise ValueError("sample_weight is zero for every row; expected at least one weight above zero")
    return weights


def _labels(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
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
        _require(name, ~np.isnan(array), array, "a class")
    return array


def _same_kind(name: str, one: npt.NDArray[Any], other_name: str, other: npt.NDArray[Any]) -> None:
    # NumPy would quietly turn the number 1 into the text "1".
    if (one.dtype.kind == "U") != (other.dtype.kind == "U"):
        text, number = (name, other_name) if one.dtype.kind == "U" else (other_name, name)
        raise ValueError(f"{text} holds texts but {number} numbers; expected classes of one kind")


def _same_length(name: str, one: npt.NDArray[Any], other_name: str, other: npt.NDArray[Any]) -> None:
    if len(one) != len(other):
        raise ValueError(f"{name} has {len(one)} rows but {other_name} has {len(other)}; expected as many")


def _coded(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike
) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the sorted classes that occur, and both arguments as places among them."""
    true, predicted = _labels("y_true", y_true), _labels("y_pred", y_pred)
    _same_length("y_true", true, "y_pred", predicted)
    _same_kind("y_true", true, "y_pred", predicted)
    classes, places = np.unique(np.concatenate([true, predicted]), return_inverse=True)
    return classes, places[: len(true)], places[len(true) :]


def _counts(
    true: npt.NDArray[np.intp], predicted: npt.NDArray[np.intp], weights: npt.NDArray[np.float64], classes: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return, per class, the weight of the rows that are predicted right, that are of it, and that are called it."""
    right = _sums(true, weights * (true == predicted), classes)
    support = _sums(true, weights, classes)
    claimed = _sums(predicted, weights, classes)
    return right, support, claimed


def _sums(places: npt.NDArray[np.intp], values: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    """Add up the values of the rows that have each place."""
    return np.bincount(places, weights=values, minlength=size).astype(np.float64, copy=False)


def _probabilities(probability: npt.ArrayLike) -> npt.NDArray[np.float64]:
    chances = _numbers("probability", probability)
    if chances.ndim not in (1, 2) or (chances.ndim == 2 and chances.shape[1] < 2):
        raise ValueError(f"probability has shape {list(chances.shape)}; expected [N], or [N, C] with C at least 2")
    given = np.asarray(probability).dtype
    step = float(np.finfo(given).eps) if given.kind == "f" else float(np.finfo(np.float64).eps)
    # A few steps over 1 is how an average of probabilities rounds; anything more was never a probability.
    within = (chances >= -8 * step) & (chances <= 1 + 8 * step)
    _require("probability", within, chances, "a probability, between 0 and 1")
    if chances.ndim == 2:
        sums = chances.sum(axis=1)  # [N,C] -> [N]
        wrong = np.flatnonzero(np.abs(sums - 1) > np.sqrt(step))
        if wrong.size:
            raise ValueError(f"row {wrong[0]} of probability sums to {sums[wrong[0]]:.9g}; expected 1")
    return np.clip(chances, 0.0, 1.0)


def _class_numbers(
    y_true: npt.ArrayLike, columns_of: npt.NDArray[np.float64], name: str = "probability"
) -> npt.NDArray[np.intp]:
    """Return the true classes as whole numbers that are 0 or 1, or columns of the predictions."""
    labels = _numbers("y_true", y_true)
    if labels.ndim != 1:
        raise ValueError(f"y_true has shape {list(labels.shape)}; expected [N], one class a row")
    _same_length("y_true", labels, name, columns_of)
    columns = 2 if columns_of.ndim == 1 else columns_of.shape[1]
    good = (labels == np.floor(labels)) & (labels >= 0) & (labels < columns)
    _require("y_true", good, labels, f"a class from 0 to {columns - 1}, as {name} has")
    return labels.astype(np.intp)


def _regression(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return both arguments as [N, O], and the weights."""
    true, predicted = _numbers("y_true", y_true), _numbers("y_pred", y_pred)
    # A column [N, 1] against [N] would broadcast to [N, N]: the classic silent mistake.
    if true.shape != predicted.shape or true.ndim not in (1, 2):
        raise ValueError(
            f"y_true has shape {list(true.shape)} but y_pred {list(predicted.shape)}; expected the same, [N] or [N, O]"
        )
    outputs = 1 if true.ndim == 1 else true.shape[1]
    return true.reshape(-1, outputs), predicted.reshape(-1, outputs), _weights(sample_weight, len(true))


def _one_output(values: npt.NDArray[np.float64]) -> None:
    if values.shape[1] != 1:
        raise ValueError(f"y_true has {values.shape[1]} columns; expected one value a row")
