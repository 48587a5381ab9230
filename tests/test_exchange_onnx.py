"""ONNX files: what ONNX Runtime computes from them is what the model predicts."""

import datetime as dt
import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import pellucid
from judges import judge
from pellucid import (
    GELU,
    SELU,
    AlphaDropout,
    AveragePool2D,
    BatchNorm,
    Chain,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    MeanOfMembers,
    Mish,
    Network,
    OneHot,
    Parallel,
    PiecewiseLinear,
    PReLU,
    ReLU,
    Reshape,
    Residual,
    RMSNorm,
    Select,
    SoftClip,
    Softmax,
    TableModel,
    Tanh,
    export_onnx,
)
from pellucid.exchange.onnx.export import IR_VERSION, OPSET, onnx_model
from pellucid.exchange.onnx.layers import TRANSLATIONS
from pellucid.layers import LAYERS
from table import LAYER_EXAMPLES, scatter

onnx = judge("onnx")
onnxruntime = judge("onnxruntime")

LARGEST = 1e-5  # between ONNX Runtime and us, relative to max(1, largest)


def session(model):
    """Return ONNX Runtime's session for a model that never saw a disk."""
    return onnxruntime.InferenceSession(onnx_model(model).SerializeToString(), providers=["CPUExecutionProvider"])


def outputs(model, X):
    """Return what ONNX Runtime puts out, by name."""
    running = session(model)
    return dict(zip([one.name for one in running.get_outputs()], running.run(None, {"x": X}), strict=True))


