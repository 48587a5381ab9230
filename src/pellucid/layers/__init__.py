"""The layers: one a file, each with its forward pass directly above its backward pass."""

from pellucid.layers.alpha_dropout import AlphaDropout
from pellucid.layers.average_pool2d import AveragePool2D
from pellucid.layers.batch_norm import BatchNorm
from pellucid.layers.chain import Chain
from pellucid.layers.conv2d import Conv2D
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout
from pellucid.layers.elu import ELU
from pellucid.layers.embedding import Embedding
from pellucid.layers.flatten import Flatten
from pellucid.layers.gaussian_noise import GaussianNoise
from pellucid.layers.gelu import GELU
from pellucid.layers.hard_sigmoid import HardSigmoid
from pellucid.layers.hard_swish import HardSwish
from pellucid.layers.identity import Identity
from pellucid.layers.layer import EVALUATION, Context, Layer, Parameter
from pellucid.layers.layer_norm import LayerNorm
from pellucid.layers.leaky_relu import LeakyReLU
from pellucid.layers.max_pool2d import MaxPool2D
from pellucid.layers.mean_of_members import MeanOfMembers
from pellucid.layers.mish import Mish
from pellucid.layers.one_hot import OneHot
from pellucid.layers.parallel import Parallel
from pellucid.layers.piecewise_linear import PiecewiseLinear
from pellucid.layers.prelu import PReLU
from pellucid.layers.relu import ReLU
from pellucid.layers.reshape import Reshape
from pellucid.layers.residual import Residual
from pellucid.layers.rms_norm import RMSNorm
from pellucid.layers.select import Select
from pellucid.layers.selu import SELU
from pellucid.layers.sigmoid import Sigmoid
from pellucid.layers.silu import SiLU
from pellucid.layers.soft_clip import SoftClip
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
        AlphaDropout,
        BatchNorm,
        Dropout,
        Embedding,
        Flatten,
        GaussianNoise,
        LayerNorm,
        PReLU,
        Reshape,
        RMSNorm,
        Select,
        SoftClip,
        PiecewiseLinear,
        OneHot,
        MeanOfMembers,
        Conv2D,
        MaxPool2D,
        AveragePool2D,
        Chain,
        Residual,
        Parallel,
    )
}
"""Every layer by its name: what a model file may name, and what the shared checks run over."""

__all__ = [
    "ELU",
    "EVALUATION",
    "GELU",
    "LAYERS",
    "SELU",
    "AlphaDropout",
    "AveragePool2D",
    "BatchNorm",
    "Chain",
    "Context",
    "Conv2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "MaxPool2D",
    "MeanOfMembers",
    "Mish",
    "OneHot",
    "PReLU",
    "Parallel",
    "Parameter",
    "PiecewiseLinear",
    "RMSNorm",
    "ReLU",
    "Reshape",
    "Residual",
    "Select",
    "SiLU",
    "Sigmoid",
    "SoftClip",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
]
