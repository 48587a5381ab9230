"""A formula together with the values that its names stand for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import product
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.formulas import Equation, Index, Reader, read, read_derivative
from pellucid.insight.recording import LayerRecord
from pellucid.insight.terms import Number, Term, worked_out


class Worked:
    """A formula, worked out with values.

    Parameters
    ----------
    equations : sequence of Equation
        The later ones may use the names of the earlier.
    values : mapping of str to array or number
    here : tuple of int
        Which entry of an array is meant where its name stands without indices.

    Examples
    --------
    >>> worked = Worked(read("s = 1 / (1 + exp(-x)); y = x * s"), {"x": np.array([0.0, 2.0])}, (1,))
    >>> worked_out(worked.numbers(worked.equations[-1].right)).__round__(4)
    1.7616
    """

    def __init__(self, equations: Sequence[Equation], values: Mapping[str, Any], here: Index = ()) -> None:
        self.equations = list(equations)
        self.values = dict(values)
        self.here = here
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
        return int(np.shape(self.values[name])[0])

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
            place = index or self.here
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


class LayerFormulas:
    """What a layer's formula and derivatives say of one record.

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
        for name in ("x", "y"):
            if name in arrays or name in settings_of(layer):
                raise ValueError(
                    f"{name} is the layer's {'input' if name == 'x' else 'output'}, and a name of its own too"
                )
        for name in self.derivatives:
            if name != "x" and name not in record.parameters:
                raise ValueError(f"its derivatives name {name!r}, which is neither x nor a parameter")
        self.values: dict[str, Any] = {**settings_of(layer), **arrays, "x": record.x[row], "y": record.y[row]}
        for name in record.context.random:
            self.values[name] = record.context.random[name][row]

    @property
    def plain(self) -> bool:
        """Whether each value is treated alone: neither formula nor derivative has an index."""
        of_x = self.derivatives.get("x")
        return not self.equations[-1].index and (of_x is None or not of_x.index)

    @property
    def units(self) -> Iterator[Index]:
        """Every place in the layer's output."""
        return product(*map(range, self.record.y.shape[1:]))

    def worked(self, unit: Index) -> Worked:
        """Return the formula, with ``unit`` as the place that names without indices mean."""
        return Worked(self.equations, self.values, unit)

    def output(self, unit: Index) -> Term:
        """Return the formula of one output, with its numbers put in."""
        last = self.equations[-1]
        return self.worked(unit).numbers(last.right, self.at(unit))

    def at(self, unit: Index) -> dict[str, int]:
        """Return where the indices of the output stand."""
        return dict(zip(self.equations[-1].index, unit, strict=False))

    def derivative(self, name: str, place: Index, unit: Index) -> Term:
        """Return d y[unit] / d name[place], with its numbers put in; 0 where the one does not depend on the other."""
        one, at = self.derivatives[name], self.at(unit)
        if not one.index and np.ndim(self.values[name]) and place != unit:
            return Number(0.0)
        for letter, position in zip(one.index, place, strict=bool(one.index)):
            if at.setdefault(letter, position) != position:
                return Number(0.0)
        return self.worked(unit).numbers(one.right, at)

    def touched(self, name: str, place: Index) -> list[Index]:
        """Return the outputs that depend on ``name[place]``."""
        one = self.derivatives[name]
        if not one.index:
            return [place] if np.ndim(self.values[name]) else list(self.units)
        letters, shape = self.equations[-1].index, self.record.y.shape[1:]
        if not letters:
            return list(self.units)
        given = {letter: (at,) for letter, at in zip(one.index, place, strict=True)}
        return list(product(*(given.get(letter, range(size)) for letter, size in zip(letters, shape, strict=True))))

    def feeding(self, name: str, unit: Index) -> list[Index]:
        """Return the places of ``name`` that an output depends on."""
        one, shape = self.derivatives[name], np.shape(self.values[name])
        if not one.index:
            return [unit] if shape else [()]
        given = {letter: (at,) for letter, at in self.at(unit).items()}
        return list(product(*(given.get(letter, range(size)) for letter, size in zip(one.index, shape, strict=True))))

    def leaving(self, name: str, place: Index, dy: Array) -> list[tuple[Term, Term]]:
        """Return what adds up to the gradient with respect to ``name[place]``: pairs of dL/dy[unit] and dy/d name."""
        return [
            (Number(float(dy[self.row][unit])), self.derivative(name, place, unit))
            for unit in self.touched(name, place)
        ]