def assert_close(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max(initial=0) <= LARGEST * max(1.0, np.abs(expected).max(initial=0))


# Networks


def test_every_layer_has_a_translation():
    assert set(TRANSLATIONS) == set(LAYERS.values())


@pytest.mark.parametrize("example", LAYER_EXAMPLES, ids=str)
@pytest.mark.parametrize("records", [1, 5, 64])
def test_onnx_runtime_computes_what_each_layer_predicts(example, records):
    network = example.network()
    network.set_state([{n: moved(v) for n, v in named.items()} for named in network.state])
    X = example.x(records=records)
    assert_close(outputs(network, X)["output"], network.predict(X))


def moved(statistic):
    """Return running statistics as a training might leave them: none of them 0 or 1, all positive."""
    return statistic + np.random.default_rng(2).uniform(0.1, 0.9, statistic.shape)


NETWORKS = {
    "deep": [layer for _ in range(6) for layer in (Dense(16), Tanh())] + [Dense(3)],
    "wide": [Dense(256), ReLU(), Dense(128), LeakyReLU(0.2), Dense(4), Softmax()],
    "kinds": [Dense(8), GELU(), Dense(8), SELU(), Dense(8), Mish(), Dense(2)],
    "blocks": [
        Dense(6),
        Residual([Dense(6), Tanh(), Residual([Dense(6), ReLU()])]),
        Parallel([Dense(3), Chain([Dense(2), ReLU(), Dense(2)]), [Tanh(), Dense(1)]]),
        Residual([Chain([Dense(6), Tanh()])]),
        Dense(2),
    ],
    "no parameters": [Tanh(), Tanh()],
    "normalised": [
        Dense(8),
        BatchNorm(),
        PReLU(),
        Dropout(0.5),
        LayerNorm(),
        Dense(8),
        AlphaDropout(0.5),
        GaussianNoise(3.0),
        RMSNorm(),
        BatchNorm(scale=False, shift=False, epsilon=1e-3),
        PReLU(shared=True),
        LayerNorm(scale=False, shift=False),
        RMSNorm(scale=False, epsilon=0.1),
        BatchNorm(scale=False),
        LayerNorm(shift=False),
        Dense(1),
    ],
    "columns": [
        Select([4, 0, 0, 3, 1]),
        Parallel([Select([2, 2]), [Residual([BatchNorm(), Dense(5)]), Select([1])]]),
        Reshape((3, 1)),
        Flatten(),
        Dense(2),
    ],
}
SHAPES = {
    "pictures": (9, 7, 2),
    "residual pictures": (6, 6, 3),
    "categories": (4,),
    "encoded": (4,),
    "members": (5,),
}
NETWORKS |= {
    "pictures": [
        Conv2D(4, 3, padding="same"),
        BatchNorm(),
        PReLU(),
        MaxPool2D(3, stride=2, padding="same"),
        Conv2D(6, (2, 3), stride=(1, 2), padding=1, groups=2, bias=False),
        LayerNorm(),
        AveragePool2D(2, padding="same"),
        Flatten(),
        Dense(3),
    ],
    "residual pictures": [
        Residual([Conv2D(3, 3, padding="same"), ReLU(), Conv2D(3, 3, padding="same")]),
        Parallel([AveragePool2D(), [Conv2D(2, 2, stride=2), Tanh()], MaxPool2D()]),
        Reshape((3, -1)),
        RMSNorm(),
        Flatten(),
        Dense(1),
    ],
    "categories": [
        Parallel([[Select([0, 1]), Tanh()], [Select([2, 3]), Embedding(7, 3), LayerNorm(), Flatten()]]),
        Dense(2),
    ],
    "encoded": [
        Parallel(
            [
                [Select([0, 1]), SoftClip(2.0)],
                [Select([1, 0]), PiecewiseLinear([[-1.0, 0.0, 0.25], [-3.0, 3.0]], [[0.5, 0.25], [0.5]], 0.4)],
                [Select([2, 3, 2]), OneHot((4, 7, 1))],
            ]
        ),
        PiecewiseLinear([[-0.5, 0.5]] * 17),
        Parallel([Dense(3), [Dense(4), ReLU(), Dense(3)]]),
        MeanOfMembers(2, "probabilities", temperature=1.7),
    ],
    "members": [
        Parallel([Dense(3), Dense(3), Dense(3)]),
        Parallel([MeanOfMembers(3), MeanOfMembers(9, "probabilities"), MeanOfMembers(1, "probabilities", 0.3)]),
    ],
}


def some_records(name, records, generator):
    X = 3 * generator.standard_normal((records, *SHAPES.get(name, (5,))))
    if name in ("categories", "encoded"):
        X[:, 2:] = generator.integers(0, 7, (records, 2))
    return X


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_whole_networks(name, dtype):
    network = Network(SHAPES.get(name, 5), NETWORKS[name], seed=3, dtype=dtype)
    network.theta = network.theta + 0.1 * scatter(network.copy()).theta  # as a network might be; nothing is 0 or 1
    network.set_state([{n: moved(v).astype(dtype) for n, v in named.items()} for named in network.state])
    generator = np.random.default_rng(0)
    running = session(network)
    for records in (1, 2, 300):  # one session: the batch is whatever it is given
        X = some_records(name, records, generator)
        assert_close(running.run(["output"], {"x": X})[0], network.predict(X))


def test_every_layer_is_in_a_network_above():
    met = {type(one) for layers in NETWORKS.values() for layer in layers for one in layer.everything()}
    alone = {type(example.layer) for example in LAYER_EXAMPLES}
    assert met | alone >= set(LAYERS.values())


def test_statistics_of_a_training_travel():
    generator = np.random.default_rng(0)
    X = 5 + 100 * generator.standard_normal((200, 3))
    network = Network(3, [BatchNorm(), Dense(4), BatchNorm(), Tanh(), Dropout(0.2), Dense(1)], seed=0)
    network.fit(X, X[:, 0] / 100, loss="squared_error", epochs=5)
    assert_close(outputs(network, X)["output"], network.predict(X))


def test_a_normalisation_keeps_the_digits_of_values_far_from_0():
    network = Network(1, [BatchNorm()], seed=0)
    network.set_state([{"mean": np.array([4096.0]), "variance": np.array([1e-4])}])
    X = 4096 + np.arange(-8, 9)[:, None] / 256.0  # exact in float32
    assert_close(outputs(network, X)["output"], network.predict(X))


def test_the_file_says_what_it_is(tmp_path):
    network = Network(2, [Dense(3), Residual([Dense(3)]), Dense(1)], seed=0)
    export_onnx(network, tmp_path / "network.onnx")
    found = onnx.load(tmp_path / "network.onnx")
    onnx.checker.check_model(found, full_check=True)
    assert [(one.domain, one.version) for one in found.opset_import] == [("", OPSET)] == [("", 17)]
    assert (found.ir_version, found.producer_name, found.producer_version) == (
        IR_VERSION,
        "pellucid",
        pellucid.__version__,
    )
    assert [axis.dim_param or axis.dim_value for axis in found.graph.input[0].type.tensor_type.shape.dim] == [
        "batch",
        2,
    ]
    assert found.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.DOUBLE
    assert [axis.dim_param or axis.dim_value for axis in found.graph.output[0].type.tensor_type.shape.dim] == [
        "batch",
        1,
    ]
    names = {one.name for one in found.graph.initializer}
    assert {"dense_1/weights", "residual_1/dense_1/bias", "dense_2/weights"} <= names


@pytest.mark.parametrize(
    ("loss", "units", "name"),
    [
        ("binary_cross_entropy_from_logits", 1, "probabilities"),
        ("binary_cross_entropy_from_logits", 3, "probabilities"),
        ("cross_entropy_from_logits", 3, "probabilities"),
        ("poisson", 1, "mean"),
    ],
)
def test_a_trained_network_puts_out_what_its_loss_means(loss, units, name):
    generator = np.random.default_rng(0)
    X = generator.standard_normal((40, 2))
    y = generator.integers(0, 2, (40, units) if units > 1 and loss.startswith("binary") else 40)
    network = Network(2, [Dense(5), Tanh(), Dense(units)], seed=0)
    network.fit(X, y, loss=loss, epochs=3)
    found = outputs(network, X)
    assert list(found) == ["output", name]
    assert_close(found["output"], network.predict(X))
    assert_close(found[name], network.predict_proba(X))


def test_a_loss_without_a_link_adds_no_output():
    network = Network(1, [Dense(1)], seed=0)
    network.fit([[0.0], [1.0]], [0.0, 1.0], loss="squared_error", epochs=1)
    assert list(outputs(network, np.zeros((1, 1)))) == ["output"]


def test_large_logits_stay_finite():
    network = Network(1, [Dense(3)], seed=0)
    network.fit([[0.0], [1.0], [2.0]], [0, 1, 2], loss="cross_entropy_from_logits", epochs=1)
    network.theta = [500.0, -500.0, 0.0, 0.0, 0.0, 0.0]
    assert_close(outputs(network, np.array([[-2.0], [2.0]]))["probabilities"], np.eye(3)[[1, 0]])


# Tables


def frame_of(name):
    data = getattr(judge("sklearn.datasets"), f"load_{name}")()
    return pl.DataFrame(dict(zip(data.feature_names, data.data.T, strict=True))), data


def feeds(running, frame):
    """Return the rows of a table as a session takes them."""
    columns = json.loads(running.get_modelmeta().custom_metadata_map["columns"])
    if [one.shape[1] for one in running.get_inputs()] == [len(columns)] and running.get_inputs()[0].name == "x":
        return {"x": np.column_stack([doubles(frame[name]) for name in columns])}
    found = {}
    for name, one in zip(columns, running.get_inputs(), strict=True):
        series = frame[name]
        if one.type == "tensor(string)":
            values = series.fill_null("").to_numpy().astype(object)
        elif one.type == "tensor(int64)":
            values = series.cast(pl.Datetime("us")).dt.epoch("s").fill_null(-(2**63)).to_numpy()
        else:
            values = doubles(series)
        found[one.name] = values[:, None]
    return found


def doubles(series):
    return series.cast(pl.Float64).fill_null(np.nan).to_numpy()


def table_outputs(model, frame, running=None):
    running = session(model) if running is None else running
    found = running.run(None, feeds(running, frame))
    return dict(zip([one.name for one in running.get_outputs()], found, strict=True))


def assert_table_agrees(model, frame):
    running = session(model)
    for rows in (1, 2, len(frame)):
        found, some = table_outputs(model, frame[:rows], running), frame[:rows]
        if model.classes_:
            assert list(found) == ["label", "probabilities"]
            assert found["label"].tolist() == model.predict(some).tolist()
            assert_close(found["probabilities"], model.predict_proba(some))
            continue
        assert list(found) == ["prediction", "quantiles"][: 1 + (model.kind == "quantiles")]
        assert found["prediction"].dtype == np.float64
        assert_close(found["prediction"], model.predict(some))
        if model.kind == "quantiles":
            assert_close(found["quantiles"], model.predict_quantiles(some))


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
@pytest.mark.parametrize("type_", [str, int])
def test_real_tables(name, type_):
    frame, data = frame_of(name)
    if name == "diabetes":
        y = data.target.astype(np.int64) if type_ is int else data.target
        kind = "numeric"
    else:
        y, kind = (data.target if type_ is int else data.target_names[data.target].astype(object)), None
    frame = frame.with_columns(pl.Series("the target", y.tolist()))
    model = TableModel("the target", kind=kind, hidden=(32, 16), epochs=30).fit(frame)
    assert_table_agrees(model, frame)


@pytest.mark.parametrize(
    ("classes", "type_"),
    [
        ((False, True), np.bool_),
        ((-1, 7), np.int64),
        ((2**63, 2**63 + 5), np.uint64),
        ((0.25, 4.5), np.float64),
        (("nein", "jäh"), object),
        (("a", "ß", "猫"), object),
    ],
)
def test_labels_come_in_the_targets_own_type(classes, type_):
    generator = np.random.default_rng(0)
    codes = generator.integers(0, len(classes), 200)
    kind = pl.UInt64 if type_ is np.uint64 else None
    frame = pl.DataFrame({"a": codes + 0.4 * generator.standard_normal(200), "b": generator.standard_normal(200)})
    frame = frame.with_columns(pl.Series("y", [classes[code] for code in codes], dtype=kind))
    model = TableModel("y", hidden=(8,), epochs=20).fit(frame)
    found = table_outputs(model, frame)["label"]
    assert found.dtype == type_
    assert len(set(found.tolist())) == len(classes)
    assert_table_agrees(model, frame)


def offset_table(rows=300):
    generator = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "moment": 1.7e9 + 10 * generator.standard_normal(rows),  # seconds: float32 knows them to 128 only
            "tiny": 1e-30 * generator.standard_normal(rows),
            "huge": 1e200 * generator.standard_normal(rows),
            "flag": generator.integers(0, 2, rows).astype(bool),
        }
    ).with_columns(y=(pl.col("moment") - 1.7e9) + 5 * pl.col("flag"))


