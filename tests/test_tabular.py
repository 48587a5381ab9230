"""Real tables: any column, nothing leaks, the recipe's parts, and scikit-learn's conventions."""

import datetime as dt
import pickle
import time
import warnings

import numpy as np
import polars as pl
import pytest

import pellucid
from judges import judge
from pellucid import TableError
from pellucid.layers import MeanOfMembers
from pellucid.tables import TableModel, TabularClassifier, TabularRegressor
from pellucid.tables.encoding import FEWEST_ROWS_OF_A_VECTOR, MOST_ONE_HOT, Encoder, eighths
from pellucid.tables.kinds import Column, recognise
from pellucid.tables.learning import Recipe, _parts, cycle_of, fitted_temperature
from pellucid.tables.reading import to_frame
from pellucid.tables.thresholds import best_threshold

QUICK = {"epochs": 6, "hidden": (8,), "members": 2}


def everything(rows=400, seed=0):
    """A table with a column of every kind, gaps in most of them, and two targets that depend on all."""
    generator = np.random.default_rng(seed)
    area = generator.lognormal(4, 0.6, rows)
    garden = generator.random(rows) < 0.4
    city = generator.choice(["Graz", "Linz", "Wien", "Wels"], rows, p=[0.5, 0.3, 0.15, 0.05])
    street = generator.choice([f"street {place}" for place in range(90)], rows)
    grade = generator.choice(["poor", "fair", "good"], rows)
    sold = np.datetime64("2019-03-01") + generator.integers(0, 1200, rows)
    worth = (
        2.0 * np.log(area)
        + 0.8 * garden
        + np.select([city == "Graz", city == "Linz"], [1.0, -1.0], 0.0)
        + 0.5 * np.select([grade == "poor", grade == "good"], [-1.0, 1.0], 0.0)
        + 0.001 * (sold - np.datetime64("2019-03-01")).astype(int)
        + generator.normal(0, 0.2, rows)
    )
    frame = pl.DataFrame(
        {
            "area": area,
            "garden": np.where(garden, "yes", "no"),
            "city": city,
            "street": street,
            "grade": grade,
            "sold": sold,
            "code": [f"A-{place:05d}" for place in range(rows)],
            "worth": worth,
            "dear": worth > np.median(worth),
        }
    )
    gaps = generator.random((rows, 3)) < 0.1
    return frame.with_columns(
        area=pl.when(pl.Series(gaps[:, 0])).then(None).otherwise(pl.col("area")),
        city=pl.when(pl.Series(gaps[:, 1])).then(None).otherwise(pl.col("city")),
        sold=pl.when(pl.Series(gaps[:, 2])).then(None).otherwise(pl.col("sold")),
    )


WHOLE = everything()
NUMBER, YES_NO = WHOLE.drop("dear"), WHOLE.drop("worth")
KINDS = {"grade": ["poor", "fair", "good"]}


@pytest.fixture(scope="module")
def of_number():
    return TableModel("worth", kinds=KINDS).fit(NUMBER, test_share=0.25)


@pytest.fixture(scope="module")
def of_yes_no():
    return TableModel("dear", kinds=KINDS).fit(YES_NO, test_share=0.25)


# ---- any table ------------------------------------------------------------------------------------------------------


def test_takes_every_kind_of_column(of_number, of_yes_no):
    kinds = {column.name: column.kind for column in of_number.learnt.encoder.columns}
    assert kinds == {
        "area": "number", "garden": "yes/no", "city": "category", "street": "category", "grade": "ordered",
        "sold": "date",
    }  # fmt: skip
    assert list(of_number.left_out) == ["code"]
    figures = of_number.evaluate(NUMBER, rows=of_number.test_rows).figures
    assert figures["R2"][0] > 0.75
    assert of_yes_no.evaluate(YES_NO, rows=of_yes_no.test_rows).figures["AUC"][0] > 0.9


