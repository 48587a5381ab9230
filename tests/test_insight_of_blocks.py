"""The trace of blocks and of images: what happens within is seen too, and is the very step of training."""

import html.parser
import json
import re
from dataclasses import dataclass

import numpy as np
import pytest

from pellucid import (
    SGD,
    Adam,
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
    Identity,
    Layer,
    LayerNorm,
    MaxPool2D,
    Network,
    Parallel,
    PReLU,
    ReLU,
    Residual,
    RMSNorm,
    Select,
    Tanh,
    trace,
)
from pellucid.insight.terms import worked_out
from pellucid.insight.worked import LayerFormulas
from pellucid.layers.chain import part
from recompute import check_text, on_one_line_each
from table import scatter


@dataclass(frozen=True)
class Gate(Layer):
    """A block of one's own: y = value(x) * gate(x)."""

    value: Layer
    gate: Layer

    @property
    def children(self):
        return (self.value, self.gate)

    def parameters(self, input_shape):
        found = [one.parameters(input_shape) for one in self.children]
        return {
            f"{name}.{key}": what
            for name, own in zip(("dense_1", "dense_2"), found, strict=True)
            for key, what in own.items()
        }

    def output_shape(self, input_shape):
        return self.value.output_shape(input_shape)

    def forward(self, parameters, x, context):
        value, first = self.value.forward(part(parameters, "dense_1"), x, context)
        gate, second = self.gate.forward(part(parameters, "dense_2"), x, context)
        return value * gate, {"value": value, "gate": gate, "first": first, "second": second}

    def backward(self, parameters, cache, dy):
        one, first = self.value.backward(part(parameters, "dense_1"), cache["first"], dy * cache["gate"])
        other, second = self.gate.backward(part(parameters, "dense_2"), cache["second"], dy * cache["value"])
        named = {f"dense_1.{name}": array for name, array in first.items()}
        return one + other, named | {f"dense_2.{name}": array for name, array in second.items()}


NETWORKS = {
    "residual": lambda: (4, [Dense(5), Residual([Dense(6), Tanh(), Dense(5)]), Dense(1)]),
    "lowest": lambda: (4, [Residual([Tanh(), Dense(4)]), Dense(1)]),
    "parallel": lambda: (4, [Parallel([Dense(3), [Dense(5), ReLU()], Identity()]), Dense(1)]),
    "chain": lambda: (4, [Chain([Dense(5), Tanh()]), Chain([Dense(1)])]),
    "nested": lambda: (4, [Residual([Parallel([Dense(3), Residual([Dense(4)])]), Dense(4)]), Dense(1)]),
    "draws": lambda: (4, [Dense(5), Dropout(0.4), Residual([Dropout(0.3), Dense(5), GaussianNoise(0.1)]), Dense(1)]),
    "remembers": lambda: (4, [Dense(5), BatchNorm(), Residual([BatchNorm(), ReLU(), Dense(5)]), Dense(1)]),
    "own": lambda: (4, [Gate(Dense(3), Dense(3)), Dense(1)]),
    "categories": lambda: (
        4,
        [Parallel([[Select([0, 2]), Embedding(3, 2), Flatten()], Select([1, 3])]), LayerNorm(), Dense(1)],
    ),
    "images": lambda: (
        (6, 6, 1),
        [
            Conv2D(3, 3),
            BatchNorm(),
            PReLU(),
            Residual([Conv2D(3, 3, padding="same")]),
            MaxPool2D(),
            Flatten(),
            Dense(1),
        ],
    ),
}


def made(name, **settings):
    shape, layers = NETWORKS[name]()
    return scatter(Network(shape, layers, seed=3, **settings))


def data(network, records=6, seed=0):
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((records, *network.inputs))
    if len(network.inputs) == 1:
        X[:, [0, 2]] = generator.integers(0, 3, (records, 2))
    return X, generator.standard_normal(records)


STEP = {"loss": "squared_error", "optimizer": Adam(0.01)}


