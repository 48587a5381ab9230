"""The pictures that ``pellucid plot`` knows: what each needs, and the few lines that draw it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array
from pellucid.cli.app import CommandError, UsageError, say
from pellucid.cli.screen import quoted
from pellucid.network import Network

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

    from pellucid.tables import TableModel

LONGEST_NAME = 40


@dataclass(frozen=True, eq=False)
class Request:
    """What was typed, and what was read for it."""

    kind: str
    path: Path
    network: Network
    model: TableModel | None = None
    table: Path | None = None
    frame: pl.DataFrame | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def table_model(self) -> TableModel:
        """The model of a table; kinds that need one ask for it here."""
        assert self.model is not None
        return self.model

    @property
    def source(self) -> Path:
        """What messages call the table."""
        assert self.table is not None
        return self.table

    @property
    def names(self) -> list[str]:
        """The columns, as they are written into a picture."""
        return [text(name) for name in self.table_model.columns]

    @property
    def classes(self) -> list[str]:
        """The classes, as they are written into a picture."""
        from pellucid.tables.pictures import class_names

        return [text(name) for name in class_names(self.table_model)]

    def column(self, name: str, role: str) -> int:
        """Return the place of a column among the model's; refuse one it does not know, with those that come near."""
        from pellucid.tables.reading import find_column

        return self.table_model.columns.index(find_column(self.table_model.columns, name, self.path, role=role))

    def records(self) -> Array:
        """Return the columns of the table, in its own values."""
        from pellucid.tables.pictures import records

        return records(self.table_model, self.frame, source=self.source)

    def truth(self) -> Array:
        """Return the target of the table."""
        from pellucid.tables.pictures import truth

        return truth(self.table_model, self.frame, source=self.source)

    def truth_if_there(self) -> Array | None:
        """Return the target of the table, or None if it has none."""
        assert self.frame is not None
        return self.truth() if self.table_model.target in self.frame.columns else None

    def of_class(self) -> int | None:
        """Return the number of the class asked for, or None."""
        wanted, labels = self.options.get("class"), list(map(str, self.table_model.classes_))
        if wanted is None:
            return None
        if wanted not in labels:
            near = difflib.get_close_matches(wanted, labels, n=3)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else f": {listed(labels)}"
            raise CommandError(f"there is no class {wanted!r} among the {len(labels)} of {self.path}{hint}")
        return labels.index(wanted)


def text(name: object) -> str:
    r"""Return a name from a table as a picture can show it: on one line, not too long, no letter with a meaning.

    Examples
    --------
    >>> text("price in $"), text("_id")
    ('price in \\$', ' _id')
    """
    words = " ".join(str(name).split()) or " "
    words = words if len(words) <= LONGEST_NAME else f"{words[: LONGEST_NAME - 3]}..."
    words = f" {words}" if words.startswith("_") else words  # Matplotlib leaves such names out of legends
    return words.replace("$", r"\$")


def new_figure(width: float = 6.4, height: float = 4.4, *, rows: int = 1, columns: int = 1) -> tuple[Figure, Array]:
    """Return a figure that belongs to no window, and its axes [rows * columns]."""
    from pellucid.insight.plots.style import matplotlib

    figure = matplotlib("figure").Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False).ravel()


# ---- what the model is ----------------------------------------------------------------------------------------------


def diagram(request: Request) -> Figure:
    """Draw units and weights."""
    from pellucid.insight.plots.diagram import network_diagram

    figure, (ax,) = new_figure(9, 6)
    names: dict[str, Any] = {}
    if request.model is not None:
        outputs = request.classes if request.model.kind == "multiclass" else [text(request.model.target)]
        names = {"feature_names": request.names, "output_names": outputs}
    network_diagram(request.network, ax=ax, **names)
    return figure


# ---- what it predicts -----------------------------------------------------------------------------------------------


def boundary(request: Request) -> Figure:
    """Draw the regions of the classes over two columns."""
    from pellucid.insight.plots.boundary import decision_boundary
    from pellucid.insight.plots.points import figure_size
    from pellucid.tables.pictures import prediction_in_units

    needs_classes(request, "surface")
    figure, (ax,) = new_figure(*figure_size(request.classes))
    settings = over_two_columns(request)
    prediction = prediction_in_units(request.table_model)
    decision_boundary(
        prediction, request.records(), request.truth_if_there(), class_names=request.classes, ax=ax, **settings
    )
    return figure


def probability(request: Request) -> Figure:
    """Draw a probability over two columns."""
    from pellucid.insight.plots.boundary import probability_surface
    from pellucid.insight.plots.points import figure_size
    from pellucid.tables.pictures import prediction_in_units

    needs_classes(request, "surface")
    figure, (ax,) = new_figure(*figure_size(request.classes))
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
    return figure


def surface(request: Request) -> Figure:
    """Draw a predicted number over two columns."""
    from pellucid.insight.plots.boundary import regression_surface
    from pellucid.insight.plots.points import figure_size
    from pellucid.tables.pictures import prediction_in_units

    needs_numbers(request, "boundary or probability")
    figure, (ax,) = new_figure(*figure_size(request.classes))
    settings = over_two_columns(request)
    regression_surface(
        prediction_in_units(request.table_model),
        request.records(),
        request.truth_if_there(),
        target_name=text(request.table_model.target),
        ax=ax,
        **settings,
    )
    return figure


