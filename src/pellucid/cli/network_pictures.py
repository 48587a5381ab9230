"""Pictures for ``pellucid plot`` of the network itself: its weights, its training, what flows through its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array
from pellucid.cli.app import CommandError, UsageError, say
from pellucid.cli.picture_request import Request, new_figure
from pellucid.insight.prediction import sampled
from pellucid.layers import Chain, MeanOfMembers
from pellucid.tables.wording import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pellucid.insight.tracing import Trace

MOST_ROWS = 1_000
ROWS_TO_CHECK = 32  # a wrong gradient is wrong on any few rows


# ---- the model alone ------------------------------------------------------------------------------------------------


def diagram(request: Request) -> Figure:
    """Draw units and weights."""
    from pellucid.insight.plots.diagram import network_diagram

    figure, ax = new_figure(9, 6)
    names: dict[str, Any] = {}
    if request.model is not None:
        outputs = request.classes if request.model.kind == "multiclass" else [text(request.model.target)]
        names = {"feature_names": request.names, "output_names": outputs}
    network_diagram(request.network, ax=ax, **names)
    return figure


def curves(request: Request) -> Figure:
    """Draw the losses of the training, epoch by epoch."""
    from pellucid.insight.plots.curves import learning_curves

    history = request.network.history
    if history is None or not len(history):
        raise CommandError(f"{request.path} holds no history of a training, so there are no curves to draw")
    figure, ax = new_figure(6.8, 4.6)
    learning_curves(history, ax=ax)
    return figure


def weights(request: Request) -> Figure:
    """Draw the incoming weights of the first layer's units as images."""
    from pellucid.insight.plots.weights import first_layer_images

    shape = image_shape(request.options.get("shape"))
    network, which = request.network, ""
    if request.model is not None:
        from pellucid.tables.pictures import first_weights

        network, joined = first_weights(request.model), request.network.layers[-1]
        which = f" of the first of {joined.members} members" if isinstance(joined, MeanOfMembers) else " of the network"
    figure, ax = new_figure(7.2, 6.4)
    first_layer_images(network, shape, ax=ax)
    if which:
        say(f"note: drawn is what the first layer{which} makes of the numbers as they are")
    return figure


def image_shape(words: str | None) -> tuple[int, int]:
    """Return the height and width that --shape says.

    Examples
    --------
    >>> image_shape("8x16")
    (8, 16)
    """
    if words is None:
        raise UsageError("weights needs --shape, the height and width of the image that comes in, as in --shape 8x8")
    sides = words.lower().split("x")
    if len(sides) != 2 or not all(side.isascii() and side.isdigit() and int(side) for side in sides):
        raise UsageError(f"--shape takes height x width, as in --shape 8x8, found {words!r}")
    return int(sides[0]), int(sides[1])


# ---- on the rows of a table -----------------------------------------------------------------------------------------


def activations(request: Request) -> Figure:
    """Draw how the values that leave each layer are distributed."""
    from pellucid.insight.plots.distributions import activation_histograms
    from pellucid.insight.tracing import trace
    from pellucid.tables.pictures import standardised

    X = standardised(request.table_model, request.frame, source=request.source)
    seen = trace(request.network, X[chosen(request, len(X), MOST_ROWS)])
    figure, ax = new_figure(7.4, _height(seen))
    activation_histograms(seen, ax=ax)
    return figure


def gradients(request: Request) -> Figure:
    """Draw how large the gradients in each layer are."""
    from pellucid.insight.plots.distributions import gradient_histograms
    from pellucid.insight.tracing import trace

    X, y = learnt_rows(request, MOST_ROWS)
    seen = trace(request.network, X, y)
    figure, ax = new_figure(7.4, _height(seen))
    gradient_histograms(seen, ax=ax)
    return figure


def landscape(request: Request) -> Figure:
    """Draw the loss in a slice through the parameters."""
    from pellucid.insight.landscape import loss_landscape
    from pellucid.insight.plots.landscape import loss_contours

    X, y = learnt_rows(request, MOST_ROWS)
    figure, ax = new_figure(7.2, 5.4)
    loss_contours(loss_landscape(request.network, X, y, at_most=len(X)), ax=ax)
    return figure


def gradcheck(request: Request) -> Figure:
    """Draw the proof that the gradients are right."""
    from pellucid.gradient_check import check_gradients
    from pellucid.insight.plots.gradient_report import gradient_check

    X, y = learnt_rows(request, ROWS_TO_CHECK)
    report = check_gradients(request.network, X, y)
    figure, ax = new_figure(7.6, min(1.9 + 0.27 * len(report.rows), 30.0))
    gradient_check(report, ax=ax)
    return figure


def learnt_rows(request: Request, most: int) -> tuple[Array, Array]:
    """Return rows and target as the network sees them: those asked for, or at most so many."""
    from pellucid.tables.pictures import as_learnt

    X, y = as_learnt(request.table_model, request.frame, source=request.source)
    rows = chosen(request, len(X), most)
    return X[rows], y[rows]


def chosen(request: Request, rows: int, most: int) -> Array:
    """Return which rows of the table are used: as many as asked for, chosen at random, but always the same."""
    wanted = request.options.get("rows")
    if wanted is not None and wanted < 1:
        raise UsageError(f"--rows must be at least 1, found {wanted}")
    if wanted is not None and wanted > rows:
        raise UsageError(f"--rows asks for {wanted:,}, and {request.table} has {rows:,}")
    count = min(rows, most) if wanted is None else wanted
    if count < rows:
        say(f"note: {count:,} of the {rows:,} rows were used, chosen at random" + ("" if wanted else " (see --rows)"))
    return sampled(np.arange(rows), count)


def _height(seen: Trace) -> float:
    """Return the height of a picture with one row a layer, in inches."""
    rows = sum(not isinstance(layer.layer, Chain) for layer in seen.everything())
    return min(max(1.5 + 0.5 * rows, 2.6), 36.0)
