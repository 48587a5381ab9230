"""The trace: it records the step that training makes, changes nothing, and its figures can be worked out again."""

import html.parser
import json
import re
from dataclasses import dataclass

import numpy as np
import pytest

from pellucid import (
    LBFGS,
    SGD,
    Adam,
    BinaryCrossEntropyFromLogits,
    Constant,
    Dense,
    Flatten,
    Layer,
    Network,
    Parameter,
    Penalty,
    ReLU,
    Sigmoid,
    Softmax,
    SquaredError,
    Tanh,
    trace,
)
from pellucid.insight.terms import figure
from pellucid.training import run
from recompute import check_text, computed, of_numbers_alone, on_one_line_each
from table import LAYER_EXAMPLES, LOSS_EXAMPLES, OPTIMIZER_EXAMPLES, ToyCentre, ToyNoise, scatter


def data(records=6, inputs=4, seed=0):
    generator = np.random.default_rng(seed)
    return generator.standard_normal((records, inputs)), generator.standard_normal(records)


# It is the step that training makes


@pytest.mark.parametrize("example", OPTIMIZER_EXAMPLES, ids=str)
def test_it_foretells_the_next_step_of_training_to_the_bit(example):
    X, y = data()
    network = Network(4, [Dense(5), Tanh(), Dense(1)], seed=3)
    settings = {"loss": "squared_error", "optimizer": example.optimizer, "penalty": Penalty(l2=0.1)}
    for _ in range(4):
        seen = trace(network, X, y, **settings)
        history = network.fit(X, y, epochs=1, batch_size=None, **settings)
        assert (seen.update.after == network.theta).all()
        assert seen.loss.value + seen.loss.penalty == history["loss"][0]
        settings = {}  # from now on what the network remembers


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("members", [None, 3])
def test_training_with_and_without_a_trace_gives_the_same_theta(dtype, members):
    X, y = data(32)
    settings = {"loss": "squared_error", "optimizer": Adam(0.01), "epochs": 5, "batch_size": 8}
    plain = Network(4, [Dense(5), ToyNoise(), ReLU(), Dense(1)], seed=3, dtype=dtype, members=members)
    watched = plain.copy()
    plain.fit(X, y, **settings)
    for _ in run(watched, X, y, **settings, every="batch"):
        str(trace(watched, X, y, member=0 if members is None else 2))
    assert (plain.theta == watched.theta).all()
    assert plain.history["loss"].tolist() == watched.history["loss"].tolist()


def test_weights_clipping_multipliers_and_frozen_layers_are_those_of_fit():
    X, y = data()
    network = Network(4, [Dense(5), Tanh(), Dense(3), Tanh(), Dense(1)], seed=3, frozen=["dense_1"])
    settings = {
        "loss": "squared_error",
        "optimizer": SGD(0.1, momentum=0.5),
        "sample_weight": [1, 2, 3, 0, 1, 5],
        "clip_norm": 0.01,
        "rate_multipliers": {"dense_2": 0.5, "dense_3.bias": 2.0},
    }
    seen = trace(network, X, y, **settings)
    network.fit(X, y, epochs=1, batch_size=None, **settings)
    assert (seen.update.after == network.theta).all()
    assert np.linalg.norm(seen.update.clipped) == pytest.approx(0.01)
    assert seen.layers[0].dy is None
    assert "Nothing from here down learns" in str(seen)


def test_random_and_remembering_layers_see_what_the_first_step_of_fit_would():
    X, y = data()
    network = Network(4, [Dense(5), ToyCentre(), ToyNoise(), Dense(1)], seed=3)
    seen = trace(network, X, y, loss="squared_error", optimizer="sgd")
    network.fit(X, y, loss="squared_error", optimizer="sgd", epochs=1, batch_size=None)
    assert (seen.update.after == network.theta).all()
    assert seen.layers[2].context.training


def test_the_network_stays_as_it_is():
    X, y = data()
    network = Network(4, [Dense(5), ToyCentre(), Dense(1)], seed=3)
    network.fit(X, y, loss="squared_error", epochs=2)
    theta, state, fitted = network.theta.copy(), network.state[1]["mean"].copy(), network.fitted
    memory = fitted.optimizer_state.m.copy()
    str(trace(network, X, y, penalty=Penalty(l2=1.0)))
    assert (network.theta == theta).all()
    assert (network.state[1]["mean"] == state).all()
    assert network.fitted is fitted
    assert (fitted.optimizer_state.m == memory).all()