# It is the very step


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_foretells_the_next_step_of_training_to_the_bit(name, dtype):
    network = made(name, dtype=dtype)
    X, y = data(network)
    settings = STEP
    for _ in range(3):
        seen = trace(network, X, y, **settings)
        str(seen)
        history = network.fit(X, y, epochs=1, batch_size=None, **settings)
        assert (seen.update.after == network.theta).all()
        assert seen.loss.value == history["loss"][0]
        for record, state in zip(seen.layers, network.state, strict=True):
            for key, array in record.cache.get("state", {}).items():
                assert (array == state[key]).all()
        settings = {}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_prediction_is_the_networks_own(name):
    network = made(name, members=2)
    X, _ = data(network)
    assert (trace(network, X, member=1).output == network.predict(X)[1]).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_within_a_block_is_recorded_with_its_own_arrays(name):
    network = made(name)
    X, y = data(network)
    seen = trace(network, X, y, **STEP)
    names = {record.name for record in seen.everything()}
    assert len(names) == len(list(seen.everything())) == sum(len(list(one.everything())) for one in network.layers)
    for outer in seen.layers:
        parameters, told = network.parameters.get(outer.name, {}), {}
        for record in outer.everything():
            assert record.dy.shape == record.y.shape
            assert record.dx.shape == record.x.shape
            for key, array in record.own(record.parameters).items():
                full = f"{record.name}.{key}".removeprefix(f"{outer.name}.")
                assert (array == parameters[full]).all()
                assert (record.gradients[key] == outer.gradients[full]).all()
                told[full] = array
        assert set(told) == set(parameters)


@dataclass(frozen=True)
class Called(Gate):
    """One that calls its parameters something else than its layers, and asks them for more than the contract."""

    @property
    def names(self):
        return ("value",)

    def parameters(self, input_shape):
        return {f"my_{name}": what for name, what in super().parameters(input_shape).items()}

    def forward(self, parameters, x, context):
        assert self.value.units == 3
        return super().forward({name.removeprefix("my_"): array for name, array in parameters.items()}, x, context)

    def backward(self, parameters, cache, dy):
        found = {name.removeprefix("my_"): array for name, array in parameters.items()}
        dx, gradients = super().backward(found, cache, dy)
        return dx, {f"my_{name}": array for name, array in gradients.items()}


@dataclass(frozen=True, init=False)
class Sealed(Gate):
    """One that cannot be made of other layers."""

    def __init__(self):
        object.__setattr__(self, "value", Dense(3))
        object.__setattr__(self, "gate", Dense(3))


@pytest.mark.parametrize(
    ("block", "inside"), [(Called(Dense(3), Dense(3)), 2), (Sealed(), 0)], ids=["Called", "Sealed"]
)
def test_blocks_of_ones_own_with_ways_of_their_own(block, inside):
    network = Network(4, [block, Dense(1)], seed=3)
    X, y = data(network)
    seen = trace(network, X, y, **STEP)
    assert len(seen.layers[0].inside) == inside
    for shown in (seen.text(), seen.html(), seen.latex(), seen.json()):
        assert shown
    network.fit(X, y, epochs=1, batch_size=None, **STEP)
    assert (seen.update.after == network.theta).all()


def test_a_residual_block_adds_and_both_ways_lead_back():
    network = made("residual")
    X, y = data(network)
    block = trace(network, X, y, **STEP).layers[1]
    assert [one.name for one in block.inside] == ["residual_1.dense_1", "residual_1.tanh_1", "residual_1.dense_2"]
    first, last = block.inside[0], block.inside[-1]
    assert (block.y == block.x + last.y).all()
    assert (last.dy == block.dy).all()
    assert (block.dx == block.dy + first.dx).all()


def test_branches_have_their_own_part_of_the_gradient():
    network = made("parallel")
    X, y = data(network)
    block = trace(network, X, y, **STEP).layers[0]
    assert [one.name for one in block.everything()] == [
        "parallel_1.branch_1",
        "parallel_1.branch_2.dense_1",
        "parallel_1.branch_2.relu_1",
        "parallel_1.branch_2",
        "parallel_1.branch_3",
        "parallel_1",
    ]
    assert (np.concatenate([one.y for one in block.inside], axis=1) == block.y).all()
    assert (np.concatenate([one.dy for one in block.inside], axis=1) == block.dy).all()
    np.testing.assert_allclose(sum(one.dx for one in block.inside), block.dx, rtol=1e-14)


