"""How parameters start: each initializer draws one array of a given shape.

Fan-in is the number of inputs that one output sums over, fan-out the number of outputs that one
input feeds: for weights of shape [I, O] they are I and O; further leading axes (a convolution's
window) multiply both.
"""

import math
from dataclasses import dataclass

import numpy as np

from pellucid.arrays import Array


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return fan-in and fan-out of an array of weights.

    Examples
    --------
    >>> fans((3, 5)), fans((2, 2, 3, 5)), fans((4,))
    ((3, 5), (12, 20), (4, 4))
    """
    if len(shape) < 2:
        width = shape[0] if shape else 1
        return width, width
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


class Initializer:
    """A rule that draws the first values of a parameter; one of one's own defines ``__call__``.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Ramp(Initializer):
    ...     def __call__(self, generator, shape):
    ...         return np.arange(math.prod(shape), dtype=float).reshape(shape)
    >>> import pellucid
    >>> layer = pellucid.Dense(2, weights_initializer=Ramp())
    >>> pellucid.Network(2, [layer]).parameters["dense_1"]["weights"]
    array([[0., 1.],
           [2., 3.]])
    """

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Return an array of ``shape`` in float64; the network rounds it to its own dtype."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(generator, shape)")


@dataclass(frozen=True)
class Constant(Initializer):
    """Every value the same.

    Examples
    --------
    >>> Constant(0.5)(np.random.default_rng(0), (2,))
    array([0.5, 0.5])
    """

    value: float = 0.0

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.full(shape, float(self.value))


@dataclass(frozen=True)
class Zeros(Initializer):
    """Every value 0: the usual start of a bias.

    Examples
    --------
    >>> Zeros()(np.random.default_rng(0), (2,))
    array([0., 0.])
    """

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape)


@dataclass(frozen=True)
class Uniform(Initializer):
    """Uniform on [low, high).

    Examples
    --------
    >>> Uniform(-1.0, 1.0)(np.random.default_rng(0), (2,)).round(3)
    array([ 0.274, -0.46 ])
    """

    low: float = -0.05
    high: float = 0.05

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return generator.uniform(self.low, self.high, shape)


@dataclass(frozen=True)
class Normal(Initializer):
    """Normal with mean ``mean`` and standard deviation ``std``.

    Examples
    --------
    >>> Normal(std=1.0)(np.random.default_rng(0), (2,)).round(3)
    array([ 0.126, -0.132])
    """

    mean: float = 0.0
    std: float = 0.05

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return generator.normal(self.mean, self.std, shape)


@dataclass(frozen=True)
class GlorotUniform(Initializer):
    """Uniform on +-sqrt(6 / (fan-in + fan-out)): keeps the variance through a sigmoid or tanh layer, both ways.

    Examples
    --------
    >>> GlorotUniform()(np.random.default_rng(0), (1, 2)).round(3)
    array([[ 0.387, -0.651]])

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
    equation 16.
    """

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        limit = math.sqrt(6 / sum(fans(shape)))
        return generator.uniform(-limit, limit, shape)


@dataclass(frozen=True)
class GlorotNormal(Initializer):
    """Normal with variance 2 / (fan-in + fan-out).

    Examples
    --------
    >>> GlorotNormal()(np.random.default_rng(0), (1, 2)).round(3)
    array([[ 0.103, -0.108]])

    Source: Glorot and Bengio, 2010, equation 12.
    """

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return generator.normal(0.0, math.sqrt(2 / sum(fans(shape))), shape)


@dataclass(frozen=True)
class HeUniform(Initializer):
    """Uniform on +-sqrt(6 / fan-in): keeps the variance through a ReLU layer.

    Examples
    --------
    >>> HeUniform()(np.random.default_rng(0), (6, 1)).shape
    (6, 1)

    Source: He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015, section 2.2.
    """

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        limit = math.sqrt(6 / fans(shape)[0])
        return generator.uniform(-limit, limit, shape)


@dataclass(frozen=True)
class HeNormal(Initializer):
    """Normal with variance 2 / fan-in: keeps the variance through a ReLU layer.

    Examples
    --------
    >>> HeNormal()(np.random.default_rng(0), (6, 1)).shape
    (6, 1)

    Source: He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015, equation 10.
    """

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return generator.normal(0.0, math.sqrt(2 / fans(shape)[0]), shape)


@dataclass(frozen=True)
class LecunNormal(Initializer):
    """Normal with variance 1 / fan-in: the start that SELU is made for.

    Examples
    --------
    >>> LecunNormal()(np.random.default_rng(0), (6, 1)).shape
    (6, 1)

    Source: LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998, section 4.6.
    """

    def __call__(self, generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return generator.normal(0.0, math.sqrt(1 / fans(shape)[0]), shape)


INITIALIZERS: dict[str, type[Initializer]] = {
    initializer.__name__: initializer
    for initializer in (Constant, Zeros, Uniform, Normal, GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunNormal)
}
"""Every initializer by its name."""
