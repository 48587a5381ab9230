"""The way from named columns to a matrix of numbers."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import TableError
from pellucid.extras import require
from pellucid.tables.reading.names import COLUMNS_LISTED, find_column
from pellucid.tables.reading.words import NUMBER, counted, part, shortened, some

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

FAULTS_LISTED = 8

_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")


def to_frame(data: Any) -> nw.DataFrame[Any]:
    """Wrap a pandas, polars or pyarrow table so that all three are used alike.

    Parameters
    ----------
    data : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame
        The table. It is not copied.

    Returns
    -------
    frame : narwhals.DataFrame
        The same table behind narwhals' interface (``narwhals.stable.v2``).

    Raises
    ------
    TypeError
        If `data` is anything else.
    TableError
        If two columns have the same name, or a name is not text.
    MissingExtraError
        If narwhals is not installed.

    Examples
    --------
    >>> import polars
    >>> to_frame(polars.DataFrame({"area": [51.5, 80.0]})).columns
    ['area']
    >>> to_frame({"area": [51.5, 80.0]})
    Traceback (most recent call last):
    TypeError: a table must be a pandas or polars DataFrame or a pyarrow Table, not dict; wrap it: pandas.DataFrame(...)
    """
    require("narwhals", "tables", purpose="using tables")
    import narwhals.stable.v2 as nw

    repeated: list[str] = []
    try:
        frame = nw.from_native(data, eager_only=True)
        columns = list(frame.columns)
    except nw.exceptions.DuplicateError:
        names = list(getattr(data, "column_names", getattr(data, "columns", [])))
        repeated = [repr(name) for name, count in Counter(names).items() if count > 1]
    except TypeError:
        frame = None
    if repeated:
        raise TableError(f"the table has more than one column named {some(repeated, COLUMNS_LISTED)}; rename them")
    if not isinstance(frame, nw.DataFrame):  # narwhals lets its own lazy frames through
        name = type(data).__name__
        if hasattr(data, "collect"):
            raise TypeError(f"a table must be in memory, not a {name}; call its .collect() first")
        raise TypeError(
            f"a table must be a pandas or polars DataFrame or a pyarrow Table, not {name}; "
            "wrap it: pandas.DataFrame(...)"
        )
    unnamed = [name for name in columns if not isinstance(name, str)]
    if unnamed:
        raise TableError(
            f"column names must be text, not {some(map(repr, unnamed), COLUMNS_LISTED)}; "
            "rename them: frame.columns = frame.columns.astype(str)"
        )
    return frame


def numeric_columns(
    frame: Any,
    names: Sequence[str],
    source: str | os.PathLike[str] = "the table",
    *,
    remedy: str = "Correct the table.",
) -> NDArray[np.float64]:
    """Turn columns into a matrix of finite numbers, or name every column that cannot be one.

    Integers, floats and decimals become float64, integers beyond 2^53 rounded to the nearest; booleans become 0 and 1.
    Rows are counted from 1, without the header.

    Parameters
    ----------
    frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame
        The table, of N rows.
    names : sequence of str
        The C columns wanted, in the order wanted.
    source : str or path-like, optional
        What the message calls the table: its file.
    remedy : str, optional
        The message's last line: what the caller's caller can do about it.

    Returns
    -------
    matrix : ndarray of float64, shape [N, C]
        The columns side by side, in C order.

    Raises
    ------
    TableError
        If a column is not there, or holds text, dates, missing values, NaN or infinity; all of them in one message.

    Examples
    --------
    >>> import polars
    >>> homes = polars.DataFrame({"area": [51.5, 80.0], "garden": [True, False], "rooms": ["2", "n/a"]})
    >>> numeric_columns(homes, ["area", "garden"])
    array([[51.5,  1. ],
           [80. ,  0. ]])
    >>> numeric_columns(homes, ["area", "rooms"], "homes.csv")
    Traceback (most recent call last):
    pellucid.errors.TableError: homes.csv: a column cannot be used as numbers:
      column 'rooms', row 2: 'n/a' is not a number (1 of 2 values is not)
    Correct the table.
    """
    frame = to_frame(frame)
    matrix = np.empty((len(frame), len(names)))  # [N,C]
    faults = []
    for position, name in enumerate(names):
        found = _numbers_or_fault(frame.get_column(find_column(frame.columns, name, source)))
        if isinstance(found, str):
            faults.append(f"  column {name!r}{found}")
        else:
            matrix[:, position] = found
    if faults:
        which = "a column" if len(faults) == 1 else f"{len(faults)} columns"
        lines = [f"{os.fspath(source)}: {which} cannot be used as numbers:", *faults[:FAULTS_LISTED]]
        if len(faults) > FAULTS_LISTED:
            lines.append(f"  and {counted(len(faults) - FAULTS_LISTED, 'more column')}")
        raise TableError("\n".join([*lines, remedy]))
    return matrix


def _numbers_or_fault(series: nw.Series[Any]) -> NDArray[np.float64] | str:
    """Return the column's numbers, or what is wrong with it as the words to follow its name."""
    import narwhals.stable.v2 as nw

    rows = len(series)
    missing = series.is_null().to_numpy().astype(bool)  # [N]
    present = np.flatnonzero(~missing)  # the row of each value
    if rows and not len(present):
        return f" is empty: none of its {counted(rows, 'row')} has a value"
    also = f"; {_missing_values(missing)}" if missing.any() else ""
    kind = series.dtype
    values = series.drop_nulls()
    if kind in (nw.String, nw.Object, nw.Categorical, nw.Enum):
        objects = values.to_list()
        wrong = [position for position, value in enumerate(objects) if not _is_number(value)]
        if wrong:
            value = objects[wrong[0]]
            comma = _DECIMAL_COMMA.fullmatch(str(value))
            hint = f"; decimal comma: write {str(value).strip().replace(',', '.')}" if comma else ""
            return (
                f", row {present[wrong[0]] + 1}: {shortened(value)} is not a number "
                f"({part(len(wrong), len(objects), 'not')}){hint}{also}"
            )
        if kind != nw.Object or any(isinstance(value, str) for value in objects):
            return f" holds text ({kind}), though every value is a number; convert it to numbers"
        numbers = np.array([float(value) for value in objects])
    elif kind.is_numeric() or kind == nw.Boolean:
        if kind in (nw.Int128, nw.UInt128):  # NumPy has no such integers
            values = values.cast(nw.Float64)
        numbers = values.to_numpy().astype(np.float64)
    else:
        what = "dates or times" if kind.is_temporal() else "values of another kind"
        return f" holds {what} ({kind}), not numbers"
    wrong = np.flatnonzero(~np.isfinite(numbers)).tolist()
    if wrong:
        return (
            f", row {present[wrong[0]] + 1}: {numbers[wrong[0]]} is not a finite number "
            f"({part(len(wrong), len(numbers), 'not')}){also}"
        )
    if missing.any():
        return f", {_missing_values(missing)}"
    return numbers


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return NUMBER.fullmatch(value) is not None
    if isinstance(value, int | float | Decimal | np.integer | np.floating | np.bool_):
        try:
            float(value)
        except OverflowError:  # an integer beyond the largest float
            return False
        return True
    return False


def _missing_values(missing: NDArray[np.bool_]) -> str:
    return f"row {missing.argmax() + 1}: no value ({part(missing.sum(), len(missing), 'missing')})"
