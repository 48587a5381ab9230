"""From objects to canonical JSON and back, through a closed table of names."""

import dataclasses
import json
import math
import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from pellucid.files.refusal import encodable, refuse, shown
from pellucid.files.strict_json import parse
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
# A seed may come from the system's own source of chance: 128 bits, which are 39 digits.
DIGIT_LIMIT = 40
# Lists and objects within each other. A block of layers within a block takes three of them.
NESTING_LIMIT = 64


def describe(value: Any, where: str, depth: int = 0) -> Any:
    """Turn a configured object (a frozen dataclass of plain values) into plain JSON values.

    Raises
    ------
    TypeError
        If it holds something that a file cannot: the text names the object and the field.
    ValueError
        If it is nested more deeply than a file can hold.

    Examples
    --------
    >>> from pellucid.layers import LeakyReLU
    >>> describe(LeakyReLU(0.1), "layer 1")
    {'type': 'LeakyReLU', 'slope': 0.1}
    """
    if depth > NESTING_LIMIT:
        raise ValueError(f"{shown(where)}: nested more than {NESTING_LIMIT} levels deep, which no model file can hold")
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
        return [describe(item, f"{where}[{place}]", depth + 1) for place, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        name = _own_name(type(value), where)
        fields = [field.name for field in dataclasses.fields(value) if field.init]
        if "type" in fields:
            raise TypeError(
                f"{where}: {name} has a field 'type', the word that a model file keeps for the class's name"
            )
        return {
            "type": name,
            **{field: describe(getattr(value, field), f"{where}, {name}.{field}", depth + 1) for field in fields},
        }
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
        refuse(source, f"expected the description of a {kind.__name__}, found {shown(description)}")
    name = description["type"]
    found = custom.get(name, KNOWN.get(name))
    if found is None:
        # Only what can be the name of a class is worth a hint.
        hint = f"; hand it over: load(path, custom={{{name!r}: {name}}})" if name.isidentifier() else ""
        refuse(source, f"the model uses a class {shown(name)} that is not part of Pellucid{hint}")
    if not (isinstance(found, type) and issubclass(found, kind)):
        refuse(source, f"expected a {kind.__name__}, found {shown(name)}")
    given = {key: _value(item, custom, source) for key, item in description.items() if key != "type"}
    fields = [field for field in dataclasses.fields(found) if field.init] if dataclasses.is_dataclass(found) else []
    kinds = {field.name: field.type for field in fields}
    # What has a default may be missing: the file may be older than the setting.
    needed = {f.name for f in fields if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING}
    odd = sorted((given.keys() - kinds.keys()) | (needed - given.keys()))
    if odd:
        refuse(source, f"the description of {name} does not fit its class, in {', '.join(odd[:5])}")
    for field, value in given.items():
        # The library's own annotations are true; those of others need not be.
        if name not in custom and not _fits(value, kinds[field]):
            refuse(source, f"{name}: {field} cannot be {shown(value)}")
    try:
        return found(**given)
    except (TypeError, ValueError, ArithmeticError) as problem:
        refuse(source, str(problem))


def _value(item: Any, custom: Mapping[str, type[Any]], source: str) -> Any:
    if isinstance(item, dict):
        return build(item, object, custom, source)
    if isinstance(item, list):
        return tuple(_value(each, custom, source) for each in item)
    if isinstance(item, int) and abs(item) >= LONGEST_WHOLE_NUMBER:
        refuse(source, f"a setting is {item}, which is too large")
    return item


def _fits(value: Any, wanted: Any) -> bool:
    """Return whether a value may stand where a class of the library says ``wanted``.

    A number stands for a number of any kind: which ones are good, the class itself knows.
    """
    if wanted in (bool, int, float):
        return isinstance(value, (bool, int, float))
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return any(_fits(value, each) for each in arguments)
    if origin is Literal:
        return value in arguments
    if origin in (tuple, list, Sequence):
        if not isinstance(value, tuple):
            return False
        if origin is tuple and arguments[-1] is not Ellipsis:
            return len(value) == len(arguments) and all(map(_fits, value, arguments))
        return all(_fits(each, arguments[0]) for each in value)
    return isinstance(value, wanted) if isinstance(wanted, type) else wanted is None and value is None


def canonical(config: Any) -> str:
    """Return the one JSON text of a configuration: sorted keys, no spaces, plain ASCII.

    Examples
    --------
    >>> canonical({"b": 1, "a": [0.5, None]})
    '{"a":[0.5,null],"b":1}'
    """
    return json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def parsed(text: str, source: str) -> dict[str, Any]:
    """Read a configuration, which must be exactly its own canonical text.

    Raises
    ------
    ModelFileError
        If it is not, or is nested too deeply.

    Examples
    --------
    >>> parsed('{"a":[0.5,null]}', "m.pellucid")
    {'a': [0.5, None]}
    """
    config = parse(text, "the configuration", source, digits=DIGIT_LIMIT, fractions=True)
    if _nesting(config) > NESTING_LIMIT:
        refuse(source, f"the configuration is nested too deeply; expected at most {NESTING_LIMIT} levels")
    if canonical(config) != text:
        refuse(source, "the configuration in the file is damaged (it is not canonical JSON)")
    # Escaped, half a surrogate pair is plain ASCII; as a name or a class it could not be written anywhere.
    if "\\ud" in text and not encodable(json.dumps(config, ensure_ascii=False)):
        refuse(source, "the configuration holds half a surrogate pair; expected whole text")
    return config


def _nesting(value: Any) -> int:
    """Return how many lists and objects stand within each other; level by level, as recursion would fail on many."""
    levels, level = 0, [value]
    while level := [each for each in level if isinstance(each, (dict, list))]:
        levels += 1
        level = [item for each in level for item in (each.values() if isinstance(each, dict) else each)]
    return levels


def exact_fields(found: Any, wanted: set[str], what: str, source: str) -> dict[str, Any]:
    """Return an object of the configuration; refuse it unless it has exactly these fields.

    Examples
    --------
    >>> exact_fields({"a": 1}, {"a"}, "the configuration", "m.pellucid")
    {'a': 1}
    """
    if not isinstance(found, dict):
        refuse(source, f"{what} is {shown(found)}; expected an object")
    if found.keys() != wanted:
        odd = sorted(found.keys() ^ wanted)
        refuse(source, f"{what} has missing or unknown fields: {', '.join(odd[:5])}")
    return found
