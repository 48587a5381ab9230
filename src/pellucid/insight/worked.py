"""A formula together with the values that its names stand for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import product
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.formulas import Equation, Index, Reader, read, read_derivative
from pellucid.insight.records import LayerRecord
from pellucid.insight.terms import Number, Term, worked_out


class Worked:
    """A formula, worked out with values.

    Parameters
    ----------
    equations : sequence of Equation
        The later ones may use the names of the earlier.
    values : mapping of str to array or number
    here : tuple of int
        Which entry of an array is meant where its name stands without indices; an array with fewer axes is laid along
        the last ones, as a channel's slope is along an image.
    lead : int
        How many axes of ``here`` stand before those that the formula has indices for: a formula for the channels at one
        place of an image has one index, and x three axes.

    Examples
    --------
    >>> worked = Worked(read("s = 1 / (1 + exp(-x)); y = x * s"), {"x": np.array([0.0, 2.0])}, (1,))
    >>> worked_out(worked.numbers(worked.equations[-1].right)).__round__(4)
    1.7616
    """

    def __init__(
        self, equations: Sequence[Equation], values: Mapping[str, Any], here: Index = (), lead: int = 0
    ) -> None:
        self.equations = list(equations)
        self.values = dict(values)
        self.here, self.lead = here, lead
        self._between = {one.name: one for one in self.equations[:-1]}
        self._known: dict[tuple[str, Index], float | None] = {}
        self._reader = Reader(self._named, self.size)

    def numbers(self, right: Any, at: Mapping[str, int] | None = None) -> Term:
        """Return an expression with its numbers put in; ``at`` says where its indices are."""
        return self._reader.numbers(right, at or {})

    def size(self, name: str) -> int:
        """Return how many values an index over a name runs through."""
        if not np.ndim(self.values.get(name, 0.0)):
            raise ValueError(f"the formula runs over {name!r}, which has no values; it knows {self.names}")
        shape = np.shape(self.values[name])
        return int(shape[self.lead if len(shape) == len(self.here) else 0])

    def place_of(self, index: tuple[Any, ...], axes: int) -> tuple[Any, ...]:
        """Return which entry of an array with so many axes is meant where its name has these indices, or none."""
        if not index:
            return self.here[-axes:] if axes else ()
        return (*self.here[: self.lead], *index) if axes == len(self.here) == self.lead + len(index) else index

    @property
    def names(self) -> str:
        """All names that have a value, for a message."""
        return ", ".join([*self.values, *self._between])

    def _named(self, name: str, index: Index) -> Term:
        if name in self._between:
            if (name, index) not in self._known:
                equation = self._between[name]
                if len(equation.index) != len(index):
                    raise ValueError(f"the formula gives {name} with {len(equation.index)} index(es), used are {index}")
                self._known[name, index] = None  # while it is worked out
                self._known[name, index] = worked_out(self.numbers(equation.right, dict(zip(equation.index, index))))
            known = self._known[name, index]
            if known is None:
                raise ValueError(f"the formula gives {name!r} by itself")
            return Number(known)
        if name not in self.values:
            raise ValueError(f"the formula holds {name!r}, which has no value; it knows {self.names}")
        value = self.values[name]
        if np.ndim(value):
            place = self.place_of(index, np.ndim(value))
            if len(place) > np.ndim(value) or any(not 0 <= at < size for at, size in zip(place, value.shape)):
                raise ValueError(f"the formula asks for {name}{list(place)}, but {name} has the shape {value.shape}")
            value = value[place]
        if np.ndim(value):
            raise ValueError(f"the formula must say which of the values of {name!r} is meant: {name}[i]")
        return Number(float(value))


def settings_of(thing: Any) -> dict[str, float]:
    """Return the settings of a layer, loss or optimizer that are numbers.

    Examples
    --------
    >>> from pellucid import LeakyReLU
    >>> settings_of(LeakyReLU(slope=0.3))
    {'slope': 0.3}
    """
    found = {field.name: getattr(thing, field.name) for field in fields(thing)} if is_dataclass(thing) else {}
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, int | float | np.number) and not isinstance(value, bool)
    }


def _each(place: Index) -> list[tuple[int]]:
    """Return each of the positions as the only one that an axis runs through."""
    return [(at,) for at in place]


def _of_record(kept: Any, record: LayerRecord, row: int) -> Any:
    """Return a record's part of what ``forward`` kept: its row of an array with as many axes as x, or the only one."""
    if np.ndim(kept) != record.x.ndim:
        return kept
    return kept[row if len(kept) > 1 else 0]


