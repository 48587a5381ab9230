"""Reading and writing tables, and the way from named columns to a matrix of numbers.

A table that cannot be used is refused with the file, the row and column, what was found there and what to do.
Polars reads a short row of a CSV file as one with missing values at its end, and gives repeated names new ones;
so every CSV file is first walked through with Python's own ``csv``, which knows each line by its number.
"""

from __future__ import annotations

import csv
import difflib
import io
import os
import re
import secrets
import shutil
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import TableError
from pellucid.extras import require
from pellucid.files.safetensors import MODEL_SNIFFED_BYTES, begins_like_model

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import polars as pl

PARQUET_SUFFIXES = (".parquet", ".pq")
TEXT_SUFFIXES = (".csv", ".tsv")
COLUMNS_LISTED = 12
FAULTS_LISTED = 8

# How files of other kinds begin that are found under a table's name.
_FOREIGN = {
    b"\xff\xfe": "text in UTF-16: save it as UTF-8",
    b"\xfe\xff": "text in UTF-16: save it as UTF-8",
    b"\x1f\x8b": "a gzip archive: unpack it first",
    b"BZh": "a bzip2 archive: unpack it first",
    b"\xfd7zXZ": "an xz archive: unpack it first",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive: unpack it first",
    b"\xd0\xcf\x11\xe0": "an Excel workbook (or another old Office file): save the sheet as CSV",
    b"%PDF": "a PDF document: export the table as CSV",
    b"\x89PNG": "a PNG picture: give a CSV or Parquet file",
    b"\xff\xd8\xff": "a JPEG picture: give a CSV or Parquet file",
}

# What float() takes beyond a table's numbers, such as 1_000 and digits of other scripts, is text here.
_NUMBER = re.compile(r"\s*[-+]?((\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan|inf(inity)?)\s*", re.IGNORECASE | re.ASCII)
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")


def read_table(path: str | os.PathLike[str]) -> pl.DataFrame:
    r"""Read a CSV or Parquet file whole.

    A CSV file is UTF-8 with the column names in its first line, separated by commas, semicolons or tabs. A column
    becomes numeric only if every value in it is a number, quoted or not; an empty field, quoted or not, is a
    missing value. Blank lines are skipped; in a file of one column, one between two rows is a missing value.

    Parameters
    ----------
    path : str or path-like
        ``.parquet`` and ``.pq`` are read as Parquet, ``.csv`` and ``.tsv`` as text, another suffix as what the file
        turns out to hold.

    Returns
    -------
    frame : polars.DataFrame
        At least one row; column names that differ and are not empty, exactly as they are in the file.

    Raises
    ------
    TableError
        If the file is missing, unreadable, damaged, of another kind, empty, or not rectangular.
    MissingExtraError
        If polars is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "homes.csv")
    ...     _ = path.write_text("area;city\n51.5;Graz\n80;Linz\n")
    ...     read_table(path).rows()
    [(51.5, 'Graz'), (80.0, 'Linz')]
    """
    require("polars", "tables", purpose="reading tables")
    path = Path(path)
    suffix = path.suffix.lower()
    start = check_table_file(path)
    try:
        if suffix in PARQUET_SUFFIXES or start.startswith(b"PAR1"):
            return _read_parquet(path)
        return _read_csv(path)
    except OSError as error:
        raise TableError(f"cannot read {path}: {_reason(error)}") from error


def check_table_file(path: Path) -> bytes:
    """Return how a table's file begins; refuse one that is not there, or is of another kind by these bytes."""
    check_is_file(path)
    try:
        with path.open("rb") as file:
            start = file.read(MODEL_SNIFFED_BYTES)
        _check_kind(path, start)
    except OSError as error:
        raise TableError(f"cannot read {path}: {_reason(error)}") from error
    return start


