"""Estimators against scikit-learn's classes of the same names: with the same random_state, the same numbers."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from judges import judge

neural_network = judge("sklearn.neural_network")

from scipy import sparse  # noqa: E402 - only now is it known that scikit-learn, which needs SciPy, is there
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402

from pellucid import estimators  # noqa: E402

CLASSES = ("binary", "multiclass", "multilabel", "strings")
NUMBERS = ("number", "numbers", "counts")
KINDS = CLASSES + NUMBERS
ROWS = 150
FIGURES = ("loss_curve_", "loss_", "best_loss_", "validation_scores_", "best_validation_score_")
SAME = ("n_iter_", "t_", "n_layers_", "n_outputs_", "n_features_in_", "out_activation_")
SOLVERS = {
    "adam": {},
    "adam, its own settings": {"beta_1": 0.7, "beta_2": 0.95, "epsilon": 1e-3, "learning_rate_init": 0.01},
    "plain sgd": {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.05},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.02},
    "nesterov": {"solver": "sgd", "learning_rate_init": 0.02},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3, "learning_rate_init": 0.1},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.02, "tol": 0.05},
    "adaptive, no momentum": {"solver": "sgd", "learning_rate": "adaptive", "momentum": 0.0, "tol": 0.05},
}


def records(rows=ROWS):
    return np.random.default_rng(0).standard_normal((rows, 6))


def target(kind, rows=ROWS):
    x, generator = records(rows), np.random.default_rng(1)
    hidden = np.tanh(x @ generator.standard_normal((6, 3))) + 0.2 * generator.standard_normal((rows, 3))
    return {
        "binary": lambda: (hidden[:, 0] > 0.3).astype(int),
        "multiclass": lambda: np.array([10, 20, 5])[hidden.argmax(axis=1)],
        "multilabel": lambda: (hidden > 0).astype(int),
        "strings": lambda: np.array(["pear", "apple", "fig"], dtype=object)[hidden.argmax(axis=1)],
        "number": lambda: hidden[:, 0],
        "numbers": lambda: hidden,
        "counts": lambda: generator.poisson(np.exp(hidden[:, 0])).astype(float),
    }[kind]()


def pair(kind, **settings):
    """Return scikit-learn's estimator and ours, alike."""
    settings = {"hidden_layer_sizes": (7, 5), "batch_size": 40, "max_iter": 20, "random_state": 0} | settings
    if kind == "counts":
        settings["loss"] = "poisson"
    name = "MLPClassifier" if kind in CLASSES else "MLPRegressor"
    return [getattr(module, name)(**settings) for module in (neural_network, estimators)]


def fitted(kind, X=None, y=None, sample_weight=None, **settings):
    X = records() if X is None else X
    y = target(kind) if y is None else y
    return both(pair(kind, **settings), lambda estimator: estimator.fit(X, y, sample_weight=sample_weight))


def both(two, action):
    """Do the same with both; they must warn of the same."""
    told = []
    for estimator in two:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            action(estimator)
        told.append({warning.category for warning in caught})
    assert told[0] == told[1]
    return two


def assert_alike(theirs, ours, X=None, rtol=1e-6, weights=True):
    for name in SAME:
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in FIGURES:
        expected, found = getattr(theirs, name), getattr(ours, name)
        assert (found is None) == (expected is None), name
        if expected is not None:
            assert_allclose(found, expected, rtol=rtol, err_msg=name)
    if weights:
        for expected, found in zip(theirs.coefs_ + theirs.intercepts_, ours.coefs_ + ours.intercepts_, strict=True):
            assert found.dtype == expected.dtype
            assert_allclose(found, expected, rtol=rtol, atol=rtol / 100)
    assert_same_predictions(theirs, ours, records() if X is None else X, rtol)


def assert_same_predictions(theirs, ours, X, rtol=1e-6):
    expected, found = theirs.predict(X), ours.predict(X)
    assert found.shape == expected.shape and found.dtype == expected.dtype
    if not hasattr(theirs, "classes_"):
        assert_allclose(found, expected, rtol=rtol, atol=rtol)
        return
    assert_array_equal(ours.classes_, theirs.classes_)
    assert_array_equal(found, expected)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=rtol, atol=rtol / 1000)
    with np.errstate(divide="ignore"):  # where a probability is 0
        assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=rtol, atol=rtol)


