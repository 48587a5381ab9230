"""What the classifier and the regressor share: parameters, training, and the network's raw output."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from pellucid.arrays import Array
from pellucid.estimators.callbacks import CallbackSupport
from pellucid.estimators.construction import ACTIVATIONS, NORMALIZATIONS, dense_views, network_for
from pellucid.estimators.fitting import SOLVERS, WHOLE_FIT
from pellucid.estimators.sparse import SparseRecords
from pellucid.estimators.watching import Best, HeldOut
from pellucid.layers import Dense, Layer
from pellucid.losses import Loss
from pellucid.network import Fitted, Network
from pellucid.optimizers import Optimizer
from pellucid.schedules import Schedule

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.insight import Diagnosis, Trace
    from pellucid.tables.explanation import Explanation

FIGURES = ("loss_curve_", "validation_loss_curve_", "validation_scores_", "best_validation_score_", "best_loss_")
"""What trainings write down; None where one has none."""


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
        n_outputs_: int
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

    def _weights_for(self, y: Array, sample_weight: Array | None, learnt_from: Array) -> Array | None:
        """Return what the records of y count, where those of ``learnt_from`` are the ones learnt from."""
        return sample_weight

    def _fitted_loss(self) -> Loss | None:
        """Return the loss that the network was trained with, which says what its outputs mean; None before a fit."""
        network = getattr(self, "network_", None)
        return None if network is None or network.fitted is None else network.fitted.loss

    def _begin(self, network: Network) -> None:
        """Start anew, with a network and empty figures."""
        self.network_ = network
        self._show_weights()
        self.n_layers_ = len(self.coefs_) + 1
        self.t_ = 0
        for name in FIGURES:
            setattr(self, name, None)
        self._best: Best | None = None
        self._rate_factor = 1.0
        self._no_improvement_count = 0
        self.best_iter_: int | None = None
        self.stopped_ = False

    def _go_on_with(self, network: Network) -> None:
        """Train this network from now on; the best epoch of another one says nothing about it."""
        if network is not self.network_:
            self.network_, self._best, self.best_validation_score_ = network, None, None
            self._show_weights()

    def _make_ready(self, validated: bool) -> None:
        """Give every figure that this training writes a place to be written to; what earlier ones wrote stays."""
        scored = self.early_stopping and self.monitor != "loss"
        wanted: dict[str, Any] = {"loss_curve_": []}
        wanted |= {"validation_loss_curve_": []} if validated or self.early_stopping else {}
        wanted |= {"validation_scores_": [], "best_validation_score_": -np.inf} if scored else {}
        wanted |= {} if self.early_stopping else {"best_loss_": np.inf}
        for name, empty in wanted.items():
            if getattr(self, name, None) is None:
                setattr(self, name, empty)

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
        if not hasattr(self, "n_outputs_"):
            self.n_outputs_ = outputs
        self.network_ = network_for(self, first.shape[0], outputs, dtype, np.random.RandomState(0))
        self._views = dense_views(self.network_)
        loss, _, self.out_activation_ = self._resolved_loss(self.n_outputs_)
        self.network_.fitted = Fitted(loss)
        for name in FIGURES:
            setattr(self, name, getattr(self, name, None))
        self._best, self._rate_factor, self._no_improvement_count = None, 1.0, 0
        self.best_iter_, self.stopped_, self.t_ = None, False, getattr(self, "t_", 0)

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
            if not self.network_.theta.flags.writeable:  # mapped from a file by joblib, which nothing could be put into
                self.network_ = self.network_.copy()
            self._show_weights()

    # What it computes

    def _records(self, X: Any) -> Any:
        """Return X as the training takes it: sparse rows stay sparse where the lowest layer is a plain product."""
        if not sparse.issparse(X):
            return X
        if self.engine == "jax":
            return X.toarray()
        network = getattr(self, "network_", None)
        plain = isinstance(network.layers[0], Dense) if network is not None else self.layers is None
        return SparseRecords(X, dense_rows=not plain)

    def _raw(self, X: Any) -> Array:
        """Return the network's raw output for checked records, in float64 if they or the weights are."""
        network = self._current_network()
        dtype = np.result_type(X.dtype, network.dtype)
        if isinstance(X, SparseRecords) and X.dense_rows:
            return np.concatenate([network._predict(rows.astype(dtype, copy=False)) for rows in X.blocks()])
        return network._predict(X.astype(dtype, copy=False))

    def _checked_inputs(self, X: Any) -> Any:
        """Return the records that are to be predicted, checked as scikit-learn checks them.

        A plain array of the right width with nothing but finite numbers needs none of scikit-learn's longer way.
        """
        if hasattr(self, "_held_out") and X is self._held_out:  # a scorer asks, in the midst of training
            return self._records(X)
        plain = type(X) is np.ndarray and X.ndim == 2 and X.dtype.char in "df" and len(X)
        if plain and not hasattr(self, "feature_names_in_"):
            check_is_fitted(self)
            with np.errstate(over="ignore", invalid="ignore"):  # a sum of finite numbers may overflow
                total = X.sum()
            if X.shape[1] == self.n_features_in_ and math.isfinite(total):
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
        >>> import numpy as np
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

        Columns and classes go by their names. The update is the one that `partial_fit` would make next, with the
        network as it was trained: a ``loss`` or ``activation`` set since is not in it yet.

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
        >>> import numpy as np
        >>> from pellucid.estimators import MLPRegressor
        >>> X = np.arange(10.0)[:, None]
        >>> mlp = MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs", random_state=0).fit(X, 2 * X[:, 0])
        >>> float(np.round(mlp.trace(X[3:4]).output[0, 0], 2))
        6.0
        """
        from pellucid.estimators.insight import trace_of

        return trace_of(self, X, y, sample_weight=sample_weight, optimizer=optimizer)

    def explain(self, X: Any, row: int, *, output: int = 0) -> Explanation:
        """Explain the prediction of one row of a table: what each column pushed, and every number.

        Of a classifier, the class that it predicts is explained. :func:`pellucid.estimators.explain` says more, and
        takes a pipeline too.

        Parameters
        ----------
        X : array-like [N, n_features_in_]
            What the row is compared with: the table learnt from, or one like it; two rows or more, dense.
        row : int
            Which of them, from 0.
        output : int
            Which column of y, from 0, where it has several.

        Returns
        -------
        Explanation

        Examples
        --------
        >>> import numpy as np
        >>> from pellucid.estimators import MLPRegressor
        >>> X = np.arange(20.0).reshape(10, 2)
        >>> mlp = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0.0, random_state=0).fit(X, 3 * X[:, 1])
        >>> found = mlp.explain(X, row=9)
        >>> bool(np.isclose(sum(found.parts), 3 * (X[9, 1] - X[:, 1].mean()), rtol=1e-3))
        True
        """
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
        a scorer given as ``monitor`` and a ``RandomState`` are not kept: in their places stands None, and a monitor has
        to be set again before more is learnt. Of a pipeline, this is one step: keep the whole by joblib.

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
