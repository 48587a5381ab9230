"""How activations and gradients are distributed: through the depth of the network, and over the epochs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.plots.points import put_title
from pellucid.insight.plots.style import GREY, PALETTE, matplotlib, new_axes
from pellucid.insight.recorder import Recorder
from pellucid.insight.records import LayerRecord
from pellucid.insight.tracing import Trace, trace
from pellucid.layers.chain import Chain
from pellucid.losses import Loss

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPREADS_OF_LOG_SCALE = 100.0
MOST_DECADES = 6  # below the widest spread the scale is linear, however narrow the narrowest
BINS = 60
RIDGE_HEIGHT = 0.8  # of the distance between two
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
COLUMNS = (("mean", 46), ("std", 96), ("zeros", 138))
"""The figures to the right of the axes, and where they end, in points."""


def activation_histograms(trace: Trace, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how each layer's outputs are distributed, one ridge a layer, the first layer on top.

    On the right stand their mean, standard deviation and share of exact zeros. The ridges leave exact zeros out, which
    would hide all else behind a ReLU, and are equally high. The scale is logarithmic on both sides of 0 where one
    layer's standard deviation is over 100 times another's.

    Parameters
    ----------
    trace : Trace
        Of a prediction or of a training step.
    ax : matplotlib axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    TypeError
        If something else than a Trace is given.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense, Network, Tanh
    >>> from pellucid.insight import trace
    >>> seen = trace(Network(2, [Dense(3), Tanh(), Dense(1)], seed=0), [[0.0, 1.0], [2.0, 3.0]])
    >>> ax = activation_histograms(seen, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['dense_1', 'tanh_1', 'dense_2']

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
    2010, section 3.
    """
    _checked_trace(trace)
    values = {layer.name: layer.y for layer in _told(trace)}
    return _ridges(values, "Activations by layer", "output of the layer", len(trace.x), ax)


