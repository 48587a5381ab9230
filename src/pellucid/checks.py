"""What comes in from outside is checked here, once, before any arithmetic sees it."""

from typing import Any

import numpy as np

from pellucid.arrays import Array


def as_array(value: Any, name: str) -> Array:
    """Return what was given as an array; refuse rows of different lengths, and values that are masked.

    Examples
    --------
    >>> as_array([[1, 2], [3]], "X")
    Traceback (most recent call last):
        ...
    ValueError: X has rows of different lengths (or is no table of plain values): ...
    """
    try:
        given = np.asarray(value)
    except ValueError as problem:
        raise ValueError(f"{name} has rows of different lengths (or is no table of plain values): {problem}") from None
    mask = getattr(value, "mask", None)
    if isinstance(mask, np.ndarray) and mask.any():  # NumPy would hand over what lies beneath the mask
        raise ValueError(f"{name} has {int(mask.sum())} masked value(s); leave those records out or fill them in")
    return given


def inputs(
    X: Any,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    name: str = "X",
    members: int | None = None,
    finite: bool = True,
) -> Array:
    """Return ``X`` as finite numbers of ``dtype``, one record of ``shape`` for each entry of its first axis.

    With ``members``, one more leading axis of that length is allowed: each member's own records. Without ``finite``,
    what is no number or infinite is let through, for those who look for it.

    Raises
    ------
    ValueError
        If the shape does not fit, or a value is not finite: how many, and where the first is.
    TypeError
        If ``X`` holds text or objects.

    Examples
    --------
    >>> inputs([[1, 2]], (2,), np.dtype(float))
    array([[1., 2.]])
    >>> inputs([[1, float("nan")]], (2,), np.dtype(float))
    Traceback (most recent call last):
        ...
    ValueError: X has 1 value that is not finite: nan in row 0, column 1; ...
    """
    given = X if type(X) is np.ndarray else as_array(X, name)
    if given.dtype != dtype:
        given = _numbers(given, name)
    own = members is not None and given.ndim == len(shape) + 2 and given.shape[0] == members
    if given.ndim != len(shape) + 1 + own or given.shape[1 + own :] != shape:
        width = " x ".join(map(str, shape)) or "1"
        raise ValueError(
            f"{name} has shape {given.shape}; this network takes records of width {width}: {_hint(given, shape)}"
        )
    if given.dtype == dtype:
        converted = given
    else:
        with np.errstate(over="ignore"):  # what is too large is told below, with its place
            converted = given.astype(dtype)
    if finite and not np.isfinite(converted).all():
        _refuse_not_finite(given, converted, name)
    return converted


def _hint(given: Array, shape: tuple[int, ...]) -> str:
    wanted = ", ".join(["N", *map(str, shape)])
    if given.shape == shape:
        return f"shape ({wanted}) is needed; for a single record write [record]"
    if given.ndim == 1 and shape == (1,):
        return f"shape ({wanted}) is needed; for a single column write X.reshape(-1, 1)"
    return f"shape ({wanted}) is needed"


def _numbers(given: Array, name: str) -> Array:
    if given.dtype.kind in "biuf":
        return given
    if given.dtype.kind == "c":
        raise TypeError(f"{name} must hold real numbers, found {given.dtype.name}")
    if given.dtype.kind in "mM":  # NumPy would turn them into counts of their unit, and "no time" into a huge number
        text = f"{name} must hold numbers, found times ({given.dtype.name})"
        raise TypeError(f"{text}; encode them as numbers, such as days since a first day")
    try:
        if given.dtype.kind == "O":
            _refuse_text(given, name)
        converted: Array = given.astype(np.float64)
    except (TypeError, ValueError):
        for place in np.ndindex(given.shape):
            value = given[place]
            try:
                float(value)
            except (TypeError, ValueError):
                text = f"{name} must hold numbers, found {value!r} in {where(place)}"
                raise TypeError(f"{text}; encode text as numbers, or leave the column out") from None
        raise
    if given.dtype.kind in "US":
        raise TypeError(f"{name} must hold numbers, found text ({str(given.flat[0])!r} in {where((0,) * given.ndim)})")
    return converted


