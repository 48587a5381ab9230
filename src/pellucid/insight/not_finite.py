"""Where values that are no numbers, or infinite, first appear in a trace."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array

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
        The part of the story that it belongs to: its kind, and the layer's place (or 0).
    count, size : int
        How many of its values are not finite, and how many it has.
    place : tuple of int
        Of the first of them.
    value : float
    record : int or None
        The record that it belongs to, where the array has one row for each record.
    """

    where: str
    section: tuple[str, int]
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


def _arrays(trace: "Trace") -> Iterator[tuple[str, tuple[str, int], Array | Any, bool]]:
    """Give every array of a trace in the order in which it is computed: and whether it has a row a record."""
    yield "the input", ("input", 0), trace.x, True
    for place, layer in enumerate(trace.layers):
        for name, array in layer.parameters.items():
            yield f"{layer.name}.{name}", ("forward", place), array, False
        yield f"the output of {layer.name}", ("forward", place), layer.y, True
        for name, array in layer.cache.get("state", {}).items():
            yield f"the new {name} of {layer.name}", ("forward", place), array, False
    if trace.loss is None:
        return
    yield "the losses", ("loss", 0), trace.loss.losses, True
    yield "the loss", ("loss", 0), trace.loss.value, False
    yield "the penalty", ("loss", 0), trace.loss.penalty, False
    yield "the gradient that the loss sends back", ("loss", 0), trace.loss.d_output, True
    for place in reversed(range(len(trace.layers))):
        layer = trace.layers[place]
        if layer.dy is not None:
            yield f"the gradient that arrives at {layer.name}", ("back", place), layer.dy, True
        for name, array in layer.gradients.items():
            yield f"the gradient of {layer.name}.{name}", ("back", place), array, False
        if layer.dx is not None:
            yield f"the gradient that leaves {layer.name}", ("back", place), layer.dx, True
    if trace.update is not None:
        yield "the gradient with the penalty, clipped", ("update", 0), trace.update.clipped, False
        for name, array in trace.update.state_after._asdict().items():
            if isinstance(array, np.ndarray):
                yield f"the optimizer's {name}", ("update", 0), array, False
        yield "the step", ("update", 0), trace.update.step, False
        yield "theta after the step", ("update", 0), trace.update.after, False
