"""Pellucid: neural networks you can see through, quick enough to use.

Every public name is loaded when it is first used, and NumPy with the first of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pellucid._version import __version__

if TYPE_CHECKING:
    from pellucid import insight as insight
    from pellucid import losses as losses
    from pellucid import metrics as metrics
    from pellucid import optimizers as optimizers
    from pellucid import schedules as schedules
    from pellucid import training as training
    from pellucid.errors import MissingExtraError, ModelFileError, PellucidError, TableError
    from pellucid.files import load
    from pellucid.gradient_check import GradientReport, check_gradients
    from pellucid.initializers import (
        Constant,
        GlorotNormal,
        GlorotUniform,
        HeNormal,
        HeUniform,
        Initializer,
        LecunNormal,
        Normal,
        Uniform,
        Zeros,
    )
    from pellucid.insight import Diagnosis, Finding, RateRange, Recorder, Trace, diagnose, learning_rate_range, trace
    from pellucid.layers import (
        ELU,
        GELU,
        SELU,
        Context,
        Dense,
        HardSigmoid,
        HardSwish,
        Identity,
        Layer,
        LeakyReLU,
        Mish,
        Parameter,
        ReLU,
        Sigmoid,
        SiLU,
        Softmax,
        Softplus,
        Softsign,
        Tanh,
    )
    from pellucid.losses import (
        AbsoluteError,
        BinaryCrossEntropyFromLogits,
        CrossEntropyFromLogits,
        GaussianNLL,
        Hinge,
        Huber,
        LogCosh,
        Loss,
        Poisson,
        Quantile,
        SquaredError,
    )
    from pellucid.network import Network
    from pellucid.optimizers import SGD, AdaGrad, Adam, AdamW, AMSGrad, Lion, NAdam, Optimizer, RMSprop
    from pellucid.penalties import Penalty
    from pellucid.schedules import (
        ConstantRate,
        CosineDecay,
        ExponentialDecay,
        InverseScaling,
        OneCycle,
        Schedule,
        StepDecay,
    )
    from pellucid.tables import TableModel
    from pellucid.training import (
        LBFGS,
        EarlyStopping,
        History,
        Progress,
        ReduceOnPlateau,
        Report,
        TrainingWarning,
    )

_ROOMS: dict[str, tuple[str, ...]] = {
    "errors": (
        "MissingExtraError",
        "ModelFileError",
        "PellucidError",
        "TableError",
    ),
    "files": ("load",),
    "gradient_check": (
        "GradientReport",
        "check_gradients",
    ),
    "initializers": (
        "Constant",
        "GlorotNormal",
        "GlorotUniform",
        "HeNormal",
        "HeUniform",
        "Initializer",
        "LecunNormal",
        "Normal",
        "Uniform",
        "Zeros",
    ),
    "insight": (
        "Diagnosis",
        "Finding",
        "RateRange",
        "Recorder",
        "Trace",
        "diagnose",
        "learning_rate_range",
        "trace",
    ),
    "layers": (
        "Context",
        "Dense",
        "ELU",
        "GELU",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "Layer",
        "LeakyReLU",
        "Mish",
        "Parameter",
        "ReLU",
        "SELU",
        "SiLU",
        "Sigmoid",
        "Softmax",
        "Softplus",
        "Softsign",
        "Tanh",
    ),
    "losses": (
        "AbsoluteError",
        "BinaryCrossEntropyFromLogits",
        "CrossEntropyFromLogits",
        "GaussianNLL",
        "Hinge",
        "Huber",
        "LogCosh",
        "Loss",
        "Poisson",
        "Quantile",
        "SquaredError",
    ),
    "network": ("Network",),
    "optimizers": (
        "AMSGrad",
        "AdaGrad",
        "Adam",
        "AdamW",
        "Lion",
        "NAdam",
        "Optimizer",
        "RMSprop",
        "SGD",
    ),
    "penalties": ("Penalty",),
    "schedules": (
        "ConstantRate",
        "CosineDecay",
        "ExponentialDecay",
        "InverseScaling",
        "OneCycle",
        "Schedule",
        "StepDecay",
    ),
    "tables": ("TableModel",),
    "training": (
        "EarlyStopping",
        "History",
        "LBFGS",
        "Progress",
        "ReduceOnPlateau",
        "Report",
        "TrainingWarning",
    ),
}
_PARTS = ("insight", "losses", "metrics", "optimizers", "schedules", "training")
"""Modules that may be reached as attributes, without an import of their own: ``pellucid.metrics.accuracy``."""

_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "ELU",
    "GELU",
    "LBFGS",
    "SELU",
    "SGD",
    "AMSGrad",
    "AbsoluteError",
    "AdaGrad",
    "Adam",
    "AdamW",
    "BinaryCrossEntropyFromLogits",
    "Constant",
    "ConstantRate",
    "Context",
    "CosineDecay",
    "CrossEntropyFromLogits",
    "Dense",
    "Diagnosis",
    "EarlyStopping",
    "ExponentialDecay",
    "Finding",
    "GaussianNLL",
    "GlorotNormal",
    "GlorotUniform",
    "GradientReport",
    "HardSigmoid",
    "HardSwish",
    "HeNormal",
    "HeUniform",
    "Hinge",
    "History",
    "Huber",
    "Identity",
    "Initializer",
    "InverseScaling",
    "Layer",
    "LeakyReLU",
    "LecunNormal",
    "Lion",
    "LogCosh",
    "Loss",
    "Mish",
    "MissingExtraError",
    "ModelFileError",
    "NAdam",
    "Network",
    "Normal",
    "OneCycle",
    "Optimizer",
    "Parameter",
    "PellucidError",
    "Penalty",
    "Poisson",
    "Progress",
    "Quantile",
    "RMSprop",
    "RateRange",
    "ReLU",
    "Recorder",
    "ReduceOnPlateau",
    "Report",
    "Schedule",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "SquaredError",
    "StepDecay",
    "TableError",
    "TableModel",
    "Tanh",
    "Trace",
    "TrainingWarning",
    "Uniform",
    "Zeros",
    "__version__",
    "check_gradients",
    "diagnose",
    "learning_rate_range",
    "load",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return import_module(f"pellucid.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'pellucid' has no attribute {name!r}")
    value = getattr(import_module(f"pellucid.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
