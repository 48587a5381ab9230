"""The header of a safetensors file, read strictly: it alone decides whether anything else is looked at.

The header gives each tensor its dtype, its shape and where its bytes begin and end (counted from the end of the
header), and under ``__metadata__`` a table of texts. Many headers could describe the same tensors; Pellucid writes
exactly one of them (sorted names, sorted keys, no spaces but the padding) and reads only that one. So equal contents
give equal files, and a file has no corner in which anything could hide.

Source: the format's description, https://huggingface.co/docs/safetensors.
"""

import io
import json
import math
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pellucid.files.refusal import encodable, refuse, shown
from pellucid.files.strict_json import parse

HEADER_LIMIT = 16 * 1024 * 1024
TENSOR_LIMIT = 10_000
RANK_LIMIT = 8

LENGTH_BYTES = 8
METADATA = "__metadata__"
_ENTRY_FIELDS = {"data_offsets", "dtype", "shape"}
# The largest number of bytes that an array may have on this machine: NumPy counts them in this type.
_ARRAY_LIMIT = int(np.iinfo(np.intp).max)
# 2**63 - 1 has nineteen digits: a longer number cannot be a size.
_DIGIT_LIMIT = 19

# Format name -> NumPy type, in the machine's own byte order.
DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype(np.uint8),
    "U16": np.dtype(np.uint16),
    "U32": np.dtype(np.uint32),
    "U64": np.dtype(np.uint64),
    "I8": np.dtype(np.int8),
    "I16": np.dtype(np.int16),
    "I32": np.dtype(np.int32),
    "I64": np.dtype(np.int64),
    "F16": np.dtype(np.float16),
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
}

# How other kinds of file begin, told to a person who renamed one.
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive (an .npz, .pt or .keras file is one too)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (an .h5 file)"),
    (b"PAR1", "a Parquet table"),
    (b"\x93NUMPY", "a NumPy array (an .npy file)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF", "a PDF document"),
    (b"\x80\x02", "a Python pickle, which Pellucid never opens"),
    (b"\x80\x03", "a Python pickle, which Pellucid never opens"),
    (b"\x80\x04", "a Python pickle, which Pellucid never opens"),
    (b"\x80\x05", "a Python pickle, which Pellucid never opens"),
)
_SNIFFED_BYTES = max(len(start) for start, _ in _FOREIGN)


class Entry(NamedTuple):
    """One tensor as the header announces it; like an array, it has a ``shape`` and a ``dtype``."""

    dtype_name: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy type of its values."""
        return DTYPES[self.dtype_name]


def canonical_header(entries: Mapping[str, Entry], metadata: Mapping[str, str]) -> bytes:
    """Return the one header for these entries and texts; the reader compares with it, byte for byte."""
    described: dict[str, object] = {
        name: {"data_offsets": [entry.begin, entry.end], "dtype": entry.dtype_name, "shape": list(entry.shape)}
        for name, entry in entries.items()
    }
    if metadata:
        described[METADATA] = dict(metadata)
    header = json.dumps(described, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    return header + b" " * (-len(header) % 8)


def read_header(stream: io.BufferedIOBase, source: str) -> tuple[dict[str, str], dict[str, Entry]]:
    """Read and check all of a file but its tensors; the stream then stands where the first of them begins.

    Nothing is allocated for tensors, and ``8 + header + sum of the tensors' sizes`` has been found equal to the file's
    length.

    Parameters
    ----------
    stream
        The whole file, at any place.
    source
        The file's name, for error messages.

    Returns
    -------
    metadata : dict of str to str
        The texts.
    entries : dict of str to Entry
        What the header says of each tensor, in the order of their names.

    Raises
    ------
    ModelFileError
        If it is anything but a canonical header within the limits that fits the file's length.

    Examples
    --------
    >>> read_header(io.BytesIO((8).to_bytes(8, "little") + b"{}      "), "empty.safetensors")
    ({}, {})
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    start = stream.read(_SNIFFED_BYTES)
    if len(start) < LENGTH_BYTES:
        _refuse_foreign(source, start)
        refuse(source, f"the file ends after {len(start)} bytes; expected at least the {LENGTH_BYTES} of its length")
    length = int.from_bytes(start[:LENGTH_BYTES], "little")
    available = size - LENGTH_BYTES
    if length > HEADER_LIMIT or length > available:
        # Only now: eight bytes that make sense as a length could look like the start of another kind of file.
        _refuse_foreign(source, start)
        limit = f"the limit of {HEADER_LIMIT}" if length > HEADER_LIMIT else f"the {available} left in the file"
        refuse(source, f"the first {LENGTH_BYTES} bytes announce a header of {length} bytes; expected at most {limit}")
    stream.seek(LENGTH_BYTES)
    header = stream.read(length)
    if not header.startswith(b"{"):
        _refuse_foreign(source, start)
        refuse(source, f"the header begins with {header[:1]!r}; expected b'{{', the start of a JSON object")
    try:
        text = header.decode("utf-8")
    except UnicodeDecodeError as failure:
        refuse(source, f"byte {failure.start} of the header is not UTF-8; expected JSON text")
    described = parse(text, "the header", source, digits=_DIGIT_LIMIT, fractions=False)
    metadata = _checked_metadata(described.pop(METADATA, {}), source)
    if len(described) > TENSOR_LIMIT:
        refuse(source, f"the header lists {len(described)} tensors; expected at most {TENSOR_LIMIT}")
    entries = {name: _checked_entry(name, described[name], source) for name in sorted(described)}
    _check_layout(entries, available - length, source)
    _check_canonical(header, canonical_header(entries, metadata), source)
    return metadata, entries


