"""How much worse a model of a table predicts without what a column tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.errors import TableError
from pellucid.insight.prediction import sampled
from pellucid.tables.evaluation import Rows
from pellucid.tables.model import Source, TableModel
from pellucid.tables.reading import to_frame
from pellucid.tables.target import Kind

MOST_ROWS = 2_000

# What is looked at for each kind of target: less is better.
FIGURES: dict[Kind, str] = {
    "binary": "log-loss",
    "multiclass": "log-loss",
    "numeric": "RMSE",
    "count": "deviance",
    "quantiles": "pinball loss",
}


@dataclass(frozen=True)
class Importance:
    """How much worse the predictions are when the cells of a column are shuffled.

    Attributes
    ----------
    column : str
    mean, std : float
        Of what the figure grew by, over the shuffles; ``std`` is the uncertainty of a single one.
    figure : str
        ``"log-loss"`` of classes, ``"RMSE"`` of numbers, ``"deviance"`` of counts, ``"pinball loss"`` of quantiles.
    """

    column: str
    mean: float
    std: float
    figure: str


def importance(
    model: TableModel,
    frame: Any,
    *,
    rows: npt.ArrayLike | None = None,
    repeats: int = 5,
    seed: int = 0,
    source: Source = "the table",
) -> list[Importance]:
    """Return the permutation importance of each column that a model uses, the largest first.

    The cells of one column are shuffled among the rows, and the rows predicted anew: what the column told is lost,
    and its values stay as likely as they were. Two columns that tell the same stand in for each other, and both look
    less important than they are together. By rows that the model learnt from, a column that was merely memorised looks
    important: give those that it did not see.

    Parameters
    ----------
    model : TableModel
        A trained one.
    frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame
        With the target.
    rows : array of int, optional
        The rows to judge by, from 0, such as `TableModel.test_rows`; by default all. Of more than 2,000 as many are
        taken, chosen by the seed.
    repeats : int
        How often each column is shuffled.
    seed : int
    source : str or path-like
        What messages call the table.

    Returns
    -------
    list of Importance

    Raises
    ------
    TableError
        As for `TableModel.evaluate`, and if there are fewer than two rows.

    Examples
    --------
    >>> import polars
    >>> x = np.arange(200) % 20
    >>> frame = polars.DataFrame({"x": x, "noise": np.arange(200) % 7, "y": 3.0 * x})
    >>> found = importance(TableModel("y", epochs=20).fit(frame), frame)
    >>> [one.column for one in found], found[0].figure, found[0].mean > 100 * abs(found[1].mean)
    (['x', 'noise'], 'RMSE', True)

    Source: Breiman, "Random forests", 2001, section 10; Fisher, Rudin and Dominici, "All models are wrong, but many are
    useful", 2019, section 3.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be 1 or more, found {repeats!r}")
    learnt, wrapped = model.learnt, to_frame(frame)
    chosen: Rows = np.arange(len(wrapped)) if rows is None else np.asarray(rows, dtype=np.intp)
    chosen = sampled(chosen, MOST_ROWS, seed)
    if len(chosen) < 2:
        raise TableError(f"{source}: importance needs two rows or more, found {len(chosen)}")
    part = wrapped[chosen.tolist()]
    y, z = learnt.target.encode(part, source), model._standardised(part, str(source), chosen)
    figure, encoder = FIGURES[learnt.target.kind], learnt.encoder
    generator = np.random.default_rng(seed)

    def measured(inputs: npt.NDArray[np.float64]) -> float:
        return learnt.judged(y, learnt.network.predict(inputs), chosen).figures[figure][0]

    usual, found = measured(z), []
    for place, column in enumerate(encoder.columns):
        own = [index for index, one in enumerate(encoder.inputs) if one.column == place]
        grown = []
        for _ in range(repeats):
            shuffled = z.copy()
            shuffled[:, own] = z[generator.permutation(len(z))][:, own]  # all that is told of a cell stays together
            grown.append(measured(shuffled) - usual)
        spread = float(np.std(grown, ddof=1)) if repeats > 1 else 0.0
        found.append(Importance(column.name, float(np.mean(grown)), spread, figure))
    return sorted(found, key=lambda one: -one.mean)
