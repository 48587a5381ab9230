"""What the estimators' ``trace`` and ``diagnose`` do: a network's trace and diagnosis, in the names of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from pellucid.arrays import Array
from pellucid.estimators.fitting import Given
from pellucid.insight.checks.examination import Examination, Records, Words, records_of
from pellucid.insight.diagnosis import Diagnosis, judge
from pellucid.insight.names import distinct
from pellucid.insight.tracing import Trace, trace
from pellucid.optimizers import Optimizer
from pellucid.penalties import Penalty

if TYPE_CHECKING:
    from pellucid.estimators.base import MLP
    from pellucid.network import Fitted, Network

LONGEST_LABEL = 28
WORDS = Words(
    validation="early_stopping=True or fit(..., X_val=..., y_val=...)",
    stopping="early_stopping=True, a larger alpha, dropout",
    more_epochs="A larger max_iter; or warm_start=True, and fit(...) goes on from here",
    rate="learning_rate_init",
    range_of_rates="",
    class_weights='class_weight="balanced"',
)


def trace_of(
    estimator: MLP,
    X: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    optimizer: Optimizer | str | None = None,
) -> Trace:
    """Record one update on a batch of records, with every number of it; without ``y``, one prediction.

    It is the update that `fit` or `partial_fit` would make of just these records: with their loss, the share of the
    penalty that so many records pay, the clipping, and the optimizer with its memory and its present rate. (Layers that
    draw at random, such as dropout, draw anew.) The estimator stays as it is.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted.
    X : array-like [B, n_features_in_]
        The records, dense.
    y : array-like [B] or [B, T], optional
        Their labels or targets, as for `fit`.
    sample_weight : array-like [B], optional
        What each record counts.
    optimizer : Optimizer or str, optional
        In place of the estimator's own, without a memory.

    Returns
    -------
    Trace
        Inputs are called by ``feature_names_in_``, and the outputs of a classifier by the labels that they speak for.

    Raises
    ------
    ValueError, TypeError
        If the estimator is not fitted, or the input cannot be used: scikit-learn's messages.

    Examples
    --------
    >>> from pellucid.estimators import MLPClassifier
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), ["no", "no", "yes", "yes"]
    >>> mlp = MLPClassifier((4,), solver="sgd", max_iter=2000, random_state=0).fit(X, y)
    >>> step = trace_of(mlp, X, y)
    >>> bool(np.allclose(1 / (1 + np.exp(-step.output[:, 0])), mlp.predict_proba(X)[:, 1], rtol=1e-12))
    True
    >>> step.loss.target.ravel()
    array([0., 0., 1., 1.])
    """
    network, fitted = _trained(estimator)
    names, labels = input_names(estimator), output_names(estimator)
    if y is None:
        for name, value in (("sample_weight", sample_weight), ("optimizer", optimizer)):
            if value is not None:
                raise ValueError(f"{name} is for an update, which needs y; without y a prediction is traced")
        return trace(network, _dense(estimator, X), feature_names=names, output_names=labels)
    x, target, weights = _batch(estimator, X, y, sample_weight)
    counted = len(x) if weights is None else float(weights.sum())
    factor = estimator._rate_factor if optimizer is None else 1.0
    learning = [name for name, parameters in network.parameters.items() if parameters]
    return trace(
        network,
        x,
        target,
        loss=fitted.loss,
        optimizer=optimizer,
        sample_weight=weights,
        penalty=Penalty(l2=float(estimator.alpha) / counted) if estimator.alpha else None,
        clip_norm=estimator.clip_norm,
        rate_multipliers=None if factor == 1 else dict.fromkeys(learning, factor),
        feature_names=names,
        output_names=labels,
    )


def diagnose_of(estimator: MLP, X: Any = None, y: Any = None, X_val: Any = None, y_val: Any = None) -> Diagnosis:
    """Look for what commonly goes wrong: in the network, its training, and its table, whose columns it names.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted.
    X : array-like [N, n_features_in_], optional
        The records that it learnt from, dense. Without them, what needs records is not checked.
    y : array-like [N] or [N, T], optional
        Their labels or targets.
    X_val, y_val : array-like, optional
        Records that it did not learn from: the two are compared.

    Returns
    -------
    Diagnosis

    Raises
    ------
    ValueError, TypeError
        If the estimator is not fitted, X is given without y, or the input cannot be used: scikit-learn's messages.

    Examples
    --------
    >>> import pandas
    >>> from pellucid.estimators import MLPRegressor
    >>> generator = np.random.default_rng(0)
    >>> homes = pandas.DataFrame({"area": generator.uniform(-1, 1, 300), "rooms": 3.0})
    >>> mlp = MLPRegressor(solver="lbfgs", random_state=0).fit(homes, homes["area"] ** 2)
    >>> found = diagnose_of(mlp, homes, homes["area"] ** 2)
    >>> [finding.where for finding in found.findings if finding.kind == "constant_columns"]
    ["column 'rooms'"]
    """
    network, fitted = _trained(estimator)
    for one, other, given in (("X", "y", (X, y)), ("y", "X", (y, X)), ("X_val", "X", (X_val, X))):
        if given[0] is not None and given[1] is None:
            raise ValueError(f"{one} is given without {other}; give both")
    records = None if X is None else _records(estimator, network, fitted, X, y)
    held_out = None
    if Given(X, y, None, X_val, y_val).validated:
        try:
            held_out = _records(estimator, network, fitted, X_val, y_val)
        except (ValueError, TypeError) as problem:
            raise type(problem)(f"X_val, y_val: {problem}") from None
    return judge(
        Examination(
            network.copy(),
            fitted.loss,
            fitted.penalty,
            records,
            held_out,
            input_names(estimator),
            why_no_records="it needs the records that were learnt from: X and y",
            why_not_held_out="it needs records that were held out: X_val and y_val",
            words=WORDS,
        )
    )


def input_names(estimator: MLP) -> tuple[str, ...]:
    """Return the names of the columns that an estimator learnt from; if they had none, as scikit-learn: x0, x1 ..."""
    unnamed = [f"x{place}" for place in range(estimator.n_features_in_)]
    return distinct([str(name) for name in getattr(estimator, "feature_names_in_", unnamed)])


def output_names(estimator: MLP) -> tuple[str, ...]:
    """Return the labels that a classifier's outputs speak for; of two classes, the second. Of a regressor, none.

    Examples
    --------
    >>> from pellucid.estimators import MLPClassifier
    >>> output_names(MLPClassifier(solver="lbfgs", random_state=0).fit([[0.0], [1.0]], ["no", "yes"]))
    ('yes',)
    """
    if not is_classifier(estimator):
        return ()
    several = estimator._label_binarizer.y_type_.startswith("multilabel")
    labels = [f"label {label}" if several else str(label) for label in estimator.classes_.tolist()]
    shown = [label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 3]}..." for label in labels]
    return distinct(shown if estimator.network_.outputs[0] == len(labels) else shown[-1:])


def _trained(estimator: MLP) -> tuple[Network, Fitted]:
    """Return the estimator's network, with the weights that it has now, and what it knows of its training."""
    check_is_fitted(estimator)
    network = estimator._current_network()
    assert network.fitted is not None
    return network, network.fitted


def _dense(estimator: MLP, X: Any) -> Array:
    """Return records as an array, checked as scikit-learn checks them; it refuses sparse ones by their name."""
    x: Array = validate_data(estimator, X, dtype=(np.float64, np.float32), reset=False)
    return x.astype(estimator.network_.dtype, copy=False)


def _batch(estimator: MLP, X: Any, y: Any, sample_weight: Any = None) -> tuple[Array, Array, Array | None]:
    """Return checked records, targets as the loss takes them, and what each record counts in training."""
    x = _dense(estimator, X)
    _, labels = estimator._checked(X, y, True, False)
    if sample_weight is not None:
        sample_weight = _check_sample_weight(sample_weight, x)
    return x, estimator._target(labels, x.dtype), estimator._weights_for(labels, sample_weight, labels)


def _records(estimator: MLP, network: Network, fitted: Fitted, X: Any, y: Any) -> Records:
    x, target, weights = _batch(estimator, X, y)
    return records_of(network, fitted.loss, x, target, weights)
