"""The way forward: each layer's formula with the numbers of the record and the unit that are followed."""

import math
from collections.abc import Container

import numpy as np

from pellucid.arrays import Array
from pellucid.configuration import brief_code
from pellucid.insight.records import LayerRecord
from pellucid.insight.story.blocks import is_known, joined
from pellucid.insight.story.by_derivative import weighted_sum
from pellucid.insight.story.followed import Followed, guarded
from pellucid.insight.story.parts import Item, Remark, Section, Strip, line, same, size_of, strip
from pellucid.insight.terms import Symbol, worked_out
from pellucid.insight.worked import LayerFormulas
from pellucid.layers.chain import Chain

BY_DERIVATIVE = "It has no formula text: its own derivative tells what it gave."


def of_input(way: Followed) -> Section:
    """Return what the network is given."""
    return Section("Input", "input", "", [way.values(way.names.letters[0], "", way.trace.x)])


def forward(way: Followed, place: int) -> Section:
    """Return one layer's part of the way forward."""
    layer, formulas = way.layers[place], way.formulas[place]
    section = Section(f"{layer.name}: {brief_code(layer.layer)}", "forward", layer.name)
    for name, array in layer.own(layer.parameters).items():
        section.items.append(strip(way.names.of(place, name, ()), name, array))
    for name, array in layer.own(layer.context.random).items():
        section.items.append(_kept(way, layer, name, "drawn", array))
    for name, array in layer.own(layer.context.state).items():
        section.items.append(strip(name, "running, before", array))
    for inner in way.within[place]:
        section.items += [forward(inner, at) for at in range(len(inner.layers))]
    if is_known(layer.layer):
        section.items += joined(way, place)
    elif isinstance(formulas, str):
        told = [] if layer.layer.formula else weighted_sum(way, place)
        section.items.append(Remark(BY_DERIVATIVE if told else formulas))
        section.items += [*told, *_kept_by_forward(way, layer)]
    else:
        section.items += _kept_by_forward(way, layer, formulas.names)
        section.items += guarded(lambda: _formula(way, place, formulas))
    for name, array in layer.own(layer.cache.get("state", {})).items():
        section.items.append(strip(name, "running, after", array))
    if isinstance(layer.layer, Chain):
        return section  # its last layer has shown it
    if isinstance(formulas, str) or layer.y[way.record].size > 1:  # a single value stands in the equation
        section.items.append(way.values(way.names.letters[place + 1], "", layer.y))
    return section


def _kept_by_forward(way: Followed, layer: LayerRecord, names: Container[str] | None = None) -> list[Item]:
    """Return the arrays that forward kept, or those of them that a formula names; x and y are shown without."""
    return [
        _kept(way, layer, name, "kept by forward", kept)
        for name, kept in layer.own(layer.cache).items()
        if isinstance(kept, np.ndarray) and kept.dtype.kind in "fbiu" and kept.ndim
        if kept is not layer.x and kept is not layer.y and (names is None or name in names)
    ]


def _kept(way: Followed, layer: LayerRecord, name: str, what: str, kept: Array) -> Strip:
    """Return an array: the record's part, where it has a row a record."""
    if kept.ndim == layer.x.ndim and len(kept) == way.records:
        return way.values(name, what, kept)
    return strip(name, what, kept)


def _formula(way: Followed, place: int, formulas: LayerFormulas) -> list[Item]:
    """Return the layer's formula for the unit that is followed, and whether forward computed the same."""
    layer, unit = way.layers[place], way.units[place]
    worked, at = formulas.worked(unit), formulas.at(unit)
    reader = way.symbols(place, worked)
    found: list[Item] = []
    again = worked_out(formulas.output(unit))
    for equation in worked.equations:
        if any(letter not in at for letter in equation.index):
            continue  # it has an index of its own: its values are worked out where they are used
        numbers = worked.numbers(equation.right, at)
        last = equation is worked.equations[-1]
        value = float(layer.y[way.record][unit]) if last else worked_out(numbers)
        left = way.names.of(place, "y", unit) if last else Symbol(equation.name)
        found.append(line(left, (reader.symbols(equation.right, at),), numbers, value))
    value = float(layer.y[way.record][unit])
    return [*found, *differing("Its formula gives", again, "forward", value, layer.y, size_of(found))]


def differing(what: str, again: float, who: str, value: float, array: Array, size: float) -> list[Item]:
    """Return a warning where a formula does not give what the layer computed."""
    if not math.isfinite(again) and math.isfinite(value):
        return [
            Remark(f"{what} {again}: written so, it leaves the range of numbers. {who.capitalize()} gave {value:.6g}.")
        ]
    if same(again, value, array.dtype, size):
        return []
    return [Remark(f"{what} {again:.6g}, but {who} gave {value:.6g}.", warning=True)]
