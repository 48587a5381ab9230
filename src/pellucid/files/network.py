"""What of a network goes into a file, and the strict way back: first what the header tells, then the arrays."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.files.config import build, describe, exact_fields
from pellucid.files.header import RANK_LIMIT, Entry
from pellucid.files.refusal import refuse, shown
from pellucid.layers import Layer
from pellucid.layers.chain import numbered
from pellucid.layers.layer import Shape
from pellucid.losses import Loss
from pellucid.network import Fitted, Network
from pellucid.optimizers import Optimizer
from pellucid.penalties import Penalty
from pellucid.training.history import Column, History
from pellucid.training.lbfgs import LBFGS

Tensors = dict[str, Array]
Form = tuple[Shape, np.dtype[Any]]

# What a file may ask for at most, where its own length sets no bound.
LAYER_LIMIT = 10_000
MEMBER_LIMIT = 100_000
RECORD_LIMIT = 2**25


def network_config(network: Network) -> dict[str, Any]:
    """Return all of a network that is not an array, as plain JSON values.

    Raises
    ------
    TypeError, ValueError
        If it holds something, or is of a size, that a file cannot hold.
    """
    _check_limits(network.layers, network.members)
    for name, shape in zip(("inputs", *network.names), network.shapes, strict=True):
        _check_record(name, shape)
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


def network_from(
    config: Any, entries: Mapping[str, Entry], custom: Mapping[str, type[Any]], source: str
) -> Callable[[Tensors], Network]:
    """Check a network's configuration against the tensors that a header announces; return what makes the network.

    Every tensor must have its place, in the shape and type that the layers ask for. Nothing is allocated here beyond
    the size of what the file holds: the returned function is called once the tensors have been read.

    Raises
    ------
    ModelFileError
        If anything does not fit.
    """
    wanted = {"inputs", "layers", "seed", "dtype", "members", "frozen", "fitted"}
    exact_fields(config, wanted, "the configuration", source)
    inputs, members, dtype = config["inputs"], config["members"], config["dtype"]
    if not isinstance(inputs, list) or not inputs or not all(type(size) is int and size > 0 for size in inputs):
        refuse(source, "the width of the inputs is not a list of positive whole numbers")
    if not isinstance(config["layers"], list) or not config["layers"]:
        refuse(source, f"expected a list of at least one layer, found {shown(config['layers'])}")
    if members is not None and (type(members) is not int or members < 1):
        refuse(source, f"members is {shown(members)}; expected a positive whole number or null")
    layers = [build(layer, Layer, custom, source) for layer in config["layers"]]
    _check_limits(layers, members)
    if dtype not in ("float64", "float32"):
        refuse(source, f"dtype is {shown(dtype)}; expected 'float64' or 'float32'")
    if type(config["seed"]) is not int or config["seed"] < 0:
        refuse(source, f"seed is {shown(config['seed'])}; expected a whole number of at least 0")
    names = numbered(layers)
    _check_frozen(config["frozen"], names, source)

    shapes, count = _shapes(tuple(inputs), layers, names)
    lead = () if members is None else (members,)
    found = math.prod(entries["theta"].shape) if "theta" in entries else None
    if found != count * (members or 1):
        held = "none" if found is None else f"{found:,}"
        refuse(source, f"the layers need {count * (members or 1):,} parameters, the file holds {held}")
    theta: Form = ((*lead, count), np.dtype(dtype))
    expected = {"theta": theta}
    for name, layer, shape in zip(names, layers, shapes, strict=False):
        wanted_state = {f"state/{name}/{key}": value for key, value in layer.state(shape).items()}
        expected |= {key: ((*lead, *value.shape), theta[1]) for key, value in wanted_state.items()}
    fitted_from = None
    if config["fitted"] is not None:
        fitted_from, forms = _fitted_from(config["fitted"], theta, entries, custom, source)
        expected |= forms
    _check_forms(entries, expected, source)

    def make(tensors: Tensors) -> Network:
        network = Network(
            tuple(inputs), layers, seed=config["seed"], dtype=dtype, members=members, frozen=config["frozen"]
        )
        network.theta = tensors["theta"]
        network.set_state(
            [
                {key: tensors[f"state/{name}/{key}"] for key in state}
                for name, state in zip(network.names, network.state, strict=True)
            ]
        )
        network.fitted = None if fitted_from is None else fitted_from(tensors)
        return network

    return make


def _fitted_from(
    config: Any, theta: Form, entries: Mapping[str, Entry], custom: Mapping[str, type[Any]], source: str
) -> tuple[Callable[[Tensors], Fitted], dict[str, Form]]:
    """Return what makes the memory of the training from tensors, and the tensors that belong to it."""
    wanted = {"loss", "penalty", "optimizer", "optimizer_state", "stopped", "best_epoch"}
    exact_fields(config, wanted, "what the training left", source)
    loss = build(config["loss"], Loss, custom, source)
    penalty = None if config["penalty"] is None else build(config["penalty"], Penalty, custom, source)
    optimizer = None if config["optimizer"] is None else build(config["optimizer"], object, custom, source)
    if not isinstance(optimizer, (Optimizer, LBFGS, type(None))):
        refuse(source, f"expected an optimizer, found {type(optimizer).__name__!r}")
    memory, numbers = {}, config["optimizer_state"]
    if numbers is not None:
        memory = _memory(optimizer, numbers, theta, source)
    expected = {f"optimizer/{name}": (like.shape, like.dtype) for name, like in memory.items()}
    columns = _check_history(config, theta, entries, source)
    expected |= {f"history/{name}": (entries[f"history/{name}"].shape, np.dtype(np.float64)) for name in columns}

    def make(tensors: Tensors) -> Fitted:
        state = None
        if numbers is not None:
            arrays = {name: tensors[f"optimizer/{name}"] for name in memory}
            state = _start(optimizer, theta)._replace(**numbers, **arrays)
        history = History()
        history.stopped, history.best_epoch = config["stopped"], config["best_epoch"]
        for name in columns:
            history.columns.setdefault(name, Column()).extend(tensors[f"history/{name}"])
        return Fitted(loss, penalty, optimizer, state, history if columns else None)

    return make, expected


def _start(optimizer: Any, theta: Form) -> Any:
    """Return the memory that an optimizer starts with, for a theta of this form that takes no memory itself."""
    shape, dtype = theta
    return optimizer.init(np.broadcast_to(np.zeros((), dtype), shape))


def _memory(optimizer: Any, numbers: Any, theta: Form, source: str) -> Tensors:
    """Check the numbers of an optimizer's memory; return its arrays, as the optimizer itself starts them.

    They are as large as theta, whose bytes are in the file.
    """
    if not isinstance(optimizer, Optimizer):
        refuse(source, "it holds an optimizer's memory, but names no optimizer that has one")
    start = _start(optimizer, theta)._asdict()
    arrays = {name: value for name, value in start.items() if _is_array(value)}
    others = {name: type(value) for name, value in start.items() if name not in arrays}
    if not isinstance(numbers, dict) or {name: type(value) for name, value in numbers.items()} != others:
        refuse(source, f"the optimizer's memory does not fit {type(optimizer).__name__}")
    if any(type(value) is int and value < 0 for value in numbers.values()):
        refuse(source, "the optimizer's memory counts fewer than no updates")
    return arrays


def _check_history(config: dict[str, Any], theta: Form, entries: Mapping[str, Entry], source: str) -> list[str]:
    """Return the names of the history's columns, once they fit together and with what the configuration says."""
    lead = theta[0][:-1]
    columns = {name.removeprefix("history/"): entry for name, entry in entries.items() if name.startswith("history/")}
    if not all(re.fullmatch(r"[a-z_]{1,40}", name) for name in columns):
        refuse(source, "the history has a column with an impossible name")
    lengths = {entry.shape[:1] for entry in columns.values()}
    if len(lengths) > 1 or () in lengths or (columns and not {"loss", "learning_rate", "seconds"} <= columns.keys()):
        refuse(source, "the columns of the history do not fit together")
    for name, entry in columns.items():
        each = lead if name in ("loss", "validation_loss") else ()
        if entry.shape[1:] != each or entry.dtype != np.float64:
            refuse(source, f"the history's {name!r} is {entry.dtype} {entry.shape}, which does not fit")
    stopped, best = config["stopped"], config["best_epoch"]
    if not isinstance(stopped, (str, type(None))):
        refuse(source, f"why the training stopped is {shown(stopped)}; expected a text or null")
    epochs = best if isinstance(best, list) else [] if best is None else [best]
    fits = not isinstance(best, list) or (len(best),) == lead
    if not fits or not all(type(epoch) is int and epoch >= 0 for epoch in epochs):
        refuse(source, f"the best epoch is {shown(best)}, which does not fit")
    return list(columns)