@pytest.mark.slow
def test_the_same_table_in_every_library_gives_the_same_model(of_number):
    judge("pandas"), judge("pyarrow")
    expected = of_number.predict(NUMBER)
    for other in (NUMBER.to_pandas(), NUMBER.to_arrow()):
        model = TableModel("worth", kinds=KINDS).fit(other, test_share=0.25)
        np.testing.assert_array_equal(model.predict(NUMBER), expected)
        np.testing.assert_array_equal(of_number.predict(other), expected)


@pytest.mark.parametrize("target", ["worth", "dear"])
def test_nothing_of_the_test_part_is_ever_looked_at(target):
    frame = WHOLE.drop({"worth": "dear", "dear": "worth"}[target])
    model = TableModel(target, **QUICK).fit(frame, test_share=0.25)
    place = pl.int_range(pl.len()).is_in(model.test_rows.tolist())
    poison = {
        "area": pl.lit(1e9), "garden": pl.lit("yes"), "city": pl.lit("Nowhere"), "street": pl.lit("street 1"),
        "grade": pl.lit("awful"), "sold": pl.lit(dt.date(2999, 1, 1)), "code": pl.lit("same"),
    }  # fmt: skip
    changed = frame.with_columns(
        [pl.when(place).then(value).otherwise(pl.col(name)).alias(name) for name, value in poison.items()]
    )
    if target == "worth":
        changed = changed.with_columns(worth=pl.when(place).then(-pl.col("worth") * 1e6).otherwise(pl.col("worth")))
    again = TableModel(target, **QUICK).fit(changed, test_share=0.25)
    np.testing.assert_array_equal(again.test_rows, model.test_rows)
    np.testing.assert_array_equal(again.network.theta, model.network.theta)
    _, ours, tensors = model.to_file()
    _, others, other_tensors = again.to_file()
    assert ours == others
    for name, tensor in tensors.items():
        if "seconds" not in name:
            np.testing.assert_array_equal(tensor, other_tensors[name], err_msg=name)


def test_what_prediction_sees_of_a_row_depends_on_that_row_alone(of_number):
    together = of_number.predict(NUMBER)
    alone = np.concatenate([of_number.predict(NUMBER[place : place + 1]) for place in range(30)])
    np.testing.assert_allclose(alone, together[:30], rtol=1e-12)


def test_unseen_categories_count_as_none_and_are_counted(of_number):
    rows = NUMBER.head(5)
    told = of_number.unusual_values(rows.with_columns(city=pl.lit("Paris"), street=pl.lit("road 7")))
    assert told["city"].tolist() == told["street"].tolist() == [0, 1, 2, 3, 4]
    paris, rome = (of_number.predict(rows.with_columns(city=pl.lit(name))) for name in ("Paris", "Rome"))
    np.testing.assert_array_equal(paris, rome)
    assert (paris != of_number.predict(rows.with_columns(city=pl.lit("Graz")))).all()


def test_rare_categories_share_the_vector_of_unseen_ones():
    street = [f"s{place % 60}" for place in range(400)] + ["rare 1", "rare 2"]
    frame = pl.DataFrame({"street": street, "y": np.random.default_rng(0).normal(size=402)})
    model = TableModel("y", **QUICK).fit(frame)
    (one,) = model.learnt.encoder.inputs
    assert (one.part, one.levels) == ("vector", 61)
    assert any(f"fewer than {FEWEST_ROWS_OF_A_VECTOR}" in note for note in model.notes)
    rare, never = (model.predict(pl.DataFrame({"street": [name]})) for name in ("rare 1", "never met"))
    assert rare == never
    # Two networks, each with 61 vectors of 8, and what follows them.
    assert model.network.theta.size == 2 * (61 * 4 + 4 * 8 + 8 + 8 + 1)


