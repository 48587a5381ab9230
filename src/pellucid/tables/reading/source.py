"""Where a table's bytes come from: a file, a gzip archive or standard input."""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pellucid.errors import TableError
from pellucid.tables.reading.files import (
    GZIP,
    SNIFFED_BYTES,
    check_is_file,
    check_kind,
    is_standard_input,
    table_suffix,
)
from pellucid.tables.reading.words import reason

# A table that grows beyond both is taken for an archive made to fill the disk: gzip packs text to a tenth or so, and
# at most to a thousandth.
UNPACKED_BYTES = 1 << 30
UNPACKED_TIMES = 200
_PIECE = 1 << 20


@dataclass(frozen=True)
class Source:
    """A table's bytes, unpacked and not yet parsed.

    Attributes
    ----------
    name : str
        What messages call the table.
    content : Path
        The file that holds its bytes: its own, or a copy for the time of reading.
    suffix : str
        How its name ends, as `table_suffix` gives it.
    start : bytes
        How it begins.
    """

    name: str
    content: Path
    suffix: str
    start: bytes

    def lines(self) -> Generator[str, None, None]:
        """Yield every line as text, its end included; refuse one that is not UTF-8, with its number."""
        encoding = "utf-8-sig"  # a byte-order mark can stand before the first line only
        with self.content.open("rb") as file:
            for number, line in enumerate(file, start=1):
                zero = line.find(0)
                if zero >= 0:
                    raise TableError(
                        f"{self.name}, line {number}, byte {zero + 1}: a NUL byte, which no text holds; "
                        "save the file again as text in UTF-8 (it may be UTF-16, or damaged)"
                    )
                if line.endswith((b"\r\r\n", b"\r\r")):  # csv takes both for the line's end, polars one for text
                    raise TableError(
                        f"{self.name}, line {number} ends in two carriage returns, as when line ends are converted "
                        "twice; save the file with ordinary line ends"
                    )
                try:
                    yield line.decode(encoding)
                except UnicodeDecodeError as error:
                    raise TableError(
                        f"{self.name}, line {number}, byte {error.start + 1}: 0x{error.object[error.start]:02x} is not "
                        "UTF-8 here; save the file as UTF-8 (it is probably in Windows-1252 or Latin-1)"
                    ) from error
                encoding = "utf-8"


def check_table_file(path: Path) -> None:
    """Refuse a table's file that is not there, or is of another kind by its first bytes.

    Standard input can be read only once, and a gzip archive must be unpacked first: `read_table` looks at both.

    Examples
    --------
    >>> check_table_file(Path("none.csv"))
    Traceback (most recent call last):
    pellucid.errors.TableError: there is no file none.csv
    """
    if is_standard_input(path):
        return
    check_is_file(path)
    try:
        start = _beginning(path)
        if not start.startswith(GZIP):
            check_kind(str(path), table_suffix(path), start, path)
    except OSError as error:
        raise TableError(f"cannot read {path}: {reason(error)}") from error


@contextmanager
def table_source(path: Path) -> Iterator[Source]:
    """Give a table's bytes, unpacked; copies that this takes are removed at the end."""
    with ExitStack() as stack:

        def copy(name: str) -> Path:
            # On Windows a file that polars still holds cannot be removed; the system's own tidying takes it later.
            folder = tempfile.TemporaryDirectory(prefix="pellucid-", ignore_cleanup_errors=True)
            return Path(stack.enter_context(folder), name)

        if is_standard_input(path):
            name, suffix, content = "standard input", "", copy("piped")
            _save_standard_input(content)
        else:
            check_is_file(path)
            name, suffix, content = str(path), table_suffix(path), path
        start = _beginning(content)
        if start.startswith(GZIP):
            packed, content = content, copy("unpacked")
            _unpack(name, packed, content)
            start = _beginning(content)
        check_kind(name, suffix, start, content)
        yield Source(name, content, suffix, start)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(SNIFFED_BYTES)


def _save_standard_input(copy: Path) -> None:
    stream = getattr(sys.stdin, "buffer", None)  # a notebook has none, and neither has a program without a terminal
    if stream is None:
        raise TableError("there is no standard input to read a table from; give a file")
    if sys.stdin.isatty():
        print("reading the table from standard input; end with Ctrl-D", file=sys.stderr, flush=True)
    with copy.open("wb") as file:
        shutil.copyfileobj(stream, file)


def _unpack(name: str, packed: Path, unpacked: Path) -> None:
    limit = max(UNPACKED_BYTES, UNPACKED_TIMES * packed.stat().st_size)
    size = 0
    with unpacked.open("wb") as file, gzip.open(packed) as archive:
        try:
            while piece := archive.read(_PIECE):
                size += len(piece)
                if size > limit:
                    raise TableError(
                        f"{name} unpacks to more than {limit / 2**30:.3g} GiB, over {UNPACKED_TIMES} times its size, "
                        "as an archive does that is made to fill a disk; if it is a table, unpack it and give that file"
                    )
                file.write(piece)
        except EOFError as error:
            raise TableError(f"{name} is cut short: the gzip archive ends too early; copy it again") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise TableError(f"{name} is a damaged gzip archive ({reason(error)}); copy it again") from error
