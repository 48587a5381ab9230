"""Models that travel: to ONNX, to and from PyTorch and Keras, from scikit-learn."""

from pellucid.exchange.keras import keras_weights, load_keras_weights
from pellucid.exchange.onnx import export_onnx
from pellucid.exchange.sklearn import from_sklearn
from pellucid.exchange.torch import load_torch_weights, torch_weights

__all__ = [
    "export_onnx",
    "from_sklearn",
    "keras_weights",
    "load_keras_weights",
    "load_torch_weights",
    "torch_weights",
]
