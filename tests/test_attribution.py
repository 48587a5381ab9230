"""Attributions: the axioms that define them, values known exactly, and the smallest change that flips a decision."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from judges import judge
from pellucid import (
    Chain,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    Identity,
    Layer,
    LeakyReLU,
    Network,
    OneHot,
    Parallel,
    ReLU,
    Reshape,
    Residual,
    Select,
    Sigmoid,
    Softmax,
    Tanh,
)
from pellucid.insight.attribution import FOUR, NODES, SEVEN, LogOdds, input_gradient, integrated_gradients
from pellucid.insight.categories import category_columns
from pellucid.insight.nearest import nearest_flips
from pellucid.layers import LAYERS
from table import LAYER_EXAMPLES, ToyCentre, ToyNoise, missing, scatter


def network_of(*layers, inputs=4, seed=0, **settings):
    return scatter(Network(inputs, layers, seed=seed, **settings), seed=seed + 1)


def records(number=5, inputs=4, seed=0):
    return 2 * np.random.default_rng(seed).standard_normal((number, inputs))


def through(example):
    """Return a network with the example in its middle, whatever the shape of its records."""
    shape = [] if len(example.shape) == 1 else [Reshape(example.shape)]
    flat = [] if len(example.layer.output_shape(example.shape)) == 1 else [Flatten()]
    part = [Dense(math.prod(example.shape)), *shape, example.layer, *flat]
    return network_of(*part, *part, Dense(2))


DIFFERENTIABLE = [example for example in LAYER_EXAMPLES if not example.codes]  # not those that take categories


@dataclass(frozen=True)
class Wave(Layer):
    """A layer of somebody's own."""

    def forward(self, parameters, x, context):
        return np.sin(3 * x), {"x": x}

    def backward(self, parameters, cache, dy):
        return 3 * np.cos(3 * cache["x"]) * dy, {}


# ---- the gradient with respect to the input -------------------------------------------------------------------------


def test_every_layer_has_an_example():
    assert not missing(LAYERS, [example.layer for example in LAYER_EXAMPLES])


@pytest.mark.parametrize("example", DIFFERENTIABLE, ids=str)
def test_input_gradient_against_differences(example):
    network, X = through(example), records()
    for output in (0, 1):
        found = input_gradient(network, X, output)
        for column in range(4):
            ahead, behind = X.copy(), X.copy()
            ahead[:, column] += 1e-6
            behind[:, column] -= 1e-6
            slope = (network.predict(ahead) - network.predict(behind))[:, output] / 2e-6
            np.testing.assert_allclose(found[:, column], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("activation", [Tanh(), Sigmoid(), ReLU(), LeakyReLU()], ids=str)
def test_input_gradient_against_the_complex_step(activation):
    network, X = network_of(Dense(6), activation, Dense(3)), records()
    found = input_gradient(network, X, 2)
    for column in range(4):
        y = X.astype(complex)
        y[:, column] += 1e-30j
        for name, layer in zip(network.names, network.layers, strict=True):
            y, _ = layer.forward(network.parameters.get(name, {}), y, None)
        np.testing.assert_allclose(found[:, column], y[:, 2].imag / 1e-30, rtol=1e-12, atol=1e-14)


def test_input_gradient_against_torch():
    torch = judge("torch")
    network, X = network_of(Dense(8), ReLU(), Dense(8), Tanh(), Dense(3)), records(20)
    x, p = torch.tensor(X, requires_grad=True), network.parameters
    first = torch.relu(x @ torch.tensor(p["dense_1"]["weights"]) + torch.tensor(p["dense_1"]["bias"]))
    second = torch.tanh(first @ torch.tensor(p["dense_2"]["weights"]) + torch.tensor(p["dense_2"]["bias"]))
    y = second @ torch.tensor(p["dense_3"]["weights"]) + torch.tensor(p["dense_3"]["bias"])
    y[:, 1].sum().backward()
    np.testing.assert_allclose(input_gradient(network, X, 1), x.grad.numpy(), rtol=1e-10)


def test_input_gradient_of_a_member_and_in_parts(monkeypatch):
    network, X = network_of(Dense(5), Tanh(), Dense(1), members=3), records(50)
    whole = input_gradient(network, X, member=2)
    alone = Network(4, [Dense(5), Tanh(), Dense(1)])
    alone.theta = network.theta[2]
    np.testing.assert_array_equal(whole, input_gradient(alone, X))
    monkeypatch.setattr("pellucid.insight.attribution.PREDICTED_VALUES_AT_ONCE", 35)
    np.testing.assert_allclose(input_gradient(network, X, member=2), whole, rtol=1e-13)


# ---- the axioms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", DIFFERENTIABLE, ids=str)
def test_parts_add_up(example):
    network, X, baseline = through(example), records(), np.array([0.5, -1.0, 0.0, 2.0])
    for output in (0, 1):
        found = integrated_gradients(network, X, baseline=baseline, output=output)
        differences = (network.predict(X) - network.predict(baseline[None]))[:, output]
        np.testing.assert_allclose(found.output_at_x - found.output_at_baseline, differences, atol=1e-12)
        assert (np.abs(found.parts.sum(axis=1) - differences) < 1e-6 * np.maximum(1, np.abs(differences))).all()
        np.testing.assert_allclose(found.completeness_error, np.abs(found.parts.sum(axis=1) - differences), atol=1e-12)


BLOCKS = [
    Residual([Dense(4), Tanh(), Dense(4)]),
    Parallel([Dense(2), [Dense(3), Tanh()], Identity()]),
    Chain([Dense(3), Residual([Tanh(), Dense(3)])]),
]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: type(block).__name__)
def test_parts_add_up_through_blocks(block):
    network, X = network_of(block, Dense(1)), records()
    found = integrated_gradients(network, X, baseline=np.zeros(4))
    assert (found.completeness_error < 1e-7).all()
    ahead = network.predict(X + 1e-6 * np.eye(4)[1]) - network.predict(X - 1e-6 * np.eye(4)[1])
    np.testing.assert_allclose(input_gradient(network, X)[:, 1], ahead[:, 0] / 2e-6, rtol=1e-6)


