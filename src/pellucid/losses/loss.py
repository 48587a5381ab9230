"""The contract that every loss keeps, and how its values become one number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from pellucid.arrays import Array, namespace, sum64
from pellucid.checks import plain_numbers

Cache: TypeAlias = dict[str, Array]
Reduction: TypeAlias = Literal["mean", "sum"]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What training makes small: a pure function of output and target, with its exact gradient.

    ``forward`` gives the losses before they are reduced, ``[B, E]``: E is the number of outputs for
    a loss that looks at each output alone, and 1 for one that looks at a record as a whole.
    ``backward`` gives the gradient of each with respect to the network's output, ``[B, O]``. Reducing
    (mean or sum, sample weights) is the same for all and is done once, by :func:`reduce`.

    Parameters
    ----------
    reduction : "mean" or "sum"
        A mean is over all values of ``forward``; a weighted mean divides by the sum of the weights.
    scale : float
        What the reduced loss is multiplied by: with 0.5, the squared error is the half of textbooks.

    Examples
    --------
    A loss of one's own is a class of a few lines:

    >>> import numpy as np
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, kw_only=True)
    ... class FourthPower(Loss):
    ...     def forward(self, output, target):
    ...         error = output - target
    ...         return error**4, {"error": error}
    ...     def backward(self, cache):
    ...         return 4 * cache["error"] ** 3
    >>> import pellucid
    >>> network = pellucid.Network(1, [pellucid.Dense(1)])
    >>> pellucid.check_gradients(network, [[1.0], [2.0]], [0.0, 1.0], loss=FourthPower()).passed
    True
    """

    reduction: Reduction = "mean"
    scale: float = 1.0

    complex_step: ClassVar[bool] = True
    """Whether ``forward`` is analytic in the output, so that a complex step proves its gradient."""
    from_logits: ClassVar[str] = ""
    """The layer that this loss holds within itself ("Sigmoid" or "Softmax"); empty if it holds none."""

    @property
    def formula(self) -> str:
        """What ``forward`` computes, as a line of arithmetic for a trace to show; empty where there is none.

        A loss that looks at each output alone names ``l``, ``output`` and ``target``: ``"l = (output - target) ** 2"``.
        Where one looks at a record as a whole, indices say which value is meant: ``sum(output[c] for c in output)``.
        Settings go by their names. Nothing is computed by it: a trace checks it against what ``forward`` gave.
        """
        return ""

    @property
    def derivatives(self) -> Mapping[str, str]:
        """How l changes with the output, for a trace: ``derivatives = {"output": "2 * (output - target)"}``.

        Where the loss looks at a record as a whole, with an index of its own: ``{"output[c]": ...}``.
        """
        return {}

    def __post_init__(self) -> None:
        plain_numbers(self)
        if self.reduction not in ("mean", "sum"):
            raise ValueError(f'{type(self).__name__}: reduction must be "mean" or "sum", found {self.reduction!r}')
        if not 0 < self.scale < np.inf:
            raise ValueError(f"{type(self).__name__}: scale must be positive and finite, found {self.scale!r}")

    def forward(self, output: Array, target: Array) -> tuple[Array, Cache]:
        """Return the losses [B, E] of an output [B, O] against a target, and what ``backward`` needs."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(output, target)")

    def backward(self, cache: Cache) -> Array:
        """Return the gradient [B, O] of the losses with respect to the output."""
        raise NotImplementedError(f"{type(self).__name__} must define backward(cache)")

    def reduced(self, losses: Array, target: Array, weights: Array | None) -> tuple[Array, Any]:
        """Return the reduced loss of a batch, and what each of its losses [B, E] counts in it; see :func:`reduce`."""
        value, factor = reduce(losses, self.weigh(target, weights), self.reduction)
        if self.scale == 1:
            return value, factor
        return self.scale * value, self.scale if factor is None else self.scale * factor

    def link(self, output: Array) -> Array:
        """Turn the network's output into what it predicts, a probability for a loss on logits."""
        return output

    def weigh(self, target: Array, weights: Array | None) -> Array | None:
        """Return the weights [B, 1] or [B, E] of the losses: the sample weights, times class weights if any."""
        return weights

    def encode(self, y: Any, outputs: int, dtype: np.dtype[Any]) -> Array:
        """Turn the caller's ``y`` into the target [B, O] that ``forward`` takes; never broadcast.

        Raises
        ------
        ValueError
            If the shape does not fit the network's outputs, or a value is not finite or not allowed.
        """
        target = numbers(y, dtype)
        if target.ndim == 1 and outputs == 1:
            target = target[:, None]
        if target.ndim != 2 or target.shape[1] != outputs:
            wanted = f"({len(target)}, {outputs})" + (f" or ({len(target)},)" if outputs == 1 else "")
            raise ValueError(f"y has shape {np.shape(y)}; a network with {outputs} output(s) needs {wanted}")
        return target