def test_gaps_are_told_to_the_network_only_where_training_had_some():
    generator = np.random.default_rng(0)
    gap = generator.random(300) < 0.3
    frame = pl.DataFrame({"x": generator.normal(size=300), "z": generator.normal(size=300), "y": 3.0 * gap})
    frame = frame.with_columns(x=pl.when(pl.Series(gap)).then(None).otherwise(pl.col("x")))
    model = TableModel("y", kind="numeric").fit(frame)
    assert [one.name for one in model.learnt.encoder.inputs] == ["x", "x is missing", "z"]
    said = model.predict(pl.DataFrame({"x": [None, 0.0], "z": [0.0, 0.0]}, schema={"x": float, "z": float}))
    assert said[0] > 2.5
    assert said[1] < 0.5


def test_encoder_by_hand():
    columns = (Column("x", "number"), Column("c", "category", levels=("a", "b")))
    encoder, inputs = Encoder.measure(columns, [np.array([1.0, 3.0, np.nan, 5.0]), np.array([0.0, 1.0, 1.0, np.nan])])
    # The gap becomes the median 3; so mean 3, standard deviation sqrt(2).
    expected = [[-np.sqrt(2), 0, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0], [np.sqrt(2), 0, -1, 1]]
    np.testing.assert_allclose(inputs, expected, atol=1e-15)
    assert encoder.missing.tolist() == [0.25] * 4
    np.testing.assert_allclose(encoder.shares[2], [1 / 3, 2 / 3])


def test_eighths_are_values_of_the_column_and_weights_count_as_copies():
    values = np.random.default_rng(0).normal(size=(50, 3))
    weights = np.random.default_rng(1).integers(1, 4, 50)
    found = eighths(values, weights.astype(float))
    np.testing.assert_array_equal(found, eighths(np.repeat(values, weights, axis=0)))
    assert np.isin(found, values).all()


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"copy": pl.col("area"), "again": pl.col("city")}, "the same as 'area' in every row"),
        ({"same": pl.lit(7)}, "one value only: 7"),
        ({"nothing": pl.lit(None, dtype=pl.Float64)}, "no value in any row"),
        ({"number": pl.int_range(1000, 1000 + pl.len())}, "identifier"),
    ],
)
def test_columns_that_tell_nothing_are_left_out_with_the_reason(columns, said):
    frame = NUMBER.with_columns(**columns)
    model = TableModel("worth", **QUICK).fit(frame)
    for name in columns:
        assert name in model.left_out
    assert said in model.left_out[next(iter(columns))]
    plain = TableModel("worth", **QUICK).fit(NUMBER)
    np.testing.assert_array_equal(model.predict(frame), plain.predict(NUMBER))


def test_a_target_under_another_name_is_told():
    model = TableModel("worth", **QUICK).fit(NUMBER.with_columns(price=pl.col("worth") * 1.2 + 5))
    assert any(note.startswith("'price' tells the target 'worth' outright") for note in model.notes)
    named = YES_NO.with_columns(label=pl.when(pl.col("dear")).then(pl.lit("high")).otherwise(pl.lit("low")))
    model = TableModel("dear", **QUICK).fit(named)
    assert any(note.startswith("'label' tells the target 'dear' outright") for note in model.notes)
    for honest in (TableModel("worth", **QUICK).fit(NUMBER), TableModel("dear", **QUICK).fit(YES_NO)):
        assert not any("outright" in note for note in honest.notes)


# ---- the recipe -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [50, 51, 120, 1003])
@pytest.mark.parametrize("members", [2, 4, 5])
def test_each_row_is_held_out_by_one_member_and_never_learnt_by_it(rows, members):
    codes = np.random.default_rng(0).integers(0, 3, rows)
    learnt, held = _parts(rows, codes, Recipe(members=members))
    for own, kept in zip(learnt, held, strict=True):
        assert not set(own) & set(kept)
        assert len(set(own)) == len(own)
    assert len(set(held.ravel().tolist())) == held.size
    assert held.size > rows - 2 * members  # a row or two of each are dropped, as all hold out the same number
    shares = [np.bincount(codes[kept], minlength=3) / len(kept) for kept in held]
    np.testing.assert_allclose(shares, np.tile(np.bincount(codes) / rows, (members, 1)), atol=3 / len(held[0]))


