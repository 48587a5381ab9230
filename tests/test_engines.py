"""What both engines rest on: order and draws as functions of the place, batches, costs and advice."""

import numpy as np
import pytest

from pellucid import Adam, Dense, History, Network, ReLU, SquaredError
from pellucid.engines import costs
from pellucid.gradients import Batch
from pellucid.training import run
from pellucid.training.batches import Batches
from pellucid.training.chance import Chance


def test_chance_depends_on_seed_place_and_part_alone():
    def draws(seed, place, part=0):
        return Chance(np.random.SeedSequence(seed)).at(place, part).random(50)

    chance = Chance(np.random.SeedSequence(1))
    for place in (5, 0, 5, 2**40):  # back and forth, after other draws
        chance.at(3).integers(0, 10, 7)
        assert (chance.at(place).random(50) == draws(1, place)).all()
    several = np.concatenate([draws(1, 0), draws(1, 1), draws(2, 0), draws(1, 0, 1)])
    assert len(np.unique(several)) == 200
    many = np.concatenate([draws(0, place) for place in range(400)])
    assert abs(many.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(many[:-50], many[50:])[0, 1]) < 0.03  # neighbouring places have nothing in common


def batches_of(records=11, size=4, members=None, weights=None, loss=None, **settings):
    settings = {"shuffle": True, "own": True, "seed": 3} | settings
    network = Network(1, [Dense(1)], seed=0, members=members)
    column = None if weights is None else np.asarray(weights, dtype=float)[:, None]
    data = Batch(np.arange(float(records))[:, None], np.zeros((records, 1)), column)
    return Batches(network, loss or SquaredError(), data, size=size, **settings)


@pytest.mark.parametrize("members", [None, 3])
def test_every_epoch_sees_every_record_once(members):
    batches = batches_of(members=members)
    orders = []
    for epoch in (0, 1, 2):
        order = batches.order(epoch)
        orders.append(order)
        seen = np.concatenate([batches.portion(order, number).x for number in range(batches.count)], axis=-2)[..., 0]
        assert (np.sort(seen, axis=-1) == np.arange(11.0)).all()
        assert (batches.order(epoch) == order).all()  # asked again: the same
    assert (orders[0] != orders[1]).any()
    if members:
        assert (orders[0][0] != orders[0][1]).any()
        alone = batches_of(seed=3 + 1)
        assert (alone.order(2) == orders[2][1]).all()  # a member's order is that of its own seed


