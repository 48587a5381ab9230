"""What watches networks and never changes them: traces, explanations, diagnosis, pictures."""

from pellucid.insight.attribution import Attribution, LogOdds, input_gradient, integrated_gradients
from pellucid.insight.checks.finding import Finding
from pellucid.insight.dependence import Dependence, partial_dependence
from pellucid.insight.diagnosis import Diagnosis, diagnose
from pellucid.insight.landscape import LossLandscape, loss_landscape
from pellucid.insight.nearest import Flip, nearest_flips
from pellucid.insight.rate_range import RateRange, learning_rate_range
from pellucid.insight.recorder import Recorder
from pellucid.insight.records import LayerRecord, LossRecord, UpdateRecord
from pellucid.insight.tracing import Trace, trace

__all__ = [
    "Attribution",
    "Dependence",
    "Diagnosis",
    "Finding",
    "Flip",
    "LayerRecord",
    "LogOdds",
    "LossLandscape",
    "LossRecord",
    "RateRange",
    "Recorder",
    "Trace",
    "UpdateRecord",
    "diagnose",
    "input_gradient",
    "integrated_gradients",
    "learning_rate_range",
    "loss_landscape",
    "nearest_flips",
    "partial_dependence",
    "trace",
]
