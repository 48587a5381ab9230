"""Which records each step of a run sees, and what they count."""

from typing import Any, NamedTuple

import numpy as np

from pellucid.arrays import Array
from pellucid.configuration import child_seeds
from pellucid.gradients import Batch
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.training.chance import Chance


class Portion(NamedTuple):
    """One batch: inputs, targets and weights, and what it counts in its epoch's mean loss."""

    x: Array
    target: Array
    weights: Array | None
    counts: Any


class Batches:
    """The records of a run, cut into batches; with shuffling, in an order that depends on seed and epoch alone.

    Parameters
    ----------
    network : Network
    loss : Loss
    data : Batch
        The checked records.
    size : int
        Records in a batch; the last of an epoch may be shorter.
    shuffle : bool
    own : bool
        For K members: whether each has an order of its own.
    seed : int

    Attributes
    ----------
    count : int
        Batches in an epoch.
    shuffled : bool
        Whether epochs differ: one batch of all records has no order.

    Examples
    --------
    >>> from pellucid import Dense, Network, SquaredError
    >>> records = Batch(np.arange(5.0)[:, None], np.zeros((5, 1)), None)
    >>> batches = Batches(Network(1, [Dense(1)]), SquaredError(), records, size=2, shuffle=False, own=False, seed=0)
    >>> batches.count, batches.portion(batches.order(0), 2).x.tolist()
    (3, [[4.0]])
    """

    def __init__(
        self, network: Network, loss: Loss, data: Batch, *, size: int, shuffle: bool, own: bool, seed: int
    ) -> None:
        self.data = data
        self.members = network.members
        self.records = len(data.target)
        self.size = min(size, self.records)
        self.count = -(-self.records // self.size)
        self.shuffled = shuffle and self.count > 1
        self.own = own and network.members is not None and self.shuffled
        shufflers = 0 if not self.shuffled else network.members if self.own else 1
        self._shufflers = [Chance(child_seeds(seed + member)[1]) for member in range(shufflers or 0)]
        self._last: tuple[int, Array] = (-1, np.empty(0))  # the order asked for last, as it is often asked for again
        self.averages = loss.reduction == "mean"
        counted = loss.weigh(data.target, data.weights) if self.averages else None
        self.counts: Array | None = None if counted is None else counted.sum(axis=-1, dtype=np.float64)
        """What each record counts in a mean, [N]; None where all count alike."""

    def order(self, epoch: int) -> Array | None:
        """Return the order of the records in an epoch (from 0), [N], or [K, N] where each member has its own."""
        if not self.shuffled:
            return None
        if self._last[0] != epoch:
            orders = [chance.at(epoch).permutation(self.records) for chance in self._shufflers]
            self._last = epoch, np.stack(orders) if self.own else orders[0]
        return self._last[1]

    def portion(self, order: Array | None, number: int) -> Portion:
        """Return a batch of an epoch (from 0)."""
        part = slice(number * self.size, (number + 1) * self.size)
        rows = part if order is None else order[..., part]
        x, target = self.data.x[rows], self.data.target[rows]
        weights = None if self.data.weights is None else self.data.weights[rows]
        if self.members is not None and not self.own:
            x = np.broadcast_to(x, (self.members, *x.shape))
        return Portion(x, target, weights, self.counted(order, number))

    def counted(self, order: Array | None, number: int) -> Any:
        """Return what a batch counts in its epoch's mean loss."""
        if not self.averages:
            return 1.0  # sums are simply added up
        begin, end = number * self.size, min((number + 1) * self.size, self.records)
        if self.counts is None:
            return float(end - begin)
        rows = slice(begin, end) if order is None else order[..., begin:end]
        return self.counts[rows].sum(axis=-1)

    @property
    def counts_in_all(self) -> float:
        """What a whole epoch counts."""
        if not self.averages:
            return float(self.count)
        return float(self.records if self.counts is None else self.counts.sum())