def test_columns_far_from_0_are_standardised_before_they_lose_their_digits():
    frame = offset_table()
    model = TableModel("y", hidden=(16,), epochs=60).fit(frame)
    assert_table_agrees(model, frame)
    X = frame.select(model.columns).to_numpy().astype(np.float64)
    with np.errstate(over="ignore"):
        rounded = X.astype(np.float32).astype(np.float64)
    moment = rounded[:, 0]
    lossy = frame.with_columns(moment=moment)
    # What casting before standardising would give: this is what the doubles save.
    assert np.abs(model.predict(lossy) - model.predict(frame)).max() > 1


def test_targets_far_from_0_come_back_in_their_units():
    frame = offset_table().with_columns(y=1e12 + 1e5 * pl.col("y"))
    model = TableModel("y", hidden=(16,), epochs=60).fit(frame)
    assert_table_agrees(model, frame)
    found = table_outputs(model, frame)["prediction"]
    # Far better than relative to the largest: relative to how the target spreads.
    assert np.abs(found - model.predict(frame)).max() < LARGEST * frame["y"].std()


def test_the_metadata_tell_the_columns_in_their_order():
    frame = pl.DataFrame({"größe": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 1.0, 0.0, 0.0], "y": ["S", "S", "L", "L"]})
    model = TableModel("y", epochs=2).fit(frame)
    found = session(model).get_modelmeta().custom_metadata_map
    assert json.loads(found["columns"]) == ["größe", "b"] == list(model.columns)
    assert json.loads(found["kinds"]) == ["number", "yes/no"]
    assert (found["inputs"], found["threshold"], float(found["temperature"])) == ('["x"]', "0.5", 1.0)
    assert (found["target"], found["kind"], json.loads(found["classes"])) == ("y", "binary", ["L", "S"])