@pytest.mark.parametrize("weights", [None, np.arange(11.0)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("members", [None, 2])
def test_what_batches_count_adds_up_to_what_an_epoch_counts(weights, reduction, members):
    batches = batches_of(weights=weights, loss=SquaredError(reduction=reduction), members=members)
    order = batches.order(4)
    total = sum(batches.counted(order, number) for number in range(batches.count))
    assert np.allclose(total, batches.counts_in_all(4), rtol=1e-14)
    expected = 3 if reduction == "sum" else 11 if weights is None else 55
    assert batches.counts_in_all(4) == expected


def test_one_batch_of_all_records_is_not_shuffled():
    batches = batches_of(size=50)
    assert batches.count == 1
    assert batches.order(0) is None


# Advice


class Finished:
    """An engine whose run is over."""

    preparation, platform = 0.0, "cpu"

    def __init__(self, name, place, stepping):
        self.name, self.place, self.stepping = name, place, stepping


def work_of(epochs, looked_at=False, layer=None):
    network = Network(8, [Dense(16), layer or ReLU(), Dense(1)], seed=0)
    seen = []

    class Seen:
        def __init__(self, work):
            seen.append(work)
            raise StopIteration

    from pellucid import engines

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "find", lambda name: Seen)
        with pytest.raises(StopIteration):
            network.fit(
                np.zeros((64, 8)), np.zeros(64), loss="squared_error", optimizer=Adam(), epochs=epochs,
                callbacks=[lambda report: None] if looked_at else [],
            )  # fmt: skip
    return seen[0]


def test_a_long_run_on_numpy_is_told_of_the_other_engine():
    work = work_of(50_000)
    each = costs.COSTS["numpy"].of_step(costs.Sizes.of(work))
    said = costs.advice(work, Finished("numpy", 100_000, 100_000 * each))
    assert said.startswith('engine="jax" would have taken about')
    # a machine that is ten times slower is so on both engines
    slower = costs.advice(work, Finished("numpy", 100_000, 10 * 100_000 * each))
    assert float(slower.split()[5]) == pytest.approx(10 * float(said.split()[5]), rel=0.1)


def test_a_short_run_is_told_of_nothing():
    work = work_of(50)
    each = costs.COSTS["numpy"].of_step(costs.Sizes.of(work))
    assert costs.advice(work, Finished("numpy", 100, 100 * each)) is None
    # however slow the machine is, compiling is as slow there
    assert costs.advice(work, Finished("numpy", 100, 100 * 100 * each)) is None


def test_compiling_for_a_few_steps_is_told_of_too():
    work = work_of(10)
    engine = Finished("jax", 20, 20 * costs.COSTS["jax"].of_step(costs.Sizes.of(work)))
    engine.preparation = 1.5
    assert costs.advice(work, engine).startswith('engine="numpy" would have taken about')
    engine.platform = "gpu"  # what the figures do not know of, they do not speak of
    assert costs.advice(work, engine) is None


def test_nothing_is_advised_that_may_not_be_possible():
    class Mine(ReLU):
        pass

    work = work_of(50_000, layer=Mine())
    each = costs.COSTS["numpy"].of_step(costs.Sizes.of(work))
    assert costs.advice(work, Finished("numpy", 100_000, 100_000 * each)) is None


def test_what_is_not_installed_is_told_with_its_extra(monkeypatch):
    monkeypatch.setattr(costs.importlib.util, "find_spec", lambda name: None)
    work = work_of(50_000)
    each = costs.COSTS["numpy"].of_step(costs.Sizes.of(work))
    assert "after pip install 'pellucid[jax]'" in costs.advice(work, Finished("numpy", 100_000, 100_000 * each))


def test_the_summary_ends_with_the_advice():
    history = History()
    history.append(0.5, None, 0.1, 2.0)
    history.advice = 'engine="jax" would have taken about 1 s'
    assert repr(history).endswith('2.00 s; engine="jax" would have taken about 1 s>')


def test_a_history_takes_values_and_arrays_in_any_order():
    history = History()
    history.append(1.0, None, 0.1, 0.5)
    history.extend(np.array([2.0, 3.0]), np.array([0.1, 0.1]), np.array([0.6, 0.7]))
    history.append(4.0, None, 0.1, 0.8)
    history.extend(np.array([]), np.array([]), np.array([]))
    assert history["loss"].tolist() == [1, 2, 3, 4]
    assert history["seconds"].tolist() == [0.5, 0.6, 0.7, 0.8]
    assert len(history) == 4


def test_an_interrupted_run_has_written_what_it_came_to(monkeypatch):
    from pellucid.engines import numpy as engine

    monkeypatch.setattr(engine, "AT_ONCE", 0.0)
    network = Network(1, [Dense(1)], seed=0)
    calls = []
    step = engine.NumpyEngine.step

    def interrupted(self, *arguments):
        calls.append(None)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(engine.NumpyEngine, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        network.fit([[1.0]], [2.0], loss="squared_error", epochs=100)
    assert len(network.history) == 7
    assert network.fitted.optimizer_state.step == 7


def test_a_member_that_rests_is_told_of_once_where_somebody_looks(recwarn):
    network = Network(1, [Dense(1)], seed=0, members=2)
    network.theta[0] *= 1e200
    reports = list(run(network, [[1.0], [2.0]], [2.0, 1.0], loss="squared_error", epochs=5))
    assert [report.epoch for report in reports] == [1, 2, 3, 4, 5]
    assert len([one for one in recwarn if "member(s) 0" in str(one.message)]) == 1
