"""What a check hands back: findings, or the reason why it cannot be made."""

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

Severity: TypeAlias = Literal["problem", "warning"]

# More places than this are counted, not listed.
PLACES_LISTED = 8


WIDTH = 96


def wrapped(text: str) -> list[str]:
    """Return a sentence in lines that a terminal has room for, indented; what goes on is indented further.

    Examples
    --------
    >>> wrapped("The loss rose.")
    ['  The loss rose.']
    """
    return textwrap.wrap(
        text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


class CannotCheckError(Exception):
    """A check cannot be made on what is at hand; the text says what is missing."""


@dataclass(frozen=True, eq=False)
class Finding:
    """One thing that is wrong, or looks so.

    Attributes
    ----------
    kind : str
        A short name that stays the same: ``"dead_units"``.
    where : str
        Layer and units, columns, rows, or epochs.
    severity : "problem" or "warning"
        A problem spoils the result; a warning is worth a look.
    measured : str
        What was measured, in one sentence with its numbers.
    why : str
        Why it matters.
    remedy : str
        What to try.
    evidence : dict
        The numbers behind ``measured``, few enough to print.

    Examples
    --------
    >>> finding = Finding("constant_columns", "column 2", "warning", "Column 2 is 5 in all records.",
    ...                   "It tells nothing.", "Leave it out.", {"columns": [2]})
    >>> print(finding)
    warning: constant_columns (column 2)
      Column 2 is 5 in all records.
      Why: It tells nothing.
      Try: Leave it out.
    """

    kind: str
    where: str
    severity: Severity
    measured: str
    why: str
    remedy: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        head = f"{self.severity}: {self.kind} ({self.where})"
        parts = (self.measured, f"Why: {self.why}", f"Try: {self.remedy}")
        return "\n".join([head, *(line for part in parts for line in wrapped(part))])

    def __repr__(self) -> str:
        return f"<Finding {self.severity} {self.kind}: {self.where}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain values for JSON."""
        return {name: plain(value) for name, value in vars(self).items()}


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it; what is not finite becomes text.

    Examples
    --------
    >>> plain({"share": np.float64(0.5), "units": np.array([1, 2]), "loss": float("inf")})
    {'share': 0.5, 'units': [1, 2], 'loss': 'inf'}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value


def listed(one: str, places: Iterable[Any], several: str | None = None) -> str:
    """Name places in a sentence; beyond a few they are counted.

    Examples
    --------
    >>> listed("unit", [3]), listed("unit", [0, 3]), listed("row", range(20))
    ('unit 3', 'units 0, 3', 'rows 0, 1, 2, 3, 4, 5, 6, 7 and 12 more')
    """
    known = list(places)
    more = f" and {len(known) - PLACES_LISTED} more" if len(known) > PLACES_LISTED else ""
    word = one if len(known) == 1 else several or f"{one}s"
    return f"{word} {', '.join(map(str, known[:PLACES_LISTED]))}{more}"


def counted(number: int, one: str) -> str:
    """Say how many there are.

    Examples
    --------
    >>> counted(1, "unit"), counted(1200, "record")
    ('1 unit', '1,200 records')
    """
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"
