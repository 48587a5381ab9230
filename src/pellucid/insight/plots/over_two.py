"""The parts that pictures over two features are made of: colours, lines, names of regions, rows."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.plots.points import caption, chosen_rows, draw_classes, draw_unknown, put_labels, put_title
from pellucid.insight.plots.style import colour_bar, matplotlib
from pellucid.insight.prediction import Prediction
from pellucid.insight.surface import Surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALLEST_NAMED_REGION = 0.01
REGION_NAME_WIDTH = 14  # letters in a line


def rows_over(
    ax: "Axes", prediction: Prediction, table: Array, codes: Array | None, features: Sequence[int], names: Sequence[str]
) -> str:
    """Draw the rows, and say how many of them if not all."""
    rows = chosen_rows(len(table))
    places = table[rows][:, list(features)]
    if codes is None:
        draw_unknown(ax, places)
    else:
        draw_classes(ax, places, codes[rows], prediction(table[rows]).argmax(axis=1), names)
    return rows_drawn(rows, table)


def rows_drawn(rows: Array, table: Array) -> str:
    """Say how many rows are drawn, if not all."""
    return "" if len(rows) == len(table) else f"{len(rows):,} of {len(table):,} rows drawn"


def colours_over(ax: "Axes", found: Surface, values: Array, label: str, **shades: Any) -> None:
    """Colour the grid by its values, and say what the colours mean."""
    mesh = ax.pcolormesh(found.x, found.y, values, shading="nearest", rasterized=True, zorder=0, **shades)
    colour_bar(ax, mesh, label)


def lines_over(ax: "Axes", found: Surface, values: Array, levels: Any) -> None:
    """Draw labelled lines of equal value; Matplotlib warns of levels that are nowhere, so they are left out."""
    there = [level for level in levels if values.min() < level < values.max()]
    if there:
        lines = ax.contour(found.x, found.y, values, levels=there, colors="black", linewidths=0.8, zorder=2)
        halo = [matplotlib("patheffects").withStroke(linewidth=2.2, foreground="white")]  # black on dark is not seen
        lines.set_path_effects(halo)
        for text in ax.clabel(lines, fontsize="x-small"):
            text.set_path_effects(halo)


def borders_over(ax: "Axes", found: Surface, colour: str) -> None:
    """Draw the lines between regions: where a class is as likely as the best of the others."""
    for number in range(found.predictions.shape[-1]):
        others = np.delete(found.predictions, number, axis=-1).max(axis=-1)  # [G,G,C-1] -> [G,G]
        lead = found.predictions[..., number] - others
        if lead.min() < 0 < lead.max():
            ax.contour(found.x, found.y, lead, levels=[0], colors=colour, linewidths=1.4, zorder=2)


def names_over(ax: "Axes", found: Surface, regions: Array, names: Sequence[str]) -> None:
    """Write each class into the middle of its region, so that colour need not tell it."""
    outline = matplotlib("patheffects").withStroke(linewidth=3, foreground="white")
    for number in np.unique(regions).tolist():
        inside = regions == number
        if inside.mean() < SMALLEST_NAMED_REGION:
            continue
        row, column = _middle(inside)
        ax.text(
            found.x[column],
            found.y[row],
            textwrap.fill(names[number], REGION_NAME_WIDTH),
            ha="center",
            va="center",
            weight="bold",
            fontsize="small" if len(names) <= 8 else "x-small",
            zorder=5,
            path_effects=[outline],
        )


def _middle(inside: Array) -> tuple[int, int]:
    """Return the place that lies deepest within a region: peel its rim off until nothing is left.

    Examples
    --------
    >>> region = np.zeros((7, 9), dtype=bool)
    >>> region[1:6, 1:6] = True
    >>> _middle(region)
    (3, 3)
    """
    left = inside
    while True:
        rim = np.pad(left, 1)
        peeled = left & rim[:-2, 1:-1] & rim[2:, 1:-1] & rim[1:-1, :-2] & rim[1:-1, 2:]
        if not peeled.any():
            places = np.argwhere(left)
            row, column = places[len(places) // 2]
            return int(row), int(column)
        left = peeled


def finish(
    ax: "Axes",
    title: str,
    found: Surface,
    features: Sequence[int],
    labels: Sequence[str],
    held: Mapping[int, float] | None,
    drawn: str,
    known: Mapping[int, Sequence[str]],
) -> None:
    """Write the names of the features and of their values, the title and the caption."""
    ax.set_xlabel(labels[features[0]])
    ax.set_ylabel(labels[features[1]])
    ax.set_xlim(found.x[0], found.x[-1])
    ax.set_ylim(found.y[0], found.y[-1])
    for axis, feature in zip((ax.xaxis, ax.yaxis), features, strict=True):
        if feature in known:
            put_labels(axis, known[feature])
    put_title(ax, title, caption(found, features, labels, held, drawn, known))
