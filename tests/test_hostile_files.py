"""Whatever a file holds, reading it gives a model or one line that says why not: no code, no allocation, no crash."""

import copy
import hashlib
import importlib.util
import itertools
import json
import math
import pickle
import random
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fuzz_model_file as fuzz
import pellucid
from judges import judge
from pellucid import Dense, Layer, ModelFileError, Network, Residual, Tanh, load
from pellucid.files import safetensors
from pellucid.files.config import KNOWN, LONGEST_WHOLE_NUMBER, NESTING_LIMIT
from pellucid.files.network import LAYER_LIMIT, MEMBER_LIMIT, RECORD_LIMIT
from pellucid.files.refusal import shown
from table import LAYER_EXAMPLES

DATA = Path(__file__).parent / "data"
EXAMPLES = ["network", "blocks", "members", "table", *(["estimator"] if fuzz.ESTIMATORS else [])]
INNER = {"table": "network", "estimator": "network_"}  # where the network is, if it is not the model itself


def bytes_of(name):
    return (DATA / f"model-v1-{name}.pellucid").read_bytes()


def parts_of(name):
    tensors, metadata = safetensors.from_bytes(bytes_of(name), "stored example")
    return tensors, metadata, json.loads(metadata["config"])


def sealed(tensors, metadata, config):
    """Return a file of any configuration whose form and fingerprint are right."""
    text = config if isinstance(config, str) else json.dumps(config, sort_keys=True, separators=(",", ":"))
    return safetensors.to_bytes(tensors, {**metadata, "config": text, "sha256": safetensors.digest(text, tensors)})


@pytest.fixture
def refusal(tmp_path):
    """Return a function from a file's bytes to the line with which they are refused, without its name."""
    path = tmp_path / "model.pellucid"

    def of(data, **settings):
        path.write_bytes(data)
        with pytest.raises(ModelFileError) as caught:
            load(path, **settings)
        text = str(caught.value)
        assert text.startswith(f"{path}: ")
        assert text.isprintable()  # so it is one line
        assert caught.value.__suppress_context__
        text = text.removeprefix(f"{path}: ")
        assert 10 < len(text) < 500
        return text

    return of


# The stored examples ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_version_reads_the_stored_examples(name):
    path = DATA / f"model-v1-{name}.pellucid"
    kept = json.loads(path.with_suffix(".json").read_text())
    model = load(path)
    network = getattr(model, INNER[name]) if name in INNER else model
    assert repr(network) == kept["config"]
    # The parameters are the same to the bit; what they give may round differently where the exponential does.
    tensors, metadata = safetensors.read(path)
    assert {one: hashlib.sha256(array.tobytes()).hexdigest() for one, array in tensors.items()} == kept["tensors"]
    np.testing.assert_array_equal(network.theta, tensors.get("theta", tensors.get("network/theta")))
    tolerance = 1e-12 if network.dtype == np.float64 else 1e-5
    np.testing.assert_allclose(network.predict(kept["inputs"]), kept["outputs"], rtol=tolerance, atol=tolerance)
    assert metadata["version"] == "1"
    assert len(network.history) > 0
    if name != "table":  # whose training is over, so that the optimizer's memory is not kept
        assert network.fitted.optimizer_state.step > 0


def test_a_stored_table_model_is_written_in_todays_form_with_the_same_figures(tmp_path):
    load(DATA / "model-v1-table.pellucid").save(tmp_path / "again")
    load(tmp_path / "again").save(tmp_path / "once more")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "once more").read_bytes()
    tensors, _ = safetensors.read(tmp_path / "again")
    before, _, _ = parts_of("table")
    for name, tensor in before.items():
        np.testing.assert_array_equal(tensors[name], tensor)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "table"])
def test_a_stored_example_written_again_is_the_same_file(name, tmp_path):
    model = load(DATA / f"model-v1-{name}.pellucid")
    model.save(tmp_path / "again")
    tensors, metadata = safetensors.read(tmp_path / "again")
    before, _, config = parts_of(name)
    written = json.loads(metadata["config"])
    assert without_defaults({**written, "library": ""}) == without_defaults({**config, "library": ""})
    assert safetensors.digest("", tensors) == safetensors.digest("", before)


def without_defaults(value):
    """Return a configuration without the settings that have their defaults: the file may be older than they are."""
    if isinstance(value, list):
        return [without_defaults(each) for each in value]
    if not isinstance(value, dict):
        return value
    kind = KNOWN.get(value.get("type"))
    defaults = {} if kind is None else {field.name: field.default for field in fields(kind)}
    return {
        key: without_defaults(each)
        for key, each in value.items()
        if key not in defaults or isinstance(each, (dict, list)) or each != defaults[key]
    }


