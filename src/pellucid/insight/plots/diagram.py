"""The network as a diagram: units as circles, weights as lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.member import single
from pellucid.insight.plots.style import (
    DIVERGING,
    GREY,
    NEGATIVE,
    POSITIVE,
    colour_bar,
    matplotlib,
    names_or_numbers,
    new_axes,
    signed_limit,
)
from pellucid.layers.layer import Layer
from pellucid.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

THINNEST, WIDEST = 0.2, 4.0
"""Width of the lines of the smallest and of the largest weight, in points; narrower where units stand close."""
DASHES = (0, (3, 1.2))
"""Of negative weights."""
MOST_NAMED_UNITS = 40
MOST_KINDS_NAMED = 5


@dataclass
class Column:
    """One column of the diagram: units, or a box for what is no row of units.

    Attributes
    ----------
    label : what stands below it
    units : how many units it has; 0 for a box
    shown : indices of the units that are drawn
    weights : array [units of the column before, units] that leads here, or None
    bias : array [units] or None
    box : the text in the box
    """

    label: str
    units: int
    shown: Array
    weights: Array | None = None
    bias: Array | None = None
    box: str = ""

    @property
    def shortened(self) -> bool:
        """Whether units are left out."""
        return len(self.shown) < self.units

    @property
    def heights(self) -> Array:
        """Where the units that are drawn stand; where some are left out, with a gap in the middle."""
        places = np.arange(len(self.shown), dtype=np.float64)
        if self.shortened:
            places[(len(self.shown) + 1) // 2 :] += 1
        return places[-1] / 2 - places if len(places) else places


def network_diagram(
    network: Network,
    *,
    ax: "Axes | None" = None,
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    most_units: int = 16,
    most_lines: int = 100,
    limits: tuple[float, float] | None = None,
    member: int = 0,
) -> "Axes":
    """Draw the units of each layer as circles and the weights between them as lines.

    A line is the wider the larger its weight; positive weights are orange and solid, negative ones purple and dashed. A
    circle's fill is its bias. A layer that keeps the units as they are is named at their column; one that mixes them
    in another way than by a matrix [inputs, outputs] is a box with its name. A weight of 0 has no line.

    Parameters
    ----------
    network : Network
    ax : axes, optional
        By default those of a new figure.
    feature_names, output_names : sequence of str, optional
        What the inputs and the outputs are called.
    most_units : int
        Of a layer with more units, the first and the last are drawn, and their number is written.
    most_lines : int
        Of more weights than this between two columns, the largest are drawn, and the label below says so.
    limits : (float, float), optional
        The weight and the bias, in size, that have the widest line and the strongest fill. By default the largest in
        the network; give them to compare several diagrams.
    member : int
        Which of K members to draw.

    Returns
    -------
    ax : axes

    Raises
    ------
    ValueError, TypeError
        If an argument is not usable; the text names it.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense, Network, Tanh
    >>> network = Network(2, [Dense(3), Tanh(), Dense(1)], seed=0)
    >>> ax = network_diagram(network, ax=Figure().subplots(), feature_names=["age", "height"])
    >>> [label.get_text().splitlines()[0] for label in ax.get_xticklabels()]
    ['inputs', 'dense_1', 'dense_2']
    """
    for name, value, least in (("most_units", most_units, 2), ("most_lines", most_lines, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, found {value!r}")
    one = single(network, member)
    unusable = int((~np.isfinite(one.theta)).sum())
    if unusable:
        raise ValueError(f"{unusable} of the network's parameters are not finite, so they cannot be drawn")
    columns = columns_of(one, int(most_units))
    largest_weight, largest_bias = diagram_limits([one]) if limits is None else _checked_limits(limits)
    tallest = max(float(np.ptp(column.heights)) if len(column.shown) else 0.0 for column in columns) + 1
    ax = new_axes(ax, figsize=(min(1.5 + 1.8 * len(columns), 16.0), min(max(2.6 + 0.3 * tallest, 3.4), 8.0)))
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-tallest / 2 - 0.3, tallest / 2 + 0.3))
    points = ax.get_window_extent().height / ax.get_figure(root=True).dpi * 72 / (tallest + 0.6)  # type: ignore[union-attr]
    widest = float(np.clip(0.13 * points, 1.2, WIDEST))
    for place in range(1, len(columns)):
        _draw_lines(ax, place, columns, int(most_lines), largest_weight, widest)
    filled = _draw_units(ax, columns, float(np.clip(0.62 * points, 3.0, 22.0)), largest_bias)
    _name_units(ax, columns, 0, feature_names, "feature_names", "x")
    _name_units(ax, columns, len(columns) - 1, output_names, "output_names", "y")
    ax.set_xticks(range(len(columns)), [column.label for column in columns])
    ax.set_yticks([])
    ax.tick_params(axis="x", length=0)
    ax.spines[:].set_visible(False)
    who = "" if network.members is None else f", member {member + 1} of {network.members}"
    ax.set_title(f"{type(network).__name__}: {one.layout.size:,} parameters{who}", pad=24)
    if any(column.weights is not None for column in columns):
        _line_legend(ax, largest_weight, widest)
    if filled is not None:
        colour_bar(ax, filled, "bias (fill of a circle)", shrink=0.7, pad=0.02)
    return ax


def _checked_limits(limits: Any) -> tuple[float, float]:
    given = np.asarray(limits)
    if given.shape != (2,) or given.dtype.kind not in "iuf" or not (np.isfinite(given) & (given > 0)).all():
        raise ValueError(f"limits must be two positive numbers, of the weights and of the biases, found {limits!r}")
    return float(given[0]), float(given[1])


def diagram_limits(networks: Sequence[Network]) -> tuple[float, float]:
    """Return the largest weight and the largest bias, in size, of several networks: one scale for all their diagrams.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> network.theta = [-2.0, 0.5]
    >>> diagram_limits([network])
    (2.0, 0.5)
    """
    columns = [column for network in networks for column in columns_of(single(network), 2)]
    weights = [column.weights for column in columns if column.weights is not None]
    return signed_limit(*weights), signed_limit(*[column.bias for column in columns if column.bias is not None])


def columns_of(network: Network, most_units: int) -> list[Column]:
    """Return the columns of one network's diagram, from the inputs to the outputs."""
    columns = [_new_column("inputs", network.inputs, most_units)]
    for index, (name, before, after) in enumerate(zip(network.names, network.shapes, network.shapes[1:], strict=False)):
        slots = [slot for slot in network.layout.slots if slot.layer == index]
        arrays = {slot.name: network.theta[slot.start : slot.stop].reshape(slot.shape) for slot in slots}
        matrices = [slot.name for slot in slots if slot.shape == before + after]
        flat = len(before) == len(after) == 1
        within = network.layers[index].children
        if flat and len(matrices) == 1 and not within:
            column = _new_column(name, after, most_units)
            column.weights = arrays[matrices[0]]
            biases = [arrays[slot.name] for slot in slots if slot.is_bias and slot.shape == after]
            column.bias = biases[0] if biases else None
            columns.append(column)
        elif before == after and not within and all(len(slot.shape) < 2 for slot in slots):
            if columns[-1].box:
                columns[-1].box += f"\n{name}"
            else:
                columns[-1].label += f"\n{name}"
        else:
            none = np.arange(0)
            joint = " " if flat else "\n"
            text = [name, *_kinds(within), f"{_shape(before)}{joint}to {_shape(after)}"]
            columns.append(Column("", 0, none, box="\n".join(text)))
            if len(after) == 1:
                columns.append(_new_column("", after, most_units))
    for column in columns:
        column.label += f"\n{column.units:,} unit{'s' * (column.units != 1)}" if column.units else ""
        column.label = column.label.strip()
    return columns