# How training begins


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "numbers"])
def test_the_first_weights_are_the_same_to_the_last_bit(kind, activation, dtype):
    theirs, ours = fitted(
        kind, records().astype(dtype), activation=activation, solver="sgd", learning_rate_init=1e-300, max_iter=1
    )
    for expected, found in zip(theirs.coefs_ + theirs.intercepts_, ours.coefs_ + ours.intercepts_, strict=True):
        assert found.dtype == dtype
        assert_array_equal(found, expected)


@pytest.mark.parametrize("sizes", [7, (7,), [4, 3, 2], (), np.array([6, 2])])
def test_hidden_layer_sizes(sizes):
    assert_alike(*fitted("multiclass", hidden_layer_sizes=sizes))


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"shuffle": False}])
def test_a_random_state_is_moved_on_as_far(settings):
    states = [np.random.RandomState(3), np.random.RandomState(3)]
    two = pair("binary", **settings)
    for estimator, state in zip(two, states):
        estimator.set_params(random_state=state)
    assert_alike(*both(two, lambda estimator: estimator.fit(records(), target("binary"))))
    assert states[0].randint(1 << 30) == states[1].randint(1 << 30)


# How it goes on


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_training_with_each_solver(kind, solver):
    theirs, ours = fitted(kind, max_iter=40, **SOLVERS[solver])
    assert_alike(theirs, ours)
    assert_allclose(ours.learning_rate_, theirs._optimizer.learning_rate_init if "adam" in solver else rate_of(theirs))


def rate_of(estimator):
    return estimator._optimizer.learning_rate


def test_an_adaptive_rate_falls_in_the_same_epochs():
    theirs, ours = fitted("number", max_iter=200, n_iter_no_change=2, **SOLVERS["adaptive"])
    assert 20 < ours.n_iter_ < 200 and ours.learning_rate_ <= 1e-6
    assert_alike(theirs, ours)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("kind", ["strings", "counts"])
def test_training_with_each_activation(kind, activation):
    assert_alike(*fitted(kind, activation=activation))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_holds_out_the_same_records_and_keeps_the_same_weights(kind, weighted):
    weights = np.random.default_rng(2).uniform(0, 3, ROWS) if weighted else None
    settings = {"max_iter": 60, "tol": 0.01, "n_iter_no_change": 5, "learning_rate_init": 0.01}
    theirs, ours = fitted(kind, sample_weight=weights, early_stopping=True, validation_fraction=0.2, **settings)
    assert_alike(theirs, ours)
    best = int(np.argmax(theirs.validation_scores_))
    assert ours.best_iter_ == best + 1
    assert_allclose(ours.score(records(), target(kind)), theirs.score(records(), target(kind)), rtol=1e-6)


@pytest.mark.parametrize("solver", ["adam", "nesterov"])
@pytest.mark.parametrize("kind", KINDS)
def test_sample_weights(kind, solver):
    weights = np.random.default_rng(2).uniform(0, 3, ROWS)
    weights[::7] = 0
    assert_alike(*fitted(kind, sample_weight=weights, **SOLVERS[solver]))


def test_a_sample_weight_that_is_one_number():
    assert_alike(*fitted("number", sample_weight=2.0))


@pytest.mark.parametrize("batch_size", ["auto", 1, 37, 149, 150, 400])
@pytest.mark.parametrize("kind", ["multiclass", "numbers"])
def test_batches_that_do_not_divide_the_records(kind, batch_size):
    assert_alike(*fitted(kind, batch_size=batch_size, max_iter=5))


@pytest.mark.parametrize("kind", ["binary", "counts"])
def test_records_in_their_own_order(kind):
    assert_alike(*fitted(kind, shuffle=False))


@pytest.mark.parametrize("alpha", [0, 0.5])
@pytest.mark.parametrize("kind", ["multilabel", "numbers"])
def test_the_penalty(kind, alpha):
    weights = np.random.default_rng(2).uniform(0, 3, ROWS)
    assert_alike(*fitted(kind, alpha=alpha))
    assert_alike(*fitted(kind, alpha=alpha, sample_weight=weights))


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_warm_start_goes_on_from_there(solver):
    X, y = records(), target("multiclass")
    two = pair("multiclass", warm_start=True, max_iter=7, **SOLVERS[solver])
    for _ in range(3):
        assert_alike(*both(two, lambda estimator: estimator.fit(X, y)))


