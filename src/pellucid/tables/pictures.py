"""The way from the model of a table to pictures whose axes carry the table's own columns, values and classes.

The features of such pictures are the inputs of the network, in the columns' own units: a date is several, and a column
with gaps has a second one that tells of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.insight.prediction import Prediction
from pellucid.layers.dense import Dense
from pellucid.network import Network
from pellucid.tables import model as tables
from pellucid.tables.encoding import Encoder
from pellucid.tables.model import Source, TableModel
from pellucid.tables.reading import to_frame
from pellucid.tables.scaler import Numbers


def prediction_in_units(model: TableModel) -> Prediction:
    """Return what the model predicts, as a function of the inputs in the table's own units.

    Classes are predicted as probabilities in the order of ``classes_``, numbers in the target's units, quantiles in
    ascending order. Pictures such as :func:`pellucid.insight.plots.decision_boundary` take it in a network's place.

    Parameters
    ----------
    model : TableModel
        Trained.

    Returns
    -------
    Prediction
        Its records are those that `records` gives.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"x": [0.0, 10.0, 20.0, 30.0], "size": ["S", "S", "L", "L"]})
    >>> model = TableModel("size", epochs=200).fit(frame)
    >>> prediction = prediction_in_units(model)
    >>> prediction.kind, bool((prediction(records(model, frame)) == model.predict_proba(frame)).all())
    ('probabilities', True)
    """
    learnt = model.learnt
    encoder, names = learnt.encoder, feature_names(model)

    def predict(X: Numbers) -> Numbers:
        z = encoder.scaler.standardise(_codes(encoder, X))
        far = ~np.isfinite(z)
        if far.any():
            row, place = (int(one) for one in np.argwhere(far)[0])
            raise ValueError(
                f"column {names[place]!r}: {X[row, place]:g} is too far from the values learnt from "
                f"({encoder.scaler.low[place]:.6g} to {encoder.scaler.high[place]:.6g})"
            )
        output = learnt.network.predict(z)
        return learnt.probabilities(output) if learnt.target.classes else learnt.in_units(output)

    labels = category_labels(model)
    categories = {place: len(labels[place]) for place, one in enumerate(encoder.inputs) if one.levels}
    kind = "probabilities" if learnt.target.classes else "numbers"
    return Prediction(predict, len(encoder.inputs), kind, categories, labels)  # type: ignore[arg-type]


def feature_names(model: TableModel) -> tuple[str, ...]:
    """Return what the inputs are called: columns, parts of dates, and what tells of gaps.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"area": [30.0, None, 50.0, 70.0], "y": [1.0, 2.0, 3.0, 4.0]})
    >>> feature_names(TableModel("y", epochs=1).fit(frame))
    ('area', 'area is missing')
    """
    return tuple(one.name for one in model.learnt.encoder.inputs)


def category_labels(model: TableModel) -> dict[int, tuple[str, ...]]:
    """Return what the whole numbers of an input stand for: the categories, and at last that there is none of them.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"city": ["Graz", "Linz", "Wien", "Linz"], "y": [1.0, 2.0, 3.0, 4.0]})
    >>> category_labels(TableModel("y", epochs=1).fit(frame))
    {0: ('Graz', 'Linz', 'Wien', '(none)')}
    """
    encoder, found = model.learnt.encoder, {}
    for place, one in enumerate(encoder.inputs):
        levels = tuple(map(str, encoder.columns[one.column].levels))
        if one.part == "code":
            found[place] = (*levels, "(none)")
        elif one.part == "vector":
            found[place] = ("(any other)", *levels)
        elif one.part == "missing":
            found[place] = ("no", "yes")
        elif levels:
            found[place] = levels
    return found


def records(model: TableModel, frame: Any, *, source: Source = "the table") -> Numbers:
    """Return the inputs in the table's own units, side by side, with gaps filled as the model fills them: [N, S].

    A category is its number, and what is none of those known the number after the last.

    Raises
    ------
    TableError
        As for :meth:`TableModel.predict`.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"y": [0.0, 1.0], "x": [5.0, 7.0]})
    >>> records(TableModel("y").fit(frame), frame)
    array([[5.],
           [7.]])
    """
    encoder, values = model.learnt.encoder, model.read(frame, source=source).values
    filled: Numbers = np.where(np.isnan(values), encoder.fill, values)
    for place, one in enumerate(encoder.inputs):
        if one.part == "code":
            filled[filled[:, place] < 0, place] = one.levels
    return filled


def _codes(encoder: Encoder, X: Numbers) -> Numbers:
    """Return such records as the encoder has them: none of the categories is -1 there."""
    X = X.copy()
    for place, one in enumerate(encoder.inputs):
        if one.part == "code":
            X[X[:, place] >= one.levels, place] = -1
    return X


def first_weights(model: TableModel) -> Network:
    """Return one layer: what the first layer of the first member makes of the numbers as they are.

    What it makes of their piecewise-linear encoding beside them is not in it.

    Raises
    ------
    ValueError
        If the table has other columns than numbers.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"x": [5.0, 6.0, 7.0], "z": [1.0, 1.0, 2.0], "y": [0.0, 10.0, 20.0]})
    >>> first_weights(TableModel("y", hidden=(4,), epochs=1).fit(frame))
    Network(2, [Dense(4)], seed=0)
    """
    learnt = model.learnt
    others = [one.name for one in learnt.encoder.inputs if one.part != "value"]
    if others:
        raise ValueError(f"the table has other inputs than numbers, such as {others[0]!r}")
    own = next(own for own in learnt.network.parameters.values() if own)
    name = next(name for name in own if name.endswith("weights"))
    weights, bias = own[name], own[name.removesuffix("weights") + "bias"]
    used = int((~learnt.encoder.scaler.constant).sum())  # numbers come first, before their encoding
    layer = Network(used, [Dense(weights.shape[1])], seed=0)
    layer.theta = np.concatenate([weights[:used].ravel(), bias])
    return layer


def truth(model: TableModel, frame: Any, *, source: Source = "the table") -> NDArray[Any]:
    """Return the target column: class numbers in the order of ``classes_``, or values in its units, [N].

    Raises
    ------
    TableError
        If the table has no such column, a value is missing, or is a class that was not learnt.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"x": [0.0, 1.0], "size": ["S", "L"]})
    >>> truth(TableModel("size", epochs=1).fit(frame), frame)
    array([1, 0])
    """
    return model.learnt.target.encode(to_frame(frame), source)


def standardised(model: TableModel, frame: Any, *, source: Source = "the table") -> Numbers:
    """Return the inputs as the network itself takes them: [N, S].

    Raises
    ------
    TableError
        As for `records`; and if a value is too far from those learnt from.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"x": [5.0, 7.0, 9.0], "y": [True, False, True]})
    >>> standardised(TableModel("y", epochs=1).fit(frame), frame).ravel().round(2)
    array([-1.22,  0.  ,  1.22])
    """
    return model._standardised(to_frame(frame), str(source))


def as_learnt(model: TableModel, frame: Any, *, source: Source = "the table") -> tuple[Numbers, NDArray[Any]]:
    """Return rows and target as the network itself sees them: a number standardised, a count by its mean.

    Raises
    ------
    TableError
        As for `standardised` and `truth`.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"x": [5.0, 6.0, 7.0], "y": [0.0, 10.0, 20.0]})
    >>> X, y = as_learnt(TableModel("y").fit(frame), frame)
    >>> X.ravel().round(2), y.round(2)
    (array([-1.22,  0.  ,  1.22]), array([-1.22,  0.  ,  1.22]))
    """
    X, y = standardised(model, frame, source=source), truth(model, frame, source=source)
    return X, tables.as_learnt(model.learnt.target, model.learnt.summary, y)


def class_names(model: TableModel) -> list[str]:
    """Return the classes as a picture names them: texts as they are, others with the target's name.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"x": [0.0, 1.0], "garden": [True, False]})
    >>> class_names(TableModel("garden", epochs=1).fit(frame))
    ['garden = False', 'garden = True']
    """
    return [label if isinstance(label, str) else f"{model.target} = {label}" for label in model.classes_]


def output_names(model: TableModel) -> list[str]:
    """Return what the columns of a prediction are: the classes, the target, or its quantiles.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"x": [1.0, 2.0] * 20, "y": [1.0, 3.0, 2.0, 4.0] * 10})
    >>> output_names(TableModel("y", kind="quantiles", quantiles=(0.1, 0.5), epochs=1).fit(frame))
    ['10 % quantile of y', '50 % quantile of y']
    """
    if model.classes_:
        return class_names(model)
    if model.kind != "quantiles":
        return [model.target]
    return [f"{100 * quantile:g} % quantile of {model.target}" for quantile in model.learnt.target.quantiles]
