"""What a training step costs on each engine, measured, and what to say where the other would have been faster.

The figures are those of one machine (``python -m benchmarks.costs`` measures them anew). On another, both
engines are faster or slower by about the same factor, and that factor is known once a run is over.
"""

import importlib.util
import math
from dataclasses import dataclass

from pellucid.engines.engine import Engine, Work
from pellucid.layers import LAYERS

SPEAKS_AT = 2.0
"""The other engine is named only where it would have taken less than the time divided by this."""
SPEAKS_FROM = 1.0
"""And only where it would have saved more than so many seconds."""


@dataclass(frozen=True)
class Cost:
    """Seconds that things take: each step, each layer in it, and so on.

    Attributes
    ----------
    step, layer : for a step; for each layer in it
    value : for each value that a layer puts out
    parameter : for each parameter, read and updated
    product : for each multiplication in a matrix product
    call : for each time that somebody looks
    start, start_layer : once, for the program; for each layer in it
    """

    step: float
    layer: float
    value: float
    parameter: float
    product: float
    call: float = 0.0
    start: float = 0.0
    start_layer: float = 0.0

    def of_step(self, sizes: "Sizes") -> float:
        """Return the seconds of one step."""
        return (
            self.step
            + self.layer * sizes.layers
            + self.value * sizes.values
            + self.parameter * sizes.parameters
            + self.product * sizes.products
        )

    def of_start(self, sizes: "Sizes") -> float:
        """Return the seconds before the first step."""
        return self.start + self.start_layer * sizes.layers


@dataclass(frozen=True)
class Sizes:
    """What a step's cost depends on.

    Examples
    --------
    >>> Sizes(layers=3, values=64 * 138, parameters=4810, products=64 * 4736).layers
    3
    """

    layers: int
    values: int
    parameters: int
    products: int

    @classmethod
    def of(cls, work: Work) -> "Sizes":
        """Return the sizes of a run's steps."""
        network, records = work.network, work.batches.size * (work.network.members or 1)
        # Each weight meets every record (those of a convolution at every place of its image): forward, and twice back.
        # The vectors of categories are looked up, and multiplied with nothing.
        weights = 0
        for slot in network.layout.slots:
            places = network.shapes[slot.layer + 1][:-1]
            if len(slot.shape) == 4 or (len(slot.shape) > 1 and not places):
                weights += (slot.stop - slot.start) * math.prod(places)
        return cls(
            layers=len(network.layers),
            values=records * sum(math.prod(shape) for shape in network.shapes[1:]),
            parameters=network.theta.size,
            products=3 * records * weights,
        )


COSTS = {
    "numpy": Cost(step=30e-6, layer=4.7e-6, value=3.5e-9, parameter=2.9e-9, product=5.6e-12),
    "jax": Cost(
        step=2.4e-6,
        layer=1.3e-6,
        value=1.7e-9,
        parameter=0.0,
        product=1.1e-11,
        call=4e-4,
        start=0.44,
        start_layer=0.016,
    ),
}
"""Measured on 22 November 2026 on two cores (Python 3.11, NumPy 2.4, JAX 0.10), float32, Adam; rounded."""


def advice(work: Work, engine: Engine) -> str | None:
    """Return what to say where the other engine would clearly have been faster, or None.

    Examples
    --------
    >>> from pellucid import Dense, Network, ReLU
    >>> network = Network(8, [Dense(16), ReLU(), Dense(1)], seed=0)
    >>> history = network.fit([[0.0] * 8], [1.0], loss="squared_error", epochs=10)
    >>> history.advice is None  # ten epochs are over before anything is compiled
    True
    """
    other = "jax" if engine.name == "numpy" else "numpy"
    took = engine.preparation + engine.stepping
    if not engine.place or took < SPEAKS_FROM or engine.platform != "cpu":
        return None
    if other == "jax" and not all(type(layer) in LAYERS.values() for layer in work.network.layers):
        return None  # nobody knows whether a layer of one's own can be compiled
    sizes, mine, others = Sizes.of(work), COSTS[engine.name], COSTS[other]
    epochs = math.ceil(engine.place / work.batches.count)
    looks = 0 if not work.looked_at else engine.place if work.every == "batch" else epochs
    slower_here = engine.stepping / (engine.place * mine.of_step(sizes) + looks * mine.call)
    steps = slower_here * (engine.place * others.of_step(sizes) + looks * others.call)
    would = steps + slower_here * others.of_start(sizes)
    if would * SPEAKS_AT > took or took - would < SPEAKS_FROM:
        return None
    missing = other == "jax" and importlib.util.find_spec("jax") is None
    install = ", after pip install 'pellucid[jax]'" if missing else ""
    return f'engine="{other}" would have taken about {would:.2g} s{install}'
