"""Which of a network's columns hold categories: between two of them there is no way, and nothing to differentiate."""

from collections.abc import Iterable, Sequence

from pellucid.layers.chain import Chain
from pellucid.layers.embedding import Embedding
from pellucid.layers.identity import Identity
from pellucid.layers.layer import Layer
from pellucid.layers.parallel import Parallel
from pellucid.layers.select import Select
from pellucid.network import Network


def category_columns(network: Network) -> dict[int, int]:
    """Return how many categories there are in each column that goes into an Embedding as it is.

    Examples
    --------
    >>> from pellucid import Dense, Flatten
    >>> numbers_and_codes = Parallel([Select([0, 2]), [Select([1]), Embedding(5, 3), Flatten()]])
    >>> category_columns(Network(3, [numbers_and_codes, Dense(1)], seed=0))
    {1: 5}
    """
    return dict(sorted(_found(network.layers, range(network.inputs[0])))) if len(network.inputs) == 1 else {}


def _found(layers: Iterable[Layer], columns: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Give the columns of ``columns``, which is what the first of the layers is given, that are embedded."""
    layers = list(layers)
    while layers:
        layer = layers.pop(0)
        match layer:
            case Embedding():
                yield from ((column, layer.categories) for column in columns)
                return
            case Parallel():
                for branch in layer.branches:
                    yield from _found([branch], columns)
                return
            case Chain():
                layers = [*layer.layers, *layers]
            case Select():
                columns = [columns[place] for place in layer.columns]
            case Identity():
                pass
            case _:
                return


def in_words(columns: Iterable[int]) -> str:
    """Name columns that hold categories, for a message.

    Examples
    --------
    >>> in_words([2]), in_words([0, 1])
    ('column 2 holds categories', 'columns 0, 1 hold categories')
    """
    found = sorted(columns)
    return f"column{'s' * (len(found) > 1)} {', '.join(map(str, found))} hold{'s' * (len(found) == 1)} categories"
