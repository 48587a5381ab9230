"""Networks from scikit-learn: they predict what the estimator predicts, and train towards what it trained for."""

import warnings

import numpy as np
import pytest

from exchanged import assert_equal_predictions
from judges import judge
from pellucid import Penalty, from_sklearn, load

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")


def fitted(kind, y, **settings):
    settings = {"max_iter": 25, "random_state": 0, "solver": "lbfgs"} | settings
    estimator = getattr(judge("sklearn.neural_network"), kind)(hidden_layer_sizes=(6, 5), **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", judge("sklearn.exceptions").ConvergenceWarning)
        return estimator.fit(records(), y)


def records(rows=60):
    return np.random.default_rng(0).standard_normal((rows, 3))


def targets(kind, rows=60):
    generator = np.random.default_rng(1)
    if kind == "numbers":
        return records(rows) @ generator.standard_normal((3, 2))
    return {
        "binary": np.array(["no", "yes"], dtype=object)[generator.integers(0, 2, rows)],
        "multiclass": np.array([10, 20, 5])[generator.integers(0, 3, rows)],
        "multilabel": generator.integers(0, 2, (rows, 3)),
        "counts": generator.poisson(2.0, rows),
    }[kind]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_classifiers_predict_the_same(activation, kind):
    estimator = fitted("MLPClassifier", targets(kind), activation=activation)
    network = from_sklearn(estimator)
    new = 3 * records(200)
    expected, found = estimator.predict_proba(new), network.predict_proba(new)
    assert_equal_predictions(found, expected[:, 1:] if kind == "binary" else expected)
    if kind == "multiclass":
        labels = estimator.classes_[network.predict(new).argmax(axis=1)]
    elif kind == "binary":
        labels = estimator.classes_[(network.predict(new)[:, 0] > 0).astype(int)]
    else:
        labels = (found > 0.5).astype(int)
    np.testing.assert_array_equal(labels, estimator.predict(new))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("outputs", [1, 2])
def test_regressors_predict_the_same(activation, outputs):
    y = targets("numbers")[:, :outputs]
    estimator = fitted("MLPRegressor", y[:, 0] if outputs == 1 else y, activation=activation)
    new = 3 * records(200)
    assert_equal_predictions(from_sklearn(estimator).predict(new), estimator.predict(new).reshape(200, outputs))


def test_a_poisson_regressor_gives_its_mean_through_the_link():
    estimator = fitted("MLPRegressor", targets("counts"), loss="poisson", solver="adam")
    assert_equal_predictions(from_sklearn(estimator).predict_proba(records())[:, 0], estimator.predict(records()))


def test_no_hidden_layer_and_weights_of_float32():
    neural = judge("sklearn.neural_network")
    x, y = records().astype(np.float32), targets("numbers").astype(np.float32)
    estimator = neural.MLPRegressor(hidden_layer_sizes=(), solver="sgd", random_state=0)
    estimator.partial_fit(x, y)
    assert estimator.coefs_[0].dtype == np.float32
    network = from_sklearn(estimator)
    assert len(network.layers) == 1 and network.dtype == np.float64
    assert_equal_predictions(network.predict(records()), estimator.predict(records()))


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        ("MLPClassifier", "binary"),
        ("MLPClassifier", "multiclass"),
        ("MLPClassifier", "multilabel"),
        ("MLPRegressor", "numbers"),
        ("MLPRegressor", "counts"),
    ],
)
def test_loss_and_penalty_together_have_the_estimators_gradient(kind, of):
    # One step of plain gradient descent shows it: theta moves by the rate times the gradient.
    rate, y = 1e-3, targets(of)
    settings = {
        "solver": "sgd",
        "momentum": 0.0,
        "nesterovs_momentum": False,
        "learning_rate_init": rate,
        "alpha": 50.0,
    }
    settings |= {"loss": "poisson"} if of == "counts" else {}
    estimator = getattr(judge("sklearn.neural_network"), kind)(
        hidden_layer_sizes=(6,), activation="tanh", random_state=0, **settings
    )
    classes = {"classes": [0, 1, 2] if of == "multilabel" else np.unique(y)} if kind == "MLPClassifier" else {}
    estimator.partial_fit(records(), y, **classes)
    before = from_sklearn(estimator)
    estimator.partial_fit(records(), y)
    theirs = (before.theta - from_sklearn(estimator).theta) / rate
    numbered = np.searchsorted(np.unique(y), y) if of in ("binary", "multiclass") else y
    assert isinstance(before.fitted.penalty, Penalty)
    ours = before.gradient(records(), numbered, penalty=before.fitted.penalty)
    # Ours is a mean over outputs, theirs a sum; theirs halves the squared error.
    factor = {"multilabel": 1 / 3, "numbers": 2 / 2}.get(of, 1.0)
    np.testing.assert_allclose(ours, factor * theirs, rtol=0, atol=1e-9)


def test_the_rows_of_a_batch_make_the_penalty():
    def strength(**settings):
        return from_sklearn(fitted("MLPClassifier", targets("binary"), solver="adam", **settings)).fitted.penalty

    assert strength(alpha=0.6) == Penalty(l2=0.6 / 60)  # "auto" is at most 200 rows, and there are 60
    assert strength(alpha=0.6, batch_size=20) == Penalty(l2=0.6 / 20)
    assert strength(alpha=0.0) is None
    assert from_sklearn(fitted("MLPClassifier", targets("binary"), alpha=0.6)).fitted.penalty is None


def test_the_network_can_be_saved_and_trained_further(tmp_path):
    network = from_sklearn(fitted("MLPClassifier", targets("multiclass"), solver="adam"))
    network.save(tmp_path / "model.pellucid")
    again = load(tmp_path / "model.pellucid")
    np.testing.assert_array_equal(again.predict_proba(records()), network.predict_proba(records()))
    codes = np.searchsorted([5, 10, 20], targets("multiclass"))
    before = again.loss(records(), codes)
    again.fit(records(), codes, epochs=20)
    assert again.loss(records(), codes) < before


def test_other_estimators_are_refused_by_name():
    neural, linear = judge("sklearn.neural_network"), judge("sklearn.linear_model")
    with pytest.raises(ValueError, match="this MLPClassifier has not been fitted"):
        from_sklearn(neural.MLPClassifier())
    with pytest.raises(TypeError, match="found LogisticRegression"):
        from_sklearn(linear.LogisticRegression())
    with pytest.raises(TypeError, match="found MLPClassifier, the class itself"):
        from_sklearn(neural.MLPClassifier)
    pipeline = judge("sklearn.pipeline").make_pipeline(
        judge("sklearn.preprocessing").StandardScaler(), neural.MLPClassifier()
    )
    with pytest.raises(TypeError, match="found Pipeline; give its last step"):
        from_sklearn(pipeline)
    with pytest.raises(TypeError, match="found dict"):
        from_sklearn({})
