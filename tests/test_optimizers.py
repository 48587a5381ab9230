"""Every optimizer and schedule of the shared table against its peers; the engine's blocked step against the rule."""

import math
from collections import namedtuple

import numpy as np
import pytest

from judges import judge
from pellucid.engines import numpy as engine
from pellucid.engines.numpy import Blocks, settle
from pellucid.layers import Dense, ReLU
from pellucid.network import Network
from pellucid.optimizers import OPTIMIZERS, SGD, AdaGrad, Adam, AdamW, AMSGrad, Lion, NAdam, RMSprop
from pellucid.schedules import (
    SCHEDULES,
    ConstantRate,
    CosineDecay,
    CosineLog,
    ExponentialDecay,
    InverseScaling,
    OneCycle,
    Schedule,
    StepDecay,
)
from table import OPTIMIZER_EXAMPLES, SCHEDULE_EXAMPLES, missing, with_numpy_numbers


def update_in_place(optimizer, gradient, state, theta, rate_factors, decay_factors):
    """One update of theta by blocks; return the optimizer's new memory, put together again."""
    blocks = Blocks(optimizer, theta, gradient, state, rate_factors, decay_factors)
    blocks.update(1.0)
    return blocks.state


UPDATES = 100
START = np.random.default_rng(0).standard_normal(7)
_random = np.random.default_rng(1)
SLOPES = _random.standard_normal((7, 7))
SLOPES = SLOPES @ SLOPES.T / 7 + 0.1 * np.eye(7)
NOISE = _random.standard_normal((UPDATES, 7))

over_all = pytest.mark.parametrize("example", OPTIMIZER_EXAMPLES, ids=str)


def gradient_at(theta, step):
    """Return the gradient of a bowl with noise, so that an error in theta comes back through the gradient.

    The fourth parameter is left alone for a while, and the sixth always: there only epsilon keeps 0 / 0 away.
    """
    gradient = SLOPES @ (theta - 1.5) + NOISE[step]
    gradient[3] *= step >= 20
    gradient[5] = 0.0
    return gradient


def ours(optimizer, updates=UPDATES):
    """Return theta after every update."""
    theta, state, path = START.copy(), optimizer.init(START), []
    for step in range(updates):
        move, state = optimizer.update(gradient_at(theta, step), state, theta)
        theta = theta - move
        path.append(theta)
    assert state.step == updates
    return np.stack(path)


def test_table_has_every_optimizer_and_schedule():
    assert missing(OPTIMIZERS, [example.optimizer for example in OPTIMIZER_EXAMPLES]) == set()
    assert missing(SCHEDULES, [example.schedule for example in SCHEDULE_EXAMPLES]) == set()


# Against the peers


@pytest.fixture
def torch64():
    """Return torch with float64 as its default: its NAdam keeps the product of the momenta in the default dtype."""
    torch = judge("torch")
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(usual)


@pytest.mark.parametrize("example", [e for e in OPTIMIZER_EXAMPLES if e.torch is not None], ids=str)
def test_100_updates_agree_with_torch(example, torch64):
    theta = torch64.tensor(START, requires_grad=True)
    theirs, path = example.torch(torch64, [theta]), []
    for step in range(UPDATES):
        theta.grad = torch64.tensor(gradient_at(theta.detach().numpy(), step))
        theirs.step()
        path.append(theta.detach().numpy().copy())
    np.testing.assert_allclose(ours(example.optimizer), np.stack(path), rtol=1e-10)


