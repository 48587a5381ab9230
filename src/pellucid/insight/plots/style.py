"""What all pictures share: colours that everybody can tell apart, and the axes they are drawn on.

Nothing here, nor in any picture, changes Matplotlib's settings (``rcParams``): pictures stand in other people's
notebooks. What tells two things apart by colour also tells them apart by line, marker or hatching.
"""

from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array
from pellucid.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
"""Colours of categories, told apart by colour-blind people too.

Blue, vermilion, green, purple, orange, sky blue, yellow, black.

Source: Okabe and Ito, "Color universal design", 2008.
"""
LINE_STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo", "+++", "***")

GREY = "#666666"
"""Of what is not the data: reference lines, notes."""
SEQUENTIAL = "cividis"
"""The colour map of amounts: it rises evenly in lightness, so it also reads in grey."""
DIVERGING = "PuOr_r"
"""The colour map of signed values, for limits by ``signed_limit``: negative purple, 0 white, positive orange."""


POSITIVE, NEGATIVE = "#B35806", "#542788"
"""Where only the sign matters: the two sides of ``DIVERGING``. Draw what is negative dashed or hatched as well."""


def matplotlib(part: str = "pyplot") -> ModuleType:
    """Import a part of Matplotlib, or say how to install it.

    Raises
    ------
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> matplotlib("colors").to_hex((1.0, 0.0, 0.0))
    '#ff0000'
    """
    return require(f"matplotlib.{part}", "plot", purpose="drawing")


def new_axes(ax: "Axes | None" = None, *, figsize: tuple[float, float] = (6.4, 4.4)) -> "Axes":
    """Return the axes given, or those of a new figure of this size in inches.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> mine = Figure().subplots()
    >>> new_axes(mine) is mine
    True
    """
    if ax is None:
        _, made = matplotlib().subplots(figsize=figsize, layout="constrained")
        return made  # type: ignore[no-any-return]
    if not hasattr(ax, "plot"):
        raise TypeError(f"ax must be one axes of Matplotlib, found a {type(ax).__name__}")
    return ax


def new_panels(
    axes: Any = None, rows: int = 1, columns: int = 1, *, figsize: tuple[float, float] = (6.4, 4.4), **settings: Any
) -> Array:
    """Return an array [rows x columns] of axes, flat: those given, or those of a new figure.

    Parameters
    ----------
    axes : sequence of axes, optional
        As many as there are panels.
    rows, columns : int
    figsize : (float, float)
        Width and height of the whole new figure, in inches.
    settings
        More arguments of ``matplotlib.pyplot.subplots``, such as ``sharex=True``; for a new figure only.

    Raises
    ------
    ValueError
        If the number of axes given is not that of the panels.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> new_panels(Figure().subplots(1, 2), columns=2).shape
    (2,)
    """
    if axes is None:
        _, axes = matplotlib().subplots(rows, columns, figsize=figsize, layout="constrained", squeeze=False, **settings)
    flat = np.asarray(axes, dtype=object).ravel()
    if len(flat) != rows * columns:
        raise ValueError(f"axes must be {rows * columns} axes, one a panel; found {len(flat)}")
    return flat


def signed_limit(*arrays: Any) -> float:
    """Return the limit v for colours from -v to v, so that 0 has the colour in the middle; 1.0 where all is 0.

    Values that are not finite are left out.

    Examples
    --------
    >>> signed_limit([-3.0, 2.0]), signed_limit([0.0]), signed_limit([-1.0, np.nan], [4.0])
    (3.0, 1.0, 4.0)
    """
    largest = 0.0
    for array in arrays:
        values = np.abs(np.asarray(array, dtype=np.float64))
        largest = max(largest, float(values[np.isfinite(values)].max(initial=0.0)))
    return largest or 1.0


def line_style(index: int) -> dict[str, Any]:
    """Return colour and line style of the curve with this number, for ``ax.plot(..., **line_style(0))``.

    Examples
    --------
    >>> line_style(1)
    {'color': '#D55E00', 'linestyle': '--'}
    """
    return {"color": PALETTE[index % len(PALETTE)], "linestyle": LINE_STYLES[index % len(LINE_STYLES)]}


def marker_style(index: int) -> dict[str, Any]:
    """Return colour and marker of the class with this number, for ``ax.scatter(..., **marker_style(0))``.

    Examples
    --------
    >>> marker_style(1)
    {'color': '#D55E00', 'marker': '^'}
    """
    return {"color": PALETTE[index % len(PALETTE)], "marker": MARKERS[index % len(MARKERS)]}


def colour_bar(ax: "Axes", coloured: Any, label: str, **settings: Any) -> "Colorbar":
    """Put a colour bar beside the axes (or array of axes), saying what the colours mean.

    Parameters
    ----------
    ax : axes, or array of axes that share the bar
    coloured : what was drawn with a colour map, or a ``ScalarMappable``
    label : str
        The quantity, with its unit where it has one.
    settings
        More arguments of ``Figure.colorbar``, such as ``shrink``.
    """
    first: Any = np.asarray(ax, dtype=object).ravel()[0]
    return first.figure.colorbar(coloured, ax=ax, label=label, **settings)  # type: ignore[no-any-return]


def text_on(colour: Any) -> str:
    """Return "black" or "white", whichever is read more easily on this colour.

    Examples
    --------
    >>> text_on("#000000"), text_on("#F0E442")
    ('white', 'black')

    Source: the relative luminance of the Web Content Accessibility Guidelines 2.2.
    """
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in matplotlib("colors").to_rgb(colour)
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "white" if luminance < 0.179 else "black"


def names_or_numbers(names: Any, count: int, argument: str, word: str) -> list[str]:
    """Return the names given, or "word 1", "word 2" ...; their number must be right.

    Examples
    --------
    >>> names_or_numbers(None, 2, "feature_names", "x")
    ['x 1', 'x 2']
    >>> names_or_numbers(["age"], 2, "feature_names", "x")
    Traceback (most recent call last):
    ValueError: feature_names must hold 2 names, found 1
    """
    if names is None:
        return [f"{word} {number + 1}" for number in range(count)]
    if isinstance(names, str):
        raise TypeError(f"{argument} must be a list of names; write [{names!r}]")
    given = [str(name) for name in names]
    if len(given) != count:
        raise ValueError(f"{argument} must hold {count} names, found {len(given)}")
    return given
