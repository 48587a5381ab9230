"""The safetensors container, read strictly and written in one canonical form, on NumPy alone.

A file is three parts in a row::

    8 bytes      n, the header's length, little-endian and unsigned
    n bytes      the header: JSON in ASCII, then spaces until n is a multiple of 8
    the rest     the tensors' bytes, little-endian, row-major, without gaps

The header gives each tensor its dtype, its shape and where its bytes begin and end (counted from the end of the
header), and under ``__metadata__`` a table of texts. Many headers could describe the same tensors; Pellucid writes
exactly one of them (sorted names, sorted keys, no spaces but the padding) and reads only that one. So equal contents
give equal files, and a file has no corner in which anything could hide.

Source: the format's description, https://huggingface.co/docs/safetensors.
"""

import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.files.header import (
    DTYPES,
    HEADER_LIMIT,
    LENGTH_BYTES,
    METADATA,
    RANK_LIMIT,
    TENSOR_LIMIT,
    Entry,
    canonical_header,
    read_header,
)
from pellucid.files.refusal import encodable, refuse, shown
from pellucid.files.whole_file import write_whole

# (kind, bytes an element) -> format name: C's `long` and `long long` are two NumPy types but one format name.
_DTYPE_NAMES = {(dtype.kind, dtype.itemsize): name for name, dtype in DTYPES.items()}
# How the header of each model begins: its names are sorted, and ``config`` is the first of the texts.
_MODEL_HEADER = b'{"__metadata__":{"config":'
MODEL_SNIFFED_BYTES = LENGTH_BYTES + len(_MODEL_HEADER)


# ---------------------------------------------------------------------------------------------------------------------
# Writing
# ---------------------------------------------------------------------------------------------------------------------