def dependence(request: Request) -> Figure:
    """Draw the partial dependence on one column."""
    from pellucid.insight.plots.dependence import dependence_curves as draw
    from pellucid.tables.pictures import prediction_in_units

    model, name = request.table_model, request.options.get("column")
    if name is None:
        raise UsageError(f"dependence needs --column, one of {listed(model.columns)}")
    column = request.column(name, "column to change")
    if not model.classes_ and request.options.get("class") is not None:
        needs_classes(request, "dependence without --class")
    figure, (ax,) = new_figure(7.0, 4.6)
    draw(
        prediction_in_units(model),
        request.records(),
        column,
        output=request.of_class(),
        feature_name=request.names[column],
        output_names=request.classes if model.classes_ else [text(model.target)],
        ax=ax,
    )
    return figure


# ---- how good it is -------------------------------------------------------------------------------------------------


def confusion(request: Request) -> Figure:
    """Draw which classes are mistaken for which."""
    from pellucid.insight.plots.results import confusion_figsize, confusion_matrix

    needs_classes(request, "residuals")
    names = request.classes
    figure, (ax,) = new_figure(*confusion_figsize(len(names)))
    rows, codes, predicted = judged(request)
    normalise = bool(request.options.get("normalise"))
    confusion_matrix(codes[rows], predicted[rows].argmax(axis=1), classes=names, normalise=normalise, ax=ax)
    return figure


def calibration(request: Request) -> Figure:
    """Draw whether probabilities keep their word."""
    from pellucid.insight.plots.results import calibration as draw

    needs_classes(request, "residuals")
    figure, (ax,) = new_figure(5.6, 5.0)
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
    figure, (ax,) = new_figure(6.8, 4.8)
    rows, true, predicted = judged(request)
    draw(true[rows], predicted[rows, 0], ax=ax)
    name = text(request.table_model.target)
    ax.set_xlabel(f"predicted {name}")
    ax.set_ylabel(f"true - predicted {name}")
    return figure


@dataclass(frozen=True)
class Kind:
    """A picture: how it is drawn, whether it needs a table, and which options are its own."""

    draw: Callable[[Request], Figure]
    needs_table: bool = True
    options: tuple[str, ...] = ()


TWO = ("features", "hold", "marginalise")
KINDS: dict[str, Kind] = {
    "diagram": Kind(diagram, needs_table=False),
    "boundary": Kind(boundary, options=TWO),
    "probability": Kind(probability, options=(*TWO, "class")),
    "surface": Kind(surface, options=TWO),
    "dependence": Kind(dependence, options=("column", "class")),
    "confusion": Kind(confusion, options=("normalise",)),
    "calibration": Kind(calibration),
    "residuals": Kind(residuals),
}


# ---- what several need ----------------------------------------------------------------------------------------------


def needs_classes(request: Request, instead: str) -> None:
    """Refuse a picture of classes for a target that has none."""
    if not request.table_model.classes_:
        raise CommandError(
            f"{request.kind} is for classes, and the target {request.table_model.target!r} is numeric: plot {instead}"
        )


def needs_numbers(request: Request, instead: str) -> None:
    """Refuse a picture of numbers for a target of classes."""
    if request.table_model.classes_:
        raise CommandError(
            f"{request.kind} is for numbers, and the target {request.table_model.target!r} has "
            f"{len(request.table_model.classes_)} classes: plot {instead}"
        )


def listed(names: Sequence[str], most: int = 12) -> str:
    """Return names for a message, the first of many.

    Examples
    --------
    >>> listed(("area", "age"))
    "'area', 'age'"
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def over_two_columns(request: Request) -> dict[str, Any]:
    """Return which two columns are drawn, and what the others are held at."""
    drawn = two_columns(request)
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
        held[column] = held_value(words, value)
    marginalise = bool(request.options.get("marginalise"))
    return {"features": drawn, "held": held, "marginalise": marginalise, "feature_names": request.names}


def held_value(words: str, value: str) -> float:
    """Return the number of a --hold; true and false count as 1 and 0, as in a table.

    Examples
    --------
    >>> held_value("garden=true", "true"), held_value("age=30", "30")
    (1.0, 30.0)
    """
    try:
        number = {"true": 1.0, "false": 0.0}.get(value.strip().lower())
        number = float(value) if number is None else number
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise UsageError(f"--hold takes COLUMN=VALUE with a number (or true, false), found {words!r}")
    return number


def two_columns(request: Request) -> tuple[int, int]:
    """Return the two columns to draw: those named, or those of a model that has no others."""
    columns, words = request.table_model.columns, request.options.get("features")
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
    return request.column(first, "column to draw"), request.column(second, "column to draw")


def judged(request: Request) -> tuple[Array, Array, Array]:
    """Return the rows to judge by, and for all rows the truth and the prediction.

    Of the very table that the model learnt from, only the rows are taken that were kept for testing.
    """
    from pellucid.tables.diagnosis import parts_again
    from pellucid.tables.pictures import prediction_in_units

    model, X, y = request.table_model, request.records(), request.truth()
    parts = parts_again(model.learnt, X, y)
    rows = np.arange(len(X))
    if parts is not None and len(parts.test):
        rows = parts.test
        say(f"note: the model learnt from this table; drawn are the {len(rows):,} rows that were kept for testing")
    elif parts is not None:
        say("note: the model learnt from these rows; this shows what was memorised, not how new rows are predicted")
    return rows, y, prediction_in_units(model)(X)