def test_stored_statistics_come_back():
    tensors, _, _ = parts_of("blocks")
    state = load(DATA / "model-v1-blocks.pellucid").state
    assert sorted(state[1]) == ["mean", "variance"]
    found = {f"state/{at}/{name}": value for at, place in (("batch_norm_1", 1), ("residual_1", 2)) for name, value in
             state[place].items()}  # fmt: skip
    assert found.keys() == {name for name in tensors if name.startswith("state/")}
    for name, value in found.items():
        np.testing.assert_array_equal(value, tensors[name])
        assert 0 < np.abs(value).max() < 10


def test_a_stored_network_goes_on_learning():
    network = load(DATA / "model-v1-network.pellucid")
    X = np.random.default_rng(0).normal(size=(8, 3))
    updates = network.fitted.optimizer_state.step
    network.fit(X, X[:, 0], epochs=1, batch_size=8)
    assert network.fitted.optimizer_state.step == updates + 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_safetensors_package_opens_the_stored_examples(name):
    theirs = judge("safetensors")
    tensors, metadata, _ = parts_of(name)
    with theirs.safe_open(DATA / f"model-v1-{name}.pellucid", "numpy") as opened:
        assert opened.metadata() == metadata
        assert set(opened.keys()) == set(tensors)
        for one, tensor in tensors.items():
            np.testing.assert_array_equal(opened.get_tensor(one), tensor)


# Damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_file_that_ends_early_is_refused_wherever_it_ends(name, tmp_path):
    data = bytes_of(name)
    path = tmp_path / "model.pellucid"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(ModelFileError, match=r"ends after|header of|cut short") as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert str(caught.value).isprintable()


def flipped_bits(data, places, path):
    for place, bit in itertools.product(places, range(8)):
        path.write_bytes(data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :])
        with pytest.raises(ModelFileError) as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert str(caught.value).isprintable()


@pytest.fixture(scope="module")
def small_table(tmp_path_factory):
    """A model of a table with as few bytes as one can have."""
    import polars as pl

    path = tmp_path_factory.mktemp("small") / "table.pellucid"
    frame = pl.DataFrame({"x": np.arange(8.0), "y": np.arange(8.0)})
    pellucid.TableModel("y", hidden=(), epochs=1).fit(frame).save(path)
    return path.read_bytes()


@pytest.mark.slow
def test_every_flipped_bit_of_a_network_is_refused(tmp_path):
    path = tmp_path / "model.pellucid"
    Network(1, [Dense(1)], seed=0).save(path)
    data = path.read_bytes()
    flipped_bits(data, range(len(data)), path)


@pytest.mark.slow
def test_every_flipped_bit_of_a_table_model_is_refused(tmp_path, small_table):
    flipped_bits(small_table, range(len(small_table)), tmp_path / "model.pellucid")


@pytest.mark.soak
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_flipped_bit_of_the_stored_examples_is_refused(tmp_path, name):
    data = bytes_of(name)
    flipped_bits(data, range(len(data)), tmp_path / "model.pellucid")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_flipped_bit_of_the_texts_is_refused(refusal, name):
    tensors, metadata, _ = parts_of(name)
    for field, place, bit in itertools.product(("format", "version", "kind", "sha256"), range(64), range(7)):
        text = metadata[field]
        if place < len(text):
            changed = text[:place] + chr(ord(text[place]) ^ (1 << bit)) + text[place + 1 :]
            refusal(safetensors.to_bytes(tensors, {**metadata, field: changed}))


@pytest.mark.parametrize(("field", "text", "reason"), [
    ("format", "other-model", "not a Pellucid model"),
    ("version", "2", "written in format version '2'; this is Pellucid .*, which reads version 1: update Pellucid"),
    ("version", "10", "written in format version '10'"),
    ("version", "0", "written in format version '0'"),
    ("version", "01", "written in format version '01'"),
    ("version", "one\ntwo", r"written in format version 'one\\ntwo'"),
    ("version", "9" * 5000, "written in format version '9999"),
    ("kind", "forest", "holds a 'forest', which this version does not know"),
    ("kind", "table", "missing or unknown fields"),
    ("sha256", "0" * 64, "damaged: its contents do not match their sha256"),
    ("sha256", "A" * 64, "expected 64 hexadecimal digits"),
    ("sha256", "", "expected 64 hexadecimal digits"),
    ("a\nb", "", r"its metadata has the fields a\\nb, config"),
])  # fmt: skip
def test_texts_that_are_not_ours(refusal, field, text, reason):
    tensors, metadata, _ = parts_of("network")
    assert_says(refusal(safetensors.to_bytes(tensors, {**metadata, field: text})), reason)


@pytest.mark.parametrize("field", ["format", "version", "kind", "config", "sha256"])
def test_texts_that_are_missing(refusal, field):
    tensors, metadata, _ = parts_of("network")
    del metadata[field]
    reason = {"format": "not a Pellucid model", "version": "format version None"}.get(
        field, "its metadata has the fields"
    )
    assert_says(refusal(safetensors.to_bytes(tensors, metadata)), reason)