def test_few_rows_are_all_learnt_from():
    learnt, held = _parts(49, None, Recipe())
    assert held.shape == (4, 0)
    assert (learnt == np.arange(49)).all()


def test_a_member_of_several_is_the_network_that_its_rows_alone_make():
    # What is trained side by side must be what training one by one gives.
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(40, 3)), generator.normal(size=40)
    rows = np.stack([generator.permutation(40)[:30] for _ in range(3)])
    layers = [pellucid.Dense(5), pellucid.ReLU(), pellucid.Dense(1)]
    together = pellucid.Network(3, layers, seed=4, members=3)
    together.fit(X, y, loss="squared_error", epochs=3, batch_size=8, member_rows=rows)
    for place in range(3):
        alone = pellucid.Network(3, layers, seed=4 + place)
        alone.fit(X[rows[place]], y[rows[place]], loss="squared_error", epochs=3, batch_size=8)
        np.testing.assert_allclose(together.theta[place], alone.theta, rtol=1e-10, atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_of_members_are_the_same_on_both_engines(weighted):
    judge("jax")
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(40, 3)), generator.normal(size=40)
    rows = np.stack([generator.permutation(40)[:30] for _ in range(2)])
    weights = generator.uniform(0.5, 2, 40) if weighted else None
    layers, found = [pellucid.Dense(5), pellucid.Tanh(), pellucid.Dense(1)], {}
    for engine in ("numpy", "jax"):
        network = pellucid.Network(3, layers, seed=4, members=2)
        history = network.fit(
            X, y, loss="squared_error", epochs=3, batch_size=8, member_rows=rows, sample_weight=weights, engine=engine
        )
        found[engine] = network.theta, history["loss"]
    for one, other in zip(*found.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0, 1]], "for each of the 2 members"),
        ([[0, 1], [2, 40]], "names record 40, and X has the records 0 to 39"),
        ([[0.5, 1], [2, 3]], "of float64"),
        ([0, 1], "an array of shape"),
    ],
)
def test_refuses_rows_of_members(rows, message):
    network = pellucid.Network(1, [pellucid.Dense(1)], seed=0, members=2)
    with pytest.raises(ValueError, match=message):
        network.fit(np.zeros((40, 1)), np.zeros(40), loss="squared_error", member_rows=rows)
    single = pellucid.Network(1, [pellucid.Dense(1)], seed=0)
    with pytest.raises(ValueError, match="this network has no members"):
        single.fit(np.zeros((40, 1)), np.zeros(40), loss="squared_error", member_rows=[[0]])


def test_the_whole_network_is_the_mean_of_its_members(of_yes_no):
    network = of_yes_no.network
    joined = network.layers[-1]
    assert isinstance(joined, MeanOfMembers)
    inputs = of_yes_no._standardised(to_frame(YES_NO), "the table")
    apart = pellucid.Network(network.inputs, network.layers[:-1], seed=0)
    apart.theta = network.theta
    logits = apart.predict(inputs)  # [N,4]
    mean = (1 / (1 + np.exp(-logits / joined.temperature))).mean(axis=1)
    np.testing.assert_allclose(of_yes_no.predict_proba(YES_NO)[:, 1], mean, rtol=1e-10)


def test_gradients_of_the_whole_network_are_proven():
    model = TableModel("dear", hidden=(7, 5), members=3, epochs=4).fit(YES_NO)
    rows = YES_NO.drop_nulls().head(6)
    inputs = model._standardised(to_frame(rows), "the table")
    report = pellucid.check_gradients(model.network, inputs, rows["dear"].to_numpy().astype(int))
    assert report.passed, report


def test_the_best_epoch_is_that_of_all_rows_held_out(of_number):
    history = of_number.history
    assert history.best_epoch == 1 + int(np.argmin(history["validation_loss"]))


def test_cycles_end_where_the_rate_is_0():
    schedule = pellucid.CosineLog(0.1, steps=15)
    ends = [epoch for epoch in range(1, 15) if cycle_of(epoch + 1, 15) > cycle_of(epoch, 15)]
    assert ends == [1, 3, 7]
    assert all(schedule(end) < 1e-12 for end in ends)