def find_column(columns: Iterable[str], name: str, source: str | os.PathLike[str], role: str = "") -> str:
    """Return a column's name if the table has it, and otherwise suggest those that come near.

    Parameters
    ----------
    columns : iterable of str
        The names of the table's columns.
    name : str
        The name asked for; it must be exact, upper and lower case and spaces included.
    source : str or path-like
        What the message calls the table: its file.
    role : str, optional
        What the column is wanted as, for the message: ``"target"``.

    Returns
    -------
    name : str
        The name asked for.

    Raises
    ------
    TableError
        If there is no such column.

    Examples
    --------
    >>> find_column(["area", "price"], "price", "homes.csv")
    'price'
    >>> find_column(["area", "price"], "Prise", "homes.csv", role="target")
    Traceback (most recent call last):
    pellucid.errors.TableError: there is no column 'Prise' (wanted as target) in homes.csv; did you mean 'price'?
    Columns: 'area', 'price'
    """
    columns = list(columns)
    if name in columns:
        return name
    near = _nearest(name, columns)
    wanted = f" (wanted as {role})" if role else ""
    suggestion = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    raise TableError(
        f"there is no column {name!r}{wanted} in {os.fspath(source)}{suggestion}\n"
        f"Columns: {_some(map(repr, columns), COLUMNS_LISTED)}"
    )


def to_frame(data: Any) -> nw.DataFrame[Any]:
    """Wrap a pandas, polars or pyarrow table so that all three are used alike.

    Parameters
    ----------
    data : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame
        The table. It is not copied.

    Returns
    -------
    frame : narwhals.DataFrame
        The same table behind narwhals' interface (``narwhals.stable.v2``).

    Raises
    ------
    TypeError
        If `data` is anything else.
    TableError
        If two columns have the same name, or a name is not text.
    MissingExtraError
        If narwhals is not installed.

    Examples
    --------
    >>> import polars
    >>> to_frame(polars.DataFrame({"area": [51.5, 80.0]})).columns
    ['area']
    >>> to_frame({"area": [51.5, 80.0]})
    Traceback (most recent call last):
    TypeError: a table must be a pandas or polars DataFrame or a pyarrow Table, not dict; wrap it: pandas.DataFrame(...)
    """
    require("narwhals", "tables", purpose="using tables")
    import narwhals.stable.v2 as nw

    repeated: list[str] = []
    try:
        frame = nw.from_native(data, eager_only=True)
        columns = list(frame.columns)
    except nw.exceptions.DuplicateError:
        names = list(getattr(data, "column_names", getattr(data, "columns", [])))
        repeated = [repr(name) for name, count in Counter(names).items() if count > 1]
    except TypeError:
        frame = None
    if repeated:
        raise TableError(f"the table has more than one column named {_some(repeated, COLUMNS_LISTED)}; rename them")
    if not isinstance(frame, nw.DataFrame):  # narwhals lets its own lazy frames through
        name = type(data).__name__
        if hasattr(data, "collect"):
            raise TypeError(f"a table must be in memory, not a {name}; call its .collect() first")
        raise TypeError(
            f"a table must be a pandas or polars DataFrame or a pyarrow Table, not {name}; "
            "wrap it: pandas.DataFrame(...)"
        )
    unnamed = [name for name in columns if not isinstance(name, str)]
    if unnamed:
        raise TableError(
            f"column names must be text, not {_some(map(repr, unnamed), COLUMNS_LISTED)}; "
            "rename them: frame.columns = frame.columns.astype(str)"
        )
    return frame


