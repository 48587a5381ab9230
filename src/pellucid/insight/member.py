"""One member of several, as a network of its own: what is watched is always one network."""

from typing import Any

import numpy as np

from pellucid.network import Fitted, Network
from pellucid.training.history import Column, History


def single(network: Network, member: int = 0) -> Network:
    """Return the network itself, or for K members the one asked for, as an independent network.

    Parameters
    ----------
    network : Network
    member : int
        From 0; ignored for a network that has no members.

    Raises
    ------
    ValueError
        If there is no such member.

    Examples
    --------
    >>> from pellucid import Dense
    >>> three = Network(2, [Dense(1)], seed=5, members=3)
    >>> one = single(three, 2)
    >>> one.seed, bool((one.theta == three.theta[2]).all())
    (7, True)
    >>> history = three.fit([[0.0, 1.0]], [1.0], loss="squared_error", epochs=4)
    >>> history["loss"].shape, single(three, 2).history["loss"].shape
    ((4, 3), (4,))
    """
    if network.members is None:
        return network
    if isinstance(member, bool) or not isinstance(member, int | np.integer) or not 0 <= member < network.members:
        raise ValueError(f"member must be a whole number from 0 to {network.members - 1}, found {member!r}")
    one = Network(
        network.inputs, network.layers, seed=network.seed + int(member), dtype=network.dtype, frozen=network.frozen
    )
    one.theta = network.theta[member]
    one.set_state([{name: value[member].copy() for name, value in named.items()} for named in network.state])
    if network.fitted is not None:
        known = network.fitted
        state = _own(known.optimizer_state, member)
        one.fitted = Fitted(known.loss, known.penalty, known.optimizer, state, _own_history(known.history, member))
    return one


def _own(state: Any, member: int) -> Any:
    """Return the member's part of an optimizer's memory; counts of updates are shared."""
    if state is None:
        return None
    return type(state)(*[value[member] if np.ndim(value) > 1 else value for value in state])


def _own_history(history: History | None, member: int) -> History | None:
    """Return the member's figures; learning rates and seconds are shared, and so is why the run ended."""
    if history is None:
        return None
    own = History()
    own.columns = {name: Column() for name in history}
    for name, column in own.columns.items():
        values = history[name]  # [epochs], or [epochs, K]
        column.extend(values[:, member] if values.ndim > 1 else values)
    own.stopped, own.advice = history.stopped, history.advice
    own.best_epoch = None if history.best_epoch is None else history.best_epoch[member]
    return own
