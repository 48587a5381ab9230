"""What scikit-learn's multi-layer perceptrons do after each epoch: figures, patience, rates, the best weights."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pellucid.arrays import Array
from pellucid.estimators.sparse import SparseRecords
from pellucid.network import Fitted, Network
from pellucid.training import Report

SMALLEST_ADAPTIVE_RATE = 1e-6
"""Where the rate of ``learning_rate="adaptive"`` has come to this, training ends, as in scikit-learn."""


@dataclass(frozen=True)
class HeldOut:
    """Records that are never trained on.

    Attributes
    ----------
    X : array [N, I] or SparseRecords
    y : array [N] or [N, T], in the user's own labels or units
    target : array [N, O], as the loss takes it
    sample_weight : array [N] or None
    """

    X: Any
    y: Array
    target: Array
    sample_weight: Array | None


@dataclass
class Best:
    """The epoch that is kept under early stopping: what it came to, and all that the network had learnt."""

    value: float
    epoch: int
    theta: Array
    state: list[dict[str, Array]]

    def put_back(self, network: Network) -> None:
        """Let a network be what it was at the end of this epoch."""
        network.theta = self.theta
        network.set_state([{name: array.copy() for name, array in named.items()} for named in self.state])


def to_go_back_to(estimator: Any) -> Best | None:
    """Return the epoch that early stopping goes back to: the weights before all epochs, as long as there is none.

    It is None where what is watched has been no number in any epoch.
    """
    best: Best | None = estimator._best
    return None if best is not None and best.value == -math.inf and estimator.n_iter_ else best


class Watch:
    """A callback that keeps an estimator's figures and ends its training when it no longer gets better.

    Whatever ``early_stopping`` watches must rise by ``tol`` (a loss: fall) within ``n_iter_no_change`` epochs.
    Without early stopping, that is the training loss.

    Parameters
    ----------
    estimator : MLP
        Its fitted attributes are brought up to date.
    records : int
        How many are trained on.
    held_out : HeldOut or None
    stops : bool
        Whether ``held_out`` decides when to stop.
    scorer : scorer of scikit-learn, optional
        Of what is watched then, in place of the estimator's own score.
    """

    def __init__(
        self,
        estimator: Any,
        records: int,
        held_out: HeldOut | None,
        stops: bool,
        scorer: Callable[..., float] | None = None,
    ) -> None:
        self.estimator, self.records, self.held_out, self.stops = estimator, records, held_out, stops
        self.scorer = scorer
        self.told = estimator.verbose

    def begin(self, network: Network, fitted: Fitted) -> None:
        """Hold on to the weights at hand until an epoch is better, or to the best epoch of before.

        What is watched may have changed since: that epoch is measured anew, with the loss of this training.
        """
        estimator = self.estimator
        if estimator._best is None:
            estimator._best = Best(-math.inf, 0, network.theta.copy(), [dict(named) for named in network.state])
            return
        other, as_it_was = copy.copy(estimator), network.copy()
        estimator._best.put_back(as_it_was)
        as_it_was.fitted = fitted
        other._go_on_with(as_it_was)
        _, found = self.measure(other)
        estimator._best.value = -math.inf if math.isnan(found) else found
        if estimator.monitor != "loss":
            estimator.best_validation_score_ = estimator._best.value

    def __call__(self, report: Report) -> None:
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.loss_ = report.loss
        estimator.loss_curve_.append(report.loss)
        if self.told:
            print(f"Iteration {estimator.n_iter_}, loss = {report.loss:.8f}")
        found = self._validate(report) if self.held_out is not None else None
        if not hasattr(report.run.fitted.optimizer, "learning_rate"):
            return  # L-BFGS: SciPy decides when to stop
        estimator.t_ += self.records
        if self.stops:
            assert found is not None
            self._compare(found, report)
        else:
            self._compare_losses(report.loss)
        before = report.rate_factor
        if estimator.solver == "sgd" and estimator.learning_rate == "invscaling":
            report.rate_factor = 1.0 / (estimator.t_ + 1) ** estimator.power_t
        estimator.learning_rate_ = report.learning_rate / before * report.rate_factor
        if estimator._no_improvement_count > estimator.n_iter_no_change:
            self._out_of_patience(report)

    def could_not_go_on(self) -> None:
        """Write down the epoch that was not finished, as its loss was no longer finite."""
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.loss_ = math.nan
        estimator.loss_curve_.append(math.nan)
        if self.held_out is not None:
            estimator.validation_loss_curve_.append(math.nan)
            if estimator.validation_scores_ is not None:
                estimator.validation_scores_.append(math.nan)

    def _validate(self, report: Report) -> float:
        """Write down this epoch's validation figures, and return the one that is watched (the higher the better)."""
        estimator = self.estimator
        loss, found = self.measure(estimator)
        estimator.validation_loss_curve_.append(loss)
        report.validation_loss = loss
        report.history.validated(loss)
        if self.stops and estimator.monitor != "loss":
            estimator.validation_scores_.append(found)
            if self.told:
                print(f"Validation score: {found:f}")
        return found

    def measure(self, estimator: Any) -> tuple[float, float]:
        """Return the loss of the validation records, and what is watched on them (the higher the better)."""
        held_out = self.held_out
        assert held_out is not None
        raw = estimator._raw(held_out.X)
        loss: float = estimator._loss_of(raw, held_out)
        if not self.stops or estimator.monitor == "loss":
            return loss, -loss
        if self.scorer is None:
            return loss, estimator._score_of(raw, held_out)
        weights = {} if held_out.sample_weight is None else {"sample_weight": held_out.sample_weight}
        X = held_out.X.matrix if isinstance(held_out.X, SparseRecords) else held_out.X
        estimator._held_out = X
        try:
            return loss, float(self.scorer(estimator, X, held_out.y, **weights))
        except (ValueError, TypeError) as problem:
            weighted = " with the sample_weight of these records" if weights else ""
            kind = ValueError if isinstance(problem, ValueError) else TypeError
            raise kind(
                f"monitor={estimator.monitor!r} failed on the validation records{weighted}: {problem}"
            ) from problem
        finally:
            del estimator._held_out

    def _compare(self, found: float, report: Report) -> None:
        """Count the epochs without improvement on the validation records, and keep the best."""
        estimator = self.estimator
        best = estimator._best
        worse = found < best.value + estimator.tol
        estimator._no_improvement_count = estimator._no_improvement_count + 1 if worse else 0
        if found > best.value:
            network = report.network
            state = [{name: array.copy() for name, array in named.items()} for named in network.state]
            estimator._best = Best(found, len(estimator.loss_curve_), network.theta.copy(), state)
            estimator.best_iter_ = len(estimator.loss_curve_)
            if estimator.monitor != "loss":
                estimator.best_validation_score_ = found

    def _compare_losses(self, loss: float) -> None:
        estimator = self.estimator
        worse = loss > estimator.best_loss_ - estimator.tol
        estimator._no_improvement_count = estimator._no_improvement_count + 1 if worse else 0
        if loss < estimator.best_loss_:
            estimator.best_loss_ = loss

    def _out_of_patience(self, report: Report) -> None:
        """End the training, or lower an adaptive rate."""
        estimator = self.estimator
        what = "Training loss"
        if self.stops:
            what = "Validation loss" if estimator.monitor == "loss" else "Validation score"
        patience = estimator.n_iter_no_change
        text = f"{what} did not improve more than tol={estimator.tol:f} for {patience} consecutive epochs."
        adaptive = estimator.solver == "sgd" and estimator.learning_rate == "adaptive"
        if adaptive and estimator.learning_rate_ > SMALLEST_ADAPTIVE_RATE:
            report.rate_factor /= 5.0
            estimator.learning_rate_ /= 5.0
            estimator._no_improvement_count = 0
            if self.told:
                print(f"{text} Setting learning rate to {estimator.learning_rate_:f}")
            return
        if self.told:
            print(text + (" Learning rate too small. Stopping." if adaptive else " Stopping."))
        estimator.stopped_ = True
        report.stop(text)