@pytest.mark.parametrize("truth", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("classes", [2, 4])
def test_temperature_finds_how_much_too_sure_logits_are(truth, classes):
    generator = np.random.default_rng(0)
    z = generator.normal(0, 2, (30_000, classes))
    chances = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    codes = (chances.cumsum(axis=1) < generator.random((30_000, 1))).sum(axis=1)
    given = truth * (z[:, 1:] - z[:, :1] if classes == 2 else z)
    assert fitted_temperature(given, codes) == pytest.approx(truth, rel=0.05)


@pytest.mark.parametrize("by", ["f1", "balanced"])
def test_the_threshold_is_the_best_of_all_that_there_are(by):
    metrics = judge("sklearn.metrics")
    generator = np.random.default_rng(0)
    logits = generator.normal(-2, 1.5, 400).round(1)
    codes = (generator.random(400) < 1 / (1 + np.exp(-logits))).astype(int)
    score = metrics.f1_score if by == "f1" else metrics.balanced_accuracy_score
    found = best_threshold(by, logits, codes)
    best = max(score(codes, logits >= limit) for limit in np.unique(logits))
    assert score(codes, 1 / (1 + np.exp(-logits)) >= found) == pytest.approx(best)


@pytest.mark.slow
def test_a_threshold_is_chosen_by_rows_that_were_not_learnt_from():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1200, 4))
    rare = generator.random(1200) < 1 / (1 + np.exp(4 - 2 * x[:, 0]))
    frame = pl.DataFrame({f"x{place}": x[:, place] for place in range(4)} | {"rare": rare})
    plain, chosen = (TableModel("rare", threshold=by).fit(frame, test_share=0.5) for by in (0.5, "f1"))
    assert 0.05 < chosen.learnt.threshold < 0.5
    np.testing.assert_array_equal(plain.predict_proba(frame), chosen.predict_proba(frame))
    np.testing.assert_array_equal(chosen.predict(frame), chosen.predict_proba(frame)[:, 1] > chosen.learnt.threshold)
    before, after = (m.evaluate(frame, rows=m.test_rows).figures["F1"][0] for m in (plain, chosen))
    assert after > before
    with pytest.raises(ValueError, match="is for a target of two classes, found a numeric one"):
        TableModel("worth", threshold="f1", **QUICK).fit(NUMBER)


@pytest.mark.slow
def test_balanced_classes_find_more_of_the_rare_one():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1000, 3))
    rare = generator.random(1000) < 1 / (1 + np.exp(3.5 - x[:, 0]))
    frame = pl.DataFrame({f"x{place}": x[:, place] for place in range(3)} | {"rare": rare})
    plain, balanced = (TableModel("rare", class_weight=by).fit(frame) for by in (None, "balanced"))
    assert balanced.predict(frame).sum() > plain.predict(frame).sum() + 50


def test_counts():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1500, 2))
    rate = np.exp(0.4 + 0.8 * x[:, 0])
    frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "visits": generator.poisson(rate)})
    model = TableModel("visits", kind="count").fit(frame, test_share=0.3)
    said = model.predict(frame)
    assert (said > 0).all()
    assert np.corrcoef(np.log(said), np.log(rate))[0, 1] > 0.97
    own, baseline = model.evaluate(frame, rows=model.test_rows).figures["deviance"]
    assert own < 0.75 * baseline
    with pytest.raises(TableError, match="is -1 in row 2, and a count is never negative"):
        TableModel("y", kind="count").fit(pl.DataFrame({"x": [1, 2, 3], "y": [0, -1, 4]}))