def test_a_frozen_block_is_passed_through_and_stays():
    network = Network(4, [Dense(4), Residual([Dense(4), Tanh()]), Dense(1)], seed=3, frozen=["residual_1"])
    X, y = data(network)
    seen = trace(network, X, y, **STEP)
    network.fit(X, y, epochs=1, batch_size=None, **STEP)
    assert (seen.update.after == network.theta).all()
    text = str(seen)
    assert "This layer is frozen" in text[text.index("Back through residual_1.dense_1") :]
    assert "residual_1.dense_1.weights after the step" not in text


# What a person reads


@pytest.mark.parametrize("record", range(3))
@pytest.mark.parametrize("name", NETWORKS)
def test_every_line_can_be_worked_out_again(name, record):
    network = made(name)
    X, y = data(network)
    text = on_one_line_each(trace(network, X, y, **STEP), record)
    assert check_text(text) >= 10
    assert "!" not in text
    assert "cannot be used" not in text
    assert "≠" not in text
    prediction = trace(network, X).text(record)
    assert "!" not in prediction
    assert "dL" not in prediction


def test_the_figures_of_a_residual_block_by_hand():
    network = Network(2, [Residual([Dense(2)]), Dense(1)], seed=0)
    network.theta = [1, 2, 3, 4, 0.5, -0.5, 1, 2, 0]
    text = trace(network, [[1.0, 2.0]], [0.0], loss="squared_error", optimizer=SGD(0.1)).text(unit={"residual_1": 1})
    assert "z1[2] = x1*w1[1,2] + x2*w1[2,2] + b1[2] = 1*2 + 2*4 - 0.5 = 9.5" in text
    assert "h1[2] = x2 + z1[2] = 2 + 9.5 = 11.5" in text
    # the output is 8.5 + 2 * 11.5 = 31.5, so dL/dz2 = 63 and dL/dh1 = (63, 126)
    assert "dL[change]/dx2 = sum_j(dL/dz1[j] * dz1[j]/dx2) = 63*3 + 126*4 = 693" in text
    assert "dL/dx2 = dL/dh1[2] + dL[change]/dx2 = 126 + 693 = 819" in text


def test_a_parallel_block_says_which_branch_the_value_is_from():
    network = made("parallel")
    X, y = data(network)
    seen = trace(network, X, y, **STEP)
    text = seen.text(unit={"parallel_1": 4})  # of 3 + 5 + 4 the second of branch_2
    assert re.search(r"h2\[5\] = a2\[2\] = \S+   \(from branch_2\)", text)
    assert "unit 2 of parallel_1.branch_2.relu_1" in text.replace("\n", " ")
    assert re.search(
        r"dL/dx\d = dL\[branch_1\]/dx\d \+ dL\[branch_2\]/dx\d \+ dL\[branch_3\]/dx\d", text.replace("\n    ", " ")
    )
    assert "branch_2 of values 4 to 8" in text.replace("\n  ", " ")


def test_units_within_a_block_are_chosen_by_their_full_name():
    network = made("residual")
    X, y = data(network)
    seen = trace(network, X, y, **STEP)
    assert "  z2[3] = " in seen.text(unit={"residual_1.dense_1": 2})
    with pytest.raises(ValueError, match=r"no layer 'dense_9'; the layers are dense_1, residual_1.dense_1, "):
        seen.text(unit={"dense_9": 0})


def test_the_sections_of_a_block_stand_within_its_own():
    network = made("nested")
    X, y = data(network)
    seen = trace(network, X, y, **STEP)
    lines = seen.text().splitlines()
    assert any(line.startswith("    residual_1.parallel_1.branch_1: Dense(3)") for line in lines)
    opened, deepest = [], 0
    for line in re.findall(r"</?details|<summary>[^<]*", seen.html()):
        if line == "<details":
            opened.append(line)
        elif line == "</details":
            opened.pop()
        deepest = max(deepest, len(opened))
    assert not opened
    assert deepest == 4
    html.parser.HTMLParser().feed(seen.html())
    document = seen.latex()
    assert r"\subsubsection*{residual\_1.dense\_1: Dense(4)}" in document
    assert document.count("{") - document.count(r"\{") == document.count("}") - document.count(r"\}")


