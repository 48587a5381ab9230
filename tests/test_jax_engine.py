"""The JAX engine against the NumPy engine, with ``jax.grad`` as a second judge, over the shared table."""

import dataclasses
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import pellucid
from judges import judge
from pellucid import (
    LBFGS,
    SGD,
    Adam,
    AdamW,
    BinaryCrossEntropyFromLogits,
    CosineDecay,
    Dense,
    EarlyStopping,
    Network,
    Penalty,
    ReduceOnPlateau,
    Sigmoid,
    SquaredError,
    Tanh,
    TrainingWarning,
)
from pellucid.gradient_check import _contexts
from pellucid.gradients import batch_of, objective_of
from pellucid.layers import Layer
from pellucid.optimizers import Optimizer
from pellucid.training import run
from table import (
    LAYER_EXAMPLES,
    LOSS_EXAMPLES,
    OPTIMIZER_EXAMPLES,
    SCHEDULE_EXAMPLES,
    ToyCentre,
    ToyNoise,
    scatter,
)

jax = judge("jax")

from pellucid.engines import jax as jax_engine  # noqa: E402  (needs JAX)
from pellucid.engines import numpy as numpy_engine  # noqa: E402
from pellucid.engines.jax import program  # noqa: E402

ENGINES = ("numpy", "jax")
STEPS = 200
LIMIT = {"float64": 1e-12, "float32": 1e-4}


def distance(a, b):
    """Return how far two vectors are apart, relative to their length."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b), 1e-300)


def table(records=23, width=4, outputs=1, seed=0):
    """Return inputs, and numeric targets that depend on them."""
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((records, width))
    y = np.sin(X @ generator.standard_normal((width, outputs))) + 0.1 * generator.standard_normal((records, outputs))
    return X, y


def small(outputs=1, layers=None, **settings):
    hidden = [Dense(5), Tanh()] if layers is None else layers
    return Network(4, [*hidden, Dense(outputs)], seed=3, **settings)


def agree(make, X, y, *, limit=1e-12, **settings):
    """Train on both engines, and require the same parameters and figures; return both networks."""
    networks = [make() for _ in ENGINES]
    for network, engine in zip(networks, ENGINES, strict=True):
        network.fit(X, y, engine=engine, **settings)
    ours, theirs = networks
    assert np.isfinite(ours.theta).all()
    assert theirs.theta.dtype == ours.theta.dtype
    assert distance(ours.theta, theirs.theta) <= limit
    for name in ("loss", "learning_rate", *({"validation_loss"} & set(ours.history))):
        assert ours.history[name].shape == theirs.history[name].shape
        assert distance(ours.history[name], theirs.history[name]) <= limit, name
    for mine, other in zip(ours.state, theirs.state, strict=True):
        for name, value in mine.items():
            assert distance(value, other[name]) <= limit
    return networks


# The shared table: whatever is entered there is compared here


@pytest.fixture
def same_draws(monkeypatch):
    """Give NumPy JAX's draws: the engines draw differently, and with the same draws must come to the same."""

    def draws_of(work):
        keys = np.stack([seed.generate_state(2, np.uint32) for seed in work.draw_seeds])

        def draws(step, part, wanted):
            with jax.enable_x64(True):
                return np.asarray(program.drawn(keys, step, part, wanted, work.network.dtype))

        return draws

    monkeypatch.setattr(numpy_engine, "numpy_draws", draws_of)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", LIMIT)
