"""The training loop: batches, order, weights, validation, callbacks, members, and what happens when it fails."""

import warnings

import numpy as np
import pytest

from pellucid import (
    SGD,
    Adam,
    CosineDecay,
    Dense,
    EarlyStopping,
    History,
    Network,
    Penalty,
    ReduceOnPlateau,
    ReLU,
    SquaredError,
    Tanh,
    TrainingWarning,
)
from pellucid.training import run


def table(records=60, inputs=3, seed=0):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(records, inputs))
    return X, (X @ generator.normal(size=inputs) > 0).astype(float)


def small(seed=0, **settings):
    return Network(3, [Dense(5), Tanh(), Dense(1)], seed=seed, **settings)


LOGITS = "binary_cross_entropy_from_logits"


# Batches and order


def seen_rows(**settings):
    """Return the records of each batch, in the order in which training saw them, by a loss that writes them down."""
    from dataclasses import dataclass

    seen = []

    @dataclass(frozen=True, kw_only=True)
    class NotingLoss(SquaredError):  # noqa: N818 (an error of measurement, not an exception)
        def forward(self, output, target):
            seen.append(target[..., 0].astype(int).tolist())
            return super().forward(output, target)

    records = settings.pop("records", 7)
    network = Network(1, [Dense(1)], seed=0)
    network.fit(np.zeros((records, 1)), np.arange(records), loss=NotingLoss(), optimizer=SGD(1e-9), **settings)
    return seen[:-1]  # the last batch once more: the look at the end of a run


def test_every_record_is_seen_once_an_epoch_and_the_short_batch_is_kept():
    batches = seen_rows(epochs=2, batch_size=3)
    assert [len(batch) for batch in batches] == [3, 3, 1, 3, 3, 1]
    first, second = sum(batches[:3], []), sum(batches[3:], [])
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second, "each epoch has an order of its own"
    assert first != list(range(7))


def test_without_shuffling_the_order_is_the_tables():
    assert seen_rows(epochs=1, batch_size=4, shuffle=False) == [[0, 1, 2, 3], [4, 5, 6]]


def test_a_full_batch_is_the_table_as_it_is():
    assert seen_rows(epochs=2, batch_size=None) == [list(range(7))] * 2
    assert seen_rows(epochs=1, batch_size=100) == [list(range(7))]


@pytest.mark.parametrize("members", [None, 2])
def test_how_a_table_lies_in_memory_changes_nothing(members):
    X, y = table()
    wide = np.zeros((60, 6))
    wide[:, ::2] = X
    thetas = []
    for lies in (X, np.asfortranarray(X), wide[:, ::2]):
        network = small(members=members)
        network.fit(lies, y, loss=LOGITS, epochs=3, batch_size=16)
        thetas.append(network.theta)
    np.testing.assert_array_equal(thetas[1], thetas[0])
    np.testing.assert_array_equal(thetas[2], thetas[0])


def test_one_seed_gives_one_run_and_another_seed_another():
    X, y = table()
    thetas = []
    for seed in (1, 1, 2):
        network = small()
        network.fit(X, y, loss=LOGITS, epochs=3, batch_size=8, seed=seed)
        thetas.append(network.theta.copy())
    assert (thetas[0] == thetas[1]).all()
    assert (thetas[0] != thetas[2]).any()


def test_one_step_by_hand():
    # Two records, one weight, no bias: output 2 x. Targets 0, so errors 2 and 4; the mean square is (4 + 16) / 2.
    # Gradient: mean of 2 error x = (2*2*1 + 2*4*2) / 2 = 10; with rate 0.1 the weight goes from 2 to 1.
    network = Network(1, [Dense(1, bias=False)], seed=0)
    network.theta = [2.0]
    history = network.fit(
        [[1.0], [2.0]], [0.0, 0.0], loss="squared_error", optimizer=SGD(0.1), epochs=1, batch_size=None
    )
    assert history["loss"].tolist() == [10.0]
    assert network.theta.tolist() == [1.0]


