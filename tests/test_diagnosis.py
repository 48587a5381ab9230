"""The diagnosis: every planted fault is found where it is, and a healthy network is left in peace."""

import ast
import json
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pellucid import (
    LBFGS,
    SGD,
    Adam,
    BatchNorm,
    BinaryCrossEntropyFromLogits,
    Chain,
    Conv2D,
    CrossEntropyFromLogits,
    Dense,
    EarlyStopping,
    Embedding,
    Flatten,
    Network,
    Parallel,
    ReLU,
    Residual,
    Select,
    Sigmoid,
    SquaredError,
    Tanh,
    TrainingWarning,
)
from pellucid.errors import TableError
from pellucid.insight import checks
from pellucid.insight.checks.examination import Examination, records_of
from pellucid.insight.checks.finding import Finding
from pellucid.insight.diagnosis import Diagnosis, diagnose, judge
from pellucid.insight.member import single
from pellucid.layers import Layer
from pellucid.tables import TableModel
from pellucid.tables.diagnosis import diagnose_table, parts_again
from pellucid.tables.reading import to_frame

BINARY = "binary_cross_entropy_from_logits"
CLASSES = "cross_entropy_from_logits"


@dataclass(frozen=True)
class Gate(Layer):
    """A sigmoid of one's own, under another name."""

    def forward(self, parameters, x, context):
        y = 1 / (1 + np.exp(-x))
        return y, {"y": y}

    def backward(self, parameters, cache, dy):
        return dy * cache["y"] * (1 - cache["y"]), {}


@dataclass(frozen=True)
class Hinged(Layer):
    """A ReLU of one's own."""

    def forward(self, parameters, x, context):
        return x * (x.real > 0), {"on": x.real > 0}

    def backward(self, parameters, cache, dy):
        return dy * cache["on"], {}


def numbers(rows=300, seed=0):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(rows, 3))
    return X, X[:, 0] + 0.5 * X[:, 1] ** 2 + 0.1 * generator.normal(size=rows)


