"""The proof of gradients must be able to fail: wrong gradients are planted, and every one must be caught."""

import dataclasses
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid.gradients
from pellucid.functions import sigmoid
from pellucid.gradient_check import check_gradients
from pellucid.layers import BatchNorm, Dense, Layer, ReLU, Sigmoid, Softmax, Tanh
from pellucid.losses import Loss, SquaredError
from pellucid.network import Network
from pellucid.penalties import Penalty
from table import LAYER_EXAMPLES, LOSS_EXAMPLES, ToyCentre, ToyNoise, scatter

X = np.random.default_rng(0).standard_normal((6, 3))
Y = np.random.default_rng(1).standard_normal((6, 2))


def report_on(layer, *, loss="squared_error", dtype="float64", members=None, **settings):
    """Check a network that holds ``layer`` between two sound ones of its own width."""
    network = scatter(Network(3, [Dense(4), layer, Tanh(), Dense(2)], seed=0, dtype=dtype, members=members))
    return check_gradients(network, X, Y, loss=loss, **settings)


def dense_wrong(change):
    """Return a square dense layer with ``change(parameters, cache, dy, dx, gradients)`` for its backward pass."""

    @dataclass(frozen=True)
    class Planted(Dense):
        def backward(self, parameters, cache, dy):
            dx = dy @ parameters["weights"].mT
            return change(parameters, cache, dy, dx, Dense.gradients(self, parameters, cache, dy))

        def gradients(self, parameters, cache, dy):
            return self.backward(parameters, cache, dy)[1]

    return Planted(4)


def flipped(array, place):
    """Return the array with the sign of one element changed."""
    sign = np.ones_like(array)
    sign[place] = -1
    return array * sign


def in_float32(parameters, cache, dy, dx, gradients):
    x, weights, dy32 = (a.astype(np.float32) for a in (cache["x"], parameters["weights"], dy))
    narrow = {"weights": x.mT @ dy32, "bias": dy32.sum(axis=-2)}
    return (dy32 @ weights.mT).astype(dy.dtype), {name: value.astype(dy.dtype) for name, value in narrow.items()}


DENSE_MISTAKES = {
    "missing factor 2": lambda p, c, dy, dx, g: (dx / 2, g),
    "missing factor 2 in the weights": lambda p, c, dy, dx, g: (dx, g | {"weights": g["weights"] / 2}),
    "transposed weight": lambda p, c, dy, dx, g: (dy @ p["weights"], g),
    "transposed gradient": lambda p, c, dy, dx, g: (dx, g | {"weights": g["weights"].mT}),
    "forgotten bias": lambda p, c, dy, dx, g: (dx, g | {"bias": np.zeros_like(g["bias"])}),
    "mean over the batch in place of the sum": lambda p, c, dy, dx, g: (dx, g | {"bias": dy.mean(axis=-2)}),
    "computed in float32": in_float32,
    "off by a part in 10^9": lambda p, c, dy, dx, g: (dx * (1 + 1e-9), g),
    "off by a part in 10^9 in the weights": lambda p, c, dy, dx, g: (dx, g | {"weights": g["weights"] * (1 + 1e-9)}),
    "one sign": lambda p, c, dy, dx, g: (flipped(dx, (2, 1)), g),
    "one sign in the weights": lambda p, c, dy, dx, g: (dx, g | {"weights": flipped(g["weights"], (2, 1))}),
    "one sign in the bias": lambda p, c, dy, dx, g: (dx, g | {"bias": flipped(g["bias"], 3)}),
    "a record left out": lambda p, c, dy, dx, g: (dx * (np.arange(len(dy)) != 4)[:, None], g),
    "not a number": lambda p, c, dy, dx, g: (dx * np.nan, g),
}


@pytest.mark.parametrize("mistake", DENSE_MISTAKES)
def test_a_mistake_in_a_dense_layer_is_caught_and_named(mistake):
    report = report_on(dense_wrong(DENSE_MISTAKES[mistake]))
    assert not report.passed
    assert report.suspects == ("planted_1",)
    # The walk through the whole network sees it too, not only the layer's own check.
    assert any(row.parameter and not row.passed for row in report.rows), report


