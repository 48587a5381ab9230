"""Which record of a trace, and which unit of each layer, a story follows; and what every value there is called."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.formulas import Index, Reader
from pellucid.insight.names import Names
from pellucid.insight.records import LayerRecord
from pellucid.insight.story.parts import Item, Remark, Strip, strip
from pellucid.insight.terms import Derivative, Symbol, Term
from pellucid.insight.worked import LayerFormulas, Worked
from pellucid.layers.chain import Chain
from pellucid.layers.parallel import Parallel
from pellucid.layers.residual import Residual

if TYPE_CHECKING:
    from pellucid.insight.tracing import Trace

UNUSABLE = (ValueError, IndexError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What comes of a formula that does not fit its layer, loss or optimizer."""

Unit: TypeAlias = int | Mapping[str, int] | None


class Followed:
    """A record's way through a chain of layers: those of the network, or those within a block.

    Attributes
    ----------
    trace : Trace
    record : int
        The record, from 0.
    layers : sequence of LayerRecord
    units : list of tuple of int
        For each layer, the place in its output that is followed.
    entries : list of tuple of int
        The same in its input.
    names : Names
    formulas : list of LayerFormulas or str
        Each layer's, or the sentence that says why it has none.
    above : str
        What sends the gradient to the last layer: the loss, or a block.
    within : dict of int to list of Followed
        For each block, by its place, the ways through what is within.
    """

    def __init__(
        self,
        trace: "Trace",
        record: int,
        layers: Sequence[LayerRecord],
        names: Names,
        above: str,
        asked: Mapping[str, Index],
        end: Index | None = None,
        entry: Index | None = None,
    ) -> None:
        self.trace, self.record, self.layers, self.names, self.above = trace, record, layers, names, above
        self.formulas = [formulas_of(layer, record) for layer in layers]
        self._plain = [_is_plain(*both) for both in zip(layers, self.formulas, strict=True)]
        self.units: list[Index] = []
        following = self._below(len(layers)) if end is None else end
        for place in reversed(range(len(layers))):
            unit = asked.get(layers[place].name, following)
            self.units.insert(0, unit)
            following = unit if self._plain[place] else self._below(place)
        self.entries = [following if entry is None else entry, *self.units[:-1]]
        self.within = {place: self._ways_within(place, asked) for place in range(len(layers))}

    def _below(self, place: int) -> Index:
        """Return the place with the largest gradient in what a layer is given; for one more than there are, in the end.

        Seen from below the activations under it: what arrives at a dead unit goes no further.
        """
        below = place
        while below and self._plain[below - 1]:
            below -= 1
        if below == len(self.layers):
            return _largest(self.layers[-1], self.record)
        dx = self.layers[below].dx
        value = self.layers[place].x if place < len(self.layers) else self.layers[-1].y
        return _most(value[self.record] if dx is None else dx[self.record])

    def _ways_within(self, place: int, asked: Mapping[str, Index]) -> "list[Followed]":
        """Return the ways through what is within a block: to the unit, or in other branches to the largest."""
        block, unit = self.layers[place], self.units[place]
        return [
            Followed(
                self.trace,
                self.record,
                part.layers,
                self.names.within(place, part.layers, part.name),
                block.name,
                asked,
                part.share_of(unit),
                self.entries[place],
            )
            for part in parts_of_block(block)
        ]

    @property
    def records(self) -> int:
        """How many records the trace has."""
        return len(self.trace.x)

    def frozen(self, place: int) -> bool:
        """Return whether training leaves a layer's parameters as they are: it is frozen, or the block that it is in."""
        return self.layers[place].name.partition(".")[0] in self.trace.network.frozen

    def everything(self) -> "Iterator[tuple[Followed, int]]":
        """Give every layer, those within blocks before the block: as the way that it is on, and its place there."""
        for place in range(len(self.layers)):
            for way in self.within[place]:
                yield from way.everything()
            yield self, place

    def symbols(self, place: int, worked: Worked) -> Reader:
        """Return what writes a layer's formula in symbols."""

        def named(name: str, index: tuple[Any, ...]) -> Term:
            axes = np.ndim(worked.values.get(name, 0.0))
            return self.names.of(place, name, worked.place_of(index, axes))

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


@dataclass(frozen=True)
class Part:
    """A chain of layers within a block.

    Attributes
    ----------
    name : str
        What its part of the gradient that leaves the block is called; empty where it is the whole.
    layers : tuple of LayerRecord
    first, last : int or None
        From where to where its output lies in the block's, along the last axis; None where it lies in no such place.
    """

    name: str
    layers: tuple[LayerRecord, ...]
    first: int | None = None
    last: int | None = None

    def share_of(self, unit: Index) -> Index | None:
        """Return the place in this part's own output of a place in the block's, or None if it is not from here."""
        if self.first is None or self.last is None or not self.first <= unit[-1] < self.last:
            return None
        return (*unit[:-1], unit[-1] - self.first)


def parts_of_block(block: LayerRecord) -> list[Part]:
    """Return the chains of layers that a block is made of."""
    if not block.inside:
        return []
    width = block.y.shape[-1]
    if isinstance(block.layer, Chain):
        return [Part("", block.inside, 0, width)]
    if isinstance(block.layer, Residual):
        return [Part("change", block.inside, 0, width)]
    found, first = [], 0
    for one in block.inside:
        chain = one.inside if isinstance(one.layer, Chain) else (one,)
        name = one.name.rpartition(".")[2]
        if isinstance(block.layer, Parallel):
            last = first + one.y.shape[-1]
            found.append(Part(name, chain, first, last))
            first = last
        else:  # a block of one's own: who knows how it joins them
            found.append(Part(name, chain))
    return found


def follow(trace: "Trace", record: int, unit: Unit) -> Followed:
    """Return the way of a record: through the units asked for, and elsewhere through those with the largest gradient.

    Raises
    ------
    ValueError
        If there is no such record, layer or unit.
    """
    if isinstance(record, bool) or not isinstance(record, int | np.integer) or not 0 <= record < len(trace.x):
        raise ValueError(f"record must be a whole number from 0 to {len(trace.x) - 1}, found {record!r}")
    record = int(record)
    names = Names(trace.layers, trace.feature_names, trace.output_names)
    above = "" if trace.loss is None else type(trace.loss.loss).__name__
    end = _largest(trace.layers[-1], record)
    return Followed(trace, record, trace.layers, names, above, _asked(trace, unit), end)


def _asked(trace: "Trace", unit: Unit) -> dict[str, Index]:
    """Return the units asked for, by layer."""
    last = trace.layers[-1].name
    asked = {} if unit is None else dict(unit) if isinstance(unit, Mapping) else {last: unit}
    layers = {layer.name: layer for layer in trace.everything()}
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


def _is_plain(layer: LayerRecord, formulas: LayerFormulas | str) -> bool:
    """Return whether each value of a layer's output comes from the one in the same place of its input."""
    if layer.inside and not isinstance(layer.layer, Residual):
        return False
    return layer.x.shape == layer.y.shape and (isinstance(formulas, str) or formulas.in_place)


def _largest(layer: LayerRecord, record: int) -> Index:
    """Return the place of a layer's output that has the largest gradient, or in a prediction the largest value."""
    return _most(layer.y[record], signed=True) if layer.dy is None else _most(layer.dy[record])


def _most(values: Array, signed: bool = False) -> Index:
    """Return the place of the largest value; one that is not finite counts as larger than any."""
    size = values if signed else np.abs(values)
    found = int(np.argmax(np.where(np.isfinite(values), size, np.inf)))
    return tuple(int(at) for at in np.unravel_index(found, values.shape))
