"""What the estimators validate on, and what early stopping watches there."""

import numpy as np
import pytest

from judges import judge

judge("sklearn")

from scipy import sparse  # noqa: E402 - only where scikit-learn is there
from sklearn import datasets, neural_network  # noqa: E402
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


def test_records_of_ones_own_to_validate_on(moons):
    X, y = moons
    mlp = MLPClassifier((8,), max_iter=20, random_state=0).fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    alone = MLPClassifier((8,), max_iter=20, random_state=0).fit(X[:200], y[:200])
    assert mlp.loss_curve_ == alone.loss_curve_  # they are only looked at
    p = mlp.predict_proba(X[200:])[np.arange(100), y[200:]]
    assert mlp.validation_loss_curve_[-1] == pytest.approx(-np.log(p).mean())
    assert len(mlp.validation_loss_curve_) == 20 and alone.validation_loss_curve_ is None


def test_early_stopping_goes_back_to_the_best_epoch_on_ones_own_records(moons):
    X, y = moons
    mlp = MLPClassifier(
        (64,), early_stopping=True, monitor="loss", learning_rate_init=0.05, max_iter=500, random_state=0
    )
    mlp.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    curve = mlp.validation_loss_curve_
    assert mlp.stopped_ and mlp.n_iter_ < 500
    assert mlp.best_iter_ == int(np.argmin(curve)) + 1 < len(curve)
    p = mlp.predict_proba(X[60:])[np.arange(240), y[60:]]
    assert -np.log(p).mean() == pytest.approx(min(curve))
    assert mlp.validation_scores_ is None and mlp.best_validation_score_ is None


@pytest.mark.slow
def test_the_loss_does_not_stop_too_early_on_rare_classes_as_accuracy_does():
    found = []
    for seed in range(5):
        X, y = datasets.make_classification(
            3000, 20, n_informative=6, weights=[0.97], flip_y=0.01, class_sep=0.8, random_state=seed
        )
        X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=seed)
        settings = {"early_stopping": True, "random_state": seed}
        three = (
            neural_network.MLPClassifier(**settings),
            MLPClassifier(**settings),
            MLPClassifier(**settings, monitor="loss"),
        )
        found.append([roc_auc_score(y_test, mlp.fit(X, y).predict_proba(X_test)[:, 1]) for mlp in three])
    theirs, as_theirs, by_loss = np.array(found).T
    np.testing.assert_allclose(as_theirs, theirs, rtol=1e-9)  # the default means what it means there
    assert (by_loss > theirs).all()
    assert by_loss.mean() > theirs.mean() + 0.1


def test_any_scorer_may_be_watched(moons):
    X, y = moons
    mlp = MLPClassifier((16,), early_stopping=True, monitor="roc_auc", max_iter=30, random_state=0)
    mlp.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    assert mlp.best_validation_score_ == max(mlp.validation_scores_)
    assert roc_auc_score(y[200:], mlp.predict_proba(X[200:])[:, 1]) == pytest.approx(mlp.best_validation_score_)
    own = MLPClassifier(
        (16,),
        early_stopping=True,
        monitor=lambda mlp, X, y: -float(mlp.predict_proba(X)[:, 1].max()),
        max_iter=5,
        random_state=0,
    ).fit(X, y)
    assert len(own.validation_scores_) == 5
    with pytest.raises(ValueError, match="monitor must be .*'acc' is not a valid scoring value"):
        MLPClassifier(early_stopping=True, monitor="acc").fit(X, y)


def test_a_scorer_does_not_ask_for_names_in_the_midst_of_training():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) % 7})
    mlp = MLPRegressor(
        hidden_layer_sizes=(4,), early_stopping=True, monitor="neg_mean_absolute_error", max_iter=3, random_state=0
    )
    mlp.fit(frame, np.arange(40.0))  # warnings are errors here
    assert len(mlp.validation_scores_) == 3


