"""Formula texts say what the code computes, for every layer, loss and optimizer; and their language."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid import Network
from pellucid.insight import LayerRecord, trace
from pellucid.insight.formulas import TERMS_SHOWN, Reader, read, read_derivative, shortened
from pellucid.insight.terms import Add, Cases, Multiply, Number, Over, Rest, Symbol, figure, worked_out
from pellucid.insight.worked import LayerFormulas, Worked, settings_of
from pellucid.layers import EVALUATION, LAYERS, Dense, Layer, Sigmoid, Softmax
from pellucid.losses import LOSSES, CrossEntropyFromLogits, GaussianNLL, Loss
from pellucid.optimizers import OPTIMIZERS, Adam, NAdam, Optimizer
from table import LAYER_EXAMPLES, LOSS_EXAMPLES, OPTIMIZER_EXAMPLES, ToyCentre, ToyNoise

WITHOUT_FORMULA: dict[str, str] = {
    **dict.fromkeys(
        ("Conv2D", "MaxPool2D", "AveragePool2D"),
        "a formula has one index for each axis of a record, and cannot say a window that slides with a stride",
    ),
    **dict.fromkeys(("Flatten", "Reshape"), "an index cannot be divided, which finding a place in another shape takes"),
    **dict.fromkeys(("Select", "Embedding", "OneHot", "PiecewiseLinear"), "an index cannot be looked up in an array"),
    "MeanOfMembers": "an index cannot be multiplied, which finding a member's outputs takes",
    **dict.fromkeys(("Chain", "Residual", "Parallel"), "the layers within have their own"),
}
"""Registered names that have no formula text, and why."""

WITHOUT_SLOPE = {"BatchNorm": "in training x moves all records, by the mean and the variance; a text speaks of one"}
"""Layers that have no text for the derivative with respect to x, and why."""

over_layers = pytest.mark.parametrize("example", [one for one in LAYER_EXAMPLES if one.layer.formula], ids=str)
over_modes = pytest.mark.parametrize("training", [False, True], ids=["prediction", "training"])
over_losses = pytest.mark.parametrize("example", LOSS_EXAMPLES, ids=str)
over_optimizers = pytest.mark.parametrize("example", OPTIMIZER_EXAMPLES, ids=str)


def agree(a, b):
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-12, atol=1e-12)


def with_texts(thing, **texts):
    """Return the same configuration with other formula texts: what the tests plant."""
    planted = type(type(thing).__name__, (type(thing),), texts)
    return planted(**{setting.name: getattr(thing, setting.name) for setting in fields(thing)})


def wrong_formulas(formula) -> Iterator[str]:
    """Yield the formula with a factor or a sign too much, in each of its lines in turn."""
    lines = formula.split("; ")
    for place, line in enumerate(lines):
        left, right = line.split(" = ")
        for wrong in (f"1.0001 * ({right})", f"-({right})"):
            yield "; ".join([*lines[:place], f"{left} = {wrong}", *lines[place + 1 :]])


def wrong_derivatives(derivatives) -> Iterator[dict[str, str]]:
    for what, text in derivatives.items():
        for wrong in (f"1.0001 * ({text})", f"-({text})"):
            yield derivatives | {what: wrong}


# Layers


def layer_record(example, training=False, x=None):
    """Go forward and back through one layer, with a random gradient that arrives."""
    x = example.x() if x is None else x
    context = example.context(x, training)
    parameters = next(iter(example.network().parameters.values()), {})
    y, cache = example.layer.forward(parameters, x, context)
    dy = np.random.default_rng(3).standard_normal(y.shape)
    dx, gradients = example.layer.backward(parameters, cache, dy)
    return LayerRecord("layer_1", example.layer, parameters, context, x, y, cache, dy, dx, gradients)


def outputs(record):
    found = np.empty(record.y.shape)
    for row in range(len(found)):
        formulas = LayerFormulas(record, row)
        for unit in formulas.units:
            found[row][unit] = worked_out(formulas.output(unit))
    return found


def leaving(record, name):
    """Return the gradient with respect to the input or a parameter, added up from the derivative text."""
    rows = [LayerFormulas(record, row) for row in range(len(record.x))]

    def of(formulas, place):
        return math.fsum(worked_out(Multiply(pair)) for pair in formulas.leaving(name, place, record.dy))

    if name == "x":
        found = [[of(one, place) for place in np.ndindex(record.x.shape[1:])] for one in rows]
        return np.reshape(found, record.x.shape)
    found = np.empty(record.gradients[name].shape)
    for place in np.ndindex(found.shape):
        found[place] = math.fsum(of(one, place) for one in rows)
    return found


def layer_differences(record):
    """Return in what a layer's texts differ from what it computed."""
    slope = {} if type(record.layer).__name__ in WITHOUT_SLOPE else {"x": record.dx}
    computed = {**slope, **record.gradients}
    texts = {read_derivative(what, text).name for what, text in record.layer.derivatives.items()}
    differ = {f"d {name}" for name in computed.keys() ^ texts}
    differ |= {f"d {name}" for name in computed.keys() & texts if not agree(leaving(record, name), computed[name])}
    return differ if agree(outputs(record), record.y) else differ | {"y"}


