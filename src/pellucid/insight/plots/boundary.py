"""What a network predicts over two features: the classes' regions, a probability, or a number."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.insight.plots.over_two import (
    borders_over,
    colours_over,
    finish,
    lines_over,
    names_over,
    rows_drawn,
    rows_over,
)
from pellucid.insight.plots.points import (
    chosen_rows,
    class_numbers,
    class_style,
    draw_unknown,
    figure_size,
    legend_beside,
    names_from_0,
    target_numbers,
)
from pellucid.insight.plots.style import DIVERGING, SEQUENTIAL, matplotlib, new_axes
from pellucid.insight.prediction import Prediction, checked_records, prediction_of
from pellucid.insight.surface import surface
from pellucid.losses import Loss
from pellucid.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALE = 0.72  # the share of white in a region's colour, so that points stand out
PROBABILITY_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


def decision_boundary(
    network: Network | Prediction,
    X: Any,
    y: Any = None,
    *,
    features: Sequence[int] = (0, 1),
    held: Mapping[int, float] | None = None,
    marginalise: bool = False,
    feature_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    loss: Loss | str | None = None,
    resolution: int | None = None,
    member: int = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw which class is predicted over two features, and the rows by their true class.

    A row predicted as another class has a ring. That is the prediction for the row as it is; the regions are those
    of records whose other features are held, so with more than two features a ring may lie in the right region.

    Parameters
    ----------
    network : Network or Prediction
        It must predict classes; see `pellucid.insight.prediction.prediction_of` for how that is decided.
    X : array [N, inputs]
        The rows: they are drawn, and give the picture its range.
    y : array [N], [N, 1] or [N, C], optional
        The true class numbers from 0, or rows with a single 1.
    features : two int
        The numbers of the features drawn, from 0: across, and up.
    held : dict of int to float, optional
        What other features are held at; by default their medians in X.
    marginalise : bool
        Whether features not in ``held`` take the values of the rows (200 at most) instead, and predictions are
        averaged.
    feature_names, class_names : sequence of str, optional
        One name for each.
    loss : Loss or its short name, optional
        What makes classes of the network's output; by default that of the last training.
    resolution : int, optional
        Points along each side of the grid; by default 200, or 50 with ``marginalise``.
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
        If the network predicts no classes, or an argument does not fit it.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense, Sigmoid
    >>> network = Network(2, [Dense(1), Sigmoid()], seed=0)
    >>> ax = decision_boundary(network, [[0, 0], [1, 1]], [0, 1], resolution=20, ax=Figure().subplots())
    >>> ax.get_title()
    'Decision boundary'
    """
    prediction = prediction_of(network, loss=loss, member=member)
    if not prediction.is_of_classes:
        raise ValueError(
            "this network predicts numbers, which have no decision boundary: use regression_surface, or name the loss "
            'that makes classes of its output, such as loss="binary_cross_entropy_from_logits"'
        )
    table = checked_records(X, prediction.inputs)
    found = surface(prediction, table, features, held=held, marginalise=marginalise, resolution=resolution)
    names = names_from_0(class_names, found.predictions.shape[-1], "class_names", "class")
    labels = names_from_0(feature_names, prediction.inputs, "feature_names", "feature")
    codes = None if y is None else class_numbers(y, len(table), len(names))

    ax = new_axes(ax, figsize=figure_size(names))
    regions = found.predictions.argmax(axis=-1)  # [G,G,C] -> [G,G]
    to_rgb = matplotlib("colors").to_rgb
    colours = np.array([to_rgb(class_style(number)["color"]) for number in range(len(names))])
    pale = PALE + (1 - PALE) * colours[regions]  # [G,G,3]
    ax.pcolormesh(found.x, found.y, pale, shading="nearest", rasterized=True, zorder=0)
    borders_over(ax, found, "black")
    drawn = rows_over(ax, prediction, table, codes, features, names)
    names_over(ax, found, regions, names)
    finish(ax, "Decision boundary", found, features, labels, held, drawn, prediction.labels)
    legend_beside(ax, below=False)
    return ax


