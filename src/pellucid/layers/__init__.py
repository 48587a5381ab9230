"""The layers: one a file, each with its forward pass directly above its backward pass."""

from pellucid.layers.dense import Dense
from pellucid.layers.elu import ELU
from pellucid.layers.gelu import GELU
from pellucid.layers.hard_sigmoid import HardSigmoid
from pellucid.layers.hard_swish import HardSwish
from pellucid.layers.identity import Identity
from pellucid.layers.layer import EVALUATION, Context, Layer, Parameter
from pellucid.layers.leaky_relu import LeakyReLU
from pellucid.layers.mish import Mish
from pellucid.layers.relu import ReLU
from pellucid.layers.selu import SELU
from pellucid.layers.sigmoid import Sigmoid
from pellucid.layers.silu import SiLU
from pellucid.layers.softmax import Softmax
from pellucid.layers.softplus import Softplus
from pellucid.layers.softsign import Softsign
from pellucid.layers.tanh import Tanh

LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        Dense,
        Sigmoid,
        Tanh,
        ReLU,
        LeakyReLU,
        ELU,
        SELU,
        GELU,
        SiLU,
        Mish,
        Softplus,
        Softsign,
        HardSigmoid,
        HardSwish,
        Identity,
        Softmax,
    )
}
"""Every layer by its name: what a model file may name, and what the shared checks run over."""

__all__ = [
    "ELU",
    "EVALUATION",
    "GELU",
    "LAYERS",
    "SELU",
    "Context",
    "Dense",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "Layer",
    "LeakyReLU",
    "Mish",
    "Parameter",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
]
