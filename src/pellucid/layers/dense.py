"""The fully connected layer."""

from dataclasses import dataclass

from pellucid.arrays import Array, matmul, sum_over_records
from pellucid.initializers import GlorotUniform, Initializer, Zeros
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Parameter, Shape


@dataclass(frozen=True)
class Dense(Layer):
    """Every output is a weighted sum of every input, plus a bias.

    y = x W + b; backward: db = sum of dy over the batch, dW = x^T dy, dx = dy W^T.

    Parameters
    ----------
    units : int
        Number of outputs O.
    bias : bool
        Whether to add a bias.
    weights_initializer, bias_initializer : Initializer
        How ``weights`` [I, O] and ``bias`` [O] start.

    Raises
    ------
    ValueError
        If ``units`` is not a positive whole number, or a record is not one flat row.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Dense(1)
    >>> parameters = {"weights": np.array([[2.0], [3.0]]), "bias": np.array([1.0])}
    >>> y, cache = layer.forward(parameters, np.array([[1.0, 10.0]]), None)
    >>> y
    array([[33.]])
    >>> layer.backward(parameters, cache, np.array([[1.0]]))
    (array([[2., 3.]]), {'bias': array([1.]), 'weights': array([[ 1.],
           [10.]])})

    Source: Goodfellow, Bengio and Courville, "Deep Learning", 2016, section 6.5.
    """

    units: int
    bias: bool = True
    weights_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.units, bool) or not isinstance(self.units, int) or self.units < 1:
            raise ValueError(f"Dense: units must be a positive whole number, found {self.units!r}")

    @property
    def formula(self) -> str:
        return "y[j] = sum(x[i] * weights[i, j] for i in x)" + (" + bias[j]" if self.bias else "")

    @property
    def derivatives(self) -> dict[str, str]:
        of_bias = {"bias[j]": "1"} if self.bias else {}
        return {"x[i]": "weights[i, j]", "weights[i, j]": "x[i]"} | of_bias

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise ValueError(f"Dense takes flat records of shape (inputs,), found records of shape {input_shape}")
        return (self.units,)

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        weights = {"weights": Parameter((input_shape[0], self.units), self.weights_initializer)}
        bias = {"bias": Parameter((self.units,), self.bias_initializer, is_bias=True)}
        return weights | bias if self.bias else weights

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        y = matmul(x, parameters["weights"])  # [B,I] @ [I,O] -> [B,O]
        if self.bias:
            y = y + parameters["bias"][..., None, :]  # [B,O] + [1,O] -> [B,O]
        return y, {"x": x}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        gradients = self.gradients(parameters, cache, dy)
        dx = matmul(dy, parameters["weights"].mT)  # [B,O] @ [O,I] -> [B,I]
        return dx, gradients

    def gradients(self, parameters: Arrays, cache: Cache, dy: Array) -> dict[str, Array]:
        gradients = {"bias": sum_over_records(dy)} if self.bias else {}  # [B,O] -> [O]
        gradients["weights"] = matmul(cache["x"].mT, dy)  # [I,B] @ [B,O] -> [I,O]
        return gradients