@pytest.mark.parametrize("example", LAYER_EXAMPLES, ids=str)
@pytest.mark.usefixtures("same_draws")
def test_every_layer_learns_the_same_on_both_engines(example, dtype):
    def make():
        return scatter(Network(example.shape, example.around(), seed=0, dtype=dtype))

    generator = np.random.default_rng(5)
    X, y = example.x(records=23), generator.standard_normal((23, 2))
    rate = 0.01 if len(example.shape) == 1 else 0.002  # whole images sum up to more, and would run away
    settings = {"loss": "squared_error", "optimizer": SGD(rate), "batch_size": 8, "epochs": -(-STEPS // 3)}
    agree(make, X, y, limit=LIMIT[dtype], **settings)


@pytest.mark.slow
@pytest.mark.parametrize("example", LOSS_EXAMPLES, ids=str)
def test_every_loss_with_penalty_and_weights(example):
    y = example.target(records=10)
    X, _ = table(10)
    weights = np.random.default_rng(1).uniform(0, 2, 10)
    agree(
        lambda: small(example.outputs),
        X,
        y,
        loss=example.loss,
        optimizer=SGD(0.01),
        batch_size=4,
        epochs=-(-STEPS // 3),
        sample_weight=weights,
        penalty=Penalty(l1=0.01, l2=0.1, biases=True),
    )


@pytest.mark.slow
@pytest.mark.parametrize("dtype", LIMIT)
@pytest.mark.parametrize("example", OPTIMIZER_EXAMPLES, ids=str)
def test_every_optimizer(example, dtype):
    X, y = table(10)
    _, network = agree(
        lambda: small(dtype=dtype),
        X,
        y,
        limit=LIMIT[dtype],
        loss="squared_error",
        optimizer=example.optimizer,
        batch_size=4,
        epochs=-(-STEPS // 3),
    )
    state = network.fitted.optimizer_state
    assert type(state.step) is int
    assert state.step == 3 * -(-STEPS // 3)
    like = example.optimizer.init(network.theta)
    for mine, other in zip(state, like, strict=True):
        assert type(mine) is type(other)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == other.dtype
            assert mine.shape == other.shape


@pytest.mark.slow
@pytest.mark.parametrize("example", SCHEDULE_EXAMPLES, ids=str)
def test_every_schedule(example):
    X, y = table(10)
    agree(small, X, y, loss="squared_error", optimizer=Adam(example.schedule), batch_size=4, epochs=-(-STEPS // 3))


PAIRS = {
    "one batch": {"batch_size": None, "epochs": 200},
    "in order": {"shuffle": False, "batch_size": 4, "epochs": 30},
    "no short batch": {"batch_size": 5, "epochs": 40},
    "batch of one": {"batch_size": 1, "epochs": 10},
    "penalty and clipping": {"penalty": Penalty(l1=0.01, l2=0.1), "clip_norm": 0.3, "epochs": 70, "batch_size": 8},
    "value clipping, schedule": {"clip_value": 0.05, "optimizer": Adam(CosineDecay(0.02, 100)), "epochs": 70},
    "rates by name": {"rate_multipliers": {"dense_1": 0.1, "dense_2.bias": 2.0}, "epochs": 70},
    "decay by name": {"optimizer": AdamW(0.01, weight_decay=0.2), "decay_multipliers": {"dense_1": 0.5}, "epochs": 70},
    "a sum": {"loss": SquaredError(reduction="sum"), "optimizer": SGD(0.002), "epochs": 70},
    "any function of the step": {"optimizer": SGD(lambda step: 0.05 / (1 + step)), "epochs": 70, "batch_size": 7},
    "held-out records": {"validation_fraction": 0.3, "epochs": 20, "batch_size": 4},
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("members", [None, 3])
@pytest.mark.slow
def test_chosen_pairs(name, members):
    X, y = table(20)
    settings = {"loss": "squared_error", "optimizer": SGD(0.02, momentum=0.9), "batch_size": 6} | PAIRS[name]
    agree(lambda: small(members=members), X, y, **settings)


@pytest.mark.slow
def test_members_with_shared_batches_and_weights():
    X, y = table(20)
    weights = np.random.default_rng(2).uniform(0, 3, 20)
    for batches in ("own", "shared"):
        agree(
            lambda: small(members=2), X, y, loss="huber", epochs=30, batch_size=6, batches=batches,
            sample_weight=weights, penalty=Penalty(l2=0.01),
        )  # fmt: skip


@pytest.mark.slow
def test_frozen_layers_stay_as_they_are_to_the_last_bit():
    X, y = table(20)
    ours, theirs = agree(lambda: small(frozen=["dense_1"]), X, y, loss="squared_error", optimizer=AdamW(0.01), epochs=9)
    for network in (ours, theirs):
        start = small().parameters["dense_1"]
        for name, values in network.parameters["dense_1"].items():
            assert (values == start[name]).all()


@pytest.mark.slow
def test_a_wide_layer_is_a_part_of_theta_by_itself():
    X, y = table(20)
    layers = [Dense(600), Tanh(), Dense(70), Tanh()]
    ours, _ = agree(
        lambda: small(layers=layers), X, y, loss="squared_error", optimizer=AdamW(1e-3), epochs=5, clip_norm=1
    )
    parts = program.Parts(run_plan(ours))
    assert [stop - start for start, stop in parts.bounds] == [4 * 600 + 600, 600 * 70, 70 + 70 + 1]


def run_plan(network):
    return pellucid.training.Plan(objective_of(network, "squared_error"), Adam())


@pytest.mark.slow
def test_a_large_table_is_gathered_batch_by_batch(monkeypatch):
    monkeypatch.setattr(program, "GATHERED_AT_ONCE", 0)
    monkeypatch.setattr(program, "_PROGRAMS", {})
    X, y = table(23)
    for members in (None, 2):
        agree(lambda: small(members=members), X, y, loss="squared_error", batch_size=5, epochs=20)  # noqa: B023


@pytest.mark.parametrize("layer", [ToyCentre(), ToyNoise()], ids=["remembers", "draws"])
@pytest.mark.parametrize("members", [None, 2])
@pytest.mark.slow
@pytest.mark.usefixtures("same_draws")
def test_layers_that_draw_or_remember(layer, members):
    X, y = table(10)
    agree(
        lambda: small(layers=[Dense(5), layer, Tanh(), layer], members=members),
        X, y, loss="squared_error", batch_size=4, epochs=-(-STEPS // 3), optimizer=SGD(0.05),
    )  # fmt: skip


def test_draws_depend_on_seed_step_and_place_alone():
    from pellucid.arrays import Draw

    keys = np.array([[1, 2]], dtype=np.uint32)
    uniform = program.drawn(keys, 3, 4, Draw("uniform", (500, 20)), np.float32)
    assert (uniform == program.drawn(keys, 3, 4, Draw("uniform", (500, 20)), np.float32)).all()
    assert (uniform != program.drawn(keys, 4, 4, Draw("uniform", (500, 20)), np.float32)).any()
    assert (uniform != program.drawn(keys, 3, 5, Draw("uniform", (500, 20)), np.float32)).any()
    assert (uniform >= 0).all()
    assert (uniform < 1).all()
    assert abs(float(uniform.mean()) - 0.5) < 0.02
    normal = program.drawn(keys, 3, 4, Draw("normal", (500, 20)), np.float32)
    assert abs(float(normal.mean())) < 0.04
    assert abs(float(normal.std()) - 1) < 0.04
    # a member draws what it would draw alone
    both = np.array([[1, 2], [3, 4]], dtype=np.uint32)
    together = program.drawn(both, 3, 4, Draw("uniform", (2, 5, 3)), np.float32)
    alone = [program.drawn(key[None], 3, 4, Draw("uniform", (5, 3)), np.float32) for key in both]
    assert (np.stack(alone) == np.asarray(together)).all()


# jax.grad as a judge: it derives what the layers' backward states


def value_and_gradients(network, X, y, **settings):
    """Return the gradient by hand, and by automatic differentiation of the forward pass alone."""
    objective = objective_of(network, settings["loss"], settings.get("penalty"))
    data = batch_of(network, objective.loss, X, y, settings.get("sample_weight"))
    contexts = _contexts(network, data[0], training=True)

    def value(theta, *data):
        return objective.value(network.layout.views(theta), *data, contexts)

    def both(theta, *data):
        by_hand = objective.evaluate(theta, network.layout.views(theta), *data, contexts).gradient
        return by_hand, jax.grad(value)(theta, *data)

    with jax.enable_x64(True):
        by_hand, by_jax = jax.jit(both)(network.theta, *data)
        return np.asarray(by_hand), np.asarray(by_jax)


@pytest.mark.slow
@pytest.mark.parametrize("example", LAYER_EXAMPLES, ids=str)
def test_layer_gradients_agree_with_jax_grad(example):
    network = scatter(Network(example.shape, example.around(), seed=0))
    by_hand, by_jax = value_and_gradients(network, example.x(), np.ones((5, 2)), loss="squared_error")
    assert distance(by_hand, by_jax) <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("example", LOSS_EXAMPLES, ids=str)
def test_loss_gradients_agree_with_jax_grad(example):
    network = scatter(small(example.outputs))
    X, _ = table(7)
    by_hand, by_jax = value_and_gradients(
        network, X, example.target(), loss=example.loss, penalty=Penalty(l1=0.1, l2=0.2), sample_weight=np.arange(7.0)
    )
    assert distance(by_hand, by_jax) <= 1e-12


def test_the_judge_sees_a_wrong_gradient():
    class Wrong(Tanh):
        def backward(self, parameters, cache, dy):
            dx, gradients = super().backward(parameters, cache, dy)
            return dx * (1 + 1e-9), gradients

    network = scatter(Network(4, [Dense(4), Wrong(), Dense(2)], seed=0))
    by_hand, by_jax = value_and_gradients(network, np.ones((5, 4)), np.ones((5, 2)), loss="squared_error")
    assert distance(by_hand, by_jax) > 1e-11


# From one engine to the other, and what stays of a run


@pytest.mark.slow
@pytest.mark.parametrize("first", ENGINES)
def test_a_run_goes_on_with_the_other_engine(first):
    second = ENGINES[1 - ENGINES.index(first)]
    X, y = table(20)
    settings = {"loss": "squared_error", "optimizer": Adam(CosineDecay(0.05, 60)), "batch_size": 6}
    stayed, changed = small(), small()
    for engine in ("numpy", "numpy"):
        stayed.fit(X, y, epochs=10, engine=engine, **(settings if stayed.fitted is None else {"batch_size": 6}))
    for engine in (first, second):
        changed.fit(X, y, epochs=10, engine=engine, **(settings if changed.fitted is None else {"batch_size": 6}))
    assert changed.fitted.optimizer_state.step == stayed.fitted.optimizer_state.step == 80
    assert distance(stayed.theta, changed.theta) <= 1e-12
    assert distance(stayed.history["learning_rate"], changed.history["learning_rate"]) == 0


@pytest.mark.slow
def test_a_trained_network_is_saved_and_loaded_to_the_bit(tmp_path):
    X, y = table(20)
    network = small()
    network.fit(X, y, loss="squared_error", epochs=12, engine="jax")
    network.save(tmp_path / "model.pellucid")
    again = pellucid.load(tmp_path / "model.pellucid")
    assert (again.predict(X) == network.predict(X)).all()
    assert (again.history["loss"] == network.history["loss"]).all()


@pytest.mark.slow
def test_lbfgs_on_both_engines():
    X, y = table(20)
    for members_only in (1, "all"):
        networks = [small(), small()]
        for network, engine in zip(networks, ENGINES, strict=True):
            devices = None if engine == "numpy" else members_only
            network.fit(X, y, loss="squared_error", optimizer=LBFGS(), epochs=15, engine=engine, devices=devices)
        assert distance(networks[0].theta, networks[1].theta) <= 1e-6  # a line search multiplies rounding
        assert distance(networks[0].history["loss"], networks[1].history["loss"]) <= 1e-8


# Looking between: callbacks, reports, leaving


@pytest.mark.slow
def test_callbacks_see_and_do_the_same():
    X, y = table(40)
    seen = {engine: [] for engine in ENGINES}
    for engine in ENGINES:
        network = small()
        network.fit(
            X, y, loss="squared_error", optimizer=Adam(0.1), epochs=300, batch_size=8, validation_fraction=0.3,
            engine=engine,
            callbacks=[
                EarlyStopping(patience=15),
                ReduceOnPlateau(0.5, patience=4),
                lambda report: seen[engine].append((report.epoch, report.learning_rate, report.network.theta.copy())),  # noqa: B023
            ],
        )  # fmt: skip
        seen[engine].append((network.history.best_epoch, network.history.stopped, network.theta.copy()))
    assert len(seen["numpy"]) == len(seen["jax"])
    for (epoch, rate, theta), (epoch_too, rate_too, theta_too) in zip(*seen.values(), strict=True):
        assert epoch == epoch_too
        assert rate == rate_too
        assert distance(theta, theta_too) <= 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("members", [None, 2])
def test_reports_of_batches_are_of_that_moment(members):
    X, y = table(11)
    seen = {}
    for engine in ENGINES:
        network = small(members=members)
        reports = run(
            network, X, y, loss="squared_error", epochs=3, batch_size=4, every="batch", engine=engine,
            sample_weight=np.linspace(0.1, 2, 11), penalty=Penalty(l2=0.1),
        )  # fmt: skip
        seen[engine] = [
            (r.epoch, r.batch, r.batches, r.end_of_epoch, np.copy(r.loss), r.network.theta.copy()) for r in reports
        ]
    assert len(seen["numpy"]) == len(seen["jax"]) == 9
    for mine, other in zip(*seen.values(), strict=True):
        assert mine[:4] == other[:4]
        assert distance(mine[4], other[4]) <= 1e-12
        assert distance(mine[5], other[5]) <= 1e-12


@pytest.mark.slow
def test_leaving_keeps_what_was_learnt_so_far():
    X, y = table(20)
    networks = [small(), small()]
    for network, engine in zip(networks, ENGINES, strict=True):
        for report in run(network, X, y, loss="squared_error", epochs=50, engine=engine):
            if report.epoch == 7:
                break
        assert len(network.history) == 7
    assert distance(networks[0].theta, networks[1].theta) <= 1e-12
    assert networks[1].fitted.optimizer_state.step == 7


@pytest.mark.slow
def test_short_calls_and_long_calls_come_to_the_same(monkeypatch):
    X, y = table(21)
    settings = {"loss": "squared_error", "optimizer": Adam(CosineDecay(0.05, 60)), "batch_size": 4, "epochs": 40}
    whole = small()
    whole.fit(X, y, engine="jax", **settings)
    monkeypatch.setattr(jax_engine, "AT_ONCE", 0.0)  # one step a call
    steps = small()
    steps.fit(X, y, engine="jax", **settings)
    assert distance(whole.theta, steps.theta) <= 1e-14
    assert distance(whole.history["loss"], steps.history["loss"]) <= 1e-14
    assert (np.diff(steps.history["seconds"]) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_parts_of_an_epoch_add_up(monkeypatch, reduction):
    X, y = table(21)
    weights = np.random.default_rng(0).uniform(0, 2, 21)
    settings = {"loss": SquaredError(reduction=reduction), "optimizer": SGD(1e-3), "batch_size": 4, "epochs": 6}
    histories = []
    for at_once in (0.5, 0.0):
        monkeypatch.setattr(jax_engine, "AT_ONCE", at_once)
        network = small(members=2)
        histories.append(network.fit(X, y, sample_weight=weights, engine="jax", **settings)["loss"])
    assert distance(*histories) <= 1e-14


# When the loss stops being finite


def diverging(engine, members=None, epochs=60, looked_at=False, **settings):
    X, y = table(20)
    network = small(members=members, layers=[Dense(5)])
    settings = {"loss": "squared_error", "optimizer": SGD(2.0), "batch_size": 6} | settings
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = network.fit(
            X, 10 * y, epochs=epochs, engine=engine, callbacks=[lambda report: None] if looked_at else [], **settings
        )
    return network, history, [str(one.message) for one in caught if one.category is TrainingWarning]


@pytest.mark.slow
@pytest.mark.parametrize("looked_at", [False, True])
@pytest.mark.parametrize("batch_size", [6, None])
def test_a_loss_that_overflows_is_told_and_undone_as_on_numpy(looked_at, batch_size):
    ours, our_history, our_words = diverging("numpy", looked_at=looked_at, batch_size=batch_size)
    theirs, their_history, their_words = diverging("jax", looked_at=looked_at, batch_size=batch_size)
    assert our_words == their_words
    assert len(our_words) == 1
    assert "First out of range" in our_words[0]
    assert len(our_history) == len(their_history) > 0
    assert np.isfinite(theirs.theta).all()
    assert distance(ours.theta, theirs.theta) <= 1e-9  # rounding grows with everything else
    assert their_history.stopped == our_history.stopped
    assert theirs.fitted.optimizer_state is None


@pytest.mark.slow
@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_the_last_step_is_judged_too(epochs):
    settings = {"epochs": epochs, "batch_size": None, "optimizer": SGD(1e200)}
    ours, _, our_words = diverging("numpy", **settings)
    theirs, _, their_words = diverging("jax", **settings)
    assert our_words == their_words
    assert len(our_words) == 1
    assert distance(ours.theta, theirs.theta) <= 1e-9
    assert np.isfinite(theirs.theta).all()


@pytest.mark.slow
@pytest.mark.parametrize("looked_at", [False, True])
def test_members_that_diverge_rest_and_the_others_go_on(looked_at):
    X, y = table(20)
    results = {}
    for engine in ENGINES:
        network = small(members=3, layers=[Dense(5)])
        network.theta[1] *= 1e150  # its very first losses overflow
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            network.fit(
                X, y, loss="squared_error", optimizer=SGD(0.01), epochs=30, batch_size=6, engine=engine,
                callbacks=[lambda report: None] if looked_at else [],
            )  # fmt: skip
        results[engine] = network, [str(one.message) for one in caught]
    (ours, our_words), (theirs, their_words) = results.values()
    assert our_words == their_words
    assert len(our_words) == 1
    assert "member(s) 1" in our_words[0]
    assert distance(ours.theta[[0, 2]], theirs.theta[[0, 2]]) <= 1e-12
    assert (ours.theta[1] == theirs.theta[1]).all()
    assert len(ours.history) == len(theirs.history) == 30


@pytest.mark.slow
@pytest.mark.parametrize("batches", ["own", "shared"])
@pytest.mark.parametrize("weighted", [False, True])
def test_members_that_diverge_one_after_the_other_in_a_silent_run(batches, weighted):
    X, y = table(50)
    results = []
    for engine in ENGINES:
        network = small(members=4, layers=[Dense(5)])
        network.theta *= np.array([0.2, 1, 3, 1e20])[:, None]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            network.fit(
                X, y, loss="squared_error", optimizer=SGD(0.3), epochs=60, batch_size=10, engine=engine,
                batches=batches, sample_weight=np.ones(50) if weighted else None,
            )  # fmt: skip
        results.append((network, [str(one.message) for one in caught]))
    (ours, our_words), (theirs, their_words) = results
    assert our_words == their_words
    assert len(our_words) > 1  # not all at once
    assert len(ours.history) == len(theirs.history)
    assert np.isfinite(ours.theta).all()
    assert distance(ours.theta, theirs.theta) <= 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9), Adam(0.1)], ids=str)
def test_a_gradient_that_overflows_leaves_nothing_behind_in_a_member_that_rests(engine, optimizer):
    network = Network(1, [Dense(1)], seed=0, members=2)
    network.theta = [[1e-50, 0.0], [0.0, 0.0]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network.fit(
            [[1e200], [1e200]], [0.0, 0.0], loss="squared_error", optimizer=optimizer, epochs=5, batch_size=1,
            engine=engine,
        )  # fmt: skip
    assert np.isfinite(network.theta).all()
    for value in network.fitted.optimizer_state:
        assert np.isfinite(value).all()


# One program a fit, and none where there is one already


@pytest.fixture
def compiled():
    """Count what XLA compiles."""
    seen = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield seen
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 6},
        {"batch_size": None},
        {"callbacks": [lambda report: None]},
        {"optimizer": AdamW(CosineDecay(0.01, 50)), "clip_norm": 1.0, "validation_fraction": 0.2},
    ],
    ids=["short last batch", "one batch", "looked at", "schedule"],
)
@pytest.mark.slow
def test_one_compilation_a_fit_and_none_the_second_time(settings, compiled, monkeypatch):
    monkeypatch.setattr(program, "_PROGRAMS", {})
    X, y = table(20)
    small().fit(X, y, loss="squared_error", epochs=30, engine="jax", **settings)
    assert len(compiled) == 1
    small().fit(X, y, loss="squared_error", epochs=30, engine="jax", **settings)
    small().fit(2 * X, y - 1, loss="squared_error", epochs=77, engine="jax", **settings)  # other records, other length
    assert len(compiled) == 1


@pytest.mark.slow
def test_other_rates_are_no_other_program_and_other_settings_are(monkeypatch, compiled):
    monkeypatch.setattr(program, "_PROGRAMS", {})
    X, y = table(20)
    for rule in (Adam(0.1), Adam(0.2), Adam(0.2, beta1=0.5)):
        ours, theirs = small(), small()
        ours.fit(X, y, loss="squared_error", optimizer=rule, epochs=3)
        theirs.fit(X, y, loss="squared_error", optimizer=rule, epochs=3, engine="jax")
        assert distance(ours.theta, theirs.theta) <= 1e-13
    assert len(compiled) == 2


class Count(NamedTuple):
    step: int


@dataclasses.dataclass(frozen=True)
class DeafToTheFactor(Optimizer):
    def init(self, theta):
        return Count(0)

    def update(self, gradient, state, theta, rate_factor=1.0, decay_factor=1.0):
        return self.rate(state.step) * gradient, Count(state.step + 1)


@dataclasses.dataclass(frozen=True)
class SquaresItsRate(DeafToTheFactor):
    def update(self, gradient, state, theta, rate_factor=1.0, decay_factor=1.0):
        rate = self.rate(state.step)
        return rate * rate_factor * gradient + rate * rate * theta, Count(state.step + 1)


@dataclasses.dataclass(frozen=True)
class LooksAhead(DeafToTheFactor):
    def update(self, gradient, state, theta, rate_factor=1.0, decay_factor=1.0):
        return self.rate(state.step + 1) * gradient, Count(state.step + 1)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.01, lambda step: 0.1 / (1 + step)], ids=["a number", "a schedule"])
@pytest.mark.parametrize("kind", [DeafToTheFactor, SquaresItsRate])
def test_an_optimizer_of_ones_own_may_do_anything_with_its_rate(kind, rate):
    X, y = table(20)
    agree(small, X, y, loss="squared_error", optimizer=kind(rate), epochs=30)
    agree(lambda: small(dtype="float32"), X, y, limit=1e-4, loss="squared_error", optimizer=kind(rate), epochs=30)


def test_the_rate_of_another_step_is_refused():
    with pytest.raises(TypeError, match=r"LooksAhead.\w+, line \d+: only the rate of the step at hand"):
        small().fit(*table(), loss="squared_error", optimizer=LooksAhead(lambda step: 0.1), engine="jax")


@dataclasses.dataclass(frozen=True)
class Times(Layer):
    factor: object = dataclasses.field(default=1.0, compare=False)

    def forward(self, parameters, x, context):
        return x * self.factor, {}

    def backward(self, parameters, cache, dy):
        return dy * self.factor, {}


@dataclasses.dataclass(frozen=True)
class TimesFirst(Layer):
    factors: object = None

    def forward(self, parameters, x, context):
        return x * self.factors[0], {}

    def backward(self, parameters, cache, dy):
        return dy * self.factors[0], {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [Times, TimesFirst, lambda values: TimesFirst(np.array(values)), lambda v: Times(v[0])]
)
def test_parts_of_ones_own_that_compare_equal_or_not_at_all(kind, monkeypatch):
    monkeypatch.setattr(program, "_PROGRAMS", {})
    X, y = table(20)
    for values in ([2.0, 0.0], [3.0, 0.0]):
        layer = kind(values) if kind is not Times else Times(values[0])
        settings = {"loss": "squared_error", "optimizer": SGD(0.001), "epochs": 3}
        agree(lambda: small(layers=[Dense(5), layer]), X, y, **settings)  # noqa: B023


@pytest.mark.slow
def test_numpys_float64_in_a_layer_or_an_optimizer_widens_nothing():
    @dataclasses.dataclass(frozen=True)
    class Scaled(Layer):
        def forward(self, parameters, x, context):
            return x * np.sqrt(2.0), {}

        def backward(self, parameters, cache, dy):
            return dy * np.sqrt(2.0), {}

    @dataclasses.dataclass(frozen=True)
    class Divided(SGD):
        def update(self, gradient, state, theta, rate_factor=1.0, decay_factor=1.0):
            return super().update(gradient / np.sqrt(2.0), state, theta, rate_factor, decay_factor)

    X, y = table(20)
    agree(
        lambda: small(layers=[Dense(5), Scaled()], dtype="float32"), X, y, limit=1e-4,
        loss="squared_error", optimizer=Divided(0.01, momentum=0.9), epochs=30,
    )  # fmt: skip


def test_no_more_programs_are_kept_than_said(monkeypatch):
    monkeypatch.setattr(program, "_PROGRAMS", {})
    monkeypatch.setattr(program, "MOST_PROGRAMS", 2)
    monkeypatch.setattr(program.Program, "__init__", lambda self, *rest: None)
    X, y = table(5)
    batch = {"size": 5, "shuffle": False, "own": False, "seed": 0}
    for momentum in (0.1, 0.2, 0.3):
        network = small()
        plan = dataclasses.replace(run_plan(network), optimizer=SGD(0.1, momentum=momentum))
        data = batch_of(network, plan.objective.loss, X, y)
        work = pellucid.engines.Work(
            network, plan, pellucid.training.batches.Batches(network, plan.objective.loss, data, **batch), None, []
        )
        first = program.program_for(work, 1, [])
        assert program.program_for(work, 1, []) is first
    assert len(program._PROGRAMS) == 2


# What belongs to the caller


@pytest.mark.slow
def test_the_callers_settings_stay(monkeypatch, tmp_path):
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path))
    monkeypatch.setattr(program, "_PROGRAMS", {})
    before = dict(jax.config.values)
    X, y = table(20)
    small().fit(X, y, loss="squared_error", epochs=3, engine="jax")
    assert dict(jax.config.values) == before
    assert jax.numpy.zeros(1).dtype == np.float32  # the caller's own arrays are as narrow as ever


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        lambda: jax.disable_jit(),
        lambda: jax.debug_nans(True),
        lambda: jax.debug_infs(True),
        lambda: jax.transfer_guard("disallow"),
        lambda: jax.numpy_dtype_promotion("strict"),
        lambda: jax.numpy_rank_promotion("raise"),
        lambda: jax.default_prng_impl("rbg"),
        lambda: jax.enable_x64(True),
    ],
    ids=["disable_jit", "debug_nans", "debug_infs", "transfer_guard", "dtypes", "ranks", "prng", "x64"],
)
def test_what_the_caller_told_jax_disturbs_nothing(setting, monkeypatch):
    monkeypatch.setattr(program, "_PROGRAMS", {})
    X, y = table(20)
    plain, within = small(layers=[Dense(5), ToyNoise(), Tanh()]), small(layers=[Dense(5), ToyNoise(), Tanh()])
    plain.fit(X, y, loss="squared_error", epochs=3, engine="jax")
    program._PROGRAMS.clear()
    with setting():
        within.fit(X, y, loss="squared_error", epochs=3, engine="jax")
        _, _, words = diverging("jax")
    assert (plain.theta == within.theta).all()
    assert len(words) == 1