@pytest.mark.parametrize("solver", ["adam", "nesterov"])
@pytest.mark.parametrize("action", ["fit", "partial_fit"])
def test_who_goes_on_may_take_another_activation_but_keeps_the_widths(action, solver):
    X, y = records(), target("multiclass")
    two = pair("multiclass", warm_start=True, max_iter=7, **SOLVERS[solver])
    both(two, lambda estimator: estimator.fit(X, y))
    for changed in ({"activation": "tanh"}, {"activation": "logistic", "hidden_layer_sizes": (3, 2)}):
        for estimator in two:
            estimator.set_params(**changed)
        assert_alike(*both(two, lambda estimator: getattr(estimator, action)(X, y)))
        assert two[1].coefs_[0].shape == (6, 7)


def test_a_warm_start_under_early_stopping_keeps_the_best_weights():
    # scikit-learn trains on in the very arrays that it kept as the best, so its weights come to differ from ours.
    X, y = records(), target("multiclass")
    two = pair("multiclass", warm_start=True, max_iter=7, early_stopping=True)
    first = np.copy(both(two, lambda estimator: estimator.fit(X, y))[1].coefs_[0])
    theirs, ours = both(two, lambda estimator: estimator.fit(X, y))
    assert ours.n_iter_ == theirs.n_iter_ and ours.t_ == theirs.t_
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
    assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-6)
    assert max(ours.validation_scores_[7:]) <= max(ours.validation_scores_[:7])
    assert_array_equal(ours.coefs_[0], first)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_over_chunks(kind, solver):
    X, y = records(), target(kind)
    two = pair(kind, **SOLVERS[solver])
    for _ in range(3):
        for rows in (slice(0, 90), slice(90, 140), slice(140, 150)):
            both(two, lambda estimator, rows=rows: learn_part(estimator, X[rows], y[rows], kind, y))
    assert_alike(*two)
    assert two[1].t_ == 3 * ROWS


def learn_part(estimator, X, y, kind, whole):
    if kind not in CLASSES:
        return estimator.partial_fit(X, y)
    labels = np.arange(3) if kind == "multilabel" else np.unique(whole)
    return estimator.partial_fit(X, y, classes=labels)


@pytest.mark.parametrize("solver", ["adam", "nesterov", "invscaling"])
def test_fit_and_partial_fit_in_turns(solver):
    X, y = records(), target("binary")
    two = pair("binary", max_iter=4, **SOLVERS[solver])
    for action in ("fit", "partial_fit", "partial_fit", "fit", "partial_fit"):
        assert_alike(*both(two, lambda estimator, action=action: getattr(estimator, action)(X, y)))


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize("kind", ["strings", "number"])
def test_sparse_records(container, kind):
    dense = records() * (np.random.default_rng(4).random((ROWS, 6)) < 0.3)
    X = container(dense)
    for settings in ({}, {"early_stopping": True}, {"solver": "lbfgs", "max_iter": 10}):
        theirs, ours = fitted(kind, X, **settings)
        lbfgs = settings.get("solver") == "lbfgs"
        assert_same_predictions(theirs, ours, X, rtol=1e-4 if lbfgs else 1e-6)
        assert_allclose(ours.loss_, theirs.loss_, rtol=1e-6)
        assert_same_predictions(theirs, ours, dense, rtol=1e-4 if lbfgs else 1e-6)


