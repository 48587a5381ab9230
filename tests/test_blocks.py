"""Blocks: what they compute, that they are no more than the layers within, and what they refuse."""

from dataclasses import dataclass

import numpy as np
import pytest

import pellucid
from pellucid import (
    SGD,
    Adam,
    BatchNorm,
    Chain,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    HeNormal,
    Identity,
    Layer,
    MaxPool2D,
    Network,
    Parallel,
    PReLU,
    Reshape,
    Residual,
    Select,
    Tanh,
    check_gradients,
    load,
)
from pellucid.layers import Context
from table import scatter

NETWORKS = {
    "residual": (4, [Dense(5), Residual([BatchNorm(), Dropout(0.3), Dense(5)]), Dense(2)]),
    "parallel": (4, [Parallel([Dense(2), [Tanh(), Dense(3, bias=False)]]), Dense(2)]),
    "chain": (4, [Chain([Dense(3), BatchNorm(), Tanh()]), Chain([Dense(2)])]),
    "nested": (
        4,
        [Residual([Parallel([Dense(3), [GaussianNoise(0.2), Residual([Dense(4), PReLU()])]]), Dense(4)]), Dense(2)],
    ),
    "categories": (4, [Parallel([Select([2, 3]), [Select([0, 1, 0]), Embedding(3, 2), Flatten()]]), Dense(2)]),
    "images": ((4, 4, 2), [Parallel([MaxPool2D(), [Conv2D(3, 2, stride=2), BatchNorm()]]), Flatten(), Dense(2)]),
}
NAMES = {name: getattr(pellucid, name) for name in pellucid.__all__}
over_networks = pytest.mark.parametrize("name", NETWORKS)


def made(name, **settings):
    shape, layers = NETWORKS[name]
    return Network(shape, layers, **{"seed": 3, **settings})


def data(network, records=22, seed=0):
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((records, *network.inputs))
    if len(network.inputs) == 1:
        X[:, :2] = generator.integers(0, 3, (records, 2))
    return X, generator.standard_normal((records, 2))


STEPS = {"loss": "squared_error", "optimizer": SGD(0.02, momentum=0.5), "epochs": 3, "batch_size": 8}


# What they compute


def test_a_residual_block_that_has_learnt_nothing_lets_everything_through():
    network = Network(3, [Residual([Dense(7), Tanh(), Dense(3)])], seed=0)
    network.theta = np.zeros_like(network.theta)
    X = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_array_equal(network.predict(X), X)


def test_a_residual_block_of_itself_doubles_and_so_does_its_gradient():
    x = np.array([[1.0, -2.0]])
    y, cache = Residual([Identity()]).forward({}, x, Context())
    assert y.tolist() == [[2.0, -4.0]]
    assert Residual([Identity()]).backward({}, cache, np.array([[10.0, 1.0]]))[0].tolist() == [[20.0, 2.0]]


def test_many_branches_keep_their_own_parameters():
    # Of twelve, the first and the tenth to twelfth begin alike: branch_1, branch_12.
    block = Parallel([Dense(1, bias=False)] * 12)
    parameters = {f"branch_{place}.weights": np.array([[float(place)]]) for place in range(1, 13)}
    assert list(block.parameters((1,))) == list(parameters)
    y, cache = block.forward(parameters, np.array([[10.0]]), Context())
    assert y.tolist() == [[10.0 * place for place in range(1, 13)]]
    dx, gradients = block.backward(parameters, cache, np.arange(12.0)[None])
    assert dx.tolist() == [[sum(place * (place - 1.0) for place in range(1, 13))]]
    assert [gradients[name].item() for name in parameters] == [10.0 * place for place in range(12)]


def test_branches_draw_and_remember_for_themselves():
    block = Parallel([Dropout(0.5), [Tanh(), Dropout(0.5)], BatchNorm(), [BatchNorm(), Tanh(), BatchNorm()]])
    assert set(block.draws_for((4,), (3,))) == {"branch_1.u", "branch_2.dropout_1.u"}
    assert set(block.state((3,))) == {
        f"{norm}.{name}"
        for norm in ("branch_3", "branch_4.batch_norm_1", "branch_4.batch_norm_2")
        for name in ("mean", "variance")
    }


