"""Every layer of the shared table against its contract and against PyTorch, and the pieces that layers are made of."""

import copy
import math

import numpy as np
import pytest

from judges import judge
from pellucid.arrays import (
    FEW_VALUES,
    erf,
    largest_value,
    sum64,
    sum_of_squares64,
    sum_over_records,
    sum_over_values,
)
from pellucid.functions import absolute, positive_part, sigmoid, softplus
from pellucid.gradient_check import _contexts, check_gradients
from pellucid.gradients import batch_of, objective_of
from pellucid.layers import EVALUATION, LAYERS, Context, Embedding
from pellucid.network import Network
from table import LAYER_EXAMPLES, LayerExample, missing, scatter, with_numpy_numbers

DTYPES = ["float64", "float32"]
over_all = pytest.mark.parametrize("example", LAYER_EXAMPLES, ids=str)
over_dtypes = pytest.mark.parametrize("dtype", DTYPES)
over_modes = pytest.mark.parametrize("training", [False, True], ids=["prediction", "training"])


def parameters_of(network):
    return next(iter(network.parameters.values()), {})


def passes(example: LayerExample, x, seed=2, dtype="float64", members=None, training=False):
    """Go once forward and back; return everything."""
    parameters = parameters_of(example.network(dtype, members))
    y, cache = example.layer.forward(parameters, x, example.context(x, training, members))
    dy = np.random.default_rng(seed).standard_normal(y.shape).astype(dtype)
    dx, gradients = example.layer.backward(parameters, cache, dy)
    return parameters, y, cache, dy, dx, gradients


def arrays_of(cache):
    """Return the arrays of a cache by name, its new running statistics among them."""
    arrays = {name: value for name, value in cache.items() if isinstance(value, np.ndarray | np.generic)}
    return arrays | cache.get("state", {})


def test_table_has_every_layer():
    assert missing(LAYERS, [example.layer for example in LAYER_EXAMPLES]) == set()


@over_all
@over_modes
def test_output_has_the_shape_that_the_layer_says(example, training):
    x = example.x()
    parameters, y, cache, _, dx, gradients = passes(example, x, training=training)
    assert y.shape == (len(x), *example.layer.output_shape(example.shape))
    assert dx.shape == x.shape
    assert {name: array.shape for name, array in gradients.items()} == {
        name: parameter.shape for name, parameter in example.layer.parameters(example.shape).items()
    }
    assert set(gradients) == set(parameters)
    before = {name: array.shape for name, array in example.layer.state(example.shape).items()}
    assert {name: array.shape for name, array in cache.get("state", {}).items()} == (before if training else {})


@over_all
@over_modes
@over_dtypes
def test_dtype_is_kept(example, training, dtype):
    x = example.x(dtype=dtype)
    _, y, cache, _, dx, gradients = passes(example, x, dtype=dtype, training=training)
    found = {"y": y, "dx": dx, **gradients, **{f"cache {name}": value for name, value in arrays_of(cache).items()}}
    wrong = {name: value.dtype for name, value in found.items() if value.dtype not in (np.dtype(dtype), np.dtype(bool))}
    assert not wrong


@over_modes
def test_settings_out_of_an_array_do_not_promote(training):
    promoted = set()
    for example in LAYER_EXAMPLES:
        layer, parameters = with_numpy_numbers(example.layer), parameters_of(example.network("float32"))
        x = example.x(dtype="float32")
        y, cache = layer.forward(parameters, x, example.context(x, training))
        dx, _ = layer.backward(parameters, cache, np.ones_like(y, dtype=np.float32))
        found = [y, dx, *cache.get("state", {}).values()]
        promoted |= {str(example)} if np.float64 in [array.dtype for array in found] else set()
    assert promoted == set()