TARGETS = ("binary", "multiclass", "numeric", "count", "quantiles")
KINDS = {"size": ["S", "M", "L"], "grade": [0.5, 1.0, 2.5], "post": "category"}


def everything(rows=300, seed=0):
    """Return a table with columns of every kind, gaps in each."""
    generator = np.random.default_rng(seed)
    day, second = dt.date(1884, 2, 1), dt.datetime(1959, 12, 31, 23, 59, 59)
    frame = pl.DataFrame(
        {
            "area": generator.lognormal(4, 1, rows),
            "new": generator.integers(0, 2, rows).astype(bool),
            "city": generator.choice(["Graz", "Linz", "Wien", "ß 猫"], rows),
            "shop": [f"shop {number}" for number in generator.integers(0, 60, rows)],
            "built": [day + dt.timedelta(days=int(days)) for days in generator.integers(0, 60_000, rows)],
            "seen": [second + dt.timedelta(seconds=int(some)) for some in generator.integers(0, 2_000_000_000, rows)],
            "flag": generator.integers(0, 2, rows),
            "pool": generator.choice(["yes", "no"], rows),
            "size": generator.choice(["S", "M", "L"], rows),
            "grade": generator.choice([0.5, 1.0, 2.5], rows),
            "post": generator.integers(4000, 4060, rows),
        }
    )
    says = np.log(frame["area"].to_numpy()) + 2 * (frame["city"] == "Graz").to_numpy() + frame["new"].to_numpy()
    present = [pl.Series(generator.random(rows) > 0.1) for _ in frame.columns]
    gaps = [pl.when(own).then(name).alias(name) for name, own in zip(frame.columns, present, strict=True)]
    return frame.select(gaps).with_columns(y=says + 0.3 * generator.standard_normal(rows))


