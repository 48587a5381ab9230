"""Where values that are no numbers, or infinite, first appear in a trace."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.records import LayerRecord

if TYPE_CHECKING:
    from pellucid.insight.tracing import Trace


@dataclass(frozen=True)
class NotFinite:
    """The first array of a trace, in the order of computing, that holds values which are not finite.

    Attributes
    ----------
    where : str
        The array: "the output of dense_2".
    section : tuple of (str, int)
        The part of the story that it belongs to: its kind, and the layer's name (or "").
    count, size : int
        How many of its values are not finite, and how many it has.
    place : tuple of int
        Of the first of them.
    value : float
    record : int or None
        The record that it belongs to, where the array has one row for each record.
    """

    where: str
    section: tuple[str, str]
    count: int
    size: int
    place: tuple[int, ...]
    value: float
    record: int | None

    @property
    def text(self) -> str:
        """Return it in a sentence."""
        at = ", ".join(str(position + 1) for position in self.place)
        of = f" of record {self.record + 1}" if self.record is not None else ""
        return (
            f"The first value that is not finite is in {self.where}{of}: {self.value} "
            f"({self.count} of {self.size} values there; the first at {at or 'its only place'}, counted from 1)."
        )


def first_not_finite(trace: "Trace") -> NotFinite | None:
    """Return where values that are not finite first appear, or None.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> from pellucid.insight import trace
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> network.theta = [1e200, 0.0]
    >>> first_not_finite(trace(network, [[1.0], [1e200]])).where
    'the output of dense_1'
    """
    for where, section, array, by_record in _arrays(trace):
        values = np.asarray(array)
        bad = ~np.isfinite(values)
        if bad.any():
            place = tuple(int(position) for position in np.argwhere(bad)[0])
            record = place[0] if by_record else None
            inner = place[1:] if by_record else place
            return NotFinite(where, section, int(bad.sum()), values.size, inner, float(values[place]), record)
    return None


Named: TypeAlias = tuple[str, tuple[str, str], Array | Any, bool]
"""An array, by what it is called and the section that shows it, and whether it has a row a record."""


def _arrays(trace: "Trace") -> Iterator[Named]:
    """Give every array of a trace in the order in which it is computed."""
    yield "the input", ("input", ""), trace.x, True
    for layer in trace.layers:
        yield from _forward(layer)
    if trace.loss is None:
        return
    yield "the losses", ("loss", ""), trace.loss.losses, True
    yield "the loss", ("loss", ""), trace.loss.value, False
    yield "the penalty", ("loss", ""), trace.loss.penalty, False
    yield "the gradient that the loss sends back", ("loss", ""), trace.loss.d_output, True
    for layer in reversed(trace.layers):
        yield from _back(layer)
    if trace.update is not None:
        yield "the gradient with the penalty, clipped", ("update", ""), trace.update.clipped, False
        for name, array in trace.update.state_after._asdict().items():
            if isinstance(array, np.ndarray):
                yield f"the optimizer's {name}", ("update", ""), array, False
        yield "the step", ("update", ""), trace.update.step, False
        yield "theta after the step", ("update", ""), trace.update.after, False


def _forward(layer: LayerRecord) -> Iterator[Named]:
    """Give the arrays of a layer's way forward; those within a block come before what it makes of them."""
    section = ("forward", layer.name)
    for name, array in layer.own(layer.parameters).items():
        yield f"{layer.name}.{name}", section, array, False
    for one in layer.inside:
        yield from _forward(one)
    yield f"the output of {layer.name}", section, layer.y, True
    for name, array in layer.own(layer.cache.get("state", {})).items():
        yield f"the new {name} of {layer.name}", section, array, False


def _back(layer: LayerRecord) -> Iterator[Named]:
    """Give the arrays of a layer's way back."""
    section = ("back", layer.name)
    if layer.dy is not None:
        yield f"the gradient that arrives at {layer.name}", section, layer.dy, True
    for one in reversed(layer.inside):
        yield from _back(one)
    for name, array in layer.own(layer.gradients).items():
        yield f"the gradient of {layer.name}.{name}", section, array, False
    if layer.dx is not None:
        yield f"the gradient that leaves {layer.name}", section, layer.dx, True
