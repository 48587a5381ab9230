"""Pictures, drawn with Matplotlib (extra ``plot``).

Every function takes what it draws, then options by name, ``ax`` among them, and returns the axes (a film is returned
as Matplotlib's animation). None of them shows a window or changes Matplotlib's settings.
"""

from pellucid.insight.plots.animation import animate_boundary, animate_diagram, save_animation
from pellucid.insight.plots.boundary import decision_boundary, probability_surface, regression_surface
from pellucid.insight.plots.curves import learning_curves
from pellucid.insight.plots.dependence import dependence_curves
from pellucid.insight.plots.diagram import network_diagram
from pellucid.insight.plots.distributions import (
    activation_histograms,
    activations_over_epochs,
    gradient_histograms,
    gradients_over_epochs,
)
from pellucid.insight.plots.gradient_report import gradient_check
from pellucid.insight.plots.landscape import loss_contours
from pellucid.insight.plots.rate_range import learning_rate_curve
from pellucid.insight.plots.results import calibration, confusion_matrix, residuals
from pellucid.insight.plots.weights import first_layer_images

__all__ = [
    "activation_histograms",
    "activations_over_epochs",
    "animate_boundary",
    "animate_diagram",
    "calibration",
    "confusion_matrix",
    "decision_boundary",
    "dependence_curves",
    "first_layer_images",
    "gradient_check",
    "gradient_histograms",
    "gradients_over_epochs",
    "learning_curves",
    "learning_rate_curve",
    "loss_contours",
    "network_diagram",
    "probability_surface",
    "regression_surface",
    "residuals",
    "save_animation",
]