def to_bytes(tensors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Lay tensors and texts out as the one canonical safetensors file that holds them.

    Tensors follow one another in the order of their names, so tensor ``i`` begins where tensor ``i - 1`` ends::

        begin[0] = 0,    begin[i] = end[i-1],    end[i] = begin[i] + itemsize[i] * product(shape[i])

    Parameters
    ----------
    tensors
        Arrays of any shape up to rank 8, by name; booleans, integers of 8 to 64 bits, or floats of 16, 32 or 64 bits.
        Byte order and memory order do not matter: the file is little-endian and row-major.
    metadata
        Texts by name, stored in the header.

    Returns
    -------
    bytes
        The whole file. Equal tensors and texts give equal bytes.

    Raises
    ------
    TypeError
        If a name or text is not a ``str``, a tensor is not a NumPy array, or its dtype has no place in the format.
    ValueError
        If a limit of the format is passed, a tensor is called ``__metadata__``, or a text cannot be encoded.

    Examples
    --------
    >>> data = to_bytes({"bias": np.array([1.0, 2.0])}, {"format": "example"})
    >>> data[8:104].decode().rstrip()
    '{"__metadata__":{"format":"example"},"bias":{"data_offsets":[0,16],"dtype":"F64","shape":[2]}}'
    >>> from_bytes(data, "example")
    ({'bias': array([1., 2.])}, {'format': 'example'})

    References
    ----------
    https://huggingface.co/docs/safetensors, section "Format".
    """
    entries, parts = {}, []
    begin = 0
    _check_texts("tensor name", tensors)
    for name in sorted(tensors):
        dtype_name = _dtype_name(name, tensors[name])
        contents = _contents(tensors[name])
        end = begin + len(contents)
        entries[name] = Entry(dtype_name, tensors[name].shape, begin, end)
        parts.append(contents)
        begin = end
    _check_texts("metadata name", metadata)
    _check_texts("metadata text", metadata.values())
    if METADATA in entries:
        raise ValueError(f"a tensor is named {METADATA!r}, which the format keeps for texts: give it another name")
    if len(entries) > TENSOR_LIMIT:
        raise ValueError(f"there are {len(entries)} tensors; one file holds at most {TENSOR_LIMIT}")
    header = canonical_header(entries, metadata)
    if len(header) > HEADER_LIMIT:
        raise ValueError(f"the names, shapes and metadata take {len(header)} bytes; a header holds {HEADER_LIMIT}")
    return b"".join([len(header).to_bytes(LENGTH_BYTES, "little"), header, *parts])


def write(
    path: str | os.PathLike[str],
    tensors: Mapping[str, npt.NDArray[Any]],
    metadata: Mapping[str, str],
    *,
    overwrite: bool,
) -> None:
    """Write a file whole or not at all: the bytes of `to_bytes`, by :func:`~pellucid.files.whole_file.write_whole`.

    Parameters
    ----------
    path
        The file to write, in a folder that exists.
    tensors, metadata
        As for `to_bytes`.
    overwrite
        Whether a file already at `path` may be replaced. Without it a file that exists stays as it is, even one that
        another program creates while this call runs.

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is false.
    FileNotFoundError
        If the folder does not exist.
    OSError
        If the file cannot be written: no space, no permission.
    TypeError, ValueError
        As for `to_bytes`, before anything is written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "example.safetensors"
    ...     write(path, {"bias": np.array([1.0, 2.0])}, {}, overwrite=False)
    ...     read(path)
    ({'bias': array([1., 2.])}, {})

    References
    ----------
    Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014 (atomic replacement).
    """
    write_whole(path, to_bytes(tensors, metadata), overwrite=overwrite)


def digest(config: str, tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    """Fingerprint a configuration and its tensors together.

    With ``|`` for joining bytes, ``number(k)`` for k as 8 little-endian bytes and
    ``field(b) = number(len(b)) | b``::

        sha256(field(config) | number(count of tensors) |
               for each name, sorted: field(name) | field(dtype) | field(sizes of the axes) | field(contents))

    Each field carries its length, so no byte can move from one field to its neighbour and leave the digest the same.

    Parameters
    ----------
    config
        Any text.
    tensors
        As for `to_bytes`; byte order and memory order make no difference.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    TypeError, ValueError
        As for `to_bytes`.

    Examples
    --------
    >>> weights = np.arange(6.0).reshape(2, 3)
    >>> digest("a linear layer", {"weights": weights})[:16]
    '57f0cd0bae8bddf8'
    >>> digest("a linear layer", {"weights": weights}) == digest("a linear layer", {"weights": weights.T})
    False

    References
    ----------
    FIPS 180-4, "Secure Hash Standard", section 6.2.
    """
    _check_texts("config", [config])
    _check_texts("tensor name", tensors)
    fingerprint = hashlib.sha256()

    def add_field(contents: bytes) -> None:
        fingerprint.update(len(contents).to_bytes(8, "little"))
        fingerprint.update(contents)

    add_field(config.encode())
    fingerprint.update(len(tensors).to_bytes(8, "little"))
    for name in sorted(tensors):
        dtype_name = _dtype_name(name, tensors[name])
        add_field(name.encode())
        add_field(dtype_name.encode())
        add_field(b"".join(size.to_bytes(8, "little") for size in tensors[name].shape))
        add_field(_contents(tensors[name]))
    return fingerprint.hexdigest()


def _dtype_name(name: str, tensor: object) -> str:
    if not isinstance(tensor, np.ndarray):
        raise TypeError(f"tensor {shown(name)} is a {type(tensor).__name__}; expected a NumPy array")
    if tensor.ndim > RANK_LIMIT:
        raise ValueError(f"tensor {shown(name)} has {tensor.ndim} axes; the format holds at most {RANK_LIMIT}")
    dtype_name = _DTYPE_NAMES.get((tensor.dtype.kind, tensor.dtype.itemsize))
    if dtype_name is None:
        raise TypeError(
            f"tensor {shown(name)} has dtype {tensor.dtype}, which the file cannot hold; convert it to bool, "
            "to an integer of 8 to 64 bits, or to a float of 16, 32 or 64 bits"
        )
    return dtype_name


def _contents(tensor: npt.NDArray[Any]) -> bytes:
    """Return a tensor's bytes, little-endian and row-major, whatever its own order is."""
    return tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes(order="C")


def _check_texts(what: str, texts: Any) -> None:
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"a {what} is a {type(text).__name__}; expected a str")
        if not encodable(text):
            raise ValueError(f"the {what} {shown(text)} holds half a surrogate pair, which no text file can hold")