def test_half_of_the_validation_records_is_refused(moons):
    X, y = moons
    with pytest.raises(ValueError, match="X_val is given without y_val"):
        MLPClassifier().fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="y_val is given without X_val"):
        MLPClassifier().fit(X, y, y_val=y)
    with pytest.raises(ValueError, match="X_val, y_val: .*3 features"):
        MLPClassifier(max_iter=2).fit(X, y, X_val=np.ones((3, 3)), y_val=[0, 1, 0])
    with pytest.raises(ValueError, match="X_val, y_val: `y` has classes not in"):
        MLPClassifier(max_iter=2).fit(X, y, X_val=X, y_val=y + 5)


def test_partial_fit_with_early_stopping(moons):
    X, y = moons
    mlp = MLPClassifier(
        (32,), early_stopping=True, monitor="loss", n_iter_no_change=5, learning_rate_init=0.05, random_state=0
    )
    curve = []
    for _ in range(400):
        mlp.partial_fit(X[:60], y[:60], classes=[0, 1], X_val=X[60:], y_val=y[60:])
        curve = mlp.validation_loss_curve_
        if mlp.stopped_:
            break
    assert mlp.stopped_ and 5 < len(curve) < 400
    p = mlp.predict_proba(X[60:])[np.arange(240), y[60:]]
    assert -np.log(p).mean() == pytest.approx(min(curve))
    mlp.partial_fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])  # going on begins to wait anew
    assert not mlp.stopped_
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True unless X_val and y_val"):
        mlp.partial_fit(X, y)


def rare(negative):
    """Return an estimator's arguments for a validation part with one class only."""
    X, y = datasets.make_moons(200, noise=0.2, random_state=0)
    return X, y, {"X_val": X[y == 0] if negative else X[y == 1], "y_val": y[y == 0] if negative else y[y == 1]}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_where_nothing_could_be_compared_the_last_weights_stay():
    """A measure that is no number is no reason to go back to the weights before all training."""
    X, y, held_out = rare(negative=True)
    settings = {"max_iter": 5, "learning_rate_init": 0.1, "random_state": 0}
    mlp = MLPClassifier((8,), early_stopping=True, monitor="roc_auc", **settings)
    with pytest.warns(UserWarning, match="monitor='roc_auc' gave no number .* in any epoch.*the last one are kept"):
        mlp.fit(X, y, **held_out)
    plain = MLPClassifier((8,), **settings).fit(X, y)
    np.testing.assert_array_equal(mlp.network_.theta, plain.network_.theta)
    assert np.isnan(mlp.validation_scores_).all() and mlp.best_iter_ is None
    regressor = MLPRegressor(hidden_layer_sizes=(8,), early_stopping=True, **settings)
    with pytest.warns(UserWarning, match="monitor='score' gave no number"):
        regressor.fit(X, X[:, 0], X_val=X[:1], y_val=X[:1, 0])  # R^2 of one record


def test_a_measure_may_begin_to_be_a_number_later(moons):
    X, y = moons
    values = iter([np.nan, np.nan, 0.5, 0.7, 0.6])
    mlp = MLPClassifier((8,), early_stopping=True, monitor=lambda *_: next(values), max_iter=5, random_state=0)
    mlp.fit(X, y)
    assert mlp.best_iter_ == 4 and mlp.best_validation_score_ == 0.7


@pytest.mark.parametrize("several", [False, True])
def test_validation_records_have_as_many_targets_as_the_others(diabetes, several):
    X, y = diabetes
    targets = np.column_stack([y, X[:, 0]])
    given, other = (targets, y) if several else (y, targets)
    with pytest.raises(ValueError, match=r"y_val has [12] column\(s\), where y has [12]"):
        MLPRegressor(max_iter=2).fit(X, given, X_val=X, y_val=other)


