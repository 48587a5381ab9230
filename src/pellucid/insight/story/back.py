"""The way back: what arrives at a layer, what its parameters get of it, and what leaves."""

import math
from collections import Counter

from pellucid.arrays import Array
from pellucid.insight.formulas import Index
from pellucid.insight.names import LOSS, record_part
from pellucid.insight.story.blocks import handed_on, is_known, summed
from pellucid.insight.story.followed import Followed, guarded
from pellucid.insight.story.forward import differing
from pellucid.insight.story.parts import Item, Remark, Section, line, product_of, size_of, strip, sum_of
from pellucid.insight.terms import Derivative, Multiply, Number, Over, Term, worked_out
from pellucid.insight.worked import LayerFormulas
from pellucid.layers.chain import Chain

PARAMETERS_SHOWN = 4
"""Of a unit's parameters of one name, no more than these are followed one by one."""
MOST_PATHS = 10_000
"""A parameter that acts at more places than this, over all records, is not followed."""


def back(way: Followed, place: int) -> Section:
    """Return one layer's part of the way back."""
    layer, formulas = way.layers[place], way.formulas[place]
    section = Section(f"Back through {layer.name}", "back", layer.name)
    if layer.dy is None:
        section.items.append(Remark("Nothing from here down learns: the way back ends above this layer."))
        return section
    if not isinstance(layer.layer, Chain):  # its last layer shows it
        section.items.append(way.values(Derivative(LOSS, way.names.letters[place + 1]), "arrives", layer.dy))
    if way.frozen(place) and layer.own(layer.parameters):
        section.items.append(Remark("This layer is frozen: its parameters stay as they are."))
    section.items += handed_on(way, place)
    for inner in reversed(way.within[place]):
        section.items += [back(inner, at) for at in reversed(range(len(inner.layers)))]
    if isinstance(formulas, str):
        section.items += [] if is_known(layer.layer) else [Remark(formulas)]
    else:
        section.items += guarded(lambda: _parameters(way, place, formulas))
    told = Counter(name for name, _ in followed_parameters(way, place))
    for name, array in layer.own(layer.parameters).items():
        if name in layer.gradients and not way.frozen(place) and told[name] < array.size:
            symbol = Derivative(LOSS, way.names.of(place, name, ()))
            section.items.append(strip(symbol, name, layer.gradients[name]))
    if layer.dx is not None and not isinstance(layer.layer, Chain):
        has_text = is_known(layer.layer) or (not isinstance(formulas, str) and "x" in formulas.derivatives)
        section.items += summed(way, place) if is_known(layer.layer) else []
        if not isinstance(formulas, str) and has_text:
            section.items += guarded(lambda: _leaving(way, place, formulas))
        if not has_text or layer.dx[way.record].size > 1:
            leaves = way.names.arriving(place, ())
            section.items.append(way.values(leaves, "leaves", layer.dx))
    return section


def followed_parameters(way: Followed, place: int) -> list[tuple[str, Index]]:
    """Return which parameters of a layer are followed: those of the unit, and of many those with most to learn."""
    formulas, layer, found = way.formulas[place], way.layers[place], []
    if isinstance(formulas, str) or way.frozen(place):
        return []
    for name in layer.own(layer.parameters):
        if name not in formulas.derivatives or name not in layer.gradients:
            continue
        gradient = layer.gradients[name]
        mine = list(formulas.feeding(name, way.units[place]))
        if mine and len(formulas.touched(name, mine[0])) * way.records > MOST_PATHS:
            continue  # a slope that a whole image shares
        if len(mine) > PARAMETERS_SHOWN:
            mine = sorted(sorted(mine, key=lambda at: -abs(float(gradient[at])))[:2])
        found += [(name, at) for at in mine]
    return found


def _parameters(way: Followed, place: int, formulas: LayerFormulas) -> list[Item]:
    """Return the chain rule for the parameters of the unit that is followed."""
    found: list[Item] = []
    for number, (name, at) in enumerate(followed_parameters(way, place)):
        found += _chain(way, place, formulas, name, at, name_factors=number == 0)
    return found