def test_parts_of_an_image_have_its_shape():
    network = scatter(Network((5, 4, 1), [Conv2D(2, 3), Tanh(), Flatten(), Dense(1)], seed=0))
    X = np.random.default_rng(0).standard_normal((2, 5, 4, 1))
    found = integrated_gradients(network, X, baseline=np.zeros((5, 4, 1)))
    assert found.parts.shape == X.shape
    assert (found.completeness_error < 1e-7).all()


def with_categories(coded):
    split = Parallel([[Select([2, 0]), coded], Select([1, 3])])
    return network_of(split, Dense(6), Tanh(), Dense(1))


@pytest.mark.parametrize(
    ("coded", "counts"), [(Chain([Embedding(5, 3), Flatten()]), {0: 5, 2: 5}), (OneHot((7, 5)), {0: 5, 2: 7})]
)
def test_a_change_of_category_cannot_be_divided_and_the_other_columns_can(coded, counts):
    network = with_categories(coded)
    assert category_columns(network) == counts
    x, baseline = np.array([1.0, 0.3, 4.0, -1.0]), np.zeros(4)
    with pytest.raises(ValueError, match="columns 0, 2 hold categories, as an Embedding or a OneHot takes: between"):
        integrated_gradients(network, [x], baseline=baseline)
    baseline[[0, 2]] = x[[0, 2]]
    found = integrated_gradients(network, [x], baseline=baseline)
    assert found.completeness_error < 1e-8
    assert (found.parts[0, [0, 2]] == 0).all()
    assert (input_gradient(network, [x])[0, [0, 2]] == 0).all()


@pytest.mark.parametrize("layer", [Wave(), ToyNoise(), ToyCentre()], ids=str)
def test_parts_add_up_with_a_layer_of_ones_own(layer):
    network = network_of(Dense(6), layer, Dense(1))
    network.set_state([{name: values + 0.3 for name, values in named.items()} for named in network.state])
    found = integrated_gradients(network, records(), baseline=np.zeros(4))
    assert (found.completeness_error < 1e-6).all()
    np.testing.assert_allclose(found.output_at_x, network.predict(records())[:, 0])


def test_a_linear_network_exactly():
    network, X, baseline = network_of(Dense(3)), records(), np.array([1.0, 2.0, 3.0, 4.0])
    for output in range(3):
        found = integrated_gradients(network, X, baseline=baseline, output=output)
        exact = network.parameters["dense_1"]["weights"][:, output] * (X - baseline)
        np.testing.assert_allclose(found.parts, exact, rtol=1e-12)
        assert (found.steps == found.steps[0]).all()


