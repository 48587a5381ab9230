"""How good are predictions? Figures for classes, probabilities and numbers, on NumPy alone.

Every function takes the truth first, then the predictions, and ``sample_weight`` by keyword: one weight a row, such
that a row of weight 2 counts as the same row given twice. Nothing is broadcast: lengths that differ are an error.
Sums are taken in float64 whatever the input's type. The agreement with scikit-learn is tested figure by figure; where
a definition leaves a choice (division by zero, ties), the docstring says which one is made.
"""

from pellucid.metrics.classes import accuracy, balanced_accuracy, confusion_matrix, f1
from pellucid.metrics.numbers import mae, mean_poisson_deviance, pinball, r2, rmse
from pellucid.metrics.probabilities import brier, calibration_error, log_loss, roc_auc

__all__ = [
    "accuracy",
    "balanced_accuracy",
    "brier",
    "calibration_error",
    "confusion_matrix",
    "f1",
    "log_loss",
    "mae",
    "mean_poisson_deviance",
    "pinball",
    "r2",
    "rmse",
    "roc_auc",
]
