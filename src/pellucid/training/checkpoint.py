"""Checkpoints: where a run is, kept on the disk while it goes on, so that it can be left and gone on with.

What a step does depends on the parameters, the optimizer's memory, the running statistics and the place in the run
alone: which records it sees and what is drawn for it are functions of seed and place (:mod:`pellucid.training.chance`).
So these four, and what callbacks remember, are all that has to be kept for a run to go on as if it had never stopped.
"""

import dataclasses
import hashlib
import inspect
import math
import os
import platform
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid._version import __version__
from pellucid.arrays import Array
from pellucid.errors import CheckpointError
from pellucid.gradients import Batch
from pellucid.network import Network
from pellucid.training.asked import TrainingInterrupted
from pellucid.training.history import Column

if TYPE_CHECKING:
    from pellucid.engines.engine import Standing
    from pellucid.files.checkpoint import Saved
    from pellucid.training.loop import Run, Steps


MOST_WITHIN = 20
"""How deep settings within settings are compared."""
ARRAYS = (np.ndarray, np.generic)


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written or read, or a run goes on under other circumstances: the text says which.

    Examples
    --------
    >>> import pellucid
    >>> issubclass(pellucid.CheckpointWarning, UserWarning)
    True
    """


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is kept while it goes on, and how often.

    The same call of ``fit`` with the same folder goes on from what it holds; if that run is finished, it comes back at
    once with what came out. Two checkpoints are kept, the newest and the one before it.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there. One run at a time may use it.
    seconds : float
        About how much work may be lost at most. 0 writes after every epoch, unless the last one is still being written.

    Raises
    ------
    ValueError
        If ``seconds`` is negative.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from pellucid import Dense, Network
    >>> folder = pathlib.Path(tempfile.mkdtemp()) / "run"
    >>> def trained():
    ...     network = Network(1, [Dense(1)], seed=0)
    ...     network.fit([[0.0], [1.0]], [1.0, 3.0], loss="squared_error", epochs=20, checkpoint=Checkpoint(folder))
    ...     return network
    >>> bool((trained().theta == trained().theta).all())  # the second finds that all is done
    True
    """

    folder: str | Path
    seconds: float = 10.0

    def __post_init__(self) -> None:
        if not isinstance(self.folder, str | Path):
            raise TypeError(f"Checkpoint: folder must be a path, found {self.folder!r}")
        if not str(self.folder):
            raise ValueError("Checkpoint: folder is empty; name a folder")
        number = isinstance(self.seconds, int | float) and not isinstance(self.seconds, bool)
        if not number or not 0 <= self.seconds < math.inf:
            raise ValueError(f"Checkpoint: seconds must be finite and not negative, found {self.seconds!r}")


def run_identity(
    network: Network,
    start: str,
    optimizer: Any,
    settings: Mapping[str, Any],
    callbacks: list[Any],
    data: Batch,
    held_out: Batch | None,
) -> dict[str, Any]:
    """Return all that a run's result depends on, as plain values: two runs with the same can take each other's place.

    Arrays are there by their fingerprints.
    """
    layers = dict(zip(network.names, map(_described, network.layers), strict=True))
    return {
        "network": {
            "inputs": list(network.inputs),
            "layers": layers,
            "order": list(network.names),
            "seed": str(network.seed),  # it may have more digits than a number in a file
            "dtype": network.dtype.name,
            "members": network.members,
            "frozen": list(network.frozen),
        },
        "start": start,
        "optimizer": _described(optimizer),
        **{name: _described(value) for name, value in settings.items()},
        "callbacks": [_callback(one) for one in deciding(callbacks)],
        "data": {
            **_fingerprints("", data),
            **({} if held_out is None else _fingerprints("validation ", held_out)),
        },
    }


def circumstances(of_engine: Mapping[str, str]) -> dict[str, str]:
    """Return what may change a run's last digits although nothing that was asked for has changed."""
    blas = np.__config__.CONFIG.get("Build Dependencies", {}).get("blas", {})
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    threads = [f"{name}={os.environ[name]}" for name in names if os.environ.get(name)]
    return {
        "pellucid": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "BLAS": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
        "threads": ", ".join(threads) or f"{_cores()} processors",
        "machine": platform.machine(),
        **of_engine,
    }