def _new_column(label: str, shape: tuple[int, ...], most_units: int) -> Column:
    if len(shape) != 1:
        return Column("", 0, np.arange(0), box=f"{label}\n{_shape(shape)}")
    units = shape[0]
    if units <= most_units:
        return Column(label, units, np.arange(units))
    first, last = (most_units + 1) // 2, most_units // 2
    return Column(label, units, np.concatenate([np.arange(first), np.arange(units - last, units)]))


def _kinds(layers: Sequence[Layer]) -> list[str]:
    """Return the kinds of the layers within a block; of many the first ones."""
    kinds = [f"· {type(one).__name__}" for one in layers]
    left = len(kinds) - MOST_KINDS_NAMED
    return kinds if left <= 1 else [*kinds[:MOST_KINDS_NAMED], f"· and {left} more"]


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def line_width(weight: Any, largest: float, widest: float = WIDEST) -> Any:
    """Return the width of a weight's line, in points: the largest weight has the widest.

    Examples
    --------
    >>> line_width(np.array([0.0, -1.0, 2.0]), 2.0)
    array([0.2, 2.1, 4. ])
    """
    return THINNEST + (widest - THINNEST) * np.minimum(np.abs(weight) / largest, 1.0)


def _draw_lines(ax: "Axes", place: int, columns: list[Column], most: int, largest: float, widest: float) -> None:
    """Draw the weights between a column and the one before it, or one plain line to or from a box."""
    before, column = columns[place - 1], columns[place]
    if column.weights is None:
        if column.box or before.box:
            ax.annotate(
                "", (place - 0.34, 0), (place - 0.66, 0), arrowprops={"arrowstyle": "->", "color": GREY, "lw": 1.2}
            )
        return
    weights = column.weights[np.ix_(before.shown, column.shown)]  # [I,O]
    order = np.argsort(np.abs(weights), axis=None, kind="stable")[-most:]  # the largest last, so that they lie on top
    order = order[weights.ravel()[order] != 0]
    rows, units = np.unravel_index(order, weights.shape)
    chosen = weights[rows, units]
    ends = [
        [(place - 1, start), (place, end)]
        for start, end in zip(before.heights[rows], column.heights[units], strict=True)
    ]
    lines = matplotlib("collections").LineCollection(
        ends,
        linewidths=line_width(chosen, largest, widest),
        colors=[POSITIVE if weight > 0 else NEGATIVE for weight in chosen],
        linestyles=["-" if weight > 0 else DASHES for weight in chosen],
        alpha=0.75,
        zorder=1,
        label=f"weights of {column.label.splitlines()[0]}",
    )
    ax.add_collection(lines, autolim=False)
    if len(chosen) < column.weights.size:
        column.label += f"\n{len(chosen):,} of {column.weights.size:,}\nweights drawn"


