"""The cells of a column, taken out of any data frame: numbers, or texts."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import TableError
from pellucid.tables import dates
from pellucid.tables.reading.words import shortened

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

Level: TypeAlias = str | bool | int | float
Numbers: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp]
EXCEL_ERRORS = frozenset(
    {"#n/a", "#na", "#nv", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!", "#spill!", "#calc!"}
)
MISSING = EXCEL_ERRORS | {
    *("", "na", "n/a", "n.a.", "<na>", "nan", "nat", "null", "(null)", "nil", "\\n", "missing", "not available"),
    *("?", "-", "--", "---", "–", "—", "."),
}
"""Texts that say that there is no value, in small letters. Among numbers and dates "none" is another."""
HELD = {"number": "numbers", "date": "dates", "yes/no": "true and false"}


class Where(NamedTuple):
    """Which column it is, for messages."""

    source: str
    name: str
    rows: Rows | None = None

    def row(self, row: int | np.intp) -> int:
        """Return the number of a row as a person counts."""
        return int(row if self.rows is None else self.rows[row]) + 1

    def refuse(self, problem: str) -> NoReturn:
        raise TableError(f"{self.source}: column {self.name!r}{problem}")


class Cells(NamedTuple):
    """What a column's cells hold: numbers [N], or distinct texts and which of them each row has, -1 for none."""

    form: Literal["number", "yes/no", "date", "text", "category"]
    numbers: Numbers
    texts: list[str] | None = None
    codes: Rows = np.empty(0, dtype=np.intp)
    whole: bool = False  # whether they are held as whole numbers
    order: tuple[Level, ...] = ()  # of the levels of a categorical
    ordered: bool = False  # whether that order means something

    def spread(self, values: Iterable[float]) -> Numbers:
        """Return of each row the value that belongs to its text; NaN where there is none."""
        return np.array([*values, np.nan], dtype=np.float64)[self.codes]


def cells_of(series: nw.Series[Any], where: Where) -> Cells:
    """Take the cells out of a column of any data frame."""
    import narwhals.stable.v2 as nw

    dtype = series.dtype
    if dtype == nw.Boolean:
        numbers = series.fill_null(False).to_numpy().astype(np.float64)
        numbers[series.is_null().to_numpy().astype(bool)] = np.nan
        return Cells("yes/no", numbers)
    if dtype.is_numeric():
        if dtype.is_decimal() or dtype in (nw.Int128, nw.UInt128):  # NumPy has none
            series = series.cast(nw.Float64)
        return Cells("number", _finite(series.to_numpy().astype(np.float64), where), whole=dtype.is_integer())
    if dtype in (nw.Date, nw.Datetime, nw.Duration):
        times = series.to_numpy()
        if times.dtype.kind in "mM":  # pandas gives Python's own dates of those that Arrow holds
            return Cells("number" if dtype == nw.Duration else "date", dates.seconds_of(times))
    values = series.to_list()
    missing = series.is_null().to_numpy().astype(bool)  # [N]
    present = np.flatnonzero(~missing)
    if dtype in (nw.Categorical, nw.Enum):
        order = tuple(map(_level, series.cat.get_categories().to_list() if dtype == nw.Enum else ()))
        if not all(map(is_plain_number, order)):
            order = tuple(map(as_text, order))
        texts, codes = _distinct([as_text(_level(values[row])) for row in present.tolist()], present, len(values))
        # In pandas, narwhals calls a categorical Enum only where it has an order; polars' Enum need not have one.
        ordered = dtype == nw.Enum and series.implementation.is_pandas_like()
        return Cells("category", np.empty(0), texts, codes, order=order, ordered=ordered)
    held = [row for row in present.tolist() if not (isinstance(values[row], float) and math.isnan(values[row]))]
    return _of_objects([values[row] for row in held], np.array(held, dtype=np.intp), len(values), where)