# They are no more than the layers within


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("members", [None, 2])
def test_a_chain_equals_the_same_layers_outside_to_the_bit(members, dtype):
    layers = [Dense(5), BatchNorm(), Tanh(), Dense(4), PReLU()]
    settings = {"seed": 3, "members": members, "dtype": dtype}
    outside = Network(4, [*layers, Dense(2)], **settings)
    chained = Network(4, [Chain(layers[:2]), Chain([Chain(layers[2:])]), Dense(2)], **settings)
    X, y = data(outside)
    np.testing.assert_array_equal(outside.theta, chained.theta)
    for network in (outside, chained):
        network.fit(X, y, **STEPS)
    np.testing.assert_array_equal(outside.theta, chained.theta)
    np.testing.assert_array_equal(outside.predict(X), chained.predict(X))
    for name, array in outside.state[1].items():
        np.testing.assert_array_equal(chained.state[0][f"batch_norm_1.{name}"], array)


@over_networks
@pytest.mark.parametrize("training", [False, True], ids=["prediction", "training"])
@pytest.mark.parametrize("members", [None, 2])
def test_gradients_are_proven_however_deep(name, training, members):
    network = scatter(made(name, members=members))
    report = check_gradients(network, *data(network, records=7), loss="squared_error", training=training)
    assert report.passed, report
    assert {row.method for row in report.rows} == {"complex step"}
    assert max(row.error for row in report.rows) < 1e-12


