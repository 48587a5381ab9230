"""Pictures, drawn with Matplotlib (extra ``plot``).

Every function takes what it draws, then options by name, ``ax`` among them, and returns the axes. None of them shows
a window or changes Matplotlib's settings.
"""

from pellucid.insight.plots.boundary import decision_boundary, probability_surface, regression_surface
from pellucid.insight.plots.dependence import dependence_curves
from pellucid.insight.plots.diagram import network_diagram
from pellucid.insight.plots.rate_range import learning_rate_curve
from pellucid.insight.plots.results import calibration, confusion_matrix, residuals

__all__ = [
    "calibration",
    "confusion_matrix",
    "decision_boundary",
    "dependence_curves",
    "learning_rate_curve",
    "network_diagram",
    "probability_surface",
    "regression_surface",
    "residuals",
]
