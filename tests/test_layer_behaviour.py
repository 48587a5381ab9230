"""What single layers promise beyond the contract: dropout, noise, shapes, categories; and settings that are refused."""

import math

import numpy as np
import pytest

from judges import judge
from pellucid import (
    SELU,
    SGD,
    AlphaDropout,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    LayerNorm,
    MeanOfMembers,
    Network,
    OneHot,
    Parallel,
    PiecewiseLinear,
    PReLU,
    Reshape,
    RMSNorm,
    Select,
    SoftClip,
)
from pellucid.arrays import add_rows, draw, take_rows
from pellucid.layers import Context


def in_training(layer, x):
    """Go forward in training, with draws."""
    generator = np.random.default_rng(0)
    random = {name: draw([generator], one, x.dtype) for name, one in layer.draws(x.shape).items()}
    return layer.forward({}, x, Context(training=True, random=random))[0]


def normal(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape)


# Dropout and noise


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    x = np.full((400, 500), 3.0)
    y = in_training(Dropout(rate), x)
    assert set(np.unique(y)) == {3.0} if rate == 0 else {0.0, 3 / (1 - rate)}
    count = x.size
    assert abs((y == 0).mean() - rate) <= 5 * math.sqrt(rate * (1 - rate) / count)
    assert abs(y.mean() - 3) <= 5 * 3 * math.sqrt(rate / (1 - rate) / count)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.2, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(rate):
    x = normal(600, 1000)
    y = in_training(AlphaDropout(rate), x)
    assert abs(y.mean()) < 0.01
    assert abs(y.var() - 1) < 0.01


def test_alpha_dropout_keeps_what_selu_makes():
    # SELU of standard normal values has mean 0 and variance 1; that is what the layer is made for.
    x, _ = SELU().forward({}, normal(600, 1000), Context())
    y = in_training(AlphaDropout(0.1), x)
    assert abs(y.mean()) < 0.01
    assert abs(y.var() - 1) < 0.01


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_alpha_dropout_gives_the_two_values_that_torch_gives(rate):
    torch = judge("torch")
    x = normal(200, 50)
    layer = AlphaDropout(rate)
    kept = layer.forward({}, x, Context(training=True, random={"u": np.ones_like(x)}))[0]
    dropped = layer.forward({}, x, Context(training=True, random={"u": np.zeros_like(x)}))[0]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = torch.nn.AlphaDropout(rate)(torch.tensor(x)).numpy()
    is_kept = np.isclose(theirs, kept, rtol=1e-12, atol=1e-13)
    assert (is_kept | np.isclose(theirs, dropped, rtol=1e-12)).all()
    assert abs(is_kept.mean() - (1 - rate)) < 0.03


def test_noise_has_its_standard_deviation():
    y = in_training(GaussianNoise(0.3), np.full((500, 400), 2.0))
    assert abs(y.mean() - 2) < 0.005
    assert abs(y.std() - 0.3) < 0.005


@pytest.mark.parametrize("layer", [Dropout(), AlphaDropout(0.5), GaussianNoise(5.0)], ids=str)
def test_prediction_leaves_values_as_they_are(layer):
    x = normal(4, 3)
    np.testing.assert_array_equal(layer.forward({}, x, Context())[0], x)


@pytest.mark.parametrize("layer", [Dropout(0.0), AlphaDropout(0.0), GaussianNoise(0.0)], ids=str)
def test_a_rate_of_nothing_does_nothing(layer):
    x = normal(4, 3)
    np.testing.assert_array_equal(in_training(layer, x), x)


def test_each_layer_and_each_step_draws_for_itself():
    dropped = []

    class Watched(Dropout):
        def forward(self, parameters, x, context):
            if context.training:
                dropped.append(context.random["u"] < self.rate)
            return super().forward(parameters, x, context)

    network = Network(3, [Dense(50), Watched(), Watched(), Dense(1)], seed=0)
    dropped.clear()  # a layer of one's own is tried once when a network takes it
    network.fit(normal(8, 3), normal(8), loss="squared_error", epochs=2, batch_size=8)
    first, other_layer, other_step = dropped[0], dropped[1], dropped[2]
    for other in (other_layer, other_step):
        assert 0.4 < (first == other).mean() < 0.6


# PReLU


