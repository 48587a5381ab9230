"""The columns that the network is fed: their scale, those that tell nothing, and those that tell everything."""

from collections.abc import Iterator

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.categories import category_columns
from pellucid.insight.checks.examination import NOT_FINITE, Examination
from pellucid.insight.checks.finding import CannotCheckError, Finding, counted
from pellucid.insight.checks.thresholds import (
    FEWEST_OF_CLASS,
    INPUT_SIZE,
    LEAKING_AUC,
    LEAKING_CHANGES,
    LEAKING_CORRELATION,
    MEAN_IN_STDS,
    MOST_COLUMNS_COMPARED,
    SAME_COLUMN,
    SCALE_RATIO,
    SCALE_RATIO_PROBLEM,
)
from pellucid.metrics import roc_auc


def features_not_scaled(seen: Examination) -> list[Finding]:
    """Find inputs, as the network gets them, whose scales differ by orders of magnitude, or lie far from 0 and 1."""
    x = seen.known.x
    if x.ndim != 2:
        raise CannotCheckError("a record is no row of columns")
    if not np.isfinite(x).all():
        raise CannotCheckError(NOT_FINITE)
    codes = category_columns(seen.network)  # the numbers of categories have no scale
    varied = np.setdiff1d(np.flatnonzero(x.max(axis=0) > x.min(axis=0)), list(codes))
    if not len(varied):
        raise CannotCheckError("no column of numbers varies" if codes else "every column is constant")
    x = x[:, varied].astype(np.float64)
    mean, spread = x.mean(axis=0), x.std(axis=0)
    low, high = x.min(axis=0), x.max(axis=0)
    # A flag that is rarely set has a small spread, though its step is 1; standardised, it has a spread of 1 and a large
    # step. Neither is a fault, so of the two the one nearer to 1 is its scale.
    two_values = ((x == low) | (x == high)).all(axis=0)
    half = high / 2 - low / 2
    scale = np.where(two_values & (np.abs(np.log(half)) < np.abs(np.log(spread))), half, spread)
    small, large = int(np.argmin(scale)), int(np.argmax(scale))
    away = np.flatnonzero((np.abs(mean) > MEAN_IN_STDS * scale) & ~two_values)
    ratio = scale[large] / scale[small]
    evidence = {"smallest_scale": scale[small], "largest_scale": scale[large], "far_from_0": varied[away][:20]}
    size = np.hypot(mean, spread)
    big = np.flatnonzero(size > INPUT_SIZE)
    if ratio > SCALE_RATIO:
        where = f"{seen.column(varied[small])} to {seen.column(varied[large])}"
        said = f"The spread of the inputs goes from {scale[small]:.2g} to {scale[large]:.2g}."
    elif len(big):
        largest, where = int(np.argmax(size)), seen.column(*varied[big])
        ratio = size[largest]
        said = f"Inputs should be about 1 in size; those of {seen.column(varied[largest])} are about {ratio:.2g}."
    elif scale[large] < 1 / SCALE_RATIO:
        ratio, where = 1 / scale[large], "all columns"
        said = f"Inputs should be about 1 in size; the largest spread of all columns is {scale[large]:.2g}."
    elif len(away):
        first, where = away[0], seen.column(*varied[away])
        said = f"The mean is {mean[first]:.4g} at a spread of only {scale[first]:.2g} in {seen.column(varied[first])}."
    else:
        return []
    return [
        Finding(
            "features_not_scaled",
            where,
            "problem" if ratio > SCALE_RATIO_PROBLEM else "warning",
            said,
            "One learning rate serves all weights: it is too high for large inputs, or too low for small ones.",
            "Standardise each column: (x - mean) / std, with the figures of the training records.",
            evidence,
        )
    ]


def constant_columns(seen: Examination) -> list[Finding]:
    """Find columns with one value only."""
    columns = seen.columns
    if len(columns) < 2:
        raise CannotCheckError("one record cannot show whether a column varies")
    constant = np.flatnonzero(columns.max(axis=0) == columns.min(axis=0))
    if not len(constant):
        return []
    first = int(constant[0])
    return [
        Finding(
            "constant_columns",
            seen.column(*constant),
            "warning",
            f"{len(constant)} of {columns.shape[1]} columns have the same value in all {len(columns):,} records; "
            f"{seen.column(first)} is always {columns[0, first]:.6g}.",
            "What never varies tells nothing, and a new value of it later would move the prediction by chance.",
            "Leave the column out, or find out why it is constant here.",
            {"columns": constant, "values": columns[0, constant]},
        )
    ]


def duplicate_columns(seen: Examination) -> list[Finding]:
    """Find pairs of columns that are the same up to unit and sign."""
    columns = seen.many_columns
    if columns.shape[1] > MOST_COLUMNS_COMPARED:
        raise CannotCheckError(f"{columns.shape[1]:,} columns are too many to compare each with each")
    varied = np.flatnonzero(columns.max(axis=0) > columns.min(axis=0))
    z = _standardised(columns[:, varied])
    correlation = z.T @ z / len(z)  # [C,N] @ [N,C] -> [C,C]
    pairs = varied[np.argwhere(np.triu(np.abs(correlation) > 1 - SAME_COLUMN, k=1))]  # [pairs, 2]
    if not len(pairs):
        return []
    shown = "; ".join(seen.column(int(one), int(other)) for one, other in pairs[:4])
    more = f" and {len(pairs) - 4} more pairs" if len(pairs) > 4 else ""
    return [
        Finding(
            "duplicate_columns",
            f"{shown}{more}",
            "warning",
            f"{counted(len(pairs), 'pair')} of columns carry the same values, up to unit and sign.",
            "The second one adds nothing, and what the network makes of each alone cannot be interpreted.",
            "Leave one column of each pair out.",
            {"pairs": pairs[:20]},
        )
    ]