# ---------------------------------------------------------------------------------------------------------------------
# Reading
# ---------------------------------------------------------------------------------------------------------------------


def from_bytes(data: bytes, source: str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """Read a canonical safetensors file from its bytes; the inverse of `to_bytes`.

    For every `data` whatever, either ``to_bytes(*from_bytes(data, source)) == data`` or `ModelFileError` is raised.

    Parameters
    ----------
    data
        The whole file.
    source
        The file's name, for error messages.

    Returns
    -------
    tensors : dict of str to numpy.ndarray
        In the order of their names: fresh, writable arrays in the machine's own byte order.
    metadata : dict of str to str
        The texts.

    Raises
    ------
    ModelFileError
        If `data` is anything but a canonical file within the limits. The text is one line: `source`, what was found,
        what was expected.

    Examples
    --------
    >>> from_bytes(b"PK and so on", "renamed.safetensors")
    Traceback (most recent call last):
    ...
    pellucid.errors.ModelFileError: renamed.safetensors: ...

    References
    ----------
    https://huggingface.co/docs/safetensors, section "Format".
    """
    stream = io.BytesIO(data)
    metadata, entries = read_header(stream, source)
    return read_tensors(stream, entries, source), metadata


def read(path: str | os.PathLike[str]) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """Read a canonical safetensors file.

    Nothing is allocated for tensors before ``8 + header + sum of the tensors' sizes`` has been found equal to the
    file's length.

    Parameters
    ----------
    path
        The file to read.

    Returns
    -------
    tensors : dict of str to numpy.ndarray
        As for `from_bytes`.
    metadata : dict of str to str
        The texts.

    Raises
    ------
    ModelFileError
        As for `from_bytes`.
    FileNotFoundError
        If there is no such file.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> read("no such file")
    Traceback (most recent call last):
    ...
    FileNotFoundError: ...

    References
    ----------
    https://huggingface.co/docs/safetensors, section "Format".
    """
    with Path(path).open("rb") as stream:
        metadata, entries = read_header(stream, os.fspath(path))
        return read_tensors(stream, entries, os.fspath(path)), metadata


def begins_like_model(start: bytes) -> bool:
    """Return whether a file that begins with these bytes is a model, or was one before it was damaged.

    Examples
    --------
    >>> begins_like_model(b"area,age,price")
    False
    """
    length, header = int.from_bytes(start[:LENGTH_BYTES], "little"), start[LENGTH_BYTES:]
    return length <= HEADER_LIMIT and header.startswith(_MODEL_HEADER)


def read_tensors(stream: io.BufferedIOBase, entries: Mapping[str, Entry], source: str) -> dict[str, npt.NDArray[Any]]:
    """Read the tensors that a header announced, from a stream that stands where `read_header` left it.

    Raises
    ------
    ModelFileError
        If the file has become shorter meanwhile, or a boolean tensor holds a byte other than 0 and 1.
    """
    return {name: _read_tensor(stream, name, entry, source) for name, entry in entries.items()}


def _read_tensor(stream: io.BufferedIOBase, name: str, entry: Entry, source: str) -> npt.NDArray[Any]:
    """Read the next tensor; the layout has been checked, so it starts where the stream stands."""
    dtype = entry.dtype
    tensor = np.empty(entry.shape, dtype)
    octets = tensor.reshape(-1).view(np.uint8)  # the same memory, as plain bytes
    # Fewer bytes than were there a moment ago: another program shortened the file while we read it.
    if octets.size and stream.readinto(octets.data) != octets.size:
        refuse(source, f"the file ended while tensor {shown(name)} was read; expected {octets.size} bytes of it")
    if dtype.kind == "b" and octets.size and int(octets.max()) > 1:
        refuse(source, f"tensor {shown(name)} of dtype BOOL holds a byte {int(octets.max())}; expected 0 or 1")
    if not dtype.newbyteorder("<").isnative:
        tensor.byteswap(inplace=True)
    return tensor
