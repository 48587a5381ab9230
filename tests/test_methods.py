"""Methods of training beside the plain step: what each must come to, on both engines, for one network and several."""

from dataclasses import dataclass

import numpy as np
import pytest

from judges import judge
from pellucid import (
    LBFGS,
    SGD,
    Adam,
    AdamW,
    BinaryCrossEntropyFromLogits,
    CrossEntropyFromLogits,
    Dense,
    EarlyStopping,
    Embedding,
    ExponentialMovingAverage,
    Flatten,
    Mixup,
    Network,
    OneHot,
    Penalty,
    Residual,
    SquaredError,
    StochasticWeightAverage,
    Tanh,
)
from pellucid.training import run
from pellucid.training.batches import balanced_order, members_of_classes
from pellucid.training.step import limited
from table import ToyCentre, ToyNoise

X = np.random.default_rng(0).standard_normal((44, 3))
Y = np.sin(X).sum(axis=1)
CLASSES = (X[:, 0] + 0.3 * X[:, 1] > 1.0).astype(int)  # a rare class
ENGINES = ["numpy", pytest.param("jax", marks=pytest.mark.slow)]
over_engines = pytest.mark.parametrize("engine", ENGINES)
over_members = pytest.mark.parametrize("members", [None, 2])


def net(members=None, *inner, outputs=1, seed=3, dtype="float64"):
    return Network(3, [Dense(6), *inner, Tanh(), Dense(outputs)], seed=seed, members=members, dtype=dtype)


def fitted(network, y=Y, **settings):
    if settings.get("engine") == "jax":
        judge("jax")
    network.fit(X, y, **{"loss": "squared_error", "epochs": 3, "batch_size": 8, **settings})
    return network


def near(one, other, tolerance=1e-11):
    assert np.linalg.norm(one - other) <= tolerance * np.linalg.norm(other)


# Both engines


@dataclass(frozen=True)
class Case:
    name: str
    settings: dict
    draws_of_engine: bool = False  # what is drawn differs from engine to engine

    def __str__(self):
        return self.name


CASES = [
    Case("max_norm", {"max_norm": 0.8}),
    Case("accumulate", {"accumulate": 3}),
    Case("exponential", {"average": ExponentialMovingAverage(0.9)}),
    Case("stochastic", {"average": StochasticWeightAverage(2)}),
    Case("mixup", {"mixup": 0.4}, draws_of_engine=True),
    Case("all", {"max_norm": 0.8, "accumulate": 2, "average": ExponentialMovingAverage(0.9), "clip_norm": 0.5}),
]
over_cases = pytest.mark.parametrize("case", CASES, ids=str)


def centred(members=None):
    return Network(3, [ToyCentre(), Dense(6), Tanh(), Dense(1)], seed=3, members=members)


@pytest.mark.slow
@pytest.mark.parametrize("case", [one for one in CASES if not one.draws_of_engine], ids=str)
def test_both_engines_come_to_the_same(case):
    members = 2 if "average" in case.settings else None
    settings = {"optimizer": Adam(0.02), "penalty": Penalty(l2=0.01), "epochs": 5, **case.settings}
    ours = fitted(centred(members), **settings)
    theirs = fitted(centred(members), engine="jax", **settings)
    near(theirs.theta, ours.theta)
    near(theirs.predict(X), ours.predict(X))
    near(theirs.history["loss"], ours.history["loss"])


@over_cases
def test_members_come_to_what_each_comes_to_alone(case):
    together = fitted(net(3, ToyNoise()), **case.settings)
    for member in range(3):
        alone = fitted(net(None, ToyNoise(), seed=3 + member), **case.settings)
        near(together.theta[member], alone.theta)


@pytest.mark.slow
def test_members_mix_on_jax_as_each_does_alone():
    together = fitted(net(2), engine="jax", mixup=0.4)
    for member in range(2):
        near(together.theta[member], fitted(net(seed=3 + member), engine="jax", mixup=0.4).theta)


