"""The names of a table's columns: which are refused, and how one is found."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence

from pellucid.errors import TableError
from pellucid.tables.reading.words import NUMBER, counted, nearest, some

COLUMNS_LISTED = 12


def find_column(columns: Iterable[str], name: str, source: str | os.PathLike[str], role: str = "") -> str:
    """Return a column's name if the table has it, and otherwise suggest those that come near.

    Parameters
    ----------
    columns : iterable of str
        The names of the table's columns.
    name : str
        The name asked for; it must be exact, upper and lower case and spaces included.
    source : str or path-like
        What the message calls the table: its file.
    role : str, optional
        What the column is wanted as, for the message: ``"target"``.

    Returns
    -------
    name : str
        The name asked for.

    Raises
    ------
    TableError
        If there is no such column.

    Examples
    --------
    >>> find_column(["area", "price"], "price", "homes.csv")
    'price'
    >>> find_column(["area", "price"], "Prise", "homes.csv", role="target")
    Traceback (most recent call last):
    pellucid.errors.TableError: there is no column 'Prise' (wanted as target) in homes.csv; did you mean 'price'?
    Columns: 'area', 'price'
    """
    columns = list(columns)
    if name in columns:
        return name
    near = nearest(name, columns)
    wanted = f" (wanted as {role})" if role else ""
    suggestion = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    raise TableError(
        f"there is no column {name!r}{wanted} in {os.fspath(source)}{suggestion}\n"
        f"Columns: {some(map(repr, columns), COLUMNS_LISTED)}"
    )


def check_names(source: str, names: Sequence[str]) -> None:
    """Refuse columns without a name, of the same name, and of names that only outer spaces tell apart."""
    if not names:
        raise TableError(f"{source} has no columns")
    empty = [position for position, name in enumerate(names, start=1) if not name.strip()]
    if empty:
        raise TableError(
            f"{source}: {counted(len(empty), 'column')} without a name, at position {some(map(str, empty), 8)}; "
            "name each in the first line (pandas writes such a column for its index: to_csv(..., index=False))"
        )
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        listed = some(
            (
                f"{name!r} (columns {', '.join(str(i) for i, other in enumerate(names, start=1) if other == name)})"
                for name in repeated
            ),
            COLUMNS_LISTED,
        )
        data = all(NUMBER.fullmatch(name) for name in names)
        remedy = "the first line seems to be data: put a line of names above it" if data else "rename them"
        raise TableError(f"{source}: more than one column is named {listed}; {remedy}")
    first: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        other = first.setdefault(name.strip(), position)
        if other != position:
            raise TableError(
                f"{source}: only spaces tell the names {names[other - 1]!r} and {name!r} apart "
                f"(columns {other}, {position}); rename one"
            )
