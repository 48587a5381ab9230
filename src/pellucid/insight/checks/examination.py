"""What is being examined: a network, its records, and what is worked out of them once for all checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from pellucid.arrays import Array
from pellucid.gradients import batch_of
from pellucid.insight.checks.finding import CannotCheckError, listed
from pellucid.insight.checks.thresholds import (
    FEWEST_EPOCHS,
    FEWEST_RECORDS,
    FEWEST_WATCHED,
    RECORDS_WATCHED,
    VALUES_WATCHED,
)
from pellucid.insight.tracing import Trace, trace
from pellucid.losses import Loss, reduce
from pellucid.network import Network
from pellucid.penalties import Penalty
from pellucid.training.history import History

NOT_FINITE = "not all values are finite numbers: mend what not_finite found first"


class Words(NamedTuple):
    """What a check's advice calls things: by the names that the one who asks trains with."""

    validation: str = "fit(..., validation_data=...)"
    stopping: str = "EarlyStopping(), a penalty (L2)"
    more_epochs: str = "More epochs: fit(...) again goes on from here"
    rate: str = "learning rate"
    range_of_rates: str = " (see learning_rate_range)"
    class_weights: str = "class_weights=... of the loss"


class Records(NamedTuple):
    """Records as the network gets them, and as people know them.

    ``x`` [N, ...] and ``target`` [N, T] are the network's and the loss's; ``y`` is what the caller gave; ``weights``
    [N, 1] or None; ``columns`` [N, C] in their own units, or None where a record is no row of columns; ``rows`` [N]
    are the numbers that messages call them by.
    """

    x: Array
    y: Array
    target: Array
    weights: Array | None
    columns: Array | None
    rows: Array

    def part(self, places: Array) -> "Records":
        """Return some of the records."""
        return Records(*[None if array is None else array[places] for array in self])  # type: ignore[arg-type]


def records_of(
    network: Network, loss: Loss, X: Any, y: Any, sample_weight: Any = None, *, columns: Any = None, rows: Any = None
) -> Records:
    """Check records against the network and its loss; those that count nothing are left out.

    Examples
    --------
    >>> from pellucid import Dense, SquaredError
    >>> records_of(Network(1, [Dense(1)]), SquaredError(), [[1.0], [2.0]], [3.0, 4.0], [1.0, 0.0]).rows
    array([0])
    """
    x, target, weights = batch_of(network, loss, X, y, sample_weight, finite=False)
    if columns is None and len(network.inputs) == 1:
        columns = np.asarray(X, dtype=np.float64)
    found = Records(x, np.asarray(y), target, weights, columns, np.arange(len(x)) if rows is None else rows)
    return found if weights is None else found.part(np.flatnonzero(weights[:, 0] > 0))


