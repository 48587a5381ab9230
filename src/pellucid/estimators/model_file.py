"""What of an estimator goes into its file, and the strict way back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from pellucid.arrays import Array
from pellucid.estimators.base import MLP
from pellucid.estimators.classifier import MLPClassifier
from pellucid.estimators.construction import outputs_for
from pellucid.estimators.kept_parameters import check_values, kept, with_parameters
from pellucid.estimators.regressor import MLPRegressor
from pellucid.estimators.watching import Best
from pellucid.files.config import build, exact_fields
from pellucid.files.header import Entry
from pellucid.files.network import Tensors, network_config, network_from, network_tensors
from pellucid.files.refusal import refuse, shown
from pellucid.losses import Loss
from pellucid.network import Network

KINDS: dict[str, type[MLP]] = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}
"""Every estimator that a file may name."""

# What an estimator has learnt beside its network, by the attributes' names; in a file, those have no underscores at
# their ends. Figures may be infinite or no number at all, which JSON cannot hold, so they are tensors.
WHOLES = ("n_outputs_", "n_iter_", "t_", "_no_improvement_count")
FIGURES = ("loss_", "learning_rate_", "best_loss_", "best_validation_score_", "_rate_factor")
CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")
# None where it is not watched; what is not listed here is not set at all.
MAY_BE_NONE = ("best_loss_", "best_validation_score_", "validation_scores_", "validation_loss_curve_")
ALWAYS = ("_rate_factor", "loss_curve_")

TARGETS = ("binary", "multiclass", "multilabel-indicator", "sparse multilabel-indicator")
LINKS = ("identity", "logistic", "softmax", "exp")
LABELS: dict[str, type] = {
    "bool": bool,
    **{f"{sign}int{bits}": int for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": float for bits in (16, 32, 64)},
    "str": str,
    "object": str,
}
"""The types of arrays of labels, and of the labels in them."""


def describe(estimator: MLP) -> tuple[str, dict[str, Any], Tensors]:
    """Return the kind of file, the configuration as plain JSON values, and the tensors.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator has learnt nothing yet.
    TypeError, ValueError
        If it is of a class of one's own, or has a parameter or labels that a file cannot keep.
    ModelFileError
        If somebody has put something into it that does not fit the rest.
    """
    name = type(estimator).__name__
    if KINDS.get(name) is not type(estimator):
        raise TypeError(f"{name} is a class of your own; a model file keeps {' and '.join(KINDS)} only")
    check_is_fitted(estimator, "network_")
    network = estimator._current_network()
    if network.fitted is None:
        raise ValueError(f"this {name} has weights that were set by hand, and no training behind it: fit it first")
    # What reading would refuse is refused before it is written, here and where it is all put together.
    check_values(estimator)
    names = getattr(estimator, "feature_names_in_", None)
    best: Best | None = estimator._best
    config = {
        "class": name,
        "parameters": {key: kept(key, value) for key, value in estimator.get_params(deep=False).items()},
        "classes": _classes_config(estimator) if isinstance(estimator, MLPClassifier) else None,
        "feature_names": None if names is None else [str(one) for one in names],
        "out_activation": estimator.out_activation_,
        **{key.strip("_"): int(getattr(estimator, key)) for key in WHOLES},
        "best_iter": estimator.best_iter_,
        "stopped": estimator.stopped_,
        "best_epoch": None if best is None else best.epoch,
        "network": network_config(network),
    }
    _checked(estimator, config, network.fitted.loss, f"this {name} cannot be saved")
    tensors = {f"network/{key}": array for key, array in network_tensors(network).items()}
    for key in (*FIGURES, *CURVES):
        if (found := getattr(estimator, key, None)) is not None:
            tensors[_tensor_name(key)] = np.array(found, dtype=np.float64).reshape(-1)
    if best is not None:
        tensors |= {"best/value": np.array([best.value], dtype=np.float64), "best/theta": best.theta}
        for layer, state in zip(network.names, best.state, strict=True):
            tensors.update({f"best/state/{layer}/{key}": array for key, array in state.items()})
    return "estimator", config, tensors


def restore(
    config: Any, entries: Mapping[str, Entry], custom: Mapping[str, type[Any]], source: str
) -> Callable[[Tensors], MLP]:
    """Check a configuration against the tensors that a header announces; return what makes the estimator from them.

    Raises
    ------
    ModelFileError
        If anything is missing, left over, of another type, or does not fit the rest.
    """
    wanted = {"class", "parameters", "classes", "feature_names", "out_activation", "best_iter", "stopped"}
    wanted |= {"best_epoch", "network", *(key.strip("_") for key in WHOLES)}
    exact_fields(config, wanted, "the configuration", source)
    kind = KINDS.get(config["class"]) if isinstance(config["class"], str) else None
    if kind is None:
        refuse(source, f"holds an estimator {shown(config['class'])}; expected {' or '.join(KINDS)}")
    estimator = with_parameters(kind, config["parameters"], custom, source)
    inner = {key.removeprefix("network/"): one for key, one in entries.items() if key.startswith("network/")}
    make_network = network_from(config["network"], inner, custom, source)
    fitted = config["network"]["fitted"]
    loss = None if fitted is None else build(fitted["loss"], Loss, custom, source)
    classes = _checked(estimator, config, loss, source)
    _check_tensors(entries, inner, config["best_epoch"] is not None, source)

    def make(tensors: Tensors) -> MLP:
        rate_factor = float(tensors["figures/rate_factor"][0])
        if not (math.isfinite(rate_factor) and rate_factor >= 0):
            refuse(source, f"the factor of the learning rate is {rate_factor}; expected a number, zero or more")
        network = make_network({key: tensors[f"network/{key}"] for key in inner})
        _put_learnt(estimator, config, tensors, network)
        if classes is not None:
            _put_classes(estimator, classes, config["classes"]["target"])
        return estimator

    return make


def _checked(estimator: MLP, config: dict[str, Any], loss: Loss | None, source: str) -> Array | None:
    """Check all that stands in a configuration beside parameters and network; return the classes, if there are any."""
    _check_plain_values(config, source)
    classes = None
    if isinstance(estimator, MLPClassifier):
        classes = _classes_from(config, source)
    elif config["classes"] is not None:
        refuse(source, "a regressor has no classes; expected null")
    _check_network(config, loss, source)
    return classes


# Classes


def _classes_config(estimator: MLPClassifier) -> dict[str, Any]:
    classes: Array = estimator.classes_
    labels = [label.item() if isinstance(label, np.generic) else label for label in classes.tolist()]
    dtype = "str" if classes.dtype.kind == "U" else classes.dtype.name
    if dtype not in LABELS or not all(type(label) is LABELS[dtype] for label in labels):
        raise TypeError(
            f"classes_ holds labels of type {classes.dtype}, which a model file cannot keep; expected numbers or texts"
        )
    binarizer = estimator._label_binarizer
    target = f"sparse {binarizer.y_type_}" if binarizer.sparse_input_ else binarizer.y_type_
    return {"target": target, "dtype": dtype, "labels": labels}


def _classes_from(config: dict[str, Any], source: str) -> Array:
    """Return the labels, once they are different ones of one type, and as many as the kind of target has."""
    found = exact_fields(config["classes"], {"target", "dtype", "labels"}, "the list of classes", source)
    target, dtype, labels = found["target"], found["dtype"], found["labels"]
    if target not in TARGETS or not isinstance(dtype, str) or dtype not in LABELS or not isinstance(labels, list):
        refuse(source, f"the classes are {shown(labels)} of {shown(dtype)} for a target {shown(target)}")
    if not all(type(label) is LABELS[dtype] for label in labels):
        refuse(source, f"a class is not of the type {dtype}")
    if not all(one < other for one, other in itertools.pairwise(labels)):
        refuse(source, "the classes are not in ascending order, or one is there twice")
    with np.errstate(over="ignore"):
        classes = np.array(labels, dtype=dtype)
    if classes.tolist() != labels:
        refuse(source, f"a class has a value that {dtype} cannot hold")
    outputs = config["n_outputs"]
    fits = {
        "binary": len(labels) in (1, 2) and outputs == 1,
        "multiclass": len(labels) == outputs > 2,
        "multilabel-indicator": len(labels) >= outputs,
    }
    if not fits[target.removeprefix("sparse ")]:
        refuse(source, f"{len(labels)} classes and {outputs} outputs do not fit a target {target}")
    return classes


def _put_classes(estimator: MLP, classes: Array, target: str) -> None:
    binarizer = LabelBinarizer()
    binarizer.y_type_, binarizer.classes_ = target.removeprefix("sparse "), classes
    binarizer.sparse_input_ = target.startswith("sparse ")
    estimator.classes_, estimator._label_binarizer = classes, binarizer


# What was learnt


def _tensor_name(attribute: str) -> str:
    return f"figures/{attribute.strip('_')}"


def _check_plain_values(config: dict[str, Any], source: str) -> None:
    for name in (key.strip("_") for key in WHOLES):
        if type(config[name]) is not int or config[name] < 0:
            refuse(source, f"{name} is {shown(config[name])}; expected a whole number, zero or more")
    for name in ("best_iter", "best_epoch"):
        if config[name] is not None and (type(config[name]) is not int or config[name] < 0):
            refuse(source, f"{name} is {shown(config[name])}; expected a whole number, zero or more, or null")
    if type(config["stopped"]) is not bool:
        refuse(source, f"stopped is {shown(config['stopped'])}; expected true or false")
    if config["out_activation"] not in LINKS:
        refuse(source, f"out_activation is {shown(config['out_activation'])}; expected one of {', '.join(LINKS)}")
    names = config["feature_names"]
    if names is not None and not (isinstance(names, list) and all(type(name) is str for name in names)):
        refuse(source, "feature_names is not a list of texts, or null")


def _check_network(config: dict[str, Any], loss: Loss | None, source: str) -> None:
    """Refuse a network, by itself a good one, that is not one of this estimator."""
    network, names, outputs = config["network"], config["feature_names"], config["n_outputs"]
    if network["members"] is not None or len(network["inputs"]) != 1 or loss is None:
        refuse(source, "the network is not one of an estimator: it has members, takes no flat records or is not fitted")
    if names is not None and len(names) != network["inputs"][0]:
        refuse(source, f"there are {len(names)} feature names for {network['inputs'][0]} inputs")
    wanted = outputs_for(loss, outputs)
    last = network["layers"][-1]
    if last["type"] != "Dense" or last["units"] != wanted or outputs < 1:
        found = f"{last.get('units')} units" if last["type"] == "Dense" else f"a {shown(last['type'])}"
        refuse(source, f"the last layer is {found}; {outputs} outputs need a Dense of {wanted} units")
    two = config["classes"] is not None and config["classes"]["target"] != "multiclass"
    if two and loss.from_logits == "Softmax":
        refuse(source, f"{type(loss).__name__} is a loss for three or more classes, which there are not")


def _check_tensors(entries: Mapping[str, Entry], inner: Mapping[str, Entry], best: bool, source: str) -> None:
    """Refuse tensors beside the network's that are missing, left over, or of another shape or type."""
    for key in (*FIGURES, *CURVES):
        name, entry = _tensor_name(key), entries.get(_tensor_name(key))
        if entry is None and key in ALWAYS:
            refuse(source, f"tensor {name!r} is missing")
        fits = entry is None or (len(entry.shape) == 1 if key in CURVES else entry.shape == (1,))
        if not fits or (entry is not None and entry.dtype != np.float64):
            refuse(source, f"tensor {name!r} has a shape or type that a figure or a curve cannot have")
    expected = {_tensor_name(key) for key in (*FIGURES, *CURVES)}
    if best:
        like = {key: (one.shape, one.dtype) for key, one in inner.items() if key == "theta" or key.startswith("state/")}
        like["value"] = ((1,), np.dtype(np.float64))
        for key, form in like.items():
            entry = entries.get(f"best/{key}")
            if entry is None or (entry.shape, entry.dtype) != form:
                refuse(source, f"tensor {f'best/{key}'!r} is missing, or has another shape or type than it needs")
        expected |= {f"best/{key}" for key in like}
    odd = sorted(key for key in entries if not key.startswith("network/") and key not in expected)
    if odd:
        refuse(source, f"configuration and tensors disagree about {', '.join(odd[:5])}")


