"""Why a model of a table predicts what it predicts for one row, in the table's own units."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import TableError
from pellucid.insight.attribution import Attribution, LogOdds, integrated_gradients
from pellucid.insight.renderings import html, text
from pellucid.insight.story import Story
from pellucid.insight.tracing import Trace, trace
from pellucid.tables import explanation_story, explanation_text
from pellucid.tables.explanation_subject import Exp, Scaling, Subject, Wording
from pellucid.tables.model import LOSSES, Source, TableModel
from pellucid.tables.nearest_change import Change, Value, nearest_change
from pellucid.tables.reading import to_frame
from pellucid.tables.scaler import Numbers, Scaler
from pellucid.tables.target import Label, Target

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

STANDARDISED = "Mean and standard deviation are those of the rows that were learnt from."


@dataclass(frozen=True, eq=False)
class Explanation:
    """A prediction taken apart. ``str`` gives it as text, ``to_dict`` as plain values for JSON.

    Attributes
    ----------
    row : int
        From 0; texts count from 1.
    source : str
        What texts call the table.
    target : Target
    target_summary : dict
        Of the target in the training rows: ``mean`` and ``std`` [1], or ``shares`` [C]; empty where the network learnt
        the target as it is.
    prediction : label or float
    probabilities : list of (label, float)
        Empty for a numeric target, and for a loss of scores such as the hinge.
    columns : tuple of str
        The C inputs.
    values : list of bool, int or float
        Of the row, as they stand in the table.
    standardised : array [C]
        What the network takes. In a model of a table, z = (value - mean) / std, with the figures of ``scaler``; 0 for
        a constant column.
    scaler : Scaler
        Mean, standard deviation and range of each column in the rows that the row is compared with: those of the
        training, or those of a table X (then the range is that of the other rows).
    scaling : Scaling or None
        How the values became ``standardised``; None where the network takes them as they are.
    trace : Trace
        The forward pass, from ``standardised`` on.
    attribution : Attribution
        In the network's own units. The baseline is the mean of the rows compared with: zeros, once standardised.
    output : int
        Which output of the network is explained.
    link : Exp or None
        What makes a number of that output, where it is a logarithm.
    parts : array [C]
        What each column pushed: in the target's units, or for classes in the log-odds (or the score) of the predicted
        class.
    output_at_row, output_at_mean : float
        The prediction, or those log-odds, for this row and for the mean of the rows compared with.
    completeness_error : float
        How far the parts' sum is from ``output_at_row - output_at_mean``.
    change : Change or None
        The nearest other answer; None for a numeric target, or if no change of one column gives one.
    unusual : tuple of str
        Columns whose value lies far outside what was learnt from, which makes the prediction a guess.
    wording : Wording
        What texts call the rows that the row is compared with: those of the training, or those of a table X.
    """

    row: int
    source: str
    target: Target
    target_summary: dict[str, Numbers]
    prediction: Any
    probabilities: list[tuple[Label, float]]
    columns: tuple[str, ...]
    values: list[Value]
    standardised: Numbers
    scaler: Scaler
    scaling: Scaling | None
    trace: Trace
    attribution: Attribution
    output: int
    link: Exp | None
    parts: Numbers
    output_at_row: float
    output_at_mean: float
    completeness_error: float
    change: Change | None
    unusual: tuple[str, ...]
    wording: Wording

    @property
    def measure(self) -> str:
        """What the answer is measured by: ``"log-odds"`` or ``"score"`` of a class; empty for a number."""
        return "" if not self.target.classes else "log-odds" if self.probabilities else "score"

    @property
    def units(self) -> str:
        """What the parts are measured in."""
        return f"{self.measure} of {self.prediction!r}" if self.measure else self.target.name

    def __str__(self) -> str:
        return explanation_text.summary(self)

    def story(self) -> Story:
        """Return every number from the row to its prediction: standardising, the network, and back to the units."""
        return explanation_story.story(self)

    def numbers(self, *, color: bool = False, width: int = 96) -> str:
        """Return every number from the row to its prediction as text, as :meth:`pellucid.Trace.text` does."""
        return text.render(self.story(), color=color, width=width)

    def html(self) -> str:
        """Return both for a notebook: what pushed the prediction, and every number on the way to it."""
        return f"<pre>{escape(str(self))}</pre>{html.render(self.story())}"

    def _repr_html_(self) -> str:
        return self.html()

    def to_dict(self) -> dict[str, Any]:
        """Return all but the trace as plain values; ``row`` counts from 1, what is not finite is None."""
        return explanation_text.to_dict(self)


def explain_row(
    model: TableModel, frame: Any, row: int, *, source: Source = "the table", steps: int = 100_000
) -> Explanation:
    """Explain the prediction of one row.

    Parameters
    ----------
    model : TableModel
        A trained one.
    frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame
        The table that the row is in.
    row : int
        Its place in the table, from 0.
    source : str or path-like
        What messages call the table.
    steps : int
        At most so many gradients, as for `pellucid.insight.integrated_gradients`.

    Returns
    -------
    Explanation

    Raises
    ------
    TableError
        If columns are missing or cannot be used as numbers, as for `TableModel.predict`.
    ValueError, TypeError
        If there is no such row, or the model is none.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "size": ["S", "S", "L", "L"]})
    >>> found = explain_row(TableModel("size", epochs=200).fit(frame), frame, 0)
    >>> found.prediction, found.change.column, found.change.prediction
    ('S', 'x', 'L')
    >>> bool(abs(found.parts.sum() - (found.output_at_row - found.output_at_mean)) < 1e-6)
    True
    """
    if not isinstance(model, TableModel):
        raise TypeError(f"explain_row explains a TableModel, found a {type(model).__name__}")
    wrapped, learnt = to_frame(frame), model.learnt
    X = model._inputs(wrapped, source)
    row, scaler = checked_row(row, len(X)), learnt.scaler
    scaling = Scaling(scaler.mean, scaler.std, scaler.constant, ("mean", "std"), STANDARDISED)
    z = scaling.apply(X[row : row + 1])  # [1,C]
    if not np.isfinite(z).all():
        column = int(np.argmin(np.isfinite(z[0])))
        raise TableError(
            f"{source}: column {learnt.columns[column]!r}, row {row + 1}: {X[row, column]} is too far "
            f"from the values learnt from ({scaler.low[column]:.6g} to {scaler.high[column]:.6g})"
        )
    values = [_value(wrapped.get_column(name), X[row, place]) for place, name in enumerate(learnt.columns)]
    unusual = tuple(name for name, rows in model.unusual_values(wrapped, source=source).items() if row in rows)
    loss = LOSSES[learnt.target.kind]()
    summary = learnt.summary
    subject = Subject(learnt.network, loss, learnt.columns, scaler, scaling, learnt.target, summary)
    return explained(subject, X, row, values, baseline=scaler.mean, unusual=unusual, source=str(source), steps=steps)


def explained(
    subject: Subject,
    X: Numbers,
    row: int,
    values: list[Value],
    *,
    baseline: Numbers,
    unusual: tuple[str, ...],
    source: str,
    steps: int = 100_000,
) -> Explanation:
    """Explain what a network says of a row of a table, by what moved it away from what it says of the baseline.

    Parameters
    ----------
    subject : Subject
    X : array [N, C]
        The table.
    row : int
        From 0.
    values : list of bool, int or float
        The row's, as they stand in the table.
    baseline : array [C]
        In the table's units.
    unusual : tuple of str
        Columns to warn of.
    source, steps
        As for `explain_row`.

    Returns
    -------
    Explanation

    Raises
    ------
    TableError
        If the output is not finite.
    """
    network, target, wording = subject.network, subject.target, subject.wording
    z = subject.inputs(X[row : row + 1])  # [1,C]
    watched = trace(network, z, feature_names=subject.input_names, output_names=subject.output_names)
    if not np.isfinite(watched.output).all():
        place = f"{source}, row {row + wording.first_row}"
        raise TableError(f"{place}: the network's output is not finite, as values lie too far away")
    code = int(subject.decide(watched.output)[0]) if target.classes else 0
    several = target.kind == "multiclass"
    output, link = code if several else subject.output, subject.link
    softmax = several and subject.loss.from_logits == "Softmax"
    found = integrated_gradients(
        network,
        z,
        baseline=subject.inputs(baseline[None])[0],
        output=0 if softmax else output,
        link=LogOdds(code) if softmax else link,
        steps=steps,
    )
    # From the network's units to those that a person thinks in: first the factor, then what is added.
    factor, added = 1.0, 0.0
    if target.kind == "numeric" and subject.target_summary:
        factor, added = (float(subject.target_summary[name][0]) for name in ("std", "mean"))
    elif target.kind == "binary" and code == 0:
        factor = -1.0
    output_at_row = added + factor * float(found.output_at_x[0])
    chances = subject.chances(watched.output[0])
    return Explanation(
        row=row,
        source=source,
        target=target,
        target_summary=subject.target_summary,
        prediction=target.classes[code] if target.classes else output_at_row,
        probabilities=list(zip(target.classes, chances, strict=True)) if chances else [],
        columns=subject.columns,
        values=values,
        standardised=z[0],
        scaler=subject.scaler,
        scaling=subject.scaling,
        trace=watched,
        attribution=found,
        output=output,
        link=link,
        parts=factor * found.parts[0],
        output_at_row=output_at_row,
        output_at_mean=factor * found.output_at_baseline + added,
        completeness_error=abs(factor) * float(found.completeness_error[0]),
        change=nearest_change(subject, X, row, values) if target.classes else None,
        unusual=unusual,
        wording=wording,
    )


def checked_row(row: Any, count: int) -> int:
    """Return the number of a row, from 0; refuse what is no whole number or is out of range."""
    whole = isinstance(row, int | np.integer) and not isinstance(row, bool)
    if not whole or not 0 <= row < count:
        raise ValueError(f"row must be a whole number from 0 to {count - 1}, found {row!r}")
    return int(row)


def _value(column: nw.Series[Any], number: float) -> Value:
    """Return a number as what its column holds."""
    import narwhals.stable.v2 as nw

    if column.dtype == nw.Boolean:
        return bool(number)
    return int(number) if column.dtype.is_integer() else float(number)