def as_target(kind, y):
    """Return numbers as a target of a kind."""
    if kind == "binary":
        return y > 5.5
    if kind == "multiclass":
        return pl.Series([f"up to {number:.0f}" for number in y.clip(4, 7)])
    return y.clip(0).round().cast(pl.Int64) if kind == "count" else 1e4 * y


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("members", [1, 4])
def test_a_table_with_every_kind_of_column(kind, members):
    frame = everything()
    model = TableModel("y", kind=kind, kinds=KINDS, members=members, hidden=(16,), epochs=10)
    model.fit(frame.with_columns(as_target(kind, frame["y"]).alias("y")))
    assert model.columns == tuple(frame.columns[:-1])
    unseen = {"city": "Rom", "shop": "a new one", "post": 1, "area": 1e30, "flag": 2}
    unseen |= {"pool": "maybe", "size": "XXL", "grade": 0.75}
    new = everything(seed=1)
    chosen = pl.Series(np.random.default_rng(2).random(len(new)) < 0.3)
    new = new.with_columns(
        pl.when(chosen).then(pl.lit(value)).otherwise(name).alias(name) for name, value in unseen.items()
    )
    assert_table_agrees(model, new)
    nothing = new.with_columns(pl.lit(None, dtype=new[name].dtype).alias(name) for name in model.columns)
    assert_table_agrees(model, nothing)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(
    "kept", [["city"], ["shop"], ["shop", "post"], ["built"], ["area"], ["new", "flag"], ["area", "shop"]]
)
def test_tables_of_few_kinds(kept, members):
    frame = everything()
    kinds = {name: kind for name, kind in KINDS.items() if name in kept}
    model = TableModel("y", kinds=kinds, members=members, hidden=(8,), epochs=3).fit(frame.select(*kept, "y"))
    assert_table_agrees(model, everything(seed=1))


def test_a_table_of_numbers_and_booleans_is_one_matrix_with_nan_in_gaps():
    frame = everything().select("flag", "area", "new", y=pl.col("y") > 5.5)
    model = TableModel("y", hidden=(8,), epochs=5).fit(frame)
    running = session(model)
    assert [(one.name, one.type, one.shape) for one in running.get_inputs()] == [("x", "tensor(double)", ["batch", 3])]
    assert np.isnan(feeds(running, frame)["x"]).any()
    assert_table_agrees(model, frame)