def test_quantiles():
    generator = np.random.default_rng(0)
    x = generator.uniform(0, 1, 2000)
    frame = pl.DataFrame({"x": x, "y": x + (0.1 + x) * generator.normal(size=2000)})
    model = TableModel("y", kind="quantiles", quantiles=(0.1, 0.5, 0.9)).fit(frame, test_share=0.5)
    found = model.predict_quantiles(frame)
    assert (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_array_equal(model.predict(frame), found[:, 1])
    shares = (frame["y"].to_numpy()[model.test_rows, None] <= found[model.test_rows]).mean(axis=0)
    np.testing.assert_allclose(shares, [0.1, 0.5, 0.9], atol=0.05)
    assert list(model.predict_table(frame).columns) == ["prediction", "quantile_0.1", "quantile_0.5", "quantile_0.9"]
    with pytest.raises(ValueError, match='give kind="quantiles"'):
        TableModel("y", **QUICK).fit(frame).predict_quantiles(frame)


def test_predictions_stay_within_what_was_learnt(of_number):
    far = NUMBER.with_columns(area=pl.lit(1e12))
    low, high = (of_number.learnt.summary[name][0] for name in ("low", "high"))
    said = of_number.predict(far)
    assert ((low <= said) & (said <= high)).all()


@pytest.mark.slow
def test_a_time_limit_leaves_out_epochs_and_then_rows():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(6000, 10))
    frame = pl.DataFrame({f"x{place}": x[:, place] for place in range(10)} | {"y": x[:, 0] + x[:, 1] ** 2})
    usual = TableModel("y").fit(frame[:200])
    began = time.perf_counter()
    hurried = TableModel("y", time_limit=0.3).fit(frame)
    took = time.perf_counter() - began
    assert len(hurried.history) < 50
    assert np.isfinite(hurried.predict(frame)).all()
    assert took < 5  # far above the limit: a machine may be busy
    assert TableModel("y", time_limit=100).fit(frame[:200]).network == usual.network


def test_more_effort_trains_more():
    sizes = [TableModel("worth", effort=effort, epochs=1).fit(NUMBER).network.theta.size for effort in EFFORTS]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] / 4


EFFORTS = ("low", "normal", "high")


def test_goes_on_from_a_trained_model(of_number, tmp_path):
    of_number.save(tmp_path / "m")
    start = pellucid.load(tmp_path / "m")
    again = TableModel("worth", kinds=KINDS, epochs=4).fit(NUMBER, test_share=0.25, start=start)
    best = of_number.history["validation_loss"].min()
    # It begins where the other ended, whose rows were divided in the same way.
    assert again.history["validation_loss"].min() < 1.2 * best
    assert again.learnt.encoder is start.learnt.encoder
    with pytest.raises(ValueError, match=r"has .* parameters, and these settings make"):
        TableModel("worth", hidden=(3,)).fit(NUMBER, start=start)
    with pytest.raises(ValueError, match="predicts 'worth' \\(numeric\\), not 'dear'"):
        TableModel("dear").fit(YES_NO, start=start)


def test_goes_on_after_an_interruption_to_the_same_model(tmp_path):
    settings = {"hidden": (8,), "epochs": 8}
    straight = TableModel("worth", **settings).fit(NUMBER)

    def interrupt(report):
        if report.epoch == 3:
            raise KeyboardInterrupt

    model = TableModel("worth", **settings)
    with pytest.raises(KeyboardInterrupt):
        model.fit(NUMBER, checkpoint=pellucid.Checkpoint(tmp_path / "c", seconds=0), callbacks=[interrupt])
    model.fit(NUMBER, checkpoint=pellucid.Checkpoint(tmp_path / "c", seconds=0), callbacks=[lambda report: None])
    np.testing.assert_array_equal(model.network.theta, straight.network.theta)
    assert model.history.best_epoch == straight.history.best_epoch


# ---- scikit-learn's conventions -------------------------------------------------------------------------------------


def test_estimators_and_the_model_of_a_table_are_the_same(of_yes_no):
    X, y = YES_NO.drop("dear"), YES_NO["dear"]
    estimator = TabularClassifier(kinds=KINDS, random_state=0).fit(X, y)
    seed = estimator.model_.seed
    model = TableModel("dear", kind="binary", kinds=KINDS, seed=seed).fit(YES_NO)
    np.testing.assert_array_equal(estimator.predict_proba(X), model.predict_proba(YES_NO))
    assert estimator.classes_.tolist() == [False, True]
    assert estimator.left_out_ == model.left_out
    assert estimator.score(X, y) > 0.85


