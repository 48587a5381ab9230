"""What warm_start and partial_fit go on from, when something has changed in between."""

import numpy as np
import pytest

import pellucid
from judges import judge

judge("sklearn")

from sklearn import datasets, neural_network  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.preprocessing import scale  # noqa: E402

from pellucid.estimators import MLPClassifier, MLPRegressor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def moons():
    return datasets.make_moons(300, noise=0.2, random_state=0)


@pytest.fixture(scope="module")
def diabetes():
    X, y = datasets.load_diabetes(return_X_y=True)
    return scale(X), scale(y)


def test_partial_fit_stays_with_the_optimizer_that_it_began_with(moons):
    """As in scikit-learn, where parameters that are changed in between do nothing until the next fit."""
    found = []
    for kind in (neural_network.MLPClassifier, MLPClassifier):
        mlp = kind((8,), learning_rate_init=0.01, random_state=0).partial_fit(*moons, classes=[0, 1])
        mlp.set_params(learning_rate_init=1.0).partial_fit(*moons)
        found.append(mlp.loss_curve_)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)


def test_a_regressors_partial_fit_with_lbfgs_is_scikits(diabetes):
    X, y = diabetes
    found = []
    for kind in (neural_network.MLPRegressor, MLPRegressor):
        mlp = kind(solver="lbfgs", hidden_layer_sizes=(4,), max_iter=5, random_state=0)
        mlp.partial_fit(X[:200], y[:200]).partial_fit(X[200:], y[200:])
        found.append((mlp.loss_, mlp.predict(X)))
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-6)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-6)


@pytest.mark.parametrize("action", ["fit", "partial_fit"])
def test_who_goes_on_may_change_what_has_no_weights(moons, action):
    X, y = moons
    mlp = MLPClassifier((8,), warm_start=True, early_stopping=action == "fit", max_iter=3, random_state=0).fit(X, y)
    learnt = mlp.coefs_[0].copy()
    mlp.set_params(dropout=0.5, activation="tanh", max_iter=1, learning_rate_init=1e-9)
    getattr(mlp, action)(X, y)
    assert repr(mlp.network_.layers) == repr(
        (pellucid.Dense(8), pellucid.Tanh(), pellucid.Dropout(0.5), pellucid.Dense(1))
    )
    np.testing.assert_allclose(mlp.coefs_[0], learnt, atol=0.05)  # partial_fit stays with its optimizer, and its rate
    assert not np.array_equal(mlp.coefs_[0], learnt)
    if action == "fit":  # the best epoch of another network says nothing about this one
        assert mlp.best_validation_score_ == mlp.validation_scores_[-1]


@pytest.mark.parametrize(
    "changed", [{"normalization": "batch"}, {"activation": "prelu"}, {"layers": [pellucid.Dense(8, bias=False)]}]
)
@pytest.mark.parametrize("action", ["fit", "partial_fit"])
def test_who_goes_on_cannot_ask_for_other_weights(moons, action, changed):
    X, y = moons
    mlp = MLPClassifier((8,), warm_start=True, max_iter=3, random_state=0).fit(X, y)
    network, learnt = mlp.network_, mlp.network_.theta.copy()
    with pytest.raises(
        ValueError, match=r"go on with the weights at hand: .* now ask for \[Dense\(8.*warm_start=False"
    ):
        getattr(mlp.set_params(**changed), action)(X, y)
    assert mlp.network_ is network
    np.testing.assert_array_equal(network.theta, learnt)


def test_a_warm_start_may_begin_to_validate(moons):
    X, y = moons
    mlp = MLPClassifier((8,), warm_start=True, max_iter=3, random_state=0).fit(X, y)
    mlp.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    assert len(mlp.loss_curve_) == 6 and len(mlp.validation_loss_curve_) == 3
    mlp.set_params(early_stopping=True).fit(X, y)
    assert len(mlp.validation_scores_) == 3 and len(mlp.validation_loss_curve_) == 6
    mlp.set_params(early_stopping=False).fit(X, y)
    assert np.isfinite(mlp.best_loss_)


