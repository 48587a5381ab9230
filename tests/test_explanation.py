"""Explanations of a row in the table's own units: what they say must be so."""

import html
import json
import re

import numpy as np
import polars as pl
import pytest

from pellucid import Network, TableError
from pellucid.tables import TableModel
from pellucid.tables.explanation import explain_row
from pellucid.tables.explanation_text import figure
from recompute import check_text


def homes(rows=300, seed=0):
    generator = np.random.default_rng(seed)
    area, age = generator.uniform(30, 150, rows).round(1), generator.integers(0, 60, rows)
    garden, floor = generator.random(rows) < 0.4, np.full(rows, 3)
    price = 3000 * area - 800 * age + 40_000 * garden
    size = np.where(area < 60, "small", np.where(area < 100, "middle", "large"))
    frame = {"area": area, "age": age, "garden": garden, "floor": floor, "price": price, "size": size}
    return pl.DataFrame(frame).with_columns(
        dear=pl.when(pl.col("price") > 250_000).then(pl.lit("yes")).otherwise(pl.lit("no"))
    )


INPUTS = ["area", "age", "garden"]  # the floor is the same in every row, and left out


@pytest.fixture(scope="module")
def models():
    """A trained model for each kind of target."""
    return {
        target: TableModel(
            target, hidden=(16, 16), epochs=60, ignore=[name for name in ("price", "size", "dear") if name != target]
        ).fit(homes())
        for target in ("price", "size", "dear")
    }


def at_means(model):
    """What the model's network says of a row whose every input is the mean of the training rows."""
    return model.network.predict(np.zeros((1, len(model.columns))))[0]


def scaler_of(model):
    return model.learnt.encoder.scaler


def through_the_clip(z):
    return z / np.sqrt(1 + (z / 5) ** 2)


def of_one_number(frame, hidden, theta):
    """A model of one column x whose single network takes the clipped number alone, with these parameters."""
    model = TableModel("y", hidden=hidden, members=1, epochs=1).fit(frame)
    theta = np.array(theta, dtype=float)
    units = hidden[0] if hidden else 1
    first = model.network.parameters["dense_1"]["weights"]
    first[...] = 0
    first[0] = theta[:units]
    rest = theta[units:]
    model.network.theta = np.concatenate([first.ravel(), rest])
    return model


def log_odds(probability):
    return np.log(probability / (1 - probability))


@pytest.mark.parametrize("row", [0, 7, 299])
@pytest.mark.parametrize("target", ["price", "size", "dear"])
def test_an_explanation_agrees_with_the_model(models, target, row):
    model, frame = models[target], homes()
    found = explain_row(model, frame, row)
    predicted = model.predict(frame).tolist()[row]
    assert found.values == list(frame[INPUTS].row(row))
    if target == "price":
        assert found.prediction == pytest.approx(predicted, rel=1e-12)
        assert found.probabilities == []
        summary = model.learnt.summary
        at_row, at_mean = model.predict(frame)[row], (summary["mean"] + summary["std"] * at_means(model))[0]
    else:
        assert found.prediction == predicted
        chances = model.predict_proba(frame)[row]
        assert [label for label, _ in found.probabilities] == list(model.classes_)
        np.testing.assert_allclose([chance for _, chance in found.probabilities], chances, rtol=1e-9)
        place = model.classes_.index(predicted)
        at_row, at_mean = (
            log_odds(chances[place]),
            log_odds(model.learnt.probabilities(at_means(model)[None])[0, place]),
        )
    # A positive part pushes towards the answer that is shown, whichever class that is.
    np.testing.assert_allclose([found.output_at_row, found.output_at_mean], [at_row, at_mean], rtol=1e-6, atol=1e-6)
    scale = model.learnt.summary["std"][0] if target == "price" else 1.0
    difference = found.output_at_row - found.output_at_mean
    assert abs(found.parts.sum() - difference) < 1e-6 * max(scale, abs(difference))
    assert found.completeness_error == pytest.approx(abs(found.parts.sum() - difference), abs=1e-9 * scale)
    scaler = scaler_of(model)
    z = (np.array(found.values, dtype=float) - scaler.mean) / scaler.std
    np.testing.assert_allclose(found.standardised, z, rtol=1e-12)
    np.testing.assert_array_equal(found.trace.x[0], found.standardised)


