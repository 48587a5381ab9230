"""Writing tables."""

from __future__ import annotations

import gzip
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.errors import TableError
from pellucid.extras import require
from pellucid.tables.reading.files import JSON_LINES_SUFFIXES, PARQUET_SUFFIXES, TEXT_SUFFIXES, table_suffix
from pellucid.tables.reading.words import reason

if TYPE_CHECKING:
    import polars as pl


def write_table(frame: pl.DataFrame, destination: str | os.PathLike[str] | None, *, overwrite: bool = False) -> None:
    """Write a table to a CSV, JSON Lines or Parquet file, or as CSV to standard output.

    The file appears under its name only when it is whole; until then whatever stood there stays. The same table makes
    the same bytes, packed or not.

    Parameters
    ----------
    frame : polars.DataFrame
        The table.
    destination : str, path-like or None
        A file ending in ``.csv``, ``.tsv``, ``.jsonl`` or ``.ndjson``, each with ``.gz`` behind it to be packed, or
        in ``.parquet`` or ``.pq``; None is standard output. JSON has no NaN and no infinity: they become ``null``.
    overwrite : bool, default False
        Whether a file of that name may be replaced.

    Raises
    ------
    TableError
        If the suffix is another, the file exists and may not be replaced, or it cannot be written.
    MissingExtraError
        If polars is not installed.

    Examples
    --------
    >>> import polars
    >>> write_table(polars.DataFrame({"row": [1, 2], "predicted": [0.25, 0.5]}), None)
    row,predicted
    1,0.25
    2,0.5
    """
    require("polars", "tables", purpose="writing tables")
    import polars as pl

    if destination is None:
        _write_to_screen(_csv(frame, ","))
        return
    destination = Path(destination)
    suffix, packed = table_suffix(destination), destination.suffix.lower() == ".gz"
    if suffix not in TEXT_SUFFIXES + JSON_LINES_SUFFIXES and (packed or suffix not in PARQUET_SUFFIXES):
        raise TableError(
            f"cannot write {destination}: its name must end in {', '.join(TEXT_SUFFIXES)} (text) "
            f"or {', '.join(PARQUET_SUFFIXES)} (Parquet) or {', '.join(JSON_LINES_SUFFIXES)} (JSON Lines); "
            "text and JSON Lines may be packed: .csv.gz"
        )
    try:
        _check_destination(destination, overwrite)
        target = destination.resolve()  # through a link, the file it leads to is replaced, not the link
        # In the same folder, because a rename is one step only within a file system.
        partial = target.with_name(f".pellucid-{secrets.token_hex(6)}.partial")
        try:
            with partial.open("xb") as file:
                if suffix in PARQUET_SUFFIXES:
                    frame.write_parquet(file)
                elif packed:
                    # With neither name nor time in it, the archive depends on the table alone.
                    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as archive:
                        archive.write(_text(frame, suffix).encode())
                else:
                    file.write(_text(frame, suffix).encode())
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise TableError(f"cannot write {destination}: {reason(error)}") from error


def _check_destination(destination: Path, overwrite: bool) -> None:
    if destination.is_dir():
        raise TableError(f"cannot write {destination}: it is a folder")
    if destination.exists() and not overwrite:
        raise TableError(f"{destination} exists; choose another name or add --force")
    if not destination.resolve().parent.is_dir():
        raise TableError(f"cannot write {destination}: the folder {destination.parent} does not exist; create it first")


def _text(frame: pl.DataFrame, suffix: str) -> str:
    if suffix in JSON_LINES_SUFFIXES:
        return frame.write_ndjson()
    return _csv(frame, "\t" if suffix == ".tsv" else ",")


def _csv(frame: pl.DataFrame, separator: str) -> str:
    # A lone missing value would be a blank line, which readers skip.
    return frame.write_csv(separator=separator, null_value='""' if frame.width == 1 else None)


def _write_to_screen(text: str) -> None:
    """Write to standard output, all of it or an error: a closed pipe is the caller's to handle, and shows here."""
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        sys.stdout.write(text)  # a stand-in for the screen, as in a notebook
        sys.stdout.flush()
        return
    sys.stdout.flush()
    # Through a buffer of our own: an unbuffered stream takes a write that was cut short for a whole one.
    with open(descriptor, "wb", closefd=False) as stream:
        stream.write(text.encode("utf-8"))
