"""The target column: of which kind it is, and the way from its values to what a network learns."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import TableError
from pellucid.tables.kinds.cells import MISSING, key_of
from pellucid.tables.reading import find_column
from pellucid.tables.written_numbers import is_number

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

Kind: TypeAlias = Literal["binary", "multiclass", "numeric", "count", "quantiles"]
KINDS: tuple[Kind, ...] = ("binary", "multiclass", "numeric", "count", "quantiles")
NUMBERS: tuple[Kind, ...] = ("numeric", "count", "quantiles")
Type: TypeAlias = Literal["text", "bool", "int", "float"]
TYPES: dict[Type, type] = {"text": str, "bool": bool, "int": int, "float": float}
Label: TypeAlias = str | bool | int | float
Values: TypeAlias = NDArray[Any] | list[Any]

# Whole numbers are taken for classes if they are few and each is met again and again.
MOST_NUMBERED_CLASSES = 20
FEWEST_ROWS_A_CLASS = 10
# Texts that hardly repeat are names or remarks, not classes; a small table is given the benefit of the doubt.
FEW_TEXTS = 20

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Target:
    """The column to predict.

    Attributes
    ----------
    name : str
        The column's name.
    kind : "binary", "multiclass", "numeric", "count" or "quantiles"
        What it is learnt as.
    type : "text", "bool", "int" or "float"
        What its values are.
    classes : tuple
        The distinct values in ascending order, of that type; empty for numbers.
    quantiles : tuple of float
        Those that are learnt, of the kind "quantiles".

    Examples
    --------
    >>> import polars
    >>> from pellucid.tables.reading import to_frame
    >>> frame = to_frame(polars.DataFrame({"answer": ["yes", "no", "yes"]}))
    >>> target = Target.find(frame, "answer")
    >>> target.kind, target.classes, target.encode(frame).tolist()
    ('binary', ('no', 'yes'), [1, 0, 1])
    """

    name: str
    kind: Kind
    type: Type
    classes: tuple[Label, ...] = ()
    quantiles: tuple[float, ...] = ()

    @classmethod
    def find(
        cls,
        frame: nw.DataFrame[Any],
        name: str,
        kind: Kind | None = None,
        source: str | os.PathLike[str] = "the table",
        quantiles: tuple[float, ...] = (),
    ) -> Target:
        """Look at a column, and decide (or check) which kind of target it is.

        ``quantiles`` are kept if it is of that kind.

        Raises
        ------
        TableError
            If there is no such column, a value is missing or not finite, all are the same, or they do not fit `kind`.
        """
        find_column(frame.columns, name, source, role="target")
        at = f"{os.fspath(source)}: the target {name!r}"
        found, values = _values(frame, name, source)
        if kind is None and found == "text":
            _refuse_gaps(at, values)
        if kind in NUMBERS and found == "text":
            _refuse_text(at, values)
        classes = _distinct(values)
        if len(classes) < 2:
            raise TableError(
                f"{at} has the same value {_shown(classes[0])} in every row; "
                "there is nothing to learn: two different values at least are needed"
            )
        if kind is None:
            kind = _kind(at, found, values, classes)
        elif kind == "binary" and len(classes) != 2:
            listed = ", ".join(map(_shown, classes[:5])) + (" ..." if len(classes) > 5 else "")
            raise TableError(
                f"{at} has {len(classes)} different values ({listed}), and a binary target has two; "
                "choose the kind multiclass or numeric"
            )
        elif kind == "count" and (np.asarray(values, dtype=np.float64) < 0).any():
            row = int(np.argmax(np.asarray(values, dtype=np.float64) < 0))
            raise TableError(f"{at} is {_shown(_plain(values)[row])} in row {row + 1}, and a count is never negative")
        own = quantiles if kind == "quantiles" else ()
        return cls(name, kind, found, () if kind in NUMBERS else tuple(classes), own)

    def encode(self, frame: nw.DataFrame[Any], source: str | os.PathLike[str] = "the table") -> NDArray[Any]:
        """Return the column as class numbers [N], or as float64 [N] for numbers.

        Raises
        ------
        TableError
            If the column is not there, a value is missing, or is none of the classes.
        """
        find_column(frame.columns, self.name, source, role="target")
        at = f"{os.fspath(source)}: the target {self.name!r}"
        found, values = _values(frame, self.name, source)
        if self.kind in NUMBERS:
            if found == "text":
                _refuse_text(at, values)
            return np.asarray(values, dtype=np.float64)
        places = {label: place for place, label in enumerate(self.classes)}
        codes = np.array([places.get(value, -1) for value in _plain(values)], dtype=np.intp)
        unknown = np.flatnonzero(codes < 0)
        if len(unknown):
            row = int(unknown[0])
            raise TableError(
                f"{at} holds {_shown(_plain(values[row : row + 1])[0])} in row {row + 1}, which is none of the "
                f"{len(self.classes)} classes that were learnt"
            )
        return codes

    def labels(self, codes: NDArray[np.intp]) -> NDArray[Any]:
        """Return the classes of these numbers, in the target's own type (texts as Python objects)."""
        # NumPy's texts of fixed width would drop a NUL at their end.
        kinds: dict[Type, Any] = {"text": object, "bool": np.bool_, "float": np.float64}
        beyond = self.type == "int" and int(self.classes[-1]) >= 2**63  # NumPy would make floats of them
        table = np.array(self.classes, dtype=np.uint64 if beyond else kinds.get(self.type))
        labels: NDArray[Any] = table[codes]
        return labels