def test_an_engine_that_is_not_there_is_told_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(pellucid.MissingExtraError, match=r'engine="jax" needs jax: pip install \'pellucid\[jax\]\''):
        small().fit(*table(), loss="squared_error", engine="jax")


@pytest.mark.parametrize("devices", [2, 0, -1, 1.5, "both", True])
def test_devices_that_are_not_there(devices):
    with pytest.raises(ValueError, match="devices"):
        small().fit(*table(), loss="squared_error", engine="jax", devices=devices)


def test_devices_need_the_jax_engine():
    with pytest.raises(ValueError, match='needs engine="jax"'):
        small().fit(*table(), loss="squared_error", devices=2)


# In other processes: several devices, and what is kept on disk


def in_fresh_process(code, **environment):
    """Run a program in an interpreter of its own, and return the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, check=False, timeout=300, env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


DEVICES = """
import json, sys
sys.path.insert(0, {tests!r})
import re
import jax, numpy as np
from pellucid import *
from pellucid.engines.jax import program
from table import ToyCentre, ToyNoise

assert len(jax.devices()) == 4
generator = np.random.default_rng(0)
X, y = generator.standard_normal((26, 4)), generator.standard_normal((26, 1))
found = {{}}
for name, layers, settings in [
    ("plain", [Dense(8), Tanh()], {{}}),
    ("weighted, clipped", [Dense(8), Tanh()], {{"sample_weight": np.arange(26.0), "clip_norm": 0.5}}),
    ("batch statistics", [Dense(8), Tanh(), ToyCentre()], {{}}),
    ("draws", [Dense(8), ToyNoise(), Tanh()], {{}}),
    ("one batch", [Dense(8), Tanh()], {{"batch_size": None}}),
    ("members", [Dense(8), Tanh()], {{"members": 2}}),
]:
    settings = {{"batch_size": 8}} | settings
    members = settings.pop("members", None)
    networks = []
    for devices in (1, "all"):
        network = Network(4, [*layers, Dense(1)], seed=1, members=members)
        network.fit(X, y, loss="squared_error", optimizer=Adam(0.01), epochs=50, penalty=Penalty(l2=0.01),
                    engine="jax", devices=devices, **settings)
        networks.append(network)
    one, four = networks
    found[name] = [
        float(np.linalg.norm(one.theta - four.theta) / np.linalg.norm(one.theta)),
        float(np.abs(one.history["loss"] - four.history["loss"]).max()),
    ]
    if name == "plain":
        text = list(program._PROGRAMS.values())[-1]._compiled.as_text()
        sums = [line for line in text.splitlines() if re.search(r"= .* all-reduce(-start)?\\(", line)]
        found["reductions"] = [line.split(" all-reduce")[0].split("= ")[1] for line in sums]
        found["others"] = len(re.findall(r" (all-gather|all-to-all|collective-permute)\\(", text))