@over_cases
def test_a_run_is_repeatable_to_the_bit_and_its_seed_counts(case):
    one, same = (fitted(net(), **case.settings) for _ in range(2))
    np.testing.assert_array_equal(one.theta, same.theta)
    np.testing.assert_array_equal(one.history["loss"], same.history["loss"])
    assert (fitted(net(), seed=9, **case.settings).theta != one.theta).any()


@over_cases
def test_float32_stays_float32(case):
    network = fitted(net(None, ToyCentre(), dtype="float32"), **case.settings)
    assert network.theta.dtype == np.float32
    assert network.state[1]["mean"].dtype == np.float32


@over_cases
def test_where_somebody_looks_makes_no_difference(case):
    looked = net(None, ToyNoise())
    for _ in run(looked, X, Y, loss="squared_error", epochs=3, batch_size=8, every="batch", **case.settings):
        pass
    plain = fitted(net(None, ToyNoise()), **case.settings)
    np.testing.assert_array_equal(looked.theta, plain.theta)
    np.testing.assert_array_equal(looked.history["loss"], plain.history["loss"])


# Gradient accumulation


@over_engines
@over_members
@pytest.mark.parametrize(
    "loss", [SquaredError(), SquaredError(reduction="sum"), BinaryCrossEntropyFromLogits(class_weights=(1, 4))]
)
def test_accumulated_gradients_are_those_of_one_larger_batch(loss, members, engine):
    y = CLASSES if isinstance(loss, BinaryCrossEntropyFromLogits) else Y
    settings = {"loss": loss, "optimizer": SGD(0.01), "penalty": Penalty(l2=0.1), "engine": engine}
    settings["sample_weight"] = np.random.default_rng(1).random(44)
    pieces = fitted(net(members, ToyNoise()), y, batch_size=5, accumulate=4, **settings)
    whole = fitted(net(members, ToyNoise()), y, batch_size=20, **settings)
    near(pieces.theta, whole.theta, 1e-13)
    near(pieces.history["loss"], whole.history["loss"], 1e-13)


def test_running_statistics_go_from_piece_to_piece():
    network = Network(3, [ToyCentre(keep=0.5), Dense(1)], seed=0)
    network.fit(X[:12], Y[:12], loss="squared_error", epochs=1, batch_size=4, accumulate=3, shuffle=False)
    mean = np.zeros(3)
    for start in (0, 4, 8):
        mean = 0.5 * mean + 0.5 * X[start : start + 4].mean(axis=0)
    np.testing.assert_allclose(network.state[0]["mean"], mean, rtol=1e-14)


def test_records_that_count_nothing_take_no_part_in_a_piece():
    weights = np.r_[np.zeros(20), np.ones(24)]
    network = fitted(net(), sample_weight=weights, batch_size=4, accumulate=11, shuffle=False)
    assert np.isfinite(network.theta).all()
    near(network.theta, fitted(net(), sample_weight=weights, batch_size=None).theta, 1e-13)


# Max-norm


@over_engines
@over_members
def test_no_units_weights_are_longer_than_allowed(members, engine):
    network = Network(3, [Dense(6), Residual([Dense(6)]), Tanh(), Dense(1)], seed=3, members=members)
    fitted(network, max_norm=0.5, optimizer=SGD(0.5), epochs=4, engine=engine)
    lengths = []
    for named in network.parameters.values():
        for name, array in named.items():
            if name.endswith("weights"):
                lengths.append(np.sqrt((array**2).sum(axis=-2)).ravel())
    lengths = np.concatenate(lengths)
    assert lengths.max() <= 0.5 * (1 + 1e-12)
    assert (lengths > 0.5 * (1 - 1e-12)).sum() > 2  # and it was needed
    biases = network.parameters["dense_1"]["bias"]
    assert biases.any()


def test_short_weights_are_left_alone_to_the_bit():
    weights = np.random.default_rng(0).standard_normal((4, 5)) * 0.1
    np.testing.assert_array_equal(limited(weights, 10.0, axes=2), weights)
    assert limited(np.zeros((2, 2)), 1.0, axes=2).tolist() == [[0, 0], [0, 0]]


def test_frozen_weights_are_not_shortened():
    network = net()
    network.parameters["dense_1"]["weights"] = 5.0 * np.ones((3, 6))
    network.freeze("dense_1")
    fitted(network, max_norm=0.5)
    assert (network.parameters["dense_1"]["weights"] == 5.0).all()


