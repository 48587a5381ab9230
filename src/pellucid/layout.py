"""Where each parameter lies in theta: the one flat vector, and the named views into it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.arrays import Array, namespace
from pellucid.layers.layer import Parameter, Shape


@dataclass(frozen=True)
class Slot:
    """One parameter's place in theta: of which layer, under which name, from where to where, in which shape."""

    layer: int
    name: str
    start: int
    stop: int
    shape: Shape
    is_bias: bool


class Views(dict[str, Array]):
    """A layer's parameters by name, as views into theta; assigning to one writes into theta.

    Examples
    --------
    >>> import numpy as np
    >>> theta = np.zeros(3)
    >>> views = Views(weights=theta[:2], bias=theta[2:])
    >>> views["weights"] = [1.0, 2.0]
    >>> theta
    array([1., 2., 0.])
    """

    def __setitem__(self, name: str, values: Any) -> None:
        if name not in self:
            raise KeyError(f"there is no parameter {name!r}; this layer has {', '.join(self)}")
        self[name][...] = values

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)  # a copy looks into no theta: it is a plain dict of arrays


class Layout:
    """The order of all parameters in theta: layer by layer, each layer's in the order that it names them.

    Parameters
    ----------
    parameters : for each layer, its parameters by name

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid.initializers import Zeros
    >>> layout = Layout([{"weights": Parameter((2, 1), Zeros()), "bias": Parameter((1,), Zeros(), True)}, {}])
    >>> layout.size
    3
    >>> layout.views(np.array([1.0, 2.0, 3.0]))[0]["bias"]
    array([3.])
    """

    def __init__(self, parameters: Sequence[dict[str, Parameter]]) -> None:
        slots, start = [], 0
        for index, named in enumerate(parameters):
            for name, parameter in named.items():
                stop = start + math.prod(parameter.shape)
                slots.append(Slot(index, name, start, stop, parameter.shape, parameter.is_bias))
                start = stop
        self.slots: tuple[Slot, ...] = tuple(slots)
        self.size: int = start
        self.layers: int = len(parameters)

    def views(self, theta: Array) -> list[dict[str, Array]]:
        """Return, for each layer, its parameters by name, as views into theta [P] or [K, P]."""
        views: list[dict[str, Array]] = [{} for _ in range(self.layers)]
        for slot in self.slots:
            part = theta[..., slot.start : slot.stop]
            views[slot.layer][slot.name] = part.reshape(theta.shape[:-1] + slot.shape)
        return views

    def flat(self, arrays: Sequence[dict[str, Array]], like: Array) -> Array:
        """Put each layer's named arrays (its gradients, say) into one vector of the shape of ``like``."""
        lead = like.shape[:-1]
        parts = [arrays[slot.layer][slot.name].reshape((*lead, -1)) for slot in self.slots]
        if not parts:
            return like
        joined: Array = namespace(like).concat(parts, axis=-1)
        return joined

    def chosen(self, layers: Iterable[int], biases: bool = True) -> list[Slot]:
        """Return the slots of the given layers, with or without their biases."""
        wanted = set(layers)
        return [slot for slot in self.slots if slot.layer in wanted and (biases or not slot.is_bias)]
