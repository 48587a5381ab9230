"""The way from the model of a table to pictures whose axes carry the table's own columns, values and classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import TableError
from pellucid.insight.prediction import Prediction
from pellucid.tables.model import Source, TableModel
from pellucid.tables.reading import to_frame
from pellucid.tables.scaler import Numbers


def prediction_in_units(model: TableModel) -> Prediction:
    """Return what the model predicts, as a function of rows in the table's own values.

    Classes are predicted as probabilities in the order of ``classes_``, a numeric target in its units. Pictures such
    as :func:`pellucid.insight.plots.decision_boundary` take it in a network's place.

    Parameters
    ----------
    model : TableModel
        Trained.

    Returns
    -------
    Prediction
        Its records are rows of ``model.columns``.

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

    def predict(X: Numbers) -> Numbers:
        scaled = learnt.scaler.standardise(X)
        far = ~np.isfinite(scaled)
        if far.any():
            row, column = (int(place) for place in np.argwhere(far)[0])
            raise ValueError(
                f"column {learnt.columns[column]!r}: {X[row, column]:g} is too far from the values learnt from "
                f"({learnt.scaler.low[column]:.6g} to {learnt.scaler.high[column]:.6g})"
            )
        output = learnt.network.predict(scaled)
        return model._probabilities(output) if learnt.target.classes else model._in_units(output)

    return Prediction(predict, len(learnt.columns), "probabilities" if learnt.target.classes else "numbers")


def records(model: TableModel, frame: Any, *, source: Source = "the table") -> Numbers:
    """Return the columns that the model takes side by side, in the table's own values: [N, C].

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
    return model._inputs(to_frame(frame), source)


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
    """Return the columns that the model takes as the network itself sees them: standardised, [N, C].

    Raises
    ------
    TableError
        As for `records`; and if a value is too far from those learnt from.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"x": [5.0, 7.0], "y": [True, False]})
    >>> standardised(TableModel("y", epochs=1).fit(frame), frame).ravel()
    array([-1.,  1.])
    """
    X = model.learnt.scaler.standardise(records(model, frame, source=source))
    if not np.isfinite(X).all():
        row, column = (int(place) for place in np.argwhere(~np.isfinite(X))[0])
        raise TableError(
            f"{source}: column {model.columns[column]!r}, row {row + 1} is too far from the values learnt from"
        )
    return X


def as_learnt(model: TableModel, frame: Any, *, source: Source = "the table") -> tuple[Numbers, NDArray[Any]]:
    """Return rows and target as the network itself sees them: columns, and a numeric target, standardised.

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
    if not model.classes_:
        summary = model.learnt.summary
        y = (y - summary["mean"][0]) / summary["std"][0]
    return X, y


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