def test_two_inputs_by_hand():
    # y = relu(x1 + x2 - 1) on the way from (0, 0) to (1, 3): the sum grows from 0 to 4, so it passes 1 after a quarter
    # of the way. From there on both slopes are 1: parts 1 * 3/4 and 3 * 3/4.
    network = Network(2, [Dense(1), ReLU()])
    network.theta = [1.0, 1.0, -1.0]
    found = integrated_gradients(network, [[1.0, 3.0]], baseline=[0.0, 0.0])
    np.testing.assert_allclose(found.parts, [[0.75, 2.25]], atol=1e-6)
    assert (found.output_at_x[0], found.output_at_baseline) == (3.0, 0.0)


def test_a_product_by_hand():
    # (x1 + x2)^2 - (x1 - x2)^2 = 4 x1 x2: from (0, 0) to (a, b) each input gets half of 4 a b.
    @dataclass(frozen=True)
    class Square(Layer):
        def forward(self, parameters, x, context):
            return x * x, {"x": x}

        def backward(self, parameters, cache, dy):
            return 2 * cache["x"] * dy, {}

    network = Network(2, [Dense(2, bias=False), Square(), Dense(1, bias=False)])
    network.theta = [1.0, 1.0, 1.0, -1.0, 1.0, -1.0]
    found = integrated_gradients(network, [[2.0, 5.0], [-1.0, 3.0]], baseline=[0.0, 0.0])
    np.testing.assert_allclose(found.parts, [[20.0, 20.0], [-6.0, -6.0]], rtol=1e-12)


def test_one_hidden_layer_of_relu_against_its_kinks():
    """Between two kinks everything is linear, so the parts can be had exactly."""
    network, X, baseline = network_of(Dense(20), ReLU(), Dense(1)), records(8), np.array([0.3, 0.1, -0.7, 0.2])
    weights, bias = (network.parameters["dense_1"][name] for name in ("weights", "bias"))
    found = integrated_gradients(network, X, baseline=baseline)
    for record, parts in zip(X, found.parts, strict=True):
        start, rise = baseline @ weights + bias, (record - baseline) @ weights
        kinks = -start / rise
        at = np.concatenate([[0.0], np.sort(kinks[(kinks > 0) & (kinks < 1)]), [1.0]])
        middles = baseline + ((at[1:] + at[:-1]) / 2)[:, None] * (record - baseline)
        exact = (np.diff(at)[:, None] * input_gradient(network, middles)).sum(axis=0) * (record - baseline)
        np.testing.assert_allclose(parts, exact, atol=3e-6)


def test_kinks_that_cancel_in_the_sum():
    # relu(x1 - 0.3) - relu(x2 - 0.3) from (-1, -1) to (1, 1): the output is 0 all along, the parts are +0.7 and -0.7.
    network = Network(2, [Dense(2), ReLU(), Dense(1, bias=False)])
    network.theta = [1.0, 0.0, 0.0, 1.0, -0.3, -0.3, 1.0, -1.0]
    found = integrated_gradients(network, [[1.0, 1.0]], baseline=[-1.0, -1.0])
    np.testing.assert_allclose(found.parts, [[0.7, -0.7]], atol=1e-6)


def test_a_rise_so_steep_that_no_gradient_sees_it_at_first():
    network = Network(2, [Dense(1), Sigmoid()])
    network.theta = [1e6, 1e6, -0.7e6]
    found = integrated_gradients(network, [[1.0, 1.0]], baseline=[0.0, 0.0])
    np.testing.assert_allclose(found.parts, [[0.5, 0.5]], atol=1e-6)


def test_both_rules_are_exact_for_polynomials():
    for weights, degree in ((FOUR, 5), (SEVEN, 9)):
        for power in range(degree + 1):
            assert weights @ NODES**power == pytest.approx(1 / (power + 1), rel=1e-14)
        assert abs(weights @ NODES ** (degree + 1) - 1 / (degree + 2)) > 1e-9