# Not those in dx, which is never asked for at the lowest layer.
@pytest.mark.parametrize("mistake", [m for m in DENSE_MISTAKES if "weights" in m or "bias" in m or "gradient" in m])
def test_a_mistake_in_the_lowest_layers_parameters_is_caught(mistake):
    network = scatter(Network(4, [dense_wrong(DENSE_MISTAKES[mistake]), Tanh(), Dense(2)], seed=0))
    report = check_gradients(network, np.column_stack([X, X[:, 0] ** 2]), Y, loss="squared_error")
    assert not report.passed
    assert report.suspects == ("planted_1",)


def test_a_wrong_short_cut_of_the_lowest_layer_is_caught():
    class ShortCut(Dense):
        def gradients(self, parameters, cache, dy):
            return {name: 2 * value for name, value in super().gradients(parameters, cache, dy).items()}

        def backward(self, parameters, cache, dy):
            return dy @ parameters["weights"].mT, Dense.gradients(self, parameters, cache, dy)

    report = check_gradients(scatter(Network(3, [ShortCut(2)], seed=0)), X, Y, loss="squared_error")
    assert [row.parameter for row in report.rows if not row.passed] == ["weights", "bias"]


class AtTheOutput(Sigmoid):
    def backward(self, parameters, cache, dy):
        slope = sigmoid(cache["y"])  # a sigmoid of what already is one
        return dy * slope * (1 - slope), {}


class OnlyTheDiagonal(Softmax):
    def backward(self, parameters, cache, dy):
        return dy * cache["y"] * (1 - cache["y"]), {}


class Cut(Tanh):
    """The derivative of a ReLU where a tanh was computed."""

    def backward(self, parameters, cache, dy):
        return dy * (cache["y"] > 0), {}


class TooFlat(Tanh):
    """Off by a part in 10^9 where it is steepest only."""

    def backward(self, parameters, cache, dy):
        slope = 1 - cache["y"] ** 2
        return dy * np.where(slope == slope.max(), slope * (1 - 1e-9), slope), {}


@pytest.mark.parametrize(
    "layer", [AtTheOutput(), OnlyTheDiagonal(), Cut(), TooFlat()], ids=lambda one: type(one).__name__
)
def test_a_mistake_in_an_activation_is_caught_and_named(layer):
    report = report_on(layer)
    assert not report.passed
    assert report.suspects == (f"{layer.base_name()}_1",)
    # Below the culprit everything is wrong, above it nothing.
    wrong = {row.layer for row in report.rows if row.parameter and not row.passed}
    assert wrong == {"dense_1"}


def test_two_culprits_are_both_named():
    network = scatter(Network(3, [Dense(4), AtTheOutput(), Dense(4), OnlyTheDiagonal(), Dense(2)], seed=0))
    report = check_gradients(network, X, Y, loss="squared_error")
    assert report.suspects == ("at_the_output_1", "only_the_diagonal_1")
    assert "The derivative is wrong in: at_the_output_1, only_the_diagonal_1." in str(report)


@pytest.mark.parametrize("members", [None, 2])
@pytest.mark.parametrize("mistake", ["transposed weight", "forgotten bias", "off by a part in 10^9"])
def test_members_are_checked_as_well(mistake, members):
    report = report_on(dense_wrong(DENSE_MISTAKES[mistake]), members=members)
    assert report.suspects == ("planted_1",)


# Losses and penalties


def loss_wrong(change):
    @dataclass(frozen=True, kw_only=True)
    class PlantedError(SquaredError):
        def backward(self, cache):
            return change(cache["error"])

    return PlantedError()


@pytest.mark.parametrize(
    "change",
    [
        lambda error: error,
        lambda error: -2 * error,
        lambda error: 2 * error * len(error),
        lambda error: 2 * error.astype(np.float32).astype(np.float64),
        lambda error: 2 * error * (1 + 1e-9),
        lambda error: flipped(2 * error, (3, 1)),
        lambda error: 2 * error.mean(axis=-1, keepdims=True) + 0 * error,
    ],
    ids=["missing factor 2", "sign", "sum for mean", "float32", "a part in 10^9", "one sign", "mean of outputs"],
)
def test_a_mistake_in_a_loss_is_caught_and_named(change):
    report = report_on(Tanh(), loss=loss_wrong(change))
    assert not report.passed
    assert report.suspects == ("loss",)
    assert all(not row.passed for row in report.rows if row.parameter)


