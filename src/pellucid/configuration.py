"""What a network is configured with: checked, numbered, and written as code."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.layers import Layer
from pellucid.layers.layer import Shape


def as_code(value: Any) -> str:
    """Return the shortest call that makes a layer (or another frozen dataclass) anew, without its defaults.

    Examples
    --------
    >>> from pellucid import Dense, HeNormal
    >>> as_code(Dense(3)), as_code(Dense(3, bias=False, weights_initializer=HeNormal()))
    ('Dense(3)', 'Dense(3, bias=False, weights_initializer=HeNormal())')
    """
    if not is_dataclass(value) or isinstance(value, type):
        return repr(value)
    parts = []
    for field in fields(value):
        found = getattr(value, field.name)
        if field.default is MISSING and not field.kw_only:
            parts.append(as_code(found))
        elif field.init and found != field.default:
            parts.append(f"{field.name}={as_code(found)}")
    return f"{type(value).__name__}({', '.join(parts)})"


def child_seeds(seed: int) -> list[np.random.SeedSequence]:
    """Return the seeds of the start, the shuffling, the draws and the held-out share, in this order."""
    return np.random.SeedSequence(seed).spawn(4)


def numbered(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return the layers' names: those of one kind are numbered."""
    seen: Counter[str] = Counter()
    names = []
    for layer in layers:
        base = layer.base_name()
        seen[base] += 1
        names.append(f"{base}_{seen[base]}")
    return tuple(names)


def checked_shape(inputs: int | tuple[int, ...]) -> Shape:
    """Return the shape of one record."""
    shape = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    if not shape or any(
        isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1 for size in shape
    ):
        raise ValueError(f"inputs must be the width or the shape of one record, in positive whole numbers: {inputs!r}")
    return tuple(int(size) for size in shape)


def checked_layers(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return the chain of layers, or say what in it is none."""
    if isinstance(layers, Layer):
        raise TypeError(f"layers must be a list of layers; write [{layers!r}]")
    chain = tuple(layers)
    if not chain:
        raise ValueError("layers is empty; a network needs at least one layer, such as [Dense(1)]")
    for place, layer in enumerate(chain):
        if isinstance(layer, type):
            raise TypeError(
                f"layers[{place}] is the class {layer.__name__}; write {layer.__name__}() to make a layer of it"
            )
        if not isinstance(layer, Layer):
            raise TypeError(f"layers[{place}] must be a layer, found {layer!r}")
    return chain


def checked_seed(seed: int | None) -> int:
    """Return the seed, drawn if there is none."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0, or None, found {seed!r}")
    return int(seed)


def checked_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return the dtype of theta."""
    found = np.dtype(dtype)
    if found not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f'dtype must be "float64" or "float32", found {found.name!r}')
    return found
