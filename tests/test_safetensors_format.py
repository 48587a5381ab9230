"""The container of model files: exact round trips, and a refusal with a reason for every other file."""

import errno
import hashlib
import itertools
import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from judges import judge
from pellucid import Dense, Network
from pellucid.errors import ModelFileError
from pellucid.files import safetensors

DTYPES = ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(lambda name: name != "__metadata__")
arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: npst.arrays(
        npst.boolean_dtypes() if dtype == "?" else np.dtype(dtype),
        npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    )
)
tensor_tables = st.dictionaries(names, arrays, max_size=5)
text_tables = st.dictionaries(names, st.text(st.characters(exclude_categories=["Cs"])), max_size=4)


def small_file():
    tensors = {"bias": np.array([1.5, -2.0], np.float32), "on": np.array([True, False]), "weights": np.eye(2)}
    config = '{"layers":["Dense"]}'
    return safetensors.to_bytes(tensors, {"config": config, "sha256": safetensors.digest(config, tensors)})


def file_of(header, contents=b""):
    """Lay out a file with any header at all, well-formed or not."""
    if not isinstance(header, bytes):
        header = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + contents


def entry(begin=0, end=8, shape=(1,), dtype="F64", **more):
    return {"data_offsets": [begin, end], "dtype": dtype, "shape": list(shape), **more}


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_same(tensors, expected):
    assert list(tensors) == sorted(expected)
    for name, tensor in tensors.items():
        assert tensor.dtype == expected[name].dtype
        assert tensor.dtype.isnative
        assert tensor.shape == expected[name].shape
        assert tensor.tobytes() == expected[name].tobytes()
        assert tensor.flags.writeable
        assert tensor.flags.owndata
        assert tensor.flags.c_contiguous


# Round trips -----------------------------------------------------------------------------------------------------


@given(tensor_tables, text_tables)
@example({}, {})
@example({"": np.float16([np.nan, -0.0, np.inf])}, {"": ""})
def test_round_trip(tensors, metadata):
    data = safetensors.to_bytes(tensors, metadata)
    read_tensors, read_metadata = safetensors.from_bytes(data, "test")
    assert_same(read_tensors, tensors)
    assert read_metadata == metadata
    assert safetensors.to_bytes(read_tensors, read_metadata) == data
    backwards = dict(reversed(tensors.items())), dict(reversed(metadata.items()))
    assert safetensors.to_bytes(*backwards) == data


@given(tensor_tables, text_tables)
def test_the_safetensors_package_reads_our_files(tensors, metadata):
    theirs = judge("safetensors.numpy")
    read_tensors = theirs.load(safetensors.to_bytes(tensors, metadata))
    assert read_tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read_tensors[name].dtype == tensor.dtype
        assert read_tensors[name].shape == tensor.shape
        assert read_tensors[name].tobytes() == tensor.tobytes()


def test_the_safetensors_package_opens_our_files_with_their_metadata(tmp_path):
    theirs = judge("safetensors")
    metadata = {"format": "pellucid", "config": '{"é":"\n"}'}
    safetensors.write(tmp_path / "file", {"scalar": np.array(3.0)}, metadata, overwrite=False)
    with theirs.safe_open(tmp_path / "file", "numpy") as opened:
        assert opened.metadata() == metadata
        assert opened.get_tensor("scalar") == 3.0


def test_a_file_of_the_safetensors_package_is_refused_for_its_form():
    theirs = judge("safetensors.numpy")
    with pytest.raises(ModelFileError, match="not in the form that Pellucid writes"):
        safetensors.from_bytes(theirs.save({"a": np.ones(2)}), "foreign")


@pytest.mark.parametrize("dtype", DTYPES)
def test_byte_order_and_memory_order_make_no_difference(dtype):
    plain = np.arange(24).reshape(2, 3, 4).astype(dtype)
    data = safetensors.to_bytes({"a": plain}, {})
    for other in [
        plain.astype(plain.dtype.newbyteorder(">")),
        np.asfortranarray(plain),
        np.repeat(plain, 2, axis=1)[:, ::2],
        plain[::-1].copy()[::-1],
    ]:
        assert safetensors.to_bytes({"a": other}, {}) == data
        assert safetensors.digest("", {"a": other}) == safetensors.digest("", {"a": plain})


