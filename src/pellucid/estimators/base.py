"""What the classifier and the regressor share: parameters, training, and the network's raw output."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from pellucid import engines
from pellucid.arrays import Array
from pellucid.estimators.callbacks import CallbackSupport, Told
from pellucid.estimators.construction import ACTIVATIONS, NORMALIZATIONS, dense_views, network_for, sizes_of
from pellucid.estimators.objective import ScikitObjective
from pellucid.estimators.order import ScikitBatches
from pellucid.estimators.sparse import SparseRecords
from pellucid.estimators.watching import Best, HeldOut, Watch
from pellucid.gradients import Batch
from pellucid.layers import Dense, Layer
from pellucid.losses import Loss
from pellucid.network import Fitted, Network
from pellucid.optimizers import OPTIMIZERS, SGD, Adam, Optimizer
from pellucid.penalties import Penalty
from pellucid.schedules import CosineDecay, OneCycle, Schedule
from pellucid.training import LBFGS, Progress, Report, TrainingWarning
from pellucid.training.callbacks import Callback
from pellucid.training.loop import Run, Steps, _checked_callbacks, _silently, plan_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pellucid.insight import Diagnosis, Trace
    from pellucid.tables.explanation import Explanation

SOLVERS = {name.lower(): kind for name, kind in OPTIMIZERS.items()}
"""The optimizers by their names; "adam" and "sgd" take scikit-learn's own parameters."""
WHOLE_FIT = ("cosine", "one_cycle")
"""The schedules that know how long a fit is."""


