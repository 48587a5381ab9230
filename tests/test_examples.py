"""The examples, run as a reader would run them, with every figure that they are known by."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from judges import judge
from pellucid import Sigmoid, check_gradients

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name):
    """Import an example, which is no part of the package, from its file."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


first = example("first_network")


def summed_error(network):
    """Return what the tutorial prints: the sum of all errors, with their signs."""
    return float((network.predict(first.RECORDS)[:, 0] - first.LABELS).sum())


def train(activation, epochs):
    """Train the first network; return it and the summed errors before the first and before the last update."""
    network = first.first_network(activation)
    errors = [summed_error(network)]
    network.fit(first.RECORDS, first.LABELS, epochs=epochs - 1, **first.SETTINGS)
    errors.append(summed_error(network))
    return network, errors


# The first network


def test_first_network_starts_as_the_tutorials():
    network = first.first_network(Sigmoid())
    np.testing.assert_allclose(network.theta, [0.37454012, 0.95071431, 0.73199394, 0.59865848], atol=5e-9)
    assert summed_error(network) == pytest.approx(1.8806216715619812, rel=1e-9)


def test_tutorials_rule_is_the_tutorials_own_loop():
    # Written as the tutorial describes it, with nothing of Pellucid: slope taken at the output a, step 0.05.
    old = np.random.RandomState(42)
    weights, bias = old.rand(3, 1), old.rand(1)
    for _ in range(500):
        a = 1 / (1 + np.exp(-(first.RECORDS @ weights + bias)))
        again = 1 / (1 + np.exp(-a))
        delta = (a - first.LABELS[:, None]) * again * (1 - again)
        weights = weights - 0.05 * first.RECORDS.T @ delta
        bias = bias - 0.05 * delta.sum()
    network = first.first_network(first.TutorialSigmoid())
    network.fit(first.RECORDS, first.LABELS, epochs=500, **first.SETTINGS)
    np.testing.assert_allclose(network.theta, [*weights[:, 0], *bias], rtol=1e-12)


@pytest.mark.slow
def test_tutorials_rule_after_25_000_epochs():
    network, errors = train(first.TutorialSigmoid(), 25_000)
    assert errors == pytest.approx([1.8806216715619812, -0.0026630805670836], rel=1e-9)
    network.fit(first.RECORDS, first.LABELS, epochs=1)
    assert [f"{value:.8f}" for value in network.predict(first.QUESTIONS)[:, 0]] == ["0.02262959", "0.98778682"]
    np.testing.assert_allclose(network.theta, [6.5760963, 14.73465467, -7.69323689, -10.34170351], atol=5e-9)


@pytest.mark.slow
def test_published_figures_are_those_of_epoch_55_000():
    network, errors = train(first.TutorialSigmoid(), 55_000)
    assert errors[1] == pytest.approx(-0.00141339889037063, rel=1e-9)
    network.fit(first.RECORDS, first.LABELS, epochs=1)
    assert [f"{value:.8f}" for value in network.predict(first.QUESTIONS)[:, 0]] == ["0.01031463", "0.99440207"]


@pytest.mark.slow
def test_correct_gradient_after_25_000_epochs():
    network, errors = train(Sigmoid(), 25_000)
    assert errors[1] == pytest.approx(-0.0100905521160619, rel=1e-9)
    mean = network.loss(first.RECORDS, first.LABELS, loss="squared_error")
    assert mean == pytest.approx(0.0023774962934822, rel=1e-9)
    network.fit(first.RECORDS, first.LABELS, epochs=1)
    assert [f"{value:.8f}" for value in network.predict(first.QUESTIONS)[:, 0]] == ["0.05930351", "0.96175397"]


@pytest.mark.parametrize("activation", [Sigmoid(), first.TutorialSigmoid()], ids=repr)
def test_the_check_accepts_the_one_and_refuses_the_other(activation):
    suspects = () if type(activation) is Sigmoid else ("tutorial_sigmoid_1",)
    report = check_gradients(first.first_network(activation), first.RECORDS, first.LABELS, loss=first.SETTINGS["loss"])
    assert report.passed == (not suspects)
    assert report.suspects == suspects


@pytest.mark.slow
def test_first_network_prints_its_figures(capsys):
    first.main()
    printed = capsys.readouterr().out
    for figure in ("-0.00266308056708", "0.02262959 0.98778682", "-0.0100905521160", "0.05930351 0.96175397"):
        assert figure in printed
    assert "The derivative is wrong in: tutorial_sigmoid_1" in printed


# The moons


@pytest.fixture(scope="module")
def moons():
    judge("sklearn.datasets")
    return example("moons")


def costs(moons, passes):
    """Train; return the network, and at each pass reported the cost after it and one pass earlier."""
    X, y = moons.moons()
    network = moons.start()
    return network, {made: (cost, before) for made, cost, before in moons.train(network, X, y, passes)}


def test_moons_at_the_start(moons):
    _, reached = costs(moons, 1_001)
    assert reached[1][0] == pytest.approx(0.432386631525492, abs=1e-6)
    assert reached[1_001][0] == pytest.approx(0.068946538119841, abs=1e-6)


@pytest.mark.slow
def test_moons_to_the_end(moons, tmp_path):
    judge("matplotlib")
    X, y = moons.moons()
    network, reached = costs(moons, moons.PASSES)
    # Late in the run the cost alternates between two values, and rounding decides which falls on this very pass.
    for passes, known in ((10_001, 0.070758300319221), (19_001, 0.070757995002969), (20_000, 0.071315808715081)):
        assert min(abs(cost - known) for cost in reached[passes]) < 1e-6
    assert (network.predict(X).argmax(axis=1) == y).mean() == 0.975

    moons.draw(network, X, y, tmp_path / "moons.png")
    picture = (tmp_path / "moons.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n")
    assert len(picture) > 10_000


# The digits


@pytest.mark.slow
def test_digits_are_read_in_every_split():
    judge("sklearn.datasets")
    digits = example("digits")
    X, y = digits.digits()
    assert X.shape == (1797, 8, 8, 1)
    assert (X.min(), X.max()) == (0, 1)
    results = list(digits.splits(X, y))
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test, _ in results])), np.arange(1797))
    assert np.mean([(read == y[test]).mean() for _, test, read in results]) >= 0.98
