"""Normalising layers: by hand, against PyTorch, running statistics, and batches that have no spread."""

import numpy as np
import pytest

from judges import judge
from pellucid import SGD, BatchNorm, Dense, LayerNorm, Network, PReLU, RMSNorm, Tanh, check_gradients
from pellucid.layers import Context


def in_training(layer, x, parameters=None, state=None):
    """Go forward in training; return y and the new running statistics."""
    context = Context(training=True, state=layer.state(x.shape[1:]) if state is None else state)
    y, cache = layer.forward({} if parameters is None else parameters, x, context)
    return y, cache["state"]


def normal(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape)


# Batch normalisation


def test_batch_norm_by_hand():
    # Two channels of two pixels in one record: means 2 and 0, variances 1 and 4, unbiased 2 and 8.
    x = np.array([[[[1.0, -2.0], [3.0, 2.0]]]])
    layer = BatchNorm(momentum=0.75, epsilon=1e-12)
    parameters = {"scale": np.array([1.0, 10.0]), "shift": np.array([0.0, 5.0])}
    y, state = in_training(layer, x, parameters=parameters)
    np.testing.assert_allclose(y, [[[[-1.0, -5.0], [1.0, 15.0]]]], rtol=1e-10)
    np.testing.assert_allclose(state["mean"], [0.5, 0.0])
    np.testing.assert_allclose(state["variance"], [0.75 + 0.25 * 2, 0.75 + 0.25 * 8])


