"""The range test of the learning rate: it finds the rates that a network learns with, and changes nothing."""

import pickle
import warnings

import numpy as np
import pytest

from pellucid import SGD, Adam, BatchNorm, Dense, Dropout, ExponentialDecay, Network, Penalty, Residual, Tanh
from pellucid.insight.rate_range import RateRange, learning_rate_range


def numbers(rows=300, seed=0):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(rows, 3))
    return X, X[:, 0] + 0.5 * X[:, 1] ** 2 + 0.1 * generator.normal(size=rows)


def network(**settings):
    return Network(3, [Dense(8), Tanh(), Dense(1)], seed=0, **settings)


def test_the_losses_are_those_of_gradient_descent_by_hand():
    # One weight, x = 1, y = 0, the squared error: the loss is w^2 and a step takes w to w (1 - 2 rate).
    one = Network(1, [Dense(1, bias=False)], seed=0)
    one.theta = [1.0]
    found = learning_rate_range(
        one, np.ones((8, 1)), np.zeros(8), loss="squared_error", optimizer=SGD(), lowest=0.01, highest=0.4, steps=10
    )
    rates = np.geomspace(0.01, 0.4, 10)
    assert found.rates == pytest.approx(rates)
    assert found.losses == pytest.approx(np.cumprod(1 - 2 * rates) ** 2)
    assert found.suggested == pytest.approx(0.04)  # the loss is lowest at the last rate


def test_layers_that_draw_and_remember_are_watched_and_left_as_they_are():
    X, y = numbers()
    one = Network(3, [Dense(8), BatchNorm(), Residual([Dropout(0.2), Tanh(), Dense(8)]), Dense(1)], seed=0)
    one.fit(X, y, loss="squared_error", epochs=2)
    theta, running = one.theta.copy(), {name: array.copy() for name, array in one.state[1].items()}
    first, again = (learning_rate_range(one, X, y, steps=20) for _ in range(2))
    assert first.losses.tolist() == again.losses.tolist()
    assert np.isfinite(first.losses[:10]).all()
    assert (one.theta == theta).all()
    assert all((one.state[1][name] == running[name]).all() for name in running)


@pytest.mark.parametrize("batch_size", [1, 7, 32, 299, 300, 1000, None])
def test_every_size_of_batch_gives_one_loss_a_rate(batch_size):
    X, y = numbers()
    found = learning_rate_range(network(), X, y, loss="squared_error", steps=20, highest=1e-2, batch_size=batch_size)
    assert len(found.rates) == len(found.losses) == len(found.smoothed) == 20
    assert found.rates == pytest.approx(np.geomspace(1e-6, 1e-2, 20))
    assert np.isfinite(found.losses).all()


def test_it_ends_where_the_loss_bursts():
    X, y = numbers()
    found = learning_rate_range(network(), X, y, loss="squared_error", optimizer=SGD(), highest=1e6)
    assert len(found.rates) < 100
    assert found.rates[-1] < 100
    assert found.losses[-1] > found.losses[0]
    assert found.suggested is not None and found.suggested < found.rates[-1] / 10


def test_the_suggested_rate_learns_better_than_one_far_below_and_one_far_above():
    X, y = numbers()
    found = learning_rate_range(network(), X, y, loss="squared_error", optimizer="adam")

    def loss_at(rate):
        one = network()
        one.fit(X, y, loss="squared_error", optimizer=Adam(rate), epochs=10)
        return one.loss(X, y)

    assert loss_at(found.suggested) < min(loss_at(found.suggested / 100), loss_at(found.suggested * 1000))


def test_where_the_loss_never_falls_nothing_is_suggested():
    X, y = numbers()
    found = learning_rate_range(network(), X, y, loss="squared_error", lowest=1e-9, highest=1e-7, batch_size=None)
    assert found.suggested is None
    assert "none suggested" in repr(found)


@pytest.mark.parametrize(
    "made", [network(), network(members=3), network(dtype="float32")], ids=["one", "members", "float32"]
)
def test_the_network_stays_as_it_is_to_the_last_bit(made):
    X, y = numbers()
    made.fit(X, y, loss="squared_error", epochs=3)
    before = pickle.dumps(made)
    found = learning_rate_range(made, X, y)
    assert pickle.dumps(made) == before
    assert isinstance(found, RateRange)


