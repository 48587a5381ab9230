"""Gradient accumulation: a batch that goes through the layers a piece at a time, for one and the same step."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pellucid.arrays import Array, namespace, sum64
from pellucid.gradients import Objective, Pass
from pellucid.layers.layer import Arrays, Context


def through_in_pieces(
    objective: Objective,
    parameters: Sequence[Arrays],
    x: Array,
    target: Array,
    weights: Array | None,
    contexts: Sequence[Context],
    size: int,
) -> Pass:
    """Do what ``objective.through`` does with ``size`` records at a time, and add up.

    Each piece counts what its records count in the whole batch, so the loss and the gradients are those of the whole,
    while the intermediate values of one piece only take memory. What was drawn for a record stays with it; running
    statistics go from piece to piece. What is kept of the way (output, caches) is that of the last piece.

    Parameters
    ----------
    objective : Objective
    parameters, x, target, weights, contexts : as in ``objective.through``
    size : int
    """
    axis = 1 if contexts[0].members else 0  # the batch's; that of the members stands before it
    records = x.shape[axis]
    averages = objective.loss.reduction == "mean"
    counted = objective.loss.weigh(target, weights) if averages else None
    in_all = None if counted is None else sum64(counted, (-2, -1))
    value: Any = 0.0
    gradients: list[dict[str, Array]] = []
    states = [context.state for context in contexts]
    for begin in range(0, records, size):
        part = slice(begin, begin + size)
        own = [
            replace(context, random=_drawn_for(context, axis, records, part), state=state)
            for context, state in zip(contexts, states, strict=True)
        ]
        part_weights = None if weights is None else weights[..., part, :]
        part_x = x[:, part] if axis else x[part]
        found = objective.through(parameters, part_x, target[..., part, :], part_weights, own)
        states = [cache.get("state", state) for cache, state in zip(found.caches, states, strict=True)]
        share: Any = 1.0
        if in_all is not None and counted is not None:
            share = sum64(counted[..., part, :], (-2, -1)) / (in_all + (in_all == 0))
        elif averages:
            share = min(size, records - begin) / records
        value = value + share * found.loss
        shared = [{name: _times(share, array) for name, array in named.items()} for named in found.gradients]
        gradients = [_added(*both) for both in zip(gradients, shared, strict=True)] if gradients else shared
    for cache, state in zip(found.caches, states, strict=True):
        if state:
            cache["state"] = state
    found.loss, found.gradients = value, gradients
    return found


def _drawn_for(context: Context, axis: int, records: int, part: slice) -> dict[str, Array]:
    """Return what was drawn for some records of a batch; what has no axis of records is everybody's."""
    return {
        name: array[(slice(None),) * axis + (part,)] if array.shape[axis : axis + 1] == (records,) else array
        for name, array in context.random.items()
    }


def _times(share: Any, gradient: Array) -> Array:
    """Return a gradient times a number, or times one a member, in its own precision."""
    if not getattr(share, "ndim", 0):
        return gradient * (share if isinstance(share, float) else namespace(gradient).asarray(share, gradient.dtype))
    factors = namespace(gradient).asarray(share, dtype=gradient.dtype)
    result: Array = factors.reshape(factors.shape + (1,) * (gradient.ndim - 1)) * gradient
    return result


def _added(one: dict[str, Array], other: dict[str, Array]) -> dict[str, Array]:
    return {name: array + other[name] for name, array in one.items()}