def relabelled(record, layer):
    return LayerRecord(**{**{one.name: getattr(record, one.name) for one in fields(record)}, "layer": layer})


@over_layers
@over_modes
def test_texts_of_a_layer_give_what_forward_and_backward_gave(example, training):
    assert layer_differences(layer_record(example, training)) == set()


@over_layers
@over_modes
def test_every_wrong_formula_of_a_layer_is_found(example, training):
    record = layer_record(example, training)
    for formula in wrong_formulas(example.layer.formula):
        planted = with_texts(example.layer, formula=formula)
        assert "y" in layer_differences(relabelled(record, planted)), formula


@over_layers
@over_modes
def test_every_wrong_derivative_of_a_layer_is_found(example, training):
    record = layer_record(example, training)
    for derivatives in wrong_derivatives(example.layer.derivatives):
        planted = with_texts(example.layer, derivatives=derivatives)
        assert len(layer_differences(relabelled(record, planted))) == 1, derivatives


@pytest.mark.parametrize(
    ("name", "texts", "found"),
    [
        ("SiLU", {"formula": "s = 1 / (1 + exp(x)); y = x * s"}, {"y", "d x"}),
        ("SiLU", {"derivatives": {"x": "s + y * s"}}, {"d x"}),
        ("Softmax", {"derivatives": {"x[i]": "y[j] * ((i == j) + y[i])"}}, {"d x"}),
        ("Softmax", {"derivatives": {"x[i]": "y[i] * (i == j)"}}, {"d x"}),
        ("Dense", {"derivatives": {"x[i]": "weights[i, j]", "weights[i, j]": "x[i]"}}, {"d bias"}),
        ("Dense", {"formula": "y[j] = sum(x[i] * weights[i, j] for i in x)"}, {"y"}),
    ],
)
def test_mistakes_that_people_make_are_found(name, texts, found):
    example = next(one for one in LAYER_EXAMPLES if type(one.layer).__name__ == name)
    record = relabelled(layer_record(example), with_texts(example.layer, **texts))
    assert layer_differences(record) == found


@over_layers
@over_modes
def test_nan_stays_nan_in_a_formula(example, training):
    x = example.x()
    x[1].flat[2] = np.nan
    record = layer_record(example, training, x)
    assert np.isnan(record.y).any()
    np.testing.assert_array_equal(np.isnan(outputs(record)), np.isnan(record.y))


def test_an_overflow_inside_a_formula_comes_out_as_in_the_code():
    layer = Sigmoid()
    x = np.array([[-1000.0, 1000.0]])
    with np.errstate(over="ignore"):
        y, cache = layer.forward({}, x, EVALUATION)
    record = LayerRecord("sigmoid_1", layer, {}, EVALUATION, x, y, cache, None, None, {})
    assert outputs(record).tolist() == y.tolist() == [[0.0, 1.0]]


@dataclass(frozen=True)
class NoiseWithText(ToyNoise):
    formula = "y = x * (1 + size * u)"
    derivatives = {"x": "1 + size * u"}  # noqa: RUF012


@dataclass(frozen=True)
class CentreWithText(ToyCentre):
    formula = "y = x - mean"