def test_both_answers_of_a_binary_target_are_explained_towards_themselves(models):
    model, frame = models["dear"], homes()
    answers = model.predict(frame)
    for row in (int(np.argmax(answers == "no")), int(np.argmax(answers == "yes"))):
        found = explain_row(model, frame, row)
        assert found.output_at_row > 0  # the log-odds of what was predicted
        area = found.parts[0]
        above = frame["area"][row] > scaler_of(model).mean[0]
        assert (area > 0) == (above == (found.prediction == "yes"))


def test_a_linear_model_is_explained_exactly():
    frame = homes().select(*INPUTS, "price")
    model = TableModel("price", hidden=(), members=1, epochs=30).fit(frame)
    found = explain_row(model, frame, 4)
    encoder, weights = model.learnt.encoder, model.network.parameters["dense_1"]["weights"][:, 0]
    encode = Network(3, encoder.layers(), seed=0)
    moved = (
        model.learnt.summary["std"][0]
        * weights
        * (encode.predict(found.standardised[None]) - encode.predict([[0] * 3]))[0]
    )
    # First come the three clipped numbers, then the bins of the first two.
    bins = [len(edges) - 1 for edges in encoder.edges]
    exact = moved[:3] + np.array([moved[3 : 3 + bins[0]].sum(), moved[3 + bins[0] :].sum(), 0])
    np.testing.assert_allclose(found.parts, exact, rtol=1e-6, atol=1e-3)


def test_a_column_that_is_left_out_has_no_part(models):
    for target in ("price", "size", "dear"):
        found = explain_row(models[target], homes().with_columns(floor=pl.lit(9)), 1)
        assert found.columns == ("area", "age", "garden")
        assert "floor" not in str(found)


# ---- categories, gaps and dates -------------------------------------------------------------------------------------


def mixed(rows=400, seed=0):
    generator = np.random.default_rng(seed)
    city = generator.choice(["Graz", "Linz", "Wien"], rows, p=[0.6, 0.3, 0.1])
    street = generator.choice([f"street {place}" for place in range(70)], rows)
    area, sold = generator.uniform(30, 150, rows), np.datetime64("2020-01-01") + generator.integers(0, 900, rows)
    worth = 3.0 * (city == "Linz") - 2.0 * (city == "Wien") + 0.01 * area + 0.001 * (sold.astype(int) - 18262)
    frame = pl.DataFrame({"city": city, "street": street, "area": area, "sold": sold, "worth": worth})
    gap = generator.random((rows, 3)) < 0.1
    return frame.with_columns(
        city=pl.when(pl.Series(gap[:, 0])).then(None).otherwise(pl.col("city")),
        area=pl.when(pl.Series(gap[:, 1])).then(None).otherwise(pl.col("area")),
        sold=pl.when(pl.Series(gap[:, 2])).then(None).otherwise(pl.col("sold")),
        dear=pl.Series(worth > 1.4),
        size=pl.Series(np.select([worth < 0, worth < 2], ["low", "middle"], "high")),
        visits=pl.Series(generator.poisson(np.exp(worth / 2))),
    )


TARGETS = {
    "worth": {}, "dear": {}, "size": {}, "visits": {"kind": "count"},
    "many": {"kind": "quantiles", "quantiles": (0.2, 0.5, 0.8)},
}  # fmt: skip


@pytest.fixture(scope="module", params=[1, pytest.param(3, marks=pytest.mark.slow)])
def of_mixed(request):
    frame, found = mixed().with_columns(many=pl.col("worth")), {}
    for target, settings in TARGETS.items():
        others = [name for name in (*TARGETS,) if name != target]
        found[target] = TableModel(
            target, ignore=others, members=request.param, hidden=(8,), epochs=30, **settings
        ).fit(frame)
    return found, frame


