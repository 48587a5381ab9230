"""The order in which scikit-learn's multi-layer perceptrons see the records."""

from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.gradients import Batch
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.training.batches import Batches


class ScikitBatches(Batches):
    """Batches in the order that scikit-learn draws from a ``RandomState``: each epoch shuffles the order of the last.

    In the mean over an epoch, every record counts alike, whatever its weight.

    Parameters
    ----------
    network : Network
    loss : Loss
    data : Batch
    size : int
    shuffle : bool
    random_state : numpy.random.RandomState
        Moved on by each epoch that is asked for.

    Examples
    --------
    >>> from pellucid import Dense, SquaredError
    >>> from sklearn.utils import shuffle
    >>> records = Batch(np.arange(5.0)[:, None], np.zeros((5, 1)), None)
    >>> batches = ScikitBatches(
    ...     Network(1, [Dense(1)]), SquaredError(), records, size=2, shuffle=True, random_state=np.random.RandomState(0)
    ... )
    >>> theirs = np.random.RandomState(0)
    >>> first = shuffle(np.arange(5), random_state=theirs)
    >>> second = shuffle(first, random_state=theirs)
    >>> bool((batches.order(1) == second).all() and (batches.order(0) == first).all())
    True
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        data: Batch,
        *,
        size: int,
        shuffle: bool,
        random_state: np.random.RandomState,
    ) -> None:
        super().__init__(network, loss, data, size=size, shuffle=False, own=False, seed=0)
        self.shuffled = shuffle
        self.counts = None
        self._random_state = random_state
        self._start: Any = random_state.get_state() if shuffle else None
        self._orders: dict[int, Array] = {}  # of the two epochs drawn last
        self._drawn = 0  # epochs drawn so far

    def order(self, epoch: int) -> Array | None:
        if not self.shuffled:
            return None
        if epoch in self._orders:
            return self._orders[epoch]
        if epoch < self._drawn:  # long gone: it is drawn once more
            again = np.random.RandomState()
            again.set_state(self._start)
            order = np.arange(self.records)
            for _ in range(epoch + 1):
                order = shuffled_anew(order, again)
            return order
        order = self._orders.get(self._drawn - 1, np.arange(self.records))
        for number in range(self._drawn, epoch + 1):
            order = shuffled_anew(order, self._random_state)
            self._orders = {number - 1: self._orders.get(number - 1, order), number: order}
        self._drawn = epoch + 1
        return order


def shuffled_anew(order: Array, random_state: np.random.RandomState) -> Array:
    """Return an order, shuffled as :func:`sklearn.utils.shuffle` does."""
    places = np.arange(len(order))
    random_state.shuffle(places)
    return order[places]
