"""Whether a table is still like the rows that a model learnt from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.tables.encoding import EIGHTHS, Encoder
from pellucid.tables.explanation_text import figure, shortened
from pellucid.tables.kinds import Column
from pellucid.tables.model import Source, TableModel
from pellucid.tables.read_table import ReadTable
from pellucid.tables.scaler import Numbers

# What is told is both large, and not chance: in tables drawn like the training rows, once in a thousand tables.
LARGE = 0.15
MANY_GAPS = 0.1
MANY_NEW = 0.05
CHANCE = 0.001


@dataclass(frozen=True)
class Drift:
    """A column that is no longer as it was in the rows learnt from.

    Attributes
    ----------
    column : str
    distance : float
        The largest share of rows, from 0 to 1, that is elsewhere: by the values that divide the rows learnt from into
        eighths, by category, outside the range, or without a value.
    text : str
        Which values moved and how far, in the table's own words.
    """

    column: str
    distance: float
    text: str


def drift(model: TableModel, frame: Any, *, source: Source = "the table") -> list[Drift]:
    """Compare a table's columns with the rows that a model learnt from, as the model remembers them.

    Of a number or a date, how many rows lie outside the range, and on either side of each value that divides the rows
    learnt from into eighths (the distance of Kolmogorov and Smirnov, at seven places); of categories, half the sum of
    what the shares differ by (their total variation), and how many were never met; of each column, how many gaps there
    are. The fewer rows, the more must differ before it is told; of a handful nothing can be said.

    Parameters
    ----------
    model : TableModel
        A trained one.
    frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table, narwhals.DataFrame or ReadTable
    source : str or path-like
        What messages call the table.

    Returns
    -------
    list of Drift
        The column that moved farthest first; empty where none moved clearly.

    Raises
    ------
    TableError
        If columns are missing or cannot be used, as for `TableModel.predict`.

    Examples
    --------
    >>> import polars
    >>> frame = polars.DataFrame({"age": [20.0, 30.0, 40.0, 50.0] * 20, "y": [1.0, 2.0, 3.0, 4.0] * 20})
    >>> model = TableModel("y", epochs=1).fit(frame)
    >>> drift(model, frame)
    []
    >>> (moved,) = drift(model, frame.with_columns(age=polars.col("age") + 25))
    >>> moved.text
    "'age': 75 % lie above 50, the highest value learnt from"

    Source: Massart, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", 1990 (numbers); Devroye, "The
    equivalence of weak, strong and complete convergence in L1 for kernel density estimates", 1983, lemma 3, by way of
    McDiarmid's inequality (categories).
    """
    learnt, table = model.learnt, model.read(frame, source=source)
    before, now = learnt.split.rows - learnt.split.test_rows, len(table)
    if not now:
        return []
    comparison = _Comparison(learnt.encoder, before, now)
    found = [comparison.of_column(table, place, column) for place, column in enumerate(learnt.encoder.columns)]
    return sorted((one for one in found if one is not None), key=lambda one: -one.distance)


class _Comparison:
    """What of a difference is chance, between so many rows then and now."""

    def __init__(self, encoder: Encoder, before: int, now: int) -> None:
        self.encoder, self.now = encoder, now
        unlikely = math.log(len(encoder.columns) / CHANCE)
        self.both = now * before / (now + before)
        self.by_chance = math.sqrt((unlikely + math.log(2)) / (2 * self.both))  # of a share, at most
        # That the k highest of all rows, or all k of a kind, are now, has the probability (now / (now + before))^k.
        self.new_by_chance = unlikely / math.log1p(before / now) / now

    def of_column(self, table: ReadTable, place: int, column: Column) -> Drift | None:
        """Return how far a column has moved, or None; the first input of a date is its day."""
        first = self.encoder.first_input(place)
        own, unseen = table.values[:, first], table.unseen.get(column.name, np.empty(0, dtype=np.intp))
        gap = np.isnan(own)
        gap[unseen] = False
        present = own[~np.isnan(own)]
        said: list[tuple[float, str]] = []
        was, share = float(self.encoder.missing[first]), float(gap.mean())
        if abs(share - was) > max(MANY_GAPS, self.by_chance):
            said.append((abs(share - was), f"no value in {_percent(share)} of the rows, in {_percent(was)} of those"))
        if len(unseen):
            said += self._never_met(first, len(unseen) / self.now)
        if len(present):
            compare = self._numbers if column.kind in ("number", "date", "ordered") else self._shares
            said += compare(first, column, present)
        if not said:
            return None
        text = "; ".join(text for _, text in said)
        text = text.replace("of those", "of those learnt from")
        return Drift(column.name, max(distance for distance, _ in said), f"{column.name!r}: {text}")

    def _never_met(self, first: int, share: float) -> list[tuple[float, str]]:
        if self.encoder.inputs[first].part != "vector":
            enough, words = share > max(MANY_NEW, self.new_by_chance), "hold what was never met"
            return [(share, f"{_percent(share)} {words}")] if enough else []
        # Of a great many categories the rare ones count as never met, from the start.
        was = float(self.encoder.shares[first][0])
        if share - was <= max(MANY_NEW, self.by_chance):
            return []
        return [(share - was, f"{_percent(share)} hold what was met rarely or never, {_percent(was)} of those")]

    def _numbers(self, first: int, column: Column, present: Numbers) -> list[tuple[float, str]]:
        encoder, said = self.encoder, []
        low, high = float(encoder.scaler.low[first]), float(encoder.scaler.high[first])
        for share, words in (
            (float((present > high).mean()), f"lie above {_value(column, high)}, the highest value learnt from"),
            (float((present < low).mean()), f"lie below {_value(column, low)}, the lowest value learnt from"),
        ):
            if share > max(MANY_NEW, self.new_by_chance):
                said.append((share, f"{_percent(share)} {words}"))
        # The model knows the eighths of the column with its gaps filled: the same is done to the values now.
        was, fill = float(encoder.missing[first]), float(encoder.fill[first])
        edges, shares = encoder.quantiles[first, 1:-1], np.arange(1, EIGHTHS) / EIGHTHS  # [7]
        below = np.array([(present < edge).mean() for edge in edges])
        up_to = np.array([(present <= edge).mean() for edge in edges])
        more = (1 - was) * below + was * (fill < edges) - shares  # where equal values are many, shares lie between
        fewer = shares - (1 - was) * up_to - was * (fill <= edges)
        place = int(np.argmax(np.maximum(more, fewer)))
        distance = float(max(more[place], fewer[place])) / max(1 - was, 1e-12)
        # A table that lies wholly outside the range need not be told of twice.
        if distance <= max(LARGE, self.by_chance) or any(share > distance - LARGE for share, _ in said):
            return said
        edge = float(edges[place])
        then = (shares[place] - was * (fill <= edge if fewer[place] > more[place] else fill < edge)) / (1 - was)
        if fewer[place] > more[place]:
            words = f"{_percent(up_to[place])} are {_value(column, edge)} or less, {_percent(then)} of those"
        else:
            words = f"{_percent(below[place])} are less than {_value(column, edge)}, {_percent(then)} of those"
        return [*said, (distance, words)]

    def _shares(self, first: int, column: Column, present: Numbers) -> list[tuple[float, str]]:
        encoder = self.encoder
        if column.kind == "yes/no":
            was, fill = float(encoder.missing[first]), float(encoder.fill[first])
            yes = (float(encoder.scaler.mean[first]) - was * fill) / max(1 - was, 1e-12)
            then, labels = np.array([1 - yes, yes]), column.levels
        else:
            then = encoder.shares[first]
            labels = column.levels if encoder.inputs[first].part == "code" else ("(any other)", *column.levels)
        known = present[present >= 0].astype(np.intp)
        now = np.bincount(known, minlength=len(then)) / len(present)  # what was never met is told by itself
        distance = float(np.maximum(then - now, 0).sum())
        pooled = (then + now) / 2
        usual = float(np.sqrt(pooled * (1 - pooled) / self.both).sum()) / 2
        never = float((present < 0).mean())
        if distance <= max(LARGE + never, usual + self.by_chance):
            return []
        place = int(np.argmax(np.abs(now - then) + 1e-9 * (now > then)))  # of two the one that grew
        name = repr(shortened(str(labels[place])))
        return [(distance, f"{name} in {_percent(now[place])} of the rows, in {_percent(then[place])} of those")]


def _value(column: Column, value: float) -> str:
    if column.kind == "date":
        return str(np.datetime64(math.floor(value), "D"))
    if column.kind == "ordered":
        return repr(column.levels[min(max(math.floor(value), 0), len(column.levels) - 1)])
    return figure(value)


def _percent(share: float) -> str:
    """Return a share as text.

    Examples
    --------
    >>> _percent(0.404), _percent(0.0123), _percent(0.0)
    ('40 %', '1.2 %', '0 %')
    """
    return f"{100 * share:.1f} %" if 0 < share < 0.0995 else f"{100 * share:.0f} %"