def assert_says(text, reason):
    import re

    assert re.search(reason, text), f"{text!r} does not say {reason!r}"


# Files of other kinds --------------------------------------------------------------------------------------------


def foreign_files(folder):
    """Write one file of each kind that other libraries keep models in; give its name and what is said of it."""
    (folder / "pickle-0").write_bytes(pickle.dumps({"weights": [1.0] * 40}, 0))
    (folder / "pickle-1").write_bytes(pickle.dumps({"weights": [1.0] * 40}, 1))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        (folder / f"pickle-{protocol}").write_bytes(pickle.dumps({"weights": [1.0] * 40}, protocol))
        yield f"pickle-{protocol}", "this looks like a Python pickle, which Pellucid never opens"
    yield "pickle-0", "a header of .* bytes; expected at most"
    yield "pickle-1", "a header of .* bytes; expected at most"
    np.savez(folder / "arrays.npz", a=np.ones(3))
    yield "arrays.npz", "this looks like a zip archive"
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    yield "model.keras", "this looks like a zip archive"
    (folder / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(2000))
    yield "model.h5", "this looks like an HDF5 file"
    (folder / "text").write_text("not a model at all, just text")
    yield "text", "a header of .* bytes; expected at most"
    (folder / "empty").write_bytes(b"")
    yield "empty", "ends after 0 bytes"


def test_files_of_other_kinds_under_our_name(tmp_path, refusal):
    for name, reason in foreign_files(tmp_path):
        assert_says(refusal((tmp_path / name).read_bytes()), reason)


@pytest.mark.slow
def test_files_that_other_libraries_really_write(tmp_path, refusal):
    h5py, torch = judge("h5py"), judge("torch")
    with h5py.File(tmp_path / "real.h5", "w") as file:
        file["weights"] = np.ones(3)
    assert_says(refusal((tmp_path / "real.h5").read_bytes()), "this looks like an HDF5 file")
    torch.save({"weights": torch.ones(3)}, tmp_path / "real.pt")
    assert_says(refusal((tmp_path / "real.pt").read_bytes()), "this looks like a zip archive")


# Headers ---------------------------------------------------------------------------------------------------------


def with_header(change, name="network"):
    """Return the file with a change in its header's text, padded and measured anew."""
    data = bytes_of(name)
    length = int.from_bytes(data[:8], "little")
    header = change(data[8 : 8 + length].rstrip())
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def in_entry(change):
    """Change the header's entry of theta, which is a dict."""

    def of(header):
        described = json.loads(header)
        change(described)
        return json.dumps(described, sort_keys=True, separators=(",", ":")).encode()

    return of


def first_offsets(begin, end):
    def change(described):
        described["history/learning_rate"]["data_offsets"] = [begin, end]

    return in_entry(change)


@pytest.mark.parametrize(("change", "reason"), [
    (lambda header: header[:-1] + b',"theta":{}}', "the key 'theta' twice"),
    (lambda header: header.replace(b'"dtype":"F64"', b'"dtype":"F64","dtype":"F64"', 1), "the key 'dtype' twice"),
    (lambda header: header.replace(b'"version":"1"', b'"version":"1","version":"1"'), "the key 'version' twice"),
    (lambda header: header.replace(b'"version":"1"', b'"version":NaN'), "the number 'NaN'"),
    (lambda header: header.replace(b'"version":"1"', b'"version":-Infinity'), "the number '-Infinity'"),
    (lambda header: header.replace(b'"version":"1"', b'"version":1e999'), "the number '1e999'"),
    (lambda header: header.replace(b'"version":"1"', b'"version":' + b"9" * 5000), "a number of 5000 digits"),
    (lambda header: header.replace(b'"version":"1"', b'"version":' + b"[" * 90_000), "nested too deeply"),
    (lambda header: header.replace(b'"version":"1"', b'"version":' + b'{"a":' * 90_000), "nested too deeply"),
    (in_entry(lambda d: d["theta"].update(shape=[1] * 9)), "9 axes; expected at most 8"),
    (in_entry(lambda d: d["theta"].update(shape=[2**62, 2**62])), "expected at most"),
    (in_entry(lambda d: d["theta"].update(shape=[2**40], data_offsets=[d["theta"]["data_offsets"][0],
                                                                     d["theta"]["data_offsets"][0] + 2**43])),
     r"cut short|begins at byte"),
    (in_entry(lambda d: d["theta"].update(shape=[3])), "as shape and dtype say"),
    (in_entry(lambda d: d["theta"].update(dtype="F32")), "as shape and dtype say"),
    (in_entry(lambda d: d["theta"].update(dtype="BF16")), "dtype 'BF16'; expected one of"),
    (in_entry(lambda d: d["theta"].update(dtype="object")), "dtype 'object'; expected one of"),
    (first_offsets(8, 104), r"begins at byte 8; expected 0 \(a hole\)"),
    (first_offsets(0, 88), "as shape and dtype say"),
    (in_entry(lambda d: d["history/loss"].update(data_offsets=[88, 184])), "an overlap"),
    (in_entry(lambda d: d.update(zero={"data_offsets": [0, 0], "dtype": "F64", "shape": [0]})), "an overlap"),
    (in_entry(lambda d: d.pop("theta")), "bytes after the last tensor"),
    (in_entry(lambda d: d.update({f"{n:05d}": {} for n in range(10_001)})), "expected at most 10000"),
])  # fmt: skip
def test_headers_that_lie(refusal, change, reason):
    assert_says(refusal(with_header(change)), reason)


