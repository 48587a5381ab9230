"""Logs for TensorBoard and MLflow (extra ``tracking``): the figures of every epoch where people compare their runs."""

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.configuration import as_code
from pellucid.extras import require
from pellucid.training.history import Report
from pellucid.training.logs import Log, figures_of


class TensorBoardLog(Log):
    """Write the figures of every epoch for TensorBoard to draw: ``tensorboard --logdir runs``.

    The scalars are ``loss``, ``validation_loss`` and ``learning_rate``, by epoch; of K members the mean, and each
    member's (``loss_0``, ...). TensorBoard keeps float32. Every epoch is handed to the disk at once, so that it can
    be looked at while the training goes on. TensorFlow is not needed.

    A run that is resumed from a checkpoint goes on in the same folder, and TensorBoard drops the epochs that are made
    again.

    Parameters
    ----------
    folder : path-like
        A folder for this run alone, such as ``runs/first``; it is made where it does not exist.
    histograms : bool
        Whether the values of every parameter are written too, as one histogram an epoch (all members together).

    Raises
    ------
    MissingExtraError
        If tensorboard is not installed.
    FileExistsError
        By the run, after its first epoch, if the folder holds another run: TensorBoard would draw both as one curve.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from pellucid import Dense, Network, TensorBoardLog
    >>> folder = Path(tempfile.mkdtemp()) / "runs" / "first"
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> history = network.fit([[1.0]], [2.0], loss="squared_error", epochs=2, callbacks=[TensorBoardLog(folder)])
    >>> [path.name[:20] for path in folder.iterdir()]
    ['events.out.tfevents.']
    """

    def __init__(self, folder: str | os.PathLike[str], *, histograms: bool = False) -> None:
        super().__init__()
        self.folder, self.histograms = Path(folder), histograms
        # Records are written one by one: the package's own writer would import TensorFlow where it is installed, and
        # would fail in a thread of its own.
        purpose = "TensorBoardLog"
        require("tensorboard", "tracking", purpose=purpose)
        self._record = require("tensorboard.summary.writer.record_writer", "tracking", purpose=purpose).RecordWriter
        self._event = require("tensorboard.compat.proto.event_pb2", "tracking", purpose=purpose)
        self._summary = require("tensorboard.compat.proto.summary_pb2", "tracking", purpose=purpose)

    def _begin(self, report: Report, resumed: bool) -> None:
        if not resumed and any(self.folder.glob("*tfevents*")):
            raise FileExistsError(
                f"{self.folder} holds another run, and TensorBoard would draw both as one curve: give TensorBoardLog a "
                "folder for this run alone"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads the files of a folder in the order of their names: so the time comes first, and finely.
        self._file = self.folder / f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._add(file_version="brain.Event:2")
        if resumed:
            start = self._event.SessionLog(status=self._event.SessionLog.START)
            self._add(step=report.epoch, session_log=start)  # drops what was written from this epoch on

    def _write(self, report: Report) -> None:
        value = self._summary.Summary.Value
        values = [value(tag=name, simple_value=figure) for name, figure in figures_of(report).items()]
        if self.histograms:
            for layer, parameters in report.network.parameters.items():
                for name, array in parameters.items():
                    values.append(value(tag=f"{layer}/{name}", histo=self._histogram(array)))
        self._add(step=report.epoch, summary=self._summary.Summary(value=values))

    def _histogram(self, array: Array) -> Any:
        """Count the finite values of a parameter in 30 bins from the smallest to the largest."""
        values = np.asarray(array, dtype=np.float64)
        values = values[np.isfinite(values)]
        least, largest = values.min(initial=np.inf), values.max(initial=-np.inf)
        try:
            counts, edges = np.histogram(values, bins=30)
        except ValueError:  # too close together, or too far apart, to have 30 limits between them
            counts, edges = np.array([values.size]), np.array([least, largest])
        return self._summary.HistogramProto(
            min=least,
            max=largest,
            num=values.size,
            sum=values.sum(),
            sum_squares=(values**2).sum(),
            bucket_limit=edges[1:],
            bucket=counts,
        )

    def _add(self, **content: Any) -> None:
        with self._file.open("ab") as file:
            self._record(file).write(self._event.Event(wall_time=time.time(), **content).SerializeToString())


class MLflowLog(Log):
    """Write the run to MLflow: its settings, the figures of every epoch, and how it ended.

    Within a run of MLflow that is under way (``with mlflow.start_run():``) everything goes there, and it stays open.
    Otherwise a run is begun, and ended with the training: as FINISHED, as FAILED where the loss was no longer finite
    or an error ended it, and as KILLED after Ctrl-C. Where MLflow keeps its runs, and in which experiment, is chosen
    as ever, with ``mlflow.set_tracking_uri`` and ``mlflow.set_experiment``.

    The parameters are ``network``, ``parameters`` (how many), ``seed``, ``dtype``, ``members``, ``loss``,
    ``penalty``, ``optimizer``, ``epochs``, ``batches`` (in an epoch), ``records`` and ``validation_records``. The
    metrics are ``loss``, ``validation_loss`` and ``learning_rate``, by epoch; of K members the mean, and each
    member's (``loss_0``, ...). The tag ``stopped`` says why a run ended before its last epoch.

    A run that is resumed from a checkpoint goes on in the same run of MLflow. Epochs that are made again have two
    values there, since MLflow takes nothing back. A server that does not answer is asked again by MLflow for some
    minutes, and the training waits, once.

    Parameters
    ----------
    run_name : str, optional
        The name of the run that is begun; by default MLflow makes one up.

    Attributes
    ----------
    run_id : str or None
        MLflow's identifier of the run, once it is begun.

    Raises
    ------
    MissingExtraError
        If mlflow is not installed.

    Examples
    --------
    >>> import mlflow  # doctest: +SKIP
    >>> from pellucid import Dense, MLflowLog, Network
    >>> mlflow.set_experiment("first steps")  # doctest: +SKIP
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> history = network.fit([[1.0]], [2.0], loss="squared_error", epochs=2,
    ...                       callbacks=[MLflowLog("one neuron")])  # doctest: +SKIP
    """

    def __init__(self, run_name: str | None = None) -> None:
        super().__init__()
        self.run_name = run_name
        self.run_id: str | None = None
        self._mlflow: Any = require("mlflow", "tracking", purpose="MLflowLog")
        self._owns_run = False
        self._outer_error: BaseException | None = None

    def _begin(self, report: Report, resumed: bool) -> None:
        under_way = self._mlflow.active_run()
        self._owns_run = under_way is None
        self._outer_error = sys.exception()
        if under_way is None:
            under_way = self._mlflow.start_run(run_id=self.run_id if resumed else None, run_name=self.run_name)
        self.run_id = under_way.info.run_id
        if not resumed:
            self._mlflow.log_params(_settings(report))

    def _write(self, report: Report) -> None:
        self._mlflow.log_metrics(figures_of(report), step=report.epoch, run_id=self.run_id)

    def finish(self, report: Report) -> None:
        """Write down why the run ended early, if it did, and end the run of MLflow that was begun here."""
        super().finish(report)
        if self._run is not report.run:
            return
        try:
            if self._owns_run:
                self._mlflow.end_run(self._status(report))
            if report.history.stopped and not self._failed:
                self._mlflow.MlflowClient().set_tag(self.run_id, "stopped", report.history.stopped)
        except Exception as problem:
            if not self._failed:
                self._fails(report, problem)

    def _status(self, report: Report) -> str:
        error = sys.exception()
        # A run may be made while an error is dealt with, which is then none of its own; leaving a loop is no error.
        if error is self._outer_error or isinstance(error, GeneratorExit):
            return "FAILED" if report.run.stopped_early else "FINISHED"
        return "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must keep: the last epoch written, and MLflow's identifier of the run."""
        return {**super().state(), "run_id": self.run_id}

    def restore(self, run: Any, state: dict[str, Any]) -> None:
        """Take note that this run goes on from where the log had this state, in the same run of MLflow."""
        super().restore(run, state)
        self.run_id = state["run_id"]


def _settings(report: Report) -> dict[str, Any]:
    """Return what a run was made with, as far as the run itself knows it."""
    run, network, fitted = report.run, report.network, report.run.fitted
    return {
        "network": repr(network),
        "parameters": network.layout.size,
        "seed": network.seed,
        "dtype": network.dtype.name,
        "members": network.members,
        "loss": as_code(fitted.loss),
        "penalty": as_code(fitted.penalty),
        "optimizer": as_code(fitted.optimizer),
        "epochs": run.epochs,
        "batches": report.batches,
        "records": len(run.data.target),
        "validation_records": 0 if run.held_out is None else len(run.held_out.target),
    }