def numeric_columns(
    frame: Any,
    names: Sequence[str],
    source: str | os.PathLike[str] = "the table",
    *,
    remedy: str = "Correct the table.",
) -> NDArray[np.float64]:
    """Turn columns into a matrix of finite numbers, or name every column that cannot be one.

    Integers, floats and decimals become float64, integers beyond 2^53 rounded to the nearest; booleans become 0 and 1.
    Rows are counted from 1, without the header.

    Parameters
    ----------
    frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or narwhals.DataFrame
        The table, of N rows.
    names : sequence of str
        The C columns wanted, in the order wanted.
    source : str or path-like, optional
        What the message calls the table: its file.
    remedy : str, optional
        The message's last line: what the caller's caller can do about it.

    Returns
    -------
    matrix : ndarray of float64, shape [N, C]
        The columns side by side, in C order.

    Raises
    ------
    TableError
        If a column is not there, or holds text, dates, missing values, NaN or infinity; all of them in one message.

    Examples
    --------
    >>> import polars
    >>> homes = polars.DataFrame({"area": [51.5, 80.0], "garden": [True, False], "rooms": ["2", "n/a"]})
    >>> numeric_columns(homes, ["area", "garden"])
    array([[51.5,  1. ],
           [80. ,  0. ]])
    >>> numeric_columns(homes, ["area", "rooms"], "homes.csv")
    Traceback (most recent call last):
    pellucid.errors.TableError: homes.csv: a column cannot be used as numbers:
      column 'rooms', row 2: 'n/a' is not a number (1 of 2 values is not)
    Correct the table.
    """
    frame = to_frame(frame)
    matrix = np.empty((len(frame), len(names)))  # [N,C]
    faults = []
    for position, name in enumerate(names):
        found = _numbers_or_fault(frame.get_column(find_column(frame.columns, name, source)))
        if isinstance(found, str):
            faults.append(f"  column {name!r}{found}")
        else:
            matrix[:, position] = found
    if faults:
        which = "a column" if len(faults) == 1 else f"{len(faults)} columns"
        lines = [f"{os.fspath(source)}: {which} cannot be used as numbers:", *faults[:FAULTS_LISTED]]
        if len(faults) > FAULTS_LISTED:
            lines.append(f"  and {_count(len(faults) - FAULTS_LISTED, 'more column')}")
        raise TableError("\n".join([*lines, remedy]))
    return matrix


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