def _checked_metadata(metadata: object, source: str) -> dict[str, str]:
    if not isinstance(metadata, dict):
        refuse(source, f"the header's {METADATA} is {shown(metadata)}; expected an object of texts")
    for name, text in metadata.items():
        if not isinstance(text, str):
            refuse(source, f"the header's {METADATA} gives {shown(name)} as {shown(text)}; expected a text")
        if not encodable(text):
            refuse(source, f"the header's {METADATA} gives {shown(name)} half a surrogate pair; expected whole text")
    return metadata


def _checked_entry(name: str, described: object, source: str) -> Entry:
    tensor = f"tensor {shown(name)}"
    if not isinstance(described, dict):
        refuse(source, f"{tensor} is described by {shown(described)}; expected an object")
    for field in sorted(described.keys() - _ENTRY_FIELDS):
        refuse(source, f"{tensor} has the field {shown(field)}; expected {', '.join(sorted(_ENTRY_FIELDS))} only")
    for field in sorted(_ENTRY_FIELDS - described.keys()):
        refuse(source, f"{tensor} has no field {field!r}; expected {', '.join(sorted(_ENTRY_FIELDS))}")
    dtype_name = described["dtype"]
    if not isinstance(dtype_name, str) or dtype_name not in DTYPES:
        refuse(source, f"{tensor} has dtype {shown(dtype_name)}; expected one of {', '.join(DTYPES)}")
    shape = _checked_sizes(described["shape"], f"the shape of {tensor}", source)
    if len(shape) > RANK_LIMIT:
        refuse(source, f"{tensor} has {len(shape)} axes; expected at most {RANK_LIMIT}")
    offsets = _checked_sizes(described["data_offsets"], f"the data_offsets of {tensor}", source)
    if len(offsets) != 2:
        refuse(source, f"the data_offsets of {tensor} are {len(offsets)} numbers; expected where it begins and ends")
    itemsize = DTYPES[dtype_name].itemsize
    # NumPy multiplies the axes that are not empty even where another is, so that product too must fit.
    if itemsize * math.prod(max(axis, 1) for axis in shape) > _ARRAY_LIMIT:
        refuse(source, f"{tensor} has shape {list(shape)}; expected at most {_ARRAY_LIMIT} bytes")
    begin, end = offsets
    needed = itemsize * math.prod(shape)
    if end - begin != needed:
        refuse(source, f"{tensor} takes the bytes {begin} to {end}; expected {needed}, as shape and dtype say")
    return Entry(dtype_name, shape, begin, end)


def _checked_sizes(sizes: object, what: str, source: str) -> tuple[int, ...]:
    if not isinstance(sizes, list):
        refuse(source, f"{what} is {shown(sizes)}; expected a list of whole numbers")
    for size in sizes:
        # JSON's true and false arrive as bool, which Python counts among the integers.
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            refuse(source, f"{what} holds {shown(size)}; expected a whole number, zero or more")
    return tuple(sizes)


def _check_layout(entries: Mapping[str, Entry], available: int, source: str) -> None:
    """Check that the tensors follow one another by name and fill the rest of the file exactly."""
    begin = 0
    for name, entry in entries.items():
        if entry.begin != begin:
            problem = "a hole" if entry.begin > begin else "an overlap, or tensors out of the order of their names"
            refuse(source, f"tensor {shown(name)} begins at byte {entry.begin}; expected {begin} ({problem})")
        begin = entry.end
    if begin != available:
        problem = "cut short" if begin > available else "bytes after the last tensor"
        refuse(source, f"{available} bytes follow the header; expected {begin} by its account ({problem})")


def _check_canonical(found: bytes, expected: bytes, source: str) -> None:
    if found == expected:
        return
    position = next(
        (place for place, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other),
        min(len(found), len(expected)),
    )
    refuse(
        source,
        f"byte {position} of the header is {found[position : position + 1]!r}, "
        f"expected {expected[position : position + 1]!r}: safetensors, but not in the form that Pellucid writes",
    )


def _refuse_foreign(source: str, start: bytes) -> None:
    for signature, kind in _FOREIGN:
        if start.startswith(signature):
            refuse(source, f"this looks like {kind}; expected a model that Pellucid saved")