def test_a_sum_of_gradients_for_a_mean_of_losses_is_caught(monkeypatch):
    sound = pellucid.losses.loss.reduce
    monkeypatch.setattr(pellucid.losses.loss, "reduce", lambda *arguments: (sound(*arguments)[0], 1.0))
    report = report_on(Tanh())
    # No layer is to blame, nor the loss: its values are reduced outside it.
    assert not report.passed
    assert report.suspects == ()


def test_forgotten_sample_weights_are_caught(monkeypatch):
    sound = pellucid.losses.loss.reduce
    monkeypatch.setattr(
        pellucid.losses.loss, "reduce", lambda losses, weights, way: (sound(losses, weights, way)[0], 1 / losses.size)
    )
    assert report_on(Tanh()).passed
    assert not report_on(Tanh(), sample_weight=np.arange(1.0, 7.0)).passed


class Charged(Penalty):
    """Its gradient counts biases, its value does not."""

    def value(self, weights, rank):
        return super().value(weights * (rank > 1), rank)


class WithoutHalf(Penalty):
    """The square without a half, with the gradient of the half."""

    def value(self, weights, rank):
        return 2 * super().value(weights, rank)


class LengthForSign(Penalty):
    """The gradient of l1 |w| taken as l1 w."""

    def gradient(self, weights):
        return self.l1 * weights


def test_a_penalty_on_biases_by_mistake_is_caught():
    report = report_on(Tanh(), penalty=Charged(l2=0.1, biases=True))
    assert {row.parameter for row in report.rows if not row.passed} == {"bias"}
    assert report.suspects == ()
    assert report_on(Tanh(), penalty=Charged(l2=0.1, biases=False)).passed


@pytest.mark.parametrize("penalty", [WithoutHalf(l2=0.1), WithoutHalf(l2=1e-6), LengthForSign(l1=0.1)], ids=repr)
def test_a_mistake_in_a_penalty_is_caught(penalty):
    report = report_on(Tanh(), penalty=penalty)
    assert {row.parameter for row in report.rows if not row.passed} == {"weights"}


# Layers that a complex step cannot go through


class AbsOnPurpose(Layer):
    """Loses the imaginary part without a word."""

    scale: ClassVar[float] = 1.0

    def forward(self, parameters, x, context):
        return np.abs(x) + 0.5 * np.square(np.abs(x)), {"x": x}

    def backward(self, parameters, cache, dy):
        x = cache["x"]
        return self.scale * dy * (np.sign(x) + x), {}


class RefusesComplex(Layer):
    """Raises a TypeError for complex numbers, as NumPy's floor does."""

    scale: ClassVar[float] = 1.0

    def forward(self, parameters, x, context):
        return np.sin(x) + 0.0 * np.floor(x), {"x": x}

    def backward(self, parameters, cache, dy):
        return self.scale * dy * np.cos(cache["x"]), {}


class CastsToReal(Layer):
    """Drops the imaginary part on the way into a real array, with NumPy's warning."""

    scale: ClassVar[float] = 1.0

    def forward(self, parameters, x, context):
        return np.sin(np.asarray(x).astype(np.float64)), {"x": x}

    def backward(self, parameters, cache, dy):
        return self.scale * dy * np.cos(cache["x"]), {}


class SaysNo(Layer):
    """Declares that it is not analytic."""

    complex_step: ClassVar[bool] = False
    scale: ClassVar[float] = 1.0

    def forward(self, parameters, x, context):
        return np.sin(x.real), {"x": x}

    def backward(self, parameters, cache, dy):
        return self.scale * dy * np.cos(cache["x"]), {}


REAL_ONLY = [AbsOnPurpose, RefusesComplex, CastsToReal, SaysNo]
over_real_only = pytest.mark.parametrize("kind", REAL_ONLY)


@over_real_only
def test_what_cannot_go_complex_is_checked_by_differences(kind):
    report = report_on(kind())
    assert report.passed, report
    methods = {(row.layer, row.parameter): row.method for row in report.rows}
    name = f"{kind.base_name()}_1"
    assert methods[name, ""] == methods["dense_1", "weights"] == "central difference"
    assert methods["tanh_1", ""] == methods["loss", ""] == "complex step"


@over_real_only
@pytest.mark.parametrize("last", [False, True], ids=["within", "last"])
@pytest.mark.parametrize("share", [1e-5, -1e-5])
def test_a_mistake_in_what_cannot_go_complex_is_caught(kind, last, share):
    planted = type(kind.__name__, (kind,), {"scale": 1 + share})()
    layers = [Dense(4), Tanh(), Dense(2), planted] if last else [Dense(4), planted, Dense(2)]
    report = check_gradients(scatter(Network(3, layers, seed=0)), X, Y, loss="squared_error")
    assert not report.passed
    assert report.suspects == (f"{kind.base_name()}_1",)


