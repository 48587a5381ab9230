"""What every value of a trace is called in an equation: x1, z, a2[3], w1[2,3], dL/dz."""

from collections import Counter
from collections.abc import Sequence
from copy import copy
from typing import Any

from pellucid.insight.records import LayerRecord
from pellucid.insight.terms import Derivative, Symbol
from pellucid.layers.chain import Chain
from pellucid.layers.layer import Shape

LOSS = Symbol("L")
LETTERS = {"weights": "w", "bias": "b"}


class Names:
    """The symbols of a network's values.

    A layer with parameters gives z and one without gives a, as textbooks have it; each carries the number of the
    layers with parameters so far, if there are several; a second activation in a row gives aa. What a block joins is
    h; the layers within it are counted with the others. Indices count from 1, and are left out for single values.

    Parameters
    ----------
    layers : sequence of LayerRecord
        Those of the network; or, with ``outer``, those of a chain within a block.
    feature_names : sequence of str
        What the inputs are called; x1, x2 ... if they have no names.
    output_names : sequence of str
        What the network's outputs are called, in place of their numbers: z2[yes].

    Examples
    --------
    >>> from pellucid import Dense, Network, Tanh
    >>> from pellucid.insight import trace
    >>> network = Network(2, [Dense(3), Tanh(), Dense(1)], seed=0)
    >>> names = Names(trace(network, [[1.0, 2.0]]).layers)
    >>> names.of(0, "weights", (1, 2)), names.of(2, "y", (0,))
    (Symbol(letter='w', level='1', index=('2', '3'), marks=0), Symbol(letter='z', level='2', index=(), marks=0))

    Source: Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 6.5 (a for activations); Nielsen, "Neural
    networks and deep learning", 2015, chapter 2 (z for what goes into them).
    """

    def __init__(
        self, layers: Sequence[LayerRecord], feature_names: Sequence[str] = (), output_names: Sequence[str] = ()
    ) -> None:
        self.feature_names, self.output_names = tuple(feature_names), tuple(output_names)
        self.symbols = symbols_of(layers)
        self.loss_below = LOSS
        self._of_chain(layers, Symbol("x"))

    def _of_chain(self, layers: Sequence[LayerRecord], given: Symbol) -> None:
        self.parameters = [layer.own(layer.parameters) for layer in layers]
        self.shapes: list[Shape] = [layers[0].x.shape[1:], *[layer.y.shape[1:] for layer in layers]]
        self.letters = [given, *[self.symbols[layer.name] for layer in layers]]
        self.levels = [letter.level for letter in self.letters[1:]]

    def within(self, place: int, layers: Sequence[LayerRecord], part: str = "") -> "Names":
        """Return the names of a chain of layers within the block at this place.

        ``part``: what the gradient by way of this chain is called, where it is only a part of what leaves the block.
        """
        inner = copy(self)
        inner.feature_names, inner.output_names = self.feature_names if place == 0 else (), ()
        outer = self.loss_below.index if place == 0 else ()
        inner.loss_below = Symbol(LOSS.letter, "", (".".join((*outer, part)),) if part else outer)
        inner._of_chain(layers, self.letters[place])
        return inner

    def of(self, layer: int, name: str, index: Sequence[Any]) -> Symbol:
        """Return the symbol of ``x``, ``y``, a parameter or a setting of a layer, at an index from 0."""
        if name in ("x", "y"):
            return self.passing(layer + (name == "y"), index)
        if name not in self.parameters[layer]:
            return Symbol(name, "", shown_index(index, None))
        own = self.parameters[layer]
        letter = LETTERS.get(name, name)
        letter = name if letter in own or len(name) == 1 else letter
        if letter in ("x", "z", "a", "h", "l", "L"):  # these mean something else
            letter = f"{letter}_"
        return Symbol(letter, self.levels[layer], shown_index(index, own[name].shape))

    def passing(self, place: int, index: Sequence[Any]) -> Symbol:
        """Return the symbol of what passes between layers: 0 is the input, 1 the output of the first layer."""
        if place == 0 and self.feature_names and len(index) == 1 and not isinstance(index[0], str):
            return Symbol(self.feature_names[index[0]])
        letter, shape = self.letters[place], self.shapes[place]
        last = place == len(self.letters) - 1
        return Symbol(letter.letter, letter.level, self.of_output(index, shape) if last else shown_index(index, shape))

    def of_output(self, index: Sequence[Any], shape: Shape) -> tuple[str, ...]:
        """Return the index of an output, or of its target, as it is shown: the output's name, if it has one."""
        if self.output_names and len(index) == 1 and not isinstance(index[0], str):
            return (self.output_names[index[0]],)
        return shown_index(index, shape)

    def arriving(self, place: int, index: Sequence[Any]) -> Derivative:
        """Return the symbol of the gradient with respect to what passes between layers."""
        return Derivative(self.loss_below if place == 0 else LOSS, self.passing(place, index))


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of which no two are the same: one that comes again is told apart by its place, from 0.

    Examples
    --------
    >>> distinct(["age", "area", "age"])
    ('age (0)', 'area', 'age (2)')
    """
    counts = Counter(names)
    return tuple(name if counts[name] == 1 else f"{name} ({place})" for place, name in enumerate(names))


def symbols_of(layers: Sequence[LayerRecord]) -> dict[str, Symbol]:
    """Return the symbol of what each layer gives, by the layer's name: also of those within blocks."""
    simple = [one for layer in layers for one in layer.everything() if not one.inside]
    many = sum(bool(one.parameters) for one in simple) > 1
    found: dict[str, Symbol] = {}
    level = 0
    for layer in (one for outer in layers for one in outer.everything()):
        if isinstance(layer.layer, Chain):
            found[layer.name] = found[layer.inside[-1].name]  # it gives what the last one gives
            continue
        learns = bool(layer.own(layer.parameters))
        level += learns
        letter = Symbol("h" if layer.inside else "z" if learns else "a", str(level) if many else "")
        while letter in found.values():
            letter = Symbol(f"{letter.letter}{letter.letter[0]}", letter.level)
        found[layer.name] = letter
    return found


def shown_index(index: Sequence[Any], shape: Shape | None) -> tuple[str, ...]:
    """Return indices as they are shown: letters as they are, numbers from 1; none where there is one value.

    Examples
    --------
    >>> shown_index((0, "j"), (3, 2)), shown_index((2, 0), (3, 1))
    (('1', 'j'), ('3',))
    """
    return tuple(
        one if isinstance(one, str) else str(one + 1)
        for axis, one in enumerate(index)
        if shape is None or shape[axis] > 1
    )


def record_loss(record: str | None, index: tuple[str, ...] = ()) -> Symbol:
    """Return the symbol of a record's own loss, l; ``record`` is None where there is one record only."""
    return Symbol("l", "", (*(() if record is None else (record,)), *index))


def record_part(record: int | None) -> Symbol:
    """Return the symbol of a record's part in the loss, L[4]; L[n] where any is meant."""
    return Symbol("L", "", ("n" if record is None else str(record + 1),))
