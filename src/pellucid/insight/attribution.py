"""Which inputs made the output what it is: integrated gradients, and the gradient with respect to the input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pellucid import checks, walk
from pellucid.arrays import Array, namespace
from pellucid.insight.categories import category_columns, in_words
from pellucid.insight.member import single
from pellucid.layers import EVALUATION
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Shape
from pellucid.network import PREDICTED_VALUES_AT_ONCE, Network

# The path is cut into so many pieces at least, and a piece that is not straight enough into two.
FIRST_PIECES = 8
# Of the difference that is explained, or of 1 where that is larger.
TOLERANCE = {"float64": 1e-8, "float32": 1e-4}

# Gauss and Lobatto's rule on 4 points and Kronrod's on 7, on the interval from 0 to 1. Both take its ends, so that a
# kink anywhere between them shows.
NODES = 0.5 + 0.5 * np.array([-1, -np.sqrt(2 / 3), -np.sqrt(1 / 5), 0, np.sqrt(1 / 5), np.sqrt(2 / 3), 1])
SEVEN = np.array([77, 432, 625, 672, 625, 432, 77]) / 2940
FOUR = np.array([1, 0, 5, 0, 5, 0, 1]) / 12


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each input contributed to one output, for N records.

    Attributes
    ----------
    parts : array [N, inputs]
        In the output's own units; a record's parts add up to ``output_at_x - output_at_baseline``.
    baseline : array [inputs]
        The record that each one is compared with.
    output_at_x : array [N]
    output_at_baseline : float
    completeness_error : array [N]
        How far the parts' sum is from that difference.
    steps : array [N] of int
        How many gradients were taken on the way from the baseline to each record.
    """

    parts: Array
    baseline: Array
    output_at_x: Array
    output_at_baseline: float
    completeness_error: Array
    steps: Array


@dataclass(frozen=True)
class LogOdds(Layer):
    """Turn the logits of all classes into the log-odds of one: by how much it leads all others together.

    log(p_c / (1 - p_c)) = z_c - log(sum over j != c of exp(z_j)), where p = softmax(z). A logit alone says little: a
    number that is added to all of them changes no probability.

    Parameters
    ----------
    of : int
        The class c.

    Examples
    --------
    >>> odds, _ = LogOdds(0).forward({}, np.log([[0.8, 0.1, 0.1]]), EVALUATION)
    >>> np.exp(odds).round(6)
    array([[4.]])
    """

    of: int

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1 or not 0 <= self.of < input_shape[0] or input_shape[0] < 2:
            raise ValueError(f"LogOdds of class {self.of} needs the logits of two classes or more, found {input_shape}")
        return (1,)

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        xp = namespace(x)
        others = xp.concatenate([x[..., : self.of], x[..., self.of + 1 :]], axis=-1)  # [B,C-1]
        largest = others.real.max(axis=-1, keepdims=True)  # [B,C-1] -> [B,1]
        powers = xp.exp(others - largest)
        total = powers.sum(axis=-1, keepdims=True)  # [B,C-1] -> [B,1]
        return x[..., self.of : self.of + 1] - largest - xp.log(total), {"shares": powers / total}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        d_others = -cache["shares"] * dy  # [B,C-1] * [B,1] -> [B,C-1]
        return namespace(dy).concatenate([d_others[..., : self.of], dy, d_others[..., self.of :]], axis=-1), {}


def input_gradient(network: Network, X: Any, output: int = 0, *, member: int = 0) -> Array:
    """Return the gradient of one output with respect to the input, for each record, as in prediction.

    It is 0 for a column of categories, which goes into an Embedding or a OneHot.

    Parameters
    ----------
    network : Network
    X : array [N, inputs]
    output : int
        Which output, from 0.
    member : int
        Of K members, which.

    Returns
    -------
    array [N, inputs]

    Raises
    ------
    ValueError, TypeError
        If the records do not fit the network, or there is no such output or member.

    Examples
    --------
    >>> from pellucid import Dense
    >>> network = Network(2, [Dense(1)], seed=0)
    >>> network.theta = [3.0, -1.0, 0.5]
    >>> input_gradient(network, [[1.0, 1.0]])
    array([[ 3., -1.]])
    """
    chain = _chain(network, output, None, member)
    return _value_and_gradient(chain, checks.inputs(X, network.inputs, network.dtype), output)[1]


