"""Networks and table models as ONNX files, for ONNX Runtime and whatever else reads them."""

from pellucid.exchange.onnx.export import export_onnx

__all__ = ["export_onnx"]