@pytest.mark.parametrize("target", TARGETS)
def test_every_kind_of_column_has_its_part_and_they_add_up(of_mixed, target):
    models, frame = of_mixed
    model = models[target]
    for row in (0, 1, 7, 30):
        found = explain_row(model, frame, row)
        assert found.columns == ("city", "street", "area", "sold")
        difference = found.output_at_row - found.output_at_mean
        scale = max(abs(difference), 1.0)
        assert abs(found.parts.sum() - difference) < 1e-5 * scale
        predicted = model.predict(frame)[row]
        if model.classes_:
            assert found.prediction == predicted
            chance = model.predict_proba(frame)[row, model.classes_.index(predicted)]
            assert found.output_at_row == pytest.approx(log_odds(chance), rel=1e-6, abs=1e-6)
        else:
            assert found.prediction == pytest.approx(predicted, rel=1e-12)
        json.dumps(found.to_dict(), allow_nan=False)
        assert found.numbers()


def test_a_category_that_decides_takes_the_push(of_mixed):
    models, frame = of_mixed
    city = frame["city"].to_list()
    for name, sign in (("Linz", 1), ("Wien", -1)):
        found = explain_row(models["worth"], frame, city.index(name))
        assert sign * found.parts[0] > 1
        assert abs(found.parts[0]) > 2 * np.abs(found.parts[1:]).max()
        assert f"'{name}'" in str(found)


def test_gaps_and_unseen_categories_are_told(of_mixed):
    models, frame = of_mixed
    odd = frame.head(1).with_columns(
        city=pl.lit("Paris"), area=pl.lit(None, dtype=float), sold=pl.lit(None, dtype=pl.Date)
    )
    found = explain_row(models["worth"], odd, 0)
    text = " ".join(str(found).split())
    assert "city is 'Paris', which was never met: it counts as none of the categories." in text
    assert "area has no value: the median, " in text
    assert "sold has no value" in text
    assert found.unusual == ("city",)
    assert found.values == ["Paris", odd["street"][0], None, None]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["dear", "size"])
def test_a_change_of_a_category_changes_the_answer(of_mixed, target):
    models, frame = of_mixed
    model, kinds = models[target], set()
    now = model.predict(frame)
    for row in range(0, 120, 6):
        change = explain_row(model, frame, row).change
        if change is None:
            continue
        assert change.column != "sold"
        assert change.before is not None
        kinds.add(change.column)
        changed = frame[row].with_columns(pl.lit(change.after).alias(change.column))
        assert model.predict(changed)[0] == change.prediction != now[row]
    assert "city" in kinds


# ---- the nearest other answer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", range(0, 300, 23))
@pytest.mark.parametrize("target", ["size", "dear"])
def test_the_nearest_change_changes_the_answer(models, target, row):
    model, frame = models[target], homes()
    change = explain_row(model, frame, row).change
    assert change is not None
    now = model.predict(frame)[row]

    def answer(value):
        changed = frame[row].with_columns(pl.lit(value).cast(frame[change.column].dtype).alias(change.column))
        return model.predict(changed)[0]

    assert answer(change.after) == change.prediction != now
    assert change.before == frame[change.column][row]
    place = model.columns.index(change.column)
    std = scaler_of(model).std[place]
    assert change.deviations == pytest.approx((float(change.after) - float(change.before)) / std)
    # No change of any column that is clearly smaller does the same.
    for column in ("area", "age", "garden"):
        scaler, place = scaler_of(model), model.columns.index(column)
        grid = {
            "age": np.arange(0, 60),
            "garden": np.array([0, 1]),
            "area": np.linspace(scaler.low[0], scaler.high[0], 2000),
        }
        values = grid[column]
        near = values[np.abs(values - float(frame[column][row])) < 0.97 * abs(change.deviations) * scaler.std[place]]
        tried = pl.concat([frame[row].select(INPUTS)] * len(near)) if len(near) else frame[:0].select(INPUTS)
        tried = tried.with_columns(pl.Series(column, near).cast(pl.Float64))
        assert (model.predict(tried) == now).all()