def _values(frame: nw.DataFrame[Any], name: str, source: str | os.PathLike[str]) -> tuple[Type, Values]:
    """Return of which type the column's values are, and the values: an array, or a list for texts."""
    import narwhals.stable.v2 as nw

    at = f"{os.fspath(source)}: the target {name!r}"
    series = frame.get_column(name)
    if not len(series):
        raise TableError(f"{os.fspath(source)} has no rows")
    missing = series.is_null().to_numpy().astype(bool)  # [N]
    if series.dtype.is_float():
        missing = missing | series.is_nan().fill_null(True).to_numpy().astype(bool)
    if missing.any():
        rows = "row" if len(missing) == 1 else "rows"
        raise TableError(
            f"{at} has no value in {int(missing.sum())} of {len(missing)} {rows}, the first in row "
            f"{int(missing.argmax()) + 1}: fill them in, or leave those rows out"
        )
    if series.dtype == nw.Boolean:
        return "bool", series.to_numpy().astype(bool)
    if series.dtype.is_integer() and series.dtype not in (nw.Int128, nw.UInt128):  # NumPy has no such integers
        return "int", np.asarray(series.to_numpy()).astype(np.uint64 if series.dtype == nw.UInt64 else np.int64)
    if series.dtype.is_float():
        return "float", _finite(at, series.to_numpy().astype(np.float64))
    if series.dtype.is_temporal():
        raise TableError(f"{at} holds dates or times ({series.dtype}); turn them into numbers or texts first")
    values = series.to_list()
    if all(isinstance(value, str) for value in values):
        return "text", values
    if all(isinstance(value, bool | np.bool_) for value in values):
        return "bool", np.array(values, dtype=bool)
    if all(isinstance(value, int | float | Decimal | np.number) and not isinstance(value, bool) for value in values):
        if all(isinstance(value, int | np.integer) and -(2**63) <= value < 2**63 for value in values):
            return "int", np.array(values, dtype=np.int64)
        return "float", _finite(at, np.array([float(value) for value in values]))
    kinds = ", ".join(sorted({type(value).__name__ for value in values})[:4])
    raise TableError(f"{at} holds values that are neither numbers nor texts throughout ({kinds}); make them one kind")