class MLP(CallbackSupport, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC):
    """A multi-layer perceptron with scikit-learn's parameters; use :class:`MLPClassifier` or :class:`MLPRegressor`."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS)), Layer, list, tuple],
        "solver": [StrOptions({"lbfgs", *SOLVERS}), Optimizer],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive", *WHOLE_FIT}), Schedule],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "layers": ["array-like", None],
        "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple],
        "normalization": [StrOptions(set(NORMALIZATIONS)), None],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "monitor": [str, callable],
        "engine": [StrOptions({"numpy", "jax"})],
        "progress": ["boolean"],
        "callbacks": [list, tuple, None],
    }

    if TYPE_CHECKING:
        hidden_layer_sizes: Any
        activation: Any
        solver: Any
        alpha: float
        batch_size: Any
        learning_rate: Any
        learning_rate_init: float
        power_t: float
        max_iter: int
        loss: Any
        shuffle: bool
        random_state: Any
        tol: float
        verbose: Any
        warm_start: bool
        momentum: float
        nesterovs_momentum: bool
        early_stopping: bool
        validation_fraction: float
        beta_1: float
        beta_2: float
        epsilon: float
        n_iter_no_change: float
        max_fun: int
        layers: Any
        dropout: Any
        normalization: str | None
        clip_norm: float | None
        monitor: Any
        engine: Any
        progress: bool
        callbacks: Any
        n_features_in_: int
        coefs_: list[Array]
        intercepts_: list[Array]

    # What the two kinds differ in

    @abstractmethod
    def _checked(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        """Return X as an array or sparse matrix, and y in the user's own labels or units."""

    @abstractmethod
    def _target(self, y: Array, dtype: Any) -> Array:
        """Return y [N] or [N, T] as the loss takes it, [N, O]."""

    @abstractmethod
    def _resolved_loss(self, outputs: int) -> tuple[Loss, bool, str]:
        """Return the loss for so many columns of the target, whether it is scikit-learn's own, and its link's name."""

    @abstractmethod
    def _score_of(self, raw: Array, held_out: HeldOut) -> float:
        """Return what early stopping watches in scikit-learn."""

    def _outputs(self, loss: Loss, targets: int) -> int:
        """Return how many outputs the network needs for so many columns of the target."""
        return targets

    def _weights_for(self, y: Array, sample_weight: Array | None) -> Array | None:
        """Return what the records count."""
        return sample_weight

    # Training

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, Any, Any],
        incremental: bool = False,
    ) -> MLP:
        sizes_of(self.hidden_layer_sizes)
        self._refuse_what_does_nothing()
        given = (X, y, sample_weight)
        explicit = self._explicit_validation(validation)
        if incremental and self.early_stopping and not explicit:
            raise ValueError(
                "partial_fit does not support early_stopping=True unless X_val and y_val are given: it cannot hold out "
                "records of a table that it sees in parts"
            )
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        X, y = self._checked(X, y, incremental, first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        weights = self._weights_for(y, sample_weight)
        target = self._target(y, X.dtype)  # [N,T]
        loss, scikits, self.out_activation_ = self._resolved_loss(target.shape[1])
        held_out = self._held_out(*validation, X.dtype) if explicit else None
        self.n_outputs_ = target.shape[1]
        random_state = check_random_state(self.random_state)
        if first:
            self._begin(X.shape[1], self._outputs(loss, self.n_outputs_), X.dtype, random_state, held_out is not None)
        network = self._current_network()
        if self.solver == "lbfgs":
            rule: Optimizer | LBFGS = LBFGS(tolerance=float(self.tol), max_evaluations=int(self.max_fun))
        elif self.early_stopping and held_out is None:
            X, y, target, weights, held_out = self._split(X, y, target, weights, random_state)
        if self.solver != "lbfgs":
            rule = self._chosen_optimizer(self._batch_size(len(target), warn=False), len(target), incremental)
        data = Batch(self._records(X), target, None if weights is None else weights.astype(X.dtype)[:, None])
        self._train(network, loss, scikits, rule, data, held_out, random_state, incremental, given)
        return self

    def _explicit_validation(self, validation: tuple[Any, Any, Any]) -> bool:
        """Return whether the caller brought records to validate on; refuse half of them."""
        X_val, y_val, sample_weight_val = validation
        if (X_val is None) != (y_val is None):
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} is given without {missing}; give both")
        if X_val is None and sample_weight_val is not None:
            raise ValueError("sample_weight_val is given without X_val and y_val")
        return X_val is not None

    def _held_out(self, X_val: Any, y_val: Any, sample_weight_val: Any, dtype: Any) -> HeldOut:
        """Return checked validation records."""
        try:
            X_val, y_val = self._checked(X_val, y_val, True, False)
            target = self._target(y_val, dtype)
        except ValueError as problem:
            raise ValueError(f"X_val, y_val: {problem}") from None
        if sample_weight_val is not None:
            try:
                sample_weight_val = _check_sample_weight(sample_weight_val, X_val)
            except ValueError as problem:
                raise ValueError(f"sample_weight_val: {problem}") from None
        return HeldOut(self._records(X_val), y_val, target, self._weights_for(y_val, sample_weight_val))

    def _scorer(self) -> Callable[..., float] | None:
        """Return the scorer that early stopping watches, unless it is the estimator's own score or the loss."""
        if self.monitor in ("score", "loss"):
            return None
        try:
            scorer: Callable[..., float] = check_scoring(self, scoring=self.monitor)
        except ValueError as problem:
            raise ValueError(f'monitor must be "score", "loss", or a scorer or the name of one. {problem}') from None
        return scorer

    def _refuse_what_does_nothing(self) -> None:
        """Refuse what Pellucid adds to scikit-learn's parameters, where it would do nothing."""
        if self.solver != "lbfgs":
            return
        asked = {
            "learning_rate": isinstance(self.learning_rate, Schedule) or self.learning_rate in WHOLE_FIT,
            "clip_norm": self.clip_norm is not None,
            "dropout": bool(np.any(self.dropout)),
            "normalization": self.normalization == "batch",
        }
        for name, given in asked.items():
            if given:
                raise ValueError(
                    f'{name}={getattr(self, name)!r} does nothing with solver="lbfgs", which sees all records at once '
                    "and chooses its own steps; leave it out, or take another solver"
                )

    def _begin(
        self, inputs: int, outputs: int, dtype: Any, random_state: np.random.RandomState, validated: bool
    ) -> None:
        """Start anew: a network with its first weights, and empty figures."""
        self.network_ = network_for(self, inputs, outputs, dtype, random_state)
        self._show_weights()
        self.n_layers_ = len(self.coefs_) + 1
        self.t_ = 0
        self._begin_figures(validated)

    def _begin_figures(self, validated: bool) -> None:
        self._rate_factor = 1.0
        self._no_improvement_count = 0
        self.loss_curve_: list[float] = []
        self.validation_loss_curve_: list[float] | None = [] if validated or self.early_stopping else None
        scored = self.early_stopping and self.monitor != "loss"
        self.validation_scores_: list[float] | None = [] if scored else None
        self.best_validation_score_: float | None = -np.inf if scored else None
        self.best_loss_: float | None = None if self.early_stopping else np.inf
        self.best_iter_: int | None = None
        self._best: Best | None = None
        self.stopped_ = False

    def _split(
        self, X: Any, y: Array, target: Array, weights: Array | None, random_state: np.random.RandomState
    ) -> tuple[Any, Array, Array, Array | None, HeldOut]:
        """Hold out the records that early stopping watches, as scikit-learn does."""
        # In multilabel and multiclass targets there is more than one column, and nothing to divide evenly by.
        stratify = target.astype(bool) if is_classifier(self) and self.n_outputs_ == 1 else None
        columns = [X, y, target] if weights is None else [X, y, target, weights]
        parts = train_test_split(
            *columns, random_state=random_state, test_size=self.validation_fraction, stratify=stratify
        )
        if parts[1].shape[0] < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        weights, held_weights = (None, None) if weights is None else parts[6:8]
        return parts[0], parts[2], parts[4], weights, HeldOut(self._records(parts[1]), parts[3], parts[5], held_weights)

    def _records(self, X: Any) -> Any:
        """Return X as the training takes it: sparse rows stay sparse where the lowest layer is a plain product."""
        if not sparse.issparse(X):
            return X
        if self.engine == "jax":
            return X.toarray()
        network = getattr(self, "network_", None)
        plain = isinstance(network.layers[0], Dense) if network is not None else self.layers is None
        return SparseRecords(X, dense_rows=not plain)

    def _batch_size(self, records: int, warn: bool = True) -> int:
        if isinstance(self.batch_size, str):
            return min(200, records)
        if self.batch_size > records and warn:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=5
            )
        return int(min(self.batch_size, records))

    def _chosen_optimizer(self, batch_size: int, records: int, incremental: bool) -> Optimizer:
        """Return the optimizer that the parameters ask for; `partial_fit` stays with the one that it began with."""
        fitted = self.network_.fitted
        if incremental and fitted is not None and isinstance(fitted.optimizer, Optimizer):
            return fitted.optimizer
        rate: Any = float(self.learning_rate_init)
        if isinstance(self.solver, Optimizer):
            rule, rate = self.solver, self.solver.learning_rate
        elif self.solver == "adam":
            rule = Adam(rate, float(self.beta_1), float(self.beta_2), float(self.epsilon), True)
        elif self.solver == "sgd":
            momentum = float(self.momentum)
            nesterov = bool(self.nesterovs_momentum and momentum > 0)
            rule = SGD(rate, momentum, nesterov=nesterov, rate_in_velocity=True)
        else:
            rule = SOLVERS[self.solver](rate)
        if isinstance(self.learning_rate, Schedule):
            return replace(rule, learning_rate=self.learning_rate)
        if self.learning_rate in WHOLE_FIT:
            if incremental:
                raise ValueError(
                    f'learning_rate="{self.learning_rate}" spans a whole fit, and partial_fit cannot know how long '
                    "that is; give a Schedule with a number of updates in its place"
                )
            steps = self.max_iter * -(-records // batch_size)
            kind = CosineDecay if self.learning_rate == "cosine" else OneCycle
            return replace(rule, learning_rate=kind(rate(0) if callable(rate) else rate, steps))
        return rule

    def _train(
        self,
        network: Network,
        loss: Loss,
        scikits: bool,
        rule: Optimizer | LBFGS,
        data: Batch,
        held_out: HeldOut | None,
        random_state: np.random.RandomState,
        incremental: bool,
        given: tuple[Any, Any, Any],
    ) -> None:
        """Let Pellucid's loop train the network, and see to it that it stops as scikit-learn does."""
        stops = self.early_stopping and not isinstance(rule, LBFGS)
        if stops and self._best is None:
            self._best = Best(-np.inf, 0, network.theta.copy(), [dict(named) for named in network.state])
        size = self._batch_size(len(data.target)) if not isinstance(rule, LBFGS) else len(data.target)
        epochs = 1 if incremental and not isinstance(rule, LBFGS) else int(self.max_iter)
        alpha = float(self.alpha)
        penalty = Penalty(l2=alpha) if alpha else None
        objective = ScikitObjective(network.layers, network.layout, loss, penalty, (), scikits)
        remembered = Penalty(l2=alpha / size) if alpha else None
        watch = Watch(self, len(data.target), held_out, stops, self._scorer() if stops else None)
        callbacks: list[Callback] = [
            watch,
            *_checked_callbacks(self.callbacks or ()),
            *([Progress()] if self.progress else []),
        ]
        run = Run(network, loss, remembered, rule, epochs, objective, data, None, callbacks)
        kind = engines.find(self.engine)
        if isinstance(rule, LBFGS):
            evaluate = kind.loss_and_gradient(network, objective, data, None)
            self.loss_ = float(evaluate(network.theta)[0])  # which stays, if there is nothing to improve
            reports = run.reports(rule.epochs(run, objective, data, evaluate))
        else:
            plan = plan_of(network, objective, rule, clip_norm=self.clip_norm)
            batches = ScikitBatches(network, loss, data, size=size, shuffle=self.shuffle, random_state=random_state)
            memory = network.fitted.optimizer_state if incremental and network.fitted is not None else None
            if memory is None:
                memory, self._rate_factor = rule.init(network.theta), 1.0
            run.rate_factor = self._rate_factor
            seeds = [np.random.SeedSequence(network.seed, spawn_key=(self.t_,))]
            work = engines.Work(network, plan, batches, memory, seeds, epochs=epochs)
            reports = run.reports(Steps(run, kind(work), work).epochs())
        self.n_iter_, self.stopped_ = 0, False
        told = Told(self, run, stops, incremental, *given)
        callbacks.append(told)
        try:
            self._exhaust(reports)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        self._finish(run, watch, stops, incremental)
        told.end_of_fit()

    def _exhaust(self, reports: Iterator[Report]) -> None:
        """Go through all epochs; a loss that is not finite is told of by :meth:`_finish`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            for _ in _silently(reports):
                pass

    def _finish(self, run: Run, watch: Watch, stops: bool, incremental: bool) -> None:
        """Put the best weights back, and say what there is to say."""
        network = run.network
        self._rate_factor = run.rate_factor
        if run.stopped_early:
            watch.could_not_go_on()
        if stops and (self.stopped_ or not incremental):
            assert self._best is not None
            network.theta = self._best.theta
            network.set_state([{name: array.copy() for name, array in named.items()} for named in self._best.state])
            self._no_improvement_count = 0 if incremental else self._no_improvement_count
        self._show_weights()
        if not np.isfinite(network.theta).all() or (run.stopped_early and not stops):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                f"preprocessed. {capitalised(run.history.stopped or '')}".strip()
            )
        if run.stopped_early:
            warnings.warn(f"{capitalised(str(run.history.stopped))}.", ConvergenceWarning, stacklevel=5)
        elif not incremental:
            self._warn_of_the_end(run.history.stopped)

    def _warn_of_the_end(self, stopped: str | None) -> None:
        """Tell that there might have been more to learn, unless the schedule was made for just so long."""
        if self.solver == "lbfgs":
            if stopped is not None and ("convergence" in stopped or not stopped.startswith("L-BFGS ended")):
                return
            text = (
                f"lbfgs failed to converge after {self.n_iter_} iteration(s): "
                f"{stopped or f'max_iter={self.max_iter} is reached'}. You might increase max_iter or max_fun, or "
                "scale the data."
            )
        elif stopped is not None or self.n_iter_ < self.max_iter or self.learning_rate in WHOLE_FIT:
            return
        else:
            text = (
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet."
            )
        warnings.warn(text, ConvergenceWarning, stacklevel=6)

    # Weights

    def _show_weights(self) -> None:
        """Let ``coefs_`` and ``intercepts_`` be views into the network's parameters."""
        self._views = dense_views(self.network_)
        self.coefs_ = [weights for weights, _ in self._views]
        self.intercepts_ = [bias for _, bias in self._views]

    def _current_network(self) -> Network:
        """Return the network, with the weights that somebody may have put into ``coefs_`` and ``intercepts_``."""
        if not hasattr(self, "network_"):
            self._network_from_weights()
        if len(self.coefs_) != len(self._views) or len(self.intercepts_) != len(self._views):
            raise ValueError(
                f"coefs_ holds {len(self.coefs_)} arrays and intercepts_ {len(self.intercepts_)}; the network has "
                f"{len(self._views)} layers of weights"
            )
        for place, (weights, bias) in enumerate(self._views):
            for name, own, given in (("coefs_", weights, self.coefs_), ("intercepts_", bias, self.intercepts_)):
                if given[place] is not own:
                    array = np.asarray(given[place])
                    if array.shape != own.shape:
                        raise ValueError(
                            f"{name}[{place}] has shape {array.shape}; the network's layer needs {own.shape}"
                        )
                    own[...] = array
        return self.network_

    def _network_from_weights(self) -> None:
        """Make the network of an estimator whose ``coefs_`` and ``intercepts_`` were set by hand."""
        first = np.asarray(self.coefs_[0])
        dtype = first.dtype if first.dtype in (np.float32, np.float64) else np.float64
        outputs = np.asarray(self.coefs_[-1]).shape[1]
        self.network_ = network_for(self, first.shape[0], outputs, dtype, np.random.RandomState(0))
        self._views = dense_views(self.network_)
        loss, _, self.out_activation_ = self._resolved_loss(self.n_outputs_)
        self.network_.fitted = Fitted(loss)
        curve = getattr(self, "loss_curve_", [])
        self._begin_figures(False)
        self.loss_curve_ = curve

    def __getstate__(self) -> dict[str, Any]:
        # Views are made anew: copied one by one, they would no longer look into the network's parameters.
        state: dict[str, Any] = super().__getstate__()
        if "network_" in state:
            self._current_network()
            state = {name: value for name, value in state.items() if name not in ("coefs_", "intercepts_", "_views")}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in self.__dict__:
            self._show_weights()

    # What it computes

    def _raw(self, X: Any) -> Array:
        """Return the network's raw output for checked records."""
        network = self._current_network()
        if isinstance(X, SparseRecords) and X.dense_rows:
            return np.concatenate([network._predict(rows.astype(network.dtype, copy=False)) for rows in X.blocks()])
        return network._predict(X.astype(network.dtype, copy=False))

    def _checked_inputs(self, X: Any) -> Any:
        """Return the records that are to be predicted, checked as scikit-learn checks them.

        A plain array of the right width with nothing but finite numbers needs none of scikit-learn's longer way.
        """
        if hasattr(self, "_trusts_inputs"):  # while the estimator is scored in the midst of its training
            return X
        plain = type(X) is np.ndarray and X.ndim == 2 and X.dtype.char in "df" and len(X)
        if plain and not hasattr(self, "feature_names_in_"):
            check_is_fitted(self)
            if X.shape[1] == self.n_features_in_ and math.isfinite(X.sum()):
                return X
        check_is_fitted(self)
        return self._records(
            validate_data(self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)
        )

    def _loss_of(self, raw: Array, held_out: HeldOut) -> float:
        """Return the loss of the validation records, without any penalty, as ``loss_`` would report it."""
        assert self.network_.fitted is not None
        loss = self.network_.fitted.loss
        weights = held_out.sample_weight
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            losses, _ = loss.forward(raw, held_out.target)
            value, _ = loss.reduced(
                losses, held_out.target, None if weights is None else weights[:, None].astype(raw.dtype)
            )
        return float(value)

    def hidden_activations(self, X: Any) -> list[Array]:
        """Return what each hidden layer gives, as the next layer of weights takes it.

        Parameters
        ----------
        X : array-like or sparse matrix [N, n_features_in_]

        Returns
        -------
        list of arrays [N, units], one a hidden layer

        Examples
        --------
        >>> from pellucid.estimators import MLPRegressor
        >>> X = np.arange(10.0)[:, None]
        >>> mlp = MLPRegressor(hidden_layer_sizes=(4, 3), solver="lbfgs", random_state=0).fit(X, X[:, 0])
        >>> [array.shape for array in mlp.hidden_activations(X)]
        [(10, 4), (10, 3)]
        """
        x: Any = self._checked_inputs(X)
        network = self._current_network()
        x = x[:] if isinstance(x, SparseRecords) else x
        x = x.astype(network.dtype, copy=False)
        found = []
        for index, layer in enumerate(network.layers):
            if index and isinstance(layer, Dense):
                found.append(x)
            x, _ = layer.forward(network._views[index], x, network._evaluation[index])
        return found

    def transform(self, X: Any) -> Array:
        """Return what the last hidden layer gives: learnt features for another model.

        Parameters
        ----------
        X : array-like or sparse matrix [N, n_features_in_]

        Returns
        -------
        array [N, units]

        Raises
        ------
        ValueError
            If there is no hidden layer.
        """
        found = self.hidden_activations(X)
        if not found:
            raise ValueError("the network has no hidden layer whose activations could be given")
        return found[-1]

    def trace(self, X: Any, y: Any = None, *, sample_weight: Any = None, optimizer: Any = None) -> Trace:
        """Record one update on these records, with every number of it; without ``y``, one prediction.

        Columns and classes go by their names. The update is the one that `partial_fit` would make next.

        Parameters
        ----------
        X : array-like [N, n_features_in_]
        y, sample_weight : array-like [N], optional
        optimizer : Optimizer, optional
            In place of the estimator's own.

        Returns
        -------
        Trace

        Examples
        --------
        >>> from pellucid.estimators import MLPRegressor
        >>> X = np.arange(10.0)[:, None]
        >>> mlp = MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs", random_state=0).fit(X, 2 * X[:, 0])
        >>> float(np.round(mlp.trace(X[3:4]).output[0, 0], 2))
        6.0
        """
        from pellucid.estimators.insight import trace_of

        return trace_of(self, X, y, sample_weight=sample_weight, optimizer=optimizer)

    def explain(self, X: Any, row: int, *, output: int = 0) -> Explanation:
        """Explain the prediction of one row of a table; see :func:`pellucid.estimators.explain`."""
        from pellucid.estimators.explanation import explain

        return explain(self, X, row, output=output)

    def diagnose(self, X: Any = None, y: Any = None, X_val: Any = None, y_val: Any = None) -> Diagnosis:
        """Look for what commonly goes wrong in the network, its training and its table.

        Parameters
        ----------
        X, y : array-like [N, n_features_in_] and [N], optional
            What it learnt from; without them, what needs records is not checked.
        X_val, y_val : optional
            Records that it did not learn from, to compare with.

        Returns
        -------
        Diagnosis
        """
        from pellucid.estimators.insight import diagnose_of

        return diagnose_of(self, X, y, X_val, y_val)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the estimator to one file, which `pellucid.load` reads; nothing in it ever runs.

        What comes back predicts the same to the last bit and goes on learning as if it had never been saved. Callbacks,
        a scorer given as ``monitor`` and a ``RandomState`` are not kept: in their places stands None.

        Parameters
        ----------
        path : str or Path
        overwrite : bool
            Whether a file that exists may be replaced; by default it is left untouched.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If nothing has been learnt yet: call `fit` first.
        FileExistsError
            If the file exists and `overwrite` is False.
        TypeError, ValueError
            If it is of a class of your own, or has a parameter or labels that a file cannot keep.

        Examples
        --------
        >>> import pathlib, tempfile, pellucid
        >>> from pellucid.estimators import MLPRegressor
        >>> mlp = MLPRegressor(solver="lbfgs", random_state=0).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.pellucid"
        >>> mlp.save(path)
        >>> bool((pellucid.load(path).predict([[1.5]]) == mlp.predict([[1.5]])).all())
        True
        """
        from pellucid.files import save

        save(self, path, overwrite=overwrite)

    def to_file(self) -> tuple[str, dict[str, Any], dict[str, Array]]:
        """Return the kind of file, the configuration as plain JSON values, and the tensors: for `pellucid.files`."""
        from pellucid.estimators.model_file import describe

        return describe(self)

    @property
    def _n_features_out(self) -> int:
        return int(self.coefs_[-1].shape[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def capitalised(text: str) -> str:
    """Return a text that begins a sentence.

    Examples
    --------
    >>> capitalised("stopped in epoch 3")
    'Stopped in epoch 3'
    """
    return text[:1].upper() + text[1:]
