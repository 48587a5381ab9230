"""How good predictions are, beside those of someone who never looked at the inputs."""

from dataclasses import dataclass
from typing import Any

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
        For classes ``accuracy``, ``log-loss`` and ``AUC``, for numbers ``RMSE``, ``MAE`` and ``R2``: first of the
        model, then of always giving the training rows' largest class, their class shares, or their mean. AUC is
        left out where a class has no row, R2 where there is one row only.
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


def judge_classes(
    target: Target, shares: Numbers, loss: Loss, codes: Rows, output: Numbers, probability: Numbers, rows: Rows
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
    """
    predicted = choice(output)
    # From the logits: a probability so small that it rounds to 0 still has its true, finite loss.
    losses, _ = loss.forward(output, loss.encode(codes, output.shape[1], output.dtype))  # [N,1]
    with np.errstate(divide="ignore"):
        surprise = -np.log(shares)  # [C]
    figures = {
        "accuracy": (metrics.accuracy(codes, predicted), float(np.mean(codes == shares.argmax()))),
        "log-loss": (float(losses.mean()), float(surprise[codes].mean())),
    }
    if len(np.unique(codes)) == len(shares):
        figures["AUC"] = (metrics.roc_auc(codes, output[:, 0] if output.shape[1] == 1 else probability), 0.5)
    sure, wrong = probability[np.arange(len(codes)), predicted], predicted != codes  # [N]
    # Those surely wrong first, then by the loss; then those right that were least sure.
    order = np.lexsort((-losses[:, 0], np.where(wrong, -sure, sure), ~wrong))[:WORST_ROWS]
    true, said = target.labels(codes[order]).tolist(), target.labels(predicted[order]).tolist()
    worst = [Worst(*found) for found in zip(rows[order].tolist(), true, said, sure[order].tolist(), strict=True)]
    return Evaluation(len(codes), figures, worst)


def judge_numbers(mean: float, std: float, y: Numbers, output: Numbers, predicted: Numbers, rows: Rows) -> Evaluation:
    """Judge numbers.

    Parameters
    ----------
    mean, std : float
        Of the target among the training rows; the mean is what someone guesses who does not look.
    y, predicted : array [N]
        The true and the predicted values.
    output : array [N]
        The predicted values in standard deviations from the mean.
    rows : array [N]
        The rows' numbers in the table.
    """
    # In standard deviations: squares of a target's own units may overflow.
    true, nothing = (y - mean) / std, np.zeros(len(y))  # [N]
    figures = {
        "RMSE": (std * metrics.rmse(true, output), std * metrics.rmse(true, nothing)),
        "MAE": (std * metrics.mae(true, output), std * metrics.mae(true, nothing)),
    }
    if len(y) > 1:
        figures["R2"] = (metrics.r2(true, output), metrics.r2(true, nothing))
    order = np.argsort(-np.abs(true - output), kind="stable")[:WORST_ROWS]
    off = (predicted - y)[order].tolist()
    found = zip(rows[order].tolist(), y[order].tolist(), predicted[order].tolist(), off, strict=True)
    return Evaluation(len(y), figures, [Worst(*each) for each in found])


def choice(output: Numbers) -> Rows:
    """Return the likeliest class of each row, from the logits [N, O].

    Examples
    --------
    >>> choice(np.array([[0.5], [-2.0]])).tolist(), choice(np.array([[0.1, 0.3, 0.2]])).tolist()
    ([1, 0], [1])
    """
    return output.argmax(axis=1) if output.shape[1] > 1 else (output[:, 0] > 0).astype(np.intp)