def test_what_it_recorded_stays_when_training_goes_on():
    X, y = data()
    network = Network(4, [Dense(5), Tanh(), Dense(1)], seed=3)
    seen = trace(network, X, y, loss="squared_error", optimizer=SGD(0.1))
    before = seen.json()
    network.fit(X, y, loss="squared_error", optimizer=SGD(0.1), epochs=3)
    assert seen.json() == before


def test_every_array_by_hand():
    network = Network(1, [Dense(1), Tanh()], seed=0)
    network.theta = [2.0, 0.5]
    X, y = np.array([[1.0], [-0.5]]), np.array([1.0, 0.0])
    seen = trace(network, X, y, loss="squared_error", optimizer=SGD(0.1))
    z = 2 * X + 0.5
    a = np.tanh(z)
    dense, tanh = seen.layers
    assert dense.y.tolist() == z.tolist()
    np.testing.assert_allclose(tanh.y, a, rtol=1e-15)
    dL_da = 2 * (a - y[:, None]) / 2
    dL_dz = dL_da * (1 - a**2)
    np.testing.assert_allclose(tanh.dy, dL_da, rtol=1e-15)
    np.testing.assert_allclose(tanh.dx, dL_dz, rtol=1e-15)
    np.testing.assert_allclose(dense.dy, dL_dz, rtol=1e-15)
    np.testing.assert_allclose(dense.dx, dL_dz * 2, rtol=1e-15)
    np.testing.assert_allclose(dense.gradients["weights"], X.T @ dL_dz, rtol=1e-15)
    np.testing.assert_allclose(seen.update.step, 0.1 * seen.update.gradient, rtol=1e-15)
    np.testing.assert_allclose(seen.loss.losses, (a - y[:, None]) ** 2, rtol=1e-15)
    assert seen.loss.value == pytest.approx(((a - y[:, None]) ** 2).mean())


# The figures shown can be worked out again


def wide(network):
    return scatter(network, seed=5)


@pytest.mark.parametrize("example", LAYER_EXAMPLES, ids=str)
def test_recomputing_from_the_shown_figures_gives_the_shown_result_for_every_layer(example):
    flat = [] if len(example.layer.output_shape(example.shape)) == 1 else [Flatten()]
    network = Network(example.shape, [example.layer, *flat, Dense(2)], seed=0)
    scatter(network)
    x = example.x(records=4)
    y = np.random.default_rng(1).standard_normal((4, 2))
    for record in range(4):
        seen = trace(network, x, y, loss="squared_error", optimizer=Adam(0.01))
        text = on_one_line_each(seen, record)
        assert check_text(text) >= 10
        assert "≈" not in text
        assert "!" not in text.replace("not finite", "")  # no formula disagrees with what was computed


@pytest.mark.parametrize("example", LOSS_EXAMPLES, ids=str)
def test_recomputing_works_for_every_loss(example):
    generator = np.random.default_rng(0)
    network = wide(Network(3, [Dense(example.outputs)], seed=0))
    y = example.target(5)
    text = str(trace(network, generator.standard_normal((5, 3)), y, loss=example.loss, optimizer=SGD(0.1)))
    assert check_text(text) >= 5
    assert "!" not in text


@pytest.mark.parametrize("example", OPTIMIZER_EXAMPLES, ids=str)
def test_recomputing_works_for_every_optimizer(example):
    X, y = data()
    network = wide(Network(4, [Dense(3), Tanh(), Dense(1)], seed=0))
    network.fit(X, y, loss="squared_error", optimizer=example.optimizer, epochs=3, batch_size=None)
    text = str(trace(network, X, y))
    assert check_text(text) >= 15
    assert "  step = " in text


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", range(5))
def test_recomputing_works_for_ordinary_networks(dtype, seed):
    generator = np.random.default_rng(seed)
    network = Network(20, [Dense(16), ReLU(), Dense(12), Tanh(), Dense(3)], seed=seed, dtype=dtype)
    X, y = generator.standard_normal((40, 20)) * 10.0 ** generator.integers(-3, 3), generator.integers(0, 3, 40)
    seen = trace(network, X, y, loss="cross_entropy_from_logits", optimizer=Adam(), penalty=Penalty(l1=0.01, l2=0.1))
    text = seen.text(record=seed)
    assert check_text(text) >= 20
    assert "! " not in text