def test_integer_weights_are_repeated_records():
    X, y = table(20)
    weights = np.arange(20) % 3
    once, repeated = small(), small()
    settings = {"loss": "squared_error", "optimizer": SGD(0.1), "epochs": 5, "batch_size": None}
    a = once.fit(X, y, sample_weight=weights, **settings)
    b = repeated.fit(np.repeat(X, weights, axis=0), np.repeat(y, weights), **settings)
    np.testing.assert_allclose(once.theta, repeated.theta, rtol=1e-12)
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-12)


def test_the_epochs_loss_is_the_mean_over_records_and_weights():
    X, y = table(10)
    weights = np.linspace(0, 1, 10)
    network = small()
    expected = network.loss(X, y, loss="squared_error", sample_weight=weights)
    # A rate this small changes nothing: so the mean over uneven batches must be the loss of the whole.
    history = network.fit(
        X, y, loss="squared_error", sample_weight=weights, optimizer=SGD(1e-30), epochs=1, batch_size=4
    )
    np.testing.assert_allclose(history["loss"][0], expected, rtol=1e-12)


def test_a_batch_whose_weights_are_all_0_changes_nothing():
    network = small()
    X, y = table(4)
    history = network.fit(
        X,
        y,
        loss="squared_error",
        sample_weight=[0, 0, 1, 1],
        optimizer=SGD(0.1),
        batch_size=2,
        shuffle=False,
        epochs=1,
    )
    assert np.isfinite(history["loss"]).all()
    other = small()
    other.fit(X[2:], y[2:], loss="squared_error", optimizer=SGD(0.1), batch_size=2, shuffle=False, epochs=1)
    np.testing.assert_array_equal(network.theta, other.theta)


def test_penalty_is_added_to_the_mean_and_to_the_sum():
    X, y = table(10)
    network = small()
    weights = [network.parameters[name]["weights"] for name in ("dense_1", "dense_2")]
    price = sum(0.05 * (array**2).sum() + 0.01 * np.abs(array).sum() for array in weights)
    for reduction in ("mean", "sum"):
        loss = SquaredError(reduction=reduction)
        plain = network.loss(X, y, loss=loss)
        history = network.copy().fit(
            X, y, loss=loss, penalty=Penalty(l1=0.01, l2=0.1), optimizer=SGD(1e-30), epochs=1, batch_size=5
        )
        np.testing.assert_allclose(history["loss"][0], plain + price, rtol=1e-12)


@pytest.mark.parametrize("members", [None, 2])
@pytest.mark.parametrize("hidden", [5, 30_000])
def test_the_pure_step_and_the_engines_are_equal_to_the_bit(hidden, members):
    """The step that a person can read whole, and the one that works in place and in blocks."""
    from pellucid.gradients import Objective
    from pellucid.layers import Context
    from pellucid.losses import LOSSES
    from pellucid.training import Plan

    X, y = table(8)
    network = Network(3, [Dense(hidden), Tanh(), Dense(1)], seed=0, members=members)
    loss, penalty, rule = LOSSES["Huber"](), Penalty(l1=0.01, l2=0.1), Adam(CosineDecay(0.01, 9))
    plan = Plan(Objective(network.layers, network.layout, loss, penalty), rule, clip_norm=0.5, clip_value=0.1)
    theta, state = network.theta.copy(), rule.init(network.theta)
    x = X if members is None else np.broadcast_to(X, (members, *X.shape))
    for _ in range(4):
        theta, state, found = plan.step(theta, state, x, y[:, None], None, [Context(training=True)] * 3)
    network.fit(
        X, y, loss=loss, penalty=penalty, optimizer=rule, clip_norm=0.5, clip_value=0.1, epochs=4, batch_size=None
    )
    np.testing.assert_array_equal(network.theta, theta)
    np.testing.assert_array_equal(network.fitted.optimizer_state.v, state.v)
    np.testing.assert_array_equal(network.history["loss"][-1], found.loss + found.penalty)


# Validation and callbacks


def test_held_out_records_are_never_trained_on():
    X, y = table(40)
    network, other = small(), small()
    history = network.fit(X, y, loss=LOGITS, epochs=3, validation_fraction=0.25, seed=3)
    assert len(history["validation_loss"]) == 3
    # Spoil exactly the rows that were held out: the parameters must not change by one bit.
    from pellucid.configuration import child_seeds

    held = np.random.default_rng(child_seeds(3)[3]).permutation(40)[:10]
    spoilt = X.copy()
    spoilt[held] = 99.0
    other.fit(spoilt, y, loss=LOGITS, epochs=3, validation_fraction=0.25, seed=3)
    np.testing.assert_array_equal(network.theta, other.theta)