def test_trailing_bytes(refusal):
    for more in (b"\0", b" ", b"\n", bytes(4096), bytes_of("network")):
        assert_says(refusal(bytes_of("network") + more), "bytes after the last tensor")


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 2**40, 16 * 2**20 + 1, 16 * 2**20, 10**6])
def test_header_bombs(refusal, length):
    data = length.to_bytes(8, "little") + bytes_of("network")[8:]
    assert_says(refusal(data), f"announce a header of {length} bytes; expected at most")


# Configurations --------------------------------------------------------------------------------------------------


def set_in(config, keys, value):
    for key in keys[:-1]:
        config = config[key]
    config[keys[-1]] = value


def nested(depth):
    block = {"type": "Tanh"}
    for _ in range(depth):
        block = {"type": "Residual", "layers": [block]}
    return block


@pytest.mark.parametrize(("change", "reason"), [
    (lambda text: text.replace('"seed":7', '"seed":7,"seed":7'), "the configuration holds the key 'seed' twice"),
    (lambda text: text.replace('"seed":7', '"seed":NaN'), "the configuration holds the number 'NaN'"),
    (lambda text: text.replace('"seed":7', '"seed":Infinity'), "the configuration holds the number 'Infinity'"),
    (lambda text: text.replace('"seed":7', '"seed":1e999'), "holds the number '1e999'; expected finite"),
    (lambda text: text.replace('"seed":7', '"seed":' + "9" * 5000), "a number of 5000 digits; expected at most 40"),
    (lambda text: text.replace('"seed":7', '"seed":' + "[" * 90_000), "the configuration is nested too deeply"),
    (lambda text: text.replace('"seed":7', '"seed":' + "[" * 300 + "]" * 300), "at most 64 levels"),
    (lambda text: text.replace('"seed":7', '"seed": 7'), "not canonical JSON"),
    (lambda text: text.replace('"seed":7', '"seed":-0'), "not canonical JSON"),
    (lambda text: text.replace('"library":"', '"library":"\\ud800'), "half a surrogate pair"),
    (lambda text: text.replace('"seed"', '"s\\ud800"'), "half a surrogate pair"),
    (lambda text: text[:-1], "the configuration is not JSON at character"),
    (lambda text: "", "the configuration is not JSON at character 0"),
    (lambda text: "[]", "the configuration is a list of 0 entries; expected a JSON object"),
])  # fmt: skip
def test_configurations_that_are_not_plain_json(refusal, change, reason):
    tensors, metadata, _ = parts_of("network")
    assert_says(refusal(sealed(tensors, metadata, change(metadata["config"]))), reason)