def test_an_input_without_weights_gets_nothing():
    network = network_of(Dense(8), Tanh(), Dense(1))
    network.parameters["dense_1"]["weights"][2] = 0
    assert (integrated_gradients(network, records(), baseline=np.zeros(4)).parts[:, 2] == 0).all()


def test_an_input_at_its_baseline_gets_nothing():
    network, X = network_of(Dense(8), Tanh(), Dense(1)), records()
    X[:, 1] = 0.25
    assert (integrated_gradients(network, X, baseline=[0.0, 0.25, 0.0, 0.0]).parts[:, 1] == 0).all()


@pytest.mark.parametrize("activation", [Tanh(), ReLU()], ids=str)
def test_inputs_that_may_be_swapped_get_the_same(activation):
    network, X = network_of(Dense(8), activation, Dense(1)), records()
    network.parameters["dense_1"]["weights"][3] = network.parameters["dense_1"]["weights"][0]
    X[:, 3] = X[:, 0]
    parts = integrated_gradients(network, X, baseline=np.zeros(4)).parts
    np.testing.assert_allclose(parts[:, 0], parts[:, 3], rtol=1e-12)


def test_what_is_explained_does_not_depend_on_the_other_records():
    network, X = network_of(Dense(8), ReLU(), Dense(1)), records()
    together = integrated_gradients(network, X, baseline=np.zeros(4)).parts
    for place in range(len(X)):
        alone = integrated_gradients(network, X[place : place + 1], baseline=np.zeros(4)).parts[0]
        np.testing.assert_allclose(alone, together[place], atol=1e-7)


# ---- links, members, precision --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("link", "output"), [(Softmax(), 2), (Sigmoid(), 0)], ids=str)
def test_a_probability_may_be_explained(link, output):
    network, X = network_of(Dense(8), ReLU(), Dense(3)), records()
    found = integrated_gradients(network, X, baseline=np.zeros(4), output=output, link=link)
    np.testing.assert_allclose(found.output_at_x, link.forward({}, network.predict(X), None)[0][:, output])
    assert (found.completeness_error < 1e-6).all()
    whole = scatter(Network(4, [*network.layers, link]))
    whole.theta = network.theta
    np.testing.assert_allclose(
        found.parts, integrated_gradients(whole, X, baseline=np.zeros(4), output=output).parts, atol=1e-9
    )


@pytest.mark.parametrize("of", [0, 1, 2])
def test_log_odds(of):
    logits = 3 * records(6, 3)
    shares = Softmax().forward({}, logits, None)[0]
    odds, cache = LogOdds(of).forward({}, logits, None)
    np.testing.assert_allclose(odds[:, 0], np.log(shares[:, of] / (1 - shares[:, of])), rtol=1e-10)
    dx, _ = LogOdds(of).backward({}, cache, np.ones((6, 1)))
    for column in range(3):
        ahead = logits.astype(complex)
        ahead[:, column] += 1e-30j
        slope = LogOdds(of).forward({}, ahead, None)[0][:, 0].imag / 1e-30
        np.testing.assert_allclose(dx[:, column], slope, rtol=1e-12)


def test_log_odds_of_logits_far_apart():
    odds, _ = LogOdds(0).forward({}, np.array([[1000.0, 0.0, -1000.0], [-1000.0, 0.0, 0.0]]), None)
    np.testing.assert_allclose(odds[:, 0], [1000.0, -1000.0 - np.log(2)])


def test_log_odds_do_not_see_what_is_added_to_all_logits():
    # Every logit takes x1 once: it changes no probability, and so pushes nothing.
    network = Network(2, [Dense(3)])
    network.theta = [1.0, 1.0, 1.0, 2.0, -1.0, 0.0, 0.0, 0.0, 0.0]
    found = integrated_gradients(network, [[5.0, 1.0]], baseline=[0.0, 0.0], link=LogOdds(0))
    assert abs(found.parts[0, 0]) < 1e-12 < found.parts[0, 1]


def test_members():
    network, X = network_of(Dense(8), ReLU(), Dense(1), members=3), records()
    for member in range(3):
        alone = Network(4, network.layers)
        alone.theta = network.theta[member]
        found = integrated_gradients(network, X, baseline=np.zeros(4), member=member)
        np.testing.assert_array_equal(found.parts, integrated_gradients(alone, X, baseline=np.zeros(4)).parts)


