"""How good predictions are: which classes are mistaken, whether probabilities keep their word, how far numbers are off.

They take what is true and what was predicted, whoever predicted it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pellucid import metrics
from pellucid.arrays import Array
from pellucid.insight.plots.points import put_title
from pellucid.insight.plots.style import GREY, PALETTE, SEQUENTIAL, colour_bar, matplotlib, new_axes, text_on
from pellucid.metrics import checked

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NORMAL = 1.959963984540054  # 95 % of a normal distribution lie within so many standard deviations
MAD_TO_STD = 1.482602218505602  # of a normal distribution, the standard deviation over the median absolute deviation
FAR, MOST_AWAY = 12, 0.01  # residuals so many robust std away are drawn at the edge, if they are at most 1 %
FEWEST_ROWS_FOR_RUNNING_MEDIAN = 50


def confusion_matrix(
    true: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    classes: Sequence[Any] | None = None,
    normalise: bool = False,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw how often each class was predicted as which: a row for each true class, a column for each predicted one.

    Parameters
    ----------
    true, predicted : array [N]
        Classes: numbers or texts.
    classes : sequence, optional
        The classes in the order wanted; where rows hold class numbers, also their names, in the order of the numbers.
        By default all that occur, sorted.
    normalise : bool
        Whether cells are shares of their row, in percent; a class without rows stays empty.
    ax : matplotlib axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ValueError
        As for :func:`pellucid.metrics.confusion_matrix`.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1], classes=["no", "yes"], ax=Figure().subplots())
    >>> [cell.get_text() for cell in ax.texts[:4]]
    ['1', '1', '0', '2']

    Source: Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2nd edition, 2009, section 9.2.5.
    """
    counts, names = _counted(true, predicted, classes)
    size = len(names)
    rows = counts.sum(axis=1, keepdims=True)  # [C,C] -> [C,1]
    shares = np.divide(counts, rows, out=np.full(counts.shape, np.nan), where=rows > 0)
    shown = 100 * shares if normalise else counts.astype(np.float64)

    ax = new_axes(ax, figsize=confusion_figsize(size))
    top = 100.0 if normalise else max(float(counts.max()), 1.0)
    picture = ax.imshow(np.nan_to_num(shown), cmap=SEQUENTIAL, vmin=0, vmax=top, aspect="equal")
    colour_bar(ax, picture, "share of the true class (%)" if normalise else "rows", shrink=0.8)
    # Cells of a given axes may be smaller than those of a figure of our own; text must fit into them.
    digits = max(len(_cell(value, normalise)) for value in shown.flat)
    font = _font_of_cells(ax, size, digits)
    for (row, column), value in np.ndenumerate(shown):
        colour = picture.cmap(picture.norm(np.nan_to_num(value)))
        text = _cell(value, normalise)
        ax.text(column, row, text, ha="center", va="center", fontsize=font, color=text_on(colour))
    patch = matplotlib("patches").Rectangle
    for place in range(size):  # what is right, told without colour
        ax.add_patch(patch((place - 0.5, place - 0.5), 1, 1, fill=False, edgecolor=PALETTE[1], linewidth=1.5))
    long = max(map(len, names)) * size > 40
    turned: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if long else {}
    fontsize = "medium" if size <= 12 else "small" if size <= 25 else "x-small"
    ax.set_xticks(range(size), names, fontsize=fontsize, **turned)
    ax.set_yticks(range(size), names, fontsize=fontsize)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    total = int(counts.sum())
    put_title(ax, "Confusion matrix", f"{np.trace(counts) / total:.1%} of {total:,} rows are right (framed)")
    return ax


def confusion_figsize(classes: int) -> tuple[float, float]:
    """Return the width and height in inches that a confusion matrix of so many classes needs.

    Examples
    --------
    >>> confusion_figsize(2), confusion_figsize(20)
    ((5.0, 3.6), (11.4, 10.0))
    """
    side = float(np.clip(1.6 + 0.42 * classes, 3.6, 14))
    return side + 1.4, side


