"""The figures of a run, epoch by epoch, and the report that each epoch gives."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array

if TYPE_CHECKING:
    from pellucid.network import Network
    from pellucid.training.loop import Run


class Column:
    """One figure of every epoch: single values, added one by one, and whole arrays of them.

    What a compiled engine brings is an array of many epochs. It is kept as it is: turned into single numbers, the
    25,000 epochs of the first network would take longer to write down than to compute.

    Examples
    --------
    >>> column = Column()
    >>> column.append(0.5)
    >>> column.extend(np.array([0.25, 0.125]))
    >>> column.whole(), len(column)
    (array([0.5  , 0.25 , 0.125]), 3)
    """

    def __init__(self) -> None:
        self._pieces: list[Array] = []
        self._single: list[Any] = []

    def append(self, value: Any) -> None:
        """Add the next epoch's value: a number, or an array [K]."""
        self._single.append(value)

    def extend(self, values: Array) -> None:
        """Add the next epochs' values, [epochs] or [epochs, K]."""
        if len(values):
            self._pieces = [*self._all(), values]
            self._single = []

    def whole(self) -> Array:
        """Return all values in one array."""
        pieces = self._all()
        return np.concatenate(pieces) if pieces else np.empty(0)

    def _all(self) -> list[Array]:
        return [*self._pieces, np.asarray(self._single)] if self._single else self._pieces

    def __len__(self) -> int:
        return sum(map(len, self._pieces)) + len(self._single)


class History:
    """Every figure of a run, one value an epoch (for K members, loss figures are [epochs, K]).

    ``history["loss"]`` is an array; the figures are ``loss`` (mean over the epoch's batches, with the
    penalty), ``validation_loss``, ``learning_rate`` and ``seconds`` since the start. ``best_epoch`` is the
    epoch that early stopping kept, ``stopped`` says why the run ended before its last epoch, and ``advice`` that the
    other engine would have been much faster for this size.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> history = network.fit([[0.0], [1.0]], [0.0, 1.0], loss="squared_error", epochs=3)
    >>> len(history), history["loss"].shape, sorted(history)
    (3, (3,), ['learning_rate', 'loss', 'seconds'])
    """

    def __init__(self) -> None:
        self.columns: dict[str, Column] = {"loss": Column(), "learning_rate": Column(), "seconds": Column()}
        self.stopped: str | None = None
        self.best_epoch: Any = None
        self.advice: str | None = None

    def append(self, loss: Any, validation_loss: Any, learning_rate: float, seconds: float) -> None:
        """Add one epoch's figures; ``validation_loss`` is None where there are no validation records."""
        columns = self.columns
        columns["loss"].append(loss)
        columns["learning_rate"].append(learning_rate)
        columns["seconds"].append(seconds)
        if validation_loss is not None:
            self.validated(validation_loss)

    def validated(self, loss: Any) -> None:
        """Add the validation loss of the epoch at hand, where a callback has computed it."""
        self.columns.setdefault("validation_loss", Column()).append(loss)

    def extend(self, losses: Array, learning_rates: Array, seconds: Array) -> None:
        """Add the figures of several epochs that nobody looked at."""
        self.columns["loss"].extend(losses)
        self.columns["learning_rate"].extend(learning_rates)
        self.columns["seconds"].extend(seconds)

    def __getitem__(self, name: str) -> Array:
        if name not in self.columns:
            raise KeyError(f"there is no figure {name!r} in this history; it has {', '.join(self.columns)}")
        return self.columns[name].whole()

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __len__(self) -> int:
        return len(self.columns["loss"])

    def __repr__(self) -> str:
        return f"<History: {self.summary()}>"

    def summary(self) -> str:
        """Return the run in one line."""
        if not len(self):
            return "no epoch was finished" + (f"; {self.stopped}" if self.stopped else "")
        parts = [f"{len(self)} epochs", f"loss {_span(self['loss'])}"]
        if "validation_loss" in self:
            parts.append(f"validation loss {_span(self['validation_loss'])}")
        if self.best_epoch is not None:
            parts.append(f"best epoch {self.best_epoch}")
        parts.append(f"{self['seconds'][-1]:.2f} s")
        return "; ".join([", ".join(parts), *[said for said in (self.stopped, self.advice) if said]])


def _span(values: Array) -> str:
    first, last = (float(np.mean(value)) for value in (values[0], values[-1]))
    return f"{first:.4g} -> {last:.4g}" + (" (mean of members)" if values.ndim > 1 else "")


@dataclass(slots=True)
class Report:
    """What is known after one epoch (or one batch): what callbacks are given and a training generator yields.

    Attributes
    ----------
    epoch, epochs : int
        This epoch, from 1, and how many there are at most.
    batch, batches : int
        The batch just seen, from 1, and how many there are in an epoch.
    loss : float, or array [K]
        Of the epoch so far, or of the batch where one report a batch was asked for; with the penalty.
    validation_loss : float, array [K], or None
        Only at the end of an epoch, where there are validation records.
    learning_rate : float
        Of the last update.
    seconds : float
        Since the start of the run.
    end_of_epoch : bool
        False only for a batch within an epoch.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> def enough(report):
    ...     if report.epoch == 3:
    ...         report.stop("three will do")
    >>> network.fit([[1.0]], [2.0], loss="squared_error", callbacks=[enough]).stopped
    'three will do'
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: Any
    validation_loss: Any
    learning_rate: float
    seconds: float
    end_of_epoch: bool
    run: "Run" = field(repr=False)

    @property
    def network(self) -> "Network":
        """The network in training; its theta is that of this moment."""
        return self.run.network

    @property
    def history(self) -> History:
        """The figures of all epochs so far, this one included."""
        return self.run.history

    @property
    def rate_factor(self) -> float:
        """What the learning rate is multiplied by from now on; a callback may set it."""
        return self.run.rate_factor

    @rate_factor.setter
    def rate_factor(self, factor: float) -> None:
        if not 0 <= factor < math.inf:
            raise ValueError(f"rate_factor must be finite and not negative, found {factor!r}")
        if not hasattr(self.run.fitted.optimizer, "learning_rate"):
            raise ValueError("L-BFGS has no learning rate: a callback that lowers it does nothing")
        self.run.rate_factor = float(factor)  # one of NumPy's would turn float32 arithmetic into float64

    def stop(self, reason: str) -> None:
        """End the run after this report; ``reason`` becomes ``history.stopped``.

        The run is then finished, for its checkpoints too. To leave it for now, break out of the generator in its place.
        """
        if not isinstance(reason, str):
            raise TypeError(f"the reason to stop must be a text, found {reason!r}")
        self.run.stop(reason)
