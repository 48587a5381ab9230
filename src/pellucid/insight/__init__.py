"""What watches networks and never changes them: traces, explanations, diagnosis, pictures."""

from pellucid.insight.attribution import Attribution, LogOdds, input_gradient, integrated_gradients
from pellucid.insight.checks.finding import Finding
from pellucid.insight.diagnosis import Diagnosis, diagnose
from pellucid.insight.nearest import Flip, nearest_flips
from pellucid.insight.rate_range import RateRange, learning_rate_range
from pellucid.insight.recording import LayerRecord, LossRecord, UpdateRecord
from pellucid.insight.tracing import Trace, trace

__all__ = [
    "Attribution",
    "Diagnosis",
    "Finding",
    "Flip",
    "LayerRecord",
    "LogOdds",
    "LossRecord",
    "RateRange",
    "Trace",
    "UpdateRecord",
    "diagnose",
    "input_gradient",
    "integrated_gradients",
    "learning_rate_range",
    "nearest_flips",
    "trace",
]
