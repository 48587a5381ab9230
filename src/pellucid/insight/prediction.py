"""What a network predicts, in the terms of its loss: numbers, probabilities of classes, or scores of classes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from pellucid import checks
from pellucid.arrays import Array
from pellucid.insight.categories import category_columns
from pellucid.insight.member import single
from pellucid.losses import Hinge, Loss
from pellucid.network import Network, resolve_loss

Kind = Literal["probabilities", "scores", "numbers"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """A function from records to predictions, and what the predictions are.

    Pictures take one in a network's place: for a model of a table in its own units, or any function of your own.

    Attributes
    ----------
    function : function
        From records [N, I] to predictions [N, O].
    inputs : int
        I, the number of features of a record.
    kind : "numbers", "probabilities" or "scores"
        Probabilities and scores have one column a class; the class predicted is the one with the largest.
    categories : mapping of int to int
        The features that hold category numbers, from 0, and how many categories there are.
    labels : mapping of int to sequence of str
        What the whole numbers of a feature stand for, from 0, where it is known: pictures write that in their place.

    Examples
    --------
    >>> ramp = Prediction(lambda X: X[:, :1] + X[:, 1:], inputs=2)
    >>> ramp(np.array([[1.0, 2.0]]))
    array([[3.]])
    """

    function: Callable[[Array], Array]
    inputs: int
    kind: Kind = "numbers"
    categories: Mapping[int, int] = field(default_factory=dict)
    labels: Mapping[int, Sequence[str]] = field(default_factory=dict)

    def __call__(self, X: Array) -> Array:
        """Return the predictions [N, O] in float64.

        Raises
        ------
        ValueError
            If the function gives something else than one row of finite numbers a record.
        """
        found = np.asarray(self.function(X), dtype=np.float64)
        if found.ndim == 1:
            found = found[:, None]
        if found.ndim != 2 or len(found) != len(X):
            raise ValueError(
                f"predict gave an array of shape {found.shape} for {len(X)} records; expected ({len(X)}, outputs)"
            )
        if not np.isfinite(found).all():
            row = int(np.argwhere(~np.isfinite(found))[0, 0])
            raise ValueError(
                f"the prediction for the record {X[row].tolist()} is not finite ({found[row].tolist()}); "
                "choose values nearer to those learnt from, or look at the network with pellucid.insight.trace"
            )
        return found

    @property
    def is_of_classes(self) -> bool:
        """Whether classes are predicted."""
        return self.kind != "numbers"


def prediction_of(predictor: "Network | Prediction", *, loss: Loss | str | None = None, member: int = 0) -> Prediction:
    """Return what a network predicts, by this rule.

    1. The loss is the one given, or else that of the last training; its link is applied to the output.
    2. A loss on logits gives probabilities, ``Hinge`` scores of classes.
    3. With any other loss, or none, a network that ends in Sigmoid or Softmax gives probabilities.
    4. Everything else gives numbers; of ``GaussianNLL`` only the means.

    A single column p of class 1 becomes two, 1 - p and p (and a score s becomes -s and s). Several columns are one
    for each class, also where they are sigmoids: one class against the rest.

    Parameters
    ----------
    predictor : Network or Prediction
        A `Prediction` is returned as it is.
    loss : Loss or its short name, optional
        By default that of the last training.
    member : int
        Which of K members.

    Returns
    -------
    Prediction

    Raises
    ------
    ValueError, TypeError
        If it is no network, its records are no flat rows, or the loss does not fit it.

    Examples
    --------
    >>> from pellucid import Dense, Sigmoid
    >>> network = Network(2, [Dense(1), Sigmoid()], seed=0)
    >>> network.theta = [1.0, 1.0, 0.0]
    >>> prediction = prediction_of(network)
    >>> prediction.kind, prediction(np.array([[0.0, 0.0]]))
    ('probabilities', array([[0.5, 0.5]]))
    """
    if isinstance(predictor, Prediction):
        if loss is not None:
            raise ValueError("loss says how a network's output is read; a Prediction says so itself: leave loss out")
        return predictor
    if not isinstance(predictor, Network):
        raise TypeError(
            f"expected a Network or a pellucid.insight.prediction.Prediction, found a {type(predictor).__name__}; "
            "wrap a function of records: Prediction(function, inputs=...)"
        )
    network = single(predictor, member)
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        shape = network.inputs if len(network.inputs) != 1 else network.outputs
        raise ValueError(f"features are columns: records must be flat rows, this network's have the shape {shape}")
    known = None if loss is None and network.fitted is None else resolve_loss(loss, network)
    return Prediction(_function(network, known), network.inputs[0], _kind(network, known), category_columns(network))


def _kind(network: Network, loss: Loss | None) -> Kind:
    if loss is not None and loss.from_logits:
        return "probabilities"
    if isinstance(loss, Hinge):
        return "scores"
    return "probabilities" if type(network.layers[-1]).__name__ in ("Sigmoid", "Softmax") else "numbers"


def _function(network: Network, loss: Loss | None) -> Callable[[Array], Array]:
    kind = _kind(network, loss)
    means_only = type(loss).__name__ == "GaussianNLL"

    def predict(X: Array) -> Array:
        output = network.predict(X)
        if loss is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                output = loss.link(output)
        output = output.astype(np.float64)
        if means_only:
            return output[:, : output.shape[1] // 2]
        if kind == "numbers" or output.shape[1] > 1:
            return output
        other = 1 - output if kind == "probabilities" else -output
        return np.hstack([other, output])  # [N,1], [N,1] -> [N,2]

    return predict


def checked_records(X: Any, inputs: int) -> Array:
    """Return the rows of a table [N, I] as finite float64; refuse other shapes, and a table without rows."""
    rows = checks.inputs(X, (inputs,), np.dtype(np.float64))
    if not len(rows):
        raise ValueError("X has no records: there is nothing to predict")
    return rows


def checked_feature(feature: Any, inputs: int, argument: str) -> int:
    """Return the number of a feature, from 0; refuse what is no whole number or is out of range."""
    if isinstance(feature, bool) or not isinstance(feature, int | np.integer):
        raise TypeError(f"{argument} must be the number of a feature, from 0 to {inputs - 1}, found {feature!r}")
    if not 0 <= feature < inputs:
        raise ValueError(f"{argument} must lie between 0 and {inputs - 1}, found {feature}")
    return int(feature)


def sampled(rows: Array, most: int, seed: int = 0) -> Array:
    """Return the rows, or where there are more than ``most``, as many chosen by the seed, in their order."""
    if len(rows) <= most:
        return rows
    chosen: Array = rows[np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))]
    return chosen