def _counted(true: npt.ArrayLike, predicted: npt.ArrayLike, classes: Sequence[Any] | None) -> tuple[Array, list[str]]:
    """Return the counts [C, C], and the names of the classes."""
    of_rows = checked.labels("true", true), checked.labels("predicted", predicted)
    if classes is None:
        counts = metrics.confusion_matrix(*of_rows)
        return counts, [str(label) for label in np.unique(np.concatenate(of_rows)).tolist()]
    names = [str(label) for label in classes]
    texts = all(isinstance(label, str) for label in classes)
    if texts and all(labels.dtype.kind != "U" for labels in of_rows):
        for argument, labels in zip(("true", "predicted"), of_rows, strict=True):
            wrong = ~np.isin(labels, np.arange(len(names)))
            if wrong.any():
                row = int(np.argmax(wrong))
                raise ValueError(
                    f"{argument}[{row}] is {labels[row]}; with {len(names)} names of classes, class numbers from 0 "
                    f"to {len(names) - 1} are expected"
                )
        return metrics.confusion_matrix(*of_rows, labels=np.arange(len(names))), names
    return metrics.confusion_matrix(*of_rows, labels=np.asarray(classes)), names


def _cell(value: float, normalise: bool) -> str:
    if np.isnan(value):
        return ""
    return f"{value:.0f}" if normalise else f"{value:,.0f}"


def _font_of_cells(ax: "Axes", size: int, digits: int) -> float:
    """Return a font size in points that fits a cell, between 4 and 11."""
    box = ax.get_window_extent()
    inches = min(box.width, box.height) / ax.figure.dpi / size
    return float(np.clip(72 * 0.8 * inches / (0.65 * max(digits, 2)), 4, 11))


def calibration(
    true: npt.ArrayLike, probabilities: npt.ArrayLike, *, bins: int = 10, ax: "Axes | None" = None
) -> "Axes":
    """Draw how often what was given a probability came true, and how often each probability was given.

    A point on the diagonal keeps its word. Its bar is the interval that holds the true frequency with 95 %
    confidence (Wilson's): where it reaches the diagonal, the difference may be chance.

    Parameters
    ----------
    true : array [N]
        The true classes as whole numbers: 0 and 1, or the columns of ``probabilities``.
    probabilities : array [N] or [N, C]
        Of class 1; or of each class, and then the largest of each row is looked at, and whether its class was right.
    bins : int
        How many equally wide bins.
    ax : matplotlib axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ValueError
        As for :func:`pellucid.metrics.calibration_error`, which is written in the caption.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = calibration([0, 1, 1, 0], [0.75, 0.75, 0.75, 0.75], ax=Figure().subplots())
    >>> ax.texts[0].get_text()
    'expected calibration error 0.25, over 10 bins; 4 rows'

    Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 2; the intervals: Wilson,
    "Probable inference, the law of succession, and statistical inference", 1927.
    """
    error = metrics.calibration_error(true, probabilities, bins=bins)
    chances = checked.probabilities(probabilities)
    codes = checked.class_numbers(true, chances)
    if chances.ndim == 1:
        said, happened, what, came = chances, codes == 1, "probability of class 1", "share of class 1"
    else:
        said, happened = chances.max(axis=1), chances.argmax(axis=1) == codes
        what, came = "probability of the predicted class", "share predicted right"
    edges = np.linspace(0, 1, bins + 1)
    places = np.searchsorted(edges[1:-1], said, side="left")  # as the metric has it
    count = np.bincount(places, minlength=bins)
    full = count > 0
    mean_said = np.bincount(places, said, bins)[full] / count[full]
    share = np.bincount(places, happened, bins)[full] / count[full]
    low, high = _wilson(share, count[full])

    ax = new_axes(ax, figsize=(5.6, 5.0))
    behind = ax.twinx()
    behind.bar(
        edges[:-1], count, width=1 / bins, align="edge", color="#DDDDDD", edgecolor="white", label="rows (right)"
    )
    behind.set_ylim(0, 4 * count.max())  # the bars keep to the lowest quarter
    behind.set_yticks([0, int(count.max())], ["0", f"{count.max():,}"])
    behind.set_ylabel("rows in a bin", loc="bottom")
    ax.set_zorder(behind.get_zorder() + 1)
    ax.patch.set_visible(False)
    ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="perfectly calibrated")
    ax.vlines(mean_said, low, high, color=PALETTE[0], linewidth=1.2, alpha=0.8)
    ax.plot(mean_said, share, color=PALETTE[0], marker="o", label="predictions, with 95 % intervals")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.set_xlabel(what)
    ax.set_ylabel(came)
    handles, labels = ax.get_legend_handles_labels()
    bars, names = behind.get_legend_handles_labels()
    ax.legend([*handles, *bars], [*labels, *names], loc="upper left", fontsize="small")
    put_title(ax, "Calibration", f"expected calibration error {error:.3g}, over {bins} bins; {len(said):,} rows")
    return ax