def _draw_units(ax: "Axes", columns: list[Column], diameter: float, largest: float) -> Any:
    """Draw circles and boxes; return what a colour bar can be made of, or None where nothing has a bias."""
    filled = None
    for place, column in enumerate(columns):
        if column.box:
            frame = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": GREY}
            ax.text(place, 0, column.box, ha="center", va="center", fontsize="small", bbox=frame, zorder=3)
            continue
        where = np.full(len(column.shown), place), column.heights
        look: dict[str, Any] = {"s": diameter**2, "edgecolors": "black", "linewidths": 0.9, "zorder": 2}
        if column.bias is None:
            ax.scatter(*where, c="#DDDDDD" if place == 0 else "white", **look)
        else:
            filled = ax.scatter(
                *where, c=column.bias[column.shown], cmap=DIVERGING, vmin=-largest, vmax=largest, **look
            )
        if column.shortened:
            upper = column.heights[(len(column.shown) + 1) // 2 - 1]
            ax.text(place, upper - 1, "⋮", ha="center", va="center", fontsize="large", zorder=3)
    return filled


def _name_units(
    ax: "Axes", columns: list[Column], place: int, names: Sequence[str] | None, argument: str, word: str
) -> None:
    """Write the names of inputs on the left, or of outputs on the right."""
    column = columns[place]
    if column.box:
        if names is not None:
            raise ValueError(f"{argument} names units of one row, and there are none: records have another shape there")
        return
    texts = names_or_numbers(names, column.units, argument, word)
    if len(column.shown) > MOST_NAMED_UNITS:
        return
    side, align = (-1, "right") if place == 0 else (1, "left")
    for unit, height in zip(column.shown, column.heights, strict=True):
        ax.annotate(
            texts[unit], (place, height), (side * 13, 0), textcoords="offset points", ha=align, va="center",
            fontsize="small", annotation_clip=False,
        )  # fmt: skip


def _line_legend(ax: "Axes", largest: float, widest: float) -> None:
    """Say what the widths and colours of the lines mean."""
    line = matplotlib("lines").Line2D
    handles = []
    for share in (1.0, 0.5, -0.5, -1.0):
        value = f"{share * largest:+.2g}".replace("-", "−")
        handles.append(
            line(
                [],
                [],
                color=POSITIVE if share > 0 else NEGATIVE,
                linestyle="-" if share > 0 else DASHES,
                linewidth=float(line_width(share * largest, largest, widest)),
                label=f"weight {value}" if share == 1 else value,
            )
        )
    ax.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False, fontsize="small",
        handlelength=2.6, columnspacing=1.2,
    )  # fmt: skip
