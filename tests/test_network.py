"""Network: its theta and views, what it computes, copying, freezing, and clear errors."""

import copy
import pickle

import numpy as np
import pytest

import pellucid
from pellucid import (
    SGD,
    CrossEntropyFromLogits,
    Dense,
    HeNormal,
    Identity,
    LeakyReLU,
    Network,
    Poisson,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)


def small(**settings):
    return Network(3, [Dense(4), Tanh(), Dense(2)], **{"seed": 0, **settings})


def test_theta_is_one_vector_and_parameters_are_views_into_it():
    network = small()
    assert network.theta.flags.c_contiguous
    assert network.theta.shape == (3 * 4 + 4 + 4 * 2 + 2,)
    for views in network.parameters.values():
        for array in views.values():
            assert np.shares_memory(array, network.theta)
    network.parameters["dense_2"]["bias"][...] = [7.0, 8.0]
    assert network.theta[-2:].tolist() == [7.0, 8.0]
    network.theta = np.arange(26)
    assert network.parameters["dense_1"]["weights"].tolist() == np.arange(12.0).reshape(3, 4).tolist()


def test_assigning_to_a_parameter_writes_into_theta():
    network = small()
    network.parameters["dense_2"]["bias"] = [7.0, 8.0]
    assert network.theta[-2:].tolist() == [7.0, 8.0]
    with pytest.raises(KeyError, match="no parameter 'biass'; this layer has weights, bias"):
        network.parameters["dense_2"]["biass"] = 0.0
    with pytest.raises(ValueError, match="broadcast"):
        network.parameters["dense_2"]["bias"] = np.zeros(3)
    copied = copy.deepcopy(network.parameters["dense_2"])
    copied["bias"] = np.zeros(2)
    assert network.theta[-2:].tolist() == [7.0, 8.0]


def test_a_squared_error_gives_no_probability():
    network = Network(1, [Dense(1)], seed=0)
    network.fit([[1.0]], [2.0], loss="squared_error", epochs=1)
    with pytest.raises(ValueError, match="SquaredError, whose output is no probability: use predict"):
        network.predict_proba([[1.0]])


def test_theta_keeps_its_shape_and_kind():
    network = small()
    with pytest.raises(ValueError, match=r"theta has shape \(26,\), found \(25,\)"):
        network.theta = np.zeros(25)
    with pytest.raises(TypeError, match="real numbers"):
        network.theta = np.zeros(26) * 1j


def test_forward_by_hand():
    # One record (1, 2), two tanh units:
    # z = (1*0.5 + 2*0.25 + 0, 1*-1 + 2*0.5 + 1) = (1, 1); output = 3 tanh(1) - tanh(1).
    network = Network(2, [Dense(2), Tanh(), Dense(1)], seed=0)
    network.theta = [0.5, -1.0, 0.25, 0.5, 0.0, 1.0, 3.0, -1.0, 0.5]
    np.testing.assert_allclose(network.forward([[1.0, 2.0]]), [[2 * np.tanh(1.0) + 0.5]], rtol=1e-15)


def test_predict_in_parts_is_forward_at_once(monkeypatch):
    X = np.random.default_rng(0).normal(size=(1001, 3))
    for network in (small(), small(members=2)):
        whole = network.forward(X)
        monkeypatch.setattr("pellucid.network.PREDICTED_VALUES_AT_ONCE", 64)
        np.testing.assert_allclose(network.predict(X), whole, rtol=1e-13)
        monkeypatch.undo()


