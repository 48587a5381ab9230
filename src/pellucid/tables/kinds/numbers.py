"""Columns of numbers: those to learn from, and identifiers that only look like some."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from pellucid.tables import dates
from pellucid.tables.kinds.cells import Cells, Numbers, Where, as_text
from pellucid.tables.kinds.column import Column
from pellucid.tables.written_numbers import WrittenNumber

FEWEST_OF_IDENTIFIER = 20
"""Rows below which no column is taken for an identifier: too few to tell."""
ENOUGH_TO_COLLIDE = 100
"""So many whole numbers drawn by chance from a range twice as long would repeat; a numbering does not."""
LARGEST_STEP = 10
"""Of row numbers."""
_NAMED_IDENTIFIER = frozenset({"id", "key", "uuid", "code"})  # anywhere in a name
_NUMBERED = frozenset({"nr", "no", "num", "number"})  # at its end: "number of rooms" is a feature
_NAMED_TIME = frozenset(
    {
        *("year", "month", "week", "day", "hour", "minute", "second", "time", "timestamp", "date", "age", "t", "jahr"),
        *("years", "months", "weeks", "days", "hours", "minutes", "seconds", "times", "rank", "elapsed", "epoch"),
    }
)
_YEARS = (1500, 2200)


def as_left_out(where: Where, reason: str) -> Column:
    """Return a column that is left out, with the reason."""
    return Column(where.name, "left out", notes=(f"left out: {reason}",))


def of_numbers(cells: Cells, where: Where, written: WrittenNumber | None = None, notes: Any = ()) -> Column:
    """Return what a column is that holds numbers, yes and no, or dates."""
    numbers = cells.numbers
    present = numbers[~np.isnan(numbers)]
    if not len(present):
        return as_left_out(where, "no value in any row")
    if len(present) == len(numbers) and (present == present[0]).all():
        return as_left_out(where, f"one value only: {_shown(cells.form, present[0])}")
    if cells.form == "date":
        return Column(where.name, "date", times=bool((present % dates.DAY != 0).any()))
    if cells.form == "yes/no":
        return Column(where.name, "yes/no", levels=(False, True))
    plain = written is None or written == WrittenNumber()
    if plain and present.min() == 0 and present.max() == 1 and ((present == 0) | (present == 1)).all():
        return Column(where.name, "yes/no", levels=(0, 1), notes=notes)
    if _is_identifier(where.name, numbers, present, cells.whole):
        return as_left_out(where, "whole numbers that differ in every row: an identifier")
    return Column(where.name, "number", written, notes=notes)


def _shown(form: str, number: float) -> str:
    if form == "date":
        return str(np.datetime64(round(number), "s"))
    return str(bool(number)) if form == "yes/no" else as_text(number)


def _is_identifier(name: str, numbers: Numbers, present: Numbers, whole: bool) -> bool:
    if len(present) < FEWEST_OF_IDENTIFIER or not (present == np.floor(present)).all():
        return False
    words = [word.lower() for word in re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    named = bool(_NAMED_IDENTIFIER.intersection(words)) or words[-1:] in [[word] for word in _NUMBERED]
    named = named or words == ["index"]
    # Row numbers have no gaps; and a scale that is measured in fractions is not a numbering, whatever it shows.
    numbering = whole and len(present) == len(numbers) and not _NAMED_TIME.intersection(words)
    if not named and not numbering:
        return False
    in_order = np.sort(present)
    steps = np.diff(in_order)
    if (steps == 0).any():
        return False
    if named:
        return True
    if _YEARS[0] <= in_order[0] and in_order[-1] <= _YEARS[1]:
        return False
    filled = len(present) / (in_order[-1] - in_order[0] + 1)
    if filled >= (0.99 if len(present) < ENOUGH_TO_COLLIDE else 0.5):
        return True
    even = steps == steps.min()
    return bool((in_order == numbers).all() and steps.min() <= LARGEST_STEP and even.mean() >= 0.75)
