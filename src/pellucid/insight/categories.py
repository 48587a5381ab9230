"""Which of a network's columns hold categories: between two of them there is no way, and nothing to differentiate."""

import math
from collections.abc import Iterable, Sequence

from pellucid.layers.chain import Chain
from pellucid.layers.embedding import Embedding
from pellucid.layers.identity import Identity
from pellucid.layers.layer import Layer, Shape
from pellucid.layers.one_hot import OneHot
from pellucid.layers.parallel import Parallel
from pellucid.layers.select import Select
from pellucid.network import Network


def category_columns(network: Network) -> dict[int, int]:
    """Return how many categories there are in each column that goes into an Embedding or a OneHot as it is.

    Examples
    --------
    >>> from pellucid import Dense, Flatten
    >>> numbers_and_codes = Parallel([Select([0, 2]), [Select([1]), Embedding(5, 3), Flatten()]])
    >>> category_columns(Network(3, [numbers_and_codes, Dense(1)], seed=0))
    {1: 5}
    >>> category_columns(Network(3, [Parallel([Select([2]), [Select([1, 0]), OneHot((4, 2))]]), Dense(1)], seed=0))
    {0: 2, 1: 4}
    >>> then = Parallel([[Select([2]), Embedding(5, 3), Flatten()], Select([0, 1])])
    >>> category_columns(Network(2, [Parallel([Dense(2), Select([1])]), then], seed=0))
    {1: 5}
    """
    if len(network.inputs) != 1:
        return {}
    found: dict[int, int] = {}
    _follow(network.layers, network.inputs, list(range(network.inputs[0])), found)
    return dict(sorted(found.items()))


def _follow(
    layers: Iterable[Layer], shape: Shape, columns: list[int | None], found: dict[int, int]
) -> list[int | None]:
    """Note the columns that hold categories; return which column each value that comes out is, None if computed.

    ``columns`` says so of what the first layer is given, records of this shape.
    """
    for layer in layers:
        out: list[int | None] = []
        match layer:
            case Chain():
                out = _follow(layer.layers, shape, columns, found)
            case Select() if len(shape) == 1:
                out = [columns[place] for place in layer.columns]
            case Identity():
                out = columns
            case Parallel():
                for branch in layer.branches:
                    out += _follow([branch], shape, columns, found)
            case _:
                counts: Sequence[int] = layer.levels if isinstance(layer, OneHot) else ()
                counts = [layer.categories] * len(columns) if isinstance(layer, Embedding) else counts
                found.update({one: count for one, count in zip(columns, counts, strict=False) if one is not None})
                out = [None] * math.prod(layer.output_shape(shape))
        shape, columns = layer.output_shape(shape), out
    return columns


def in_words(columns: Iterable[int]) -> str:
    """Name columns that hold categories, for a message.

    Examples
    --------
    >>> in_words([2]), in_words([0, 1])
    ('column 2 holds categories', 'columns 0, 1 hold categories')
    """
    found = sorted(columns)
    return f"column{'s' * (len(found) > 1)} {', '.join(map(str, found))} hold{'s' * (len(found) == 1)} categories"