def test_other_tables_have_an_input_a_column():
    frame = everything().select(
        "area", "new", "city", "built", "pool", "grade", "y", label=pl.format("{} €", pl.col("y").round(2))
    )
    model = TableModel("y", kinds={"grade": KINDS["grade"]}, hidden=(8,), epochs=2).fit(frame)
    running = session(model)
    assert {one.name: one.type for one in running.get_inputs()} == {
        "area": "tensor(double)",
        "new": "tensor(double)",
        "city": "tensor(string)",
        "built": "tensor(int64)",
        "pool": "tensor(string)",
        "grade": "tensor(double)",
        "label_2": "tensor(double)",  # numbers as texts are the caller's to read; an output has the name
    }
    assert all(one.shape == ["batch", 1] for one in running.get_inputs())
    facts = running.get_modelmeta().custom_metadata_map
    assert json.loads(facts["inputs"]) == [one.name for one in running.get_inputs()]
    assert json.loads(facts["kinds"]) == ["number", "yes/no", "category", "date", "yes/no", "ordered", "number"]


@pytest.mark.slow
def test_the_calendar_is_worked_out_day_by_day():
    days = pl.date_range(dt.date(1582, 10, 15), dt.date(2420, 3, 1), eager=True)
    moments = days.cast(pl.Datetime("us")) + pl.duration(seconds=86_399)
    generator = np.random.default_rng(0)
    frame = pl.DataFrame({"day": days, "moment": pl.select(moments).to_series().shuffle(seed=0)})
    some = frame.sample(500, seed=0).with_columns(y=pl.Series(generator.choice(["a", "b", "c"], 500)))
    model = TableModel("y", members=1, hidden=(), epochs=1).fit(some)
    network = model.network
    network.theta = generator.standard_normal(network.theta.shape)
    assert_table_agrees(model, frame)
    # Had a month, a weekday or a day of the month been another, that would have shown.
    assert np.ptp(model.predict_proba(frame[:7]), axis=0).max() > 1e-3


@pytest.mark.parametrize("threshold", [0.03, 0.9, "f1"])
def test_the_label_keeps_to_the_threshold(threshold):
    frame = everything().select("area", "city", y=pl.col("y") > 5.5)
    model = TableModel("y", hidden=(8,), epochs=5, threshold=threshold).fit(frame)
    assert (model.predict(frame) != (model.predict_proba(frame)[:, 1] > 0.5)).any()
    assert_table_agrees(model, frame)
    assert float(session(model).get_modelmeta().custom_metadata_map["threshold"]) == model.learnt.threshold


def test_a_prediction_stays_in_the_range_that_was_learnt():
    frame = pl.DataFrame({"x": np.arange(100.0), "y": 3 * np.arange(100)})
    for kind, most in {"numeric": 297.0, "count": 2970.0}.items():
        model = TableModel("y", kind=kind, members=2).fit(frame)
        model.network.theta = 100 * model.network.theta
        found = table_outputs(model, frame)["prediction"]
        assert (found.min(), found.max()) == (0.0, most)
        assert_table_agrees(model, frame)


def test_narrow_bins_lose_nothing():
    generator = np.random.default_rng(0)
    crowd = generator.standard_normal(400)
    frame = pl.DataFrame({"x": np.append(crowd, 3e5), "y": np.append(np.sign(crowd), 0.0)})
    model = TableModel("y", kind="numeric").fit(frame)
    edges = model.learnt.encoder.edges[0]
    assert np.diff(edges).min() < 1e-4  # in float32 such a bin is a few hundred steps at best
    assert_table_agrees(model, frame)


def test_a_column_may_be_called_anything():
    names = ["prediction", "x", "a/b", "größe", " ", "standardise/mean", "Cast"]
    generator = np.random.default_rng(0)
    frame = pl.DataFrame({name: generator.choice(["one", "two", "three"], 100) for name in names})
    model = TableModel("y", hidden=(4,), epochs=2).fit(frame.with_columns(y=pl.Series(generator.standard_normal(100))))
    assert [one.name for one in session(model).get_inputs()] == ["prediction_2", *names[1:]]
    assert_table_agrees(model, frame)


def test_scikit_learns_faces_export_their_model():
    estimators = judge("pellucid.tables.estimators")
    frame = everything().select("area", "city", "y")
    X, y = frame.select("area", "city"), (frame["y"] > 5.5).to_numpy()
    classifier = estimators.TabularClassifier(max_iter=3, random_state=0)
    with pytest.raises(TypeError, match="a fitted TabularClassifier or TabularRegressor, found a TabularClassifier"):
        onnx_model(classifier)
    found = table_outputs(classifier.fit(X, y), X)
    assert found["label"].tolist() == classifier.predict(X).tolist()
    assert_close(found["probabilities"], classifier.predict_proba(X))
    regressor = estimators.TabularRegressor("quantile", max_iter=3, random_state=0).fit(X, frame["y"].to_numpy())
    found = table_outputs(regressor, X)
    assert_close(found["prediction"], regressor.predict(X))
    assert_close(found["quantiles"], regressor.predict_quantiles(X))


