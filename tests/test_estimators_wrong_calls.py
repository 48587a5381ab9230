"""Wrong calls of the estimators: the same class of error as scikit-learn's, and the text names what is wrong."""

import warnings

import numpy as np
import pytest

from judges import judge

neural_network = judge("sklearn.neural_network")

from scipy import sparse  # noqa: E402 - only now is it known that scikit-learn, which needs SciPy, is there
from sklearn.exceptions import NotFittedError  # noqa: E402

from pellucid import (  # noqa: E402
    BatchNorm,
    CrossEntropyFromLogits,
    Dense,
    Dropout,
    GaussianNLL,
    Quantile,
    ReLU,
    Residual,
    estimators,
)

NAMES = ("MLPClassifier", "MLPRegressor")
X = np.random.default_rng(0).standard_normal((30, 3))
Y = np.arange(30) % 2

# For each parameter of scikit-learn's classes, values that they refuse and that mean nothing to ours either.
WRONG = {
    "hidden_layer_sizes": [0, -1, (5, 0), 2.5, None, "100"],
    "activation": ["selfish", None, 3, ReLU],
    "solver": ["newton", None, 3, "Adam"],
    "alpha": [-0.1, "small", None, [0.1]],
    "batch_size": [0, -1, 2.5, "all", None],
    "learning_rate": ["fast", 0.1, None],
    "learning_rate_init": [0, -0.1, "fast", None],
    "power_t": [-0.5, "half", None],
    "max_iter": [0, -1, 2.5, "many", None],
    "loss": ["big", None, 3],
    "shuffle": ["yes", None, 2],
    "random_state": [-1, "zero", 0.5],
    "tol": [-0.1, "small", None],
    "verbose": ["yes", -1, None],
    "warm_start": ["yes", None],
    "momentum": [-0.1, 1.1, "half", None],
    "nesterovs_momentum": ["yes", None],
    "early_stopping": ["yes", None],
    "validation_fraction": [-0.1, 1, 1.5, "half", None],
    "beta_1": [-0.1, 1, "half", None],
    "beta_2": [-0.1, 1, "half", None],
    "epsilon": [0, -1e-8, "small", None],
    "n_iter_no_change": [0, -1, 2.5, "few", None],
    "max_fun": [0, -1, 2.5, "many", None],
}
# For each parameter of ours, wrong values and what else has to be set; first, some that scikit-learn does not name.
WRONG_OURS = [
    ("hidden_layer_sizes", (2.5, 3), {}),
    ("hidden_layer_sizes", ["three"], {}),
    ("hidden_layer_sizes", True, {}),
    ("hidden_layer_sizes", (5, True), {}),
    ("activation", Dropout(0.5), {"solver": "lbfgs"}),
    ("layers", [Dense(4), BatchNorm()], {"solver": "lbfgs"}),
    ("layers", [Dense(4), Residual([Dense(4), Dropout(0.5)])], {"solver": "lbfgs"}),
    ("activation", ["relu"], {"hidden_layer_sizes": (4, 3)}),
    ("activation", ["relu", "selfish"], {"hidden_layer_sizes": (4, 3)}),
    ("activation", [None, None], {"hidden_layer_sizes": (4, 3)}),
    ("learning_rate", "cosine", {"solver": "lbfgs"}),
    ("layers", "dense", {}),
    ("layers", 3, {}),
    ("layers", [3], {}),
    ("layers", [ReLU], {}),
    ("dropout", -0.1, {}),
    ("dropout", 1.0, {}),
    ("dropout", "half", {}),
    ("dropout", None, {}),
    ("dropout", [0.5], {"hidden_layer_sizes": (4, 3)}),
    ("dropout", [0.5, 1.5], {"hidden_layer_sizes": (4, 3)}),
    ("dropout", [0.5, "half"], {"hidden_layer_sizes": (4, 3)}),
    ("normalization", "group", {}),
    ("normalization", True, {}),
    ("clip_norm", 0, {}),
    ("clip_norm", -1.0, {}),
    ("clip_norm", "short", {}),
    ("dropout", 0.3, {"layers": [ReLU()]}),
    ("normalization", "layer", {"layers": [ReLU()]}),
    ("monitor", "loss", {}),
    ("monitor", "los", {}),
    ("monitor", "loss", {"early_stopping": True, "solver": "lbfgs"}),
    ("monitor", 3, {"early_stopping": True}),
    ("monitor", None, {"early_stopping": True}),
    ("monitor", "happiness", {"early_stopping": True, "validation_fraction": 0.5}),
    ("engine", "torch", {}),
    ("engine", None, {}),
    ("progress", "yes", {}),
    ("callbacks", 3, {}),
    ("callbacks", print, {}),
    ("callbacks", [3], {}),
]
WRONG_OF_CLASSIFIER = [
    ("label_smoothing", -0.1, {}),
    ("label_smoothing", 1.5, {}),
    ("label_smoothing", None, {}),
    ("label_smoothing", 0.1, {"loss": "hinge"}),
    ("class_weight", "fair", {}),
    ("class_weight", 3, {}),
    ("class_weight", [1, 2], {}),
    ("class_weight", {"0": 2.0}, {}),
    ("class_weight", {0: np.nan}, {}),
    ("class_weight", {0: -1.0}, {}),
    ("class_weight", {0: "much"}, {}),
    ("loss", "squared_error", {}),
    ("loss", GaussianNLL(), {}),
    ("loss", Quantile(q=(0.1, 0.9)), {}),
]
WRONG_OF_REGRESSOR = [
    ("quantile", 0, {"loss": "quantile"}),
    ("quantile", 1.0, {"loss": "quantile"}),
    ("quantile", "median", {"loss": "quantile"}),
    ("quantile", [], {"loss": "quantile"}),
    ("quantile", [[0.1, 0.9]], {"loss": "quantile"}),
    ("quantile", [0.9, 0.1], {"loss": "quantile"}),
    ("quantile", [0.1, 0.1], {"loss": "quantile"}),
    ("quantile", [0.1, 1.5], {"loss": "quantile"}),
    ("quantile", 0.5, {"loss": "huber"}),
    ("loss", CrossEntropyFromLogits(), {}),
    ("loss", "log_loss", {}),
]


