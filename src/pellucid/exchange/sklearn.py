"""From scikit-learn's multi-layer perceptrons to networks of equal predictions."""

from typing import Any

import numpy as np

from pellucid.layers import Dense, Layer, ReLU, Sigmoid, Tanh
from pellucid.losses import BinaryCrossEntropyFromLogits, CrossEntropyFromLogits, Loss, Poisson, SquaredError
from pellucid.network import Fitted, Network
from pellucid.penalties import Penalty

TAKEN = ("MLPClassifier", "MLPRegressor")
ACTIVATIONS: dict[str, type[Layer] | None] = {"identity": None, "logistic": Sigmoid, "tanh": Tanh, "relu": ReLU}
LOSSES: dict[str, type[Loss]] = {
    "logistic": BinaryCrossEntropyFromLogits,
    "softmax": CrossEntropyFromLogits,
    "identity": SquaredError,
    "exp": Poisson,
}
"""The loss that holds an estimator's last activation within itself."""


def from_sklearn(estimator: Any) -> Network:
    """Return a network of the layers and weights of a fitted ``MLPClassifier`` or ``MLPRegressor``.

    It computes in float64 and ends in logits (of a regressor: in the prediction itself). It remembers the loss that the
    estimator was trained with, so that `predict_proba` works and a training can go on:

    - *two classes* (or several yes/no targets): ``predict_proba`` gives the chance of the second class (of each yes),
      [N, 1] ([N, targets]); the label is ``estimator.classes_[(network.predict(X)[:, 0] > 0).astype(int)]``;
    - *more classes*: ``predict_proba`` is the estimator's own, [N, classes], and the label
      ``estimator.classes_[network.predict(X).argmax(axis=1)]``;
    - *numbers*: ``predict`` gives [N, targets]; with ``loss="poisson"`` those are logarithms, and `predict_proba` gives
      the means.

    It also remembers the penalty, ``alpha`` in scikit-learn. There the squares of the weights cost alpha / (2 n), for a
    batch of n rows, beside a loss that is summed over outputs and, if it is the squared error, halved. Here a loss is a
    mean over outputs, so the equal strength is alpha / n divided by their number, and doubled for the squared error.
    Trained with ``solver="lbfgs"``, an estimator does not know its n, and the network remembers no penalty.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted. scikit-learn itself is not imported. Of one of :mod:`pellucid.estimators`, it is a copy of its network.

    Returns
    -------
    Network

    Raises
    ------
    TypeError
        If it is another estimator.
    ValueError
        If it has not been fitted.

    Examples
    --------
    >>> from sklearn.neural_network import MLPClassifier
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array(["small", "small", "large", "large"])
    >>> estimator = MLPClassifier((4,), solver="lbfgs", random_state=0).fit(X, y)
    >>> network = from_sklearn(estimator)
    >>> [type(layer).__name__ for layer in network.layers]
    ['Dense', 'ReLU', 'Dense']
    >>> bool(np.allclose(network.predict_proba(X)[:, 0], estimator.predict_proba(X)[:, 1], rtol=0, atol=1e-12))
    True

    Source: scikit-learn, "Neural network models (supervised)".
    """
    kinds = [kind.__name__ for kind in type(estimator).__mro__]
    if not set(TAKEN) & set(kinds):
        hint = "; give its last step, and standardise as its first steps do" if "Pipeline" in kinds else ""
        raise TypeError(f"from_sklearn takes a fitted {' or '.join(TAKEN)}, found {_name(estimator)}{hint}")
    if not hasattr(estimator, "coefs_"):
        raise ValueError(f"this {_name(estimator)} has not been fitted: call fit(X, y) first")
    if hasattr(estimator, "network_"):  # one of Pellucid's own estimators
        own: Network = estimator.network_.copy()
        return own
    activation = ACTIVATIONS[estimator.activation]
    layers: list[Layer] = []
    for weights in estimator.coefs_:  # [I,O]
        layers += [activation()] if layers and activation is not None else []
        layers.append(Dense(weights.shape[1]))
    network = Network(estimator.coefs_[0].shape[0], layers, seed=0)
    parts = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    network.theta = np.concatenate([part.reshape(-1) for pair in parts for part in pair])
    loss = LOSSES[estimator.out_activation_]()
    network.fitted = Fitted(loss, _penalty(estimator, loss))
    return network


def _penalty(estimator: Any, loss: Loss) -> Penalty | None:
    if not estimator.alpha or not estimator.t_:
        return None
    rows = estimator.t_ / estimator.n_iter_  # t_ counts every row of every epoch
    batch = min(200 if estimator.batch_size == "auto" else estimator.batch_size, rows)
    outputs = 1 if isinstance(loss, CrossEntropyFromLogits) else estimator.n_outputs_
    doubled = 2 if isinstance(loss, SquaredError) else 1
    return Penalty(l2=float(doubled * estimator.alpha / (batch * outputs)))


def _name(thing: Any) -> str:
    return thing.__name__ + ", the class itself" if isinstance(thing, type) else type(thing).__name__