def test_validation_loss_is_the_loss_of_the_held_out_records():
    X, y = table(40)
    network = small()
    history = network.fit(X[:30], y[:30], loss=LOGITS, epochs=2, validation_data=(X[30:], y[30:]))
    assert history["validation_loss"][-1] == network.loss(X[30:], y[30:])


def test_early_stopping_restores_the_best_epoch():
    X, y = table(40)
    noise = np.random.default_rng(1).normal(size=20)
    network = small()
    best = []
    history = network.fit(
        X[:20],
        noise,
        loss="squared_error",
        optimizer=Adam(0.05),
        epochs=500,
        validation_data=(X[20:], y[20:]),
        callbacks=[EarlyStopping(5), lambda report: best.append(report.network.theta.copy())],
    )
    epoch = int(np.argmin(history["validation_loss"])) + 1
    assert history.best_epoch == epoch
    assert len(history) == epoch + 5
    assert history.stopped == "validation_loss did not improve for 5 epochs"
    np.testing.assert_array_equal(network.theta, best[epoch - 1])


def test_early_stopping_without_validation_says_what_to_do():
    with pytest.raises(ValueError, match="validation_fraction"):
        small().fit(*table(), loss=LOGITS, callbacks=[EarlyStopping()])


def test_early_stopping_can_be_used_again():
    X, y = table(40)
    stopping = EarlyStopping(2)
    first = small().fit(X, y, loss=LOGITS, epochs=30, validation_fraction=0.3, callbacks=[stopping])
    again = small().fit(X, y, loss=LOGITS, epochs=30, validation_fraction=0.3, callbacks=[stopping])
    assert first.best_epoch == again.best_epoch


def test_early_stopping_on_the_training_loss_keeps_the_best_parameters():
    X, y = table(20)
    network = Network(3, [Dense(1)], seed=0)
    losses = []
    network.fit(
        X,
        y,
        loss="squared_error",
        optimizer=SGD(1.2),
        batch_size=None,
        epochs=6,
        callbacks=[EarlyStopping(9, monitor="loss"), lambda report: losses.append(report.network.loss(X, y))],
    )
    assert len(set(losses)) > 1
    np.testing.assert_allclose(network.loss(X, y), min(losses))


def test_a_run_that_another_has_overtaken_does_nothing_more():
    X, y = table()
    network = small()
    first = run(network, X, y, loss=LOGITS, epochs=9, callbacks=[EarlyStopping(3, monitor="loss")])
    next(first)
    network.fit(X, y, epochs=2)
    theta = network.theta.copy()
    with pytest.raises(RuntimeError, match="another training"):
        next(first)
    first.close()
    np.testing.assert_array_equal(network.theta, theta)


def test_plateaus_lower_the_rate_of_any_optimizer():
    network = Network(1, [Dense(1)], seed=0)
    network.theta = [0.0, 0.0]
    history = network.fit(
        [[1.0]],
        [0.0],
        loss="squared_error",
        optimizer=Adam(CosineDecay(0.1, 100)),
        epochs=7,
        callbacks=[ReduceOnPlateau(0.5, patience=2, monitor="loss")],
    )
    plain = np.array([CosineDecay(0.1, 100)(step) for step in range(7)])
    np.testing.assert_allclose(history["learning_rate"], plain * [1, 1, 1, 0.5, 0.5, 0.25, 0.25])


def test_run_is_a_generator_that_can_be_left_at_any_time():
    X, y = table()
    network, whole = small(), small()
    for report in run(network, X, y, loss=LOGITS, epochs=50):
        if report.epoch == 7:
            break
    whole.fit(X, y, loss=LOGITS, epochs=7)
    np.testing.assert_array_equal(network.theta, whole.theta)
    assert len(network.history) == 7


