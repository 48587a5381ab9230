"""Vectors for categories."""

from dataclasses import dataclass

from pellucid.arrays import Array, add_rows, take_rows
from pellucid.initializers import Initializer, Normal
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Parameter, Shape


@dataclass(frozen=True)
class Embedding(Layer):
    """Put a vector that is learnt in place of every category number.

    y[l] = weights[x[l]]; backward: d_weights[v] is the sum of dy[l] over all l that hold category v. dx is 0: between
    whole numbers nothing changes.

    Parameters
    ----------
    categories : int
        How many there are: the numbers run from 0 to ``categories - 1``, and may be held as floats.
    width : int
        Length of a vector.
    weights_initializer : Initializer
        How ``weights`` [categories, width] start.

    Raises
    ------
    ValueError
        If a number is not positive and whole, a record is not flat, or (in ``forward``) a value is no category.

    Examples
    --------
    >>> import numpy as np
    >>> parameters = {"weights": np.array([[1.0, 2.0], [3.0, 4.0]])}
    >>> layer = Embedding(2, 2)
    >>> y, cache = layer.forward(parameters, np.array([[1.0, 0.0, 1.0]]), Context())
    >>> y
    array([[[3., 4.],
            [1., 2.],
            [3., 4.]]])
    >>> layer.backward(parameters, cache, np.ones((1, 3, 2)))[1]["weights"]
    array([[1., 1.],
           [2., 2.]])
    >>> layer.forward(parameters, np.array([[1.0, 2.0, 1.0]]), Context())
    Traceback (most recent call last):
        ...
    ValueError: Embedding: column 1 of record 0 is 2.0; expected a whole number from 0 to 1, one of the 2 categories

    Source: Bengio, Ducharme, Vincent and Jauvin, "A neural probabilistic language model", 2003, section 2.
    """

    categories: int
    width: int
    weights_initializer: Initializer = Normal(std=0.05)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in (("categories", self.categories), ("width", self.width)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"Embedding: {name} must be a positive whole number, found {value!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise ValueError(f"Embedding takes flat records of category numbers, found records of shape {input_shape}")
        return (*input_shape, self.width)

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        return {"weights": Parameter((self.categories, self.width), self.weights_initializer)}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        return take_rows(parameters["weights"], x, "Embedding"), {"x": x}  # [V,D], [B,L] -> [B,L,D]

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return cache["x"] * 0, self.gradients(parameters, cache, dy)

    def gradients(self, parameters: Arrays, cache: Cache, dy: Array) -> dict[str, Array]:
        return {"weights": add_rows(dy, cache["x"], self.categories)}  # [B,L,D], [B,L] -> [V,D]
