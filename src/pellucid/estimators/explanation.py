"""Why an estimator, or a pipeline that ends in one, predicts what it predicts for a row: in the table's own units."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from pellucid.estimators.base import MLP
from pellucid.estimators.insight import output_names
from pellucid.estimators.regressor import median_of
from pellucid.insight.categories import category_columns
from pellucid.insight.names import distinct
from pellucid.losses import Loss, Poisson, Quantile
from pellucid.tables.explanation import Explanation, checked_row, explained
from pellucid.tables.explanation_subject import Exp, Scaling, Subject, Wording
from pellucid.tables.nearest_change import Value
from pellucid.tables.scaler import Numbers, Scaler
from pellucid.tables.target import Kind, Target, Type

SCALERS = (StandardScaler, MinMaxScaler, RobustScaler, MaxAbsScaler)
ROWS_OF_X = Wording(
    "the mean of the rows of X", "column means of X", "the other rows of X", "the rows of X", "the range of X", 0
)


def explain(estimator: MLP | Pipeline, X: Any, row: int, *, output: int = 0) -> Explanation:
    """Explain the prediction of one row: what each column pushed, the nearest other answer, and every number.

    The pushes divide the difference between the prediction for this row and that for the mean row of X among the
    columns, by integrated gradients: they add up to it. They are in the target's units, or in the log-odds of the
    class predicted. X is what the row is compared with: the table learnt from, or one like it. An unusual value is
    one far outside all other rows of X.

    In a pipeline, the scalers that come last before the estimator (StandardScaler, MinMaxScaler, RobustScaler,
    MaxAbsScaler) are undone: columns and values are those that the first of these scalers takes. Where nothing comes
    before it, those are X's own.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, or a Pipeline that ends in one
        Fitted.
    X : array-like [N, n_features_in_]
        Two rows or more, dense.
    row : int
        Which of them, from 0.
    output : int
        Which column of y, from 0, where it has several.

    Returns
    -------
    Explanation

    Raises
    ------
    ValueError, TypeError
        If it is no such estimator or not fitted, the columns are not those of `fit`, a value is missing or not finite,
        X is sparse (give some rows of it as an array), or there is no such row or output.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from pellucid.estimators import MLPRegressor, explain
    >>> generator = np.random.default_rng(0)
    >>> X = np.column_stack([generator.uniform(30, 150, 200), generator.uniform(0, 50, 200)])
    >>> mlp = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0.0, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), mlp).fit(X, 3 * X[:, 0] - 2 * X[:, 1])
    >>> found = explain(pipeline, X, 0)
    >>> bool(np.allclose(found.parts, [3, -2] * (X[0] - X.mean(axis=0)), rtol=1e-4))
    True

    Source: Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017, sections 3 and 5.
    """
    before, scalers, mlp = _steps(estimator)
    network = mlp._current_network()
    table = before.transform(X) if before is not None else X
    matrix: Numbers = validate_data(
        (*scalers, mlp)[0], table, dtype=np.float64, reset=False, ensure_min_samples=2, estimator=mlp
    )
    row = checked_row(row, len(matrix))
    columns = _columns(before, (*scalers, mlp)[0], matrix.shape[1])
    target, place = _target(mlp, output)
    figures = Scaler.measure(matrix)
    assert network.fitted is not None
    loss = network.fitted.loss
    subject = Subject(
        network,
        loss,
        columns,
        figures,
        _scaling(scalers, matrix.shape[1]),
        target,
        output=place,
        link=_link(loss) if target.kind == "numeric" else None,
        input_names=distinct([f"{name} scaled" for name in columns]) if scalers else columns,
        output_names=output_names(mlp),
        wording=ROWS_OF_X,
    )
    baseline = figures.mean.copy()
    for column in category_columns(network):
        baseline[column] = matrix[row, column]  # between two categories there is no way
    usual = _of_others(figures, matrix, row)
    found = explained(
        subject,
        matrix[row],
        row,
        _values(table, matrix, row),
        seen=matrix,
        baseline=baseline,
        unusual=_unusual(columns, matrix[row], usual),
        source="X",
    )
    return replace(found, scaler=usual)


def _steps(estimator: Any) -> tuple[Pipeline | None, list[Any], MLP]:
    """Return what comes before the scalers, the scalers, and the estimator."""
    steps = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    if not isinstance(steps[-1], MLP):
        end = f"a Pipeline that ends in {type(steps[-1]).__name__}" if isinstance(estimator, Pipeline) else None
        raise TypeError(
            "explain takes an MLPClassifier or MLPRegressor of pellucid.estimators, or a Pipeline that ends in one, "
            f"found {end or type(estimator).__name__}"
        )
    check_is_fitted(steps[-1])
    scalers: list[Any] = []
    first = len(steps) - 1
    while first and (steps[first - 1] in (None, "passthrough") or _is_linear(steps[first - 1])):
        first -= 1
        if _is_linear(steps[first]):
            scalers.insert(0, steps[first])
    return estimator[:first] if first else None, scalers, steps[-1]


def _is_linear(step: Any) -> bool:
    """Return whether a step moves and stretches each column by itself, and does nothing else."""
    return type(step) in SCALERS and not getattr(step, "clip", False)


def _scaling(scalers: Sequence[Any], columns: int) -> Scaling | None:
    """Return what several scalers do to columns, one after the other."""
    if not scalers:
        return None
    shift, scale = np.zeros(columns), np.ones(columns)
    for scaler in scalers:
        own_shift, own_scale = _shift_and_scale(scaler)
        shift, scale = shift + scale * own_shift, scale * own_scale  # [C]
    names = ", then ".join(type(scaler).__name__ for scaler in scalers)
    source = f"Shift and scale are those of {names}{'' if len(scalers) == 1 else ', in one'}."
    return Scaling(shift, scale, np.zeros(columns, dtype=bool), ("shift", "scale"), source)


def _shift_and_scale(scaler: Any) -> tuple[Any, Any]:
    """Return s and c, arrays [C] or a number, of a fitted scaler that computes (x - s) / c.

    Examples
    --------
    >>> _shift_and_scale(MinMaxScaler().fit([[1.0], [5.0]]))
    (array([1.]), array([4.]))
    """
    if isinstance(scaler, MinMaxScaler):  # x * scale_ + min_
        return -scaler.min_ / scaler.scale_, 1 / scaler.scale_
    shift = None
    if isinstance(scaler, StandardScaler):
        shift = scaler.mean_ if scaler.with_mean else None
    elif isinstance(scaler, RobustScaler):
        shift = scaler.center_
    return 0.0 if shift is None else shift, 1.0 if scaler.scale_ is None else scaler.scale_


def _columns(before: Pipeline | None, first: Any, count: int) -> tuple[str, ...]:
    """Return the names of the columns; those without are called as scikit-learn would: x0, x1 ..."""
    names = getattr(first, "feature_names_in_", None)
    if before is not None and names is None:
        with suppress(AttributeError):  # many a transformer cannot say
            names = before.get_feature_names_out()
    return distinct([f"x{place}" for place in range(count)] if names is None else [str(name) for name in names])


def _target(mlp: MLP, output: int) -> tuple[Target, int]:
    """Return what is predicted, and which of the network's outputs speaks for it."""
    classes = is_classifier(mlp)
    labels = mlp.classes_.tolist() if classes else []
    several_labels = classes and mlp._label_binarizer.y_type_.startswith("multilabel")
    count = 1 if classes and not several_labels else int(mlp.n_outputs_)
    whole = isinstance(output, int | np.integer) and not isinstance(output, bool)
    if not whole or not 0 <= output < count:
        wanted = f"a whole number from 0 to {count - 1}" if count > 1 else "0, as y has one column"
        raise ValueError(f"output must be {wanted}, found {output!r}")
    if several_labels:
        return Target(f"label {labels[output]}", "binary", "int", (0, 1)), int(output)
    if not classes:
        name = "y" if count == 1 else f"y[:, {output}]"
        return Target(name, "numeric", "float"), _output_of(mlp, int(output))
    if len(labels) < 2:
        raise ValueError(f"there is nothing to explain: only the class {labels[0]!r} was learnt")
    kind: Kind = "multiclass" if len(labels) > 2 else "binary"
    return Target("y", kind, _type(labels), tuple(labels)), 0