def _finite(at: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise TableError(
            f"{at} is not finite in {len(wrong)} of {len(values)} rows, the first in row {wrong[0] + 1}: "
            f"{values[wrong[0]]}; correct them, or leave those rows out"
        )
    return values


def _plain(values: Values) -> list[Any]:
    """Return the values as Python's own."""
    return values.tolist() if isinstance(values, np.ndarray) else values


def _distinct(values: Values) -> list[Any]:
    return _plain(np.unique(values)) if isinstance(values, np.ndarray) else sorted(set(values))


def _kind(at: str, found: Type, values: Values, classes: Sequence[Any]) -> Kind:
    rows = len(values)
    if found == "text":
        numbers = sum(is_number(value) for value in values)
        # Few whole numbers may be names of classes; what is written with a decimal comma is not.
        fractions = numbers == rows and any("," in value for value in values)
        if fractions or (numbers > rows / 2 and len(classes) > FEW_TEXTS):
            _refuse_text(at, values)
    if found == "text" and len(classes) > max(FEW_TEXTS, rows / 2):
        raise TableError(
            f"{at} holds {len(classes)} different texts in {rows} rows: names or remarks rather than classes; "
            "choose another target (or the kind multiclass, if they are classes)"
        )
    if len(classes) == 2:
        return "binary"
    if found == "text":
        return "multiclass"
    few = len(classes) <= MOST_NUMBERED_CLASSES and rows >= FEWEST_ROWS_A_CLASS * len(classes)
    return "multiclass" if found == "int" and few else "numeric"


def _refuse_gaps(at: str, values: Values) -> None:
    """Refuse texts that say that there is no value, unless they were asked for as classes."""
    gaps = [row for row, value in enumerate(values) if key_of(value) in MISSING]
    if gaps:
        rows = "row" if len(values) == 1 else "rows"
        raise TableError(
            f"{at} has no value in {len(gaps)} of {len(values)} {rows}, the first in row {gaps[0] + 1}: "
            f"{_shown(values[gaps[0]])}; fill them in, or leave those rows out (if that is a class, ask for the kind "
            "binary or multiclass)"
        )


def _refuse_text(at: str, values: Values) -> None:
    wrong = [row for row, value in enumerate(values) if _NUMBER.fullmatch(value) is None]
    if not wrong:
        raise TableError(f"{at} holds texts, though every one is a number; convert it to numbers")
    first = values[wrong[0]]
    advice = "write such as 1234.5, and convert them" if is_number(first) else "correct them, or leave those rows out"
    raise TableError(
        f"{at} is not a number in {len(wrong)} of {len(values)} rows, the first in row {wrong[0] + 1}: "
        f"{_shown(first)}; {advice}"
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:36]}...{text[-1]}"


def held_out(
    rows: NDArray[np.intp], codes: NDArray[np.intp] | None, share: float, generator: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Divide rows into those that stay and those held out, both in ascending order.

    Of each class its share is held out, to the nearest row, but never all of it.

    Parameters
    ----------
    rows : array [N]
        Row numbers.
    codes : array [N], optional
        The classes of these rows.
    share : float
        The part to hold out, below 1.
    generator : numpy.random.Generator
        Chooses the rows.

    Examples
    --------
    >>> stay, held = held_out(np.arange(8), np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25, np.random.default_rng(0))
    >>> len(stay), [int((held < 4).sum()), int((held >= 4).sum())]
    (6, [1, 1])
    """
    wanted = round(share * len(rows))
    order = generator.permutation(len(rows))
    if codes is None:
        chosen = order[:wanted]
    else:
        _, shuffled, counts = np.unique(codes[order], return_inverse=True, return_counts=True)
        exact = share * counts  # [C]
        most = np.minimum(np.ceil(exact), counts - 1).astype(np.intp)
        taken = np.minimum(np.floor(exact).astype(np.intp), most)
        # The rows that rounding down left over go to the classes that lost most by it.
        able = np.flatnonzero(taken < most)
        able = able[np.argsort(taken[able] - exact[able], kind="stable")]
        taken[able[: max(wanted - int(taken.sum()), 0)]] += 1
        by_class = np.argsort(shuffled, kind="stable")  # [N]
        starts = np.cumsum(counts) - counts  # [C]
        within = np.arange(len(rows)) - np.repeat(starts, counts)
        chosen = order[by_class[within < np.repeat(taken, counts)]]
    mask = np.zeros(len(rows), dtype=bool)
    mask[chosen] = True
    return rows[~mask], rows[mask]
