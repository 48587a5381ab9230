"""Which kind a table's file is: by its name, and by how it begins."""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path

from pellucid.errors import TableError
from pellucid.files.safetensors import begins_like_model
from pellucid.tables.reading.words import nearest

PARQUET_SUFFIXES = (".parquet", ".pq")
TEXT_SUFFIXES = (".csv", ".tsv")
JSON_LINES_SUFFIXES = (".jsonl", ".ndjson")
TABLE_SUFFIXES = TEXT_SUFFIXES + JSON_LINES_SUFFIXES + PARQUET_SUFFIXES

SNIFFED_BYTES = 512
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"

# How files of other kinds begin that are found under a table's name.
_FOREIGN = {
    b"\xff\xfe": "text in UTF-16: save it as UTF-8",
    b"\xfe\xff": "text in UTF-16: save it as UTF-8",
    GZIP: "a gzip archive within a gzip archive: unpack it first",
    b"BZh": "a bzip2 archive: unpack it first",
    b"\xfd7zXZ": "an xz archive: unpack it first",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive: unpack it first",
    b"\xd0\xcf\x11\xe0": "an Excel workbook (or another old Office file): save the sheet as CSV",
    b"%PDF": "a PDF document: export the table as CSV",
    b"\x89PNG": "a PNG picture: give a CSV or Parquet file",
    b"\xff\xd8\xff": "a JPEG picture: give a CSV or Parquet file",
}
_JSON_OBJECT = re.compile(rb"(\xef\xbb\xbf)?\s*\{")
_JSON_OBJECT_WITH_KEY = re.compile(_JSON_OBJECT.pattern + rb'\s*"')
_JSON_ARRAY = re.compile(rb"(\xef\xbb\xbf)?\s*\[\s*[\[{]")


def table_suffix(path: Path) -> str:
    """Return how a table's name ends, in lower case, without the ``.gz`` behind it.

    Examples
    --------
    >>> table_suffix(Path("homes.CSV.gz"))
    '.csv'
    """
    return (Path(path.stem) if path.suffix.lower() == ".gz" else path).suffix.lower()


def is_standard_input(path: str | os.PathLike[str]) -> bool:
    """Return whether this names no file but what is piped in.

    Examples
    --------
    >>> is_standard_input("-")
    True
    """
    return os.fspath(path) == "-"


def check_is_file(path: Path, expected: str = "a CSV or Parquet file") -> None:
    """Refuse a path that leads to no ordinary file, with names that come near; ``expected`` is what is wanted there.

    Examples
    --------
    >>> check_is_file(Path("none.csv"))
    Traceback (most recent call last):
    pellucid.errors.TableError: there is no file none.csv
    """
    if path.is_dir():
        raise TableError(f"{path} is a folder; give {expected} in it")
    if path.is_file():
        return
    if path.exists():
        raise TableError(f"{path} is not an ordinary file; save its content as {expected} first")
    folder = path.parent
    if not folder.is_dir():
        raise TableError(f"there is no file {path}: the folder {folder} does not exist")
    try:
        near = nearest(path.name, [entry.name for entry in folder.iterdir()])
    except OSError:  # a folder that may be entered but not listed
        near = []
    suggestion = f"; did you mean {' or '.join(str(folder / name) for name in near)}?" if near else ""
    raise TableError(f"there is no file {path}{suggestion}")


def begins_like_json(start: bytes) -> bool:
    """Return whether a table that begins with these bytes is in JSON Lines.

    Examples
    --------
    >>> begins_like_json(b'{"area": 51.5}')
    True
    """
    return _JSON_OBJECT.match(start) is not None


def check_kind(source: str, suffix: str, start: bytes, content: Path) -> None:
    """Refuse a table that is of another kind by its first bytes, or of another than its name says.

    Parameters
    ----------
    source : str
        What the message calls the table.
    suffix : str
        How its name ends, as `table_suffix` gives it.
    start : bytes
        Its first bytes, unpacked.
    content : Path
        The file that holds all of them.

    Raises
    ------
    TableError
        If this is no table, or one under the name of another kind.

    Examples
    --------
    >>> check_kind("homes.csv", ".csv", b"%PDF-1.7", Path("homes.csv"))
    Traceback (most recent call last):
    pellucid.errors.TableError: homes.csv: this looks like a PDF document: export the table as CSV
    """
    if not start:
        raise TableError(f"{source} is empty; expected a table with column names and at least one row")
    if begins_like_model(start):
        raise TableError(f"{source}: this looks like a Pellucid model, not a table; give a CSV or Parquet file")
    for magic, kind in _FOREIGN.items():
        if start.startswith(magic):
            raise TableError(f"{source}: this looks like {kind}")
    if start.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(content) as archive:
                workbook = any(name.startswith("xl/") for name in archive.namelist())
        except zipfile.BadZipFile:
            workbook = suffix.startswith(".xls")
        kind = "an Excel workbook: save the sheet as CSV" if workbook else "a zip archive: unpack it first"
        raise TableError(f"{source}: this looks like {kind}")
    if start[257:262] == b"ustar":
        raise TableError(f"{source}: this looks like a tar archive: unpack it and give the table in it")
    if _JSON_ARRAY.match(start):
        raise TableError(
            f"{source}: this looks like one JSON list; write each of its objects in a line of its own (JSON Lines), "
            "as in Python pandas.read_json(...).to_json('table.jsonl', orient='records', lines=True)"
        )
    if suffix in TEXT_SUFFIXES and _JSON_OBJECT_WITH_KEY.match(start):
        raise TableError(f"{source}: this looks like JSON Lines: rename it to end in .jsonl")
    if suffix in TEXT_SUFFIXES + JSON_LINES_SUFFIXES and start.startswith(PARQUET):
        raise TableError(f"{source}: this looks like a Parquet file: rename it to end in .parquet")
    if suffix in PARQUET_SUFFIXES and not start.startswith(PARQUET):
        raise TableError(
            f"{source} is not a Parquet file: it begins with {start[:4]!r}, not b'PAR1'; if it is text, name it .csv"
        )