def error_of(action):
    """Return the error that an action ends in."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            action()
        except Exception as error:
            return error
    return None


def errors_of_both(name, action, **settings):
    kinds = [getattr(module, name) for module in both_modules()]
    return [error_of(lambda kind=kind: action(kind(**settings))) for kind in kinds]


def both_modules():
    return neural_network, estimators


def test_every_parameter_has_wrong_values():
    for name in NAMES:
        assert set(getattr(neural_network, name)().get_params()) <= set(WRONG) | {"loss"}
    ours = set(estimators.MLPClassifier().get_params()) | set(estimators.MLPRegressor().get_params())
    assert ours == set(WRONG) | {row[0] for row in WRONG_OURS + WRONG_OF_CLASSIFIER + WRONG_OF_REGRESSOR}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("parameter", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_is_refused_like_scikit_learn(name, parameter, value):
    settings = {"max_iter": 2} | {parameter: value}
    ours = error_of(lambda: getattr(estimators, name)(**settings).fit(X, Y))
    assert parameter in str(ours)
    if parameter in getattr(neural_network, name)().get_params():
        theirs = error_of(lambda: getattr(neural_network, name)(**settings).fit(X, Y))
        assert type(ours) is type(theirs)
        assert parameter in str(theirs)
    else:
        assert isinstance(ours, ValueError)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("parameter", "value", "others"), WRONG_OURS)
def test_a_wrong_value_of_ours_is_refused_by_name(name, parameter, value, others):
    error = error_of(lambda: getattr(estimators, name)(**{parameter: value}, max_iter=2, **others).fit(X, Y))
    assert isinstance(error, (ValueError, TypeError))
    assert parameter in str(error).lower()


@pytest.mark.parametrize(("parameter", "value", "others"), WRONG_OF_CLASSIFIER)
def test_a_wrong_value_of_the_classifiers_is_refused_by_name(parameter, value, others):
    error = error_of(lambda: estimators.MLPClassifier(**{parameter: value}, max_iter=2, **others).fit(X, Y))
    assert isinstance(error, (ValueError, TypeError))
    assert parameter in str(error).lower()


@pytest.mark.parametrize(("parameter", "value", "others"), WRONG_OF_REGRESSOR)
def test_a_wrong_value_of_the_regressors_is_refused_by_name(parameter, value, others):
    error = error_of(lambda: estimators.MLPRegressor(**{parameter: value}, max_iter=2, **others).fit(X, Y))
    assert isinstance(error, (ValueError, TypeError))
    assert parameter in str(error).lower()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("parameter", "value"), [("no_such_parameter", 1), ("hidden", (3,))])
def test_an_unknown_parameter_is_refused(name, parameter, value):
    kind = getattr(estimators, name)
    with pytest.raises(TypeError, match=parameter):
        kind(**{parameter: value})
    with pytest.raises(ValueError, match=f"Invalid parameter '{parameter}'"):
        kind().set_params(**{parameter: value})


def test_a_third_positional_argument_is_refused_like_scikit_learn():
    for module in both_modules():
        with pytest.raises(TypeError, match="positional"):
            module.MLPClassifier((3,), "relu", "sgd")
        with pytest.raises(TypeError, match="positional"):
            module.MLPRegressor("squared_error", (3,), "relu", "sgd")


def with_value(value):
    wrong = X.copy()
    wrong[3, 1] = value
    return wrong


# What is called with what, and a word that both texts hold.
WRONG_TABLES = {
    "nan in X": (lambda mlp: mlp.fit(with_value(np.nan), Y), "NaN"),
    "infinity in X": (lambda mlp: mlp.fit(with_value(np.inf), Y), "infinity"),
    "X of one dimension": (lambda mlp: mlp.fit(X[:, 0], Y), "2D array"),
    "X of three dimensions": (lambda mlp: mlp.fit(X[None], Y), "dim 3"),
    "X empty": (lambda mlp: mlp.fit(X[:0], Y[:0]), "0 sample"),
    "X without columns": (lambda mlp: mlp.fit(X[:, :0], Y), "0 feature"),
    "complex X": (lambda mlp: mlp.fit(X + 1j, Y), "Complex"),
    "words in X": (lambda mlp: mlp.fit(np.full((30, 3), "word"), Y), "word"),
    "sparse X with nan": (lambda mlp: mlp.fit(sparse.csr_array(with_value(np.nan)), Y), "NaN"),
    "no y": (lambda mlp: mlp.fit(X, None), "y"),
    "y too short": (lambda mlp: mlp.fit(X, Y[:-1]), "inconsistent numbers of samples"),
    "nan in y": (lambda mlp: mlp.fit(X, np.where(Y, np.nan, 0.0)), "NaN"),
    "y of three dimensions": (lambda mlp: mlp.fit(X, np.zeros((30, 2, 2))), "dim 3"),
    "weights too short": (lambda mlp: mlp.fit(X, Y, sample_weight=np.ones(29)), "sample_weight"),
    "weights of two dimensions": (lambda mlp: mlp.fit(X, Y, sample_weight=np.ones((30, 2))), "weights"),
    "weights of nothing": (lambda mlp: mlp.fit(X, Y, sample_weight=np.zeros(30)), "non-zero"),
    "nan in weights": (lambda mlp: mlp.fit(X, Y, sample_weight=np.full(30, np.nan)), "NaN"),
    "not fitted": (lambda mlp: mlp.predict(X), "not fitted yet"),
    "columns missing": (lambda mlp: mlp.fit(X, Y).predict(X[:, :2]), "expecting 3 features"),
    "nan in new X": (lambda mlp: mlp.fit(X, Y).predict(with_value(np.nan)), "NaN"),
    "new X of one dimension": (lambda mlp: mlp.fit(X, Y).predict(X[0]), "2D array"),
    "columns missing in a part": (lambda mlp: in_parts(mlp, X, X[:, :2]), "expecting 3 features"),
}


def in_parts(mlp, first, second):
    named = {"classes": [0, 1]} if hasattr(mlp, "predict_proba") else {}
    mlp.partial_fit(first, Y, **named)
    mlp.partial_fit(second, Y)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", WRONG_TABLES)
def test_a_wrong_table_is_refused_like_scikit_learn(name, wrong):
    action, word = WRONG_TABLES[wrong]
    theirs, ours = errors_of_both(name, action, max_iter=2)
    assert type(ours) is type(theirs)
    assert isinstance(ours, NotFittedError if wrong == "not fitted" else ValueError)
    assert word.lower() in str(theirs).lower() and word.lower() in str(ours).lower()


WRONG_CLASSES = {
    "numbers for classes": (lambda mlp: mlp.fit(X, X[:, 0]), "Unknown label type"),
    "no classes in the first part": (lambda mlp: mlp.partial_fit(X, Y), "classes must be passed"),
    "classes that are not y's": (lambda mlp: mlp.partial_fit(X, Y, classes=[5, 6]), "classes"),
    "other classes later": (
        lambda mlp: mlp.partial_fit(X, Y, classes=[0, 1]).partial_fit(X, Y, classes=[0, 1, 2]),
        "is not the same as on last call",
    ),
    "a new class later": (
        lambda mlp: mlp.partial_fit(X, Y, classes=[0, 1]).partial_fit(X, Y + 1),
        "classes not in `self.classes_`",
    ),
    "too few of a class to hold out": (
        lambda mlp: mlp.set_params(early_stopping=True).fit(X, np.r_[1, np.zeros(29, int)]),
        "least populated class",
    ),
}
WRONG_NUMBERS = {
    "too few to hold out": (lambda mlp: mlp.set_params(early_stopping=True).fit(X[:5], Y[:5]), "too small"),
    "holding out of parts": (lambda mlp: mlp.set_params(early_stopping=True).partial_fit(X, Y), "early_stopping=True"),
}


@pytest.mark.parametrize("wrong", WRONG_CLASSES)
def test_wrong_classes_are_refused_like_scikit_learn(wrong):
    action, word = WRONG_CLASSES[wrong]
    theirs, ours = errors_of_both("MLPClassifier", action, max_iter=2)
    assert type(ours) is type(theirs) is ValueError
    assert word in str(theirs) and word in str(ours)


@pytest.mark.parametrize("wrong", WRONG_NUMBERS)
def test_wrong_targets_are_refused_like_scikit_learn(wrong):
    action, word = WRONG_NUMBERS[wrong]
    theirs, ours = errors_of_both("MLPRegressor", action, max_iter=2)
    assert type(ours) is type(theirs) is ValueError
    assert word in str(theirs) and word in str(ours)


@pytest.mark.parametrize(
    ("settings", "y", "words"),
    [
        ({}, np.full(30, "word"), "word"),
        ({}, np.arange(30).astype("datetime64[D]"), r"y must hold numbers, found 1970-01-01 \(datetime64\[D\]\)"),
        ({}, np.arange(30).astype("timedelta64[D]"), "y must hold numbers"),
        ({"loss": "poisson"}, Y - 1, "poisson.* y >= 0, found -1 in row 0"),
        ({"loss": "poisson"}, np.where(np.arange(60) == 45, -2.0, 1.0).reshape(30, 2), "found -2.0 in row 22"),
    ],
)
def test_targets_that_scikit_learn_trips_over_or_takes_are_refused(settings, y, words):
    with pytest.raises(ValueError, match=words):
        estimators.MLPRegressor(max_iter=2, **settings).fit(X, y)


def test_classes_cannot_be_balanced_part_by_part():
    mlp = estimators.MLPClassifier((4,), class_weight="balanced")
    with pytest.raises(ValueError, match='class_weight="balanced".*partial_fit cannot know.*give a dict'):
        mlp.partial_fit(X, Y, classes=[0, 1])
    mlp.set_params(class_weight={0: 1.0, 1: 2.0}).partial_fit(X, Y, classes=[0, 1])


def test_a_call_that_went_wrong_leaves_the_estimator_usable():
    mlp = estimators.MLPClassifier(tol=0.1, random_state=0).fit(X, Y)
    expected = mlp.predict_proba(X)
    for wrong in (lambda: mlp.fit(with_value(np.nan), Y), lambda: mlp.partial_fit(X, Y + 1)):
        assert isinstance(error_of(wrong), ValueError)
        np.testing.assert_array_equal(mlp.predict_proba(X), expected)


@pytest.mark.parametrize("name", NAMES)
def test_half_of_the_validation_records_are_refused(name):
    mlp = getattr(estimators, name)(max_iter=2)
    for named, words in (
        ({"X_val": X}, "y_val"),
        ({"y_val": Y}, "X_val"),
        ({"sample_weight_val": np.ones(30)}, "X_val"),
        ({"X_val": X[:, :2], "y_val": Y}, "X_val"),
        ({"X_val": with_value(np.nan), "y_val": Y}, "X_val"),
        ({"X_val": X, "y_val": Y[:-1]}, "y_val"),
        ({"X_val": X, "y_val": Y, "sample_weight_val": np.ones(29)}, "sample_weight_val"),
    ):
        with pytest.raises(ValueError, match=words):
            mlp.fit(X, Y, **named)


def test_validation_records_of_an_unknown_class_are_refused():
    with pytest.raises(ValueError, match="y_val"):
        estimators.MLPClassifier(max_iter=2).fit(X, Y, X_val=X, y_val=Y + 1)


def test_weights_of_another_shape_put_into_coefs_are_refused():
    mlp = estimators.MLPRegressor(hidden_layer_sizes=(4,), tol=0.1, random_state=0).fit(X, Y)
    mlp.coefs_[0] = np.zeros((2, 4))
    with pytest.raises(ValueError, match=r"coefs_\[0\] has shape \(2, 4\)"):
        mlp.predict(X)


def test_what_an_estimator_cannot_do_is_not_among_its_methods():
    # As in scikit-learn, whose regressor goes through all iterations of L-BFGS once more.
    assert not hasattr(estimators.MLPClassifier(solver="lbfgs"), "partial_fit")
    assert hasattr(estimators.MLPRegressor(solver="lbfgs"), "partial_fit")
    assert not hasattr(estimators.MLPClassifier(loss="hinge"), "predict_proba")
    assert not hasattr(estimators.MLPRegressor(), "predict_quantiles")
    assert not hasattr(estimators.MLPRegressor(loss="quantile", quantile=0.5), "predict_interval")


@pytest.mark.parametrize("alpha", [0.0, 1e-4])
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_that_counts_nothing_does_no_harm_or_is_told_by_name(name, alpha):
    # scikit-learn ends in ZeroDivisionError: Weights sum to zero, can't be normalized.
    weights = np.r_[np.zeros(15), np.ones(15)]
    mlp = getattr(estimators, name)(batch_size=15, shuffle=False, alpha=alpha, max_iter=2, random_state=0)
    error = error_of(lambda: mlp.fit(X, Y, sample_weight=weights))
    assert "sample_weight" in str(error) if error else np.isfinite(mlp.loss_curve_).all()


def test_a_sparse_target_is_as_good_as_a_dense_one():
    """scikit-learn's regressor takes one, too."""
    both = np.column_stack([X[:, 0], Y])
    dense, from_sparse = (
        estimators.MLPRegressor(random_state=0).partial_fit(X, y) for y in (both, sparse.csr_array(both))
    )
    np.testing.assert_array_equal(from_sparse.coefs_[0], dense.coefs_[0])


def test_rows_whose_sum_is_too_large_are_predicted_without_a_warning():
    mlp = estimators.MLPClassifier().partial_fit(X.astype(np.float32), Y, classes=[0, 1])
    huge = np.full((2, 3), 3e38, np.float32)
    with np.errstate(all="warn"):
        assert mlp._checked_inputs(huge).dtype == np.float32  # warnings are errors here
    with pytest.raises(ValueError, match="infinity"):
        mlp.predict(np.array([[np.inf, 1.0, 0.0]]))
