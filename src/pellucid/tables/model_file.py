"""What of a table model goes into its file, and the strict way back."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.extras import require
from pellucid.files.config import exact_fields
from pellucid.files.header import Entry
from pellucid.files.network import network_config, network_from, network_tensors
from pellucid.files.refusal import refuse
from pellucid.network import Network
from pellucid.tables import model_file_of_0_1
from pellucid.tables.encoding import EIGHTHS, PARTS, Encoder, Input, fits_column, piecewise_of
from pellucid.tables.kinds import Column
from pellucid.tables.learning import loss_of
from pellucid.tables.model import SETTINGS, Learnt, TableModel
from pellucid.tables.scaler import FIGURES, Numbers, Scaler
from pellucid.tables.split import Split
from pellucid.tables.target import KINDS, TYPES, Target

if TYPE_CHECKING:
    from pellucid.tables.estimators import Tabular

Tensors = dict[str, NDArray[Any]]

FIELDS = {
    "target",
    "columns",
    "left_out",
    "inputs",
    "constant",
    "notes",
    "threshold",
    "settings",
    "split",
    "network",
    "estimator",
}
ESTIMATORS = ("TabularClassifier", "TabularRegressor")
"""Every estimator that a file of this kind may name."""


def describe(model: TableModel) -> tuple[str, dict[str, Any], Tensors]:
    """Return the kind of file, the configuration as plain JSON values, and the tensors."""
    learnt = model.learnt
    target, encoder = learnt.target, learnt.encoder
    config = {
        "target": {
            "name": target.name,
            "kind": target.kind,
            "type": target.type,
            "classes": list(target.classes),
            "quantiles": list(target.quantiles),
        },
        "columns": [column.to_config() for column in encoder.columns],
        "left_out": [column.to_config() for column in learnt.left_out],
        "inputs": [[one.name, one.column, one.part, one.levels] for one in encoder.inputs],
        "constant": [place for place, same in enumerate(encoder.scaler.constant.tolist()) if same],
        "notes": list(learnt.notes),
        "threshold": learnt.threshold,
        "settings": _as_json(model.settings),
        "split": vars(learnt.split).copy(),
        "network": network_config(learnt.network),
        "estimator": None,
    }
    tensors: Tensors = {f"columns/{name}": getattr(encoder.scaler, name) for name in FIGURES}
    tensors |= {f"columns/{name}": getattr(encoder, name) for name in ("fill", "quantiles", "missing")}
    tensors |= {f"shares/{place}": shares for place, shares in enumerate(encoder.shares) if len(shares)}
    tensors |= {f"target/{name}": value for name, value in learnt.summary.items()}
    tensors |= {f"network/{name}": value for name, value in network_tensors(learnt.network).items()}
    return "table", config, tensors


def describe_estimator(estimator: Tabular) -> tuple[str, dict[str, Any], Tensors]:
    """Return the same of an estimator: its model, and what scikit-learn's conventions ask for besides.

    Raises
    ------
    ValueError
        If a parameter cannot be kept in a file.
    """
    if type(estimator).__name__ not in ESTIMATORS:
        raise TypeError(f"only {' and '.join(ESTIMATORS)} can be written to a file, not {type(estimator).__name__}")
    kind, config, tensors = describe(estimator.model_)
    parameters = {}
    for name, value in estimator.get_params().items():
        try:
            parameters[name] = json.loads(json.dumps(_as_json(value), allow_nan=False))
        except (TypeError, ValueError):
            raise ValueError(f"the parameter {name} cannot be kept in a file: {value!r}") from None
    names = getattr(estimator, "feature_names_in_", None)
    classes = getattr(estimator, "classes_", None)
    config["estimator"] = {
        "class": type(estimator).__name__,
        "parameters": parameters,
        "features": estimator.n_features_in_,
        "names": None if names is None else names.tolist(),
        "labels": None if classes is None else classes.dtype.str if classes.dtype.kind != "O" else "object",
    }
    return kind, config, tensors


def restore(
    config: Any, entries: Mapping[str, Entry], custom: Mapping[str, type[Any]], source: str
) -> Callable[[Tensors], TableModel | Tabular]:
    """Check a configuration against the tensors that a header announces; return what makes the model from them.

    Raises
    ------
    ModelFileError
        If anything is missing, left over, of another type, or does not fit the rest. The returned function raises it
        for figures that no table can have.
    """
    check = _Check(source)
    old = isinstance(config, dict) and "inputs" not in config and "left_out" not in config
    if old:
        config = model_file_of_0_1.converted(config, check.fields)
    check.fields(config, FIELDS, "the configuration")
    target = _target(config["target"], check)
    columns, left_out = (_columns(config[name], name, check) for name in ("columns", "left_out"))
    names = [column.name for column in (*columns, *left_out)]
    check(bool(columns) and len(set(names)) == len(names), "the columns do not fit together")
    check(target.name not in names, "the target is one of the columns")
    check(all(column.kind != "left out" for column in columns), "a column that is used is left out")
    inputs = _inputs(config["inputs"], columns, check)
    constant = config["constant"]
    places = isinstance(constant, list) and all(type(place) is int and 0 <= place < len(inputs) for place in constant)
    check(places and sorted(set(constant)) == constant, "the constant inputs are not a list of places")
    notes = config["notes"]
    check(isinstance(notes, list) and all(type(note) is str for note in notes), "the notes are not texts")
    threshold = config["threshold"]
    check(type(threshold) is float and 0 < threshold < 1, "the threshold is no probability")

    settings = check.fields(config["settings"], set(SETTINGS), "the list of settings")
    for name in ("ignore", "hidden", "quantiles"):
        check(isinstance(settings[name], list) or (name == "hidden" and settings[name] is None), f"{name} is no list")
    try:
        model = TableModel(target.name, **settings)
    except (ValueError, TypeError) as problem:
        refuse(source, f"damaged: {problem}")
    check(not set(model.ignore) & {target.name, *names}, "a column is both used and ignored")
    split = _split(config["split"], check)
    own = _check_forms(entries, inputs, target, old, check)
    inner = {name.removeprefix("network/"): entry for name, entry in entries.items() if name not in own}
    make_network = network_from(config["network"], inner, custom, source)
    finished = _estimator(config["estimator"], target, names, check)

    def make(tensors: Tensors) -> TableModel | Tabular:
        encoder, summary = _figures({name: tensors[name] for name in own}, columns, inputs, constant, check)
        network = make_network({name: tensors[f"network/{name}"] for name in inner})
        _check_network(network, inputs, target, check)
        encoded, edges, centres = piecewise_of(network)
        encoder = replace(encoder, encoded=encoded, edges=edges, centres=centres)
        model.learnt = Learnt(target, encoder, left_out, summary, network, threshold, split, tuple(notes))
        return finished(model)

    return make


def _as_json(value: Any) -> Any:
    """Return settings as JSON knows them: lists for tuples, plain numbers for NumPy's."""
    if isinstance(value, Mapping):
        return {name: _as_json(own) for name, own in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(own) for own in value]
    return value.item() if isinstance(value, np.generic) else value


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
    given = check.fields(config, {"name", "kind", "type", "classes", "quantiles"}, "the target")
    name, kind, type_, classes = given["name"], given["kind"], given["type"], given["classes"]
    check(type(name) is str and kind in KINDS and type_ in TYPES, "the target's name, kind or type is not usable")
    check(
        isinstance(classes, list) and all(type(label) is TYPES[type_] for label in classes),
        "the classes are not of the target's type",
    )
    check(all(one < other for one, other in itertools.pairwise(classes)), "the classes are not in order")
    fits = {"binary": len(classes) == 2, "multiclass": len(classes) >= 2}
    check(fits.get(kind, not classes), f"{len(classes)} classes do not fit a {kind} target")
    quantiles = given["quantiles"]
    good = isinstance(quantiles, list) and all(type(one) is float and 0 < one < 1 for one in quantiles)
    check(good and all(one < other for one, other in itertools.pairwise(quantiles)), "the quantiles are not in order")
    check(bool(quantiles) == (kind == "quantiles"), f"{len(quantiles)} quantiles do not fit a {kind} target")
    return Target(name, kind, type_, tuple(classes), tuple(quantiles))


