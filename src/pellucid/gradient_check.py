"""Proof of a network's gradients: every parameter against the complex step.

The complex step takes the derivative of f at x as Im f(x + ih) / h. There is no difference of two
nearly equal numbers in it, so h may be 1e-30 and the result is right to the last digits: a gradient
that is wrong by a hundred-millionth is seen to be wrong. Where a layer cannot take complex numbers,
a central difference takes its place, with its coarser tolerance.

Source: Squire and Trapp, "Using complex variables to estimate derivatives of real functions", 1998;
Martins, Sturdza and Alonso, "The complex-step derivative approximation", 2003, section 2.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from pellucid.arrays import Array, Draw, draw
from pellucid.configuration import child_seeds
from pellucid.gradients import Objective, batch_of, objective_of
from pellucid.layers import Context, Layer
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.penalties import Penalty

COMPLEX_STEP = 1e-30
DIFFERENCE = 1e-5
# Normwise tolerances: of float64 against the complex step, against a central difference, of float32 against float64.
TOLERANCES = {"complex step": 1e-12, "central difference": 1e-7, "float32": 2e-6}
ELEMENTWISE_TOLERANCE = 1e-10
ELEMENTWISE_FLOOR = 1e-3
# A parameter's gradient is measured against its own length, but at least this share of the whole gradient's and of the
# gradient that arrives at the output; a layer's slope against at least this. For where the true gradient is 0 (a bias
# before a normalisation) or all but 0 (a sigmoid's y (1 - y) when y is nearly 1), rounding alone is left.
SHARE_OF_WHOLE = 1e-2
# In single precision rounding alone is a millionth of the whole gradient.
SHARE_OF_WHOLE_SINGLE = 1.0


@dataclass(frozen=True)
class GradientRow:
    """One line of the report.

    Attributes
    ----------
    layer, parameter : str
        What was checked. For a layer as a whole (its backward against its own forward) and for the loss,
        the parameter is empty.
    checked, size : int
        How many of its values were perturbed, of how many.
    method : "complex step" or "central difference"
    error : float
        |hand-written - reference| / |reference|, over all values checked. A reference that is all but 0 beside the
        whole gradient counts as a hundredth of that: there, nothing but rounding would be compared.
    tolerance : float
        What ``error`` may be at most.
    largest : float
        The largest value of the gradient, in size.
    elementwise : float
        The largest error of a single value, relative to it (or to 1e-3 of the largest, if that is more).
    passed : bool
    """

    layer: str
    parameter: str
    checked: int
    size: int
    method: str
    error: float
    tolerance: float
    largest: float
    elementwise: float
    passed: bool


@dataclass(frozen=True)
class GradientReport:
    """What :func:`check_gradients` found; prints as a table.

    Attributes
    ----------
    rows : tuple of GradientRow
        First each layer's own backward pass, and the loss's; then every parameter through the whole network.
    passed : bool
        Whether every row is within its tolerance.

    Examples
    --------
    >>> from pellucid import Dense, Network, check_gradients
    >>> report = check_gradients(Network(1, [Dense(1)], seed=0), [[1.0]], [2.0], loss="squared_error")
    >>> [row.layer + ("." + row.parameter if row.parameter else "") for row in report.rows]
    ['dense_1', 'loss', 'dense_1.weights', 'dense_1.bias']
    >>> report.suspects
    ()
    """

    rows: tuple[GradientRow, ...]

    @property
    def passed(self) -> bool:
        """Whether every gradient is within its tolerance."""
        return all(row.passed for row in self.rows)

    @property
    def worst(self) -> GradientRow:
        """The row that lies furthest out, measured by its own tolerance."""
        return max(self.rows, key=lambda row: np.inf if np.isnan(row.error) else row.error / row.tolerance)

    @property
    def suspects(self) -> tuple[str, ...]:
        """The layers (or the loss) whose own backward pass is not the derivative of their forward pass."""
        return tuple(row.layer for row in self.rows if not row.parameter and not row.passed)

    def __str__(self) -> str:
        cells = [("what", "values", "method", "largest", "error", "allowed", "")]
        for row in self.rows:
            name = f"{row.layer}.{row.parameter}" if row.parameter else f"{row.layer} (its own backward pass)"
            values = f"{row.checked:,}" + (f" of {row.size:,}" if row.checked < row.size else "")
            verdict = "ok" if row.passed else "WRONG"
            cells.append(
                (name, values, row.method, f"{row.largest:.3g}", f"{row.error:.1e}", f"{row.tolerance:.0e}", verdict)
            )
        widths = [max(len(line[column]) for line in cells) for column in range(7)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
        ]
        return "\n".join([*lines, self.verdict])

    __repr__ = __str__

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        if self.passed:
            return f"All gradients agree; the largest error is {self.worst.error:.1e} ({_name(self.worst)})."
        wrong = sum(not row.passed for row in self.rows)
        worst = self.worst
        text = f"{wrong} of {len(self.rows)} checks failed; the worst is {_name(worst)}: error {worst.error:.1e}."
        if self.suspects:
            text += f" The derivative is wrong in: {', '.join(self.suspects)}."
        return text

    def _repr_html_(self) -> str:
        body = "".join(
            f"<tr><th scope='row'>{escape(_name(row))}</th><td>{row.method}</td><td>{row.error:.1e}</td>"
            f"<td>{row.tolerance:.0e}</td><td>{'ok' if row.passed else '<b>wrong</b>'}</td></tr>"
            for row in self.rows
        )
        head = "".join(f"<th scope='col'>{name}</th>" for name in ("what", "method", "error", "allowed", "verdict"))
        caption = f"<caption>{escape(self.verdict)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _name(row: GradientRow) -> str:
    return f"{row.layer}.{row.parameter}" if row.parameter else f"{row.layer}, its own backward pass"


def check_gradients(
    network: Network,
    X: Any,
    y: Any,
    *,
    loss: Loss | str | None = None,
    sample_weight: Any = None,
    penalty: Penalty | None = None,
    training: bool = False,
    at_most: int | None = 500,
    seed: int = 0,
) -> GradientReport:
    """Compare the hand-written gradient with the complex step, parameter by parameter.

    Two things are checked. Each layer alone, and the loss: its ``backward`` must be the derivative of its own
    ``forward`` along a random direction, which names the culprit. Then the whole walk: the gradient of loss and
    penalty with respect to every parameter.

    Parameters
    ----------
    network : Network
    X : array [N, inputs]
        A few records are enough.
    y : array [N] or [N, outputs]
    loss : Loss or its short name; by default that of the last training
    sample_weight : array [N], optional
    penalty : Penalty, optional
    training : bool
        Whether random layers draw (the same numbers for every evaluation) and statistics are the batch's.
    at_most : int or None
        Of a parameter with more values than this, so many are chosen at random; None checks all.
    seed : int
        For that choice, the directions and the draws.

    Returns
    -------
    GradientReport

    Raises
    ------
    ValueError, TypeError
        As :meth:`Network.loss`.

    Examples
    --------
    >>> from pellucid import Dense, Network, Sigmoid, check_gradients
    >>> network = Network(2, [Dense(1), Sigmoid()], seed=0)
    >>> report = check_gradients(network, [[0.0, 1.0], [1.0, 1.0]], [0.0, 1.0], loss="squared_error")
    >>> report.passed, report.worst.error < 1e-14
    (True, True)

    Source: Squire and Trapp, "Using complex variables to estimate derivatives of real functions", 1998.
    """
    objective = objective_of(network, loss, penalty)
    x, target, weights = batch_of(network, objective.loss, X, y, sample_weight)
    if network.members is not None and x.ndim == len(network.inputs) + 1:
        x = np.broadcast_to(x, (network.members, *x.shape))
    if at_most is not None and at_most < 1:
        raise ValueError(f"at_most must be a positive whole number or None, found {at_most!r}")
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        checker = _Checker(network, objective, x, target, weights, training, at_most, np.random.default_rng(seed))
        return GradientReport(tuple(checker.layer_rows() + checker.parameter_rows()))


class _Checker:
    """One check: what was computed by hand, and the means to compute it again another way."""

    def __init__(
        self,
        network: Network,
        objective: Objective,
        x: Array,
        target: Array,
        weights: Array | None,
        training: bool,
        at_most: int | None,
        generator: np.random.Generator,
    ) -> None:
        self.network, self.objective = network, objective
        self.at_most, self.generator = at_most, generator
        self.contexts = _contexts(network, x, training) if training else network._evaluation
        self.found = objective.evaluate(network.theta, network._views, x, target, weights, self.contexts)
        if not np.isfinite(self.found.loss).all():
            raise ValueError("check_gradients: the loss is not finite here, so there is no gradient to check")
        # The reference is computed in float64, whatever the network's own precision.
        self.theta = network.theta.astype(np.float64)
        self.x, self.target = x.astype(np.float64), target.astype(np.float64)
        self.weights = None if weights is None else weights.astype(np.float64)

    def value(self, theta: Array) -> Array:
        views = self.network.layout.views(theta)
        return self.objective.value(views, self.x, self.target, self.weights, self.contexts)

    # The whole walk, parameter by parameter

    def parameter_rows(self) -> list[GradientRow]:
        method = "complex step" if self._goes_complex() else "central difference"
        whole = float(max(np.linalg.norm(self.found.gradient), np.linalg.norm(self.found.d_output)))
        rows = []
        for slot in self.network.layout.slots:
            if slot.layer in self.objective.frozen:
                continue
            places = np.arange(slot.start, slot.stop)
            if self.at_most is not None and len(places) > self.at_most:
                places = np.sort(self.generator.choice(places, self.at_most, replace=False))
            hand = self.found.gradient[..., places].astype(np.float64)
            row = self._row(
                slot.layer, slot.name, slot.stop - slot.start, hand, self._reference(places, method), method, whole
            )
            if method == "complex step" and not row.error <= 1e-4:
                # Far off, or not a number: the gradient is wrong, or a layer loses the imaginary part on its way (an
                # abs, a cast), or overflows with it (the exponential in a sigmoid at -1000).
                other = "central difference"
                second = self._row(slot.layer, slot.name, row.size, hand, self._reference(places, other), other, whole)
                row = second if second.passed else row
            rows.append(row)
        return rows

    def _reference(self, places: Array, method: str) -> Array:
        columns = []
        for place in places:
            if method == "complex step":
                theta = self.theta.astype(np.complex128)
                theta[..., place] += 1j * COMPLEX_STEP
                columns.append(np.imag(self.value(theta)) / COMPLEX_STEP)
            else:
                above, below = self.theta.copy(), self.theta.copy()
                above[..., place] += DIFFERENCE
                below[..., place] -= DIFFERENCE
                columns.append((self.value(above) - self.value(below)) / (2 * DIFFERENCE))
        return np.stack(columns, axis=-1)

    def _goes_complex(self) -> bool:
        loss = self.objective.loss
        if not (loss.complex_step and all(map(goes_complex, self.network.layers))):
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            try:
                return bool(np.iscomplexobj(self.value(self.theta.astype(np.complex128))))
            except (TypeError, np.exceptions.ComplexWarning):
                return False

    # Each layer alone, along one random direction

    def layer_rows(self) -> list[GradientRow]:
        rows = []
        x = self.x.astype(self.network.dtype)
        for index, layer in enumerate(self.network.layers):
            views, context = self.network._views[index], self.contexts[index]
            y, cache = layer.forward(views, x, context)
            dy = self._random(y.shape).astype(y.dtype)
            dx, gradients = layer.backward(views, cache, dy)
            hand = [dx, *[gradients[name] for name in views]]

            def forward(arrays: Sequence[Array], index: int = index, names: Sequence[str] = tuple(views)) -> Array:
                layer, context = self.network.layers[index], self.contexts[index]
                return layer.forward(dict(zip(names, arrays[1:], strict=True)), arrays[0], context)[0]

            rows.append(self._along(index, forward, [x, *views.values()], hand, dy, goes_complex(layer)))
            x = y
        loss, output = self.objective.loss, self.found.output
        losses, loss_cache = loss.forward(output, self.target.astype(self.network.dtype))
        dy = self._random(losses.shape).astype(losses.dtype)
        # A loss gives its gradient record by record, summed over E where it looks at several outputs; weighing the
        # records alone keeps that sum right.
        dy = np.broadcast_to(dy[..., :1], losses.shape)
        hand = [dy[..., :1] * loss.backward(loss_cache)]
        rows.append(
            self._along(
                -1, lambda arrays: loss.forward(arrays[0], self.target)[0], [output], hand, dy, loss.complex_step
            )
        )
        return rows

    def _along(
        self,
        index: int,
        forward: Callable[[Sequence[Array]], Array],
        arrays: Sequence[Array],
        hand: Sequence[Array],
        dy: Array,
        complex_step: bool,
    ) -> GradientRow:
        arrays = [array.astype(np.float64) for array in arrays]
        directions = [self._random(array.shape) for array in arrays]
        mine = sum(float((h.astype(np.float64) * d).sum()) for h, d in zip(hand, directions, strict=True))
        scale = sum(float(np.abs(h.astype(np.float64) * d).sum()) for h, d in zip(hand, directions, strict=True))
        scale = max(scale, self.share * float(np.abs(dy).sum()))

        def moved(step: complex) -> Array:
            values = [array + step * direction for array, direction in zip(arrays, directions, strict=True)]
            total: Array = (dy.astype(np.float64) * forward(values)).sum()
            return total

        def difference() -> float:
            return float((moved(DIFFERENCE) - moved(-DIFFERENCE)) / (2 * DIFFERENCE))

        method, reference = "complex step", float("nan")
        if complex_step:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                try:
                    reference = float(np.imag(moved(1j * COMPLEX_STEP)) / COMPLEX_STEP)
                except (TypeError, np.exceptions.ComplexWarning):
                    complex_step = False
        far = not abs(mine - reference) <= 1e-4 * scale  # also where the reference is not a number
        if not complex_step or (far and abs(mine - difference()) < 1e-7 * scale):
            method, reference = "central difference", difference()
        size = sum(array.size for array in arrays)
        return self._row(index, "", size, np.array([mine]), np.array([reference]), method, 0.0, scale)

    def _row(
        self,
        index: int,
        parameter: str,
        size: int,
        hand: Array,
        reference: Array,
        method: str,
        whole: float,
        scale: float = 0.0,
    ) -> GradientRow:
        distance, length = float(np.linalg.norm(hand - reference)), float(np.linalg.norm(reference))
        error = distance / max(length, self.share * whole, scale, np.finfo(float).tiny)
        largest = float(np.abs(hand).max(initial=0.0))
        floor = np.maximum(np.abs(reference), max(ELEMENTWISE_FLOOR * np.abs(reference).max(initial=0.0), scale))
        floor = np.maximum(floor, max(self.share * whole, np.finfo(float).tiny))
        elementwise = float((np.abs(hand - reference) / floor).max(initial=0.0))
        single = self.network.dtype == np.float32
        tolerance = max(TOLERANCES[method], TOLERANCES["float32"] if single else 0.0)
        passed = error <= tolerance
        if method == "complex step" and not single:
            passed = passed and elementwise <= ELEMENTWISE_TOLERANCE
        name = "loss" if index < 0 else self.network.names[index]
        return GradientRow(
            name,
            parameter,
            size if not parameter else hand.shape[-1],
            size,
            method,
            error,
            tolerance,
            largest,
            elementwise,
            passed,
        )

    @property
    def share(self) -> float:
        """The share of the whole that a gradient of 0 is measured against."""
        return SHARE_OF_WHOLE_SINGLE if self.network.dtype == np.float32 else SHARE_OF_WHOLE

    def _random(self, shape: tuple[int, ...]) -> Array:
        return self.generator.standard_normal(shape)


def goes_complex(layer: Layer) -> bool:
    """Return whether a layer, and all that is within it, takes a complex step."""
    return all(one.complex_step for one in layer.everything())


def _contexts(network: Network, x: Array, training: bool) -> list[Context]:
    """Return contexts with one fixed set of draws for each random layer."""
    members = network.members or 1
    generators = [np.random.default_rng(child_seeds(network.seed + member)[2]) for member in range(members)]
    contexts = []
    for index, layer in enumerate(network.layers):
        lead, shape = x.shape[: x.ndim - len(network.shapes[index])], network.shapes[index]
        wanted: dict[str, Draw] = layer.draws_for(lead, shape)
        random = {name: draw(generators, one, network.dtype) for name, one in wanted.items()}
        context = Context(training, random, network.state[index], network.members is not None)
        x, _ = layer.forward(network._views[index], x, context)
        contexts.append(context)
    return contexts
