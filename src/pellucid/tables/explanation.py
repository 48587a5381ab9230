"""Why a model of a table predicts what it predicts for one row, in the table's own units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from html import escape
from typing import Any

import numpy as np

from pellucid.errors import TableError
from pellucid.insight.attribution import Attribution, LogOdds, integrated_gradients
from pellucid.insight.names import distinct
from pellucid.insight.renderings import html, text
from pellucid.insight.story import Story
from pellucid.insight.tracing import Trace, trace
from pellucid.network import Network
from pellucid.tables import explanation_story, explanation_text
from pellucid.tables.category_path import network_of_row
from pellucid.tables.encoding import Encoder, Input
from pellucid.tables.explanation_subject import Exp, Scaling, Subject, Wording
from pellucid.tables.model import Source, TableModel, middle
from pellucid.tables.nearest_change import Change, Value, nearest_change
from pellucid.tables.reading import to_frame
from pellucid.tables.scaler import Numbers, Scaler
from pellucid.tables.target import Label, Target

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
        The C columns.
    values : list of bool, int, float, str or None
        Of the row, as they stand in the table; None in a gap.
    usual : tuple of str
        Of each column in a model of a table, what is usual: the mean, or the most frequent category.
    remarks : tuple of str
        What is to be said of single cells: gaps, categories that were never met, values far away.
    inputs : tuple of Input
        The S inputs of the network in a model of a table; otherwise empty, as each column is one.
    input_values : array [S]
        What each holds in this row, in the column's units.
    standardised : array [S]
        What the network takes: z = (value - mean) / std of numbers, with the figures of ``scaler``; 0 for a constant
        column.
    scaler : Scaler
        Mean, standard deviation and range of each input in the rows that the row is compared with: those of the
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
    usual: tuple[str, ...]
    remarks: tuple[str, ...]
    inputs: tuple[Input, ...]
    input_values: Numbers
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
    wrapped, learnt, source = to_frame(frame), model.learnt, str(source)
    encoder = learnt.encoder
    row = checked_row(row, len(wrapped))
    alone = wrapped[row : row + 1]
    rows = np.array([row])  # for messages
    raw = model._values(alone, source, rows)[0]  # [S]
    x = np.where(np.isnan(raw), encoder.fill, raw)
    scaler = encoder.scaler
    scaling = Scaling(scaler.mean, scaler.std, scaler.constant, ("mean", "std"), STANDARDISED)
    z = model._standardised(alone, source, rows)[0]  # [S]
    values = [_cell(alone.get_column(column.name).to_list()[0]) for column in encoder.columns]
    levels, distances, fixed = _levels(encoder, x, raw)
    subject = Subject(
        learnt.network,
        learnt.loss,
        tuple(encoder.columns[one.column].name for one in encoder.inputs),
        scaler,
        scaling,
        learnt.target,
        learnt.summary if learnt.target.kind in ("numeric", "quantiles") else {},
        output=middle(learnt.target.quantiles) if learnt.target.kind == "quantiles" else 0,
        link=Exp() if learnt.target.kind == "count" else None,
        input_names=_network_inputs(encoder),
        threshold=learnt.threshold,
        levels=levels,
        distances=distances,
        fixed=fixed,
    )
    found = explained(
        subject,
        x,
        row,
        [values[one.column] for one in encoder.inputs],
        seen=encoder.quantiles.T,
        baseline=scaler.mean,
        unusual=(),
        source=source,
        steps=steps,
        way=network_of_row(learnt.network, encoder, z),
    )
    # What moved the inputs of one column moved the column.
    parts = np.zeros(len(encoder.columns))
    np.add.at(parts, [one.column for one in encoder.inputs], found.parts)
    unusual = tuple(model.unusual_values(alone, source=source))
    found = replace(
        found,
        columns=model.columns,
        values=values,
        parts=parts,
        unusual=unusual,
        usual=tuple(_usual(encoder, place) for place in range(len(encoder.columns))),
        inputs=encoder.inputs,
        remarks=_remarks(encoder, values, raw, unusual),
    )
    if learnt.target.kind == "count":
        mean = float(learnt.summary["mean"][0])
        return replace(
            found,
            prediction=float(model.predict(alone)[0]),
            target_summary={"mean": learnt.summary["mean"]},
            parts=mean * found.parts,
            output_at_row=mean * found.output_at_row,
            output_at_mean=mean * found.output_at_mean,
            completeness_error=mean * found.completeness_error,
        )
    if not learnt.target.classes:
        return replace(found, prediction=float(model.predict(alone)[0]))
    return found


def _network_inputs(encoder: Encoder) -> tuple[str, ...]:
    """Return what a trace calls the network's inputs: those that are standardised say so."""
    return distinct([f"{one.name} scaled" if one.part == "value" else one.name for one in encoder.inputs])