def test_validation_records_have_as_many_labels_as_the_others(moons):
    X, _ = moons
    labels = (np.random.default_rng(0).random((len(X), 3)) < 0.5).astype(int)
    for y_val in (labels[:, :2], labels[:, 0]):
        with pytest.raises(ValueError, match=r"y_val"):
            MLPClassifier(max_iter=2).fit(X, labels, X_val=X, y_val=y_val)


def test_classes_count_in_validation_what_they_count_in_training(moons):
    """By how often they are there in what is learnt from, whatever the validation records hold of them."""
    X, y = moons
    rows = np.concatenate([np.flatnonzero(y == 0)[:100], np.flatnonzero(y == 1)[:25]])
    held_out = {"X_val": X, "y_val": y}
    mlp = MLPClassifier((8,), class_weight="balanced", max_iter=3, random_state=0).fit(X[rows], y[rows], **held_out)
    weights = np.where(y == 1, 125 / (2 * 25), 125 / (2 * 100))
    p = mlp.predict_proba(X)[np.arange(len(X)), y]
    assert mlp.validation_loss_curve_[-1] == pytest.approx(np.average(-np.log(p), weights=weights))


def test_a_dict_of_class_weights_need_not_be_used_up_by_every_part(moons):
    X, y = moons
    mlp = MLPClassifier((8,), class_weight={1: 5.0}, random_state=0)
    mlp.partial_fit(X[y == 0], y[y == 0], classes=[0, 1], X_val=X[y == 1], y_val=y[y == 1])
    factors = np.ravel(mlp.trace(X[:20], y[:20]).loss.factor)
    np.testing.assert_allclose(factors / factors.min(), np.where(y[:20] == 1, 5, 1))
    assert mlp.diagnose(X[y == 1], y[y == 1]).findings is not None
    labels = np.column_stack([y, 1 - y])
    several = MLPClassifier((8,), class_weight=[{1: 2.0}, {0: 3.0}], max_iter=2, random_state=0).fit(X, labels)
    factors = np.ravel(several.trace(X[:20], labels[:20]).loss.factor)
    np.testing.assert_allclose(factors / factors.min(), np.where(y[:20] == 1, 6, 1))


def test_a_scorer_sees_what_scikit_learn_would_show_it(moons):
    """Also one that passes its own tables to predict, and where the records are sparse."""
    X, y = moons
    seen = []

    def watched(mlp, X_val, y_val):
        seen.append(type(X_val))
        assert len(mlp.predict([[0.0, 0.0]])) == 1  # a list, checked as ever
        with pytest.raises(ValueError, match="2 features"):
            mlp.predict([[0.0]])
        return (mlp.predict(X_val) == y_val).mean()

    settings = {"hidden_layer_sizes": (8,), "early_stopping": True, "max_iter": 3, "random_state": 0}
    watching = MLPClassifier(**settings, monitor=watched).fit(X, y)
    as_sparse = MLPClassifier(**settings, monitor=watched).fit(sparse.csr_array(X), y)
    assert {kind.__name__ for kind in seen} == {"ndarray", "csr_array"}
    np.testing.assert_allclose(watching.validation_scores_, MLPClassifier(**settings).fit(X, y).validation_scores_)
    np.testing.assert_allclose(as_sparse.validation_scores_, watching.validation_scores_)


def test_a_scorer_that_fails_is_named(moons):
    X, y = moons
    ranked = MLPClassifier((8,), early_stopping=True, monitor="neg_log_loss", max_iter=2, random_state=0)
    y_val = np.zeros(3)
    with pytest.raises(ValueError, match=r"monitor='neg_log_loss' failed on the validation records: y_true contains"):
        ranked.fit(X, y, X_val=X[:3], y_val=y_val)
    mlp = MLPClassifier((8,), early_stopping=True, monitor=lambda mlp, X, y: mlp.score(X, y), max_iter=2)
    with pytest.raises(TypeError, match=r"monitor=.* failed .* with the sample_weight.*unexpected keyword"):
        mlp.fit(X, y, sample_weight=np.ones(len(y)))
