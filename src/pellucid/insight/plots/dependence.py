"""How predictions depend on one feature: the partial dependence, and the curves of single records."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.insight.dependence import MOST_ROWS, Dependence, partial_dependence
from pellucid.insight.plots.points import chosen_rows, legend_beside, names_from_0, put_labels, put_title
from pellucid.insight.plots.style import GREY, LINE_STYLES, PALETTE, new_axes
from pellucid.insight.prediction import Prediction, prediction_of, sampled
from pellucid.losses import Loss
from pellucid.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CURVES = 50


def dependence_curves(
    network: Network | Prediction,
    X: Any,
    feature: int,
    *,
    output: int | None = None,
    feature_name: str | None = None,
    output_names: Sequence[str] | None = None,
    loss: Loss | str | None = None,
    resolution: int = 50,
    most_rows: int = MOST_ROWS,
    member: int = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw what is predicted on average as one feature changes, and below it where the feature's values lie.

    With one output, light curves show single records (50 at most): if they are not parallel, the effect of the
    feature depends on others. With several, there is a mean curve for each.

    Parameters
    ----------
    network : Network or Prediction
    X : array [M, inputs]
        The records.
    feature : int
        Its number, from 0.
    output : int, optional
        Which output or class, from 0. By default class 1 of two, otherwise all of them.
    feature_name : str, optional
        With its unit.
    output_names : sequence of str, optional
        The names of all outputs or classes.
    loss, resolution, most_rows, member
        As for :func:`pellucid.insight.partial_dependence`.
    ax : matplotlib axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ValueError, TypeError
        If the records, the feature or the output do not fit the network.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense
    >>> network = Network(2, [Dense(1)], seed=0)
    >>> network.theta = [10.0, 1.0, 0.0]
    >>> ax = dependence_curves(network, [[0.0, 1.0], [2.0, 3.0]], 0, feature_name="age", ax=Figure().subplots())
    >>> ax.get_xlabel(), [line.get_ydata().tolist() for line in ax.lines if line.get_label() == "mean of 2 rows"]
    ('age', [[2.0, 22.0]])

    Source: Friedman, "Greedy function approximation: a gradient boosting machine", 2001, section 8.2; Goldstein et
    al., "Peeking inside the black box", 2015, section 3.
    """
    prediction = prediction_of(network, loss=loss, member=member)
    found = partial_dependence(prediction, X, feature, resolution=resolution, most_rows=most_rows)
    rows, _, outputs = found.curves.shape
    names = names_from_0(output_names, outputs, "output_names", "class" if prediction.is_of_classes else "output")
    if output is not None and (isinstance(output, bool) or output not in range(outputs)):
        raise ValueError(f"output must be a whole number from 0 to {outputs - 1}, found {output!r}")
    if output is None and (outputs == 1 or (outputs == 2 and prediction.is_of_classes)):
        output = outputs - 1

    ax = new_axes(ax)
    marker = "o" if len(found.grid) < 15 else None  # few values: each is seen
    if output is None:
        for number, name in enumerate(names):
            style = (number + number // len(PALETTE)) % len(LINE_STYLES)
            ax.plot(
                found.grid,
                found.mean[:, number],
                color=PALETTE[number % len(PALETTE)],
                marker=marker,
                linestyle=LINE_STYLES[style],
                label=name,
            )
    else:
        single = sampled(found.curves[:, :, output], MOST_CURVES)
        lines = ax.plot(found.grid, single.T, color=GREY, alpha=0.35, linewidth=0.7, zorder=1)
        lines[0].set_label(f"{len(single)} single rows" if len(single) > 1 else "the single row")
        ax.plot(
            found.grid,
            found.mean[:, output],
            color=PALETTE[0],
            linewidth=2.5,
            marker=marker,
            zorder=3,
            label=f"mean of {rows:,} rows" if rows > 1 else "mean of 1 row",
        )
    _rug(ax, found)
    name = f"feature {found.feature}" if feature_name is None else feature_name
    ax.set_xlabel(name)
    if found.feature in prediction.labels:
        put_labels(ax.xaxis, prediction.labels[found.feature])
    ax.set_ylabel(_what(found, names, output))
    if found.kind == "probabilities":
        ax.set_ylim(bottom=-0.02 * ax.get_ylim()[1])
    part = f"{rows:,} of {len(found.values):,} rows, chosen at random" if rows < len(found.values) else ""
    put_title(ax, f"Partial dependence on {name}", part)
    legend_beside(ax, below=len(names) <= 4 or output is not None)
    return ax


def _what(found: Dependence, names: Sequence[str], output: int | None) -> str:
    word = {"probabilities": "probability", "scores": "score", "numbers": "prediction"}[found.kind]
    if output is None:
        return f"mean {word}"
    if found.kind == "numbers":
        return names[output] if len(names) > 1 or names[0] != "output 0" else word
    return f"{word} of {names[output]}"


def _rug(ax: "Axes", found: Dependence) -> None:
    """Mark the feature's values in the table at the lower edge: where none are, the curve is a guess."""
    values = found.values[chosen_rows(len(found.values))]
    many = len(np.unique(values)) > 100
    ax.plot(
        values,
        np.full(len(values), 0.012),
        "|",
        color="black",
        markersize=8,
        alpha=0.25 if many else 0.8,
        transform=ax.get_xaxis_transform(),
        zorder=2,
        label="values in the table",
    )