@pytest.mark.parametrize("labels", [["a", "b"], [3, 7], [False, True], ["x", "y", "z"]])
def test_labels_come_back_as_they_were(labels, tmp_path):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(120, 3))
    y = np.array(labels)[generator.integers(0, len(labels), 120)]
    estimator = TabularClassifier(max_iter=2, hidden_layer_sizes=(4,), random_state=0).fit(X, y)
    assert estimator.predict(X).dtype == y.dtype
    assert set(estimator.predict(X)) <= set(labels)
    estimator.save(tmp_path / "e")
    loaded = pellucid.load(tmp_path / "e")
    assert isinstance(loaded, TabularClassifier)
    assert loaded.get_params() == estimator.get_params()
    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))
    np.testing.assert_array_equal(loaded.predict_proba(X), estimator.predict_proba(X))
    assert loaded.classes_.dtype == estimator.classes_.dtype


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "quantile"])
def test_regressors_survive_files_and_pickles(loss, tmp_path):
    X, y = NUMBER.drop("worth"), NUMBER["worth"].to_numpy() - NUMBER["worth"].min()
    estimator = TabularRegressor(loss, max_iter=3, hidden_layer_sizes=(4,), random_state=0).fit(X, y)
    estimator.save(tmp_path / "e")
    for other in (pellucid.load(tmp_path / "e"), pickle.loads(pickle.dumps(estimator))):
        np.testing.assert_array_equal(other.predict(X), estimator.predict(X))
        assert other.feature_names_in_.tolist() == X.columns
        assert repr(other) == repr(estimator)


def test_works_within_scikit_learns_tools():
    selection = judge("sklearn.model_selection")
    base = judge("sklearn.base")
    X, y = YES_NO.drop("dear").to_pandas(), YES_NO["dear"].to_numpy()
    estimator = TabularClassifier(max_iter=4, hidden_layer_sizes=(8,), random_state=0)
    scores = selection.cross_val_score(estimator, X, y, cv=3, scoring="roc_auc")
    assert scores.min() > 0.6
    search = selection.GridSearchCV(estimator, {"members": [1, 2]}, cv=2).fit(X, y)
    assert search.best_params_["members"] in (1, 2)
    assert base.clone(estimator).get_params() == estimator.get_params()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [TabularClassifier, TabularRegressor])
def test_keeps_scikit_learns_conventions(kind):
    checks = judge("sklearn.utils.estimator_checks")
    estimator = kind(max_iter=20, hidden_layer_sizes=(16,), random_state=0)
    why = "rows of weight 2 are held out as one row, two copies of a row by two members"
    expected = {"check_sample_weight_equivalence_on_dense_data": why}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # checks that are skipped, and what they try, warn
        found = checks.check_estimator(estimator, expected_failed_checks=expected, on_fail=None)
    assert [one["check_name"] for one in found if one["status"] == "failed"] == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"effort": "huge"}, "effort"),
        ({"members": 0}, "members"),
        ({"threshold": 1.5}, "threshold"),
        ({"kinds": {"nothing": "number"}}, "no column 'nothing'"),
        ({"ignore": "nothing"}, "no column 'nothing'"),
    ],
)
def test_refuses_parameters(settings, message):
    with pytest.raises(ValueError, match=message):
        TabularClassifier(**settings).fit(YES_NO.drop("dear"), YES_NO["dear"])


def test_refuses_targets():
    X = np.arange(20.0)[:, None] ** 2
    with pytest.raises(ValueError, match="one class only"):
        TabularClassifier().fit(X, ["a"] * 20)
    with pytest.raises(ValueError, match="y contains NaN or infinity: nan in row 3"):
        TabularRegressor().fit(X, np.r_[1.0, 2.0, np.nan, np.arange(17)])
    with pytest.raises(ValueError, match="y must hold numbers"):
        TabularRegressor().fit(X, ["a", "b"] * 10)
    with pytest.raises(ValueError, match="has 5 columns|expecting 1 features"):
        TabularRegressor(max_iter=1).fit(X, np.arange(20.0)).predict(np.zeros((2, 5)))