def blobs(rows=400, classes=2, seed=0):
    """Records around as many centres on a circle, near enough that the classes overlap."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, classes, rows)
    angle = 2 * np.pi * y / classes + 0.7
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * 1.5 + generator.normal(size=(rows, 2)), y


def chain(*widths, activation=ReLU, inputs=3, outputs=1, **settings):
    layers = [layer for width in widths for layer in (Dense(width), activation())]
    return Network(inputs, [*layers, Dense(outputs)], seed=settings.pop("seed", 0), **settings)


def trained(network, X, y, loss="squared_error", epochs=40, **settings):
    network.fit(X, y, loss=loss, epochs=epochs, **{"optimizer": Adam(0.01), **settings})
    return network


def of_kind(diagnosis, kind):
    return [finding for finding in diagnosis.findings if finding.kind == kind]


# ---- planted faults: each function makes the same set-up with the fault or without it


def dead_units(fault):
    X, y = numbers()
    network = chain(8)
    if fault:
        network.parameters["dense_1"]["bias"][2:7] = -100
    return diagnose(network, X, y, loss="squared_error"), "relu_1, units 2, 3, 4, 5, 6"


def dead_units_of_ones_own(fault):
    X, y = numbers()
    network = chain(4, activation=Hinged)
    if fault:
        network.parameters["dense_1"]["bias"][...] = -100
    return diagnose(network, X, y, loss="squared_error"), "hinged_1, units 0, 1, 2, 3"


def saturated_units(fault):
    X, y = numbers()
    network = chain(8, activation=Tanh)
    if fault:
        network.parameters["dense_1"]["bias"][:4] = 50
    return diagnose(network, X, y, loss="squared_error"), "tanh_1, units 0, 1, 2, 3"


def saturated_units_of_ones_own(fault):
    X, y = numbers()
    network = chain(6, activation=Gate)
    if fault:
        network.parameters["dense_1"]["weights"][...] *= 1000
    return diagnose(network, X, y, loss="squared_error"), "gate_1, units 0, 1, 2, 3, 4, 5"


def dead_units_within_a_block(fault):
    X, y = numbers()
    network = Network(3, [Dense(6), Residual([Dense(8), ReLU(), Dense(6)]), Dense(1)], seed=0)
    if fault:
        network.parameters["residual_1"]["dense_1.bias"][2:7] = -100
    return diagnose(network, X, y, loss="squared_error"), "residual_1.relu_1, units 2, 3, 4, 5, 6"


def images():
    generator = np.random.default_rng(0)
    return generator.standard_normal((80, 6, 6, 1)), generator.standard_normal(80)


def dead_channels(fault):
    X, y = images()
    network = Network((6, 6, 1), [Conv2D(4, 3), ReLU(), Flatten(), Dense(1)], seed=0)
    if fault:
        network.parameters["conv2d_1"]["bias"][1:] = -100
    return diagnose(network, X, y, loss="squared_error"), "relu_1, channels 1, 2, 3"


def saturated_channels(fault):
    X, y = images()
    network = Network((6, 6, 1), [Conv2D(4, 3), Tanh(), Flatten(), Dense(1)], seed=0)
    if fault:
        network.parameters["conv2d_1"]["bias"][2:] = 50
    return diagnose(network, X, y, loss="squared_error"), "tanh_1, channels 2, 3"


def gradients_that_vanish_in_a_chain(fault):
    X, y = numbers()
    layers = [one for _ in range(8 if fault else 2) for one in (Dense(16), Sigmoid())]
    network = Network(3, [Chain([*layers, Dense(1)])], seed=0)
    return diagnose(network, X, y, loss="squared_error"), "from chain_1.dense_9 down to chain_1.dense_1"


def running_statistics_that_are_not_finite(fault):
    X, y = numbers()
    network = Network(3, [Dense(4), BatchNorm(), Dense(1)], seed=0)
    if fault:
        network.state[1]["variance"][2] = np.inf
    return diagnose(network, X, y, loss="squared_error"), "the running variance of batch_norm_1"


def vanishing_gradients(fault):
    X, y = numbers()
    network = chain(*[16] * (8 if fault else 2), activation=Sigmoid)
    return diagnose(network, X, y, loss="squared_error"), "from dense_9 down to dense_1"


def scaled_by(factor):
    network = chain(*[32] * 5)
    for layer in ("dense_2", "dense_3", "dense_4", "dense_5"):
        network.parameters[layer]["weights"][...] *= factor
    return network


def exploding_gradients(fault):
    X, y = numbers()
    return diagnose(scaled_by(10 if fault else 1), X, y, loss="squared_error"), "from dense_6 down to dense_1"


def activations_grow(fault):
    X, y = numbers()
    return diagnose(scaled_by(10 if fault else 1), X, y, loss="squared_error"), "from dense_1 up to dense_5"


def activations_shrink(fault):
    X, y = numbers()
    return diagnose(scaled_by(0.1 if fault else 1), X, y, loss="squared_error"), "from dense_1 up to dense_5"


def not_finite(fault):
    X, y = numbers()
    network = chain(8)
    if fault:
        network.parameters["dense_2"]["weights"][3] = np.nan
    return diagnose(network, X, y, loss="squared_error"), "dense_2.weights"


def not_finite_records(fault):
    X, y = numbers()
    if fault:
        X[17, 2] = np.nan
    found = diagnose(chain(8), X, y, loss="squared_error", feature_names=["age", "size", "income"])
    return found, "X, row 17, column 'income'"


def not_finite_output(fault):
    @dataclass(frozen=True)
    class Exponential(Layer):
        def forward(self, parameters, x, context):
            return np.exp(x), {"y": np.exp(x)}

        def backward(self, parameters, cache, dy):
            return cache["y"] * dy, {}

    X, y = numbers()
    network = Network(3, [Dense(4), Exponential(), Dense(1)], seed=0)
    if fault:
        network.parameters["dense_1"]["weights"][...] = 1000
    return diagnose(network, X, y, loss="squared_error"), "the output of exponential_1"


def updates_too_large(fault):
    X, y = numbers()
    rule = Adam(2.0 if fault else 0.002)
    network = trained(chain(8, activation=Tanh), X, y, epochs=2, batch_size=None, optimizer=rule)
    return diagnose(network, X, y), "dense_1.weights"


def learning_rate_too_low(fault):
    X, y = numbers()
    network = trained(chain(8, activation=Tanh), X, y, optimizer=SGD(1e-6 if fault else 0.05))
    return diagnose(network, X, y), "the next step"


def learning_rate_too_high(fault):
    X, y = numbers()
    network = chain(8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        trained(network, X, y, optimizer=SGD(100.0 if fault else 0.01))
    return diagnose(network, X, y), "training"


def learning_rate_too_high_rising(fault):
    # One weight, the squared error, x = 1 or -1: a step takes the weight's error e to e (1 - 2 rate), and the loss is
    # e^2. At rate 1.05 it grows by 1.1^2 each epoch; at rate 0.3 it shrinks.
    X = np.resize([1.0, -1.0], (60, 1))
    network = Network(1, [Dense(1, bias=False)], seed=0)
    trained(network, X, X[:, 0] / 2, optimizer=SGD(1.05 if fault else 0.3), batch_size=None)
    return diagnose(network, X, X[:, 0] / 2), "the loss"


def learning_rate_too_high_oscillating(fault):
    # Batches of one record and a target with noise: each step goes far past the middle of all.
    generator = np.random.default_rng(0)
    X = generator.normal(size=(60, 4))
    y = X.sum(axis=1) + generator.normal(size=60)
    network = trained(Network(4, [Dense(1)], seed=1), X, y, optimizer=SGD(0.12 if fault else 0.002), batch_size=1)
    return diagnose(network, X, y), "the second half of the epochs"


def start_loss_too_high(fault):
    X, y = numbers()
    return diagnose(chain(8), X, y + (30 if fault else 0), loss="squared_error"), "the start"


def start_loss_too_high_for_classes(fault):
    X, y = blobs(classes=3)
    network = chain(8, inputs=2, outputs=3)
    if fault:
        network.parameters["dense_2"]["weights"][...] *= 50
    return diagnose(network, X, y, loss=CLASSES), "the start"


def underfitting(fault):
    X, y = numbers()
    network = trained(Network(3, [Dense(1)], seed=0), X, y)
    if fault:
        network.parameters["dense_1"]["weights"][...] = 0
        network.parameters["dense_1"]["bias"][...] = y.mean()
    return diagnose(network, X, y), "the loss"


def overfitting(fault):
    X, y = blobs(60, seed=1)
    other = blobs(200, seed=2)
    if fault:
        y = np.random.default_rng(0).permutation(y)
    network = trained(chain(64 if fault else 4, inputs=2), X, y, BINARY, epochs=200, validation_data=other)
    return diagnose(network, X, y), "after epoch"


def not_converged(fault):
    X, y = numbers()
    network = trained(chain(8), X, y, optimizer=SGD(2e-4 if fault else 0.05))
    return diagnose(network, X, y), "the last 4 of 40 epochs"


def features_not_scaled(fault):
    X, y = numbers()
    X[:, 1] *= 1e6 if fault else 1
    return diagnose(chain(8), X, y, loss="squared_error", feature_names=["a", "b", "c"]), "column 'b'"


def features_not_scaled_mean(fault):
    X, y = numbers()
    X[:, 1] += 2000 if fault else 0
    return diagnose(chain(8), X, y, loss="squared_error"), "column 1"


def features_not_scaled_large(fault):
    X, y = numbers()
    X[:, 2] = X[:, 2] * (30 if fault else 1)
    return diagnose(chain(8), X, y, loss="squared_error"), "column 2"


def features_not_scaled_small(fault):
    X, y = numbers()
    return diagnose(chain(8), X / (1000 if fault else 1), y, loss="squared_error"), "all columns"


def constant_columns(fault):
    X, y = numbers()
    if fault:
        X[:, 2] = 7.5
    return diagnose(chain(8), X, y, loss="squared_error"), "column 2"


def duplicate_columns(fault):
    X, y = numbers()
    if fault:
        X[:, 2] = 32 - 1.8 * X[:, 0]
    return diagnose(chain(8), X, y, loss="squared_error"), "columns 0, 2"


def leaking_columns(fault):
    X, y = numbers()
    if fault:
        X[:, 2] = np.exp(y)  # another unit, the same order
    return diagnose(chain(8), X, y, loss="squared_error"), "column 2"


def leaking_columns_binary(fault):
    X, y = blobs()
    if fault:
        X[:, 1] = y + np.random.default_rng(1).normal(0, 0.1, len(y))
    return diagnose(chain(8, inputs=2), X, y, loss=BINARY), "column 1"


def leaking_columns_classes(fault):
    X, y = blobs(classes=4)
    if fault:
        X[:, 0] = np.array([2, 0, 3, 1])[y] + np.random.default_rng(1).uniform(0, 0.9, len(y))
    return diagnose(chain(8, inputs=2, outputs=4), X, y, loss=CLASSES), "column 0"


def duplicate_rows(fault):
    X, y = numbers()
    if fault:
        X[10:16], y[10:16] = X[200:206], y[200:206]
    return diagnose(chain(8), X, y, loss="squared_error"), "rows 200, 201, 202, 203, 204, 205"


def rows_in_both_parts(fault):
    (X, y), (other, wanted) = numbers(), numbers(40, seed=1)
    if fault:
        other[[3, 8]], wanted[[3, 8]] = X[[5, 6]], y[[5, 6]]
    found = diagnose(chain(8), X, y, loss="squared_error", validation_data=(other, wanted))
    return found, "held-out rows 3, 8"


def contradicting_labels(fault):
    X, y = blobs()
    if fault:
        X[:5], y[:5] = X[100:105], 1 - y[100:105]
    return diagnose(chain(8, inputs=2), X, y, loss=BINARY), "rows 0, 1, 2, 3, 4, 100, 101, 102 and 2 more"


def class_imbalance(fault):
    X, y = blobs(1200)
    if fault:
        keep = (y == 0) | (np.cumsum(y) <= 25)
        X, y = X[keep], y[keep]
    return diagnose(chain(8, inputs=2), X, y, loss=BINARY), "class 1"


def one_class_predicted(fault):
    X, y = blobs(classes=3)
    network = trained(chain(8, inputs=2, outputs=3), X, y, CLASSES, epochs=10)
    if fault:
        network.parameters["dense_2"]["bias"][1] = 100
    return diagnose(network, X, y), "the output"


PLANTED = {
    "dead_units": [dead_units, dead_units_of_ones_own, dead_units_within_a_block, dead_channels],
    "saturated_units": [saturated_units, saturated_units_of_ones_own, saturated_channels],
    "vanishing_gradients": [vanishing_gradients, gradients_that_vanish_in_a_chain],
    "exploding_gradients": [exploding_gradients],
    "activations_grow": [activations_grow],
    "activations_shrink": [activations_shrink],
    "not_finite": [not_finite, not_finite_records, not_finite_output, running_statistics_that_are_not_finite],
    "updates_too_large": [updates_too_large],
    "learning_rate_too_low": [learning_rate_too_low],
    "learning_rate_too_high": [
        learning_rate_too_high,
        learning_rate_too_high_rising,
        learning_rate_too_high_oscillating,
    ],
    "start_loss_too_high": [start_loss_too_high, start_loss_too_high_for_classes],
    "underfitting": [underfitting],
    "overfitting": [overfitting],
    "not_converged": [not_converged],
    "features_not_scaled": [
        features_not_scaled,
        features_not_scaled_mean,
        features_not_scaled_large,
        features_not_scaled_small,
    ],
    "constant_columns": [constant_columns],
    "duplicate_columns": [duplicate_columns],
    "leaking_columns": [leaking_columns, leaking_columns_binary, leaking_columns_classes],
    "duplicate_rows": [duplicate_rows],
    "rows_in_both_parts": [rows_in_both_parts],
    "contradicting_labels": [contradicting_labels],
    "class_imbalance": [class_imbalance],
    "one_class_predicted": [one_class_predicted],
}
CASES = [pytest.param(kind, plant, id=plant.__name__) for kind, plants in PLANTED.items() for plant in plants]


@pytest.mark.parametrize(("kind", "plant"), CASES)
def test_the_planted_fault_is_found_where_it_is(kind, plant):
    diagnosis, where = plant(True)
    found = of_kind(diagnosis, kind)
    assert len(found) == 1, diagnosis
    assert where in found[0].where, found[0]
    assert found[0].measured.endswith(".") and found[0].why.endswith(".") and found[0].remedy.endswith(".")
    json.dumps(found[0].to_dict(), allow_nan=False)


@pytest.mark.parametrize(("kind", "plant"), CASES)
def test_without_the_fault_the_same_set_up_is_left_in_peace(kind, plant):
    assert not of_kind(plant(False)[0], kind)


def test_every_kind_of_finding_is_planted_here():
    kinds = set()
    for path in Path(checks.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                names = [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                kinds |= {name for name in names if isinstance(name, str)}
    assert kinds == set(PLANTED)


# ---- what blocks, normalisation, categories and images do by their nature


def test_a_branch_that_starts_at_0_is_no_fault_where_a_way_leads_past_it():
    X, y = numbers()
    network = Network(3, [Residual([Dense(3), Tanh(), Dense(3)]) for _ in range(4)] + [Dense(1)], seed=0)
    for place in range(1, 5):
        network.parameters[f"residual_{place}"]["dense_2.weights"] = 0
    found = diagnose(network, X, y, loss="squared_error")
    assert "gradients through the layers" in found.made
    assert not found.findings


def test_a_normalisation_by_a_large_deviation_is_no_saturation():
    X, y = numbers()
    network = Network(3, [Dense(8), BatchNorm(), Tanh(), Dense(1)], seed=0)
    network.parameters["dense_1"]["weights"][...] *= 1e4
    network.fit(X, y, loss="squared_error", epochs=60)
    assert network.state[1]["variance"].min() > 1e6
    assert not of_kind(diagnose(network, X, y), "saturated_units")


def test_category_numbers_have_no_scale():
    generator = np.random.default_rng(0)
    X = np.column_stack([generator.integers(0, 3000, 200), generator.standard_normal(200)])
    y = generator.standard_normal(200)
    split = Parallel([[Select([0]), Embedding(3000, 2), Flatten()], Select([1])])
    network = Network(2, [split, Dense(1)], seed=0)
    assert not of_kind(diagnose(network, X, y, loss="squared_error"), "features_not_scaled")
    X[:, 1] *= 1e4
    assert "column 1" in of_kind(diagnose(network, X, y, loss="squared_error"), "features_not_scaled")[0].where
    alone = Network(1, [Embedding(3000, 2), Flatten(), Dense(1)], seed=0, frozen=["embedding_1"])
    found = diagnose(alone, X[:, :1], y, loss="squared_error")
    assert found.not_made["scale of the inputs"] == "no column of numbers varies"


def test_checks_of_columns_say_that_images_have_none():
    X, y = images()
    found = diagnose(Network((6, 6, 1), [Conv2D(2, 3), Flatten(), Dense(1)], seed=0), X, y, loss="squared_error")
    assert not found.findings
    assert found.not_made["constant columns"] == "a record of shape 6 x 6 x 1 is no row of columns"


def test_of_large_images_fewer_are_watched():
    network = Network((64, 64, 4), [Conv2D(8, 3), Flatten(), Dense(1)], seed=0)
    X, y = np.zeros((300, 64, 64, 4)), np.zeros(300)
    seen = Examination(network, SquaredError(), None, records_of(network, SquaredError(), X, y), None)
    assert len(seen.watched.x) == 136  # of 62 x 62 x 8 values each, as many as 2^22 hold
    few = Examination(network, SquaredError(), None, records_of(network, SquaredError(), X[:90], y[:90]), None)
    assert len(few.watched.x) == 90


# ---- healthy networks


def healthy_blobs():
    X, y = blobs()
    other = blobs(200, seed=1)
    return trained(chain(16, inputs=2), X, y, BINARY, epochs=60, validation_data=other), X, y, other


def healthy_classes():
    X, y = blobs(classes=3)
    return trained(chain(16, 16, inputs=2, outputs=3, activation=Tanh), X, y, CLASSES, epochs=60), X, y, None


def healthy_numbers():
    X, y = numbers(500)
    return trained(chain(32, activation=Sigmoid), X, y, epochs=100), X, y, numbers(100, seed=5)


def healthy_own_layer():
    X, y = numbers()
    return trained(Network(3, [Dense(16), Hinged(), Dense(8), Gate(), Dense(1)], seed=0), X, y), X, y, None


def healthy_members():
    X, y = numbers()
    return trained(chain(16, members=3), X, y), X, y, numbers(100, seed=5)


def healthy_float32():
    X, y = blobs()
    return trained(chain(16, 8, inputs=2, dtype="float32"), X, y, BINARY, epochs=60), X, y, None


def healthy_sum():
    X, y = numbers()
    return trained(chain(16), X, y, SquaredError(reduction="sum"), optimizer=SGD(5e-4)), X, y, None


def healthy_lbfgs():
    pytest.importorskip("scipy")
    X, y = numbers()
    return trained(chain(8, activation=Tanh), X, y, optimizer=LBFGS()), X, y, None


HEALTHY = [
    healthy_blobs,
    healthy_classes,
    healthy_numbers,
    healthy_own_layer,
    healthy_members,
    healthy_float32,
    healthy_sum,
    healthy_lbfgs,
]


@pytest.mark.parametrize("make", HEALTHY)
def test_nothing_is_found_in_a_healthy_network(make):
    network, X, y, other = make()
    diagnosis = diagnose(network, X, y, validation_data=other, member=0 if network.members is None else 2)
    assert not diagnosis.findings, diagnosis
    assert str(diagnosis).startswith(f"nothing found: {len(diagnosis.made)} checks made")
    assert len(diagnosis.made) >= 12


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("activation", [ReLU, Tanh, Sigmoid])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_an_untrained_network_of_the_usual_starts_is_healthy(seed, activation, depth):
    X, y = numbers()
    network = chain(*[32] * depth, activation=activation, seed=seed)
    assert not diagnose(network, X, y, loss="squared_error").findings


def test_a_small_table_of_few_values_repeats_itself_by_nature():
    generator = np.random.default_rng(0)
    X = generator.integers(0, 2, (200, 4)).astype(float)
    y = (X.sum(axis=1) + generator.integers(0, 2, 200) > 2).astype(float)
    found = diagnose(chain(8, inputs=4), X, y, loss=BINARY, validation_data=(X[:50], y[:50]))
    assert not found.findings


@pytest.mark.parametrize("make", HEALTHY)
def test_the_network_stays_as_it_is_to_the_last_bit(make):
    network, X, y, other = make()
    before = pickle.dumps(network)
    diagnose(network, X, y, validation_data=other)
    assert pickle.dumps(network) == before


# ---- single rules


def test_a_rare_class_with_weights_of_its_own_is_no_finding():
    X, y = blobs()
    keep = (y == 0) | (np.cumsum(y) <= 5)
    X, y = X[keep], y[keep]
    weighted = BinaryCrossEntropyFromLogits(class_weights=(1.0, 40.0))
    assert not of_kind(diagnose(chain(8, inputs=2), X, y, loss=weighted), "class_imbalance")
    weights = np.where(y == 1, 40.0, 1.0)
    assert not of_kind(diagnose(chain(8, inputs=2), X, y, loss=BINARY, sample_weight=weights), "class_imbalance")
    assert of_kind(diagnose(chain(8, inputs=2), X, y, loss=BINARY), "class_imbalance")


def test_records_that_count_nothing_are_not_looked_at():
    X, y = numbers()
    weights = np.ones(len(X))
    X[7], weights[7] = np.nan, 0
    assert not diagnose(chain(8), X, y, loss="squared_error", sample_weight=weights).findings


def test_early_stopping_that_went_back_is_no_overfitting():
    X, y = blobs(60, seed=1)
    y = np.random.default_rng(0).permutation(y)
    network = chain(64, inputs=2)
    trained(network, X, y, BINARY, 200, validation_data=blobs(200, seed=2), callbacks=[EarlyStopping(patience=100)])
    assert not of_kind(diagnose(network, X, y), "overfitting")


@pytest.mark.parametrize("standardised", [False, True])
def test_a_flag_that_is_rarely_set_is_a_scaled_input(standardised):
    rows = 50_000
    X, y = numbers(rows)
    X[:, 2] = np.arange(rows) == 500
    if standardised:
        X = (X - X.mean(axis=0)) / X.std(axis=0)
    assert not diagnose(chain(8), X, y, loss="squared_error").findings


@pytest.mark.parametrize("optimizer", [Adam(0.01), SGD(0.05)])
def test_the_noise_of_a_training_that_goes_on_is_no_finding(optimizer):
    X, y = numbers()
    network = chain(32)
    for _ in range(2):
        trained(network, X, y, epochs=60, optimizer=optimizer)
    assert network.history["loss"][0] < 0.2
    assert not diagnose(network, X, y).findings


def test_a_shuffled_sort_order_does_not_pass_for_a_leak():
    # The table is sorted by class, and a column of two values has the rows of each value in that order.
    y = np.repeat([0, 1, 2], 100)
    X = np.stack([np.arange(300) % 2, np.arange(300) % 3], axis=1).astype(float)
    assert not of_kind(diagnose(chain(8, inputs=2, outputs=3), X, y, loss=CLASSES), "leaking_columns")


def test_the_target_itself_among_the_columns_is_a_problem_and_a_good_copy_a_warning():
    X, y = blobs()
    for copy, severity in ((y, "problem"), (y + np.random.default_rng(1).normal(0, 0.15, len(y)), "warning")):
        X[:, 1] = copy
        assert of_kind(diagnose(chain(8, inputs=2), X, y, loss=BINARY), "leaking_columns")[0].severity == severity


def test_the_start_of_a_trained_network_is_made_again():
    X, y = numbers()
    network = trained(chain(8), X, y + 30, epochs=300)
    assert network.loss(X, y + 30) < 10
    found = of_kind(diagnose(network, X, y + 30), "start_loss_too_high")[0]
    assert "made again" in found.measured
    again = Network(**network.config)
    assert found.evidence["loss"] == pytest.approx(again.loss(X, y + 30, loss="squared_error"))
    assert found.evidence["expected"] == pytest.approx(y.var())


def test_the_loss_of_equal_chances_is_the_logarithm_of_the_classes():
    X, y = blobs(classes=4)
    network = chain(8, inputs=2, outputs=4)
    network.parameters["dense_2"]["weights"][...] *= 100
    found = of_kind(diagnose(network, X, y, loss=CLASSES), "start_loss_too_high")[0]
    assert found.evidence["expected"] == pytest.approx(np.log(4))
    assert "equal chances (1.386)" in found.measured


@pytest.mark.parametrize(
    ("loss", "outputs", "target", "expected"),
    [
        ("squared_error", 1, [0.0, 1.0, 5.0], np.var([0.0, 1.0, 5.0])),
        ("absolute_error", 1, [0.0, 1.0, 5.0], 5 / 3),
        (BINARY, 1, [0, 0, 0, 1], -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))),
        (CLASSES, 3, [0, 0, 1, 2], -(0.5 * np.log(0.5) + 0.5 * np.log(0.25))),
    ],
)
def test_the_baseline_is_the_loss_of_the_best_constant(loss, outputs, target, expected):
    from pellucid.insight.checks.examination import records_of
    from pellucid.network import resolve_loss

    network = chain(inputs=1, outputs=outputs)
    resolved = resolve_loss(loss, network)
    records = records_of(network, resolved, np.zeros((len(target), 1)), target)
    assert Examination(network, resolved, None, records, None).baseline == pytest.approx(expected)


def test_two_findings_stand_with_the_problem_first():
    X, y = numbers()
    X[:, 2] = 1.0
    network = chain(8)
    network.parameters["dense_1"]["bias"][...] = -100
    diagnosis = diagnose(network, X, y, loss="squared_error")
    severities = [finding.severity for finding in diagnosis.findings]
    assert severities == sorted(severities) and set(severities) == {"problem", "warning"}
    assert diagnosis.headline.startswith("2 problems and 1 warning:")
    assert diagnosis.problems == diagnosis.findings[:2]


def test_what_cannot_be_checked_is_said_with_the_reason():
    X, y = numbers()
    found = diagnose(chain(8), X, y, loss="squared_error")
    assert found.not_made["overfitting"] == "there is no history: the network was never trained"
    assert "validation_data" in found.not_made["rows in both parts"]
    assert "no classes" in found.not_made["class balance"]
    assert set(found.made) | set(found.not_made) == set(checks.CHECKS)
    assert "size of updates: the optimizer is not known" in str(found)


def test_what_is_not_finite_keeps_the_other_checks_from_guessing():
    X, y = numbers()
    X[0, 0] = np.inf
    found = diagnose(chain(8), X, y, loss="squared_error")
    assert [finding.kind for finding in found.findings] == ["not_finite"]
    assert "not_finite" in found.not_made["dead units"]


def test_it_shows_itself_in_a_notebook_without_letting_html_through():
    finding = Finding("constant_columns", "column '<b>'", "warning", "M & N.", "W.", "R.")
    html = Diagnosis((finding,), ("a",), {"b": "<no>"})._repr_html_()
    assert "column &#x27;&lt;b&gt;&#x27;" in html and "M &amp; N." in html and "&lt;no&gt;" in html
    assert "<b>" not in html and "<no>" not in html


def test_a_frozen_lower_layer_is_no_vanishing_gradient():
    X, y = numbers()
    network = chain(16, 16, frozen=["dense_1"])
    assert not diagnose(network, X, y, loss="squared_error").findings


def test_records_with_a_shape_have_no_columns():
    @dataclass(frozen=True)
    class Flat(Layer):
        def output_shape(self, input_shape):
            return (int(np.prod(input_shape)),)

        def forward(self, parameters, x, context):
            return x.reshape(*x.shape[:-2], -1), {"x": x}

        def backward(self, parameters, cache, dy):
            return dy.reshape(cache["x"].shape), {}

    X = np.random.default_rng(0).normal(size=(100, 4, 2))
    network = Network((4, 2), [Flat(), Dense(4), Tanh(), Dense(1)], seed=0)
    found = diagnose(network, X, X[:, 0, 0], loss="squared_error")
    assert not found.findings
    assert found.not_made["constant columns"] == "a record of shape 4 x 2 is no row of columns"


def test_each_member_is_examined_with_its_own_history():
    X, y = numbers()
    network = trained(chain(8, members=3), X, y, epochs=20)
    for member in range(3):
        own = single(network, member)
        assert own.history is not None and (own.history["loss"] == network.history["loss"][:, member]).all()
        assert (own.history["seconds"] == network.history["seconds"]).all()
        alone = trained(chain(8, seed=member), X, y, epochs=20)
        assert own.history["loss"] == pytest.approx(alone.history["loss"])
    network.theta[1] = np.nan
    assert of_kind(diagnose(network, X, y, member=1), "not_finite")
    assert not of_kind(diagnose(network, X, y, member=0), "not_finite")


def test_a_member_s_best_epoch_is_its_own():
    X, y = blobs(60, seed=1)
    network = chain(16, inputs=2, members=3)
    stopping = EarlyStopping(patience=3)
    trained(network, X, y, BINARY, 60, validation_data=blobs(60, seed=2), callbacks=[stopping])
    assert [single(network, member).history.best_epoch for member in range(3)] == network.history.best_epoch


def test_a_network_alone_is_judged_by_its_parameters_and_its_history():
    X, y = numbers()
    network = trained(chain(8), X, y, optimizer=SGD(2e-4))
    found = judge(Examination(network, network.fitted.loss, None, None, None))
    assert [finding.kind for finding in found.findings] == ["not_converged"]
    assert found.not_made["dead units"] == "it needs records: X and y"


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"network": "network"}, TypeError, "examines a Network, found a str"),
        ({"loss": None}, ValueError, "name a loss the first time"),
        ({"feature_names": ["a"]}, ValueError, "feature_names has 1 names"),
        ({"X": np.zeros((3, 2))}, ValueError, "X has shape"),
        ({"y": np.zeros(4)}, ValueError, "X has 300 records and y has 4"),
        ({"X": np.zeros((0, 3)), "y": np.zeros(0)}, ValueError, "no records"),
        ({"sample_weight": [1.0]}, ValueError, "sample_weight has shape"),
        ({"validation_data": np.zeros(3)}, TypeError, "validation_data must be"),
        ({"validation_data": (np.zeros((3, 2)), np.zeros(3))}, ValueError, "validation_data: X has shape"),
    ],
)
def test_bad_input_is_refused_by_name(changes, error, words):
    X, y = numbers()
    arguments = {"network": chain(8), "X": X, "y": y, "loss": "squared_error", **changes}
    with pytest.raises(error, match=words):
        diagnose(arguments.pop("network"), arguments.pop("X"), arguments.pop("y"), **arguments)


def test_a_member_that_is_not_there_is_refused():
    X, y = numbers()
    with pytest.raises(ValueError, match="member must be a whole number from 0 to 2"):
        diagnose(chain(8, members=3), X, y, loss="squared_error", member=3)


# ---- tables


def table(rows=400, seed=0, target="price"):
    generator = np.random.default_rng(seed)
    area, age = generator.uniform(30, 150, rows), generator.uniform(0, 60, rows)
    price = 2000 * area - 1500 * age + generator.normal(0, 9000, rows)
    large = np.where(price + generator.normal(0, 30000, rows) > np.median(price), "yes", "no")
    size = np.select([price < 60_000, price < 150_000], ["small", "middle"], "large")
    return pl.DataFrame({"area": area, "age": age, target: {"price": price, "large": large, "size": size}[target]})


@pytest.mark.slow
@pytest.mark.parametrize("target", ["price", "large", "size"])
@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_found_in_a_plain_table_and_its_model(target, seed):
    frame = table(seed=seed, target=target)
    model = TableModel(target, seed=seed).fit(frame, test_share=0.2)
    found = diagnose_table(model, frame)
    assert not found.findings, found
    assert "rows in both parts" in found.made


@pytest.mark.parametrize("test_share", [0.0, 0.2])
@pytest.mark.parametrize("target", ["price", "size"])
def test_the_split_is_made_again(target, test_share):
    frame = table(target=target).with_columns(
        city=pl.Series(["Graz", "Linz", "Graz", "Wien"] * 100), age=pl.Series([None, *table()["age"][1:]])
    )
    model = TableModel(target, epochs=1, hidden=(4,)).fit(frame, test_share=test_share)
    read, y = model.read(frame), model.learnt.target.encode(to_frame(frame))
    parts = parts_again(model.learnt, read.values, y)
    assert parts is not None
    assert (parts.test == model.test_rows).all()
    assert sorted(np.concatenate(parts)) == list(range(len(frame)))
    age = frame["age"].to_numpy()[parts.train]
    assert model.learnt.encoder.fill[1] == np.nanmedian(age)
    # The figures of every column are looked at, and so are categories and the target.
    for changed in (
        frame.with_columns(area=pl.col("area") + 1),
        frame.with_columns(city=pl.lit("Graz")),
        frame.with_columns(pl.Series(target, frame[target].to_list()[150:] + frame[target].to_list()[:1] * 150)),
    ):
        wrapped = to_frame(changed)
        assert parts_again(model.learnt, model.read(changed).values, model.learnt.target.encode(wrapped)) is None


@pytest.mark.parametrize("other", ["fewer rows", "other values", "other order", "other target"])
def test_another_table_is_recognised_and_said(other):
    frame = table()
    model = TableModel("price", epochs=1).fit(frame, test_share=0.2)
    changed = {"fewer rows": frame[:300], "other values": table(seed=1), "other order": frame[::-1]}
    changed["other target"] = frame.with_columns(pl.col("price") * 2)
    found = diagnose_table(model, changed[other])
    assert "not the table that the model learnt from" in found.not_made["rows in both parts"]
    assert "dead units" in found.made


@pytest.mark.slow
def test_a_table_s_faults_are_named_by_column_and_by_row_from_one():
    frame = table(target="large").with_columns(rooms=pl.lit(3), years=pl.col("age") / 2 + 1)
    frame = frame.with_columns(sold=(pl.col("large") == "yes").cast(pl.Float64))
    model = TableModel("large").fit(frame, test_share=0.2)
    found = diagnose_table(model, frame)
    places = {finding.kind: finding.where for finding in found.findings}
    assert "constant_columns" not in places  # the model has left it out, with its reason
    assert "rooms" in model.left_out
    assert places["duplicate_columns"] == "columns 'age', 'years'"
    assert places["leaking_columns"] == "column 'sold'"
    assert "features_not_scaled" not in places  # the model standardises them itself


def test_rows_on_both_sides_of_a_table_s_split_are_told_by_their_numbers_in_the_table():
    frame = table(200)
    frame = pl.concat([frame, frame])  # row 201 repeats row 1
    model = TableModel("price", epochs=20).fit(frame, test_share=0.2)
    found = of_kind(diagnose_table(model, frame), "rows_in_both_parts")[0]
    assert found.severity == "problem"
    for held, train in found.evidence["pairs"]:
        assert abs(held - train) == 200
        assert min(held, train) >= 1
        assert frame[held - 1].equals(frame[train - 1])


def test_a_model_without_its_table_is_judged_by_its_history():
    model = TableModel("price").fit(table(), test_share=0.2)
    found = diagnose_table(model)
    assert not found.findings
    assert found.not_made["dead units"] == "it needs the table that the model learnt from"
    assert "overfitting" in found.made


def test_a_table_model_stays_as_it_is():
    frame = table(target="size")
    model = TableModel("size", epochs=5).fit(frame, test_share=0.2)
    before = pickle.dumps(model)
    diagnose_table(model, frame)
    assert pickle.dumps(model) == before


def test_a_table_that_does_not_fit_is_refused():
    model = TableModel("price", epochs=1).fit(table())
    with pytest.raises(TableError, match="price"):
        diagnose_table(model, table().drop("price"))
    with pytest.raises(TableError, match="area"):
        diagnose_table(model, table().drop("area"))
    with pytest.raises(TableError, match="no rows"):
        diagnose_table(model, table()[:0])
    with pytest.raises(ValueError, match="not been trained"):
        diagnose_table(TableModel("price"), table())


def test_classes_given_as_shares_are_no_classes():
    X, y = blobs(classes=3)
    shares = np.eye(3)[y] * 0.9 + 0.1 / 3
    found = diagnose(chain(8, inputs=2, outputs=3), X, shares, loss=CrossEntropyFromLogits())
    assert not found.findings
    assert found.not_made["class balance"] == "the targets are no classes"
