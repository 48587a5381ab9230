"""What watches networks and never changes them: traces, explanations, diagnosis, pictures."""

from pellucid.insight.recording import LayerRecord, LossRecord, UpdateRecord
from pellucid.insight.tracing import Trace, trace

__all__ = ["LayerRecord", "LossRecord", "Trace", "UpdateRecord", "trace"]