def test_a_shared_slope_learns_from_all_units():
    x, dy = normal(5, 2, 3, 4), normal(5, 2, 3, 4, seed=2)
    each, one = PReLU(), PReLU(shared=True)
    y, cache = each.forward({"slope": np.full(4, 0.3)}, x, Context())
    y_shared, cache_shared = one.forward({"slope": np.array([0.3])}, x, Context())
    np.testing.assert_array_equal(y, y_shared)
    of_each = each.backward({"slope": np.full(4, 0.3)}, cache, dy)[1]["slope"]
    of_all = one.backward({"slope": np.array([0.3])}, cache_shared, dy)[1]["slope"]
    np.testing.assert_allclose(of_all, [of_each.sum()], rtol=1e-13)


@pytest.mark.parametrize("shared", [False, True])
def test_a_slope_is_learnt(shared):
    x = normal(200, 3)
    slopes = 0.7 if shared else np.array([0.7, -0.2, 0.0])
    network = Network(3, [PReLU(shared=shared)], seed=0)
    network.fit(x, np.where(x > 0, x, slopes * x), loss="squared_error", optimizer=SGD(1.0), epochs=40)
    np.testing.assert_allclose(network.parameters["prelu_1"]["slope"], slopes, atol=1e-6)


# Shapes


@pytest.mark.parametrize("members", [None, 3])
def test_shapes_go_there_and_back(members):
    layers = [Reshape((4, 3)), Flatten(), Reshape([2, -1, 2]), Reshape(12), Dense(1)]
    network = Network(12, layers, seed=0, members=members)
    plain = Network(12, [Dense(1)], seed=0, members=members)
    assert network.shapes[1:4] == ((4, 3), (12,), (2, 3, 2))
    network.theta = plain.theta
    np.testing.assert_array_equal(network.predict(normal(5, 12)), plain.predict(normal(5, 12)))


@pytest.mark.parametrize(
    ("shape", "before", "told"),
    [
        ((5,), (6,), r"a record of shape \(6,\) has 6 values, which \(5,\) cannot hold"),
        ((4, -1), (6,), r"has 6 values, which \(4, -1\) cannot hold"),
        ((2, 2), (2, 3), r"a record of shape \(2, 3\) has 6 values"),
    ],
)
def test_a_shape_that_does_not_fit_is_told(shape, before, told):
    with pytest.raises(ValueError, match=told):
        Network(before, [Reshape(shape)], seed=0)


def test_columns_go_different_ways():
    # The first column doubled by being there twice, the third left out.
    x = np.array([[1.0, 2.0, 3.0]])
    layer = Select([0, 1, 0])
    y, cache = layer.forward({}, x, Context())
    assert y.tolist() == [[1.0, 2.0, 1.0]]
    assert layer.backward({}, cache, np.array([[10.0, 20.0, 40.0]]))[0].tolist() == [[50.0, 20.0, 0.0]]


@pytest.mark.parametrize("shape", [(2,), (3, 3)])
def test_a_column_that_is_not_there_is_told(shape):
    with pytest.raises(ValueError, match="Select: there is no column 2 in records of shape"):
        Network(shape, [Select([0, 2])], seed=0)


# Categories


@pytest.mark.parametrize("value", [3.0, -1.0, 0.5, np.nan, np.inf, -np.inf, 1e300])
def test_what_is_no_category_is_told_with_its_place(value):
    network = Network(2, [Embedding(3, 2), Flatten(), Dense(1)], seed=0)
    X = np.zeros((4, 2))
    X[2, 1] = value
    told = rf"column 1 of record 2 is {value!s}; expected a whole number from 0 to 2, one of the 3 categories"
    with pytest.raises(ValueError, match=told.replace("+", r"\+")):
        network.layers[0].forward(network.parameters["embedding_1"], X, Context())