@pytest.mark.slow
def test_changes_keep_to_what_a_column_holds():
    generator = np.random.default_rng(1)
    for values, kind, good in (
        (generator.random(200) < 0.5, bool, (True, False)),
        (generator.integers(0, 2, 200), int, (0, 1)),
        (generator.integers(0, 2, 200).astype(float), float, (0.0, 1.0)),
        (generator.integers(1, 9, 200), int, range(-7, 17)),
        (generator.integers(0, 100_000, 200), int, range(0, 200_000)),
    ):
        middle = np.median(values) if values.max() > 1 else 0.5
        frame = pl.DataFrame({"x": values, "y": np.where(values > middle, "high", "low")})
        model = TableModel("y", hidden=(8,), members=1, epochs=60).fit(frame)
        for row in (0, 1, 2, 3, 4):
            change = explain_row(model, frame, row).change
            assert type(change.after) is kind
            assert change.after in good
            changed = frame[row].with_columns(pl.Series("x", [change.after]))
            assert model.predict(changed)[0] == change.prediction != model.predict(frame)[row]


def test_a_change_was_tried_as_it_is_told():
    # "b" is the answer in a narrow band only, which a value with few digits may leap over.
    frame = pl.DataFrame({"x": np.linspace(-1, 1, 60), "y": ["a", "b"] * 30})
    model = of_one_number(frame, (3,), np.ones(10))
    here = scaler_of(model).standardise(np.array([[frame["x"][40]]]))[0, 0]
    for start in np.linspace(0.0031, 0.0049, 20):
        low, high = through_the_clip(here + start), through_the_clip(here + start + 0.0008)
        model.network.theta[-7:] = [-low, -(low + high) / 2, -high, 1e4, -2e4, 1e4, -1e-3]
        change = explain_row(model, frame, 40).change
        assert model.predict(frame)[40] == "a"
        assert model.predict(pl.DataFrame({"x": [change.after]}))[0] == change.prediction == "b"


def test_what_is_0_or_1_is_nothing_else():
    frame = pl.DataFrame({"x": [0, 1] * 30, "y": ["a", "b"] * 30})
    model = of_one_number(frame, (), [1.0, -2.5])  # 3 would give the other answer, were there any
    assert explain_row(model, frame, 1).change is None


@pytest.mark.slow
def test_a_value_has_no_more_digits_than_it_needs(models):
    frame = homes()
    for row in range(0, 60, 7):
        change = explain_row(models["size"], frame, row).change
        if change.column == "area":
            assert len(repr(change.after).rstrip("0").partition(".")[2]) <= 3


def test_no_nearest_change_of_a_number_or_where_nothing_changes_the_answer(models):
    assert explain_row(models["price"], homes(), 0).change is None
    frame = pl.DataFrame({"x": [0.0, 1.0] * 30, "y": ["a"] * 59 + ["b"]})
    model = of_one_number(frame, (), [0.0, -5.0])
    found = explain_row(model, frame, 0)
    assert found.change is None
    assert "No change of a single column" in str(found)


def test_a_change_outside_the_range_says_so(models):
    frame = pl.DataFrame({"x": np.linspace(-1, 1, 60), "y": ["a", "b"] * 30})
    model = of_one_number(frame, (), [1.0, -2.0])
    found = explain_row(model, frame, 59)
    assert found.change.after > 1
    assert "That lies outside what was learnt from (-1 to 1)." in str(found).replace("\n", " ")


def test_no_negative_value_where_there_never_was_one():
    frame = pl.DataFrame({"x": np.linspace(0, 1, 60), "y": ["a", "b"] * 30})
    model = of_one_number(frame, (), [-1.0, -2.0])
    assert explain_row(model, frame, 0).change is None


