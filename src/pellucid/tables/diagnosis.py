"""The diagnosis of a table model: columns by their names, rows from 1, and the split made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.configuration import child_seeds
from pellucid.errors import TableError
from pellucid.insight.checks.examination import Examination, Records, records_of
from pellucid.insight.diagnosis import Diagnosis, judge
from pellucid.tables.evaluation import Rows
from pellucid.tables.model import VALIDATION_SHARE, Learnt, Source, TableModel, _divide, _fingerprint
from pellucid.tables.reading import to_frame
from pellucid.tables.scaler import FIGURES, Numbers, Scaler

if TYPE_CHECKING:
    from pellucid.losses import Loss
    from pellucid.network import Network

# In standard deviations. The same rows give the same figures, but for the order in which a processor adds them up.
SAME_FIGURE = 1e-9


class Parts(NamedTuple):
    """The rows of each part of a split, from 0."""

    train: Rows
    validation: Rows
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
    >>> homes = polars.DataFrame({"area": area, "age": age, "rooms": 3, "price": price})
    >>> model = TableModel("price").fit(homes, test_share=0.25)
    >>> print(diagnose_table(model, homes).findings[0])
    warning: constant_columns (column 'rooms')
      1 of 3 columns have the same value in all 255 records; column 'rooms' is always 3.
      Why: What never varies tells nothing, and a new value of it later would move the prediction by chance.
      Try: Leave the column out, or find out why it is constant here.
    """
    learnt = model.learnt
    network = learnt.network.copy()
    assert network.fitted is not None
    loss, penalty = network.fitted.loss, network.fitted.penalty
    if frame is None:
        no_table = "it needs the table that the model learnt from"
        return judge(
            Examination(
                network, loss, penalty, None, None, learnt.columns, why_no_records=no_table, why_not_held_out=no_table
            )
        )
    wrapped = to_frame(frame)
    y = learnt.target.encode(wrapped, source)  # [N]
    X = model._inputs(wrapped, source)  # [N,C]
    if not len(X):
        raise TableError(f"{source} has no rows to examine")
    parts = parts_again(learnt, X, y)
    scaled = learnt.scaler.standardise(X)
    wanted = y if learnt.target.classes else (y - learnt.summary["mean"][0]) / learnt.summary["std"][0]
    why = "this is not the table that the model learnt from (or it was fitted with weights): its split cannot be made"
    if parts is None:
        records = _records(network, loss, scaled, wanted, X, np.arange(len(X)))
        return judge(Examination(network, loss, penalty, records, None, learnt.columns, why_not_held_out=why))
    held = np.sort(np.concatenate([parts.validation, parts.test]))
    records = _records(network, loss, scaled, wanted, X, parts.train)
    held_out = _records(network, loss, scaled, wanted, X, held) if len(held) else None
    none_held = "no rows were held out when the model learnt"
    return judge(Examination(network, loss, penalty, records, held_out, learnt.columns, why_not_held_out=none_held))


def _records(network: Network, loss: Loss, scaled: Numbers, wanted: NDArray[Any], X: Numbers, rows: Rows) -> Records:
    return records_of(network, loss, scaled[rows], wanted[rows], columns=X[rows], rows=rows + 1)


def parts_again(learnt: Learnt, X: Numbers, y: NDArray[Any]) -> Parts | None:
    """Return the parts of the split that the model was trained with, or None if this is not the table it learnt from.

    The seed gives the rows. They are the right ones if the test rows have the fingerprint that the model keeps, and
    the columns of the training rows have the very figures that it standardises with.

    Parameters
    ----------
    learnt : Learnt
    X : array [N, C]
        The table's columns in their own units.
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
    (True, [68, 12, 20])
    >>> parts_again(model.learnt, x + 1, y) is None
    True
    """
    split = learnt.split
    if len(X) != split.rows:
        return None
    classes = y if learnt.target.classes else None
    shares = [0.0]
    if split.validation_rows:
        shares = [VALIDATION_SHARE, split.validation_rows / (split.rows - split.test_rows)]
    figures = learnt.scaler if classes is not None else _with_target(learnt.scaler, learnt.summary)
    matrix = X if classes is not None else np.column_stack([X, y])
    for share in shares:
        chosen_by = [np.random.default_rng(child) for child in child_seeds(split.seed)[3].spawn(2)]
        try:
            rest, test = _divide(np.arange(len(X)), classes, split.test_share, chosen_by[0], "a test part", "the table")
            train, validation = _divide(rest, classes, share, chosen_by[1], "a validation part", "the table")
        except TableError:
            return None
        if _fingerprint(test) != split.sha256:
            return None
        if len(validation) == split.validation_rows and _same(Scaler.measure(matrix[train]), figures):
            return Parts(train, validation, test)
    return None


def _with_target(scaler: Scaler, summary: Mapping[str, Numbers]) -> Scaler:
    """Return the figures of the columns with those of a numeric target behind them."""
    both = {name: np.append(getattr(scaler, name), summary[name]) for name in FIGURES}
    return Scaler(**both, constant=np.append(scaler.constant, False))


def _same(one: Scaler, other: Scaler) -> bool:
    return all(
        bool((np.abs(getattr(one, name) - getattr(other, name)) <= SAME_FIGURE * other.std).all()) for name in FIGURES
    )
