"""The focal losses: cross-entropies in which what the network is already right about counts less."""

import math
from dataclasses import dataclass

from pellucid.arrays import Array, namespace
from pellucid.losses.logits import ClassesFromLogits, YesNoFromLogits
from pellucid.losses.loss import Cache


def _check_gamma(name: str, gamma: float) -> None:
    if not 0 <= gamma < math.inf:
        raise ValueError(f"{name}: gamma must be finite and not negative, found {gamma}")


@dataclass(frozen=True, kw_only=True)
class BinaryFocalFromLogits(YesNoFromLogits):
    """Focal loss of yes/no targets, from logits: the sigmoid is inside, so do not end the network with one.

    With p = sigmoid(z): l = -t (1 - p)^gamma log p - (1 - t) p^gamma log(1 - p). So a record that has p = 0.9 for its
    true answer counts a hundredth of what it counts in the cross-entropy, at gamma = 2, and hard records count more
    beside it. With gamma = 0 it is the cross-entropy. A target between 0 and 1 counts both answers by its shares, as
    the formula says. Exact for logits of +-1000 and beyond.

    Gradient with respect to the logit z:
    (1 - t) p^gamma (p - gamma (1 - p) log(1 - p)) - t (1 - p)^gamma (1 - p - gamma p log p).

    Parameters
    ----------
    gamma : float
        How strongly what the network is right about is held back, from 0.
    class_weights : two floats, optional
        What records of class 0 and of class 1 count (1 - alpha and alpha in the paper).

    Examples
    --------
    >>> import numpy as np
    >>> loss = BinaryFocalFromLogits(gamma=2.0)
    >>> losses, cache = loss.forward(np.array([[1000.0], [0.0]]), np.array([[0.0], [1.0]]))
    >>> losses.ravel().round(4).tolist(), loss.backward(cache).ravel().round(4).tolist()
    ([1000.0, 0.1733], [1.0, -0.2983])

    Source: Lin, Goyal, Girshick, He and Dollár, "Focal loss for dense object detection", 2017, section 3.
    """

    gamma: float = 2.0

    formula = (
        "p = 1 / (1 + exp(-output)); "
        "l = target * (1 - p) ** gamma * log(1 + exp(-output)) + (1 - target) * p ** gamma * log(1 + exp(output))"
    )
    derivatives = {
        "output": "(1 - target) * p ** gamma * (p + gamma * (1 - p) * log(1 + exp(output)))"
        " - target * (1 - p) ** gamma * (1 - p + gamma * p * log(1 + exp(-output)))"
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_gamma(type(self).__name__, self.gamma)

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        xp = namespace(output)
        upper = output * (output.real >= 0)  # max(z, 0)
        small = xp.log1p(xp.exp(output - 2 * upper))  # log(1 + exp(-|z|)), which cannot overflow
        cost_one, cost_zero = (upper - output) + small, upper + small  # -log p and -log(1 - p)
        p, rest = xp.exp(-cost_one), xp.exp(-cost_zero)  # rest: 1 - p, of which small values keep their digits
        held_one, held_zero = rest**self.gamma, p**self.gamma
        losses = target * (held_one * cost_one) + (1 - target) * (held_zero * cost_zero)
        cache = {"p": p, "rest": rest, "cost_one": cost_one, "cost_zero": cost_zero}
        return losses, {**cache, "held_one": held_one, "held_zero": held_zero, "target": target}

    def backward(self, cache: Cache) -> Array:
        p, rest, target = cache["p"], cache["rest"], cache["target"]
        slope_zero = cache["held_zero"] * (p + self.gamma * (rest * cache["cost_zero"]))
        slope_one = cache["held_one"] * (rest + self.gamma * (p * cache["cost_one"]))
        return (1 - target) * slope_zero - target * slope_one


@dataclass(frozen=True, kw_only=True)
class FocalFromLogits(ClassesFromLogits):
    """Focal loss of classes, from logits: the softmax is inside, so do not end the network with one.

    With p = softmax(z): l = -sum_c t_c (1 - p_c)^gamma log p_c, where the targets t of a record add up to 1. For a
    record of class y that is -(1 - p_y)^gamma log p_y: with p_y = 0.9, a hundredth of its cross-entropy, at gamma = 2.
    Shares count each class's focal loss. With gamma = 0 it is the cross-entropy. ``y`` holds class numbers from 0, or
    one row of shares a record. Exact for logits of +-1000 and beyond.

    Gradient with respect to the logits: g_k (1 - p_k) - p_k (sum_c g_c - g_k), with
    g_c = t_c (1 - p_c)^gamma (gamma p_c log(p_c) / (1 - p_c) - 1).

    Parameters
    ----------
    gamma : float
        How strongly what the network is right about is held back, from 0.
    class_weights : one float a class, optional
        What the records of each class count (alpha in the paper).

    Examples
    --------
    >>> import numpy as np
    >>> loss = FocalFromLogits(gamma=2.0)
    >>> losses, cache = loss.forward(np.array([[1000.0, 0.0], [0.0, 0.0]]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    >>> losses.ravel().round(4).tolist(), loss.backward(cache).round(4).tolist()
    ([1000.0, 0.1733], [[1.0, -1.0], [0.2983, -0.2983]])

    Source: Lin, Goyal, Girshick, He and Dollár, "Focal loss for dense object detection", 2017, section 3.
    """

    gamma: float = 2.0

    formula = (
        "softmax[c] = exp(output[c]) / sum(exp(output[k]) for k in output); "
        "l = -sum(target[c] * (1 - softmax[c]) ** gamma * log(softmax[c]) for c in output)"
    )
    derivatives = {
        "output[k]": "sum(target[c] * ((1 - softmax[c]) ** (gamma - 1) * gamma * softmax[c] * log(softmax[c])"
        " - (1 - softmax[c]) ** gamma if softmax[c] < 1 else 0) * ((c == k) - softmax[k]) for c in output)"
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_gamma(type(self).__name__, self.gamma)

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        xp = namespace(output)
        shifted = output - output.real.max(axis=-1, keepdims=True)  # the largest becomes 0: exp cannot overflow
        powers, largest = xp.exp(shifted), shifted.real == 0
        # The largest apart from the others: 1 - p and log p of a sure answer would lose their digits otherwise.
        large, small = powers * largest, powers * ~largest
        sum_large, sum_small = large.sum(axis=-1, keepdims=True), small.sum(axis=-1, keepdims=True)  # [B,C] -> [B,1]
        total = sum_large + sum_small
        rest = ((sum_large - large) + (sum_small - small)) / total  # 1 - p
        cost = xp.log1p((sum_large - 1) + sum_small) - shifted  # -log p
        held = target * rest**self.gamma
        losses = (held * cost).sum(axis=-1, keepdims=True)  # [B,C] -> [B,1]
        return losses, {"p": powers / total, "rest": rest, "cost": cost, "held": held}

    def backward(self, cache: Cache) -> Array:
        p, rest, cost, held = cache["p"], cache["rest"], cache["cost"], cache["held"]
        steepness = cost / (rest + (rest == 0))  # where 1 - p is 0, it counts nothing: held or gamma is 0
        slope = -held * (1 + self.gamma * (p * steepness))  # of the loss, with respect to each log p
        others = slope.sum(axis=-1, keepdims=True) - slope  # [B,C] -> [B,1] -> [B,C]
        d_output: Array = slope * rest - p * others
        return d_output