def test_a_file_written_out_by_hand():
    header = (
        b'{"a":{"data_offsets":[0,2],"dtype":"U8","shape":[2]},"b":{"data_offsets":[2,4],"dtype":"I16","shape":[]}}'
    )
    header += b" " * 7
    data = bytes([112, 0, 0, 0, 0, 0, 0, 0]) + header + bytes([7, 9, 0x34, 0x12])
    assert safetensors.to_bytes({"b": np.array(0x1234, np.int16), "a": np.array([7, 9], np.uint8)}, {}) == data


# Refusals of bytes -----------------------------------------------------------------------------------------------


def refusal(data):
    with pytest.raises(ModelFileError) as caught:
        safetensors.from_bytes(data, "some file")
    text = str(caught.value)
    assert text.startswith("some file: ")
    assert "\n" not in text
    assert len(text) < 400
    assert text.isascii()
    return text


def test_truncated_anywhere():
    data = small_file()
    for length in range(len(data)):
        refusal(data[:length])


def test_every_flipped_bit_of_the_header_is_caught_here_or_by_the_digest():
    data = small_file()
    header_end = 8 + int.from_bytes(data[:8], "little")
    for place, bit in itertools.product(range(header_end), range(8)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << bit
        try:
            tensors, metadata = safetensors.from_bytes(bytes(flipped), "flipped")
        except ModelFileError:
            continue
        # Still a canonical file, of other contents (a renamed tensor, say): the digest does not match them.
        assert safetensors.digest(metadata.get("config", ""), tensors) != metadata.get("sha256")


def test_every_flipped_bit_of_the_tensors_is_refused_or_changes_the_digest():
    data = small_file()
    for place, bit in itertools.product(range(8 + int.from_bytes(data[:8], "little"), len(data)), range(8)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << bit
        try:
            tensors, metadata = safetensors.from_bytes(bytes(flipped), "flipped")
        except ModelFileError:
            continue
        assert safetensors.digest(metadata["config"], tensors) != metadata["sha256"]


@given(st.binary(max_size=200))
def test_any_bytes(data):
    try:
        tensors, metadata = safetensors.from_bytes(data, "anything")
    except ModelFileError:
        return
    assert safetensors.to_bytes(tensors, metadata) == data


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
sizes = st.integers(-1, 4) | json_values
almost_entries = st.fixed_dictionaries(
    {
        "data_offsets": st.lists(sizes, max_size=3) | json_values,
        "dtype": st.sampled_from(["U8", "BOOL", "F64", "BF16"]) | json_values,
        "shape": st.lists(sizes, max_size=9) | json_values,
    },
    optional={"more": json_values},
)


@pytest.mark.slow
@settings(max_examples=500)
@given(
    st.dictionaries(st.sampled_from(["__metadata__", "a", "b", "\ud800"]), almost_entries | json_values, max_size=3),
    st.binary(max_size=20),
)
def test_any_json(header, contents):
    data = file_of(header, contents)
    try:
        tensors, metadata = safetensors.from_bytes(data, "anything")
    except ModelFileError:
        return
    assert safetensors.to_bytes(tensors, metadata) == data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "ends after 0 bytes"),
        ((2**64 - 1).to_bytes(8, "little"), "header of 18446744073709551615 bytes; expected at most the limit"),
        ((9).to_bytes(8, "little") + b"{}", "header of 9 bytes; expected at most the 2 left"),
        (bytes(8), "begins with b''"),
        (file_of(b" {}"), "begins with b' '"),
        (file_of(b"[]"), "begins with b'['"),
        (file_of(b"\xef\xbb\xbf{}"), "begins with b'\\xef'"),
        (file_of(b'{"\xff":1}'), "byte 2 of the header is not UTF-8"),
        (file_of(b"{]"), "not JSON at character 1"),
        (file_of(b"{}{}"), "not JSON at character 2 (Extra data)"),
        (file_of(b'{"\x00":{}}'), "not JSON"),
        (file_of(b"{}\x00"), "not JSON"),
        (file_of(b"{}       "), "expected b''"),  # a second line of padding
        ((2).to_bytes(8, "little") + b"{}", "byte 2 of the header is b'', expected b' '"),
        (file_of(b"{ }"), "byte 1 of the header is b' ', expected b'}'"),
        (file_of(b'{"__metadata__":{}}'), "not in the form"),
        (file_of(b'{"__metadata__":{"\\u0061":""}}'), "not in the form"),
        (file_of('{"__metadata__":{"é":""}}'.encode()), "not in the form"),
        (file_of({"__metadata__": []}), "__metadata__ is a list of 0 entries"),
        (file_of({"__metadata__": {"a": 1}}), "gives 'a' as 1; expected a text"),
        (file_of({"__metadata__": {"a": None}}), "gives 'a' as None"),
        (file_of({"__metadata__": {"a": {}}}), "gives 'a' as an object"),
        (file_of({"__metadata__": {"a": "\ud800"}}), "surrogate"),
        (file_of({"__metadata__": {"\ud800": ""}}), "surrogate"),
        (file_of({"\ud800": entry()}, bytes(8)), "surrogate"),
        (file_of(b'{"__metadata__":{},"__metadata__":{}}'), "the key '__metadata__' twice"),
        (file_of(b'{"a":1,"a":2}'), "the key 'a' twice"),
        (file_of(b'{"a":{"dtype":"F64","\\u0064type":"F64"}}'), "the key 'dtype' twice"),
        (file_of(b'{"a":NaN}'), "the number 'NaN'"),
        (file_of(b'{"a":-Infinity}'), "the number '-Infinity'"),
        (file_of(b'{"a":1e400}'), "the number '1e400'"),
        (file_of(b'{"a":' + b"9" * 5000 + b"}"), "a number of 5000 digits"),
        (file_of(b'{"a":1.' + b"9" * 5000 + b"}"), "expected whole numbers only"),
        (file_of(b'{"a":' + b"[" * 100_000), "nested too deeply"),
        (file_of(b'{"a":' * 100_000), "nested too deeply"),
        (file_of(b'{"a":' + b"[" * 300 + b"]" * 300 + b"}"), "tensor 'a' is described by a list"),
        (file_of({"a": 1}), "tensor 'a' is described by 1; expected an object"),
        (file_of({"a\n" * 90: None}), "described by None"),
        (file_of({"a": entry(device="cpu")}, bytes(8)), "the field 'device'"),
        (file_of({"a": {"dtype": "F64", "shape": [1]}}, bytes(8)), "no field 'data_offsets'"),
        (file_of({"a": entry(dtype="BF16")}, bytes(8)), "dtype 'BF16'; expected one of BOOL, U8"),
        (file_of({"a": entry(dtype=[])}, bytes(8)), "dtype a list"),
        (file_of({"a": entry(dtype=None)}, bytes(8)), "dtype None"),
        (file_of({"a": {**entry(), "shape": "1"}}, bytes(8)), "the shape of tensor 'a' is '1'"),
        (file_of({"a": entry(shape=[True])}, bytes(8)), "the shape of tensor 'a' holds True"),
        (file_of({"a": entry(shape=["1"])}, bytes(8)), "the shape of tensor 'a' holds '1'"),
        (file_of({"a": entry(shape=[-1])}, bytes(8)), "the shape of tensor 'a' holds -1"),
        (file_of({"a": entry(shape=[-1, -1])}, bytes(8)), "holds -1"),
        (file_of({"a": entry(shape=[1] * 9)}, bytes(8)), "9 axes; expected at most 8"),
        (file_of({"a": entry(shape=[2**62, 4])}, bytes(8)), "expected at most"),
        (file_of({"a": entry(end=0, shape=[0, 2**62, 4])}), "expected at most"),
        (file_of({"a": entry(end=0, shape=[2**62, 2**62])}), "expected at most"),
        (file_of({"a": {**entry(), "data_offsets": [0]}}, bytes(8)), "are 1 numbers"),
        (file_of({"a": entry(begin=False)}, bytes(8)), "the data_offsets of tensor 'a' holds False"),
        (file_of({"a": entry(begin=8, end=0)}, bytes(8)), "takes the bytes 8 to 0; expected 8"),
        (file_of({"a": entry(end=7)}, bytes(7)), "takes the bytes 0 to 7; expected 8"),
        (file_of({"a": entry(1, 9)}, bytes(9)), "begins at byte 1; expected 0 (a hole)"),
        (file_of({"a": entry(), "b": entry()}, bytes(8)), "begins at byte 0; expected 8 (an overlap"),
        (file_of({"a": entry(), "b": entry(4, 12)}, bytes(12)), "begins at byte 4; expected 8 (an overlap"),
        (file_of({"a": entry(8, 16), "b": entry(0, 8)}, bytes(16)), "begins at byte 8; expected 0"),
        (file_of({"a": entry()}, bytes(9)), "9 bytes follow the header; expected 8 by its account (bytes after"),
        (file_of({"a": entry()}, bytes(7)), "7 bytes follow the header; expected 8 by its account (cut short)"),
        (file_of({}, bytes(1)), "1 bytes follow the header"),
        (file_of({"a": entry(0, 10**15, [10**15], "U8")}, bytes(7)), "cut short"),  # before anything is allocated
        (file_of({"a": entry(0, 2, [2], "BOOL")}, bytes([1, 2])), "dtype BOOL holds a byte 2"),
        (file_of(b'{"a":{"data_offsets":[-0,8],"dtype":"F64","shape":[1]}}', bytes(8)), "not in the form"),
        (file_of(b'{"a":{"dtype":"F64","data_offsets":[0,8],"shape":[1]}}', bytes(8)), "not in the form"),
    ],
)
def test_refused(data, text):
    assert text in refusal(data)


