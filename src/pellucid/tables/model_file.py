"""What of a table model goes into its file, and the strict way back."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.files.config import exact_fields
from pellucid.files.header import Entry
from pellucid.files.network import network_config, network_from, network_tensors
from pellucid.files.refusal import refuse
from pellucid.network import Network
from pellucid.tables.model import LOSSES, Learnt, Split, TableModel
from pellucid.tables.scaler import FIGURES, Numbers, Scaler
from pellucid.tables.target import KINDS, TYPES, Target

Tensors = dict[str, NDArray[Any]]


def describe(model: TableModel) -> tuple[str, dict[str, Any], Tensors]:
    """Return the kind of file, the configuration as plain JSON values, and the tensors."""
    learnt = model.learnt
    config = {
        "target": {
            "name": learnt.target.name,
            "kind": learnt.target.kind,
            "type": learnt.target.type,
            "classes": list(learnt.target.classes),
        },
        "columns": list(learnt.columns),
        "constant": list(model.constant_columns),
        "settings": {
            "kind": model.asked_kind,
            "ignore": list(model.ignore),
            "hidden": list(model.hidden),
            "epochs": model.epochs,
            "batch_size": model.batch_size,
            "learning_rate": model.learning_rate,
            "seed": model.seed,
        },
        "split": vars(learnt.split).copy(),
        "network": network_config(learnt.network),
    }
    tensors: Tensors = {f"columns/{name}": getattr(learnt.scaler, name) for name in FIGURES}
    tensors.update({f"target/{name}": value for name, value in learnt.summary.items()})
    tensors.update({f"network/{name}": value for name, value in network_tensors(learnt.network).items()})
    return "table", config, tensors


def restore(
    config: Any, entries: Mapping[str, Entry], custom: Mapping[str, type[Any]], source: str
) -> Callable[[Tensors], TableModel]:
    """Check a configuration against the tensors that a header announces; return what makes the model from them.

    Raises
    ------
    ModelFileError
        If anything is missing, left over, of another type, or does not fit the rest. The returned function raises it
        for figures that no table can have.
    """
    check = _Check(source)
    check.fields(config, {"target", "columns", "constant", "settings", "split", "network"}, "the configuration")
    columns = check.texts(config["columns"], "the columns")
    constant = check.texts(config["constant"], "the constant columns")
    check(bool(columns) and set(constant) <= set(columns), "the columns do not fit together")
    target = _target(config["target"], check)
    check(target.name not in columns, "the target is one of the columns")

    settings = check.fields(
        config["settings"],
        {"kind", "ignore", "hidden", "epochs", "batch_size", "learning_rate", "seed"},
        "the list of settings",
    )
    ignore = check.texts(settings["ignore"], "the ignored columns")
    check(not set(ignore) & {target.name, *columns}, "a column is both used and ignored")
    check(isinstance(settings["hidden"], list), "the hidden layers are not a list")
    try:
        model = TableModel(target.name, **settings)
    except (ValueError, TypeError) as problem:
        refuse(source, f"damaged: {problem}")
    split = _split(config["split"], check)
    own = _check_forms(entries, columns, target, check)
    inner = {name.removeprefix("network/"): entry for name, entry in entries.items() if name not in own}
    make_network = network_from(config["network"], inner, custom, source)

    def make(tensors: Tensors) -> TableModel:
        scaler, summary = _figures({name: tensors[name] for name in own}, columns, constant, check)
        network = make_network({name: tensors[f"network/{name}"] for name in inner})
        _check_network(network, columns, target, check)
        model.learnt = Learnt(target, columns, scaler, summary, network, split)
        return model

    return make


class _Check:
    """Refuse what does not hold, in the name of the file."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __call__(self, holds: bool, problem: str) -> None:
        if not holds:
            refuse(self.source, f"damaged: {problem}")

    def fields(self, found: Any, wanted: set[str], what: str) -> dict[str, Any]:
        return exact_fields(found, wanted, what, self.source)

    def texts(self, found: Any, what: str) -> tuple[str, ...]:
        good = isinstance(found, list) and all(type(text) is str for text in found)
        self(good and len(set(found)) == len(found), f"{what} are not a list of different texts")
        return tuple(found)


