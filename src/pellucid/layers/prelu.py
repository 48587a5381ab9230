"""The rectified linear unit with a leak that is learnt."""

from dataclasses import dataclass

from pellucid.arrays import Array
from pellucid.initializers import Constant, Initializer
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Parameter, Shape
from pellucid.layers.normalising import along, of_channels


@dataclass(frozen=True)
class PReLU(Layer):
    """Keep what is positive, and let a part of the rest through that is learnt.

    y = x where x > 0, else slope x; backward: dx = dy where x > 0, else slope dy; d_slope = sum of dy x where x <= 0.

    Parameters
    ----------
    shared : bool
        Whether all units have one slope in common, in place of one each (one a channel, for images).
    slope_initializer : Initializer
        How ``slope`` [C], or [1] where it is shared, starts.

    Examples
    --------
    >>> import numpy as np
    >>> parameters = {"slope": np.array([0.25, 0.5])}
    >>> y, cache = PReLU().forward(parameters, np.array([[-2.0, -2.0], [3.0, -1.0]]), Context())
    >>> y
    array([[-0.5, -1. ],
           [ 3. , -0.5]])
    >>> PReLU().backward(parameters, cache, np.ones((2, 2)))[1]
    {'slope': array([-2., -3.])}

    Source: He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015, section 2.1.
    """

    shared: bool = False
    slope_initializer: Initializer = Constant(0.25)

    @property
    def formula(self) -> str:
        return f"y = x if x > 0 else {self._slope} * x"

    @property
    def derivatives(self) -> dict[str, str]:
        slope = "slope[c]" if self.shared else "slope"
        return {"x": f"1 if x > 0 else {self._slope}", slope: "0 if x > 0 else x"}

    @property
    def _slope(self) -> str:
        return "slope[0]" if self.shared else "slope"

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        return {"slope": Parameter((1,) if self.shared else input_shape[-1:], self.slope_initializer, is_bias=True)}

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        positive = x.real > 0
        below = x * ~positive
        return x * positive + along(parameters["slope"], x) * below, {"positive": positive, "below": below}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        positive, slope = cache["positive"], parameters["slope"]
        d_slope = of_channels(dy * cache["below"], slope)  # [B,C] -> [C]
        if self.shared:
            d_slope = d_slope.sum(axis=-1, keepdims=True)  # [C] -> [1]
        return dy * positive + along(slope, dy) * (dy * ~positive), {"slope": d_slope}