def test_empty_axes_are_no_trouble():
    tensors = {"a": np.zeros((0, 3)), "b": np.ones(1), "c": np.zeros((2, 0), np.int8)}
    assert_same(safetensors.from_bytes(safetensors.to_bytes(tensors, {}), "test")[0], tensors)


@pytest.mark.slow
def test_limits_of_the_reader():
    many = {f"{number:05d}": entry(end=0, shape=[0]) for number in range(10_001)}
    assert "lists 10001 tensors; expected at most 10000" in refusal(file_of(many))
    del many["00000"]
    assert len(safetensors.from_bytes(file_of(many), "test")[0]) == 10_000
    frame = len(json.dumps({"__metadata__": {"a": ""}}, separators=(",", ":")))
    largest = {"a": "x" * (16 * 2**20 - frame)}
    assert safetensors.from_bytes(file_of({"__metadata__": largest}), "test") == ({}, largest)
    largest["a"] += "x"
    assert "expected at most the limit of 16777216" in refusal(file_of({"__metadata__": largest}))


@pytest.mark.parametrize("depth", [3, 30, 300])
def test_a_caller_deep_in_its_own_recursion_gets_a_refusal_too(depth):
    def call(remaining):
        return call(remaining - 1) if remaining else refusal(file_of(b'{"a":' + b"[" * 900 + b"]" * 900 + b"}"))

    assert "tensor 'a'" in call(depth) or "nested" in call(depth)


