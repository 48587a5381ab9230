"""What a model of a table is and how good it is, in words: for the screen and for reports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from pellucid.layers.chain import Chain
from pellucid.layers.dense import Dense
from pellucid.layers.embedding import Embedding
from pellucid.layers.flatten import Flatten
from pellucid.layers.layer import Layer
from pellucid.layers.mean_of_members import MeanOfMembers
from pellucid.layers.one_hot import OneHot
from pellucid.layers.parallel import Parallel
from pellucid.layers.piecewise_linear import PiecewiseLinear
from pellucid.layers.select import Select
from pellucid.layers.soft_clip import SoftClip
from pellucid.network import Network
from pellucid.tables.encoding import Encoder
from pellucid.tables.model import TableModel
from pellucid.tables.wording import shown

BEST = {
    "accuracy": "larger is better",
    "log-loss": "smaller is better",
    "AUC": "1 is best",
    "F1": "1 is best",
    "calibration error": "0 is best",
    "RMSE": "smaller is better",
    "MAE": "smaller is better",
    "R2": "1 is best",
    "deviance": "smaller is better",
    "pinball loss": "smaller is better",
}
UNTOLD = (Select, SoftClip, PiecewiseLinear, OneHot, Flatten)
IN_PERCENT = ("accuracy", "within")
IN_UNITS = ("RMSE", "MAE", "pinball loss")


def describe_target(model: TableModel) -> str:
    """Return the target in one line."""
    name, classes = shown(model.target), model.classes_
    if not classes:
        summary, target = model.learnt.summary, model.learnt.target
        low, mean, high = (shown(float(summary[figure][0])) for figure in ("low", "mean", "high"))
        kind = f"quantiles {', '.join(f'{one:g}' for one in target.quantiles)}" if target.quantiles else model.kind
        return f"{name}, {kind}: {low} to {high}, {mean} on average"
    if model.kind == "binary":
        return f"{name}, binary: {shown(classes[0])} or {shown(classes[1])}"
    listed = ", ".join(map(shown, classes[:6])) + (", ..." if len(classes) > 6 else "")
    other = "" if isinstance(classes[0], str) or model.asked_kind else " (if it is a quantity, add --kind numeric)"
    return f"{name}, {len(classes)} classes: {listed}{other}"


def describe_network(network: Network) -> str:
    """Return a network in one line; one that joins several, by what each of them is.

    Examples
    --------
    >>> from pellucid import Dense, Network, ReLU
    >>> describe_network(Network(8, [Dense(64), ReLU(), Dense(1)], seed=0))
    '8 inputs, 64 ReLU, 1 output; 641 parameters'
    """
    layers, members = network.layers, network.members or 1
    joined = layers[-1] if layers and isinstance(layers[-1], MeanOfMembers) else None
    if joined is not None:
        layers = layers[:-1]
    if joined is not None and joined.members > 1:
        several = layers[-1]
        members = joined.members
        layers = several.branches[:1] if isinstance(several, Parallel) else layers
    parts: list[str] = []
    for layer in _flat(layers):
        if isinstance(layer, Dense):
            parts.append(str(layer.units))
        elif isinstance(layer, Embedding):
            parts.append("vectors")
        elif not isinstance(layer, Select | SoftClip | PiecewiseLinear | OneHot | Flatten) and parts[-1:] != [
            "vectors"
        ]:
            parts = [*parts[:-1], f"{parts[-1]} {type(layer).__name__}"] if parts else [type(layer).__name__]
    inputs, outputs = (_shape(shape) for shape in (network.inputs, network.outputs))
    last = f"{outputs} output{'s' * (outputs != '1')}"
    if parts and parts[-1] == outputs:
        parts.pop()
    each = f"{inputs} input{'s' * (inputs != '1')}"
    parts = [each, *parts, last] if members == 1 else [each, f"{members} networks of {', '.join([*parts, last])}"]
    return f"{', '.join(parts)}; {network.theta.size:,} parameters"


def _flat(layers: Iterable[Layer]) -> list[Layer]:
    """Return layers in their order, those within others in their place."""
    found: list[Layer] = []
    for layer in layers:
        if isinstance(layer, Chain):
            found += _flat(layer.layers)
        elif isinstance(layer, Parallel):
            found += _flat(layer.branches)
        else:
            found.append(layer)
    return found


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def figure_text(name: str, value: float) -> str:
    """Return a figure as it is shown.

    Examples
    --------
    >>> figure_text("accuracy", 0.25), figure_text("RMSE", 12345.6), figure_text("R2", 0.5)
    ('25.0 %', '12,346', '0.5000')
    """
    if name in IN_PERCENT:
        return f"{100 * value:.1f} %"
    return shown(value) if name in IN_UNITS else f"{value:.4f}"


def what_is_best(model: TableModel, name: str) -> str:
    """Return which way a figure points."""
    if name == "within":
        quantiles = model.learnt.target.quantiles
        return f"{100 * (quantiles[-1] - quantiles[0]):.3g} % is aimed at"
    if name == "F1" and model.kind == "binary":
        return f"of {shown(model.classes_[1])}; {BEST[name]}"
    return BEST[name]


def describe_baseline(model: TableModel) -> str:
    """Return what someone guesses who never looked at the inputs."""
    summary = model.learnt.summary
    if model.classes_:
        largest = model.classes_[int(summary["shares"].argmax())]
        return f"always {shown(largest)}; for the log-loss, each class by its share"
    mean = f"always the mean of the rows learnt from, {shown(float(summary['mean'][0]))}"
    return mean + ("; for quantiles, theirs" if model.kind == "quantiles" else "")


def described(encoder: Encoder) -> list[dict[str, Any]]:
    """Return what is known of each column: its kind, range or levels, the share of gaps, its unit and notes."""
    found = []
    scaler = encoder.scaler
    for number, column in enumerate(encoder.columns):
        place = encoder.first_input(number)
        low, high = float(scaler.low[place]), float(scaler.high[place])
        one: dict[str, Any] = {"name": column.name, "kind": column.kind, "gaps": float(encoder.missing[place])}
        if column.kind == "number":
            one |= {"low": low, "high": high, "unit": column.written.unit if column.written else ""}
        elif column.kind == "date":  # the first thing told of it is the day
            one |= {"low": _day(low), "high": _day(high), "format": column.date_format}
        else:
            one["levels"] = list(column.levels)
        found.append(one | {"notes": list(column.notes)})
    return found


def _day(days: float) -> str:
    return str(np.datetime64("1970-01-01") + np.timedelta64(int(np.floor(days)), "D"))
