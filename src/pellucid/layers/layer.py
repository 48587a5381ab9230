"""The contract that every layer keeps, and the two small records that travel with it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from pellucid.arrays import Array, Draw
from pellucid.checks import plain_numbers
from pellucid.initializers import Initializer

Shape: TypeAlias = tuple[int, ...]
Arrays: TypeAlias = Mapping[str, Array]
Cache: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """A trainable array that a layer asks for: its shape, how it starts, and whether it is a bias.

    Penalties and weight decay leave biases alone unless they are asked to.

    Examples
    --------
    >>> from pellucid.initializers import Zeros
    >>> Parameter((3,), Zeros(), is_bias=True).shape
    (3,)
    """

    shape: Shape
    initializer: Initializer
    is_bias: bool = False


@dataclass(frozen=True)
class Context:
    """What a layer may need besides its parameters and its input; most layers ignore it.

    Attributes
    ----------
    training : bool
        True in a training step, False in prediction.
    random : mapping of str to array
        The arrays drawn for this layer, under the names that its ``draws`` gives.
    state : mapping of str to array
        Its running statistics, under the names that its ``state`` gives.
    members : bool
        Whether all arrays have one more leading axis, that of several networks trained at once: so much stands before
        the batch axis, which a layer that counts its axes from the left has to know.

    Examples
    --------
    >>> Context(training=True).training
    True
    """

    training: bool = False
    random: Arrays = field(default_factory=dict)
    state: Arrays = field(default_factory=dict)
    members: bool = False


EVALUATION = Context()
"""The context of a layer that neither draws nor remembers, in prediction."""


class Layer:
    """One step of a network: a pure function of parameters and input, with its exact gradient.

    A layer is a frozen dataclass that holds configuration only; its arrays live in the network.
    Subclasses write ``forward`` and, directly below it, ``backward``; those with parameters also
    ``parameters`` and, where the width changes, ``output_shape``.

    Shapes count from the right: ``[B, I]`` is a batch of B records of width I, and one more
    leading axis ``[K, B, I]`` holds K networks at once. A layer that takes its batch axis as
    ``axis=-2`` and transposes with ``.mT`` need not know.

    Examples
    --------
    A layer of one's own is a class of a few lines:

    >>> import numpy as np
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Square(Layer):
    ...     def forward(self, parameters, x, context):
    ...         return x * x, {"x": x}
    ...     def backward(self, parameters, cache, dy):
    ...         return 2 * cache["x"] * dy, {}
    >>> import pellucid
    >>> network = pellucid.Network(2, [Square(), pellucid.Dense(1)], seed=0)
    >>> pellucid.check_gradients(network, np.ones((3, 2)), np.ones(3), loss="squared_error").passed
    True
    """

    complex_step: ClassVar[bool] = True
    """Whether ``forward`` is analytic in its arrays, so that a complex step proves its gradient."""

    @property
    def children(self) -> "tuple[Layer, ...]":
        """The layers that this one is made of, if it is a block."""
        return ()

    def everything(self) -> "Iterator[Layer]":
        """Give this layer and all that are within it, however deep."""
        yield self
        for child in self.children:
            yield from child.everything()

    @property
    def formula(self) -> str:
        """What ``forward`` computes, as a line of arithmetic for a trace to show; empty where there is none.

        A layer that treats each value alone names ``x`` and ``y``: ``formula = "y = x * x"``. Otherwise indices say
        which value is meant: ``"y[j] = sum(x[i] * weights[i, j] for i in x) + bias[j]"``. They count from 0, and may be
        added to: ``x[j + 1]``. Parameters and settings go by their names. Nothing is computed by it: a trace checks it
        against what ``forward`` gave.
        """
        return ""

    @property
    def derivatives(self) -> Mapping[str, str]:
        """How y changes with x and with each parameter, for a trace: ``derivatives = {"x": "2 * x"}``.

        Where the formula has indices, each entry is of y[j]: ``{"x[i]": "weights[i, j]", "bias[j]": "1"}``.
        """
        return {}

    def __post_init__(self) -> None:
        """Check the settings; a layer that has any to check goes on from here by ``super().__post_init__()``."""
        plain_numbers(self)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of one record after this layer, from its shape before it."""
        return input_shape

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        """Return the trainable arrays that this layer needs, by name."""
        return {}

    def state(self, input_shape: Shape) -> dict[str, Array]:
        """Return the running statistics that this layer keeps, as they are before training."""
        return {}

    def draws(self, shape: Shape) -> dict[str, Draw]:
        """Return the random arrays that one training step needs, for an input of ``shape``."""
        return {}

    def draws_for(self, lead: Shape, input_shape: Shape) -> dict[str, Draw]:
        """Return the same from what stands before a record's own axes, [B] or [K, B], and the shape of a record.

        What asks a layer asks here. Blocks, which must know the two apart, define it; other layers define ``draws``.
        """
        return self.draws((*lead, *input_shape))

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        """Return the output, and a cache of named intermediate values that ``backward`` needs.

        New running statistics leave in ``cache["state"]``.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward(parameters, x, context)")

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        """Return the gradient with respect to the input, and those with respect to each parameter.

        ``dy`` is the gradient that arrives: of the loss, with respect to this layer's output.
        """
        raise NotImplementedError(f"{type(self).__name__} must define backward(parameters, cache, dy)")

    def gradients(self, parameters: Arrays, cache: Cache, dy: Array) -> dict[str, Array]:
        """Return the parameters' gradients alone: what the lowest layer needs, as nothing asks for its ``dx``."""
        return self.backward(parameters, cache, dy)[1]

    @classmethod
    def base_name(cls) -> str:
        """Return the name that a network numbers its layers by: ``LeakyReLU`` gives ``leaky_relu``."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", cls.__name__).lower()
