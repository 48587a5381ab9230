"""How good predictions are, beside those of someone who never looked at the inputs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid import metrics
from pellucid.losses.loss import Loss
from pellucid.tables.scaler import Numbers
from pellucid.tables.target import Target

Rows = NDArray[np.intp]

WORST_ROWS = 5


@dataclass(frozen=True)
class Worst:
    """A row that was predicted badly.

    Attributes
    ----------
    row : int
        Its place in the table, from 0.
    true, predicted : label or float
        In the target's own type or units.
    sure : float
        The probability that was given to the predicted class; for numbers, predicted less true.
    """

    row: int
    true: Any
    predicted: Any
    sure: float


@dataclass(frozen=True)
class Evaluation:
    """The figures of a model on some rows, and where it is most wrong.

    Attributes
    ----------
    rows : int
        How many rows were predicted.
    figures : dict of str to (float, float)
        For classes ``accuracy``, ``log-loss``, ``AUC``, ``F1`` (of two classes: of the second) and ``calibration
        error``, for numbers ``RMSE``, ``MAE`` and ``R2``: first of the model, then of always giving the training rows'
        largest class, their class shares, or their mean. Counts have a ``deviance`` (Poisson's, its mean), quantiles a
        ``pinball loss``, and ``within``, the share of rows between the lowest and the highest. AUC is left out where a
        class has no row, R2 where there is one row only.
    worst : list of Worst
        The rows predicted worst, the worst first, at most five: classes by how sure the wrong answer was.

    Examples
    --------
    >>> import polars
    >>> from pellucid.tables import TableModel
    >>> frame = polars.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "size": ["S", "S", "L", "L"]})
    >>> evaluation = TableModel("size", epochs=200).fit(frame).evaluate(frame)
    >>> evaluation.rows, evaluation.figures["accuracy"]
    (4, (1.0, 0.5))
    """

    rows: int
    figures: dict[str, tuple[float, float]]
    worst: list[Worst]


class Crossed(NamedTuple):
    """What a cross-validation found, for a report.

    Attributes
    ----------
    folds : int
    evaluation : Evaluation
    predicted : array [N]
        Of each row the number of the class, or the number, that a model predicted that had not seen it.
    chances : array [N, C], optional
        The probability of each class.
    """

    folds: int
    evaluation: Evaluation
    predicted: NDArray[Any]
    chances: Numbers | None = None


def judge_classes(
    target: Target,
    shares: Numbers,
    loss: Loss,
    codes: Rows,
    output: Numbers,
    probability: Numbers,
    rows: Rows,
    threshold: float = 0.5,
) -> Evaluation:
    """Judge classes.

    Parameters
    ----------
    target : Target
    shares : array [C]
        Of the classes among the training rows: what someone guesses who does not look.
    loss : Loss
        On the network's logits.
    codes : array [N]
        The true classes.
    output, probability : array [N, O], [N, C]
        The logits, and what the loss makes of them.
    rows : array [N]
        The rows' numbers in the table.
    threshold : float
        From which probability on the second of two classes is predicted.
    """
    predicted = choice(output, threshold)
    # From the logits: a probability so small that it rounds to 0 still has its true, finite loss.
    losses, _ = loss.forward(output, loss.encode(codes, output.shape[1], output.dtype))  # [N,1]
    with np.errstate(divide="ignore"):
        surprise = -np.log(shares)  # [C]
    largest = np.full(len(codes), shares.argmax())
    figures = {
        "accuracy": (metrics.accuracy(codes, predicted), metrics.accuracy(codes, largest)),
        "log-loss": (float(losses.mean()), float(surprise[codes].mean())),
    }
    if len(np.unique(codes)) == len(shares):
        figures["AUC"] = (metrics.roc_auc(codes, output[:, 0] if output.shape[1] == 1 else probability), 0.5)
    average: Literal["binary", "macro"] = "binary" if len(shares) == 2 else "macro"
    f1_of_both = (metrics.f1(codes, said, average=average) for said in (predicted, largest))
    figures["F1"] = (next(f1_of_both), next(f1_of_both))
    figures["calibration error"] = (
        metrics.calibration_error(codes, probability),
        metrics.calibration_error(codes, np.tile(shares, (len(codes), 1))),
    )
    sure, wrong = probability[np.arange(len(codes)), predicted], predicted != codes  # [N]
    # Those surely wrong first, then by the loss; then those right that were least sure.
    order = np.lexsort((-losses[:, 0], np.where(wrong, -sure, sure), ~wrong))[:WORST_ROWS]
    true, said = target.labels(codes[order]).tolist(), target.labels(predicted[order]).tolist()
    worst = [Worst(*found) for found in zip(rows[order].tolist(), true, said, sure[order].tolist(), strict=True)]
    return Evaluation(len(codes), figures, worst)


def judge_numbers(
    target: Target, summary: Mapping[str, Numbers], y: Numbers, predicted: Numbers, rows: Rows
) -> Evaluation:
    """Judge numbers.

    Parameters
    ----------
    target : Target
    summary : dict
        Of the target among the training rows; its mean is what someone guesses who does not look.
    y : array [N]
        The true values.
    predicted : array [N], or [N, Q] of quantiles
    rows : array [N]
        The rows' numbers in the table.
    """
    mean, std = (float(summary[name][0]) for name in ("mean", "std"))
    quantiles = predicted if predicted.ndim > 1 else None
    if quantiles is not None:
        predicted = quantiles[:, int(np.argmin(np.abs(np.asarray(target.quantiles) - 0.5)))]
    # In standard deviations: squares of a target's own units may overflow.
    true, said, nothing = (y - mean) / std, (predicted - mean) / std, np.zeros(len(y))  # [N]
    figures = {
        "RMSE": (std * metrics.rmse(true, said), std * metrics.rmse(true, nothing)),
        "MAE": (std * metrics.mae(true, said), std * metrics.mae(true, nothing)),
    }
    if len(y) > 1:
        figures["R2"] = (metrics.r2(true, said), metrics.r2(true, nothing))
    if target.kind == "count":
        expected = np.maximum(predicted, np.finfo(np.float64).tiny)
        deviance = metrics.mean_poisson_deviance
        figures["deviance"] = (deviance(y, expected), deviance(y, np.full(len(y), mean)))
    if quantiles is not None:
        constant = np.tile(_constant_quantiles(target, summary), (len(y), 1))
        figures["pinball loss"] = (_pinball(target, y, quantiles), _pinball(target, y, constant))
        figures["within"] = (_within(y, quantiles), _within(y, constant))
    order = np.argsort(-np.abs(true - said), kind="stable")[:WORST_ROWS]
    off = (predicted - y)[order].tolist()
    found = zip(rows[order].tolist(), y[order].tolist(), predicted[order].tolist(), off, strict=True)
    return Evaluation(len(y), figures, [Worst(*each) for each in found])


def _pinball(target: Target, y: Numbers, quantiles: Numbers) -> float:
    """Return the mean pinball loss over all quantiles."""
    each = [metrics.pinball(y, said, quantile=q) for said, q in zip(quantiles.T, target.quantiles, strict=True)]
    return float(np.mean(each))


def _within(y: Numbers, quantiles: Numbers) -> float:
    return float(np.mean((quantiles[:, 0] <= y) & (y <= quantiles[:, -1])))


def _constant_quantiles(target: Target, summary: Mapping[str, Numbers]) -> Numbers:
    """Return the training rows' own quantiles, read off their eighths."""
    return np.interp(target.quantiles, np.linspace(0, 1, len(summary["eighths"])), summary["eighths"])


def choice(output: Numbers, threshold: float = 0.5) -> Rows:
    """Return the likeliest class of each row, from the logits [N, O]; of two, the second from a probability on.

    Examples
    --------
    >>> choice(np.array([[0.5], [-2.0]])).tolist(), choice(np.array([[0.1, 0.3, 0.2]])).tolist()
    ([1, 0], [1])
    >>> choice(np.array([[0.5], [-2.0]]), threshold=0.1).tolist()
    [1, 1]
    """
    if output.shape[1] > 1:
        return np.asarray(output.argmax(axis=1))
    return np.asarray(output[:, 0] > math.log(threshold / (1 - threshold)), dtype=np.intp)
