"""Batch normalisation."""

import math
from dataclasses import dataclass

import numpy as np

from pellucid.arrays import Array, namespace, sum64
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Parameter, Shape
from pellucid.layers.normalising import along, check_epsilon, of_channels, scale_and_shift


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Give every channel mean 0 and variance 1 over the batch, and then a scale and a shift that are learnt.

    z = (x - mean) / sqrt(variance + epsilon), y = scale z + shift. A channel is a place in the last axis, of flat
    records and of images alike. In training, mean and variance are those of the batch, and running ones move to them:
    running' = momentum running + (1 - momentum) of the batch (of the variance, the unbiased one). In prediction the
    running ones take their place. Backward: d_shift = sum of dy, d_scale = sum of dy z, and in training
    dx = (dz - mean of dz - z mean of (dz z)) / sqrt(variance + epsilon), with dz = scale dy and means over the batch.

    A single value a channel (a batch of one flat record) has no spread: it comes out as the shift, and the running
    variance stays as it is.

    Parameters
    ----------
    momentum : float
        What the running statistics keep of themselves in a step.
    epsilon : float
        Keeps the division from 0.
    scale, shift : bool
        Whether these are learnt. The penalty and weight decay leave them alone, as they do biases.

    Raises
    ------
    ValueError
        If ``momentum`` does not lie in [0, 1), or ``epsilon`` is not positive.

    Examples
    --------
    >>> layer = BatchNorm(momentum=0.5, epsilon=1e-12)
    >>> parameters = {"scale": np.array([2.0]), "shift": np.array([10.0])}
    >>> state = {"mean": np.array([0.0]), "variance": np.array([1.0])}
    >>> y, cache = layer.forward(parameters, np.array([[1.0], [3.0]]), Context(training=True, state=state))
    >>> y.ravel(), cache["state"]["mean"], cache["state"]["variance"]
    (array([ 8., 12.]), array([1.]), array([1.5]))
    >>> layer.forward(parameters, np.array([[7.0]]), Context(training=True, state=state))[0]
    array([[10.]])

    Source: Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift", 2015, algorithms 1 and 2.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    scale: bool = True
    shift: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_epsilon("BatchNorm", self.epsilon)
        if isinstance(self.momentum, bool) or not 0 <= self.momentum < 1:
            raise ValueError(f"BatchNorm: momentum must lie in [0, 1), found {self.momentum!r}")

    @property
    def formula(self) -> str:
        normalised = "(x[j] - centre[j]) / deviation[j]"
        return f"y[j] = {'scale[j] * ' * self.scale}{normalised}{' + shift[j]' * self.shift}"

    @property
    def derivatives(self) -> dict[str, str]:
        # Not that of x: in training it is moved by all other records, through the mean and the variance.
        found = {"scale[j]": "normalised[j]"} if self.scale else {}
        return found | ({"shift[j]": "1"} if self.shift else {})

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        return scale_and_shift(input_shape, self.scale, self.shift)

    def state(self, input_shape: Shape) -> dict[str, Array]:
        # Views that take no memory: a network makes arrays of them, and a file's header may name any width.
        return {"mean": np.broadcast_to(0.0, input_shape[-1:]), "variance": np.broadcast_to(1.0, input_shape[-1:])}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        xp, running = namespace(x), context.state
        cache: Cache = {"of_batch": context.training}
        if context.training:
            axes = tuple(range(int(context.members), x.ndim - 1))  # all but the members' and the channels'
            values = math.prod(x.shape[axis] for axis in axes)
            mean = sum64(x, axes) / values  # [B,C] -> [C]
            centred = x - along(mean.astype(x.dtype), x)
            variance = sum64(centred * centred, axes) / values  # [B,C] -> [C]
            unbiased = running["variance"] if values == 1 else variance * (values / (values - 1))
            keep = self.momentum
            cache["state"] = {
                "mean": (keep * running["mean"] + (1 - keep) * mean).astype(x.dtype),
                "variance": (keep * running["variance"] + (1 - keep) * unbiased).astype(x.dtype),
            }
        else:
            mean, variance = running["mean"], running["variance"]
            centred = x - along(mean.astype(x.dtype), x)
        deviation = xp.sqrt(variance + self.epsilon).astype(x.dtype)
        z = centred / along(deviation, x)  # [B,C] / [1,C] -> [B,C]
        cache |= {"centre": mean.astype(x.dtype), "deviation": deviation, "normalised": z}
        y = z * along(parameters["scale"], x) if self.scale else z
        return y + along(parameters["shift"], x) if self.shift else y, cache

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        z, deviation = cache["normalised"], cache["deviation"]
        gradients = {}
        if self.shift:
            gradients["shift"] = of_channels(dy, deviation)  # [B,C] -> [C]
        if self.scale:
            gradients["scale"] = of_channels(dy * z, deviation)  # [B,C] -> [C]
        dz = dy * along(parameters["scale"], dy) if self.scale else dy
        if cache["of_batch"]:  # in training every record moves the mean and the variance
            values = math.prod(dy.shape[deviation.ndim - 1 : -1])
            mean_dz = of_channels(dz, deviation) / values  # [B,C] -> [C]
            mean_dz_z = of_channels(dz * z, deviation) / values  # [B,C] -> [C]
            dz = dz - along(mean_dz, dy) - z * along(mean_dz_z, dy)
        return dz / along(deviation, dy), gradients