def _of_objects(values: list[Any], present: Rows, rows: int, where: Where) -> Cells:
    """Return what Python's own values are, of the rows that have one."""
    kinds = {type(value) for value in values}
    numbers = np.full(rows, np.nan)  # [N]
    if kinds and all(issubclass(kind, bool | np.bool_) for kind in kinds):
        numbers[present] = values
        return Cells("yes/no", numbers)
    if kinds and all(_is_number_type(kind) for kind in kinds):
        numbers[present] = [_as_float(value) for value in values]
        whole = all(issubclass(kind, int | np.integer) for kind in kinds)
        return Cells("number", _finite(numbers, where), whole=whole)
    if kinds and all(issubclass(kind, dt.date) for kind in kinds):
        numbers[present] = [dates.second_of(value) for value in values]
        return Cells("date", numbers)
    if kinds and all(issubclass(kind, dt.timedelta) for kind in kinds):
        numbers[present] = [value.total_seconds() for value in values]
        return Cells("number", numbers)
    if kinds == {dt.time}:
        numbers[present] = [3600.0 * one.hour + 60 * one.minute + one.second + one.microsecond / 1e6 for one in values]
        return Cells("number", numbers)
    for row, value in zip(present.tolist(), values, strict=True):
        if not isinstance(value, str | bool | np.bool_ | dt.date) and not _is_number_type(type(value)):
            where.refuse(
                f", row {where.row(row)}: {shortened(value)} ({type(value).__name__}) is neither a number nor text nor "
                "a date; convert the column, or choose the kind left out"
            )
    texts, codes = _distinct(list(map(as_text, values)), present, rows)
    return Cells("text", np.empty(0), texts, codes)


def _distinct(texts: list[str], present: Rows, rows: int) -> tuple[list[str], Rows]:
    """Return the distinct texts in order of appearance, and of each row which it is, [N]."""
    places: dict[str, int] = {}
    codes = np.full(rows, -1, dtype=np.intp)  # [N]
    codes[present] = [places.setdefault(text, len(places)) for text in texts]
    return list(places), codes


def _finite(numbers: Numbers, where: Where) -> Numbers:
    wrong = np.flatnonzero(np.isinf(numbers))
    if len(wrong):
        where.refuse(
            f", row {where.row(wrong[0])}: {numbers[wrong[0]]} is not a finite number "
            f"({len(wrong)} of {len(numbers)} rows hold such); correct it, or leave it empty"
        )
    return numbers


def _is_number_type(kind: type) -> bool:
    return issubclass(kind, int | float | Decimal | np.integer | np.floating) and not issubclass(kind, bool)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond the largest float
        return math.inf


def is_plain_number(level: object) -> bool:
    """Tell whether a level is a number, and neither true nor false."""
    if isinstance(level, bool) or not isinstance(level, int | float):
        return False
    return math.isfinite(level) if isinstance(level, float) else abs(level) <= 2**53


def _level(value: Any) -> Level:
    """Return a categorical's value as one of Python's own."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, str | bool | int | float) else str(value)


def as_text(value: Any) -> str:
    """Return a cell as text; a whole number without its point."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, dt.date):
        return value.isoformat()
    number = _as_float(value)
    return str(int(number)) if number.is_integer() and abs(number) <= 2**53 else repr(number)


def tidy(text: str) -> str:
    """Return a text without spaces around it, and single ones within."""
    return " ".join(text.split())


def key_of(value: Any) -> str:
    """Return what is the same for all spellings of a level."""
    return tidy(as_text(value)).casefold()


def read_texts(cells: Cells, where: Where, read: Any, expected: str) -> Numbers:
    """Return the number that each row's text means; NaN where it says that there is none."""
    texts = cells.texts or []
    found = [math.nan if is_missing(text) else read(text) for text in texts]
    wrong = cells.spread([number is None for number in found])
    if (wrong == 1).any():
        row = int(np.argmax(wrong == 1))
        count = int((wrong == 1).sum())
        where.refuse(
            f", row {where.row(row)}: {shortened(texts[cells.codes[row]])} is not {expected} "
            f"({count} of {int((cells.codes >= 0).sum())} values {'is' if count == 1 else 'are'} not); "
            "correct the table, or leave such cells empty"
        )
    return _finite(cells.spread([math.nan if number is None else number for number in found]), where)


def is_missing(text: str) -> bool:
    """Tell whether a cell among numbers or dates says that there is no value."""
    key = key_of(text)
    return key in MISSING or key == "none"