def _chain(way: Followed, place: int, formulas: LayerFormulas, name: str, at: Index, name_factors: bool) -> list[Item]:
    """Return one parameter's gradient: the product for the followed record, and the sum over all records.

    ``name_factors``: whether it is said which layer contributes which factor.
    """
    layer, unit = way.layers[place], way.units[place]
    assert layer.dy is not None
    total = layer.gradients[name][at]
    left = Derivative(LOSS, way.names.of(place, name, at))
    parts = [_part(way, place, name, at, layer.dy, row) for row in range(way.records)]
    found: list[Item] = []
    if formulas.touched(name, at) == [unit]:
        factors, numbers, by = _way_up(way, place)
        slope = Derivative(way.names.of(place, "y", unit), left.by)
        of_record = Derivative(record_part(way.record), left.by) if way.records > 1 else left
        numbers = [*numbers, formulas.derivative(name, at, unit)]
        found.append(
            line(
                of_record,
                (product_of([*factors, slope]),),
                product_of(numbers),
                parts[way.record] if way.records > 1 else total,
                by=(*by, (slope, layer.name)) if name_factors else (),
            )
        )
    elif way.records == 1:
        slope = Derivative(way.names.of(place, "y", ("j",)), left.by)
        each = Over("sum", "j", Multiply((way.names.arriving(place + 1, ("j",)), slope)))
        pairs = formulas.leaving(name, at, layer.dy)
        found.append(line(left, (each,), sum_of([Multiply(pair) for pair in pairs]), total))
    if way.records > 1:
        form = Over("sum", "n", Derivative(record_part(None), left.by))
        found.append(line(left, (form,), sum_of([Number(part) for part in parts]), total))
    largest = max(map(abs, parts))
    again = math.fsum(parts) if all(map(math.isfinite, parts)) else math.nan
    if math.isfinite(again):
        found += differing("By its derivative it is", again, "backward", float(total), layer.y, largest)
    return found


def _part(way: Followed, place: int, name: str, at: Index, dy: Array, row: int) -> float:
    """Return what one record contributes to a parameter's gradient."""
    of_row = LayerFormulas(way.layers[place], row)
    return math.fsum(worked_out(Multiply(pair)) for pair in of_row.leaving(name, at, dy))


def _way_up(way: Followed, place: int) -> tuple[list[Term], list[Term], tuple[tuple[Term, str], ...]]:
    """Return the factors between the loss and a layer's output, as far up as they are a plain product."""
    layers, top = way.layers, place
    while top + 1 < len(layers) and _plain(way, top + 1):
        top += 1
    arrives, dy = way.names.arriving(top + 1, way.units[top]), layers[top].dy
    assert dy is not None
    factors: list[Term] = [arrives]
    numbers: list[Term] = [Number(float(dy[way.record][way.units[top]]))]
    by: list[tuple[Term, str]] = [(arrives, layers[top + 1].name if top + 1 < len(layers) else way.above)]
    for between in range(top, place, -1):
        formulas, entry, unit = way.formulas[between], way.entries[between], way.units[between]
        assert not isinstance(formulas, str)
        slope = Derivative(way.names.of(between, "y", unit), way.names.of(between, "x", entry))
        factors.append(slope)
        numbers.append(formulas.derivative("x", entry, unit))
        by.append((slope, layers[between].name))
    return factors, numbers, tuple(by)


def _plain(way: Followed, place: int) -> bool:
    """Return whether a layer's input at the followed place leads to the followed output alone."""
    formulas = way.formulas[place]
    if isinstance(formulas, str) or "x" not in formulas.derivatives:
        return False
    return formulas.touched("x", way.entries[place]) == [way.units[place]]


def _leaving(way: Followed, place: int, formulas: LayerFormulas) -> list[Item]:
    """Return how the gradient that leaves comes from the one that arrives."""
    layer, entry = way.layers[place], way.entries[place]
    assert layer.dy is not None
    assert layer.dx is not None
    left, value = way.names.arriving(place, entry), float(layer.dx[way.record][entry])
    touched = formulas.touched("x", entry)
    numbers = sum_of([Multiply(pair) for pair in formulas.leaving("x", entry, layer.dy)])
    unit: Index | tuple[str, ...] = touched[0] if len(touched) == 1 else ("j",)
    arrives = way.names.arriving(place + 1, unit)
    slope = Derivative(way.names.of(place, "y", unit), way.names.of(place, "x", entry))
    forms: tuple[Term, ...] = (Over("sum", "j", Multiply((arrives, slope))),)
    if len(touched) == 1:
        equation, worked = formulas.derivatives["x"], formulas.worked(touched[0])
        at = {**formulas.at(touched[0]), **dict(zip(equation.index, entry[formulas.lead :], strict=False))}
        written_out = way.symbols(place, worked).symbols(equation.right, at)
        forms = (Multiply((arrives, slope)), product_of([arrives, written_out]))
    found: list[Item] = [line(left, forms, numbers, value, by=((slope, layer.name),))]
    again = worked_out(numbers)
    if math.isfinite(again):
        found += differing("By its derivative it is", again, "backward", value, layer.dx, size_of(found))
    return found
