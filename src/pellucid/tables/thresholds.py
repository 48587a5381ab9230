"""The probability from which on a yes is predicted, where half is not the best choice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.tables.scaler import Numbers

THRESHOLDS = ("f1", "balanced")


def best_threshold(by: str, logits: Numbers, codes: NDArray[np.intp], weights: Numbers | None = None) -> float:
    """Return the probability that, as a threshold, gives the highest F1 or the highest mean of both recalls.

    Parameters
    ----------
    by : "f1" or "balanced"
    logits : array [M]
        Of the second class, of rows that were not learnt from.
    codes : array [M]
        The true classes, 0 or 1.
    weights : array [M], optional

    Examples
    --------
    Of four rows the yes are those above 0.2:

    >>> logits = np.log(np.array([0.1, 0.2, 0.3, 0.4]) / np.array([0.9, 0.8, 0.7, 0.6]))
    >>> round(best_threshold("f1", logits, np.array([0, 0, 1, 1])), 3)
    0.247
    """
    counts = np.ones(len(codes)) if weights is None else weights
    order = np.argsort(-logits, kind="stable")
    yes = np.cumsum(np.where(codes[order] == 1, counts[order], 0.0))  # [M]: found, if the first so many are a yes
    no = np.cumsum(np.where(codes[order] == 0, counts[order], 0.0))
    recalls = yes / max(yes[-1], 1e-300) - no / max(no[-1], 1e-300)  # of both, less 1
    score = 2 * yes / (yes[-1] + yes + no) if by == "f1" else recalls
    ordered = logits[order]
    between = np.flatnonzero(np.append(ordered[:-1] > ordered[1:], True))  # rows of one logit stand or fall together
    last = int(between[np.argmax(score[between])])
    # Halfway to the next row, so that rounding does not decide.
    following = ordered[last + 1] if last + 1 < len(ordered) else ordered[last] - 1.0
    return float(1 / (1 + np.exp(-(ordered[last] + following) / 2)))