@pytest.mark.slow
def test_a_million_rows_need_bounded_memory():
    import tracemalloc

    network = Network(30, [Dense(100), ReLU(), Dense(1)], seed=0)
    X = np.zeros((1_000_000, 30))
    tracemalloc.start()
    network.predict(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 250e6, "the hidden layer of all rows alone would be 800 MB"


def test_no_records_in_no_records_out():
    assert small().predict(np.zeros((0, 3))).shape == (0, 2)


@pytest.mark.parametrize(("X", "message"), [
    ([1.0, 2.0, 3.0], r"shape \(3,\).*\[record\]"),
    ([[1.0, 2.0]], r"records of width 3"),
    ([[1.0, 2.0, None]], r"not finite|numbers"),
    ([[1.0, 2.0, np.nan]], r"1 value that is not finite: nan in row 0, column 2"),
    ([[np.inf, 2.0, np.nan]], r"2 values that are not finite, the first inf in row 0, column 0"),
    (np.zeros((2, 3)) * 1j, "real numbers"),
    ([["1", "2", "x"]], "found .*x.* in row 0, column 2"),
])  # fmt: skip
def test_wrong_inputs_are_named(X, message):
    with pytest.raises((ValueError, TypeError), match=message):
        small().predict(X)


def test_a_single_column_gets_its_hint():
    with pytest.raises(ValueError, match=r"reshape\(-1, 1\)"):
        Network(1, [Dense(1)], seed=0).predict([1.0, 2.0])


def test_integers_booleans_and_frames_are_numbers():
    network = small()
    expected = network.predict([[1.0, 0.0, 1.0]])
    assert (network.predict([[1, 0, 1]]) == expected).all()
    assert (network.predict(np.array([[True, False, True]])) == expected).all()
    pandas = pytest.importorskip("pandas")
    assert (network.predict(pandas.DataFrame([[1.0, 0.0, 1.0]])) == expected).all()


def test_float32_stays_float32():
    network = small(dtype="float32")
    X, y = np.eye(3), np.array([0, 1, 0])
    assert network.theta.dtype == np.float32
    assert network.predict(X).dtype == np.float32
    network.fit(X, y, loss="cross_entropy_from_logits", optimizer="adamw", epochs=2)
    assert network.theta.dtype == np.float32
    assert network.predict_proba(X).dtype == np.float32
    assert network.gradient(X, y).dtype == np.float32
    assert network.fitted.optimizer_state.m.dtype == np.float32


def test_predict_proba_applies_the_link_of_the_loss():
    X = np.eye(3)
    network = small()
    with pytest.raises(ValueError, match="call fit first"):
        network.predict_proba(X)
    network.fit(X, [0, 1, 1], loss=CrossEntropyFromLogits(), epochs=1)
    raw = network.predict(X)
    np.testing.assert_allclose(network.predict_proba(X), np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True))
    counts = Network(3, [Dense(1)], seed=0)
    counts.fit(X, [0, 1, 3], loss=Poisson(), epochs=1)
    np.testing.assert_allclose(counts.predict_proba(X), np.exp(counts.predict(X)))


@pytest.mark.parametrize("last", [Sigmoid(), Softmax()])
def test_a_loss_on_logits_refuses_a_final_sigmoid_or_softmax(last):
    network = Network(3, [Dense(2), last], seed=0)
    with pytest.raises(ValueError, match="drop that last layer"):
        network.fit(np.eye(3), [0, 1, 0], loss="cross_entropy_from_logits")