# ---- text and JSON --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["price", "size", "dear"])
def test_the_text(models, target):
    frame = homes()
    for row in (0, 5):
        found = explain_row(models[target], frame, row, source="homes.csv")
        text = str(found)
        assert all(len(line) <= 100 for line in text.splitlines())
        assert text.startswith(f"Row {row + 1} of homes.csv: {target} is predicted to be ")
        pushes = dict(re.findall(r"^  (\w+) +[\w.,-]+ +[\w.,-]+(?:, \d+ %)? +([+-][\d,.]+)", text, re.MULTILINE))
        assert set(pushes) == set(INPUTS)
        total = sum(float(push.replace(",", "")) for push in pushes.values())
        assert total == pytest.approx(found.parts.sum(), abs=2e-3 * np.abs(found.parts).max())
        # The largest comes first, and bars point to the side of their sign.
        assert max(pushes, key=lambda name: abs(float(pushes[name].replace(",", "")))) == next(iter(pushes))
        for line in text.splitlines():
            if "│" in line:
                left, right = line.split("│")
                assert not ("█" in left and "+" in left) and not ("█" in right and "-" in left.split("  ")[-1])
        assert "completeness error" in text
        if target != "price":
            assert f"the answer would be {found.change.prediction!r}" in text.replace("\n", " ")


def test_wide_tables_are_cut_short():
    generator = np.random.default_rng(0)
    X = generator.standard_normal((80, 57))
    frame = pl.DataFrame({f"column number {i} with a very long name": X[:, i] for i in range(57)}).with_columns(
        y=X[:, 0]
    )
    found = explain_row(TableModel("y", hidden=(8,), epochs=5).fit(frame), frame, 0)
    text = str(found)
    (rest,) = re.findall(r"47 others, together +([+-][\d.]+)", text)
    order = np.argsort(-np.abs(found.parts))
    assert float(rest) == pytest.approx(found.parts[order[10:]].sum(), abs=1e-3)
    assert len(re.findall("^  column number", text, re.MULTILINE)) == 10
    assert max(map(len, text.splitlines())) <= 100
    assert len(found.to_dict()["columns"]) == 57
    assert found.numbers().count(" - mean) / std") == 10
    assert "So do the 47 columns that moved the prediction less." in found.numbers()


@pytest.mark.parametrize("target", ["price", "size", "dear"])
def test_json_holds_the_same(models, target):
    found = explain_row(models[target], homes(), 3)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (plain["row"], plain["target"], plain["kind"]) == (4, target, models[target].kind)
    assert plain["prediction"] == found.prediction
    assert [each["push"] for each in plain["columns"]] == found.parts.tolist()
    assert [each["value"] for each in plain["columns"]] == found.values
    assert sum(each["push"] for each in plain["columns"]) == pytest.approx(
        plain["output_at_row"] - plain["output_at_baseline"], rel=1e-5
    )
    assert (plain["nearest_change"] is None) == (target == "price")


@pytest.mark.parametrize("target", ["price", "size", "dear"])
def test_every_number_from_the_row_to_the_prediction_can_be_worked_out_again(models, target):
    found = explain_row(models[target], homes(), 3)
    text = found.numbers()
    assert check_text(text) >= len(INPUTS) + 1
    assert "! " not in text
    assert f"area scaled = (area - mean) / std = ({figure(homes()['area'][3], 5)} - " in text
    last = text.splitlines()[-1]
    assert float(re.search(r"= (\S+)$", last)[1]) == pytest.approx(
        found.prediction if target == "price" else max(chance for _, chance in found.probabilities), rel=1e-3
    )
    assert "<math" in found.html()
    assert html.escape(str(found)) in found.html()
    shown = [equation["shown"] for step in found.to_dict()["steps"] for equation in step["equations"]]
    assert last.endswith(f"= {shown[-1]}")