def _put_learnt(estimator: MLP, config: dict[str, Any], tensors: Tensors, network: Network) -> None:
    """Give an estimator its network and all else that it had learnt, but for the classes."""
    learnt: dict[str, Any] = {key: config[key.strip("_")] for key in WHOLES}
    for key in (*FIGURES, *CURVES):
        if _tensor_name(key) in tensors:
            values = tensors[_tensor_name(key)].tolist()
            learnt[key] = values if key in CURVES else values[0]
        elif key in MAY_BE_NONE:
            learnt[key] = None
    learnt |= {key: config[key.strip("_")] for key in ("out_activation_", "best_iter_", "stopped_")}
    learnt |= {"network_": network, "n_features_in_": network.inputs[0], "_best": None}
    if config["feature_names"] is not None:
        learnt["feature_names_in_"] = np.array(config["feature_names"], dtype=object)
    if config["best_epoch"] is not None:
        state = [
            {key: tensors[f"best/state/{layer}/{key}"] for key in named}
            for layer, named in zip(network.names, network.state, strict=True)
        ]
        value = float(tensors["best/value"][0])
        learnt["_best"] = Best(value, config["best_epoch"], tensors["best/theta"], state)
    for key, value in learnt.items():
        setattr(estimator, key, value)
    estimator._show_weights()
    estimator.n_layers_ = len(estimator.coefs_) + 1
