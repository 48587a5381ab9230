"""What a layer without a formula gave, told by its own derivative: where it is a weighted sum of what it was given."""

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.formulas import Index
from pellucid.insight.records import LayerRecord
from pellucid.insight.story.followed import UNUSABLE, Followed
from pellucid.insight.story.parts import Line, line, same, sum_of
from pellucid.insight.terms import Add, Derivative, Multiply, Number, Over, Symbol, Term, largest_within, worked_out


def weighted_sum(way: Followed, place: int) -> list[Line]:
    """Return the followed output as the sum of inputs times derivatives, and a parameter that is added.

    So much is true of convolutions, means over windows, the largest of a window, embeddings, and of whatever moves
    values about. Of a layer whose output is not that sum nothing is returned: its derivative does not tell it.
    """
    layer, unit, row = way.layers[place], way.units[place], way.record
    chosen = np.zeros_like(layer.y)
    chosen[(row, *unit)] = 1
    try:
        with np.errstate(all="ignore"):
            dx, gradients = layer.layer.backward(layer.parameters, layer.cache, chosen)
    except UNUSABLE:
        return []
    if not np.isfinite(dx).all() or np.delete(dx, row, axis=0).any() or not np.isfinite(layer.x[row]).all():
        return []  # what depends on other records too is no sum over this one
    slope, x, value = dx[row], layer.x[row], float(layer.y[row][unit])
    entries = [tuple(int(at) for at in entry) for entry in np.argwhere(slope)]
    terms = [_term(float(x[entry]), float(slope[entry])) for entry in entries]
    form = _form(way, place, entries, slope)
    for added in [*_added(layer, gradients, among_others=bool(terms)), None]:
        numbers, whole = list(terms), list(form)
        if added is not None:
            numbers.append(Number(float(layer.parameters[added[0]][added[1]])))
            whole.append(way.names.of(place, *added))
        if numbers and same(worked_out(Add(tuple(numbers))), value, layer.y.dtype, largest_within(Add(tuple(numbers)))):
            shown = _sum(sum_of(terms), numbers[len(terms) :]) if terms else numbers[0]
            return [line(way.names.of(place, "y", unit), (_sum(whole[0], whole[1:]),), shown, value)]
    return []


def _term(x: float, slope: float) -> Term:
    return Number(x) if slope == 1 else Multiply((Number(x), Number(slope)))


def _sum(first: Term, others: list[Term]) -> Term:
    return Add((*(first.terms if isinstance(first, Add) else (first,)), *others)) if others else first


def _form(way: Followed, place: int, entries: list[Index], slope: Array) -> list[Term]:
    """Return the sum in symbols: a single input that is passed on by itself."""
    if not entries:
        return []
    if len(entries) == 1 and slope[entries[0]] == 1:
        return [way.names.of(place, "x", entries[0])]
    any_x = way.names.letters[place]
    each = Symbol(any_x.letter, any_x.level, ("k",))
    return [Over("sum", "k", Multiply((each, Derivative(way.names.of(place, "y", way.units[place]), each))))]


def _added(layer: LayerRecord, gradients: dict[str, Array], among_others: bool) -> list[tuple[str, Index]]:
    """Return the parameters' values that may be added as they are: of which one alone counts, and counts once.

    ``among_others``: to a sum of inputs, as a bias is, which has a single axis.
    """
    found = []
    for name, gradient in gradients.items():
        places = np.argwhere(gradient)
        if among_others and gradient.ndim != 1:
            continue
        if len(places) == 1 and gradient[tuple(places[0])] == 1:
            found.append((name, tuple(int(at) for at in places[0])))
    return found
