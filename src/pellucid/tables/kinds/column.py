"""What a column of a table is, and reading it as such."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from pellucid.tables import dates
from pellucid.tables.kinds.cells import (
    HELD,
    MISSING,
    Cells,
    Level,
    Numbers,
    Rows,
    Where,
    cells_of,
    is_plain_number,
    key_of,
    read_texts,
    tidy,
)
from pellucid.tables.reading.words import shortened
from pellucid.tables.written_numbers import WrittenNumber

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

Kind: TypeAlias = Literal["number", "yes/no", "category", "ordered", "date", "left out"]
KINDS: tuple[Kind, ...] = ("number", "yes/no", "category", "ordered", "date", "left out")
PAIRS = (
    ("no", "yes"),
    ("n", "y"),
    ("false", "true"),
    ("f", "t"),
    ("nein", "ja"),
    ("non", "oui"),
    ("no", "si"),
    ("no", "sí"),
    ("off", "on"),
    ("0", "1"),
)
"""No and yes, as tables say it."""
_ANSWERS = {word: place for pair in PAIRS for place, word in enumerate(pair)}


@dataclass(frozen=True)
class Column:
    """What a column holds, and how to read it.

    Attributes
    ----------
    name : str
    kind : "number", "yes/no", "category", "ordered", "date" or "left out"
    written : WrittenNumber, optional
        How numbers stand in text cells; None where the column holds numbers already.
    levels : tuple
        Of a category its distinct values, sorted; of an ordered one from least to most; of yes/no, (no, yes).
    date_format : str
        Of dates in text cells, as ``strptime`` knows it; "" where the column holds dates already.
    times : bool
        Of dates, whether there is a time of day.
    notes : tuple of str
        What a person should know of it.

    Examples
    --------
    >>> import polars
    >>> from pellucid.tables.reading import to_frame
    >>> frame = to_frame(polars.DataFrame({"city": ["Graz", " graz", None, "Linz"]}))
    >>> column = Column("city", "category", levels=("Graz", "Wien"))
    >>> column.read(frame["city"]), column.unseen(frame["city"])
    (array([ 0.,  0., nan, -1.]), array([3]))
    """

    name: str
    kind: Kind
    written: WrittenNumber | None = None
    levels: tuple[Level, ...] = ()
    date_format: str = ""
    times: bool = False
    notes: tuple[str, ...] = ()

    @property
    def in_text(self) -> bool:
        """Whether the values stood in text when it was found out what they are."""
        levels = any(isinstance(level, str) for level in self.levels)
        return levels or self.written is not None or bool(self.date_format)

    def read(self, series: nw.Series[Any], source: str = "the table", rows: Rows | None = None) -> Numbers:
        """Return the column's values as numbers [N]; NaN where there is none.

        A category is its place among the levels, or -1 for one that is none of them; of yes/no and of an ordered
        category those are NaN. A date is seconds since the beginning of 1970, in UTC.

        Parameters
        ----------
        series : narwhals.Series
        source : str, optional
            What a message calls the table.
        rows : array [N], optional
            The rows of the table that these are, from 0, for a message.

        Raises
        ------
        TableError
            If a cell is no number, or no date, where the model takes one.
        """
        if self.kind == "left out":
            return np.full(len(series), np.nan)
        where = Where(source, self.name, rows)
        cells = cells_of(series, where)
        if self.kind in ("number", "date"):
            return self._numbers(cells, where)
        codes = self._codes(cells)
        if self.kind != "category":
            codes[codes < 0] = np.nan
        return codes

    def unseen(self, series: nw.Series[Any]) -> Rows:
        """Return the rows, from 0, that hold a value which is none of the levels; none for numbers and dates."""
        if not self.levels:
            return np.empty(0, dtype=np.intp)
        return np.flatnonzero(self._codes(cells_of(series, Where("the table", self.name))) < 0)

    def _numbers(self, cells: Cells, where: Where) -> Numbers:
        expected = "a date" if self.kind == "date" else "a number"
        if cells.texts is None:
            if (cells.form == "date") != (self.kind == "date") and not np.isnan(cells.numbers).all():
                where.refuse(f" holds {HELD[cells.form]}, and {expected} is expected; convert the column")
            return cells.numbers
        if self.kind == "number":
            style = self.written or WrittenNumber()
            notes = f" ({', '.join(style.notes)})" if style.notes else ""
            return read_texts(cells, where, style.read, f"{expected}{notes}")
        in_format = f" ({self.date_format})" if self.date_format else ""
        return read_texts(cells, where, lambda text: dates.read_date(text, self.date_format), expected + in_format)

    @cached_property
    def _places(self) -> dict[str, int]:
        own = {key_of(level): place for place, level in enumerate(self.levels)}
        # What says yes in one table as "yes" may say so in another as 1, or as true.
        return _ANSWERS | own if self.kind == "yes/no" and tuple(own) in PAIRS else own

    def _codes(self, cells: Cells) -> Numbers:
        """Return each row's place among the levels; NaN where there is no value, -1 where it is none of them."""
        if cells.texts is not None:
            numbered = is_plain_number(self.levels[0]) if self.levels else False
            return cells.spread([self._place_of_text(text, numbered) for text in cells.texts])
        if cells.form == "yes/no" and self.kind == "yes/no":
            return cells.numbers
        found, inverse = np.unique(cells.numbers, return_inverse=True)
        as_bool = cells.form == "yes/no" or (self.levels and isinstance(self.levels[0], bool))
        values = [bool(number) if as_bool and number in (0, 1) else number for number in found.tolist()]
        places = [math.nan if math.isnan(value) else self._places.get(key_of(value), -1) for value in values]
        return np.array(places, dtype=np.float64)[inverse.ravel()]

    def _place_of_text(self, text: str, numbered: bool) -> float:
        key = key_of(text)
        number = WrittenNumber().read(text) if numbered else None
        found = self._places.get(key if number is None else key_of(number))
        if found is not None:
            return found
        return math.nan if key in MISSING else -1

    def to_config(self) -> dict[str, Any]:
        """Return plain values that ``from_config`` takes."""
        return {
            "name": self.name,
            "kind": self.kind,
            "written": None if self.written is None else self.written.to_config(),
            "levels": list(self.levels),
            "date_format": self.date_format,
            "times": self.times,
            "notes": list(self.notes),
        }

    @classmethod
    def from_config(cls, config: Any) -> Column:
        """Return the column that ``to_config`` described.

        Raises
        ------
        ValueError
            If anything is not as ``to_config`` writes it.

        Examples
        --------
        >>> Column.from_config(Column("paid", "yes/no", levels=("no", "yes")).to_config()).levels
        ('no', 'yes')
        """
        types = {"name": str, "kind": str, "levels": list, "date_format": str, "times": bool, "notes": list}
        if not isinstance(config, Mapping) or set(config) != {*types, "written"}:
            raise ValueError(f"a column has {', '.join((*types, 'written'))}, found {shortened(config)}")
        for field, expected in types.items():
            if not isinstance(config[field], expected):
                raise ValueError(f"a column's {field} is {shortened(config[field])}; expected {expected.__name__}")
        name, kind, form = config["name"], config["kind"], config["date_format"]
        if kind not in KINDS:
            raise ValueError(f"{shortened(kind)} is no kind of column")
        if not all(isinstance(note, str) for note in config["notes"]):
            raise ValueError(f"the notes on column {shortened(name)} are not all text")
        written = None if config["written"] is None else WrittenNumber.from_config(config["written"])
        if written is not None and kind != "number":
            raise ValueError(f"column {shortened(name)} is {kind}, and no written numbers")
        if kind != "date" and (form or config["times"]):
            raise ValueError(f"column {shortened(name)} is {kind}, and has no date format or times")
        if form:
            dates.check_format(form)
        levels = config["levels"]
        if kind in ("yes/no", "category", "ordered"):
            check_levels(name, kind, levels)
        elif levels:
            raise ValueError(f"column {shortened(name)} is {kind}, and has no levels")
        return cls(name, kind, written, tuple(levels), form, config["times"], tuple(config["notes"]))


def check_levels(name: str, kind: str, levels: Sequence[Any]) -> None:
    """Raise ValueError if these cannot be a column's levels."""
    of = f"the levels of column {shortened(name)}"
    texts = all(isinstance(level, str) for level in levels)
    bools = all(isinstance(level, bool) for level in levels)
    if not levels or not (texts or bools or all(is_plain_number(level) for level in levels)):
        raise ValueError(f"{of} must be texts, or numbers, or true and false, found {shortened(levels)}")
    if texts and any(level != tidy(level) or not level for level in levels):
        raise ValueError(f"{of} must be texts without spaces around them")
    if len({key_of(level) for level in levels}) < len(levels):
        raise ValueError(f"{of} must differ, and not only in upper and lower case")
    if kind == "yes/no" and len(levels) != 2:
        raise ValueError(f"{of} must be two, no and yes, found {len(levels)}")
    if kind == "category" and list(levels) != sorted(levels):
        raise ValueError(f"{of} are not sorted")