def test_max_norm_is_that_of_torch():
    torch = judge("torch")
    weights = np.random.default_rng(0).standard_normal((4, 5))
    theirs = torch.renorm(torch.tensor(weights.T), p=2, dim=0, maxnorm=1.0).numpy().T
    np.testing.assert_allclose(limited(weights, 1.0, axes=2), theirs, rtol=1e-6)  # torch adds 1e-7 to the length


# Averages


@over_engines
@over_members
def test_exponential_average_is_that_of_the_thetas_of_all_steps(members, engine):
    rule = ExponentialMovingAverage(0.8)
    plain, thetas = net(members), []
    thetas.append(plain.theta.copy())
    if engine == "jax":
        judge("jax")
    for report in run(plain, X, Y, loss="squared_error", epochs=3, batch_size=8, every="batch", engine=engine):
        thetas.append(report.network.theta.copy())
    average = thetas[0]
    for n, theta in enumerate(thetas[1:], start=1):
        decay = min(0.8, (1 + n) / (10 + n))
        average = decay * average + (1 - decay) * theta
    near(fitted(net(members), average=rule, engine=engine).theta, average)


@over_engines
def test_stochastic_average_is_the_mean_of_the_ends_of_epochs(engine):
    ends = []
    fitted(net(), epochs=5, callbacks=[lambda report: ends.append(report.network.theta.copy())], engine=engine)
    averaged = fitted(net(), epochs=5, average=StochasticWeightAverage(start=3), engine=engine)
    near(averaged.theta, np.mean(ends[2:], axis=0))


def test_running_statistics_are_averaged_alike():
    means = []
    layers = [ToyCentre(keep=0.5), Dense(1)]
    network = Network(3, layers, seed=0)
    network.fit(
        X, Y, loss="squared_error", epochs=4, batch_size=8,
        callbacks=[lambda report: means.append(report.network.state[0]["mean"].copy())],
    )  # fmt: skip
    averaged = Network(3, layers, seed=0)
    averaged.fit(X, Y, loss="squared_error", epochs=4, batch_size=8, average=StochasticWeightAverage(start=2))
    np.testing.assert_allclose(averaged.state[0]["mean"], np.mean(means[1:], axis=0), rtol=1e-12)


@over_engines
def test_who_looks_sees_the_average_and_the_steps_go_on_from_the_plain_parameters(engine):
    seen, losses = [], []
    settings = {"average": ExponentialMovingAverage(0.95), "validation_data": (X[:10], Y[:10]), "engine": engine}

    def look(report):
        seen.append(report.network.theta.copy())
        losses.append(report.network.loss(X[:10], Y[:10]))

    network = fitted(net(), callbacks=[look], **settings)
    np.testing.assert_array_equal(seen[-1], network.theta)
    np.testing.assert_allclose(network.history["validation_loss"], losses, rtol=1e-12)
    unseen = fitted(net(), average=ExponentialMovingAverage(0.95), engine=engine)
    near(network.theta, unseen.theta, 1e-12)


def test_early_stopping_keeps_the_best_average():
    kept = []
    network = fitted(
        net(), average=ExponentialMovingAverage(0.9), validation_data=(X[:10], -Y[:10]), epochs=30,
        optimizer=Adam(0.05), callbacks=[EarlyStopping(3), lambda report: kept.append(report.network.theta.copy())],
    )  # fmt: skip
    np.testing.assert_array_equal(network.theta, kept[network.history.best_epoch - 1])


def test_exponential_average_agrees_with_torch():
    torch = judge("torch")
    thetas = np.random.default_rng(0).standard_normal((60, 4))
    model = torch.nn.Linear(4, 1, bias=False, dtype=torch.float64)
    ema = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.6))
    rule, average = ExponentialMovingAverage(0.6), thetas[0]
    model.weight.data = torch.tensor(thetas[:1])
    ema.update_parameters(model)
    for n, theta in enumerate(thetas[1:], start=30):  # beyond the first steps, in which ours forgets faster
        model.weight.data = torch.tensor(theta[None])
        ema.update_parameters(model)
        average = average + rule.share(n, 1) * (theta - average)
    np.testing.assert_allclose(average, ema.module.weight.detach().numpy()[0], rtol=1e-10)


