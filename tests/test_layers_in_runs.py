"""Layers that draw and layers that remember, in whole runs: toys that stretch the contract, dropout, normalisation."""

import numpy as np
import pytest

from pellucid.arrays import Draw, draw
from pellucid.gradient_check import check_gradients
from pellucid.layers import EVALUATION, BatchNorm, Context, Dense, Dropout, Layer, Tanh
from pellucid.network import Network
from pellucid.optimizers import SGD
from table import ToyCentre, ToyNoise, scatter

TOYS = [ToyNoise(), ToyCentre(), Dropout(0.3), BatchNorm()]
over_toys = pytest.mark.parametrize("toy", TOYS, ids=lambda toy: type(toy).__name__)
RECORDS = np.random.default_rng(0).standard_normal((22, 3)) + 1.5
TARGETS = np.sin(RECORDS).sum(axis=1)


def toy_network(toy: Layer, **settings) -> Network:
    return Network(3, [Dense(5), toy, Tanh(), Dense(1)], **{"seed": 4, **settings})


@over_toys
@pytest.mark.parametrize("members", [None, 2])
@pytest.mark.parametrize("training", [False, True])
def test_toy_gradient_is_proven(toy, training, members):
    network = scatter(toy_network(toy, members=members))
    report = check_gradients(network, RECORDS, TARGETS, loss="squared_error", training=training)
    assert report.passed, report
    assert {row.method for row in report.rows} == {"complex step"}


@over_toys
def test_toy_trains(toy):
    network = toy_network(toy)
    history = network.fit(RECORDS, TARGETS, loss="squared_error", optimizer=SGD(0.05), epochs=60, batch_size=8)
    assert history["loss"][-1] < 0.5 * history["loss"][0]


@over_toys
def test_toy_run_is_repeatable_and_its_seed_counts(toy):
    def theta(seed):
        network = toy_network(toy)
        network.fit(RECORDS, TARGETS, loss="squared_error", epochs=2, batch_size=8, seed=seed)
        return network.theta

    np.testing.assert_array_equal(theta(1), theta(1))
    assert (theta(1) != theta(2)).any()


@over_toys
@pytest.mark.parametrize("batches", ["own", "shared"])
def test_toy_members_equal_single_runs(toy, batches):
    settings = {"loss": "squared_error", "optimizer": SGD(0.05, momentum=0.5), "epochs": 3, "batch_size": 8}
    settings["shuffle"] = batches == "own"  # with one order for all, only member 0 sees the order of its own seed
    together = toy_network(toy, members=3)
    together.fit(RECORDS, TARGETS, batches=batches, **settings)
    for member in range(3):
        alone = toy_network(toy, seed=4 + member)
        alone.fit(RECORDS, TARGETS, **settings)
        np.testing.assert_allclose(together.theta[member], alone.theta, rtol=1e-12)
        np.testing.assert_allclose(together.predict(RECORDS)[member], alone.predict(RECORDS), rtol=1e-11)
        for ours, others in zip(together.state, alone.state, strict=True):
            for name in ours:
                np.testing.assert_allclose(ours[name][member], others[name], rtol=1e-12)


def test_noise_is_drawn_in_training_only():
    seen = []

    class Watched(ToyNoise):
        def forward(self, parameters, x, context):
            seen.append((context.training, dict(context.random)))
            return super().forward(parameters, x, context)

    network = Network(3, [Dense(5), Watched(), Dense(1)], seed=0)
    seen.clear()  # a layer of one's own is tried once when a network takes it
    network.fit(RECORDS, TARGETS, loss="squared_error", epochs=2, batch_size=8)
    draws = [random["u"] for training, random in seen if training]
    del draws[-1]  # the look at the end of a run, with the draws of its last step
    assert [array.shape for array in draws] == [(8, 5), (8, 5), (6, 5)] * 2
    assert not any((draws[0] == other).any() for other in (draws[1], draws[3], draws[4]))
    seen.clear()
    assert (network.predict(RECORDS) == network.predict(RECORDS)).all()
    assert seen == [(False, {})] * 2


def test_evaluation_of_noise_is_its_mean():
    x, layer = np.ones((4, 3)), ToyNoise(size=1.0)
    np.testing.assert_array_equal(layer.forward({}, x, EVALUATION)[0], np.full((4, 3), 1.5))
    context = Context(training=True, random={"u": np.full((4, 3), 0.25)})
    np.testing.assert_array_equal(layer.forward({}, x, context)[0], np.full((4, 3), 1.25))


def test_running_mean_is_remembered_and_used_in_prediction():
    # One layer, nothing to learn before it: the running mean can be worked out by hand.
    network = Network(3, [ToyCentre(keep=0.5), Dense(1)], seed=0)
    network.fit(RECORDS, TARGETS, loss="squared_error", epochs=2, batch_size=None)
    mean = RECORDS.mean(axis=0)
    expected = 0.5 * (0.5 * mean) + 0.5 * mean
    np.testing.assert_allclose(network.state[0]["mean"], expected, rtol=1e-14)
    weights, bias = network.parameters["dense_1"]["weights"], network.parameters["dense_1"]["bias"]
    np.testing.assert_allclose(network.predict(RECORDS), (RECORDS - expected) @ weights + bias, rtol=1e-12)
    np.testing.assert_allclose(network.copy().predict(RECORDS), network.predict(RECORDS), rtol=0)


def test_running_mean_keeps_the_dtype():
    network = Network(3, [ToyCentre(), Dense(1)], seed=0, dtype="float32")
    network.fit(RECORDS, TARGETS, loss="squared_error", epochs=2, batch_size=8)
    assert network.state[0]["mean"].dtype == np.float32
    assert network.predict(RECORDS).dtype == np.float32


def test_validation_uses_the_running_mean_of_that_epoch():
    losses = []
    network = Network(3, [ToyCentre(keep=0.5), Dense(1)], seed=0)

    def watch(report):
        mean = report.network.state[0]["mean"]
        weights, bias = (report.network.parameters["dense_1"][name] for name in ("weights", "bias"))
        output = (RECORDS[:5] - mean) @ weights + bias
        losses.append((report.validation_loss, np.mean((output[:, 0] - TARGETS[:5]) ** 2)))

    network.fit(
        RECORDS, TARGETS, loss="squared_error", epochs=3, validation_data=(RECORDS[:5], TARGETS[:5]), callbacks=[watch]
    )
    found, expected = zip(*losses, strict=True)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_members_draw_what_each_would_draw_alone():
    generators = [np.random.default_rng(seed) for seed in (5, 6)]
    together = draw(generators, Draw("normal", (2, 3, 4)), np.float32)
    assert together.dtype == np.float32
    for member, seed in enumerate((5, 6)):
        alone = draw([np.random.default_rng(seed)], Draw("normal", (3, 4)), np.float64)
        np.testing.assert_array_equal(together[member], alone.astype(np.float32))