@pytest.mark.parametrize(("keys", "value", "reason"), [
    (["layers", 1, "type"], "Imagined", r"'Imagined' that is not part of Pellucid; hand it over: load\(path, custom="),
    (["layers", 1, "type"], "os.system", "'os.system' that is not part of Pellucid$"),
    (["layers", 1, "type"], "pellucid.files.model.save", "that is not part of Pellucid$"),
    (["layers", 1, "type"], "__import__('os')", "that is not part of Pellucid$"),
    (["layers", 1, "type"], "Network", "'Network' that is not part of Pellucid"),
    (["layers", 1, "type"], "x\ny", r"'x\\ny' that is not part of Pellucid$"),
    (["layers", 1, "type"], "Layer", "'Layer' that is not part of Pellucid"),
    (["layers", 1, "type"], "Adam", "expected a Layer, found 'Adam'"),
    (["layers", 1, "type"], ["Tanh"], "expected the description of a Layer"),
    (["layers", 1], nested(20), NotImplemented),
    (["layers", 1], nested(40), "nested too deeply; expected at most 64 levels"),
    (["layers", 1], {"type": "Residual", "layers": []}, "layers is empty"),
    (["layers", 1], {"type": "Residual", "layers": [{"type": "Adam"}]}, "Residual: layers cannot be a list"),
    (["layers", 1], {"type": "Dense", "bias": True}, "the description of Dense does not fit its class, in units"),
    (["layers", 1], {"type": "Residual", "layers": ["Tanh"]}, "Residual: layers cannot be a list"),
    (["layers", 1], {"type": "Residual", "layers": {"type": "Tanh"}}, "Residual: layers cannot be Tanh"),
    (["layers", 1, "slope"], "steep", "LeakyReLU: slope cannot be 'steep'"),
    (["layers", 1, "slope"], None, "LeakyReLU: slope cannot be None"),
    (["layers", 1, "slope"], 10**25, "too large"),
    (["layers", 0, "weights_initializer"], 3, "Dense: weights_initializer cannot be 3"),
    (["layers", 0, "weights_initializer", "type"], "Tanh", "Dense: weights_initializer cannot be Tanh"),
    (["layers", 0, "bias\n"], 1, r"does not fit its class, in bias\\n"),
    (["layers", 0, "bias"], False, "need 34 parameters, the file holds 39|need .* parameters, the file holds"),
    (["layers", 0, "units"], 6, "need .* parameters, the file holds"),
    (["layers", 0, "units"], RECORD_LIMIT, "need .* parameters, the file holds"),
    (["layers", 0, "units"], 2**62, "layer dense_1: a record has too many values"),
    (["layers"], [{"type": "Tanh"}] * (LAYER_LIMIT + 1), "10,001 layers; a model file holds at most 10,000"),
    (["layers", 1], {"type": "Residual", "layers": [{"type": "Tanh"}] * LAYER_LIMIT}, "there are 10,005 layers"),
    (["layers"], {}, "expected a list of at least one layer"),
    (["inputs"], [2**62], "inputs: a record has too many values"),
    (["inputs"], [2**20, 2**20], "inputs: a record has too many values"),
    (["inputs"], [1] * 9, "inputs: a record has 9 axes; in a model file it has at most 8"),
    (["inputs"], [10**18] * 20_000, "inputs: a record has 20000 axes"),
    (["inputs"], [3, 1], "layer dense_1: Dense takes flat records"),
    (["inputs"], [True], "positive whole numbers"),
    (["members"], 10**12, "members; a model file holds at most 100,000"),
    (["members"], MEMBER_LIMIT, "need .* parameters, the file holds"),
    (["members"], 1, "tensor 'theta' is float64|which does not fit"),
    (["members"], True, "members is True"),
    (["dtype"], "float32", "tensor 'theta' is float64|tensor '.*' is float64"),
    (["dtype"], "(1,)f8", "dtype is"),
    (["dtype"], ["float64"], "dtype is a list"),
    (["seed"], 7.0, "seed is 7.0"),
    (["seed"], True, "seed is True"),
    (["frozen"], ["dense_9"], "frozen names 'dense_9', which is no layer"),
    (["frozen"], ["dense_2", "dense_2"], "frozen names a layer twice"),
    (["frozen"], "dense_2", "frozen is 'dense_2'; expected a list"),
    (["frozen"], [["dense_2"]], "frozen is a list"),
    (["library"], 3, "the configuration says 3 for the library"),
    (["fitted"], [], "what the training left is a list"),
    (["fitted"], {}, "what the training left has missing or unknown fields"),
    (["fitted"], None, "configuration and tensors disagree about history/"),
    (["fitted", "loss"], {"type": "Tanh"}, "expected a Loss, found 'Tanh'"),
    (["fitted", "penalty"], {"type": "Tanh"}, "expected a Penalty, found 'Tanh'"),
    (["fitted", "optimizer"], {"type": "Tanh"}, "expected an optimizer, found 'Tanh'"),
    (["fitted", "optimizer"], None, "names no optimizer that has one"),
    (["fitted", "optimizer"], {"type": "LBFGS", "max_evaluations": 3, "memory": 3, "tolerance": 0.1}, "that has one"),
    (["fitted", "optimizer", "type"], "Nesterov", "'Nesterov' that is not part of Pellucid"),
    (["fitted", "optimizer", "learning_rate"], {"type": "Zeros"}, "Adam: learning_rate cannot be"),
    (["fitted", "optimizer", "learning_rate"], -1.0, "learning_rate must be positive"),
    (["fitted", "optimizer", "learning_rate", "steps"], 0, "CosineDecay: steps is out of range"),
    (["fitted", "optimizer", "beta1"], 1, "beta1 must be in"),
    (["fitted", "optimizer_state"], {}, "the optimizer's memory does not fit Adam"),
    (["fitted", "optimizer_state"], [], "the optimizer's memory does not fit Adam"),
    (["fitted", "optimizer_state", "step"], -1, "fewer than no updates"),
    (["fitted", "optimizer_state", "step"], True, "the optimizer's memory does not fit Adam"),
    (["fitted", "optimizer_state"], None, "configuration and tensors disagree about optimizer/m, optimizer/v"),
    (["fitted", "stopped"], ["x"], "why the training stopped is a list"),
    (["fitted", "best_epoch"], -1, "the best epoch is -1, which does not fit"),
    (["fitted", "best_epoch"], [1, 2], "the best epoch is a list of 2 entries, which does not fit"),
    (["fitted", "best_epoch"], "2", "the best epoch is '2', which does not fit"),
])  # fmt: skip
def test_configurations_and_tensors_that_disagree(refusal, tmp_path, keys, value, reason):
    tensors, metadata, config = parts_of("network")
    set_in(config, keys, value)
    data = sealed(tensors, metadata, config)
    if reason is NotImplemented:  # what a file can just hold
        (tmp_path / "good").write_bytes(data)
        assert isinstance(load(tmp_path / "good"), Network)
    else:
        assert_says(refusal(data), reason)