def test_float32():
    network = network_of(Dense(16), ReLU(), Dense(16), Tanh(), Dense(1), dtype="float32")
    found = integrated_gradients(network, records(), baseline=np.zeros(4))
    differences = np.abs(found.output_at_x - found.output_at_baseline)
    assert (found.completeness_error < 1e-4 * np.maximum(1, differences)).all()
    twin = Network(4, network.layers)
    twin.theta = network.theta
    np.testing.assert_allclose(
        found.parts, integrated_gradients(twin, records(), baseline=np.zeros(4)).parts, atol=1e-3
    )


def test_steps_are_a_limit_and_the_error_that_remains_is_told():
    network, X = network_of(Dense(30), ReLU(), Dense(30), ReLU(), Dense(1)), records()
    few = integrated_gradients(network, X, baseline=np.zeros(4), steps=56)
    some = integrated_gradients(network, X, baseline=np.zeros(4), steps=500)
    assert (few.steps == 56).all() and (some.steps <= 500).all()
    assert (few.completeness_error > 1e-6).any()
    np.testing.assert_allclose(
        few.completeness_error, np.abs(few.parts.sum(axis=1) - (few.output_at_x - few.output_at_baseline)), atol=1e-12
    )


def test_a_layer_that_jumps_ends_all_the_same():
    @dataclass(frozen=True)
    class Step(Layer):
        def forward(self, parameters, x, context):
            return (x.real > 0.3) * 1.0, {}

        def backward(self, parameters, cache, dy):
            return 0 * dy, {}

    found = integrated_gradients(Network(1, [Step()]), [[1.0]], baseline=[0.0])
    assert found.completeness_error[0] == 1  # the whole jump: no gradient saw it
    assert found.steps[0] < 5_000


def test_at_the_baseline_itself_and_for_no_records():
    network = network_of(Dense(8), ReLU(), Dense(1))
    found = integrated_gradients(network, np.zeros((2, 4)), baseline=np.zeros(4))
    assert (found.parts == 0).all()
    assert (found.completeness_error < 1e-15).all()
    assert integrated_gradients(network, np.zeros((0, 4)), baseline=np.zeros(4)).parts.shape == (0, 4)


def test_the_network_stays_as_it_is():
    network, X = network_of(Dense(8), ToyCentre(), ReLU(), Dense(1)), records()
    network.fit(X, np.array([0, 1, 0, 1, 1]), loss="binary_cross_entropy_from_logits", epochs=2)
    before, fitted = network.theta.copy(), network.fitted
    state = [{name: values.copy() for name, values in named.items()} for named in network.state]
    integrated_gradients(network, X, baseline=np.zeros(4))
    input_gradient(network, X)
    flips_of(network, X[0])
    np.testing.assert_array_equal(network.theta, before)
    assert network.fitted is fitted
    for named, old in zip(network.state, state, strict=True):
        for name in named:
            np.testing.assert_array_equal(named[name], old[name])