# Refusals to write -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tensors", "metadata", "error", "text"),
    [
        ({"a": np.array([1 + 2j])}, {}, TypeError, "tensor 'a' has dtype complex128"),
        ({"a": np.array(["text"])}, {}, TypeError, "tensor 'a' has dtype <U4"),
        ({"a": np.array([None])}, {}, TypeError, "dtype object"),
        ({"a": np.array(["2020"], "datetime64[D]")}, {}, TypeError, "datetime64"),
        ({"a": [1.0]}, {}, TypeError, "tensor 'a' is a list; expected a NumPy array"),
        ({1: np.ones(1)}, {}, TypeError, "tensor name is a int"),
        ({"a": np.ones([1] * 9)}, {}, ValueError, "9 axes"),
        ({"__metadata__": np.ones(1)}, {}, ValueError, "give it another name"),
        ({"\ud800": np.ones(1)}, {}, ValueError, "surrogate"),
        ({}, {"a": 1}, TypeError, "metadata text is a int"),
        ({}, {1: "a"}, TypeError, "metadata name is a int"),
        ({}, {"a": "\udfff"}, ValueError, "surrogate"),
        ({}, {"a": "x" * 2**24}, ValueError, "a header holds 16777216"),
        ({str(number): np.ones(0) for number in range(10_001)}, {}, ValueError, "10001 tensors"),
    ],
)
def test_what_the_format_cannot_hold_is_not_written(tmp_path, tensors, metadata, error, text):
    with pytest.raises(error, match=text):
        safetensors.write(tmp_path / "file", tensors, metadata, overwrite=True)
    assert listing(tmp_path) == []


# The digest ------------------------------------------------------------------------------------------------------


def test_digest_by_hand():
    fields = [
        *[(3).to_bytes(8, "little"), b"cfg", (1).to_bytes(8, "little")],
        *[(1).to_bytes(8, "little"), b"a", (3).to_bytes(8, "little"), b"I16"],
        *[(16).to_bytes(8, "little"), (1).to_bytes(8, "little"), (2).to_bytes(8, "little")],
        *[(4).to_bytes(8, "little"), bytes([1, 0, 2, 0])],
    ]
    expected = hashlib.sha256(b"".join(fields)).hexdigest()
    assert safetensors.digest("cfg", {"a": np.array([[1, 2]], np.int16)}) == expected