@pytest.mark.parametrize(("change", "reason"), [
    (lambda t: t.pop("theta"), "need .* parameters, the file holds none"),
    (lambda t: t.update(theta=t["theta"][:-1]), "need 40 parameters, the file holds 39|the file holds"),
    (lambda t: t.update(theta=t["theta"][None]), r"tensor 'theta' is float64 \(1, .*, expected float64"),
    (lambda t: t.update(theta=t["theta"].astype("f4")), "tensor 'theta' is float32"),
    (lambda t: t.update(theta=t["theta"].astype("i8")), "tensor 'theta' is int64"),
    (lambda t: t.update({"optimizer/m": t["optimizer/m"][1:]}), "tensor 'optimizer/m' is float64"),
    (lambda t: t.update({"optimizer/w": t["optimizer/m"]}), "disagree about optimizer/w"),
    (lambda t: t.update({"state/dense_1/mean": np.zeros(3)}), "disagree about state/dense_1/mean"),
    (lambda t: t.update({"more\nlines": np.zeros(3)}), r"disagree about more\\nlines"),
    (lambda t: t.update({"history/loss": t["history/loss"][1:]}), "the columns of the history do not fit together"),
    (lambda t: t.update({"history/loss": t["history/loss"][:, None]}), "the history's 'loss' is float64 .*not fit"),
    (lambda t: t.update({"history/Loss!": t["history/loss"]}), "the history has a column with an impossible name"),
    (lambda t: t.pop("history/seconds"), "the columns of the history do not fit together"),
])  # fmt: skip
def test_tensors_that_are_not_those_asked_for(refusal, change, reason):
    tensors, metadata, config = parts_of("network")
    change(tensors)
    assert_says(refusal(sealed(tensors, metadata, config)), reason)


@pytest.mark.parametrize(("name", "value", "reason"), [
    ("columns/std", 0.0, "holds values that are not above 0"),
    ("columns/mean", np.nan, "holds values that are not finite"),
    ("target/shares", 0.5, "does not add up to 1"),
    ("target/shares", 1e308, "does not add up to 1"),  # their sum is infinite, which is no reason to warn
])  # fmt: skip
def test_figures_that_no_table_has(refusal, name, value, reason):
    tensors, metadata, config = parts_of("table")
    tensors[name][:] = value
    assert_says(refusal(sealed(tensors, metadata, config)), f"damaged: tensor '{name}' {reason}")


# Before anything is allocated ------------------------------------------------------------------------------------


def peak_of(action):
    """Return how many bytes an action had in use at most, NumPy's included."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


BOMBS = [
    (["inputs"], [RECORD_LIMIT]),
    (["inputs"], [2**62] * 8),
    (["layers", 0, "units"], RECORD_LIMIT),
    (["layers", 0, "units"], 2**63 - 1),
    (["layers", 1], nested(20)),
    (["layers"], [{"type": "Tanh"}] * 2000),
    (["layers"], [nested(9)] * 50),
    (["layers", 1], {"type": "Residual", "layers": [nested(9)] * 50}),
    (["members"], MEMBER_LIMIT),
    (["members"], 10**18),
    (["seed"], 10**39),
    (["fitted", "optimizer", "learning_rate", "steps"], 2**62),
    (["fitted", "optimizer_state", "step"], 2**62),
    (["fitted", "best_epoch"], 2**62),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "value"), BOMBS, ids=lambda given: shown(given))
def test_a_small_file_cannot_ask_for_much(tmp_path, keys, value):
    tensors, metadata, config = parts_of("network")
    set_in(config, keys, value)
    path = tmp_path / "model.pellucid"
    path.write_bytes(sealed(tensors, metadata, config))

    def read():
        try:
            load(path)
        except ModelFileError:
            return

    read()
    assert peak_of(read) < 5_000_000 + 30 * path.stat().st_size


@dataclass(frozen=True)
class Keeps(Layer):
    """A layer of one's own that keeps a statistic of each input."""

    def state(self, input_shape):
        return {"mean": np.broadcast_to(0.0, input_shape)}

    def forward(self, parameters, x, context):
        return x - context.state["mean"][..., None, :], {"state": dict(context.state)}

    def backward(self, parameters, cache, dy):
        return dy, {}


