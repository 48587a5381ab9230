"""What a block does itself: how it joins what the layers within give, and how their gradients come together."""

from pellucid.insight.story.followed import Followed, parts_of_block
from pellucid.insight.story.parts import Item, Remark, line
from pellucid.insight.terms import Add, Number
from pellucid.layers.chain import Chain
from pellucid.layers.layer import Layer
from pellucid.layers.parallel import Parallel
from pellucid.layers.residual import Residual


def is_known(layer: Layer) -> bool:
    """Return whether it is one of the library's blocks, which are told here."""
    return isinstance(layer, Chain | Parallel | Residual)


def joined(way: Followed, place: int) -> list[Item]:
    """Return how a block's followed output comes of what the layers within gave."""
    block, unit = way.layers[place], way.units[place]
    left, value = way.names.of(place, "y", unit), float(block.y[way.record][unit])
    if isinstance(block.layer, Residual):
        inner = way.within[place][0]
        form = Add((way.names.of(place, "x", unit), inner.names.passing(len(inner.layers), unit)))
        change = inner.layers[-1].y[way.record][unit]
        numbers = Add((Number(float(block.x[way.record][unit])), Number(float(change))))
        return [line(left, (form,), numbers, value)]
    if isinstance(block.layer, Parallel):
        for part, inner in zip(parts_of_block(block), way.within[place], strict=True):
            own = part.share_of(unit)
            if own is not None:
                last = inner.layers[-1]
                number = Number(float(last.y[way.record][own]))
                form_of = inner.names.passing(len(inner.layers), own)
                return [line(left, (form_of,), number, value, remark=f"from {part.name}")]
    return []


def handed_on(way: Followed, place: int) -> list[Item]:
    """Return what each of a block's parts gets of the gradient that arrives."""
    block = way.layers[place]
    if isinstance(block.layer, Residual):
        return [Remark("A sum hands the gradient on as it is: to the layers within, and past them.")]
    if isinstance(block.layer, Parallel):
        own = [f"{part.name} of values {part.first + 1} to {part.last}" for part in parts_of_block(block)]  # type: ignore[operator]
        return [Remark(f"Each branch gets the gradient of what it gave: {', '.join(own)} (of the last axis).")]
    return []


def summed(way: Followed, place: int) -> list[Item]:
    """Return how the gradient that leaves a block is the sum over all ways through it."""
    block, entry, inner = way.layers[place], way.entries[place], way.within[place]
    if isinstance(block.layer, Chain) or block.dx is None or block.dy is None:
        return []
    by_way = [(one.names.arriving(0, entry), one.layers[0].dx) for one in inner]
    if isinstance(block.layer, Residual):
        by_way.insert(0, (way.names.arriving(place + 1, entry), block.dy))
    form = Add(tuple(symbol for symbol, _ in by_way))
    numbers = Add(tuple(Number(float(array[way.record][entry])) for _, array in by_way if array is not None))
    return [line(way.names.arriving(place, entry), (form,), numbers, float(block.dx[way.record][entry]))]
