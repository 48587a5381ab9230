"""What a review of the core found: each case is a fault that was there once."""

import warnings
from dataclasses import dataclass

import numpy as np
import pytest

import pellucid
from pellucid import (
    LBFGS,
    SGD,
    Adam,
    BinaryCrossEntropyFromLogits,
    CosineDecay,
    CrossEntropyFromLogits,
    Dense,
    EarlyStopping,
    Network,
    Progress,
    SiLU,
    StepDecay,
    Tanh,
    check_gradients,
)
from pellucid.arrays import Array
from pellucid.layers import Layer
from pellucid.layers.sigmoid import Sigmoid
from pellucid.training import run

X = np.random.default_rng(0).normal(size=(12, 2))
Y = X[:, 0] - X[:, 1]


def small(*layers: Layer, **settings: object) -> Network:
    return Network(2, list(layers) or [Dense(3), Tanh(), Dense(1)], seed=0, **settings)  # type: ignore[arg-type]


# What comes in


@pytest.mark.parametrize(("given", "problem"), [
    (np.full((12, 2), "2020-01-01", dtype="M8[D]"), r"X must hold numbers, found times \(datetime64\[D\]\)"),
    (np.full((12, 2), "NaT", dtype="M8[D]"), "found times"),
    (np.ones((12, 2), dtype="m8[s]"), "found times"),
    (np.array([[1, 2]] * 11 + [[3, "4"]], dtype=object), "X must hold numbers, found '4' in row 11, column 1"),
    (np.ma.array(X, mask=np.abs(X) == np.abs(X).max()), r"X has 1 masked value\(s\)"),
    ([[1, 2], [3]], "X has rows of different lengths"),
    (X[None], r"X has shape \(1, 12, 2\); this network takes records of width 2"),
])  # fmt: skip
def test_inputs_that_numpy_would_turn_into_other_numbers_are_refused(given, problem):
    with pytest.raises((TypeError, ValueError), match=problem):
        small().fit(given, Y, loss="squared_error", epochs=1)


def test_objects_that_are_numbers_are_taken():
    assert (small().predict(X.astype(object)) == small().predict(X)).all()
    assert (small().predict(np.ma.array(X)) == small().predict(X)).all()


@pytest.mark.parametrize(("given", "problem"), [
    ([[1], [1, 2]] * 6, "y has rows of different lengths"),
    (np.ma.array(Y, mask=Y > 0), "y has .* masked"),
])  # fmt: skip
def test_odd_targets_are_named(given, problem):
    with pytest.raises(ValueError, match=problem):
        small().loss(X, given, loss="squared_error")


@pytest.mark.parametrize("weights", [{0: 1.0, 1: 5.0}, "balanced"])
@pytest.mark.parametrize("loss", [BinaryCrossEntropyFromLogits, CrossEntropyFromLogits])
def test_class_weights_by_name_are_refused_not_read_as_their_keys(loss, weights):
    with pytest.raises(TypeError, match="class_weights is a list of numbers"):
        loss(class_weights=weights)


@pytest.mark.parametrize(("settings", "problem"), [
    ({"seed": -1}, "seed must be a whole number"),
    ({"seed": 1.5}, "seed must be a whole number"),
    ({"callbacks": EarlyStopping()}, "callbacks must be a list"),
    ({"callbacks": None}, "callbacks must be a list"),
    ({"callbacks": [Progress]}, r"callbacks holds the class Progress; write Progress\(...\)"),
    ({"callbacks": [None]}, "callbacks must be functions"),
    ({"validation_data": X}, r"validation_data must be \(X, y\)"),
    ({"decay_multipliers": {"nope": 1.0}}, "decay_multipliers: there is no 'nope'"),
])  # fmt: skip
def test_arguments_of_fit_are_named(settings, problem):
    network = small()
    with pytest.raises((TypeError, ValueError), match=problem):
        network.fit(X, Y, loss="squared_error", epochs=1, **settings)
    assert network.fitted is None