@pytest.mark.filterwarnings("ignore::pellucid.TrainingWarning")
def test_an_average_does_not_keep_what_blew_up():
    network = fitted(net(), optimizer=SGD(1e6), average=ExponentialMovingAverage(0.9), epochs=50)
    assert "no longer finite" in network.history.stopped
    assert np.isfinite(network.theta).all()
    assert np.isfinite(network.predict(X)).all()


# Mixup


@over_engines
def test_mixed_records_lie_between_two_and_their_targets_alike(engine):
    # A network without anything to learn sees what it is given: the loss of y = x is 0 for every mix of such records.
    data = np.random.default_rng(0).random((30, 1))
    network = Network(1, [Dense(1)], seed=0)
    network.theta = [1.0, 0.0]
    if engine == "jax":
        judge("jax")
    settings = {"loss": "squared_error", "optimizer": SGD(1e-3), "epochs": 3, "batch_size": 7, "engine": engine}
    history = network.fit(data, data, mixup=Mixup(1.0), **settings)
    assert history["loss"].max() < 1e-25
    bent = network.copy().fit(data, data**2, loss="squared_error", optimizer=SGD(1e-30), mixup=1.0, epochs=3)
    unmixed = network.copy().fit(data, data**2, loss="squared_error", optimizer=SGD(1e-30), epochs=3)
    assert abs(bent["loss"] - unmixed["loss"]).min() > 1e-6


def test_shares_and_partners_are_drawn_as_they_should_be():
    from pellucid.arrays import draw

    rule, generator = Mixup(0.3), np.random.default_rng(0)
    wanted = rule.draws((20_000,))
    drawn = {name: draw([generator], one, np.float64) for name, one in wanted.items()}
    share = drawn["share"]
    # Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)).
    assert abs(share.mean() - 0.5) < 0.01
    assert abs(share.var() - 1 / (4 * 1.6)) < 0.005
    x = np.arange(20_000.0)[:, None]
    mixed, _, _ = rule.mix(x, x, None, drawn)
    offset = int(drawn["partner"][0] * 20_000)
    np.testing.assert_allclose(mixed, share[:, None] * x + (1 - share[:, None]) * np.roll(x, -offset, axis=0))


def test_mixup_mixes_classes_into_shares():
    labels = np.random.default_rng(1).integers(0, 3, 44)
    network = fitted(net(outputs=3), labels, loss=CrossEntropyFromLogits(), mixup=0.4, sample_weight=np.ones(44))
    assert np.isfinite(network.history["loss"]).all()


# Class-balanced sampling


def test_every_class_comes_equally_often_and_every_record_of_it_in_turn():
    classes = [np.arange(30), np.arange(30, 35), np.array([35])]
    seen = np.zeros(36, dtype=int)
    for seed in range(50):
        order = balanced_order(np.random.default_rng(seed), classes, 36)
        counts = np.bincount(order, minlength=36)
        assert [counts[members].sum() for members in classes] == [12, 12, 12]
        assert np.ptp(counts[30:35]) <= 1
        assert counts[:30].max() == 1
        seen += counts
    assert seen.min() > 0
    assert len(balanced_order(np.random.default_rng(0), classes, 37)) == 37


@over_engines
@over_members
def test_a_rare_class_is_learnt_as_if_it_were_common(members, engine):
    ones = np.zeros((40, 3))  # nothing to tell records apart by: the bias becomes the logit of the share seen
    labels = np.r_[np.ones(4, dtype=int), np.zeros(36, dtype=int)]
    network = Network(3, [Dense(1)], seed=0, members=members)
    if engine == "jax":
        judge("jax")
    settings = {"loss": BinaryCrossEntropyFromLogits(), "optimizer": SGD(0.5), "epochs": 60, "engine": engine}
    network.fit(ones, labels, class_balanced=True, batch_size=40, **settings)
    np.testing.assert_allclose(network.predict_proba(ones), 0.5, atol=1e-6)
    network.fit(ones, labels, batch_size=40, **settings)
    np.testing.assert_allclose(network.predict_proba(ones), 0.1, atol=0.02)


