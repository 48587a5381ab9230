"""Normalisation by the root mean square."""

from dataclasses import dataclass

from pellucid.arrays import Array, namespace, sum64
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Parameter, Shape
from pellucid.layers.normalising import along, check_epsilon, of_channels, scale_and_shift


@dataclass(frozen=True)
class RMSNorm(Layer):
    """Divide the values of each record by their root mean square, and give them a scale that is learnt.

    Over the last axis (of an image: the channels of each pixel), z = x / sqrt(mean of x^2 + epsilon) and y = scale z.
    Backward: d_scale = sum of dy z, dx = (dz - z mean of (dz z)) / sqrt(mean of x^2 + epsilon), with dz = scale dy and
    means over the last axis.

    Parameters
    ----------
    epsilon : float
        Keeps the division from 0.
    scale : bool
        Whether it is learnt. The penalty and weight decay leave it alone, as they do biases.

    Raises
    ------
    ValueError
        If ``epsilon`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> layer = RMSNorm(scale=False)
    >>> y, cache = layer.forward({}, np.array([[1.0, 7.0]]), Context())
    >>> y.round(4)
    array([[0.2, 1.4]])

    Source: Zhang and Sennrich, "Root mean square layer normalization", 2019, section 4.
    """

    epsilon: float = 1e-5
    scale: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_epsilon("RMSNorm", self.epsilon)

    @property
    def formula(self) -> str:
        mean_square = "mean_square = sum(x[i] ** 2 for i in x) / len(x)"
        return f"{mean_square}; y[j] = {'scale[j] * ' * self.scale}x[j] / sqrt(mean_square + epsilon)"

    @property
    def derivatives(self) -> dict[str, str]:
        slope = "((i == j) - normalised[i] * normalised[j] / len(x)) / root_mean_square[0]"
        return {"x[i]": f"scale[j] * {slope}", "scale[j]": "normalised[j]"} if self.scale else {"x[i]": slope}

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        return scale_and_shift(input_shape, self.scale, shift=False)

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        mean_square = sum64(x * x, -1)[..., None] / x.shape[-1]  # [B,C] -> [B,1]
        root = namespace(x).sqrt(mean_square + self.epsilon).astype(x.dtype)
        z = x / root  # [B,C] / [B,1] -> [B,C]
        y = z * along(parameters["scale"], x) if self.scale else z
        return y, {"root_mean_square": root, "normalised": z}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        z = cache["normalised"]
        gradients = {}
        if self.scale:
            gradients["scale"] = of_channels(dy * z, parameters["scale"])  # [B,C] -> [C]
        dz = dy * along(parameters["scale"], dy) if self.scale else dy
        mean_dz_z = (dz * z).sum(axis=-1, keepdims=True) / dy.shape[-1]  # [B,C] -> [B,1]
        return (dz - z * mean_dz_z) / cache["root_mean_square"], gradients
