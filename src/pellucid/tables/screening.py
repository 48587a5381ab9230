"""What is odd about a table: columns that are the same, or the target under another name; classes spelt alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.tables.kinds import Column
from pellucid.tables.kinds.cells import key_of
from pellucid.tables.scaler import Numbers
from pellucid.tables.target import Target

# With fewer rows a column may agree with the target by chance.
FEWEST_ROWS_TO_TELL = 20
FEWEST_ROWS_APART = 10
"""Of each class: with fewer, their values may lie apart from all others by chance."""
SAME_LINE = 0.99999
"""A correlation with a numeric target that no measurement has by itself."""


def without_duplicates(
    columns: Sequence[Column], read: Sequence[Numbers]
) -> tuple[list[Column], list[Numbers], list[Column]]:
    """Leave out columns that hold the same as an earlier one in every row.

    Parameters
    ----------
    columns : sequence of Column
    read : sequence of arrays [N]
        What each holds.

    Returns
    -------
    columns, read, same
        What stays, and the columns that do not, with the reason as a note.

    Examples
    --------
    >>> both = [Column("a", "number"), Column("b", "number")]
    >>> stay, _, same = without_duplicates(both, [np.array([1.0, 2.0]), np.array([1.0, 2.0])])
    >>> [column.name for column in stay], same[0].notes
    (['a'], ("left out: the same as 'a' in every row",))
    """
    first: dict[tuple[str, bytes], str] = {}
    stay, kept, same = [], [], []
    for column, values in zip(columns, read, strict=True):
        # The kind too: category numbers of one column may be another's plain numbers.
        earlier = first.setdefault((column.kind, (values + 0.0).tobytes()), column.name)
        if earlier == column.name:
            stay.append(column)
            kept.append(values)
        else:
            note = f"left out: the same as {earlier!r} in every row"
            same.append(Column(column.name, "left out", notes=(note,)))
    return stay, kept, same


def spelt_alike(target: Target) -> list[str]:
    """Name classes that only spaces, or upper and lower case, tell apart: often one class in two spellings.

    Examples
    --------
    >>> spelt_alike(Target("paid", "multiclass", "text", ("No", "Yes", "yes")))
    ["the classes 'Yes' and 'yes' of the target 'paid' differ in spelling only: if they are one, write it alike"]
    """
    first: dict[str, object] = {}
    pairs = [(first.setdefault(key_of(label), label), label) for label in target.classes if isinstance(label, str)]
    of = f"of the target {target.name!r} differ in spelling only: if they are one, write it alike"
    return [f"the classes {one!r} and {other!r} {of}" for one, other in pairs if one != other]


def leaks(columns: Sequence[Column], read: Sequence[Numbers], y: NDArray[Any], target: Target) -> list[str]:
    """Name columns that tell the target outright: often it itself, or what was written down after it was known.

    For classes these are columns with few values, each of which comes with one class only, and numbers that lie in a
    range of their own for each class; for numbers, those that lie on a straight line with the target, or rise or fall
    with it from row to row.

    Examples
    --------
    >>> y = np.arange(40) % 2
    >>> found = leaks([Column("paid", "yes/no", levels=(0, 1))], [1.0 - y], y, Target("late", "binary", "int", (0, 1)))
    >>> found[0]
    "'paid' tells the target 'late' outright: if it is not known before the target is, leave it out"
    """
    if len(y) < FEWEST_ROWS_TO_TELL:
        return []
    told = _tells_class if target.classes else _tells_number
    advice = "if it is not known before the target is, leave it out"
    return [
        f"{column.name!r} tells the target {target.name!r} outright: {advice}"
        for column, values in zip(columns, read, strict=True)
        if told(values, y)
    ]


def _tells_class(values: Numbers, y: NDArray[Any]) -> bool:
    return _few_values_tell(values, y) or _ranges_tell(values, y)


def _ranges_tell(values: Numbers, y: NDArray[Any]) -> bool:
    """Tell whether the values of every class lie apart from those of all others."""
    if np.isnan(values).any():
        return False
    order = np.argsort(values, kind="stable")
    ordered, classes = values[order], y[order]
    changes = np.flatnonzero(np.diff(classes))
    apart = len(changes) == len(np.unique(y)) - 1 and bool((np.diff(ordered)[changes] > 0).all())
    return apart and int(np.bincount(y)[np.unique(y)].min()) >= FEWEST_ROWS_APART


def _few_values_tell(values: Numbers, y: NDArray[Any]) -> bool:
    _, place = np.unique(values, return_inverse=True, equal_nan=True)
    count = int(place.max()) + 1
    if count > max(2 * len(np.unique(y)), len(y) // 10):
        return False
    pairs = np.unique(np.stack([place, y]), axis=1).shape[1]  # of a value and a class that come together
    return bool(pairs == count)


def _tells_number(values: Numbers, y: NDArray[Any]) -> bool:
    known = ~np.isnan(values)
    if known.sum() < FEWEST_ROWS_TO_TELL:
        return False
    with np.errstate(all="ignore"):
        one, other = (part / max(np.abs(part).max(), 1e-300) for part in (values[known], y[known]))
        line = np.corrcoef(one, other)[0, 1]
        if abs(line) > SAME_LINE:
            return True
        # In steps: of a target with few values, many a column rises or falls with it.
        if len(np.unique(other)) < FEWEST_ROWS_TO_TELL:
            return False
        of_one, of_other = (np.unique(part, return_inverse=True)[1] for part in (one, other))
        return bool(abs(np.corrcoef(of_one, of_other)[0, 1]) > SAME_LINE)
