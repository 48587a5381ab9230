"""Training: batches, the loop (a generator of reports), callbacks and history."""

from pellucid.training.callbacks import Callback, EarlyStopping, Progress, ReduceOnPlateau
from pellucid.training.history import History, Report
from pellucid.training.lbfgs import LBFGS
from pellucid.training.loop import TrainingWarning, fit, run
from pellucid.training.step import Plan

__all__ = [
    "LBFGS",
    "Callback",
    "EarlyStopping",
    "History",
    "Plan",
    "Progress",
    "ReduceOnPlateau",
    "Report",
    "TrainingWarning",
    "fit",
    "run",
]
