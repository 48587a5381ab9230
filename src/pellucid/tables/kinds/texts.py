"""Columns of texts that are numbers or dates: which they are is said, or what speaks against it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from pellucid.tables import dates
from pellucid.tables.kinds.cells import (
    EXCEL_ERRORS,
    MISSING,
    Cells,
    Level,
    Rows,
    Where,
    is_missing,
    key_of,
    read_texts,
    tidy,
)
from pellucid.tables.kinds.column import Column
from pellucid.tables.kinds.numbers import of_numbers
from pellucid.tables.reading.words import shortened, some
from pellucid.tables.written_numbers import CODE, ContradictionError, find_style, is_number

MOST_STRAY = 0.2
"""A column whose texts are numbers (or dates) but for this share at most has mistakes in it."""
FEWEST_FOR_STRAY = 5


class Texts(NamedTuple):
    """The distinct texts that are values, and in how many rows each stands."""

    texts: list[str]
    counts: NDArray[np.intp]
    first: Rows  # the first row of each

    @classmethod
    def of(cls, cells: Cells, none_is_missing: bool) -> Texts:
        texts = cells.texts or []
        counts = np.bincount(cells.codes[cells.codes >= 0], minlength=len(texts))
        first = np.zeros(len(texts), dtype=np.intp)
        backwards = np.flatnonzero(cells.codes >= 0)[::-1]
        first[cells.codes[backwards]] = backwards
        values = [
            place
            for place, text in enumerate(texts)
            if not (is_missing(text) if none_is_missing else key_of(text) in MISSING)
        ]
        return cls([texts[place] for place in values], counts[values], first[values])

    def spellings(self) -> dict[str, list[str]]:
        """Return the levels, each as its most frequent spelling, with its other spellings."""
        alike: dict[str, list[tuple[int, bool, str]]] = {}
        for text, count in zip(self.texts, self.counts.tolist(), strict=True):
            alike.setdefault(key_of(text), []).append((-count, text != tidy(text), text))
        found = {}
        for same in alike.values():
            same.sort()
            chosen = tidy(same[0][2])
            found[chosen] = [text for _, _, text in same[1:] if text != chosen]
        return found


def missing_notes(cells: Cells, none_is_missing: bool, levels: Iterable[Level] = ()) -> tuple[str, ...]:
    """Say which texts were read as missing: not those that are levels."""
    known = {key_of(level) for level in levels}
    texts = cells.texts or []
    counts = np.bincount(cells.codes[cells.codes >= 0], minlength=len(texts)).tolist()
    errors, words, shown = 0, 0, []
    for text, count in zip(texts, counts, strict=True):
        key = key_of(text)
        if key in known:
            continue
        if key in EXCEL_ERRORS:
            errors += count
        elif key and (key in MISSING or (none_is_missing and key == "none")):
            words += count
            shown.append(repr(tidy(text)))
    notes = [f"{errors} Excel error{'s' if errors > 1 else ''} read as missing"] if errors else []
    if words:
        notes.append(f"{words} read as missing: {some(dict.fromkeys(shown), 3)}")
    return tuple(notes)


def _stray(texts: Texts, good: Sequence[bool]) -> NDArray[np.bool_] | None:
    """Return which texts are the few that are not like all the others; None if there are too many of them."""
    wrong = ~np.array(good, dtype=bool)
    rows, fitting = int(texts.counts.sum()), int(texts.counts[~wrong].sum())
    few = fitting >= FEWEST_FOR_STRAY and fitting >= (1 - MOST_STRAY) * rows
    return wrong if few or not wrong.any() else None


def as_numbers(cells: Cells, where: Where, asked: bool = False) -> Column | None:
    """Return the column if its texts are numbers."""
    texts = Texts.of(cells, none_is_missing=True)
    good = [is_number(text) for text in texts.texts]
    wrong = _stray(texts, good)
    if not texts.texts or (wrong is None and not asked):
        return None
    if not asked and has_codes(texts.texts):
        return None
    if wrong is None or wrong.any():
        _refuse_stray(texts, good, where, "number")
    try:
        style, notes = find_style(texts.texts)
    except ContradictionError as problem:
        _refuse_contradiction(texts, problem, where, "numbers")
    numbers = read_texts(cells, where, style.read, "a number")
    known = cells._replace(form="number", numbers=numbers, texts=None, whole=True)
    notes = (*missing_notes(cells, none_is_missing=True), *notes)
    return Column(where.name, "number", style, notes=notes) if asked else of_numbers(known, where, style, notes)


def has_codes(texts: Iterable[str]) -> bool:
    """Tell whether any of the texts has zeros before it, as only codes have."""
    return any(re.fullmatch(CODE, text) for text in texts)


def as_dates(cells: Cells, where: Where, asked: bool = False) -> Column | None:
    """Return the column if its texts are dates."""
    texts = Texts.of(cells, none_is_missing=True)
    if not texts.texts:
        return None
    try:
        form, notes = dates.find_format(texts.texts)
    except ContradictionError as problem:
        good = [dates.is_date(text) for text in texts.texts]
        wrong = _stray(texts, good)
        if wrong is None and not asked:
            return None
        if wrong is None or wrong.any():
            _refuse_stray(texts, good, where, "date")
        _refuse_contradiction(texts, problem, where, "dates")
    return date_of(cells, where, form, notes)


def date_of(cells: Cells, where: Where, form: str, notes: tuple[str, ...] = ()) -> Column:
    """Return the column of dates in a form that was found."""
    seconds = read_texts(cells, where, lambda text: dates.read_date(text, form), f"a date ({form})")
    times = bool((seconds[~np.isnan(seconds)] % dates.DAY != 0).any())
    notes = (*missing_notes(cells, none_is_missing=True), *notes)
    return Column(where.name, "date", date_format=form, times=times, notes=notes)


def _refuse_stray(texts: Texts, good: Sequence[bool], where: Where, what: str) -> NoReturn:
    wrong = [place for place, fine in enumerate(good) if not fine]
    place = min(wrong, key=lambda one: texts.first[one])
    count, rows = int(texts.counts[wrong].sum()), int(texts.counts.sum())
    where.refuse(
        f", row {where.row(texts.first[place])}: {shortened(texts.texts[place])} is not a {what} "
        f"({count} of {rows} values {'is' if count == 1 else 'are'} not); correct the table, "
        "leave such cells empty, or choose the kind category"
    )


def _refuse_contradiction(texts: Texts, problem: ContradictionError, where: Where, what: str) -> NoReturn:
    one, other = problem.first, problem.second
    where.refuse(
        f" holds {what} that are not written alike: {shortened(texts.texts[one])} in row "
        f"{where.row(texts.first[one])} and {shortened(texts.texts[other])} in row {where.row(texts.first[other])}; "
        "correct the table, or choose the kind category"
    )