@dataclass(frozen=True, eq=False)
class Examination:
    """A network and its records; what a check asks for and is not at hand raises CannotCheckError.

    Attributes
    ----------
    network : Network
        One network, an own copy.
    loss : Loss or None
    penalty : Penalty or None
    records : Records or None
        What it learns from, or None where only the network is at hand.
    held_out : Records or None
        What it did not learn from.
    names : tuple of str
        The columns' names; empty where they have none.
    why_no_records, why_not_held_out : str
        What to say where they are None.
    words : Words
        What to call things in advice.
    """

    network: Network
    loss: Loss | None
    penalty: Penalty | None
    records: Records | None
    held_out: Records | None
    names: tuple[str, ...] = ()
    why_no_records: str = "it needs records: X and y"
    why_not_held_out: str = "it needs records that were held out: validation_data"
    words: Words = Words()

    @property
    def known(self) -> Records:
        """The records."""
        if self.records is None:
            raise CannotCheckError(self.why_no_records)
        return self.records

    @property
    def known_loss(self) -> Loss:
        """The loss."""
        if self.loss is None:
            raise CannotCheckError("the loss is not known: the network was never trained")
        return self.loss

    @cached_property
    def watched(self) -> Records:
        """As many of the records as activations and gradients are watched on."""
        known = self.known
        most = min(RECORDS_WATCHED, max(FEWEST_WATCHED, VALUES_WATCHED // self.network._widest()))
        if len(known.x) <= most:
            return known
        chosen = np.random.default_rng(0).choice(len(known.x), most, replace=False)
        return known.part(np.sort(chosen))

    @cached_property
    def any_prediction(self) -> Trace:
        """A prediction of the watched records, layer by layer, whatever its values."""
        return trace(self.network, self.watched.x)

    @cached_property
    def any_step(self) -> Trace:
        """A training step on the watched records, whatever its values."""
        watched = self.watched
        weights = None if watched.weights is None else watched.weights[:, 0]
        return trace(
            self.network, watched.x, watched.y, loss=self.known_loss, penalty=self.penalty, sample_weight=weights
        )

    @property
    def prediction(self) -> Trace:
        """A prediction of finite values throughout."""
        return _finite(self.any_prediction)

    @property
    def step(self) -> Trace:
        """A training step of finite values throughout."""
        return _finite(self.any_step)

    @cached_property
    def output(self) -> Array:
        """The network's output for all records, [N, O]."""
        known = self.known
        if not np.isfinite(known.x).all():
            raise CannotCheckError(NOT_FINITE)
        output = self.network.predict(known.x)
        if not np.isfinite(output).all():
            raise CannotCheckError(NOT_FINITE)
        return output

    @property
    def columns(self) -> Array:
        """The columns in their own units, [N, C]."""
        columns = self.known.columns
        if columns is None:
            shape = " x ".join(map(str, self.network.inputs))
            raise CannotCheckError(f"a record of shape {shape} is no row of columns")
        if not np.isfinite(columns).all():
            raise CannotCheckError(NOT_FINITE)
        return columns

    @property
    def many_columns(self) -> Array:
        """The columns of records that are enough for a coincidence to mean something, [N, C]."""
        columns = self.columns
        if len(columns) < FEWEST_RECORDS:
            raise CannotCheckError(
                f"there are {len(columns)} records; with fewer than {FEWEST_RECORDS} it may be chance"
            )
        return columns

    def column(self, *places: int) -> str:
        """Name columns in a sentence."""
        if self.names:
            return listed("column", [repr(self.names[place]) for place in places])
        return listed("column", places)

    @cached_property
    def classes(self) -> Array:
        """The class number of each record, [N]."""
        target = self.known.target
        whole = bool(np.isin(target, (0, 1)).all())
        if whole and target.shape[1] == 1:
            return np.asarray(target[:, 0], dtype=int)
        if whole and (target.sum(axis=1) == 1).all():
            return np.asarray(target.argmax(axis=1))
        raise CannotCheckError("the targets are no classes")

    @property
    def class_count(self) -> int:
        """How many classes there are."""
        return max(2, int(self.known.target.shape[1]))

    @property
    def history(self) -> History:
        """The history of the training, long enough to be judged."""
        history = self.network.history
        if history is None:
            raise CannotCheckError("there is no history: the network was never trained")
        if len(history) < FEWEST_EPOCHS:
            raise CannotCheckError(f"the history has {len(history)} epochs; {FEWEST_EPOCHS} are needed to judge it")
        return history

    # Losses as means, whatever the loss's own reduction, so that they compare

    def mean_loss(self, output: Array, records: Records) -> float:
        """Return the mean loss of an output, [N, O] or [1, O] for a constant one."""
        loss = self.known_loss
        output = np.broadcast_to(output, (len(records.target), output.shape[-1]))
        losses, _ = loss.forward(output, records.target)
        return loss.scale * float(reduce(losses, loss.weigh(records.target, records.weights), "mean")[0])

    @cached_property
    def baseline(self) -> float:
        """The mean loss of the best constant output, found among the usual ones: what any network should beat."""
        records, width = self.known, self.network.outputs[0]
        found = [self.mean_loss(constant, records) for constant in self._constants() if constant.shape[-1] == width]
        best = min(value for value in found if np.isfinite(value))
        if not best > 0:
            raise CannotCheckError(
                "a constant output costs nothing under this loss, so there is nothing to compare with"
            )
        return best

    def check_not_negative(self) -> None:
        """Refuse losses whose ratios mean nothing, as they can be negative."""
        loss = self.known_loss
        losses, _ = loss.forward(self.output, self.known.target)
        if losses.min() < 0:
            raise CannotCheckError(f"{type(loss).__name__} can be negative, so its values cannot be compared by ratio")

    def _constants(self) -> Sequence[Array]:
        """Return outputs [1, O] that are the best constant for one loss or another."""
        target, loss = self.known.target.astype(np.float64), self.known_loss
        weights = loss.weigh(self.known.target, self.known.weights)
        each = np.ones_like(target) if weights is None else np.broadcast_to(weights, target.shape)
        mean = (np.average(target, axis=0, weights=each) if each.any() else target.mean(axis=0))[None]  # [1,T]
        variance = np.average((target - mean) ** 2, axis=0, weights=each if each.any() else None)[None]
        quantile = np.quantile(target, getattr(loss, "q", 0.5), axis=0).T.reshape(1, -1)  # target by target
        with np.errstate(all="ignore"):  # a constant whose logarithm has no value is left out
            constants = [
                np.zeros((1, self.network.outputs[0])),
                mean,
                quantile,
                np.median(target, axis=0)[None],
                np.sign(2 * mean - 1),  # the hinge loss
                np.log(mean),  # counts, and classes by softmax
                np.log(mean) - np.log1p(-mean),  # classes by sigmoid
                np.hstack([mean, np.log(variance)]),  # a mean and a variance
            ]
        return [constant.astype(self.network.dtype) for constant in constants if np.isfinite(constant).all()]


def _finite(found: Trace) -> Trace:
    """Return the trace if all its values are finite."""
    arrays = [found.x, found.output]
    if found.loss is not None:
        arrays += [found.loss.losses, *[array for layer in found.layers for array in layer.gradients.values()]]
    if not all(np.isfinite(array).all() for array in arrays):
        raise CannotCheckError(NOT_FINITE)
    return found