def test_batch_reports_add_up_to_the_same_training():
    X, y = table(10)
    network, whole = small(), small()
    reports = list(run(network, X, y, loss=LOGITS, epochs=2, batch_size=4, every="batch"))
    assert [(report.epoch, report.batch, report.end_of_epoch) for report in reports] == [
        (1, 1, False), (1, 2, False), (1, 3, True), (2, 1, False), (2, 2, False), (2, 3, True),
    ]  # fmt: skip
    whole.fit(X, y, loss=LOGITS, epochs=2, batch_size=4)
    np.testing.assert_array_equal(network.theta, whole.theta)


def test_looking_changes_nothing():
    X, y = table()
    plain, watched = small(), small()
    a = plain.fit(X, y, loss=LOGITS, epochs=5)
    b = watched.fit(X, y, loss=LOGITS, epochs=5, callbacks=[lambda report: None])
    np.testing.assert_array_equal(plain.theta, watched.theta)
    np.testing.assert_array_equal(a["loss"], b["loss"])


def test_an_interrupted_run_keeps_what_it_has_learnt():
    def interrupt(report):
        if report.epoch == 3:
            raise KeyboardInterrupt

    X, y = table()
    network, whole = small(), small()
    with pytest.raises(KeyboardInterrupt):
        network.fit(X, y, loss=LOGITS, epochs=10, callbacks=[interrupt])
    whole.fit(X, y, loss=LOGITS, epochs=3)
    np.testing.assert_array_equal(network.theta, whole.theta)
    assert len(network.history) == 3


def test_fit_again_goes_on_where_it_was():
    X, y = table()
    network, whole = small(), small()
    for _ in range(3):
        network.fit(
            X, y, loss=LOGITS, optimizer=Adam(), epochs=1, shuffle=False
        ) if network.fitted is None else network.fit(X, y, epochs=1, shuffle=False)
    whole.fit(X, y, loss=LOGITS, optimizer=Adam(), epochs=3, shuffle=False)
    np.testing.assert_array_equal(network.theta, whole.theta)


# Rates, freezing, clipping


def test_frozen_layers_do_not_move_by_one_bit_and_others_do():
    X, y = table()
    network = small().freeze("dense_1")
    before = network.parameters["dense_1"]["weights"].copy()
    last = network.parameters["dense_2"]["weights"].copy()
    network.fit(X, y, loss=LOGITS, optimizer="adamw", penalty=Penalty(l2=1.0), epochs=3)
    np.testing.assert_array_equal(network.parameters["dense_1"]["weights"], before)
    assert (network.parameters["dense_2"]["weights"] != last).any()
    assert (network.gradient(X, y)[: before.size + 5] == 0).all()


def test_rate_multipliers_scale_the_step_of_their_layer():
    X, y = table()
    plain, scaled = small(), small()
    start = plain.theta.copy()
    settings = {"loss": LOGITS, "optimizer": SGD(0.1), "epochs": 1, "batch_size": None}
    plain.fit(X, y, **settings)
    scaled.fit(X, y, rate_multipliers={"dense_1": 0.5, "dense_1.bias": 0.0}, **settings)
    moved, half = plain.theta - start, scaled.theta - start
    np.testing.assert_allclose(half[:15], 0.5 * moved[:15], rtol=1e-9)
    assert (half[15:20] == 0).all()
    np.testing.assert_array_equal(half[20:], moved[20:])


def test_weight_decay_leaves_biases_alone_unless_told():
    from pellucid import AdamW

    X, y = table()
    settings = {"loss": LOGITS, "epochs": 1, "batch_size": None}
    plain, decayed, all_decayed = small(), small(), small()
    for network in (plain, decayed, all_decayed):
        network.theta = network.theta + 1.0
    plain.fit(X, y, optimizer=Adam(0.01), **settings)
    decayed.fit(X, y, optimizer=AdamW(0.01, weight_decay=0.5), **settings)
    all_decayed.fit(X, y, optimizer=AdamW(0.01, weight_decay=0.5), decay_multipliers={"dense_1.bias": 1.0}, **settings)
    bias = ("dense_1", "bias")
    assert (plain.parameters[bias[0]][bias[1]] == decayed.parameters[bias[0]][bias[1]]).all()
    assert (all_decayed.parameters[bias[0]][bias[1]] != decayed.parameters[bias[0]][bias[1]]).all()
    assert (plain.parameters["dense_1"]["weights"] != decayed.parameters["dense_1"]["weights"]).all()


