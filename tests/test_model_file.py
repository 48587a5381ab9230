"""The model file: what is saved comes back to the bit; anything else is refused in one line."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

import pellucid
from pellucid import (
    SGD,
    Adam,
    CosineDecay,
    Dense,
    EarlyStopping,
    Initializer,
    Layer,
    Loss,
    ModelFileError,
    Network,
    Optimizer,
    Penalty,
    ReLU,
    Schedule,
    Tanh,
    load,
)
from pellucid.files import safetensors
from table import LAYER_EXAMPLES, LOSS_EXAMPLES, OPTIMIZER_EXAMPLES


def trained(**settings):
    X = np.random.default_rng(0).normal(size=(40, 3))
    network = Network(3, [Dense(4), Tanh(), Dense(1)], seed=3, **settings)
    network.fit(
        X,
        X[:, 0],
        loss="huber",
        optimizer=Adam(CosineDecay(0.01, 100)),
        penalty=Penalty(l2=1e-3),
        epochs=4,
        validation_fraction=0.2,
        callbacks=[EarlyStopping(2)],
    )
    return network


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.pellucid"


@pytest.mark.parametrize("settings", [{}, {"dtype": "float32"}, {"members": 2}, {"frozen": ["dense_1"]}])
def test_everything_comes_back_to_the_bit(path, settings):
    network = trained(**settings)
    network.save(path)
    again = load(path)
    X = np.random.default_rng(1).normal(size=(9, 3))
    assert again == network
    np.testing.assert_array_equal(again.theta, network.theta)
    np.testing.assert_array_equal(again.predict(X), network.predict(X))
    for name in network.history:
        np.testing.assert_array_equal(again.history[name], network.history[name])
    assert again.history.best_epoch == network.history.best_epoch
    assert again.fitted.loss == network.fitted.loss
    assert again.fitted.penalty == network.fitted.penalty
    assert again.fitted.optimizer == network.fitted.optimizer
    # Training goes on from the file as it would have without it.
    more = {"epochs": 2, "validation_fraction": 0.2}
    network.fit(X, X[:, 0], **more)
    again.fit(X, X[:, 0], **more)
    np.testing.assert_array_equal(again.theta, network.theta)


@pytest.mark.parametrize("example", LAYER_EXAMPLES, ids=str)
def test_every_layer_comes_back(path, example):
    network, x = example.network(), example.x()
    network.set_state([example.context(x, training=False).state])
    network.save(path)
    again = load(path)
    assert again.layers == network.layers
    np.testing.assert_array_equal(again.predict(x), network.predict(x))


@pytest.mark.parametrize("example", LOSS_EXAMPLES, ids=str)
def test_every_loss_comes_back(path, example):
    from pellucid.network import Fitted
    from pellucid.training import History

    network = Network(2, [Dense(2)], seed=0)
    network.fitted = Fitted(example.loss, history=History())
    network.save(path)
    assert load(path).fitted.loss == example.loss


@pytest.mark.parametrize("example", OPTIMIZER_EXAMPLES, ids=str)
def test_every_optimizer_goes_on_from_its_memory(path, example):
    X = np.random.default_rng(0).normal(size=(10, 2))
    network = Network(2, [Dense(1)], seed=0)
    network.fit(X, X[:, 0], loss="squared_error", optimizer=example.optimizer, epochs=3)
    network.save(path)
    again = load(path)
    for one in (network, again):
        one.fit(X, X[:, 0], epochs=2)
    np.testing.assert_array_equal(again.theta, network.theta)


@dataclass(frozen=True)
class Shift(Layer):
    by: float = 1.0

    def forward(self, parameters, x, context):
        return x + self.by, {}

    def backward(self, parameters, cache, dy):
        return dy, {}


@dataclass(frozen=True, kw_only=True)
class Fourth(Loss):
    def forward(self, output, target):
        error = output - target
        return error**4, {"error": error}

    def backward(self, cache):
        return 4 * cache["error"] ** 3


@dataclass(frozen=True)
class Half(Initializer):
    def __call__(self, generator, shape):
        return np.full(shape, 0.5)


class Falling(Schedule):
    def __call__(self, step):
        return 0.1 / (step + 1)


@dataclass(frozen=True)
class Plain(SGD):
    pass


def test_ones_own_classes_train_without_registration_and_are_handed_to_load(path):
    network = Network(2, [Shift(0.5), Dense(1, weights_initializer=Half())], seed=0)
    network.fit(np.eye(2), [0.0, 1.0], loss=Fourth(), optimizer=Plain(Falling()), epochs=2)
    network.save(path)
    with pytest.raises(ModelFileError, match=r"a class '\w+' that is not part of Pellucid.*custom=\{'\w+': \w+\}"):
        load(path)
    custom = {kind.__name__: kind for kind in (Shift, Fourth, Half, Plain, Falling)}
    again = load(path, custom=custom)
    assert again.layers == network.layers
    assert isinstance(again.fitted.optimizer.learning_rate, Falling)
    np.testing.assert_array_equal(again.predict(np.eye(2)), network.predict(np.eye(2)))


def test_a_custom_class_of_another_kind_is_refused(path):
    Network(2, [Shift()], seed=0).save(path)
    with pytest.raises(ModelFileError, match="expected a Layer, found 'Shift'"):
        load(path, custom={"Shift": Optimizer})


def test_what_a_file_cannot_keep_is_named(path):
    @dataclass(frozen=True)
    class WithArray(Shift):
        table: object = None

    with pytest.raises(TypeError, match=r"layer with_array_1, WithArray.table: a ndarray cannot be kept"):
        Network(2, [WithArray(table=np.zeros(2))], seed=0).save(path)
    network = Network(1, [Dense(1)], seed=0)
    network.fit([[1.0]], [1.0], loss="squared_error", optimizer=SGD(lambda step: 0.1), epochs=1)
    with pytest.raises(TypeError, match="function cannot be kept"):
        network.save(path)
    assert not path.exists()


def test_a_file_that_exists_is_left_alone(path):
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"model\.pellucid"):
        trained().save(path)
    assert path.read_text() == "mine"
    trained().save(path, overwrite=True)
    assert isinstance(load(path), Network)
    assert [each.name for each in path.parent.iterdir()] == ["model.pellucid"]


def rewritten(path, change, seal=True):
    """Write the file anew with a change in metadata, config or tensors; ``seal`` computes a fitting sha256."""
    tensors, metadata = safetensors.read(path)
    config = json.loads(metadata["config"])
    change(config, tensors, metadata)
    if "config" in metadata and isinstance(metadata["config"], str):
        metadata["config"] = json.dumps(config, sort_keys=True, separators=(",", ":"))
    if seal:
        metadata["sha256"] = safetensors.digest(metadata["config"], tensors)
    path.unlink()
    safetensors.write(path, tensors, metadata, overwrite=False)


def set_in(config, keys, value):
    for key in keys[:-1]:
        config = config[key]
    config[keys[-1]] = value


@pytest.mark.parametrize(("change", "message"), [
    (lambda c, t, m: m.update(version="2"), "format version '2'.*update Pellucid"),
    (lambda c, t, m: m.update(format="other"), "not a Pellucid model"),
    (lambda c, t, m: m.update(kind="forest"), "holds a 'forest'"),
    (lambda c, t, m: m.update(extra="x"), "fields .*extra"),
    (lambda c, t, m: t.update(theta=t["theta"][:-1]), "need 21 parameters, the file holds 20"),
    (lambda c, t, m: t.pop("theta"), "need 21 parameters, the file holds none"),
    (lambda c, t, m: t.update(theta=t["theta"].astype("f4")), "tensor 'theta' is float32"),
    (lambda c, t, m: t.update(more=np.zeros(2)), "disagree about more"),
    (lambda c, t, m: t.pop("optimizer/m"), "disagree about optimizer/m"),
    (lambda c, t, m: t.update({"history/loss": np.zeros(1)}), "columns of the history"),
    (lambda c, t, m: t.update({"history/seconds": np.array(1.0)}), "columns of the history"),
    (lambda c, t, m: set_in(c, ["layers", 0, "units"], 10**6), "need 5,000,001 parameters"),
    (lambda c, t, m: set_in(c, ["layers", 0, "units"], 10**9), "a record has too many values"),
    (lambda c, t, m: set_in(c, ["layers", 0, "units"], -4), "units must be a positive whole number"),
    (lambda c, t, m: set_in(c, ["layers", 0, "units"], "4"), "Dense: units cannot be '4'"),
    (lambda c, t, m: set_in(c, ["layers", 0, "unit"], 4), "does not fit its class, in unit"),
    (lambda c, t, m: set_in(c, ["layers", 1, "type"], "os.system"), "'os.system' that is not part of Pellucid"),
    (lambda c, t, m: set_in(c, ["layers", 1, "type"], "Adam"), "expected a Layer, found 'Adam'"),
    (lambda c, t, m: set_in(c, ["layers"], "Dense"), "does not fit|expected"),
    (lambda c, t, m: set_in(c, ["layers"], []), "expected a list of at least one layer"),
    (lambda c, t, m: set_in(c, ["inputs"], [0]), "positive whole numbers"),
    (lambda c, t, m: set_in(c, ["inputs"], 3), "positive whole numbers"),
    (lambda c, t, m: set_in(c, ["members"], 10**12), "1,000,000,000,000 members; a model file holds at most 100,000"),
    (lambda c, t, m: set_in(c, ["members"], 10**5), "need 2,100,000 parameters, the file holds 21"),
    (lambda c, t, m: set_in(c, ["members"], "two"), "."),
    (lambda c, t, m: set_in(c, ["dtype"], "complex128"), "dtype"),
    (lambda c, t, m: set_in(c, ["seed"], -1), "seed"),
    (lambda c, t, m: set_in(c, ["frozen"], ["tanh_9"]), "tanh_9"),
    (lambda c, t, m: set_in(c, ["fitted", "optimizer_state", "step"], None), "."),
    (lambda c, t, m: set_in(c, ["fitted", "optimizer_state"], {}), "optimizer's memory"),
    (lambda c, t, m: set_in(c, ["fitted", "optimizer"], None), "names no optimizer"),
    (lambda c, t, m: set_in(c, ["fitted", "loss"], None), "expected the description of a Loss"),
    (lambda c, t, m: c.pop("layers"), "missing or unknown fields: layers"),
    (lambda c, t, m: set_in(c, ["surprise"], 1), "missing or unknown fields: surprise"),
])  # fmt: skip
def test_files_that_do_not_fit_together_are_refused(path, change, message):
    trained().save(path)
    rewritten(path, change)
    with pytest.raises(ModelFileError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_any_changed_byte_is_noticed(path):
    network = Network(1, [ReLU(), Dense(1)], seed=0)
    network.save(path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ModelFileError):
            load(path)


@pytest.mark.parametrize(("content", "message"), [
    (b"", "."),
    (b"PK\x03\x04" + b"\0" * 40, "zip"),
    (b"\x80\x04" + b"\0" * 40, "pickle"),
    (b"not a model at all, just text", "."),
])  # fmt: skip
def test_foreign_files_are_refused(path, content, message):
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=message):
        load(path)


def test_a_missing_file_is_a_missing_file(path):
    with pytest.raises(FileNotFoundError):
        load(path)


def test_the_public_load_is_this_one():
    assert pellucid.load is load
