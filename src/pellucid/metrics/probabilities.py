"""Probabilities and scores against true classes."""

import numpy as np
import numpy.typing as npt

from pellucid.metrics import checked


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
    chances = checked.probabilities(probability)
    classes = checked.class_numbers(y_true, chances)
    weights = checked.weights(sample_weight, len(classes))
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
    chances = checked.probabilities(probability)
    classes = checked.class_numbers(y_true, chances)
    weights = checked.weights(sample_weight, len(classes))
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
    chances = checked.probabilities(probability)
    classes = checked.class_numbers(y_true, chances)
    weights = checked.weights(sample_weight, len(classes))
    if chances.ndim == 1:
        confidence, happened = chances, classes == 1
    else:
        confidence, happened = chances.max(axis=1), chances.argmax(axis=1) == classes
    inner_edges = np.linspace(0.0, 1.0, int(bins) + 1)[1:-1]
    places = np.searchsorted(inner_edges, confidence, side="left")
    # W_k times the difference of the means is the difference of the sums: empty bins need no case of their own.
    gaps = checked.sums(places, weights * (happened - confidence), int(bins))
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
    scores = checked.numbers("score", score)
    if scores.ndim == 1:
        labels = checked.labels("y_true", y_true)
        checked.same_length("y_true", labels, "score", scores)
        weights = checked.weights(sample_weight, len(labels))
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) > 2:
            raise ValueError(f"y_true has {len(classes)} classes, but score one column: pass score of shape [N, C]")
        if len(classes) < 2:
            raise ValueError(f"y_true holds only the class {classes[0].item()!r}; the AUC compares two classes")
        return _pairs_won(codes == 1, scores, weights, f"{classes[1].item()!r} or {classes[0].item()!r}")
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(f"score has shape {list(scores.shape)}; expected [N] or [N, C] with C at least 2")
    codes = checked.class_numbers(y_true, scores, "score")
    weights = checked.weights(sample_weight, len(codes))
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
    positive_at = checked.sums(level, weights * positive, len(levels))  # [G]
    negative_at = checked.sums(level, weights * ~positive, len(levels))  # [G]
    negative_below = np.cumsum(negative_at) - negative_at
    won = positive_at / positive_total * (negative_below + negative_at / 2) / negative_total
    # Rounding alone could step over the ends, and a perfect score should be told as 1.
    return float(np.clip(won.sum(), 0.0, 1.0))
