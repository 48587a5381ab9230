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

import contextlib
import errno
import hashlib
import io
import json
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from pellucid.errors import ModelFileError

HEADER_LIMIT = 16 * 1024 * 1024
TENSOR_LIMIT = 10_000
RANK_LIMIT = 8

_LENGTH_BYTES = 8
_METADATA = "__metadata__"
_ENTRY_FIELDS = {"data_offsets", "dtype", "shape"}
# The largest number of bytes that an array may have on this machine: NumPy counts them in this type.
_ARRAY_LIMIT = int(np.iinfo(np.intp).max)
# 2**63 - 1 has nineteen digits: a longer number cannot be a size, and is refused before it costs time to convert.
_DIGIT_LIMIT = 19

# Format name -> NumPy type, in the machine's own byte order.
_DTYPES: dict[str, np.dtype[Any]] = {
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
# (kind, bytes an element) -> format name: C's `long` and `long long` are two NumPy types but one format name.
_DTYPE_NAMES = {(dtype.kind, dtype.itemsize): name for name, dtype in _DTYPES.items()}

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
# How the header of each model begins: its names are sorted, and ``config`` is the first of the texts.
_MODEL_HEADER = b'{"__metadata__":{"config":'
MODEL_SNIFFED_BYTES = _LENGTH_BYTES + len(_MODEL_HEADER)


class _Entry(NamedTuple):
    """One tensor as the header describes it."""

    dtype_name: str
    shape: tuple[int, ...]
    begin: int
    end: int


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
        entries[name] = _Entry(dtype_name, tensors[name].shape, begin, end)
        parts.append(contents)
        begin = end
    _check_texts("metadata name", metadata)
    _check_texts("metadata text", metadata.values())
    if _METADATA in entries:
        raise ValueError(f"a tensor is named {_METADATA!r}, which the format keeps for texts: give it another name")
    if len(entries) > TENSOR_LIMIT:
        raise ValueError(f"there are {len(entries)} tensors; one file holds at most {TENSOR_LIMIT}")
    header = _canonical_header(entries, metadata)
    if len(header) > HEADER_LIMIT:
        raise ValueError(f"the names, shapes and metadata take {len(header)} bytes; a header holds {HEADER_LIMIT}")
    return b"".join([len(header).to_bytes(_LENGTH_BYTES, "little"), header, *parts])


def write(
    path: str | os.PathLike[str],
    tensors: Mapping[str, npt.NDArray[Any]],
    metadata: Mapping[str, str],
    *,
    overwrite: bool,
) -> None:
    """Write a file whole or not at all.

    The bytes (those of `to_bytes`) go to a temporary file in the same folder, which is flushed to the disk and only
    then given its name: whoever opens `path` sees the old file or the new one, never a part of either. A failure
    removes the temporary file. The folder is flushed too, so that the new name survives a power cut; Windows and some
    network file systems have no such operation, and there this last step is left out. A symbolic link at `path` is
    replaced, not followed.

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
    target = Path(path)
    contents = to_bytes(tensors, metadata)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target}: the folder {target.parent} does not exist; create it first")
    if not overwrite and os.path.lexists(target):
        _refuse_to_replace(target)
    # A short name of its own: the target's name with something added could be longer than the system allows.
    temporary = target.parent / f".pellucid-{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as stream:
            stream.write(contents)
            stream.flush()
            os.fsync(stream.fileno())
        if overwrite:
            temporary.replace(target)
        else:
            _place_beside(temporary, target)
    except OSError as failure:
        if failure.errno is None:  # the refusal to replace a file, which has its own words
            raise
        # Nobody but us knows the temporary name, and a failed write has no name at all.
        raise OSError(failure.errno, failure.strerror, os.fspath(target)) from failure
    finally:
        # After a rename the temporary name is gone already; after a failure this must not hide the failure's own error.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    _flush_folder(target.parent)


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


def _canonical_header(entries: Mapping[str, _Entry], metadata: Mapping[str, str]) -> bytes:
    """Return the one header for these entries and texts; the reader compares with it, byte for byte."""
    described: dict[str, object] = {
        name: {"data_offsets": [entry.begin, entry.end], "dtype": entry.dtype_name, "shape": list(entry.shape)}
        for name, entry in entries.items()
    }
    if metadata:
        described[_METADATA] = dict(metadata)
    header = json.dumps(described, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    return header + b" " * (-len(header) % 8)


def _dtype_name(name: str, tensor: object) -> str:
    if not isinstance(tensor, np.ndarray):
        raise TypeError(f"tensor {_shown(name)} is a {type(tensor).__name__}; expected a NumPy array")
    if tensor.ndim > RANK_LIMIT:
        raise ValueError(f"tensor {_shown(name)} has {tensor.ndim} axes; the format holds at most {RANK_LIMIT}")
    dtype_name = _DTYPE_NAMES.get((tensor.dtype.kind, tensor.dtype.itemsize))
    if dtype_name is None:
        raise TypeError(
            f"tensor {_shown(name)} has dtype {tensor.dtype}, which the file cannot hold; convert it to bool, "
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
        if not _encodable(text):
            raise ValueError(f"the {what} {_shown(text)} holds half a surrogate pair, which no text file can hold")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_to_replace(target: Path) -> NoReturn:
    raise FileExistsError(f"{target}: a file of this name exists already; choose another name, or pass overwrite=True")


def _place_beside(temporary: Path, target: Path) -> None:
    """Give the temporary file its name, unless something has that name by now."""
    try:
        if os.name == "nt":
            temporary.rename(target)  # on Windows, and only there, this refuses to replace a file
        else:
            target.hardlink_to(temporary)
        return
    except FileExistsError:
        _refuse_to_replace(target)
    except OSError as failure:
        # Some file systems (FAT, some network ones, a browser's) have no second names for a file, and say so in one of
        # these ways. Anything else is a real failure.
        without_links = {errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
        if failure.errno not in without_links:
            raise
    # Claim the name with an empty file, which fails where one exists, and then replace what is known to be our own.
    try:
        target.open("xb").close()
    except FileExistsError:
        _refuse_to_replace(target)
    try:
        temporary.replace(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _flush_folder(folder: Path) -> None:
    """Put the folder's list of names on the disk, where the system has a way to do it."""
    if os.name == "nt":
        return  # Windows opens no folders for this; NTFS keeps its own journal of names
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return  # a folder may be writable and yet not readable; the file itself is on the disk
    try:
        os.fsync(descriptor)
    except OSError as failure:
        # How file systems without this operation answer; a failing disk answers otherwise.
        if failure.errno not in {errno.EINVAL, errno.EBADF, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}:
            raise
    finally:
        os.close(descriptor)


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
    return _read_stream(io.BytesIO(data), len(data), source)


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
        return _read_stream(stream, os.fstat(stream.fileno()).st_size, os.fspath(path))


def begins_like_model(start: bytes) -> bool:
    """Return whether a file that begins with these bytes is a model, or was one before it was damaged.

    Examples
    --------
    >>> begins_like_model(b"area,age,price")
    False
    """
    length, header = int.from_bytes(start[:_LENGTH_BYTES], "little"), start[_LENGTH_BYTES:]
    return length <= HEADER_LIMIT and header.startswith(_MODEL_HEADER)


def _read_stream(
    stream: io.BufferedIOBase, size: int, source: str
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    start = stream.read(_SNIFFED_BYTES)
    if len(start) < _LENGTH_BYTES:
        _refuse_foreign(source, start)
        _refuse(source, f"the file ends after {len(start)} bytes; expected at least the {_LENGTH_BYTES} of its length")
    length = int.from_bytes(start[:_LENGTH_BYTES], "little")
    available = size - _LENGTH_BYTES
    if length > HEADER_LIMIT or length > available:
        # Only now: eight bytes that make sense as a length could look like the start of another kind of file.
        _refuse_foreign(source, start)
        limit = f"the limit of {HEADER_LIMIT}" if length > HEADER_LIMIT else f"the {available} left in the file"
        _refuse(
            source, f"the first {_LENGTH_BYTES} bytes announce a header of {length} bytes; expected at most {limit}"
        )
    stream.seek(_LENGTH_BYTES)
    header = stream.read(length)
    if not header.startswith(b"{"):
        _refuse_foreign(source, start)
        _refuse(source, f"the header begins with {header[:1]!r}; expected b'{{', the start of a JSON object")
    described = _parse_json(header, source)
    metadata = _checked_metadata(described.pop(_METADATA, {}), source)
    if len(described) > TENSOR_LIMIT:
        _refuse(source, f"the header lists {len(described)} tensors; expected at most {TENSOR_LIMIT}")
    entries = {name: _checked_entry(name, described[name], source) for name in sorted(described)}
    _check_layout(entries, available - length, source)
    _check_canonical(header, _canonical_header(entries, metadata), source)
    return {name: _read_tensor(stream, name, entry, source) for name, entry in entries.items()}, metadata


def _parse_json(header: bytes, source: str) -> dict[str, Any]:
    """Parse the header, refusing what JSON allows but a header of ours never holds."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        parsed: dict[str, Any] = {}
        for name, value in pairs:
            if name in parsed:
                _refuse(source, f"the header holds the key {_shown(name)} twice; expected it once")
            if not _encodable(name):
                _refuse(source, f"the header holds the key {_shown(name)}, half a surrogate pair; expected whole text")
            parsed[name] = value
        return parsed

    def integer(digits: str) -> int:
        if len(digits) > _DIGIT_LIMIT:
            _refuse(source, f"the header holds a number of {len(digits)} digits; expected at most {_DIGIT_LIMIT}")
        return int(digits)

    def no_number(text: str) -> NoReturn:
        _refuse(source, f"the header holds the number {_shown(text)}; expected whole numbers only")

    try:
        text = header.decode("utf-8")
        parsed = json.loads(
            text, object_pairs_hook=unique, parse_int=integer, parse_float=no_number, parse_constant=no_number
        )
    except ModelFileError:
        raise
    except UnicodeDecodeError as failure:
        _refuse(source, f"byte {failure.start} of the header is not UTF-8; expected JSON text")
    except json.JSONDecodeError as failure:
        _refuse(source, f"the header is not JSON at character {failure.pos} ({failure.msg}); expected a JSON object")
    except RecursionError:
        _refuse(source, "the header's lists or objects are nested too deeply; expected three levels at most")
    if not isinstance(parsed, dict):
        _refuse(source, f"the header is {_shown(parsed)}; expected a JSON object")
    return parsed


def _checked_metadata(metadata: object, source: str) -> dict[str, str]:
    if not isinstance(metadata, dict):
        _refuse(source, f"the header's {_METADATA} is {_shown(metadata)}; expected an object of texts")
    for name, text in metadata.items():
        if not isinstance(text, str):
            _refuse(source, f"the header's {_METADATA} gives {_shown(name)} as {_shown(text)}; expected a text")
        if not _encodable(text):
            _refuse(source, f"the header's {_METADATA} gives {_shown(name)} half a surrogate pair; expected whole text")
    return metadata


def _checked_entry(name: str, described: object, source: str) -> _Entry:
    tensor = f"tensor {_shown(name)}"
    if not isinstance(described, dict):
        _refuse(source, f"{tensor} is described by {_shown(described)}; expected an object")
    for field in sorted(described.keys() - _ENTRY_FIELDS):
        _refuse(source, f"{tensor} has the field {_shown(field)}; expected {', '.join(sorted(_ENTRY_FIELDS))} only")
    for field in sorted(_ENTRY_FIELDS - described.keys()):
        _refuse(source, f"{tensor} has no field {field!r}; expected {', '.join(sorted(_ENTRY_FIELDS))}")
    dtype_name = described["dtype"]
    if not isinstance(dtype_name, str) or dtype_name not in _DTYPES:
        _refuse(source, f"{tensor} has dtype {_shown(dtype_name)}; expected one of {', '.join(_DTYPES)}")
    shape = _checked_sizes(described["shape"], f"the shape of {tensor}", source)
    if len(shape) > RANK_LIMIT:
        _refuse(source, f"{tensor} has {len(shape)} axes; expected at most {RANK_LIMIT}")
    offsets = _checked_sizes(described["data_offsets"], f"the data_offsets of {tensor}", source)
    if len(offsets) != 2:
        _refuse(source, f"the data_offsets of {tensor} are {len(offsets)} numbers; expected where it begins and ends")
    itemsize = _DTYPES[dtype_name].itemsize
    # NumPy multiplies the axes that are not empty even where another is, so that product too must fit.
    if itemsize * math.prod(max(axis, 1) for axis in shape) > _ARRAY_LIMIT:
        _refuse(source, f"{tensor} has shape {list(shape)}; expected at most {_ARRAY_LIMIT} bytes")
    begin, end = offsets
    needed = itemsize * math.prod(shape)
    if end - begin != needed:
        _refuse(source, f"{tensor} takes the bytes {begin} to {end}; expected {needed}, as shape and dtype say")
    return _Entry(dtype_name, shape, begin, end)


def _checked_sizes(sizes: object, what: str, source: str) -> tuple[int, ...]:
    if not isinstance(sizes, list):
        _refuse(source, f"{what} is {_shown(sizes)}; expected a list of whole numbers")
    for size in sizes:
        # JSON's true and false arrive as bool, which Python counts among the integers.
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            _refuse(source, f"{what} holds {_shown(size)}; expected a whole number, zero or more")
    return tuple(sizes)


def _check_layout(entries: Mapping[str, _Entry], available: int, source: str) -> None:
    """Check that the tensors follow one another by name and fill the rest of the file exactly."""
    begin = 0
    for name, entry in entries.items():
        if entry.begin != begin:
            problem = "a hole" if entry.begin > begin else "an overlap, or tensors out of the order of their names"
            _refuse(source, f"tensor {_shown(name)} begins at byte {entry.begin}; expected {begin} ({problem})")
        begin = entry.end
    if begin != available:
        problem = "cut short" if begin > available else "bytes after the last tensor"
        _refuse(source, f"{available} bytes follow the header; expected {begin} by its account ({problem})")


def _check_canonical(found: bytes, expected: bytes, source: str) -> None:
    if found == expected:
        return
    position = next(
        (place for place, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other),
        min(len(found), len(expected)),
    )
    _refuse(
        source,
        f"byte {position} of the header is {found[position : position + 1]!r}, "
        f"expected {expected[position : position + 1]!r}: safetensors, but not in the form that Pellucid writes",
    )


def _read_tensor(stream: io.BufferedIOBase, name: str, entry: _Entry, source: str) -> npt.NDArray[Any]:
    """Read the next tensor; the layout has been checked, so it starts where the stream stands."""
    dtype = _DTYPES[entry.dtype_name]
    tensor = np.empty(entry.shape, dtype)
    octets = tensor.reshape(-1).view(np.uint8)  # the same memory, as plain bytes
    # Fewer bytes than were there a moment ago: another program shortened the file while we read it.
    if octets.size and stream.readinto(octets.data) != octets.size:
        _refuse(source, f"the file ended while tensor {_shown(name)} was read; expected {octets.size} bytes of it")
    if dtype.kind == "b" and octets.size and int(octets.max()) > 1:
        _refuse(source, f"tensor {_shown(name)} of dtype BOOL holds a byte {int(octets.max())}; expected 0 or 1")
    if not dtype.newbyteorder("<").isnative:
        tensor.byteswap(inplace=True)
    return tensor


def _refuse_foreign(source: str, start: bytes) -> None:
    for signature, kind in _FOREIGN:
        if start.startswith(signature):
            _refuse(source, f"this looks like {kind}; expected a model that Pellucid saved")


def _refuse(source: str, problem: str) -> NoReturn:
    # `from None`: the reason is told in full, and the parser's own error would only lengthen the traceback.
    name = source if source.isprintable() else ascii(source)
    raise ModelFileError(f"{name}: {problem}") from None


def _shown(value: object) -> str:
    """Return a value from a file as it may stand in an error: short, on one line, whatever the file holds."""
    if isinstance(value, dict):
        return f"an object of {len(value)} entries"
    if isinstance(value, list):
        return f"a list of {len(value)} entries"
    text = ascii(value[:60]) if isinstance(value, str) else str(value)
    return text + "..." if isinstance(value, str) and len(value) > 60 else text