def leaking_columns(seen: Examination) -> list[Finding]:
    """Find single columns that alone tell the target almost perfectly."""
    columns = seen.many_columns
    if columns.shape[1] < 2:
        raise CannotCheckError("there is one column only, so it may well tell all")
    found = dict(_leaks(seen, columns))
    if not found:
        return []
    first = next(iter(found))
    others = f" ({len(found)} columns do)" if len(found) > 1 else ""
    return [
        Finding(
            "leaking_columns",
            seen.column(*found),
            "problem" if any(perfect for _, perfect in found.values()) else "warning",
            f"{seen.column(first).capitalize()} alone tells the target{others}: {found[first][0]}.",
            "A column that good is often the answer in disguise, known only afterwards: the figures will be excellent, "
            "and the model useless on new records.",
            "Ask how the column comes about; leave it out if it is not known at the time of the prediction.",
            {"columns": list(found), "measured": [said for said, _ in found.values()]},
        )
    ]


def _leaks(seen: Examination, columns: Array) -> Iterator[tuple[int, tuple[str, bool]]]:
    """Give each leaking column with what was measured, and whether it is the target itself."""
    varied = np.flatnonzero(columns.max(axis=0) > columns.min(axis=0))
    try:
        classes = seen.classes
    except CannotCheckError:
        yield from _leaks_of_numbers(seen, columns, varied)
        return
    chance = 1 - ((np.bincount(classes) / len(classes)) ** 2).sum()  # of two records in different classes
    if chance == 0:
        raise CannotCheckError("all records are of one class")
    generator = np.random.default_rng(0)
    for column in varied:
        if seen.class_count == 2:
            if np.bincount(classes).min() < FEWEST_OF_CLASS:
                raise CannotCheckError(f"one class has fewer than {FEWEST_OF_CLASS} records, so it may be chance")
            auc = roc_auc(classes, columns[:, column])
            auc = max(auc, 1 - auc)
            if auc > LEAKING_AUC:
                # Two values that fall together with two classes are the target itself.
                same = auc == 1 and len(np.unique(columns[:, column])) == 2
                yield (
                    int(column),
                    (
                        f"it puts {auc:.1%} of all pairs of records in order (AUC {auc:.4f})"
                        + (", the target itself" if same else ""),
                        same,
                    ),
                )
            continue
        # Sorted by a column that tells the classes apart, the class changes hardly more often than there are classes.
        # Equal values are put in a random order first, or the order of the table would pass for knowledge.
        mixed = generator.permutation(len(classes))
        order = mixed[np.argsort(columns[mixed, column], kind="stable")]
        places = int((np.diff(classes[order]) != 0).sum())
        changes = places - (seen.class_count - 1)
        share = max(changes, 0) / (chance * len(classes))
        if share < LEAKING_CHANGES:
            same = changes <= 0 and len(np.unique(columns[:, column])) == seen.class_count
            said = (
                f"sorted by it, the class changes {places} times; by chance it would {chance * len(classes):,.0f} times"
            )
            yield int(column), (said + (", and it has one value for each" if same else ""), same)


def _leaks_of_numbers(seen: Examination, columns: Array, varied: Array) -> Iterator[tuple[int, tuple[str, bool]]]:
    target = seen.known.target.astype(np.float64)
    for place in range(target.shape[1]):
        wanted = target[:, place : place + 1]
        if wanted.max() == wanted.min():
            continue
        of_target = np.hstack([_standardised(wanted), _standardised(_ranks(wanted))])  # [N, 2]
        for column in varied:
            values = columns[:, column : column + 1]
            own = np.hstack([_standardised(values), _standardised(_ranks(values))])  # [N, 2]
            straight, by_rank = np.abs((own * of_target).mean(axis=0))
            if max(straight, by_rank) > LEAKING_CORRELATION:
                said = f"correlation {straight:.4f}, rank correlation {by_rank:.4f}"
                yield int(column), (said, bool(straight > 1 - SAME_COLUMN))


def _standardised(values: Array) -> Array:
    """Return the columns with mean 0 and standard deviation 1; halved first, as huge values would overflow."""
    half = np.abs(values).max(axis=0)
    small = values / np.where(half > 0, half, 1.0)
    centred = small - small.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    return np.asarray(centred / np.where(spread > 0, spread, 1.0))


def _ranks(values: Array) -> Array:
    """Return the rank of each value of a column [N, 1]; equal values share the middle of their ranks."""
    _, place, count = np.unique(values[:, 0], return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2
    return np.asarray(middle[place][:, None], dtype=np.float64)
