"""Every loss of the shared table against PyTorch, worked numbers and the complex step; weights, penalties, targets."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from judges import judge
from pellucid.gradient_check import check_gradients
from pellucid.layers import Dense, Sigmoid, Softmax, Tanh
from pellucid.losses import (
    LOSSES,
    SHORT_NAMES,
    AbsoluteError,
    BinaryCrossEntropyFromLogits,
    BinaryFocalFromLogits,
    CrossEntropyFromLogits,
    FocalFromLogits,
    GaussianNLL,
    Hinge,
    Huber,
    LogCosh,
    Poisson,
    Quantile,
    SquaredError,
)
from pellucid.network import Network
from pellucid.penalties import Penalty
from table import LAYER_EXAMPLES, LOSS_EXAMPLES, missing, scatter, with_numpy_numbers

FLOAT = np.dtype(np.float64)
PENALTIES = [None, Penalty(l2=0.1), Penalty(l1=0.05), Penalty(l1=0.02, l2=0.3, biases=True)]
over_all = pytest.mark.parametrize("example", LOSS_EXAMPLES, ids=str)
over_reductions = pytest.mark.parametrize("reduction", ["mean", "sum"])


def evaluate(loss, output, y, weights=None):
    """Return the reduced loss and its gradient with respect to the output."""
    target = loss.encode(y, output.shape[-1], output.dtype)
    losses, cache = loss.forward(output, target)
    column = None if weights is None else np.asarray(weights, output.dtype)[:, None]
    value, factor = loss.reduced(losses, target, column)
    gradient = loss.backward(cache)
    return value, gradient if factor is None else factor * gradient


def test_table_has_every_loss():
    assert missing(LOSSES, [example.loss for example in LOSS_EXAMPLES]) == set()
    assert set(SHORT_NAMES.values()) == set(LOSSES.values())


# Against PyTorch


@over_all
@over_reductions
def test_value_and_gradient_agree_with_torch(example, reduction):
    torch = judge("torch")
    loss, output, y = replace(example.loss, reduction=reduction), example.output(), example.target()
    value, gradient = evaluate(loss, output, y)
    theirs = torch.tensor(output, requires_grad=True)
    target = torch.tensor(loss.encode(y, example.outputs, FLOAT))
    value_theirs = example.torch(torch, theirs, target, reduction)
    value_theirs.backward()
    np.testing.assert_allclose(value, value_theirs.item(), rtol=1e-10)
    np.testing.assert_allclose(gradient, theirs.grad.numpy(), rtol=1e-10, atol=1e-14 * np.abs(gradient).max())


def test_the_small_cost_of_a_sure_and_right_answer_is_not_rounded_away():
    logits, y = np.array([[20.0], [300.0], [-25.0], [2.0]]), np.array([[1.0], [1.0], [0.0], [1.0]])
    losses, _ = BinaryCrossEntropyFromLogits().forward(logits, y)
    expected = [math.log1p(math.exp(-abs(z))) for z in logits[:, 0]]
    np.testing.assert_allclose(losses[:, 0], expected, rtol=1e-15)


# Against numbers worked by hand


def test_worked_numbers():
    def one(loss, output, target):
        losses, cache = loss.forward(np.array([output]), np.array([target]))
        return losses[0].tolist(), loss.backward(cache)[0].tolist()

    # error 3 - 1 = 2: square 4, slope 2 * 2
    assert one(SquaredError(), [3.0], [1.0]) == ([4.0], [4.0])
    assert one(AbsoluteError(), [1.0], [3.0]) == ([2.0], [-1.0])
    # within delta a parabola, 0.5^2 / 2; beyond it a line, 2 (3 - 2 / 2)
    assert one(Huber(delta=2.0), [0.5, 3.0], [0.0, 0.0]) == ([0.125, 4.0], [0.5, 2.0])
    # target above the output by 2: 0.75 * 2; below by 2: 0.25 * 2
    assert one(Quantile(q=0.75), [1.0, 5.0], [3.0, 3.0]) == ([1.5, 0.5], [-0.75, 0.25])
    # 2 above the lower quantile's output, 1 below the upper's: 0.25 * 2 and 0.25 * 1; the second target likewise
    both = Quantile(q=(0.25, 0.75))
    assert one(both, [1.0, 4.0], [3.0]) == ([0.5, 0.25], [-0.25, 0.25])
    assert one(both, [1.0, 4.0, 5.0, 5.0], [3.0, 5.0]) == ([0.5, 0.25, 0.0, 0.0], [-0.25, 0.25, 0.0, 0.0])
    # exp(0) - 3 * 0 = 1, slope 1 - 3
    assert one(Poisson(), [0.0], [3.0]) == ([1.0], [-2.0])
    # class 1 at 0.25: 1 - 0.25 inside the margin; class 0 at -3: on its side
    assert one(Hinge(), [0.25, -3.0], [1.0, 0.0]) == ([0.75, 0.0], [-1.0, 0.0])
    value, slope = one(LogCosh(), [0.5], [0.0])
    np.testing.assert_allclose([value[0], slope[0]], [math.log(math.cosh(0.5)), math.tanh(0.5)], rtol=1e-14)
    # mean 1, variance e^2, target 3: (2 + 4 / e^2 + log 2 pi) / 2; slopes -2 / e^2 and (1 - 4 / e^2) / 2
    value, slope = one(GaussianNLL(), [1.0, 2.0], [3.0])
    np.testing.assert_allclose(value[0], (2 + 4 / math.e**2 + math.log(2 * math.pi)) / 2, rtol=1e-14)
    np.testing.assert_allclose(slope, [-2 / math.e**2, (1 - 4 / math.e**2) / 2], rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_log_loss_at_a_logit_of_1000_is_exactly_1000(dtype):
    def both(loss, output, y):
        value, gradient = evaluate(loss, np.array([output], dtype=dtype), [y])
        return float(value), gradient.tolist()

    with np.errstate(over="ignore"):
        binary, classes = BinaryCrossEntropyFromLogits(), CrossEntropyFromLogits()
        assert both(binary, [1000.0], 0) == (1000.0, [[1.0]])
        assert both(binary, [-1000.0], 1)[0] == 1000.0
        assert both(binary, [1000.0], 1)[0] == both(binary, [-1000.0], 0)[0] == 0.0
        assert both(classes, [1000.0, 0.0], 1) == (1000.0, [[1.0, -1.0]])
        assert both(classes, [-1000.0, 0.0, -1000.0], 2) == (1000.0, [[0.0, 1.0, -1.0]])
        assert both(classes, [0.0, 1000.0], 1) == (0.0, [[0.0, 0.0]])


# Focal losses


def test_focal_losses_of_an_easy_and_a_hard_record_by_hand():
    # p = 0.9 counts (1 - 0.9)^2 of its log-loss, p = 0.1 counts 0.9^2 of its.
    logit = math.log(9)
    losses, _ = BinaryFocalFromLogits().forward(np.array([[logit], [-logit], [logit]]), np.array([[1.0], [1.0], [0.0]]))
    expected = [-(0.1**2) * math.log(0.9), -(0.9**2) * math.log(0.1), -(0.9**2) * math.log(0.1)]
    np.testing.assert_allclose(losses[:, 0], expected, rtol=1e-14)
    # Chances 0.5, 0.3, 0.2 and gamma 3; shares count each class's own.
    z = np.log([[0.5, 0.3, 0.2]])
    each = [-(0.5**3) * math.log(0.5), -(0.7**3) * math.log(0.3), -(0.8**3) * math.log(0.2)]
    for target in ([0.0, 1.0, 0.0], [0.25, 0.25, 0.5]):
        losses, _ = FocalFromLogits(gamma=3.0).forward(z, np.array([target]))
        np.testing.assert_allclose(losses, [[np.dot(target, each)]], rtol=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_focal_loss_of_gamma_0_is_the_cross_entropy(weighted):
    generator = np.random.default_rng(0)
    output = np.concatenate([3 * generator.standard_normal((20, 3)), [[1000.0, -1000.0, 0.0], [40.0, 0.0, -40.0]]])
    yes_no, classes = generator.integers(0, 2, output.shape), generator.integers(0, 3, len(output))
    weights = generator.random(len(output)) if weighted else None
    two, three = ((0.5, 3.0), (1.0, 0.25, 4.0)) if weighted else (None, None)
    pairs = [
        (BinaryFocalFromLogits(gamma=0, class_weights=two), BinaryCrossEntropyFromLogits(class_weights=two), yes_no),
        (FocalFromLogits(gamma=0, class_weights=three), CrossEntropyFromLogits(class_weights=three), classes),
        (FocalFromLogits(gamma=0), CrossEntropyFromLogits(), generator.dirichlet([1, 1, 1], len(output))),
    ]
    with np.errstate(over="ignore"):
        for focal, entropy, y in pairs:
            (value, gradient), (theirs, d_theirs) = (evaluate(loss, output, y, weights) for loss in (focal, entropy))
            np.testing.assert_allclose(value, theirs, rtol=1e-12)
            np.testing.assert_allclose(gradient, d_theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_the_focal_loss_of_two_classes_is_the_binary_one(gamma):
    logits = np.array([[-1000.0], [-30.0], [-1.5], [0.0], [0.7], [36.0], [1000.0]])
    pairs = np.hstack([np.zeros_like(logits), logits])
    for share in (0.0, 0.3, 1.0):
        target = np.full_like(logits, share)
        one, two = BinaryFocalFromLogits(gamma=gamma), FocalFromLogits(gamma=gamma)
        losses, cache = one.forward(logits, target)
        both, d_both = two.forward(pairs, np.hstack([1 - target, target]))
        np.testing.assert_allclose(both, losses, rtol=1e-12)
        np.testing.assert_allclose(two.backward(d_both)[:, 1:], one.backward(cache), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_losses_at_a_logit_of_1000_are_exact_and_nothing_overflows(gamma, dtype):
    def both(loss, output, y):
        value, gradient = evaluate(loss, np.array([output], dtype=dtype), [y])
        return float(value), gradient.tolist()

    binary, classes = BinaryFocalFromLogits(gamma=gamma), FocalFromLogits(gamma=gamma)
    with np.errstate(all="raise", under="ignore"):
        assert both(binary, [1000.0], 0) == (1000.0, [[1.0]])
        assert both(binary, [-1000.0], 1) == (1000.0, [[-1.0]])
        assert both(binary, [1000.0], 1) == both(binary, [-1000.0], 0) == (0.0, [[0.0]])
        assert both(classes, [1000.0, 0.0], 1) == (1000.0, [[1.0, -1.0]])
        assert both(classes, [-1000.0, 0.0, -1000.0], 2) == (1000.0, [[0.0, 1.0, -1.0]])
        assert both(classes, [0.0, 1000.0], 1) == (0.0, [[0.0, 0.0]])


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_a_focal_loss_of_a_sure_and_right_answer_keeps_its_digits(gamma):
    # Far out, 1 - p and -log p are exp(-z), so the loss is exp(-z)^(gamma + 1), and each slope gamma + 1 times that.
    expected = math.exp(-40.0 * (gamma + 1))
    value, gradient = evaluate(BinaryFocalFromLogits(gamma=gamma), np.array([[40.0]]), [1])
    np.testing.assert_allclose([value, *gradient[0]], [expected, -(gamma + 1) * expected], rtol=1e-12)
    value, gradient = evaluate(FocalFromLogits(gamma=gamma), np.array([[3.0, 43.0]]), [1])
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient, [[(gamma + 1) * expected, -(gamma + 1) * expected]], rtol=1e-12)


@pytest.mark.parametrize("loss", [BinaryFocalFromLogits(gamma=0.5), FocalFromLogits(gamma=0.5)], ids=str)
def test_the_complex_step_proves_a_focal_loss_far_out_too(loss):
    output = np.array([[1000.0, -1000.0, 30.0], [-700.0, 5.0, 5.0], [0.0, 0.0, 0.0]])
    target = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    _, cache = loss.forward(output, target)
    gradient = loss.backward(cache)
    for place in range(3):
        moved, _ = loss.forward(output + 1e-30j * (np.arange(3) == place), target)
        slope = moved.imag.sum(axis=-1) / 1e-30
        np.testing.assert_allclose(gradient[:, place], slope, rtol=1e-12, atol=1e-15)


# Several quantiles


def test_several_quantiles_cost_what_each_alone_costs():
    generator = np.random.default_rng(0)
    q, output, y = (0.05, 0.5, 0.9), generator.standard_normal((7, 6)), generator.standard_normal((7, 2))
    loss = Quantile(q=q)
    losses, cache = loss.forward(output, loss.encode(y, 6, FLOAT))
    gradient = loss.backward(cache)
    assert losses.shape == gradient.shape == output.shape
    for place, (target, level) in enumerate(itertools.product(range(2), q)):
        alone, kept = Quantile(q=level).forward(output[:, [place]], y[:, [target]])
        np.testing.assert_array_equal(losses[:, [place]], alone)
        np.testing.assert_array_equal(gradient[:, [place]], Quantile(q=level).backward(kept))


def test_a_constant_learns_the_quantiles_of_the_targets():
    y, q = np.random.default_rng(0).exponential(size=(1001, 2)), (0.1, 0.5, 0.9)
    network = Network(1, [Dense(6)], seed=0)
    network.theta = np.concatenate([np.zeros(6), np.quantile(y, q, axis=0).T.ravel()])
    X, loss = np.zeros((1001, 1)), Quantile(q=q)
    best = network.loss(X, y, loss=loss)
    for place, step in itertools.product(range(6, 12), (-0.05, 0.05)):
        moved = network.theta.copy()
        moved[place] += step
        other = Network(1, [Dense(6)], seed=0)
        other.theta = moved
        assert other.loss(X, y, loss=loss) > best


@pytest.mark.parametrize("q", [[0.1, 0.9], np.array([0.1, 0.9]), np.array([0.1, 0.9]).tolist(), (0.1, np.float64(0.9))])
def test_several_quantiles_may_be_given_in_any_kind_of_row(q):
    assert Quantile(q=q) == Quantile(q=(0.1, 0.9))
    assert [type(one) for one in Quantile(q=q).q] == [float, float]


@pytest.mark.parametrize(
    ("q", "message"),
    [
        ((), "one number, or several"),
        (((0.1, 0.9),), "one number, or several"),
        ("0.5", "one number, or several"),
        ((0.1, 1.0), r"between 0 and 1, found \(0\.1, 1\.0\)"),
        ((0.0, 0.5), "between 0 and 1"),
        ((0.5, math.nan), "between 0 and 1"),
        ((0.9, 0.1), r"ascending order, each once, found \(0\.9, 0\.1\)"),
        ((0.1, 0.5, 0.5), "ascending order, each once"),
    ],
)
def test_several_quantiles_that_are_none_are_refused(q, message):
    with pytest.raises(ValueError, match=f"Quantile: .*{message}"):
        Quantile(q=q)


def test_loss_of_a_network_is_not_clipped():
    network = Network(1, [Dense(1)], seed=0)
    network.theta = [1000.0, 0.0]
    assert network.loss([[1.0], [-1.0]], [0, 1], loss="binary_cross_entropy_from_logits") == 1000.0


@over_all
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dtype_is_kept_and_the_value_is_a_float64(example, dtype):
    output, y = example.output().astype(dtype), example.target()
    for weights in (None, np.arange(1.0, 8.0)):
        value, gradient = evaluate(example.loss, output, y, weights)
        assert gradient.dtype == np.dtype(dtype)
        assert value.dtype == np.float64
        assert example.loss.link(output).dtype == np.dtype(dtype)


def test_settings_out_of_an_array_do_not_promote():
    promoted = set()
    for example in LOSS_EXAMPLES:
        output = example.output().astype(np.float32)
        _, gradient = evaluate(with_numpy_numbers(example.loss), output, example.target())
        promoted |= {str(example)} if gradient.dtype == np.float64 else set()
    penalty = with_numpy_numbers(Penalty(l1=0.1, l2=0.1))
    promoted |= {"Penalty"} if penalty.gradient(np.ones(3, np.float32)).dtype == np.float64 else set()
    assert promoted == set()


@over_all
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_extreme_outputs_stay_finite(example, dtype):
    y = example.target(records=4)
    # exp(50)^2 does not leave float32; of exp(1000) nothing is left to be finite.
    largest = 50.0 if isinstance(example.loss, Poisson | GaussianNLL) else 1000.0
    values = np.array([largest, -largest, 0.0, np.finfo(dtype).tiny], dtype=dtype)
    output = np.stack([np.resize(np.roll(values, k), example.outputs) for k in range(4)])
    with np.errstate(over="ignore"):
        value, gradient = evaluate(example.loss, output, y)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@over_all
def test_nothing_is_overwritten_and_nan_is_not_swallowed(example):
    output, y = example.output(), example.target()
    target = example.loss.encode(y, example.outputs, FLOAT)
    kept = output.copy(), target.copy()
    _, cache = example.loss.forward(output, target)
    before = {name: value.copy() for name, value in cache.items()}
    example.loss.backward(cache)
    np.testing.assert_equal((output, target, cache), (*kept, before))
    output[2, 0] = np.nan
    losses, _ = example.loss.forward(output, target)
    assert np.isnan(losses[2]).any()
    assert np.isfinite(np.delete(losses, 2, axis=0)).all()


@over_all
def test_members_equal_single_calls(example):
    output = np.stack([example.output(seed=member) for member in range(3)])
    target = example.loss.encode(example.target(), example.outputs, FLOAT)
    weights = np.arange(1.0, 8.0)[:, None]
    losses, cache = example.loss.forward(output, target)
    value, factor = example.loss.reduced(losses, target, weights)
    gradient = factor * example.loss.backward(cache)  # [B,1] * [K,B,O] -> [K,B,O]
    for member in range(3):
        one, d_one = evaluate(example.loss, output[member], example.target(), weights[:, 0])
        np.testing.assert_allclose(value[member], one, rtol=1e-14)
        np.testing.assert_allclose(gradient[member], d_one, rtol=1e-14)


# Mean, sum, weights


@over_all
@over_reductions
def test_whole_weights_equal_repeated_records(example, reduction):
    loss, output, y = replace(example.loss, reduction=reduction), example.output(), example.target()
    times = np.array([1, 3, 0, 2, 1, 0, 4])
    weighted, d_weighted = evaluate(loss, output, y, times)
    repeated, d_repeated = evaluate(loss, np.repeat(output, times, axis=0), np.repeat(y, times, axis=0))
    np.testing.assert_allclose(weighted, repeated, rtol=1e-14)
    # Each of a record's copies carries its share of the gradient; a record of weight 0 has none.
    owner = np.repeat(np.arange(7), times)
    total = np.zeros_like(output)
    np.add.at(total, owner, d_repeated)
    np.testing.assert_allclose(d_weighted, total, rtol=1e-13, atol=1e-16)
    assert not d_weighted[times == 0].any()


@over_all
def test_a_mean_divides_by_the_weights_and_a_sum_does_not(example):
    output, y, weights = example.output(), example.target(), np.random.default_rng(5).random(7) + 0.1
    mean, d_mean = evaluate(replace(example.loss, reduction="mean"), output, y, weights)
    total, d_total = evaluate(replace(example.loss, reduction="sum"), output, y, weights)
    scaled, d_scaled = evaluate(replace(example.loss, reduction="mean"), output, y, 10 * weights)
    np.testing.assert_allclose(scaled, mean, rtol=1e-14)
    np.testing.assert_allclose(d_scaled, d_mean, rtol=1e-13, atol=1e-17)
    target = example.loss.encode(y, example.outputs, FLOAT)
    losses, _ = example.loss.forward(output, target)
    counted = np.broadcast_to(example.loss.weigh(target, weights[:, None]), losses.shape)
    summed = example.loss.scale * (counted * losses).sum()
    np.testing.assert_allclose(mean, summed / counted.sum(), rtol=1e-14)
    np.testing.assert_allclose(total, summed, rtol=1e-14)
    np.testing.assert_allclose(d_mean * counted.sum(), d_total, rtol=1e-13, atol=1e-16)


def test_a_mean_is_over_all_output_elements():
    output, y = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[0.0, 0.0], [0.0, 0.0]])
    assert evaluate(SquaredError(), output, y)[0] == (1 + 4 + 9 + 25) / 4
    assert evaluate(SquaredError(reduction="sum"), output, y)[0] == 1 + 4 + 9 + 25
    assert evaluate(SquaredError(), output, y, [1.0, 3.0])[0] == (1 + 4 + 27 + 75) / 8


def test_where_nothing_counts_loss_and_gradient_are_0():
    # A batch of which every record has weight 0 is met in training, though a whole table of that kind is refused.
    value, gradient = evaluate(SquaredError(), np.ones((2, 1)), [0.0, 5.0], [0.0, 0.0])
    assert value == 0
    assert not gradient.any()


def test_class_weights_multiply_sample_weights():
    output, y, weights = np.array([[0.3], [-1.0], [2.0]]), np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0])
    both = evaluate(BinaryCrossEntropyFromLogits(class_weights=(0.5, 4.0)), output, y, weights)
    plain = evaluate(BinaryCrossEntropyFromLogits(), output, y, weights * [0.5, 4.0, 4.0])
    np.testing.assert_allclose(both[0], plain[0], rtol=1e-14)
    np.testing.assert_allclose(both[1], plain[1], rtol=1e-14)


@pytest.mark.parametrize("example", [e for e in LOSS_EXAMPLES if e.loss.reduction == "mean"], ids=str)
def test_networks_loss_and_gradient_take_the_weights(example):
    network = scatter(Network(2, [Dense(example.outputs)], seed=0))
    X, y = np.random.default_rng(0).standard_normal((7, 2)), example.target()
    times = np.array([1, 3, 0, 2, 1, 0, 4])
    many = np.repeat(X, times, axis=0), np.repeat(y, times, axis=0)
    np.testing.assert_allclose(
        network.loss(X, y, loss=example.loss, sample_weight=times), network.loss(*many, loss=example.loss), rtol=1e-13
    )
    np.testing.assert_allclose(
        network.gradient(X, y, loss=example.loss, sample_weight=times),
        network.gradient(*many, loss=example.loss),
        rtol=1e-12,
        atol=1e-15,
    )


# Every layer x loss x penalty x sample weight: each once, and chosen pairs


def proof(example, loss_example, penalty, weighted, members=None):
    generator = np.random.default_rng(11)
    network = scatter(Network(example.shape, example.around(loss_example.outputs), seed=0, members=members))
    weights = generator.random(6) + 0.1 if weighted else None
    report = check_gradients(
        network,
        example.x(records=6),
        loss_example.target(records=6),
        loss=loss_example.loss,
        penalty=penalty,
        sample_weight=weights,
    )
    assert report.passed, report
    assert {row.method for row in report.rows} == {"complex step"}
    assert report.worst.error < 1e-12


@pytest.mark.parametrize(
    ("layer", "loss", "penalty", "weighted"),
    [
        # As many as the longest list needs, the others gone through again and again, at strides that mix them.
        (
            LAYER_EXAMPLES[k % len(LAYER_EXAMPLES)],
            LOSS_EXAMPLES[(3 * k + k // 20) % len(LOSS_EXAMPLES)],
            penalty,
            weighted,
        )
        for k, (penalty, weighted) in enumerate(
            itertools.islice(itertools.cycle(itertools.product(PENALTIES, [False, True])), 2 * len(LOSS_EXAMPLES))
        )
    ],
    ids=str,
)
def test_pairs_are_proven_by_complex_step(layer, loss, penalty, weighted):
    proof(layer, loss, penalty, weighted)


@over_all
@over_reductions
def test_every_loss_is_proven_with_all_at_once(example, reduction):
    loss = replace(example, loss=replace(example.loss, reduction=reduction))
    tanh = next(layer for layer in LAYER_EXAMPLES if layer.layer == Tanh())
    proof(tanh, loss, PENALTIES[-1], weighted=True)
    proof(tanh, loss, PENALTIES[-1], weighted=True, members=2)


@pytest.mark.slow
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("layer", LAYER_EXAMPLES, ids=str)
def test_whole_product_is_proven(layer, penalty):
    for loss, weighted in itertools.product(LOSS_EXAMPLES, [False, True]):
        proof(layer, loss, penalty, weighted)


# Penalties


def test_penalty_is_half_the_square_and_the_size_of_weights():
    weights = np.array([[3.0, -4.0]])
    assert Penalty(l2=0.2).value(weights, 2) == 0.1 * 25
    assert Penalty(l1=0.2).value(weights, 2) == pytest.approx(0.2 * 7)
    np.testing.assert_allclose(Penalty(l1=0.5, l2=0.2).gradient(weights), [[0.5 + 0.6, -0.5 - 0.8]], rtol=1e-15)
    assert (Penalty(l1=0.5, l2=0.1).gradient(np.zeros(2)) == 0).all()


@pytest.mark.parametrize("strengths", [{"l1": 0.3}, {"l2": 0.3}, {"l1": 0.1, "l2": 0.2}])
def test_penalty_leaves_biases_alone_unless_told_otherwise(strengths):
    network = scatter(Network(2, [Dense(3), Dense(1)], seed=0))
    X, y = np.ones((4, 2)), np.zeros(4)
    is_bias = np.zeros(network.theta.size, dtype=bool)
    for slot in network.layout.slots:
        is_bias[slot.start : slot.stop] = slot.is_bias
    assert 0 < is_bias.sum() < len(is_bias)
    plain = network.gradient(X, y, loss="squared_error")
    with_weights = network.gradient(X, y, loss="squared_error", penalty=Penalty(**strengths)) - plain
    with_biases = network.gradient(X, y, loss="squared_error", penalty=Penalty(**strengths, biases=True)) - plain
    l1, l2 = strengths.get("l1", 0.0), strengths.get("l2", 0.0)
    expected = l1 * np.sign(network.theta) + l2 * network.theta
    assert not with_weights[is_bias].any()
    np.testing.assert_allclose(with_weights[~is_bias], expected[~is_bias], rtol=1e-12)
    np.testing.assert_allclose(with_biases, expected, rtol=1e-12)


def test_penalty_does_not_depend_on_records_or_weights():
    network = scatter(Network(2, [Dense(1)], seed=0))
    X, y = np.random.default_rng(0).standard_normal((5, 2)), np.zeros(5)

    def part(records, **settings):
        with_it = network.gradient(X[:records], y[:records], loss="squared_error", penalty=Penalty(l2=0.7), **settings)
        return with_it - network.gradient(X[:records], y[:records], loss="squared_error", **settings)

    np.testing.assert_allclose(part(5), part(2), atol=1e-14)
    np.testing.assert_allclose(part(5), part(5, sample_weight=[1, 2, 3, 4, 5.0]), atol=1e-14)


def test_penalty_of_members_is_each_ones_own():
    network = scatter(Network(2, [Dense(2)], seed=0, members=3))
    X, y, penalty = np.ones((4, 2)), np.zeros((4, 2)), Penalty(l1=0.1, l2=0.3)
    together = network.gradient(X, y, loss="squared_error", penalty=penalty)
    for member in range(3):
        alone = Network(2, [Dense(2)], seed=0)
        alone.theta = network.theta[member]
        np.testing.assert_allclose(
            together[member], alone.gradient(X, y, loss="squared_error", penalty=penalty), rtol=1e-13
        )


@pytest.mark.parametrize("setting", ["l1", "l2"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_penalty_refuses_what_is_no_strength(setting, value):
    with pytest.raises(ValueError, match=f"Penalty: {setting} must be finite and not negative"):
        Penalty(**{setting: value})


# Targets


@pytest.mark.parametrize(
    ("loss", "outputs", "y", "message"),
    [
        (SquaredError(), 1, np.zeros((5, 2)), r"y has shape \(5, 2\).*1 output.*\(5, 1\) or \(5,\)"),
        (SquaredError(), 2, np.zeros(5), r"y has shape \(5,\).*2 output.*\(5, 2\)"),
        (SquaredError(), 2, np.zeros((5, 1)), r"y has shape \(5, 1\)"),
        (SquaredError(), 1, np.zeros((1, 5)), r"y has shape \(1, 5\)"),
        (SquaredError(), 1, np.zeros((5, 1, 1)), r"y has shape \(5, 1, 1\)"),
        (SquaredError(), 1, [0.0, math.nan, 1.0], "row 1: nan"),
        (SquaredError(), 2, [[0.0, 1.0], [2.0, math.inf]], "row 1, column 1: inf"),
        (Poisson(), 1, [1.0, 2.0, -1.0], r"Poisson: counts cannot be negative, found -1\.0 in row 2"),
        (GaussianNLL(), 3, np.zeros(5), "2 outputs for each target"),
        (Quantile(q=(0.1, 0.5, 0.9)), 4, np.zeros(5), r"3 outputs for each target.*\(0\.1, 0\.5, 0\.9\), found 4"),
        (Quantile(q=(0.1, 0.9)), 4, np.zeros((5, 4)), r"y has shape \(5, 4\)"),
        (BinaryCrossEntropyFromLogits(), 1, [0, 1, 2], r"must lie in \[0, 1\], found 2\.0 in row 2"),
        (BinaryCrossEntropyFromLogits(), 1, [0, -1], r"found -1\.0 in row 1"),
        (CrossEntropyFromLogits(), 3, [0, 3], "class numbers from 0 to 2, found 3 in row 1"),
        (CrossEntropyFromLogits(), 3, [0, -1], "class numbers from 0 to 2, found -1 in row 1"),
        (CrossEntropyFromLogits(), 3, [0.0, 1.5], r"class numbers from 0 to 2, found 1\.5 in row 1"),
        (CrossEntropyFromLogits(), 3, [0.0, math.nan], "row 1"),
        (CrossEntropyFromLogits(), 3, [[0.5, 0.5, 0.0], [0.5, 0.6, 0.0]], "row 1 adds up to 1.1"),
        (CrossEntropyFromLogits(), 3, [[1.5, -0.5, 0.0]], "must lie in"),
        (CrossEntropyFromLogits(), 3, np.eye(2), r"y has shape \(2, 2\)"),
        (CrossEntropyFromLogits(), 1, [0, 0], "for yes/no targets use BinaryCrossEntropyFromLogits"),
        (BinaryFocalFromLogits(), 1, [0, 1, 2], r"BinaryFocalFromLogits: targets must lie in \[0, 1\], found 2\.0"),
        (FocalFromLogits(), 3, [0, 3], "class numbers from 0 to 2, found 3 in row 1"),
        (FocalFromLogits(), 1, [0, 0], "FocalFromLogits needs one output .* use .* or BinaryFocalFromLogits"),
        (Hinge(), 1, [0.0, 0.5], r"targets must be 0 or 1, found 0\.5 in row 1"),
        (Hinge(), 1, [-1.0, 1.0], r"targets must be 0 or 1, found -1\.0 in row 0"),
        (Hinge(), 3, [0, 5], "class numbers from 0 to 2, found 5 in row 1"),
    ],
)
def test_targets_that_do_not_fit_are_refused(loss, outputs, y, message):
    with pytest.raises(ValueError, match=message):
        loss.encode(y, outputs, FLOAT)
    network = Network(2, [Dense(outputs)], seed=0)
    with pytest.raises(ValueError, match=message):
        network.loss(np.zeros((len(y), 2)), y, loss=loss)


@pytest.mark.parametrize("loss", [SquaredError(), CrossEntropyFromLogits(), Hinge()], ids=str)
@pytest.mark.parametrize(
    "y",
    [["a", "b", "a"], np.array(["a", None, "b"], dtype=object), np.array([1j, 0, 0])],
    ids=["text", "objects", "complex"],
)
def test_text_and_objects_are_refused(loss, y):
    with pytest.raises(TypeError, match=r"y must hold (numbers|class numbers)"):
        loss.encode(y, 2 if isinstance(loss, CrossEntropyFromLogits | Hinge) else 1, FLOAT)


def test_a_value_too_large_for_float32_is_refused():
    with pytest.raises(ValueError, match="too large for float32"):
        SquaredError().encode([1e300], 1, np.dtype(np.float32))


@pytest.mark.parametrize(
    ("X", "y"), [(np.zeros((5, 2)), np.zeros(4)), (np.zeros((5, 2)), np.zeros(1)), (np.zeros((1, 2)), np.zeros(5))]
)
def test_lengths_are_never_broadcast(X, y):
    with pytest.raises(ValueError, match="they must be as many"):
        Network(2, [Dense(1)], seed=0).loss(X, y, loss="squared_error")


def test_what_targets_may_look_like():
    one_hot = [[1.0, 0.0], [0.0, 1.0]]
    for y in ([0, 1], np.array([0, 1], dtype=np.uint8), [0.0, 1.0], [False, True], one_hot):
        assert CrossEntropyFromLogits().encode(y, 2, FLOAT).tolist() == one_hot
    for y in ([0, 1], [[0], [1]], [False, True]):
        assert SquaredError().encode(y, 1, FLOAT).tolist() == [[0.0], [1.0]]
    assert Hinge().encode([1, 0], 2, FLOAT).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert Quantile(q=(0.1, 0.9)).encode([1, 0], 2, FLOAT).tolist() == [[1.0], [0.0]]
    assert Quantile(q=(0.1, 0.9)).encode(one_hot, 4, FLOAT).tolist() == one_hot
    assert GaussianNLL().encode([1, 0], 2, FLOAT).tolist() == [[1.0], [0.0]]


# Settings and links


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (SquaredError, {"reduction": "max"}, "SquaredError: reduction"),
        (Huber, {"delta": 0.0}, "Huber: delta"),
        (Huber, {"delta": math.nan}, "Huber: delta"),
        (Huber, {"delta": math.inf}, "Huber: delta"),
        (Quantile, {"q": 0.0}, "Quantile: q"),
        (Quantile, {"q": 1.0}, "Quantile: q"),
        (Quantile, {"q": math.nan}, "Quantile: q"),
        (BinaryFocalFromLogits, {"gamma": -0.1}, "BinaryFocalFromLogits: gamma"),
        (BinaryFocalFromLogits, {"class_weights": [1.0]}, "BinaryFocalFromLogits: class_weights needs 2 numbers"),
        (FocalFromLogits, {"gamma": math.nan}, "FocalFromLogits: gamma"),
        (FocalFromLogits, {"gamma": math.inf}, "FocalFromLogits: gamma"),
        (BinaryCrossEntropyFromLogits, {"label_smoothing": 1.0}, "label_smoothing"),
        (CrossEntropyFromLogits, {"label_smoothing": -0.1}, "label_smoothing"),
        (BinaryCrossEntropyFromLogits, {"class_weights": [1.0]}, "class_weights needs 2 numbers"),
        (BinaryCrossEntropyFromLogits, {"class_weights": [1.0, -1.0]}, "class_weights must be finite"),
        (CrossEntropyFromLogits, {"class_weights": [1.0, math.nan]}, "class_weights must be finite"),
    ],
)
def test_settings_out_of_range_are_named(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        kind(**settings)


@pytest.mark.parametrize("kind", [CrossEntropyFromLogits, FocalFromLogits])
def test_class_weights_of_another_number_of_classes_are_refused(kind):
    network = Network(2, [Dense(3)], seed=0)
    with pytest.raises(ValueError, match=f"{kind.__name__}: class_weights has 2 numbers, the network has 3 outputs"):
        network.loss(np.zeros((2, 2)), [0, 2], loss=kind(class_weights=[1, 2]))


@over_all
def test_losses_can_be_kept_as_keys(example):
    assert hash(example.loss) == hash(replace(example.loss))
    assert example.loss == replace(example.loss)
    assert eval(repr(example.loss), dict(LOSSES)) == example.loss


def test_link_gives_what_is_predicted():
    z = np.array([[-1000.0, 0.0, 2.0]])
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(
            BinaryCrossEntropyFromLogits().link(z), [[0, 0.5, 1 / (1 + math.exp(-2))]], atol=1e-16
        )
        np.testing.assert_allclose(CrossEntropyFromLogits().link(z).sum(axis=-1), 1, rtol=1e-15)
    np.testing.assert_allclose(Poisson().link(np.array([0.0, 1.0])), [1.0, math.e])
    assert SquaredError().link(z) is z


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        (Sigmoid(), BinaryCrossEntropyFromLogits()),
        (Softmax(), CrossEntropyFromLogits()),
        (Sigmoid(), BinaryFocalFromLogits()),
        (Softmax(), FocalFromLogits()),
    ],
    ids=str,
)
def test_a_loss_on_logits_refuses_a_second_link(last, loss):
    network = Network(2, [Dense(2), last], seed=0)
    with pytest.raises(ValueError, match=f"ends with {type(last).__name__}: drop that last layer"):
        network.loss(np.zeros((2, 2)), [[0.0, 1.0], [1.0, 0.0]], loss=loss)