@pytest.mark.parametrize("shape", [(6, 3), (2, 4, 5, 3)])
def test_running_statistics_are_those_of_torch(shape):
    torch = judge("torch")
    layer = BatchNorm(momentum=0.8, epsilon=1e-3)
    theirs = (torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d)(3, momentum=0.2, eps=1e-3).double()
    parameters, state = {"scale": np.ones(3), "shift": np.zeros(3)}, layer.state(shape[1:])
    for step in range(5):
        x = 3 * normal(*shape, seed=step) + 1
        y, state = in_training(layer, x, parameters=parameters, state=state)
        y_theirs = theirs(torch.tensor(x).movedim(-1, 1)).movedim(1, -1)
        np.testing.assert_allclose(y, y_theirs.detach().numpy(), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(state["mean"], theirs.running_mean.numpy(), rtol=1e-12)
    np.testing.assert_allclose(state["variance"], theirs.running_var.numpy(), rtol=1e-12)
    theirs.eval()
    x = normal(*shape, seed=9)
    y, _ = layer.forward(parameters, x, Context(state=state))
    np.testing.assert_allclose(
        y, theirs(torch.tensor(x).movedim(-1, 1)).movedim(1, -1).detach().numpy(), rtol=1e-10, atol=1e-14
    )


@pytest.mark.parametrize("shift", [True, False])
def test_a_single_value_a_channel_comes_out_as_the_shift(shift):
    # PyTorch refuses such a batch; but a table's last, short batch may be one record.
    layer = BatchNorm(momentum=0.9, shift=shift)
    parameters = {"scale": np.array([2.0, 3.0])} | ({"shift": np.array([5.0, -1.0])} if shift else {})
    state = {"mean": np.array([1.0, 1.0]), "variance": np.array([4.0, 9.0])}
    x = np.array([[11.0, -9.0]])
    y, cache = layer.forward(parameters, x, Context(training=True, state=state))
    assert y.tolist() == ([[5.0, -1.0]] if shift else [[0.0, 0.0]])
    np.testing.assert_allclose(cache["state"]["mean"], [2.0, 0.0], atol=1e-15)
    assert cache["state"]["variance"].tolist() == [4.0, 9.0]
    dx, gradients = layer.backward(parameters, cache, np.array([[1.0, 2.0]]))
    assert dx.tolist() == [[0.0, 0.0]]
    assert gradients["scale"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("members", [None, 2])
def test_a_last_batch_of_one_record_is_no_trouble(members):
    network = Network(3, [Dense(4), BatchNorm(), Tanh(), Dense(1)], seed=0, members=members)
    X = normal(9, 3)
    history = network.fit(X, X[:, 0], loss="squared_error", epochs=5, batch_size=4)
    assert np.isfinite(history["loss"]).all()
    assert np.isfinite(network.theta).all()


def test_after_many_steps_prediction_standardises():
    X = normal(64, 3) * [1.0, 20.0, 0.1] + [5.0, -300.0, 0.0]
    network = Network(3, [BatchNorm(epsilon=1e-9), Dense(1)], seed=0, frozen=["batch_norm_1"])
    network.fit(X, X[:, 0], loss="squared_error", optimizer=SGD(1e-6), epochs=300, batch_size=None)
    y, _ = network.layers[0].forward(network.parameters["batch_norm_1"], X, Context(state=network.state[0]))
    np.testing.assert_allclose(y, (X - X.mean(axis=0)) / X.std(axis=0, ddof=1), rtol=1e-6, atol=1e-9)


def test_before_training_prediction_changes_nothing_but_epsilon():
    x = normal(4, 3)
    np.testing.assert_allclose(Network(3, [BatchNorm()], seed=0).predict(x), x / np.sqrt(1 + 1e-5), rtol=1e-14)


def test_a_record_is_predicted_alike_alone_and_in_company():
    network = Network(3, [Dense(4), BatchNorm(), Dense(1)], seed=0)
    X = normal(20, 3)
    network.fit(X, X[:, 0], loss="squared_error", epochs=3, batch_size=5)
    np.testing.assert_allclose(network.predict(X[:1]), network.predict(X)[:1], rtol=1e-13)


def test_a_constant_channel_is_no_trouble():
    x = np.full((5, 2), 7.0)
    layer = BatchNorm(scale=False, shift=False)
    y, cache = layer.forward({}, x, Context(training=True, state=layer.state((2,))))
    assert (y == 0).all()
    assert np.isfinite(layer.backward({}, cache, normal(5, 2))[0]).all()


def test_a_large_mean_costs_no_digits():
    # Summing squares, and taking the mean's square off, would lose them all.
    x = 1e6 + normal(50, 2)
    for dtype, within in (("float64", 1e-8), ("float32", 0.05)):
        given = x.astype(dtype)
        _, state = in_training(BatchNorm(momentum=0.0, scale=False, shift=False), given)
        np.testing.assert_allclose(state["variance"], given.astype("float64").var(axis=0, ddof=1), rtol=within)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("shift", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_every_choice_of_scale_and_shift_is_proven(scale, shift, training):
    inside = [BatchNorm(scale=scale, shift=shift), LayerNorm(scale=scale, shift=shift), RMSNorm(scale=scale)]
    layers = [Dense(4)]
    for layer in inside:
        layers += [layer, Tanh(), Dense(4)]
    network = Network(4, layers, seed=0)
    names = {name for one in network.parameters.values() for name in one}
    assert names == {"weights", "bias"} | ({"scale"} if scale else set()) | ({"shift"} if shift else set())
    report = check_gradients(network, normal(7, 4), normal(7, 4, seed=2), loss="squared_error", training=training)
    assert report.passed, report


def test_penalties_leave_scale_and_shift_alone():
    network = Network(3, [BatchNorm(), LayerNorm(), RMSNorm(), PReLU(), Dense(1)], seed=0)
    biases = {f"{slot.name}" for slot in network.layout.slots if slot.is_bias}
    assert biases == {"scale", "shift", "slope", "bias"}


@pytest.mark.parametrize("layer", [BatchNorm(), LayerNorm(), RMSNorm(), PReLU(), PReLU(shared=True)], ids=str)
def test_a_batch_of_images_keeps_its_digits_in_float32(layer):
    # A quarter of a million values a channel: added up one by one in float32, they lose a digit too many.
    shape, found = (64, 64, 64, 4), {}
    x, dy = normal(*shape).astype("float32"), normal(*shape, seed=2).astype("float32")
    for dtype in ("float32", "float64"):
        parameters = {name: np.full(one.shape, 0.5, dtype) for name, one in layer.parameters(shape[1:]).items()}
        _, cache = layer.forward(parameters, x.astype(dtype), Context(True, {}, layer.state(shape[1:])))
        dx, gradients = layer.backward(parameters, cache, dy.astype(dtype))
        found[dtype] = {"dx": dx} | gradients
    for name, exact in found["float64"].items():
        assert found["float32"][name].dtype == np.float32
        assert np.linalg.norm(found["float32"][name] - exact) <= 1e-6 * np.linalg.norm(exact), name


# Layer and root mean square normalisation


@pytest.mark.parametrize("layer", [LayerNorm(scale=False, shift=False), RMSNorm(scale=False)], ids=str)
def test_the_scale_of_a_record_makes_no_difference(layer):
    x = 5 + normal(6, 8)
    y, _ = layer.forward({}, x, Context())
    times, _ = layer.forward({}, 1000 * x, Context())
    np.testing.assert_allclose(y, times, rtol=1e-4)
    np.testing.assert_allclose((y**2).mean(axis=-1), 1, rtol=1e-4)


@pytest.mark.parametrize("layer", [LayerNorm(scale=False, shift=False), RMSNorm(scale=False)], ids=str)
def test_a_record_of_zeros_stays_one(layer):
    y, cache = layer.forward({}, np.zeros((2, 3)), Context())
    assert (y == 0).all()
    assert np.isfinite(layer.backward({}, cache, np.ones((2, 3)))[0]).all()