@over_networks
@pytest.mark.parametrize("batches", ["own", "shared"])
def test_members_equal_single_runs(name, batches):
    settings = STEPS | {"shuffle": batches == "own"}  # with one order for all, only member 0 sees that of its own seed
    together = made(name, members=3)
    X, y = data(together)
    together.fit(X, y, batches=batches, **settings)
    for member in range(3):
        alone = made(name, seed=3 + member)
        alone.fit(X, y, **settings)
        np.testing.assert_allclose(together.theta[member], alone.theta, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(together.predict(X)[member], alone.predict(X), rtol=1e-10, atol=1e-12)
        for ours, others in zip(together.state, alone.state, strict=True):
            for key, array in others.items():
                np.testing.assert_allclose(ours[key][member], array, rtol=1e-11, atol=1e-13)


def test_a_run_is_repeatable_and_its_seed_counts():
    def theta(seed):
        network = made("nested")
        network.fit(*data(network), seed=seed, shuffle=False, **STEPS)
        return network.theta

    np.testing.assert_array_equal(theta(1), theta(1))
    assert (theta(1) != theta(2)).any()  # the order of the records is the same: only what is drawn differs


def test_layers_within_a_block_draw_afresh_each_for_itself():
    seen = []

    class Watched(Dropout):
        def forward(self, parameters, x, context):
            if context.training:
                assert set(context.random) == {"u"}
                seen.append(context.random["u"])
            else:
                assert not context.random
            return super().forward(parameters, x, context)

    network = Network(3, [Dense(40), Residual([Watched(), Parallel([Watched(), Select([0])]), Dense(40)])], seed=0)
    seen.clear()  # a layer of one's own is tried when a network takes it
    X = np.zeros((8, 3))
    network.fit(X, np.zeros((8, 40)), loss="squared_error", epochs=2, batch_size=8)
    assert {array.shape for array in seen} == {(8, 40)}
    first, other_layer, other_step = seen[:3]
    assert not (first == other_layer).any()
    assert not (first == other_step).any()
    network.predict(X)


def test_running_statistics_within_a_block_are_remembered_and_used():
    # Nothing before the block learns, so the running mean can be worked out by hand.
    network = Network(3, [Residual([BatchNorm(momentum=0.5, scale=False, shift=False)])], seed=0)
    X = np.random.default_rng(0).standard_normal((20, 3)) + 2
    network.fit(X, X, loss="squared_error", epochs=2, batch_size=None)
    mean, variance = 0.75 * X.mean(axis=0), 0.25 + 0.75 * X.var(axis=0, ddof=1)
    np.testing.assert_allclose(network.state[0]["batch_norm_1.mean"], mean, rtol=1e-13)
    np.testing.assert_allclose(network.state[0]["batch_norm_1.variance"], variance, rtol=1e-13)
    np.testing.assert_allclose(network.predict(X), X + (X - mean) / np.sqrt(variance + 1e-5), rtol=1e-12)


@dataclass(frozen=True)
class Remembers(Layer):
    """Subtract what was remembered from the start, and remember nothing new."""

    def state(self, input_shape):
        return {"kept": np.full(input_shape, 7.0)}

    def forward(self, parameters, x, context):
        return x - context.state["kept"][..., None, :], {}

    def backward(self, parameters, cache, dy):
        return dy, {}


@pytest.mark.parametrize("block", [Residual([BatchNorm(), Remembers()]), Parallel([Remembers(), BatchNorm()])])
def test_what_one_layer_remembers_stays_when_another_remembers_anew(block):
    network = Network(3, [block, Dense(2)], seed=0)
    X = np.random.default_rng(0).standard_normal((9, 3))
    network.fit(X, X[:, :2], **STEPS)
    (kept,) = (array for name, array in network.state[0].items() if name.endswith("kept"))
    assert (kept == 7).all()


@pytest.mark.parametrize("frozen", ["residual_1", "dense_1"])
def test_a_frozen_block_stays_and_the_others_learn(frozen):
    network = made("residual", frozen=[frozen])
    before = {key: {k: v.copy() for k, v in named.items()} for key, named in network.parameters.items()}
    network.fit(*data(network), **STEPS)
    for key, named in network.parameters.items():
        for k, array in named.items():
            assert (array == before[key][k]).all() == (key == frozen), (key, k)
    network.unfreeze().fit(*data(network), epochs=1)
    for k, array in network.parameters[frozen].items():
        assert (array != before[frozen][k]).any(), k


# As code and as a file


@over_networks
@pytest.mark.parametrize("settings", [{}, {"members": 2, "dtype": "float32"}])
def test_what_a_network_prints_makes_it_anew(name, settings):
    network = made(name, **settings)
    again = eval(repr(network), NAMES)
    assert again == network
    np.testing.assert_array_equal(again.theta, network.theta)


def test_settings_within_a_block_are_printed():
    block = Residual([Dense(2, weights_initializer=HeNormal()), Parallel([[Dropout(0.1)], Identity()])])
    inside = "Dense(2, weights_initializer=HeNormal()), Parallel((Chain((Dropout(rate=0.1),)), Identity()))"
    assert repr(Network(4, [block], seed=0)) == f"Network(4, [Residual(({inside}))], seed=0)"
    assert eval(repr(block), NAMES) == block
    assert hash(Residual([Tanh()])) == hash(Residual((Tanh(),)))
    assert Residual([Tanh()]) != Chain([Tanh()])


@over_networks
@pytest.mark.parametrize("settings", [{}, {"members": 2, "dtype": "float32"}])
def test_a_trained_network_comes_back_and_goes_on(tmp_path, name, settings):
    network = made(name, **settings)
    X, y = data(network)
    network.fit(X, y, loss="squared_error", optimizer=Adam(0.01), epochs=2, batch_size=8)
    network.save(tmp_path / "model.pellucid")
    again = load(tmp_path / "model.pellucid")
    assert again == network
    np.testing.assert_array_equal(again.predict(X), network.predict(X))
    for one in (network, again):
        one.fit(X, y, epochs=2, batch_size=8)
    np.testing.assert_array_equal(again.theta, network.theta)
    np.testing.assert_equal(again.state, network.state)


@dataclass(frozen=True)
class Scaled(Layer):
    by: float = 2.0

    def forward(self, parameters, x, context):
        return x * self.by, {}

    def backward(self, parameters, cache, dy):
        return dy * self.by, {}


def test_a_layer_of_ones_own_within_a_block_trains_and_is_handed_to_load(tmp_path):
    network = Network(3, [Residual([Dense(3), Chain([Scaled(0.5)])]), Dense(2)], seed=0)
    X = np.random.default_rng(0).standard_normal((9, 3))
    assert check_gradients(network, X, X[:, :2], loss="squared_error").passed
    network.fit(X, X[:, :2], **STEPS)
    network.save(tmp_path / "model.pellucid")
    with pytest.raises(pellucid.ModelFileError, match="a class 'Scaled' that is not part of Pellucid"):
        load(tmp_path / "model.pellucid")
    again = load(tmp_path / "model.pellucid", custom={"Scaled": Scaled})
    np.testing.assert_array_equal(again.predict(X), network.predict(X))


# What is refused


@pytest.mark.parametrize(
    ("inputs", "layers", "told"),
    [
        (4, [Residual([Dense(3)])], r"layer residual_1: Residual .* must keep its shape \(4,\); they give \(3,\)"),
        (4, [Dense(4), Chain([Residual([Dense(2)])])], r"layer chain_1: residual_1 within it: Residual .* \(2,\)"),
        ((4, 3, 2), [Parallel([Conv2D(2, 2), Conv2D(2, 3)])], r"layer parallel_1: .*: \(3, 2, 2\), \(2, 1, 2\)"),
        (4, [Parallel([Dense(4), Reshape((2, 2))])], r"Parallel joins .* along the last axis; .*: \(4,\), \(2, 2\)"),
        (4, [Parallel([Dense(4), [Tanh(), Select([7])]])], "branch_2 within it: select_1 within it: .*no column 7"),
    ],
)  # fmt: skip
def test_layers_that_do_not_fit_are_told_with_their_place(inputs, layers, told):
    with pytest.raises(ValueError, match=told):
        Network(inputs, layers, seed=0)


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (lambda: Residual([]), ValueError, "layers is empty"),
        (lambda: Chain(()), ValueError, "layers is empty"),
        (lambda: Residual(Dense(3)), TypeError, r"layers must be a list of layers; write \[Dense\(units=3"),
        (lambda: Residual(3), TypeError, "layers must be a list of layers, found 3"),
        (lambda: Chain(None), TypeError, "layers must be a list of layers, found None"),
        (lambda: Residual([Dense(3), 3]), TypeError, r"layers\[1\] must be a layer, found 3"),
        (lambda: Residual([Dense]), TypeError, r"layers\[0\] is the class Dense; write Dense\(\)"),
        (lambda: Parallel([Dense(2)]), ValueError, "Parallel: branches must be two or more, found 1"),
        (lambda: Parallel([]), ValueError, "Parallel: branches must be two or more, found 0"),
        (lambda: Parallel(Dense(2)), TypeError, "Parallel: branches must be a list of branches, found Dense"),
        (lambda: Parallel(3), TypeError, "Parallel: branches must be a list of branches, found 3"),
        (lambda: Parallel([Dense(2), 3]), TypeError, r"branches\[1\] must be a layer, found 3"),
        (lambda: Parallel([Dense(2), "ab"]), TypeError, r"branches\[1\] must be a layer, found 'ab'"),
        (lambda: Parallel([Dense(2), Tanh]), TypeError, r"branches\[1\] is the class Tanh; write Tanh\(\)"),
        (lambda: Parallel([Dense(2), [Tanh]]), TypeError, r"layers\[0\] is the class Tanh"),
        (lambda: Parallel([Dense(2), []]), ValueError, "layers is empty"),
    ],
)  # fmt: skip
def test_what_is_no_layer_is_refused(make, error, told):
    with pytest.raises(error, match=told):
        make()
