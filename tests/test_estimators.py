"""What Pellucid's estimators have beyond scikit-learn's: each does what it says."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import pellucid
from judges import judge

judge("sklearn")

from scipy import sparse  # noqa: E402 - only where scikit-learn is there
from sklearn import datasets  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.preprocessing import scale  # noqa: E402

from pellucid.estimators import MLPClassifier, MLPRegressor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def moons():
    return datasets.make_moons(300, noise=0.2, random_state=0)


@pytest.fixture(scope="module")
def digits():
    X, y = datasets.load_digits(return_X_y=True)
    return X[:600] / 16, y[:600]


@pytest.fixture(scope="module")
def diabetes():
    X, y = datasets.load_diabetes(return_X_y=True)
    return scale(X), scale(y)


def kinds(estimator):
    return [type(layer).__name__ for layer in estimator.network_.layers]


# Layers


def test_an_activation_for_each_hidden_layer(moons):
    mlp = MLPClassifier((8, 6), ["gelu", pellucid.LeakyReLU(0.2)], max_iter=3, random_state=0).fit(*moons)
    assert kinds(mlp) == ["Dense", "GELU", "Dense", "LeakyReLU", "Dense"]
    assert mlp.network_.layers[3].slope == 0.2
    same = MLPClassifier((8, 6), ["relu", "relu"], max_iter=3, random_state=0).fit(*moons)
    assert same.loss_curve_ == MLPClassifier((8, 6), max_iter=3, random_state=0).fit(*moons).loss_curve_


def test_any_layers_in_place_of_widths(moons):
    layers = [
        pellucid.BatchNorm(),
        pellucid.Dense(8, weights_initializer=pellucid.HeNormal()),
        pellucid.ReLU(),
        pellucid.Residual([pellucid.Dense(8), pellucid.Tanh()]),
    ]
    mlp = MLPClassifier(layers=layers, max_iter=60, learning_rate_init=0.02, random_state=0).fit(*moons)
    assert kinds(mlp) == ["BatchNorm", "Dense", "ReLU", "Residual", "Dense"]
    assert mlp.score(*moons) > 0.9
    assert pellucid.check_gradients(mlp.network_, moons[0], moons[1]).passed
    again = MLPClassifier(layers=layers, max_iter=60, learning_rate_init=0.02, random_state=0).fit(*moons)
    assert again.loss_curve_ == mlp.loss_curve_


def test_dropout_and_normalisation_stand_where_they_belong(moons):
    mlp = MLPRegressor(hidden_layer_sizes=(8, 6), dropout=[0.5, 0.0], normalization="batch", max_iter=2, random_state=0)
    mlp.fit(*moons)
    assert kinds(mlp) == ["Dense", "BatchNorm", "ReLU", "Dropout", "Dense", "BatchNorm", "ReLU", "Dense"]
    assert kinds(MLPRegressor(normalization="layer", max_iter=2, random_state=0).fit(*moons))[1] == "LayerNorm"


def test_dropout_draws_in_training_and_not_in_prediction(digits):
    X, y = digits
    mlp = MLPClassifier((30,), dropout=0.5, max_iter=5, random_state=0).fit(X, y)
    assert np.array_equal(mlp.predict_proba(X), mlp.predict_proba(X))
    plain = MLPClassifier((30,), max_iter=5, random_state=0).fit(X, y)
    assert mlp.loss_curve_[0] > plain.loss_curve_[0]
    assert mlp.loss_curve_ == MLPClassifier((30,), dropout=0.5, max_iter=5, random_state=0).fit(X, y).loss_curve_


def test_batch_normalisation_predicts_with_what_it_remembers(digits):
    X, y = digits
    mlp = MLPClassifier((30,), normalization="batch", learning_rate_init=0.01, max_iter=20, random_state=0).fit(X, y)
    alone = np.concatenate([mlp.predict_proba(X[row : row + 1]) for row in range(20)])
    np.testing.assert_allclose(alone, mlp.predict_proba(X[:20]), rtol=1e-12)
    assert mlp.score(X, y) > 0.95


# Losses


def test_class_weights_are_sample_weights_by_class(moons):
    X, y = moons
    weighted = MLPClassifier((8,), class_weight={0: 3.0, 1: 0.5}, max_iter=5, random_state=0).fit(X, y)
    by_hand = MLPClassifier((8,), max_iter=5, random_state=0).fit(X, y, sample_weight=np.where(y == 0, 3.0, 0.5))
    assert weighted.loss_curve_ == by_hand.loss_curve_


def test_balanced_classes_find_the_rare_one():
    X, y = datasets.make_classification(
        2000, 10, n_informative=5, weights=[0.95], flip_y=0.0, class_sep=0.7, random_state=1
    )
    plain = MLPClassifier((20,), max_iter=40, random_state=0).fit(X, y)
    balanced = MLPClassifier((20,), max_iter=40, class_weight="balanced", random_state=0).fit(X, y)
    found = [(mlp.predict(X)[y == 1] == 1).mean() for mlp in (plain, balanced)]
    assert found[1] > found[0] + 0.2


def test_label_smoothing_holds_probabilities_away_from_the_ends(moons):
    probabilities = [
        MLPClassifier((32,), label_smoothing=share, learning_rate_init=0.02, random_state=0)
        .fit(*moons)
        .predict_proba(moons[0])
        for share in (0.0, 0.2)
    ]
    assert probabilities[0].max() > 0.999
    assert probabilities[1].max() < probabilities[0].max() - 1e-3
    assert (probabilities[1].max(axis=1) > 0.99).mean() < 0.1 < (probabilities[0].max(axis=1) > 0.99).mean()


def test_the_focal_loss_is_lins(moons, digits):
    mlp = MLPClassifier((16,), loss="focal", max_iter=3, random_state=0).fit(*moons)
    p = MLPClassifier((16,), max_iter=1, learning_rate_init=1e-12, random_state=0).fit(*moons).predict_proba(moons[0])
    of_truth = p[np.arange(len(p)), moons[1]]
    first = MLPClassifier((16,), loss="focal", alpha=0, max_iter=1, learning_rate_init=1e-12, random_state=0).fit(
        *moons
    )
    assert first.loss_ == pytest.approx((-((1 - of_truth) ** 2) * np.log(of_truth)).mean(), rel=1e-9)
    assert mlp.predict_proba(moons[0]).shape == (300, 2)
    several = MLPClassifier((16,), loss="focal", max_iter=30, learning_rate_init=0.01, random_state=0).fit(*digits)
    assert several.score(*digits) > 0.9


def test_huber_is_not_drawn_by_an_outlier():
    generator = np.random.default_rng(0)
    X = generator.uniform(-1, 1, (200, 1))
    y = 2 * X[:, 0]
    spoilt = np.where(np.arange(200) % 20 == 0, y + 50, y)
    errors = [
        np.abs(
            MLPRegressor(loss, (), max_iter=800, learning_rate_init=0.02, random_state=0).fit(X, spoilt).predict(X) - y
        ).mean()
        for loss in ("squared_error", "huber")
    ]
    assert errors[1] < 0.2 < errors[0]


def test_a_loss_of_ones_own(diabetes):
    class Fourth(pellucid.Loss):
        def forward(self, output, target):
            return (output - target) ** 4, {"error": output - target}

        def backward(self, cache):
            return 4 * cache["error"] ** 3

    X, y = diabetes
    mlp = MLPRegressor(Fourth(), (10,), max_iter=100, learning_rate_init=0.01, alpha=0, random_state=0).fit(X, y)
    assert mlp.loss_curve_[-1] < 0.5 * mlp.loss_curve_[0]
    assert mlp.network_.loss(X, y) == pytest.approx(np.mean((mlp.predict(X) - y) ** 4))


def test_a_mean_and_a_variance(diabetes):
    X, y = diabetes
    mlp = MLPRegressor(pellucid.GaussianNLL(), (10,), max_iter=100, random_state=0).fit(X, y)
    assert mlp.network_.outputs == (2,) and mlp.predict(X).shape == y.shape


def test_intervals_from_quantiles_cover_what_they_say():
    generator = np.random.default_rng(0)
    X = generator.uniform(-1, 1, (3000, 1))
    y = X[:, 0] + (0.2 + 0.3 * (X[:, 0] > 0)) * generator.standard_normal(3000)
    mlp = MLPRegressor("quantile", (32,), quantile=(0.05, 0.5, 0.95), learning_rate_init=0.005, random_state=0)
    mlp.fit(X[:2000], y[:2000])
    low, high = mlp.predict_interval(X[2000:]).T
    inside = (low <= y[2000:]) & (y[2000:] <= high)
    assert inside.mean() == pytest.approx(0.9, abs=0.03)
    width = high - low
    right = X[2000:, 0] > 0
    assert width[right].mean() > 1.8 * width[~right].mean()
    quantiles = mlp.predict_quantiles(X)
    assert (np.diff(quantiles) >= 0).all() and quantiles.shape == (3000, 3)
    assert np.median(np.abs(mlp.predict(X) - X[:, 0])) < 0.05


@pytest.mark.parametrize(("quantile", "shares"), [((0.05, 0.95), (0.5, 0.5)), ((0.1, 0.25, 0.75), (0.0, 0.5, 0.5))])
def test_the_prediction_lies_in_the_middle_of_quantiles_without_a_median(diabetes, quantile, shares):
    X, y = diabetes
    mlp = MLPRegressor("quantile", (8,), quantile=quantile, early_stopping=True, random_state=0).fit(X, y)
    raw = mlp.network_.predict(X)  # not put in order, as predict_quantiles does
    np.testing.assert_allclose(mlp.predict(X), raw @ shares, rtol=1e-12)
    assert mlp.score(X, y) > 0.3  # a bound in its place would be worse than the mean


def test_quantiles_are_not_offered_where_there_are_none(diabetes):
    assert not hasattr(MLPRegressor(), "predict_interval")
    assert not hasattr(MLPRegressor("quantile", quantile=0.5), "predict_quantiles")
    assert hasattr(MLPRegressor("quantile", quantile=[0.1, 0.9]), "predict_interval")
    assert not hasattr(MLPClassifier(loss="hinge"), "predict_proba")


# Optimizers and schedules


@pytest.mark.parametrize("solver", ["adamw", "nadam", "rmsprop", "amsgrad", "adagrad", "lion"])
def test_every_optimizer_by_name(solver, moons):
    mlp = MLPClassifier((16,), solver=solver, learning_rate_init=0.01, max_iter=40, random_state=0).fit(*moons)
    assert type(mlp.network_.fitted.optimizer).__name__.lower() == solver
    assert mlp.network_.fitted.optimizer.learning_rate == 0.01
    assert mlp.loss_curve_[-1] < 0.8 * mlp.loss_curve_[0]


def test_an_optimizer_with_its_own_settings(moons):
    rule = pellucid.AdamW(0.01, weight_decay=0.1)
    mlp = MLPClassifier((16,), solver=rule, alpha=0, max_iter=10, random_state=0).fit(*moons)
    assert mlp.network_.fitted.optimizer == rule
    light = MLPClassifier((16,), solver=pellucid.AdamW(0.01, weight_decay=0.0), alpha=0, max_iter=10, random_state=0)
    assert np.abs(mlp.coefs_[0]).sum() < np.abs(light.fit(*moons).coefs_[0]).sum()


@pytest.mark.parametrize("solver", ["adam", "sgd", "lion", pellucid.NAdam(0.001)])
def test_a_schedule_goes_with_every_solver(solver, moons):
    rates = []
    mlp = MLPClassifier(
        (8,),
        solver=solver,
        learning_rate="cosine",
        batch_size=100,
        max_iter=10,
        random_state=0,
        callbacks=[lambda report: rates.append(report.learning_rate)],
    ).fit(*moons)
    # The last update of epoch e is number 3 e of 30, and is made with the rate after 3 e - 1.
    expected = [0.001 * (1 + np.cos(np.pi * (3 * epoch - 1) / 30)) / 2 for epoch in range(1, 11)]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)
    assert mlp.learning_rate_ == pytest.approx(expected[-1])
    given = pellucid.ExponentialDecay(0.01, 0.5, 3)
    halved = MLPClassifier((8,), solver=solver, learning_rate=given, batch_size=100, max_iter=3, random_state=0)
    assert halved.fit(*moons).learning_rate_ == pytest.approx(given(8))


def test_a_schedule_over_the_whole_fit_does_not_complain_at_its_end(moons):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier((8,), learning_rate="one_cycle", max_iter=5, random_state=0).fit(*moons)
    with pytest.raises(ValueError, match="partial_fit cannot know how long"):
        MLPClassifier(learning_rate="cosine").partial_fit(*moons, classes=[0, 1])


def test_scikits_adaptive_rate_still_means_nothing_to_adam(moons):
    plain, adaptive = (
        MLPClassifier((8,), learning_rate=rate, max_iter=20, tol=10.0, n_iter_no_change=2, random_state=0).fit(*moons)
        for rate in ("constant", "adaptive")
    )
    assert plain.loss_curve_ == adaptive.loss_curve_


def test_clipped_gradients_make_no_long_step(moons):
    X, y = moons[0] * 1000, moons[1]
    start = MLPClassifier((8,), solver="sgd", learning_rate_init=1e-300, max_iter=1, random_state=0).fit(X, y)
    clipped = MLPClassifier(
        (8,),
        solver="sgd",
        momentum=0,
        learning_rate_init=1.0,
        clip_norm=0.01,
        max_iter=1,
        batch_size=300,
        random_state=0,
    ).fit(X, y)
    assert np.linalg.norm(clipped.network_.theta - start.network_.theta) == pytest.approx(0.01)


# Looking inside


def test_hidden_activations_are_what_the_next_layer_takes(digits):
    X, y = digits
    mlp = MLPClassifier((12, 7), "tanh", max_iter=5, random_state=0).fit(X, y)
    first, second = mlp.hidden_activations(X)
    np.testing.assert_allclose(first, np.tanh(X @ mlp.coefs_[0] + mlp.intercepts_[0]), rtol=1e-12)
    np.testing.assert_allclose(mlp.transform(X), second)
    np.testing.assert_allclose(mlp.network_.predict(X), second @ mlp.coefs_[2] + mlp.intercepts_[2], rtol=1e-12)
    assert mlp.get_feature_names_out().tolist() == [f"mlpclassifier{unit}" for unit in range(7)]
    np.testing.assert_allclose(mlp.transform(sparse.csr_array(X)), second, rtol=1e-12, atol=1e-15)
    with pytest.raises(ValueError, match="no hidden layer"):
        MLPClassifier((), max_iter=2, random_state=0).fit(X, y).transform(X)


def test_weights_are_views_into_the_network_and_may_be_replaced(digits):
    X, y = digits
    mlp = MLPClassifier((12,), max_iter=5, random_state=0).fit(X, y)
    before = mlp.predict_proba(X)
    mlp.coefs_[0][:] = 0
    assert not np.array_equal(mlp.predict_proba(X), before)
    assert (mlp.network_.parameters["dense_1"]["weights"] == 0).all()
    mlp.coefs_[1] = np.zeros_like(mlp.coefs_[1])
    mlp.intercepts_ = [np.zeros(12), np.arange(10.0)]
    expected = np.exp(np.arange(10.0)) / np.exp(np.arange(10.0)).sum()
    np.testing.assert_allclose(mlp.predict_proba(X[:1])[0], expected, rtol=1e-12)
    mlp.coefs_[0] = np.zeros((3, 3))
    with pytest.raises(ValueError, match=r"coefs_\[0\] has shape \(3, 3\); the network's layer needs \(64, 12\)"):
        mlp.predict(X)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda mlp: pickle.loads(pickle.dumps(mlp))], ids=["copy", "pickle"])
def test_a_copy_is_whole_and_its_own(copied, digits):
    X, y = digits
    mlp = MLPClassifier((12,), max_iter=5, random_state=0, n_iter_no_change=50).fit(X, y)
    other = copied(mlp)
    assert np.array_equal(other.predict_proba(X), mlp.predict_proba(X))
    for one in (mlp, other):
        one.partial_fit(X, y)
    assert np.array_equal(other.network_.theta, mlp.network_.theta)
    other.coefs_[0][:] = 0
    assert not np.array_equal(other.predict_proba(X), mlp.predict_proba(X))


# Engines, progress, callbacks


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_both_engines_come_to_the_same(solver, digits):
    judge("jax")
    X, y = digits
    settings = {"hidden_layer_sizes": (12,), "solver": solver, "max_iter": 6, "random_state": 0}
    ours, compiled = (MLPClassifier(**settings, engine=engine).fit(X, y) for engine in ("numpy", "jax"))
    np.testing.assert_allclose(compiled.loss_curve_, ours.loss_curve_, rtol=1e-10)
    np.testing.assert_allclose(compiled.predict_proba(X), ours.predict_proba(X), rtol=1e-8)
    assert compiled.n_iter_ == ours.n_iter_


@pytest.mark.slow
def test_sparse_records_are_as_good_for_jax():
    judge("jax")
    X, y = datasets.load_digits(return_X_y=True)
    X = X[:100]
    one, other = (
        MLPClassifier((5,), max_iter=3, engine="jax", random_state=0).fit(x, y[:100]) for x in (X, sparse.csr_array(X))
    )
    assert one.loss_curve_ == other.loss_curve_


def test_progress_is_told_on_standard_error(moons, capsys):
    MLPClassifier((4,), max_iter=3, progress=True, random_state=0).fit(*moons)
    found = capsys.readouterr()
    assert "epoch 3 of 3, loss" in found.err and not found.out


def test_callbacks_see_every_epoch_and_may_stop(moons):
    seen = []

    def enough(report):
        seen.append(report.loss)
        if len(seen) == 4:
            report.stop("enough")

    mlp = MLPClassifier((4,), random_state=0, callbacks=[enough]).fit(*moons)
    assert mlp.n_iter_ == 4 and mlp.loss_curve_ == seen


@pytest.mark.parametrize("given", [True, False])
def test_callbacks_know_the_validation_loss(moons, capsys, given):
    X, y = moons
    seen = []
    settings = {"callbacks": [lambda report: seen.append(report.validation_loss)], "progress": True}
    mlp = MLPClassifier((4,), max_iter=5, early_stopping=not given, monitor="score", random_state=0, **settings)
    mlp.fit(X, y, **({"X_val": X[:50], "y_val": y[:50]} if given else {}))
    assert seen == mlp.validation_loss_curve_ == mlp.network_.history["validation_loss"].tolist() and len(seen) == 5
    assert f"validation loss {seen[-1]:.4g}" in capsys.readouterr().err


def test_pellucids_own_callbacks_watch_the_validation_records(moons):
    X, y = moons
    half = {"X": X[:150], "y": y[:150], "X_val": X[150:], "y_val": y[150:]}
    stops, lowers = pellucid.EarlyStopping(patience=3), pellucid.ReduceOnPlateau(patience=2)
    mlp = MLPClassifier((32,), learning_rate_init=0.1, random_state=0, callbacks=[stops, lowers]).fit(**half)
    losses = mlp.validation_loss_curve_
    assert int(np.argmin(losses)) + 1 == mlp.network_.history.best_epoch == len(losses) - 3 < mlp.max_iter
    assert mlp.learning_rate_ < 0.1
    raw = mlp.network_.predict(half["X_val"])[:, 0]
    went_back_to = np.mean(np.logaddexp(0, raw) - half["y_val"] * raw)
    assert went_back_to == pytest.approx(min(losses))
    with pytest.raises(ValueError, match="no validation records.*X_val and y_val"):
        MLPClassifier((4,), callbacks=[pellucid.EarlyStopping()]).fit(X, y)


def test_the_history_knows_the_epoch_that_is_kept(moons):
    mlp = MLPClassifier((16,), learning_rate_init=0.05, early_stopping=True, warm_start=True, random_state=0)
    first = mlp.fit(*moons).network_.history
    assert first.best_epoch == mlp.best_iter_ < len(first)
    second = mlp.fit(*moons).network_.history
    assert second.best_epoch == (mlp.best_iter_ - len(first) if mlp.best_iter_ > len(first) else None)


def test_an_interruption_keeps_what_was_learnt(moons):
    def interrupt(report):
        if report.epoch == 3:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        mlp = MLPClassifier((4,), random_state=0, callbacks=[interrupt]).fit(*moons)
    assert mlp.n_iter_ == 3 and len(mlp.predict(moons[0])) == 300


# When things go wrong


def test_a_loss_out_of_range_is_told_with_the_layer(diabetes):
    X, y = diabetes
    with pytest.raises(ValueError, match=r"non-finite parameter weights.*Stopped in epoch \d+.*First out of range"):
        MLPRegressor(solver="sgd", learning_rate_init=1e3, random_state=0).fit(X, y)


def test_a_loss_out_of_range_leaves_the_best_epoch_under_early_stopping(diabetes):
    X, y = diabetes
    mlp = MLPRegressor(solver="sgd", learning_rate_init=3.0, early_stopping=True, random_state=0)
    with pytest.warns(ConvergenceWarning, match="no longer finite"):
        mlp.fit(X, y)
    assert np.isnan(mlp.loss_curve_[-1]) and np.isnan(mlp.validation_scores_[-1])
    assert np.isfinite(mlp.predict(X)).all()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"hidden_layer_sizes": (4,), "activation": ["relu", "tanh"]}, "activation holds 2 values for 1 hidden layers"),
        ({"activation": ["nonsense"]}, "activation must be one of"),
        ({"activation": "nonsense"}, "'activation' parameter"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"normalization": "group"}, "'normalization' parameter"),
        ({"solver": "adamx"}, "'solver' parameter"),
        ({"engine": "torch"}, "'engine' parameter"),
        ({"clip_norm": 0}, "'clip_norm' parameter"),
        ({"label_smoothing": 1.5}, "'label_smoothing' parameter"),
        ({"loss": "squared_error"}, "'loss' parameter"),
        ({"loss": pellucid.CrossEntropyFromLogits()}, "needs one output for each of several classes"),
    ],
)
def test_what_cannot_be_is_refused_by_name(settings, text, moons):
    with pytest.raises(ValueError, match=text):
        MLPClassifier(**settings).fit(*moons)


def test_layers_must_be_layers(moons):
    with pytest.raises(TypeError, match="layers must hold Pellucid's layers, found 3 at place 1"):
        MLPClassifier(layers=[pellucid.Dense(3), 3]).fit(*moons)


def test_counts_cannot_be_negative(moons):
    with pytest.raises(ValueError, match=r'loss="poisson" needs y >= 0, found -1.0 in row 2'):
        MLPRegressor("poisson").fit(moons[0][:4], [1.0, 0.0, -1.0, 2.0])


# Sparse tables


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_tables_are_multiplied_sparse(kind, monkeypatch):
    """No dense copy of the table is ever made where the lowest layer is a plain product."""
    generator = np.random.default_rng(0)
    X = sparse.random_array((300, 2000), density=0.01, random_state=generator)
    y = np.asarray(X[:, :20].sum(axis=1)).ravel() > 0.1
    values = X.toarray()
    dense = MLPClassifier((8,), max_iter=5, random_state=0).fit(values, y)

    dense_again = sparse.csr_array.toarray

    def refuse(self, *arguments, **settings):
        assert self.shape[1] < 2000, "a dense copy was made"
        return dense_again(self, *arguments, **settings)

    monkeypatch.setattr(sparse.csr_array, "toarray", refuse)
    mlp = MLPClassifier((8,), max_iter=5, random_state=0).fit(kind(X), y)
    np.testing.assert_allclose(mlp.loss_curve_, dense.loss_curve_, rtol=1e-10)
    np.testing.assert_allclose(mlp.predict_proba(kind(X)), dense.predict_proba(values), rtol=1e-8)


def test_layers_that_are_no_plain_product_get_dense_rows(digits):
    X, y = digits
    layers = [pellucid.BatchNorm(), pellucid.Dense(5), pellucid.ReLU()]
    one, other = (MLPClassifier(layers=layers, max_iter=3, random_state=0).fit(x, y) for x in (X, sparse.csr_array(X)))
    np.testing.assert_allclose(other.loss_curve_, one.loss_curve_, rtol=1e-12)
    np.testing.assert_allclose(other.predict_proba(sparse.csr_array(X)), one.predict_proba(X), rtol=1e-12)


def test_from_sklearn_takes_the_network_of_an_estimator_of_ours(moons):
    mlp = MLPClassifier((8,), ["gelu"], max_iter=3, random_state=0).fit(*moons)
    network = pellucid.from_sklearn(mlp)
    assert network == mlp.network_ and network is not mlp.network_
    np.testing.assert_array_equal(network.predict_proba(moons[0])[:, 0], mlp.predict_proba(moons[0])[:, 1])


@pytest.mark.parametrize(
    "settings",
    [{"learning_rate": "cosine"}, {"clip_norm": 1.0}, {"dropout": 0.1}, {"normalization": "batch"}],
    ids=lambda settings: next(iter(settings)),
)
def test_what_lbfgs_would_ignore_is_refused(settings, moons):
    with pytest.raises(ValueError, match=f"{next(iter(settings))}=.* does nothing with solver=.lbfgs"):
        MLPClassifier(solver="lbfgs", **settings).fit(*moons)


def test_a_batch_that_counts_nothing_does_no_harm(moons):
    X, y = moons[0][:40], moons[1][:40]
    weights = np.repeat([0.0, 1.0], 20)
    mlp = MLPClassifier((4,), batch_size=20, shuffle=False, max_iter=3, random_state=0).fit(X, y, sample_weight=weights)
    assert np.isfinite(mlp.loss_curve_).all()


def test_the_hinge_loss_decides_without_probabilities(moons):
    mlp = MLPClassifier((16,), loss="hinge", learning_rate_init=0.02, random_state=0).fit(*moons)
    assert not hasattr(MLPClassifier(), "decision_function")
    assert np.array_equal(mlp.decision_function(moons[0]) > 0, mlp.predict(moons[0]) == 1)
    assert mlp.score(*moons) > 0.9


def test_another_random_state_drops_other_units(digits):
    X, y = digits
    layers = {"hidden_layer_sizes": (30,), "dropout": 0.5, "max_iter": 1, "learning_rate_init": 1e-12}
    one, other = (MLPClassifier(**layers, random_state=state).fit(X, y) for state in (0, 1))
    other.coefs_, other.intercepts_ = one.coefs_, one.intercepts_
    one.partial_fit(X, y), other.partial_fit(X, y)
    assert one.loss_curve_[-1] != pytest.approx(other.loss_curve_[-1], rel=1e-4)


def blas_threads():
    """Return how many threads NumPy's products may use now."""
    from threadpoolctl import threadpool_info

    return {module["num_threads"] for module in threadpool_info() if module["user_api"] == "blas"}


@pytest.mark.parametrize(("records", "threads"), [(100, {1}), (30_000, None)], ids=["small", "large"])
def test_small_products_are_not_shared_out_among_threads(records, threads, moons):
    """Only while it trains, and never by more threads than before."""
    before, seen = blas_threads(), []
    X = np.random.default_rng(0).random((records, 64))
    mlp = MLPClassifier((64,), batch_size=records, max_iter=1, callbacks=[lambda report: seen.append(blas_threads())])
    mlp.fit(X, X[:, 0] > 0.5)
    assert seen == [threads or before]
    assert blas_threads() == before
