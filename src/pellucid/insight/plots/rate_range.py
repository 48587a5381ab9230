"""The range test of the learning rate, drawn."""

from typing import TYPE_CHECKING

import numpy as np

from pellucid.insight.plots.style import GREY, PALETTE, new_axes
from pellucid.insight.rate_range import RateRange

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def learning_rate_curve(found: RateRange, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the loss against the learning rate, on a logarithmic axis, with the suggested rate.

    Parameters
    ----------
    found : RateRange
        What :func:`pellucid.learning_rate_range` returned.
    ax : Matplotlib axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Matplotlib axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> found = RateRange(np.array([0.1, 1.0]), np.array([2.0, 1.0]), np.array([2.0, 1.0]), 0.1)
    >>> learning_rate_curve(found, ax=Figure().subplots()).get_xscale()
    'log'

    Source: Smith, "Cyclical learning rates for training neural networks", 2017, figure 3.
    """
    ax = new_axes(ax)
    ax.plot(found.rates, found.losses, color=GREY, alpha=0.5, linewidth=0.8, label="each batch")
    ax.plot(found.rates, found.smoothed, color=PALETTE[0], label="mean of neighbours")
    if found.suggested is not None:
        ax.axvline(found.suggested, color=PALETTE[1], linestyle="--", label=f"suggested: {found.suggested:.2g}")
    ax.set_xscale("log")
    # The last values burst; the fall is what is to be seen.
    low, high = float(found.smoothed.min()), float(max(found.smoothed[0], np.median(found.smoothed)))
    room = (high - low) or abs(high) or 1.0
    ax.set_ylim(low - 0.2 * room, high + 0.6 * room)
    ax.set_xlabel("learning rate")
    ax.set_ylabel("loss")
    ax.legend()
    return ax