class Keeper:
    """Keeps a run's checkpoints: brings the run to where it was left, and writes down where it is.

    Parameters
    ----------
    checkpoint : Checkpoint
    identity, circumstances : dict
        Of the run that is to be made.

    Raises
    ------
    CheckpointError
        If the folder cannot be used, or holds the checkpoints of another run: the text names the difference.
    """

    def __init__(self, checkpoint: Checkpoint, identity: dict[str, Any], circumstances: dict[str, str]) -> None:
        from pellucid.files.checkpoint import CheckpointFolder

        self.checkpoint, self.identity, self.circumstances = checkpoint, identity, circumstances
        self.folder = CheckpointFolder(Path(checkpoint.folder).absolute())  # whoever changes folders meanwhile
        self._writing: threading.Thread | None = None
        self._problem: Exception | None = None
        self._warned = False
        self._written_at = time.perf_counter()
        try:
            self.found: Saved | None = self.folder.newest()
            if self.found is not None:
                self._check(self.found)
        except BaseException:
            self.close()
            raise

    def _check(self, found: "Saved") -> None:
        for problem in found.skipped:
            warnings.warn(
                f"{problem}. The run goes on from the checkpoint before it, {found.path.name}",
                CheckpointWarning,
                stacklevel=2,
            )
        differing = differences(found.config["run"], self.identity)
        # Other settings start elsewhere, too: that is said only where nothing else explains it.
        differing = [one for one in differing if one[0] != "start"] or differing
        if differing:
            shown = "; ".join(f"{name} was {old}, and is now {new}" for name, old, new in differing[:5])
            more = f"; and {len(differing) - 5} more" if len(differing) > 5 else ""
            raise CheckpointError(
                f"{self.folder.path}: its checkpoints are of another run: {shown}{more}. "
                "Use the same data and settings to go on, or another folder to begin anew"
            )
        changed = differences(found.config["circumstances"], self.circumstances)
        if changed:
            shown = "; ".join(f"{name} was {old}, and is now {new}" for name, old, new in changed)
            warnings.warn(
                f"{self.folder.path}: the run goes on under other circumstances, and may differ in its last digits "
                f"from one that was never interrupted: {shown}",
                CheckpointWarning,
                stacklevel=2,
            )

    @property
    def finished(self) -> bool:
        """Whether the run that was found came to its end."""
        return self.found is not None and bool(self.found.config["progress"]["finished"])

    # Going on

    def resume(self, run: "Run", memory: Any) -> "tuple[Any, Standing] | None":
        """Bring network, history and callbacks to where the run was left; return the optimizer's memory and the place.

        None if there is nothing to go on from.
        """
        from pellucid.engines.engine import Standing

        if self.found is None:
            return None
        progress, tensors = self.found.config["progress"], self.found.tensors
        network = run.network
        network.theta = tensors["theta"]
        network.set_state(_states(network, tensors, "state"))
        arrays = {name: value[()] for name, value in part(tensors, "optimizer").items()}  # of no axes: a number
        values = progress["optimizer"] | arrays
        memory = type(memory)(**{name: values.get(name) for name in memory._fields})
        run.history.columns = {}
        for name in ("loss", "learning_rate", "seconds", "validation_loss"):
            if f"history/{name}" in tensors:
                run.history.columns[name] = Column()
                run.history.columns[name].extend(tensors[f"history/{name}"])
        run.history.stopped, run.history.best_epoch = progress["stopped"], progress["best_epoch"]
        run.rate_factor, run.elapsed = progress["rate_factor"], progress["elapsed"]
        run.spoiled_epoch = tensors["spoiled_epoch"]
        run.stopped = progress["stopped"] is not None and progress["finished"]
        run.stopped_early = progress["stopped_early"]
        left = [(kept, part(tensors, f"callback/{place}")) for place, kept in enumerate(progress["callbacks"])]
        for callback in remembering(run.callbacks):
            mine = next((one for one in left if one[0]["type"] == type(callback).__qualname__), None)
            if mine is not None:  # a log that the run did not have before begins here
                left = [one for one in left if one is not mine]
                values, arrays = mine
                callback.restore(run, values["values"] | arrays)
        averages = _states(network, tensors, "average_state") if "average" in tensors else []
        standing = Standing(progress["place"], tensors["before"], tensors["active"], tensors.get("average"), averages)
        return memory, standing

    def open_epoch(self) -> tuple[Array, ...]:
        """Return what the figures of the epoch under way have come to."""
        if self.found is None:
            return ()
        begun = part(self.found.tensors, "open")
        return tuple(begun[name] for name in sorted(begun))

    # Keeping

    def look(self, steps: "Steps") -> None:
        """Write a checkpoint if one is due; where somebody asked for a pause, write it and end.

        Raises
        ------
        TrainingInterrupted
            If somebody asked for a pause.
        """
        asked = steps.work.asked.signal
        if asked is not None:
            self.write(steps, finished=False)
            kept = f"saved in {self.checkpoint.folder}"
            if self._problem is not None:
                kept = f"it could not be saved in {self.checkpoint.folder}, which holds what was written last"
            raise TrainingInterrupted(asked, steps.standing_in_words(), kept)
        busy = self._writing is not None and self._writing.is_alive()
        between = steps.engine.place % steps.batches.count == 0
        due = time.perf_counter() - self._written_at >= self.checkpoint.seconds
        if due and not busy and (between or self.checkpoint.seconds > 0):
            self.write(steps, finished=False, behind=True)

    def write(self, steps: "Steps", *, finished: bool, behind: bool = False) -> None:
        """Write down where the run is; ``behind`` the back of the run that goes on, from a copy."""
        self._wait()
        self._written_at = time.perf_counter()
        if not finished and steps.engine.before is None and not steps.goes_well():
            return  # the next step will be taken back, to what this engine could not tell a run that begins here
        place, config, tensors = self._snapshot(steps, finished)

        def work() -> None:
            try:
                self.folder.write(place, config, tensors)
                self._problem = None
            except Exception as problem:  # a thread has nobody to raise it to
                self._problem = problem

        if behind:
            self._writing = threading.Thread(target=work, name="pellucid-checkpoint")
            self._writing.start()
        else:
            work()
            self._tell(finished)

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.join()
            self._writing = None
            self._tell()

    def _tell(self, last: bool = False) -> None:
        """Warn, once, where a checkpoint could not be written: the training itself goes on."""
        if self._problem is None:
            self._warned = False
        elif not self._warned:
            self._warned = True
            reason = getattr(self._problem, "strerror", None) or self._problem
            then = "It was the last one" if last else "Training goes on, and tries again"
            warnings.warn(
                f"{self.folder.path}: the checkpoint could not be written: {reason}. {then}",
                CheckpointWarning,
                stacklevel=2,
            )

    def close(self) -> None:
        """Wait for what is being written, and let others use the folder."""
        self._wait()
        self.folder.close()

    def _snapshot(self, steps: "Steps", finished: bool) -> tuple[int, dict[str, Any], dict[str, Array]]:
        """Return where the run is, in arrays of its own."""
        from pellucid.files.config import canonical

        run, engine, network = steps.run, steps.engine, steps.network
        memory = engine.optimizer_state._asdict()
        remembered = [(type(one).__qualname__, *_told(one)) for one in remembering(run.callbacks)]
        tensors: dict[str, Any] = {
            "theta": network.theta,
            "before": network.theta if engine.before is None else engine.before,
            "active": engine.active,
            "spoiled_epoch": run.spoiled_epoch,
            **_named("state", network),
            **{f"optimizer/{name}": value for name, value in memory.items() if isinstance(value, ARRAYS)},
            **{f"history/{name}": run.history[name] for name in run.history},
        }
        if engine.average is not None:
            tensors["average"] = engine.average
            tensors |= _named("average_state", network, engine.average_states)
        for place, (_, _, arrays) in enumerate(remembered):
            tensors |= {f"callback/{place}/{key}": array for key, array in arrays.items()}
        tensors |= {f"open/{place}": np.asarray(value, dtype=np.float64) for place, value in enumerate(steps.open)}
        progress = {
            "place": engine.place,
            "finished": finished,
            "stopped": run.history.stopped,
            "stopped_early": run.stopped_early,
            "best_epoch": run.history.best_epoch,
            "rate_factor": run.rate_factor,
            "elapsed": time.perf_counter() - run.began,
            "optimizer": {name: value for name, value in memory.items() if not isinstance(value, ARRAYS)},
            "callbacks": [{"type": kind, "values": values} for kind, values, _ in remembered],
        }
        config = {"run": self.identity, "circumstances": self.circumstances, "progress": progress}
        canonical(config)  # what cannot be kept is an error here, not in the thread that writes
        return engine.place, config, {name: np.array(value) for name, value in tensors.items()}


