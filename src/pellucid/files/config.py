"""From objects to canonical JSON and back, through a closed table of names."""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.errors import ModelFileError
from pellucid.initializers import INITIALIZERS, Initializer
from pellucid.layers import LAYERS, Layer
from pellucid.losses import LOSSES
from pellucid.optimizers import OPTIMIZERS
from pellucid.penalties import Penalty
from pellucid.schedules import SCHEDULES, Schedule
from pellucid.training.lbfgs import LBFGS

KNOWN: dict[str, type[Any]] = {
    **LAYERS,
    **LOSSES,
    **OPTIMIZERS,
    **SCHEDULES,
    **INITIALIZERS,
    "LBFGS": LBFGS,
    "Penalty": Penalty,
}
"""Every class that a file may name. Anything else must be handed to ``load`` by the caller."""

LONGEST_WHOLE_NUMBER = 2**63


def describe(value: Any, where: str) -> Any:
    """Turn a configured object (a frozen dataclass of plain values) into plain JSON values.

    Raises
    ------
    TypeError
        If it holds something that a file cannot: the text names the object and the field.

    Examples
    --------
    >>> from pellucid.layers import LeakyReLU
    >>> describe(LeakyReLU(0.1), "layer 1")
    {'type': 'LeakyReLU', 'slope': 0.1}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if abs(value) >= LONGEST_WHOLE_NUMBER:
            raise TypeError(f"{where}: {value} is too large for a model file")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError(f"{where}: {value} cannot be kept in a model file")
        return float(value)
    if isinstance(value, (tuple, list)):
        return [describe(item, f"{where}[{place}]") for place, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        name = _own_name(type(value), where)
        fields = {
            field.name: describe(getattr(value, field.name), f"{where}, {name}.{field.name}")
            for field in dataclasses.fields(value)
            if field.init
        }
        return {"type": name, **fields}
    if isinstance(value, (Layer, Schedule, Initializer)) and not vars(value):
        return {"type": _own_name(type(value), where)}  # a class of one's own without any settings
    raise TypeError(
        f"{where}: a {type(value).__name__} cannot be kept in a model file; make its class a frozen dataclass of "
        "numbers and texts"
    )


def _own_name(kind: type[Any], where: str) -> str:
    """Return the name that a class is saved under: not one of Pellucid's, which would be read back in its place."""
    name = kind.__name__
    if KNOWN.get(name, kind) is not kind:
        raise TypeError(
            f"{where}: {name} is a class of your own under the name of one of Pellucid's; rename your class"
        )
    return name


def build(description: Any, kind: type[Any], custom: Mapping[str, type[Any]], source: str) -> Any:
    """Make the object that :func:`describe` described; it must be a ``kind``.

    Nothing is imported by name: a class is found in the closed table, or in ``custom``.

    Raises
    ------
    ModelFileError
        If the name is unknown, a field is missing, left over or of an impossible value.

    Examples
    --------
    >>> from pellucid.layers import Layer
    >>> build({"type": "LeakyReLU", "slope": 0.1}, Layer, {}, "m.pellucid")
    LeakyReLU(slope=0.1)
    """
    if not isinstance(description, dict) or not isinstance(description.get("type"), str):
        raise ModelFileError(f"{source}: expected the description of a {kind.__name__}, found {_short(description)}")
    name = description["type"]
    found = custom.get(name, KNOWN.get(name))
    if found is None:
        raise ModelFileError(
            f"{source}: the model uses a class {name!r} that is not part of Pellucid; "
            f"hand it over: load(path, custom={{{name!r}: {name}}})"
        )
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ModelFileError(f"{source}: expected a {kind.__name__}, found {name!r}")
    given = {key: _value(item, custom, source) for key, item in description.items() if key != "type"}
    wanted = (
        {field.name for field in dataclasses.fields(found) if field.init} if dataclasses.is_dataclass(found) else set()
    )
    if given.keys() != wanted:
        odd = sorted(given.keys() ^ wanted)
        raise ModelFileError(f"{source}: the description of {name} does not fit its class, in {', '.join(odd)}")
    try:
        return found(**given)
    except (TypeError, ValueError, OverflowError) as problem:
        raise ModelFileError(f"{source}: {problem}") from None


def _value(item: Any, custom: Mapping[str, type[Any]], source: str) -> Any:
    if isinstance(item, dict):
        return build(item, object, custom, source)
    if isinstance(item, list):
        return tuple(_value(each, custom, source) for each in item)
    return item


def canonical(config: Any) -> str:
    """Return the one JSON text of a configuration: sorted keys, no spaces, plain ASCII.

    Examples
    --------
    >>> canonical({"b": 1, "a": [0.5, None]})
    '{"a":[0.5,null],"b":1}'
    """
    return json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def parsed(text: str, source: str) -> dict[str, Any]:
    """Read a configuration, which must be exactly its own canonical text."""
    try:
        config = json.loads(text)
        same = canonical(config) == text
    except (ValueError, RecursionError):
        same = False
    if not same or not isinstance(config, dict):
        raise ModelFileError(f"{source}: the configuration in the file is damaged (it is not canonical JSON)")
    return config


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