def integrated_gradients(
    network: Network,
    X: Any,
    *,
    baseline: Any,
    output: int = 0,
    link: Layer | None = None,
    steps: int = 100_000,
    member: int = 0,
) -> Attribution:
    """Divide the difference between the output at each record and at a baseline among the inputs.

    part_i = (x_i - b_i) times the mean of d output / d input_i on the straight way from b to x

    The parts add up to output(x) - output(b), an input that the network does not use gets 0, and for a linear network
    part_i = w_i (x_i - b_i). The mean is an integral: the way is cut finer where the gradient jumps, as at the kinks
    of a ReLU, until the parts add up to within 1e-8 of the difference (or of 1, where that is larger; 1e-4 in
    float32). What was reached stands in ``completeness_error``.

    What is explained is the network's raw output: for a network trained on logits, the logit, not the probability.

    Parameters
    ----------
    network : Network
    X : array [N, inputs]
        The records to explain.
    baseline : array [inputs]
        The record to compare with: zeros are the mean record where inputs are standardised.
    output : int
        Which output, from 0.
    link : Layer, optional
        A layer without parameters that follows the network's last; its output is explained then: ``Sigmoid()`` or
        ``Softmax()`` for probabilities, :class:`LogOdds` for one class against all others.
    steps : int
        At most so many gradients are taken for each record.
    member : int
        Of K members, which.

    Returns
    -------
    Attribution

    Raises
    ------
    ValueError, TypeError
        If a shape or an argument is not usable, the output is not finite, or a record has another category than the
        baseline in a column that goes into an Embedding or a OneHot.

    Examples
    --------
    >>> from pellucid import Dense
    >>> network = Network(2, [Dense(1)], seed=0)
    >>> network.theta = [3.0, -1.0, 0.5]
    >>> found = integrated_gradients(network, [[2.0, 5.0]], baseline=[0.0, 1.0])
    >>> found.parts.round(9), found.output_at_x - found.output_at_baseline
    (array([[ 6., -4.]]), array([2.]))

    Source: Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017, sections 3 and 5. The
    integral: Gander and Gautschi, "Adaptive quadrature - revisited", 2000, section 4.
    """
    chain = _chain(network, output, link, member)
    x = checks.inputs(X, network.inputs, network.dtype)
    start = checks.inputs(np.asarray(baseline)[None], network.inputs, network.dtype, name="[baseline]")
    least = FIRST_PIECES * len(NODES)
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < least:
        raise ValueError(f"steps must be a whole number from {least} on, found {steps!r}")
    steps_between = {
        place: count for place, count in category_columns(network).items() if (x[:, place] != start[0, place]).any()
    }
    if steps_between:
        raise ValueError(
            f"{in_words(steps_between)}, as an Embedding or a OneHot takes: between two categories there is no way, so "
            "integrated gradients cannot divide what the change of a category did. Give baseline the category of the "
            "record, one record at a time, to explain the other columns"
        )
    at_x, at_start = (_value_and_gradient(chain, records, output)[0] for records in (x, start))  # [N], [1]
    if not (np.isfinite(at_x).all() and np.isfinite(at_start).all()):
        raise ValueError("the network's output is not finite for these records or the baseline, and cannot be divided")
    parts, used = np.zeros(x.shape), np.zeros(len(x), dtype=np.intp)
    differences = at_x - at_start  # [N]
    for record in range(len(x)):
        tolerance = TOLERANCE[network.dtype.name] * max(1.0, abs(float(differences[record])))
        parts[record], used[record] = _integral(chain, x[record], start[0], output, tolerance, int(steps))
    error = np.abs(parts.sum(axis=tuple(range(1, parts.ndim))) - differences)  # [N,I] -> [N]
    return Attribution(parts, start[0], at_x, float(at_start[0]), error, used)


class _Chain(NamedTuple):
    """All that a walk needs."""

    layers: Sequence[Layer]
    parameters: Sequence[Arrays]
    contexts: Sequence[Context]
    at_once: int