def test_statistics_are_compared_before_there_are_any(tmp_path, refusal):
    network = Network(2, [Keeps(), Tanh()], seed=0)
    network.set_state([{"mean": np.array([1.0, 2.0])}, {}])
    network.save(tmp_path / "good")
    assert load(tmp_path / "good", custom={"Keeps": Keeps}).state[0]["mean"].tolist() == [1.0, 2.0]
    tensors, metadata = safetensors.read(tmp_path / "good")
    config = json.loads(metadata["config"])
    for inputs in (3, RECORD_LIMIT):
        data = sealed(tensors, metadata, {**config, "inputs": [inputs]})
        peak = peak_of(lambda data=data: refusal(data, custom={"Keeps": Keeps}))
        assert peak < 5_000_000
        assert_says(refusal(data, custom={"Keeps": Keeps}), "tensor 'state/keeps_1/mean' is float64")
    renamed = {name.replace("mean", "m"): tensor for name, tensor in tensors.items()}
    assert_says(refusal(sealed(renamed, metadata, config), custom={"Keeps": Keeps}), "disagree about state/keeps_1/m")


@pytest.mark.parametrize("example", LAYER_EXAMPLES, ids=str)
def test_no_setting_of_any_layer_makes_a_small_file_ask_for_much(tmp_path, example):
    path = tmp_path / "model.pellucid"
    example.network().save(path)
    tensors, metadata = safetensors.read(path)
    whole = json.loads(metadata["config"])
    names = [field.name for field in fields(example.layer) if field.init]
    odd = [-1, 0, 2, 10**6, 2**31, 10**12, 2**62, 0.5, 1e308, [10**12] * 8, [3] * 500, None, "x", True]
    most = RECORD_LIMIT // math.prod(example.shape[:-1])
    changes = [(["layers", 0, name], value) for name, value in itertools.product(names, odd)]
    for keys, value in [*changes, (["inputs", -1], most), (["inputs", 0], most), (["members"], 1000)]:
        config = copy.deepcopy(whole)
        set_in(config, keys, value)
        path.write_bytes(sealed(tensors, metadata, config))

        def read():
            try:
                load(path)
            except ModelFileError as refusal:
                assert str(refusal).isprintable()

        assert peak_of(read) < 5_000_000, (keys, value)


def test_tensors_are_not_read_before_the_configuration_fits(monkeypatch, refusal):
    def never(*_):
        raise AssertionError("the tensors were read")

    tensors, metadata, config = parts_of("network")
    config["layers"][0]["units"] = 6
    monkeypatch.setattr(safetensors, "read_tensors", never)
    assert "parameters" in refusal(sealed(tensors, metadata, config))


def test_what_reading_would_refuse_is_not_written(tmp_path):
    path = tmp_path / "model.pellucid"
    deep = Tanh()
    for _ in range(NESTING_LIMIT):
        deep = Residual([deep])
    for network, reason in (
        (Network(2, [deep], seed=0), "nested"),
        (Network(2, [Tanh()], seed=10**60), "a number of 61 digits"),
        (Network((RECORD_LIMIT, 2), [Tanh()], seed=0), "too many values"),
        (Network(2, [Tanh()] * (LAYER_LIMIT + 1), seed=0), "10,001 layers"),
    ):
        with pytest.raises(ValueError, match=reason):
            network.save(path)
        assert not path.exists()


def test_blocks_within_blocks_come_back(tmp_path):
    path = tmp_path / "model.pellucid"
    network = Network(2, [Residual((Dense(2), Residual((Tanh(), Residual([Dense(2)])))))], seed=0)
    network.save(path)
    again = load(path)
    assert again == network
    np.testing.assert_array_equal(again.theta, network.theta)


def test_a_file_that_is_older_than_a_setting_is_read_with_its_default(tmp_path):
    tensors, metadata, config = parts_of("network")
    assert config["layers"][4]["bias"] is True
    del config["layers"][4]["bias"]
    (tmp_path / "older").write_bytes(sealed(tensors, metadata, config))
    assert load(tmp_path / "older").layers == load(DATA / "model-v1-network.pellucid").layers


def test_a_seed_of_the_systems_own_comes_back(tmp_path):
    network = Network(2, [Dense(1)], seed=2**128 - 1)
    network.save(tmp_path / "model.pellucid")
    assert load(tmp_path / "model.pellucid").seed == network.seed


@dataclass(frozen=True)
class Typed(Tanh):
    type: str = "x"


def test_a_field_that_a_file_cannot_tell_from_the_class_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="has a field 'type'"):
        Network(2, [Typed()], seed=0).save(tmp_path / "model.pellucid")


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_the_fields_of_every_class_are_of_kinds_that_the_reader_knows(name):
    from pellucid.files.config import _fits

    for field in fields(KNOWN[name]):
        assert not isinstance(field.type, str), "an annotation that is a text would have to be evaluated"
        assert not _fits(object(), field.type), (name, field.name)
        if field.init and isinstance(field.default, (bool, int, float, str, tuple, type(None))):
            assert _fits(field.default, field.type), (name, field.name)