def write_table(frame: pl.DataFrame, destination: str | os.PathLike[str] | None, *, overwrite: bool = False) -> None:
    """Write a table to a CSV or Parquet file, or as CSV to standard output.

    The file appears under its name only when it is whole; until then whatever stood there stays.

    Parameters
    ----------
    frame : polars.DataFrame
        The table.
    destination : str, path-like or None
        A file ending in ``.csv``, ``.tsv``, ``.parquet`` or ``.pq``; None is standard output.
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
        _write_to_screen(_csv_text(frame, ","))
        return
    destination = Path(destination)
    suffix = destination.suffix.lower()
    if suffix not in TEXT_SUFFIXES + PARQUET_SUFFIXES:
        raise TableError(
            f"cannot write {destination}: its name must end in {', '.join(TEXT_SUFFIXES)} (text) "
            f"or {', '.join(PARQUET_SUFFIXES)} (Parquet)"
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
                else:
                    file.write(_csv_text(frame, "\t" if suffix == ".tsv" else ",").encode())
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise TableError(f"cannot write {destination}: {_reason(error)}") from error


# ---- files ----------------------------------------------------------------------------------------------------------


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
        near = _nearest(path.name, [entry.name for entry in folder.iterdir()])
    except OSError:  # a folder that may be entered but not listed
        near = []
    suggestion = f"; did you mean {' or '.join(str(folder / name) for name in near)}?" if near else ""
    raise TableError(f"there is no file {path}{suggestion}")


def _check_kind(path: Path, start: bytes) -> None:
    suffix = path.suffix.lower()
    if not start:
        raise TableError(f"{path} is empty; expected a table with column names and at least one row")
    if begins_like_model(start):
        raise TableError(f"{path}: this looks like a Pellucid model, not a table; give a CSV or Parquet file")
    for magic, kind in _FOREIGN.items():
        if start.startswith(magic):
            raise TableError(f"{path}: this looks like {kind}")
    if start.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(path) as archive:
                workbook = any(name.startswith("xl/") for name in archive.namelist())
        except zipfile.BadZipFile:
            workbook = suffix.startswith(".xls")
        kind = "an Excel workbook: save the sheet as CSV" if workbook else "a zip archive: unpack it first"
        raise TableError(f"{path}: this looks like {kind}")
    if suffix in TEXT_SUFFIXES and start.startswith(b"PAR1"):
        raise TableError(f"{path}: this looks like a Parquet file: rename it to end in .parquet")
    if suffix in PARQUET_SUFFIXES and not start.startswith(b"PAR1"):
        raise TableError(
            f"{path} is not a Parquet file: it begins with {start[:4]!r}, not b'PAR1'; if it is text, name it .csv"
        )


def _check_destination(destination: Path, overwrite: bool) -> None:
    if destination.is_dir():
        raise TableError(f"cannot write {destination}: it is a folder")
    if destination.exists() and not overwrite:
        raise TableError(f"{destination} exists; choose another name or add --force")
    if not destination.resolve().parent.is_dir():
        raise TableError(f"cannot write {destination}: the folder {destination.parent} does not exist; create it first")


def _read_parquet(path: Path) -> pl.DataFrame:
    import polars as pl

    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        end = file.read(4)
    if end != b"PAR1" or path.stat().st_size < 12:
        raise TableError(f"{path} is cut short: a Parquet file ends with b'PAR1', this one with {end!r}; copy it again")
    try:
        frame = pl.read_parquet(path, glob=False, hive_partitioning=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise TableError(f"{path} is damaged, or not Parquet that can be read: {_reason(error)}") from error
    _check_names(path, frame.columns)
    if not frame.height:
        raise TableError(f"{path} has column names but no rows")
    return frame


# ---- CSV ------------------------------------------------------------------------------------------------------------


def _read_csv(path: Path) -> pl.DataFrame:
    separator = "\t" if path.suffix.lower() == ".tsv" else _find_separator(path)
    records = _records(path, separator)
    header = next(records, [])
    _check_names(path, header)
    rows = blank_lines = 0
    for fields in records:
        if fields:
            rows += 1
        else:
            blank_lines += 1
    if not rows:
        raise TableError(f"{path} has column names in line 1 but no rows")
    frame = None
    if not blank_lines:
        frame = _parse(path, separator)
    # Polars makes rows of blank lines and stumbles over some stray quotation marks, which csv takes as they stand.
    if frame is None or frame.shape != (rows, len(header)):
        frame = _parse(_tidy_copy(path, separator), separator)
    if frame is None:
        raise TableError(f"{path} cannot be parsed; save it again as CSV (UTF-8), with quotation marks around all text")
    frame.columns = header
    return frame.with_columns([_settle(column) for column in frame.get_columns()])


def _parse(source: Path | bytes, separator: str) -> pl.DataFrame | None:
    import polars as pl

    try:
        return pl.read_csv(source, separator=separator, infer_schema_length=None, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None


def _settle(column: pl.Series) -> pl.Series:
    """Make numbers of a column of text if all of it is numbers; empty text is missing either way."""
    import polars as pl

    if str(column.dtype) in ("Int128", "UInt128"):  # NumPy has no such integers
        return column.cast(pl.Float64)
    if column.dtype != pl.String:
        return column
    trimmed = column.str.strip_chars()
    missing = trimmed.null_count() + (trimmed == "").sum()
    if missing < len(column):
        for kind in (pl.Int64(), pl.Float64()):
            numbers = trimmed.cast(kind, strict=False)
            if numbers.null_count() == missing:
                return numbers
    return column.replace("", None)


def _find_separator(path: Path) -> str:
    with path.open("rb") as file:
        line = file.readline().decode("utf-8-sig", errors="replace").rstrip("\r\n")
    try:
        # max keeps the first of equals: the comma
        return max(",;\t", key=lambda separator: len(next(csv.reader([line], delimiter=separator), [])))
    except csv.Error:  # the walk through the records will tell, with the line
        return ","


def _records(path: Path, separator: str) -> Iterator[list[str]]:
    """Yield the header, then every row, all of one length; a blank line as an empty list."""
    width = 0
    line = 1  # where the current record begins: one with quoted line breaks takes several lines
    with path.open("rb") as file:
        reader = csv.reader(_text_lines(path, file), delimiter=separator, strict=True)
        try:
            for fields in reader:
                if len(fields) != width:
                    if not width and "".join(fields).strip():
                        width = len(fields)
                    elif not "".join(fields).strip() and len(fields) <= 1:
                        fields = []
                    else:
                        raise TableError(
                            f"{path}, line {line}: {_count(len(fields), 'field')}, but the header has {width} "
                            f"(separated by {separator!r}).\n"
                            f"Give every line {_count(width, 'field')}; text that holds {separator!r} needs "
                            "quotation marks around it."
                        )
                if not width:
                    raise TableError(f"{path}, line 1 is blank; it must hold the column names")
                yield fields
                line = reader.line_num + 1
        except csv.Error as error:
            raise TableError(f"{path}, line {line}: {_explain(error, separator)}") from error


def _text_lines(path: Path, file: BinaryIO) -> Iterator[str]:
    encoding = "utf-8-sig"  # a byte-order mark can stand before the first line only
    for number, line in enumerate(file, start=1):
        zero = line.find(0)
        if zero >= 0:
            raise TableError(
                f"{path}, line {number}, byte {zero + 1}: a NUL byte, which no text holds; "
                "save the file again as CSV in UTF-8 (it may be UTF-16, or damaged)"
            )
        if line.endswith((b"\r\r\n", b"\r\r")):  # csv takes both for the line's end, polars one of them for text
            raise TableError(
                f"{path}, line {number} ends in two carriage returns, as when line ends are converted twice; "
                "save the file with ordinary line ends"
            )
        try:
            yield line.decode(encoding)
        except UnicodeDecodeError as error:
            raise TableError(
                f"{path}, line {number}, byte {error.start + 1}: 0x{error.object[error.start]:02x} is not UTF-8 here; "
                "save the file as UTF-8 (it is probably in Windows-1252 or Latin-1)"
            ) from error
        encoding = "utf-8"


def _explain(error: csv.Error, separator: str) -> str:
    text = str(error)
    if "end of data" in text:
        return "a quotation mark opens a field that is never closed; close it, or write a mark within text as two"
    if "field larger" in text:
        return (
            f"a field longer than {csv.field_size_limit()} characters, as when a quotation mark is never closed; "
            "close it, or shorten the text"
        )
    if "new-line" in text:
        return (
            "a carriage return that ends no line; save the file with ordinary line ends, "
            "or put text that holds one in quotation marks"
        )
    if "expected after" in text:
        return (
            f"a closing quotation mark is followed by something other than {separator!r} or the line's end; "
            "write a mark within text as two"
        )
    return f"{text}; correct this line"


def _tidy_copy(path: Path, separator: str) -> bytes:
    """Write the same rows again, without blank lines and with every quotation mark where it must be."""
    copy = io.StringIO(newline="")
    # With both characters in the line end, text that holds a lone carriage return is quoted too.
    writer = csv.writer(copy, delimiter=separator, lineterminator="\r\n")
    blank_lines = width = 0
    for fields in _records(path, separator):
        if not fields:
            blank_lines += 1
            continue
        if width == 1:  # a missing value, now that another row follows
            writer.writerows([[""]] * blank_lines)
        writer.writerow(fields)
        blank_lines, width = 0, len(fields)
    return copy.getvalue().encode()


def _csv_text(frame: pl.DataFrame, separator: str) -> str:
    # A lone missing value would be a blank line, which readers skip.
    return frame.write_csv(separator=separator, null_value='""' if frame.width == 1 else None)


# ---- columns --------------------------------------------------------------------------------------------------------


def _check_names(path: Path, names: Sequence[str]) -> None:
    if not names:
        raise TableError(f"{path} has no columns")
    empty = [position for position, name in enumerate(names, start=1) if not name.strip()]
    if empty:
        raise TableError(
            f"{path}: {_count(len(empty), 'column')} without a name, at position {_some(map(str, empty), 8)}; "
            "name each in the first line (pandas writes such a column for its index: to_csv(..., index=False))"
        )
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        listed = _some(
            (
                f"{name!r} (columns {', '.join(str(i) for i, other in enumerate(names, start=1) if other == name)})"
                for name in repeated
            ),
            COLUMNS_LISTED,
        )
        data = all(_NUMBER.fullmatch(name) for name in names)
        remedy = "the first line seems to be data: put a line of names above it" if data else "rename them"
        raise TableError(f"{path}: more than one column is named {listed}; {remedy}")


def _numbers_or_fault(series: nw.Series[Any]) -> NDArray[np.float64] | str:
    """Return the column's numbers, or what is wrong with it as the words to follow its name."""
    import narwhals.stable.v2 as nw

    rows = len(series)
    missing = series.is_null().to_numpy().astype(bool)  # [N]
    present = np.flatnonzero(~missing)  # the row of each value
    if rows and not len(present):
        return f" is empty: none of its {_count(rows, 'row')} has a value"
    also = f"; {_missing_values(missing)}" if missing.any() else ""
    kind = series.dtype
    values = series.drop_nulls()
    if kind in (nw.String, nw.Object, nw.Categorical, nw.Enum):
        objects = values.to_list()
        wrong = [position for position, value in enumerate(objects) if not _is_number(value)]
        if wrong:
            value = objects[wrong[0]]
            comma = _DECIMAL_COMMA.fullmatch(str(value))
            hint = f"; decimal comma: write {str(value).strip().replace(',', '.')}" if comma else ""
            return (
                f", row {present[wrong[0]] + 1}: {_shortened(value)} is not a number "
                f"({_part(len(wrong), len(objects), 'not')}){hint}{also}"
            )
        if kind != nw.Object or any(isinstance(value, str) for value in objects):
            return f" holds text ({kind}), though every value is a number; convert it to numbers"
        numbers = np.array([float(value) for value in objects])
    elif kind.is_numeric() or kind == nw.Boolean:
        if kind in (nw.Int128, nw.UInt128):  # NumPy has no such integers
            values = values.cast(nw.Float64)
        numbers = values.to_numpy().astype(np.float64)
    else:
        what = "dates or times" if kind.is_temporal() else "values of another kind"
        return f" holds {what} ({kind}), not numbers"
    wrong = np.flatnonzero(~np.isfinite(numbers)).tolist()
    if wrong:
        return (
            f", row {present[wrong[0]] + 1}: {numbers[wrong[0]]} is not a finite number "
            f"({_part(len(wrong), len(numbers), 'not')}){also}"
        )
    if missing.any():
        return f", {_missing_values(missing)}"
    return numbers


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    if isinstance(value, int | float | Decimal | np.integer | np.floating | np.bool_):
        try:
            float(value)
        except OverflowError:  # an integer beyond the largest float
            return False
        return True
    return False


def _missing_values(missing: NDArray[np.bool_]) -> str:
    return f"row {missing.argmax() + 1}: no value ({_part(missing.sum(), len(missing), 'missing')})"


# ---- words ----------------------------------------------------------------------------------------------------------


def _nearest(name: str, names: Sequence[str]) -> list[str]:
    """Choose up to three names that differ little from this one, case and outer spaces aside."""
    alike: dict[str, list[str]] = {}
    for candidate in names:
        alike.setdefault(candidate.strip().casefold(), []).append(candidate)
    found = difflib.get_close_matches(name.strip().casefold(), alike, n=3, cutoff=0.7)
    if found and found[0] == name.strip().casefold():
        found = found[:1]
    return [candidate for key in found for candidate in alike[key]][:3]


def _some(items: Iterable[str], limit: int) -> str:
    items = list(items)
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + more


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _part(number: int, total: int, predicate: str) -> str:
    return f"{number} of {_count(total, 'value')} {'is' if number == 1 else 'are'} {predicate}"


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:36]}...{text[-1]}"


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).strip().partition("\n")[0] or type(error).__name__
