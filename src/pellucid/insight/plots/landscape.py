"""The loss around a trained network, drawn: its contours, and the way training took through them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.landscape import LossLandscape
from pellucid.insight.plots.points import put_title
from pellucid.insight.plots.style import PALETTE, SEQUENTIAL, colour_bar, matplotlib, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVELS, LINES = 24, 8
DECADES_FOR_LOG = 1.5
MOST_DECADES = 8
"""A loss of 0 has no logarithm: what lies farther below the largest than this has the colour of the lowest level."""
LABELS = 5


def loss_contours(landscape: LossLandscape, *, epochs: Sequence[int] | None = None, ax: "Axes | None" = None) -> "Axes":
    """Draw the loss in a slice through the parameters, with the path of training where it is known.

    Where the loss spans decades, its levels are evenly spaced in its logarithm. Where it is not finite, the ground is
    grey and hatched.

    Parameters
    ----------
    landscape : LossLandscape
        What :func:`pellucid.insight.loss_landscape` returned.
    epochs : sequence of int, optional
        Of the path's records, such as ``recorder.epochs``: some are written beside the path.
    ax : matplotlib axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ValueError
        If no loss in the slice is finite, or ``epochs`` is not one number for each record of the path.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense, Network
    >>> from pellucid.insight.landscape import loss_landscape
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> network.theta = [1.0, 0.0]
    >>> path = [[0.0, 0.5], [0.5, 0.5], [1.0, 0.0]]
    >>> found = loss_landscape(network, [[0.0], [1.0]], [0.0, 1.0], loss="squared_error", thetas=path, points=5)
    >>> ax = loss_contours(found, ax=Figure().subplots())
    >>> ax.get_xlabel()
    'first principal direction of the path (95 % of its variance)'

    Source: Li, Xu, Taylor, Studer and Goldstein, "Visualizing the loss landscape of neural nets", 2018, figure 9.
    """
    if not isinstance(landscape, LossLandscape):
        raise TypeError(f"landscape must be what loss_landscape returned, found a {type(landscape).__name__}")
    losses = np.ma.masked_invalid(landscape.losses)
    if losses.count() == 0:
        raise ValueError("landscape: none of its losses is finite, so there is nothing to draw")
    records = 0 if landscape.path is None else len(landscape.path)
    if epochs is not None and len(epochs) != records:
        raise ValueError(f"epochs must hold one number for each of the path's {records} records, found {len(epochs)}")

    ax = new_axes(ax, figsize=(7.2, 5.4))
    _draw_losses(ax, landscape, losses)
    if landscape.path is not None:
        _draw_path(ax, landscape.path, epochs)
    if landscape.path is None or np.abs(landscape.path[-1]).max() > 1e-6 * np.abs(landscape.path).max():
        ax.plot(0, 0, **_mark("*", 15), label="this network")  # training went on from here, or went back to it
    ax.set_xlim(landscape.first[0], landscape.first[-1])
    ax.set_ylim(landscape.second[0], landscape.second[-1])
    for number, name in enumerate(("first", "second")):
        text = f"{name} random direction, scaled by filter (Li et al. 2018)"
        if landscape.shares is not None:
            text = f"{name} principal direction of the path ({_percent(landscape.shares[number])} of its variance)"
        (ax.set_xlabel if number == 0 else ax.set_ylabel)(text)
    dimensions = f"2 of {len(landscape.centre):,} dimensions"
    count = f"{landscape.records:,} record{'s' * (landscape.records != 1)}"
    put_title(ax, "Loss landscape", f"{dimensions}; loss of this network on {count}: {landscape.centre_loss:.4g}")
    down = matplotlib("transforms").ScaledTranslation(0, -0.5, ax.figure.dpi_scale_trans)
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=ax.transAxes + down, ncols=4, frameon=False,
        fontsize="small",
    )  # fmt: skip
    return ax


def _draw_losses(ax: "Axes", landscape: LossLandscape, losses: Any) -> None:
    """Draw filled contours, some lines with their loss, and a hatched ground where the loss is not finite."""
    low, high = float(losses.min()), float(losses.max())
    ticker = matplotlib("ticker")
    floor = high * 10.0**-MOST_DECADES
    logarithmic = low >= 0 and high > 0 and np.log10(high / max(low, floor)) > DECADES_FOR_LOG
    if logarithmic:
        low = max(low, floor)
        losses = np.ma.maximum(losses, low)
        levels = np.geomspace(low, high, LEVELS)
        norm = matplotlib("colors").LogNorm(low, high)
        ticks = ticker.LogLocator(subs=(1.0,) if high / low > 1e4 else (1.0, 2.0, 5.0)).tick_values(low, high)
        label = "loss (logarithmic scale)"
    else:
        if high - low <= 1e-12 * max(abs(high), 1e-300):  # a plain has no contours
            low, high = low - 0.5, high + 0.5
        levels = np.linspace(low, high, LEVELS)
        norm = matplotlib("colors").Normalize(low, high)
        ticks = ticker.MaxNLocator(7).tick_values(low, high)
        label = "loss"
    levels[0], levels[-1] = low, high  # geomspace may miss them by a rounding
    filled = ax.contourf(landscape.first, landscape.second, losses, levels=levels, norm=norm, cmap=SEQUENTIAL, zorder=0)
    bar = colour_bar(ax, filled, label, ticks=[tick for tick in ticks if low <= tick <= high], format="%.3g")
    bar.minorticks_off()
    inner = levels[2 : -1 : max(len(levels) // LINES, 1)]
    there = [level for level in inner if losses.min() < level < losses.max()]
    if there:
        lines = ax.contour(
            landscape.first, landscape.second, losses, levels=there, colors="white", linewidths=0.6, zorder=1
        )
        halo = [matplotlib("patheffects").withStroke(linewidth=1.6, foreground="black")]
        for text in ax.clabel(lines, fontsize="x-small", fmt="%.3g"):
            text.set_path_effects(halo)
    if losses.mask.any():
        ground: dict[str, Any] = {"facecolor": "#DDDDDD", "hatch": "xxx", "edgecolor": "#999999"}
        ax.patch.set(**ground)
        ax.fill_between([], [], label="loss not finite", **ground)


def _draw_path(ax: "Axes", path: Array, epochs: Sequence[int] | None) -> None:
    """Draw the path with arrows along it, its start, its end, and some epochs."""
    effects = matplotlib("patheffects")
    halo = [effects.withStroke(linewidth=4, foreground="white")]
    few = len(path) <= 100
    ax.plot(
        *path.T, color=PALETTE[1], linewidth=1.8, marker="." if few else None, markersize=5, path_effects=halo,
        zorder=3, label=f"training, {len(path):,} records",
    )  # fmt: skip
    ax.plot(*path[0], **_mark("o", 9), label="start")
    ax.plot(*path[-1], **_mark("s", 9), label="end")
    for index in _evenly_along(path, LABELS)[1:]:
        before, after = path[index - 1], path[index]
        if (before != after).any():
            arrow = {"arrowstyle": "-|>", "color": PALETTE[1], "lw": 1.8, "mutation_scale": 14, "shrinkA": 0}
            ax.annotate("", after, before, arrowprops=arrow, zorder=4)
    if epochs is None:
        return
    outline = [effects.withStroke(linewidth=2.5, foreground="white")]
    for index in _evenly_along(path, LABELS):
        text = f"epoch {epochs[index]:,}" if index in (0, len(path) - 1) else f"{epochs[index]:,}"
        # Labels of the two ends lie on different sides, so that they stay apart where training ends near its start.
        up = -12 if index == len(path) - 1 else 9
        ax.annotate(
            text, path[index], (0, up), textcoords="offset points", ha="center", va="bottom" if up > 0 else "top",
            fontsize="small", path_effects=outline, zorder=6,
        )  # fmt: skip


def _mark(marker: str, size: float) -> dict[str, Any]:
    """Return how a single place is marked: white with a black edge, so that it shows on every ground."""
    return {
        "marker": marker,
        "markersize": size,
        "markerfacecolor": "white",
        "markeredgecolor": "black",
        "markeredgewidth": 1.3,
        "linestyle": "none",
        "zorder": 5,
    }


def _evenly_along(path: Array, count: int) -> list[int]:
    """Return the indices of records that lie about evenly along the length of a path, its ends among them.

    Examples
    --------
    >>> _evenly_along(np.array([[0.0, 0.0], [4.0, 0.0], [5.0, 0.0], [6.0, 0.0], [8.0, 0.0]]), 3)
    [0, 1, 4]
    """
    length = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1)))
    wanted = np.linspace(0.0, length[-1], count)
    nearest = [int(np.argmin(np.abs(length - place))) for place in wanted]
    return sorted({0, *nearest, len(path) - 1})


def _percent(share: float) -> str:
    """Return a share in percent; a small one keeps a digit.

    Examples
    --------
    >>> _percent(0.934), _percent(0.0123), _percent(1e-9)
    ('93 %', '1.2 %', 'under 0.1 %')
    """
    if 0 < share < 0.001:
        return "under 0.1 %"
    return f"{share:.1%}".replace("%", " %") if share < 0.1 or 0.995 <= share < 1 else f"{100 * share:.0f} %"