@pytest.mark.parametrize("members", [None, 2])
@pytest.mark.parametrize(("dtype", "within"), [("float64", 1e-12), ("float32", 1e-5)])
def test_texts_hold_in_a_trace(dtype, within, members):
    network = Network(20, [Dense(3), NoiseWithText(), Softmax()], seed=0, dtype=dtype, members=members)
    x = np.random.default_rng(0).standard_normal((4, 20))
    found = trace(network, x, np.eye(4, 3), loss="squared_error", optimizer="adam")
    for record in found.layers:
        np.testing.assert_allclose(outputs(record), record.y, rtol=within, atol=within)
        np.testing.assert_allclose(leaving(record, "x"), record.dx, rtol=within, atol=within)
    assert isinstance(LayerFormulas(found.layers[0], 0).output((1,)).terms[0], Multiply)


def test_a_running_statistic_goes_by_its_name():
    network = Network(3, [CentreWithText()], seed=0)
    network.state[0]["mean"] = np.arange(3.0)
    record = trace(network, np.ones((2, 3))).layers[0]
    assert outputs(record).tolist() == record.y.tolist() == [[1.0, 0.0, -1.0]] * 2


# Losses


def loss_found(loss, output, target):
    """Return the losses, and the gradient with respect to the output, by the loss's texts."""
    equations, ((what, text),) = read(loss.formula), loss.derivatives.items()
    last, slope = equations[-1], read_derivative(what, text)
    losses, _ = loss.forward(output, target)
    by_formula, gradient = np.empty(losses.shape), np.zeros(output.shape)
    for row, entry in ((row, entry) for row in range(len(losses)) for entry in np.ndindex(losses.shape[1:])):
        values = {**settings_of(loss), "output": output[row], "target": target[row]}
        worked, at = Worked(equations, values, entry), dict(zip(last.index, entry))
        by_formula[row][entry] = worked_out(worked.numbers(last.right, at))
        if slope.index:
            for place in range(output.shape[1]):
                number = worked.numbers(slope.right, {**at, slope.index[0]: place})
                gradient[row, place] += worked_out(number)
        else:
            gradient[row][entry] = worked_out(worked.numbers(slope.right))
    return by_formula, gradient


def loss_differences(example, loss=None):
    output = example.output()
    target = example.loss.encode(example.target(), example.outputs, output.dtype)
    losses, cache = example.loss.forward(output, target)
    by_formula, gradient = loss_found(loss or example.loss, output, target)
    differ = set() if agree(by_formula, losses) else {"l"}
    return differ if agree(gradient, example.loss.backward(cache)) else differ | {"d output"}


@over_losses
def test_texts_of_a_loss_give_what_forward_and_backward_gave(example):
    assert loss_differences(example) == set()


@over_losses
def test_every_wrong_text_of_a_loss_is_found(example):
    for formula in wrong_formulas(example.loss.formula):
        assert loss_differences(example, with_texts(example.loss, formula=formula)), formula
    for derivatives in wrong_derivatives(example.loss.derivatives):
        assert loss_differences(example, with_texts(example.loss, derivatives=derivatives)) == {"d output"}


def test_a_loss_of_a_hand_computed_record():
    # exp(0) + exp(log 3) = 4, and the true class is the second: log 4 - log 3; gradient: 1/4, 3/4 - 1.
    losses, gradient = loss_found(CrossEntropyFromLogits(), np.array([[0.0, math.log(3)]]), np.array([[0.0, 1.0]]))
    assert agree(losses, [[math.log(4 / 3)]])
    assert agree(gradient, [[0.25, -0.25]])


def test_the_second_half_of_a_gaussians_outputs_is_found_by_its_index():
    # Mean 1, variance 1, target 3: (0 + 4 + log(2 pi)) / 2; gradient: -2 for the mean, (1 - 4) / 2.
    losses, gradient = loss_found(GaussianNLL(), np.array([[1.0, 0.0]]), np.array([[3.0]]))
    assert agree(losses, [[2 + math.log(2 * math.pi) / 2]])
    assert agree(gradient, [[-2.0, -1.5]])


# Optimizers