@over_real_only
def test_members_of_what_cannot_go_complex_pass(kind):
    assert report_on(kind(), members=2).passed


def test_a_loss_that_cannot_go_complex_is_checked_by_differences():
    @dataclass(frozen=True, kw_only=True)
    class Sine(Loss):
        complex_step: ClassVar[bool] = False
        scale: float = 1.0

        def forward(self, output, target):
            error = output.real - target
            return 1 - np.cos(error), {"error": error}

        def backward(self, cache):
            return self.scale * np.sin(cache["error"])

    assert report_on(Tanh(), loss=Sine()).passed
    report = report_on(Tanh(), loss=Sine(scale=1 + 1e-5))
    assert report.suspects == ("loss",)


# Sound networks pass, whatever their shape


def takes_any_width(layer):
    """Return whether a layer takes flat records of every width that is drawn below, and leaves them flat."""
    try:
        return all(len(layer.output_shape((width,))) == 1 for width in range(1, 7))
    except ValueError:
        return False


ANY_WIDTH = [example.layer for example in LAYER_EXAMPLES if takes_any_width(example.layer)]


@st.composite
def networks(draw):
    """Draw a network of up to four hidden blocks, its loss, its records and how they are weighed."""
    loss = draw(st.sampled_from(LOSS_EXAMPLES))
    layers = []
    for _ in range(draw(st.integers(0, 4))):
        layers += [
            Dense(draw(st.integers(1, 6)), bias=draw(st.booleans())),
            draw(st.sampled_from(ANY_WIDTH)),
        ]
    width = draw(st.integers(1, 5))
    members = draw(st.sampled_from([None, None, 2]))
    network = Network(width, [*layers, Dense(loss.outputs)], seed=draw(st.integers(0, 2**32 - 1)), members=members)
    generator = np.random.default_rng(network.seed)
    scatter(network, network.seed)
    records = draw(st.integers(1, 7))
    return {
        "network": network,
        "X": generator.standard_normal((records, width)),
        "y": loss.y(generator, records),
        "loss": replace(loss.loss, reduction=draw(st.sampled_from(["mean", "sum"]))),
        "penalty": draw(st.sampled_from([None, Penalty(l2=0.1), Penalty(l1=0.1, biases=True)])),
        "sample_weight": draw(st.sampled_from([None, generator.random(records) + 0.1])),
    }


@settings(max_examples=60)
@given(networks())
def test_sound_networks_pass(drawn):
    report = check_gradients(**drawn)
    assert report.passed, report


@pytest.mark.slow
@settings(max_examples=1500)
@given(networks())
def test_many_sound_networks_pass(drawn):
    report = check_gradients(**drawn)
    assert report.passed, report


@settings(max_examples=30)
@given(networks(), st.data())
def test_a_random_element_off_by_a_millionth_is_caught(drawn, data):
    """The same networks with one element of one parameter's gradient wrong."""
    network = drawn["network"]
    objective = pellucid.gradients.Objective
    place = data.draw(st.integers(0, network.layout.size - 1))
    gradient = network.gradient(**{name: value for name, value in drawn.items() if name != "network"})
    size = np.linalg.norm(gradient)
    if np.abs(gradient[..., place]).max() < 1e-3 * size or size < 1e-2:
        return
    sound = objective.evaluate

    def evaluate(self, *arguments, **settings):
        found = sound(self, *arguments, **settings)
        factor = np.ones_like(found.gradient)
        factor[..., place] += 1e-6
        return dataclasses.replace(found, gradient=found.gradient * factor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective, "evaluate", evaluate)
        report = check_gradients(**drawn)
    assert not report.passed
    assert report.suspects == ()


@pytest.mark.parametrize("example", LAYER_EXAMPLES, ids=str)
def test_float32_networks_pass_at_their_own_tolerance(example):
    network = scatter(Network(example.shape, example.around(), seed=0, dtype="float32"))
    report = check_gradients(network, example.x(), np.ones((5, 2)), loss="squared_error")
    assert report.passed, report
    assert {row.tolerance for row in report.rows} == {2e-6}