def _columns(config: Any, which: str, check: _Check) -> tuple[Column, ...]:
    check(isinstance(config, list), f"{which} is not a list")
    try:
        return tuple(Column.from_config(one) for one in config)
    except (ValueError, TypeError, LookupError, AttributeError) as problem:
        refuse(check.source, f"damaged: {which}: {problem}")


def _inputs(config: Any, columns: tuple[Column, ...], check: _Check) -> tuple[Input, ...]:
    """Return the inputs, if they are those that the columns ask for."""
    check(isinstance(config, list) and bool(config), "there are no inputs")
    found = []
    for one in config:
        good = isinstance(one, list) and [type(value) for value in one] == [str, int, str, int]
        check(good and 0 <= one[1] < len(columns) and one[2] in PARTS, "an input does not fit its column")
        found.append(Input(*one))
        check(fits_column(found[-1], columns[one[1]]), f"the input {one[0]!r} does not fit its column")
    check(len({one.name for one in found}) == len(found), "two inputs have the same name")
    check({one.column for one in found} == set(range(len(columns))), "a column has no input")
    return tuple(found)


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
    entries: Mapping[str, Entry], inputs: tuple[Input, ...], target: Target, old: bool, check: _Check
) -> dict[str, Entry]:
    """Return what is announced beside the network, once it is what the configuration asks for."""
    own = {name: entry for name, entry in entries.items() if not name.startswith("network/")}
    shapes: dict[str, tuple[int, ...]] = {f"columns/{name}": (len(inputs),) for name in FIGURES}
    if not old:
        shapes |= {f"columns/{name}": (len(inputs),) for name in ("fill", "missing")}
        shapes["columns/quantiles"] = (len(inputs), EIGHTHS + 1)
    shapes |= {f"shares/{place}": (one.levels,) for place, one in enumerate(inputs) if one.levels}
    if target.classes:
        shapes["target/shares"] = (len(target.classes),)
    else:
        shapes |= {f"target/{name}": (1,) for name in FIGURES}
        shapes |= {} if old else {"target/eighths": (EIGHTHS + 1,)}
    check(own.keys() == shapes.keys(), "the tensors are not those that the configuration asks for")
    for name, entry in own.items():
        check(entry.shape == shapes[name] and entry.dtype == np.float64, f"tensor {name!r} has another shape or type")
    return own


