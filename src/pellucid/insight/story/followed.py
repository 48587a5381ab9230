"""Which record of a trace, and which unit of each layer, a story follows; and what every value there is called."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.formulas import Index, Reader
from pellucid.insight.names import Names
from pellucid.insight.recording import LayerRecord
from pellucid.insight.story.parts import Item, Remark, Strip, strip
from pellucid.insight.terms import Derivative, Symbol, Term
from pellucid.insight.worked import LayerFormulas, Worked

if TYPE_CHECKING:
    from pellucid.insight.tracing import Trace

UNUSABLE = (ValueError, IndexError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What comes of a formula that does not fit its layer, loss or optimizer."""

Unit: TypeAlias = int | Mapping[str, int] | None


class Followed:
    """A record's way through a trace.

    Attributes
    ----------
    trace : Trace
    record : int
        The record, from 0.
    units : list of tuple of int
        For each layer, the place in its output that is followed.
    entries : list of tuple of int
        The same in its input.
    names : Names
    formulas : list of LayerFormulas or str
        Each layer's, or the sentence that says why it has none.
    """

    def __init__(self, trace: "Trace", record: int, units: list[Index], entry: Index) -> None:
        self.trace, self.record, self.units = trace, record, units
        self.entries = [entry, *units[:-1]]
        self.names = Names(trace.layers, trace.feature_names)
        self.formulas = [formulas_of(layer, record) for layer in trace.layers]

    @property
    def records(self) -> int:
        """How many records the trace has."""
        return len(self.trace.x)

    def frozen(self, place: int) -> bool:
        """Return whether training leaves a layer's parameters as they are."""
        return self.trace.layers[place].name in self.trace.network.frozen

    def symbols(self, place: int, worked: Worked, unit: Index) -> Reader:
        """Return what writes a layer's formula in symbols, for one unit."""

        def named(name: str, index: tuple[Any, ...]) -> Term:
            many = np.ndim(worked.values.get(name, 0.0)) > 0
            return self.names.of(place, name, index or (unit if many else ()))

        return Reader(named, worked.size)

    def values(self, name: Symbol | Derivative | str, what: str, array: Array) -> Strip:
        """Return an array with one row a record, of which the followed one is shown."""
        of_record = f"of record {self.record + 1}" if self.records > 1 else ""
        return strip(name, ", ".join(filter(None, [what, of_record])), array[self.record])


def formulas_of(layer: LayerRecord, row: int) -> LayerFormulas | str:
    """Return the layer's formulas for a record, or why there are none."""
    try:
        if not layer.layer.formula:
            return "It has no formula text: its arrays are shown instead."
        found = LayerFormulas(layer, row)
        unit = next(iter(found.units), None)
        if unit is not None:
            found.output(unit)
            for name in found.derivatives:
                for place in found.feeding(name, unit)[:1]:
                    found.derivative(name, place, unit)
    except UNUSABLE as problem:
        return f"Its formula cannot be used ({problem}): its arrays are shown instead."
    return found


def guarded(items: Callable[[], list[Item]]) -> list[Item]:
    """Return what a formula gives, or the sentence that says why it cannot be used."""
    try:
        return items()
    except UNUSABLE as problem:
        return [Remark(f"A formula cannot be used ({problem}): the arrays are shown instead.")]


def follow(trace: "Trace", record: int, unit: Unit) -> Followed:
    """Return the way of a record: through the units asked for, and elsewhere through those with the largest gradient.

    Raises
    ------
    ValueError
        If there is no such record, layer or unit.
    """
    if isinstance(record, bool) or not isinstance(record, int | np.integer) or not 0 <= record < len(trace.x):
        raise ValueError(f"record must be a whole number from 0 to {len(trace.x) - 1}, found {record!r}")
    units, entry = _units(trace, int(record), _asked(trace, unit))
    return Followed(trace, int(record), units, entry)


def _asked(trace: "Trace", unit: Unit) -> dict[str, Index]:
    """Return the units asked for, by layer."""
    last = trace.layers[-1].name
    asked = {} if unit is None else dict(unit) if isinstance(unit, Mapping) else {last: unit}
    layers = {layer.name: layer for layer in trace.layers}
    found = {}
    for name, position in asked.items():
        if name not in layers:
            raise ValueError(f"unit: there is no layer {name!r}; the layers are {', '.join(layers)}")
        shape = layers[name].y.shape[1:]
        count = math.prod(shape)
        if isinstance(position, bool) or not isinstance(position, int | np.integer) or not 0 <= position < count:
            raise ValueError(f"unit of {name} must be a whole number from 0 to {count - 1}, found {position!r}")
        found[name] = tuple(int(at) for at in np.unravel_index(int(position), shape))
    return found


def _units(trace: "Trace", record: int, asked: dict[str, Index]) -> tuple[list[Index], Index]:
    """Return the place in each layer's output that is followed, and the one in the input."""
    layers, units = trace.layers, []
    plain = [_is_plain(layer, record) for layer in layers]
    last = layers[-1]
    following = _most(last.y[record], signed=True) if last.dy is None else _most(last.dy[record])
    for place in reversed(range(len(layers))):
        unit = asked.get(layers[place].name, following)
        units.append(unit)
        if plain[place]:
            following = unit
            continue
        # Seen from below the activations: what arrives at a dead unit goes no further.
        below = place
        while below and plain[below - 1]:
            below -= 1
        dx = layers[below].dx
        following = _most(layers[place].x[record] if dx is None else dx[record])
    return units[::-1], following


def _is_plain(layer: LayerRecord, record: int) -> bool:
    """Return whether each value of a layer's output comes from the one in the same place of its input."""
    formulas = formulas_of(layer, record)
    return layer.x.shape == layer.y.shape and (isinstance(formulas, str) or formulas.plain)


def _most(values: Array, signed: bool = False) -> Index:
    """Return the place of the largest value; one that is not finite counts as larger than any."""
    size = values if signed else np.abs(values)
    found = int(np.argmax(np.where(np.isfinite(values), size, np.inf)))
    return tuple(int(at) for at in np.unravel_index(found, values.shape))