def test_json_holds_the_arrays_and_equations_of_what_is_within():
    network = made("residual")
    X, y = data(network)
    seen = trace(network, X, y, **STEP)
    found = json.loads(seen.json())
    block, record = found["layers"][1], seen.layers[1]
    assert block["parameters"] == {}
    assert list(block["cache"]) == ["change"]
    for told, one in zip(block["inside"], record.inside, strict=True):
        assert told["name"] == one.name
        assert np.array_equal(told["y"], one.y)
        assert np.array_equal(told["dy"], one.dy)
        assert set(told["parameters"]) == set(one.parameters)
    sections = [(section["kind"], section["layer"]) for section in found["sections"]]
    assert sections.index(("forward", "residual_1.dense_2")) < sections.index(("forward", "dense_2"))
    assert ("back", "residual_1.tanh_1") in sections


def test_values_that_are_not_finite_are_found_within_a_block():
    network = made("residual")
    network.parameters["residual_1"]["dense_2.weights"] = 1e308
    X, y = data(network)
    seen = trace(network, 1e3 * X, y, **STEP)
    assert seen.not_finite.section == ("forward", "residual_1.dense_2")
    assert "residual_1.dense_2: Dense(5)  <-- values that are not finite first appear here" in str(seen)
    marked = [one["layer"] for one in seen.to_dict()["sections"] if one["not_finite_first_here"]]
    assert marked == ["residual_1.dense_2"]
    page = seen.html()
    assert page.count("class='marked' open") == 1


def test_training_shows_what_was_drawn_and_what_a_batch_came_to():
    network = made("remembers")
    X, y = data(network)
    seen = trace(network, X, y, **STEP)
    text = str(seen)
    own = text[text.index("\nbatch_norm_1:") : text.index("\nresidual_1:")]
    order = ["mean (running, before): 0", "centre (kept by forward)", "z2[", "mean (running, after)"]
    assert [own.index(what) for what in order] == sorted(own.index(what) for what in order)
    np.testing.assert_allclose(seen.layers[1].cache["centre"], seen.layers[0].y.mean(axis=0), rtol=1e-13)
    drawn = str(trace(made("draws"), X, y, **STEP))
    own = drawn[drawn.index("\ndropout_1:") : drawn.index("\nresidual_1:")]
    assert "u (drawn, of record 1):" in own
    assert re.search(r"factor \(kept by forward, of record 1\): .*1\.6667", own)
    assert "residual_1.gaussian_noise_1" in drawn
    assert "noise (drawn, of record 1)" in drawn


# Images


