"""The cells of a table as a model has read them, once for all that is asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.tables.encoding import Encoder
from pellucid.tables.evaluation import Rows
from pellucid.tables.scaler import Numbers

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw


@dataclass(frozen=True, eq=False)
class ReadTable:
    """A table as a model has read it: `TableModel.predict` and its like take it in place of the data frame.

    Reading cells that are texts takes longer than predicting from them.

    Attributes
    ----------
    encoder : Encoder
        Of the model.
    values : array [N, S]
        What the table holds, input by input and in the columns' own units; NaN in gaps.
    unseen : dict of str to array
        Of columns with categories, the rows, from 0, that hold none that is known.
    """

    encoder: Encoder
    values: Numbers
    unseen: dict[str, Rows]

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def of(cls, frame: nw.DataFrame[Any], encoder: Encoder, source: str) -> ReadTable:
        """Read a table that has the encoder's columns."""
        values, unseen = encoder.values(frame, source), {}
        for place, column in enumerate(encoder.columns):
            first = encoder.first_input(place)
            part = encoder.inputs[first].part
            if part in ("code", "vector"):
                unseen[column.name] = np.flatnonzero(values[:, first] == (-1 if part == "code" else 0))
            elif column.levels:
                unseen[column.name] = column.unseen(frame.get_column(column.name))
        return cls(encoder, values, {name: rows for name, rows in unseen.items() if len(rows)})

    @property
    def gaps(self) -> dict[str, int]:
        """Of each column that lacks values, how many; what is no known category is no gap."""
        counts = {}
        for place, column in enumerate(self.encoder.columns):
            gap = np.isnan(self.values[:, self.encoder.first_input(place)])
            gap[self.unseen.get(column.name, [])] = False
            counts[column.name] = int(gap.sum())
        return {name: count for name, count in counts.items() if count}

    @property
    def unusual(self) -> dict[str, Rows]:
        """Of each column with values far outside what was learnt from, their rows, from 0."""
        scaler = self.encoder.scaler
        found: dict[str, Rows] = {}
        with np.errstate(over="ignore"):
            width = scaler.high - scaler.low
            lowest, highest = scaler.low - width, scaler.high + width  # [S]
        for place, one in enumerate(self.encoder.inputs):
            if one.part == "value" and not scaler.constant[place]:
                own, name = self.values[:, place], self.encoder.columns[one.column].name
                far = np.flatnonzero((own < lowest[place]) | (own > highest[place]))
                if len(far):
                    found[name] = np.union1d(found.get(name, far), far).astype(np.intp)
        for name, rows in self.unseen.items():
            found[name] = np.union1d(found.get(name, rows), rows).astype(np.intp)
        return {column.name: found[column.name] for column in self.encoder.columns if column.name in found}