def test_what_is_watched_may_change_and_the_best_is_measured_anew(moons):
    """A loss of 0.3 is not a better score than 0.9: the best epoch of before is looked at by the new measure."""
    X, y = moons
    settings = {"hidden_layer_sizes": (8,), "early_stopping": True, "max_iter": 20, "random_state": 0}
    mlp = MLPClassifier(**settings, warm_start=True, learning_rate_init=0.02, n_iter_no_change=100).fit(X, y)
    mlp.set_params(monitor="loss").fit(X, y)
    # With the score of before, 0.9 or so, no loss would ever have compared.
    assert mlp.best_iter_ == 21 + int(np.argmin(mlp.validation_loss_curve_[20:]))
    mlp.set_params(monitor="roc_auc").fit(X, y)
    assert 0 < mlp.best_validation_score_ <= 1
    _, X_val, _, y_val = train_test_split(X, y, random_state=np.random.RandomState(0), test_size=0.1, stratify=y)
    assert roc_auc_score(y_val, mlp.predict_proba(X_val)[:, 1]) == pytest.approx(mlp.best_validation_score_)


def test_other_validation_records_measure_the_best_anew(moons):
    X, y = moons
    mlp = MLPClassifier((8,), early_stopping=True, warm_start=True, max_iter=30, random_state=0)
    mlp.fit(X, y, X_val=X[:1], y_val=mlp.fit(X, y).predict(X[:1]))  # all right, and easily so
    assert mlp.best_validation_score_ == 1
    mlp.set_params(learning_rate_init=0.02).fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
    assert mlp.best_validation_score_ == pytest.approx(mlp.score(X[150:], y[150:]))
    assert mlp.best_iter_ > len(mlp.loss_curve_) - 30


def test_the_same_records_measured_the_same_leave_the_best_where_it_was(moons):
    X, y = moons
    settings = {"hidden_layer_sizes": (8,), "early_stopping": True, "learning_rate_init": 0.1, "random_state": 0}
    mlp = MLPClassifier(**settings, warm_start=True, max_iter=40, monitor="loss").fit(X, y)
    best, epoch = mlp.network_.theta.copy(), mlp.best_iter_
    mlp.set_params(learning_rate_init=10.0, max_iter=2).fit(X, y)  # which spoils it
    assert mlp.best_iter_ == epoch
    np.testing.assert_array_equal(mlp.network_.theta, best)


@pytest.mark.parametrize("action", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"loss": "quantile", "quantile": (0.1, 0.9)}, {"loss": "huber", "quantile": None}),
        ({"loss": "squared_error"}, {"loss": pellucid.GaussianNLL()}),
        ({"loss": pellucid.GaussianNLL()}, {"loss": "squared_error"}),
    ],
)
def test_another_loss_cannot_ask_for_other_outputs(diabetes, action, before, after):
    X, y = diabetes
    mlp = MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, warm_start=True, random_state=0, **before).fit(X, y)
    predicted = mlp.predict(X)
    with pytest.raises(
        ValueError, match=r"go on with the weights at hand, which give [12] output\(s\).* now need [12]"
    ):
        getattr(mlp.set_params(**after), action)(X, y)
    np.testing.assert_array_equal(mlp.predict(X), predicted)


@pytest.mark.parametrize("action", ["fit", "partial_fit"])
@pytest.mark.parametrize("several", [False, True])
def test_the_target_cannot_get_more_or_fewer_columns(diabetes, action, several):
    X, y = diabetes
    both = np.column_stack([y, X[:, 0]])
    first, second = (both, y) if several else (y, both)
    mlp = MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, warm_start=True, random_state=0).fit(X, first)
    with pytest.raises(ValueError, match=r"which give [12] output\(s\); y and loss='squared_error' now need [12]"):
        getattr(mlp, action)(X, second)
    assert mlp.predict(X).shape == first.shape


