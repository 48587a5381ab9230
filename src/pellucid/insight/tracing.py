"""The trace: every number of one training step, or of one prediction."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid import checks
from pellucid.arrays import Array
from pellucid.gradients import Batch, batch_of
from pellucid.insight.member import single
from pellucid.insight.not_finite import NotFinite, first_not_finite
from pellucid.insight.recording import record_prediction, record_step
from pellucid.insight.records import LayerRecord, LossRecord, UpdateRecord
from pellucid.insight.renderings import data, html, latex, text
from pellucid.insight.story import Unit, tell
from pellucid.layers.layer import Shape
from pellucid.losses import Loss
from pellucid.network import Network, resolve_loss
from pellucid.optimizers import Optimizer
from pellucid.penalties import Penalty
from pellucid.training.lbfgs import LBFGS
from pellucid.training.loop import remembered_penalty, resolve_optimizer


@dataclass(frozen=True, eq=False)
class Trace:
    """Every number of one training step, or of one prediction.

    Attributes
    ----------
    network : Network
        A copy of the network as it was before the step.
    x : array [B, ...]
        The records.
    layers : tuple of LayerRecord
        What each layer saw and did, in the order in which data flows. What happened within a block stands in its
        ``inside``; :meth:`everything` gives that too.
    output : array [B, O]
        The network's output.
    loss : LossRecord or None
        None in a prediction.
    update : UpdateRecord or None
        The optimizer's step; None in a prediction, and for L-BFGS, which makes no single step.
    feature_names, output_names : tuple of str
        What the inputs and the outputs are called; empty where they have no names.

    Examples
    --------
    >>> from pellucid import Dense, Network, SGD
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> step = trace(network, [[1.0], [2.0]], [0.0, 0.0], loss="squared_error", optimizer=SGD(0.1))
    >>> [layer.name for layer in step.layers], step.layers[0].y.shape, step.layers[0].dy.shape
    (['dense_1'], (2, 1), (2, 1))
    """

    network: Network
    x: Array
    layers: tuple[LayerRecord, ...]
    loss: LossRecord | None
    update: UpdateRecord | None
    feature_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()

    @property
    def output(self) -> Array:
        """The network's output, [B, O]."""
        return self.layers[-1].y

    def everything(self) -> Iterator[LayerRecord]:
        """Give the records of all layers, those within blocks before the block: as their values are computed.

        Examples
        --------
        >>> from pellucid import Dense, Network, Residual, Tanh
        >>> network = Network(2, [Residual([Dense(2), Tanh()])], seed=0)
        >>> [layer.name for layer in trace(network, [[1.0, 2.0]]).everything()]
        ['residual_1.dense_1', 'residual_1.tanh_1', 'residual_1']
        """
        for layer in self.layers:
            yield from layer.everything()

    @property
    def not_finite(self) -> NotFinite | None:
        """Where values that are not finite first appear, in the order of computing; None if all are finite."""
        return first_not_finite(self)

    def __repr__(self) -> str:
        what = "one training step" if self.loss is not None else "one prediction"
        loss = f", loss {self.loss.value:.5g}" if self.loss is not None else ""
        return f"<Trace: {what}, {len(self.x)} records, {len(self.layers)} layers{loss}; print it to see every number>"

    def __str__(self) -> str:
        return self.text()

    def text(self, record: int | None = None, unit: Unit = None, *, color: bool = False, width: int = 100) -> str:
        """Return the trace as text for a terminal: every formula, then the formula with its numbers.

        The digits shown are enough to work each line out again.

        Parameters
        ----------
        record : int, optional
            Which record to follow, from 0; by default the first, or the first with a value that is not finite.
        unit : int or dict of str to int, optional
            Which unit of the output, or units by layer such as ``{"dense_1": 2}`` or ``{"residual_1.dense_1": 2}``,
            from 0. By default in each layer the one with the largest gradient, or in a prediction with the largest
            value.
        color : bool
            Whether to use a terminal's colours.
        width : int
            How many columns the text may take; longer equations go on in further lines.

        Raises
        ------
        ValueError
            If there is no such record, layer or unit.

        Examples
        --------
        >>> from pellucid import Dense, Network, SGD
        >>> network = Network(1, [Dense(1)], seed=0)
        >>> network.theta = [2.0, 0.5]
        >>> print(trace(network, [[3.0]], [1.0], loss="squared_error", optimizer=SGD(0.1)).text())
        One training step of Network(1, [Dense(1)], seed=0)
        ...
        dense_1: Dense(1)
          w (weights): 2
          b (bias): 0.5
          z = x*w + b = 3*2 + 0.5 = 6.5
        ...
        """
        return text.render(tell(self, record, unit), color=color, width=width)

    def html(self, record: int | None = None, unit: Unit = None) -> str:
        """Return the trace for a notebook or a page: sections that fold, mathematics as MathML, no script.

        The arguments and errors are those of :meth:`text`.

        Examples
        --------
        >>> from pellucid import Dense, Network
        >>> "<math" in trace(Network(1, [Dense(1)], seed=0), [[3.0]]).html()
        True
        """
        return html.render(tell(self, record, unit))

    def _repr_html_(self) -> str:
        return self.html()

    def latex(self, record: int | None = None, unit: Unit = None) -> str:
        r"""Return the trace as a LaTeX document for a handout; it needs the package amsmath.

        The arguments and errors are those of :meth:`text`.

        Examples
        --------
        >>> from pellucid import Dense, Network
        >>> trace(Network(1, [Dense(1)], seed=0), [[3.0]]).latex().splitlines()[0]
        '\\documentclass{article}'
        """
        return latex.render(tell(self, record, unit))

    def to_dict(self, record: int | None = None, unit: Unit = None, *, arrays: bool = True) -> dict[str, Any]:
        """Return the trace as plain values for tools: every equation of the record, and every array.

        Values that are not finite are the texts "nan", "inf" and "-inf", which JSON has no numbers for.

        Parameters
        ----------
        record, unit
            As in :meth:`text`.
        arrays : bool
            Whether whole arrays are given, or their shapes and ranges only.

        Examples
        --------
        >>> from pellucid import Dense, Network
        >>> network = Network(1, [Dense(1)], seed=0)
        >>> network.theta = [2.0, 0.5]
        >>> trace(network, [[3.0]]).to_dict()["layers"][0]["y"]
        [[6.5]]
        """
        return data.render(self, tell(self, record, unit), arrays)

    def json(self, record: int | None = None, unit: Unit = None, *, arrays: bool = True) -> str:
        """Return :meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict(record, unit, arrays=arrays), allow_nan=False)


def trace(
    network: Network,
    X: Any,
    y: Any = None,
    *,
    loss: Loss | str | None = None,
    optimizer: Optimizer | LBFGS | str | None = None,
    sample_weight: Any = None,
    penalty: Penalty | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    rate_multipliers: Mapping[str, float] | None = None,
    decay_multipliers: Mapping[str, float] | None = None,
    seed: int | None = None,
    member: int = 0,
    feature_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
) -> Trace:
    """Record one whole training step on these records; without ``y``, one prediction.

    It is the step that ``fit(X, y, ..., epochs=1, batch_size=None)`` would make next, computed by the same
    functions to the last bit. The network stays as it is.

    Parameters
    ----------
    network : Network
        Trained or not.
    X : array [B, inputs]
        The records. Values that are not finite are let through, and the trace shows where they lead.
    y : array [B] or [B, outputs], optional
        The targets.
    loss, optimizer, penalty
        As in :meth:`pellucid.Network.fit`; by default those of the last training, the optimizer with its memory.
    sample_weight, clip_norm, clip_value, rate_multipliers, decay_multipliers, seed
        As in :meth:`pellucid.Network.fit`.
    member : int
        Which of K members to watch.
    feature_names, output_names : sequence of str
        What the inputs and the outputs are called, one name for each.

    Returns
    -------
    Trace

    Raises
    ------
    ValueError, TypeError
        If a shape or an argument is not usable, or the network was never trained and no loss is named.

    Examples
    --------
    One weight, two records, the squared error, rate 0.1:

    >>> from pellucid import Dense, SGD
    >>> network = Network(1, [Dense(1, bias=False)], seed=0)
    >>> network.theta = [2.0]
    >>> step = trace(network, [[1.0], [2.0]], [0.0, 0.0], loss="squared_error", optimizer=SGD(0.1))
    >>> step.output.ravel(), step.loss.value, step.update.gradient, step.update.after
    (array([2., 4.]), 10.0, array([10.]), array([1.]))
    >>> network.theta
    array([2.])
    """
    if not isinstance(network, Network):
        raise TypeError(f"trace watches a Network, found {checks.not_a_network(network, 'trace')}")
    one = single(network, member).copy()
    names = _checked_names("feature_names", feature_names, "takes", one.inputs)
    answers = _checked_names("output_names", output_names, "gives", one.outputs)
    if y is None:
        needless = {
            "loss": loss,
            "optimizer": optimizer,
            "sample_weight": sample_weight,
            "penalty": penalty,
            "clip_norm": clip_norm,
            "clip_value": clip_value,
            "rate_multipliers": rate_multipliers,
            "decay_multipliers": decay_multipliers,
        }
        for name, value in needless.items():
            if value is not None:
                raise ValueError(f"{name} is for a training step, which needs y; without y a prediction is traced")
        x = checks.inputs(X, one.inputs, one.dtype, finite=False).copy()
        checks.some_records(x)
        return Trace(one, x, tuple(record_prediction(one, x)), None, None, names, answers)
    resolved = resolve_loss(loss, one)
    rule, state = resolve_optimizer(one, optimizer)
    for name, value in (("clip_norm", clip_norm), ("clip_value", clip_value)):
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite, found {value!r}")
    x, target, weights = batch_of(one, resolved, X, y, sample_weight, finite=False)
    layers, of_loss, update = record_step(
        one,
        Batch(x.copy(), target.copy(), weights),  # the caller's arrays may change later
        resolved,
        None if isinstance(rule, LBFGS) else rule,
        state,
        penalty=remembered_penalty(one, loss, penalty),
        clip_norm=clip_norm,
        clip_value=clip_value,
        rate_multipliers=rate_multipliers,
        decay_multipliers=decay_multipliers,
        seed=seed,
    )
    return Trace(one, layers[0].x, tuple(layers), of_loss, update, names, answers)


def _checked_names(argument: str, given: Sequence[str], does: str, shape: Shape) -> tuple[str, ...]:
    """Return the names of inputs or outputs in one line each; a terminal must not obey what a name holds."""
    if isinstance(given, str):
        raise TypeError(f"{argument} must be a list of names, found the text {given!r}")
    names = tuple("".join(one if one.isprintable() else repr(one)[1:-1] for one in str(name)) for name in given)
    if len(set(names)) < len(names):
        raise ValueError(f"{argument} has a name twice: {', '.join(names)}")
    if names and (len(shape) != 1 or len(names) != shape[0]):
        raise ValueError(f"{argument} has {len(names)} names; the network {does} records of width {shape}")
    return names
