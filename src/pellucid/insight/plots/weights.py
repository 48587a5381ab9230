"""What the first layer looks for: the weights into each of its units as a picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.checks.finding import counted
from pellucid.insight.member import single
from pellucid.insight.plots.points import put_title
from pellucid.insight.plots.style import DIVERGING, colour_bar, new_axes, signed_limit
from pellucid.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NUMBERED = 25
MOST_SHAPES_NAMED = 6


def first_layer_images(
    network: Network, shape: Sequence[int] | None = None, *, most: int = 64, member: int = 0, ax: "Axes | None" = None
) -> "Axes":
    """Draw the weights into each unit of the first layer as an image, for records that are images themselves.

    It is the first layer with a parameter [inputs, units], or [height, width, channels, filters] as Conv2D has: there
    is an image for each filter, and for each of its channels where it sees several (3.1 is channel 1 of filter 3). All
    images share one scale of colours, with 0 in the middle, and stand in rows in the order of the units, which are
    numbered from 0.

    Parameters
    ----------
    network : Network
    shape : (int, int), optional
        Rows and columns of an image; their product is the number of inputs. Filters have their own.
    most : int
        Of more images than this, the first are drawn, and the caption says so.
    member : int
        Which of K members.
    ax : matplotlib axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ValueError, TypeError
        If the shape does not fit the inputs or is missing, no layer has such a parameter, or an argument is not usable.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense
    >>> network = Network(6, [Dense(1)], seed=0)
    >>> network.theta = [1, 2, 3, 4, 5, 6, 0]
    >>> ax = first_layer_images(network, (2, 3), ax=Figure().subplots())
    >>> ax.images[0].get_array()[1:3, 1:4].tolist()
    [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    """
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, found a {type(network).__name__}")
    if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 1:
        raise ValueError(f"most must be a whole number of at least 1, found {most!r}")
    name, weights = _first_weights(single(network, member))
    images, labels, kind = _images(weights, shape, name)
    units, rows, columns = images.shape
    images = images[:most]
    count = len(images)
    across = _tiles_across(count, rows, columns)
    numbered = count <= MOST_NUMBERED
    gap = max(1, round(0.06 * max(rows, columns)))
    above = max(gap, round(0.25 * rows)) if numbered else gap
    picture, corners = _tiled(images, across, gap, above)

    high, wide = picture.shape
    width = float(np.clip(5.0 * wide / high, 2.5, 8.0))
    ax = new_axes(ax, figsize=(width + 1.6, float(np.clip(width * high / wide, 1.6, 8.0)) + 0.9))
    limit = signed_limit(images)
    ax.set_facecolor("#BBBBBB")  # of the gaps: white is the colour of 0
    drawn = ax.imshow(picture, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest", rasterized=True)
    colour_bar(ax, drawn, "weight")
    if numbered:
        for unit, (row, column) in enumerate(corners):
            place = column + (columns - 1) / 2, row - 0.5 - above / 2
            ax.text(*place, labels[unit], ha="center", va="center_baseline", fontsize="small")
    ax.set_xticks([])
    ax.set_yticks([])
    if not numbered:
        first = list(range(0, count, across))
        ax.set_yticks([corners[unit][0] + (rows - 1) / 2 for unit in first], [labels[unit] for unit in first])
        ax.tick_params(axis="y", length=0)
        ax.set_ylabel(f"first {kind} of the row")
    what = counted(units, kind) if count == units else f"{count:,} of {counted(units, kind)}"
    put_title(ax, f"Weights into {name}", f"{what}; {rows} x {columns} inputs each")
    return ax


def _first_weights(network: Network) -> tuple[str, Array]:
    """Return the name of the first layer with weights that make images, and a copy of these weights."""
    for slot in network.layout.slots:
        before, after = network.shapes[slot.layer : slot.layer + 2]
        if len(before) == 1 and slot.shape == before + after:
            return network.names[slot.layer], network.theta[slot.start : slot.stop].reshape(slot.shape).copy()
        if len(before) == 3 and len(slot.shape) == 4:
            name = f"{network.names[slot.layer]}.{slot.name}".rpartition(".")[0]
            return name, network.theta[slot.start : slot.stop].reshape(slot.shape).copy()
    raise ValueError(
        "no layer of this network has weights of the shape (inputs, units), as Dense has, or (height, width, channels, "
        f"filters), as Conv2D has: there is nothing to draw as images; the layers are {', '.join(network.names)}"
    )


def _images(weights: Array, shape: Any, name: str) -> tuple[Array, list[str], str]:
    """Return the images [U, rows, columns], what each is called, and of what they are."""
    if weights.ndim == 2:
        rows, columns = _checked_shape(shape, len(weights), name)
        images = weights.T.reshape(-1, rows, columns)  # [I,U] -> [U,rows,columns]
        return images, [str(unit) for unit in range(len(images))], "unit"
    rows, columns, channels, filters = weights.shape
    if shape is not None and tuple(shape) != (rows, columns):
        raise ValueError(f"the filters of {name} are {rows} x {columns}: leave shape out, found {shape!r}")
    images = weights.transpose(3, 2, 0, 1).reshape(-1, rows, columns)  # [rows,columns,C,F] -> [F C,rows,columns]
    if channels == 1:
        return images, [str(one) for one in range(filters)], "filter"
    labels = [f"{one}.{channel}" for one in range(filters) for channel in range(channels)]
    return images, labels, "channel"


def _checked_shape(shape: Any, inputs: int, name: str) -> tuple[int, int]:
    """Return rows and columns, whose product must be the number of inputs."""
    if shape is None:
        raise ValueError(
            f"shape is missing: the rows and columns of an image, which multiply to the {inputs:,} inputs of {name}: "
            f"{_shapes_of(inputs)} would do"
        )
    given = tuple(shape) if isinstance(shape, tuple | list | np.ndarray) else ()
    if len(given) != 2 or any(isinstance(side, bool) or not isinstance(side, int | np.integer) for side in given):
        raise TypeError(f"shape must be two whole numbers, the rows and columns of an image, found {shape!r}")
    rows, columns = int(given[0]), int(given[1])
    if rows < 1 or columns < 1 or rows * columns != inputs:
        raise ValueError(
            f"shape must multiply to the {inputs:,} inputs of {name}, found {rows} x {columns}: "
            f"{_shapes_of(inputs)} would do"
        )
    return rows, columns


def _shapes_of(inputs: int) -> str:
    """Return the shapes of so many pixels, the squarest first.

    Examples
    --------
    >>> _shapes_of(12)
    '3 x 4, 2 x 6, 1 x 12'
    """
    pairs = [(side, inputs // side) for side in range(1, int(inputs**0.5) + 1) if inputs % side == 0]
    return ", ".join(f"{rows} x {columns}" for rows, columns in pairs[::-1][:MOST_SHAPES_NAMED])


def _tiles_across(count: int, rows: int, columns: int) -> int:
    """Return how many images stand side by side, so that all together are about as wide as high.

    Examples
    --------
    >>> _tiles_across(64, 8, 8), _tiles_across(2, 8, 8), _tiles_across(10, 1, 20)
    (8, 2, 1)
    """
    return int(np.clip(np.ceil((count * rows / columns) ** 0.5), 1, count))


def _tiled(images: Array, across: int, gap: int, above: int) -> tuple[Array, list[tuple[int, int]]]:
    """Return one picture of all images [U, rows, columns], NaN between them, and each one's upper left pixel."""
    count, rows, columns = images.shape
    down = -(-count // across)
    picture = np.full((down * (rows + above) + gap, across * (columns + gap) + gap), np.nan)
    corners = []
    for unit, image in enumerate(images):
        row, column = above + unit // across * (rows + above), gap + unit % across * (columns + gap)
        picture[row : row + rows, column : column + columns] = image
        corners.append((row, column))
    return picture, corners