@over_all
def test_batch_equals_singles(example):
    x = example.x()
    context = example.context(x, training=False)
    parameters, y, _, dy, dx, gradients = passes(example, x)
    total = {name: np.zeros_like(value) for name, value in gradients.items()}
    for row in range(len(x)):
        one, cache = example.layer.forward(parameters, x[row : row + 1], context)
        d_one, each = example.layer.backward(parameters, cache, dy[row : row + 1])
        np.testing.assert_allclose(one[0], y[row], rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(d_one[0], dx[row], rtol=1e-14, atol=1e-15)
        total = {name: total[name] + each[name] for name in total}
    for name, value in gradients.items():
        np.testing.assert_allclose(total[name], value, rtol=1e-13, atol=1e-14)


@over_all
@over_modes
def test_members_equal_single_calls(example, training):
    x = np.stack([example.x(seed=member) for member in range(3)])
    context = example.context(x, training, members=3)
    parameters, y, cache, dy, dx, gradients = passes(example, x, members=3, training=training)
    for member in range(3):
        own = {name: value[member] for name, value in parameters.items()}
        random = {name: value[member] for name, value in context.random.items()}
        state = {name: value[member] for name, value in context.state.items()}
        one, single = example.layer.forward(own, x[member], Context(training, random, state))
        d_one, each = example.layer.backward(own, single, dy[member])
        np.testing.assert_allclose(one, y[member], rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(d_one, dx[member], rtol=1e-14, atol=1e-15)
        for name, value in each.items():
            np.testing.assert_allclose(value, gradients[name][member], rtol=1e-13, atol=1e-14)
        for name, value in single.get("state", {}).items():
            np.testing.assert_allclose(value, cache["state"][name][member], rtol=1e-13)


@over_all
@over_modes
def test_nothing_is_overwritten(example, training):
    x = example.x()
    parameters, context = parameters_of(example.network()), example.context(x, training)
    given = copy.deepcopy((parameters, x, context))
    y, cache = example.layer.forward(parameters, x, context)
    dy = np.random.default_rng(2).standard_normal(y.shape)
    before = copy.deepcopy((y, cache, dy))
    first = example.layer.backward(parameters, cache, dy)
    again = example.layer.backward(parameters, cache, dy)
    np.testing.assert_equal((parameters, x, vars(context)), (*given[:2], vars(given[2])))
    np.testing.assert_equal((y, cache, dy), before)
    np.testing.assert_equal(first, again)


@over_all
@over_modes
def test_the_lowest_layers_short_cut_gives_the_same_gradients(example, training):
    parameters, _, cache, dy, _, gradients = passes(example, example.x(), training=training)
    np.testing.assert_equal(example.layer.gradients(parameters, cache, dy), gradients)


@over_all
@over_modes
@pytest.mark.parametrize("members", [None, 2])
def test_gradient_is_proven_by_complex_step(example, training, members):
    network = scatter(Network(example.shape, example.around(), seed=0, members=members))
    x, y = example.x(), np.random.default_rng(3).standard_normal((5, 2))
    report = check_gradients(network, x, y, loss="squared_error", training=training)
    assert report.passed, report
    assert {row.method for row in report.rows} == {"complex step"}
    assert max(row.error for row in report.rows) < 1e-12


@over_all
@over_modes
def test_float32_gradient_is_near_that_of_float64(example, training):
    def gradient(network, x, y):
        objective = objective_of(network, "squared_error", None)
        batch = batch_of(network, objective.loss, x, y, None)
        contexts = _contexts(network, x, training)
        return objective.evaluate(network.theta, network._views, *batch, contexts).gradient

    y = np.random.default_rng(3).standard_normal((5, 2))
    single = scatter(Network(example.shape, example.around(), seed=0, dtype="float32"))
    double = Network(example.shape, example.around(), seed=0)
    double.theta = single.theta
    x = example.x(dtype="float32")
    reference = gradient(double, x.astype("float64"), y)
    found = gradient(single, x, y.astype("float32"))
    assert found.dtype == np.float32
    assert np.linalg.norm(found - reference) <= 2e-6 * np.linalg.norm(reference)


@over_all
@over_modes
def test_forward_and_gradients_agree_with_torch(example, training):
    torch = judge("torch")
    x = example.x(records=9)
    parameters, y, _, dy, dx, gradients = passes(example, x, training=training)
    theirs = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    x_theirs = torch.tensor(x, requires_grad=True)
    context = [example.context(x, training)] if example.with_context else []
    y_theirs = example.torch(torch, x_theirs, theirs, *context)
    y_theirs.backward(torch.tensor(dy))
    dx_theirs = torch.zeros_like(x_theirs) if x_theirs.grad is None else x_theirs.grad
    # What is all but 0 (a saturated tail, a sum that cancels) is held to the same share of the largest value.
    for ours, other in [
        (y, y_theirs.detach()),
        (dx, dx_theirs),
        *[(gradients[name], theirs[name].grad) for name in gradients],
    ]:
        np.testing.assert_allclose(ours, other.numpy(), rtol=1e-10, atol=1e-14 * np.abs(ours).max())


@over_all
@over_modes
@over_dtypes
def test_extreme_inputs_stay_finite(example, training, dtype):
    tiny = np.finfo(dtype).tiny
    values = np.array([1000, -1000, 0, -0.0, tiny, -tiny, tiny / 4, -tiny / 4, 90, -90, 30, -30], dtype=dtype)
    if example.codes:
        values = np.array([0, -0.0, example.codes - 1], dtype=dtype)
    x = np.stack([np.resize(np.roll(values, shift), example.shape) for shift in range(len(values))])
    with np.errstate(over="ignore"):
        _, y, cache, _, dx, gradients = passes(example, x, dtype=dtype, training=training)
    for name, array in {"y": y, "dx": dx, **gradients, **arrays_of(cache)}.items():
        assert np.isfinite(array).all(), name


@over_all
@over_modes
@over_dtypes
def test_not_a_number_is_never_swallowed(example, training, dtype):
    parameters, x = parameters_of(example.network(dtype)), example.x(dtype=dtype)
    context = example.context(x, training)

    def forward(added):
        changed = x.copy()
        changed[1].flat[2] += added
        return example.layer.forward(parameters, changed, context)

    if isinstance(example.layer, Embedding):
        with pytest.raises(ValueError, match="column 2 of record 1 is nan"):
            forward(np.nan)
        return
    (y, cache), (with_nan, _) = forward(0), forward(np.nan)
    depends = (forward(10)[0] != y) | (forward(-10)[0] != y)
    assert np.isnan(with_nan[depends]).all()
    independent = ~depends.reshape(len(y), -1).any(axis=1)
    independent[1] = False  # what is dropped may be a NaN all the same
    assert np.isfinite(with_nan[independent]).all()
    if example.codes:
        return  # between whole numbers nothing changes, whatever comes back
    dy = np.ones_like(y)
    dy[1].flat[0] = np.nan
    dx, _ = example.layer.backward(parameters, cache, dy)
    assert np.isnan(dx[1]).any()


def test_the_step_of_a_kink_is_taken_from_the_left():
    # At 0 itself: no slope for ReLU, the leak's for LeakyReLU, as in PyTorch.
    for name, slope in (("ReLU", 0.0), ("LeakyReLU", 0.01), ("ELU", 1.0)):
        layer = LAYERS[name]()
        _, cache = layer.forward({}, np.zeros((1, 1)), EVALUATION)
        assert layer.backward({}, cache, np.ones((1, 1)))[0][0, 0] == slope


# The pieces that layers are made of


def test_error_function_is_right_to_the_last_digits():
    x = np.concatenate([np.linspace(-7, 7, 2001), [-1e3, 1e3, 1e-300, -0.0]])
    with np.errstate(over="ignore"):
        found = erf(x)
    reference = np.array([math.erf(value) for value in x])
    np.testing.assert_allclose(found, reference, rtol=0, atol=5e-16)
    assert erf(x.astype("float32")).dtype == np.float32
    np.testing.assert_allclose(erf(x.astype("float32")), reference, rtol=0, atol=3e-7)


@pytest.mark.parametrize("function", [absolute, positive_part, sigmoid, softplus, erf])
def test_functions_let_the_complex_step_through(function):
    x = np.array([-40.0, -2.0, -0.1, 0.3, 5.0, 40.0])
    slope = np.imag(function(x + 1e-30j)) / 1e-30
    near = np.longdouble(1e-6)
    reference = (function(x + near) - function(x - near)) / (2 * near)
    np.testing.assert_allclose(slope, reference.astype(float), rtol=1e-8, atol=1e-12)


def test_a_sum_that_feeds_a_statistic_is_taken_in_float64():
    assert sum64(np.full((3, 10**6), 0.1, dtype=np.float32), axis=-1).dtype == np.float64
    exact = 10**7 * float(np.float32(0.1))
    np.testing.assert_allclose(sum64(np.full(10**7, 0.1, np.float32), axis=0), exact, rtol=1e-12)
    assert sum64(np.ones((2, 3), dtype=complex), axis=(-2, -1)) == 6


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
@pytest.mark.parametrize("shape", [(7, 3), (1, 1), (5, 0), (0, 4), (2, 7, 3), (4, 2 * FEW_VALUES)], ids=str)
def test_sums_and_largest_values_are_those_of_plain_reductions(shape, dtype):
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    x = x + 0.5j * x[::-1] if dtype == "complex128" else x
    close = {"rtol": 1e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-13, "atol": 1e-14}
    for turned in (x, np.asfortranarray(x)):
        assert sum_over_records(turned).dtype == sum_over_values(turned).dtype == x.dtype
        np.testing.assert_allclose(sum_over_records(turned), x.sum(axis=-2), **close)
        np.testing.assert_allclose(sum_over_values(turned), x.sum(axis=-1, keepdims=True), **close)
        if x.shape[-1]:
            np.testing.assert_array_equal(largest_value(turned.real), x.real.max(axis=-1, keepdims=True))
        for axes in [(-2, -1), tuple(range(-x.ndim, 0))]:
            squares = sum_of_squares64(turned, axes)
            assert squares.dtype == np.result_type(dtype, "float64")
            np.testing.assert_allclose(squares, (x * x).sum(axis=axes), **close)


def test_a_members_sums_are_to_the_bit_those_of_a_network_alone():
    x = np.random.default_rng(0).normal(size=(3, 50, 9))
    for k, alone in enumerate(x):
        np.testing.assert_array_equal(sum_over_records(x)[k], sum_over_records(alone))
        np.testing.assert_array_equal(sum_over_values(x)[k], sum_over_values(alone))


def test_a_value_that_is_no_number_is_not_lost_in_sums_or_largest_values():
    x = np.array([[1.0, np.nan], [2.0, 3.0]])
    np.testing.assert_array_equal(largest_value(x), [[np.nan], [3.0]])
    np.testing.assert_array_equal(sum_over_values(x), [[np.nan], [5.0]])
    np.testing.assert_array_equal(positive_part(np.array([np.nan, np.inf, -np.inf])), [np.nan, np.inf, 0.0])