@settings(max_examples=50)
@given(st.tuples(st.text("ab\0", max_size=3), tensor_tables), st.tuples(st.text("ab\0", max_size=3), tensor_tables))
def test_equal_digests_mean_equal_contents(one, other):
    def contents(config, tensors):
        return config, safetensors.to_bytes(tensors, {})

    assert (safetensors.digest(*one) == safetensors.digest(*other)) == (contents(*one) == contents(*other))


# Files -----------------------------------------------------------------------------------------------------------

TENSORS = {"weights": np.arange(6.0).reshape(2, 3)}


def test_write_and_read(tmp_path):
    path = tmp_path / "a name with ünïcode and spaces.safetensors"
    for target in (path, str(path)):
        safetensors.write(target, TENSORS, {"a": "b"}, overwrite=True)
        tensors, metadata = safetensors.read(target)
        assert_same(tensors, TENSORS)
        assert metadata == {"a": "b"}
    assert listing(tmp_path) == [path.name]
    assert path.read_bytes() == safetensors.to_bytes(TENSORS, {"a": "b"})


def test_the_longest_name_that_a_system_allows(tmp_path):
    path = tmp_path / ("n" * 255 if os.name != "nt" else "n" * 100)
    safetensors.write(path, TENSORS, {}, overwrite=False)
    assert_same(safetensors.read(path)[0], TENSORS)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "ordinary").touch()
    safetensors.write(tmp_path / "ours", TENSORS, {}, overwrite=False)
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def no_links(*_, **__):
    raise OSError(errno.EPERM, "no links on this file system")


@pytest.mark.parametrize("links", [True, False])
def test_without_overwrite_a_file_is_never_replaced(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "file"
    safetensors.write(path, TENSORS, {}, overwrite=False)
    assert_same(safetensors.read(path)[0], TENSORS)
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="exists already; choose another name, or pass overwrite=True"):
        safetensors.write(path, TENSORS, {}, overwrite=False)
    # The same when the file appears only after the first look.
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    with pytest.raises(FileExistsError, match="exists already"):
        safetensors.write(path, TENSORS, {}, overwrite=False)
    assert path.read_bytes() == b"precious"
    assert listing(tmp_path) == ["file"]


def test_a_dangling_link_counts_as_a_file(tmp_path):
    path = tmp_path / "link"
    try:
        path.symlink_to(tmp_path / "nowhere")
    except OSError:
        pytest.skip("this system makes no symbolic links for ordinary users")
    with pytest.raises(FileExistsError):
        safetensors.write(path, TENSORS, {}, overwrite=False)
    safetensors.write(path, TENSORS, {}, overwrite=True)
    assert not path.is_symlink()
    assert listing(tmp_path) == ["link"]


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("call", ["fsync", "replace", "link"])
def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch, call, overwrite):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "the disk is full")

    path = tmp_path / "file"
    if overwrite:
        path.write_bytes(b"old")
    monkeypatch.setattr(os, call, fail)
    if call == "replace":
        monkeypatch.setattr(os, "link", no_links)
    if os.name == "nt" or (call == "link" and overwrite):
        monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="the disk is full") as failure:
        safetensors.write(path, TENSORS, {}, overwrite=overwrite)
    assert failure.value.filename == str(path)  # not the temporary file, of which nobody knows
    assert failure.value.filename2 is None
    assert listing(tmp_path) == (["file"] if overwrite else [])
    assert not overwrite or path.read_bytes() == b"old"