def test_unknown_multipliers_are_named():
    with pytest.raises(ValueError, match="no 'dense_9'.*dense_1"):
        small().fit(*table(), loss=LOGITS, rate_multipliers={"dense_9": 1.0})


def test_clipping_bounds_the_step():
    X, y = table()
    for settings, bound in (({"clip_norm": 0.01}, 0.01), ({"clip_value": 0.001}, 0.001 * np.sqrt(26))):
        network = small()
        start = network.theta.copy()
        network.fit(X, 100 * y, loss="squared_error", optimizer=SGD(1.0), epochs=1, batch_size=None, **settings)
        length = np.linalg.norm(network.theta - start)
        assert 0.5 * bound < length <= bound * (1 + 1e-12)


# When the loss stops being finite


def test_a_diverging_run_stops_and_keeps_the_last_finite_parameters():
    X, y = table()
    network = Network(3, [Dense(5), ReLU(), Dense(5), ReLU(), Dense(1)], seed=0)
    with pytest.warns(
        TrainingWarning, match=r"epoch \d+, batch \d+ of 4: .*First out of range: .*dense_\d.*lower learning rate"
    ):
        history = network.fit(X, y, loss="squared_error", optimizer=SGD(1e3), batch_size=16, epochs=50)
    assert np.isfinite(network.theta).all()
    assert np.isfinite(network.loss(X, y))
    assert "no longer finite" in history.stopped
    assert network.fitted.optimizer_state is None


def test_the_layer_that_leaves_the_range_first_is_named():
    network = Network(1, [Dense(1), ReLU(), Dense(1), ReLU(), Dense(1)], seed=0)
    network.theta = [1e100, 0.0, 1e100, 0.0, 1e200, 0.0]
    with pytest.warns(TrainingWarning, match=r"First out of range: the output of dense_3 \(1 of 1 values\)"):
        network.fit([[1.0]], [0.0], loss="absolute_error", epochs=1)


def test_the_parameters_kept_are_those_before_the_step_that_broke_it():
    X, y = table()
    thetas = []
    network = Network(3, [Dense(5), ReLU(), Dense(1)], seed=0)
    with pytest.warns(TrainingWarning):
        for report in run(network, X, y, loss="squared_error", optimizer=SGD(1e5), batch_size=None, epochs=1000):
            thetas.append(report.network.theta.copy())
    # The last report came after the step whose result has no finite loss; that step is undone.
    np.testing.assert_array_equal(network.theta, thetas[-2])
    assert not np.isfinite(Network.loss(_with(network, thetas[-1]), X, y))


def _with(network, theta):
    other = network.copy()
    other.theta = theta
    return other


def test_the_last_update_of_a_run_is_looked_at_too():
    network = Network(1, [Dense(1)], seed=0)
    start = network.theta.copy()
    with pytest.warns(TrainingWarning, match="stopped in epoch 1"):
        history = network.fit([[1e3]], [1e3], loss="squared_error", optimizer=SGD(1e200), epochs=1)
    np.testing.assert_array_equal(network.theta, start)
    assert "no longer finite" in history.stopped
    assert len(history) == 1


def test_huge_inputs_get_the_advice_to_scale_them():
    with pytest.warns(TrainingWarning, match=r"scaled inputs \(the largest value in X is 1e\+200\)"):
        Network(1, [Dense(1)], seed=0).fit([[1e200], [1.0]], [0.0, 1.0], loss="squared_error", epochs=2)


def test_overflow_warns_only_through_our_own_warning():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in run(Network(1, [Dense(1)], seed=0), [[1e200]], [0.0], loss="squared_error", epochs=2):
            pass
    assert {warning.category for warning in caught} == {TrainingWarning}


# Members: K at once equal K alone


