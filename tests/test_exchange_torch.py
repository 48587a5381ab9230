"""Weights to PyTorch and back: the same predictions on both sides."""

import numpy as np
import pytest

from exchanged import assert_equal_predictions, moved, network_of, pictures, some_x
from judges import judge
from pellucid import (
    Adam,
    BatchNorm,
    Chain,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Identity,
    LayerNorm,
    MaxPool2D,
    MeanOfMembers,
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
    Softmax,
    Tanh,
    keras_weights,
    load_keras_weights,
    load_torch_weights,
    torch_weights,
)
from pellucid.exchange import keras as our_keras
from pellucid.exchange import torch as our_torch
from table import LAYER_EXAMPLES


def channels_first(x):
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def from_numpy(torch, weights):
    return {name: torch.from_numpy(array) for name, array in weights.items()}


def predicted_by(torch, module, x):
    with torch.no_grad():
        return module.double().eval()(torch.from_numpy(x)).numpy()


def linear_modules(torch):
    nn = torch.nn
    network = network_of(Dense(5), Tanh(), Dense(3, bias=False), ReLU(), Dense(2), Softmax())
    module = nn.Sequential(
        nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3, bias=False), nn.ReLU(), nn.Linear(3, 2), nn.Softmax(dim=-1)
    )
    return network, module.double()


def test_torch_predicts_the_same_with_our_weights():
    torch = judge("torch")
    network, module = linear_modules(torch)
    weights = torch_weights(network)
    assert list(weights) == list(module.state_dict()) == ["0.weight", "0.bias", "2.weight", "4.weight", "4.bias"]
    module.load_state_dict(from_numpy(torch, weights), strict=True)
    assert_equal_predictions(predicted_by(torch, module, some_x()), network.predict(some_x()))


@pytest.mark.parametrize("as_arrays", [False, True])
def test_we_predict_the_same_with_the_weights_of_torch(as_arrays):
    torch = judge("torch")
    network, module = linear_modules(torch)
    state = module.state_dict()
    weights = {name: tensor.numpy() for name, tensor in state.items()} if as_arrays else state
    assert load_torch_weights(network, weights) is network
    assert_equal_predictions(network.predict(some_x()), predicted_by(torch, module, some_x()))


def test_blocks_are_sequentials_within_a_sequential():
    torch = judge("torch")
    nn = torch.nn

    class Past(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x)

    class Beside(nn.Sequential):
        def forward(self, x):
            return torch.cat([branch(x) for branch in self], dim=-1)

    network = network_of(
        Residual([Dense(4), Tanh()]),
        Parallel([Dense(3), [Tanh(), Dense(2)]]),
        Chain([Dense(6), ReLU()]),
    )
    module = nn.Sequential(
        Past(nn.Linear(4, 4), nn.Tanh()),
        Beside(nn.Linear(4, 3), nn.Sequential(nn.Tanh(), nn.Linear(4, 2))),
        nn.Sequential(nn.Linear(5, 6), nn.ReLU()),
    ).double()
    weights = torch_weights(network)
    assert [name for name in weights if name.endswith("weight")] == [
        "0.0.weight",
        "1.0.weight",
        "1.1.1.weight",
        "2.0.weight",
    ]
    module.load_state_dict(from_numpy(torch, weights), strict=True)
    assert_equal_predictions(predicted_by(torch, module, some_x()), network.predict(some_x()))
    other = Network(4, network.layers, seed=9)
    assert_equal_predictions(
        load_torch_weights(other, module.state_dict()).predict(some_x()), network.predict(some_x())
    )


def test_convolutions_take_the_same_weights_in_torch():
    torch = judge("torch")
    nn = torch.nn
    network = network_of(
        Conv2D(6, 3, padding=1), Tanh(), MaxPool2D(), Conv2D(2, (3, 2), groups=2, bias=False), inputs=(8, 6, 4)
    )
    module = nn.Sequential(
        nn.Conv2d(4, 6, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2), nn.Conv2d(6, 2, (3, 2), groups=2, bias=False)
    ).double()
    module.load_state_dict(from_numpy(torch, torch_weights(network)), strict=True)
    found = predicted_by(torch, module, channels_first(pictures()))
    assert_equal_predictions(found, channels_first(network.predict(pictures())))
    other = load_torch_weights(Network((8, 6, 4), network.layers, seed=9), module.state_dict())
    np.testing.assert_array_equal(other.theta, network.theta)


def assert_both_ways(torch, network, module, x, theirs=None):
    """Let weights go there and back, and look at predictions on both sides."""
    theirs = x if theirs is None else theirs
    module = module.double().eval()
    load_torch_weights(other := network.copy(), module.state_dict())
    assert_equal_predictions(other.predict(x), predicted_by(torch, module, theirs))
    module.load_state_dict(from_numpy(torch, torch_weights(network)), strict=True)
    assert_equal_predictions(predicted_by(torch, module, theirs), network.predict(x))
    assert_equal_predictions(load_torch_weights(other, module.state_dict()).predict(x), network.predict(x))