def _figures(
    tensors: Tensors, columns: tuple[Column, ...], inputs: tuple[Input, ...], constant: list[int], check: _Check
) -> tuple[Encoder, dict[str, Numbers]]:
    """Return what is known of the columns and of the target."""
    for name, tensor in tensors.items():
        check(bool(np.isfinite(tensor).all()), f"tensor {name!r} holds values that are not finite")
        if name.endswith("/std"):
            check(bool((tensor > 0).all()), f"tensor {name!r} holds values that are not above 0")
        if name.endswith(("/shares", "/missing")) or name.startswith("shares/"):
            check(bool((tensor >= 0).all()), f"tensor {name!r} holds negative values")
        if name.endswith("/shares") or name.startswith("shares/"):
            with np.errstate(over="ignore"):
                total = float(tensor.sum())
            # Of a category column without any value in the rows learnt from, there are none.
            none = total == 0 and name.startswith("shares/")
            check(none or abs(total - 1) < 1e-6, f"tensor {name!r} does not add up to 1")
        if name.endswith(("/quantiles", "/eighths")):
            check(bool((np.diff(tensor, axis=-1) >= 0).all()), f"tensor {name!r} does not ascend")
    low, high = tensors["columns/low"], tensors["columns/high"]
    whole = {name.removeprefix("columns/"): tensor for name, tensor in tensors.items() if name.startswith("columns/")}
    summary = {name.removeprefix("target/"): tensor for name, tensor in tensors.items() if name.startswith("target/")}
    same = np.isin(np.arange(len(inputs)), np.array(constant, dtype=np.intp))
    scaler = Scaler(whole["mean"], whole["std"], whole["low"], whole["high"], same)
    # A model of the first version knows the range of a column, but not what lies within.
    evenly = np.linspace(low, high, EIGHTHS + 1, axis=-1)
    if "mean" in summary:
        summary.setdefault("eighths", np.linspace(summary["low"][0], summary["high"][0], EIGHTHS + 1))
    encoder = Encoder(
        columns,
        inputs,
        scaler,
        whole.get("fill", scaler.mean),
        whole.get("quantiles", evenly),
        whole.get("missing", np.zeros(len(inputs))),
        tuple(tensors.get(f"shares/{place}", np.empty(0)) for place in range(len(inputs))),
    )
    return encoder, summary


def _check_network(network: Network, inputs: tuple[Input, ...], target: Target, check: _Check) -> None:
    outputs = {"multiclass": len(target.classes), "quantiles": len(target.quantiles)}.get(target.kind, 1)
    check(network.inputs == (len(inputs),), "the network does not fit the columns")
    check(network.outputs == (outputs,), "the network does not fit the target")
    check(network.members is None and network.dtype == np.float64, "the network is not one of a table model")
    fitted = network.fitted
    wanted = type(loss_of(target.kind, target.quantiles))
    check(fitted is not None and type(fitted.loss) is wanted, "the loss does not fit the target")


def _estimator(
    config: Any, target: Target, names: list[str], check: _Check
) -> Callable[[TableModel], TableModel | Tabular]:
    """Return what makes an estimator of a model, if the file holds one, or leaves it as it is."""
    if config is None:
        return lambda model: model
    require("sklearn", "sklearn", purpose="an estimator's file")
    from pellucid.tables import estimators

    given = check.fields(config, {"class", "parameters", "features", "names", "labels"}, "the estimator")
    check(given["class"] in ESTIMATORS, "the estimator is none of this library's")
    kind = getattr(estimators, given["class"])
    check((given["class"] == "TabularClassifier") == bool(target.classes), "the estimator does not fit the target")
    parameters = check.fields(given["parameters"], set(kind._get_param_names()), "the estimator's parameters")
    # JSON knows lists only.
    estimator = kind(**{name: tuple(own) if isinstance(own, list) else own for name, own in parameters.items()})
    try:
        estimator._validate_params()
    except ValueError as problem:
        refuse(check.source, f"damaged: {problem}")
    features, known, labels = given["features"], given["names"], given["labels"]
    check(type(features) is int and features >= 1, "the number of features is not usable")
    if known is not None:
        check(check.texts(known, "the features' names") != () and len(known) == features, "the features do not fit")
    check((labels is None) == (not target.classes), "the labels do not fit the target")

    def make(model: TableModel) -> Tabular:
        estimator.model_, estimator.n_features_in_ = model, features
        if known is not None:
            estimator.feature_names_in_ = np.array(known, dtype=object)
        if target.classes:
            try:
                estimator.classes_ = np.array(target.classes, dtype=np.dtype(labels))
            except (TypeError, ValueError) as problem:
                refuse(check.source, f"damaged: the labels: {problem}")
        return estimator  # type: ignore[no-any-return]

    return make