def probability_surface(
    network: Network | Prediction,
    X: Any,
    y: Any = None,
    *,
    of_class: int | None = None,
    features: Sequence[int] = (0, 1),
    held: Mapping[int, float] | None = None,
    marginalise: bool = False,
    feature_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    loss: Loss | str | None = None,
    resolution: int | None = None,
    member: int = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a predicted probability over two features, and the rows by their true class.

    Parameters
    ----------
    of_class : int, optional
        The class whose probability is drawn. By default class 1 of two; of more than two, whichever is the likeliest
        at each place, with the regions named.
    network, X, y, features, held, marginalise, feature_names, class_names, loss, resolution, member, ax
        As for :func:`decision_boundary`.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ValueError, TypeError
        If the network predicts no probabilities, or an argument does not fit it.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense, Sigmoid
    >>> network = Network(2, [Dense(1), Sigmoid()], seed=0)
    >>> ax = probability_surface(network, [[0, 0], [1, 1]], [0, 1], resolution=20, ax=Figure().subplots())
    >>> ax.get_title()
    'Probability of class 1'
    """
    prediction = prediction_of(network, loss=loss, member=member)
    if prediction.kind != "probabilities":
        instead = "decision_boundary" if prediction.is_of_classes else "regression_surface"
        raise ValueError(f"this network predicts {prediction.kind}, not probabilities: use {instead}, or name the loss")
    table = checked_records(X, prediction.inputs)
    found = surface(prediction, table, features, held=held, marginalise=marginalise, resolution=resolution)
    count = found.predictions.shape[-1]
    names = names_from_0(class_names, count, "class_names", "class")
    labels = names_from_0(feature_names, prediction.inputs, "feature_names", "feature")
    codes = None if y is None else class_numbers(y, len(table), count)
    if of_class is None and count == 2:
        of_class = 1
    if of_class is not None and (isinstance(of_class, bool) or of_class not in range(count)):
        raise ValueError(f"of_class must be a class number from 0 to {count - 1}, found {of_class!r}")

    ax = new_axes(ax, figsize=figure_size(names))
    if of_class is None:
        what = "Probability of the likeliest class"
        likeliest = found.predictions.max(axis=-1)  # [G,G,C] -> [G,G]
        colours_over(ax, found, likeliest, what, cmap=SEQUENTIAL, vmin=min(1 / count, likeliest.min()), vmax=1)
        borders_over(ax, found, "white")
    else:
        what = f"Probability of {names[of_class]}"
        values = found.predictions[..., of_class]
        colours_over(ax, found, values, what, cmap=DIVERGING, vmin=0, vmax=1)
        lines_over(ax, found, values, PROBABILITY_LEVELS)
    drawn = rows_over(ax, prediction, table, codes, features, names)
    if of_class is None:
        names_over(ax, found, found.predictions.argmax(axis=-1), names)
    finish(ax, what, found, features, labels, held, drawn, prediction.labels)
    legend_beside(ax, below=True)
    return ax


def regression_surface(
    network: Network | Prediction,
    X: Any,
    y: Any = None,
    *,
    output: int = 0,
    features: Sequence[int] = (0, 1),
    held: Mapping[int, float] | None = None,
    marginalise: bool = False,
    feature_names: Sequence[str] | None = None,
    target_name: str = "prediction",
    loss: Loss | str | None = None,
    resolution: int | None = None,
    member: int = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a predicted number over two features, and the rows in the colour of their true value.

    A row that is predicted well has the colour of what lies around it, as far as its other features are as held.

    Parameters
    ----------
    y : array [N] or [N, 1], optional
        The true values.
    output : int
        Which of the network's outputs, from 0.
    target_name : str
        What is predicted, with its unit.
    network, X, features, held, marginalise, feature_names, loss, resolution, member, ax
        As for :func:`decision_boundary`.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ValueError, TypeError
        If the network predicts classes, or an argument does not fit it.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense
    >>> network = Network(2, [Dense(1)], seed=0)
    >>> ax = regression_surface(network, [[0, 0], [1, 1]], [0.0, 1.0], resolution=20, ax=Figure().subplots())
    >>> ax.get_xlabel()
    'feature 0'
    """
    prediction = prediction_of(network, loss=loss, member=member)
    if prediction.is_of_classes:
        instead = "probability_surface" if prediction.kind == "probabilities" else "decision_boundary"
        raise ValueError(f"this network predicts {prediction.kind} of classes, not numbers: use {instead}")
    table = checked_records(X, prediction.inputs)
    found = surface(prediction, table, features, held=held, marginalise=marginalise, resolution=resolution)
    count = found.predictions.shape[-1]
    if isinstance(output, bool) or output not in range(count):
        raise ValueError(f"output must be the number of an output, from 0 to {count - 1}, found {output!r}")
    labels = names_from_0(feature_names, prediction.inputs, "feature_names", "feature")
    true = None if y is None else target_numbers(y, len(table))

    ax = new_axes(ax, figsize=figure_size())
    values = found.predictions[..., output]
    both = values if true is None else np.append(values.ravel(), true)
    low, high = float(both.min()), float(both.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    shades: dict[str, Any] = {"cmap": SEQUENTIAL, "vmin": low, "vmax": high}
    colours_over(ax, found, values, target_name, **shades)
    lines_over(ax, found, values, matplotlib("ticker").MaxNLocator(7).tick_values(low, high))
    rows = chosen_rows(len(table))
    places = table[rows][:, list(features)]
    if true is None:
        draw_unknown(ax, places)
    else:
        label = "rows, in the colour of their true value"
        x, y = places.T
        ax.scatter(x, y, s=30, c=true[rows], label=label, zorder=3, edgecolors="white", linewidths=0.9, **shades)
    finish(
        ax,
        f"Predicted {target_name}" if target_name != "prediction" else "Prediction",
        found,
        features,
        labels,
        held,
        rows_drawn(rows, table),
        prediction.labels,
    )
    legend_beside(ax, below=True)
    return ax
