"""What is explained: a network, and what its inputs and outputs mean in the units of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import Array, namespace
from pellucid.layers.layer import Arrays, Cache, Context, Layer
from pellucid.losses.loss import Loss
from pellucid.network import Network
from pellucid.tables.evaluation import Rows, choice
from pellucid.tables.scaler import Numbers, Scaler
from pellucid.tables.target import Label, Target


class Wording(NamedTuple):
    """What texts call the rows that a row is compared with.

    ``baseline`` is their mean and ``means`` its values; ``usual`` is what a value may lie far outside of, ``seen`` what
    a change may have to leave, ``range`` where it is looked for; rows are counted from ``first_row``.
    """

    baseline: str
    means: str
    usual: str
    seen: str
    range: str
    first_row: int


TRAINING_ROWS = Wording(
    "the mean of the training rows",
    "training means",
    "what was learnt from",
    "what was learnt from",
    "the range that was learnt from",
    1,
)


@dataclass(frozen=True, eq=False)
class Scaling:
    """How each column becomes what a network takes: z = (x - shift) / scale.

    Attributes
    ----------
    shift, scale : array [C]
    dropped : array [C] of bool
        Columns that become 0 whatever they hold.
    names : (str, str)
        What equations call shift and scale.
    source : str
        Where the two come from, in a sentence.

    Examples
    --------
    >>> halved = Scaling(np.array([1.0]), np.array([2.0]), np.array([False]), ("shift", "scale"), "Made up.")
    >>> halved.apply(np.array([[5.0]]))
    array([[2.]])
    """

    shift: Numbers
    scale: Numbers
    dropped: NDArray[np.bool_]
    names: tuple[str, str]
    source: str

    def apply(self, matrix: Numbers) -> Numbers:
        """Return the matrix [N, C] as the network takes it; infinite where a value is too far away."""
        with np.errstate(over="ignore"):
            scaled: Numbers = (matrix - self.shift) / self.scale  # [N,C] - [C] -> [N,C]
        scaled[:, self.dropped] = 0.0
        return scaled


@dataclass(frozen=True)
class Exp(Layer):
    """Turn the logarithm of a mean into the mean: what follows a network that learnt counts.

    y = exp(x); backward: dx = y dy.

    Examples
    --------
    >>> Exp().forward({}, np.array([[0.0]]), Context())[0]
    array([[1.]])
    """

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        y = namespace(x).exp(x)
        return y, {"y": y}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        return cache["y"] * dy, {}


@dataclass(frozen=True, eq=False)
class Subject:
    """A network that answers for rows of a table.

    Attributes
    ----------
    network : Network
    loss : Loss
        Whose link makes probabilities of the output.
    columns : tuple of str
        The C columns of the table.
    scaler : Scaler
        Mean, standard deviation and range of each column in the rows that a row is compared with.
    scaling : Scaling or None
        How columns become the network's inputs; None where it takes them as they are.
    target : Target
    target_summary : dict
        Mean and standard deviation, where the network learnt a standardised number.
    output : int
        Which output is explained, where each answers a question of its own.
    link : Exp or None
        What follows the output of a network of numbers.
    input_names, output_names : tuple of str
        What a trace calls the network's inputs and outputs; empty where they are numbered.
    wording : Wording
    threshold : float
        From which probability on the second of two classes is predicted.
    levels : dict of int to tuple
        Of inputs that hold the numbers of categories or the like, from 0, what they stand for.
    distances : dict of int to array
        How far each of these lies from the row's own, in standard deviations.
    fixed : frozenset of int
        Inputs that cannot be changed by themselves.
    """

    network: Network
    loss: Loss
    columns: tuple[str, ...]
    scaler: Scaler
    scaling: Scaling | None
    target: Target
    target_summary: dict[str, Numbers] = field(default_factory=dict)
    output: int = 0
    link: Exp | None = None
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()
    wording: Wording = TRAINING_ROWS
    threshold: float = 0.5
    levels: Mapping[int, tuple[Label, ...]] = field(default_factory=dict)
    distances: Mapping[int, Numbers] = field(default_factory=dict)
    fixed: frozenset[int] = frozenset()

    def inputs(self, matrix: Numbers) -> Numbers:
        """Return rows of the table [N, C] as the network takes them."""
        return matrix if self.scaling is None else self.scaling.apply(matrix)

    def decide(self, output: Numbers) -> Rows:
        """Return the class numbers [N] that outputs [N, O] stand for."""
        if self.target.kind == "multiclass":
            return choice(output)
        return choice(output[:, self.output : self.output + 1], self.threshold)

    def codes(self, matrix: Numbers) -> Rows:
        """Return the class numbers [N] of rows of the table [N, C]."""
        return self.decide(self.network.predict(self.inputs(matrix)))

    def chances(self, output: Numbers) -> list[float]:
        """Return the probabilities of the classes for one output [O]; empty where the loss gives none.

        Examples
        --------
        >>> from pellucid import CrossEntropyFromLogits, Dense
        >>> target, scaler = Target("y", "multiclass", "int", (0, 1, 2)), Scaler.measure(np.eye(2))
        >>> network, loss = Network(2, [Dense(3)], seed=0), CrossEntropyFromLogits()
        >>> Subject(network, loss, ("a", "b"), scaler, None, target).chances(np.log([0.5, 0.25, 0.25]))
        [0.5, 0.25, 0.25]
        """
        with np.errstate(over="ignore"):
            if self.target.kind == "multiclass" and self.loss.from_logits == "Softmax":
                return [float(chance) for chance in self.loss.link(output)]
            if self.target.kind == "binary" and self.loss.from_logits == "Sigmoid":
                logit = output[self.output]
                return [float(self.loss.link(-logit)), float(self.loss.link(logit))]  # 1 - p would lose small chances
        return []