def _wilson(share: Array, count: Array) -> tuple[Array, Array]:
    """Return the ends of Wilson's 95 % interval of a share seen among so many rows.

    Examples
    --------
    >>> low, high = _wilson(np.array([0.5]), np.array([10]))
    >>> low.round(3), high.round(3)
    (array([0.237]), array([0.763]))
    """
    square = NORMAL**2
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = NORMAL / (1 + square / count) * np.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return centre - half, centre + half


def residuals(true: npt.ArrayLike, predicted: npt.ArrayLike, *, unit: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw how far each number is off, true minus predicted, against what was predicted.

    The band is the median of the residuals and two robust standard deviations (1.4826 times the median absolute
    deviation from it) to either side: of normal errors it holds 95 %, and a few wild ones do not widen it. The
    running median shows where predictions are too low or too high on the whole.

    Parameters
    ----------
    true, predicted : array [N] or [N, 1]
    unit : str
        Of the target, such as "€".
    ax : matplotlib axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ValueError
        If shapes differ, or a value is not finite.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = residuals([1.0, 2.0, 3.0], [1.0, 1.0, 4.0], unit="m", ax=Figure().subplots())
    >>> ax.get_ylabel(), ax.collections[0].get_offsets().data.tolist()
    ('true - predicted (m)', [[1.0, 0.0], [1.0, 1.0], [4.0, -1.0]])

    Source: Cook and Weisberg, "Residuals and influence in regression", 1982, section 2.3; the robust standard
    deviation: Huber, "Robust statistics", 1981, section 5.1.
    """
    y, said, _ = checked.regression(true, predicted, None)
    checked.one_output(y)
    y, said = y[:, 0], said[:, 0]
    off = y - said
    median = float(np.median(off))
    spread = MAD_TO_STD * float(np.median(np.abs(off - median)))
    low, high = median - 2 * spread, median + 2 * spread
    within = float(np.mean((off >= low) & (off <= high)))

    ax = new_axes(ax)
    few = len(off) <= 300
    ax.scatter(
        said,
        off,
        s=20 if few else 8,
        color=PALETTE[0],
        alpha=0.8 if few else 0.4,
        linewidths=0,
        zorder=2,
        rasterized=len(off) > 5_000,
        label=f"{len(off):,} rows" if len(off) > 1 else "1 row",
    )
    ax.axhspan(low, high, color="#DDDDDD", zorder=0, label=f"median ± 2 robust std: {within:.0%} of the rows")
    ax.axhline(0, color="black", linewidth=1, zorder=1)
    ax.axhline(median, color=GREY, linestyle="--", linewidth=1, zorder=1, label=f"median: {_short(median)}")
    if len(off) >= FEWEST_ROWS_FOR_RUNNING_MEDIAN:
        middles, medians = _running_median(said, off)
        ax.plot(middles, medians, color=PALETTE[1], marker="s", markersize=4, label="running median", zorder=3)
    in_unit = f" ({unit})" if unit else ""
    away = np.abs(off - median) > FAR * spread
    if 0 < away.mean() <= MOST_AWAY:  # a few wild ones would press all others into a line
        beyond = int(away.sum())
        edge = np.clip(off[away], median - FAR * spread, median + FAR * spread)
        label = f"{beyond:,} farther away, drawn at the edge"
        ax.scatter(said[away], edge, s=14, color=PALETTE[1], marker="D", zorder=4, label=label)
        ax.set_ylim(median - 1.05 * FAR * spread, median + 1.05 * FAR * spread)
    ax.set_xlabel(f"predicted{in_unit}")
    ax.set_ylabel(f"true - predicted{in_unit}")
    figures = f"RMSE {_short(metrics.rmse(y, said))}, MAE {_short(metrics.mae(y, said))}{f' {unit}' if unit else ''}"
    put_title(ax, "Residuals", figures)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize="small", frameon=False)
    return ax


def _short(value: float) -> str:
    """Return a number in few digits, without powers of ten where they can be spared."""
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e9 else f"{value:.3g}"


def _running_median(x: Array, y: Array, groups: int = 10) -> tuple[Array, Array]:
    """Return the medians of x and of y in groups of (nearly) equal size along x."""
    order = np.argsort(x, kind="stable")
    parts = np.array_split(order, groups)
    return np.array([np.median(x[part]) for part in parts]), np.array([np.median(y[part]) for part in parts])
