"""Callbacks: functions of a report, called after each epoch.

One that has something to do when the run is over (however it ends) has a method ``finish`` that takes
the last report. One that remembers something from epoch to epoch has ``state()``, which gives it as plain values and
arrays, and ``restore(run, state)``, so that a run can go on from a checkpoint. A callback of one's own can be a plain
function:

>>> from pellucid import Dense, Network
>>> seen = []
>>> network = Network(1, [Dense(1)], seed=0)
>>> history = network.fit([[1.0]], [2.0], loss="squared_error", epochs=2, callbacks=[lambda r: seen.append(r.epoch)])
>>> seen
[1, 2]
"""

import sys
from collections.abc import Callable
from typing import Any, TextIO, TypeAlias

import numpy as np

from pellucid.arrays import Array
from pellucid.training.history import Report

Callback: TypeAlias = Callable[[Report], Any]


class EarlyStopping:
    """Stop when the watched loss has not improved for some epochs, and go back to the best epoch.

    For K members each has its own best epoch and its own patience; the run ends when all have run out.

    Parameters
    ----------
    patience : int
        Epochs without improvement that are waited for.
    min_delta : float
        By how much the loss must fall to count as an improvement.
    monitor : "validation_loss" or "loss"
        For "loss", the loss and penalty on all training records is computed once more at the end of each epoch: the
        mean over an epoch's batches belongs to parameters that have changed since.
    restore_best : bool
        Whether the network ends with the parameters of its best epoch; otherwise with the last.

    Attributes
    ----------
    best : float or array [K]
        The lowest loss seen.
    best_epoch : int or array [K]
        The epoch it was seen in, also kept in ``history.best_epoch``.

    Raises
    ------
    ValueError
        If the run has no validation records and ``monitor`` asks for them.

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid import Dense, EarlyStopping, Network
    >>> X = np.linspace(-1, 1, 40)[:, None]
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> history = network.fit(X, X[:, 0], loss="squared_error", epochs=1000, validation_fraction=0.25,
    ...                       callbacks=[EarlyStopping(patience=5, min_delta=1e-3)])
    >>> history.stopped
    'validation_loss did not improve for 5 epochs'

    Source: Prechelt, "Early stopping - but when?", 1998, section 2.
    """

    def __init__(
        self,
        patience: int = 10,
        *,
        min_delta: float = 0.0,
        monitor: str = "validation_loss",
        restore_best: bool = True,
    ) -> None:
        if patience < 1:
            raise ValueError(f"EarlyStopping: patience must be at least 1, found {patience}")
        if monitor not in ("validation_loss", "loss"):
            raise ValueError(f'EarlyStopping: monitor must be "validation_loss" or "loss", found {monitor!r}')
        self.patience, self.min_delta = patience, min_delta
        self.monitor, self.restore_best = monitor, restore_best
        self._run: object = None
        self.best: Array
        self.best_epoch: Array
        self._waiting: Array
        self._theta: Array
        self._state: list[dict[str, Array]]

    def __call__(self, report: Report) -> None:
        if not report.end_of_epoch:
            return
        if self._run is not report.run:
            self._begin(report)
        found = report.validation_loss if self.monitor == "validation_loss" else report.run.training_loss()
        if found is None:
            raise ValueError(
                "EarlyStopping watches validation_loss, but there are no validation records: give fit validation_data "
                '(of an estimator, X_val and y_val) or validation_fraction, or watch monitor="loss"'
            )
        better = (np.asarray(found) < self.best - self.min_delta) & self._waiting
        if better.any():
            self.best = np.where(better, found, self.best)
            self.best_epoch = np.where(better, report.epoch, self.best_epoch)
            self._theta = np.where(better[..., None], report.network.theta, self._theta)
            self._state = _where(better, report.network.state, self._state)
        self._waiting = self._waiting & (report.epoch - self.best_epoch < self.patience)
        report.history.best_epoch = self.best_epoch.tolist()
        if not self._waiting.any():
            report.stop(f"{self.monitor} did not improve for {self.patience} epochs")

    def _begin(self, report: Report) -> None:
        shape = np.shape(report.loss)
        self._run = report.run
        self.best = np.full(shape, np.inf)
        self.best_epoch = np.zeros(shape, dtype=int)
        self._waiting = np.ones(shape, dtype=bool)
        self._theta = report.network.theta.copy()
        self._state = _where(np.ones(shape, dtype=bool), report.network.state, report.network.state)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must keep for the run to go on."""
        if self._run is None:
            return {"begun": False}
        states = {f"state/{place}/{name}": v for place, named in enumerate(self._state) for name, v in named.items()}
        waiting = {"best": self.best, "best_epoch": self.best_epoch, "waiting": self._waiting, "theta": self._theta}
        return {"begun": True, **waiting, **states}

    def restore(self, run: object, state: dict[str, Any]) -> None:
        """Take up again what :meth:`state` gave, in the run that goes on."""
        if not state["begun"]:
            self._run = None
            return
        self._run, self._theta, self._waiting = run, state["theta"], state["waiting"]
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        found: dict[int, dict[str, Array]] = {}
        for key, value in state.items():
            group, _, rest = key.partition("/")
            if group == "state":
                place, _, name = rest.partition("/")
                found.setdefault(int(place), {})[name] = value
        self._state = [found.get(place, {}) for place in range(len(run.network.layers))]  # type: ignore[attr-defined]

    def finish(self, report: Report) -> None:
        """Put the best parameters back."""
        if self.restore_best and self._run is report.run and (self.best_epoch > 0).any():
            network = report.network
            # Where the best epoch ended with the very step that was taken back since, what it was taken back to stays.
            good = report.run.spoiled_epoch != self.best_epoch
            network.theta = np.where(good[..., None], self._theta, network.theta)
            network.set_state(_where(good, self._state, network.state))
        self._run = None  # what comes next is another run


def _where(better: Array, new: list[dict[str, Array]], old: list[dict[str, Array]]) -> list[dict[str, Array]]:
    return [
        {
            name: np.where(better.reshape(better.shape + (1,) * (value.ndim - better.ndim)), value, before[name])
            for name, value in layer.items()
        }
        for layer, before in zip(new, old, strict=True)
    ]


class ReduceOnPlateau:
    """Lower the learning rate when the watched loss has not improved for some epochs.

    Parameters
    ----------
    factor : float
        What the rate is multiplied by.
    patience : int
        Epochs without improvement that are waited for, counted anew after each reduction.
    min_delta : float
        By how much the loss must fall to count as an improvement.
    monitor : "validation_loss" or "loss"
    min_factor : float
        The rate is never multiplied by less than this in all.

    Examples
    --------
    >>> from pellucid import Dense, Network, ReduceOnPlateau, SGD
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> history = network.fit([[1.0]], [1.0], loss="squared_error", optimizer=SGD(0.5), epochs=6,
    ...                       callbacks=[ReduceOnPlateau(0.1, patience=2, monitor="loss")])
    >>> history["learning_rate"].round(3)
    array([0.5 , 0.5 , 0.5 , 0.05, 0.05, 0.05])
    """

    def __init__(
        self,
        factor: float = 0.1,
        patience: int = 5,
        *,
        min_delta: float = 0.0,
        monitor: str = "validation_loss",
        min_factor: float = 1e-6,
    ) -> None:
        if not 0 < factor < 1:
            raise ValueError(f"ReduceOnPlateau: factor must lie between 0 and 1, found {factor}")
        if patience < 1:
            raise ValueError(f"ReduceOnPlateau: patience must be at least 1, found {patience}")
        if monitor not in ("validation_loss", "loss"):
            raise ValueError(f'ReduceOnPlateau: monitor must be "validation_loss" or "loss", found {monitor!r}')
        self.factor, self.patience, self.min_delta = factor, patience, min_delta
        self.monitor, self.min_factor = monitor, min_factor
        self._run: object = None

    def __call__(self, report: Report) -> None:
        if not report.end_of_epoch:
            return
        if self._run is not report.run:
            self._run, self._best, self._waited = report.run, np.inf, 0
        found = getattr(report, self.monitor)
        if found is None:
            raise ValueError(
                'ReduceOnPlateau watches validation_loss, but there are no validation records; monitor="loss"?'
            )
        loss = float(np.mean(found))
        if loss < self._best - self.min_delta:
            self._best, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited >= self.patience:
            report.rate_factor = max(report.rate_factor * self.factor, self.min_factor)
            self._waited = 0

    def finish(self, report: Report) -> None:
        """Forget the run: what comes next is another."""
        self._run = None

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must keep for the run to go on."""
        begun = self._run is not None
        return {"begun": begun, "best": np.array(self._best), "waited": self._waited} if begun else {"begun": False}

    def restore(self, run: object, state: dict[str, Any]) -> None:
        """Take up again what :meth:`state` gave, in the run that goes on."""
        self._run = run if state["begun"] else None
        if state["begun"]:
            self._best, self._waited = float(state["best"]), int(state["waited"])


