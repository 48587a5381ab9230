"""The losses: value, and gradient with respect to the network's output."""

from pellucid.losses.classification import BinaryCrossEntropyFromLogits, CrossEntropyFromLogits, Hinge
from pellucid.losses.focal import BinaryFocalFromLogits, FocalFromLogits
from pellucid.losses.loss import Loss, Reduction, reduce
from pellucid.losses.quantile import Quantile
from pellucid.losses.regression import AbsoluteError, GaussianNLL, Huber, LogCosh, Poisson, SquaredError

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
        BinaryFocalFromLogits,
        FocalFromLogits,
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
    "binary_focal_from_logits": BinaryFocalFromLogits,
    "focal_from_logits": FocalFromLogits,
    "hinge": Hinge,
}
"""What may be written in place of a loss with its default settings."""

__all__ = [
    "LOSSES",
    "SHORT_NAMES",
    "AbsoluteError",
    "BinaryCrossEntropyFromLogits",
    "BinaryFocalFromLogits",
    "CrossEntropyFromLogits",
    "FocalFromLogits",
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