@pytest.mark.parametrize(
    ("optimizer", "peer", "settings"),
    [
        (
            Adam(0.05, beta1=0.8, beta2=0.95, epsilon=1e-3, epsilon_before_correction=True),
            "AdamOptimizer",
            {"learning_rate_init": 0.05, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
        ),
        (
            Adam(epsilon_before_correction=True),
            "AdamOptimizer",
            {"learning_rate_init": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
        ),
        (
            SGD(0.02, momentum=0.9, rate_in_velocity=True),
            "SGDOptimizer",
            {"learning_rate_init": 0.02, "momentum": 0.9, "nesterov": False},
        ),
        (
            SGD(0.02, momentum=0.9, nesterov=True, rate_in_velocity=True),
            "SGDOptimizer",
            {"learning_rate_init": 0.02, "momentum": 0.9, "nesterov": True},
        ),
        # A rate that falls: now it matters that it is inside the velocity.
        (
            SGD(InverseScaling(0.05, power=0.5), momentum=0.9, nesterov=True, rate_in_velocity=True),
            "SGDOptimizer",
            {
                "learning_rate_init": 0.05,
                "momentum": 0.9,
                "nesterov": True,
                "lr_schedule": "invscaling",
                "power_t": 0.5,
            },
        ),
    ],
    ids=["adam", "adam-defaults", "momentum", "nesterov", "nesterov-falling"],
)
def test_100_updates_agree_with_scikit_learn(optimizer, peer, settings):
    peers = judge("sklearn.neural_network._stochastic_optimizers")
    theta = START.copy()
    theirs, path = getattr(peers, peer)([theta], **settings), []
    for step in range(UPDATES):
        theirs.update_params([theta], [gradient_at(theta, step)])
        if peer == "SGDOptimizer":
            theirs.iteration_ends(step + 1)  # it divides by (argument + 1)^power; ours counts the updates made
        path.append(theta.copy())
    np.testing.assert_allclose(ours(optimizer), np.stack(path), rtol=1e-10)


def test_a_falling_rate_shows_at_once_unless_it_is_in_the_velocity():
    # Rate 1 then 0.5, gradient 1, momentum 0.5: outside 0.5 (0.5 * 1 + 1); inside 0.5 * 1 + 0.5 * 1.
    class Halved(Schedule):
        def __call__(self, step):
            return 0.5**step

    one = np.ones(1)
    for inside, expected in ((False, 0.75), (True, 1.0)):
        rule = SGD(Halved(), momentum=0.5, rate_in_velocity=inside)
        _, state = rule.update(one, rule.init(one), one)
        assert rule.update(one, state, one)[0] == expected


def test_lion_follows_its_paper():
    for decay in (0.0, 0.1):
        theta, m, path = START.copy(), np.zeros(7), []
        for step in range(UPDATES):
            g = gradient_at(theta, step)
            # Chen et al. 2023, program 1: interpolate, take the sign, decay, then track the momentum.
            c = 0.9 * m + 0.1 * g
            theta = theta - 0.01 * (np.sign(c) + decay * theta)
            m = 0.99 * m + 0.01 * g
            path.append(theta)
        np.testing.assert_allclose(ours(Lion(0.01, weight_decay=decay)), np.stack(path), rtol=1e-10)


def test_adam_in_both_forms_of_epsilon_by_hand():
    # One update with gradient 2: m = 0.2, v = 0.004; corrected 2 and 4; root of v uncorrected 0.0632..., corrected 2.
    g, theta = np.array([2.0]), np.array([1.0])
    for rule, expected in (
        (Adam(0.1, epsilon=1.0), 0.1 * 2 / (2 + 1)),
        (
            Adam(0.1, epsilon=1.0, epsilon_before_correction=True),
            0.1 * math.sqrt(0.001) / 0.1 * 0.2 / (math.sqrt(0.004) + 1.0),
        ),
    ):
        np.testing.assert_allclose(rule.update(g, rule.init(theta), theta)[0], expected, rtol=1e-14)


# The contract


@over_all
def test_rule_is_pure(example):
    optimizer, theta = example.optimizer, START.copy()
    state = optimizer.init(theta)
    for step in range(3):
        kept = [np.copy(value) for value in (theta, *[v for v in state if v is not None])]
        gradient = gradient_at(theta, step)
        kept_gradient = gradient.copy()
        first, new = optimizer.update(gradient, state, theta)
        again, _ = optimizer.update(gradient, state, theta)
        np.testing.assert_array_equal(first, again)
        np.testing.assert_array_equal(gradient, kept_gradient)
        for value, before in zip((theta, *[v for v in state if v is not None]), kept, strict=True):
            np.testing.assert_array_equal(value, before)
        theta, state = theta - first, new


@over_all
def test_float32_is_kept(example):
    optimizer, theta = example.optimizer, START.astype(np.float32)
    state = optimizer.init(theta)
    factors = np.linspace(0, 1, 7).astype(np.float32)
    for rate_factor, decay_factor in ((1.0, 1.0), (factors, factors)):
        step, state = optimizer.update(theta, state, theta, rate_factor, decay_factor)
        assert step.dtype == np.float32
        assert {value.dtype for value in state if isinstance(value, np.ndarray)} <= {np.dtype(np.float32)}
        assert all(isinstance(v, np.ndarray | int | float) or v is None for v in state)


def test_settings_out_of_an_array_do_not_promote():
    promoted, theta = set(), START.astype(np.float32)
    for example in OPTIMIZER_EXAMPLES:
        optimizer = with_numpy_numbers(example.optimizer)
        step, state = optimizer.update(theta, optimizer.init(theta), theta)
        found = {value.dtype for value in (step, *state) if isinstance(value, np.ndarray)}
        promoted |= {str(example)} if np.dtype(np.float64) in found else set()
    assert promoted == set()


@over_all
def test_members_equal_single_runs(example):
    optimizer = example.optimizer
    together = np.stack([START, -START, 2 * START])
    alone, state = list(together), optimizer.init(together)
    states = [optimizer.init(theta) for theta in alone]
    for step in range(10):
        gradient = np.stack([gradient_at(theta, step) for theta in together])
        move, state = optimizer.update(gradient, state, together)
        together = together - move
        for member in range(3):
            move, states[member] = optimizer.update(gradient_at(alone[member], step), states[member], alone[member])
            alone[member] = alone[member] - move
    np.testing.assert_array_equal(together, np.stack(alone))


@over_all
def test_where_the_rate_is_0_nothing_moves(example):
    optimizer, theta = example.optimizer, START.copy()
    state, factors = optimizer.init(theta), np.array([1.0, 0, 1, 0, 0.5, 1, 0])
    for step in range(10):
        move, state = optimizer.update(gradient_at(theta, step), state, theta, factors)
        theta = theta - move
    np.testing.assert_array_equal(theta[factors == 0], START[factors == 0])
    assert (theta != START)[[0, 2, 4]].all()


@over_all
def test_a_rate_factor_is_a_rate(example):
    # In every rule the step is proportional to the rate; with the rate inside the velocity it is as well, from 0 on.
    optimizer = example.optimizer
    gradient = gradient_at(START, 0)
    whole, _ = optimizer.update(gradient, optimizer.init(START), START)
    third, _ = optimizer.update(gradient, optimizer.init(START), START, 0.3)
    np.testing.assert_allclose(third, 0.3 * whole, rtol=1e-14)


@pytest.mark.parametrize("kind", [AdamW, Lion])
def test_weight_decay_takes_its_own_factors(kind):
    rule, plain = kind(0.1, weight_decay=0.5), kind(0.1, weight_decay=0.0)
    factors = np.array([0.0, 1, 0, 1, 2, 0, 1])
    gradient = gradient_at(START, 0)
    with_decay, _ = rule.update(gradient, rule.init(START), START, 1.0, factors)
    without, _ = plain.update(gradient, plain.init(START), START)
    np.testing.assert_allclose(with_decay - without, 0.1 * 0.5 * factors * START, atol=1e-16)


@pytest.mark.parametrize(
    ("kind", "settings", "setting"),
    [
        *[
            (kind, {"learning_rate": rate}, "learning_rate")
            for kind in OPTIMIZERS.values()
            for rate in (0, -1, math.nan)
        ],
        (SGD, {"learning_rate": math.inf}, "learning_rate"),
        *[(SGD, {"momentum": value}, "momentum") for value in (1.01, -0.1, math.nan)],
        (SGD, {"nesterov": True}, "momentum"),
        (AdaGrad, {"epsilon": 0.0}, "epsilon"),
        (RMSprop, {"rho": 1.0}, "rho"),
        (RMSprop, {"momentum": 1.0}, "momentum"),
        (RMSprop, {"epsilon": -1.0}, "epsilon"),
        *[
            (kind, {name: value}, name)
            for kind in (Adam, AdamW, AMSGrad, NAdam)
            for name, value in (
                ("beta1", 1.0),
                ("beta2", -0.1),
                ("beta2", math.nan),
                ("epsilon", 0.0),
                ("epsilon", math.inf),
            )
        ],
        (AdamW, {"weight_decay": -0.1}, "weight_decay"),
        (Lion, {"beta1": 1.0}, "beta1"),
        (Lion, {"beta2": 1.5}, "beta2"),
        (Lion, {"weight_decay": math.inf}, "weight_decay"),
        (NAdam, {"momentum_decay": -1.0}, "momentum_decay"),
    ],
)
def test_a_setting_out_of_range_is_named(kind, settings, setting):
    with pytest.raises(ValueError, match=rf"{kind.__name__}: .*{setting}"):
        kind(**settings)


@over_all
def test_optimizers_can_be_kept_as_keys(example):
    assert hash(example.optimizer) == hash(eval(repr(example.optimizer), dict(OPTIMIZERS)))


# The engine's one fast path


def _equal(states):
    for one, other in zip(*states, strict=True):
        np.testing.assert_array_equal(one, other)


@over_all
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("members", [None, 3])
def test_blocked_step_equals_the_rule_bit_for_bit(example, dtype, members, monkeypatch):
    # Blocks of 4 KiB, so that a theta that is quickly worked out already takes many, the last one short.
    monkeypatch.setattr(engine, "BLOCK_BYTES", 2**12)
    generator = np.random.default_rng(2)
    shape = (3001,) if members is None else (members, 1501)
    theta = generator.standard_normal(shape).astype(dtype)
    assert theta.nbytes > 2 * engine.BLOCK_BYTES
    whole, state, blocked_state = theta.copy(), example.optimizer.init(theta), example.optimizer.init(theta)
    vector = generator.random(shape[-1]).astype(dtype)
    member_factors = (
        [] if members is None else [np.array([[1.0], [0.0], [0.5]], dtype=dtype), vector * np.ones(shape, dtype)]
    )
    for rate_factor in [1.0, 0.5, vector, *member_factors]:
        gradient = generator.standard_normal(shape).astype(dtype)
        move, state = example.optimizer.update(gradient, state, whole, rate_factor, vector)
        whole = whole - move
        blocked_state = update_in_place(example.optimizer, gradient, blocked_state, theta, rate_factor, vector)
        np.testing.assert_array_equal(theta, whole)
        _equal((blocked_state, state))
        assert type(blocked_state) is type(state)


def test_blocked_step_with_the_real_block_size():
    generator = np.random.default_rng(2)
    theta = generator.standard_normal(2 * engine.BLOCK_BYTES // 8 + 11)
    whole, gradient = theta.copy(), generator.standard_normal(theta.shape)
    state, blocked_state = AdamW().init(theta), AdamW().init(theta)
    for _ in range(3):
        move, state = AdamW().update(gradient, state, whole)
        whole = whole - move
        blocked_state = update_in_place(AdamW(), gradient, blocked_state, theta, 1.0, 1.0)
    np.testing.assert_array_equal(theta, whole)
    _equal((blocked_state, state))


@over_all
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_training_keeps_the_dtype_of_theta_and_state(example, dtype):
    network = Network(2, [Dense(3), ReLU(), Dense(1)], seed=0, dtype=dtype)
    X = np.random.default_rng(0).standard_normal((10, 2))
    network.fit(X, X.sum(axis=1), loss="squared_error", optimizer=example.optimizer, epochs=2, batch_size=4)
    assert network.theta.dtype == np.dtype(dtype)
    kept = [value for value in network.fitted.optimizer_state if isinstance(value, np.ndarray)]
    assert {value.dtype for value in kept} <= {np.dtype(dtype)}
    assert network.fitted.optimizer_state.step == 6


@over_all
def test_frozen_layers_stay_bit_identical(example):
    network = Network(2, [Dense(3), ReLU(), Dense(1)], seed=0, frozen=["dense_1"])
    before = network.theta.copy()
    X = np.random.default_rng(0).standard_normal((10, 2))
    network.fit(X, X.sum(axis=1), loss="squared_error", optimizer=example.optimizer, epochs=3, batch_size=4)
    stop = 2 * 3 + 3
    np.testing.assert_array_equal(network.theta[:stop], before[:stop])
    assert (network.theta[stop:] != before[stop:]).any()


# Subnormal moments


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_settle_puts_0_for_what_is_all_but_gone(dtype):
    tiny = np.finfo(dtype).tiny
    state = namedtuple("State", "step none whole m")(
        7, None, 0.25, np.array([tiny / 8, -tiny, tiny * 1e9, -1.0], dtype)
    )
    settled = settle(state)
    assert settled[:3] == (7, None, 0.25)
    assert settled.m.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(settled.m, np.array([0, 0, tiny * 1e9, -1.0], dtype))
    kept = settle(state._replace(m=np.array([np.nan, np.inf, -np.inf, 0], dtype))).m
    np.testing.assert_array_equal(kept, np.array([np.nan, np.inf, -np.inf, 0], dtype))


@over_all
def test_moments_of_a_dead_parameter_never_become_subnormal(example):
    # One gradient, then none: what fades by 10 % (or 0.1 %) an update would pass through subnormal numbers. (What fades
    # to less than three quarters may see some between two settlings, but is through with them within those 64 updates.)
    optimizer, theta = example.optimizer, np.ones(3, np.float32)
    state, tiny = optimizer.init(theta), np.finfo(np.float32).tiny
    gradient = np.full(3, 1e-4, np.float32)
    for step in range(3000):
        state = update_in_place(optimizer, gradient * (step == 0), state, theta, 1.0, 1.0)
        if (step + 1) % engine.SETTLE_EVERY == 0:
            state = settle(state)
        for value in state:
            if isinstance(value, np.ndarray):
                assert ((value == 0) | (np.abs(value) >= tiny)).all(), step


# Schedules


@pytest.mark.parametrize("example", SCHEDULE_EXAMPLES, ids=str)
def test_schedule_agrees_with_torch_step_by_step(example):
    torch = judge("torch")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=example.rate)
    scheduler = example.torch(torch.optim.lr_scheduler, optimizer)
    theirs = []
    for step in range(example.steps):
        theirs.append(optimizer.param_groups[0]["lr"])
        if step + 1 < example.steps:
            optimizer.step()
            scheduler.step()
    found = [example.schedule(step) for step in range(example.steps)]
    np.testing.assert_allclose(found, theirs, rtol=1e-12, atol=1e-12 * example.rate)
    assert {type(rate) for rate in found} == {float}


def test_schedules_at_their_edges():
    # After a single fall the rate stays; the warm-up ends at the full rate, and the fall begins there.
    falling = CosineDecay(0.4, steps=10, warmup=4, last=0.1)
    assert [falling(step) for step in range(5)] == [0.1, 0.2, pytest.approx(0.3), 0.4, 0.4]
    assert [falling(step) for step in (14, 15, 10**6)] == [0.1, 0.1, 0.1]
    again = CosineDecay(0.4, steps=2, restarts=True, growth=1.5)
    assert [step for step in range(20) if again(step) == 0.4] == [0, 2, 5]
    assert OneCycle(0.1, steps=10)(10**6) == OneCycle(0.1, steps=10)(9) == pytest.approx(0.1 / 25 / 1e4)
    assert OneCycle(0.1, steps=2, rise=0.1)(0) == 0.1  # no update is left to rise in
    # Falls end at (2^k - 1) / 15 of the way, each about twice as long as the one before.
    humps = CosineLog(0.1, steps=150)
    assert [step for step in range(151) if humps(step) < 1e-12] == [0, 10, 30, 70, 150]
    assert humps(10**6) == humps(150) == 0
    assert max(map(humps, range(70, 150))) == pytest.approx(0.1, rel=1e-3)
    assert StepDecay(0.1, every=3, factor=1.0)(100) == 0.1
    assert InverseScaling(0.1, power=0.0)(100) == 0.1


@pytest.mark.parametrize("example", SCHEDULE_EXAMPLES, ids=str)
def test_schedule_gives_positive_rates_far_out(example):
    rates = [example.schedule(step) for step in (0, 1, 10, 10**3, 10**6)]
    assert all(0 <= rate <= 0.1 * (1 + 1e-15) for rate in rates)


@pytest.mark.parametrize(
    ("kind", "settings", "setting"),
    [
        *[
            (kind, {**others, "rate": rate}, "rate")
            for kind, others in (
                (ConstantRate, {}),
                (StepDecay, {"every": 1}),
                (ExponentialDecay, {"factor": 0.5}),
                (InverseScaling, {}),
                (CosineDecay, {"steps": 5}),
                (CosineLog, {"steps": 5}),
                (OneCycle, {"steps": 5}),
            )
            for rate in (0.0, -0.1, math.nan, math.inf)
        ],
        (StepDecay, {"rate": 0.1, "every": 0}, "every"),
        (StepDecay, {"rate": 0.1, "every": 5, "factor": 0.0}, "factor"),
        (StepDecay, {"rate": 0.1, "every": 5, "factor": 1.1}, "factor"),
        (ExponentialDecay, {"rate": 0.1, "factor": math.nan}, "factor"),
        (ExponentialDecay, {"rate": 0.1, "factor": 0.5, "over": 0}, "over"),
        (InverseScaling, {"rate": 0.1, "power": -1.0}, "power"),
        (CosineDecay, {"rate": 0.1, "steps": 0}, "steps"),
        (CosineDecay, {"rate": 0.1, "steps": 5, "warmup": -1}, "warmup"),
        (CosineDecay, {"rate": 0.1, "steps": 5, "last": 0.2}, "last"),
        (CosineDecay, {"rate": 0.1, "steps": 5, "growth": 0.5}, "growth"),
        (CosineLog, {"rate": 0.1, "steps": 0}, "steps"),
        *[(CosineLog, {"rate": 0.1, "steps": 5, "cycles": wrong}, "cycles") for wrong in (0, 1.5, math.nan, 2**62)],
        (OneCycle, {"rate": 0.1, "steps": 1}, "steps"),
        (OneCycle, {"rate": 0.1, "steps": 5, "rise": 1.0}, "rise"),
        (OneCycle, {"rate": 0.1, "steps": 5, "start": 0.5}, "start"),
        (OneCycle, {"rate": 0.1, "steps": 5, "end": 0.5}, "end"),
    ],
)
def test_a_schedules_setting_out_of_range_is_named(kind, settings, setting):
    with pytest.raises(ValueError, match=f"{kind.__name__}: {setting} is out of range"):
        kind(**settings)


@pytest.mark.parametrize("schedule", [example.schedule for example in SCHEDULE_EXAMPLES], ids=repr)
def test_any_schedule_goes_with_any_optimizer(schedule):
    assert hash(schedule) == hash(eval(repr(schedule), dict(SCHEDULES)))
    for kind in OPTIMIZERS.values():
        rule = kind(schedule)
        assert rule.rate(3) == schedule(3)
        state = rule.init(START)
        for step in range(3):
            move, state = rule.update(gradient_at(START, step), state, START)
            assert np.isfinite(move).all()


def test_the_rate_that_training_reports_is_the_schedules():
    schedule = StepDecay(0.1, every=3, factor=0.5)
    network = Network(1, [Dense(1)], seed=0)
    history = network.fit(
        np.arange(4.0)[:, None], np.zeros(4), loss="squared_error", optimizer=SGD(schedule), epochs=4, batch_size=2
    )
    # Two updates an epoch; the rate is that of the epoch's last.
    np.testing.assert_allclose(history["learning_rate"], [schedule(step) for step in (1, 3, 5, 7)])