@pytest.mark.parametrize("solver", ["adam", "nesterov"])
@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_stays_single_and_agrees_as_far_as_it_goes(kind, solver):
    X = records().astype(np.float32)
    theirs, ours = fitted(kind, X, max_iter=10, **SOLVERS[solver])
    assert ours.network_.dtype == np.float32
    assert_alike(theirs, ours, X, rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_weights_predict_double_precision_records_in_double_precision(kind):
    theirs, ours = fitted(kind, records().astype(np.float32), max_iter=10)
    for theirs_of, ours_of in ((theirs.coefs_, ours.coefs_), (theirs.intercepts_, ours.intercepts_)):
        theirs_of[:] = ours_of
    of = "predict_proba" if hasattr(ours, "classes_") else "predict"
    for X in (records(), records().astype(np.float32)):
        expected, found = getattr(theirs, of)(X), getattr(ours, of)(X)
        assert found.dtype == expected.dtype == X.dtype
        assert_allclose(found, expected, rtol=1e-12 if X.dtype == np.float64 else 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_compiled_training_agrees_too(kind):
    judge("jax")
    weights = np.random.default_rng(2).uniform(0, 3, ROWS)
    for settings in ({}, SOLVERS["nesterov"], SOLVERS["adaptive"], {"early_stopping": True}):
        theirs, ours = pair(kind, **settings)
        ours.set_params(engine="jax")
        assert_alike(*both((theirs, ours), lambda mlp: mlp.fit(records(), target(kind), sample_weight=weights)))


# L-BFGS


@pytest.mark.parametrize("kind", KINDS)
def test_lbfgs_begins_where_scikit_learn_begins(kind):
    theirs, ours = fitted(kind, solver="lbfgs", tol=1e9)  # no gradient is larger than that: there is nothing to do
    assert ours.n_iter_ == theirs.n_iter_ == 0
    assert_allclose(ours.loss_, theirs.loss_, rtol=1e-12)
    for expected, found in zip(theirs.coefs_ + theirs.intercepts_, ours.coefs_ + ours.intercepts_, strict=True):
        assert_array_equal(found, expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "numbers"])
def test_lbfgs_comes_to_the_same_loss(kind, weighted):
    weights = np.random.default_rng(2).uniform(0, 3, ROWS) if weighted else None
    theirs, ours = fitted(kind, sample_weight=weights, solver="lbfgs", activation="tanh", alpha=0.1)
    assert ours.n_iter_ == theirs.n_iter_ == 20
    assert_allclose(ours.loss_, theirs.loss_, rtol=1e-6)
    assert_same_predictions(theirs, ours, records(), rtol=1e-3)


def test_lbfgs_of_several_targets_learns_at_least_as_much():
    theirs, ours = fitted("numbers", solver="lbfgs", activation="tanh", max_iter=200)
    assert ours.score(records(), target("numbers")) > theirs.score(records(), target("numbers")) - 0.02


def test_lbfgs_warm_started():
    X, y = records(), target("binary")
    two = pair("binary", solver="lbfgs", warm_start=True, max_iter=5, activation="tanh")
    for _ in range(3):
        theirs, ours = both(two, lambda estimator: estimator.fit(X, y))
        assert_allclose(ours.loss_, theirs.loss_, rtol=1e-6)
        assert ours.n_iter_ == theirs.n_iter_


# Tables as they come


@pytest.mark.slow
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("load", [load_breast_cancer, load_digits, load_diabetes])
def test_unscaled_tables_with_default_settings(load, early_stopping):
    X, y = load(return_X_y=True)
    kind = "number" if load is load_diabetes else "multiclass"
    settings = {"hidden_layer_sizes": (100,), "batch_size": "auto", "max_iter": 25}
    assert_alike(*fitted(kind, X, y, early_stopping=early_stopping, **settings), X)


def test_a_loss_of_huge_logits_is_clipped_as_scikit_learn_clips_it():
    X, y = load_breast_cancer(return_X_y=True)
    theirs, ours = fitted("binary", 10 * X, y, max_iter=3)
    assert ours.loss_curve_[0] > 5
    assert_alike(theirs, ours, 10 * X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_rate_that_is_too_high_ends_in_the_same_error():
    for estimator in pair("number", solver="sgd", activation="identity", learning_rate_init=1e6):
        with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"), np.errstate(all="ignore"):
            estimator.fit(1e3 * records(), target("number"))


@pytest.mark.filterwarnings("ignore:overflow encountered in matmul:RuntimeWarning")
def test_a_rate_that_is_too_high_is_survived_under_early_stopping():
    settings = {"solver": "sgd", "activation": "identity", "learning_rate_init": 1.0, "early_stopping": True}
    theirs, ours = pair("number", **settings)
    for estimator in (theirs, ours):
        with pytest.warns(ConvergenceWarning), np.errstate(all="ignore"):
            estimator.fit(10 * records(), target("number"))
    assert np.isnan(theirs.validation_scores_[-1]) and np.isnan(ours.validation_scores_[-1])
    assert ours.best_validation_score_ == pytest.approx(theirs.best_validation_score_)
    assert_same_predictions(theirs, ours, records())


@pytest.mark.parametrize(
    "shape",
    [
        lambda x: x.tolist(),
        lambda x: (10 * x).astype(int),
        lambda x: x > 0,
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: x.astype(np.float16),
        lambda x: x.astype(object),
        lambda x: judge("pandas").DataFrame(x, columns=list("abcdef")),
        lambda x: judge("polars").DataFrame(x),
    ],
    ids=["lists", "whole numbers", "truths", "by columns", "every second row", "half", "objects", "pandas", "polars"],
)
def test_records_in_other_shapes(shape):
    X = shape(records())
    assert_alike(*fitted("binary", X), X)


def test_targets_of_other_types():
    for y in (target("binary").tolist(), target("binary") > 0, judge("pandas").Series(target("strings"), name="fruit")):
        assert_alike(*fitted("binary", y=y))
    for y in (target("counts").astype(int), target("number").tolist(), target("number").astype(np.float32)):
        assert_alike(*fitted("number", y=y))


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}])
@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_matrix, sparse.lil_array, np.array])
def test_targets_of_several_labels_in_other_forms(container, settings):
    """What is sparse in the target is sparse in the prediction; and all numbers but zero are one."""
    for scale in (1, 2):
        y = container(scale * target("multilabel"))
        theirs, ours = fitted("multilabel", y=y, **settings)
        expected, found = theirs.predict(records()), ours.predict(records())
        assert type(found) is type(expected)
        if sparse.issparse(found):
            expected, found = expected.toarray(), found.toarray()
        assert_array_equal(found, expected)
        assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
        assert ours.score(records(), y) == theirs.score(records(), y)
        if settings:
            assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-6)