def test_a_folder_that_refuses_is_told_by_the_files_own_name(tmp_path, monkeypatch):
    def denied(path, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(safetensors.Path, "open", denied)
    with pytest.raises(PermissionError) as failure:
        safetensors.write(tmp_path / "file", TENSORS, {}, overwrite=False)
    assert failure.value.filename == str(tmp_path / "file")
    assert ".tmp" not in str(failure.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_disk_that_is_full(tmp_path, monkeypatch):
    ordinary = Path.open

    def full(path, mode):
        path.touch()
        return ordinary(Path("/dev/full"), mode.replace("x", "w"))  # it takes no byte at all

    monkeypatch.setattr(safetensors.Path, "open", full)
    with pytest.raises(OSError, match="No space left") as failure:
        safetensors.write(tmp_path / "file", TENSORS, {}, overwrite=True)
    assert failure.value.filename == str(tmp_path / "file")
    assert listing(tmp_path) == []


@pytest.mark.skipif(os.name == "nt" or getattr(os, "geteuid", int)() == 0, reason="nothing is closed to this user")
def test_a_folder_that_may_only_be_read(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError) as failure:
            safetensors.write(tmp_path / "file", TENSORS, {}, overwrite=False)
        assert failure.value.filename == str(tmp_path / "file")
        assert listing(tmp_path) == []
    finally:
        tmp_path.chmod(0o700)


def test_models_are_known_by_their_first_bytes(tmp_path):
    Network(2, [Dense(1)], seed=0).save(tmp_path / "model")
    start = (tmp_path / "model").read_bytes()[: safetensors.MODEL_SNIFFED_BYTES]
    assert safetensors.begins_like_model(start)
    assert not safetensors.begins_like_model(start[:-1])
    assert not safetensors.begins_like_model(b"area,age" + start[8:])
    assert not safetensors.begins_like_model(safetensors.to_bytes(TENSORS, {"format": "pt"})[: len(start)])
    assert not safetensors.begins_like_model(b"")


def test_an_interrupt_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        safetensors.write(tmp_path / "file", TENSORS, {}, overwrite=True)
    assert listing(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no way to flush a folder")
def test_the_folder_is_flushed_where_the_system_can(tmp_path, monkeypatch):
    flushed = []
    flush = os.fsync

    def watch(descriptor):
        flushed.append(os.fstat(descriptor).st_ino)
        flush(descriptor)
        if flushed[-1] == tmp_path.stat().st_ino:
            raise OSError(errno.EINVAL, "no such operation for folders here")

    monkeypatch.setattr(os, "fsync", watch)
    safetensors.write(tmp_path / "file", TENSORS, {}, overwrite=False)
    assert flushed == [(tmp_path / "file").stat().st_ino, tmp_path.stat().st_ino]


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        safetensors.read(tmp_path / "missing")
    with pytest.raises(OSError, match=r"directory|denied"):
        safetensors.read(tmp_path)
    with pytest.raises(FileNotFoundError, match="create it first"):
        safetensors.write(tmp_path / "missing" / "file", TENSORS, {}, overwrite=True)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"directory|denied"):
        safetensors.write(tmp_path / "folder", TENSORS, {}, overwrite=True)
    assert listing(tmp_path) == ["folder"]


def test_a_refusal_names_the_file(tmp_path):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(small_file()[:-1])
    with pytest.raises(ModelFileError) as caught:
        safetensors.read(path)
    assert str(caught.value).startswith(f"{path}: 41 bytes follow the header; expected 42")
    with pytest.raises(ModelFileError, match=r"^'two\\nlines': "):
        safetensors.from_bytes(b"", "two\nlines")


def test_foreign_files_are_named(tmp_path):
    np.savez(tmp_path / "zip.npz", a=np.ones(3))
    np.save(tmp_path / "array.npy", np.ones(3))
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    for protocol in range(2, 6):
        (tmp_path / f"{protocol}.pickle").write_bytes(pickle.dumps({"weights": [1.0] * 40}, protocol))
    (tmp_path / "hdf").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (tmp_path / "parquet").write_bytes(b"PAR1\x15\x04\x15\x00" + bytes(100))
    for name, kind in [
        ("zip.npz", "a zip archive"),
        ("empty.zip", "an empty zip archive"),
        ("array.npy", "a NumPy array"),
        *[(f"{protocol}.pickle", "a Python pickle, which Pellucid never opens") for protocol in range(2, 6)],
        ("hdf", "an HDF5 file"),
        ("parquet", "a Parquet table"),
    ]:
        shutil.copy(tmp_path / name, tmp_path / "model.safetensors")
        with pytest.raises(ModelFileError, match=f"this looks like {kind}"):
            safetensors.read(tmp_path / "model.safetensors")


def test_a_header_whose_length_looks_like_a_pickle_is_read():
    # 0x0480 little-endian: the bytes 80 04, with which a pickle begins too.
    metadata = {"a": "x" * (0x0480 - len('{"__metadata__":{"a":""}}'))}
    data = safetensors.to_bytes({}, metadata)
    assert data.startswith(b"\x80\x04")
    assert safetensors.from_bytes(data, "test") == ({}, metadata)
