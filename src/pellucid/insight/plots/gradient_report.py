"""The proof of a network's gradients, drawn: each check's error beside what is allowed."""

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.gradient_check import GradientReport, GradientRow
from pellucid.insight.plots.points import put_title
from pellucid.insight.plots.style import GREY, PALETTE, matplotlib, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def gradient_check(report: GradientReport, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the error of every gradient on a logarithmic axis, against its tolerance.

    One row a check, from the first layer down to the loss, then the parameters. What passed is a filled circle, what
    failed a large cross, its name in bold. An error of 0 stands at the left edge, one that is not finite at the right.

    Parameters
    ----------
    report : GradientReport
        What :func:`pellucid.check_gradients` returned.
    ax : matplotlib axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    TypeError
        If ``report`` is none.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense, Network, check_gradients
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> ax = gradient_check(check_gradients(network, [[1.0]], [0.5], loss="squared_error"), ax=Figure().subplots())
    >>> ax.get_title(), [label.get_text() for label in ax.get_yticklabels()]
    ('All 4 gradient checks passed', ['dense_1 (backward)', 'loss (backward)', 'dense_1.weights', 'dense_1.bias'])
    """
    if not isinstance(report, GradientReport):
        raise TypeError(f"report must be what check_gradients returned, found a {type(report).__name__}")
    rows = report.rows
    errors = np.array([row.error for row in rows])
    tolerances = np.array([row.tolerance for row in rows])
    passed = np.array([row.passed for row in rows])
    left, right = _ends(errors, tolerances)
    places = np.where(errors == 0, left, np.where(np.isfinite(errors), errors, right))
    heights = np.arange(len(rows))

    ax = new_axes(ax, figsize=(7.6, min(1.9 + 0.27 * len(rows), 30.0)))
    ax.set_xscale("log")
    ax.set_xlim(left, right)
    ax.set_ylim(len(rows) - 0.4, -0.6)  # the first row on top
    ax.hlines(heights, left, tolerances, color="#DDDDDD", linewidth=5, zorder=1, label="allowed")
    ax.scatter(tolerances, heights, marker="|", s=110, color="black", linewidths=1.5, zorder=2, label="tolerance")
    dot: dict[str, Any] = {"clip_on": False, "zorder": 3}
    if passed.any():
        ax.scatter(places[passed], heights[passed], marker="o", s=42, color=PALETTE[0], label="passed", **dot)
    if not passed.all():
        failed = ~passed
        ax.scatter(
            places[failed], heights[failed], marker="x", s=130, color=PALETTE[1], linewidths=3, label="failed", **dot
        )
    for height, (row, place) in enumerate(zip(rows, places, strict=True)):
        note = _note(row)
        if note:
            beside = place < np.sqrt(left * right)
            shift, side = (11, "left") if beside else (-11, "right")
            ax.annotate(
                note, (place, height), (shift, 0), textcoords="offset points", ha=side, va="center", fontsize="small",
                color=PALETTE[1], weight="bold" if not row.passed else "normal", zorder=4,
                path_effects=[matplotlib("patheffects").withStroke(linewidth=2.5, foreground="white")],
            )  # fmt: skip

    inches = ax.get_window_extent().height / ax.figure.dpi / len(rows)
    ax.set_yticks(heights, [_name(row) for row in rows], fontsize=float(np.clip(72 * 0.75 * inches, 4, 9.5)))
    for label, fine in zip(ax.get_yticklabels(), passed, strict=True):
        if not fine:
            label.set(weight="bold", color=PALETTE[1])
    ends = ["at the left edge: error 0"] if (errors == 0).any() else []
    ends += ["at the right edge: not finite"] if not np.isfinite(errors).all() else []
    ax.set_xlabel("relative error" + (f" ({'; '.join(ends)})" if ends else ""))
    ax.spines[["top", "right"]].set_visible(False)
    wrong = int((~passed).sum())
    title = f"{wrong} of {len(rows)} gradient checks failed" if wrong else f"All {len(rows)} gradient checks passed"
    put_title(ax, title, report.verdict if wrong else "")
    down = matplotlib("transforms").ScaledTranslation(0, -0.5, ax.figure.dpi_scale_trans)
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=ax.transAxes + down, ncols=4, frameon=False,
        fontsize="small", labelcolor=GREY,
    )  # fmt: skip
    return ax


def _name(row: GradientRow) -> str:
    """Return what was checked: a parameter, or the backward pass of a layer by itself."""
    return f"{row.layer}.{row.parameter}" if row.parameter else f"{row.layer} (backward)"


def _note(row: GradientRow) -> str:
    """Return what the place of the mark does not tell: why a row failed whose error as a whole is small."""
    if row.passed or not row.error <= row.tolerance:
        return ""
    return f"one value is off by {row.elementwise:.0e}"


def _ends(errors: np.ndarray, tolerances: np.ndarray) -> tuple[float, float]:
    """Return whole powers of ten around all errors and tolerances, with a decade of room.

    Examples
    --------
    >>> low, high = _ends(np.array([0.0, 3e-16, np.nan]), np.array([1e-12, 1e-12, 1e-12]))
    >>> f"{low:.0e} {high:.0e}"
    '1e-17 1e-11'
    """
    known = np.concatenate([errors[np.isfinite(errors) & (errors > 0)], tolerances])
    return 10.0 ** (np.floor(np.log10(known.min())) - 1), 10.0 ** (np.ceil(np.log10(known.max())) + 1)
