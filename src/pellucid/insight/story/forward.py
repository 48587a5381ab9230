"""The way forward: each layer's formula with the numbers of the record and the unit that are followed."""

import math

import numpy as np

from pellucid.arrays import Array
from pellucid.configuration import as_code
from pellucid.insight.story.followed import Followed, guarded
from pellucid.insight.story.parts import Item, Remark, Section, line, same, size_of, strip
from pellucid.insight.terms import Symbol, worked_out
from pellucid.insight.worked import LayerFormulas


def of_input(way: Followed) -> Section:
    """Return what the network is given."""
    return Section("Input", "input", 0, [way.values(way.names.letters[0], "", way.trace.x)])


def forward(way: Followed, place: int) -> Section:
    """Return one layer's part of the way forward."""
    layer, formulas = way.trace.layers[place], way.formulas[place]
    section = Section(f"{layer.name}: {as_code(layer.layer)}", "forward", place)
    for name, array in layer.parameters.items():
        section.items.append(strip(way.names.of(place, name, ()), name, array))
    if isinstance(formulas, str):
        section.items.append(Remark(formulas))
        section.items += [
            strip(name, "kept by forward", np.asarray(value))
            for name, value in layer.cache.items()
            if isinstance(value, np.ndarray) and value.dtype.kind in "fbiu"
        ]
    else:
        section.items += guarded(lambda: _formula(way, place, formulas))
    for name, array in layer.context.random.items():
        section.items.append(way.values(name, "drawn", array))
    for name, array in layer.context.state.items():
        section.items.append(strip(name, "running, before", array))
    for name, array in layer.cache.get("state", {}).items():
        section.items.append(strip(name, "running, after", array))
    if isinstance(formulas, str) or layer.y[way.record].size > 1:  # a single value stands in the equation
        section.items.append(way.values(way.names.letters[place + 1], "", layer.y))
    return section


def _formula(way: Followed, place: int, formulas: LayerFormulas) -> list[Item]:
    """Return the layer's formula for the unit that is followed, and whether forward computed the same."""
    layer, unit = way.trace.layers[place], way.units[place]
    worked, at = formulas.worked(unit), formulas.at(unit)
    reader = way.symbols(place, worked, unit)
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
