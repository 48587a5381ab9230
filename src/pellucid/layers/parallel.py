"""The parallel block: branches side by side, joined at their ends."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from pellucid.arrays import Array, Draw, namespace
from pellucid.layers.chain import Chain, checked_layers, gathered, joined, part, within
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Parameter, Shape


@dataclass(frozen=True)
class Parallel(Layer):
    """Give the input to several branches, and put what they make of it side by side along the last axis.

    y = [f1(x), f2(x), ...]; backward: each branch gets its own part of dy, and dx is the sum of what they give.

    Parameters
    ----------
    branches : sequence of Layer, or of sequences of Layer
        Each a layer, or several one after another. Their parameters go by the branch's place and their own names:
        ``branch_1.weights``, or ``branch_1.dense_1.weights`` where it has several layers.

    Raises
    ------
    ValueError
        If there are fewer than two branches, or their outputs differ in more than the last axis.

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid import Identity, ReLU, Tanh
    >>> block = Parallel([Identity(), [Tanh(), ReLU()]])
    >>> y, cache = block.forward({}, np.array([[-1.0, 2.0]]), Context())
    >>> y.round(3)
    array([[-1.   ,  2.   ,  0.   ,  0.964]])
    >>> block.backward({}, cache, np.ones((1, 4)))[0].round(3)
    array([[1.   , 1.071]])

    Source: Szegedy et al., "Going deeper with convolutions", 2015, section 4.
    """

    branches: tuple[Layer, ...]

    def __init__(self, branches: Sequence[Layer | Sequence[Layer]]) -> None:
        if isinstance(branches, Layer) or not isinstance(branches, Iterable):
            raise TypeError(f"Parallel: branches must be a list of branches, found {branches!r}")
        each: tuple[Any, ...] = tuple(Chain(one) if isinstance(one, (list, tuple)) else one for one in branches)
        if len(each) < 2:
            raise ValueError(f"Parallel: branches must be two or more, found {len(each)}")
        object.__setattr__(self, "branches", checked_layers(each, "branches"))

    @property
    def children(self) -> tuple[Layer, ...]:
        return self.branches

    @property
    def names(self) -> tuple[str, ...]:
        """What the branches are called."""
        return tuple(f"branch_{place}" for place in range(1, len(self.branches) + 1))

    def output_shape(self, input_shape: Shape) -> Shape:
        shapes = []
        for name, branch in zip(self.names, self.branches, strict=True):
            try:
                shapes.append(tuple(branch.output_shape(input_shape)))
            except ValueError as problem:
                raise ValueError(f"{name} within it: {problem}") from None
        if any(shape[:-1] != shapes[0][:-1] for shape in shapes):
            found = ", ".join(map(str, shapes))
            raise ValueError(f"Parallel joins its branches along the last axis; their records differ in more: {found}")
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        return joined({n: one.parameters(input_shape) for n, one in zip(self.names, self.branches, strict=True)})

    def state(self, input_shape: Shape) -> dict[str, Array]:
        return joined({n: one.state(input_shape) for n, one in zip(self.names, self.branches, strict=True)})

    def draws_for(self, lead: Shape, input_shape: Shape) -> dict[str, Draw]:
        return joined({n: one.draws_for(lead, input_shape) for n, one in zip(self.names, self.branches, strict=True)})

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        outputs, caches = {}, {}
        for name, branch in zip(self.names, self.branches, strict=True):
            outputs[name], caches[name] = branch.forward(part(parameters, name), x, within(context, name))
        y = namespace(x).concat(list(outputs.values()), axis=-1)  # [B,O1], [B,O2] -> [B,O1+O2]
        return y, gathered(caches, context) | outputs

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        d_inputs, gradients = [], {}
        for name, branch, own in zip(self.names, self.branches, self._shares(cache, dy), strict=True):
            d_input, gradients[name] = branch.backward(part(parameters, name), part(cache, name), own)
            d_inputs.append(d_input)
        return sum(d_inputs[1:], d_inputs[0]), joined(gradients)

    def gradients(self, parameters: Arrays, cache: Cache, dy: Array) -> dict[str, Array]:
        gradients = {}
        for name, branch, own in zip(self.names, self.branches, self._shares(cache, dy), strict=True):
            gradients[name] = branch.gradients(part(parameters, name), part(cache, name), own)
        return joined(gradients)

    def _shares(self, cache: Cache, dy: Array) -> list[Array]:
        """Return each branch's own part of the gradient that arrives."""
        ends = list(accumulate(cache[name].shape[-1] for name in self.names))
        return [dy[..., begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
