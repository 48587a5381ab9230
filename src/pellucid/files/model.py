"""The model file: one safetensors file that holds a network, or a table model, and nothing that runs.

``__metadata__`` holds ``format``, ``version``, ``kind``, ``config`` (canonical JSON) and ``sha256`` over
config and tensors; the tensors are theta, running statistics, the optimizer's memory and the history.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pellucid._version import __version__
from pellucid.arrays import Array
from pellucid.errors import ModelFileError
from pellucid.files import safetensors
from pellucid.files.config import build, canonical, describe, parsed
from pellucid.layers import Layer
from pellucid.losses import Loss
from pellucid.network import Fitted, Network
from pellucid.penalties import Penalty
from pellucid.training.history import Column, History

FORMAT = "pellucid-model"
VERSION = "1"
Tensors = dict[str, Array]


def save(thing: Any, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a network or a table model to one file.

    The file is complete or not there at all: it is written under another name first, then renamed.

    Parameters
    ----------
    thing : Network or TableModel
    path : str or Path
    overwrite : bool
        Whether a file that exists may be replaced.

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is False.
    TypeError
        If the thing cannot be saved, or holds a setting that a file cannot keep.
    """
    if isinstance(thing, Network):
        kind, config, tensors = "network", network_config(thing), network_tensors(thing)
    elif hasattr(thing, "to_file"):
        kind, config, tensors = thing.to_file()
    else:
        raise TypeError(f"save takes a Network or a TableModel, found {type(thing).__name__}")
    text = canonical({**config, "library": __version__})
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "config": text,
        "sha256": safetensors.digest(text, tensors),
    }
    safetensors.write(Path(path), tensors, metadata, overwrite=overwrite)


def load(path: str | Path, *, custom: Mapping[str, type[Any]] | None = None) -> Any:
    """Read a model file, and return the kind of thing that was saved: a Network or a TableModel.

    Reading never runs code from the file and never imports by name. A class of your own that the model
    uses (a layer, loss, optimizer, schedule or initializer) is handed over by its name.

    Parameters
    ----------
    path : str or Path
    custom : dict of str to class, optional
        Your own classes, by the names they were saved under.

    Returns
    -------
    Network or TableModel

    Raises
    ------
    ModelFileError
        If the file is damaged, foreign, or of a newer format; one line says what was found.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from pellucid import Dense, Network, load
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.pellucid"
    >>> Network(2, [Dense(1)], seed=0).save(path)
    >>> load(path)
    Network(2, [Dense(1)], seed=0)
    """
    source = str(path)
    tensors, metadata = safetensors.read(Path(path))
    if metadata.get("format") != FORMAT:
        raise ModelFileError(
            f"{source}: a safetensors file, but not a Pellucid model (its metadata names no {FORMAT!r})"
        )
    if metadata.get("version") != VERSION:
        raise ModelFileError(
            f"{source}: written in format version {metadata.get('version')!r}; this is Pellucid {__version__}, which "
            f"reads version {VERSION}: update Pellucid"
        )
    if metadata.keys() != {"format", "version", "kind", "config", "sha256"}:
        raise ModelFileError(f"{source}: its metadata has the fields {', '.join(sorted(metadata))}, which do not fit")
    if safetensors.digest(metadata["config"], tensors) != metadata["sha256"]:
        raise ModelFileError(f"{source}: damaged: its contents do not match their sha256")
    config = parsed(metadata["config"], source)
    loaders: dict[str, Callable[..., Any]] = {"network": network_from, "table": _table_from}
    if metadata["kind"] not in loaders:
        raise ModelFileError(f"{source}: holds a {metadata['kind']!r}, which this version does not know")
    config.pop("library", None)
    try:
        return loaders[metadata["kind"]](config, tensors, custom or {}, source)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, MemoryError) as problem:
        if isinstance(problem, ModelFileError):
            raise
        raise ModelFileError(f"{source}: its configuration does not fit together ({problem})") from None


