"""Predicted numbers against true ones."""

import numpy as np
import numpy.typing as npt

from pellucid.metrics import checked


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
    true, predicted, weights = checked.regression(y_true, y_pred, sample_weight)
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
    true, predicted, weights = checked.regression(y_true, y_pred, sample_weight)
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
    true, predicted, weights = checked.regression(y_true, y_pred, sample_weight)
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
    true, predicted, weights = checked.regression(y_true, y_pred, sample_weight)
    checked.one_output(true)
    true, predicted = true[:, 0], predicted[:, 0]
    checked.demand("y_true", true >= 0, true, "a count of zero or more")
    checked.demand("y_pred", predicted > 0, predicted, "a mean above zero")
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
    true, predicted, weights = checked.regression(y_true, y_pred, sample_weight)
    difference = true - predicted
    losses = np.maximum(quantile * difference, (quantile - 1) * difference)  # [N,O]
    return float(np.mean(np.average(losses, axis=0, weights=weights)))