def optimizer_differences(example, rule=None):
    """Make three updates with random factors; return in what the texts differ from what they computed."""
    generator = np.random.default_rng(5)
    equations = read((rule or example.optimizer).formula)
    theta, differ = generator.standard_normal(4), set()
    state = example.optimizer.init(theta)
    for t in (1, 2, 3):
        gradient, factor, decay = generator.standard_normal(4), generator.random(4) + 0.5, generator.random(4)
        step, new = example.optimizer.update(gradient, state, theta, factor, decay)
        computed = {f"{name}_new": value for name, value in new._asdict().items() if name != "step"}
        computed = {name: value for name, value in computed.items() if value is not None} | {"step": step}
        values = {name: value for name, value in state._asdict().items() if name != "step" and value is not None}
        values |= settings_of(example.optimizer) | {"gradient": gradient, "theta": theta, "t": t, "decay": decay}
        values["rate"] = example.optimizer.rate(state.step) * factor
        differ |= computed.keys() - {one.name for one in equations}
        for place, one in ((place, one) for place in range(4) for one in equations if one.name in computed):
            found = worked_out(Worked(equations, values, (place,)).numbers(one.right))
            if not agree(found, np.broadcast_to(computed[one.name], 4)[place]):
                differ.add(one.name)
        theta, state = theta - step, new
    return differ if equations[-1].name == "step" else differ | {"step"}


@over_optimizers
def test_texts_of_an_optimizer_give_what_update_gave(example):
    assert optimizer_differences(example) == set()


@over_optimizers
def test_every_wrong_text_of_an_optimizer_is_found(example):
    for formula in wrong_formulas(example.optimizer.formula):
        planted = with_texts(example.optimizer, formula=formula)
        assert optimizer_differences(example, planted), formula


@pytest.mark.parametrize(
    ("rule", "right", "wrong", "found"),
    [
        (Adam(0.05), "v_new / (1 - beta2 ** t)", "v_new", {"step"}),
        (Adam(0.05), "(1 - beta1) * gradient", "gradient", {"m_new", "step"}),
        (NAdam(0.02), "(t + 1) *", "t *", {"step"}),
    ],
)
def test_mistakes_that_people_make_in_an_optimizer_are_found(rule, right, wrong, found):
    example = next(one for one in OPTIMIZER_EXAMPLES if type(one.optimizer) is type(rule))
    assert right in rule.formula
    planted = with_texts(rule, formula=rule.formula.replace(right, wrong))
    assert optimizer_differences(example, planted) == found


# All of them


def test_every_registered_name_has_texts_or_a_reason():
    examples = [one.layer for one in LAYER_EXAMPLES] + [one.loss for one in LOSS_EXAMPLES]
    examples += [one.optimizer for one in OPTIMIZER_EXAMPLES]
    without = {type(one).__name__ for one in examples if not one.formula}
    without |= {type(one).__name__ for one in examples if not getattr(one, "derivatives", True)} - set(WITHOUT_SLOPE)
    assert {type(one).__name__ for one in examples} == {*LAYERS, *LOSSES, *OPTIMIZERS}
    assert without == set(WITHOUT_FORMULA)


@pytest.mark.parametrize("base", [Layer(), Loss(), Optimizer()])
def test_those_of_ones_own_need_no_text(base):
    assert base.formula == ""
    assert not getattr(base, "derivatives", {})


# The language


def value(text, **values):
    equations = read(text)
    return worked_out(Worked(equations, values).numbers(equations[-1].right))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ; ",
        "y",
        "y = ",
        "y = x +",
        "y == x",
        "y += x",
        "y = z = x",
        "y: float = x",
        "y[0] = x",
        "y.real = x",
        "import os",
        "y = x.real",
        "y = [x]",
        "y = {x}",
        "y = (x, x)",
        "y = 'x'",
        "y = True",
        "y = 1j",
        "y = f'{x}'",
        "y = (lambda: 1)()",
        "y = lambda: 1",
        "y = (z := x)",
        "y = x if x",
        "y = not x",
        "y = ~x",
        "y = x and z",
        "y = x % 2",
        "y = x @ z",
        "y = x // 2",
        "y = x != 0",
        "y = 0 < x < 1",
        "y = x is z",
        "y = x[0].real",
        "y = (x + 1)[0]",
        "y = x[0][1]",
        "y = x[1:]",
        "y = __import__('os')",
        "y = open(x)",
        "y = exp.__call__(x)",
        "y = exp(x)(x)",
        "y = exp()",
        "y = exp(x, x)",
        "y = exp(*x)",
        "y = exp(x=x)",
        "y = max(x)",
        "y = sum(x)",
        "y = sum(x[i] for i in x if i)",
        "y = sum(x[i] for i in x for j in x)",
        "y = sum(x[i] for i in range(3))",
        "y = sum(x[i] for i, j in x)",
        "y = sum([x[i] for i in x])",
        "y = (x[i] for i in x)",
        "y = exp(x[i] for i in x)",
        "y = len(x + x)",
        "y = len(x[0])",
    ],
)
def test_what_is_no_arithmetic_is_refused_when_it_is_read(text):
    with pytest.raises(ValueError, match=r"^the formula .* (is|must|calls|holds) "):
        read(text)


