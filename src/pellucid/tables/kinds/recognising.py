"""What a column is, found out from its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pellucid.errors import TableError
from pellucid.tables.kinds.cells import Cells, Level, Where, as_text, key_of, tidy
from pellucid.tables.kinds.column import PAIRS, Column, check_levels
from pellucid.tables.kinds.numbers import FEWEST_OF_IDENTIFIER, as_left_out, of_numbers
from pellucid.tables.kinds.texts import Texts, as_dates, as_numbers, has_codes, missing_notes
from pellucid.tables.reading.words import shortened, some
from pellucid.tables.written_numbers import is_number


def recognised(cells: Cells, where: Where) -> Column:
    """Return what a column is by its cells."""
    if cells.texts is None:
        return of_numbers(cells, where)
    texts = Texts.of(cells, none_is_missing=False)
    if not len(texts.counts):
        return as_left_out(where, "no value in any row")
    spellings = texts.spellings()
    if len(spellings) == 1 and texts.counts.sum() == len(cells.codes):
        return as_left_out(where, f"one value only: {next(iter(spellings))!r}")
    if cells.ordered:
        return as_ordered(cells, where, cells.order)
    if cells.form == "text":
        found = as_numbers(cells, where) or as_dates(cells, where)
        if found is not None:
            return found
    keys = {key_of(text) for text in spellings}
    if any(keys == set(pair) for pair in PAIRS):
        return _yes_or_no(cells, where)
    rows = int(texts.counts.sum())
    if rows >= FEWEST_OF_IDENTIFIER and len(spellings) > rows / 2:
        return as_left_out(where, "text that differs in nearly every row: an identifier or a remark")
    category = as_category(cells, where)
    return replace(category, notes=(*category.notes, *_nearly_numbers(texts)))


def _nearly_numbers(texts: Texts) -> tuple[str, ...]:
    """Say of a category that it might have been numbers: codes with zeros before them, or with words among them."""
    if has_codes(texts.texts):
        return ("zeros before digits: codes, not numbers (if they are numbers, choose the kind number)",)
    wrong = [(count, text) for text, count in zip(texts.texts, texts.counts.tolist()) if not is_number(text)]
    rows, strange = int(texts.counts.sum()), sum(count for count, _ in wrong)
    if not wrong or strange > rows / 2:
        return ()
    count, text = max(wrong)
    share = f"{100 * (rows - strange) / rows:.0f} % of the values are numbers"
    return (f"{share}, but {shortened(text)} ({count} rows) is not: if it means a gap, leave such cells empty",)


def as_category(cells: Cells, where: Where) -> Column:
    """Return a column of texts as a category."""
    spellings = Texts.of(cells, none_is_missing=False).spellings()
    notes = (*missing_notes(cells, none_is_missing=False), *_joined(spellings))
    return Column(where.name, "category", levels=tuple(sorted(spellings)), notes=notes)


def _joined(spellings: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    joined = {level: others for level, others in spellings.items() if others}
    if not joined:
        return ()
    count = sum(len(others) + 1 for others in joined.values())
    told = []
    for level, others in joined.items():
        verb = "is" if len(others) == 1 else "are"
        told.append(f"{some(map(repr, others), 3)} {verb} read as {level!r}")
    return (f"{count} spellings joined: {some(told, 3)}",)


def _yes_or_no(cells: Cells, where: Where) -> Column:
    spellings = Texts.of(cells, none_is_missing=False).spellings()
    pair = next(pair for pair in PAIRS if {key_of(text) for text in spellings} == set(pair))
    levels = tuple(sorted(spellings, key=lambda text: pair.index(key_of(text))))
    notes = (*missing_notes(cells, none_is_missing=False), *_joined(spellings))
    return Column(where.name, "yes/no", levels=levels, notes=notes)


def as_ordered(cells: Cells, where: Where, levels: tuple[Level, ...]) -> Column:
    """Return the column as an ordered category of these levels."""
    levels = tuple(tidy(level) if isinstance(level, str) else level for level in levels)
    try:
        check_levels(where.name, "ordered", levels)
    except ValueError as problem:
        raise TableError(f"{where.source}: {problem}; choose the kind category") from None
    notes = () if cells.texts is None else missing_notes(cells, none_is_missing=False, levels=levels)
    column = Column(where.name, "ordered", levels=levels, notes=notes)
    if cells.form == "date":
        where.refuse(" holds dates, and was asked for as ordered; choose the kind date, or convert it to text")
    refuse_unseen(cells, column, where, "; name all its levels, or leave such cells empty")
    return column


def refuse_unseen(cells: Cells, column: Column, where: Where, remedy: str) -> None:
    """Refuse a column with a value that is none of the levels."""
    unseen = np.flatnonzero(column._codes(cells) < 0)
    if len(unseen):
        row = unseen[0]
        value = as_text(cells.numbers[row]) if cells.texts is None else repr(cells.texts[cells.codes[row]])
        where.refuse(
            f", row {where.row(row)}: {value} is none of {some(map(repr, column.levels), 8)} "
            f"({len(unseen)} of {len(cells.codes) or len(cells.numbers)} rows hold such){remedy}"
        )
