"""The residual block: layers, and a way past them."""

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.arrays import Array, Draw
from pellucid.layers.chain import Chain, checked_layers
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Parameter, Shape


@dataclass(frozen=True)
class Residual(Layer):
    """Add what some layers make of the input to the input itself.

    y = x + f(x), f the chain of layers; backward: dx = dy + what f's backward makes of dy.

    Parameters
    ----------
    layers : sequence of Layer
        They must keep the shape of a record. Their parameters go by their names and a dot: ``dense_1.weights``.

    Raises
    ------
    ValueError
        If the layers change the shape of a record.

    Examples
    --------
    >>> import numpy as np
    >>> from pellucid import Dense
    >>> block = Residual([Dense(2, bias=False)])
    >>> parameters = {"dense_1.weights": np.array([[1.0, 2.0], [3.0, 4.0]])}
    >>> y, cache = block.forward(parameters, np.array([[1.0, 1.0]]), Context())
    >>> y
    array([[5., 7.]])
    >>> block.backward(parameters, cache, np.array([[1.0, 0.0]]))[0]
    array([[2., 3.]])

    Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016, section 3.2.
    """

    layers: tuple[Layer, ...]

    def __init__(self, layers: Sequence[Layer]) -> None:
        object.__setattr__(self, "layers", checked_layers(layers))

    @property
    def children(self) -> tuple[Layer, ...]:
        return self.layers

    @property
    def inside(self) -> Chain:
        """The layers as one."""
        return Chain(self.layers)

    def output_shape(self, input_shape: Shape) -> Shape:
        after = self.inside.output_shape(input_shape)
        if after != input_shape:
            raise ValueError(
                f"Residual adds what its layers make of a record to the record itself, so they must keep its shape "
                f"{input_shape}; they give {after}"
            )
        return input_shape

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        return self.inside.parameters(input_shape)

    def state(self, input_shape: Shape) -> dict[str, Array]:
        return self.inside.state(input_shape)

    def draws_for(self, lead: Shape, input_shape: Shape) -> dict[str, Draw]:
        return self.inside.draws_for(lead, input_shape)

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        change, cache = self.inside.forward(parameters, x, context)
        return x + change, cache | {"change": change}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        dx, gradients = self.inside.backward(parameters, cache, dy)
        return dy + dx, gradients

    def gradients(self, parameters: Arrays, cache: Cache, dy: Array) -> dict[str, Array]:
        return self.inside.gradients(parameters, cache, dy)
