"""The parts of the recipe: bins, the temperature, weights, thresholds, and what tells the target."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.losses import CrossEntropyFromLogits
from pellucid.tables import TableModel, TabularClassifier, encoding
from pellucid.tables.encoding import Encoder, edges_of
from pellucid.tables.kinds import Column
from pellucid.tables.learning import Watch, fitted_temperature
from pellucid.tables.screening import leaks
from pellucid.tables.target import Target

QUICK = {"epochs": 2, "hidden": (4,), "members": 2}
values = st.lists(st.integers(-20, 20) | st.just(0), min_size=1, max_size=200)


@given(values, st.integers(2, 20))
def test_edges_are_values_of_the_column_in_order_and_hold_all_of_it(numbers, bins):
    column = np.array(numbers, dtype=float)
    edges = edges_of(column, bins)
    assert np.isin(edges, column).all()
    assert (np.diff(edges) > 0).all()
    assert (edges[0], edges[-1]) == (column.min(), column.max())
    assert len(edges) == len(np.unique(column)) or len(edges) <= bins + 1


@given(values, st.integers(2, 20))
def test_weights_count_as_copies_do(numbers, bins):
    column = np.array(numbers, dtype=float)
    weights = np.arange(len(column)) % 3 + 1
    np.testing.assert_array_equal(
        edges_of(column, bins, weights.astype(float)), edges_of(np.repeat(column, weights), bins)
    )


def test_a_value_met_often_leaves_the_bins_to_the_others():
    column = np.concatenate([np.zeros(5000), np.random.default_rng(0).exponential(size=1000)])
    edges = edges_of(column, 16)
    assert len(edges) >= 15  # plain quantiles would have three
    counts, _ = np.histogram(column[column > 0], edges)
    assert counts[1:].max() < 2 * counts[1:].min()


@pytest.mark.parametrize(("columns", "bins"), [(1, 16), (32, 16), (40, 12), (64, 8), (200, 8)])
def test_many_columns_get_fewer_bins_each(columns, bins):
    generator = np.random.default_rng(0)
    read = list(generator.normal(size=(columns, 100)))
    encoder, _ = Encoder.measure([Column(f"x{place}", "number") for place in range(columns)], read)
    assert {len(own) for own in encoder.centres} == {bins}
    assert columns * bins <= max(encoding.BINS_IN_ALL, columns * encoding.FEWEST_BINS)


def test_the_best_epoch_is_judged_with_the_temperature_it_will_have():
    generator = np.random.default_rng(0)
    target = generator.integers(0, 3, 300)
    logits = 2 * np.eye(3)[target] + generator.normal(size=(300, 3))
    held = np.arange(300).reshape(2, 150)
    watch = Watch(np.zeros((300, 1), dtype=np.float32), target, held, CrossEntropyFromLogits(), None)
    found = [watch._judged(scale * logits) for scale in (0.2, 1.0, 4.0)]
    np.testing.assert_allclose(found, found[0], rtol=1e-4)
    assert np.isnan(watch._judged(np.full((300, 3), np.inf)))
    assert watch._judged(logits) == pytest.approx(found[0], rel=1e-4)  # an epoch that overflowed spoils no later one


def test_a_class_that_no_held_row_has_stays_possible():
    logits = np.random.default_rng(0).normal(-6, 1, (1000, 1))
    temperature = fitted_temperature(logits, np.zeros(1000, dtype=np.intp))
    mean = float(np.mean(1 / (1 + np.exp(-logits / temperature))))
    assert 0.2 / 1000 < mean < 5 / 1000  # about one row of a thousand, not one of 10^15
    with_it = fitted_temperature(np.vstack([logits, [[6.0]]]), np.append(np.zeros(1000), 1).astype(np.intp))
    assert with_it != temperature


def test_a_class_of_one_row_is_predicted_about_as_often_as_it_is_met():
    X = np.random.default_rng(0).normal(size=(400, 3))
    y = np.zeros(400, dtype=int)
    y[7] = 1
    chances = TabularClassifier(effort="low", random_state=0).fit(X, y).predict_proba(X)[:, 1]
    assert 1e-4 < chances.mean() < 2e-2


def test_only_the_ratios_of_weights_matter():
    frame = pl.DataFrame({"x": np.arange(60.0), "y": np.arange(60.0) % 7})
    weights = np.arange(60) % 3 + 1.0
    first, *others = (
        TableModel("y", **QUICK).fit(frame, sample_weight=factor * weights).predict(frame)
        for factor in (1.0, 2.0**900, 2.0**-900)
    )
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_gaps_are_filled_with_the_median_of_the_rows_as_they_count():
    numbers, weights = np.array([1.0, 2.0, 10.0, np.nan]), np.array([1.0, 1.0, 3.0, 1.0])
    for own, count in ((numbers, weights), (np.array([1.0, 3.0, np.nan]), np.ones(3))):
        weighted, _ = Encoder.measure([Column("x", "number")], [own], count)
        copied, _ = Encoder.measure([Column("x", "number")], [np.repeat(own, count.astype(int))])
        assert weighted.fill[0] == copied.fill[0]


@pytest.mark.parametrize("setting", [{"threshold": 0.3}, {"threshold": "f1"}, {"class_weight": "balanced"}])
def test_settings_of_classes_are_refused_for_numbers(setting):
    frame = pl.DataFrame({"x": np.arange(60.0), "y": np.arange(60.0)})
    with pytest.raises(ValueError, match=next(iter(setting))):
        TableModel("y", **QUICK, **setting).fit(frame)


def test_f1_is_that_of_the_rarer_class_whatever_it_is_called():
    generator = np.random.default_rng(0)
    x = generator.normal(size=600)
    rare = x + generator.normal(size=600) > 1.3
    thresholds = []
    for often, seldom in (("a", "b"), ("b", "a")):
        frame = pl.DataFrame({"x": x, "y": np.where(rare, seldom, often)})
        thresholds.append(TableModel("y", threshold="f1", epochs=8, hidden=(8,)).fit(frame).learnt.threshold)
    assert thresholds[0] < 0.5 < thresholds[1]


def test_balanced_classes_leave_the_baseline_as_it_is():
    frame = pl.DataFrame({"x": np.arange(100.0), "y": np.where(np.arange(100) < 80, "a", "b")})
    model = TableModel("y", class_weight="balanced", **QUICK).fit(frame)
    np.testing.assert_allclose(model.learnt.summary["shares"], [0.8, 0.2])


def told(values, y, kind):
    classes = tuple(np.unique(y).tolist()) if kind != "numeric" else ()
    target = Target("y", kind, "int" if classes else "float", classes)
    return bool(leaks([Column("x", "number")], [values], y, target))


def test_what_rises_with_the_target_or_parts_its_classes_tells_it():
    generator = np.random.default_rng(0)
    y = generator.exponential(size=200)
    assert told(np.log(y), y, "numeric")
    assert told(-(y**3), y, "numeric")
    assert not told(np.log(y) + generator.normal(0, 0.1, 200), y, "numeric")
    codes = (y > 1).astype(int)
    assert told(y, codes, "binary")
    assert not told(np.where(y > 5, 0.0, y), codes, "binary")
    assert not told(y, (y > np.sort(y)[-5]).astype(int), "binary")  # four rows may lie apart by chance


def test_a_short_time_limit_says_what_it_cost():
    generator = np.random.default_rng(0)
    frame = pl.DataFrame({"x": generator.normal(size=20_000), "y": generator.normal(size=20_000)})
    model = TableModel("y", time_limit=0.5).fit(frame)
    assert "the time limit of 0.5 s left time " in model.history.stopped
    assert TableModel("y", time_limit=600.0, **QUICK).fit(frame[:100]).history.stopped is None


def test_what_is_masked_in_an_array_is_a_gap():
    X = np.ma.masked_array(np.random.default_rng(0).normal(size=(80, 2)), mask=False)
    X[::4, 0] = np.ma.masked
    X.data[::4, 0] = -9999.0
    model = TabularClassifier(max_iter=1, hidden_layer_sizes=(4,), members=1).fit(X, np.arange(80) % 2)
    assert model.model_.learnt.encoder.missing[0] == 0.25
    assert model.model_.learnt.encoder.scaler.low[0] > -10