class Progress:
    """Write how far training is, its losses and the time left: one line that renews itself in a terminal.

    Where the stream is no terminal, a plain line is written about every tenth of the run.

    Parameters
    ----------
    stream : text stream, optional
        By default standard error.

    Examples
    --------
    >>> import sys
    >>> from pellucid import Dense, Network, Progress
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> history = network.fit([[1.0]], [2.0], loss="squared_error", epochs=2, callbacks=[Progress(sys.stdout)])
    epoch 1 of 2, loss ..., ... left
    epoch 2 of 2, loss ..., done in ...
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream
        self._last = -1.0
        self._first = 0.0
        self._width = 0

    def __call__(self, report: Report) -> None:
        if not report.end_of_epoch:
            return
        if report.epoch == 1:
            self._first = report.seconds
        stream = self.stream or sys.stderr
        if stream.isatty():
            if report.seconds - self._last >= 0.1 or report.epoch == report.epochs or report.epoch == 1:
                self._last = report.seconds
                text = self._text(report)
                stream.write("\r" + text.ljust(self._width))
                stream.flush()
                self._width = len(text)
        elif report.epoch == report.epochs or report.epoch % max(1, report.epochs // 10) == 0:
            stream.write(self._text(report) + "\n")

    def finish(self, report: Report) -> None:
        """End the line; say so where the run ended before its last epoch."""
        stream = self.stream or sys.stderr
        if stream.isatty():
            stream.write("\r" + self._text(report, over=True).ljust(self._width) + "\n")
            stream.flush()
        elif report.epoch < report.epochs:
            stream.write(self._text(report, over=True) + "\n")

    def _text(self, report: Report, over: bool = False) -> str:
        parts = [f"epoch {report.epoch} of {report.epochs}", f"loss {np.mean(report.loss):.4g}"]
        if report.validation_loss is not None:
            parts.append(f"validation loss {np.mean(report.validation_loss):.4g}")
        each = report.seconds / report.epoch
        if report.epoch > 1:  # the first epoch may have waited for a compiler
            each = (report.seconds - self._first) / (report.epoch - 1)
        left = each * (report.epochs - report.epoch)
        parts.append(f"done in {duration(report.seconds)}" if over or not left else f"{duration(left)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """Return a duration as a person would say it.

    Examples
    --------
    >>> duration(0.25), duration(75), duration(7300)
    ('0.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