class LayerFormulas:
    """What a layer's formula and derivatives say of one record.

    Names stand for the layer's settings, its parameters, draws and running statistics, x and y, and what ``forward``
    kept.

    Parameters
    ----------
    record : LayerRecord
    row : int
        Which record of the batch, from 0.

    Raises
    ------
    ValueError
        If the formula or a derivative cannot be read.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> from pellucid.insight import trace
    >>> network = Network(2, [Dense(1)], seed=0)
    >>> network.theta = [2.0, 3.0, 1.0]
    >>> formulas = LayerFormulas(trace(network, [[1.0, 10.0]]).layers[0], 0)
    >>> worked_out(formulas.output((0,))), worked_out(formulas.derivative("weights", (1, 0), (0,)))
    (33.0, 10.0)
    """

    def __init__(self, record: LayerRecord, row: int) -> None:
        self.record, self.row = record, row
        layer = record.layer
        self.equations = read(layer.formula) if layer.formula else ()
        self.derivatives = {
            one.name: one for one in (read_derivative(what, text) for what, text in layer.derivatives.items())
        }
        arrays = {**record.context.random, **record.context.state, **record.parameters}
        kept = {name: _of_record(value, record, row) for name, value in record.cache.items()}
        for name in ("x", "y"):
            if name in arrays or name in settings_of(layer):
                raise ValueError(
                    f"{name} is the layer's {'input' if name == 'x' else 'output'}, and a name of its own too"
                )
        for name in self.derivatives:
            if name != "x" and name not in record.parameters:
                raise ValueError(f"its derivatives name {name!r}, which is neither x nor a parameter")
        last = self.equations[-1].index if self.equations else ()
        self.lead = max(0, record.y.ndim - 1 - len(last)) if last else 0
        self.values: dict[str, Any] = {**kept, **settings_of(layer), **arrays, "x": record.x[row], "y": record.y[row]}
        for name in record.context.random:
            self.values[name] = record.context.random[name][row]

    @property
    def names(self) -> set[str]:
        """All names that the formula and the derivatives hold."""
        texts = [self.record.layer.formula, *self.record.layer.derivatives.values()]
        return {name for text in texts for name in re.findall(r"[^\W\d]\w*", text)}

    @property
    def in_place(self) -> bool:
        """Whether the formula of a value names the x of its own place alone."""
        own = ",".join(self.equations[-1].index)
        found = re.findall(r"\bx\b(?:\[([^\]]*)\])?", self.record.layer.formula)
        return all(index.replace(" ", "") == own for index in found)

    @property
    def units(self) -> Iterator[Index]:
        """Every place in the layer's output."""
        return product(*map(range, self.record.y.shape[1:]))

    def worked(self, unit: Index) -> Worked:
        """Return the formula, with ``unit`` as the place that names without indices mean."""
        return Worked(self.equations, self.values, unit, self.lead)

    def output(self, unit: Index) -> Term:
        """Return the formula of one output, with its numbers put in."""
        last = self.equations[-1]
        return self.worked(unit).numbers(last.right, self.at(unit))

    def at(self, unit: Index) -> dict[str, int]:
        """Return where the indices of the output stand."""
        return dict(zip(self.equations[-1].index, unit[self.lead :], strict=False))

    def _lead_of(self, name: str) -> int:
        """Return how many axes of a value stand before those that its derivative has indices for."""
        one = self.derivatives[name]
        return self.lead if one.index and np.ndim(self.values[name]) == self.lead + len(one.index) else 0

    def derivative(self, name: str, place: Index, unit: Index) -> Term:
        """Return d y[unit] / d name[place], with its numbers put in; 0 where the one does not depend on the other."""
        one, at, lead = self.derivatives[name], self.at(unit), self._lead_of(name)
        if not one.index and np.ndim(self.values[name]) and place != unit[-len(place) :]:
            return Number(0.0)
        if place[:lead] != unit[:lead]:
            return Number(0.0)
        for letter, position in zip(one.index, place[lead:], strict=bool(one.index)):
            if at.setdefault(letter, position) != position:
                return Number(0.0)
        return self.worked(unit).numbers(one.right, at)

    def touched(self, name: str, place: Index) -> list[Index]:
        """Return the outputs that depend on ``name[place]``."""
        one, lead = self.derivatives[name], self._lead_of(name)
        letters, shape = self.equations[-1].index, self.record.y.shape[1:]
        if one.index and not letters:
            return list(self.units)
        if not one.index:
            own = [range(size) for size in shape] if not place else [*map(range, shape[: -len(place)]), *_each(place)]
            return list(product(*own))
        given = {letter: (at,) for letter, at in zip(one.index, place[lead:], strict=True)}
        before = _each(place[:lead]) if lead else [range(size) for size in shape[: self.lead]]
        after = [given.get(letter, range(size)) for letter, size in zip(letters, shape[self.lead :], strict=True)]
        return list(product(*before, *after))

    def feeding(self, name: str, unit: Index) -> list[Index]:
        """Return the places of ``name`` that an output depends on."""
        one, shape, lead = self.derivatives[name], np.shape(self.values[name]), self._lead_of(name)
        if not one.index:
            return [unit[-len(shape) :]] if shape else [()]
        given = {letter: (at,) for letter, at in self.at(unit).items()}
        after = [given.get(letter, range(size)) for letter, size in zip(one.index, shape[lead:], strict=True)]
        return list(product(*_each(unit[:lead]), *after))

    def leaving(self, name: str, place: Index, dy: Array) -> list[tuple[Term, Term]]:
        """Return what adds up to the gradient with respect to ``name[place]``: pairs of dL/dy[unit] and dy/d name."""
        return [
            (Number(float(dy[self.row][unit])), self.derivative(name, place, unit))
            for unit in self.touched(name, place)
        ]