def test_nothing_in_a_formula_is_run(tmp_path):
    made = tmp_path / "made"
    for code in (f"open({str(made)!r}, 'w')", f"sum(open({str(made)!r}, 'w') for i in x)", "exec('1')", "breakpoint()"):
        with pytest.raises(ValueError, match=r"calls|holds"):
            read(f"y = {code}")
    assert not made.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y = a + z", "holds 'z', which has no value; it knows a, x"),
        ("y = sum(1 for i in z)", "runs over 'z', which has no values"),
        ("y = sum(1 for i in a)", "runs over 'a', which has no values"),
        ("y = len(a)", "runs over 'a'"),
        ("y = x", "must say which of the values of 'x' is meant"),
        ("y = x[k]", "index 'k'"),
        ("y = x[a]", "index 'a'"),
        ("y = x[1 * 1]", "index '1 \\* 1'"),
        ("y = x[3]", r"asks for x\[3\], but x has the shape \(3,\)"),
        ("y = x[0, 0]", r"asks for x\[0, 0\]"),
        ("y = x[0 - 1]", r"asks for x\[-1\]"),
    ],
)
def test_a_name_or_index_without_a_value_is_told(text, message):
    with pytest.raises(ValueError, match=message):
        value(text, a=1.0, x=np.arange(3.0))


def test_indices_count_from_0_and_can_be_added_to():
    x, t = np.array([10.0, 20.0, 30.0, 40.0]), np.zeros(2)
    assert value("y = x[0] + x[len(t) + 1]", x=x, t=t) == 50
    assert value("y = sum((x[i + len(t)] - x[i]) * (i + 1) for i in t)", x=x, t=t) == 60
    assert value("y = sum(x[len(x) - 1 - i] * (i == 1) for i in x)", x=x) == 30
    assert value("y = x[i + 1] / len(x) if 1 > 2 else 7", x=x) == 7  # what is not chosen is not looked at


def test_lines_may_use_those_before_them():
    assert value("a = x + 1; b[i] = a * z[i]\n y = sum(b[k] for k in z) - a", x=1.0, z=np.array([1.0, 2.0])) == 4
    with pytest.raises(ValueError, match="gives 'a' by itself"):
        value("a = b; b = a + 1; y = a")
    with pytest.raises(ValueError, match=r"gives b with 1 index\(es\), used are \(\)"):
        value("b[i] = i; y = b")


def test_a_sum_of_many_symbols_keeps_its_letter():
    def named(name, index):
        return Symbol(name, "", tuple(map(str, index)))

    reader, line = Reader(named, {"x": 9, "t": 2}.__getitem__), "y = sum(x[i + len(t)] for i in {})"
    assert reader.symbols(read(line.format("x"))[0].right, {}) == Over("sum", "i", Symbol("x", "", ("i + 2",)))
    assert reader.symbols(read(line.format("t"))[0].right, {}) == Add(
        (Symbol("x", "", ("2",)), Symbol("x", "", ("3",)))
    )
    assert reader.symbols(read("y = 1 / len(x)")[0].right, {}).below == Number(9.0)


def test_comparisons_of_indices_are_settled_and_those_of_values_are_shown():
    reader = Reader(lambda name, index: Symbol(name, "", tuple(map(str, index))), {"x": 9, "t": 2}.__getitem__)
    text = "x[j] if i == j else (x[i] if i == j + len(t) else 0)"
    right = read(f"y[j] = {text}")[0].right
    assert reader.symbols(right, {"i": 1, "j": 1}) == Symbol("x", "", ("1",))
    assert reader.symbols(right, {"i": 3, "j": 1}) == Symbol("x", "", ("3",))
    assert reader.symbols(right, {"i": 2, "j": 1}) == Number(0.0)
    assert isinstance(reader.symbols(right, {"i": 2, "j": "j"}), Cases)
    assert isinstance(reader.symbols(read("y = 1 if x > 0 else 2")[0].right, {}), Cases)


