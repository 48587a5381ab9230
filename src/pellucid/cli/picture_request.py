"""What was asked of ``pellucid plot``, and what was read for it: what every picture starts from."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.arrays import Array
from pellucid.cli.app import CommandError
from pellucid.network import Network
from pellucid.tables.wording import text

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pellucid.tables import TableModel


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
    def features(self) -> tuple[str, ...]:
        """What goes into the network: columns, parts of dates, and what tells of gaps."""
        from pellucid.tables.pictures import feature_names

        return feature_names(self.table_model)

    @property
    def names(self) -> list[str]:
        """The same, as it is written into a picture."""
        return [text(name) for name in self.features]

    @property
    def classes(self) -> list[str]:
        """The classes, as they are written into a picture."""
        from pellucid.tables.pictures import class_names

        return [text(name) for name in class_names(self.table_model)]

    def column(self, name: str, role: str) -> int:
        """Return the place of a column among the inputs; refuse one it does not know, with those that come near."""
        from pellucid.tables.reading import find_column

        several = [one for one in self.features if one.startswith(f"{name}: ")]
        if several and name not in self.features:
            raise CommandError(f"column {name!r} holds dates, which are several numbers: name one, {listed(several)}")
        return self.features.index(find_column(self.features, name, self.path, role=role))

    def records(self) -> Array:
        """Return the inputs, in the table's own values."""
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


def new_figure(width: float = 6.4, height: float = 4.4) -> tuple[Figure, Axes]:
    """Return a figure that belongs to no window, and its axes."""
    from pellucid.insight.plots.style import matplotlib

    figure: Figure = matplotlib("figure").Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


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