def _table_from(config: dict[str, Any], tensors: Tensors, custom: Mapping[str, type[Any]], source: str) -> Any:
    from pellucid.tables import TableModel

    return TableModel.from_file(config, tensors, custom, source)


def network_config(network: Network) -> dict[str, Any]:
    """Return all of a network that is not an array, as plain JSON values."""
    config = network.config
    config["inputs"] = list(network.inputs)
    config["layers"] = [
        describe(layer, f"layer {name}") for name, layer in zip(network.names, network.layers, strict=True)
    ]
    config["fitted"] = None
    if network.fitted is not None:
        fitted = network.fitted
        history = fitted.history
        state = fitted.optimizer_state
        config["fitted"] = {
            "loss": describe(fitted.loss, "the loss"),
            "penalty": describe(fitted.penalty, "the penalty"),
            "optimizer": describe(fitted.optimizer, "the optimizer"),
            # Numbers of the optimizer's memory stand here, its arrays among the tensors.
            "optimizer_state": None
            if state is None
            else {k: v for k, v in state._asdict().items() if not _is_array(v)},
            "stopped": None if history is None else history.stopped,
            "best_epoch": None if history is None else history.best_epoch,
        }
    return config


def network_tensors(network: Network) -> Tensors:
    """Return all arrays of a network under the names that a file gives them."""
    tensors: Tensors = {"theta": network.theta}
    for name, state in zip(network.names, network.state, strict=True):
        tensors.update({f"state/{name}/{key}": value for key, value in state.items()})
    if network.fitted is not None:
        if network.fitted.history is not None:
            history = network.fitted.history
            for name in history:
                figures = np.asarray(history[name], dtype=np.float64)
                if not len(figures) and name in ("loss", "validation_loss"):
                    figures = figures.reshape((0, *network.theta.shape[:-1]))  # of no epoch, one figure a member
                tensors[f"history/{name}"] = figures
        if network.fitted.optimizer_state is not None:
            state = network.fitted.optimizer_state._asdict()
            tensors.update({f"optimizer/{name}": value for name, value in state.items() if _is_array(value)})
    return tensors


def network_from(config: dict[str, Any], tensors: Tensors, custom: Mapping[str, type[Any]], source: str) -> Network:
    """Make the network again that a configuration and tensors describe; every tensor must have its place."""
    _exact_keys(config, {"inputs", "layers", "seed", "dtype", "members", "frozen", "fitted"}, source)
    layers = [build(layer, Layer, custom, source) for layer in config["layers"]]
    wanted = _width(config["inputs"], layers, source) * (config["members"] or 1)
    theta = tensors.get("theta")
    # Checked before the network allocates anything: a small file cannot ask for a huge theta.
    if theta is None or theta.size != wanted:
        found = "none" if theta is None else f"{theta.size:,}"
        raise ModelFileError(f"{source}: the layers need {wanted:,} parameters, the file holds {found}")
    network = Network(
        tuple(config["inputs"]),
        layers,
        seed=config["seed"],
        dtype=config["dtype"],
        members=config["members"],
        frozen=config["frozen"],
    )
    expected: dict[str, Array] = {"theta": network.theta}
    for name, state in zip(network.names, network.state, strict=True):
        expected.update({f"state/{name}/{key}": value for key, value in state.items()})
    fitted = config["fitted"]
    if fitted is not None:
        network.fitted, rest = _fitted_from(fitted, network, tensors, custom, source)
        expected.update(rest)
    if tensors.keys() != expected.keys():
        odd = sorted(tensors.keys() ^ expected.keys())
        raise ModelFileError(f"{source}: configuration and tensors disagree about {', '.join(odd[:5])}")
    for name, like in expected.items():
        if tensors[name].shape != like.shape or tensors[name].dtype != like.dtype:
            raise ModelFileError(
                f"{source}: tensor {name!r} is {tensors[name].dtype} {tensors[name].shape}, "
                f"expected {like.dtype} {like.shape}"
            )
    network.theta = tensors["theta"]
    network.set_state(
        [
            {key: tensors[f"state/{name}/{key}"] for key in state}
            for name, state in zip(network.names, network.state, strict=True)
        ]
    )
    return network


