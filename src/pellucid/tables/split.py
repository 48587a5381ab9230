"""Which rows of a table are kept from learning, and how that choice is recognised again."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import numpy as np

from pellucid.configuration import child_seeds
from pellucid.errors import TableError
from pellucid.tables.evaluation import Rows
from pellucid.tables.target import held_out

Source = str | os.PathLike[str]


@dataclass(frozen=True)
class Split:
    """Which rows of the table were kept from learning: enough to make the split again, and to recognise it.

    Attributes
    ----------
    seed, rows, test_share
        What it was made from.
    test_rows : int
        How many rows the test part has.
    validation_rows : int
        How many rows each member held out in its training.
    sha256 : str
        Of the test rows' numbers, from 0, as 64-bit integers, the lowest byte first.
    """

    seed: int
    rows: int
    test_share: float
    test_rows: int
    validation_rows: int
    sha256: str


def divided(seed: int, rows: int, classes: Rows | None, share: float, source: Source) -> tuple[Rows, Rows]:
    """Return the rows to learn from and those of the test part, chosen by the seed; of classes each its share.

    Examples
    --------
    >>> rest, test = divided(0, 8, None, 0.25, "the table")
    >>> len(rest), len(test)
    (6, 2)
    """
    everything = np.arange(rows)
    if not share:
        return everything, np.empty(0, dtype=np.intp)
    chosen_by = np.random.default_rng(child_seeds(seed)[3].spawn(1)[0])
    stay, held = held_out(everything, classes, share, chosen_by)
    if not len(held) or not len(stay):
        raise TableError(
            f"{os.fspath(source)} has too few rows: of {rows}, a share of {share:g} leaves {len(held)} for a test part "
            f"and {len(stay)} to learn from; both need one at least"
        )
    return stay, held


def fingerprint(rows: Rows) -> str:
    """Return the SHA-256 of rows' numbers.

    Examples
    --------
    >>> fingerprint(np.array([1, 2]))[:8]
    '0c730b69'
    """
    return hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()