@pytest.mark.slow
def test_engines_see_the_same_balanced_batches():
    weights = np.random.default_rng(2).random(44)
    settings = {"loss": BinaryCrossEntropyFromLogits(), "class_balanced": True, "sample_weight": weights, "epochs": 4}
    ours = fitted(net(), CLASSES, **settings)
    theirs = fitted(net(), CLASSES, engine="jax", **settings)
    near(theirs.theta, ours.theta)
    near(theirs.history["loss"], ours.history["loss"])


@pytest.mark.parametrize(
    ("loss", "target", "said"),
    [
        (SquaredError(), np.zeros((4, 1)), "a loss on classes; SquaredError is none"),
        (CrossEntropyFromLogits(), np.full((4, 2), 0.5), "one class each"),
        (BinaryCrossEntropyFromLogits(), np.ones((4, 2)), "one class each"),
    ],
)
def test_what_has_no_classes_cannot_be_balanced(loss, target, said):
    with pytest.raises(ValueError, match=said):
        members_of_classes(loss, target)


# Weight decay by group


def test_weight_decay_by_group():
    network = Network(3, [Dense(6), Residual([Dense(6), Tanh()]), Dense(1)], seed=0)
    before = {name: {k: v.copy() for k, v in named.items()} for name, named in network.parameters.items()}
    factors = {"dense_1": 0.0, "residual_1.dense_1": 2.0}
    # A loss that is a sum, of records that count all but nothing: what moves is decay alone.
    tiny = {"loss": SquaredError(reduction="sum"), "sample_weight": np.full(44, 1e-300), "epochs": 1}
    rule = AdamW(0.1, weight_decay=0.5)
    fitted(network, optimizer=rule, batch_size=None, decay_multipliers=factors, **tiny)
    after = network.parameters
    np.testing.assert_allclose(after["dense_1"]["weights"], before["dense_1"]["weights"], rtol=1e-12)
    np.testing.assert_allclose(
        after["residual_1"]["dense_1.weights"], before["residual_1"]["dense_1.weights"] * (1 - 0.1), rtol=1e-12
    )
    np.testing.assert_allclose(after["dense_2"]["weights"], before["dense_2"]["weights"] * (1 - 0.05), rtol=1e-12)


# What is refused


@pytest.mark.parametrize("layer", [[Embedding(3, 2), Flatten()], [OneHot((3, 3))]])
def test_mixup_refuses_categories(layer):
    network = Network(2, [*layer, Dense(1)], seed=0)
    with pytest.raises(ValueError, match="has no categories for: leave it out"):
        network.fit(np.zeros((4, 2)), np.zeros(4), loss="squared_error", mixup=0.4)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"max_norm": 0}, "max_norm must be positive"),
        ({"accumulate": 0}, "accumulate must be a positive whole number"),
        ({"mixup": -1.0}, "Mixup: alpha must be positive"),
        ({"class_balanced": True}, "class_balanced needs a loss on classes"),
        ({"decay_multipliers": {"dense_9": 1.0}}, "there is no 'dense_9'"),
        ({"optimizer": LBFGS(), "average": ExponentialMovingAverage()}, "average does nothing"),
        ({"optimizer": LBFGS(), "accumulate": 2}, "accumulate does nothing"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(settings, said):
    with pytest.raises(ValueError, match=said):
        fitted(net(), **settings)


@pytest.mark.parametrize("settings", [{"mixup": "a lot"}, {"average": 0.9}, {"average": ExponentialMovingAverage}])
def test_other_kinds_of_things_are_refused(settings):
    with pytest.raises(TypeError, match=f"{next(iter(settings))} must be"):
        fitted(net(), **settings)


@pytest.mark.parametrize("make", [lambda: ExponentialMovingAverage(1.0), lambda: StochasticWeightAverage(0)])
def test_settings_of_averages_are_checked(make):
    with pytest.raises(ValueError, match=r"decay must|start must"):
        make()
