"""The optimizers: pure update rules on flat vectors, each reading like its paper."""

from pellucid.optimizers.adagrad import AdaGrad
from pellucid.optimizers.adam import Adam, AdamW, AMSGrad
from pellucid.optimizers.lion import Lion
from pellucid.optimizers.nadam import NAdam
from pellucid.optimizers.optimizer import Optimizer
from pellucid.optimizers.rmsprop import RMSprop
from pellucid.optimizers.sgd import SGD

OPTIMIZERS: dict[str, type[Optimizer]] = {
    optimizer.__name__: optimizer for optimizer in (SGD, AdaGrad, RMSprop, Adam, AMSGrad, AdamW, NAdam, Lion)
}
"""Every optimizer by its name: what a model file may name, and what the shared checks run over."""

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "AMSGrad",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Lion",
    "NAdam",
    "Optimizer",
    "RMSprop",
]