def remembering(callbacks: Iterable[Any]) -> list[Any]:
    """Return the callbacks that have something to remember."""
    return [one for one in callbacks if hasattr(one, "restore")]


def deciding(callbacks: Iterable[Any]) -> list[Any]:
    """Return those of them that may change what comes out: all but logs, which only write down."""
    return [one for one in remembering(callbacks) if not getattr(one, "only_watches", False)]


def _told(callback: Any) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return what a callback wants to be kept: plain values, and arrays.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    values, arrays = {}, {}
    for name, one in callback.state().items():
        if isinstance(one, ARRAYS):
            arrays[name] = np.asarray(one)
        elif one is None or isinstance(one, bool | int | str) or (isinstance(one, float) and math.isfinite(one)):
            values[name] = one
        else:
            raise TypeError(
                f"{type(callback).__name__}.state() gives {name!r} as {one!r}; a checkpoint keeps arrays, texts, "
                "finite numbers, booleans and None"
            )
    return values, arrays


def part(tensors: Mapping[str, Array], group: str) -> dict[str, Array]:
    """Return the arrays of a group, under their own names.

    Examples
    --------
    >>> part({"optimizer/m": np.zeros(2), "theta": np.ones(2)}, "optimizer")
    {'m': array([0., 0.])}
    """
    start = f"{group}/"
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def differences(old: Any, new: Any, name: str = "") -> list[tuple[str, str, str]]:
    """Return in what two sets of plain values differ: name, what was, what is.

    Examples
    --------
    >>> differences({"epochs": 5, "optimizer": {"rate": 0.1}}, {"epochs": 5, "optimizer": {"rate": 0.2}})
    [('optimizer.rate', '0.1', '0.2')]
    """
    if isinstance(old, dict) and isinstance(new, dict):
        names = [*new, *(key for key in old if key not in new)]
        found: list[tuple[str, str, str]] = []
        for key in names:
            inner = f"{name}.{key}" if name else key
            if key not in old or key not in new:
                found.append((inner, _short(old.get(key, "not there")), _short(new.get(key, "not there"))))
            else:
                found += differences(old[key], new[key], inner)
        return found
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = zip(old, new, strict=True)
        return [one for at, (was, now) in enumerate(pairs) for one in differences(was, now, f"{name}[{at}]")]
    return [] if old == new else [(name, _short(old), _short(new))]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _described(value: Any, depth: int = 0) -> Any:
    """Return a setting as plain values; of a part of somebody's own, what it is called and what it holds openly."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return value if math.isfinite(value) and abs(value) < 2**63 else str(value)
    if isinstance(value, np.ndarray):
        return fingerprint(value)
    kind = type(value)
    if depth > MOST_WITHIN or inspect.isroutine(value) or isinstance(value, type):
        return getattr(value, "__qualname__", kind.__qualname__)
    if isinstance(value, Mapping):
        return {str(key): _described(one, depth + 1) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_described(one, depth + 1) for one in value]
    if dataclasses.is_dataclass(value):
        held = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
    else:
        held = {name: one for name, one in getattr(value, "__dict__", {}).items() if not name.startswith("_")}
    return {"type": kind.__qualname__, **{name: _described(one, depth + 1) for name, one in held.items()}}


def _callback(callback: Any) -> dict[str, Any]:
    """Return which callback it is, and its settings: the arguments that it keeps under their names."""
    kind = type(callback)
    kept = {n: getattr(callback, n) for n in inspect.signature(kind).parameters if hasattr(callback, n)}
    return {"type": kind.__qualname__, **{name: _described(value) for name, value in kept.items()}}


def _fingerprints(prefix: str, data: Batch) -> dict[str, str]:
    names = {"X": data.x, "y": data.target, "sample_weight": data.weights}
    return {f"{prefix}{name}": fingerprint(array) for name, array in names.items() if array is not None}


def fingerprint(array: Array) -> str:
    """Return an array's shape, type, and the first digits of its sha256.

    Examples
    --------
    >>> fingerprint(np.zeros((2, 3)))
    '2 x 3 float64, sha256 17b0761f87b081d5...'
    """
    contents = hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
    return f"{' x '.join(map(str, array.shape))} {array.dtype.name}, sha256 {contents[:16]}..."


def start_of(network: Network, memory: Any, folder: Path) -> str:
    """Return a fingerprint of what a run begins with; of one that is left and goes on, of what it began with."""
    fitted = network.fitted
    if fitted is not None and fitted.began is not None and fitted.began[0] == folder:
        return fitted.began[1]
    digest = hashlib.sha256(network.theta.tobytes())
    for array in _arrays(network, memory):
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"sha256 {digest.hexdigest()[:16]}..."


def _arrays(network: Network, memory: Any) -> Iterator[Array]:
    for named in network.state:
        yield from named.values()
    yield from (np.asarray(value) for value in (() if memory is None else memory) if value is not None)


def _named(group: str, network: Network, states: Any = None) -> dict[str, Array]:
    return {
        f"{group}/{layer}/{name}": value
        for layer, named in zip(network.names, network.state if states is None else states, strict=True)
        for name, value in named.items()
    }


def _states(network: Network, tensors: Mapping[str, Array], group: str) -> list[dict[str, Array]]:
    return [
        {name: tensors[f"{group}/{layer}/{name}"] for name in named}
        for layer, named in zip(network.names, network.state, strict=True)
    ]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