def _fitted_from(
    config: dict[str, Any], network: Network, tensors: Tensors, custom: Mapping[str, type[Any]], source: str
) -> tuple[Fitted, dict[str, Array]]:
    """Return what the network remembers of its training, and the tensors that belong to it."""
    _exact_keys(config, {"loss", "penalty", "optimizer", "optimizer_state", "stopped", "best_epoch"}, source)
    optimizer = None if config["optimizer"] is None else build(config["optimizer"], object, custom, source)
    expected: dict[str, Array] = {}
    state = None
    if config["optimizer_state"] is not None:
        if optimizer is None:
            raise ModelFileError(f"{source}: it holds an optimizer's memory, but names no optimizer")
        # The optimizer itself says which arrays its memory has, and in which shapes.
        start = optimizer.init(network.theta)
        arrays = {name: value for name, value in start._asdict().items() if _is_array(value)}
        numbers = config["optimizer_state"]
        others = {name: type(value) for name, value in start._asdict().items() if name not in arrays}
        if not isinstance(numbers, dict) or {name: type(value) for name, value in numbers.items()} != others:
            raise ModelFileError(f"{source}: the optimizer's memory does not fit {type(optimizer).__name__}")
        expected.update({f"optimizer/{name}": value for name, value in arrays.items()})
        state = type(start)(**numbers, **{name: tensors.get(f"optimizer/{name}") for name in arrays})
    history = History()
    columns = {name.removeprefix("history/"): value for name, value in tensors.items() if name.startswith("history/")}
    if not all(re.fullmatch(r"[a-z_]{1,40}", name) for name in columns):
        raise ModelFileError(f"{source}: the history has a column with an impossible name")
    lengths = {len(value) if value.ndim else -1 for value in columns.values()}
    if len(lengths) > 1 or -1 in lengths or (columns and not {"loss", "learning_rate", "seconds"} <= columns.keys()):
        raise ModelFileError(f"{source}: the columns of the history do not fit together")
    for name, value in columns.items():
        each = network.theta.shape[:-1] if name in ("loss", "validation_loss") else ()
        if value.shape[1:] != each or value.dtype != np.float64:
            raise ModelFileError(f"{source}: the history's {name!r} is {value.dtype} {value.shape}, which does not fit")
        history.columns.setdefault(name, Column()).extend(value)
        expected[f"history/{name}"] = value
    history.stopped, history.best_epoch = config["stopped"], config["best_epoch"]
    loss = build(config["loss"], Loss, custom, source)
    past = history if columns else None
    penalty = None if config["penalty"] is None else build(config["penalty"], Penalty, custom, source)
    return Fitted(loss, penalty, optimizer, state, past), expected


def _width(inputs: Any, layers: list[Layer], source: str) -> int:
    """Return how many parameters a chain needs, without making any of them."""
    if not isinstance(inputs, list) or not inputs or not all(type(size) is int and size > 0 for size in inputs):
        raise ModelFileError(f"{source}: the width of the inputs is not a list of positive whole numbers")
    shape, count = tuple(inputs), 0
    for layer in layers:
        for parameter in layer.parameters(shape).values():
            size = 1
            for length in parameter.shape:
                size *= length
            count += size
        shape = layer.output_shape(shape)
    return count


def _exact_keys(config: Any, wanted: set[str], source: str) -> None:
    if not isinstance(config, dict) or config.keys() != wanted:
        odd = sorted(set(config) ^ wanted) if isinstance(config, dict) else ["everything"]
        raise ModelFileError(
            f"{source}: the configuration has missing or unknown fields: {', '.join(map(str, odd[:5]))}"
        )


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)