def test_layers_that_normalise_take_the_same_weights_in_torch():
    torch = judge("torch")
    nn = torch.nn
    layers = [Dense(5), BatchNorm(), PReLU(), Dropout(), LayerNorm(), Dense(3), PReLU(shared=True), RMSNorm()]
    network = moved(network_of(*layers, BatchNorm(scale=False, shift=False)))
    module = nn.Sequential(
        *[nn.Linear(4, 5), nn.BatchNorm1d(5), nn.PReLU(5), nn.Dropout(), nn.LayerNorm(5), nn.Linear(5, 3), nn.PReLU()],
        nn.RMSNorm(3, eps=1e-5),
        nn.BatchNorm1d(3, affine=False),
    )
    assert torch_weights(network).keys() == module.state_dict().keys()
    assert torch_weights(network)["1.num_batches_tracked"] == 0
    assert_both_ways(torch, network, module, some_x())


def test_embeddings_take_the_same_weights_in_torch():
    torch = judge("torch")
    nn = torch.nn

    class ToWhole(nn.Module):
        def forward(self, x):
            return x.long()

    network = network_of(Identity(), Embedding(6, 3), Flatten(), Dense(2), inputs=4)
    module = nn.Sequential(ToWhole(), nn.Embedding(6, 3), nn.Flatten(), nn.Linear(12, 2))
    assert_both_ways(torch, network, module, np.random.default_rng(0).integers(0, 6, (9, 4)).astype(float))


def test_what_follows_a_flattened_picture_is_turned_for_torch():
    torch = judge("torch")
    nn = torch.nn
    layers = [Conv2D(3, 3), BatchNorm(), ReLU(), Flatten(), BatchNorm(), PReLU(), Flatten(), Dense(72, bias=True)]
    network = moved(network_of(*layers, Tanh(), Dense(2), inputs=(8, 6, 4)))
    module = nn.Sequential(
        *[
            nn.Conv2d(4, 3, 3),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.Flatten(),
            nn.BatchNorm1d(72),
            nn.PReLU(72),
            nn.Flatten(),
        ],
        *[nn.Linear(72, 72), nn.Tanh(), nn.Linear(72, 2)],
    )
    assert_both_ways(torch, network, module, pictures(), channels_first(pictures()))


def test_a_flattened_picture_at_the_end_of_a_chain():
    torch = judge("torch")
    nn = torch.nn
    branches = Parallel([[Conv2D(2, 3), Flatten(), Dense(3)], [MaxPool2D(), Flatten(), Tanh(), Dense(2)]])

    class Beside(nn.Sequential):
        def forward(self, x):
            return torch.cat([branch(x) for branch in self], dim=-1)

    network = network_of(Chain([Conv2D(2, 3), Flatten()]), Tanh(), Dense(3), inputs=(8, 6, 4))
    module = nn.Sequential(nn.Sequential(nn.Conv2d(4, 2, 3), nn.Flatten()), nn.Tanh(), nn.Linear(48, 3))
    assert_both_ways(torch, network, module, pictures(), channels_first(pictures()))
    network = network_of(branches, Dense(1), inputs=(8, 6, 4))
    module = nn.Sequential(
        Beside(
            nn.Sequential(nn.Conv2d(4, 2, 3), nn.Flatten(), nn.Linear(48, 3)),
            nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Tanh(), nn.Linear(48, 2)),
        ),
        nn.Linear(5, 1),
    )
    assert_both_ways(torch, network, module, pictures(), channels_first(pictures()))


@pytest.mark.parametrize(
    "layers",
    [
        [Flatten(), Select([0, 3])],
        [Flatten(), Residual([Tanh()])],
        [Flatten(), Tanh(), Parallel([Dense(1), Dense(2)])],
        [Parallel([[MaxPool2D(), Flatten()], [Flatten(), Dense(2)]])],
        [Flatten(), Reshape((4, 2))],
        [Flatten(), PiecewiseLinear([[0, 1]] * 8)],
        [Flatten(), OneHot([2] * 8)],
        [Flatten(), Tanh(), MeanOfMembers(2)],
    ],
)
def test_what_torch_would_have_in_another_order_is_refused(layers):
    network = Network((2, 2, 2), layers, seed=0)
    with pytest.raises(TypeError, match=r"layer \w+_1 joins or chooses values of a flattened image"):
        torch_weights(network)
    keras_weights(network)  # has the same order