BAD = {
    "no network": ({"network": 3}, TypeError, "network must be a Network, found a int"),
    "baseline of another width": ({"baseline": [0.0]}, ValueError, "baseline"),
    "baseline of many records": ({"baseline": np.zeros((5, 4))}, ValueError, "baseline"),
    "baseline not finite": ({"baseline": [0, 0, np.nan, 0]}, ValueError, "baseline.*nan"),
    "records of another width": ({"X": np.zeros((2, 3))}, ValueError, "X has shape"),
    "one record": ({"X": np.zeros(4)}, ValueError, "write \\[record\\]"),
    "text": ({"X": [["a", "b", "c", "d"]]}, TypeError, "X must hold numbers"),
    "not finite": ({"X": [[1, 2, np.inf, 3]]}, ValueError, "X has 1 value that is not finite"),
    "no such output": ({"output": 1}, ValueError, "output must be a whole number from 0 to 0, found 1"),
    "negative output": ({"output": -1}, ValueError, "output must be"),
    "output is no number": ({"output": True}, ValueError, "output must be"),
    "steps": ({"steps": 10}, ValueError, "steps must be a whole number from 56 on, found 10"),
    "steps are no number": ({"steps": 1e5}, ValueError, "steps must be a whole number"),
    "link": ({"link": "sigmoid"}, TypeError, "link must be a layer"),
    "link with parameters": ({"link": Dense(1)}, ValueError, "without parameters"),
    "link of another width": ({"link": LogOdds(0)}, ValueError, "two classes or more"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments(case):
    changed, error, text = BAD[case]
    given = {"network": network_of(Dense(1)), "X": records(), "baseline": np.zeros(4)} | changed
    with pytest.raises(error, match=text):
        integrated_gradients(given.pop("network"), given.pop("X"), **given)


def test_an_output_that_is_not_finite_cannot_be_divided():
    network = Network(1, [Dense(1)])
    network.theta = [1e300, 0.0]
    with pytest.raises(ValueError, match="not finite"):
        integrated_gradients(network, [[1e300]], baseline=[0.0])


def test_no_such_member():
    with pytest.raises(ValueError, match="member must be a whole number from 0 to 1, found 2"):
        integrated_gradients(network_of(Dense(1), members=2), records(), baseline=np.zeros(4), member=2)


# ---- the nearest change of a decision -------------------------------------------------------------------------------


def positive(output):
    return output[:, 0] > 0


def largest(output):
    return output.argmax(axis=1)


def flips_of(network, x, decide=positive, **settings):
    return nearest_flips(network, x, decide=decide, **{"low": [-4.0] * 4, "high": [4.0] * 4, **settings})


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("activation", [Tanh(), ReLU()], ids=str)
def test_flips_lie_at_the_crossing_and_none_is_nearer(activation, seed):
    network = network_of(Dense(8), activation, Dense(3), seed=seed)
    for x in records(5, seed=seed) / 2:
        now = largest(network.predict(x[None]))[0]
        flips = {flip.input: flip for flip in flips_of(network, x, largest)}
        for column in range(4):
            grid = np.linspace(-4, 4, 801)
            changed = np.repeat(x[None], 801, axis=0)
            changed[:, column] = grid
            others = grid[largest(network.predict(changed)) != now]
            if column not in flips or not flips[column].inside:
                assert not len(others)
                continue
            flip = flips[column]
            assert flip.change == flip.value - x[column]
            # Nothing on a fine grid is nearer, up to the grid's own spacing.
            assert not len(others) or abs(flip.change) <= np.abs(others - x[column]).min() + 1e-9
            for share, expected in ((1 - 1e-6, now), (1 + 1e-6, flip.decision), (1, flip.decision)):
                there = x.copy()
                there[column] += share * flip.change
                assert largest(network.predict(there[None]))[0] == expected


def test_flips_by_hand_the_nearest_first():
    # 2 x1 + x2 - x3 > 0, from (-1, 0, 0, 0): x1 crosses at 0, x2 at 2, x3 at -2; x4 never does.
    network = Network(4, [Dense(1)])
    network.theta = [2.0, 1.0, -1.0, 0.0, 0.0]
    flips = flips_of(network, [-1.0, 0.0, 0.0, 0.0])
    assert [(flip.input, round(flip.value, 8)) for flip in flips] == [(0, 0.0), (1, 2.0), (2, -2.0)]
    assert all(flip.inside and flip.decision == 1 for flip in flips)
    # In standard deviations the order is another.
    flips = flips_of(network, [-1.0, 0.0, 0.0, 0.0], scale=[0.1, 1.0, 4.0, 1.0])
    assert [(flip.input, round(flip.change, 6)) for flip in flips] == [(2, -0.5), (1, 2.0), (0, 10.0)]


def test_outside_the_range_only_if_nothing_inside_flips():
    network = Network(4, [Dense(1)])
    network.theta = [2.0, 1.0, -1.0, 0.0, 0.0]
    low, high = [-1.5, -1.0, -1.0, 0.0], [-0.5, 1.0, 5.0, 9.0]
    flips = flips_of(network, [-1.0, 0.0, 0.0, 0.0], low=low, high=high)
    # x1 may go to 0.5, x2 to 3, x3 to -7, and all of it lies outside.
    assert [(flip.input, round(flip.value, 8), flip.inside) for flip in flips] == [
        (0, 0.0, False), (1, 2.0, False), (2, -2.0, False)
    ]  # fmt: skip
    flips = flips_of(network, [-1.0, 0.0, 0.0, 0.0], low=[-1.5, -1.0, -3.0, 0.0], high=high)
    assert [(flip.input, flip.inside) for flip in flips] == [(2, True), (0, False), (1, False)]


def test_a_record_outside_the_range():
    network = Network(1, [Dense(1)])
    network.theta = [1.0, 0.0]
    (flip,) = nearest_flips(network, [7.0], decide=positive, low=[-1.0], high=[1.0])
    assert flip.inside and -1e-6 < flip.value <= 0
    (flip,) = nearest_flips(network, [7.0], decide=positive, low=[1.0], high=[2.0])
    assert not flip.inside and -1e-6 < flip.value <= 0
    assert nearest_flips(network, [7.0], decide=positive, low=[2.0], high=[3.0]) == []


def test_inputs_that_take_certain_values_only():
    network = Network(4, [Dense(1)])
    network.theta = [2.0, 1.0, -1.0, 0.0, 0.0]
    flips = flips_of(network, [-1.0, 0.0, 0.0, 0.0], only={0: [-2.0, -1.0, 3.0], 1: [0.0, 1.0], 2: np.arange(-3, 4)})
    assert [(flip.input, flip.value) for flip in flips] == [(2, -3.0), (0, 3.0)]


def test_categories_are_changed_for_other_categories_only():
    network = with_categories(Chain([Embedding(5, 3), Flatten()]))
    x = np.array([1.0, 0.3, 4.0, -1.0])
    level = float(network.predict(x[None])[0, 0])
    others = [network.predict(np.array([[place, 0.3, 4.0, -1.0]]))[0, 0] for place in range(5)]
    flips = nearest_flips(
        network,
        x,
        decide=lambda output: output[:, 0] > level + 1e-9,
        low=[0, -1, 0, -2],
        high=[4, 1, 4, 2],
    )
    of_first = [flip for flip in flips if flip.input == 0]
    higher = [place for place in range(5) if others[place] > level + 1e-9]
    assert bool(of_first) == bool(higher)
    for flip in of_first:
        assert flip.value in higher
        assert abs(flip.change) == min(abs(place - 1) for place in higher)


def test_an_input_with_one_value_is_left_alone():
    network = Network(4, [Dense(1)])
    network.theta = [2.0, 1.0, -1.0, 0.0, 0.0]
    flips = flips_of(network, [-1.0, 0.0, 0.0, 0.0], low=[1.0, -4.0, -4.0, -4.0], high=[1.0, 4.0, 4.0, 4.0])
    assert [flip.input for flip in flips] == [1, 2]


def test_nothing_flips():
    network = Network(4, [Dense(1)])
    network.theta = [0.0, 0.0, 0.0, 0.0, 1.0]
    assert flips_of(network, [0.0] * 4) == []


def test_flips_of_a_member_and_in_float32():
    network = network_of(Dense(6), Tanh(), Dense(1), members=2, dtype="float32")
    alone = Network(4, network.layers, dtype="float32")
    alone.theta = network.theta[1]
    x = records(1)[0]
    assert flips_of(network, x, member=1) == flips_of(alone, x)
    now = positive(alone.predict(x[None]))[0]
    for flip in flips_of(alone, x):
        there = x.copy()
        there[flip.input] = flip.value
        assert positive(alone.predict(there[None]))[0] != now


BAD_FLIPS = {
    "no network": ({"network": "model"}, TypeError, "network must be a Network"),
    "record": ({"x": [1.0]}, ValueError, r"\[x\] has shape \(1, 1\)"),
    "not finite": ({"x": [1.0, np.nan, 0.0, 0.0]}, ValueError, r"\[x\] has 1 value that is not finite"),
    "low": ({"low": 0.0}, ValueError, r"\[low\] has shape"),
    "low above high": ({"low": [0.0, 5.0, 0.0, 0.0]}, ValueError, "low must not exceed high.*input 1"),
    "scale": ({"scale": [1.0, 1.0, 0.0, 1.0]}, ValueError, "scale must be positive.*input 2"),
}


@pytest.mark.parametrize("case", BAD_FLIPS)
def test_bad_arguments_of_flips(case):
    changed, error, text = BAD_FLIPS[case]
    given = {"network": network_of(Identity(), Dense(1)), "x": np.zeros(4)} | changed
    with pytest.raises(error, match=text):
        flips_of(given.pop("network"), given.pop("x"), **given)