def _chain(network: Network, output: int, link: Layer | None, member: int) -> _Chain:
    """Check what is asked for, and return one network's layers, with the link behind them."""
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, found a {type(network).__name__}")
    if link is not None and not isinstance(link, Layer):
        raise TypeError(f"link must be a layer such as Sigmoid(), or None, found {link!r}")
    shape = network.outputs if link is None else link.output_shape(network.outputs)
    if link is not None and link.parameters(network.outputs):
        raise ValueError(f"link must be a layer without parameters, found {link!r}")
    whole = isinstance(output, int | np.integer) and not isinstance(output, bool)
    if len(shape) != 1 or not whole or not 0 <= output < shape[0]:
        raise ValueError(f"output must be a whole number from 0 to {shape[-1] - 1}, found {output!r}")
    one = single(network, member)
    last = () if link is None else (link,)
    return _Chain(
        (*one.layers, *last),
        (*one.layout.views(one.theta.copy()), *[{} for _ in last]),
        (*one._evaluation, *[EVALUATION for _ in last]),
        max(1, PREDICTED_VALUES_AT_ONCE // one._widest()),
    )


def _value_and_gradient(chain: _Chain, x: Array, output: int) -> tuple[Array, Array]:
    """Return one output for each record, [N], and its gradient with respect to the record, [N, inputs]."""
    values, gradient = np.empty(len(x), dtype=x.dtype), np.empty_like(x)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for first in range(0, len(x), chain.at_once):
            part = slice(first, first + chain.at_once)
            y, caches = walk.forward(chain.layers, chain.parameters, x[part], chain.contexts)
            dy = np.zeros_like(y)
            dy[:, output] = 1
            for layer, arrays, cache in zip(chain.layers[::-1], chain.parameters[::-1], caches[::-1], strict=True):
                dy, _ = layer.backward(arrays, cache, dy)
            values[part], gradient[part] = y[:, output], dy
    return values, gradient


def _integral(chain: _Chain, x: Array, start: Array, output: int, tolerance: float, steps: int) -> tuple[Array, int]:
    """Return the parts of one record, and how many gradients that took.

    An interval of the way is judged by two things. The gradients along it, summed up, must give what the output
    gained on it. And the rule on 7 points must agree with the rule on 4, for each input: where two kinks cancel, the
    sum alone would not tell.
    """
    towards = (x - start).reshape(-1).astype(np.float64)  # [I]

    def measured(low: Array, width: Array) -> tuple[Array, Array]:
        at = low[:, None] + width[:, None] * NODES  # [M,7]
        points = start.reshape(-1) + at[..., None] * towards  # [M,7,I]
        values, gradient = _value_and_gradient(chain, points.reshape(-1, *x.shape).astype(x.dtype), output)
        values, slopes = values.reshape(at.shape), gradient.reshape(points.shape) * towards
        fine = width[:, None] * np.einsum("mpi,p->mi", slopes, SEVEN)  # [M,7,I], [7] -> [M,I]
        coarse = width[:, None] * np.einsum("mpi,p->mi", slopes, FOUR)
        gained = np.subtract(values[:, -1], values[:, 0], dtype=np.float64)
        return fine, np.maximum(np.abs(fine.sum(axis=1) - gained), np.abs(fine - coarse).sum(axis=1))

    low = np.arange(FIRST_PIECES) / FIRST_PIECES
    width = np.full(FIRST_PIECES, 1 / FIRST_PIECES)
    parts, error = measured(low, width)
    used = len(low) * len(NODES)
    while error.sum() > tolerance:
        # If every error were below its share, so would be their sum.
        wanted = np.flatnonzero((error > tolerance / len(error)) & (width > 4 * np.finfo(x.dtype).eps))
        room = (steps - used) // (2 * len(NODES))
        wanted = wanted[np.argsort(-error[wanted], kind="stable")][:room]
        if not len(wanted):
            break
        half = width[wanted] / 2
        new_low, new_width = np.concatenate([low[wanted], low[wanted] + half]), np.concatenate([half, half])
        new_parts, new_error = measured(new_low, new_width)
        used += len(new_low) * len(NODES)
        low, width = (np.append(np.delete(old, wanted), new) for old, new in ((low, new_low), (width, new_width)))
        error = np.append(np.delete(error, wanted), new_error)
        parts = np.concatenate([np.delete(parts, wanted, axis=0), new_parts])
    return parts.sum(axis=0).reshape(x.shape), used  # [M,I] -> [I]