def test_settings_are_named():
    assert small(members=np.int64(2)).members == 2
    with pytest.raises(TypeError, match=r"write \['dense_1'\]"):
        small(frozen="dense_1")
    with pytest.raises(TypeError, match="learning_rate is the class CosineDecay"):
        Adam(CosineDecay)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="learning_rate must be positive and finite, found '0.1'"):
        Adam("0.1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="memory must be a positive whole number"):
        LBFGS(memory=0)
    with pytest.raises(ValueError, match="tolerance must be finite"):
        LBFGS(tolerance=-1.0)
    with pytest.raises(ValueError, match="at_most must be a positive"):
        check_gradients(small(), X, Y, loss="squared_error", at_most=0)


# Networks with nothing to learn


@pytest.mark.parametrize("members", [None, 3])
def test_a_network_without_parameters_can_be_clipped(members):
    history = small(Tanh(), members=members).fit(X, X, loss="squared_error", epochs=2, clip_norm=1.0)
    assert len(history) == 2


def test_lbfgs_with_nothing_to_learn_says_so():
    pytest.importorskip("scipy")
    for network in (small(Dense(2), frozen=["dense_1"]), small(Tanh())):
        history = network.fit(X, X, loss="squared_error", optimizer="lbfgs")
        assert history.stopped == "L-BFGS ended: there is no parameter to learn"


# The loss leaves the range


def test_lbfgs_that_begins_at_a_loss_that_is_not_finite_says_where():
    pytest.importorskip("scipy")
    network = small(Dense(1))
    network.theta = network.theta * 1e200
    before = network.theta.copy()
    with pytest.warns(pellucid.TrainingWarning, match="L-BFGS could not begin: the loss is not finite. First out of"):
        network.fit(X, Y, loss="squared_error", optimizer="lbfgs")
    assert (network.theta == before).all()


def wild(**settings):
    """Arguments under which the first step goes too far for any number."""
    return {"loss": "squared_error", "optimizer": SGD(1e160), "epochs": 20, "batch_size": None, **settings}


def test_the_last_step_is_judged_when_a_callback_stops():
    network = small(Dense(1))
    with pytest.warns(pellucid.TrainingWarning, match="stopped in epoch 1"):
        history = network.fit(X, Y, **wild(callbacks=[lambda report: report.stop("enough")]))
    assert "no longer finite" in history.stopped
    assert (network.theta == small(Dense(1)).theta).all()


@pytest.mark.parametrize("every", ["epoch", "batch"])
def test_the_last_step_is_judged_when_the_caller_breaks_out(every):
    network = small(Dense(1))
    with pytest.warns(pellucid.TrainingWarning, match="stopped in epoch 1"):
        for _ in run(network, X, Y, **wild(every=every)):
            break
    assert (network.theta == small(Dense(1)).theta).all()
    assert network.fitted is not None
    assert network.fitted.optimizer_state is None


@pytest.mark.parametrize("members", [None, 2])
def test_early_stopping_does_not_bring_back_what_was_taken_back(members):
    network = small(Dense(1), members=members)
    with pytest.warns(pellucid.TrainingWarning, match="stopped in epoch 2"):
        network.fit(X, Y, **wild(callbacks=[EarlyStopping(patience=5, monitor="loss")]))
    assert (network.theta == small(Dense(1), members=members).theta).all()


def test_early_stopping_of_one_member_leaves_the_others_their_best():
    network = small(Dense(1), members=2)
    network.theta[0] = [1.0, -1.0, 0.0]  # it has learnt all there is: its gradient is 0
    network.theta[1] = [1e5, 0.0, 0.0]
    with pytest.warns(pellucid.TrainingWarning, match=r"member\(s\) 1 is"):
        network.fit(X, Y, **wild(epochs=3, callbacks=[EarlyStopping(monitor="loss")]))
    assert network.theta.tolist() == [[1.0, -1.0, 0.0], [1e5, 0.0, 0.0]]


def test_a_run_that_ends_well_is_left_alone():
    network, same = small(), small()
    for report in run(network, X, Y, loss="squared_error", epochs=9):
        if report.epoch == 3:
            break
    same.fit(X, Y, loss="squared_error", epochs=3)
    assert (network.theta == same.theta).all()


# Proof of gradients


@pytest.mark.parametrize("layer", [Sigmoid(), SiLU()])
def test_saturated_sigmoids_pass_the_check(layer):
    network = small(Dense(2), layer, Dense(1))
    network.parameters["dense_1"]["weights"][...] *= 1000  # exp of a complex 1000 overflows to a NaN
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check_gradients(network, X, Y, loss="squared_error")
    assert report.passed, report


def test_a_wrong_gradient_of_a_saturated_layer_is_still_caught():
    @dataclass(frozen=True)
    class Doubled(Sigmoid):
        def backward(self, parameters, cache, dy):
            dx, gradients = super().backward(parameters, cache, dy)
            return 2 * dx, gradients

    network = small(Dense(2), Doubled(), Dense(1))
    network.parameters["dense_1"]["weights"][0] *= 1000
    half = X * (np.arange(12) % 2)[:, None] ** [1, 0]  # every other record is far from where the sigmoid is flat
    assert check_gradients(network, half, Y, loss="squared_error").suspects == ("doubled_1",)


# float32, and files


def test_a_rate_factor_of_numpys_keeps_float32():
    network = small(dtype="float32")

    def halve(report):
        report.rate_factor = np.float64(0.5)

    optimizer = SGD(0.1, momentum=0.9, rate_in_velocity=True)
    network.fit(X, Y, loss="squared_error", optimizer=optimizer, epochs=3, callbacks=[halve])
    assert network.fitted is not None
    assert network.fitted.optimizer_state.velocity.dtype == np.float32


@pytest.mark.parametrize("factor", [np.nan, -1.0, np.inf])
def test_a_rate_factor_out_of_range_is_refused(factor):
    def spoil(report):
        report.rate_factor = factor

    with pytest.raises(ValueError, match="rate_factor must be finite and not negative"):
        small().fit(X, Y, loss="squared_error", epochs=2, callbacks=[spoil])


def test_settings_taken_out_of_an_array_can_be_saved(tmp_path):
    network = small(Dense(1, bias_initializer=pellucid.Constant(np.float32(0.5))))
    network.fit(X, Y, loss="squared_error", optimizer=SGD(StepDecay(np.float32(0.1), every=np.int64(3))), epochs=1)
    network.save(tmp_path / "m")
    assert pellucid.load(tmp_path / "m") == network


def test_members_that_finished_no_epoch_can_be_saved_and_read(tmp_path):
    network = small(members=2)
    for _ in run(network, X, Y, loss="squared_error", batch_size=4, every="batch", validation_fraction=0.25):
        break
    network.save(tmp_path / "m")
    assert len(pellucid.load(tmp_path / "m").history) == 0


def test_a_class_of_ones_own_under_a_known_name_is_not_read_back_as_the_known_one(tmp_path):
    def make() -> type[Layer]:
        @dataclass(frozen=True)
        class Tanh(Layer):
            def forward(self, parameters, x: Array, context):
                return 2 * x, {}

            def backward(self, parameters, cache, dy: Array):
                return 2 * dy, {}

        return Tanh

    with pytest.raises(
        TypeError, match="layer tanh_1: Tanh is a class of your own under the name of one of Pellucid's"
    ):
        small(Dense(1), make()()).save(tmp_path / "m")
    assert not (tmp_path / "m").exists()
