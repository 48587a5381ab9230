"""The recorder: a training callback that keeps the parameters of each epoch, to watch the run afterwards."""

from typing import Any, NamedTuple

import numpy as np

from pellucid.arrays import Array
from pellucid.network import Fitted, Network
from pellucid.training import Report


class Moment(NamedTuple):
    """A network at the end of an epoch."""

    epoch: int
    theta: Array
    state: list[dict[str, Array]]
    loss: Array


class Recorder:
    """Keep the parameters, running statistics and loss of a network in training, the start included.

    It is given to ``fit`` as a callback, and goes on where it was if the same network is trained again. It only reads.
    The start is what the network holds when the recorder is made.

    Parameters
    ----------
    network : Network
        The one that will be trained.
    every : int
        Epochs between two records. The last epoch seen is always kept as well.
    most : int
        Records kept at most, besides the last. When there are more, every second one is dropped and ``every`` doubles,
        so that any number of epochs costs no more memory than this.

    Attributes
    ----------
    every : int
        As it is now.
    epochs : array [T] of int
        The epochs recorded; 0 is the start.
    thetas : array [T, P], or [T, K, P] for K members
    losses : array [T], or [T, K]
        The training loss that each of these epochs reported; NaN for the start.

    Raises
    ------
    ValueError
        If ``every`` or ``most`` is not usable, or another network is trained with this recorder.

    Examples
    --------
    >>> from pellucid import Dense, Network, SGD
    >>> network = Network(1, [Dense(1, bias=False)], seed=0)
    >>> network.theta = [2.0]
    >>> recorder = Recorder(network)
    >>> history = network.fit([[1.0], [2.0]], [0.0, 0.0], loss="squared_error", optimizer=SGD(0.1), epochs=2,
    ...                       callbacks=[recorder])
    >>> recorder.epochs, recorder.thetas.ravel()
    (array([0, 1, 2]), array([2. , 1. , 0.5]))
    >>> recorder.network_at(1).theta
    array([1.])
    """

    def __init__(self, network: Network, every: int = 1, *, most: int = 256) -> None:
        if not isinstance(network, Network):
            raise TypeError(f"Recorder watches a Network, found a {type(network).__name__}")
        for name, value, least in (("every", every, 1), ("most", most, 2)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, found {value!r}")
        self.network = network
        self.every, self.most = int(every), int(most)
        self._start = network.copy()
        self._start.fitted = None  # its history may be long, and is nobody's business here
        self._run: object = None
        self._before = 0  # epochs of earlier runs
        self._moments = [self._moment(0, np.full(network.theta.shape[:-1], np.nan))]

    def __call__(self, report: Report) -> None:
        """Look at the end of an epoch."""
        if not report.end_of_epoch:
            return
        if report.network is not self.network:
            raise ValueError("this Recorder was made for another network: make one Recorder(network) for each")
        last = self._moments[-1].epoch
        if report.run is not self._run:
            self._run, self._before = report.run, last
        if last % self.every:  # it was there only as the last
            self._moments.pop()
        self._moments.append(self._moment(self._before + report.epoch, report.loss))
        if len(self._moments) > self.most + 1:
            self.every *= 2
            *earlier, newest = self._moments
            self._moments = [*(moment for moment in earlier if moment.epoch % self.every == 0), newest]

    def _moment(self, epoch: int, loss: Any) -> Moment:
        state = [{name: value.copy() for name, value in named.items()} for named in self.network.state]
        return Moment(epoch, self.network.theta.copy(), state, np.array(loss))

    @property
    def epochs(self) -> Array:
        """The epochs recorded, [T]; 0 is the start."""
        return np.array([moment.epoch for moment in self._moments])

    @property
    def thetas(self) -> Array:
        """The parameters at these epochs, [T, P] or [T, K, P]."""
        return np.stack([moment.theta for moment in self._moments])

    @property
    def losses(self) -> Array:
        """The training loss that these epochs reported, [T] or [T, K]; NaN for the start."""
        return np.stack([moment.loss for moment in self._moments])

    def __len__(self) -> int:
        return len(self._moments)

    def network_at(self, index: int) -> Network:
        """Return an independent network as it was at the record of this index; -1 is the last.

        It knows the loss, penalty and optimizer of the last training, but no history and no optimizer's memory.

        Raises
        ------
        IndexError
            If there is no such record.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"index must be a record from 0 to {len(self) - 1}, found {index}")
        kept = self._moments[index]
        network = self._start.copy()
        network.theta = kept.theta
        network.set_state([{name: value.copy() for name, value in named.items()} for named in kept.state])
        known = self.network.fitted
        if known is not None:
            network.fitted = Fitted(known.loss, known.penalty, known.optimizer)
        return network

    def spread(self, most: int) -> Array:
        """Return the indices of at most so many records, evenly spread, the first and the last among them.

        Examples
        --------
        >>> from pellucid import Dense, Network
        >>> network = Network(1, [Dense(1)], seed=0)
        >>> recorder = Recorder(network)
        >>> history = network.fit([[1.0]], [1.0], loss="squared_error", epochs=10, callbacks=[recorder])
        >>> recorder.spread(3)
        array([ 0,  5, 10])
        """
        if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 2:
            raise ValueError(f"at least 2 records must be chosen, found {most!r}")
        return np.unique(np.linspace(0, len(self) - 1, min(int(most), len(self))).round().astype(int))