def test_parameters_that_ask_for_gradients_and_short_floats_are_read():
    torch = judge("torch")
    weights = {
        "0.weight": torch.nn.Parameter(torch.tensor([[2.0, 0.5]], dtype=torch.bfloat16)),
        "0.bias": torch.tensor([1]),
    }
    network = load_torch_weights(Network(2, [Dense(1)], seed=0), weights)
    assert network.predict([[1.0, 2.0]]).tolist() == [[4.0]]


def test_what_is_given_away_is_a_copy_in_the_networks_own_dtype():
    network = Network(2, [Dense(1)], seed=0, dtype="float32")
    for weights in (list(torch_weights(network).values()), keras_weights(network)):
        assert all(array.dtype == np.float32 and array.flags.c_contiguous for array in weights)
        before = network.theta.copy()
        for array in weights:
            array[...] = 7.0
        np.testing.assert_array_equal(network.theta, before)


def test_loading_forgets_the_optimizers_memory_and_nothing_else():
    network = Network(1, [Dense(1)], seed=0)
    network.fit([[0.0], [1.0]], [0.0, 1.0], loss="squared_error", optimizer=Adam(), epochs=2)
    load_torch_weights(network, torch_weights(network))
    assert network.fitted.optimizer_state is None
    assert network.fitted.optimizer == Adam() and len(network.history) == 2


GOOD = {"0.weight": np.zeros((1, 2)), "0.bias": np.zeros(1)}


@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        ({"0.weight": np.zeros((1, 2))}, ValueError, r"weights lack 0\.bias;"),
        (GOOD | {"1.bias": np.zeros(1)}, ValueError, r"hold 1\.bias, which the network has no place for"),
        (
            {f"net.{name}": array for name, array in GOOD.items()},
            ValueError,
            r"lack 0\.weight, 0\.bias and hold net\.0",
        ),
        (GOOD | {"0.weight": np.zeros((2, 1))}, ValueError, r"'0\.weight'.*dense_1.*shape \(2, 1\), expected \(1, 2\)"),
        (GOOD | {"0.bias": np.zeros(())}, ValueError, r"'0\.bias'.* shape \(\), expected \(1,\)"),
        (GOOD | {"0.bias": np.array([np.nan])}, ValueError, r"'0\.bias'.* holds nan, which is no finite float64"),
        (GOOD | {"0.bias": np.array(["a"])}, TypeError, r"'0\.bias'.* must hold real numbers"),
        (GOOD | {"0.bias": np.array([1j])}, TypeError, r"'0\.bias'.* must hold real numbers"),
        (list(GOOD.values()), TypeError, r"weights must be a state_dict"),
    ],
)
def test_what_does_not_fit_torch_is_named_and_changes_nothing(weights, error, words):
    network = Network(2, [Dense(1)], seed=0)
    before = network.theta.copy()
    with pytest.raises(error, match=words):
        load_torch_weights(network, weights)
    np.testing.assert_array_equal(network.theta, before)


# PyTorch and Keras alike


def test_values_that_float32_does_not_have_are_named():
    network = Network(2, [Dense(1), BatchNorm()], seed=0, dtype="float32")
    weights = torch_weights(network) | {"1.running_var": np.array([1e39])}
    with pytest.raises(ValueError, match=r"'1\.running_var'\] \(variance of batch_norm_1\) holds 1e\+39, .* float32"):
        load_torch_weights(network, weights)
    doubles = {name: array.astype(np.float64) for name, array in torch_weights(network).items()}
    load_torch_weights(network, doubles)
    assert network.predict(some_x(inputs=2)).dtype == network.state[1]["mean"].dtype == np.float32


@pytest.mark.parametrize("example", LAYER_EXAMPLES, ids=str)
def test_out_and_in_again_is_the_same_network(example):
    network, other, third = example.network(), example.network(), example.network()
    for one in (other, third):
        one.theta = np.zeros(one.theta.shape)
    load_torch_weights(other, torch_weights(network))
    load_keras_weights(third, keras_weights(network))
    for one in (other, third):
        np.testing.assert_array_equal(one.theta, network.theta)
        np.testing.assert_array_equal(one.predict(example.x()), network.predict(example.x()))


def test_every_array_of_a_match_belongs_to_its_layer():
    examples = {type(one): example for example in LAYER_EXAMPLES for one in example.layer.everything()}
    assert set(our_torch.MATCHES) == set(our_keras.MATCHES) <= set(examples)


@pytest.mark.parametrize("give", [torch_weights, keras_weights])
def test_what_has_no_equal_is_refused(give):
    class Own(Dense):
        pass

    with pytest.raises(TypeError, match=r"layer residual_1.own_1 is a Own, and nobody has said what it is in"):
        give(Network(2, [Residual([Own(2)])], seed=0))
    with pytest.raises(ValueError, match=r"3 members.*insight\.member\.single"):
        give(Network(2, [Dense(1)], seed=0, members=3))