def test_targets_of_every_type():
    x = np.arange(60.0)
    for target, kind in (
        (pl.Series((x > 30).tolist()), bool),
        (pl.Series((x > 30).astype(int) + 4), int),
        (pl.Series([0.5 if value > 30 else 2.5 for value in x]), float),
        (pl.Series((x // 20).astype(int)), int),
    ):
        frame = pl.DataFrame({"x": x, "y": target})
        model = TableModel("y", hidden=(8,), epochs=20, kind="multiclass" if target.n_unique() > 2 else None).fit(frame)
        found = explain_row(model, frame, 10)
        assert type(found.prediction) is kind
        json.dumps(found.to_dict(), allow_nan=False)
        assert repr(found.prediction) in str(found)


def test_other_data_frames_give_the_same(models):
    pandas, found = pytest.importorskip("pandas"), explain_row(models["size"], homes(), 8)
    frame = pandas.DataFrame(homes().to_dict(as_series=False))
    other = explain_row(models["size"], frame, 8)
    assert other.to_dict() == found.to_dict()
    assert str(other) == str(found)


def test_the_model_stays_as_it_is(models):
    for model in models.values():
        before = model.network.theta.copy()
        str(explain_row(model, homes(), 0))
        np.testing.assert_array_equal(model.network.theta, before)


def test_values_far_away(models):
    frame = homes().with_columns(area=pl.Series([1e6, *homes()["area"][1:]]))
    found = explain_row(models["size"], frame, 0)
    assert found.unusual == ("area",)
    assert "area is 1,000,000, far outside what was learnt from" in str(found)
    assert explain_row(models["size"], frame, 1).unusual == ()
    for area in (1e200, -1e300):
        found = explain_row(models["size"], frame.with_columns(area=pl.lit(area)), 2)
        json.dumps(found.to_dict(), allow_nan=False)
        assert max(map(len, str(found).splitlines())) <= 100


def test_figures():
    assert [figure(value) for value in (0.0, 3, -2.5, 99999.6, 0.00012345678, 1e20, -1e-7, 12.0)] == [
        "0", "3", "-2.5", "100,000", "0.00012346", "1e+20", "-1e-07", "12"
    ]  # fmt: skip


# ---- what cannot be done --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [-1, 300, 1.0, True, "3", None])
def test_no_such_row(models, row):
    with pytest.raises(ValueError, match="row must be a whole number from 0 to 299, found"):
        explain_row(models["price"], homes(), row)


def test_other_bad_arguments(models):
    with pytest.raises(TypeError, match="explain_row explains a TableModel, found a Network"):
        explain_row(models["price"].network, homes(), 0)
    with pytest.raises(ValueError, match="has not been trained"):
        explain_row(TableModel("price"), homes(), 0)
    with pytest.raises(TypeError, match="a table must be"):
        explain_row(models["price"], {"area": [1.0]}, 0)
    with pytest.raises(TableError, match="no column 'area'"):
        explain_row(models["price"], homes().rename({"area": "arena"}), 0)
    old = homes().with_columns(age=pl.Series(["1"] * 5 + ["old"] + ["2"] * 294))
    with pytest.raises(TableError, match="column 'age', row 6: 'old' is not a number"):
        explain_row(models["price"], old, 5)
    assert explain_row(models["price"], old, 4).values[1] == "1"


def test_a_value_too_far_for_any_arithmetic():
    frame = pl.DataFrame({"x": [1e-300, 2e-300] * 20, "y": ["a", "b"] * 20})
    model = TableModel("y", epochs=2).fit(frame)
    with pytest.raises(TableError, match="column 'x', row 2: 1e[+]300 is too far from the values learnt from"):
        explain_row(model, frame.with_columns(x=pl.Series([1e-300, 1e300] + [1e-300] * 38)), 1)
    assert explain_row(model, frame, 0).completeness_error < 1e-6


def test_numbers_that_are_written_as_texts():
    generator = np.random.default_rng(5)
    rent = generator.uniform(300, 2000, 200).round(2)
    texts = [f"{value:,.2f} €".translate(str.maketrans(",.", ".,")) for value in rent]
    frame = pl.DataFrame({"rent": texts, "dear": rent > 1000})
    found = explain_row(TableModel("dear", hidden=(8,), epochs=60).fit(frame), frame, 0)
    assert found.values == [texts[0]]
    assert found.change.before == texts[0]
    assert isinstance(found.change.after, float)
    assert abs(found.change.after - 1000) < 150
    assert f"instead of '{texts[0]}'" in " ".join(str(found).split())