@pytest.mark.parametrize("settings", [
    {"optimizer": SGD(0.1, momentum=0.9)},
    {"optimizer": Adam(0.01), "penalty": Penalty(l1=0.01, l2=0.1), "clip_norm": 0.1},
    {"optimizer": Adam(0.01), "sample_weight": np.linspace(0, 2, 60)},
    {"optimizer": Adam(0.01), "batch_size": None},
])  # fmt: skip
def test_members_equal_single_runs(settings):
    X, y = table()
    together = small(seed=4, members=3)
    settings = {"batch_size": 16, "epochs": 4, "loss": LOGITS, **settings}
    joint = together.fit(X, y, **settings)
    for member in range(3):
        alone = small(seed=4 + member)
        history = alone.fit(X, y, **settings)
        np.testing.assert_allclose(together.theta[member], alone.theta, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(joint["loss"][:, member], history["loss"], rtol=1e-10)
        np.testing.assert_allclose(together.predict(X)[member], alone.predict(X), rtol=1e-9, atol=1e-12)


def test_members_can_share_their_batches():
    X, y = table()
    together = small(members=2)
    together.theta = np.stack([together.theta[0]] * 2)
    together.fit(X, y, loss=LOGITS, epochs=2, batch_size=8, batches="shared")
    np.testing.assert_array_equal(together.theta[0], together.theta[1])
    own = small(members=2)
    own.theta = np.stack([own.theta[0]] * 2)
    own.fit(X, y, loss=LOGITS, epochs=2, batch_size=8)
    assert (own.theta[0] != own.theta[1]).any()


def test_members_stop_early_each_at_its_own_epoch():
    X, y = table(40)
    noise = np.random.default_rng(1).normal(size=20)
    settings = {
        "loss": "squared_error", "optimizer": Adam(0.05), "epochs": 60, "validation_data": (X[20:], y[20:]),
    }  # fmt: skip
    together = small(members=3)
    joint = together.fit(X[:20], noise, callbacks=[EarlyStopping(5)], **settings)
    for member in range(3):
        alone = small(seed=member)
        history = alone.fit(X[:20], noise, callbacks=[EarlyStopping(5)], **settings)
        assert joint.best_epoch[member] == history.best_epoch
        np.testing.assert_allclose(together.theta[member], alone.theta, rtol=1e-9, atol=1e-12)


def test_a_member_that_diverges_rests_and_the_others_go_on():
    X, y = table()
    together = small(members=3)
    spoilt = together.theta.copy()
    spoilt[1, -1] = 1e200  # its loss overflows at once
    together.theta = spoilt
    with pytest.warns(TrainingWarning, match=r"member\(s\) 1 is no longer finite"):
        history = together.fit(X, y, loss="squared_error", epochs=5)
    assert history.stopped is None
    np.testing.assert_array_equal(together.theta[1], spoilt[1])
    for member in (0, 2):
        alone = small(seed=member)
        alone.fit(X, y, loss="squared_error", epochs=5)
        np.testing.assert_allclose(together.theta[member], alone.theta, rtol=1e-10, atol=1e-13)


# L-BFGS


def test_lbfgs_reaches_the_least_squares_solution():
    pytest.importorskip("scipy")
    generator = np.random.default_rng(0)
    X = generator.normal(size=(50, 3))
    y = X @ [1.0, -2.0, 3.0] + 0.5 + 0.1 * generator.normal(size=50)
    network = Network(3, [Dense(1)], seed=0)
    history = network.fit(X, y, loss="squared_error", optimizer="lbfgs")
    exact, *_ = np.linalg.lstsq(np.column_stack([X, np.ones(50)]), y)
    np.testing.assert_allclose(network.theta, exact, rtol=1e-4)
    assert (np.diff(history["loss"]) <= 0).all()


def test_lbfgs_can_be_left_and_leaves_frozen_layers_alone():
    pytest.importorskip("scipy")
    import threading

    X, y = table()
    network = small(frozen=["dense_1"])
    before = network.theta[:20].copy()
    for report in run(network, X, y, loss=LOGITS, optimizer="lbfgs", penalty=Penalty(l2=0.01)):
        if report.epoch == 2:
            break
    assert len(network.history) == 2
    np.testing.assert_array_equal(network.theta[:20], before)
    assert not any(thread.name == "pellucid-lbfgs" for thread in threading.enumerate())


def test_lbfgs_refuses_what_it_would_ignore():
    pytest.importorskip("scipy")
    with pytest.raises(ValueError, match="clip_norm does nothing"):
        small().fit(*table(), loss=LOGITS, optimizer="lbfgs", clip_norm=1.0)
    flat = np.ones(60)
    with pytest.raises(ValueError, match="L-BFGS has no learning rate"):
        small().fit(
            table()[0],
            np.random.default_rng(0).normal(size=60) + flat,
            loss="squared_error",
            optimizer="lbfgs",
            epochs=50,
            callbacks=[ReduceOnPlateau(patience=1, min_delta=1e9, monitor="loss")],
        )


def test_lbfgs_refuses_members():
    with pytest.raises(ValueError, match="one network"):
        small(members=2).fit(*table(), loss=LOGITS, optimizer="lbfgs")


# Bad input


@pytest.mark.parametrize(("change", "message"), [
    ({"X": [[1.0, np.nan, 0.0]] * 3}, r"X has 3 values that are not finite, the first nan in row 0, column 1"),
    ({"X": [[1.0, 2.0]] * 3}, r"X has shape \(3, 2\); this network takes records of width 3"),
    ({"X": [["a", "b", "c"]] * 3}, r"X must hold numbers, found .*'a'.* in row 0, column 0"),
    ({"X": np.zeros((0, 3)), "y": []}, r"no records"),
    ({"y": [0.0, 1.0]}, r"X has 3 records and y has 2"),
    ({"y": [0.0, np.inf, 1.0]}, r"y has 1 value\(s\) that are not finite, the first in row 1"),
    ({"y": [[0.0, 1.0]] * 3}, r"y has shape \(3, 2\); a network with 1 output"),
    ({"y": ["yes", "no", "no"]}, r"y must hold numbers, found .*'yes'"),
    ({"sample_weight": [1, 1]}, r"sample_weight has shape \(2,\)"),
    ({"sample_weight": [1, -1, 1]}, r"sample_weight must be finite and not negative.* -1.* in row 1"),
    ({"sample_weight": [1, np.nan, 1]}, r"sample_weight must be finite.*nan.* in row 1"),
    ({"sample_weight": [0, 0, 0]}, r"all 3 weights are 0"),
    ({"epochs": 0}, "epochs must be a positive whole number, found 0"),
    ({"batch_size": -3}, "batch_size must be a positive whole number, found -3"),
    ({"validation_fraction": 1.5}, r"validation_fraction must lie in \[0, 1\)"),
    ({"validation_fraction": 0.01}, "leaves 0 to validate on"),
    ({"validation_data": ([[0, 0, 0]], [0, 1])}, "validation_data: X has 1 records and y has 2"),
    ({"optimizer": "adan"}, "no optimizer 'adan'; the names are sgd, "),
    ({"optimizer": Adam}, r"write Adam\(\)"),
    ({"loss": "mse"}, "no loss 'mse'; the names are squared_error"),
    ({"engine": "cuda"}, "no engine 'cuda'; the engines are numpy"),
    ({"clip_norm": 0}, "clip_norm must be positive"),
])  # fmt: skip
def test_bad_arguments_are_named(change, message):
    arguments = {"X": [[1.0, 2.0, 3.0]] * 3, "y": [0.0, 1.0, 0.0], "loss": "squared_error", **change}
    with pytest.raises((ValueError, TypeError), match=message):
        small().fit(arguments.pop("X"), arguments.pop("y"), **arguments)


def test_a_typo_in_an_argument_is_not_swallowed():
    with pytest.raises(TypeError, match="epoch"):
        small().fit(*table(), loss=LOGITS, epoch=3)
    with pytest.raises(TypeError, match="epoch"):
        run(small(), *table(), loss=LOGITS, epoch=3)


def test_float32_refuses_what_it_cannot_hold():
    with pytest.raises(ValueError, match="too large for float32.*row 0, column 0"):
        Network(1, [Dense(1)], seed=0, dtype="float32").predict([[1e300]])


def test_the_first_time_a_loss_must_be_named():
    with pytest.raises(ValueError, match="name a loss"):
        small().fit(*table())


def test_history_says_what_it_has():
    history = small().fit(*table(), loss=LOGITS, epochs=2)
    assert isinstance(history, History)
    assert "2 epochs" in repr(history)
    with pytest.raises(KeyError, match="validation_loss"):
        history["validation_loss"]