def gradient_histograms(trace: Trace, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how the gradient that arrives at each layer is distributed, one ridge a layer, the first layer on top.

    It is the gradient of the loss with respect to the layer's output. Layers that it does not reach, below the lowest
    that learns, are left out. All else is as in :func:`activation_histograms`.

    Parameters
    ----------
    trace : Trace
        Of a training step: ``trace(network, X, y)``.
    ax : matplotlib axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    TypeError
        If something else than a Trace is given.
    ValueError
        If it is the trace of a prediction, or no layer learns.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense, Network, Tanh
    >>> from pellucid.insight import trace
    >>> network = Network(2, [Tanh(), Dense(3), Tanh(), Dense(1)], seed=0)
    >>> seen = trace(network, [[0.0, 1.0], [2.0, 3.0]], [0.0, 1.0], loss="squared_error")
    >>> ax = gradient_histograms(seen, ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['dense_1', 'tanh_2', 'dense_2']

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
    2010, section 4.
    """
    _checked_trace(trace)
    values = {layer.name: layer.dy for layer in _told(trace) if layer.dy is not None}
    if not values:
        why = "it is of a prediction: give trace the targets, trace(network, X, y)" if trace.loss is None else (
            "no layer of its network learns: unfreeze one"
        )  # fmt: skip
        raise ValueError(f"this trace has no gradients, as {why}")
    return _ridges(values, "Gradients by layer", "gradient of the loss by the layer's output", len(trace.x), ax)


def activations_over_epochs(
    recorder: Recorder, X: Any, layer: str, *, member: int = 0, ax: "Axes | None" = None
) -> "Axes":
    """Draw how the outputs of one layer were distributed at each recorded epoch: median and quantile bands.

    Parameters
    ----------
    recorder : Recorder
        That watched the training.
    X : array [N, inputs]
        The records to send through the network as it was.
    layer : str
        The layer's name, such as ``"tanh_1"``, or within a block ``"residual_1.tanh_1"``.
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
        If there is no such layer, or an argument is not usable.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense, Network, SGD
    >>> network = Network(1, [Dense(1, bias=False)], seed=0)
    >>> network.theta = [2.0]
    >>> recorder, X, y = Recorder(network), [[1.0], [2.0]], [0.0, 0.0]
    >>> history = network.fit(X, y, loss="squared_error", optimizer=SGD(0.1), epochs=1, callbacks=[recorder])
    >>> ax = activations_over_epochs(recorder, X, "dense_1", ax=Figure().subplots())
    >>> ax.lines[0].get_ydata()
    array([3. , 1.5])
    """
    _checked_recorder(recorder)
    values = [_record_of(trace(recorder.network_at(i), X, member=member), layer).y for i in range(len(recorder))]
    return _bands(recorder.epochs, values, f"Activations of {layer}", f"output of {layer}", ax)


def gradients_over_epochs(
    recorder: Recorder,
    X: Any,
    y: Any,
    layer: str,
    *,
    loss: Loss | str | None = None,
    member: int = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw how the gradient arriving at one layer was distributed at each recorded epoch: median and quantile bands.

    It is the gradient of the loss on these records, with respect to the layer's output.

    Parameters
    ----------
    y : array [N] or [N, outputs]
        The targets.
    loss : Loss or its short name, optional
        By default that of the last training.
    recorder, X, layer, member, ax
        As for :func:`activations_over_epochs`.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ValueError, TypeError
        If there is no such layer, no gradient arrives at it, or an argument is not usable.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense, Network, SGD
    >>> network = Network(1, [Dense(1, bias=False)], seed=0)
    >>> network.theta = [2.0]
    >>> recorder, X, y = Recorder(network), [[1.0], [2.0]], [0.0, 0.0]
    >>> history = network.fit(X, y, loss="squared_error", optimizer=SGD(0.1), epochs=1, callbacks=[recorder])
    >>> ax = gradients_over_epochs(recorder, X, y, "dense_1", ax=Figure().subplots())
    >>> ax.lines[0].get_ydata()
    array([3. , 1.5])
    """
    _checked_recorder(recorder)
    values = []
    for index in range(len(recorder)):
        arriving = _record_of(trace(recorder.network_at(index), X, y, loss=loss, member=member), layer).dy
        if arriving is None:
            raise ValueError(f"no gradient arrives at {layer}: neither it nor a layer before it learns")
        values.append(arriving)
    return _bands(
        recorder.epochs, values, f"Gradients at {layer}", f"gradient of the loss by the output of {layer}", ax
    )


def _checked_trace(seen: Any) -> None:
    if not isinstance(seen, Trace):
        raise TypeError(f"trace must be a Trace, as trace(network, X) returns it, found a {type(seen).__name__}")


def _told(seen: Trace) -> list[LayerRecord]:
    """Return the layers to draw, those within blocks among them; a chain gives what its last layer gives."""
    return [layer for layer in seen.everything() if not isinstance(layer.layer, Chain)]


def _checked_recorder(recorder: Any) -> None:
    if not isinstance(recorder, Recorder):
        raise TypeError(f"recorder must be a Recorder that watched a training, found a {type(recorder).__name__}")


def _record_of(seen: Trace, layer: str) -> LayerRecord:
    """Return what the layer with this name did."""
    found = {one.name: one for one in seen.everything()}
    if layer not in found:
        raise ValueError(f"there is no layer {layer!r}; the layers are {', '.join(found)}")
    return found[layer]


def _ridges(values: dict[str, Array], title: str, quantity: str, records: int, ax: "Axes | None") -> "Axes":
    """Draw one ridge for each named array, the first on top, and its figures on the right."""
    count = len(values)
    ax = new_axes(ax, figsize=(7.4, float(np.clip(1.5 + 0.5 * count, 2.6, 18.0))))
    finite = [array[np.isfinite(array)].astype(np.float64) for array in values.values()]
    edge = linear_part([float(array.std()) for array in finite if len(array)])
    if edge:
        ax.set_xscale("symlog", linthresh=edge)
        ax.xaxis.set_major_locator(_decades(edge, max(float(np.abs(array).max(initial=edge)) for array in finite)))
    fontsize = "small" if count <= 30 else "x-small"
    for place, (array, kept) in enumerate(zip(values.values(), finite, strict=True)):
        _ridge(ax, kept[kept != 0], -place)
        ax.plot([0, 1], [-place, -place], color=GREY, linewidth=0.6, transform=ax.get_yaxis_transform(), zorder=1)
        for text, (_, right) in zip(_figures(array, kept), COLUMNS, strict=True):
            _beside(ax, text, -place, right, fontsize)
    for name, right in COLUMNS:
        _beside(ax, name, 0.95, right, fontsize)
    ax.axvline(0, color=GREY, linestyle=":", linewidth=1, zorder=1)
    ax.set_ylim(0.35 - count, 1.25)
    ax.set_yticks(-np.arange(count), list(values), fontsize=fontsize)
    ax.tick_params(axis="y", length=0)
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.set_xlabel(quantity)
    bad = sum(array.size - len(kept) for array, kept in zip(values.values(), finite, strict=True))
    parts = [f"{records:,} record{'s' * (records > 1)}", "ridges without exact zeros, each to its own height"]
    parts += [f"{bad:,} values are not finite and left out"] if bad else []
    put_title(ax, title, "; ".join(parts))
    return ax


def _ridge(ax: "Axes", values: Array, base: float) -> None:
    """Draw the histogram of these values as a filled outline that stands on ``base``."""
    if not len(values):
        return
    scale = ax.xaxis.get_transform()
    placed = scale.transform(values)  # bins are equally wide in the picture
    low, high = placed.min(), placed.max()
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        ax.vlines(float(values[0]), base, base + RIDGE_HEIGHT, color=PALETTE[0], linewidth=2, zorder=2)
        return
    counts, edges = np.histogram(placed, bins=int(np.clip(len(values) ** 0.5, 5, BINS)), range=(low, high))
    heights = base + RIDGE_HEIGHT * counts / counts.max()
    ax.stairs(heights, scale.inverted().transform(edges), baseline=base, fill=True, color=PALETTE[5], zorder=2)
    ax.stairs(heights, scale.inverted().transform(edges), baseline=base, color=PALETTE[0], linewidth=1, zorder=3)


def _figures(array: Array, finite: Array) -> tuple[str, str, str]:
    """Return mean, standard deviation and share of exact zeros as text.

    Examples
    --------
    >>> _figures(np.array([0.0, 2.0]), np.array([0.0, 2.0]))
    ('1', '1', '50 %')
    """
    if not len(finite):
        return "none", "finite", ""
    return f"{finite.mean():.3g}", f"{finite.std():.3g}", f"{100 * np.mean(array == 0):.3g} %"


def _beside(ax: "Axes", text: str, height: float, right: float, fontsize: str) -> None:
    """Write to the right of the axes, so that the text ends so many points from them."""
    ax.annotate(
        text,
        (1, height),
        (right, 0),
        xycoords=ax.get_yaxis_transform(),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=fontsize,
        color="black" if height <= 0 else GREY,
        annotation_clip=False,
    )


def linear_part(spreads: Sequence[float]) -> float:
    """Return up to where a scale should be linear around 0, or 0.0 where all of it should be.

    Examples
    --------
    >>> linear_part([1.0, 50.0]), linear_part([0.0, 1.0, 500.0]), linear_part([1e-9, 1.0])
    (0.0, 1.0, 1e-06)
    """
    positive = [spread for spread in spreads if 0 < spread < np.inf]
    if not positive or max(positive) <= SPREADS_OF_LOG_SCALE * min(positive):
        return 0.0
    return max(min(positive), float(max(positive) / 10**MOST_DECADES))


def _decades(edge: float, largest: float) -> Any:
    """Return what places ticks at 0 and at a few powers of ten on both sides, on a scale that is linear up to ``edge``.

    Those next to 0 are left out: their labels would lie on each other.

    Examples
    --------
    >>> _decades(1e-3, 500.0)()
    array([-1.e+02, -1.e+00, -1.e-02,  0.e+00,  1.e-02,  1.e+00,  1.e+02])
    """
    first, last = int(np.floor(np.log10(edge))) + 1, int(np.floor(np.log10(largest)))
    powers = 10.0 ** np.arange(last, first - 1, -max(1, -(-(last - first + 1) // 3)))
    return matplotlib("ticker").FixedLocator(np.sort(np.concatenate([-powers, [0.0], powers])))


def _bands(epochs: Array, values: Sequence[Array], title: str, quantity: str, ax: "Axes | None") -> "Axes":
    """Draw the quantiles of each array against its epoch."""
    with np.errstate(invalid="ignore"):  # values that are not finite leave a gap
        found = np.array([np.quantile(array, QUANTILES) for array in values])  # [T,5]
    lowest, low, median, high, highest = found.T
    ax = new_axes(ax)
    edge = linear_part(list(highest - lowest))
    if edge:
        ax.set_yscale("symlog", linthresh=edge)
        ax.yaxis.set_major_locator(_decades(edge, float(np.nanmax(np.abs(found)))))
    if len(epochs) == 1:
        ax.vlines(epochs, lowest, highest, color=PALETTE[5], linewidth=3, label="5 to 95 %")
        ax.vlines(epochs, low, high, color=PALETTE[0], linewidth=7, label="25 to 75 %")
        ax.set_xticks(epochs)
    else:
        ax.fill_between(epochs, lowest, highest, color=PALETTE[5], alpha=0.35, linewidth=0, label="5 to 95 %")
        ax.fill_between(epochs, low, high, color=PALETTE[0], alpha=0.45, linewidth=0, label="25 to 75 %")
        ax.xaxis.set_major_locator(matplotlib("ticker").MaxNLocator(integer=True))
    marker = "o" if len(epochs) < 15 else None
    ax.plot(epochs, median, color="black", marker=marker, markersize=4, linewidth=1.5, label="median")
    ax.axhline(0, color=GREY, linestyle=":", linewidth=1, zorder=1)
    ax.set_xlabel("epoch")
    ax.set_ylabel(quantity)
    size = values[0].size
    put_title(ax, title, f"{size:,} value{'s' * (size > 1)} at each of {len(epochs):,} epochs; 0 is the start")
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], labels[::-1], fontsize="small")
    return ax