def _output_of(mlp: MLP, column: int) -> int:
    """Return the output that `predict` takes a column of y from: of several quantiles, the median."""
    assert mlp.network_.fitted is not None
    loss = mlp.network_.fitted.loss
    if isinstance(loss, Quantile) and isinstance(loss.q, tuple):
        shares = median_of(loss.q)
        if shares.max() < 1:
            raise ValueError(
                f"predict interpolates between the quantiles {loss.q}, and explain needs one output that speaks for "
                "the prediction: fit with 0.5 among them"
            )
        return column * len(loss.q) + int(shares.argmax())
    return column


def _type(labels: Sequence[Any]) -> Type:
    if all(isinstance(label, bool) for label in labels):
        return "bool"
    if all(isinstance(label, int) for label in labels):
        return "int"
    return "float" if all(isinstance(label, float) for label in labels) else "text"


def _link(loss: Loss) -> Exp | None:
    """Return what makes a number of a regressor's output."""
    if isinstance(loss, Poisson):
        return Exp()
    if type(loss).link is not Loss.link:
        raise ValueError(
            f"explain does not know the link of the loss {type(loss).__name__}; give it as a layer: "
            "pellucid.insight.integrated_gradients(estimator.network_, ..., link=...)"
        )
    return None


def _values(table: Any, matrix: Numbers, row: int) -> list[Value]:
    """Return the row's values as their columns hold them: truth values, whole numbers or floats."""
    count = matrix.shape[1]
    if not hasattr(table, "columns"):
        kinds = [np.asarray(table).dtype.kind] * count
    else:
        kinds = [np.asarray(table[name][:0]).dtype.kind for name in table.columns]
    makes: dict[str, type] = {"b": bool, "i": int, "u": int}
    return [makes.get(kind, float)(value) for kind, value in zip(kinds, matrix[row], strict=True)]


def _of_others(figures: Scaler, matrix: Numbers, row: int) -> Scaler:
    """Return the figures of the columns with the range that all rows but one keep to."""
    above, below = matrix[:row], matrix[row + 1 :]
    low = np.minimum(above.min(axis=0, initial=np.inf), below.min(axis=0, initial=np.inf))  # [N,C] -> [C]
    high = np.maximum(above.max(axis=0, initial=-np.inf), below.max(axis=0, initial=-np.inf))
    return replace(figures, low=low, high=high)


def _unusual(columns: Sequence[str], values: Numbers, usual: Scaler) -> tuple[str, ...]:
    """Return the columns whose value is farther from all others than those are from each other."""
    with np.errstate(over="ignore"):
        width = usual.high - usual.low  # [C]
        far = (values < usual.low - width) | (values > usual.high + width)
    return tuple(columns[place] for place in np.flatnonzero(far).tolist())
