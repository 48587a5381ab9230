"""Convolution and pooling over height and width: against loops, by hand, and against what other libraries do."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid
from judges import judge
from pellucid import SGD, AveragePool2D, Conv2D, Dense, Flatten, MaxPool2D, Network, Tanh, check_gradients
from pellucid.arrays import overlap_add, sliding
from pellucid.layers import EVALUATION


def small(**settings):
    """Return a network of all three layers, for pictures of 6 x 6 in two channels."""
    second = Conv2D(6, 2, stride=2, padding=1, groups=2)
    layers = [Conv2D(4, 3, padding="same"), MaxPool2D(), second, Tanh(), AveragePool2D(), Flatten()]
    return Network((6, 6, 2), layers, **{"seed": 0, **settings})


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def placed(x, layer, fill=0.0):
    """Put the padding around x [B, H, W, C], as the text of Conv2D says."""
    if layer.padding == "valid":
        margins = ((0, 0), (0, 0))
    elif layer.padding == "same":
        margins = []
        for length, window, step in zip(x.shape[1:3], pair(layer.size), pair(strides(layer)), strict=True):
            out = -(-length // step)
            total = max((out - 1) * step + window - length, 0)
            margins.append((total // 2, total - total // 2))
    else:
        margins = [(each, each) for each in pair(layer.padding)]
    return np.pad(x, ((0, 0), *margins, (0, 0)), constant_values=fill)


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def strides(layer):
    return layer.size if layer.stride is None else layer.stride


def windows_of(x, layer, fill=0.0):
    """Yield each place of the output and the window that belongs to it, [B, h, w, C]."""
    (height, width), (down, right) = pair(layer.size), pair(strides(layer))
    x = placed(x, layer, fill)
    rows, columns = (x.shape[1] - height) // down + 1, (x.shape[2] - width) // right + 1
    for p, q in itertools.product(range(rows), range(columns)):
        yield (p, q), x[:, p * down : p * down + height, q * right : q * right + width]


def convolved(x, weights, bias, layer):
    """Convolve with a loop over places and filters."""
    channels, filters = weights.shape[2], layer.filters // layer.groups
    y = {}
    for place, window in windows_of(x, layer):
        y[place] = np.empty((len(x), layer.filters))
        for f in range(layer.filters):
            own = window[..., f // filters * channels :][..., :channels]
            y[place][:, f] = (own * weights[..., f]).sum(axis=(1, 2, 3)) + bias[f]
    last = max(y)
    return np.array([[y[p, q] for q in range(last[1] + 1)] for p in range(last[0] + 1)]).transpose(2, 0, 1, 3)


pairs = st.integers(1, 3) | st.tuples(st.integers(1, 4), st.integers(1, 4))
paddings = st.sampled_from(["valid", "same"]) | st.integers(0, 2) | st.tuples(st.integers(0, 3), st.integers(0, 2))
records = st.tuples(st.integers(1, 3), st.integers(4, 8), st.integers(4, 8))


@given(pairs, pairs, paddings, st.integers(1, 3), st.integers(1, 2), st.integers(1, 2), records)
@settings(max_examples=80, deadline=None)
def test_convolution_is_what_a_loop_says(size, stride, padding, groups, channels, filters, shape):
    layer = Conv2D(groups * filters, size, stride, padding, groups)
    x = random(*shape, groups * channels)
    parameters = {"weights": random(*pair(size), channels, groups * filters, seed=1), "bias": random(layer.filters)}
    y, cache = layer.forward(parameters, x, EVALUATION)
    assert y.shape[1:] == layer.output_shape(x.shape[1:])
    np.testing.assert_allclose(y, convolved(x, *parameters.values(), layer), rtol=1e-12, atol=1e-13)
    # It is linear in x and in the weights, so the gradients are right if they give the same sum on both sides.
    dy = random(*y.shape, seed=2)
    dx, gradients = layer.backward(parameters, cache, dy)
    without_bias = (dy * (y - parameters["bias"])).sum()
    np.testing.assert_allclose((dx * x).sum(), without_bias, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose((gradients["weights"] * parameters["weights"]).sum(), without_bias, atol=1e-11)
    np.testing.assert_allclose(gradients["bias"], dy.sum(axis=(0, 1, 2)), atol=1e-12)
    other = {"weights": random(*gradients["weights"].shape, seed=3), "bias": parameters["bias"]}
    moved = layer.forward(other, x, EVALUATION)[0] - parameters["bias"]
    np.testing.assert_allclose((gradients["weights"] * other["weights"]).sum(), (dy * moved).sum(), atol=1e-11)
    elsewhere = random(*x.shape, seed=4)
    moved = layer.forward(parameters, elsewhere, EVALUATION)[0] - parameters["bias"]
    np.testing.assert_allclose((dx * elsewhere).sum(), (dy * moved).sum(), atol=1e-11)


@given(pairs, st.none() | pairs, st.sampled_from(["valid", "same"]) | st.integers(0, 1), records)
@settings(max_examples=80, deadline=None)
def test_pooling_is_what_a_loop_says(size, stride, padding, shape):
    if isinstance(padding, int) and padding >= min(pair(size)):
        padding = 0
    x = random(*shape, 2)
    largest, mean = MaxPool2D(size, stride, padding), AveragePool2D(size, stride, padding)
    (y, _), (z, _) = largest.forward({}, x, EVALUATION), mean.forward({}, x, EVALUATION)
    assert y.shape[1:] == z.shape[1:] == largest.output_shape(x.shape[1:]) == mean.output_shape(x.shape[1:])
    for (p, q), window in windows_of(x, largest, fill=np.nan):
        np.testing.assert_array_equal(y[:, p, q], np.nanmax(window, axis=(1, 2)))
        np.testing.assert_allclose(z[:, p, q], np.nanmean(window, axis=(1, 2)), rtol=1e-12, atol=1e-14)


def test_a_convolution_by_hand():
    # Two rows of three pixels; the kernel takes a pixel, twice its right neighbour, and minus the one below.
    x = np.array([[1.0, 2.0, 4.0], [3.0, 5.0, 7.0]]).reshape(1, 2, 3, 1)
    parameters = {"weights": np.array([[1.0, 2.0], [-1.0, 0.0]]).reshape(2, 2, 1, 1), "bias": np.array([10.0])}
    layer = Conv2D(1, 2)
    y, cache = layer.forward(parameters, x, EVALUATION)
    # 1 + 2 * 2 - 3 + 10 = 12; 2 + 2 * 4 - 5 + 10 = 15
    np.testing.assert_array_equal(y.ravel(), [12, 15])
    dx, gradients = layer.backward(parameters, cache, np.array([1.0, 10.0]).reshape(1, 1, 2, 1))
    # The pixel 2 is the right neighbour of the first output (times 2) and the pixel of the second (times 10).
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 2 + 10, 20], [-1, -10, 0]])
    # Each weight: its pixel of the first output, and 10 times its pixel of the second.
    np.testing.assert_array_equal(gradients["weights"][:, :, 0, 0], [[1 + 20, 2 + 40], [3 + 50, 5 + 70]])
    np.testing.assert_array_equal(gradients["bias"], [11])


def test_a_window_over_the_whole_record_is_a_dense_layer():
    x, weights, bias = random(4, 5, 6, 3), random(5, 6, 3, 7, seed=1), random(7, seed=2)
    whole, dense = Conv2D(7, (5, 6)), Dense(7)
    y, cache = whole.forward({"weights": weights, "bias": bias}, x, EVALUATION)
    flat = {"weights": weights.reshape(90, 7), "bias": bias}
    z, flat_cache = dense.forward(flat, x.reshape(4, 90), EVALUATION)
    np.testing.assert_allclose(y.reshape(4, 7), z, rtol=1e-12)
    dy = random(4, 7, seed=3)
    dx, gradients = whole.backward({"weights": weights, "bias": bias}, cache, dy.reshape(4, 1, 1, 7))
    dz, flat_gradients = dense.backward(flat, flat_cache, dy)
    np.testing.assert_allclose(dx.reshape(4, 90), dz, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(gradients["weights"].reshape(90, 7), flat_gradients["weights"], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("stride", [1, 2])
def test_groups_are_convolutions_side_by_side(stride):
    x, weights, bias = random(3, 6, 7, 4), random(3, 2, 2, 6, seed=1), random(6, seed=2)
    y, _ = Conv2D(6, (3, 2), stride, groups=2).forward({"weights": weights, "bias": bias}, x, EVALUATION)
    for group, (channels, filters) in enumerate([(slice(0, 2), slice(0, 3)), (slice(2, 4), slice(3, 6))]):
        own = {"weights": weights[..., filters], "bias": bias[filters]}
        alone, _ = Conv2D(3, (3, 2), stride).forward(own, x[..., channels], EVALUATION)
        np.testing.assert_allclose(y[..., filters], alone, rtol=1e-12, err_msg=f"group {group}")


@pytest.mark.slow
@pytest.mark.parametrize("length", [5, 6, 7, 8])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_pads_as_keras_does(length, size, stride, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = judge("keras")
    x, weights = random(2, length, length + 1, 2).astype("float32"), random(size, size, 2, 3, seed=1).astype("float32")
    ours, _ = Conv2D(3, size, stride, "same", bias=False).forward({"weights": weights}, x, EVALUATION)
    assert ours.shape[1:3] == (-(-length // stride), -(-(length + 1) // stride))
    for name, found in {
        "conv": (ours, keras.ops.conv(x, weights, stride, "same")),
        "max": (
            MaxPool2D(size, stride, "same").forward({}, x, EVALUATION)[0],
            keras.ops.max_pool(x, size, stride, "same"),
        ),
        "mean": (
            AveragePool2D(size, stride, "same").forward({}, x, EVALUATION)[0],
            keras.ops.average_pool(x, size, stride, "same"),
        ),
    }.items():
        np.testing.assert_allclose(*map(np.asarray, found), rtol=1e-5, atol=1e-5, err_msg=name)


def test_of_equal_values_the_first_gets_the_gradient():
    x = np.array([[1.0, 7.0, 7.0], [7.0, 2.0, 7.0]]).reshape(1, 2, 3, 1)
    layer = MaxPool2D(2, stride=1)
    y, cache = layer.forward({}, x, EVALUATION)
    np.testing.assert_array_equal(y.ravel(), [7, 7])
    dx, _ = layer.backward({}, cache, np.array([1.0, 10.0]).reshape(1, 1, 2, 1))
    # First window: row 0, column 1 comes before row 1, column 0. Second: its first column is that very pixel.
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 11, 0], [0, 0, 0]])


def test_padding_never_wins_a_maximum():
    x = -1 - random(2, 5, 5, 3) ** 2
    layer = MaxPool2D(3, stride=2, padding=1)
    y, cache = layer.forward({}, x, EVALUATION)
    assert (y <= -1).all()
    dx, _ = layer.backward({}, cache, np.ones_like(y))
    assert dx.sum() == y.size  # nothing got lost in the padding


def test_largest_value_is_chosen_by_the_real_part():
    x = np.array([1.0 + 5e-20j, 2.0 + 1e-20j, 2.0 + 9e-20j, 0.5]).reshape(1, 2, 2, 1)
    y, _ = MaxPool2D().forward({}, x, EVALUATION)
    assert y.item() == 2.0 + 1e-20j


def test_a_value_that_is_no_number_stays_one():
    for place in range(4):
        x = np.arange(4.0)
        x[place] = np.nan
        for layer in (MaxPool2D(), AveragePool2D()):
            assert np.isnan(layer.forward({}, x.reshape(1, 2, 2, 1), EVALUATION)[0]).all(), (layer, place)


@pytest.mark.parametrize("members", [None, 2])
def test_a_small_network_of_all_three_is_proven(members):
    network = small(members=members)
    report = check_gradients(network, random(5, 6, 6, 2), random(5, 6, seed=1), loss="squared_error")
    assert report.passed, report
    assert {row.method for row in report.rows} == {"complex step"}


def test_a_network_of_them_is_saved_and_loaded(tmp_path):
    network = small(dtype="float32")
    network.save(tmp_path / "pictures.pellucid")
    loaded = pellucid.load(tmp_path / "pictures.pellucid")
    assert loaded.layers == network.layers
    x = random(3, 6, 6, 2).astype("float32")
    np.testing.assert_array_equal(loaded.predict(x), network.predict(x))


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "limit"), [("float64", 1e-12), ("float32", 1e-4)])
@pytest.mark.parametrize("members", [None, 2])
def test_both_engines_learn_the_same(dtype, limit, members):
    judge("jax")
    x, y = random(10, 6, 6, 2), random(10, 6, seed=1)
    thetas = []
    for engine in ("numpy", "jax"):
        network = small(dtype=dtype, members=members)
        settings = {"loss": "squared_error", "optimizer": SGD(0.05), "batch_size": 4, "epochs": 67}
        history = network.fit(x, y, engine=engine, **settings)
        assert (history["loss"][-1] < 0.9 * history["loss"][0]).all()
        thetas.append(network.theta.astype("float64"))
    assert np.linalg.norm(thetas[0] - thetas[1]) <= limit * np.linalg.norm(thetas[0])


def test_float32_gradient_is_near_that_of_float64():
    x, y = random(7, 6, 6, 2).astype("float32"), random(7, 6, seed=1).astype("float32")
    single, double = small(dtype="float32"), small()
    double.theta = single.theta
    found, reference = (network.gradient(x, y, loss="squared_error") for network in (single, double))
    assert found.dtype == np.float32
    assert np.linalg.norm(found - reference) <= 2e-6 * np.linalg.norm(reference)


def test_a_bias_of_many_positions_keeps_its_digits_in_float32():
    # 64 records of 100 x 100 positions: one running sum of so many would be off by some 1e-4.
    x, dy = np.ones((64, 100, 100, 1), dtype="float32"), np.full((64, 100, 100, 1), 0.1, dtype="float32")
    parameters = {"weights": np.ones((1, 1, 1, 1), dtype="float32"), "bias": np.zeros(1, dtype="float32")}
    _, cache = Conv2D(1, 1).forward(parameters, x, EVALUATION)
    gradients = Conv2D(1, 1).gradients(parameters, cache, dy)
    np.testing.assert_allclose(gradients["bias"], 64_000, rtol=2e-6)


def test_settings_may_come_as_lists_and_as_numbers_of_numpy():
    assert Conv2D(4, [3, 5]) == Conv2D(np.int64(4), (np.int64(3), 5))
    assert type(Conv2D(4, (np.int64(3), 5)).size[0]) is int
    assert "Conv2D(4, (3, 5))" in repr(Network((9, 9, 1), [Conv2D(4, [3, 5]), MaxPool2D()]))


@pytest.mark.slow
def test_sliding_and_adding_up_are_transposes_on_both_libraries():
    jnp = judge("jax.numpy")
    for axis, size, stride in itertools.product((-1, -2), (1, 2, 4), (1, 2, 3)):
        x = random(3, 7, 9).astype("float32")
        count = (x.shape[axis] - size) // stride + 1
        pieces = sliding(x, axis, size, stride, count)
        dy = [random(*piece.shape, seed=k).astype("float32") for k, piece in enumerate(pieces)]
        back = overlap_add(dy, axis, stride, x.shape[axis])
        assert back.shape == x.shape
        there = sum((one * other).sum() for one, other in zip(pieces, dy, strict=True))
        np.testing.assert_allclose((x * back).sum(), there, rtol=1e-4, atol=1e-4)
        compiled = overlap_add([jnp.asarray(one) for one in dy], axis, stride, x.shape[axis])
        np.testing.assert_allclose(np.asarray(compiled), back, rtol=1e-6, atol=1e-6)


REFUSED = {
    "stride must be a whole number of at least 1, or a pair of them (height, width), found 0": lambda: Conv2D(2, 3, 0),
    "size must be a whole number of at least 1": lambda: Conv2D(2, (3, 3, 3)),
    "size must be": lambda: MaxPool2D(2.0),
    "filters must be a positive whole number, found True": lambda: Conv2D(True, 3),
    "groups must be a positive whole number, found 0": lambda: Conv2D(4, 3, groups=0),
    "groups must divide filters, found groups=3, filters=4": lambda: Conv2D(4, 3, groups=3),
    'padding must be "valid", "same" or a number of rows and columns, found \'full\'': lambda: Conv2D(
        4, 3, padding="full"
    ),
    "padding must be a whole number of at least 0": lambda: Conv2D(4, 3, padding=-1),
    "groups must divide the channels of a record, found groups=2 and records of shape (5, 5, 3)": lambda: Network(
        (5, 5, 3), [Conv2D(4, 3, groups=2)]
    ),
    "size (3, 6) does not fit into records of shape (5, 5, 3): their width is 5; take a smaller size": lambda: Network(
        (5, 5, 3), [Conv2D(4, (3, 6))]
    ),
    "their height is 1 (3 with its padding)": lambda: Network((1, 5, 3), [Conv2D(4, 4, padding=1)]),
    "takes records of shape (height, width, channels), found records of shape (28, 28); for grey": lambda: Network(
        (28, 28), [Conv2D(4, 3)]
    ),
    "AveragePool2D takes records of shape (height, width, channels), found records of shape (7,)": lambda: Network(
        7, [AveragePool2D()]
    ),
    "padding must be less than the size": lambda: MaxPool2D(2, padding=2),
    "padding=(0, 3), size=(2, 3)": lambda: AveragePool2D((2, 3), padding=(0, 3)),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_makes_no_sense_is_refused(message):
    with pytest.raises(ValueError) as refused:
        REFUSED[message]()
    assert message in str(refused.value)