@pytest.mark.parametrize("action", ["fit", "partial_fit"])
def test_one_label_a_record_and_several_are_told_apart(moons, action):
    X, y = moons
    labels = np.column_stack([y, 1 - y])
    for first, second in ((y, labels), (labels, y)):
        mlp = MLPClassifier((5,), max_iter=2, warm_start=True, random_state=0).fit(X, first)
        with pytest.raises(ValueError, match="y holds .* a record, .*what was learnt before has"):
            getattr(mlp, action)(X, second)


def test_a_schedule_over_the_whole_fit_is_over_after_it(moons):
    """partial_fit would learn nothing more with it: it is refused, and with another rate a new optimizer begins."""
    X, y = moons
    mlp = MLPClassifier((8,), learning_rate="cosine", max_iter=5, random_state=0).fit(X, y)
    learnt = mlp.network_.theta.copy()
    with pytest.raises(ValueError, match='learning_rate="cosine" spans a whole fit'):
        mlp.partial_fit(X, y)
    mlp.set_params(learning_rate="constant", learning_rate_init=0.01).partial_fit(X, y)
    assert np.abs(mlp.network_.theta - learnt).max() > 0.005
    optimizer = mlp.network_.fitted.optimizer
    mlp.partial_fit(X, y)
    assert mlp.network_.fitted.optimizer is optimizer and optimizer.learning_rate == 0.01


def test_what_a_network_gives_goes_by_the_loss_that_it_was_trained_with(moons, diabetes):
    X, y = moons
    hinge = MLPClassifier((8,), loss="hinge", max_iter=2, random_state=0).fit(X, y).set_params(loss="log_loss")
    assert not hasattr(hinge, "predict_proba") and hinge.decision_function(X).shape == (300,)
    log_loss = MLPClassifier((8,), max_iter=2, random_state=0).fit(X, y).set_params(loss="hinge")
    assert not hasattr(log_loss, "decision_function")
    np.testing.assert_allclose(log_loss.predict_proba(X).sum(axis=1), 1)
    quantiles = {"loss": "quantile", "quantile": (0.1, 0.9)}
    huber = MLPRegressor("huber", (8,), max_iter=2, random_state=0).fit(*diabetes).set_params(**quantiles)
    assert not hasattr(huber, "predict_interval") and not hasattr(huber, "predict_quantiles")
    interval = MLPRegressor(hidden_layer_sizes=(8,), max_iter=2, random_state=0, **quantiles).fit(*diabetes)
    assert interval.set_params(loss="huber", quantile=None).predict_interval(diabetes[0]).shape == (442, 2)


def test_lbfgs_warns_in_partial_fit_as_in_fit(diabetes):
    for kind in (neural_network.MLPRegressor, MLPRegressor):
        with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
            kind(solver="lbfgs", hidden_layer_sizes=(4,), max_iter=5, random_state=0).partial_fit(*diabetes)


def test_what_joblib_maps_from_a_file_can_be_changed(moons, tmp_path):
    import joblib

    X, y = moons
    mlp = MLPClassifier((200, 200), max_iter=2, random_state=0).fit(X, y)
    joblib.dump(mlp, tmp_path / "mlp.joblib")
    mapped = joblib.load(tmp_path / "mlp.joblib", mmap_mode="r")
    np.testing.assert_array_equal(mapped.predict_proba(X), mlp.predict_proba(X))
    np.testing.assert_array_equal(mapped.partial_fit(X, y).coefs_[0], mlp.partial_fit(X, y).coefs_[0])
    mapped = joblib.load(tmp_path / "mlp.joblib", mmap_mode="r")
    mapped.coefs_[2] = np.zeros_like(mapped.coefs_[2])
    assert len(np.unique(mapped.predict_proba(X)[:, 1])) == 1