def test_the_check_itself_finds_a_wrong_figure():
    X, y = data()
    text = str(trace(Network(4, [Dense(2), Tanh(), Dense(1)], seed=0), X, y, loss="squared_error"))
    assert check_text(text)
    wrong = re.sub(
        r"= (-?)(\d\.\d\d)(\d)(\d+)\n",
        lambda found: f"= {found[1]}{found[2]}{(int(found[3]) + 5) % 10}{found[4]}\n",
        text,
    )
    assert wrong != text
    with pytest.raises(AssertionError):
        check_text(wrong)


class MathReader(html.parser.HTMLParser):
    """Reads MathML back into lines of arithmetic."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.rows, self.stack, self.details = [], [("root", [])], 0

    def handle_starttag(self, tag, attributes):
        self.details += tag == "details"
        self.stack.append((tag, []))

    def handle_data(self, text):
        self.stack[-1][1].append(text)

    def handle_endtag(self, tag):
        name, parts = self.stack.pop()
        assert name == tag, f"{name} is closed by {tag}"
        text = "".join(parts)
        match tag:
            case "mfrac":
                text = f"(({parts[0]})/({parts[1]}))"
            case "msup":
                text = f"(({parts[0]})**({parts[1]}))"
            case "msqrt":
                text = f"sqrt({text})"
            case "munder":
                text = parts[0]
            case "mo":
                text = {"−": "-", "·": "*"}.get(text, text)
            case "mtext":
                text = ""
            case "mtr" if len(parts) == 3:
                self.rows.append(parts)
        self.stack[-1][1].append(text)


def test_the_mathml_can_be_worked_out_again():
    X, y = data()
    network = wide(Network(4, [Dense(3), Tanh(), Dense(2), Sigmoid()], seed=0))
    page = trace(network, X, np.stack([y, -y], axis=1), loss="squared_error", optimizer=Adam()).html(2)
    reader = MathReader()
    reader.feed(page)
    assert len(reader.stack) == 1, "every element is closed"
    assert reader.details == 11
    checked = 0
    for (_, _, numbers), (_, sign, shown) in zip(reader.rows, reader.rows[1:], strict=False):
        if sign == "=" and of_numbers_alone(numbers) and re.fullmatch(r"-?[\d.]+(\*\(\(10\)\*\*\(-?\d+\)\))?", shown):
            value = computed(shown)
            digits = len(re.sub(r"\*.*|[-.]", "", shown).lstrip("0")) or 1
            assert figure(computed(numbers), digits) == figure(value, digits), (numbers, shown)
            checked += 1
    assert checked >= 20
    assert "<script" not in page
    assert "http" not in page


def test_the_latex_has_balanced_braces_and_the_same_figures():
    X, y = data()
    seen = trace(wide(Network(4, [Dense(3), Tanh(), Dense(1)], seed=0)), X, y, loss="squared_error", optimizer=Adam())
    document = seen.latex(1)
    bare = re.sub(r"\\[{}_]", "", document)
    depth = 0
    for letter in bare:
        depth += (letter == "{") - (letter == "}")
        assert depth >= 0
    assert depth == 0
    for pair in ("align*", "document"):
        assert document.count(rf"\begin{{{pair}}}") == document.count(rf"\end{{{pair}}}") > 0
    assert document.count(r"\left") == document.count(r"\right")
    for section in seen.to_dict(1)["sections"]:
        for equation in section["equations"]:
            mantissa = equation["shown"].partition("e")[0]
            assert f"= {mantissa}" in document


def test_json_holds_every_array_and_every_equation():
    X, y = data()
    seen = trace(wide(Network(4, [Dense(3), Tanh(), Dense(1)], seed=0)), X, y, loss="squared_error", optimizer=Adam())
    found = json.loads(seen.json())
    assert np.array_equal(found["input"], X)
    for layer, record in zip(found["layers"], seen.layers, strict=True):
        assert np.array_equal(layer["y"], record.y)
        assert np.array_equal(layer["dy"], record.dy)
        assert np.array_equal(layer["dx"], record.dx)
        for name, gradient in record.gradients.items():
            assert np.array_equal(layer["gradients"][name], gradient)
    assert np.array_equal(found["update"]["after"], seen.update.after)
    checked = 0
    for section in found["sections"]:
        for equation in section["equations"]:
            if equation["numbers"] is not None and equation["sign"] == "=":
                assert computed(equation["numbers"]) == pytest.approx(equation["value"], rel=1e-3, abs=1e-15)
                checked += 1
    assert checked >= 15
    short = json.loads(seen.json(arrays=False))
    assert short["layers"][0]["y"]["shape"] == [6, 3]


# The chain rule, and what a person reads


def test_the_chain_rule_is_a_product_whose_factors_are_named_by_their_layers():
    network = Network(3, [Dense(1), Sigmoid()], seed=0)
    seen = trace(network, [[1.0, 0.0, 2.0]], [1.0], loss="squared_error", optimizer=SGD(0.05))
    text = str(seen)
    assert "dL/dw1 = dL/da * da/dz * dz/dw1" in text
    assert "dL/da: SquaredError, da/dz: sigmoid_1, dz/dw1: dense_1" in text
    back = [one for section in seen.to_dict()["sections"] if section["kind"] == "back" for one in section["equations"]]
    chain = next(one for one in back if one["name"] == "dL/dw1")
    assert chain["factors"] == {"dL/da": "SquaredError", "da/dz": "sigmoid_1", "dz/dw1": "dense_1"}
    a = float(network.predict([[1.0, 0.0, 2.0]])[0, 0])
    assert chain["value"] == pytest.approx(2 * (a - 1) * a * (1 - a) * 1)


def test_where_units_join_the_gradient_is_a_sum_over_them():
    network = wide(Network(2, [Dense(2), Tanh(), Dense(3)], seed=0))
    text = trace(network, [[1.0, 2.0]], [0], loss="cross_entropy_from_logits", optimizer=SGD(0.1)).text(
        unit={"dense_2": 1, "tanh_1": 0}
    )
    assert "dL/da1[1] = sum_j(dL/dz2[j] * dz2[j]/da1[1])" in text
    assert "dL/dw1[1,1] = dL/da1[1] * da1[1]/dz1[1] * dz1[1]/dw1[1,1]" in text
    assert "z2[2] = a1[1]*w2[1,2] + a1[2]*w2[2,2] + b2[2]" in text


def test_a_person_sees_the_formula_and_then_its_numbers():
    network = Network(3, [Dense(1), Sigmoid()], seed=0)
    network.theta = [6.5761, 14.7347, -7.6932, -10.3417]
    text = str(trace(network, [[1, 0, 0]]))
    assert "z = x1*w1 + x2*w2 + x3*w3 + b = 1*6.5761 + 0*14.7347 + 0*-7.6932 - 10.3417 = -3.7656" in text
    assert "a = 1 / (1 + exp(-z)) = 1 / (1 + exp(3.7656)) = 0.02263" in text


def test_inputs_may_have_names():
    network = Network(2, [Dense(1)], seed=0)
    text = str(trace(network, [[1.0, 2.0]], feature_names=["area", "age"]))
    assert "z = area*w1 + age*w2 + b" in text
    with pytest.raises(ValueError, match="feature_names has 1 names"):
        trace(network, [[1.0, 2.0]], feature_names=["area"])


def test_large_arrays_are_shown_by_shape_range_and_strip():
    generator = np.random.default_rng(0)
    network = Network(784, [Dense(256), ReLU(), Dense(128), ReLU(), Dense(10)], seed=0, dtype="float32")
    X, y = generator.standard_normal((128, 784)), generator.integers(0, 10, 128)
    seen = trace(network, X, y, loss="cross_entropy_from_logits", optimizer=Adam())
    text, page = str(seen), seen.html()
    assert len(page) < 1_000_000
    assert max(map(len, text.splitlines())) < 130
    assert len(text.splitlines()) < 200
    assert "w1 (weights): 784 x 256" in text
    assert re.search(r"[▁▂▃▄▅▆▇█]{32}", text)
    assert check_text(text) >= 20
    assert "others" in text


def test_a_prediction_has_no_way_back():
    text = str(trace(Network(2, [Dense(2), Softmax()], seed=0), [[1.0, 2.0]]))
    assert text.startswith("One prediction")
    assert "dL" not in text
    assert check_text(text) == 2


def test_lbfgs_has_a_gradient_and_no_single_step():
    X, y = data()
    seen = trace(Network(4, [Dense(1)], seed=0), X, y, loss="squared_error", optimizer=LBFGS())
    assert seen.update is None
    assert "Update" not in str(seen)
    assert seen.layers[0].gradients["weights"].shape == (4, 1)


# Layers of one's own


@dataclass(frozen=True)
class Square(Layer):
    formula = "y = x * x"
    derivatives = {"x": "2 * x"}  # noqa: RUF012

    def forward(self, parameters, x, context):
        return x * x, {"x": x}

    def backward(self, parameters, cache, dy):
        return 2 * cache["x"] * dy, {}


@dataclass(frozen=True)
class Plain(Square):
    formula = ""


@dataclass(frozen=True)
class WronglyTold(Square):
    formula = "y = x * x * x"


@dataclass(frozen=True)
class WronglyDone(Square):
    def backward(self, parameters, cache, dy):
        return cache["x"] * dy, {}


@dataclass(frozen=True)
class Unreadable(Square):
    formula = "y = x *"


@dataclass(frozen=True)
class UnknownName(Square):
    formula = "y = x * q"


def own(layer):
    network = Network(2, [Dense(2), layer, Dense(1)], seed=0)
    return str(trace(network, [[1.0, 2.0], [0.5, -1.0]], [1.0, 2.0], loss="squared_error", optimizer=SGD(0.1)))


def test_a_layer_of_ones_own_is_shown_by_its_formula():
    text = own(Square())
    assert re.search(r"a1\[\d\] = z1\[\d\]\*z1\[\d\] = ", text)
    assert re.search(r"dL/dz1\[\d\] = dL/da1\[\d\] \* da1\[\d\]/dz1\[\d\]", text)
    assert "!" not in text


def test_a_layer_without_formula_is_shown_by_its_name_and_arrays():
    text = own(Plain())
    assert "plain_1: Plain()\n  It has no formula text: its arrays are shown instead.\n  a1 (of record 1):" in text
    assert "dL/da1 (arrives" in text
    assert "dL/dz1 (leaves" in text
    assert check_text(text) > 5


@pytest.mark.parametrize("layer", [Unreadable(), UnknownName()], ids=lambda layer: type(layer).__name__)
def test_a_formula_that_cannot_be_used_is_told_and_the_arrays_are_shown(layer):
    text = own(layer)
    assert "Its formula cannot be used" in text
    assert "\n  a1 (of record 1):" in text


def test_a_formula_that_is_not_what_forward_computes_is_told():
    assert re.search(r"! Its formula gives \S+, but forward gave \S+\.", own(WronglyTold()))


def test_a_backward_that_is_not_the_derivative_is_told():
    text = own(WronglyDone())
    assert re.search(r"! By its derivative it is \S+, but backward gave \S+\.", text)
    assert "≠" in text


@dataclass(frozen=True, kw_only=True)
class HalfSquareError(SquaredError):
    formula = "l = (output - target) ** 2 / 2"


@dataclass(frozen=True, kw_only=True)
class NoLineError(SquaredError):
    formula = "l = output -"


@dataclass(frozen=True)
class Hasty(SGD):
    formula = "step = 2 * rate * gradient"


@dataclass(frozen=True)
class Nameless(SGD):
    formula = "step = speed * gradient"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"loss": HalfSquareError()}, r"! Its formula gives \S+, but forward gave"),
        ({"loss": NoLineError()}, r"Its formula cannot be used \(the formula 'l = output -'"),
        ({"optimizer": Hasty(0.1)}, r"! Its formula gives \S+, but update gave"),
        ({"optimizer": Nameless(0.1)}, r"Its formula cannot be used \(the formula holds 'speed'"),
    ],
)
def test_formulas_of_losses_and_optimizers_are_held_to_what_they_compute(settings, told):
    X, y = data()
    network = Network(4, [Dense(1)], seed=0)
    text = str(trace(network, X, y, **{"loss": "squared_error", "optimizer": SGD(0.1)} | settings))
    assert re.search(told, text)
    assert check_text(text) > 3


# Values that are not finite


def overflowing():
    network = Network(2, [Dense(3), ReLU(), Dense(2), Tanh(), Dense(1)], seed=0)
    network.parameters["dense_2"]["weights"] = 1e308
    return network


def test_the_first_value_that_is_not_finite_is_marked():
    X = np.array([[0.0, 0.0], [1.0, 5.0], [9.0, 9.0]])
    seen = trace(overflowing(), X, [0.0, 0.0, 0.0], loss="squared_error", optimizer=SGD(0.1))
    found = seen.not_finite
    assert found.where == "the output of dense_2"
    assert found.record == 1
    text = seen.text(color=True)
    assert "Followed is record 2 of 3, through unit" in text
    marked = [line for line in text.splitlines() if "first appear here" in line]
    assert len(marked) == 1
    assert "dense_2: Dense(2)" in marked[0]
    assert "\x1b[31m" in marked[0]
    assert "first appear here" in seen.html()
    assert "class='marked'" in seen.html()
    assert seen.latex().count("first appear here") == 1
    data = json.loads(seen.json())
    assert [section["title"] for section in data["sections"] if section["not_finite_first_here"]] == [
        "dense_2: Dense(2)"
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_bad_value_in_the_input_is_let_through_and_shown(value):
    network = Network(2, [Dense(3), Tanh(), Dense(1)], seed=0)
    seen = trace(network, [[0.0, 1.0], [1.0, value]], [0.0, 1.0], loss="squared_error")
    assert seen.not_finite.where == "the input"
    assert seen.not_finite.record == 1
    assert "Input  <-- values that are not finite first appear here" in str(seen)


def test_a_bad_parameter_is_found_before_what_it_spoils():
    network = Network(2, [Dense(3), Tanh(), Dense(1)], seed=0)
    network.parameters["dense_2"]["bias"] = np.nan
    assert trace(network, [[0.0, 1.0]]).not_finite.where == "dense_2.bias"


def test_nothing_is_marked_where_all_is_finite():
    seen = trace(Network(2, [Dense(1)], seed=0), [[0.0, 1.0]])
    assert seen.not_finite is None
    assert "not finite" not in str(seen)


def test_infinite_results_are_equal_to_themselves():
    network = Network(1, [Dense(1)], seed=0)
    network.theta = [1e200, 0.0]
    seen = trace(network, [[1.0], [1e10]], [0.0, 0.0], loss="squared_error", optimizer=Adam())
    text = seen.text(0)
    assert re.search(r"L = .* = inf   ", text.replace("\n    ", " "))
    assert "≠" not in text
    assert "!" not in text.replace("! The first value", "")


def test_infinite_values_are_shown_as_they_are():
    text = str(trace(Network(2, [Dense(1)], seed=0), [[np.inf, -np.inf]]))
    assert "x: inf  -inf  2 of 2 not finite" in text


def test_a_spoilt_memory_of_the_optimizer_is_found():
    network = Network(1, [Dense(1)], seed=0)
    seen = trace(network, [[1e160]], [0.0], loss="absolute_error", optimizer=Adam())
    assert seen.not_finite.where == "the optimizer's v"


# What a careful reader found

SURE = [-745.0, -40.0, -20.0, -1e-9, 1e-9, 20.0, 40.0, 300.0]


@pytest.mark.parametrize("example", LAYER_EXAMPLES, ids=str)
def test_rounding_is_no_fault_of_a_layer(example):
    if len(example.shape) != 1 or len(example.layer.output_shape(example.shape)) != 1 or example.codes:
        return
    network = scatter(Network(example.shape, [example.layer], seed=0))
    for value in SURE:
        x = np.full((1, *example.shape), value)
        target = np.zeros((1, network.outputs[0]))
        text = str(trace(network, x, target, loss="squared_error", optimizer=SGD(0.1)))
        assert "! " not in text
        assert "≠" not in text


@pytest.mark.parametrize("example", LOSS_EXAMPLES, ids=str)
def test_rounding_is_no_fault_of_a_loss(example):
    network = Network(1, [Dense(example.outputs)], seed=0)
    network.theta = np.concatenate([np.linspace(1, 2, example.outputs), np.zeros(example.outputs)])
    for value in SURE[1:]:
        y = example.target(1)
        text = str(trace(network, [[value]], y, loss=example.loss, optimizer=SGD(0.1)))
        assert "! " not in text
        assert "≠" not in text


def test_what_is_frozen_is_told_and_not_followed():
    X, y = data()
    network = Network(4, [Dense(3), Tanh(), Dense(2), Tanh(), Dense(1)], seed=3, frozen=["dense_2"])
    text = str(trace(network, X, y, loss="squared_error", optimizer=SGD(0.1)))
    back = text[text.index("Back through dense_2") : text.index("Back through tanh_1")]
    assert "This layer is frozen" in back
    assert "dL/dw2" not in text
    assert "w2'" not in text
    assert "w1[1,1]' = " in text or "w1[" in text[text.index("Update") :]


def test_clipping_is_worked_out_where_it_clips():
    X, y = data()
    network = Network(4, [Dense(1)], seed=3)
    settings = {"loss": "squared_error", "optimizer": SGD(0.1)}
    assert "clip" not in str(trace(network, X, y, clip_norm=1e6, **settings))
    for clip in ({"clip_norm": 0.1}, {"clip_value": 0.01}, {"clip_norm": 0.01, "clip_value": 0.02}):
        text = str(trace(network, X, y, penalty=Penalty(l2=0.5), **clip, **settings))
        assert "g' = " in text
        assert check_text(text) > 15
        for name in clip:
            assert name in text


def test_rates_and_shares_and_penalties_are_worked_out():
    X, y = data()
    network = Network(4, [Dense(1)], seed=3)
    text = str(
        trace(
            network, X, y, loss="squared_error", optimizer=SGD(0.1), sample_weight=[1, 2, 3, 0, 1, 5],
            penalty=Penalty(l1=0.1, l2=0.5), rate_multipliers={"dense_1": 0.5},
        )
    )  # fmt: skip
    assert "rate = learning rate*multiplier = 0.1*0.5 = 0.05" in text
    assert "= l2*sum_i(w[i]^2) / 2 + l1*sum_i(abs(w[i]))" in text
    assert "L = sum_n(share[n]*l[n])" in text
    assert check_text(text) > 15


@dataclass(frozen=True)
class WrongName(Square):
    derivatives = {"x": "2 * q"}  # noqa: RUF012


@dataclass(frozen=True)
class WrongKey(Square):
    derivatives = {"x": "2 * x", "gains": "x"}  # noqa: RUF012


@dataclass(frozen=True)
class BeyondTheEnd(Square):
    formula = "y[j] = x[j + 1]"


@dataclass(frozen=True)
class NoDerivatives(Square):
    derivatives = None


@pytest.mark.parametrize(
    "layer", [WrongName(), WrongKey(), BeyondTheEnd(), NoDerivatives()], ids=lambda x: type(x).__name__
)
def test_texts_that_cannot_be_used_are_told_and_never_crash(layer):
    network = Network(2, [Dense(2), layer, Dense(1)], seed=0)
    seen = trace(network, [[1.0, 2.0]], [1.0], loss="squared_error", optimizer=SGD(0.1))
    for unit in (0, 1):
        text = seen.text(unit={type(layer).base_name() + "_1": unit})
        assert "cannot be used" in text or "! Its formula gives" in text
        assert "dL/da1 (arrives" in text
        seen.html(unit={type(layer).base_name() + "_1": unit})


@dataclass(frozen=True, kw_only=True)
class WrongSlopeError(SquaredError):
    derivatives = {"output": "3 * (output - target)"}  # noqa: RUF012


def test_a_loss_whose_derivative_is_wrong_is_told():
    X, y = data()
    text = str(trace(Network(4, [Dense(1)], seed=0), X, y, loss=WrongSlopeError(), optimizer=SGD(0.1)))
    assert "! By its derivative the gradient is" in text


@dataclass(frozen=True)
class Scale(Layer):
    formula = "y = x * scale"
    derivatives = {"x": "scale", "scale": "x"}  # noqa: RUF012

    def parameters(self, input_shape):
        return {"scale": Parameter((), Constant(2.0))}

    def forward(self, parameters, x, context):
        return x * parameters["scale"][..., None, None], {"x": x}

    def backward(self, parameters, cache, dy):
        return dy * parameters["scale"][..., None, None], {"scale": (dy * cache["x"]).sum(axis=(-2, -1))}


@pytest.mark.parametrize("records", [1, 3])
def test_a_shared_parameter_gets_its_sum(records):
    X = np.arange(1.0, 1 + 2 * records).reshape(records, 2)
    network = Network(2, [Scale()], seed=0)
    text = str(trace(network, X, np.zeros((records, 2)), loss="squared_error", optimizer=SGD(0.1)))
    assert "dL/dscale = " in text
    assert "! " not in text
    assert check_text(text) > 5


def test_a_page_shows_names_and_does_not_run_them():
    hostile = "<img src=x onerror=alert()>"
    seen = trace(Network(2, [Dense(1)], seed=0), [[1.0, 2.0]], feature_names=[hostile, "b & c"])
    assert hostile not in seen.html()
    assert "&lt;img" in seen.html()
    assert "\x1b" not in trace(Network(1, [Dense(1)], seed=0), [[1.0]], feature_names=["\x1b[2J"]).text()


def test_powers_keep_their_brackets():
    network = Network(1, [Dense(1)], seed=0)
    network.theta = [1.5344, 0.0]
    seen = trace(network, [[1e-3]], [0.0], loss="squared_error", optimizer=Adam())
    assert "(dL/dw)^2" in str(seen)
    for power in re.findall(r"<msup>(.*?)</msup>", seen.html()):
        assert not power.startswith("<mrow><mn>") or "·" not in power, power


def test_the_record_is_a_copy():
    X, y = data()
    seen = trace(Network(4, [Dense(1)], seed=0), X, y, loss="squared_error", optimizer=SGD(0.1))
    before = str(seen)
    X[:], y[:] = 0, 0
    assert str(seen) == before


@pytest.mark.parametrize("width", [50, 72, 100])
def test_text_fits_the_width(width):
    generator = np.random.default_rng(0)
    network = Network(12, [Dense(8), Tanh(), Dense(6), ReLU(), Dense(3)], seed=0)
    X, y = generator.standard_normal((9, 12)), generator.integers(0, 3, 9)
    text = trace(network, X, y, loss="cross_entropy_from_logits", optimizer=Adam()).text(width=width)
    assert max(map(len, text.splitlines())) <= width + 24
    assert check_text(text) > 10


def test_a_step_needs_targets():
    network = Network(2, [Dense(1)], seed=0)
    for name, value in (("loss", "squared_error"), ("clip_norm", 1.0), ("sample_weight", [1.0])):
        with pytest.raises(ValueError, match=f"{name} is for a training step, which needs y"):
            trace(network, [[1.0, 2.0]], **{name: value})
    with pytest.raises(TypeError, match="feature_names must be a list"):
        trace(network, [[1.0, 2.0]], feature_names="ab")
    with pytest.raises(ValueError, match="feature_names has a name twice"):
        trace(network, [[1.0, 2.0]], feature_names=["a", "a"])
    with pytest.raises(ValueError, match="clip_norm must be positive"):
        trace(network, [[1.0, 2.0]], [1.0], loss="squared_error", clip_norm=-1.0)


# What cannot be traced


def test_bad_input_is_refused_by_name():
    X, y = data()
    network = Network(4, [Dense(3), Tanh(), Dense(1)], seed=0)
    with pytest.raises(ValueError, match="name a loss the first time"):
        trace(network, X, y)
    with pytest.raises(TypeError, match="trace watches a Network, found a list"):
        trace([1], X, y)
    with pytest.raises(ValueError, match=r"X has shape \(6, 3\)"):
        trace(network, X[:, :3], y, loss="squared_error")
    with pytest.raises(ValueError, match="no records"):
        trace(network, X[:0])
    seen = trace(network, X, y, loss="squared_error")
    for record in (-1, 6, 1.5, True):
        with pytest.raises(ValueError, match="record must be a whole number from 0 to 5"):
            seen.text(record)
    with pytest.raises(ValueError, match="unit of dense_2 must be a whole number from 0 to 0, found 1"):
        seen.text(unit=1)
    with pytest.raises(ValueError, match="there is no layer 'dense_9'; the layers are dense_1, tanh_1, dense_2"):
        seen.text(unit={"dense_9": 0})
    with pytest.raises(ValueError, match="member must be a whole number from 0 to 1, found 2"):
        trace(Network(4, [Dense(1)], members=2, seed=0), X, member=2)


def test_losses_at_the_edge_are_told_in_words():
    network = Network(1, [Dense(1)], seed=0)
    network.theta = [1000.0, 0.0]
    text = str(trace(network, [[1.0]], [0.0], loss=BinaryCrossEntropyFromLogits(), optimizer=SGD(0.1)))
    assert "= 1000" in text
    assert check_text(text.replace("inf", "1e999")) is not None


def test_it_shows_itself():
    seen = trace(Network(2, [Dense(1)], seed=0), [[0.0, 1.0]])
    assert "print it" in repr(seen)
    assert seen._repr_html_() == seen.html()
    assert str(seen) == seen.text()


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 1.0]], ids=["alike", "weighted"])
def test_a_scaled_loss_is_worked_out_with_its_scale(weights):
    X, y = [[1.0, 2.0], [0.5, 1.0], [2.0, 1.0]], [1.0, 0.0, 2.0]
    network = Network(2, [Dense(1)], seed=0)
    found = trace(network, X, y, loss=SquaredError(scale=0.5), sample_weight=weights)
    text = found.text(record=0)
    assert "By its derivative" not in text and "Its formula gives" not in text
    assert ("0.5*(sum_n(l[n]) / 3)" in text) == (weights is None)
    assert ("over the sum of all weights, times 0.5" in text) == (weights is not None)
