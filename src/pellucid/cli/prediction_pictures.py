"""Pictures for ``pellucid plot`` of what a model predicts for the rows of a table, and how good that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array
from pellucid.cli.app import CommandError, UsageError, say
from pellucid.cli.picture_request import Request, listed, needs_classes, needs_numbers, new_figure
from pellucid.cli.screen import quoted
from pellucid.tables.wording import text

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


# ---- what it predicts -----------------------------------------------------------------------------------------------


def boundary(request: Request) -> Figure:
    """Draw the regions of the classes over two columns."""
    from pellucid.insight.plots.boundary import decision_boundary
    from pellucid.insight.plots.points import figure_size
    from pellucid.tables.pictures import prediction_in_units

    needs_classes(request, "surface")
    figure, ax = new_figure(*figure_size(request.classes))
    settings = over_two_columns(request)
    prediction = prediction_in_units(request.table_model)
    decision_boundary(
        prediction, request.records(), request.truth_if_there(), class_names=request.classes, ax=ax, **settings
    )
    for axis, feature in zip((ax.xaxis, ax.yaxis), settings["features"], strict=True):
        dated(request, axis, feature)
    return figure


def probability(request: Request) -> Figure:
    """Draw a probability over two columns."""
    from pellucid.insight.plots.boundary import probability_surface
    from pellucid.insight.plots.points import figure_size
    from pellucid.tables.pictures import prediction_in_units

    needs_classes(request, "surface")
    figure, ax = new_figure(*figure_size(request.classes))
    settings = over_two_columns(request)
    probability_surface(
        prediction_in_units(request.table_model),
        request.records(),
        request.truth_if_there(),
        of_class=request.of_class(),
        class_names=request.classes,
        ax=ax,
        **settings,
    )
    for axis, feature in zip((ax.xaxis, ax.yaxis), settings["features"], strict=True):
        dated(request, axis, feature)
    return figure


def surface(request: Request) -> Figure:
    """Draw a predicted number over two columns."""
    from pellucid.insight.plots.boundary import regression_surface
    from pellucid.insight.plots.points import figure_size
    from pellucid.tables.pictures import prediction_in_units

    needs_numbers(request, "boundary or probability")
    figure, ax = new_figure(*figure_size(request.classes))
    settings = over_two_columns(request)
    regression_surface(
        prediction_in_units(request.table_model),
        request.records(),
        request.truth_if_there(),
        target_name=text(request.table_model.target),
        ax=ax,
        **settings,
    )
    for axis, feature in zip((ax.xaxis, ax.yaxis), settings["features"], strict=True):
        dated(request, axis, feature)
    return figure


def dependence(request: Request) -> Figure:
    """Draw the partial dependence on one column."""
    from pellucid.insight.plots.dependence import dependence_curves as draw
    from pellucid.tables.pictures import output_names, prediction_in_units

    model, name = request.table_model, request.options.get("column")
    if name is None:
        raise UsageError(f"dependence needs --column, one of {listed(request.features)}")
    column = request.column(name, "column to change")
    if not model.classes_ and request.options.get("class") is not None:
        needs_classes(request, "dependence without --class")
    figure, ax = new_figure(7.0, 4.6)
    draw(
        prediction_in_units(model),
        request.records(),
        column,
        output=request.of_class(),
        feature_name=request.names[column],
        output_names=[text(one) for one in output_names(model)],
        ax=ax,
    )
    dated(request, ax.xaxis, column)
    return figure


def dated(request: Request, axis: Axis, feature: int) -> None:
    """Write the days along an axis as dates, where it has the days of dates."""
    from pellucid.insight.plots.style import matplotlib

    encoder = request.table_model.learnt.encoder
    one = encoder.inputs[feature]
    if encoder.columns[one.column].kind == "date" and encoder.first_input(one.column) == feature:
        ticker = matplotlib("ticker")
        axis.set_major_locator(ticker.MaxNLocator(5))
        axis.set_major_formatter(ticker.FuncFormatter(lambda day, _: str(np.datetime64(int(day), "D"))))


# ---- how good it is -------------------------------------------------------------------------------------------------


def confusion(request: Request) -> Figure:
    """Draw which classes are mistaken for which."""
    from pellucid.insight.plots.results import confusion_figsize, confusion_matrix

    needs_classes(request, "residuals")
    names = request.classes
    figure, ax = new_figure(*confusion_figsize(len(names)))
    rows, codes, predicted = judged(request)
    normalise = bool(request.options.get("normalise"))
    confusion_matrix(codes[rows], predicted[rows].argmax(axis=1), classes=names, normalise=normalise, ax=ax)
    return figure


def calibration(request: Request) -> Figure:
    """Draw whether probabilities keep their word."""
    from pellucid.insight.plots.results import calibration as draw

    needs_classes(request, "residuals")
    figure, ax = new_figure(5.6, 5.0)
    rows, codes, predicted = judged(request)
    two = predicted.shape[1] == 2
    draw(codes[rows], predicted[rows, 1] if two else predicted[rows], ax=ax)
    if two:
        ax.set_xlabel(f"predicted probability of {request.classes[1]}")
        ax.set_ylabel(f"share of rows that are {request.classes[1]}")
    return figure


def residuals(request: Request) -> Figure:
    """Draw how far numbers are off."""
    from pellucid.insight.plots.results import residuals as draw

    needs_numbers(request, "confusion or calibration")
    figure, ax = new_figure(6.8, 4.8)
    rows, true, predicted = judged(request)
    draw(true[rows], predicted[rows, 0], ax=ax)
    name = text(request.table_model.target)
    ax.set_xlabel(f"predicted {name}")
    ax.set_ylabel(f"true - predicted {name}")
    return figure


# ---- what several need ----------------------------------------------------------------------------------------------


def over_two_columns(request: Request) -> dict[str, Any]:
    """Return which two columns are drawn, and what the others are held at."""
    from pellucid.tables.pictures import category_labels

    drawn, known = two_columns(request), category_labels(request.table_model)
    held = {}
    for words in request.options.get("hold") or ():
        name, equals, value = words.rpartition("=")
        if not equals:
            raise UsageError(f"--hold takes COLUMN=VALUE, as in --hold age=30, found {words!r}")
        column = request.column(name, "column to hold")
        if column in drawn:
            raise UsageError(f"--hold {words}: {name!r} is one of the two columns drawn")
        if column in held:
            raise UsageError(f"--hold names {name!r} twice")
        held[column] = held_value(words, value, known.get(column, ()))
    marginalise = bool(request.options.get("marginalise"))
    return {"features": drawn, "held": held, "marginalise": marginalise, "feature_names": request.names}


def held_value(words: str, value: str, labels: Sequence[str] = ()) -> float:
    """Return the number of a --hold; a category's place, and for true and false 1 and 0, as in a table.

    Examples
    --------
    >>> held_value("garden=true", "true"), held_value("age=30", "30"), held_value("city=Linz", "Linz", ("Graz", "Linz"))
    (1.0, 30.0, 1.0)
    """
    if value in labels:
        return float(labels.index(value))
    try:
        number = {"true": 1.0, "false": 0.0}.get(value.strip().lower())
        number = float(value) if number is None else number
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        if labels:
            raise UsageError(f"--hold {words}: {value!r} is none of {listed(labels)}")
        raise UsageError(f"--hold takes COLUMN=VALUE with a number (or true, false), found {words!r}")
    return number


def two_columns(request: Request) -> tuple[int, int]:
    """Return the two columns to draw: those named, or those of a model that has no others."""
    columns, words = request.features, request.options.get("features")
    if words is None:
        if len(columns) == 2:
            return 0, 1
        if len(columns) < 2:
            raise CommandError(f"{request.kind} draws two columns, and the model has one, {columns[0]!r}")
        raise UsageError(
            f"{request.kind} draws two of the {len(columns)} columns: name them, as in "
            f"{quoted('--features', f'{columns[0]},{columns[1]}')}; columns: {listed(columns)}"
        )
    parts = words.split(",")
    cuts = [(",".join(parts[:place]), ",".join(parts[place:])) for place in range(1, len(parts))]
    known = [cut for cut in cuts if cut[0] in columns and cut[1] in columns]  # a name may hold a comma itself
    if not known and len(parts) != 2:
        raise UsageError(
            f"--features takes two columns with a comma between, as in --features area,age, found {words!r}"
        )
    first, second = known[0] if known else (part.strip() for part in parts)
    if first == second:
        raise UsageError(f"--features needs two different columns, found {first!r} twice")
    drawn = request.column(first, "column to draw"), request.column(second, "column to draw")
    for place, name in zip(drawn, (first, second), strict=True):
        if request.table_model.learnt.encoder.inputs[place].levels:
            raise CommandError(
                f"column {name!r} holds categories, and between two of them there is nothing to draw: choose another, "
                f"or see {quoted('dependence', '--column', name)}"
            )
    return drawn


def judged(request: Request) -> tuple[Array, Array, Array]:
    """Return the rows to judge by, and for all rows the truth and the prediction.

    Of the very table that the model learnt from, only the rows are taken that were kept for testing.
    """
    from pellucid.tables.diagnosis import parts_again

    model, y = request.table_model, request.truth()
    read = model.read(request.frame, source=request.source)
    parts = parts_again(model.learnt, read.values, y)
    rows = np.arange(len(y))
    if parts is not None and len(parts.test):
        rows = parts.test
        say(f"note: the model learnt from this table; drawn are the {len(rows):,} rows that were kept for testing")
    elif parts is not None:
        say("note: the model learnt from these rows; this shows what was memorised, not how new rows are predicted")
    return rows, y, model.predict_proba(read) if model.classes_ else model.predict(read)[:, None]