def _check_forms(entries: Mapping[str, Entry], expected: Mapping[str, Form], source: str) -> None:
    """Refuse tensors that are missing, left over, or of another shape or type than expected."""
    if entries.keys() != expected.keys():
        odd = sorted(entries.keys() ^ expected.keys())
        refuse(source, f"configuration and tensors disagree about {', '.join(odd[:5])}")
    for name, (shape, dtype) in expected.items():
        entry = entries[name]
        if entry.shape != shape or entry.dtype != dtype:
            refuse(source, f"tensor {name!r} is {entry.dtype} {entry.shape}, expected {dtype} {shape}")


def _check_frozen(frozen: Any, names: tuple[str, ...], source: str) -> None:
    if not isinstance(frozen, list) or not all(isinstance(name, str) for name in frozen):
        refuse(source, f"frozen is {shown(frozen)}; expected a list of layers' names")
    known = set(names)
    unknown = [name for name in frozen if name not in known]
    if unknown:
        refuse(source, f"frozen names {shown(unknown[0])}, which is no layer")
    if len(set(frozen)) != len(frozen):
        refuse(source, "frozen names a layer twice")


def _check_limits(layers: Sequence[Layer], members: int | None) -> None:
    count = sum(1 for layer in layers for _ in layer.everything())
    if count > LAYER_LIMIT:
        raise ValueError(f"there are {count:,} layers; a model file holds at most {LAYER_LIMIT:,}")
    if members is not None and members > MEMBER_LIMIT:
        raise ValueError(f"there are {members:,} members; a model file holds at most {MEMBER_LIMIT:,}")


def _check_record(name: str, shape: Shape) -> None:
    if len(shape) > RANK_LIMIT:
        raise ValueError(f"{name}: a record has {len(shape)} axes; in a model file it has at most {RANK_LIMIT}")
    if math.prod(shape) > RECORD_LIMIT:
        raise ValueError(f"{name}: a record has too many values; in a model file it has at most {RECORD_LIMIT:,}")


def _shapes(inputs: Shape, layers: list[Layer], names: tuple[str, ...]) -> tuple[list[Shape], int]:
    """Return the shape of a record before each layer, and how many parameters there are, without making any."""
    _check_record("inputs", inputs)
    shapes, count = [inputs], 0
    for name, layer in zip(names, layers, strict=True):
        try:
            after = tuple(layer.output_shape(shapes[-1]))
            count += sum(math.prod(parameter.shape) for parameter in layer.parameters(shapes[-1]).values())
        except ValueError as problem:
            raise ValueError(f"layer {name}: {problem}") from None
        _check_record(f"layer {name}", after)
        shapes.append(after)
    return shapes, count


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)
