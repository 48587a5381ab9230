"""Rows of a table drawn as points over two features, and the words around such a picture."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.plots.style import GREY, MARKERS, PALETTE, matplotlib
from pellucid.insight.surface import Surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 1_000
CAPTION_WIDTH, LEGEND_WIDTH = 78, 80  # letters
MOST_HELD_NAMED = 5
MOST_TICKS, LONGEST_TICK, LONGEST_TICKS = 24, 16, 60
"""How many labels an axis has room for, and letters: of one label, and of all before they are turned."""
WHITE_EDGE: dict[str, Any] = {"edgecolors": "white", "linewidths": 0.6}


def class_style(number: int) -> dict[str, Any]:
    """Return colour and marker of a class; the first 64 classes all differ in one or the other.

    Examples
    --------
    >>> class_style(0), class_style(8)
    ({'color': '#0072B2', 'marker': 'o'}, {'color': '#0072B2', 'marker': '^'})
    """
    turn = number // len(PALETTE)
    return {"color": PALETTE[number % len(PALETTE)], "marker": MARKERS[(number + turn) % len(MARKERS)]}


def names_from_0(names: Any, count: int, argument: str, word: str) -> list[str]:
    """Return the names given, one for each; by default the word and the number, from 0 as in arguments.

    Examples
    --------
    >>> names_from_0(None, 2, "class_names", "class")
    ['class 0', 'class 1']
    """
    if names is None:
        return [f"{word} {number}" for number in range(count)]
    if isinstance(names, str):
        raise TypeError(f"{argument} must be a list of names; write [{names!r}]")
    given = [str(name) for name in names]
    if len(given) != count:
        raise ValueError(f"{argument} must hold {count} names, one for each, found {len(given)}")
    return given


def class_numbers(y: Any, rows: int, classes: int) -> Array:
    """Return the true classes as whole numbers [N] from 0; rows with a single 1 are allowed too.

    Examples
    --------
    >>> class_numbers([[0.0, 1.0], [1.0, 0.0]], 2, 2)
    array([1, 0])
    """
    given = np.asarray(y)
    if given.dtype.kind not in "biuf":
        raise TypeError(f"y must hold class numbers from 0 to {classes - 1}, found {given.dtype.name}")
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim == 2 and given.shape[1] == classes:
        single = ((given == 0) | (given == 1)).all(axis=1) & (given.sum(axis=1) == 1)
        if not single.all():
            raise ValueError(f"y: row {int(np.argmin(single))} is no class: expected a single 1 and otherwise 0")
        given = given.argmax(axis=1)
    if given.ndim != 1 or len(given) != rows:
        raise ValueError(f"y has shape {np.shape(y)}; expected ({rows},), one class number a row of X")
    wrong = ~((given >= 0) & (given < classes) & (given == np.floor(given)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"y must hold class numbers from 0 to {classes - 1}, found {given[row]} in row {row}")
    return given.astype(np.intp)


def target_numbers(y: Any, rows: int) -> Array:
    """Return true values as finite float64 [N].

    Examples
    --------
    >>> target_numbers([[1], [2]], 2)
    array([1., 2.])
    """
    given = np.asarray(y)
    if given.dtype.kind not in "biuf":
        raise TypeError(f"y must hold numbers, found {given.dtype.name}")
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.shape != (rows,):
        raise ValueError(f"y has shape {np.shape(y)}; expected ({rows},), one value a row of X")
    if not np.isfinite(given).all():
        raise ValueError(f"y holds a value that is not finite in row {int(np.argmin(np.isfinite(given)))}")
    return given.astype(np.float64)


def chosen_rows(rows: int, seed: int = 0) -> Array:
    """Return which rows are drawn: all, or of many some chosen by the seed."""
    if rows <= MOST_POINTS:
        return np.arange(rows)
    chosen: Array = np.sort(np.random.default_rng(seed).choice(rows, MOST_POINTS, replace=False))
    return chosen


def draw_classes(ax: "Axes", places: Array, codes: Array, predicted: Array, names: Sequence[str]) -> None:
    """Draw rows [N, 2] in the marker of their true class, and a ring around those predicted as another one."""
    size = 34 if len(places) <= 200 else 18
    for number in np.unique(codes).tolist():
        mine = places[codes == number]
        style = class_style(number)
        ax.scatter(mine[:, 0], mine[:, 1], s=size, label=names[number], zorder=3, **style, **WHITE_EDGE)
    wrong = places[codes != predicted]
    if len(wrong):
        label = f"predicted wrong ({len(wrong):,} of {len(places):,})"
        width = 1.2 if size > 20 else 0.8
        halo = [matplotlib("patheffects").withStroke(linewidth=width + 1.0, foreground="white")]  # for dark grounds
        ring: dict[str, Any] = {"facecolors": "none", "edgecolors": "black", "linewidths": width, "path_effects": halo}
        ax.scatter(wrong[:, 0], wrong[:, 1], s=3 * size, zorder=4, label=label, **ring)


def draw_unknown(ax: "Axes", places: Array) -> None:
    """Draw rows whose truth is not known as small grey points."""
    ax.scatter(places[:, 0], places[:, 1], s=14, color=GREY, zorder=3, label="rows", **WHITE_EDGE)


def _legend_columns(labels: Sequence[str]) -> int:
    wide = float(np.median([len(label) for label in labels])) + 6  # with its marker
    return int(np.clip(LEGEND_WIDTH // wide, 1, min(len(labels), 4)))


def figure_size(class_names: Sequence[str] = ()) -> tuple[float, float]:
    """Return the width and height in inches of a new picture over two features: many classes have a long legend.

    Examples
    --------
    >>> figure_size(["no", "yes"])
    (7.2, 4.8)
    """
    labels = [*class_names, "predicted wrong"]
    rows = -(-len(labels) // _legend_columns(labels))
    return 7.2, round(4.6 + 0.2 * rows, 2)


def legend_beside(ax: "Axes", below: bool) -> None:
    """Put the legend outside of the picture: to the right, or below where a colour bar stands to the right."""
    labels = ax.get_legend_handles_labels()[1]
    if not labels:
        return
    if below:
        # Measured from the axes in inches, whatever their height: between them stand the numbers and the axis' name.
        down = matplotlib("transforms").ScaledTranslation(0, -0.5, ax.figure.dpi_scale_trans)
        ax.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            bbox_transform=ax.transAxes + down,
            ncols=_legend_columns(labels),
            fontsize="small",
            frameon=False,
            columnspacing=1.0,
        )
    else:
        columns = 1 + (len(labels) - 1) // 24
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), ncols=columns, fontsize="small", frameon=False)


def caption(
    found: Surface,
    features: Sequence[int],
    names: Sequence[str],
    held: Mapping[int, float] | None,
    drawn: str,
    labels: Mapping[int, Sequence[str]] | None = None,
) -> str:
    """Return in words what the features that are not drawn were set to, and which rows are shown.

    Examples
    --------
    >>> found = Surface(np.zeros(2), np.zeros(2), np.zeros((2, 2, 1)), {0: 1.5, 3: 2.0}, 0)
    >>> caption(found, (1, 2), ["a", "b", "c", "d"], {3: 2.0}, "")
    'held: d = 2, a = 1.5 (median)'
    >>> caption(found, (1, 2), ["a", "b", "c", "d"], {}, "", {3: ("no", "yes", "perhaps")})
    'held: a = 1.5 (median), d = perhaps (most frequent)'
    """
    known = labels or {}
    asked = [column for column in found.held if column in (held or {})]
    medians = [column for column in found.held if column not in (held or {})]
    parts = [f"{names[column]} = {_told(found.held[column], known.get(column))}" for column in asked[:MOST_HELD_NAMED]]
    if len(asked) > MOST_HELD_NAMED:
        parts.append(f"{len(asked) - MOST_HELD_NAMED} more as asked")
    if len(medians) > MOST_HELD_NAMED:
        parts.append(f"{len(medians)} other features at their medians")
    else:
        for column in medians:
            usual = "most frequent" if column in known else "median"
            parts.append(f"{names[column]} = {_told(found.held[column], known.get(column))} ({usual})")
    sentences = [f"held: {', '.join(parts)}"] if parts else []
    if found.averaged_over:
        count = len(names) - 2 - len(asked)
        what = f"the other {count} features" if count > 1 else "the other feature"
        sentences.append(f"mean over {what} of {found.averaged_over:,} rows")
    return "; ".join([*sentences, *([drawn] if drawn else [])])


def _told(value: float, labels: Sequence[str] | None) -> str:
    """Return a value as text: what it stands for, where that is known."""
    place = round(value)
    return labels[place] if labels and place == value and 0 <= place < len(labels) else f"{value:.4g}"


def put_labels(axis: Any, labels: Sequence[str]) -> None:
    """Write along an axis what its whole numbers stand for; of a great many, some."""
    step = -(-len(labels) // MOST_TICKS)
    shown = [label if len(label) <= LONGEST_TICK else f"{label[: LONGEST_TICK - 3]}..." for label in labels]
    axis.set_ticks(range(0, len(labels), step), shown[::step])
    if axis.axis_name == "x" and sum(map(len, shown[::step])) > LONGEST_TICKS:
        axis.set_tick_params(rotation=90 if len(shown) > 16 else 45)


def put_title(ax: "Axes", title: str, small: str) -> None:
    """Write a title, and below it a smaller caption in as many lines as it needs."""
    lines = textwrap.wrap(small, CAPTION_WIDTH)
    if len(lines) > 3:
        lines = [*lines[:2], f"{lines[2][: CAPTION_WIDTH - 4]} ..."]
    ax.set_title(title, pad=6 + 12 * len(lines))
    ax.annotate(
        "\n".join(lines), (0.5, 1), (0, 4), "axes fraction", "offset points",
        ha="center", va="bottom", fontsize="small", color=GREY,
    )  # fmt: skip
