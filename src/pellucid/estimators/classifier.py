"""The classifier."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from pellucid.arrays import Array
from pellucid.configuration import as_code
from pellucid.estimators.base import MLP
from pellucid.estimators.construction import outputs_for
from pellucid.estimators.fitting import Given, fit
from pellucid.estimators.watching import HeldOut
from pellucid.losses import (
    BinaryCrossEntropyFromLogits,
    BinaryFocalFromLogits,
    CrossEntropyFromLogits,
    FocalFromLogits,
    Hinge,
    Loss,
)

LINKS = {"Sigmoid": "logistic", "Softmax": "softmax", "": "identity"}
"""scikit-learn's names of the activation that a loss holds within itself."""


class MLPClassifier(ClassifierMixin, MLP):
    """Multi-layer perceptron that learns classes: scikit-learn's, by changing one import, and what was refused there.

    Every call that scikit-learn's class of this name understands means the same here: with the same ``random_state``,
    first weights, order of records and losses are the same too. The parameters after ``max_fun`` are Pellucid's.

    Parameters
    ----------
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
    loss : "log_loss", "focal", "hinge", or a Loss
        "focal" is the focal loss with gamma = 2, for rare classes; "hinge" gives no probabilities.
    label_smoothing : float
        For the log-loss: what of each target is spread over all classes.
    class_weight : dict, "balanced", list of dict, or None
        What the records of each class count, in training and in validation; of several labels a record, a list of
        dicts.
    clip_norm : float, optional
        The length that gradients are shortened to.
    monitor : "score", "loss", the name of a scorer of scikit-learn, or a scorer
        What ``early_stopping`` watches: "score" is accuracy (weighted, if there are weights), as in scikit-learn;
        "loss" the validation loss.
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
        The network itself. It takes X as it is, and gives logits: one column for two classes, else one a class or a
        label.
    coefs_, intercepts_ : list of arrays [I, O] and [O]
        Weights and biases of each layer, views into the network's; writing to them changes it.
    classes_ : array [n_classes]
        The labels, in the order of `predict_proba`'s columns.
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
    >>> import numpy as np
    >>> from sklearn.datasets import make_moons
    >>> from pellucid.estimators import MLPClassifier
    >>> X, y = make_moons(400, noise=0.2, random_state=0)
    >>> mlp = MLPClassifier((32, 32), max_iter=300, learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> mlp.score(X, y) > 0.95
    True
    >>> import sklearn.neural_network
    >>> theirs = sklearn.neural_network.MLPClassifier((32, 32), max_iter=300, learning_rate_init=0.01, random_state=0)
    >>> bool(np.allclose(mlp.loss_curve_, theirs.fit(X, y).loss_curve_, rtol=1e-6))
    True

    Source: scikit-learn, "Neural network models (supervised)", section 1.17.2.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MLP._parameter_constraints,
        "loss": [StrOptions({"log_loss", "focal", "hinge"}), Loss],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
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
        loss: str | Loss = "log_loss",
        label_smoothing: float = 0.0,
        class_weight: Any = None,
        clip_norm: float | None = None,
        monitor: Any = "score",
        engine: str = "numpy",
        progress: bool = False,
        callbacks: Sequence[Any] | None = None,
    ) -> None:
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
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
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
    ) -> MLPClassifier:
        """Learn from a table of records and their classes.

        Parameters
        ----------
        X : array-like or sparse matrix [N, n_features]
        y : array-like [N] of labels, or [N, n_labels] of 0 and 1
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
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> mlp = MLPClassifier(solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
        >>> mlp.score(X, y) > 0.95
        True
        """
        fit(self, Given(X, y, sample_weight, X_val, y_val, sample_weight_val))
        return self

    @available_if(lambda estimator: estimator._can_go_on())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPClassifier:
        """Go once through the given records, and keep what was learnt before.

        Parameters
        ----------
        X, y, sample_weight
            As for :meth:`fit`.
        classes : array-like [n_classes]
            All the labels there will ever be; needed in the first call.
        X_val, y_val, sample_weight_val : optional
            Records to validate on. With ``early_stopping=True`` they are needed: after ``n_iter_no_change`` calls
            without improvement, the best weights are put back and ``stopped_`` is True. Going on begins to wait anew.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As for :meth:`fit`, or if ``classes`` are missing or others than before.

        Examples
        --------
        >>> mlp = MLPClassifier(random_state=0).partial_fit([[0.0], [1.0]], ["no", "yes"], classes=["no", "yes"])
        >>> mlp.partial_fit([[2.0]], ["yes"]).n_iter_
        1
        """
        if self.class_weight == "balanced":
            raise ValueError(
                'class_weight="balanced" goes by how often each class is there, which partial_fit cannot know: it sees '
                "the records in parts; give a dict, as from sklearn.utils.class_weight.compute_class_weight"
            )
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            self._label_binarizer.fit(y if type_of_target(y).startswith("multilabel") else classes)
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
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            return X, y
        shapes = {True: "several labels a record, [N, n_labels]", False: "one label a record, [N]"}
        if (y.ndim == 2) != self._has_several_labels():
            raise ValueError(f"y holds {shapes[y.ndim == 2]}; what was learnt before has {shapes[y.ndim != 2]}")
        classes = unique_labels(y)
        if self.warm_start and not incremental and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {classes}"
            )
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )
        return X, y

    def _target(self, y: Array, dtype: Any) -> Array:
        if self._has_several_labels():
            return np.asarray(dense(y) != 0, dtype=dtype)
        if self._label_binarizer.y_type_ != "multiclass":
            second = y == self.classes_[1] if len(self.classes_) > 1 else np.zeros(len(y))
            return np.asarray(second, dtype=dtype)[:, None]
        target = np.zeros((len(y), len(self.classes_)), dtype=dtype)
        target[np.arange(len(y)), np.searchsorted(self.classes_, y)] = 1
        return target

    def _resolved_loss(self, outputs: int) -> tuple[Loss, bool, str]:
        several = self._label_binarizer.y_type_ == "multiclass"
        smoothing = float(self.label_smoothing)
        if smoothing and self.loss != "log_loss":
            raise ValueError(f'label_smoothing={smoothing} goes with loss="log_loss" only, found loss={self.loss!r}')
        if isinstance(self.loss, Loss):
            if self.loss.from_logits == "Softmax" and not several:
                raise ValueError(
                    f"loss: {type(self.loss).__name__} needs one output for each of several classes; y has "
                    f"{len(self.classes_)} class(es) or several labels a record: take a loss that holds a sigmoid"
                )
            if outputs_for(self.loss, outputs) != outputs:
                raise ValueError(f"loss: {as_code(self.loss)} gives several outputs for a number; take MLPRegressor")
            return self.loss, False, LINKS[self.loss.from_logits]
        if self.loss == "hinge":
            return Hinge(scale=float(outputs)), False, "identity"
        if self.loss == "focal":
            found = FocalFromLogits() if several else BinaryFocalFromLogits(scale=float(outputs))
            return found, False, LINKS[found.from_logits]
        if several:
            return CrossEntropyFromLogits(label_smoothing=smoothing), not smoothing, "softmax"
        # Of several labels a record, the sum counts.
        return BinaryCrossEntropyFromLogits(label_smoothing=smoothing, scale=float(outputs)), not smoothing, "logistic"

    def _weights_for(self, y: Array, sample_weight: Array | None, learnt_from: Array) -> Array | None:
        wanted = self.class_weight
        if wanted is None:
            return sample_weight
        try:
            if not self._has_several_labels():
                if isinstance(wanted, list):
                    raise ValueError("a list holds a dict for each of several labels a record; give one dict")
                by_class = weights_of_classes(wanted, self.classes_, y, learnt_from)
            else:
                label_by_label = [wanted] * y.shape[1] if isinstance(wanted, str) else wanted
                if not isinstance(label_by_label, list) or len(label_by_label) != y.shape[1]:
                    raise ValueError(
                        f'of several labels a record, expected "balanced" or a list of {y.shape[1]} dicts, one a label'
                    )
                columns = zip(label_by_label, dense(y != 0).T, dense(learnt_from != 0).T, strict=True)
                by_class = np.prod([weights_of_classes(one, np.arange(2), *both) for one, *both in columns], axis=0)
        except ValueError as problem:
            raise ValueError(f"class_weight={wanted!r}: {problem}") from None
        return by_class if sample_weight is None else by_class * sample_weight

    def _score_of(self, raw: Array, held_out: HeldOut) -> float:
        if not np.isfinite(raw).all():
            return float("nan")
        if self._has_several_labels():
            right = ((raw > 0) == held_out.target).all(axis=1)
        else:
            right = self._labels(raw) == held_out.y
        return float(np.average(right, weights=held_out.sample_weight))

    # What it predicts

    def _labels(self, raw: Array) -> Array:
        """Return the labels of logits [N, O]."""
        if self._label_binarizer.y_type_ == "multiclass":
            labels: Array = self.classes_[raw.argmax(axis=1)]
        elif self._has_several_labels():
            labels = (raw > 0).astype(int)
        else:
            # A single class is all that can be said where only one was seen.
            labels = self.classes_[(raw[:, 0] > 0).astype(int) if len(self.classes_) > 1 else np.zeros(len(raw), int)]
        return labels

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each record.

        Parameters
        ----------
        X : array-like or sparse matrix [N, n_features_in_]

        Returns
        -------
        array [N] of labels, or [N, n_labels] of 0 and 1, which is sparse if the target that it learnt from was
        """
        labels = self._labels(self._raw(self._checked_inputs(X)))
        if self._label_binarizer.sparse_input_:
            labels = self._label_binarizer.inverse_transform(labels)
        return labels

    @available_if(lambda estimator: estimator._has_probabilities())
    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix [N, n_features_in_]

        Returns
        -------
        array [N, n_classes], in the order of ``classes_``; of several labels a record, each one's own probability
        """
        raw = self._raw(self._checked_inputs(X))
        assert self.network_.fitted is not None
        with np.errstate(over="ignore"):
            found = self.network_.fitted.loss.link(raw)
        return np.column_stack([1 - found, found]) if found.shape[1] == 1 else found

    @available_if(lambda estimator: estimator._has_probabilities())
    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of :meth:`predict_proba`."""
        found = self.predict_proba(X)
        result: Array = np.log(found, out=found)
        return result

    @available_if(lambda estimator: not estimator._gives_probabilities())
    def decision_function(self, X: Any) -> Array:
        """Return how far each record is on the side of each class; for losses that give no probabilities.

        Parameters
        ----------
        X : array-like or sparse matrix [N, n_features_in_]

        Returns
        -------
        array [N] for two classes, else [N, n_classes]
        """
        raw = self._raw(self._checked_inputs(X))
        return raw[:, 0] if raw.shape[1] == 1 else raw

    def _has_several_labels(self) -> bool:
        """Return whether each record has several labels."""
        several: bool = self._label_binarizer.y_type_.startswith("multilabel")
        return several

    def _gives_probabilities(self) -> bool:
        loss = self._fitted_loss() or self.loss
        return not (loss == "hinge" or (isinstance(loss, Loss) and not loss.from_logits))

    def _has_probabilities(self) -> bool:
        if not self._gives_probabilities():
            raise AttributeError(f"loss={self._fitted_loss() or self.loss!r} gives no probabilities")
        return True

    def _can_go_on(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def dense(y: Any) -> Array:
    """Return labels as an array, whether they are sparse or not."""
    array: Array = y.toarray() if sparse.issparse(y) else y
    return array


def weights_of_classes(class_weight: Any, classes: Array, y: Array, learnt_from: Array) -> Array:
    """Return what the records of y [N] count by their classes.

    Parameters
    ----------
    class_weight : dict or "balanced"
    classes : array
        All classes there are, in ascending order.
    y : array [N]
    learnt_from : array
        The labels whose frequencies count for "balanced". A class that is not among them counts 1.

    Raises
    ------
    ValueError
        If a weight is negative or no finite number, or the dict names a class that there is not.

    Examples
    --------
    >>> weights_of_classes("balanced", np.array(["no", "yes"]), np.array(["yes"]), np.array(["no"] * 3 + ["yes"]))
    array([2.])
    """
    if isinstance(class_weight, dict):
        for label, weight in class_weight.items():
            if not isinstance(weight, Real) or not 0 <= float(weight) < np.inf:
                raise ValueError(f"the class {label!r} counts {weight!r}; expected a number, 0 or more")
    known = np.unique(learnt_from) if isinstance(class_weight, str) else classes
    table = np.ones(len(classes))
    table[np.searchsorted(classes, known)] = compute_class_weight(class_weight, classes=known, y=learnt_from)
    counts: Array = table[np.searchsorted(classes, y)]
    return counts