# ---- bad input ------------------------------------------------------------------------------------------------------


def told(model):
    return " | ".join(model.notes)


def fitted(column, **settings):
    """A model of a table with this column, another one, and a target."""
    generator = np.random.default_rng(0)
    rows = len(column)
    frame = pl.DataFrame({"column": column, "other": generator.normal(size=rows), "y": generator.normal(size=rows)})
    return TableModel("y", **QUICK, **settings).fit(frame), frame


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (["1,5", "2,25", "3,0", "10,75"], "decimal comma"),
        (["1.234,5", "22.000,25", "3,0", "1.000.000,0"], "thousands"),
        (["€ 1,200.50", "€ 300.00", "€ 20.10", "€ 7.00"], "€"),
        (["12 %", "7 %", "99.5 %", "0 %"], "percent"),
        ([" 1.5", "2.5 ", " 3.5 ", "4.5"], ""),
        (["1.5", "#DIV/0!", "3.5", "#N/A"], "missing"),
        (["Graz", "graz ", "GRAZ", "Linz"], "joined"),
    ],
)
def test_odd_writing_is_recognised_and_said(values, note):
    model, frame = fitted(values * 30)
    assert note in told(model)
    assert np.isfinite(model.predict(frame)).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1.5", "2.5", "3.5", "4.5", "5.5", "oops"], r"'column', row 6: 'oops'"),
        (["2024-05-01", "2024-06-02", "03.07.2024", "2024-08-04", "2024-05-11"], r"row 3"),
        (["1,5", "2,5", "1.5", "2.5", "1,25"], r"row"),
        (["€ 1", "$ 2", "€ 3", "€ 4", "€ 5"], r"row 2"),
    ],
)
def test_contradictions_are_refused_with_the_row(values, message):
    with pytest.raises(TableError, match=message) as caught:
        fitted(values * 12)
    assert "column" in str(caught.value)


def test_a_target_with_gaps_is_refused():
    with pytest.raises(TableError, match="has no value in 1 of 3 rows, the first in row 2"):
        TableModel("y").fit(pl.DataFrame({"x": [1, 2, 3], "y": [1.0, None, 2.0]}))


def test_one_category_only_with_gaps_tells_something():
    model, _ = fitted([None, "yes please"] * 40)
    assert [one.part for one in model.learnt.encoder.inputs if one.column == 0] == ["code", "missing"]


@pytest.mark.slow
def test_ten_thousand_categories():
    generator = np.random.default_rng(0)
    category = generator.integers(0, 10_000, 30_000)
    frame = pl.DataFrame(
        {"c": [f"k{place}" for place in category], "y": (category % 2) + generator.normal(0, 0.1, 30_000)}
    )
    model = TableModel("y", epochs=3, members=2).fit(frame)
    (one,) = model.learnt.encoder.inputs
    assert one.part == "vector"
    assert MOST_ONE_HOT < one.levels < 10_000
    assert np.isfinite(model.predict(frame.head(100))).all()


@pytest.mark.slow
def test_five_thousand_columns():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(200, 5000))
    frame = pl.DataFrame({f"x{place}": X[:, place] for place in range(5000)} | {"y": X[:, 7] > 0})
    model = TableModel("y", epochs=3, members=2).fit(frame)
    assert len(model.columns) == 5000
    assert model.network.layers[0] is not None
    assert np.isfinite(model.predict_proba(frame)).all()


def test_recognised_kinds_are_those_of_the_training_rows():
    frame = to_frame(pl.DataFrame({"x": ["1", "2", "3", "4"] * 10}))
    (column,) = recognise(frame, ["x"], {})
    assert column.kind == "number"