# Nothing runs, nothing is imported -------------------------------------------------------------------------------

WATCHED = """
import sys
import fuzz_model_file  # which loads all that reads files
import pellucid
paths = sys.argv[1:]
events = []
def watch(event, arguments):
    if event == "builtins.id":  # which inspect.signature asks for; it tells where an object lies, and no more
        return
    if event.startswith(("import", "exec", "compile", "open", "os.", "subprocess", "socket", "ctypes", "pickle",
                         "marshal", "code", "shutil", "tempfile", "builtins", "urllib", "mmap", "cpython.run")):
        events.append((event, str(arguments[0]) if arguments else ""))
modules = set(sys.modules)
for path in paths:  # once unwatched: what NumPy itself loads when it is first used is no matter of the file
    try:
        pellucid.load(path)
    except pellucid.ModelFileError:
        pass
own = {name for name in set(sys.modules) - modules if not name.startswith("numpy")}
sys.addaudithook(watch)
for path in paths:
    try:
        pellucid.load(path)
    except pellucid.ModelFileError:
        pass
odd = [event for event in events if event[0] != "open" or event[1] not in paths]
print({"opened": len([event for event in events if event[0] == "open"]), "odd": odd, "own": sorted(own)})
"""


def test_reading_runs_nothing_and_imports_nothing(tmp_path):
    paths = [DATA / f"model-v1-{name}.pellucid" for name in EXAMPLES]
    for name, _ in foreign_files(tmp_path):
        paths.append(tmp_path / name)
    tensors, metadata, config = parts_of("network")
    evil = ["os.system", "pellucid.files.model.save", "__import__('os').system('x')", "subprocess", "antigravity"]
    for place, name in enumerate(evil):
        config["layers"][1]["type"] = name
        paths.append(tmp_path / f"evil-{place}")
        paths[-1].write_bytes(sealed(tensors, metadata, config))
    for place, dtype in enumerate(["(2,)f8", "O", "f8,f8", "__import__('os')"]):
        config = parts_of("network")[2] | {"dtype": dtype}
        paths.append(tmp_path / f"dtype-{place}")
        paths[-1].write_bytes(sealed(tensors, metadata, config))
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str({"opened": len(paths), "odd": [], "own": []})


# Mutants ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def reader(tmp_path):
    return lambda data: fuzz.read(data, tmp_path / "mutant.pellucid")


def test_the_mutants_begin_with_good_files(reader):
    assert len(fuzz.GOOD) >= len(EXAMPLES)
    for data in fuzz.GOOD.values():
        assert reader(data) is not None


QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
MUTANTS = {"in bytes": fuzz.mutant_in_bytes, "in the header": fuzz.mutant_in_header, "deep": fuzz.mutant_in_structure}


@pytest.mark.parametrize("kind", MUTANTS)
@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(EXAMPLES))
def test_some_mutants(reader, kind, seed, name):
    reader(MUTANTS[kind](bytes_of(name), random.Random(seed)))


json_values = st.recursive(
    st.sampled_from(fuzz.VALUES).map(copy.deepcopy)
    | st.integers(-3, 2**63)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("type"), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value, so_far=()):
    """Give the way to every place in a configuration."""
    if so_far:
        yield so_far
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*so_far, key))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
@settings(max_examples=300, deadline=None, suppress_health_check=QUIET)
@given(data=st.data())
def test_any_value_anywhere_in_the_configuration(reader, name, data):
    tensors, metadata, config = parts_of(name)
    for _ in range(data.draw(st.integers(1, 2))):
        set_in(config, data.draw(st.sampled_from(list(places(config)))), data.draw(json_values))
    reader(sealed(tensors, metadata, config))


@pytest.mark.soak
def test_a_hundred_thousand_mutants(reader):
    chance = random.Random(1)
    accepted = 0
    for number in range(100_000):
        mutant = fuzz.any_mutant(chance)
        if number % 20:
            accepted += reader(mutant) is not None
        else:  # watched, it takes many times longer
            assert peak_of(lambda mutant=mutant: reader(mutant)) < 5_000_000 + 50 * len(mutant)
    assert 500 < accepted < 50_000  # some mutants are harmless; most are not


@pytest.mark.soak
def test_mutants_that_reach_new_lines(tmp_path):
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed (pip install --group fuzz); it looks for mutants by the lines they reach")
    target = [sys.executable, fuzz.__file__, str(tmp_path / "corpus")]
    limits = ["-runs=100000", "-seed=1", "-timeout=20", "-rss_limit_mb=2048", "-max_len=20000"]
    done = subprocess.run([*target, *limits], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]


def test_settings_of_a_file_are_no_larger_than_it_could_write():
    assert LONGEST_WHOLE_NUMBER in fuzz.WHOLES
