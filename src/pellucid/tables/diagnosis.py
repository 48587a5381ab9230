"""The diagnosis of a table model: columns by their names, rows from 1, and the split made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import TableError
from pellucid.insight.checks.examination import Examination, Records, Words, records_of
from pellucid.insight.diagnosis import Diagnosis, judge
from pellucid.tables.evaluation import Rows
from pellucid.tables.model import Learnt, Source, TableModel, as_learnt, summary_of
from pellucid.tables.reading import to_frame
from pellucid.tables.scaler import FIGURES, Numbers, Scaler
from pellucid.tables.split import divided, fingerprint

if TYPE_CHECKING:
    from pellucid.losses import Loss
    from pellucid.network import Network

# In standard deviations. The same rows give the same figures, but for the order in which a processor adds them up.
SAME_FIGURE = 1e-9

WORDS = Words(
    validation="validation_share=...",
    stopping='more rows, fewer columns, effort="low"',
    more_epochs="More epochs: pellucid train --from MODEL, or fit(frame, start=model), goes on from here",
    rate="learning_rate",
    range_of_rates="",
    class_weights='class_weight="balanced"',
)


class Parts(NamedTuple):
    """The rows of each part of a split, from 0."""

    train: Rows
    test: Rows


def diagnose_table(model: TableModel, frame: Any = None, *, source: Source = "the table") -> Diagnosis:
    """Look for what commonly goes wrong in a table model, its training and its table.

    If the table is the very one that the model learnt from, its split is made again: the network is examined on the
    rows that it learnt from, and those are compared with the rows that were held out. On another table all rows are
    examined alike. Columns are called by their names, and rows are counted from 1.

    Parameters
    ----------
    model : TableModel
        Trained.
    frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame, optional
        N rows with the target. Without a table, what needs records is not checked.
    source : str or path-like
        What messages call the table.

    Returns
    -------
    Diagnosis

    Raises
    ------
    TableError
        If columns are missing or cannot be used, or the target is a class that was not learnt.

    Examples
    --------
    >>> import polars
    >>> generator = np.random.default_rng(0)
    >>> area, age = generator.uniform(30, 150, 400), generator.uniform(0, 50, 400)
    >>> price = 2000 * area - 1500 * age + generator.normal(0, 9000, 400)
    >>> homes = polars.DataFrame({"area": area, "age": age, "age in months": 12 * age + 1e-3 * area, "price": price})
    >>> model = TableModel("price", epochs=20).fit(homes, test_share=0.25)
    >>> print(diagnose_table(model, homes).findings[0])
    warning: duplicate_columns (columns 'age', 'age in months')
      1 pair of columns carry the same values, up to unit and sign.
      Why: The second one adds nothing, and what the network makes of each alone cannot be
        interpreted.
      Try: Leave one column of each pair out.
    """
    learnt = model.learnt
    network = learnt.network.copy()
    assert network.fitted is not None
    loss, names = network.fitted.loss, tuple(one.name for one in learnt.encoder.inputs)
    if frame is None:
        no_table = "it needs the table that the model learnt from"
        return judge(
            Examination(
                network, loss, None, None, None, names, why_no_records=no_table, why_not_held_out=no_table, words=WORDS
            )
        )
    wrapped, source = to_frame(frame), str(source)
    y = learnt.target.encode(wrapped, source)  # [N]
    if not len(wrapped):
        raise TableError(f"{source} has no rows to examine")
    values = model._values(wrapped, source)  # [N,S]
    z = model._applied(values, source)
    values = np.where(np.isnan(values), learnt.encoder.fill, values)
    wanted = as_learnt(learnt.target, learnt.summary, y)
    parts = parts_again(learnt, values, y)
    why = "this is not the table that the model learnt from (or it was fitted with weights): its split cannot be made"
    if parts is None:
        parts = Parts(np.arange(len(y)), np.empty(0, dtype=np.intp))
    elif not len(parts.test):
        why = "no rows were kept for testing when the model learnt (test_share)"
    records = _records(network, loss, z, wanted, values, parts.train)
    held_out = _records(network, loss, z, wanted, values, parts.test) if len(parts.test) else None
    return judge(Examination(network, loss, None, records, held_out, names, why_not_held_out=why, words=WORDS))


def _records(network: Network, loss: Loss, z: Numbers, wanted: NDArray[Any], values: Numbers, rows: Rows) -> Records:
    return records_of(network, loss, z[rows], wanted[rows], columns=values[rows], rows=rows + 1)


def parts_again(learnt: Learnt, values: Numbers, y: NDArray[Any]) -> Parts | None:
    """Return the rows that the model learnt from and its test part, or None if this is not the table it learnt from.

    The seed gives the rows. They are the right ones if the test rows have the fingerprint that the model keeps, and
    the inputs of the training rows, their gaps filled, and the target have the very figures that it keeps of them.

    Parameters
    ----------
    learnt : Learnt
    values : array [N, S]
        The table's inputs in their own units, as `ReadTable` has them.
    y : array [N]
        The encoded target.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"x": np.arange(100.0), "y": np.arange(100.0) % 7})
    >>> model = TableModel("y", epochs=1).fit(frame, test_share=0.2)
    >>> x, y = frame["x"].to_numpy()[:, None], frame["y"].to_numpy()
    >>> found = parts_again(model.learnt, x, y)
    >>> bool((found.test == model.test_rows).all()), [len(part) for part in found]
    (True, [80, 20])
    >>> parts_again(model.learnt, x + 1, y) is None
    True
    """
    split, encoder = learnt.split, learnt.encoder
    if len(values) != split.rows:
        return None
    try:
        train, test = divided(
            split.seed, len(values), y if learnt.target.classes else None, split.test_share, "the table"
        )
    except TableError:  # the classes are others, or too few
        return None
    if fingerprint(test) != split.sha256:
        return None
    filled = np.where(np.isnan(values), encoder.fill, values)[train]
    number = np.array([one.part == "value" for one in encoder.inputs], dtype=bool)
    found, known = Scaler.measure(filled), encoder.scaler
    for name in FIGURES:
        off = np.abs(getattr(found, name) - getattr(known, name))
        if not (off <= SAME_FIGURE * known.std)[number].all():
            return None
    again = summary_of(learnt.target, y[train], None)
    if any(not np.allclose(again[name], figure, rtol=SAME_FIGURE) for name, figure in learnt.summary.items()):
        return None
    for place in np.flatnonzero(~number & (encoder.missing == 0)).tolist():  # categories: how often each is met
        counts = np.bincount(filled[:, place].astype(np.intp), minlength=encoder.inputs[place].levels)
        if np.abs(counts / len(train) - encoder.shares[place]).max() > SAME_FIGURE:
            return None
    return Parts(train, test)