def _refuse_text(given: Array, name: str) -> None:
    """Refuse text among objects, also text that could be read as a number: a column of text is text."""
    for index, value in enumerate(given.flat):
        if isinstance(value, (str, bytes)):
            place = where(tuple(int(part) for part in np.unravel_index(index, given.shape)))
            text = f"{name} must hold numbers, found {value!r} in {place}"
            raise TypeError(f"{text}; encode text as numbers, or leave the column out")


def _refuse_not_finite(given: Array, converted: Array, name: str) -> None:
    bad = np.isfinite(given.astype(np.float64))
    np.logical_not(bad, out=bad)
    if bad.any():
        count, place = int(bad.sum()), tuple(int(index) for index in np.argwhere(bad)[0])
        values = "value that is not finite:" if count == 1 else "values that are not finite, the first"
        raise ValueError(
            f"{name} has {count} {values} {given[place]} in {where(place)}; leave those records out or fill them in"
        )
    place = tuple(int(index) for index in np.argwhere(~np.isfinite(converted))[0])
    raise ValueError(
        f"{name} holds values too large for {converted.dtype.name}, the first {given[place]} in {where(place)}: "
        "scale the column, or make the network with dtype=float64"
    )


def where(place: tuple[int, ...]) -> str:
    """Name a place in an array of records.

    Examples
    --------
    >>> where((5, 2)), where((5,))
    ('row 5, column 2', 'row 5')
    """
    if not place:
        return "the value itself"
    column = f", column {place[1]}" if len(place) == 2 else f", place {place[1:]}" if len(place) > 2 else ""
    return f"row {place[0]}{column}"


def weights(sample_weight: Any, records: int, dtype: np.dtype[Any], name: str = "sample_weight") -> Array | None:
    """Return sample weights as a column [N, 1], or None; refuse negative ones, NaN and another length.

    Examples
    --------
    >>> weights([1, 2], 2, np.dtype(float))
    array([[1.],
           [2.]])
    """
    if sample_weight is None:
        return None
    given = as_array(sample_weight, name)
    if given.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, found {given.dtype.name}")
    if given.shape != (records,):
        raise ValueError(f"{name} has shape {given.shape}; one weight for each of the {records} records is needed")
    wrong = ~(np.isfinite(given) & (given >= 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{name} must be finite and not negative; {int(wrong.sum())} of them are not, the first "
            f"{given[row]} in row {row}"
        )
    with np.errstate(over="ignore", under="ignore"):  # what does not fit is told below
        column: Array = given.astype(dtype)[:, None]
    if not np.isfinite(column).all():
        raise ValueError(
            f"{name} holds values too large for {dtype.name}, the first {given[~np.isfinite(column[:, 0])][0]}"
        )
    if records and not column.any():
        raise ValueError(f"{name}: all {records} weights are 0, so no record counts")
    return column


def plain_numbers(configuration: Any) -> None:
    """Turn NumPy's numbers in a frozen dataclass into Python's own, in place.

    A setting taken out of an array (``np.logspace(...)[0]``) would otherwise turn float32 arithmetic into float64.

    Examples
    --------
    >>> from pellucid import LeakyReLU
    >>> LeakyReLU(np.float64(0.1)).slope.__class__
    <class 'float'>
    """
    for name, value in vars(configuration).items():
        if isinstance(value, np.generic):
            object.__setattr__(configuration, name, value.item())


def same_length(X: Array, y: Array, records_axis: int = 0) -> None:
    """Refuse inputs and targets of different lengths."""
    if X.shape[records_axis] != y.shape[0]:
        raise ValueError(f"X has {X.shape[records_axis]} records and y has {y.shape[0]}: they must be as many")


def some_records(X: Array, name: str = "X") -> None:
    """Refuse a table with no records at all."""
    if X.shape[0] == 0:
        raise ValueError(f"{name} has no records: there is nothing to learn from")


def not_a_network(given: Any, method: str | None = None) -> str:
    """Say what was given in place of a network, and where that has what is wanted: in a method, or in its network_.

    Examples
    --------
    >>> not_a_network([1.0], "trace")
    'a list'
    """
    found = f"a {type(given).__name__}"
    if method is not None and hasattr(given, method):
        return f"{found}, which has a method {method} of its own"
    return f"{found}; give its network_" if hasattr(given, "network_") else found
