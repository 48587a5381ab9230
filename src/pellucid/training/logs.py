"""Logs: callbacks that write the figures of every epoch down. This one writes a CSV file.

``pellucid.training.tracking`` has those for TensorBoard and MLflow. All keep three rules. A log is never written
over, or into, that of another run. A run that goes on from a checkpoint goes on in its own log. And a log that fails
in the midst of training (the disk is full, a server is gone) says so once and leaves the training alone.
"""

import csv
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.training.history import History, Report


def figures(loss: Any, validation_loss: Any, learning_rate: float) -> dict[str, float]:
    """Return the figures of an epoch by name, as all logs name them; of K members the mean, and each member's.

    Examples
    --------
    >>> figures(np.array([0.5, 1.5]), None, 0.1)
    {'loss': 1.0, 'loss_0': 0.5, 'loss_1': 1.5, 'learning_rate': 0.1}
    """
    found = {}
    for name, value in (("loss", loss), ("validation_loss", validation_loss)):
        if value is None:
            continue
        found[name] = float(np.mean(value))
        if np.ndim(value):
            found |= {f"{name}_{member}": float(own) for member, own in enumerate(value)}
    return {**found, "learning_rate": float(learning_rate)}


def figures_of(report: Report) -> dict[str, float]:
    """Return the figures of the epoch that a report tells of."""
    return figures(report.loss, report.validation_loss, report.learning_rate)


class Log:
    """What all logs share: when they begin and write, what is remembered for a resumed run, and what a failure does.

    A log has ``_begin``, called with the first report of a run, whose errors are errors of the run: little is lost
    yet. And it has ``_write``, called with every epoch's report, whose errors end the log and not the training.
    """

    only_watches = True
    """No log changes what comes out of a run, so a checkpointed run may go on with others."""

    def __init__(self) -> None:
        self._run: object = None
        self._resumed_run: object = None
        self._epoch = 0
        self._failed = False

    def __call__(self, report: Report) -> None:
        if not report.end_of_epoch:
            return
        if self._run is not report.run:
            self._run, self._failed = report.run, False
            # A log that had written nothing yet has nothing to go on with.
            self._begin(report, resumed=self._resumed_run is report.run and self._epoch > 0)
        if self._failed:
            return
        try:
            self._write(report)
        except Exception as problem:  # whatever a disk or a server may bring: hours of training are worth more
            self._fails(report, problem)
        else:
            self._epoch = report.epoch

    def _begin(self, report: Report, resumed: bool) -> None:
        raise NotImplementedError

    def _write(self, report: Report) -> None:
        raise NotImplementedError

    def _fails(self, report: Report, problem: Exception) -> None:
        """Say once that this log ends here."""
        self._failed = True
        message = f"{type(self).__name__} failed in epoch {report.epoch}, and writes no more: {problem}"
        warnings.warn(f"{message}. The training goes on without it", RuntimeWarning, stacklevel=2)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must keep: the last epoch written."""
        return {"epoch": self._epoch}

    def restore(self, run: Any, state: dict[str, Any]) -> None:
        """Take note that this run goes on from where the log had this state."""
        self._resumed_run, self._epoch = run, state["epoch"]

    def finish(self, report: Report) -> None:
        """Forget the epoch: what comes next is another run."""
        self._epoch = 0


class CSVLog(Log):
    """Write the figures of every epoch into a CSV file, one row an epoch.

    The columns are ``epoch``, ``loss``, ``validation_loss`` (where there are validation records), ``learning_rate``
    and ``seconds``, as in :class:`~pellucid.History`; of K members the mean, and after it each member's (``loss_0``,
    ...). Every row is handed to the disk at once, so a run that is killed leaves whole rows. Read back, each number
    is the same to the last bit.

    A run that is resumed from a checkpoint goes on in the same file: rows of epochs that are made again are cut off
    first, and rows that are missing are taken from the history. Where the file is gone, a RuntimeWarning says so.

    Parameters
    ----------
    path : path-like
        The file; its folder must exist.
    overwrite : bool
        Whether a new run may replace a file that exists.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    FileExistsError
        By the run, after its first epoch, if the file exists and belongs to another run.
    ValueError
        By a resumed run, if the file is not the log of that run: its columns are others, or its rows are no epochs.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from pellucid import CSVLog, Dense, Network
    >>> path = Path(tempfile.mkdtemp()) / "log.csv"
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> history = network.fit([[1.0]], [2.0], loss="squared_error", epochs=2, callbacks=[CSVLog(path)])
    >>> print(path.read_text())
    epoch,loss,learning_rate,seconds
    1,...,0.001,...
    2,...,0.001,...
    """

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        super().__init__()
        self.path, self.overwrite = Path(path), overwrite
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"CSVLog: there is no folder {self.path.parent} to write {self.path.name} into")

    def _begin(self, report: Report, resumed: bool) -> None:
        columns = ["epoch", *figures_of(report), "seconds"]
        last = 0
        if self.path.exists() and resumed:
            last = self._cut(report.epoch, columns)
        elif self.path.exists() and not self.overwrite:
            raise FileExistsError(
                f"{self.path} exists, and CSVLog does not write over the log of another run: give it another path, or "
                "overwrite=True"
            )
        else:
            if resumed:
                message = f"{self.path} is gone: CSVLog writes it anew, from the history of the run"
                warnings.warn(message, RuntimeWarning, stacklevel=2)
            self._add([columns], mode="w")
        self._add(_rows(report.history, last, report.epoch - 1))

    def _write(self, report: Report) -> None:
        self._add([[report.epoch, *figures_of(report).values(), report.seconds]])

    def _add(self, rows: list[list[Any]], mode: str = "a") -> None:
        # Opened anew each time: nothing waits in a buffer, and no file stays open behind a run that is killed.
        with self.path.open(mode, newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)

    def _cut(self, epoch: int, columns: list[str]) -> int:
        """Cut the rows from this epoch on, and a row that was not written to its end; return the last epoch left."""
        header, *rows = self.path.read_bytes().splitlines(keepends=True) or [b""]
        found = header.decode(errors="replace").strip()
        if found != ",".join(columns):
            raise self._foreign(f"its first line is {found!r}, expected {','.join(columns)!r}")
        size, last = len(header), 0
        for row in rows:
            text = row.decode(errors="replace").strip()
            if not row.endswith(b"\n") or text.partition(",")[0] == str(epoch):
                break
            if text.partition(",")[0] != str(last + 1):
                raise self._foreign(f"after epoch {last} it has the row {text!r}")
            size, last = size + len(row), last + 1
        os.truncate(self.path, size)
        return last

    def _foreign(self, what: str) -> ValueError:
        return ValueError(f"{self.path} is not the log of the run that is resumed: {what}. Give CSVLog another path")


def _rows(history: History, first: int, last: int) -> list[list[Any]]:
    """Return the rows of the epochs after ``first``, up to ``last``, from what the history keeps of them."""
    names = ("loss", "validation_loss", "learning_rate", "seconds")
    chosen = [history[name][first:last] if name in history else [None] * (last - first) for name in names]
    return [
        [epoch, *figures(loss, validation_loss, rate).values(), float(seconds)]
        for epoch, (loss, validation_loss, rate, seconds) in enumerate(zip(*chosen, strict=True), first + 1)
    ]