def test_configuration_equality_repr_and_copy():
    network = Network(
        (3,), [Dense(4, weights_initializer=HeNormal()), LeakyReLU(0.2), Dense(1, bias=False)], seed=7, dtype="float32",
        frozen=["dense_1"],
    )  # fmt: skip
    assert eval(repr(network), vars(pellucid) | {n: getattr(pellucid, n) for n in pellucid.__all__}) == network
    assert "LeakyReLU(slope=0.2)" in repr(network)
    for other in (network.copy(), copy.copy(network), copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert other == network
        assert (other.theta == network.theta).all()
        other.theta = other.theta + 1
        other.parameters["dense_2"]["weights"][...] = 0
        assert (other.theta[-4:] == 0).all(), "the copy's views look into its own theta"
        assert (network.theta[-4:] != 0).all()
    assert network != Network(3, [Dense(4), Dense(1)], seed=7)
    assert network != "something else"
    unseeded = Network(3, [Dense(1)])
    again = eval(repr(unseeded), {"Network": Network, "Dense": Dense})
    assert (again.theta == unseeded.theta).all()


def test_the_same_seed_gives_the_same_start_in_both_precisions():
    assert (small(dtype="float32").theta == small().theta.astype(np.float32)).all()
    assert (small(seed=1).theta != small().theta).any()


def test_members_start_as_their_seeds_would():
    together = small(seed=5, members=3)
    for member in range(3):
        assert (together.theta[member] == small(seed=5 + member).theta).all()
    assert together.predict(np.eye(3)).shape == (3, 3, 2)
    assert together.parameters["dense_1"]["weights"].shape == (3, 3, 4)


def test_layers_of_one_kind_are_numbered():
    network = Network(2, [Dense(2), ReLU(), Dense(2), ReLU(), Identity()], seed=0)
    assert network.names == ("dense_1", "relu_1", "dense_2", "relu_2", "identity_1")


def test_summary_in_a_terminal_and_in_a_notebook():
    network = small(frozen=["dense_1"])
    text, html = repr(network.summary()), network._repr_html_()
    assert "dense_1 (frozen)" in text
    assert "26 parameters, float64, 16 of them frozen" in text
    assert "<th scope='row'>tanh_1</th>" in html


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Network(0, [Dense(1)]), "inputs must be"),
    (lambda: Network(2.5, [Dense(1)]), "inputs must be"),
    (lambda: Network(2, []), "layers is empty"),
    (lambda: Network(2, Dense(1)), r"write \[Dense"),
    (lambda: Network(2, [Dense]), r"layers\[0\] is the class Dense; write Dense\(\)"),
    (lambda: Network(2, ["relu"]), r"layers\[0\] must be a layer, found 'relu'"),
    (lambda: Network(2, [Dense(0)]), "units must be a positive whole number, found 0"),
    (lambda: Network((2, 2), [Dense(1)]), "layer dense_1: Dense takes flat records"),
    (lambda: Network(2, [Dense(1)], seed=-1), "seed must be"),
    (lambda: Network(2, [Dense(1)], dtype="int32"), "dtype must be"),
    (lambda: Network(2, [Dense(1)], members=0), "members must be"),
    (lambda: Network(2, [Dense(1)], frozen=["dense_2"]), "no layer 'dense_2'; the layers are dense_1"),
])  # fmt: skip
def test_wrong_configurations_are_named(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_starting_from_another_network():
    old = Network(3, [Dense(4), Tanh(), Dense(2)], seed=0)
    new = Network(3, [Dense(4), Tanh(), Dense(5)], seed=1)
    fresh = new.parameters["dense_2"]["weights"].copy()
    new.start_from(old)
    assert (new.parameters["dense_1"]["weights"] == old.parameters["dense_1"]["weights"]).all()
    assert (new.parameters["dense_2"]["weights"] == fresh).all()
    with pytest.raises(ValueError, match="dense_2 is not in both"):
        new.start_from(old, "dense_2")
    with pytest.raises(ValueError, match="no layer in common"):
        Network(9, [Dense(1)], seed=0).start_from(old)


def test_a_saved_network_is_a_start(tmp_path):
    X, y = np.eye(3), [0, 1, 0]
    network = small()
    network.fit(X, y, loss="cross_entropy_from_logits", epochs=3)
    network.save(tmp_path / "n.pellucid")
    new = (
        Network(3, [Dense(4), Tanh(), Dense(1)], seed=9)
        .start_from(pellucid.load(tmp_path / "n.pellucid"))
        .freeze("dense_1")
    )
    before = new.theta[:16].copy()
    new.fit(X, [1.0, 2.0, 3.0], loss="squared_error", optimizer=SGD(0.1), epochs=2)
    assert (new.theta[:16] == before).all()


def test_public_names_are_all_there():
    for name in pellucid.__all__:
        assert getattr(pellucid, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Netwrok'"):
        pellucid.Netwrok
