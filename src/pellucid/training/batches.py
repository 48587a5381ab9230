"""Which records each step of a run sees, and what they count."""

from typing import Any, NamedTuple

import numpy as np

from pellucid.arrays import Array
from pellucid.configuration import child_seeds
from pellucid.gradients import Batch
from pellucid.losses import Hinge, Loss
from pellucid.network import Network
from pellucid.training.chance import Chance


class Portion(NamedTuple):
    """One batch: inputs, targets and weights, and what it counts in its epoch's mean loss."""

    x: Array
    target: Array
    weights: Array | None
    counts: Any
    lead: tuple[int, ...] = ()
    """What stands before a record's own axes in ``x``: [B], or [K, B]."""


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
    balanced : bool
        Whether an epoch sees each class equally often, in place of each record once.
    rows : array [K, M], optional
        The records that each member learns from, by their numbers; by default all.

    Attributes
    ----------
    records : int
        In an epoch of one network, or of one member: N, or M.
    count : int
        Batches in an epoch.
    shuffled : bool
        Whether epochs differ: one batch of all records has no order, unless classes are balanced or members learn from
        records of their own.

    Examples
    --------
    >>> from pellucid import Dense, Network, SquaredError
    >>> records = Batch(np.arange(5.0)[:, None], np.zeros((5, 1)), None)
    >>> batches = Batches(Network(1, [Dense(1)]), SquaredError(), records, size=2, shuffle=False, own=False, seed=0)
    >>> batches.count, batches.portion(batches.order(0), 2).x.tolist()
    (3, [[4.0]])
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        data: Batch,
        *,
        size: int,
        shuffle: bool,
        own: bool,
        seed: int,
        balanced: bool = False,
        rows: Array | None = None,
    ) -> None:
        self.data = data
        self.members = network.members
        self.rows = rows
        self.records = len(data.target) if rows is None else rows.shape[1]
        self._record_axes = len(network.inputs)
        self.size = min(size, self.records)
        self.count = -(-self.records // self.size)
        self._classes = members_of_classes(loss, data.target) if balanced else None
        changes = balanced or (shuffle and self.count > 1)
        self.shuffled = changes or rows is not None
        self.own = network.members is not None and ((own and changes) or rows is not None)
        shufflers = 0 if not changes else network.members if self.own else 1
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
        if not self._shufflers:
            return self.rows
        if self._last[0] != epoch:
            orders = [self._order(chance.at(epoch)) for chance in self._shufflers]
            order = np.stack(orders) if self.own else orders[0]
            self._last = epoch, order if self.rows is None else np.take_along_axis(self.rows, order, axis=1)
        return self._last[1]

    def _order(self, generator: np.random.Generator) -> Array:
        if self._classes is None:
            return generator.permutation(self.records)
        return balanced_order(generator, self._classes, self.records)

    def portion(self, order: Array | None, number: int) -> Portion:
        """Return a batch of an epoch (from 0)."""
        part = slice(number * self.size, (number + 1) * self.size)
        rows = part if order is None else order[..., part]
        x, target = chosen(self.data.x, rows), chosen(self.data.target, rows)
        weights = None if self.data.weights is None else chosen(self.data.weights, rows)
        if self.members is not None and not self.own:
            x = np.broadcast_to(x, (self.members, *x.shape))
        lead = x.shape[: x.ndim - self._record_axes]
        return Portion(x, target, weights, self.counted(order, number), lead)

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
    def alike(self) -> bool:
        """Whether all epochs count the same."""
        return self._classes is None or self.counts is None

    def counts_in_all(self, epoch: int) -> Any:
        """Return what a whole epoch counts."""
        if not self.averages:
            return float(self.count)
        if self.counts is None:
            return float(self.records)
        if self._classes is None:
            return float(self.counts.sum()) if self.rows is None else self.counts[self.rows].sum(axis=-1)
        order = self.order(epoch)
        return sum(self.counted(order, number) for number in range(self.count))


def chosen(records: Array, rows: Array | slice) -> Array:
    """Return some of the records, by their numbers or as a slice.

    NumPy's ``take`` is up to three times as quick as its indexing, but first copies records that do not lie row by row.

    Examples
    --------
    >>> chosen(np.array([[1.0], [2.0], [3.0]]), np.array([2, 0])).tolist()
    [[3.0], [1.0]]
    """
    if type(records) is np.ndarray and type(rows) is np.ndarray and records.flags.c_contiguous:
        return records.take(rows, axis=0)
    return records[rows]


def checked_rows(rows: Any, members: int | None, records: int) -> Array:
    """Return the records of each member, [K, M], or say what is wrong with them.

    Examples
    --------
    >>> checked_rows([[0, 1], [1, 2]], members=2, records=3)
    array([[0, 1],
           [1, 2]])
    >>> checked_rows([[0, 3], [1, 2]], members=2, records=3)
    Traceback (most recent call last):
    ValueError: member_rows names record 3, and X has the records 0 to 2
    """
    found = np.asarray(rows)
    if members is None:
        raise ValueError("member_rows says which records each member learns from, and this network has no members")
    if found.ndim != 2 or len(found) != members or not found.shape[1] or found.dtype.kind not in "iu":
        raise ValueError(
            f"member_rows must hold the same number of record numbers for each of the {members} members, "
            f"[{members}, M]; found an array of shape {found.shape} of {found.dtype.name}"
        )
    wrong = found[(found < 0) | (found >= records)]
    if len(wrong):
        raise ValueError(f"member_rows names record {wrong[0]}, and X has the records 0 to {records - 1}")
    return found.astype(np.intp)


def members_of_classes(loss: Loss, target: Array) -> list[Array]:
    """Return, for each class, the numbers of its records.

    Raises
    ------
    ValueError
        If the loss is not one on classes, or a record belongs to several of them or to none alone.

    Examples
    --------
    >>> from pellucid import CrossEntropyFromLogits
    >>> members_of_classes(CrossEntropyFromLogits(), np.eye(3)[[0, 2, 2, 0]])
    [array([0, 3]), array([1, 2])]
    """
    if not (loss.from_logits or isinstance(loss, Hinge)):
        raise ValueError(f"class_balanced needs a loss on classes; {type(loss).__name__} is none")
    numbers = target[:, 0] if target.shape[1] == 1 else target.argmax(axis=1)
    one_hot = target if target.shape[1] == 1 else np.eye(target.shape[1])[numbers]
    if not ((target == one_hot).all() and np.isin(target, (0, 1)).all()):
        raise ValueError(
            "class_balanced needs records that belong to one class each: y holds shares, or several classes"
        )
    return [np.flatnonzero(numbers == one) for one in np.unique(numbers)]


def balanced_order(generator: np.random.Generator, classes: list[Array], records: int) -> Array:
    """Return the numbers of so many records in which each class comes equally often, up to one, in a random order.

    The records of a class are all seen before one of them is seen again.

    Examples
    --------
    >>> order = balanced_order(np.random.default_rng(0), [np.array([0, 1, 2, 3]), np.array([4])], records=6)
    >>> sorted(order.tolist())[-3:], len(order)
    ([4, 4, 4], 6)
    """
    shares = np.full(len(classes), records // len(classes))
    shares[generator.permutation(len(classes))[: records % len(classes)]] += 1
    parts = []
    for members, share in zip(classes, shares, strict=True):
        rounds = [generator.permutation(members) for _ in range(-(-share // len(members)))]
        parts.append(np.concatenate([*rounds, members[:0]])[:share])
    return generator.permutation(np.concatenate(parts))
