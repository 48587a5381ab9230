"""How the loss fell while the network was trained."""

from typing import TYPE_CHECKING

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.plots.points import put_title
from pellucid.insight.plots.style import GREY, PALETTE, matplotlib, new_axes
from pellucid.training import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_STRETCHES = 500
"""Of a longer run, so many stretches are drawn by their lowest and highest epoch: a picture has no more columns."""
SPAN_OF_LOG_SCALE = 100.0
LINES = {"loss": ("training loss", PALETTE[0], "-"), "validation_loss": ("validation loss", PALETTE[1], "--")}
"""The figures drawn, with their names, colours and line styles."""


def learning_curves(history: History, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the training loss and the validation loss of every epoch, and mark the best epoch.

    The best epoch is the one that early stopping kept; without early stopping, that of the lowest validation loss.
    For K members, a line is their mean, in a band from the lowest to the highest, and each best epoch has a mark. The
    scale is logarithmic where all losses are positive and the largest is over 100 times the smallest.

    Parameters
    ----------
    history : History
        What ``fit`` returned. Its training loss holds the penalty, its validation loss does not.
    ax : matplotlib axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    TypeError
        If something else than a History is given.
    ValueError
        If no epoch was finished, or no loss is finite.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense, Network
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> history = network.fit([[0.0], [1.0]], [0.0, 1.0], loss="squared_error", epochs=3)
    >>> ax = learning_curves(history, ax=Figure().subplots())
    >>> bool((ax.lines[0].get_ydata() == history["loss"]).all()), ax.get_xlabel()
    (True, 'epoch')
    """
    if not isinstance(history, History):
        raise TypeError(f"history must be what fit returned, a History, found a {type(history).__name__}")
    if not len(history):
        raise ValueError("this history has no epoch: nothing can be drawn")
    losses = {name: history[name].reshape(len(history), -1) for name in LINES if name in history}  # [E] -> [E,1]
    finite = np.concatenate([values[np.isfinite(values)] for values in losses.values()])
    if not len(finite):
        raise ValueError(
            "no loss in this history is finite: the run diverged at once; trace(...) shows where such values first "
            "appear, and a lower learning rate often helps"
        )
    epochs, members = losses["loss"].shape
    best, how = _best_epochs(history, losses)
    curves = {name: _with_range(values) for name, values in losses.items()}
    drawn = shown_epochs(np.hstack(list(curves.values())), also=best - 1)

    ax = new_axes(ax)
    if finite.min() > 0 and finite.max() > SPAN_OF_LOG_SCALE * finite.min():
        ax.set_yscale("log")
    few = len(drawn) == 1
    for name, curve in curves.items():
        label, colour, dash = LINES[name]
        mean, low, high = curve[drawn].T
        marker = ("o" if name == "loss" else "^") if few else None
        label += f", mean of {members} members" if members > 1 else ""
        ax.plot(drawn + 1, mean, color=colour, linestyle=dash, marker=marker, label=label, zorder=2)
        if members > 1 and few:
            ax.vlines([1], low, high, color=colour, linestyle=dash)
        elif members > 1:
            ax.fill_between(drawn + 1, low, high, color=colour, alpha=0.2, linewidth=0, label="lowest to highest")
    if few:
        ax.set_xticks([1])
    else:
        _mark_best(ax, best, how, losses)
        ax.xaxis.set_major_locator(matplotlib("ticker").MaxNLocator(integer=True))
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss")
    lost = int(sum((~np.isfinite(values)).sum() for values in losses.values()))
    parts = [f"{epochs:,} epoch{'s' * (epochs > 1)}", history.stopped, f"{lost:,} losses are not finite" * (lost > 0)]
    put_title(ax, "Learning curves", "; ".join(part for part in parts if part))
    ax.legend(fontsize="small")
    return ax


def shown_epochs(values: Array, *, also: Array, most: int = MOST_STRETCHES) -> Array:
    """Return the indices of the epochs to draw: all, or of each of ``most`` stretches those that a picture shows.

    These are, for each column of ``values`` [E, C], the lowest and the highest of a stretch, so that no peak is lost;
    with them the first, the last, and those in ``also``.

    Examples
    --------
    >>> shown_epochs(np.array([[3.0], [9.0], [2.0], [1.0], [5.0], [4.0]]), also=np.array([2]), most=1)
    array([0, 1, 2, 3, 5])
    """
    epochs = len(values)
    if epochs <= 2 * most:
        return np.arange(epochs)
    chosen = [0, epochs - 1, *also]
    for stretch in np.array_split(np.arange(epochs), most):
        part = values[stretch]
        chosen.extend(stretch[np.where(np.isfinite(part), part, np.inf).argmin(axis=0)])
        chosen.extend(stretch[np.where(np.isfinite(part), part, -np.inf).argmax(axis=0)])
    return np.unique(chosen)


def _with_range(values: Array) -> Array:
    """Return the mean, the lowest and the highest of the members in each epoch, [E, K] -> [E, 3]."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.stack([values.mean(axis=1), values.min(axis=1), values.max(axis=1)], axis=1)


def _best_epochs(history: History, losses: dict[str, Array]) -> tuple[Array, str]:
    """Return each member's best epoch [K] from 1, 0 where it has none, and how it came to be the best."""
    if history.best_epoch is not None:
        return np.atleast_1d(np.asarray(history.best_epoch, dtype=int)), "best"
    validation = losses.get("validation_loss")
    if validation is None:
        return np.zeros(losses["loss"].shape[1], dtype=int), ""
    finite = np.isfinite(validation)
    lowest = np.where(finite, validation, np.inf).argmin(axis=0) + 1
    return np.where(finite.any(axis=0), lowest, 0), "lowest"


def _mark_best(ax: "Axes", best: Array, how: str, losses: dict[str, Array]) -> None:
    """Mark best epochs by a line and by a star at their loss."""
    members = np.flatnonzero(best > 0)
    if not len(members):
        return
    figure = "validation_loss" if "validation_loss" in losses else "loss"
    at = best[members]
    values = losses[figure][at - 1, members]
    first, last = int(at.min()), int(at.max())
    found = f"best epoch's {LINES[figure][0]}" if how == "best" else f"lowest {LINES[figure][0]}"
    if len(best) > 1:
        label = f"{found} of the members: epochs {first:,} to {last:,}"
    else:
        label = f"{found}: {values[0]:.4g} in epoch {first:,}"
    alpha = 1.0 if len(members) == 1 else 0.5
    for epoch in np.unique(at):
        ax.axvline(epoch, color=GREY, linestyle=":", linewidth=1, alpha=alpha, zorder=1)
    ax.plot(
        at,
        values,
        linestyle="none",
        marker="*",
        markersize=12 if len(members) == 1 else 8,
        color=PALETTE[4],
        markeredgecolor="black",
        markeredgewidth=0.7,
        label=label,
        zorder=4,
    )