def _cell(value: Any) -> Value:
    """Return a cell as plain Python; dates as ISO texts."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _levels(
    encoder: Encoder, x: Numbers, raw: Numbers
) -> tuple[dict[int, tuple[Label, ...]], dict[int, Numbers], frozenset[int]]:
    """Return the inputs that hold categories, with how far each lies, and those that do not change by themselves.

    These are the parts of dates, what tells of gaps, and what has a gap: of a change that fills it nobody could say
    from what.
    """
    levels: dict[int, tuple[Label, ...]] = {}
    distances: dict[int, Numbers] = {}
    fixed = set()
    for place, one in enumerate(encoder.inputs):
        column = encoder.columns[one.column]
        if one.part == "missing" or column.kind == "date" or np.isnan(raw[place]):
            fixed.add(place)
        elif one.part == "code":
            levels[place] = column.levels
            distances[place] = _rarity(encoder.shares[place])
        elif one.part == "vector":  # the first stands for all without a vector of their own
            levels[place] = ("(any other)", *column.levels)
            distances[place] = _rarity(encoder.shares[place])
        elif column.kind in ("yes/no", "ordered"):
            levels[place] = column.levels
            distances[place] = (np.arange(len(column.levels)) - x[place]) / encoder.scaler.std[place]
    return levels, distances, frozenset(fixed)


def _rarity(shares: Numbers) -> Numbers:
    """Return in how many of its standard deviations it is to have each category, for who does not.

    Examples
    --------
    >>> _rarity(np.array([0.5, 0.01])).round(2)
    array([ 2.  , 10.05])
    """
    return np.asarray(1 / np.sqrt(np.maximum(shares * (1 - shares), 1e-12)))


def _usual(encoder: Encoder, place: int) -> str:
    """Return what is usual in a column: the mean of numbers, the day in the middle, the most frequent category."""
    column = encoder.columns[place]
    first = encoder.first_input(place)
    if encoder.scaler.constant[first]:
        return "constant"
    if column.kind == "category":
        shares = encoder.shares[first]
        labels = column.levels if encoder.inputs[first].part == "code" else ("(any other)", *column.levels)
        often = int(np.argmax(shares))
        return f"{explanation_text.shortened(str(labels[often]))}, {100 * shares[often]:.0f} %"
    mean = float(encoder.scaler.mean[first])
    if column.kind == "date":
        return str(np.datetime64(round(mean), "D"))
    if column.kind == "yes/no":
        return f"{column.levels[1]}, {100 * mean:.0f} %"
    if column.kind == "ordered":
        return str(column.levels[min(max(round(mean), 0), len(column.levels) - 1)])
    return explanation_text.figure(mean)


def _remarks(encoder: Encoder, values: list[Value], raw: Numbers, unusual: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is to be said of single cells."""
    said = []
    for place, column in enumerate(encoder.columns):
        own = [index for index, one in enumerate(encoder.inputs) if one.column == place and one.part != "missing"]
        name, first = explanation_text.shortened(column.name), own[0]
        if np.isnan(raw[first]):
            stands = "none of the categories counts"
            if column.kind not in ("category", "yes/no", "ordered", "date"):
                stands = f"the median, {explanation_text.figure(float(encoder.fill[first]))}, stands for it"
            elif column.kind != "category":
                stands = "the median stands for it"
            said.append(f"{name} has no value: {stands}.")
        elif column.name in unusual and column.kind == "category":
            said.append(f"{name} is {values[place]!r}, which was never met: it counts as none of the categories.")
        elif column.name in unusual:
            low, high = (float(bound[first]) for bound in (encoder.scaler.low, encoder.scaler.high))
            bounds = f" ({explanation_text.figure(low)} to {explanation_text.figure(high)})"
            said.append(
                f"{name} is {explanation_text.shown(values[place])}, far outside what was learnt from"
                f"{bounds if column.kind == 'number' else ''}: the prediction is a guess."
            )
    return tuple(said)


def explained(
    subject: Subject,
    x: Numbers,
    row: int,
    values: list[Value],
    *,
    seen: Numbers,
    baseline: Numbers,
    unusual: tuple[str, ...],
    source: str,
    steps: int = 100_000,
    way: tuple[Network, Numbers, Numbers] | None = None,
) -> Explanation:
    """Explain what a network says of a row of a table, by what moved it away from what it says of the baseline.

    Parameters
    ----------
    subject : Subject
    x : array [C]
        The row, as numbers.
    row : int
        Its place, from 0, for texts.
    values : list of bool, int, float, str or None
        The row's, as they stand in the table.
    seen : array [N, C]
        Rows that tell which columns hold whole numbers only.
    baseline : array [C]
        In the table's units.
    unusual : tuple of str
        Columns to warn of.
    source, steps
        As for `explain_row`.
    way : (Network, array [S], array [S]), optional
        The network that attribution follows in place of the subject's, with the row and the baseline as it takes them.

    Returns
    -------
    Explanation

    Raises
    ------
    TableError
        If the output is not finite.
    """
    network, target, wording = subject.network, subject.target, subject.wording
    z = subject.inputs(x[None])  # [1,C]
    watched = trace(network, z, feature_names=subject.input_names, output_names=subject.output_names)
    if not np.isfinite(watched.output).all():
        place = f"{source}, row {row + wording.first_row}"
        raise TableError(f"{place}: the network's output is not finite, as values lie too far away")
    code = int(subject.decide(watched.output)[0]) if target.classes else 0
    several = target.kind == "multiclass"
    output, link = code if several else subject.output, subject.link
    softmax = several and subject.loss.from_logits == "Softmax"
    followed, end, begin = way or (network, z[0], subject.inputs(baseline[None])[0])
    found = integrated_gradients(
        followed,
        end[None],
        baseline=begin,
        output=0 if softmax else output,
        link=LogOdds(code) if softmax else link,
        steps=steps,
    )
    # From the network's units to those that a person thinks in: first the factor, then what is added.
    factor, added = 1.0, 0.0
    if not target.classes and subject.target_summary:
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
        usual=(),
        remarks=(),
        inputs=(),
        input_values=x,
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
        change=nearest_change(subject, x, values, seen) if target.classes else None,
        unusual=unusual,
        wording=wording,
    )


def checked_row(row: Any, count: int) -> int:
    """Return the number of a row, from 0; refuse what is no whole number or is out of range."""
    whole = isinstance(row, int | np.integer) and not isinstance(row, bool)
    if not whole or not 0 <= row < count:
        raise ValueError(f"row must be a whole number from 0 to {count - 1}, found {row!r}")
    return int(row)