def test_a_model_from_a_file_exports_the_same_bytes(tmp_path):
    frame, _ = frame_of("iris")
    frame = frame.with_columns(y=pl.Series(["a", "b", "c"] * 50))
    model = TableModel("y", epochs=2).fit(frame)
    model.save(tmp_path / "model.pellucid")
    again = pellucid.load(tmp_path / "model.pellucid")
    assert onnx_model(again).SerializeToString() == onnx_model(model).SerializeToString()


def test_a_table_model_of_version_0_1_has_no_encoding_and_exports_all_the_same():
    model = pellucid.load(Path(__file__).parent / "data" / "model-v1-table.pellucid")
    generator = np.random.default_rng(0)
    assert_table_agrees(model, pl.DataFrame({name: 10 * generator.standard_normal(50) for name in model.columns}))


# What cannot be done


@dataclass(frozen=True)
class Square(Layer):
    def forward(self, parameters, x, context):
        return x * x, {"x": x}

    def backward(self, parameters, cache, dy):
        return 2 * cache["x"] * dy, {}


@pytest.mark.parametrize("layers", [[Dense(2), Square()], [Dense(2), Residual([Tanh(), Square()])]])
def test_a_layer_of_ones_own_is_named(layers, tmp_path):
    with pytest.raises(TypeError, match=r"square_1 is a Square, which is not one of Pellucid's own"):
        export_onnx(Network(2, layers, seed=0), tmp_path / "no.onnx")
    assert list(tmp_path.iterdir()) == []


def test_several_members_are_refused_with_the_way_to_one(tmp_path):
    from pellucid.insight.member import single

    three = Network(2, [Dense(1)], seed=0, members=3)
    with pytest.raises(ValueError, match=r"3 members.*pellucid.insight.member.single\(network, member\)"):
        export_onnx(three, tmp_path / "no.onnx")
    X = np.ones((2, 2))
    assert_close(outputs(single(three, 2), X)["output"], three.predict(X)[2])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_parameters_that_float32_does_not_have_are_named(value):
    network = Network(2, [Dense(1)], seed=0)
    network.theta = [0.0, value, 0.0]
    with pytest.raises(ValueError, match=rf"dense_1/weights holds {str(value).replace('+', '.')}"):
        onnx_model(network)


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="takes a Network, a TableModel, .* found a list"):
        export_onnx([1, 2], "no.onnx")
    with pytest.raises(ValueError, match="has not been trained"):
        export_onnx(TableModel("y"), "no.onnx")


def test_a_file_that_exists_is_replaced_only_on_request(tmp_path):
    path = tmp_path / "network.onnx"
    path.write_text("precious")
    network = Network(2, [Dense(1)], seed=0)
    with pytest.raises(FileExistsError, match="network.onnx.*overwrite=True"):
        export_onnx(network, path)
    assert path.read_text() == "precious"
    export_onnx(network, path, overwrite=True)
    assert onnx.load(path).graph.output[0].name == "output"
    assert [one.name for one in tmp_path.iterdir()] == ["network.onnx"]
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        export_onnx(network, tmp_path / "nowhere" / "network.onnx")


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "network.onnx"
    path.write_text("precious")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*network\.onnx'"):
        export_onnx(Network(2, [Dense(1)], seed=0), path, overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == ["network.onnx"] and path.read_text() == "precious"


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(
        pellucid.MissingExtraError, match=r"writing ONNX files needs onnx: pip install 'pellucid\[onnx\]'"
    ):
        export_onnx(Network(2, [Dense(1)], seed=0), "no.onnx")


def test_the_model_stays_as_it_is():
    network = scatter(Network(2, [Dense(1)], seed=0))
    theta = network.theta.copy()
    onnx_model(network)
    np.testing.assert_array_equal(network.theta, theta)