print(json.dumps(found))
"""


@pytest.mark.slow
def test_four_devices_come_to_what_one_does():
    found = in_fresh_process(
        DEVICES.format(tests=str(Path(__file__).parent)), XLA_FLAGS="--xla_force_host_platform_device_count=4"
    )
    print(found)
    reductions, others = found.pop("reductions"), found.pop("others")
    for name, (theta, loss) in found.items():
        assert theta <= 1e-10, name
        assert loss <= 1e-10, name
    # One reduction of the gradient a step (with the loss's own number): in the loop, and in the short last batch.
    assert len([one for one in reductions if "[8,1]" in one or "[4,8]" in one]) <= 2, reductions
    assert others == 0


KEPT = """
import json, time
events = []
import jax
jax.monitoring.register_event_listener(lambda event, **_: events.append(event))
import numpy as np
from pellucid import *

network = Network(3, [Dense(16), ReLU(), Dense(16), ReLU(), Dense(16), ReLU(), Dense(1)], seed=0)
history = network.fit(np.eye(3), [1.0, 2.0, 3.0], loss="squared_error", epochs=5, engine="jax")
hits = sum(event.endswith("cache_hits") for event in events)
misses = sum(event.endswith("cache_misses") for event in events)
print(json.dumps([hits, misses, history["loss"].tolist(), jax.config.jax_compilation_cache_dir]))
"""


@pytest.mark.slow
def test_a_second_process_finds_the_program_on_disk(tmp_path):
    first = in_fresh_process(KEPT, PELLUCID_CACHE=str(tmp_path))
    second = in_fresh_process(KEPT, PELLUCID_CACHE=str(tmp_path))
    assert first[:2] == [0, 1]
    assert second[:2] == [1, 0]
    assert first[2] == second[2]
    assert first[3] is None
    assert any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_damaged_program_on_disk_is_done_without_and_made_anew(tmp_path):
    first = in_fresh_process(KEPT, PELLUCID_CACHE=str(tmp_path))
    for file in tmp_path.rglob("*-cache"):
        file.write_bytes(file.read_bytes()[:100])
    damaged = in_fresh_process(KEPT, PELLUCID_CACHE=str(tmp_path))  # warnings are errors there
    again = in_fresh_process(KEPT, PELLUCID_CACHE=str(tmp_path))
    after = in_fresh_process(KEPT, PELLUCID_CACHE=str(tmp_path))
    assert first[2] == damaged[2] == again[2] == after[2]
    assert after[:2] == [1, 0]


@pytest.mark.slow
def test_nothing_is_kept_where_that_is_not_wanted_or_not_possible(tmp_path):
    blocked = tmp_path / "a file"
    blocked.write_text("here a folder cannot be made")
    for place in ("", str(blocked)):
        hits, misses, loss, _ = in_fresh_process(KEPT, PELLUCID_CACHE=place, HOME=str(tmp_path))
        assert (hits, misses) == (0, 0)
        assert len(loss) == 5
    assert list(tmp_path.iterdir()) == [blocked]


# Classes of one's own


@pytest.mark.slow
def test_a_loss_and_an_optimizer_of_ones_own_are_compiled_as_they_stand():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class FourthPower(pellucid.losses.Loss):
        def forward(self, output, target):
            error = output - target
            return error**4, {"error": error}

        def backward(self, cache):
            return 4 * cache["error"] ** 3

    X, y = table(20)
    agree(small, X, y, loss=FourthPower(), optimizer=SGD(0.001), epochs=30)


@dataclasses.dataclass(frozen=True)
class PlainNumPy(Tanh):
    def forward(self, parameters, x, context):
        return np.tanh(x), {"y": np.tanh(x)}


@dataclasses.dataclass(frozen=True)
class AsksForValues(Tanh):
    def forward(self, parameters, x, context):
        return super().forward(parameters, x if (x > -9).all() else -x, context)


@dataclasses.dataclass(frozen=True)
class WritesInPlace(Tanh):
    def forward(self, parameters, x, context):
        y, cache = super().forward(parameters, x, context)
        y[0] = y[0]
        return y, cache


@pytest.mark.parametrize("layer", [PlainNumPy(), AsksForValues(), WritesInPlace()], ids=["numpy", "if", "in place"])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_layer_that_cannot_be_compiled_is_named_with_a_way_out(layer, optimizer):
    network, (X, y) = small(layers=[Dense(5), layer]), table(20)
    network.fit(X, y, loss="squared_error", optimizer=optimizer, epochs=2)
    before = network.theta.copy()
    with pytest.raises(TypeError, match=f"of {type(layer).__name__}.forward, line [0-9]+: .*namespace.*numpy"):
        network.fit(X, y, loss="squared_error", optimizer=optimizer, epochs=2, engine="jax")
    assert (network.theta == before).all()


@pytest.mark.slow
def test_what_a_callback_writes_into_theta_counts():
    X, y = table(20)

    def shrink(report):
        report.network.theta[:2] = 0.5
        report.network.parameters["dense_2"]["weights"] *= 0.9

    agree(small, X, y, loss="squared_error", optimizer=Adam(0.01), batch_size=8, epochs=30, callbacks=[shrink])


@pytest.mark.slow
def test_first_network_to_the_end():
    X = [[0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 1], [0, 1, 0]]
    y = [1, 0, 0, 1, 1, 0, 1]
    agree(
        lambda: Network(3, [Dense(1), Sigmoid()], seed=0), X, y,
        loss=SquaredError(reduction="sum"), optimizer=SGD(0.025), epochs=25_000, batch_size=None, limit=1e-10,
    )  # fmt: skip


@pytest.mark.slow
def test_binary_classes_with_class_weights_reach_the_same_probabilities():
    X, y = table(40)
    labels = (y[:, 0] > 0).astype(int)
    ours, theirs = agree(
        small, X, labels, loss=BinaryCrossEntropyFromLogits(class_weights=(1.0, 3.0)), epochs=50, batch_size=16
    )
    assert np.abs(ours.predict_proba(X) - theirs.predict_proba(X)).max() <= 1e-12
