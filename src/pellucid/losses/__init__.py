"""The losses: value, and gradient with respect to the network's output."""

from pellucid.losses.classification import BinaryCrossEntropyFromLogits, CrossEntropyFromLogits, Hinge
from pellucid.losses.loss import Loss, Reduction, reduce
from pellucid.losses.regression import (
    AbsoluteError,
    GaussianNLL,
    Huber,
    LogCosh,
    Poisson,
    Quantile,
    SquaredError,
)

LOSSES: dict[str, type[Loss]] = {
    loss.__name__: loss
    for loss in (
        SquaredError,
        AbsoluteError,
        Huber,
        LogCosh,
        Quantile,
        Poisson,
        GaussianNLL,
        BinaryCrossEntropyFromLogits,
        CrossEntropyFromLogits,
        Hinge,
    )
}
"""Every loss by its name: what a model file may name, and what the shared checks run over."""

SHORT_NAMES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "log_cosh": LogCosh,
    "quantile": Quantile,
    "poisson": Poisson,
    "gaussian_nll": GaussianNLL,
    "binary_cross_entropy_from_logits": BinaryCrossEntropyFromLogits,
    "cross_entropy_from_logits": CrossEntropyFromLogits,
    "hinge": Hinge,
}
"""What may be written in place of a loss with its default settings."""

__all__ = [
    "LOSSES",
    "SHORT_NAMES",
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
    "Reduction",
    "SquaredError",
    "reduce",
]
