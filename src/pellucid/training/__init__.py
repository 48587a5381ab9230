"""Training: batches, the loop (a generator of reports), callbacks and history."""

from pellucid.training.asked import TrainingInterrupted
from pellucid.training.averages import ExponentialMovingAverage, StochasticWeightAverage
from pellucid.training.callbacks import Callback, EarlyStopping, Progress, ReduceOnPlateau
from pellucid.training.checkpoint import Checkpoint, CheckpointWarning
from pellucid.training.history import History, Report
from pellucid.training.lbfgs import LBFGS
from pellucid.training.logs import CSVLog
from pellucid.training.loop import TrainingWarning, fit, run
from pellucid.training.mixup import Mixup
from pellucid.training.step import Plan
from pellucid.training.tracking import MLflowLog, TensorBoardLog

__all__ = [
    "LBFGS",
    "CSVLog",
    "Callback",
    "Checkpoint",
    "CheckpointWarning",
    "EarlyStopping",
    "ExponentialMovingAverage",
    "History",
    "MLflowLog",
    "Mixup",
    "Plan",
    "Progress",
    "ReduceOnPlateau",
    "Report",
    "StochasticWeightAverage",
    "TensorBoardLog",
    "TrainingInterrupted",
    "TrainingWarning",
    "fit",
    "run",
]