def test_a_network_of_images_is_told_in_a_page_that_opens():
    layers = [Conv2D(16, 3), ReLU(), MaxPool2D(), Conv2D(32, 3), PReLU(), AveragePool2D(), Flatten(), Dense(10)]
    network = Network((28, 28, 1), layers, seed=0, dtype="float32")
    generator = np.random.default_rng(0)
    X, y = generator.standard_normal((64, 28, 28, 1)), generator.integers(0, 10, 64)
    seen = trace(network, X, y, loss="cross_entropy_from_logits", optimizer=Adam())
    text, page = str(seen), seen.html()
    assert len(page) < 200_000
    assert len(text.splitlines()) < 300
    assert max(map(len, text.splitlines())) < 130
    assert len(seen.latex()) < 200_000
    assert len(seen.json(arrays=False)) < 200_000
    assert check_text(text) >= 15


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        (
            Conv2D(1, 2),
            r"z1\[1\] = sum_k\(x\[k\] \* dz1\[1\]/dx\[k\]\) \+ b1 = 1\*10 \+ 2\*20 \+ 3\*30 \+ 4\*40 \+ 0.5 = ",
        ),
        (
            Conv2D(1, 2, bias=False),
            r"z1\[1\] = sum_k\(x\[k\] \* dz1\[1\]/dx\[k\]\) = 1\*10 \+ 2\*20 \+ 3\*30 \+ 4\*40 = ",
        ),
        (MaxPool2D(), r"a0\[1\] = x\[2,2\] = 4\n"),
        (AveragePool2D(), r"a0\[1\] = sum_k\(.*\) = 1\*0.25 \+ 2\*0.25 \+ 3\*0.25 \+ 4\*0.25 = 2.5\n"),
    ],
    ids=repr,
)
def test_layers_without_formula_tell_their_numbers_by_their_derivative(layer, line):
    network = Network((2, 4, 1), [layer, Flatten(), Dense(3), Dense(1)], seed=0)
    if isinstance(layer, Conv2D):
        network.parameters["conv2d_1"]["weights"].ravel()[:] = [10, 20, 30, 40]
        network.theta[4 : 4 + layer.bias] = 0.5
    name = network.names[0]
    x = np.array([[1.0, 2.0, -1.0, 0.5], [3.0, 4.0, -2.0, 0.0]]).reshape(1, 2, 4, 1)
    text = on_one_line_each(trace(network, x), unit={name: 0})
    assert re.search(line, text), text


def test_an_embedding_shows_the_row_that_it_took():
    network = made("categories")
    X, y = data(network)
    text = trace(network, X, y, **STEP).text(2)
    category = int(X[2, 0])
    assert re.search(rf"z1\[1,\d\] = w1\[{category + 1},\d\] = ", text) or re.search(r"z1\[2,\d\] = w1\[", text)


def test_a_layer_that_is_no_weighted_sum_shows_its_arrays():
    @dataclass(frozen=True)
    class Square(Layer):
        def forward(self, parameters, x, context):
            return x * x, {"x": x}

        def backward(self, parameters, cache, dy):
            return 2 * cache["x"] * dy, {}

    text = str(trace(Network(2, [Square(), Dense(1)], seed=0), [[1.0, 3.0]]))
    assert "square_1: Square()\n  It has no formula text: its arrays are shown instead.\n  a: 1  9\n" in text


@pytest.mark.parametrize(
    "layer",
    [
        LayerNorm(),
        LayerNorm(scale=False, shift=False),
        RMSNorm(),
        BatchNorm(),
        PReLU(),
        PReLU(shared=True),
        Dropout(0.4),
        AlphaDropout(0.3),
        GaussianNoise(0.5),
        Tanh(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("training", [False, True])
def test_formulas_of_channels_hold_at_every_place_of_an_image(layer, training):
    network = scatter(Network((3, 2, 4), [Conv2D(4, 1), layer, Flatten(), Dense(1)], seed=0))
    generator = np.random.default_rng(1)
    X, y = generator.standard_normal((3, 3, 2, 4)), generator.standard_normal(3)
    record = (trace(network, X, y, **STEP) if training else trace(network, X)).layers[1]
    totals = {name: np.zeros_like(array) for name, array in record.gradients.items()}
    for row in range(3):
        formulas = LayerFormulas(record, row)
        for unit in formulas.units:
            assert worked_out(formulas.output(unit)) == pytest.approx(record.y[row][unit], rel=1e-12, abs=1e-12)
            if training and "x" in formulas.derivatives:
                pairs = formulas.leaving("x", unit, record.dy)
                back = sum(worked_out(dy) * worked_out(slope) for dy, slope in pairs)
                assert back == pytest.approx(record.dx[row][unit], rel=1e-11, abs=1e-12)
                assert unit in formulas.feeding("x", unit)
        for name in totals if training else ():
            for place in np.ndindex(totals[name].shape) if name in formulas.derivatives else ():
                pairs = formulas.leaving(name, place, record.dy)
                totals[name][place] += sum(worked_out(dy) * worked_out(slope) for dy, slope in pairs)
    for name, total in totals.items():
        if training and name in record.layer.derivatives:
            np.testing.assert_allclose(total, record.gradients[name], rtol=1e-11, atol=1e-12)