@pytest.mark.parametrize("mistake", ["missing factor 2", "transposed weight", "forgotten bias", "one sign"])
def test_float32_networks_fail_too(mistake):
    assert report_on(dense_wrong(DENSE_MISTAKES[mistake]), dtype="float32").suspects == ("planted_1",)


# A gradient that is identically 0 is nothing but rounding, and no fault


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_a_bias_before_a_centring_passes(seed, training):
    network = scatter(Network(3, [Dense(6), ToyCentre(), Tanh(), ToyNoise(), Dense(2)], seed=seed), seed)
    assert check_gradients(network, X, Y, loss="squared_error", training=training).passed


def test_a_single_share_of_a_softmax_passes():
    network = scatter(Network(3, [Dense(1), Softmax(), Dense(2)], seed=0))
    assert check_gradients(network, X, Y, loss="squared_error").passed


# What the report says


def test_report_can_be_read():
    report = report_on(AtTheOutput())
    text = str(report)
    assert "at_the_output_1 (its own backward pass)" in text
    assert text.count("WRONG") == sum(not row.passed for row in report.rows)
    assert report.worst in report.rows
    assert not report.worst.passed
    html = report._repr_html_()
    assert html.count("<tr>") == len(report.rows) + 1
    sound = report_on(Sigmoid())
    assert str(sound).splitlines()[-1].startswith("All gradients agree; the largest error is")
    assert "WRONG" not in str(sound)


def test_large_parameters_are_sampled():
    network = scatter(Network(3, [Dense(40), Tanh(), Dense(20), Dense(2)], seed=0))
    few = check_gradients(network, X, Y, loss="squared_error", at_most=10)
    assert {row.checked for row in few.rows if row.parameter} == {2, 10}
    whole = check_gradients(network, X, Y, loss="squared_error", at_most=None)
    assert all(row.checked == row.size for row in whole.rows if row.parameter)
    assert few.passed
    assert whole.passed


def test_frozen_layers_are_left_out():
    network = scatter(Network(3, [Dense(4), Tanh(), Dense(2)], seed=0, frozen=["dense_1"]))
    report = check_gradients(network, X, Y, loss="squared_error")
    assert report.passed
    assert {row.layer for row in report.rows if row.parameter} == {"dense_2"}


def test_checking_changes_nothing():
    network = scatter(Network(3, [Dense(4), ToyCentre(), ToyNoise(), Dense(2)], seed=0))
    theta, state = network.theta.copy(), network.state[1]["mean"].copy()
    first = check_gradients(network, X, Y, loss="squared_error", training=True)
    assert check_gradients(network, X, Y, loss="squared_error", training=True) == first
    np.testing.assert_array_equal(network.theta, theta)
    np.testing.assert_array_equal(network.state[1]["mean"], state)
    assert network.fitted is None


@pytest.mark.parametrize("layer", [Sigmoid(), Tanh()], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("size", [5.0, 12.0, 20.0, 50.0])
def test_a_neuron_that_is_sure_of_everything_passes(layer, size):
    # y (1 - y) has lost digits where y is nearly 1: rounding, no mistake.
    network = Network(1, [Dense(1), layer], seed=0)
    network.theta = [size, 0.3]
    report = check_gradients(network, [[1.0], [-1.0], [1.2]], [1.0, 0.0, 0.0], loss="squared_error")
    assert report.passed, report


@pytest.mark.parametrize("seed", range(6))
def test_a_single_precision_bias_before_a_normalisation_is_not_blamed(seed):
    # Its true gradient is 0: what is found is rounding of values a million times as large.
    network = Network(4, [Dense(6), BatchNorm(), ReLU(), Dense(1)], seed=seed, dtype="float32")
    x = np.random.default_rng(seed).standard_normal((100, 4))
    report = check_gradients(network, x, np.sin(x).sum(axis=1), loss="squared_error", training=True)
    assert report.passed, report


def test_a_wrong_single_precision_gradient_is_still_found():
    @dataclass(frozen=True)
    class Twisted(BatchNorm):
        def backward(self, parameters, cache, dy):
            dx, gradients = super().backward(parameters, cache, dy)
            return dx * 1.0001, gradients

    network = Network(4, [Dense(6), Twisted(), ReLU(), Dense(1)], seed=0, dtype="float32")
    x = np.random.default_rng(0).standard_normal((100, 4))
    assert not check_gradients(network, x, np.sin(x).sum(axis=1), loss="squared_error", training=True).passed