def _target(config: Any, check: _Check) -> Target:
    given = check.fields(config, {"name", "kind", "type", "classes"}, "the target")
    name, kind, type_, classes = given["name"], given["kind"], given["type"], given["classes"]
    check(type(name) is str and kind in KINDS and type_ in TYPES, "the target's name, kind or type is not usable")
    check(
        isinstance(classes, list) and all(type(label) is TYPES[type_] for label in classes),
        "the classes are not of the target's type",
    )
    check(all(one < other for one, other in itertools.pairwise(classes)), "the classes are not in order")
    fits = {"binary": len(classes) == 2, "multiclass": len(classes) >= 2, "numeric": not classes}
    check(fits[kind], f"{len(classes)} classes do not fit a {kind} target")
    return Target(name, kind, type_, tuple(classes))


def _split(config: Any, check: _Check) -> Split:
    split = check.fields(config, set(Split.__dataclass_fields__), "the split")
    wholes = (split[name] for name in ("seed", "rows", "test_rows", "validation_rows"))
    check(all(type(whole) is int and whole >= 0 for whole in wholes), "a number of the split is not usable")
    check(type(split["test_share"]) is float and 0 <= split["test_share"] < 1, "the share of the split is not usable")
    check(split["test_rows"] + split["validation_rows"] < split["rows"], "the parts of the split are too large")
    sha256 = split["sha256"]
    check(
        isinstance(sha256, str) and len(sha256) == 64 and set(sha256) <= set("0123456789abcdef"),
        "the split has no fingerprint",
    )
    return Split(**split)


def _check_forms(
    entries: Mapping[str, Entry], columns: tuple[str, ...], target: Target, check: _Check
) -> dict[str, Entry]:
    """Return what is announced beside the network, once it is what the configuration asks for."""
    own = {name: entry for name, entry in entries.items() if not name.startswith("network/")}
    shapes = {f"columns/{name}": (len(columns),) for name in FIGURES}
    if target.classes:
        shapes["target/shares"] = (len(target.classes),)
    else:
        shapes |= {f"target/{name}": (1,) for name in FIGURES}
    check(own.keys() == shapes.keys(), "the tensors are not those that the configuration asks for")
    for name, entry in own.items():
        check(entry.shape == shapes[name] and entry.dtype == np.float64, f"tensor {name!r} has another shape or type")
    return own


def _figures(
    tensors: Tensors, columns: tuple[str, ...], constant: tuple[str, ...], check: _Check
) -> tuple[Scaler, dict[str, Numbers]]:
    """Return what is known of the columns and of the target."""
    for name, tensor in tensors.items():
        check(bool(np.isfinite(tensor).all()), f"tensor {name!r} holds values that are not finite")
        if name.endswith(("/std", "/shares")):
            check(bool((tensor >= 0).all() and tensor.any()), f"tensor {name!r} holds negative values, or only 0")
        if name.endswith("/std"):
            check(bool(tensor.all()), f"tensor {name!r} holds 0")
        if name.endswith("/shares"):
            check(abs(float(tensor.sum()) - 1) < 1e-6, f"tensor {name!r} does not add up to 1")
    figures = {name: tensors[f"columns/{name}"] for name in FIGURES}
    summary = {name.removeprefix("target/"): tensor for name, tensor in tensors.items() if name.startswith("target/")}
    same = set(constant)
    return Scaler(**figures, constant=np.array([name in same for name in columns])), summary


def _check_network(network: Network, columns: tuple[str, ...], target: Target, check: _Check) -> None:
    outputs = len(target.classes) if target.kind == "multiclass" else 1
    check(network.inputs == (len(columns),), "the network does not fit the columns")
    check(network.outputs == (outputs,), "the network does not fit the target")
    check(network.members is None and network.dtype == np.float64, "the network is not one of a table model")
    fitted = network.fitted
    check(fitted is not None and isinstance(fitted.loss, LOSSES[target.kind]), "the loss does not fit the target")
