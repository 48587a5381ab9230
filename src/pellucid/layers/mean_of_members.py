"""What several networks say, as one."""

import math
from dataclasses import dataclass
from typing import Literal

from pellucid.arrays import Array, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Shape


@dataclass(frozen=True)
class MeanOfMembers(Layer):
    """Join what K networks say that stand side by side, as ``Parallel`` leaves them: member after member.

    Of outputs: y = mean over k of z_k.

    Of probabilities: y = log mean over k of softmax(z_k / temperature), so that the softmax of y is the mean of what
    the members hold likely. With a single output each: y = log mean sigmoid(z_k / temperature) - log mean
    sigmoid(-z_k / temperature), whose sigmoid is.

    Parameters
    ----------
    members : int
        How many they are.
    of : "outputs" or "probabilities"
        What the mean is taken of.
    temperature : float
        What the logits are divided by first: above 1 makes every member less sure.

    Raises
    ------
    ValueError
        If a setting is out of range, or the width of a record is no multiple of the number of members.

    Examples
    --------
    Two members hold a yes likely, by 0.9 and by 0.5:

    >>> import numpy as np
    >>> z = np.array([[np.log(9.0), 0.0]])
    >>> y, cache = MeanOfMembers(2, "probabilities").forward({}, z, Context())
    >>> (1 / (1 + np.exp(-y))).round(3)
    array([[0.7]])
    >>> MeanOfMembers(2).forward({}, np.array([[1.0, 10.0, 3.0, 20.0]]), Context())[0]
    array([[ 2., 15.]])

    Source: Lakshminarayanan, Pritzel and Blundell, "Simple and scalable predictive uncertainty estimation using deep
    ensembles", 2017, section 2.4; Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017,
    section 4.2 (temperature).
    """

    members: int
    of: Literal["outputs", "probabilities"] = "outputs"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.members, bool) or not isinstance(self.members, int) or self.members < 1:
            raise ValueError(f"MeanOfMembers: members must be a positive whole number, found {self.members!r}")
        if self.of not in ("outputs", "probabilities"):
            raise ValueError(f'MeanOfMembers: of must be "outputs" or "probabilities", found {self.of!r}')
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"MeanOfMembers: temperature must be positive and finite, found {self.temperature!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1 or input_shape[0] % self.members:
            raise ValueError(
                f"MeanOfMembers joins {self.members} members of equal width side by side, found records of shape "
                f"{input_shape}"
            )
        return (input_shape[0] // self.members,)

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        xp = namespace(x)
        z = self._apart(x)  # [B,KO] -> [B,K,O]
        if self.of == "outputs":
            return z.mean(axis=-2), {}
        z, single = z / self.temperature, z.shape[-1] == 1
        if single:  # the logit of a no is 0
            z = xp.concat([z * 0, z], axis=-1)  # [B,K,1] -> [B,K,2]
        p, largest, rest = _shares(z, -1)  # [B,K,C] -> [B,K,C], [B,K,1], [B,K,1]
        # What a member brings to the mean of a class.
        shares, largest, rest = _shares(z - largest - rest, -2)  # [B,K,C] -> [B,K,C], [B,1,C], [B,1,C]
        y = (largest + rest)[..., 0, :] - math.log(self.members)  # [B,1,C] -> [B,C]
        cache = {"probabilities": self._beside(p), "shares": self._beside(shares)}
        return (y[..., 1:] - y[..., :1] if single else y), cache

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        xp, each = namespace(dy), dy[..., None, :]  # [B,O] -> [B,1,O]
        if self.of == "outputs":
            return self._beside(xp.concat([each / self.members] * self.members, axis=-2)), {}
        p, shares = self._apart(cache["probabilities"]), self._apart(cache["shares"])
        if dy.shape[-1] == 1:  # what a yes gains, a no loses
            d_z = each * (shares[..., 1:] * p[..., :1] + shares[..., :1] * p[..., 1:])  # [B,1,1] * [B,K,1] -> [B,K,1]
        else:
            d_log_p = each * shares  # [B,1,C] * [B,K,C] -> [B,K,C]
            d_z = d_log_p - p * d_log_p.sum(axis=-1, keepdims=True)
        return self._beside(d_z / self.temperature), {}

    def _apart(self, x: Array) -> Array:
        """Give the members an axis of their own: [B,KO] -> [B,K,O]."""
        apart: Array = x.reshape(*x.shape[:-1], self.members, x.shape[-1] // self.members)
        return apart

    def _beside(self, x: Array) -> Array:
        """Lay the members side by side: [B,K,O] -> [B,KO]."""
        beside: Array = x.reshape(*x.shape[:-2], self.members * x.shape[-1])
        return beside


def _shares(z: Array, axis: int) -> tuple[Array, Array, Array]:
    """Return the softmax along an axis, and log sum exp(z) in two parts: apart they keep the digits of a small one."""
    xp = namespace(z)
    largest = z.real.max(axis=axis, keepdims=True)
    powers = xp.exp(z - largest)
    total = powers.sum(axis=axis, keepdims=True)
    return powers / total, largest, xp.log(total)
