"""scikit-learn's own tests of its multi-layer perceptrons, read from the installed package and run on Pellucid's."""

import importlib.util
import types
import warnings
from pathlib import Path

import numpy as np
import pytest

from judges import judge

sklearn = judge("sklearn")

from sklearn.exceptions import ConvergenceWarning  # noqa: E402 - only now is it known that scikit-learn is there
from sklearn.preprocessing import LabelBinarizer  # noqa: E402

import pellucid  # noqa: E402
from pellucid.estimators import MLPClassifier, MLPRegressor  # noqa: E402

# What reaches into scikit-learn's private parts; a test of the same substance stands at the end of this file.
LEFT_OUT = {
    "test_gradient": "calls _loss_grad_lbfgs; here test_the_gradient_is_that_of_the_loss",
    "test_learning_rate_warmstart": "reads _optimizer; here test_a_warm_start_goes_on_with_the_rate",
    "test_adaptive_learning_rate": "reads _optimizer; here test_an_adaptive_rate_falls_until_it_is_tiny",
}

# As scikit-learn runs them: what is deprecated is an error, any other warning is not.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::UserWarning",
        "ignore::RuntimeWarning",
        "error::DeprecationWarning",
        "error::FutureWarning",
    ),
]


def tests_of_sklearn():
    found = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
    if found is None:
        pytest.skip("this scikit-learn is installed without its tests", allow_module_level=True)
    source = Path(found.origin).read_text(encoding="utf-8")
    theirs, ours = "from sklearn.neural_network import ", "from pellucid.estimators import "
    assert source.count(theirs) == source.count("sklearn.neural_network import") == 1
    module = types.ModuleType("sklearns_test_mlp")
    exec(compile(source.replace(theirs, ours), found.origin, "exec"), vars(module))
    return {name: test for name, test in vars(module).items() if name.startswith("test_")}


THEIRS = tests_of_sklearn()
for name, test in THEIRS.items():
    globals()[name] = pytest.mark.skip(reason=LEFT_OUT[name])(test) if name in LEFT_OUT else test


@pytest.fixture
def global_random_seed():
    return 42  # what scikit-learn's conftest.py gives by default


def test_what_is_run_is_ours():
    assert THEIRS["test_fit"].__globals__["MLPClassifier"] is MLPClassifier
    assert THEIRS["test_fit"].__globals__["MLPRegressor"] is MLPRegressor


def test_what_is_left_out_exists():
    assert set(LEFT_OUT) <= set(THEIRS)
    for reason in LEFT_OUT.values():
        assert callable(globals()[reason.rpartition(" ")[2]])


@pytest.mark.skipif(sklearn.__version__ != "1.9.1", reason="the number of tests is known for scikit-learn 1.9.1")
def test_all_of_them_are_collected():
    assert len(THEIRS) == 43
    assert sum(cases(test) for test in THEIRS.values()) == 59


def cases(test):
    """Return how many tests pytest makes of a function."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    return int(np.prod([len(mark.args[1]) for mark in marks], dtype=int))


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("labels", [2, 3])
def test_the_gradient_is_that_of_the_loss(labels, activation):
    X = np.random.RandomState(42).rand(5, 10)
    y = 1 + np.mod(np.arange(5) + 1, labels)
    mlp = MLPClassifier(10, activation, solver="lbfgs", alpha=0.1, max_iter=1, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp.fit(X, y)
    report = pellucid.check_gradients(mlp.network_, X, LabelBinarizer().fit_transform(y), at_most=None)
    assert report.passed, report
    assert sum(row.checked for row in report.rows if row.parameter) == mlp.network_.theta.size


@pytest.mark.parametrize("learning_rate", ["invscaling", "constant"])
def test_a_warm_start_goes_on_with_the_rate(learning_rate):
    X, y = [[3, 2], [1, 6], [5, 6], [-2, -4]], [1, 1, 1, 0]
    mlp = MLPClassifier(
        4, solver="sgd", learning_rate=learning_rate, max_iter=1, power_t=0.25, warm_start=True, random_state=0
    )
    rates = [mlp.fit(X, y).learning_rate_ for _ in range(2)]
    if learning_rate == "constant":
        assert rates == [0.001, 0.001]
    else:
        np.testing.assert_allclose(rates, [0.001 / (4 + 1) ** 0.25, 0.001 / (8 + 1) ** 0.25], rtol=1e-14)


def test_an_adaptive_rate_falls_until_it_is_tiny():
    mlp = MLPClassifier(tol=0.5, max_iter=3000, solver="sgd", learning_rate="adaptive", random_state=0)
    mlp.fit([[3, 2], [1, 6]], [1, 0])
    assert mlp.n_iter_ < 3000
    assert 1e-6 / 5 < mlp.learning_rate_ <= 1e-6
