"""The regressor."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from pellucid.arrays import Array
from pellucid.estimators.base import MLP
from pellucid.estimators.fitting import Given, fit
from pellucid.estimators.watching import HeldOut
from pellucid.losses import AbsoluteError, GaussianNLL, Huber, LogCosh, Loss, Poisson, Quantile, SquaredError

LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "poisson": Poisson,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "log_cosh": LogCosh,
    "quantile": Quantile,
}


class MLPRegressor(RegressorMixin, MLP):
    """Multi-layer perceptron that learns numbers: scikit-learn's, by changing one import, and what was refused there.

    Every call that scikit-learn's class of this name understands means the same here: with the same ``random_state``,
    first weights, order of records and losses are the same too. The parameters after ``max_fun`` are Pellucid's.

    Parameters
    ----------
    loss : "squared_error", "poisson", "absolute_error", "huber", "log_cosh", "quantile", or a Loss
        The first two are half the squared error and half the Poisson deviance, as in scikit-learn.
    hidden_layer_sizes : int or sequence of int
        The widths of the hidden layers; ``()`` makes a linear model.
    activation : str, layer, or list of them with one for each hidden layer
        "identity", "logistic", "tanh", "relu"; also "elu", "gelu", "hard_sigmoid", "hard_swish", "leaky_relu", "mish",
        "prelu", "selu", "silu", "softplus", "softsign", or an activation layer such as ``LeakyReLU(0.1)``.
    solver : "adam", "sgd", "lbfgs", the name of another optimizer ("adamw", "nadam", "rmsprop" ...), or an Optimizer
        An Optimizer has a learning rate of its own; one given by another name takes ``learning_rate_init`` alone.
    alpha : float
        Strength of the L2 penalty: in a batch of n records the squares of the weights cost alpha / (2 n).
    batch_size : int or "auto"
        Records in one update; "auto" is 200, or all if there are fewer. Not for "lbfgs".
    learning_rate : "constant", "invscaling", "adaptive", "cosine", "one_cycle", or a Schedule
        The second and third are for "sgd" alone and mean nothing to others, as in scikit-learn. "cosine" and
        "one_cycle" span the whole fit, with every solver but "lbfgs"; a Schedule counts updates.
    learning_rate_init : float
        The rate that a solver given by name begins with.
    power_t : float
        For "invscaling": after t records in all, the rate is ``learning_rate_init / (t + 1) ** power_t``.
    max_iter : int
        How often all records are seen at most (for "lbfgs": iterations).
    shuffle : bool
        Whether each epoch sees the records in a new order.
    random_state : int, numpy.random.RandomState or None
        Fixes first weights, held-out records and order, as scikit-learn draws them.
    tol : float
        An improvement by less than this is none. For "lbfgs": it ends when no value of the gradient is larger.
    verbose : bool or int
        Whether to print the loss of each epoch.
    warm_start : bool
        Whether `fit` goes on from the weights that it finds.
    momentum, nesterovs_momentum : float, bool
        For "sgd".
    early_stopping : bool
        Whether to hold out records (or take those given to `fit`), stop when ``monitor`` no longer improves on them,
        and go back to the best epoch.
    validation_fraction : float
        The share that is held out.
    beta_1, beta_2, epsilon : float
        For "adam".
    n_iter_no_change : int
        For how many epochs in a row there may be no improvement.
    max_fun : int
        For "lbfgs": how often the loss may be computed.
    layers : sequence of Layer, optional
        All layers but the last, in place of ``hidden_layer_sizes``, ``activation``, ``dropout``, ``normalization``.
    dropout : float, or list with one for each hidden layer
        The share of a hidden layer's values that training puts to 0.
    normalization : "batch", "layer" or None
        What stands between a hidden layer's product and its activation.
    quantile : float or ascending list of float, optional
        For ``loss="quantile"``; by default the median. Of several, `predict` gives the median (where 0.5 is not among
        them, interpolated between its neighbours), and `predict_interval` the outermost.
    clip_norm : float, optional
        The length that gradients are shortened to.
    monitor : "score", "loss", the name of a scorer of scikit-learn, or a scorer
        What ``early_stopping`` watches: "score" is R2, as in scikit-learn; "loss" the validation loss.
    engine : "numpy" or "jax"
        What executes the training; JAX compiles it, which pays in long runs (extra ``jax``).
    progress : bool
        Whether to write progress, with the time left, to standard error.
    callbacks : list of functions of a report, optional
        Called after each epoch; see :mod:`pellucid.training.callbacks`. Those of scikit-learn (from 1.9: progress bar,
        scores of each epoch) are given to ``set_callbacks``.

    Attributes
    ----------
    network_ : Network
        The network itself. It takes X as it is, and gives predictions (for counts: the logarithms of their means).
    coefs_, intercepts_ : list of arrays [I, O] and [O]
        Weights and biases of each layer, views into the network's; writing to them changes it.
    loss_ : float
        Of the last epoch, with the penalty, as scikit-learn reports it.
    loss_curve_ : list of float
        Of every epoch.
    best_loss_ : float or None
        The lowest of them; None with early stopping.
    validation_scores_, best_validation_score_ : list of float, float; or None
        Of the held-out records, with early stopping on a score.
    validation_loss_curve_ : list of float or None
        Their loss, epoch by epoch, wherever there are validation records.
    best_iter_ : int or None
        The epoch that early stopping went back to, from 1.
    learning_rate_ : float
        What the rate had come to.
    stopped_ : bool
        Whether training ended as nothing improved any more.
    n_iter_, t_ : int
        Epochs of the last call; records seen in all.
    n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in scikit-learn.

    Raises
    ------
    ValueError, TypeError
        In `fit`, if a parameter is not usable; the text names it.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from pellucid.estimators import MLPRegressor
    >>> X, y = make_regression(200, 5, noise=1.0, random_state=0)
    >>> mlp = MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", max_iter=2000, tol=0.1, random_state=0).fit(X, y)
    >>> mlp.score(X, y) > 0.99
    True

    Source: scikit-learn, "Neural network models (supervised)", section 1.17.3.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MLP._parameter_constraints,
        "loss": [StrOptions(set(LOSSES)), Loss],
        "quantile": [Interval(Real, 0, 1, closed="neither"), "array-like", None],
    }

    def __init__(
        self,
        loss: str | Loss = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        layers: Sequence[Any] | None = None,
        dropout: Any = 0.0,
        normalization: str | None = None,
        quantile: Any = None,
        clip_norm: float | None = None,
        monitor: Any = "score",
        engine: str = "numpy",
        progress: bool = False,
        callbacks: Sequence[Any] | None = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.layers = layers
        self.dropout = dropout
        self.normalization = normalization
        self.quantile = quantile
        self.clip_norm = clip_norm
        self.monitor = monitor
        self.engine = engine
        self.progress = progress
        self.callbacks = callbacks

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPRegressor:
        """Learn from a table of records and their targets.

        Parameters
        ----------
        X : array-like or sparse matrix [N, n_features]
        y : array-like [N] or [N, n_targets]
        sample_weight : array-like [N], optional
            What each record counts.
        X_val, y_val, sample_weight_val : optional
            Records to validate on, in place of some that ``early_stopping`` would hold out; without it, only their
            loss is followed, in ``validation_loss_curve_``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the input cannot be used, or the loss is no longer finite: the text names the layer where that began.

        Examples
        --------
        >>> X = np.linspace(0, 1, 50)[:, None]
        >>> mlp = MLPRegressor(solver="lbfgs", max_iter=500, random_state=0).fit(X, np.sin(6 * X[:, 0]))
        >>> mlp.score(X, np.sin(6 * X[:, 0])) > 0.99
        True
        """
        fit(self, Given(X, y, sample_weight, X_val, y_val, sample_weight_val))
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPRegressor:
        """Go once through the given records, and keep what was learnt before; with "lbfgs", ``max_iter`` times.

        Parameters
        ----------
        X, y, sample_weight
            As for :meth:`fit`.
        X_val, y_val, sample_weight_val : optional
            Records to validate on. With ``early_stopping=True`` they are needed: after ``n_iter_no_change`` calls
            without improvement, the best weights are put back and ``stopped_`` is True. Going on begins to wait anew.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As for :meth:`fit`.
        """
        fit(self, Given(X, y, sample_weight, X_val, y_val, sample_weight_val), incremental=True)
        return self

    # What training asks

    def _checked(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        y = y.toarray() if sparse.issparse(y) else y
        if y.dtype.kind not in "biuf":
            found = f"{y.flat[0]!s:.40} ({y.dtype})"
            raise ValueError(f"y must hold numbers, found {found}; for labels, take MLPClassifier")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and (y < 0).any():
            row = np.unravel_index(y.argmin(), y.shape)[0]
            raise ValueError(f'loss="poisson" needs y >= 0, found {y.min()} in row {row}')
        return X, y

    def _target(self, y: Array, dtype: Any) -> Array:
        return (y[:, None] if y.ndim == 1 else y).astype(dtype)

    def _resolved_loss(self, outputs: int) -> tuple[Loss, bool, str]:
        if self.quantile is not None and self.loss != "quantile":
            raise ValueError(f'quantile={self.quantile!r} goes with loss="quantile" only, found loss={self.loss!r}')
        if isinstance(self.loss, Loss):
            if self.loss.from_logits == "Softmax" and outputs == 1:
                raise ValueError(
                    f"loss: {type(self.loss).__name__} divides 1 among several columns of y, which has one; take a "
                    "loss for numbers, or MLPClassifier"
                )
            return self.loss, False, "exp" if isinstance(self.loss, Poisson) else "identity"
        # Of several targets, the sum counts.
        if self.loss == "squared_error":
            return SquaredError(scale=0.5 * outputs), True, "identity"
        if self.loss == "poisson":
            return Poisson(scale=float(outputs)), True, "exp"
        if self.loss == "quantile":
            wanted: Any = 0.5 if self.quantile is None else self.quantile
            if np.ndim(wanted) > 1:
                raise ValueError(f"quantile must be a number, or several in one row, found {wanted!r}")
            q: Any = tuple(float(one) for one in wanted) if np.ndim(wanted) else float(wanted)
            return Quantile(q=q, scale=float(outputs)), False, "identity"
        return LOSSES[self.loss](scale=float(outputs)), False, "identity"

    def _score_of(self, raw: Array, held_out: HeldOut) -> float:
        found = self._numbers(raw)
        if not np.isfinite(found).all():
            return float("nan")
        return float(r2_score(held_out.y, found, sample_weight=held_out.sample_weight))

    # What it predicts

    def _numbers(self, raw: Array) -> Array:
        """Return the predictions of an output [N, O]: [N], or [N, T] for several targets."""
        assert self.network_.fitted is not None
        loss = self.network_.fitted.loss
        with np.errstate(over="ignore"):
            found = loss.link(raw)
        if isinstance(loss, GaussianNLL):
            found = found[:, : self.n_outputs_]
        elif isinstance(loss, Quantile) and isinstance(loss.q, tuple):
            found = found.reshape(len(found), self.n_outputs_, -1) @ median_of(loss.q).astype(found.dtype)
        return found[:, 0] if found.shape[1] == 1 else found

    def predict(self, X: Any) -> Array:
        """Return the prediction of each record; of several quantiles, the median (interpolated, if need be).

        Parameters
        ----------
        X : array-like or sparse matrix [N, n_features_in_]

        Returns
        -------
        array [N], or [N, n_targets]
        """
        return self._numbers(self._raw(self._checked_inputs(X)))

    @available_if(lambda estimator: estimator._has_quantiles())
    def predict_quantiles(self, X: Any) -> Array:
        """Return all quantiles of each record, in ascending order: where two of them cross, they change places.

        It is there with ``loss="quantile"`` and several quantiles.

        Parameters
        ----------
        X : array-like or sparse matrix [N, n_features_in_]

        Returns
        -------
        array [N, Q], or [N, n_targets, Q] for several targets

        Examples
        --------
        >>> generator = np.random.default_rng(0)
        >>> X = generator.uniform(0, 1, (400, 1))
        >>> y = X[:, 0] + generator.normal(0, 0.1, 400)
        >>> mlp = MLPRegressor("quantile", (20,), quantile=(0.1, 0.5, 0.9), learning_rate_init=0.01, random_state=0)
        >>> mlp.fit(X, y).predict_quantiles(X[:2]).shape
        (2, 3)
        """
        raw = self._raw(self._checked_inputs(X))
        found = np.sort(raw.reshape(len(raw), self.n_outputs_, -1), axis=-1)
        return found[:, 0] if self.n_outputs_ == 1 else found

    @available_if(lambda estimator: estimator._has_quantiles())
    def predict_interval(self, X: Any) -> Array:
        """Return the lowest and the highest quantile of each record: with (0.05, 0.95), nine targets in ten between.

        It is there with ``loss="quantile"`` and several quantiles.

        Parameters
        ----------
        X : array-like or sparse matrix [N, n_features_in_]

        Returns
        -------
        array [N, 2], or [N, n_targets, 2] for several targets

        Source: Koenker and Bassett, "Regression quantiles", 1978, section 3.
        """
        outermost: Array = self.predict_quantiles(X)[..., [0, -1]]
        return outermost

    def _has_quantiles(self) -> bool:
        loss = self._fitted_loss() or self.loss
        several = loss == "quantile" and np.ndim(self.quantile) == 1 and len(self.quantile) > 1
        if not several and not (isinstance(loss, Quantile) and isinstance(loss.q, tuple)):
            raise AttributeError('quantiles need loss="quantile" and several of them: quantile=(0.05, 0.5, 0.95)')
        return True


def median_of(q: Sequence[float]) -> Array:
    """Return what each of several quantiles counts in the median [Q]: all, or a share of its nearest neighbours.

    Examples
    --------
    >>> median_of((0.1, 0.5, 0.9)), median_of((0.05, 0.95)).round(12), median_of((0.7, 0.9))
    (array([0., 1., 0.]), array([0.5, 0.5]), array([1., 0.]))
    """
    return np.array([np.interp(0.5, q, one) for one in np.eye(len(q))])
