"""What each column of a table is - a number, yes or no, a category, a date - and reading it as such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pellucid.tables.kinds.asked import as_asked
from pellucid.tables.kinds.cells import Rows, Where, cells_of
from pellucid.tables.kinds.column import KINDS, Column, Kind
from pellucid.tables.kinds.recognising import recognised
from pellucid.tables.reading.names import find_column

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

__all__ = ["KINDS", "Column", "Kind", "recognise"]


def recognise(
    frame: nw.DataFrame[Any],
    names: Sequence[str],
    asked: Mapping[str, object],
    source: str = "the table",
    rows: Rows | None = None,
) -> tuple[Column, ...]:
    """Decide what each of these columns is from the rows of the frame.

    Parameters
    ----------
    frame : narwhals.DataFrame
    names : sequence of str
        The columns to look at.
    asked : mapping of str to object
        What a column is by decision of the caller: a kind, ``"date:"`` and a format, or the levels of an ordered
        category from least to most.
    source : str, optional
        What a message calls the table.
    rows : array [N], optional
        The rows of the table that these are, from 0, for a message.

    Returns
    -------
    columns : tuple of Column
        In the order of `names`, with those left out.

    Raises
    ------
    TableError
        If a column is not there, is not what was asked for, or contradicts itself.
    ValueError
        If what is asked for is no kind of column.

    Examples
    --------
    >>> import polars
    >>> from pellucid.tables.reading import to_frame
    >>> frame = polars.DataFrame({"price": ["1,5 €", "2 €", "?"], "sold": ["yes", "no", "no"], "size": ["S", "L", "M"]})
    >>> for column in recognise(to_frame(frame), frame.columns, {"size": ["S", "M", "L"]}):
    ...     print(column.name, "|", column.kind, "|", column.levels, "|", *column.notes)
    price | number | () | 1 read as missing: '?' decimal comma currency €
    sold | yes/no | ('no', 'yes') |
    size | ordered | ('S', 'M', 'L') |
    """
    present = set(frame.columns)
    for name in (*names, *asked):
        if name not in present:
            find_column(frame.columns, name, source)
    found = []
    for name in names:
        series = frame.get_column(name)
        where = Where(source, name, rows)
        if name in asked:
            found.append(as_asked(series, asked[name], where))
        else:
            found.append(recognised(cells_of(series, where), where))
    return tuple(found)
