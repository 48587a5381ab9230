"""An estimator's parameters, as its file keeps them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.estimators.base import MLP
from pellucid.files.config import build, describe
from pellucid.files.refusal import refuse, shown
from pellucid.layers import Layer
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.schedules import Schedule

KEYS = (bool, int, float, str)
"""What may be the key of a dict: a label."""


def kept(name: str, value: Any) -> Any:
    """Return a parameter as plain JSON values; None for callbacks, a scorer and a ``RandomState``, which no file keeps.

    Raises
    ------
    TypeError
        If a file cannot keep it; the text names the parameter.

    Examples
    --------
    >>> kept("hidden_layer_sizes", (8, 4)), kept("n_iter_no_change", np.inf), kept("callbacks", [print])
    ({'tuple': [8, 4]}, {'number': 'inf'}, None)
    """
    drawn = name == "random_state" and isinstance(value, np.random.RandomState)
    if drawn or name == "callbacks" or (name == "monitor" and not isinstance(value, str)):
        return None
    return _plain(value, f"parameter {name}")


def _plain(value: Any, where: str) -> Any:
    """Return a value as JSON that tells tuples from lists, and takes dicts and numbers that are not finite."""
    if isinstance(value, (Layer, Optimizer, Schedule, Loss)):
        return describe(value, where)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        items = [[_plain(key, where), _plain(each, where)] for key, each in value.items()]
        for key, _ in items:
            if not isinstance(key, KEYS):
                raise TypeError(f"{where}: the key {key!r} cannot be kept in a model file; expected a number or a text")
        return {"dict": items}
    if isinstance(value, tuple):
        return {"tuple": [_plain(each, where) for each in value]}
    if isinstance(value, (Sequence, np.ndarray)):
        return [_plain(each, where) for each in value]
    raise TypeError(f"{where}: a {type(value).__name__} cannot be kept in a model file")


def _value(found: Any, custom: Mapping[str, type[Any]], source: str) -> Any:
    """Return the value that :func:`_plain` wrote."""
    if isinstance(found, list):
        return [_value(each, custom, source) for each in found]
    if not isinstance(found, dict):
        return found
    if "type" in found:
        return build(found, object, custom, source)
    word, inner = next(iter(found.items())) if len(found) == 1 else ("", None)
    if word == "number" and inner in ("inf", "-inf", "nan"):
        return float(inner)
    if word == "dict" and isinstance(inner, list) and all(map(_is_item, inner)):
        made = {key: _value(value, custom, source) for key, value in inner}
        if len(made) == len(inner):
            return made
    if word != "tuple" or not isinstance(inner, list):
        refuse(source, "a parameter holds an object that is neither a part, a tuple, a dict nor a number")
    return tuple(_value(each, custom, source) for each in inner)


def _is_item(pair: Any) -> bool:
    """Return whether this is a dict's key and value."""
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], KEYS)


def with_parameters(kind: type[MLP], given: Any, custom: Mapping[str, type[Any]], source: str) -> MLP:
    """Return an estimator with the parameters of a file, which has learnt nothing yet.

    A parameter that the file is too old for has its default.

    Raises
    ------
    ModelFileError
        If a name is not one of the estimator's, or a part cannot be made.
    ValueError
        If a value is one that `fit` would refuse.
    """
    if not isinstance(given, dict):
        refuse(source, f"the parameters are {shown(given)}; expected an object")
    for name in sorted(given.keys() - set(kind._get_param_names())):
        refuse(source, f"{kind.__name__} has no parameter {shown(name)}")
    values = {name: _value(value, custom, source) for name, value in given.items()}
    estimator = kind(**values)
    check_values(estimator)
    return estimator


def check_values(estimator: MLP) -> None:
    """Refuse parameters that `fit` would refuse, but for a scorer that an earlier file has not kept.

    Raises
    ------
    ValueError
        If there is one; the text names it.
    """
    values = estimator.get_params(deep=False)
    if values["monitor"] is None:
        del values["monitor"]
    type(estimator)(**values)._validate_params()
