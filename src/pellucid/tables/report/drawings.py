"""The pictures of a report, as SVG within the page, each with its words."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.extras import require
from pellucid.insight.plots.curves import learning_curves
from pellucid.insight.plots.results import calibration, confusion_figsize, confusion_matrix, residuals
from pellucid.insight.plots.style import PALETTE, matplotlib
from pellucid.tables.evaluation import Rows
from pellucid.tables.importance import Importance
from pellucid.tables.model import TableModel
from pellucid.tables.pictures import class_names
from pellucid.tables.scaler import Numbers
from pellucid.tables.wording import text
from pellucid.training import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CLASSES = 20
MOST_BARS = 25
MOST_DRAWN = 5_000
"""Rows each drawn by itself; more are drawn as an image, or the page would hold megabytes of them."""


@dataclass(frozen=True)
class Drawing:
    """A picture: its address, which holds all of it, and what it shows in words, for those who do not see it."""

    address: str
    words: str


def curves(history: History) -> Drawing:
    """Draw the losses of the training."""
    figure, ax = _figure(7.0, 4.2)
    learning_curves(history, ax=ax)
    words = f"The training loss went from {history['loss'][0]:.4g} to {history['loss'][-1]:.4g}"
    if "validation_loss" in history:
        best = "" if history.best_epoch is None else f", at its lowest in epoch {history.best_epoch}"
        first, last = history["validation_loss"][0], history["validation_loss"][-1]
        words += f", that of the rows held out from {first:.4g} to {last:.4g}{best}"
    return _drawn(figure, f"{words}.")


def confused(model: TableModel, codes: Rows, predicted: Rows) -> Drawing | None:
    """Draw which classes are mistaken for which; None for a great many classes."""
    names = [text(name) for name in class_names(model)]
    if len(names) > MOST_CLASSES:
        return None
    figure, ax = _figure(*confusion_figsize(len(names)))
    confusion_matrix(codes, predicted, classes=names, ax=ax)
    right = int((codes == predicted).sum())
    return _drawn(figure, f"{right:,} of {len(codes):,} rows were predicted right; the table below has the counts.")


def calibrated(model: TableModel, codes: Rows, chances: Numbers) -> Drawing:
    """Draw whether probabilities keep their word."""
    figure, ax = _figure(5.8, 4.8)
    two = chances.shape[1] == 2
    calibration(codes, chances[:, 1] if two else chances, ax=ax)
    if two:
        name = text(class_names(model)[1])
        ax.set_xlabel(f"predicted probability of {name}")
        ax.set_ylabel(f"share of rows that are {name}")
    what = f"the rows that are {class_names(model)[1]}" if two else "the predictions that are right"
    return _drawn(figure, f"For predictions of like probability, the share of {what}; on the diagonal both agree.")


def off(model: TableModel, y: Numbers, predicted: Numbers) -> Drawing:
    """Draw how far numbers are off."""
    figure, ax = _figure(6.8, 4.4)
    residuals(y, predicted, ax=ax)
    name = text(model.target)
    ax.set_xlabel(f"predicted {name}")
    ax.set_ylabel(f"true - predicted {name}")
    half = float(np.median(np.abs(y - predicted)))
    return _drawn(figure, f"What each prediction is off by; half of them are off by less than {half:.4g}.")


def beside(model: TableModel, y: Numbers, predicted: Numbers) -> Drawing:
    """Draw true values beside predicted ones."""
    figure, ax = _figure(5.6, 5.0)
    look: dict[str, Any] = {"color": PALETTE[0], "alpha": 0.5, "edgecolors": "none", "label": "rows"}
    ax.scatter(predicted, y, s=14, rasterized=len(y) > MOST_DRAWN, **look)
    both = [float(min(y.min(), predicted.min())), float(max(y.max(), predicted.max()))]
    ax.plot(both, both, color="black", linestyle="--", linewidth=1, label="predicted exactly")
    name = text(model.target)
    ax.set_xlabel(f"predicted {name}")
    ax.set_ylabel(f"true {name}")
    ax.legend()
    near = float(np.corrcoef(y, predicted)[0, 1]) if y.std() > 0 and predicted.std() > 0 else float("nan")
    return _drawn(figure, f"Each row's true value above its prediction; their correlation is {near:.3f}.")


def bars(found: Sequence[Importance]) -> Drawing:
    """Draw the importance of the first columns, with the standard deviation over the shuffles."""
    shown = found[:MOST_BARS]
    figure, ax = _figure(7.0, 1.2 + 0.3 * len(shown))
    places = np.arange(len(shown))[::-1]
    ax.barh(places, [one.mean for one in shown], xerr=[one.std for one in shown], color=PALETTE[0], capsize=3)
    ax.set_yticks(places, [text(one.column) for one in shown])
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_xlabel(f"{shown[0].figure} grows by, if the column is shuffled")
    first = ", ".join(f"{one.column} {one.mean:.3g}" for one in shown[:3])
    return _drawn(figure, f"The most important columns: {first}. The table below has all figures.")


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure: Figure = matplotlib("figure").Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _drawn(figure: Figure, words: str) -> Drawing:
    # As an image by itself: the names within one picture must not meet those of another, or be followed as links.
    stream = io.BytesIO()
    with require("matplotlib", "report", purpose="reports").rc_context({"svg.hashsalt": "pellucid"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return Drawing(f"data:image/svg+xml;base64,{base64.b64encode(stream.getvalue()).decode()}", words)
