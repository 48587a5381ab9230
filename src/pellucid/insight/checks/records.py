"""The records: those that repeat, within and across the split, and those that contradict each other."""

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.checks.examination import Examination
from pellucid.insight.checks.finding import CannotCheckError, Finding, counted, listed
from pellucid.insight.checks.thresholds import (
    RECORDS_IN_BOTH_PROBLEM,
    REPEATED_BY_CHANCE,
    REPEATED_RECORDS,
)


def _keys(*parts: Array) -> Array:
    """Return one value for each row such that equal rows, and only those, have equal values."""
    table = np.hstack([np.asarray(part, dtype=np.float64) for part in parts])
    table = np.ascontiguousarray(table + 0.0)  # -0.0 becomes 0.0, which it is equal to
    return table.view(np.dtype((np.void, table.dtype.itemsize * table.shape[1])))[:, 0]


def _chance_of_equal_rows(table: Array) -> float:
    """Return the chance that two records are equal, were the columns independent of each other."""
    logarithm = 0.0
    for column in table.T:
        counts = np.unique(column, return_counts=True)[1]
        logarithm += float(np.log((counts * (counts - 1)).sum() / (len(column) * (len(column) - 1))))
    return float(np.exp(logarithm))


def duplicate_rows(seen: Examination) -> list[Finding]:
    """Find records, target included, that repeat an earlier one more often than chance would have it."""
    columns, known = seen.many_columns, seen.known
    _, first, inverse = np.unique(_keys(columns, known.target), return_index=True, return_inverse=True)
    repeats = np.flatnonzero(first[inverse] != np.arange(len(columns)))
    pairs = len(columns) * (len(columns) - 1) / 2
    by_chance = pairs * _chance_of_equal_rows(np.hstack([columns, known.target]))
    if len(repeats) < REPEATED_RECORDS * len(columns) or len(repeats) < REPEATED_BY_CHANCE * by_chance:
        return []
    shown = [(int(known.rows[first[inverse[row]]]), int(known.rows[row])) for row in repeats[:5]]
    return [
        Finding(
            "duplicate_rows",
            listed("row", known.rows[repeats]),
            "warning",
            f"{counted(len(repeats), 'record')} of {len(columns):,} repeat an earlier one exactly "
            f"(row {shown[0][1]} that of row {shown[0][0]}).",
            "Repeated records count double, and land on both sides of a split, where they flatter the figures.",
            "Drop the repeats before the split, unless they are different events that look the same.",
            {"repeats": len(repeats), "records": len(columns), "pairs": shown},
        )
    ]


def rows_in_both_parts(seen: Examination) -> list[Finding]:
    """Find held-out records that are among the training records too."""
    columns, known, held = seen.many_columns, seen.known, seen.held_out
    if held is None or held.columns is None:
        raise CannotCheckError(seen.why_not_held_out)
    mine, other = _keys(columns, known.target), _keys(held.columns, held.target)
    both = np.flatnonzero(np.isin(other, mine))
    by_chance = len(columns) * len(other) * _chance_of_equal_rows(np.hstack([columns, known.target]))
    if len(both) < REPEATED_RECORDS * len(other) or len(both) < max(1.0, REPEATED_BY_CHANCE * by_chance):
        return []
    shown = []
    for row in both[:5]:
        shown.append((int(held.rows[row]), int(known.rows[np.flatnonzero(mine == other[row])[0]])))
    return [
        Finding(
            "rows_in_both_parts",
            f"held-out {listed('row', held.rows[both])}",
            "problem" if len(both) >= RECORDS_IN_BOTH_PROBLEM * len(other) else "warning",
            f"{counted(len(both), 'held-out record')} of {len(other):,} are among the training records too "
            f"(row {shown[0][0]} is training row {shown[0][1]}).",
            "The network has seen the answers: its figures on held-out records are better than on new ones.",
            "Drop repeats before the split; or, if records belong together, keep each group on one side.",
            {"rows": len(both), "held_out": len(other), "pairs": shown},
        )
    ]


def contradicting_labels(seen: Examination) -> list[Finding]:
    """Find records that are equal but for their class."""
    columns, classes, known = seen.many_columns, seen.classes, seen.known
    _, group = np.unique(_keys(columns), return_inverse=True)
    counts = np.zeros((group.max() + 1, seen.class_count), dtype=int)
    np.add.at(counts, (group, classes), 1)
    wrong = counts.sum(axis=1) - counts.max(axis=1)  # of each group, the records that no prediction can get right
    pairs = len(columns) * (len(columns) - 1) / 2
    by_chance = pairs * _chance_of_equal_rows(columns)
    if wrong.sum() < REPEATED_RECORDS * len(columns) or wrong.sum() < REPEATED_BY_CHANCE * by_chance:
        return []
    rows = np.flatnonzero((wrong > 0)[group])
    same = rows[group[rows] == group[rows[0]]]
    return [
        Finding(
            "contradicting_labels",
            listed("row", known.rows[rows]),
            "warning",
            f"{counted(len(rows), 'record')} have the same inputs as another one of another class "
            f"({listed('row', known.rows[same])}); at least {counted(int(wrong.sum()), 'record')} of {len(columns):,} "
            "must be predicted wrongly.",
            "No network can tell equal records apart: this much of the error will stay.",
            "Look for wrong labels, or for a column that is missing.",
            {"records": len(rows), "wrong_at_least": int(wrong.sum()), "of": len(columns)},
        )
    ]
