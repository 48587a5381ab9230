"""What a network is configured with: checked, numbered, and written as code."""

from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.layers.layer import Shape


def as_code(value: Any) -> str:
    """Return the shortest call that makes a layer (or another frozen dataclass) anew, without its defaults.

    Examples
    --------
    >>> from pellucid import Dense, HeNormal
    >>> as_code(Dense(3)), as_code(Dense(3, bias=False, weights_initializer=HeNormal()))
    ('Dense(3)', 'Dense(3, bias=False, weights_initializer=HeNormal())')
    """
    if isinstance(value, tuple):
        return f"({', '.join(map(as_code, value))}{',' * (len(value) == 1)})"
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


def brief_code(value: Any, longest: int = 100) -> str:
    """Return the call that makes a layer anew, or where that is long, only what it calls.

    Examples
    --------
    >>> from pellucid import Dense, Select
    >>> brief_code(Dense(3)), brief_code(Select(range(100)))
    ('Dense(3)', 'Select(...)')
    """
    code = as_code(value)
    return code if len(code) <= longest else f"{type(value).__name__}(...)"


def child_seeds(seed: int) -> list[np.random.SeedSequence]:
    """Return the seeds of the start, the shuffling, the draws and the held-out share, in this order."""
    return np.random.SeedSequence(seed).spawn(4)


def checked_shape(inputs: int | tuple[int, ...]) -> Shape:
    """Return the shape of one record."""
    shape = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    if not shape or any(
        isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1 for size in shape
    ):
        raise ValueError(f"inputs must be the width or the shape of one record, in positive whole numbers: {inputs!r}")
    return tuple(int(size) for size in shape)


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