def reduce(losses: Array, weights: Array | None, reduction: Reduction) -> tuple[Array, Any]:
    """Return the reduced loss, and what each loss counts in it: the factor of its gradient.

    Parameters
    ----------
    losses : array [B, E] or [K, B, E]
    weights : array [B, 1], [B, E] or with the members' axis, or None
        Where they all are 0, the loss and its gradient are 0.
    reduction : "mean" or "sum"

    Returns
    -------
    value : float64, one number, or [K]
    factor : float, or array that broadcasts against ``losses``, or None where each counts 1

    Examples
    --------
    >>> import numpy as np
    >>> value, factor = reduce(np.array([[1.0], [5.0]]), np.array([[3.0], [1.0]]), "mean")
    >>> float(value), factor.tolist()
    (2.0, [[0.75], [0.25]])
    """
    axes = None if losses.ndim == 2 else (-2, -1)  # all but the members'
    if weights is None:
        value = sum64(losses, axes)
        if reduction == "sum":
            return value, None
        count = losses.shape[-2] * losses.shape[-1]
        return value / count, 1.0 / count
    value = sum64(weights * losses, axes)
    if reduction == "sum":
        return value, weights
    total = sum64(weights, axes) * (losses.shape[-1] // weights.shape[-1])
    total = total + (total == 0)  # nothing counts: 0 / 1 in place of 0 / 0
    shared = namespace(weights).asarray(total, dtype=weights.dtype)[..., None, None]
    return value / total, weights / shared


def numbers(y: Any, dtype: np.dtype[Any]) -> Array:
    """Return ``y`` as an array of finite numbers, or say what in it is not one."""
    given = np.asarray(y)
    if given.dtype.kind not in "biuf":
        raise TypeError(f"y must hold numbers, found {given.dtype.name} (first value: {first(given)})")
    bad = ~np.isfinite(given)
    if bad.any():
        place = np.argwhere(bad)[0]
        where = f"row {place[0]}" + (f", column {place[1]}" if given.ndim > 1 else "")
        raise ValueError(
            f"y has {int(bad.sum())} value(s) that are not finite, the first in {where}: {given[tuple(place)]}; "
            "leave those records out or fill them in"
        )
    with np.errstate(over="ignore"):  # said below, with the value
        target = given.astype(dtype)
    too_large = ~np.isfinite(target)
    if too_large.any():
        raise ValueError(
            f"y holds values too large for {dtype.name}, the first {given[too_large][0]}: scale y, or use float64"
        )
    return target


def first(values: Array) -> str:
    """Return the first value as text for a message."""
    return repr(values.flat[0].item() if isinstance(values.flat[0], np.generic) else values.flat[0])


def class_weights(name: str, weights: Sequence[float] | None, count: int | None = None) -> tuple[float, ...] | None:
    """Check class weights: one finite number of at least 0 for each class; return them as a tuple."""
    if weights is None:
        return None
    if isinstance(weights, (str, Mapping)):
        raise TypeError(f"{name}: class_weights is a list of numbers, one a class in their order, found {weights!r}")
    checked = tuple(float(weight) for weight in weights)
    if any(not (0 <= weight < np.inf) for weight in checked):
        raise ValueError(f"{name}: class_weights must be finite and not negative, found {checked}")
    if count is not None and len(checked) != count:
        raise ValueError(f"{name}: class_weights needs {count} numbers, one a class, found {len(checked)}")
    return checked