@pytest.mark.parametrize("members", [None, 3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_are_added_up_as_a_loop_would(members, dtype):
    generator, lead = np.random.default_rng(0), () if members is None else (members,)
    codes = generator.integers(0, 4, (*lead, 7, 5)).astype(dtype)  # of 6 rows, two are never taken
    values = generator.standard_normal((*lead, 7, 5, 3)).astype(dtype)
    table = generator.standard_normal((*lead, 6, 3)).astype(dtype)
    taken, added = take_rows(table, codes, "rows"), add_rows(values, codes, 6)
    assert taken.dtype == added.dtype == dtype
    expected = np.zeros(table.shape)
    for place in np.ndindex(codes.shape):
        row = (*place[: len(lead)], int(codes[place]))
        np.testing.assert_array_equal(taken[place], table[row])
        expected[row] += values[place]
    np.testing.assert_allclose(added, expected, rtol=1e-12 if dtype == "float64" else 1e-5, atol=1e-6)


@pytest.mark.parametrize("members", [False, True])
def test_rows_on_jax_are_those_on_numpy_and_none_where_there_is_none(members):
    jax = judge("jax")
    generator, lead = np.random.default_rng(0), (2,) if members else ()
    codes = generator.integers(0, 4, (*lead, 7, 5)).astype("float64")
    values, table = generator.standard_normal((*lead, 7, 5, 3)), generator.standard_normal((*lead, 4, 3))
    with jax.enable_x64(True):
        take = jax.jit(lambda table, codes: take_rows(table, codes, "rows"))
        add = jax.jit(lambda values, codes: add_rows(values, codes, 4))
        np.testing.assert_array_equal(take(table, codes), take_rows(table, codes, "rows"))
        np.testing.assert_allclose(add(values, codes), add_rows(values, codes, 4), rtol=1e-12, atol=1e-14)
        for wrong in (4.0, 1e12, -1.0, 0.5, np.nan, np.inf):
            other = codes.copy()
            other[..., 1, 2] = wrong
            found = np.isnan(np.asarray(take(table, other)))
            assert found[..., 1, 2, :].all()
            assert found.sum() == 3 * math.prod(lead)


@pytest.mark.parametrize("wrong", [7.0, -1.0, 1.5])
def test_both_engines_tell_what_is_no_category(wrong):
    judge("jax")
    X = np.column_stack([normal(12), np.arange(12) % 3])
    X[5, 1] = wrong
    layers = [Parallel([Select([0]), [Select([1]), Embedding(3, 2), Flatten()]]), Dense(1)]
    for engine in ("numpy", "jax"):
        network = Network(2, layers, seed=0)
        with pytest.raises(ValueError, match=f"Embedding: column 0 of record 5 is {wrong}"):
            network.fit(X, X[:, 0], loss="squared_error", epochs=2, batch_size=None, shuffle=False, engine=engine)


def test_categories_never_seen_stay_as_they_start():
    network = Network(1, [Embedding(5, 2), Flatten(), Dense(1)], seed=0)
    before = network.parameters["embedding_1"]["weights"].copy()
    X = np.array([[0.0], [3.0], [3.0]])
    network.fit(X, X[:, 0], loss="squared_error", optimizer=SGD(0.1), epochs=3)
    changed = (network.parameters["embedding_1"]["weights"] != before).any(axis=1)
    assert changed.tolist() == [True, False, False, True, False]


def test_an_embedding_learns_any_function_of_a_category():
    codes = np.random.default_rng(0).integers(0, 6, 200)
    y = np.array([3.0, -1.0, 0.5, 7.0, -4.0, 0.0])[codes]
    network = Network(1, [Embedding(6, 1), Flatten()], seed=0)
    network.fit(codes[:, None], y, loss="squared_error", optimizer=SGD(1.0), epochs=40)
    np.testing.assert_allclose(network.predict(codes[:, None])[:, 0], y, atol=1e-3)


@pytest.mark.parametrize("value", [-1.0, 3.0, 0.5, 1e30, -1e30])
def test_what_is_no_category_of_a_one_hot_is_nothing(value):
    x = np.array([[1.0, value, 2.0]], dtype=np.float32)
    y, _ = OneHot((2, 3, 3)).forward({}, x, Context())
    assert y.tolist() == [[0, 1, 0, 0, 0, 0, 0, 1]]


# The numbers of tables


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_soft_clip_leaves_small_values_and_holds_large_ones_at_its_limit(dtype):
    layer, far = SoftClip(2.0), np.finfo(dtype).max
    x = np.array([-far, -1e30, 0.0, 1e-20, 2.0, 1e30, far], dtype=dtype)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        y, cache = layer.forward({}, x, Context())
        slope, _ = layer.backward({}, cache, np.ones_like(x))
    np.testing.assert_allclose(y, [-2, -2, 0, 1e-20, math.sqrt(2), 2, 2], rtol=1e-6)
    np.testing.assert_allclose(slope, [0, 0, 1, 1, math.sqrt(1 / 8), 0, 0], rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_piecewise_encoding_at_its_edges_and_beyond(dtype):
    layer = PiecewiseLinear([[0.1, 0.3, 0.7], [-1.0, 1.0]], [[0.5, 0.25], [0.5]], scale=2.0)
    x = np.array([[0.1, -1.0], [0.3, 1.0], [0.7, 0.0], [-1e30, np.inf], [1e30, -np.inf]], dtype=dtype)
    y, cache = layer.forward({}, x, Context())
    expected = [[-1, -0.5, -1], [1, -0.5, 1], [1, 1.5, 0], [-1, -0.5, 1], [1, 1.5, -1]]
    np.testing.assert_array_equal(y, np.array(expected, dtype))  # to the last digit, however far
    # An edge has the slope of the bin that begins there.
    dx, _ = layer.backward({}, cache, np.ones_like(y))
    np.testing.assert_allclose(dx, [[10, 1], [5, 0], [0, 1], [0, 0], [0, 0]], rtol=1e-6)
    slope = layer.forward({}, x[:3] + 1e-30j, Context())[0].imag.sum(axis=-1) * 1e30
    np.testing.assert_allclose(slope, dx[:3].sum(axis=-1), rtol=1e-6)


def test_a_dense_gives_each_bin_a_slope_of_its_own():
    x = np.linspace(-1, 3, 200)[:, None]
    y = np.interp(x, [-1, 0, 1, 3], [0.0, 2.0, -1.0, 0.5])
    network = Network(1, [PiecewiseLinear([[-1, 0, 1, 3]]), Dense(1)], seed=0)
    network.fit(x, y, loss="squared_error", optimizer="lbfgs", epochs=200)
    np.testing.assert_allclose(network.predict(x), y, atol=1e-3)
    np.testing.assert_allclose(network.parameters["dense_1"]["weights"][:, 0], [2, -3, 1.5], atol=1e-2)


# Several networks as one


def test_a_mean_of_outputs_takes_each_output_of_each_member():
    layer = MeanOfMembers(3)
    y, cache = layer.forward({}, np.array([[1.0, 10.0, 2.0, 20.0, 6.0, 60.0]]), Context())
    assert y.tolist() == [[3.0, 30.0]]
    assert layer.backward({}, cache, np.array([[3.0, 6.0]]))[0].tolist() == [[1.0, 2.0] * 3]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_mean_of_probabilities_is_that(temperature):
    z = normal(7, 3, 4)  # [B,K,C]
    y, _ = MeanOfMembers(3, "probabilities", temperature).forward({}, z.reshape(7, 12), Context())
    each = np.exp(z / temperature)
    mean = (each / each.sum(axis=-1, keepdims=True)).mean(axis=1)
    np.testing.assert_allclose(np.exp(y), mean, rtol=1e-13)
    single, _ = MeanOfMembers(3, "probabilities", temperature).forward({}, z[:, :, 0], Context())
    mean = (1 / (1 + np.exp(-z[:, :, 0] / temperature))).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(1 / (1 + np.exp(-single)), mean, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_mean_of_probabilities_of_what_is_very_sure_is_exact(dtype):
    # Of two members: both sure, the same; in conflict, even odds; sure and undecided, (1 + 1/2) / (0 + 1/2) = 3.
    z = np.array([[1000, 1000], [-1000, -1000], [1000, -1000], [1000, 0], [0, -1000]], dtype=dtype)
    layer, near = MeanOfMembers(2, "probabilities"), {"rtol": 4 * np.finfo(dtype).eps, "atol": 1e-30}
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        y, cache = layer.forward({}, z, Context())
        dx, _ = layer.backward({}, cache, np.ones_like(y))
    np.testing.assert_allclose(y[:, 0], [1000, -1000, 0, math.log(3), -math.log(3)], **near)
    np.testing.assert_allclose(dx, [[0.5, 0.5], [0.5, 0.5], [0, 0], [0, 2 / 3], [2 / 3, 0]], **near)
    # As two classes, whose first output is 0.
    pairs = np.stack([0 * z, z], axis=-1).reshape(-1, 4)
    both, _ = layer.forward({}, pairs, Context())
    np.testing.assert_allclose(both[:, 1] - both[:, 0], y[:, 0], **near)


def test_one_member_alone_is_what_it_was():
    z = 30 * normal(50, 1)
    np.testing.assert_allclose(MeanOfMembers(1, "probabilities").forward({}, z, Context())[0], z, rtol=1e-14)
    assert MeanOfMembers(1).forward({}, z, Context())[0].tolist() == z.tolist()


# What is refused


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Dropout(1), r"Dropout: rate must lie in \[0, 1\), found 1"),
        (lambda: Dropout(-0.1), "Dropout: rate"),
        (lambda: Dropout(math.nan), "Dropout: rate"),
        (lambda: Dropout(True), "Dropout: rate"),
        (lambda: AlphaDropout(1.0), "AlphaDropout: rate"),
        (lambda: GaussianNoise(-1), "GaussianNoise: std must be finite and not negative, found -1"),
        (lambda: GaussianNoise(math.inf), "GaussianNoise: std"),
        (lambda: GaussianNoise(math.nan), "GaussianNoise: std"),
        (lambda: BatchNorm(epsilon=0), "BatchNorm: epsilon must be positive and finite, found 0"),
        (lambda: BatchNorm(momentum=1), r"BatchNorm: momentum must lie in \[0, 1\), found 1"),
        (lambda: BatchNorm(momentum=-0.1), "BatchNorm: momentum"),
        (lambda: LayerNorm(epsilon=-1e-5), "LayerNorm: epsilon"),
        (lambda: RMSNorm(epsilon=math.nan), "RMSNorm: epsilon"),
        (lambda: Reshape(()), "Reshape: shape"),
        (lambda: Reshape((0, 2)), "Reshape: shape must hold positive whole numbers, of which one may be -1"),
        (lambda: Reshape((-1, -1)), "Reshape: shape"),
        (lambda: Reshape((2.0, 3)), "Reshape: shape"),
        (lambda: Reshape("23"), "Reshape: shape"),
        (lambda: Select([]), "Select: columns must be one or more whole numbers from 0, found"),
        (lambda: Select([-1]), "Select: columns"),
        (lambda: Select([0.5]), "Select: columns"),
        (lambda: Select([True]), "Select: columns"),
        (lambda: Embedding(0, 2), "Embedding: categories must be a positive whole number, found 0"),
        (lambda: Embedding(3, 0), "Embedding: width must be a positive whole number, found 0"),
        (lambda: Embedding(3.0, 2), "Embedding: categories"),
        (lambda: Embedding(True, 2), "Embedding: categories"),
        (lambda: Network((2, 2), [Embedding(3, 2)]), r"Embedding takes flat records of category numbers"),
        (lambda: OneHot([]), "OneHot: levels must be one or more positive whole numbers, found"),
        (lambda: OneHot([2, 0]), "OneHot: levels"),
        (lambda: OneHot([2.5]), "OneHot: levels"),
        (lambda: Network(3, [OneHot([2, 2])]), r"OneHot with 2 columns .* found records of shape \(3,\)"),
        (lambda: SoftClip(0), "SoftClip: limit must be positive and finite, found 0"),
        (lambda: SoftClip(math.inf), "SoftClip: limit"),
        (lambda: PiecewiseLinear([]), "PiecewiseLinear: edges must be"),
        (lambda: PiecewiseLinear([1.0, 2.0]), "PiecewiseLinear: edges must be numbers, a list for each column"),
        (lambda: PiecewiseLinear([[0, 1], [1.0]]), "PiecewiseLinear: edges must be two or more.* column 1"),
        (lambda: PiecewiseLinear([[0, 1, 1]]), "PiecewiseLinear: edges must be two or more in ascending order"),
        (lambda: PiecewiseLinear([[0, math.nan]]), "PiecewiseLinear: edges must be finite"),
        (lambda: PiecewiseLinear([[0, 1]], [[0, 1]]), "PiecewiseLinear: centres must be one fewer"),
        (lambda: PiecewiseLinear([[0, 1]], [[0], [0]]), "PiecewiseLinear: centres must be one fewer"),
        (lambda: PiecewiseLinear([[0, 1]], scale=0), "PiecewiseLinear: scale must be positive and finite, found 0"),
        (lambda: Network(3, [PiecewiseLinear([[0, 1]])]), r"PiecewiseLinear with the edges of 1 columns .*\(3,\)"),
        (lambda: MeanOfMembers(0), "MeanOfMembers: members must be a positive whole number, found 0"),
        (lambda: MeanOfMembers(2.0), "MeanOfMembers: members"),
        (lambda: MeanOfMembers(2, "logits"), 'MeanOfMembers: of must be "outputs" or "probabilities", found'),
        (lambda: MeanOfMembers(2, temperature=0), "MeanOfMembers: temperature must be positive and finite, found 0"),
        (lambda: Network(3, [MeanOfMembers(2)]), r"MeanOfMembers joins 2 members .* found records of shape \(3,\)"),
    ],
)
def test_settings_that_mean_nothing_are_refused_by_name(make, told):
    with pytest.raises(ValueError, match=told):
        make()