def test_scores_with_weights():
    weights = np.random.default_rng(2).uniform(0, 3, ROWS)
    for kind in KINDS:
        theirs, ours = fitted(kind)
        expected = theirs.score(records(), target(kind), sample_weight=weights)
        assert_allclose(ours.score(records(), target(kind), sample_weight=weights), expected, rtol=1e-6)


def test_an_interruption_keeps_what_was_learnt():
    def interrupt(report):
        if report.epoch == 3:
            raise KeyboardInterrupt

    mlp = estimators.MLPClassifier(random_state=0, max_iter=10, callbacks=[interrupt])
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        mlp.fit(records(), target("binary"))
    expected = estimators.MLPClassifier(random_state=0, max_iter=3)
    with pytest.warns(ConvergenceWarning):
        expected.fit(records(), target("binary"))
    assert_array_equal(mlp.coefs_[0], expected.coefs_[0])
    assert len(mlp.loss_curve_) == mlp.n_iter_ == 3


def test_targets_in_a_column():
    assert_alike(*fitted("number", y=target("number")[:, None]))
    assert_alike(*fitted("binary", y=target("binary")[:, None]))


def test_a_single_class():
    assert_alike(*fitted("binary", y=np.ones(ROWS, int)))


@pytest.mark.parametrize(
    "settings",
    [
        {"verbose": True, "max_iter": 4},
        {"verbose": True, "tol": 0.5, "n_iter_no_change": 2},
        {"verbose": 1, "tol": 0.5, "n_iter_no_change": 2, "early_stopping": True},
        {"verbose": True, "n_iter_no_change": 2, **SOLVERS["adaptive"], "max_iter": 200},
    ],
)
def test_what_is_printed(settings, capsys):
    texts = []
    for estimator in pair("binary", **settings):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(records(), target("binary"))
        texts.append(capsys.readouterr().out)
    assert "Iteration 1, loss = " in texts[0]
    assert texts[1] == texts[0]


def drawn(seed):
    """Return a kind of target and settings, drawn at random."""
    generator = np.random.default_rng(seed)
    choices = {
        "hidden_layer_sizes": [(7, 5), (3,), (), 4, (2, 2, 2)],
        "activation": ["relu", "tanh", "logistic", "identity"],
        "solver": ["adam", "sgd"],
        "alpha": [0, 1e-4, 0.3],
        "batch_size": ["auto", 13, 40, 149],
        "learning_rate": ["constant", "invscaling", "adaptive"],
        "learning_rate_init": [1e-3, 5e-3],
        "power_t": [0.5, 0.1],
        "max_iter": [1, 5, 20],
        "shuffle": [True, False],
        "random_state": range(100),
        "tol": [1e-4, 0.05, 0],
        "momentum": [0, 0.9, 0.5],
        "nesterovs_momentum": [True, False],
        "early_stopping": [True, False],
        "validation_fraction": [0.1, 0.4],
        "beta_1": [0.9, 0.0],
        "beta_2": [0.999, 0.95],
        "epsilon": [1e-6, 0.1],
        "n_iter_no_change": [1, 3, 10, np.inf],
    }
    settings = {name: values[generator.integers(len(values))] for name, values in choices.items()}
    return KINDS[generator.integers(len(KINDS))], settings


@pytest.mark.parametrize("seed", range(40))
def test_settings_drawn_at_random(seed):
    kind, settings = drawn(seed)
    weights = np.random.default_rng(seed).uniform(0.1, 2, ROWS) if seed % 2 else None
    X = sparse.csr_array(records() * (records() > 0)) if seed % 3 == 0 else records()
    assert_alike(*fitted(kind, X, sample_weight=weights, **settings), X)
