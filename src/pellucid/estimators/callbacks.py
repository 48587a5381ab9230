"""scikit-learn's callbacks (:mod:`sklearn.callback`, from its version 1.9 on): the estimators' only door to them.

They are set by ``set_callbacks`` and have nothing to do with the parameter ``callbacks``, which takes Pellucid's own.
Before 1.9 there are none: ``set_callbacks`` is missing then, and nothing else changes.

Source: scikit-learn 1.9, ``sklearn.callback``: ``FitCallback`` and ``CallbackContext``.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from pellucid.estimators.construction import dense_views
from pellucid.estimators.watching import to_go_back_to

if TYPE_CHECKING:
    from pellucid.training import Report
    from pellucid.training.loop import Run

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
except ImportError:

    class CallbackSupport:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks."""


__all__ = ["CallbackSupport", "Told"]


class Told:
    """A callback of Pellucid's loop that tells scikit-learn's, if the estimator has any, of a fit and its epochs.

    The fit is the task "fit", each epoch a subtask "epoch" of it. Hooks see X, y and weights as they were given to
    ``fit``, so that a score within the fit means what ``score(X, y)`` means after it. An estimator that is ready to
    predict is made only for a hook that asks for ``fitted_estimator``. A hook that returns True ends the fit.

    scikit-learn's ``_fit_context``, which decorates ``fit``, sees to it that ``teardown`` is always called.

    Parameters
    ----------
    estimator : MLP
        Its ``network_`` is there, and about to be trained.
    run : Run
        What trains it.
    stops : bool
        Whether early stopping is on: the fit then goes back to its best epoch.
    incremental : bool
        Whether this is ``partial_fit``: one epoch, which goes back only where patience ran out.
    X, y, sample_weight : array-like
        As given to ``fit``; ``sample_weight`` may be None.
    """

    def __init__(
        self, estimator: Any, run: Run, stops: bool, incremental: bool, X: Any, y: Any, sample_weight: Any
    ) -> None:
        self.estimator, self.fitted, self.stops, self.incremental = estimator, run.fitted, stops, incremental
        self.task: Any = None
        self.epoch: Any = None  # the one that has begun and not ended
        if not hasattr(estimator, "_skl_callbacks"):
            return
        self.what = {
            "estimator": estimator,
            "X": X,
            "y": y,
            "metadata": None if sample_weight is None else {"sample_weight": sample_weight},
            "reconstruction_attributes": self._as_if_stopped_here,
        }
        self.task = estimator._init_callback_context(max_subtasks=run.epochs)
        self.task.call_on_fit_task_begin(**self.what)
        self._begin_epoch()

    def __call__(self, report: Report) -> None:
        if self.task is None:
            return
        epoch, self.epoch = self.epoch, None
        if epoch.call_on_fit_task_end(**self.what):
            report.stop("a callback given to set_callbacks asked to stop")
        if report.epoch < report.epochs and not report.run.stopped:
            self._begin_epoch()

    def end_of_fit(self) -> None:
        """Tell that the fit has come to its end; where it raises an error, nothing is told."""
        if self.task is None:
            return
        if self.epoch is not None:  # it brought nothing: L-BFGS was done, or somebody interrupted the training
            self.epoch.call_on_fit_task_end(estimator=self.estimator)
        self.task.call_on_fit_task_end(**self.what)

    def _begin_epoch(self) -> None:
        self.epoch = self.task.subcontext(task_name="epoch")
        self.epoch.call_on_fit_task_begin(**self.what)

    def _as_if_stopped_here(self) -> dict[str, Any]:
        """Return the attributes that make a copy of the estimator what ``fit`` would leave behind if it ended now."""
        estimator = self.estimator
        network = estimator.network_.copy()
        network.fitted = copy.deepcopy(self.fitted)  # before the first epoch, the network does not know of this run
        best = to_go_back_to(estimator)
        if self.stops and best is not None and (estimator.stopped_ or not self.incremental):
            best.put_back(network)
        views = dense_views(network)
        growing = ("loss_curve_", "validation_loss_curve_", "validation_scores_")
        return {
            "network_": network,
            "_views": views,
            "coefs_": [weights for weights, _ in views],
            "intercepts_": [bias for _, bias in views],
            **{name: copy.copy(getattr(estimator, name)) for name in growing},
        }
