"""Columns whose kind is asked for: they are what was asked, or the first cell that cannot be is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.tables import dates
from pellucid.tables.kinds.cells import HELD, Cells, Where, cells_of, key_of, tidy
from pellucid.tables.kinds.column import KINDS, PAIRS, Column, check_levels
from pellucid.tables.kinds.numbers import as_left_out
from pellucid.tables.kinds.recognising import as_category, as_ordered, refuse_unseen
from pellucid.tables.kinds.texts import Texts, as_dates, as_numbers, date_of
from pellucid.tables.reading.words import some
from pellucid.tables.written_numbers import WrittenNumber

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw


def as_asked(series: nw.Series[Any], asked: object, where: Where) -> Column:
    """Return a column of the kind that was asked for."""
    form = asked.removeprefix("date:") if isinstance(asked, str) and asked.startswith("date:") else ""
    if form:
        dates.check_format(form)
    elif isinstance(asked, list | tuple):
        asked = tuple(tidy(one) if isinstance(one, str) else one for one in asked)
        check_levels(where.name, "ordered", asked)
    elif not isinstance(asked, str) or asked not in KINDS:
        raise ValueError(
            f"column {where.name!r} is asked for as {asked!r}; expected one of {', '.join(KINDS)}, date:FORMAT, "
            "or the list of its levels from least to most"
        )
    if asked == "left out":
        return as_left_out(where, "asked for")
    cells = cells_of(series, where)
    if isinstance(asked, list | tuple):
        return as_ordered(cells, where, tuple(asked))
    empty = np.isnan(cells.numbers).all() if cells.texts is None else not Texts.of(cells, none_is_missing=False).texts
    if empty:
        return as_left_out(where, "no value in any row")
    if asked == "number":
        if cells.form == "date":
            where.refuse(" holds dates, and was asked for as number; choose the kind date, or convert it")
        if cells.texts is None:
            return Column(where.name, "number")
        return as_numbers(cells, where, asked=True) or as_left_out(where, "no value in any row")
    if form or asked == "date":
        if cells.texts is not None:
            found = date_of(cells, where, form) if form else as_dates(cells, where, asked=True)
            return found or as_left_out(where, "no value in any row")
        if cells.form != "date":
            where.refuse(f" holds {HELD[cells.form]}, and was asked for as date; convert it, or choose another kind")
        return Column(where.name, "date", times=bool((cells.numbers[~np.isnan(cells.numbers)] % dates.DAY != 0).any()))
    if cells.form == "date":
        where.refuse(f" holds dates, and was asked for as {asked}; choose the kind date, or convert it to text")
    if asked == "yes/no":
        return _asked_yes_or_no(cells, where)
    return _asked_levels(cells, where, ordered=asked == "ordered")


def _asked_yes_or_no(cells: Cells, where: Where) -> Column:
    if cells.form == "yes/no":
        return Column(where.name, "yes/no", levels=(False, True))
    if cells.texts is None:
        column = Column(where.name, "yes/no", levels=(0, 1))
    else:
        spellings = list(Texts.of(cells, none_is_missing=False).spellings())
        pair = next((pair for pair in PAIRS if {key_of(text) for text in spellings} <= set(pair)), PAIRS[0])
        levels = tuple(next((text for text in spellings if key_of(text) == word), word) for word in pair)
        column = Column(where.name, "yes/no", levels=levels)
    refuse_unseen(cells, column, where, "; give the list [no, yes] of its two values")
    return column


def _asked_levels(cells: Cells, where: Where, ordered: bool) -> Column:
    if cells.texts is not None:
        if ordered and cells.order:
            return as_ordered(cells, where, cells.order)
        column = as_category(cells, where)
        if not ordered:
            return column
        values = [WrittenNumber().read(str(level)) for level in column.levels]
        numbers = [number for number in values if number is not None]
        if len(numbers) < len(values):
            order = some(map(repr, column.levels), 5)
            note = f"in alphabetical order, as none was given: {order}; list the levels from least to most"
            return Column(where.name, "ordered", levels=column.levels, notes=(*column.notes, note))
        present: Any = np.array(numbers)
    elif cells.form == "yes/no":
        return Column(where.name, "ordered" if ordered else "category", levels=(False, True))
    else:
        present = cells.numbers[~np.isnan(cells.numbers)]
    found = np.unique(present)
    whole = bool((found == np.floor(found)).all() and abs(found).max() <= 2**53)
    levels = tuple(map(int, found.tolist())) if whole else tuple(found.tolist())
    return Column(where.name, "ordered" if ordered else "category", levels=levels)