def test_the_same_call_gives_the_same_and_another_seed_another_order():
    X, y = numbers()
    first, again = (learning_rate_range(network(), X, y, loss="squared_error") for _ in range(2))
    other = learning_rate_range(network(), X, y, loss="squared_error", seed=1)
    assert (first.losses == again.losses).all()
    assert (first.losses[:5] != other.losses[:5]).any()


def test_the_optimizer_keeps_its_settings_and_its_own_schedule_gives_way():
    X, y = numbers()
    plain = learning_rate_range(network(), X, y, loss="squared_error", optimizer=SGD(0.5))
    scheduled = learning_rate_range(
        network(), X, y, loss="squared_error", optimizer=SGD(ExponentialDecay(1.0, factor=0.5))
    )
    heavy = learning_rate_range(network(), X, y, loss="squared_error", optimizer=SGD(0.5, momentum=0.9))
    assert (plain.losses == scheduled.losses).all()
    assert len(plain.losses) != len(heavy.losses) or (plain.losses != heavy.losses).any()


def test_what_a_network_remembers_of_its_training_is_used():
    X, y = numbers()
    made = network()
    made.fit(X, y, loss="absolute_error", optimizer=SGD(0.01), penalty=Penalty(l2=0.1), epochs=1)
    found = learning_rate_range(made, X, y, batch_size=None, lowest=1e-9, highest=1e-8)
    price = 0.1 / 2 * sum(float((views["weights"] ** 2).sum()) for views in made.parameters.values())
    assert found.losses[0] == pytest.approx(made.loss(X, y) + price, rel=1e-5)


def test_a_loss_that_bursts_warns_nobody():
    X, y = numbers()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learning_rate_range(network(), X * 1e3, y, loss="squared_error", optimizer=SGD(), highest=1e300)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"network": 1}, TypeError, "tries rates on a Network, found a int"),
        ({"loss": None}, ValueError, "name a loss the first time"),
        ({"optimizer": "lbfgs"}, ValueError, "L-BFGS chooses its own steps"),
        ({"optimizer": "none"}, ValueError, "there is no optimizer"),
        ({"lowest": 0.0}, ValueError, "lowest and highest"),
        ({"lowest": 1.0, "highest": 0.1}, ValueError, "lowest and highest"),
        ({"highest": float("inf")}, ValueError, "lowest and highest"),
        ({"steps": 3}, ValueError, "steps must be a whole number of at least 10"),
        ({"steps": 20.0}, ValueError, "steps must be a whole number"),
        ({"batch_size": 0}, ValueError, "batch_size must be a positive whole number"),
        ({"batch_size": 2.5}, ValueError, "batch_size must be a positive whole number"),
        ({"seed": -1}, ValueError, "seed must be"),
        ({"X": np.zeros((3, 2))}, ValueError, "X has shape"),
        ({"y": np.zeros(4)}, ValueError, "X has 300 records and y has 4"),
        ({"y": np.full(300, 1e200)}, ValueError, "not finite from the first steps on"),
    ],
)
def test_bad_input_is_refused_by_name(changes, error, words):
    X, y = numbers()
    arguments = {"network": network(), "X": X, "y": y, "loss": "squared_error", **changes}
    with pytest.raises(error, match=words):
        learning_rate_range(arguments.pop("network"), arguments.pop("X"), arguments.pop("y"), **arguments)


def test_the_curve_is_drawn_on_a_logarithmic_axis_with_the_suggestion_marked():
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from pellucid.insight.plots import learning_rate_curve

    X, y = numbers()
    found = learning_rate_range(network(), X, y, loss="squared_error")
    ax = learning_rate_curve(found, ax=Figure().subplots())
    batches, smoothed, mark = ax.get_lines()
    assert ax.get_xscale() == "log"
    assert (batches.get_ydata() == found.losses).all() and (batches.get_xdata() == found.rates).all()
    assert (smoothed.get_ydata() == found.smoothed).all()
    assert mark.get_xdata()[0] == found.suggested
    assert ax.get_xlabel() == "learning rate" and ax.get_ylabel() == "loss"
    flat = RateRange(found.rates, found.losses, found.smoothed, None)
    assert len(learning_rate_curve(flat, ax=Figure().subplots()).get_lines()) == 2
