"""The pictures that ``pellucid plot`` knows: how each is drawn, what it needs, and which options are its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pellucid.cli import network_pictures, prediction_pictures
from pellucid.cli.picture_request import Request

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Kind:
    """A picture: how it is drawn, whether it needs a table, and which options are its own."""

    draw: Callable[[Request], Figure]
    needs_table: bool = True
    options: tuple[str, ...] = ()


TWO_COLUMNS = ("features", "hold", "marginalise")
KINDS: dict[str, Kind] = {
    "diagram": Kind(network_pictures.diagram, needs_table=False),
    "curves": Kind(network_pictures.curves, needs_table=False),
    "weights": Kind(network_pictures.weights, needs_table=False, options=("shape",)),
    "boundary": Kind(prediction_pictures.boundary, options=TWO_COLUMNS),
    "probability": Kind(prediction_pictures.probability, options=(*TWO_COLUMNS, "class")),
    "surface": Kind(prediction_pictures.surface, options=TWO_COLUMNS),
    "dependence": Kind(prediction_pictures.dependence, options=("column", "class")),
    "confusion": Kind(prediction_pictures.confusion, options=("normalise",)),
    "calibration": Kind(prediction_pictures.calibration),
    "residuals": Kind(prediction_pictures.residuals),
    "activations": Kind(network_pictures.activations, options=("rows",)),
    "gradients": Kind(network_pictures.gradients, options=("rows",)),
    "landscape": Kind(network_pictures.landscape, options=("rows",)),
    "gradcheck": Kind(network_pictures.gradcheck, options=("rows",)),
}
