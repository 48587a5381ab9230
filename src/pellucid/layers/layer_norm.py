"""Layer normalisation."""

from dataclasses import dataclass

from pellucid.arrays import Array, namespace, sum64
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Parameter, Shape
from pellucid.layers.normalising import along, check_epsilon, of_channels, scale_and_shift


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Give the values of each record mean 0 and variance 1, and then a scale and a shift that are learnt.

    Over the last axis (of an image: the channels of each pixel), z = (x - mean) / sqrt(variance + epsilon) and
    y = scale z + shift. Training and prediction are the same. Backward: d_shift = sum of dy, d_scale = sum of dy z,
    dx = (dz - mean of dz - z mean of (dz z)) / sqrt(variance + epsilon), with dz = scale dy and means over the last
    axis.

    Parameters
    ----------
    epsilon : float
        Keeps the division from 0.
    scale, shift : bool
        Whether these are learnt. The penalty and weight decay leave them alone, as they do biases.

    Raises
    ------
    ValueError
        If ``epsilon`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> layer = LayerNorm(scale=False, shift=False)
    >>> y, cache = layer.forward({}, np.array([[1.0, 3.0], [10.0, 10.0]]), Context())
    >>> y.round(4)
    array([[-1.,  1.],
           [ 0.,  0.]])
    >>> layer.backward({}, cache, np.ones((2, 2)))[0].round(4)
    array([[0., 0.],
           [0., 0.]])

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016, section 3.
    """

    epsilon: float = 1e-5
    scale: bool = True
    shift: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_epsilon("LayerNorm", self.epsilon)

    @property
    def formula(self) -> str:
        mean = "mean = sum(x[i] for i in x) / len(x)"
        variance = "variance = sum((x[i] - mean) ** 2 for i in x) / len(x)"
        normalised = "(x[j] - mean) / sqrt(variance + epsilon)"
        return f"{mean}; {variance}; y[j] = {'scale[j] * ' * self.scale}{normalised}{' + shift[j]' * self.shift}"

    @property
    def derivatives(self) -> dict[str, str]:
        slope = "((i == j) - (1 + normalised[i] * normalised[j]) / len(x)) / deviation[0]"
        found = {"x[i]": f"scale[j] * {slope}" if self.scale else slope}
        found |= {"scale[j]": "normalised[j]"} if self.scale else {}
        return found | ({"shift[j]": "1"} if self.shift else {})

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        return scale_and_shift(input_shape, self.scale, self.shift)

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        width = x.shape[-1]
        mean = (sum64(x, -1) / width)[..., None].astype(x.dtype)  # [B,C] -> [B,1]
        centred = x - mean
        variance = sum64(centred * centred, -1)[..., None] / width  # [B,C] -> [B,1]
        deviation = namespace(x).sqrt(variance + self.epsilon).astype(x.dtype)
        z = centred / deviation  # [B,C] / [B,1] -> [B,C]
        y = z * along(parameters["scale"], x) if self.scale else z
        y = y + along(parameters["shift"], x) if self.shift else y
        return y, {"deviation": deviation, "normalised": z}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        z, width = cache["normalised"], dy.shape[-1]
        gradients = {}
        if self.shift:
            gradients["shift"] = of_channels(dy, parameters["shift"])  # [B,C] -> [C]
        if self.scale:
            gradients["scale"] = of_channels(dy * z, parameters["scale"])  # [B,C] -> [C]
        dz = dy * along(parameters["scale"], dy) if self.scale else dy
        mean_dz = dz.sum(axis=-1, keepdims=True) / width  # [B,C] -> [B,1]
        mean_dz_z = (dz * z).sum(axis=-1, keepdims=True) / width  # [B,C] -> [B,1]
        return (dz - mean_dz - z * mean_dz_z) / cache["deviation"], gradients