plain = st.floats(-4, 4).map(lambda number: round(number, 3))
leaves = st.one_of(plain.map(lambda number: f"({number})"), st.sampled_from(["x", "z"]))
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(leaves, st.sampled_from("+-*"), inner).map(" ".join).map(lambda text: f"(-{text})"),
        leaves.map(lambda one: f"-{one} ** 2"),
        st.tuples(st.sampled_from(["abs", "tanh", "erf"]), inner).map(lambda parts: f"{parts[0]}({parts[1]})"),
        st.tuples(inner, inner).map(lambda parts: f"max({parts[0]}, {parts[1]})"),
        st.tuples(inner, leaves, st.sampled_from(["<", "<=", ">", ">=", "=="]), leaves, inner).map(
            lambda parts: f"({parts[0]} if {parts[1]} {parts[2]} {parts[3]} else {parts[4]})"
        ),
    ),
    max_leaves=6,
)


@given(text=expressions, x=plain, z=plain)
@settings(deadline=None)
def test_arithmetic_means_what_it_means_in_python(text, x, z):
    known = {"abs": abs, "tanh": math.tanh, "erf": math.erf, "max": max, "x": x, "z": z}
    expected = eval(text, {"__builtins__": {}}, known)
    assert value(f"y = {text}", x=x, z=z) == pytest.approx(expected, rel=1e-9, abs=1e-6)


# Long sums


@given(st.lists(st.floats(-1e6, 1e6), min_size=TERMS_SHOWN + 2, max_size=40))
@settings(deadline=None)
def test_a_long_sum_shows_its_largest_terms_and_comes_to_the_same(values):
    short = shortened(tuple(map(Number, values)))
    *shown, rest = short.terms
    assert len(shown) == TERMS_SHOWN
    assert isinstance(rest, Rest)
    assert rest.count == len(values) - TERMS_SHOWN
    assert (
        sorted((abs(one.value) for one in shown), reverse=True) == sorted(map(abs, values), reverse=True)[:TERMS_SHOWN]
    )
    positions = [values.index(one.value) for one in shown if values.count(one.value) == 1]
    assert positions == sorted(positions)  # in the order in which they stand
    assert math.isclose(worked_out(short), math.fsum(values), rel_tol=1e-12, abs_tol=1e-9)


@pytest.mark.parametrize("count", [1, 7])
def test_nan_is_shown_in_a_long_sum(count):
    values = [float(place) for place in range(20)] + [math.nan] * count
    short = shortened(tuple(map(Number, values)))
    assert any(math.isnan(one.value) for one in short.terms)
    assert math.isnan(worked_out(short))


def test_infinities_that_cancel_are_nan_even_among_many():
    short = shortened((*[Number(math.inf)] * 10, Number(-math.inf)))
    assert math.isnan(worked_out(short))
    assert worked_out(shortened((*[Number(1.0)] * 10, Number(-math.inf)))) == -math.inf


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = 1 / x", math.inf),
        ("y = -1 / x", -math.inf),
        ("y = x / x", math.nan),
        ("y = log(x)", -math.inf),
        ("y = log(x - 1)", math.nan),
        ("y = sqrt(x - 1)", math.nan),
        ("y = (x - 8) ** (1 / 3)", math.nan),
        ("y = 1 / (1 + exp(1000 - x))", 0.0),
        ("y = exp(1000) - exp(1000)", math.nan),
        ("y = max(x, x / x)", math.nan),
        ("y = min(x / x, x)", math.nan),
        ("y = sign(x / x)", math.nan),
        ("y = 10 ** (200 + x) * 10 ** 200", math.inf),
        ("y = 10 ** 308 + 10 ** 308", math.inf),
    ],
)
def test_what_has_no_finite_value_is_as_in_numpy(text, expected):
    assert value(text, x=0.0) == pytest.approx(expected, nan_ok=True)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 17))
def test_a_figure_is_the_number_to_so_many_digits(number, digits):
    whole = len(f"{abs(number):.0f}") if abs(number) < 1e12 else 0
    expected = float(f"{number:.{max(digits, whole)}g}") if max(digits, whole) < 17 else number
    assert float(figure(number, digits)) == expected  # what stands before the point is shown whole
